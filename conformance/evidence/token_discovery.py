"""Tokens and client secrets that JSON answers show, each as it is and as it is written there."""

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
"""Asterisks and the like hide a secret: they are none."""
Shown = tuple[str, str]


def issued_in(text: str) -> Iterator[Shown]:
    """The tokens that a JSON answer issues, in its order."""
    return _found(ISSUED, text)


def issued_tokens(text: str) -> list[str]:
    """The same, as they are alone."""
    return [token for token, _ in issued_in(text)]


def created_in(said: bytes) -> Iterator[Shown]:
    """The client secrets that a JSON answer shows: of credentials that were made then, unless they are known."""
    if b"ecret" in said.lower():
        yield from (
            each for each in _found(CREATED, said.decode("utf-8", "replace")) if len(set(each[0])) >= LEAST_LETTERS
        )


def _found(pattern: re.Pattern[str], text: str) -> Iterator[Shown]:
    return ((_unescaped(match["value"]), match["value"]) for match in pattern.finditer(text))


def _unescaped(text: str) -> str:
    """What stands between the quotes of a JSON string; the text itself where it can be none."""
    try:
        return str(json.loads(f'"{text}"', strict=False)) if "\\" in text else text
    except ValueError:
        return text
