"""Request failures that httpx does not define, and the failures that evidence stores by name."""

from __future__ import annotations

import httpx

LONGEST_SHOWN = 300


class Excess(httpx.RemoteProtocolError):
    """Bytes follow the end of the response that its framing states."""


class Overrun(httpx.TransportError):
    """The response exceeds the limits; ``status`` and ``beginning`` are the part that was received."""

    def __init__(self, message: str, status: int = 0, beginning: bytes = b"") -> None:
        super().__init__(message)
        self.status, self.beginning = status, beginning


def overrun(size: int, seconds: float, limit_bytes: int, limit_s: float) -> str:
    """Return how a response of this size and duration exceeds the limits; "" if it does not."""
    if size > limit_bytes:
        return f"is larger than {limit_bytes} bytes"
    return f"does not end within {limit_s:g} s" if seconds > limit_s else ""


class BrokenOff(httpx.TransportError):
    """The suite stops within the request body on purpose: an iterator of the body raises this."""

    def __init__(self, message: str = "broken off by the suite in the middle of the body") -> None:
        super().__init__(message)


FAILURES: dict[str, type[httpx.TransportError]] = {kind.__name__: kind for kind in (Excess, Overrun, BrokenOff)}


def stored_failure(name: str, message: str) -> httpx.TransportError:
    """Return the failure with a stored type name; a TransportError if the name is unknown."""
    kind = FAILURES.get(name) or getattr(httpx, name, None)
    if isinstance(kind, type) and issubclass(kind, httpx.TransportError):
        return kind(message)
    return httpx.TransportError(message)


def shortened(text: str) -> str:
    """Return a text, cut if it is too long for a message."""
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"
