"""Blobs that the registry does not give itself: where it leads to (Docker Registry V2, "Pulling a Layer")."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from conformance.clients.http import REDIRECTS, address_in
from conformance.clients.registry.client import StoredImage
from conformance.evidence.shared_requests import Once
from conformance.oracles.headers import expect_not_shared
from conformance.oracles.registry import expect_reachable
from conformance.oracles.status import observed
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance, NotApplicable, Proof


def led_there(image: StoredImage, once: Once) -> Exchange:
    """The redirect of the GET of an image's last blob; not asked of a registry that gives it itself."""
    rest = f"blobs/{image.image.blobs[-1].digest}"
    reply = once(("led", image.repository.name), lambda: image.repository.send("GET", rest))
    if reply.status not in REDIRECTS or not reply.headers.get("location"):
        raise NotApplicable(f"the registry gives blobs itself ({reply.status})")
    return reply


def led_to(image: StoredImage, once: Once) -> str:
    """Where the GET of an image's last blob is led to."""
    reply = led_there(image, once)
    return address_in(reply.url, reply.headers.get("location") or "")


@verifies("registry/pull/redirect-can-be-reached")
def test_redirect_can_be_reached(stored: StoredImage, once: Once) -> None:
    """Purpose: where a pull is led to is a place that those who pull can reach.

    Method: 1. GET a blob
            2. where that is a redirect, GET its Location: expect an answer
    """
    location = led_to(stored, once)

    expect_reachable("a Location", lambda: stored.repository.pull(location))


@verifies("registry/rights/redirect-opens-no-other")
def test_redirect_opens_no_other(request: pytest.FixtureRequest, stored: StoredImage, once: Once) -> None:
    """Purpose: an address that the registry gave for one blob is no key to another organization's.

    Method: 1. as another organization, GET a blob of one's own
            2. where that is a redirect, put our digest in place of one's own in its Location, and our repository and
               digest, and GET each without a login: expect anything but our blob

    Not asked where the Location names neither, as a ticket would.
    """
    led_to(stored, once)
    theirs: StoredImage = request.getfixturevalue("theirs")
    own, ours = theirs.image.blobs[-1].digest, stored.image.blobs[-1]
    named = led_to(theirs, once).replace(own[7:], ours.digest[7:])
    if ours.digest[7:] not in named:
        raise NotApplicable("the Location does not name the blob")
    names, altered = (theirs.repository.name, stored.repository.name), named
    for old, new in (names, [quote(each, safe="") for each in names]):
        altered = altered.replace(old, new)

    for address in sorted({named, altered}):
        reply = stored.repository.as_role(None).pull(address)
        if reply.ok and ours.content in reply.body:
            proof = Proof(beyond="an address that was signed then is none that would be signed now")
            raise NonConformance("anything but another organization's blob", observed(reply), reply, proof=proof)


@verifies("registry/pull/is-not-for-shared-caches")
@pytest.mark.parametrize("kind", [case("redirect", "redirect")])
def test_redirect_is_not_for_shared_caches(stored: StoredImage, once: Once, kind: str) -> None:
    """Purpose: an address that a login is led to is not offered to caches that give it to everybody.

    Method: 1. GET a blob with a login
            2. where that is a redirect, expect a Cache-Control that lets no shared cache give it out unasked
    """
    if not stored.repository.registry.door.scheme:
        raise NotApplicable(f"the registry asks for no login before a {kind}")

    expect_not_shared(led_there(stored, once))
