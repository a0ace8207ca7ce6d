"""Digests of manifests: wrong or malformed digests are refused, and a refused push changes nothing."""

from __future__ import annotations

import pytest

from conformance.clients.registry.client import NewRepository, Repository, StoredImage
from conformance.clients.registry.images import Manifest, NewBlob, NewImage, digest_of, image, index
from conformance.clients.registry.uploads import pushed
from conformance.evidence.shared_requests import Once
from conformance.oracles.registry import expect_bytes, expect_not_stored
from conformance.oracles.status import expect_no_server_error, expect_refused, expect_status, expect_success
from conformance.sandbox.repositories import PutRight
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.finding import NotApplicable


@pytest.fixture
def replaceable_image(new_repository: NewRepository, once: Once, put_right: PutRight) -> StoredImage:
    """An image that no other check reads, since a registry at fault may replace it."""

    def made() -> StoredImage:
        repository = new_repository("exposed")
        return StoredImage(repository, repository.given(image(repository.name, layers=0), "v1"), "v1")

    return put_right(once("exposed", made))


@verifies("registry/digest/refused-bytes-replace-nothing")
@pytest.mark.parametrize(
    "what", [case("blob", "blob"), case("posted-blob", "post"), case("manifest", "manifest"), case("tag", "tag")]
)
def test_refused_bytes_replace_nothing(replaceable_image: StoredImage, new_blob: NewBlob, what: str) -> None:
    """Purpose: what is there is not harmed by a push that is refused.

    Method: 1. push other bytes under the digest of a blob, through a session and by a POST, and of an image that are
               there, and no manifest under a tag
            2. expect a refusal, and exactly the bytes that were there
    """
    repository, there, blob = replaceable_image.repository, replaceable_image.image, replaceable_image.image.blobs[-1]
    reply = {
        "blob": lambda: pushed(repository, new_blob().content, blob.digest, "put"),
        "post": lambda: pushed(repository, new_blob().content, blob.digest, "post"),
        "manifest": lambda: repository.put_manifest(there.digest, other_manifest(there), there.media_type),
        "tag": lambda: repository.put_manifest(replaceable_image.tag, b"no manifest", there.media_type),
    }[what]()

    expect_refused(reply)
    if what in ("blob", "post"):
        expect_bytes(repository.get_blob(blob.digest), blob.content)
    else:
        expect_bytes(repository.get_manifest(replaceable_image.tag if what == "tag" else there.digest), there.content)


def other_manifest(manifest: Manifest) -> bytes:
    """Return the same document in different bytes."""
    return manifest.content + b"\n"


@verifies("registry/digest/wrong-manifest-is-refused")
def test_wrong_digest_of_a_manifest(repository: Repository, new_image: NewImage) -> None:
    """Purpose: a manifest is stored only under its own digest.

    Method: 1. PUT a manifest under the digest of the same document in other bytes
            2. expect 400
            3. expect 404 to GET of both digests
            4. PUT it under the sha512 digest of the other bytes: expect a refusal
            5. PUT it under its own digest and expect 2xx; an index of it under that of other bytes, and expect 400
    """
    manifest = new_image()
    content = other_manifest(manifest)
    reply = repository.put_manifest(manifest.digest, content, manifest.media_type)

    expect_status(reply, 400, "for a digest that does not match")
    expect_not_stored(repository.get_manifest(each) for each in (manifest.digest, digest_of(content)))
    reply = repository.put_manifest(digest_of(content, "sha512"), manifest.content, manifest.media_type)
    expect_refused(reply, "for a sha512 digest that does not match")
    reply = repository.put_manifest(manifest.digest, manifest.content, manifest.media_type)
    expect_success(reply, "under its own digest, whatever was refused before")
    listing = index([manifest])
    reply = repository.put_manifest(digest_of(content), listing.content, listing.media_type)
    expect_status(reply, 400, "for a digest that does not match")


@verifies("registry/digest/malformed-manifest-digest-is-400")
@pytest.mark.parametrize(
    "digest",
    [
        case("short", "sha256:abc"),
        case("words", "sha256:baddigeststring"),
        case("unknown-algorithm", f"tarsum.v1+md5:{'0' * 32}"),
    ],
)
def test_malformed_digest_of_a_manifest(stored: StoredImage, digest: str) -> None:
    """Purpose: a manifest cannot be put under a digest that is none.

    Method: 1. PUT a manifest under a malformed digest
            2. expect 400; or 404, which is OCI's failure of that endpoint (Endpoints, end-7)
    """
    manifest = stored.image

    reply = stored.repository.put_manifest(digest, manifest.content, manifest.media_type)
    expect_status(reply, {400, 404}, "for a malformed digest")


@verifies("registry/digest/sha512-manifest-comes-back")
def test_manifest_by_sha512(repository: Repository, new_image: NewImage, features: frozenset[str]) -> None:
    """Purpose: a manifest is pulled, and deleted, by the digest that it was pushed with.

    Method: 1. PUT a manifest under its sha512 digest, which a registry need not take: expect no 5xx
            2. where it is taken (201), GET it by that: expect exactly its bytes, and 200 to HEAD
            3. where deletion is claimed, DELETE it by that: where that is answered 202, expect 404 to GET
    """
    manifest = new_image()
    digest = digest_of(manifest.content, "sha512")
    reply = repository.put_manifest(digest, manifest.content, manifest.media_type)
    expect_no_server_error(reply, "for a sha512 digest")
    if not reply.ok:
        raise NotApplicable("the registry takes no sha512 digests, as it may")

    expect_bytes(repository.get_manifest(digest), manifest.content)
    expect_status(repository.head_manifest(digest), 200, "by the sha512 digest")
    if "registry.delete" in features and repository.delete_manifest(digest).ok:
        expect_not_stored([repository.get_manifest(digest)])
