"""The encodings of a secret in messages, and the simple alterations that checks make to it."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable
from functools import lru_cache, partial
from urllib.parse import quote, quote_plus, unquote, unquote_plus

from conformance.vocabulary.values import is_common

LONGEST_CUT = 64
FULL_WIDTH = 0xFEE0
"""From an ASCII character to its full-width form, which Unicode normalization (NFKC) reverses."""
NON_WORD = re.compile("[^A-Za-z0-9_.~-]")
UNICODE_ESCAPES = ("\\u%04x", "\\u%04X")
MARKS = ("\\", ";", "%")
"""Characters that mark an encoded form: escapes of JSON, XML and URLs."""
SURROGATES = "surrogatepass"
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
        if alteration := _alteration(secret, value):
            return alteration if value == text else f"{alteration}-encoded"
    return ""


def _alteration(secret: str, value: str) -> str:
    missing = len(secret) - len(value)
    if value == secret.swapcase():
        return "case"
    if 0 < missing <= LONGEST_CUT:
        return f"cut-{missing}" if secret.startswith(value) else f"from-{missing}" if secret.endswith(value) else ""
    changed = [place for place, (own, other) in enumerate(zip(secret, value, strict=False)) if own != other]
    if missing or len(changed) != 1 or not value[changed[0]].isalnum():
        return ""
    own, other = secret[changed[0]], value[changed[0]]
    if own.isascii() and ord(other) - ord(own) == FULL_WIDTH:
        return f"wide-{changed[0] + 1}"
    return f"at-{changed[0] + 1}-{ord(other):02x}" if other.isascii() else ""


@lru_cache(maxsize=256)
def url_forms(value: str) -> frozenset[str]:
    """Return the percent-encoded forms of a text in URLs and forms."""
    encoded = partial(quote, value, errors=SURROGATES)
    return frozenset((encoded(safe=""), quote_plus(value, errors=SURROGATES), encoded()))


def text_forms(value: str) -> set[str]:
    """Return a text as it is and as escaped in JSON and XML, including escapes that only some servers write.

    Header fields and binary bodies are read as Latin-1, so the Latin-1 reading of its UTF-8 is included.
    """
    escaped = json.dumps(value)[1:-1]
    coded = {NON_WORD.sub(partial(_coded, form), value) for form in UNICODE_ESCAPES}
    octets = value.encode(errors=SURROGATES).decode("latin-1")
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
