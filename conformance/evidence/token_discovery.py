"""Tokens and client secrets in JSON responses, each decoded and as written there."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

# Atomic, since a group that is repeated for each character takes 150 bytes of memory for each.
ISSUED = re.compile(
    r'"(?:access_token|refresh_token|id_token|token)"\s*:\s*"'
    r'(?=(?:[^"\\]|\\.){8})(?P<value>(?:[^"\\]++|\\.)*+)"'
)
CREATED = re.compile(r'"client[_-]?secret"\s*:\s*"(?P<value>(?:[^"\\]|\\.){8,512})"', re.IGNORECASE)
LEAST_LETTERS = 5
"""A value with fewer different characters, such as asterisks, masks a secret."""
Shown = tuple[str, str]


def issued_in(text: str) -> Iterator[Shown]:
    """Return the tokens that a JSON response issues, in order."""
    return _found(ISSUED, text)


def issued_tokens(text: str) -> list[str]:
    """Return the decoded tokens that a JSON response issues, in order."""
    return [token for token, _ in issued_in(text)]


def created_in(body: bytes) -> Iterator[Shown]:
    """Yield the client secrets in a JSON response."""
    if b"ecret" in body.lower():
        shown = _found(CREATED, body.decode("utf-8", "replace"))
        yield from (each for each in shown if len(set(each[0])) >= LEAST_LETTERS)


def _found(pattern: re.Pattern[str], text: str) -> Iterator[Shown]:
    return ((_unescaped(match["value"]), match["value"]) for match in pattern.finditer(text))


def _unescaped(text: str) -> str:
    """Decode the content of a JSON string; return invalid content unchanged."""
    try:
        return str(json.loads(f'"{text}"', strict=False)) if "\\" in text else text
    except ValueError:
        return text
