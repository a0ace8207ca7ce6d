"""JSON and XML of a target, parsed within bounds that are checked before the parser allocates memory."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

DEEPEST = 200
"""Levels of nesting of JSON that are parsed; documents of the contract have fewer than ten."""
MOST_PARTS = 500_000
"""Values or tags that are parsed. A page of 1000 keys has about 20,000 tags."""
PART = re.compile(r'"(?:[^"\\]|\\.)*+"|[\[\]{}]')
Pairs = Callable[[list[tuple[str, Any]]], Any]


def no_constant(name: str) -> None:
    """Raise ValueError for NaN and Infinity: Python's parser accepts them, RFC 8259 section 6 does not."""
    raise ValueError(f"{name} is no JSON")


def parsed_json(body: bytes, pairs: Pairs | None = None) -> Any:
    """Parse strict UTF-8 JSON (RFC 8259); ValueError if it is none, or exceeds the bounds."""
    text = body.decode("utf-8")
    if text.count("[") + text.count("{") > DEEPEST:
        _check_depth(text)
    if text.count(",") + text.count("[") + text.count("{") > MOST_PARTS:
        raise ValueError(f"more than {MOST_PARTS} values")
    return json.loads(text, object_pairs_hook=pairs, parse_constant=no_constant)


def _check_depth(text: str) -> None:
    depth = 0
    for part in PART.finditer(text):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(part[0], 0)
        if depth > DEEPEST:
            raise ValueError(f"nested more than {DEEPEST} levels deep")


def parsed_xml(body: bytes) -> ElementTree.Element:
    """Parse XML; ValueError if it is none, declares a document type, or exceeds the bounds."""
    # In any encoding: UTF-16 and UTF-32 have zero bytes.
    plain = body.replace(b"\0", b"")
    if b"<!DOCTYPE" in plain:
        raise ValueError("a document type, which may declare entities")
    if plain.count(b"<") > MOST_PARTS:
        raise ValueError(f"more than {MOST_PARTS} tags")
    try:
        return ElementTree.fromstring(body)  # noqa: S314 (no DTD, so no entity can be declared)
    except (ElementTree.ParseError, LookupError) as mistake:
        # LookupError: an unknown encoding.
        raise ValueError(str(mistake)) from None
