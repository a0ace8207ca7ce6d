"""Digests of manifests: wrong or malformed digests are refused, and a refused push changes nothing."""

from __future__ import annotations

import pytest

from conformance.clients.registry.client import NewRepository, Repository, StoredImage
from conformance.clients.registry.images import Manifest, NewBlob, NewImage, digest_of, image, index
from conformance.clients.registry.uploads import pushed
from conformance.evidence.shared_requests import Once
from conformance.oracles.registry import expect_bytes, expect_not_stored
from conformance.oracles.status import expect_no_server_error, expect_refused, expect_status, expect_success
from conformance.sandbox.repositories import Restore
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.finding import NotApplicable


def other_bytes(manifest: Manifest) -> bytes:
    """Return the same document in different bytes."""
    return manifest.content + b"\n"


@pytest.fixture
def replaceable_image(new_repository: NewRepository, once: Once, restore: Restore) -> StoredImage:
    """An image that no other check reads, since a defective registry may replace it."""

    def made() -> StoredImage:
        repository = new_repository("exposed")
        return StoredImage(repository, repository.given(image(repository.name, layers=0), "v1"), "v1")

    return restore(once("exposed", made))


@verifies("registry/digest/refused-bytes-replace-nothing")
@pytest.mark.parametrize(
    "what", [case("blob", "blob"), case("posted-blob", "post"), case("manifest", "manifest"), case("tag", "tag")]
)
def test_refused_bytes_replace_nothing(replaceable_image: StoredImage, new_blob: NewBlob, what: str) -> None:
    """Purpose: a refused push does not damage stored content.
    Method: 1. push other bytes under the digest of a stored blob, through a session and by a POST, and of a stored
               image; push bytes that are no manifest under its tag
            2. expect a refusal, and exactly the stored bytes
    """
    repository, there, blob = replaceable_image.repository, replaceable_image.image, replaceable_image.image.blobs[-1]
    reply = {
        "blob": lambda: pushed(repository, new_blob().content, blob.digest, "put"),
        "post": lambda: pushed(repository, new_blob().content, blob.digest, "post"),
        "manifest": lambda: repository.put_manifest(there.digest, other_bytes(there), there.media_type),
        "tag": lambda: repository.put_manifest(replaceable_image.tag, b"no manifest", there.media_type),
    }[what]()

    expect_refused(reply)
    if what in ("blob", "post"):
        expect_bytes(repository.get_blob(blob.digest), blob.content)
    else:
        expect_bytes(repository.get_manifest(replaceable_image.tag if what == "tag" else there.digest), there.content)


@verifies("registry/digest/wrong-manifest-is-refused")
def test_wrong_digest_of_a_manifest(repository: Repository, new_image: NewImage) -> None:
    """Purpose: a manifest is stored only under its own digest.
    Method: 1. PUT a manifest in other bytes under its digest: expect 400, and 404 to GET of both digests
            2. PUT it under the sha512 digest of the other bytes: expect a refusal; under its own: expect 2xx
            3. PUT an index of it under another digest: expect 400
    """
    manifest = new_image()
    content, mismatch = other_bytes(manifest), "for a digest that does not match"
    expect_status(repository.put_manifest(manifest.digest, content, manifest.media_type), 400, mismatch)
    expect_not_stored(repository.get_manifest(each) for each in (manifest.digest, digest_of(content)))
    reply = repository.put_manifest(digest_of(content, "sha512"), manifest.content, manifest.media_type)
    expect_refused(reply, "for a sha512 digest that does not match")
    reply = repository.put_manifest(manifest.digest, manifest.content, manifest.media_type)
    expect_success(reply, "under its own digest, after refusals")
    listing = index([manifest])
    expect_status(repository.put_manifest(digest_of(content), listing.content, listing.media_type), 400, mismatch)


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
    """Purpose: a client learns that it sent a malformed digest.
    Method: 1. PUT a manifest under a malformed digest
            2. expect 400; or 404, which OCI lists for that endpoint (Endpoints, end-7)
    """
    reply = stored.repository.put_manifest(digest, stored.image.content, stored.image.media_type)
    expect_status(reply, {400, 404}, "for a malformed digest")


@verifies("registry/digest/sha512-manifest-can-be-pulled")
def test_manifest_by_sha512(repository: Repository, new_image: NewImage, features: frozenset[str]) -> None:
    """Purpose: a client pulls and deletes a manifest by the digest that it was pushed with.
    Method: 1. PUT a manifest under its sha512 digest: expect no 5xx; not applicable if that is refused
            2. expect exactly its bytes from GET and 200 to HEAD by that digest
            3. if deletion is claimed, DELETE it by that digest; after 2xx expect 404 to GET
    """
    manifest = new_image()
    digest = digest_of(manifest.content, "sha512")
    reply = repository.put_manifest(digest, manifest.content, manifest.media_type)
    expect_no_server_error(reply, "for a sha512 digest")
    if not reply.ok:
        raise NotApplicable("the registry accepts no sha512 digests, as it may")

    expect_bytes(repository.get_manifest(digest), manifest.content)
    expect_status(repository.head_manifest(digest), 200, "by the sha512 digest")
    if "registry.delete" in features and repository.delete_manifest(digest).ok:
        expect_not_stored([repository.get_manifest(digest)])
