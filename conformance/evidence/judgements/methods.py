"""What a refused method is told with, whichever it is and wherever it was asked for."""

from __future__ import annotations

from conformance.vocabulary.exchange import Exchange

COMMON = frozenset(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
"""What a service decides on itself; TRACE and methods that nobody knows are refused by the server that it runs in."""
NO_ALLOW = "405 without Allow"


def unnamed_methods(exchange: Exchange) -> str:
    """What is wrong where 405 has no Allow (RFC 9110 section 15.5.6), which may be empty; "" where nothing is.

    By 405 some firewalls show a page for what reads like an attack.
    """
    refused = exchange.status == 405 and exchange.method in COMMON and exchange.media_type != "text/html"
    return NO_ALLOW if refused and "allow" not in exchange.headers else ""
