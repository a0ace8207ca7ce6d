"""Blobs that the registry does not give itself: where it leads to (Docker Registry V2, "Pulling a Layer")."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from conformance.clients.http import REDIRECTS
from conformance.clients.registry import StoredImage
from conformance.oracles.registry import expect_reachable
from conformance.oracles.status import observed
from conformance.vocabulary.check import verifies
from conformance.vocabulary.finding import NonConformance, NotApplicable


def led_to(image: StoredImage) -> str:
    """Where the GET of an image's last blob is led to; not asked of a registry that gives it itself."""
    reply = image.repository.send("GET", f"blobs/{image.image.blobs[-1].digest}")
    location = reply.headers.get("location") if reply.status in REDIRECTS else None
    if not location:
        raise NotApplicable(f"the registry gives blobs itself ({reply.status})")
    return location


@verifies("registry/pull/redirect-can-be-reached")
def test_redirect_can_be_reached(stored: StoredImage) -> None:
    """Purpose: where a pull is led to is a place that those who pull can reach.

    Method: 1. GET a blob
            2. where that is a redirect, GET its Location: expect an answer
    """
    location = led_to(stored)

    expect_reachable("a Location", lambda: stored.repository.pull(location))


@verifies("registry/rights/redirect-opens-no-other")
def test_redirect_opens_no_other(request: pytest.FixtureRequest, stored: StoredImage) -> None:
    """Purpose: an address that the registry gave for one blob is no key to another organization's.

    Method: 1. as another organization, GET a blob of one's own
            2. where that is a redirect, put our repository and digest in place of one's own in its Location, and GET it
               without a login: expect anything but our blob

    Not asked where the Location names neither, as a ticket would.
    """
    led_to(stored)
    theirs: StoredImage = request.getfixturevalue("theirs")
    own, ours = theirs.image.blobs[-1].digest, stored.image.blobs[-1]
    given = altered = led_to(theirs)
    names = (theirs.repository.name, stored.repository.name)
    for old, new in (names, [quote(each, safe="") for each in names], (own[7:], ours.digest[7:])):
        altered = altered.replace(old, new)
    if ours.digest[7:] not in altered or altered == given:
        raise NotApplicable("the Location does not name the blob")
    reply = stored.repository.as_role(None).pull(altered)

    if reply.ok and ours.content in reply.body:
        raise NonConformance("anything but another organization's blob", observed(reply), reply)
