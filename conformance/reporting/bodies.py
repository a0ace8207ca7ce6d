"""Readable bodies: JSON and XML indented, binary as a dump, long ones truncated.

Indentation works on tokens, so that duplicate keys, number formats and malformed ends stay as sent.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from conformance.reporting.text import size

JSON_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"?|[{}\[\],:]|[^\s{}\[\],:"]+', re.DOTALL)
XML_TOKEN = re.compile(r"<[^>]*>?|[^<]+")
DUMPED = 512
DEEPEST = 40


@dataclass(frozen=True)
class Body:
    """A body as a report shows it; ``note`` states its size and what is left out."""

    text: str
    note: str


def shown(body: Mapping[str, Any], media_type: str, longest: int) -> Body:
    """Return at most ``longest`` characters of a recorded body, readable."""
    whole = int(body.get("size", 0))
    if "base64" in body:
        raw = _decoded(str(body["base64"]))
        included = min(len(raw), DUMPED, longest // 4)
        text = dump(raw[:included])
    else:
        source = str(body.get("text", ""))
        # Redaction changes lengths, so a complete body counts with its whole size.
        included = whole if len(source) <= longest and "sha256" not in body else min(len(source), longest)
        text = indented(source[:longest], media_type)
        # Deep nesting would add more indentation than text.
        text = text if len(text) <= 4 * longest else source[:longest]
    note = size(whole) if included >= whole else f"first {size(included)} of {size(whole)}"
    if "sha256" in body:
        note += f"; SHA-256 {body['sha256']}"
    return Body(text, note)


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text)
    except (binascii.Error, ValueError):
        return b""


def dump(raw: bytes) -> str:
    """Return bytes as hexadecimal and ASCII, sixteen a line."""
    lines = []
    for start in range(0, len(raw), 16):
        row = raw[start : start + 16]
        plain = "".join(chr(octet) if 0x20 <= octet < 0x7F else "." for octet in row)
        lines.append(f"{start:06x}  {row.hex(' '):<47}  {plain}")
    return "\n".join(lines)


def indented(text: str, media_type: str) -> str:
    """Return JSON and XML with line breaks and indents, anything else unchanged."""
    if "json" in media_type and text.lstrip()[:1] in ("{", "["):
        return _json(text)
    if "xml" in media_type and text.lstrip()[:1] == "<":
        return _xml(text)
    return text


def _json(text: str) -> str:
    out: list[str] = []
    depth = 0
    previous = ""
    for token in JSON_TOKEN.findall(text):
        closing = token in "}]"
        depth = max(0, depth - 1) if closing else depth
        if previous and (previous in "{[," or closing) and not (closing and previous in "{["):
            out.append("\n" + "  " * min(depth, DEEPEST))
        elif previous and previous not in "{[,:" and token not in ":,}]{[":
            out.append(" ")
        out.append(": " if token == ":" else token)
        depth += token in "{["
        previous = token
    return "".join(out)


def _xml(text: str) -> str:
    out: list[str] = []
    depth = 0
    previous = ""
    for token in XML_TOKEN.findall(text):
        if not token.strip():
            continue
        tag = token.startswith("<")
        closing = token.startswith("</")
        depth = max(0, depth - 1) if closing else depth
        if (
            previous.startswith("<")
            and tag
            and not (closing and not previous.startswith(("</", "<?", "<!")) and previous[-2:] != "/>")
        ):
            out.append("\n" + "  " * min(depth, DEEPEST))
        out.append(token)
        depth += tag and not closing and not token.startswith(("<?", "<!")) and not token.endswith("/>")
        previous = token
    return "".join(out)
