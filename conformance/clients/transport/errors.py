"""Failures of a request that httpx has no name for, and failures by the name that the evidence stores."""

from __future__ import annotations

import httpx

LONGEST_TOLD = 300


class Excess(httpx.RemoteProtocolError):
    """More bytes came than the response's framing states."""


class Overrun(httpx.TransportError):
    """The response is larger or slower than the limits allow; ``status`` and ``beginning`` are what came of it."""

    def __init__(self, how: str, status: int = 0, beginning: bytes = b"") -> None:
        super().__init__(how)
        self.status, self.beginning = status, beginning


def overrun(size: int, seconds: float, most_bytes: int, most_s: float) -> str:
    """Return how a response of a size, read for some seconds, exceeds the limits; "" if it does not."""
    if size > most_bytes:
        return f"is larger than {most_bytes} bytes"
    return f"does not end within {most_s:g} s" if seconds > most_s else ""


class BrokenOff(httpx.TransportError):
    """The suite itself stops in the middle of the request body; an iterator of the body raises this."""

    def __init__(self, how: str = "broken off by the suite in the middle of the body") -> None:
        super().__init__(how)


OWN: dict[str, type[httpx.TransportError]] = {kind.__name__: kind for kind in (Excess, Overrun, BrokenOff)}


def stored_failure(name: str, message: str) -> httpx.TransportError:
    """Return the failure that evidence stores by its type's name; a plain TransportError for an unknown name."""
    kind = OWN.get(name) or getattr(httpx, name, None)
    if isinstance(kind, type) and issubclass(kind, httpx.TransportError):
        return kind(message)
    return httpx.TransportError(message)


def shortened(text: str) -> str:
    """The beginning of a text, where it is too long for a sentence."""
    return text if len(text) <= LONGEST_TOLD else f"{text[:LONGEST_TOLD]}…"
