"""JSON with a wrong Content-Type: a browser may run it as a page, and a client library reads no object."""

from __future__ import annotations

import json

from conformance.evidence.judgements import DETAIL, declared_type
from conformance.vocabulary.exchange import Exchange

UNDECLARED_JSON = "JSON without a JSON Content-Type"
LARGEST = 65_536
NOT_JSON = frozenset(
    ["", "text/html", "application/xhtml+xml", "text/xml", "application/xml", "application/x-www-form-urlencoded"]
)
"""Media types that are certainly wrong for JSON; not text/plain, which some front ends use for errors."""


def undeclared_json(exchange: Exchange) -> str:
    """Return the flaw of a JSON object or list without a JSON Content-Type (RFC 9110 section 8.3)."""
    body = exchange.body.strip()
    if exchange.media_type not in NOT_JSON or body[:1] not in (b"{", b"[") or len(body) > LARGEST:
        return ""
    try:
        json.loads(body)
    except (ValueError, RecursionError):
        return ""
    return f"{UNDECLARED_JSON}{DETAIL}{declared_type(exchange)}"
