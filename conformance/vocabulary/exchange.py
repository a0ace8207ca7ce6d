"""An exchange: one HTTP request and its answer, as sent and received."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

GATEWAY_ERRORS = frozenset({502, 503, 504})
"""What a gateway says of a service that it does not reach, or not now (RFC 9110 sections 15.6.3 to 15.6.5)."""
NOT_REACHED = "answered 502, 503 or 504"
TOO_LARGE = "answered 413"
ENDED_BY = "the server stopped answering after this request"
"""How the finding begins of a request that ends or hangs the service."""
HANGING = "though it accepts connections"
"""How it ends for a service that hangs."""
NO_LONGER_ANSWERS = "surface no longer answers"
"""What the reason says of checks that were not judged since their service was gone."""
UNANSWERED_FOR = "no answer in time, though the service answers other requests"
NOT_ENDED = "that has not ended"
"""The end of the error of a request that got the beginning of a response in time."""
CUT_OFF = "left without an answer by a connection that closed"
STILL_THERE = "served what had been deleted by then, which was accepted with 202 and awaited"
MET = dict.fromkeys(GATEWAY_ERRORS, NOT_REACHED) | {413: TOO_LARGE}
"""What an answer of each of these statuses is counted as."""
LOCKED_OUT = "refused the right secret of a client after wrong ones"
BETWEEN_GUESSES = "between-guesses"
"""The client, in the evidence, of good logins that no check asks for: they keep wrong ones from locking anybody."""
TOKEN_ENDED = "refused a token before the end of its stated lifetime, and accepted a new one"
SESSION_LOST = "answered 404 for an upload session that the registry had just told of"
"""What is counted for each check, so that a run can tell what many failures may come of."""
LONGEST_TOLD = 120
SESSION_KNOWN = "an upload session that is known when it was opened: of several servers, to all of them"
"""What a check needs that was told such a 404 before it began."""


class Headers:
    """Header fields in order, duplicates kept; names are compared without case (RFC 9110 section 5.1)."""

    __slots__ = ("fields",)

    def __init__(self, fields: Iterable[tuple[str, str]] = ()) -> None:
        self.fields: tuple[tuple[str, str], ...] = tuple(fields)

    def get(self, name: str) -> str | None:
        """The value of the field; several of one name are joined by ", " (RFC 9110 section 5.3)."""
        values = self.all(name)
        return ", ".join(values) if values else None

    def all(self, name: str) -> list[str]:
        """Every value of the field, in order."""
        wanted = name.lower()
        return [value for key, value in self.fields if key.lower() == wanted]

    def __contains__(self, name: str) -> bool:
        return bool(self.all(name))

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self.fields)

    def __repr__(self) -> str:
        return f"Headers({list(self.fields)!r})"


def no_constant(name: str) -> None:
    """Refuses NaN and Infinity, which Python's parser takes and RFC 8259 section 6 does not; a ValueError."""
    raise ValueError(f"{name} is no JSON")


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and its answer. ``started`` is seconds since the epoch; bodies are bytes as on the wire.

    ``id`` is where the record keeps it. What a check calls a reply is an exchange.
    """

    id: str
    method: str
    url: str
    request_headers: Headers
    request_body: bytes
    status: int
    headers: Headers
    body: bytes
    started: float
    duration_s: float
    head: bytes = b""
    """The request line and header section as sent over a raw connection; b"" for a request of an HTTP library."""

    @property
    def ok(self) -> bool:
        """Whether the status is 2xx."""
        return 200 <= self.status < 300

    @property
    def media_type(self) -> str:
        """The Content-Type without parameters, in lower case; "" without one."""
        return (self.headers.get("content-type") or "").split(";", 1)[0].strip().lower()

    @property
    def text(self) -> str:
        """The body as UTF-8, undecodable bytes replaced."""
        return self.body.decode("utf-8", "replace")

    def json(self) -> Any:
        """The body as JSON (RFC 8259); ValueError where it is not strict UTF-8 JSON, or nested beyond all reason."""
        try:
            return json.loads(self.body.decode("utf-8"), parse_constant=no_constant)
        except RecursionError:
            raise ValueError("nested too deeply") from None

    def members(self) -> dict[str, Any]:
        """The members of the JSON object that the body is; none where it is none."""
        try:
            document = self.json()
        except ValueError:
            return {}
        return document if isinstance(document, dict) else {}

    def member(self, name: str) -> Any:
        """A member of the JSON object that the body is; None where it is none, or has no such member."""
        return self.members().get(name)

    @property
    def why(self) -> str:
        """The code and the message of the first error that a registry tells of in its list of errors; "" without."""
        errors = self.member("errors") if self.status >= 400 else None
        first = errors[0] if isinstance(errors, list) and errors else None
        told = [first.get(name) for name in ("code", "message")] if isinstance(first, dict) else []
        return ": ".join(" ".join(each.split())[:LONGEST_TOLD] for each in told if isinstance(each, str) and each)

    def __str__(self) -> str:
        return f"{self.method} {self.url} answered {self.status}{f' ({self.why})' if self.why else ''}"
