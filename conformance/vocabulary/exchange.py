"""An exchange: one HTTP request and its response, as sent and received."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from conformance.vocabulary.documents import parsed_json

GATEWAY_ERRORS = frozenset({502, 503, 504})
"""Statuses of a gateway that does not reach its service (RFC 9110 sections 15.6.3 to 15.6.5)."""
NOT_REACHED = "answered 502, 503 or 504"
TOO_LARGE = "answered 413"
ENDED_BY = "the server stopped answering after this request"
"""The start of the finding about a request that ends or hangs the service."""
HANGING = "though it accepts connections"
"""The end of this finding for a service that hangs."""
NO_LONGER_ANSWERS = "surface no longer answers"
"""Part of the reason why checks of a service that is gone were not judged."""
UNANSWERED_FOR = "no answer in time, though the service answers other requests"
NOT_ENDED = "that has not ended"
"""The end of the error about a response that began in time but did not end."""
CUT_OFF = "left without an answer by a connection that closed"
STILL_THERE = "served what had been deleted by then, which was accepted with 202 and awaited"
COUNTED_AS = dict.fromkeys(GATEWAY_ERRORS, NOT_REACHED) | {413: TOO_LARGE}
"""The name under which responses of each of these statuses are counted."""
LOCKED_OUT = "refused the right secret of a client after wrong ones"
BETWEEN_GUESSES = "between-guesses"
"""The client name, in the evidence, of valid logins that the suite adds so that wrong ones lock no account."""
TOKEN_ENDED = "refused a token before the end of its stated lifetime, and accepted a new one"
SESSION_LOST = "answered 404 for an upload session that the registry had just told of"
"""The texts from NOT_REACHED to here are counted for each check, to name the common cause of many failures."""
LONGEST_MESSAGE = 120
SESSION_KNOWN = "an upload session that is known when it was opened: of several servers, to all of them"
"""What a check needs whose upload session was lost before the check began."""


class Headers:
    """Header fields in order with duplicates; names are case-insensitive (RFC 9110 section 5.1)."""

    __slots__ = ("fields",)

    def __init__(self, fields: Iterable[tuple[str, str]] = ()) -> None:
        self.fields: tuple[tuple[str, str], ...] = tuple(fields)

    def get(self, name: str) -> str | None:
        """Return the field's value; several are joined by ", " (RFC 9110 section 5.3)."""
        values = self.all(name)
        return ", ".join(values) if values else None

    def all(self, name: str) -> list[str]:
        """Return every value of the field, in order."""
        return [value for key, value in self.fields if key.lower() == name.lower()]

    def __contains__(self, name: str) -> bool:
        return bool(self.all(name))

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self.fields)

    def __repr__(self) -> str:
        return f"Headers({list(self.fields)!r})"


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and its response. Bodies are bytes as on the wire; ``started`` is in seconds since the epoch.

    ``id`` identifies the exchange in the run record. Checks call an exchange a reply.
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
        """Parse the body as JSON (RFC 8259); ValueError if it is not strict UTF-8 JSON, or too deep or large."""
        return parsed_json(self.body)

    def members(self) -> dict[str, Any]:
        """Return the members of the JSON object in the body; an empty dict if the body is no JSON object."""
        try:
            document = self.json()
        except ValueError:
            return {}
        return document if isinstance(document, dict) else {}

    def member(self, name: str) -> Any:
        """Return one member of the JSON object in the body; None if there is none."""
        return self.members().get(name)

    @property
    def why(self) -> str:
        """The code and message of the first entry in a registry's list of errors; "" without one."""
        errors = self.member("errors") if self.status >= 400 else None
        first = errors[0] if isinstance(errors, list) and errors else None
        texts = [first.get(name) for name in ("code", "message")] if isinstance(first, dict) else []
        return ": ".join(" ".join(each.split())[:LONGEST_MESSAGE] for each in texts if isinstance(each, str) and each)

    def __str__(self) -> str:
        return f"{self.method} {self.url} answered {self.status}{f' ({self.why})' if self.why else ''}"
