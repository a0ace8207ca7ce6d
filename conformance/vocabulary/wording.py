"""How a finding writes values: on one line and as JSON does, whatever language the suite is written in."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import fields, is_dataclass
from typing import Any

from conformance.vocabulary.exchange import Exchange

UNDECODED = re.compile("[\udc80-\udcff]")
"""A byte that is no UTF-8, as ``surrogateescape`` keeps it."""
NAMED = 5
"""Of a longer list so many are named."""


def worded(value: object) -> str:
    r"""A value as JSON writes it (RFC 8259): texts in quotation marks, lists in brackets, an absent value as ``none``.

    Bytes are the text that they are in UTF-8, those that are none as ``\xHH``. Sets are in order, and of a class with
    fields these are written. What JSON has no form for is in its own words.
    """
    if value is None:
        return "none"
    text = json.dumps(_plain(value), ensure_ascii=False, default=str)
    return UNDECODED.sub(lambda found: f"\\x{ord(found[0]) - 0xDC00:02x}", text)


def shortened(text: str) -> str:
    """Return a text as ``worded``, or both ends and the length of a long one."""
    return worded(text) if len(text) <= 100 else f"{worded(text[:50])}…{worded(text[-30:])} ({len(text)} characters)"


def field_of(reply: Exchange, name: str) -> str:
    """A header field of an answer as it was sent, or that it was not."""
    value = reply.headers.get(name)
    return f"no {name}" if value is None else f"{name}: {value}"


def some(values: Collection[str]) -> str:
    """Texts in order, the first of them where they are many, with how many are left out; ``none`` for none."""
    named = ", ".join(worded(each) for each in sorted(values)[:NAMED])
    return f"{named} and {len(values) - NAMED} more" if len(values) > NAMED else named or "none"


def differing(wanted: Collection[str], found: Sequence[str]) -> str:
    """How a list differs from what it would have, each once."""
    kinds = {
        "missing": set(wanted) - set(found),
        "not expected": set(found) - set(wanted),
        "more than once": {each for each in found if found.count(each) > 1},
    }
    return "; ".join(f"{kind}: {some(values)}" for kind, values in kinds.items() if values)


def plural(count: int, noun: str) -> str:
    """``1 check``, ``2 checks``."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def _plain(value: Any) -> Any:
    """A value of the kinds that JSON has."""
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
