"""How a target behaved in the eyes of one check: what does not vary from run to run of its answers.

For each kind of request that a check makes: the statuses, header fields, error codes and media types of the answers.
Names of the run's own, identifiers and times are left out, and so are fields that say nothing of the service.
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

VOLATILE_FIELD = re.compile(
    r"age|connection|content-length|date|keep-alive|server-timing|set-cookie|transfer-encoding|via"
    r"|x-amz-id-2|.*(request|trace|correlation|transaction)-?id|.*-ray|.*ratelimit-.*|x-(cache|runtime|served-by|timer).*"
)
VOLATILE_PART = re.compile(
    r"cf-[0-9a-z]{11}-(?:w\d*|serial|last|preflight)-\d+x?|[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}|[0-9a-f]{16,}|\d{5,}"
    r"|[A-Za-z0-9_=-]{24,}"
)
PAGES = re.compile(r"""\brel\s*=\s*["']?[^"',;]*\b(?:next|prev|previous|first|last)\b""", re.IGNORECASE)
"""A Link to another page (RFC 8288) depends on the number of listed items, which other runs and clients decide."""
CODE = re.compile(rb"<Code>([A-Za-z0-9.]{1,80})</Code>")
LONGEST_CODE = 80


@dataclass(frozen=True)
class Answer:
    """What is compared of one answer, and the id of its exchange."""

    status: int
    fields: frozenset[str]
    code: str
    media_type: str
    exchange: str

    def equals(self, other: Answer) -> bool:
        """Whether it is the same answer, to another request perhaps."""
        return replace(self, exchange=other.exchange) == other


Behaviour = dict[str, list[Answer]]
"""The answers by the kind of request: client, method, path and names of the query."""


def behaviour(entries: Iterable[dict[str, Any]]) -> Behaviour:
    """The behaviour that the evidence of one check shows; nothing where its requests were made at the same time.

    Of those it is chance which is answered first. Nor of a kind of request that was left without an answer, as one is
    which the check breaks off: the answers to the others would be taken for those to it.
    """
    exchanges = [entry for entry in filter(is_whole, entries) if entry["kind"] == "exchange"]
    answered = [entry for entry in exchanges if entry["status"]]
    silent = {_request(entry) for entry in exchanges if not entry["status"]}
    found: Behaviour = defaultdict(list)
    if not _at_once(answered):
        for entry in answered:
            found[_request(entry)].append(_answer(entry))
    return {request: answers for request, answers in found.items() if request not in silent}


def differences(old: Behaviour, new: Behaviour) -> Iterator[tuple[str, str, str]]:
    """In which ways answers to the same kinds of request differ: the words, and an exchange of each side."""
    for request in sorted(old.keys() & new.keys()):
        before, after = _last_of_each(old[request], new[request])
        for words in _changes(before, after):
            yield f"{request}: {words}", before[-1].exchange, after[-1].exchange


def _last_of_each(old: list[Answer], new: list[Answer]) -> tuple[list[Answer], list[Answer]]:
    """Return as many answers of both: what several checks share (a set-up, a token) is requested by the first alone.

    Where each answer of the one side is among those of the other, in their order, the others are of what is shared. A
    server error is never taken for that. Where they differ, those at the end are compared.
    """
    count = min(len(old), len(new))
    fewer, more = (old, new) if len(old) <= len(new) else (new, old)
    if len(fewer) < len(more) and (among := _among(fewer, more)):
        return (fewer, among) if fewer is old else (among, fewer)
    return old[-count:], new[-count:]


def _among(fewer: list[Answer], more: list[Answer]) -> list[Answer]:
    """Return the answers of ``more`` that equal ``fewer`` in their order; none where one is missing or 5xx is left."""
    rest, found = iter(more), []
    for wanted in fewer:
        for each in rest:
            if each.equals(wanted):
                found.append(each)
                break
        else:
            return []
    left = [each for each in more if not any(each is one for one in found)]
    return [] if any(each.status >= 500 for each in left) else found


def _changes(before: list[Answer], after: list[Answer]) -> Iterator[str]:
    for name, what in (("status", "status"), ("code", "error code"), ("media_type", "media type")):
        was, now = ({str(getattr(each, name)) for each in answers} - {""} for answers in (before, after))
        if was != now:
            yield f"{what} {_listed(was)} → {_listed(now)}"
    for status in sorted({each.status for each in before} & {each.status for each in after}):
        was, now = (_fields(answers, status) for answers in (before, after))
        if was != now:
            changes = [
                *(f"without {name}" for name in sorted(was - now)),
                *(f"with {name}" for name in sorted(now - was)),
            ]
            yield f"the header fields of {status} are now {', '.join(changes)}"


def _fields(answers: list[Answer], status: int) -> set[str]:
    return {name for each in answers if each.status == status for name in each.fields}


def _listed(values: set[str]) -> str:
    return ", ".join(sorted(values)) or "none"


def _request(entry: dict[str, Any]) -> str:
    parts = urlsplit(entry["url"])
    names = sorted({name for name, _ in parse_qsl(parts.query, keep_blank_values=True)})
    query = f"?{'&'.join(names)}" if names else ""
    return f"{entry['method']} {VOLATILE_PART.sub('*', parts.path)}{query}"


def _answer(entry: dict[str, Any]) -> Answer:
    fields = {str(name).lower(): str(value) for name, value in entry["response_headers"]}
    media_type = fields.get("content-type", "").partition(";")[0].strip().lower()
    names = frozenset(name for name, value in fields.items() if not _is_volatile(name, value))
    return Answer(entry["status"], names, _code(entry), media_type, entry["id"])


def _is_volatile(name: str, value: str) -> bool:
    return bool(VOLATILE_FIELD.fullmatch(name)) or (name == "link" and bool(PAGES.search(value)))


def _code(entry: dict[str, Any]) -> str:
    """The code of an error answer: of OAuth (RFC 6749), the registry (OCI) or S3; "" where there is none."""
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


def _at_once(exchanges: list[dict[str, Any]]) -> bool:
    spans = sorted((each["started"], each["started"] + each["duration_s"]) for each in exchanges)
    return any(later[0] < earlier[1] for earlier, later in pairwise(spans))
