"""Items that return 304 to a client that has the current version (RFC 9110 section 13.1.2)."""

from __future__ import annotations

from conformance.oracles.status import expect_status
from conformance.sandbox.platform import Operation, Platform
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NotApplicable


def not_modified(platform: Platform) -> list[tuple[Operation, Exchange, Exchange]]:
    """Return reads of items with two responses each, the second a 304; NotApplicable without any."""
    found = []
    for resource in platform.resources_with("create", "item"):
        read = platform.operation(resource, "read-item", platform.item(resource))
        first = platform.as_role("full", read)
        if etag := first.headers.get("etag"):
            reply = platform.as_role("full", read, [("If-None-Match", etag)])
            expect_status(reply, {first.status, 304}, "for If-None-Match with the present ETag")
            found += [(read, first, reply)] if reply.status == 304 else []
    if not found:
        raise NotApplicable("no item returns 304 to a conditional request that matches")
    return found
