"""The forms in which a secret travels, and the simple ways in which one is altered."""

from __future__ import annotations

import json
import re
from functools import partial
from urllib.parse import quote, quote_plus, unquote, unquote_plus

MOST_LESS = 64
SHORT = 6
NO_WORD = re.compile("[^A-Za-z0-9_.~-]")
CODED = ("\\u%04x", "\\u%04X")
HALVES = "surrogatepass"
"""How half a surrogate pair is encoded, which JSON can say, and so a token be."""


def in_small_letters(text: str) -> str:
    """A text in small letters, each in its place: a few change their number, and are none of a secret's."""
    return text.lower() if text.isascii() else "".join(each.lower()[:1] or each for each in text)


def way_of(secret: str, text: str) -> str:
    """In which simple way a text, which may be percent-encoded, was made of a secret; "" where it was in none."""
    for value in dict.fromkeys((text, unquote(text), unquote_plus(text))):
        less, way = len(secret) - len(value), ""
        if value == secret.swapcase():
            way = "case"
        elif 0 < less <= MOST_LESS and secret.startswith(value):
            way = f"cut-{less}"
        elif 0 < less <= MOST_LESS and secret.endswith(value):
            way = f"from-{less}"
        elif not less:
            place = next(
                (at for at, (one, two) in enumerate(zip(secret, value, strict=True)) if one != two), len(secret)
            )
            other = value[place : place + 1]
            if secret[place + 1 :] == value[place + 1 :] and other.isascii() and other.isalnum():
                way = f"at-{place + 1}-{ord(other):02x}"
        if way:
            return way if value == text else f"{way}-encoded"
    return ""


def as_encoded(value: str) -> set[str]:
    """A text as it stands in URLs and forms."""
    return {quote(value, safe="", errors=HALVES), quote_plus(value, errors=HALVES), quote(value, errors=HALVES)}


def as_written(value: str) -> set[str]:
    """A text as it is, and in JSON: there also with the escapes that only some servers write.

    In header fields, and in bodies that are no text, its UTF-8 is read as Latin-1.
    """
    escaped = json.dumps(value)[1:-1]
    coded = {NO_WORD.sub(partial(_coded, form), value) for form in CODED}
    octets = value.encode(errors=HALVES).decode("latin-1")
    return {value, octets, escaped, escaped.replace("/", "\\/")} | coded


def _coded(form: str, match: re.Match[str]) -> str:
    return form % ord(match[0])


def found_as(secret: str) -> str:
    """The expression that finds a secret; one that is short as a word of its own, for it is a part of many."""
    return re.escape(secret) if len(secret) >= SHORT else rf"(?<![A-Za-z0-9]){re.escape(secret)}(?![A-Za-z0-9])"
