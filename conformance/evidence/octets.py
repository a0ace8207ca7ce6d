"""Bodies as they are searched for secrets: also those that are no text, or that gzip has made of one."""

from __future__ import annotations

import gzip
import zlib

from conformance.evidence.redaction import Redactor
from conformance.evidence.tape import KEPT_BODY
from conformance.vocabulary.values import GZIP, unzipped

MOST_PLAIN = 1024 * 1024
"""Bytes of what gzip has made a body of that are searched."""


def beginning(body: bytes) -> bytes:
    """The first bytes of a body, of what gzip has made those that it was made of."""
    return unzipped(body, KEPT_BODY) or body[:KEPT_BODY]


def without_secrets(body: bytes, redactor: Redactor) -> bytes:
    """Bytes in which no secret is left; what gzip has made of text with one is made anew of that text."""
    if body.startswith(GZIP):
        opening = zlib.decompressobj(zlib.MAX_WBITS | 16)
        try:
            said = opening.decompress(body, MOST_PLAIN).decode("utf-8", "replace")
        except zlib.error:
            pass
        else:
            told = redactor.body(said if opening.eof else redactor.cut(said))
            # What comes behind, as more of it or a part of its own (RFC 1952 section 2.2), was not searched.
            whole = not (opening.unconsumed_tail or opening.unused_data)
            return body if whole and told == said else gzip.compress(told.encode(), mtime=0)
    # Secrets are text, so bytes that are none are searched as Latin-1, in which no byte is lost.
    return redactor.text(redactor.cut(body.decode("latin-1"))).encode("latin-1")
