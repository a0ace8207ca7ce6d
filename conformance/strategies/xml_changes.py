"""Changes to a valid S3 XML document: to its structure and to its bytes.

At least a fifth of the drawn changes leave the document valid, and at least a fifth must be refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from xml.sax.saxutils import unescape

from hypothesis.strategies import SearchStrategy

from conformance.strategies.changes import Change, Table, changes, each_kind, picked
from conformance.strategies.storage import byte_changes, corrupted
from conformance.vocabulary.mutation import Outcome

TEXT = re.compile(rb">([^<>]+)</")
DECLARATION = re.compile(rb"^<\?xml[^>]*\?>")
CLOSING = re.compile(rb"</[^>]+>")
ROOT = re.compile(rb"<([A-Za-z]+)")
BEFORE_AN_ELEMENT = re.compile(rb"<[^/?][^>]*>(?=<)")
ELEMENT = re.compile(rb"<([A-Za-z0-9]+)>[^<>]+</\1>")
DEPTH = 3000


def _in_text(change: Callable[[str, float], str]) -> Callable[[bytes, float, Any], bytes]:
    """Change the text of one element; ``change`` receives it unescaped and returns it escaped."""

    def changed(document: bytes, place: float, _: Any) -> bytes:
        found = picked(place, list(TEXT.finditer(document)))
        text = unescape(found[1].decode(), {"&quot;": '"', "&#13;": "\r"})
        return document[: found.start(1)] + change(text, place).encode() + document[found.end(1) :]

    return changed


def _between(piece: bytes) -> Callable[[bytes, float, Any], bytes]:
    """Insert a piece before an element."""

    def changed(document: bytes, place: float, _: Any) -> bytes:
        at = picked(place, [found.end() for found in BEFORE_AN_ELEMENT.finditer(document)])
        return document[:at] + piece + document[at:]

    return changed


def _as_references(text: str, place: float) -> str:
    return "".join(f"&#x{ord(each):x};" if place < 0.5 else f"&#{ord(each)};" for each in text)


def _cut(document: bytes, place: float, _: Any) -> bytes:
    return document[: int(place * len(document))]


def _unclosed(document: bytes, place: float, _: Any) -> bytes:
    found = picked(place, list(CLOSING.finditer(document)))
    return document[: found.start()] + document[found.end() :]


def _root(document: bytes) -> bytes:
    found = ROOT.search(DECLARATION.sub(b"", document))
    return found[1] if found else b"Root"


def _renamed(document: bytes, place: float, _: Any) -> bytes:
    root = _root(document)
    other = picked(place, [b"Other", root.lower(), root + b"s", b"html"])
    return document.replace(b"<" + root + b" ", b"<" + other + b" ").replace(b"</" + root, b"</" + other)


def _emptied(document: bytes, place: float, _: Any) -> bytes:
    return b"<%s></%s>" % (_root(document), _root(document))


def _repeated(document: bytes, place: float, _: Any) -> bytes:
    found = picked(place, list(ELEMENT.finditer(document)))
    return document[: found.end()] + found[0] + document[found.end() :]


def _in_other_unicode_encoding(document: bytes, place: float, _: Any) -> bytes:
    text = DECLARATION.sub(b"", document).decode()
    return text.encode(picked(place, ["utf-16", "utf-8-sig", "utf-32"]))


UNUSUAL_TEXTS = ["", "-1", "0", "99999999999999999999", "1e3", "true", "x" * 5000, "&#0;", "&#xD;"]
XML_CHANGES: Table[bytes, bytes] = {
    "nothing changed": (Outcome.VALID, lambda document, place, piece: document),
    "no declaration": (Outcome.VALID, lambda document, place, piece: DECLARATION.sub(b"", document)),
    "white space between elements": (Outcome.VALID, _between(b"\n\t ")),
    "a comment between elements": (Outcome.VALID, _between(b"<!-- <Key>not this</Key> -->")),
    "text as CDATA": (Outcome.VALID, _in_text(lambda text, place: f"<![CDATA[{text}]]>")),
    "text as character references": (Outcome.VALID, _in_text(_as_references)),
    "cut short": (Outcome.REFUSED, _cut),
    "an element not closed": (Outcome.REFUSED, _unclosed),
    "another root": (Outcome.REFUSED, _renamed),
    "nothing inside": (Outcome.REFUSED, _emptied),
    "an ampersand that begins nothing": (Outcome.REFUSED, _in_text(lambda text, place: "a & b")),
    "an entity that is not declared": (Outcome.REFUSED, _in_text(lambda text, place: "a&nosuch;b")),
    "bytes put into it": (Outcome.EITHER, lambda document, place, piece: corrupted(document, piece)),
    "bytes put into it twice": (
        Outcome.EITHER,
        lambda document, place, piece: corrupted(corrupted(document, piece), (piece[0], place, piece[2])),
    ),
    "text of another kind": (Outcome.EITHER, _in_text(lambda text, place: picked(place, UNUSUAL_TEXTS))),
    "an unknown element": (Outcome.EITHER, _between(b"<CfUnknown><a>1</a></CfUnknown>")),
    "an element twice": (Outcome.EITHER, _repeated),
    "nested deeply": (Outcome.EITHER, _between(b"<a>" * DEPTH + b"</a>" * DEPTH)),
    "another encoding": (Outcome.EITHER, _in_other_unicode_encoding),
    "a processing instruction": (Outcome.EITHER, _between(b"<?cf do?>")),
    "text after the end": (Outcome.EITHER, lambda document, place, piece: document + piece[2]),
}


XML_KINDS = each_kind(XML_CHANGES, ("insert", 0.5, b"<"))


def xml_changes() -> SearchStrategy[Change[bytes, bytes]]:
    """Changes of an XML document; the module states the shares of outcomes."""
    return changes(XML_CHANGES, byte_changes())
