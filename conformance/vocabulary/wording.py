"""How findings write values: on one line, as JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import fields, is_dataclass
from typing import Any

from conformance.vocabulary.exchange import Exchange

UNDECODED = re.compile("[\udc80-\udcff]")
"""A byte that is not UTF-8, as ``surrogateescape`` decodes it."""
NAMED = 5
"""The most items of a list that a finding names."""


def worded(value: object) -> str:
    r"""Return a value as JSON (RFC 8259), but an absent value as ``none``.

    Bytes are decoded as UTF-8, invalid ones as ``\xHH``. Sets are sorted; dataclasses are objects of their fields.
    """
    if value is None:
        return "none"
    text = json.dumps(_plain(value), ensure_ascii=False, default=str)
    return UNDECODED.sub(lambda found: f"\\x{ord(found[0]) - 0xDC00:02x}", text)


def shortened(text: str) -> str:
    """Return a text as ``worded`` does; of a long one, both ends and its length."""
    return worded(text) if len(text) <= 100 else f"{worded(text[:50])}…{worded(text[-30:])} ({len(text)} characters)"


def field_of(reply: Exchange, name: str) -> str:
    """Return a header field of a response as ``name: value``, or ``no name``."""
    value = reply.headers.get(name)
    return f"no {name}" if value is None else f"{name}: {value}"


def some(values: Collection[str]) -> str:
    """Return sorted texts, of many the first and the number of the rest; ``none`` for none."""
    named = ", ".join(worded(each) for each in sorted(values)[:NAMED])
    return f"{named} and {len(values) - NAMED} more" if len(values) > NAMED else named or "none"


def differing(expected: Collection[str], found: Sequence[str]) -> str:
    """Describe how a list differs from its expected items, each of which must occur once."""
    kinds = {
        "missing": set(expected) - set(found),
        "not expected": set(found) - set(expected),
        "more than once": {each for each in found if found.count(each) > 1},
    }
    return "; ".join(f"{kind}: {some(values)}" for kind, values in kinds.items() if values)


def plural(count: int, noun: str) -> str:
    """Return ``1 check``, ``2 checks``."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def _plain(value: Any) -> Any:
    """Convert a value to types that JSON has."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape")
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: _plain(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, AbstractSet):
        return sorted(map(_plain, value), key=str)
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value
