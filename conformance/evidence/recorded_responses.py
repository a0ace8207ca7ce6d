"""The tape: stored evidence as the other side of the wire, so that checks can be judged again without the target.

A request is answered by the first entry of its check that was the same request and has not answered one yet. What
was not recorded, or was recorded without what the check needs, is ``NotRecorded``: never a guess.
"""

from __future__ import annotations

import base64
import hashlib
import itertools
import re
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from conformance.evidence.redaction import ALL_ENCODED, ENCODED, Redactor
from conformance.vocabulary.exchange import BETWEEN_GUESSES, Exchange, Headers

# What differs each time a request is made and says nothing of what is asked.
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
    """The evidence does not hold what a check asks for: what that is."""


@dataclass(frozen=True)
class Stored:
    """A recorded answer: the exchange as the check saw it (status 0: none came), why there was none."""

    exchange: Exchange
    error: str | None
    error_type: str


class Tape:
    """The evidence of one worker, check by check. ``missing`` says what the check at hand did not find.

    ``stand_ins`` are the values that take the place of the target's own secrets, by name.
    """

    def __init__(
        self, entries: Iterable[dict[str, Any]], redactor: Redactor, stand_ins: Mapping[str, str] = NOTHING
    ) -> None:
        self.stand_ins = stand_ins
        self.missing = ""
        self.now = 0.0
        self._redactor = redactor
        self._whole: list[dict[str, Any]] = []
        self._left: list[dict[str, Any]] = []
        self._bodies: dict[str, bytes] = {}
        self._lock = threading.Lock()
        self._of_check: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for entry in (each for each in entries if is_whole(each) and each.get("client") != BETWEEN_GUESSES):
            self._of_check[entry.get("check", "")].append(entry)

    def begin(self, check_id: str) -> None:
        """Turns to the evidence of a check."""
        self.missing = ""
        self._whole = self._of_check.get(check_id, [])
        self._left = list(self._whole)
        self.now = next((entry["started"] for entry in self._left if "started" in entry), self.now)

    def miss(self, what: str) -> NotRecorded:
        """Remembers that something was not recorded; the caller raises it."""
        self.missing = self.missing or what
        return NotRecorded(what)

    def skip(self, ids: Iterable[str]) -> None:
        """Passes over what another check has asked for already, in which it stands as well."""
        known = set(ids)
        self._left = [entry for entry in self._left if entry["id"] not in known]

    @property
    def left(self) -> int:
        """How many entries of the check nobody has asked for."""
        return len(self._left)

    def has(self, method: str, path: str) -> bool:
        """Whether such a request is left: what evidence of an earlier suite lacks may be gone without."""
        return any(each.get("method") == method and each.get("url", "").endswith(path) for each in self._left)

    def at_once(self) -> bool:
        """Whether requests of the check were under way at the same time: their order is not in the evidence."""
        spans = sorted(
            (each["started"], each["started"] + each["duration_s"]) for each in self._whole if "started" in each
        )
        return any(later[0] < earlier[1] for earlier, later in itertools.pairwise(spans))

    def sleep(self, seconds: float) -> None:
        """Lets time pass, as the record knows time."""
        self.now += max(0.0, seconds)

    def answer(self, asked: dict[str, Any], sent: Exchange) -> tuple[dict[str, Any], Stored]:
        """The entry that answers a request, which is given as it would be recorded."""
        if asked["request_body"].get("sha256"):
            self._bodies[hashlib.sha256(sent.request_body).hexdigest()] = sent.request_body
        with self._lock:
            entry = self._taken(asked)
            self.now = max(self.now, entry["started"] + entry["duration_s"])
            return entry, self._stored(entry, sent)

    def transcript(self, same: Callable[[list[str]], bool], what: str) -> dict[str, Any]:
        """The entry of a program whose words are the same as those that it would be given."""
        with self._lock:
            for place, entry in enumerate(self._left):
                if entry["kind"] == "transcript" and same(entry["command"]):
                    if len(entry["output"]) >= KEPT_BODY:
                        raise self.miss(f"what {what} printed was not kept whole")
                    self.now += entry["duration_s"]
                    del self._left[place]
                    return {**entry, "output": REMOVED.sub(self._of_target, entry["output"])}
        raise self.miss(f"{what} with these words was not recorded")

    def _of_target(self, match: re.Match[str]) -> str:
        return self.stand_ins.get(match["name"], match[0])

    def _taken(self, asked: dict[str, Any]) -> dict[str, Any]:
        for same in (_exactly, _but_for_alterations, _but_for_secrets):
            wanted = same(asked)
            if same is _but_for_secrets and UNNAMED not in repr(asked):
                break
            for place, entry in enumerate(self._left):
                if entry["kind"] == "exchange" and entry["method"] == asked["method"] and same(entry) == wanted:
                    return self._left.pop(place)
        raise self.miss(f"{asked['method']} {asked['url']} was not recorded as the check sends it today")

    def _stored(self, entry: dict[str, Any], sent: Exchange) -> Stored:
        exchange = Exchange(
            entry["id"],
            sent.method,
            sent.url,
            sent.request_headers,
            sent.request_body,
            entry["status"],
            Headers((name, self._restored(value, entry)) for name, value in entry["response_headers"]),
            self._body(entry),
            entry["started"],
            entry["duration_s"],
        )
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
        """The text with a stand-in for each token that it issued, the same one for the same token."""
        numbers = iter(entry.get("issued", ()))
        return ISSUED.sub(lambda m: f'{m["before"]}{stand_in(f"token {next(numbers, 0)}")}"', text)

    def _restored(self, text: str, entry: dict[str, Any]) -> str:
        """The text with a stand-in for each secret that was removed from it, the same one for the same secret."""
        removed = entry.get("removed", ())
        return REMOVED.sub(lambda m: self._stand_in(m) if m["name"] in removed else m[0], text) if removed else text

    def _stand_in(self, match: re.Match[str]) -> str:
        if match["rest"]:
            raise self.miss(f"a part of ${match['name']} in an answer was not kept")
        # What stands for a secret is the same percent-encoded.
        name = match["name"].removesuffix(ENCODED).removesuffix(ALL_ENCODED)
        return self._redactor.value_of(name) or stand_in(name)


