"""JSON that an answer gives as something else: a browser runs it as a page, a client library reads no object."""

from __future__ import annotations

import json

from conformance.evidence.judgements import DETAIL, declared_type
from conformance.vocabulary.exchange import Exchange

UNDECLARED_JSON = "JSON without a JSON Content-Type"
LARGEST = 65_536
OTHERWISE = frozenset(
    ["", "text/html", "application/xhtml+xml", "text/xml", "application/xml", "application/x-www-form-urlencoded"]
)
"""What no JSON is, and no type at all; text/plain, as which some fronts give their errors, it is as well."""


def undeclared_json(exchange: Exchange) -> str:
    """What is wrong where a JSON object or list is given as something else (RFC 9110 section 8.3); "" where none is."""
    body = exchange.body.strip()
    if exchange.media_type not in OTHERWISE or body[:1] not in (b"{", b"[") or len(body) > LARGEST:
        return ""
    try:
        json.loads(body)
    except (ValueError, RecursionError):
        return ""
    return f"{UNDECLARED_JSON}{DETAIL}{declared_type(exchange)}"
