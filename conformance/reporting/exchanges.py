"""Exchanges and transcripts as the HTML report shows them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from conformance.evidence.curl import curl
from conformance.reporting.bodies import Body, shown
from conformance.reporting.text import duration, shortened

LONGEST_BODY = 4096
MOST_SHOWN = 40
"""So many last exchanges of a check are shown in full."""
LONGEST_URL = 2000


@dataclass(frozen=True)
class Message:
    """A request or a response: its header fields as lines, its body."""

    headers: str
    body: Body


@dataclass(frozen=True)
class Entry:
    """An exchange or a transcript: the request, its outcome, and, if shown in full, both messages.

    ``outcome`` is the status with the reason phrase, the exit code or the error.
    """

    kind: str
    id: str
    asked: str
    outcome: str
    tone: str
    took: str
    named: bool
    request: Message | None = None
    response: Message | None = None
    curl: str = ""


def entries(
    ids: Sequence[str], evidence: Mapping[str, dict[str, Any]], named: frozenset[str], secret_names: dict[str, str]
) -> Iterator[Entry]:
    """Yield the evidence in order; the last entries and those that findings name in full, others as one line."""
    for position, entry_id in enumerate(ids):
        line = evidence.get(entry_id)
        full = entry_id in named or position >= len(ids) - MOST_SHOWN
        if line is None:
            yield Entry("missing", entry_id, "not in the evidence of this run", "", "none", "", entry_id in named)
        elif line.get("kind") == "transcript":
            yield _transcript(line, entry_id in named, full)
        else:
            yield _exchange(line, entry_id in named, full, secret_names)


def _transcript(line: dict[str, Any], named: bool, full: bool) -> Entry:
    command = " ".join(str(word) for word in line.get("command", []))
    code = line.get("exit_code")
    output, errors = (shortened(str(line.get(name, "")), LONGEST_BODY) for name in ("output", "errors"))
    return Entry(
        "transcript",
        str(line.get("id", "")),
        shortened(command, LONGEST_URL),
        f"exit code {code}",
        "s2" if code == 0 else "s5",
        duration(float(line.get("duration_s", 0))),
        named,
        Message("", Body(output, "")) if full else None,
        Message("", Body(errors, "")) if full else None,
    )


def _exchange(line: dict[str, Any], named: bool, full: bool, secret_names: dict[str, str]) -> Entry:
    status = int(line.get("status", 0))
    return Entry(
        "exchange",
        str(line.get("id", "")),
        shortened(f"{line.get('method', '')} {line.get('url', '')}", LONGEST_URL),
        f"{status} {reason_phrase(status)}".strip()
        if status
        else shortened(str(line.get("error") or "no answer"), 300),
        f"s{status // 100}" if status else "none",
        duration(float(line.get("duration_s", 0))),
        named,
        _message(line, "request") if full else None,
        _message(line, "response") if full and status else None,
        curl(line, secret_names) if full else "",
    )


def reason_phrase(status: int) -> str:
    """Return the registered phrase of a status code; "" for an unregistered one."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


def _message(line: dict[str, Any], side: str) -> Message:
    fields = [(str(name), str(value)) for name, value in line.get(f"{side}_headers", [])]
    media_type = next((value for name, value in fields if name.lower() == "content-type"), "").lower()
    text = "\n".join(f"{name}: {value}".replace("\n", "\u240a") for name, value in fields)
    return Message(shortened(text, LONGEST_BODY * 2), shown(line.get(f"{side}_body") or {}, media_type, LONGEST_BODY))
