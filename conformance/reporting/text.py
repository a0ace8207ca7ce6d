"""Sanitizing of text from a target: nothing in it is executed, hidden or reordered."""

from __future__ import annotations

import re

UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u115f\u1160\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ud800-\udfff"
    "\ufeff\uffa0\ufff9-\ufffb\ufffe\uffff\U000e0000-\U000e007f]"
)
XML_PREFIX = re.compile(r"<(/?)[\w.-]*:")
XML_BLANKS = re.compile(r"(</?\w*)\s+(/?>)")
LONGEST = 4000


def _picture(match: re.Match[str]) -> str:
    code = ord(match.group())
    if code < 0x20:
        return chr(0x2400 + code)
    return "\u2421" if code == 0x7F else f"\u27e8U+{code:04X}\u27e9"


def visible(text: str) -> str:
    """Return the text with control, bidirectional and invisible characters and lone surrogates made visible.

    Line feeds and tabs stay. The result is valid in UTF-8 and XML 1.0, and safe on a terminal.
    """
    return UNSEEN.sub(_picture, text)


def plain_xml(text: str) -> str:
    """Return XML text without namespace prefixes and blanks in tags; other text unchanged.

    A server may write both (Namespaces in XML 1.0 section 4, XML 1.0 section 3.1); they have no meaning.
    """
    if not text.lstrip("\ufeff").startswith("<"):
        return text
    return XML_BLANKS.sub(r"\1\2", XML_PREFIX.sub(r"<\1", text))


def on_one_line(text: str) -> str:
    """Return the visible text with whitespace and line ends as single spaces."""
    return " ".join(visible(text.replace("\r\n", "\n")).split())


def shortened(text: str, longest: int = LONGEST) -> str:
    """Truncate the text after ``longest`` characters, with the number of omitted ones."""
    if len(text) <= longest:
        return text
    return f"{text[:longest]}… ({len(text) - longest:,} more characters)"


def duration(seconds: float) -> str:
    """Return a duration in a suitable unit: ``8 ms``, ``1.4 s``, ``3 min 5 s``."""
    if seconds < 1:
        return f"{round(seconds * 1000)} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def size(octets: int) -> str:
    """Return a number of bytes in a suitable unit."""
    if octets < 1024:
        return f"{octets} bytes" if octets != 1 else "1 byte"
    return f"{octets / 1024:.1f} KiB" if octets < 1024 * 1024 else f"{octets / 1024 / 1024:.1f} MiB"


def sentence(text: str) -> str:
    """Return the text with a capital first letter, the others unchanged."""
    return text[:1].upper() + text[1:]
