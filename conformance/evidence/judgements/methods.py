"""What a refusal must name, whatever was refused: the methods after a 405, the scheme after 401 to Basic."""

from __future__ import annotations

import re

from conformance.vocabulary.exchange import Exchange

COMMON = frozenset(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
"""What a service decides on itself; TRACE and methods that nobody knows are refused by the server that it runs in."""
NO_ALLOW = "405 without Allow"
NO_BASIC = "401 to Basic credentials without a challenge of scheme Basic"
BASIC = re.compile(r"(^|,)\s*basic\b", re.IGNORECASE)


def unnamed_methods(exchange: Exchange) -> str:
    """What is wrong where 405 has no Allow (RFC 9110 section 15.5.6), which may be empty; "" where nothing is.

    By 405 some firewalls show a page for what reads like an attack.
    """
    refused = exchange.status == 405 and exchange.method in COMMON and exchange.media_type != "text/html"
    return NO_ALLOW if refused and "allow" not in exchange.headers else ""


def unchallenged_basic(exchange: Exchange) -> str:
    """Return what is wrong with a 401 of the token endpoint to Basic without its challenge (RFC 6749 section 5.2)."""
    tried = (exchange.request_headers.get("authorization") or "").strip().lower().startswith("basic")
    offered = BASIC.search(", ".join(exchange.headers.all("www-authenticate")))
    return NO_BASIC if exchange.status == 401 and tried and not offered else ""
