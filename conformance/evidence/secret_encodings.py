"""The forms in which a secret travels, and the simple ways in which one is altered."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable
from functools import lru_cache, partial
from urllib.parse import quote, quote_plus, unquote, unquote_plus

from conformance.vocabulary.values import is_common

MOST_LESS = 64
FULL_WIDTH = 0xFEE0
"""From an ASCII character to its full-width form, which Unicode normalization (NFKC) reverses."""
NO_WORD = re.compile("[^A-Za-z0-9_.~-]")
CODED = ("\\u%04x", "\\u%04X")
MARKS = ("\\", ";", "%")
"""Marks of a form: of escapes in JSON, in XML, and in URLs."""
HALVES = "surrogatepass"
"""How half a surrogate pair is encoded, which JSON can say, and so a token be."""


class KnownForms(dict[str, str]):
    """The forms of secrets, each with its name.

    ``found_in`` is called for every text of a run. Most forms have a character that few texts have, so that such forms
    are looked for only in the texts with it.
    """

    def __init__(self) -> None:
        super().__init__()
        self._by_mark: dict[str, list[str]] = {mark: [] for mark in (*MARKS, "")}

    def __setitem__(self, form: str, name: str) -> None:
        if form not in self:
            # A list, since another thread may look for forms at the same moment.
            self._by_mark[next((mark for mark in MARKS if mark in form), "")].append(form)
        super().__setitem__(form, name)

    def add(self, forms: Iterable[str], name: str) -> None:
        """Remember forms of the secret with a name."""
        for form in forms:
            self[form] = name

    def found_in(self, text: str) -> list[str]:
        """Return the forms that are in a text, the longest first."""
        found = [each for mark, forms in self._by_mark.items() if mark in text for each in forms if each in text]
        return sorted(found, key=len, reverse=True)


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
            if secret[place + 1 :] == value[place + 1 :] and other.isalnum():
                own = secret[place : place + 1]
                way = f"at-{place + 1}-{ord(other):02x}" if other.isascii() else ""
                way = f"wide-{place + 1}" if own.isascii() and ord(other) - ord(own) == FULL_WIDTH else way
        if way:
            return way if value == text else f"{way}-encoded"
    return ""


@lru_cache(maxsize=256)
def as_encoded(value: str) -> frozenset[str]:
    """A text as it stands in URLs and forms."""
    return frozenset(
        (quote(value, safe="", errors=HALVES), quote_plus(value, errors=HALVES), quote(value, errors=HALVES))
    )


def as_written(value: str) -> set[str]:
    """A text as it is, and in JSON and XML: there also with the escapes that only some servers write.

    In header fields, and in bodies that are no text, its UTF-8 is read as Latin-1.
    """
    escaped = json.dumps(value)[1:-1]
    coded = {NO_WORD.sub(partial(_coded, form), value) for form in CODED}
    octets = value.encode(errors=HALVES).decode("latin-1")
    # A target that repeats a JSON body in a message of its own escapes what is escaped already.
    twice = json.dumps(escaped)[1:-1]
    # So a program of Python prints bytes and texts.
    literal = value.replace("\\", "\\\\").replace("'", "\\'")
    return {value, octets, escaped, twice, literal, escaped.replace("/", "\\/")} | coded | _in_xml(value)


def _in_xml(value: str) -> set[str]:
    """A text in XML or HTML: with bare quotation marks, or with those escaped as libraries do."""
    bare = html.escape(value, quote=False)
    marks = (("&quot;", "&apos;"), ("&quot;", "&#39;"), ("&quot;", "&#x27;"), ("&#34;", "&#39;"))
    return {bare, *(bare.replace('"', double).replace("'", single) for double, single in marks)}


def _coded(form: str, match: re.Match[str]) -> str:
    return form % ord(match[0])


def found_as(secret: str, expected: bool = False) -> str:
    """The expression that finds a secret; a common word only as the value of a parameter, not in sentences.

    ``expected``: where secrets are expected, a common word is found wherever it is a word of its own.
    """
    if not is_common(secret):
        return re.escape(secret)
    return rf"{'(?<![A-Za-z0-9])' if expected else '(?<==)'}{re.escape(secret)}(?![A-Za-z0-9])"
