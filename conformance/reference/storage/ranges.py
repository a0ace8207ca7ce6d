"""Range requests (RFC 9110 section 14) of one range; several ranges return the whole object."""

from __future__ import annotations

import re

_RANGE = re.compile(r"bytes=\s*([0-9]*)-([0-9]*)\s*", re.IGNORECASE)
_BEYOND = 10**18


def _position(digits: str) -> int:
    return int(digits) if len(digits) <= 18 else _BEYOND


def one_range(value: str) -> tuple[int | None, int | None] | None:
    """Return first and last position, (None, n) for the last n bytes; None unless it is one valid range."""
    found = _RANGE.fullmatch(value)
    if found is None or found[1] == found[2] == "":
        return None
    first = _position(found[1]) if found[1] else None
    last = _position(found[2]) if found[2] else None
    if first is not None and last is not None and last < first:
        return None
    return first, last


def span(first: int | None, last: int | None, size: int) -> tuple[int, int] | None:
    """Return start and end of the range in an object of that size; None if it is not satisfiable."""
    if first is None:
        suffix = min(last or 0, size)
        return (size - suffix, size) if suffix else None
    if first >= size:
        return None
    return first, size if last is None else min(last + 1, size)
