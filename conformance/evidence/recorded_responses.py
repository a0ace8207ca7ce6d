"""Recorded responses: stored evidence answers requests, so that checks can be judged again without the target.

The response to a request is that of the first unused entry of the check with the same request. A missing or
incomplete entry raises ``NotRecorded``.
"""

from __future__ import annotations

import base64
import hashlib
import itertools
import re
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from conformance.evidence.redaction import ALL_ENCODED, ENCODED, Redactor
from conformance.vocabulary.exchange import BETWEEN_GUESSES, Exchange, Headers

# Parts that differ in each transmission of the same request.
VOLATILE = re.compile(
    r"(?<=/)\d{8}(?=/[^/ ]+/s3/aws4_request)|(?<=%2F)\d{8}(?=%2F[^% ]+%2Fs3%2Faws4_request)"
    r"|\d{8}T\d{6}Z|(?<=[Ss]ignature=)[0-9a-f]{64}|(?<=signature:)[0-9A-Za-z+/=]{44,64}"
)
REMOVED = re.compile(r"\$(?P<name>[A-Z][A-Z0-9_]*)(?P<rest>~altered[A-Za-z0-9_.~-]*)?")
KEPT_BODY, KEPT_REQUEST = 32 * 1024, 256 * 1024
EXCHANGE: dict[str, Any] = {
    "id": str, "client": str, "method": str, "url": str, "request_headers": list, "request_body": dict, "status": int,
    "response_headers": list, "response_body": dict, "started": float, "duration_s": float,
    "error": str | None,
}  # fmt: skip
BODY: dict[str, Any] = {"size": int, "text": str, "base64": str, "sha256": str, "pieces": list}
PIECE = {"base64": str, "times": int}
TRANSCRIPT: dict[str, Any] = {
    "id": str, "command": list, "exit_code": int, "output": str, "errors": str, "duration_s": float,
}  # fmt: skip
UNNAMED = "$ISSUED_TOKEN"
NOTHING: Mapping[str, str] = {}
ISSUED = re.compile(r'(?P<before>"(?:access_token|refresh_token|id_token|token)"\s*:\s*")\$[A-Z][A-Z0-9_]*"')
UNCOMPARED = frozenset({
    "host", "content-length", "date", "x-amz-date", "user-agent", "accept-encoding", "amz-sdk-invocation-id",
    "amz-sdk-request",
})  # fmt: skip


class NotRecorded(Exception):
    """The evidence does not contain what a check needs; the message names it."""


@dataclass(frozen=True)
class Stored:
    """A recorded response: the exchange as the check saw it; status 0 and ``error`` if none arrived."""

    exchange: Exchange
    error: str | None
    error_type: str


