"""Redaction of binary and compressed bodies and of hex dumps that programs print."""

from __future__ import annotations

import gzip
import re

from conformance.evidence.recorded_responses import KEPT_BODY
from conformance.evidence.redaction import Redactor
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.values import unzipped, unzipping

MOST_PLAIN = 1024 * 1024
"""The most decompressed bytes of a gzip body that are searched."""

DUMPED = r"^[ \t]*[0-9A-Fa-f]{4,8}:?[ \t]+((?:[0-9A-Fa-f]{2}[ \t]{0,3}){1,16})"
DUMPED_LINE, DUMP = re.compile(DUMPED, re.MULTILINE), re.compile(rf"(?:{DUMPED}(?:[ \t|].*)?$\n?)+", re.MULTILINE)
READABLE = {"", "identity", "gzip", "x-gzip"}
"""Content codings of bodies in which secrets can be found."""


def beginning(body: bytes) -> bytes:
    """Return the first bytes of a body, decompressed if it is gzip."""
    return unzipped(body, KEPT_BODY) or body[:KEPT_BODY]


def without_secrets(body: bytes, redactor: Redactor) -> bytes:
    """Return bytes without secrets; gzip data with secrets is decompressed, redacted and compressed again."""
    plain, ended, more = unzipping(body, MOST_PLAIN)
    if plain is not None:
        text = plain.decode("utf-8", "replace")
        redacted = redactor.body(text if ended else redactor.cut(text))
        # Data after it, such as another gzip member (RFC 1952 section 2.2), was not searched and is dropped.
        return body if redacted == text and not more else gzip.compress(redacted.encode(), mtime=0)
    if 4 * body.count(b"\0") >= len(body) and (text := body.replace(b"\0", b"").decode("latin-1")):
        # UTF-16 or UTF-32: with a secret only the characters are recorded.
        redacted = redactor.body(redactor.cut(text))
        return body if redacted == text else redacted.encode("latin-1")
    # Binary data is searched as Latin-1, which loses no byte.
    return redactor.text(redactor.cut(body.decode("latin-1"))).encode("latin-1")


def printed(text: str, redactor: Redactor) -> str:
    """Return a program's output without secrets, including those in hex dumps."""

    def dumped(match: re.Match[str]) -> str:
        octets = b"".join(bytes.fromhex(each) for each in DUMPED_LINE.findall(match[0]))
        plain = octets.decode("utf-8", "replace")
        redacted = redactor.body(plain)
        return match[0] if redacted == plain else f"<hex dump of {redacted}>\n"

    return redactor.text(DUMP.sub(dumped, text))


def is_unreadable(exchange: Exchange) -> bool:
    """Return whether secrets cannot be found in a body, since only a decoder that the suite lacks can read it."""
    codings = {each.strip() for each in (exchange.headers.get("content-encoding") or "").lower().split(",")}
    if codings <= READABLE:
        return False
    try:
        return not exchange.body.decode("utf-8").isprintable()
    except UnicodeDecodeError:
        return True
