"""Why a request has no answer, by the names that other HTTP clients have for it."""

from __future__ import annotations

LONGEST_TOLD = 300


class TransportError(Exception):
    """A request without an answer: the class tells what failed."""


class UnsupportedProtocol(TransportError):
    """Neither http nor https."""


class ConnectError(TransportError):
    """No connection: nobody listens, no such host, no TLS."""


class ConnectTimeout(TransportError):
    """No connection in time."""


class WriteError(TransportError):
    """The connection broke while the request was sent."""


class WriteTimeout(TransportError):
    """The request was not taken in time."""


class ReadError(TransportError):
    """The connection broke before the answer's end."""


class ReadTimeout(TransportError):
    """No answer, or no whole one, in time."""


class RemoteProtocolError(TransportError):
    """What came is no HTTP, or ends too early."""


class Excess(RemoteProtocolError):
    """More came than the answer that was told."""


class BrokenOff(TransportError):
    """The caller itself went away in the middle of the body, which raises this."""

    def __init__(self, how: str = "broken off by the suite in the middle of the body") -> None:
        super().__init__(how)


class LocalProtocolError(TransportError):
    """The request is one that HTTP cannot carry."""


def shortened(text: str) -> str:
    """The beginning of a text, where it is too long for a sentence."""
    return text if len(text) <= LONGEST_TOLD else f"{text[:LONGEST_TOLD]}…"
