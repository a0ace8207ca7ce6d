"""Changes to a valid JSON object: to its structure and to its bytes.

At least a fifth of the drawn changes leave the document valid, and at least a fifth must be refused.
"""

from __future__ import annotations

import json
from typing import Any

from hypothesis.strategies import SearchStrategy

from conformance.strategies.changes import Change, Table, changes, each_kind, picked
from conformance.strategies.json_bodies import json_values
from conformance.vocabulary.mutation import Outcome

Document = dict[str, Any]
VALID, REFUSED, EITHER = Outcome.VALID, Outcome.REFUSED, Outcome.EITHER
DEPTH = 3000


def _bytes(value: Any) -> bytes:
    return json.dumps(value).encode()


def _reordered(document: Document, place: float, _: Any) -> bytes:
    names = list(document)
    at = max(1, int(place * len(names)))
    return _bytes({name: document[name] for name in reversed([*names[at:], *names[:at]])})


def _spaced(document: Document, place: float, _: Any) -> bytes:
    blank = picked(place, [" ", "\n", "\t", "\r\n", " \n\t "])
    text = json.dumps(document, separators=(f"{blank},{blank}", f"{blank}:{blank}"))
    return f"{blank}{text}{blank}".encode()


def _escaped(document: Document, place: float, _: Any) -> bytes:
    """Write each letter of one member's text as an escape (RFC 8259 section 7)."""
    name = picked(place, [each for each, value in document.items() if isinstance(value, str)])
    escaped = "".join(f"\\u{ord(each):04X}" for each in document[name] if ord(each) < 0x10000)
    return _raw(document, place, f'"{escaped}"', name)


def _cut(document: Document, place: float, _: Any) -> bytes:
    whole = _bytes(document)
    return whole[: 1 + int(place * (len(whole) - 1))]


def _set(document: Document, place: float, value: Any) -> Document:
    return {**document, picked(place, list(document)): value}


def _repeated(document: Document, place: float, value: Any) -> bytes:
    name = picked(place, list(document))
    return _bytes(document)[:-1] + f", {json.dumps(name)}: {json.dumps(value)}}}".encode()


def _raw(document: Document, place: float, raw: str, name: str | None = None) -> bytes:
    """Replace the value of a member, at the place or named, by raw text."""
    mark = "put-it-here"
    marked = {**document, name: mark} if name else _set(document, place, mark)
    return json.dumps(marked).replace(f'"{mark}"', raw).encode()


def _without_utf8(document: Document, place: float, _: Any) -> bytes:
    return _bytes(document)[:-1] + b', "\xff\xfe": "\xc3\x28"}'


JSON_CHANGES: Table[Document, bytes] = {
    "nothing changed": (VALID, lambda document, place, piece: _bytes(document)),
    "members in another order": (VALID, _reordered),
    "white space between the tokens": (VALID, _spaced),
    "letters written as escapes": (VALID, _escaped),
    "cut short": (REFUSED, _cut),
    "text after the end": (REFUSED, lambda document, place, piece: _bytes(document) + b' {"a": 1'),
    "an array around it": (REFUSED, lambda document, place, piece: _bytes([document])),
    "another kind of value in its place": (REFUSED, lambda document, place, piece: picked(place, [b'"text"', b"7"])),
    "single quotes": (REFUSED, lambda document, place, piece: _bytes(document).replace(b'"', b"'")),
    "a member of another value": (EITHER, lambda document, place, piece: _bytes(_set(document, place, piece))),
    "a member left out": (EITHER, lambda document, place, piece: _bytes({
        name: value for name, value in document.items() if name != picked(place, list(document))})),
    "a further member": (EITHER, lambda document, place, piece: _bytes({**document, "cf-further": piece})),
    "a member that names the owner": (EITHER, lambda document, place, piece: _bytes(
        {**document, picked(place, ["organization", "id", "owner", "created_at", "version", "__proto__"]): piece})),
    "members of reserved names": (EITHER, lambda document, place, piece: _bytes(
        {**document, **dict.fromkeys(["$where", "a.b", "__proto__", "constructor", "toString"], piece)})),
    "a member twice": (EITHER, _repeated),
    "NUL in a text": (EITHER, lambda document, place, piece: _bytes(_set(document, place, "a\0b"))),
    "half of a surrogate pair": (EITHER, lambda document, place, piece: _raw(document, place, '"\\ud800"')),
    "a number far out of range": (EITHER, lambda document, place, piece: _raw(
        document, place, picked(place, ["1e999", "-1", "9" * 400, "1e-400", "0.1"]))),
    "a number that is none": (EITHER, lambda document, place, piece: _raw(
        document, place, picked(place, ["NaN", "Infinity", "-Infinity", "0x10", "01"]))),
    "nested deeply": (EITHER, lambda document, place, piece: _raw(document, place, "[" * DEPTH + "]" * DEPTH)),
    "a very long text": (EITHER, lambda document, place, piece: _bytes(_set(document, place, "x" * 70_000))),
    "bytes that are no UTF-8": (EITHER, _without_utf8),
    "another encoding": (EITHER, lambda document, place, piece: json.dumps(document).encode(
        picked(place, ["utf-16", "utf-8-sig", "utf-32"]))),
}  # fmt: skip


EXTENSIONS = ("text after the end", "single quotes")
"""Changes that a parser may accept as extensions (RFC 8259 section 9), unless a feature says otherwise."""

JSON_KINDS = each_kind(JSON_CHANGES, {"a": [1]})


def json_changes() -> SearchStrategy[Change[Document, bytes]]:
    """Changes of a JSON object; the module states the shares of outcomes."""
    return changes(JSON_CHANGES, json_values())
