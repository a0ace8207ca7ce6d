"""What these defects share: how a handler that fails answers, and what is odd in a text."""

from __future__ import annotations

from conformance.reference.http import Answer


def failed() -> Answer:
    """The answer of a handler that did not expect this."""
    return Answer(500, b"Internal Server Error")


def beyond_the_bmp(text: str) -> bool:
    """Whether a character needs four bytes in UTF-8."""
    return any(ord(each) > 0xFFFF for each in text)
