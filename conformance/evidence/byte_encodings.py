"""Bodies that are no text, or compressed text, and hex dumps that programs print: all are searched for secrets."""

from __future__ import annotations

import gzip
import re

from conformance.evidence.recorded_responses import KEPT_BODY
from conformance.evidence.redaction import Redactor
from conformance.vocabulary.values import unzipped, unzipping

MOST_PLAIN = 1024 * 1024
"""Bytes of what gzip has made a body of that are searched."""

DUMPED = r"^[ \t]*[0-9A-Fa-f]{4,8}:?[ \t]+((?:[0-9A-Fa-f]{2}[ \t]{0,3}){1,16})"
DUMPED_LINE, DUMP = re.compile(DUMPED, re.MULTILINE), re.compile(rf"(?:{DUMPED}(?:[ \t|].*)?$\n?)+", re.MULTILINE)


def beginning(body: bytes) -> bytes:
    """The first bytes of a body, of what gzip has made those that it was made of."""
    return unzipped(body, KEPT_BODY) or body[:KEPT_BODY]


def without_secrets(body: bytes, redactor: Redactor) -> bytes:
    """Bytes in which no secret is left; what gzip has made of text with one is made anew of that text."""
    plain, ended, more = unzipping(body, MOST_PLAIN)
    if plain is not None:
        said = plain.decode("utf-8", "replace")
        redacted = redactor.body(said if ended else redactor.cut(said))
        # What comes behind, as more of it or a part of its own (RFC 1952 section 2.2), was not searched.
        return body if redacted == said and not more else gzip.compress(redacted.encode(), mtime=0)
    # Secrets are text, so bytes that are none are searched as Latin-1, in which no byte is lost.
    return redactor.text(redactor.cut(body.decode("latin-1"))).encode("latin-1")


def printed(text: str, redactor: Redactor) -> str:
    """Return what a program printed without secrets, also where a hex dump breaks one into lines of octets."""

    def dumped(match: re.Match[str]) -> str:
        octets = b"".join(bytes.fromhex(each) for each in DUMPED_LINE.findall(match[0]))
        plain = octets.decode("utf-8", "replace")
        redacted = redactor.body(plain)
        return match[0] if redacted == plain else f"<hex dump of {redacted}>\n"

    return redactor.text(DUMP.sub(dumped, text))
