"""Requests that say the same in other words are answered as one: by what they ask, not by how that is written."""

from __future__ import annotations

import pytest

from conformance.clients.http import REDIRECTS
from conformance.oracles.state import expect_unchanged
from conformance.oracles.status import expect_no_success, expect_status
from conformance.sandbox.equivalent_requests import said_otherwise, words_of
from conformance.sandbox.platform import KINDS, Operation, Platform
from conformance.sandbox.preconditions import conditional, update_from, version_of
from conformance.target.description import Resource
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.finding import NotApplicable

SERVED = {*range(200, 300), *REDIRECTS}
"""A path in another spelling may be led to its plain one (RFC 9110 section 15.4)."""


@verifies("errors/reads/said-otherwise-is-served")
@pytest.mark.parametrize("kind", [case(name, name) for name in KINDS])
def test_said_otherwise_is_served(platform: Platform, kind: str) -> None:
    """Purpose: each client library has its own way to write what all of them mean, and each is served.

    Method: 1. perform each declared operation with a letter of the item's name encoded, with a blank in Accept before
               its comma, with a charset behind the type of a body, with Content-Length: 0 for a deletion, all at once
            2. expect 2xx, or to be led to the plain path; where it is not, ask with each of them alone, to tell which
    """
    for resource in {each.resource.name: each.resource for each in platform.operations(kind)}.values():
        first = _new(platform, resource, kind)
        reply, words = said_otherwise(platform, first), words_of(first)
        for word in () if reply.status in SERVED else words:
            operation = _new(platform, resource, kind)
            expect_status(said_otherwise(platform, operation, words=[word]), SERVED, f"for {operation} with {word}")
        expect_status(reply, SERVED, f"for {first} with {' and '.join(words)}")


def _new(platform: Platform, resource: Resource, kind: str) -> Operation:
    """The operation, on an item that nothing else needs where it is a deletion."""
    slug = platform.new_item(resource) if kind == "delete" else None
    slug = platform.item(resource) if kind in ("read-item", "update") else slug
    return platform.operation(resource, kind, slug)


@verifies("errors/409/stale-update")
@pytest.mark.parametrize("how", [case("said-otherwise", "in other words")])
def test_stale_update_is_stale_however_it_is_said(platform: Platform, how: str) -> None:
    """Purpose: nor is a change undone by who writes the same path, type and fields in another way.

    Method: 1. read an item's version and update it from that; go on where that is 2xx
            2. update it again from the version read first, with a letter of its name encoded, a charset behind the type
               and a blank in Accept
            3. expect no 2xx, and the owner to find the first update
    """
    for resource in conditional(platform):
        slug = platform.new_item(resource)
        stale = version_of(platform, resource, slug)
        first, fields = update_from(platform, resource, slug, stale)
        if not platform.as_role("full", first, fields).ok:
            raise NotApplicable("an update from the present version is refused, which is a finding of its own")
        second, fields = update_from(platform, resource, slug, stale)
        before = platform.state(second)
        reply = said_otherwise(platform, second, fields)
        expect_no_success(reply, f"for an update from a version that is no longer, {how}")
        expect_unchanged(before, platform.state(second), reply)
