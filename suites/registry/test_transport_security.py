"""A registry behind TLS: its realm, Locations and Links never lead out of TLS (RFC 6750 section 5.3)."""

from __future__ import annotations

import pytest

from conformance.clients.http import without_the_tls_of
from conformance.clients.registry.challenges import challenges
from conformance.clients.registry.client import BINARY, Registry, Repository, with_digest
from conformance.clients.registry.images import NewBlob, NewImage
from conformance.evidence.shared_requests import Once
from conformance.oracles.proofs import field_matches
from conformance.oracles.registry import expect_reachable, next_link
from conformance.oracles.status import expect_success
from conformance.sandbox.names import Names
from conformance.vocabulary.check import of_strangers, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance, NotApplicable

UNTOLD = "it may not know of the TLS before it: a proxy should send X-Forwarded-Proto: https, or the registry be told"


@pytest.fixture(scope="session")
def secured(registry: Registry) -> Registry:
    """The registry, where it is asked by https."""
    if not registry.http.base_url.startswith("https://"):
        raise NotApplicable("the registry is asked by plain HTTP")
    return registry


@verifies("registry/transport/realm-keeps-tls")
@of_strangers()
def test_realm_keeps_tls(secured: Registry, once: Once) -> None:
    """Purpose: no password is sent in clear to get a token.
    Method: 1. GET /v2/ over TLS, without a login
            2. expect the realm of its Bearer challenge to be no http:// address
    """
    reply = once("support", secured.as_role(None).support)
    bearer = next((each for each in challenges(reply) if each.scheme == "bearer"), None)
    if bearer is None:
        raise NotApplicable("the registry does not take bearer tokens")

    realm = bearer.parameters.get("realm", "")
    if realm.lower().startswith("http://"):
        proof = field_matches(reply, "WWW-Authenticate", 'realm="?https:')
        raise NonConformance("a realm of https://", f"realm={realm}", reply, hint=UNTOLD, proof=proof)


@verifies("registry/transport/upload-keeps-tls")
def test_upload_keeps_tls(secured: Registry, repository: Repository, new_blob: NewBlob) -> None:
    """Purpose: neither logins nor layers are sent in clear, and where no plain HTTP is served pushes go on.
    Method: 1. open an upload over TLS
            2. expect its Location not to be an http:// address of the registry's own host; where no login is asked for
               it may be one, if the blob can be put there
    """
    opened = repository.post_upload()
    told = plain_http_address(opened, opened.headers.get("location"))
    repository.upload_of(opened)
    if not told:
        return
    if secured.door.scheme:
        raise insecure_address_finding(opened, "Location", told)
    blob = new_blob()
    put = expect_reachable(
        "a Location", lambda: secured.http.send("PUT", with_digest(told, blob.digest), [BINARY], blob.content)
    )
    expect_success(put, "where the upload's Location leads")
    repository.inventory.blobs.add(blob.digest)


@verifies("registry/transport/responses-keep-tls")
def test_answers_keep_tls(secured: Registry, repository: Repository, new_image: NewImage, names: Names) -> None:
    """Purpose: who follows what the registry says does not send a login in clear.
    Method: 1. push an image over TLS; ask for the list of tags, one on a page
            2. expect neither the Location of the image nor the link to the next page to be an http:// address of the
               registry's own host; not asked where no login is
    """
    if not secured.door.scheme:
        raise NotApplicable("the registry asks for no login")
    image = repository.given(new_image(), names.new("tag"), names.new("tag"))
    pushed, listed = repository.push(image), repository.tags("?n=1")

    if told := plain_http_address(pushed, pushed.headers.get("location")):
        raise insecure_address_finding(pushed, "Location", told)
    if told := plain_http_address(listed, next_link(listed)):
        raise insecure_address_finding(listed, "Link", told)


def plain_http_address(reply: Exchange, told: str | None) -> str:
    """The address that an answer gives, where it is an http:// one of the host that was asked by https; or ""."""
    return told if told and without_the_tls_of(reply.url, told) else ""


def insecure_address_finding(reply: Exchange, name: str, told: str) -> NonConformance:
    """Return the finding that a header leads out of TLS. Real clients stop there; the other checks go on over TLS."""
    proof = field_matches(reply, name, "^<?(https:/)?/")
    return NonConformance(f"{name} to be an https:// address, or relative", told, reply, hint=UNTOLD, proof=proof)
