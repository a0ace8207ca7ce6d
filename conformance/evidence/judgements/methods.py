"""Header fields that refusals require: Allow with 405, and a Basic challenge with 401 to Basic credentials."""

from __future__ import annotations

import re

from conformance.vocabulary.exchange import Exchange

COMMON = frozenset(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
"""Methods that the service itself decides on; its HTTP server refuses TRACE and unknown methods."""
NO_ALLOW = "405 without Allow"
NO_BASIC = "401 to Basic credentials without a challenge of scheme Basic"
BASIC = re.compile(r"(^|,)\s*basic\b", re.IGNORECASE)


def unnamed_methods(exchange: Exchange) -> str:
    """Return the flaw of a 405 without Allow (RFC 9110 section 15.5.6), which may be empty.

    HTML is not judged: some firewalls answer requests that resemble attacks with a 405 page.
    """
    refused = exchange.status == 405 and exchange.method in COMMON and exchange.media_type != "text/html"
    return NO_ALLOW if refused and "allow" not in exchange.headers else ""


def unchallenged_basic(exchange: Exchange) -> str:
    """Return the flaw of a token endpoint's 401 to Basic without a Basic challenge (RFC 6749 section 5.2)."""
    tried = (exchange.request_headers.get("authorization") or "").strip().lower().startswith("basic")
    offered = BASIC.search(", ".join(exchange.headers.all("www-authenticate")))
    return NO_BASIC if exchange.status == 401 and tried and not offered else ""
