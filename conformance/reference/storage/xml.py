"""Writing of S3's XML, and a parser of request documents that refuses document types and entities."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from xml.parsers import expat

from conformance.reference.storage.faults import Fault

NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
LARGEST_DOCUMENT = 2 * 1024 * 1024
DEEPEST = 16
_INEXPRESSIBLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ESCAPES = {ord(character): f"&#{ord(character)};" for character in "\t\n\r"} | {
    ord("&"): "&amp;",
    ord("<"): "&lt;",
    ord(">"): "&gt;",
    ord('"'): "&quot;",
}


def expressible(text: str) -> bool:
    """Return whether XML 1.0 permits every character (section 2.2)."""
    return _INEXPRESSIBLE.search(text) is None


def escape(text: str) -> str:
    """Return character data that parses as ``text``, also its line ends; invalid characters become ``?``."""
    return _INEXPRESSIBLE.sub("?", text).translate(_ESCAPES)


def element(name: str, value: str | int) -> str:
    """Return an element with character data."""
    return f"<{name}>{escape(str(value))}</{name}>"


def group(name: str, *content: str) -> str:
    """Return an element with child elements."""
    return f"<{name}>{''.join(content)}</{name}>"


@dataclass
class Node:
    """An element of a request document; names are without namespace."""

    name: str
    text: str = ""
    children: list[Node] = field(default_factory=list)

    def all(self, name: str) -> list[Node]:
        return [child for child in self.children if child.name == name]

    def get(self, name: str) -> str | None:
        """Return the text of the only child of that name, None without one; Fault MalformedXML for several."""
        found = self.all(name)
        if len(found) > 1:
            raise Fault("MalformedXML")
        return found[0].text if found else None

    def require(self, name: str) -> str:
        """Return the text of the only child of that name; Fault MalformedXML without it."""
        value = self.get(name)
        if value is None:
            raise Fault("MalformedXML")
        return value


class _Builder:
    """Builds the tree from expat's events; refuses a document type, and thereby every entity."""

    def __init__(self) -> None:
        self.open: list[Node] = [Node("")]
        self.parser = expat.ParserCreate(namespace_separator=" ")
        self.parser.StartElementHandler = self.start
        self.parser.EndElementHandler = self.end
        self.parser.CharacterDataHandler = self.characters
        self.parser.StartDoctypeDeclHandler = self.document_type

    def document_type(self, *_declared: object) -> None:
        raise Fault("MalformedXML")

    def start(self, name: str, _attributes: dict[str, str]) -> None:
        namespace, _, local = name.rpartition(" ")
        if namespace not in ("", NAMESPACE) or len(self.open) > DEEPEST:
            raise Fault("MalformedXML")
        node = Node(local)
        self.open[-1].children.append(node)
        self.open.append(node)

    def end(self, _name: str) -> None:
        self.open.pop()

    def characters(self, text: str) -> None:
        self.open[-1].text += text


def parse(body: bytes, root: str) -> Node:
    """Return the root element, which must have that name; Fault MalformedXML or MaxMessageLengthExceeded."""
    if len(body) > LARGEST_DOCUMENT:
        raise Fault("MaxMessageLengthExceeded")
    builder = _Builder()
    try:
        builder.parser.Parse(body, True)
    except (expat.ExpatError, ValueError, LookupError):
        raise Fault("MalformedXML") from None
    found = builder.open[0].children[0]
    if found.name != root:
        raise Fault("MalformedXML")
    return found
