"""Pulling blobs, and what is told of blobs and manifests (OCI Distribution Specification 1.1, "Pull")."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from conformance.clients.registry.client import CODED, EVERY_TYPE, Repository, StoredImage
from conformance.clients.registry.images import Manifest, digest_of
from conformance.evidence.shared_requests import Once
from conformance.oracles.headers import expect_header, expect_not_shared
from conformance.oracles.registry import (
    expect_bytes,
    expect_bytes_decoded,
    expect_content_length,
    expect_same_fields,
    expect_true_digest,
)
from conformance.oracles.status import NOT_OFFERED, expect_status
from conformance.sandbox.names import Names
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NotApplicable

TOLD = ("Content-Type", "Content-Length", "Docker-Content-Digest", "ETag")


Read = Callable[[str], Exchange]


@pytest.fixture(scope="session")
def read(stored: StoredImage, once: Once) -> Read:
    """GET or HEAD of the stored image's layer, or of itself by tag or digest, once each."""
    repository, image = stored.repository, stored.image
    layer = image.blobs[-1].digest
    reads: dict[str, Callable[[], Exchange]] = {
        "blob-get": lambda: repository.get_blob(layer),
        "blob-coded": lambda: repository.get_blob(layer, [CODED]),
        "blob-head": lambda: repository.head_blob(layer),
        "digest-get": lambda: repository.get_manifest(image.digest),
        "digest-head": lambda: repository.head_manifest(image.digest),
        "digest-coded": lambda: repository.get_manifest(image.digest, [EVERY_TYPE, CODED]),
        "tag-get": lambda: repository.get_manifest(stored.tag),
        "tag-head": lambda: repository.head_manifest(stored.tag),
        "list-get": repository.tags,
        "list-head": repository.head_tags,
    }
    return lambda what: once(("stored", what), reads[what])


def absent(names: Names) -> str:
    """A digest of nothing that was ever pushed."""
    return digest_of(names.new("absent").encode())


@verifies("registry/pull/blob-is-what-was-pushed")
@pytest.mark.parametrize("shape", [case("gzip", "blob-get")])
def test_layer_is_pulled(stored: StoredImage, read: Read, shape: str) -> None:
    """Purpose: what gzip has made comes back as it was, and not unpacked.

    Method: 1. push a layer that gzip has made; GET it
            2. expect 200, its bytes, its length
    """
    expect_bytes(read(shape), stored.image.blobs[-1].content)


@verifies("registry/pull/compressed-is-the-same")
@pytest.mark.parametrize("what", [case("blob", "blob"), case("manifest", "digest")])
def test_compressed_is_the_same(stored: StoredImage, read: Read, what: str) -> None:
    """Purpose: engines that take answers compressed, as most do, get what was pushed.

    Method: 1. push an image and a layer that gzip has made; GET each with Accept-Encoding: gzip
            2. expect 200 and exactly the bytes, once the coding that Content-Encoding names is undone
    """
    there = stored.image if what == "digest" else stored.image.blobs[-1]

    expect_bytes_decoded(read(f"{what}-coded"), there.content)


@verifies("registry/pull/blob-head-is-200")
def test_head_of_a_blob(repository: Repository, base: Manifest, once: Once) -> None:
    """Purpose: a client learns that a blob is there without pulling it.

    Method: 1. HEAD a pushed blob
            2. expect 200
    """
    expect_status(once("base", lambda: repository.head_blob(base.blobs[-1].digest)), 200)


@verifies("registry/pull/head-tells-the-length")
@pytest.mark.parametrize("kind", [case("blob", "blob-head"), case("manifest", "digest-head")])
def test_head_tells_the_length(stored: StoredImage, read: Read, kind: str) -> None:
    """Purpose: a client learns how much it would pull.

    Method: 1. HEAD a blob and a manifest
            2. expect Content-Length to be the size
    """
    blob = stored.image.blobs[-1] if kind == "blob-head" else stored.image

    expect_content_length(read(kind), len(blob.content))