def is_whole(entry: dict[str, Any]) -> bool:
    """Whether an entry has all that an answer is made from, and says of which check; another's may have not."""
    return isinstance(entry.get("check"), str) and is_entry(entry)


def is_entry(entry: dict[str, Any]) -> bool:
    """Whether this is an exchange or a transcript as it is recorded."""
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


def stand_in(name: str) -> str:
    """A value in the place of a secret that is not there: as long and random-looking as one, and always the same."""
    return base64.urlsafe_b64encode(hashlib.sha256(name.encode()).digest()).decode().rstrip("=")


def _lasting(text: str) -> str:
    """What is the same each time a request is made; a stand-in for a secret has no form that is encoded."""
    return VOLATILE.sub("-", text).replace(ENCODED, "")


def _exactly(entry: dict[str, Any]) -> tuple[Any, ...]:
    fields = [(name.lower(), _lasting(value)) for name, value in entry["request_headers"]]
    body = entry["request_body"]
    content = body.get("sha256"), _lasting(body.get("text", "")), body.get("base64")
    return (
        # A request of S3's is known by what it carries, whoever signed it.
        entry["client"].partition("-")[0],
        _lasting(entry["url"]),
        [each for each in fields if each[0] not in UNCOMPARED],
        content,
    )


def _but_for_alterations(entry: dict[str, Any]) -> str:
    """The same, where a secret that was altered may have left other characters behind."""
    return REMOVED.sub(r"$\g<name>", repr(_exactly(entry)))


def _but_for_secrets(entry: dict[str, Any]) -> str:
    """The same whatever a secret is called: a token that has just been issued may have got a better name later."""
    return REMOVED.sub(UNNAMED, repr(_exactly(entry)))
