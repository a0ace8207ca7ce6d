"""An answer as bytes that may be anything, and how it goes on the wire."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from http import HTTPStatus

from conformance.reference.http import Answer, Request

Fields = list[tuple[bytes, bytes]]


class End(Enum):
    """How a connection ends before the answer does."""

    CLOSE = "close"
    RESET = "reset"
    HANG = "hang"


# Bytes to write, seconds to wait, or an end.
Step = bytes | float | End


@dataclass
class Reply:
    """What is about to be answered to a request. ``length`` is what Content-Length says; None: the body's own.

    ``closes``: the connection is not kept. ``chunked`` sends the body in chunks of a few bytes.
    """

    request: Request
    status: bytes
    reason: bytes
    fields: Fields
    body: bytes
    version: bytes = b"HTTP/1.1"
    framing: Fields | None = None
    chunked: bool = False
    closes: bool = False
    before: bytes = b""
    behind: bytes = b""

    @classmethod
    def of(cls, request: Request, answer: Answer) -> Reply:
        """The reply that says what the reference answered."""
        reason = {each.value: each.phrase for each in HTTPStatus}.get(answer.status, "Odd")
        fields = [(name, value) for name, value in answer.headers.raw if name.lower() != b"content-length"]
        reply = cls(request, b"%d" % answer.status, reason.encode(), fields, answer.body)
        if request.method == "HEAD":
            # It tells the length of what GET would give.
            reply.framing = [each for each in answer.headers.raw if each not in fields]
        return reply

    @property
    def own(self) -> str:
        """The surface's own address."""
        return f"http://{self.request.headers.get('host', 'localhost')}"

    def put(self, name: bytes, value: bytes) -> None:
        """Sets a field in the place of those that bear its name."""
        self.fields = [each for each in self.fields if each[0].lower() != name.lower()] + [(name, value)]

    @property
    def bodiless(self) -> bool:
        """Whether HTTP gives this answer no body."""
        return self.request.method == "HEAD" or self.status in (b"204", b"304")

    def head(self) -> bytes:
        """Status line, fields, empty line."""
        framing = self.framing
        if framing is None and self.chunked:
            framing = [(b"Transfer-Encoding", b"chunked")]
        elif framing is None:
            framing = [] if self.status in (b"204", b"304") else [(b"Content-Length", b"%d" % len(self.body))]
        closing = [(b"Connection", b"close")] if self.closes else []
        line = b" ".join([self.version, self.status, self.reason])
        fields = [name + b": " + value for name, value in (*self.fields, *framing, *closing)]
        return b"\r\n".join([line, *fields, b"", b""])

    def wire(self) -> bytes:
        """The whole reply."""
        body = b"" if self.bodiless else self.in_chunks() if self.chunked else self.body
        return self.before + self.head() + body + self.behind

    def in_chunks(self, size: int = 1000) -> bytes:
        """The body in chunked transfer coding."""
        parts = (self.body[start : start + size] for start in range(0, len(self.body), size))
        return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


# Changes a reply; may return the steps that send it in a form that ``Reply.wire`` does not have.
Change = Callable[[random.Random, Reply], Iterable[Step] | None]
# Changes when the steps of a reply are sent, or how the connection ends.
Sending = Callable[[random.Random, Iterable[Step]], Iterator[Step]]
CHANGES: dict[str, dict[str, Change]] = {"status": {}, "header": {}, "body": {}, "framing": {}}
SENDINGS: dict[str, dict[str, Sending]] = {"timing": {}, "connection": {}}


def change(axis: str) -> Callable[[Change], Change]:
    """Register a change under its name on an axis of the generator."""

    def registered(function: Change) -> Change:
        CHANGES[axis][function.__name__.replace("_", "-")] = function
        return function

    return registered


def sending(axis: str) -> Callable[[Sending], Sending]:
    """Register a way of sending under its name on an axis of the generator."""

    def registered(function: Sending) -> Sending:
        SENDINGS[axis][function.__name__.replace("_", "-")] = function
        return function

    return registered