@verifies("registry/pull/head-equals-get")
@pytest.mark.parametrize("kind", [case("blob", "blob"), case("tag", "tag"), case("digest", "digest")])
def test_head_equals_get(read: Read, kind: str) -> None:
    """Purpose: HEAD tells of a thing what GET does.

    Method: 1. GET and HEAD a blob, and a manifest by tag and by digest
            2. expect the same status and the same Content-Type, Content-Length, Docker-Content-Digest and ETag, no body
               (no Content-Type of a blob is no other: GET may tell it from the bytes; nor is a Content-Length another
               than none, where GET comes in chunks; a storage that GET alone leads to has fields of its own)
    """
    got, head = read(f"{kind}-get"), read(f"{kind}-head")
    untold = {"Content-Type"} if kind == "blob" and not head.media_type else set()
    untold |= set() if "content-length" in got.headers else {"Content-Length"}
    untold |= set(TOLD) - {"Content-Length"} if got.url != head.url else set()

    expect_status(head, got.status, "as GET is answered")
    expect_same_fields(got, head, *(each for each in TOLD if each not in untold))
    if "content-length" in head.headers:
        expect_content_length(head, len(got.body))


@verifies("registry/pull/head-equals-get")
@pytest.mark.parametrize("kind", [case("list", "list")])
def test_head_of_a_list_equals_get(read: Read, kind: str) -> None:
    """Purpose: so does HEAD of a list, where it is offered.

    Method: 1. GET and HEAD a list of tags
            2. expect the same status and no body; or 400, 404, 405 or 501 to HEAD
    """
    got, head = read(f"{kind}-get"), read(f"{kind}-head")

    expect_status(head, {got.status, 400, 404, *NOT_OFFERED}, "as GET is answered, or where there is no HEAD")
    expect_same_fields(got, head)


@verifies("registry/pull/is-not-for-shared-caches")
@pytest.mark.parametrize("kind", [case("blob", "blob"), case("tag", "tag"), case("list", "list")])
def test_not_for_shared_caches(repository: Repository, read: Read, kind: str) -> None:
    """Purpose: what a login opens is not offered to caches that give it to everybody (RFC 9111 section 3.5).

    Method: 1. GET and HEAD a blob, a manifest and a list of tags with a login
            2. expect a Cache-Control that lets no shared cache give it out unasked
    """
    if not repository.registry.door.scheme:
        raise NotApplicable("the registry asks for no login")

    replies = [read(f"{kind}-{method}") for method in ("get", "head")]
    replies = [each for each in replies if "authorization" in each.request_headers]
    if not replies:
        raise NotApplicable("the pull is led to where no login is shown")
    for reply in replies:
        expect_not_shared(reply)


@verifies("registry/pull/absent-blob-is-404")
@pytest.mark.parametrize("method", [case("get", "GET"), case("head", "HEAD")])
def test_absent_blob(repository: Repository, names: Names, method: str) -> None:
    """Purpose: a blob that is not there is told as such.

    Method: 1. GET and HEAD a digest that was never pushed
            2. expect 404
    """
    read = repository.get_blob if method == "GET" else repository.head_blob

    expect_status(read(absent(names)), 404, "for a blob that was never pushed")


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


@verifies("registry/pull/digest-field-is-true")
@pytest.mark.parametrize(
    "kind",
    [
        case("blob-get", "blob-get"),
        case("blob-head", "blob-head"),
        case("manifest-get", "digest-get"),
        case("manifest-head", "digest-head"),
        case("tag-get", "tag-get"),
    ],
)
def test_digest_field_is_true(stored: StoredImage, read: Read, kind: str) -> None:
    """Purpose: a digest that an answer names is that of the content.

    Method: 1. GET and HEAD a blob and a manifest
            2. expect Docker-Content-Digest, where it is there, to be the digest of what was pushed
    """
    image = stored.image

    expect_true_digest(read(kind), image.blobs[-1].digest if kind.startswith("blob") else image.digest)


@verifies("registry/pull/digest-is-told")
@pytest.mark.parametrize(
    "kind",
    [
        case("blob", "blob-get"),
        case("blob-head", "blob-head"),
        case("manifest", "tag-get"),
        case("manifest-head", "tag-head"),
        case("manifest-by-digest", "digest-get"),
        case("manifest-head-by-digest", "digest-head"),
    ],
)
def test_digest_is_told(stored: StoredImage, read: Read, kind: str) -> None:
    """Purpose: a client learns the digest of what a tag names without hashing, and what to compare with.

    Method: 1. GET and HEAD a blob and a manifest
            2. expect a Docker-Content-Digest field; of a blob elsewhere on the answer that leads there
    """
    reply, rest = read(kind), f"blobs/{stored.image.blobs[-1].digest}"
    if kind.startswith("blob") and not reply.url.endswith(rest) and "docker-content-digest" not in reply.headers:
        reply = stored.repository.send("HEAD" if kind == "blob-head" else "GET", rest)
    expect_header(reply, "Docker-Content-Digest")
