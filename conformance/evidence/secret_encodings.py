"""The encodings of a secret in messages, and the simple alterations that checks make to it."""

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
"""Characters that mark an encoded form: escapes of JSON, XML and URLs."""
HALVES = "surrogatepass"
"""The error handler that encodes a lone surrogate, which JSON and therefore a token may contain."""


class KnownForms(dict[str, str]):
    """The encoded forms of secrets, each with the secret's name.

    ``found_in`` is called for every text of a run. For speed, a form with a mark is only searched in texts with it.
    """

    def __init__(self) -> None:
        super().__init__()
        self._by_mark: dict[str, list[str]] = {mark: [] for mark in (*MARKS, "")}

    def __setitem__(self, form: str, name: str) -> None:
        if form not in self:
            # Appending to a list is safe while another thread searches.
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


def lower_in_place(text: str) -> str:
    """Return a text in lower case of the same length: some letters would become several."""
    return text.lower() if text.isascii() else "".join(each.lower()[:1] or each for each in text)


def alteration_of(secret: str, text: str) -> str:
    """Name the simple alteration that turns a secret into a text, perhaps percent-encoded; "" if there is none."""
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
    """Return the percent-encoded forms of a text in URLs and forms."""
    return frozenset(
        (quote(value, safe="", errors=HALVES), quote_plus(value, errors=HALVES), quote(value, errors=HALVES))
    )


def as_written(value: str) -> set[str]:
    """Return a text as it is and as escaped in JSON and XML, including escapes that only some servers write.

    Header fields and binary bodies are read as Latin-1, so the Latin-1 reading of its UTF-8 is included.
    """
    escaped = json.dumps(value)[1:-1]
    coded = {NO_WORD.sub(partial(_coded, form), value) for form in CODED}
    octets = value.encode(errors=HALVES).decode("latin-1")
    # A target that quotes a JSON body in its own message escapes it twice.
    twice = json.dumps(escaped)[1:-1]
    # Python's repr.
    literal = value.replace("\\", "\\\\").replace("'", "\\'")
    return {value, octets, escaped, twice, literal, escaped.replace("/", "\\/")} | coded | _in_xml(value)


def _in_xml(value: str) -> set[str]:
    """Return a text escaped for XML or HTML: quotation marks plain, or escaped as libraries do."""
    bare = html.escape(value, quote=False)
    marks = (("&quot;", "&apos;"), ("&quot;", "&#39;"), ("&quot;", "&#x27;"), ("&#34;", "&#39;"))
    return {bare, *(bare.replace('"', double).replace("'", single) for double, single in marks)}


def _coded(form: str, match: re.Match[str]) -> str:
    return form % ord(match[0])


def pattern_of(secret: str, expected: bool = False) -> str:
    """Return the pattern that finds a secret; a common word only as the value of a parameter, not in sentences.

    ``expected``: the text is one in which secrets are expected, so a common word is found wherever it is a whole word.
    """
    if not is_common(secret):
        return re.escape(secret)
    return rf"{'(?<![A-Za-z0-9])' if expected else '(?<==)'}{re.escape(secret)}(?![A-Za-z0-9])"
