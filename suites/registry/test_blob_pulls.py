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
from conformance.oracles.registry import (
    expect_bytes,
    expect_bytes_decoded,
    expect_reachable,
)
from conformance.oracles.status import expect_status, observed
from conformance.sandbox.names import Names
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance, NotApplicable, Proof

Read = Callable[[str], Exchange]


def absent_digest(names: Names) -> str:
    """Return a digest that nothing was pushed under."""
    return digest_of(names.new("absent").encode())


@verifies("registry/pull/blob-is-what-was-pushed")
@pytest.mark.parametrize("shape", [case("gzip", "blob-get")])
def test_layer_is_pulled(stored: StoredImage, read_stored: Read, shape: str) -> None:
    """Purpose: what gzip has made comes back as it was, and not unpacked.

    Method: 1. push a layer that gzip has made; GET it
            2. expect 200, its bytes, its length
    """
    expect_bytes(read_stored(shape), stored.image.blobs[-1].content)


@verifies("registry/pull/compressed-is-the-same")
@pytest.mark.parametrize("what", [case("blob", "blob"), case("manifest", "digest")])
def test_compressed_is_the_same(stored: StoredImage, read_stored: Read, what: str) -> None:
    """Purpose: engines that take answers compressed, as most do, get what was pushed.

    Method: 1. push an image and a layer that gzip has made; GET each with Accept-Encoding: gzip
            2. expect 200 and exactly the bytes, once the coding that Content-Encoding names is undone
    """
    there = stored.image if what == "digest" else stored.image.blobs[-1]

    expect_bytes_decoded(read_stored(f"{what}-coded"), there.content)


@verifies("registry/pull/blob-head-is-200")
def test_head_of_a_blob(repository: Repository, base: Manifest, once: Once) -> None:
    """Purpose: a client learns that a blob is there without pulling it.

    Method: 1. HEAD a pushed blob
            2. expect 200
    """
    expect_status(once("base", lambda: repository.head_blob(base.blobs[-1].digest)), 200)


@verifies("registry/pull/absent-blob-is-404")
@pytest.mark.parametrize("method", [case("get", "GET"), case("head", "HEAD")])
def test_absent_blob(repository: Repository, names: Names, method: str) -> None:
    """Purpose: a blob that is not there is told as such.

    Method: 1. GET and HEAD a digest that was never pushed
            2. expect 404
    """
    read = repository.get_blob if method == "GET" else repository.head_blob

    expect_status(read(absent_digest(names)), 404, "for a blob that was never pushed")


@verifies("registry/pull/blob-stays-in-its-repository")
@pytest.mark.parametrize(
    "how",
    [*(case(each, each) for each in ("get", "head", "part", "manifest", "puller")), case("if-none-match", "known")],
)
def test_blob_of_another_repository(
    repository: Repository, stored: StoredImage, base: Manifest, once: Once, how: str
) -> None:
    """Purpose: a blob is seen where it was pushed, and nowhere else.

    Method: 1. HEAD and GET, whole, with a Range and with If-None-Match, in a repository that exists, a blob that was
               pushed to another only, with a login that may only pull as well; GET the digest of an image of another
               as if it were a blob
            2. expect 404
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
        "known": lambda: elsewhere.get_blob(digest, [("If-None-Match", known)]),
    }[how]()

    expect_status(reply, 404, "for a blob of another repository")
    expect_status(control, 200, "where it was pushed")


def blob_redirect(image: StoredImage, once: Once) -> Exchange:
    """Return the redirect of GET of an image's last blob; not applicable where the registry serves the blob."""
    rest = f"blobs/{image.image.blobs[-1].digest}"
    reply = once(("led", image.repository.name), lambda: image.repository.send("GET", rest))
    if reply.status not in REDIRECTS or not reply.headers.get("location"):
        raise NotApplicable(f"the registry gives blobs itself ({reply.status})")
    return reply


def redirect_target(image: StoredImage, once: Once) -> str:
    """Return the address that GET of an image's last blob is redirected to."""
    reply = blob_redirect(image, once)
    return address_in(reply.url, reply.headers.get("location") or "")


@verifies("registry/pull/redirect-can-be-reached")
def test_redirect_can_be_reached(stored: StoredImage, once: Once) -> None:
    """Purpose: where a pull is led to is a place that those who pull can reach.

    Method: 1. GET a blob
            2. where that is a redirect, GET its Location: expect an answer
    """
    location = redirect_target(stored, once)

    expect_reachable("a Location", lambda: stored.repository.pull(location))


@verifies("registry/rights/redirect-opens-no-other")
def test_redirect_opens_no_other(request: pytest.FixtureRequest, stored: StoredImage, once: Once) -> None:
    """Purpose: an address that the registry gave for one blob is no key to another organization's.

    Method: 1. as another organization, GET a blob of one's own
            2. where that is a redirect, put our digest in place of one's own in its Location, and our repository and
               digest, and GET each without a login: expect anything but our blob

    Not asked where the Location names neither, as a ticket would.
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

    expect_not_shared(blob_redirect(stored, once))
