"""Pulling blobs, directly or by a redirect (OCI Distribution 1.1, "Pull"; Docker Registry V2, "Pulling a Layer")."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

import pytest

from conformance.clients.http import REDIRECTS, address_in
from conformance.clients.registry.client import Repository, StoredImage
from conformance.clients.registry.images import Manifest, digest_of
from conformance.evidence.shared_requests import Once
from conformance.oracles.headers import expect_not_shared
from conformance.oracles.registry import expect_bytes, expect_bytes_decoded, expect_reachable
from conformance.oracles.status import expect_status, observed
from conformance.sandbox.names import Names
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance, NotApplicable, Proof

Read = Callable[[str], Exchange]


@verifies("registry/pull/blob-is-what-was-pushed#gzip")
def test_layer_is_pulled(stored: StoredImage, read_stored: Read) -> None:
    """Purpose: a layer that gzip compressed comes back compressed, as its digest requires.
    Method: 1. push a layer that gzip compressed; GET it; 2. expect 200, its bytes, its length
    """
    expect_bytes(read_stored("blob-get"), stored.image.blobs[-1].content)


@verifies("registry/pull/compressed-content-is-the-same")
@pytest.mark.parametrize("what", [case("blob", "blob"), case("manifest", "digest")])
def test_compressed_content_is_the_same(stored: StoredImage, read_stored: Read, what: str) -> None:
    """Purpose: engines that accept compressed responses, as most do, get what was pushed.
    Method: 1. GET an image and a layer with Accept-Encoding: gzip
            2. expect 200 and exactly the bytes, after decoding by Content-Encoding
    """
    there = stored.image if what == "digest" else stored.image.blobs[-1]
    expect_bytes_decoded(read_stored(f"{what}-coded"), there.content)


@verifies("registry/pull/blob-head-is-200")
def test_head_of_a_blob(repository: Repository, base: Manifest, once: Once) -> None:
    """Purpose: a client learns that a blob exists without pulling it.
    Method: 1. HEAD a pushed blob; 2. expect 200
    """
    expect_status(once("base", lambda: repository.head_blob(base.blobs[-1].digest)), 200)


@verifies("registry/pull/absent-blob-is-404")
@pytest.mark.parametrize("method", [case("get", "GET"), case("head", "HEAD")])
def test_absent_blob(repository: Repository, names: Names, method: str) -> None:
    """Purpose: a client that pushes learns that the registry lacks a blob.
    Method: 1. GET and HEAD a digest that was never pushed; 2. expect 404
    """
    read = repository.get_blob if method == "GET" else repository.head_blob
    expect_status(read(digest_of(names.new("absent").encode())), 404, "for a blob that was never pushed")


@verifies("registry/pull/blob-stays-in-its-repository")
@pytest.mark.parametrize(
    "how", [case(each, each) for each in ("get", "head", "part", "manifest", "puller", "if-none-match")]
)
def test_blob_of_another_repository(
    repository: Repository, stored: StoredImage, base: Manifest, once: Once, how: str
) -> None:
    """Purpose: access to one repository gives no access to the blobs of another.
    Method: 1. HEAD and GET (also with Range, If-None-Match, and a pull-only login), in an existing repository, a blob
               that only another repository has; GET an image's digest as a blob
            2. expect 404, and 200 in the repository that has the blob
    """
    digest, elsewhere = base.blobs[-1].digest, stored.repository
    control = once("base", lambda: repository.head_blob(digest))
    known = control.headers.get("etag") or f'"{digest}"'
    reply = {
        "get": lambda: elsewhere.get_blob(digest),
        "head": lambda: elsewhere.head_blob(digest),
        "puller": lambda: elsewhere.as_role("puller").get_blob(digest),
        "manifest": lambda: repository.get_blob(stored.image.digest),
        "part": lambda: elsewhere.get_blob(digest, [("Range", "bytes=0-99")]),
        "if-none-match": lambda: elsewhere.get_blob(digest, [("If-None-Match", known)]),
    }[how]()

    expect_status(reply, 404, "for a blob of another repository")
    expect_status(control, 200, "where it was pushed")


def blob_redirect(image: StoredImage, once: Once) -> Exchange:
    """Return the redirect of GET of an image's last blob; not applicable if the registry serves the blob."""
    rest = f"blobs/{image.image.blobs[-1].digest}"
    reply = once(("redirect", image.repository.name), lambda: image.repository.send("GET", rest))
    if reply.status not in REDIRECTS or not reply.headers.get("location"):
        raise NotApplicable(f"the registry serves blobs itself ({reply.status})")
    return reply


def redirect_target(image: StoredImage, once: Once) -> str:
    """Return the address that GET of an image's last blob is redirected to."""
    reply = blob_redirect(image, once)
    return address_in(reply.url, reply.headers.get("location") or "")


@verifies("registry/pull/redirect-can-be-reached")
def test_redirect_can_be_reached(stored: StoredImage, once: Once) -> None:
    """Purpose: clients can reach the server that a pull is redirected to.
    Method: 1. GET a blob; 2. if that is a redirect, GET its Location: expect a response
    """
    location = redirect_target(stored, once)
    expect_reachable("a Location", lambda: stored.repository.pull(location))


@verifies("registry/rights/redirect-opens-no-other-blob")
def test_redirect_opens_no_other_blob(request: pytest.FixtureRequest, stored: StoredImage, once: Once) -> None:
    """Purpose: the address of one blob does not give access to another organization's.
    Method: 1. as another organization, GET an own blob; not applicable without a redirect whose Location names it
            2. put our digest, then also our repository, into the Location; GET each without a login
            3. expect any response without our blob
    """
    redirect_target(stored, once)
    theirs: StoredImage = request.getfixturevalue("theirs")
    own, ours = theirs.image.blobs[-1].digest, stored.image.blobs[-1]
    named = redirect_target(theirs, once).replace(own[7:], ours.digest[7:])
    if ours.digest[7:] not in named:
        raise NotApplicable("the Location does not name the blob")
    names, altered = (theirs.repository.name, stored.repository.name), named
    for old, new in (names, [quote(each, safe="") for each in names]):
        altered = altered.replace(old, new)

    for address in sorted({named, altered}):
        reply = stored.repository.as_role(None).pull(address)
        if reply.ok and ours.content in reply.body:
            proof = Proof(beyond="a signed address of this run is no longer valid in a script")
            raise NonConformance("a response without another organization's blob", observed(reply), reply, proof=proof)


@verifies("registry/pull/is-not-for-shared-caches#redirect")
def test_redirect_is_not_for_shared_caches(stored: StoredImage, once: Once) -> None:
    """Purpose: no shared cache hands out an address that only a login obtains.
    Method: 1. GET a blob with a login
            2. if that is a redirect, expect a Cache-Control that forbids shared caches to reuse it
    """
    if not stored.repository.registry.door.scheme:
        raise NotApplicable("the registry requires no login")
    expect_not_shared(blob_redirect(stored, once))
