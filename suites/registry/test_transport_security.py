"""A registry behind TLS: its realm, Locations and Links never lead out of TLS (RFC 6750 section 5.3)."""

from __future__ import annotations

import pytest

from conformance.clients.http import is_plain_http_of
from conformance.clients.registry.challenges import challenges
from conformance.clients.registry.client import BINARY, Registry, Repository, with_digest
from conformance.clients.registry.images import NewBlob, NewImage
from conformance.evidence.shared_requests import Once
from conformance.oracles.registry import expect_reachable, next_link
from conformance.oracles.status import expect_success
from conformance.sandbox.names import Names
from conformance.vocabulary.check import needs_no_credential, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance, NotApplicable

UNTOLD = "behind a proxy with TLS, the registry needs X-Forwarded-Proto: https, or its external address configured"


@pytest.fixture(scope="session")
def secured(registry: Registry) -> Registry:
    """The registry, if its address is https."""
    if not registry.http.base_url.startswith("https://"):
        raise NotApplicable("the registry's address is plain HTTP")
    return registry


@verifies("registry/transport/realm-keeps-tls")
@needs_no_credential()
def test_realm_keeps_tls(secured: Registry, once: Once) -> None:
    """Purpose: no password is sent in clear text to get a token.
    Method: 1. GET /v2/ over TLS without a login; 2. expect that the realm of its Bearer challenge is no http:// address
    """
    reply = once("support", secured.as_role(None).support)
    bearer = next((each for each in challenges(reply) if each.scheme == "bearer"), None)
    if bearer is None:
        raise NotApplicable("the registry accepts no bearer tokens")

    realm = bearer.parameters.get("realm", "")
    if realm.lower().startswith("http://"):
        raise NonConformance("a realm of https://", f"realm={realm}", reply, hint=UNTOLD)


@verifies("registry/transport/upload-keeps-tls")
def test_upload_keeps_tls(secured: Registry, repository: Repository, new_blob: NewBlob) -> None:
    """Purpose: logins and layers are not sent in clear text, and pushes work if no plain HTTP is served.
    Method: 1. open an upload over TLS
            2. expect that Location is no http:// address of the registry's host; without logins, that it can be used
    """
    opened = repository.post_upload()
    seen = plain_http_address(opened, opened.headers.get("location"))
    repository.upload_of(opened)
    if not seen:
        return
    if secured.auth.scheme:
        raise insecure_address_finding(opened, "Location", seen)
    blob = new_blob()
    put = expect_reachable(
        "a Location", lambda: secured.http.send("PUT", with_digest(seen, blob.digest), [BINARY], blob.content)
    )
    expect_success(put, "at the Location of the upload")
    repository.inventory.blobs.add(blob.digest)


@verifies("registry/transport/responses-keep-tls")
def test_answers_keep_tls(secured: Registry, repository: Repository, new_image: NewImage, names: Names) -> None:
    """Purpose: a client that follows the registry's addresses does not send a login in clear text.
    Method: 1. push an image over TLS; request one tag; 2. expect no http:// address of the host in Location or Link
    """
    if not secured.auth.scheme:
        raise NotApplicable("the registry requires no login")
    image = repository.given(new_image(), names.new("tag"), names.new("tag"))
    pushed, listed = repository.push(image), repository.tags("?n=1")

    if seen := plain_http_address(pushed, pushed.headers.get("location")):
        raise insecure_address_finding(pushed, "Location", seen)
    if seen := plain_http_address(listed, next_link(listed)):
        raise insecure_address_finding(listed, "Link", seen)


def plain_http_address(reply: Exchange, seen: str | None) -> str:
    """Return the http:// address of the requested https host in a response; empty if there is none."""
    return seen if seen and is_plain_http_of(reply.url, seen) else ""


def insecure_address_finding(reply: Exchange, name: str, seen: str) -> NonConformance:
    """Return the finding that a header leads from TLS to plain HTTP, where real clients stop."""
    return NonConformance(f"{name} to be an https:// address, or relative", seen, reply, hint=UNTOLD)