class RecordedResponses:
    """The evidence of one worker, check by check. ``missing`` names what the current check did not find.

    ``placeholders`` are the values used for the target's own secrets, by name.
    """

    def __init__(
        self, entries: Iterable[dict[str, Any]], redactor: Redactor, placeholders: Mapping[str, str] = NOTHING
    ) -> None:
        self.placeholders = placeholders
        self.missing = ""
        self.now = 0.0
        self._redactor = redactor
        self._of_current: list[dict[str, Any]] = []
        self._remaining: list[dict[str, Any]] = []
        self._bodies: dict[str, bytes] = {}
        self._lock = threading.Lock()
        self._of_check: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for entry in (each for each in entries if is_whole(each) and each.get("client") != BETWEEN_GUESSES):
            self._of_check[entry.get("check", "")].append(entry)

    def begin(self, check_id: str) -> None:
        """Switch to the evidence of a check."""
        self.missing = ""
        self._of_current = self._of_check.get(check_id, [])
        self._remaining = list(self._of_current)
        self.now = next((entry["started"] for entry in self._remaining if "started" in entry), self.now)

    def miss(self, what: str) -> NotRecorded:
        """Note that something was not recorded; return the exception for the caller to raise."""
        self.missing = self.missing or what
        return NotRecorded(what)

    def skip(self, ids: Iterable[str]) -> None:
        """Drop shared entries that answered another check already."""
        known = set(ids)
        self._remaining = [entry for entry in self._remaining if entry["id"] not in known]

    @property
    def remaining(self) -> int:
        """The number of unused entries of the check."""
        return len(self._remaining)

    def has(self, method: str, path: str) -> bool:
        """Return whether such a request remains; evidence of an earlier suite version may lack optional ones."""
        return any(each.get("method") == method and each.get("url", "").endswith(path) for each in self._remaining)

    def is_concurrent(self) -> bool:
        """Return whether requests of the check overlapped in time: the evidence has no order of them."""
        spans = sorted(
            (each["started"], each["started"] + each["duration_s"]) for each in self._of_current if "started" in each
        )
        return any(later[0] < earlier[1] for earlier, later in itertools.pairwise(spans))

    def sleep(self, seconds: float) -> None:
        """Advance the recorded time."""
        self.now += max(0.0, seconds)

    def answer(self, request: dict[str, Any], sent: Exchange) -> tuple[dict[str, Any], Stored]:
        """Return the entry for ``request``, the recorded form of ``sent``, and the response to it."""
        if request["request_body"].get("sha256"):
            self._bodies[hashlib.sha256(sent.request_body).hexdigest()] = sent.request_body
        with self._lock:
            entry = self._take(request)
            self.now = max(self.now, entry["started"] + entry["duration_s"])
            return entry, self._stored(entry, sent)

    def transcript(self, same: Callable[[list[str]], bool], what: str) -> dict[str, Any]:
        """Return the transcript of the first program run whose command ``same`` accepts."""
        with self._lock:
            for index, entry in enumerate(self._remaining):
                if entry["kind"] == "transcript" and same(entry["command"]):
                    if len(entry["output"]) >= KEPT_BODY:
                        raise self.miss(f"what {what} printed was not kept whole")
                    self.now += entry["duration_s"]
                    del self._remaining[index]
                    return {**entry, "output": REMOVED.sub(self._of_target, entry["output"])}
        raise self.miss(f"{what} with these words was not recorded")

    def _of_target(self, match: re.Match[str]) -> str:
        return self.placeholders.get(match["name"], match[0])

    def _take(self, request: dict[str, Any]) -> dict[str, Any]:
        for key in (_comparable, _without_alterations, _without_secret_names):
            expected = key(request)
            if key is _without_secret_names and UNNAMED not in repr(request):
                break
            for index, entry in enumerate(self._remaining):
                if entry["kind"] == "exchange" and entry["method"] == request["method"] and key(entry) == expected:
                    return self._remaining.pop(index)
        raise self.miss(f"{request['method']} {request['url']} was not recorded as the check sends it today")

    def _stored(self, entry: dict[str, Any], sent: Exchange) -> Stored:
        headers = Headers((name, self._restored(value, entry)) for name, value in entry["response_headers"])
        same = {name: entry[name] for name in ("id", "status", "started", "duration_s")}
        exchange = replace(sent, headers=headers, body=self._body(entry), **same)
        return Stored(exchange, entry["error"], entry.get("error_type") or "")

    def _body(self, entry: dict[str, Any]) -> bytes:
        body = entry["response_body"]
        if "sha256" in body:
            if body["sha256"] not in self._bodies:
                raise self.miss(f"the answer's body of {body['size']} bytes was not kept whole")
            return self._bodies[body["sha256"]]
        if "text" in body:
            return self._restored(self._issued(str(body["text"]), entry), entry).encode()
        return base64.b64decode(body.get("base64", ""))

    def _issued(self, text: str, entry: dict[str, Any]) -> str:
        """Return the text with a placeholder for each issued token, the same one for the same token."""
        numbers = iter(entry.get("issued", ()))
        return ISSUED.sub(lambda m: f'{m["before"]}{placeholder(f"token {next(numbers, 0)}")}"', text)

    def _restored(self, text: str, entry: dict[str, Any]) -> str:
        """Return the text with a placeholder for each removed secret, the same one for the same secret."""
        removed = entry.get("removed", ())
        return REMOVED.sub(lambda m: self._placeholder(m) if m["name"] in removed else m[0], text) if removed else text

    def _placeholder(self, match: re.Match[str]) -> str:
        if match["rest"]:
            raise self.miss(f"a part of ${match['name']} in an answer was not kept")
        # A placeholder has no characters that are percent-encoded.
        name = match["name"].removesuffix(ENCODED).removesuffix(ALL_ENCODED)
        return self._redactor.value_of(name) or placeholder(name)


def is_whole(entry: dict[str, Any]) -> bool:
    """Return whether an entry is complete and names its check; evidence of other versions may not."""
    return isinstance(entry.get("check"), str) and is_entry(entry)


def is_entry(entry: dict[str, Any]) -> bool:
    """Return whether this is a well-formed exchange or transcript."""
    kinds = EXCHANGE if entry.get("kind") == "exchange" else TRANSCRIPT
    if not all(isinstance(entry.get(name), kind) for name, kind in kinds.items()):
        return False
    fields = (*entry.get("request_headers", ()), *entry.get("response_headers", ()))
    bodies = [entry[name] for name in ("request_body", "response_body") if name in kinds]
    return all(map(_is_field, fields)) and all(map(_is_body, bodies))


def _is_field(field: Any) -> bool:
    return isinstance(field, list) and len(field) == 2 and all(isinstance(each, str) for each in field)


def _is_body(body: dict[str, Any]) -> bool:
    pieces = body.get("pieces", [])
    if not all(isinstance(body[name], kind) for name, kind in BODY.items() if name in body):
        return False
    return all(isinstance(each, dict) and {n: type(each.get(n)) for n in PIECE} == PIECE for each in pieces)


def placeholder(name: str) -> str:
    """Return a value instead of an absent secret: of similar length and entropy, and always the same for a name."""
    return base64.urlsafe_b64encode(hashlib.sha256(name.encode()).digest()).decode().rstrip("=")


def _stable(text: str) -> str:
    """Return the parts that are equal in each transmission; placeholders have no percent-encoded form."""
    return VOLATILE.sub("-", text).replace(ENCODED, "")


def _comparable(entry: dict[str, Any]) -> tuple[Any, ...]:
    fields = [(name.lower(), _stable(value)) for name, value in entry["request_headers"]]
    body = entry["request_body"]
    content = body.get("sha256"), _stable(body.get("text", "")), body.get("base64")
    return (
        # An S3 request is identified by its content, whatever its signer.
        entry["client"].partition("-")[0],
        _stable(entry["url"]),
        [each for each in fields if each[0] not in UNCOMPARED],
        content,
    )


def _without_alterations(entry: dict[str, Any]) -> str:
    """Return the comparable parts, with altered secrets reduced to their names."""
    return REMOVED.sub(r"$\g<name>", repr(_comparable(entry)))


def _without_secret_names(entry: dict[str, Any]) -> str:
    """Return the comparable parts without names of secrets: a new token may get a better name later."""
    return REMOVED.sub(UNNAMED, repr(_comparable(entry)))
