"""The behaviour of a target in one check: the parts of its responses that do not vary between runs.

For each kind of request: the statuses, header fields, error codes and media types of the responses. Names of the run,
identifiers, times and fields that say nothing about the service are left out.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from conformance.evidence.recorded_responses import is_whole
from conformance.vocabulary.operation import VOLATILE_PART

VOLATILE_FIELD = re.compile(
    r"age|connection|content-length|date|keep-alive|server-timing|set-cookie|transfer-encoding|via"
    r"|x-amz-id-2|.*(request|trace|correlation|transaction)-?id|.*-ray|.*ratelimit-.*|x-(cache|runtime|served-by|timer).*"
)
PAGES = re.compile(r"""\brel\s*=\s*["']?[^"',;]*\b(?:next|prev|previous|first|last)\b""", re.IGNORECASE)
"""A Link to another page (RFC 8288) depends on the number of listed items, which other runs and clients decide."""
CODE = re.compile(rb"<Code>([A-Za-z0-9.]{1,80})</Code>")
LONGEST_CODE = 80


@dataclass(frozen=True)
class Response:
    """The compared parts of one response, and the id of its exchange."""

    status: int
    fields: frozenset[str]
    code: str
    media_type: str
    exchange: str

    def equals(self, other: Response) -> bool:
        """Return whether two responses are equal, except for their exchange."""
        return replace(self, exchange=other.exchange) == other


Behaviour = dict[str, list[Response]]
"""The responses by the kind of request: method, path and names of the query."""


def behaviour(entries: Iterable[dict[str, Any]]) -> Behaviour:
    """Return the behaviour in the evidence of one check; nothing if it sent concurrent requests, whose order varies.

    Kinds of requests of which one has no response are left out: the responses could not be matched between runs.
    """
    exchanges = [entry for entry in filter(is_whole, entries) if entry["kind"] == "exchange"]
    answered = [entry for entry in exchanges if entry["status"]]
    silent = {_request(entry) for entry in exchanges if not entry["status"]}
    found: Behaviour = defaultdict(list)
    if not _overlap(answered):
        for entry in answered:
            found[_request(entry)].append(_response(entry))
    return {request: responses for request, responses in found.items() if request not in silent}


def differences(old: Behaviour, new: Behaviour) -> Iterator[tuple[str, str, str]]:
    """Yield how responses to the same kind of request differ: a description, and an exchange of each run."""
    for request in sorted(old.keys() & new.keys()):
        before, after = _comparable(old[request], new[request])
        for change in _changes(before, after):
            yield f"{request}: {change}", before[-1].exchange, after[-1].exchange


def _comparable(old: list[Response], new: list[Response]) -> tuple[list[Response], list[Response]]:
    """Return equally many responses of both: only the first check requests what checks share (a set-up, a token).

    If one side's responses are among the other's, in order, the rest is taken for shared requests, unless it has a
    server error. Otherwise the last responses are compared.
    """
    count = min(len(old), len(new))
    fewer, more = (old, new) if len(old) <= len(new) else (new, old)
    if len(fewer) < len(more) and (among := _among(fewer, more)):
        return (fewer, among) if fewer is old else (among, fewer)
    return old[-count:], new[-count:]


def _among(fewer: list[Response], more: list[Response]) -> list[Response]:
    """Return the responses of ``more`` that equal ``fewer``, in order; none if one is missing or a 5xx remains."""
    rest, found = iter(more), []
    for expected in fewer:
        for each in rest:
            if each.equals(expected):
                found.append(each)
                break
        else:
            return []
    others = [each for each in more if not any(each is match for match in found)]
    return [] if any(each.status >= 500 for each in others) else found


def _changes(before: list[Response], after: list[Response]) -> Iterator[str]:
    for name, label in (("status", "status"), ("code", "error code"), ("media_type", "media type")):
        was, now = ({str(getattr(each, name)) for each in responses} - {""} for responses in (before, after))
        if was != now:
            yield f"{label} {_listed(was)} → {_listed(now)}"
    for status in sorted({each.status for each in before} & {each.status for each in after}):
        was, now = (_fields(responses, status) for responses in (before, after))
        if was != now:
            changes = [
                *(f"without {name}" for name in sorted(was - now)),
                *(f"with {name}" for name in sorted(now - was)),
            ]
            yield f"the header fields of {status} are now {', '.join(changes)}"


def _fields(responses: list[Response], status: int) -> set[str]:
    return {name for each in responses if each.status == status for name in each.fields}


def _listed(values: set[str]) -> str:
    return ", ".join(sorted(values)) or "none"


def _request(entry: dict[str, Any]) -> str:
    parts = urlsplit(entry["url"])
    names = sorted({name for name, _ in parse_qsl(parts.query, keep_blank_values=True)})
    query = f"?{'&'.join(names)}" if names else ""
    return f"{entry['method']} {VOLATILE_PART.sub('*', parts.path)}{query}"


def _response(entry: dict[str, Any]) -> Response:
    fields = {str(name).lower(): str(value) for name, value in entry["response_headers"]}
    media_type = fields.get("content-type", "").partition(";")[0].strip().lower()
    names = frozenset(name for name, value in fields.items() if not _is_volatile(name, value))
    return Response(entry["status"], names, _code(entry), media_type, entry["id"])


def _is_volatile(name: str, value: str) -> bool:
    return bool(VOLATILE_FIELD.fullmatch(name)) or (name == "link" and bool(PAGES.search(value)))


def _code(entry: dict[str, Any]) -> str:
    """Return the error code of a response (OAuth, OCI or S3), or ""."""
    text = str(entry["response_body"].get("text", ""))
    if entry["status"] < 400 or not text:
        return ""
    found = CODE.search(text.encode())
    if found:
        return found[1].decode()
    try:
        document = json.loads(text)
        code = document.get("error") or document["errors"][0]["code"]
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return ""
    return str(code.get("code", "") if isinstance(code, dict) else code)[:LONGEST_CODE]


def _overlap(exchanges: list[dict[str, Any]]) -> bool:
    spans = sorted((each["started"], each["started"] + each["duration_s"]) for each in exchanges)
    return any(later[0] < earlier[1] for earlier, later in pairwise(spans))
