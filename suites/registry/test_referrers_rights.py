"""Who may ask what refers to an image (Docker Registry token scope documentation, "Resource Provider Use")."""

from __future__ import annotations

import pytest

from conformance.clients.registry.client import StoredImage
from conformance.evidence.shared_requests import Once
from conformance.oracles.registry import expect_denied, expect_scope
from conformance.oracles.status import expect_status
from conformance.vocabulary.check import verifies
from conformance.vocabulary.exchange import Exchange


@pytest.fixture
def unlisted(guarded: StoredImage, once: Once) -> Exchange:
    """The answer to one without a login who asks for referrers."""
    stranger, digest = guarded.repository.as_role(None), guarded.image.digest
    return once("referrers without a login", lambda: stranger.referrers(digest))


SBOM = "application/vnd.example.sbom.v1+json"


@verifies("registry/login/anonymous-cannot-list-referrers")
def test_anonymous_cannot_list_referrers(guarded: StoredImage, bad_login: str, unlisted: Exchange) -> None:
    """Purpose: what refers to an organization's images is for those who log in.

    Method: 1. ask for referrers, and for those of one type, without a login, and with one that is none
            2. expect 401
    """
    of_a_type = guarded.repository.as_role(None).referrers(guarded.image.digest, SBOM)
    for each in (unlisted, of_a_type):
        expect_status(each, 401, "without a login")
    reply = guarded.repository.presenting(bad_login).referrers(guarded.image.digest)
    expect_status(reply, 401, "for a login that is none")


@verifies("registry/login/referrers-challenge-names-the-scope")
def test_challenge_of_referrers(guarded: StoredImage, unlisted: Exchange) -> None:
    """Purpose: a client that asks for referrers learns which token it needs.

    Method: 1. ask for referrers without a login
            2. expect the Bearer challenge's scope to name the repository and pull
    """
    expect_scope(unlisted, f"repository:{guarded.repository.name}", "pull")


@verifies("registry/rights/puller-can-list-referrers")
def test_puller_can_list_referrers(guarded: StoredImage) -> None:
    """Purpose: who may pull an image finds its signatures, without which some engines take none.

    Method: 1. ask for referrers with a pull-only login
            2. expect 200
    """
    expect_status(guarded.repository.as_role("puller").referrers(guarded.image.digest), 200)


@verifies("registry/rights/other-organization-cannot-list-referrers")
def test_other_organization_cannot_list_referrers(guarded: StoredImage) -> None:
    """Purpose: what refers to an organization's images is its own.

    Method: 1. ask for referrers, and for those of one type, with another organization's login
            2. expect 401, 403 or 404
    """
    for kind in (None, SBOM):
        reply = guarded.repository.as_role("foreign").referrers(guarded.image.digest, kind)

        expect_denied(reply, "for another organization's login")
