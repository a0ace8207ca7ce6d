"""What a deletion leaves alone, and that all can be pushed again (OCI Distribution 1.1, "Content Management")."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from conformance.clients.images import Manifest, NewBlob, NewImage, digest_of, image, index
from conformance.clients.registry import NewRepository, Repository, StoredImage
from conformance.evidence.once import Once
from conformance.oracles.registry import expect_bytes, expect_no_tags, expect_not_stored
from conformance.oracles.status import expect_no_server_error, expect_status
from conformance.sandbox.repositories import PutRight
from conformance.sandbox.shared import at_second_try
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive, NotApplicable


@dataclass(frozen=True)
class Twice:
    """One image that two repositories have under one tag."""

    image: Manifest
    here: Repository
    there: Repository


@pytest.fixture(scope="session")
@at_second_try
def pushed_twice(new_repository: NewRepository, repository_at: NewRepository) -> Twice:
    """An image of Docker's type in two repositories, from that with the shorter name of which it is deleted."""
    here = new_repository("delete-here")
    there = repository_at(f"{here.name}-too")
    manifest = image(here.name, layers=0, docker=True)
    for repository in (here, there):
        repository.given(manifest, "v1")
    return Twice(manifest, here, there)


@pytest.fixture
def twice(pushed_twice: Twice, put_right: PutRight) -> Twice:
    """The same, put right behind a check that fails."""
    for repository in (pushed_twice.here, pushed_twice.there):
        put_right(StoredImage(repository, pushed_twice.image, "v1"))
    return pushed_twice


def deleted(repository: Repository, reference: str) -> None:
    """Has a manifest or a tag deleted; Inconclusive where the registry does not."""
    reply = repository.delete_manifest(reference)
    if reply.status == 404:
        raise NotApplicable(f"{reference} is not there: it may have gone with its last tag")
    if not reply.ok:
        raise Inconclusive(f"{reference} could not be deleted: {reply}", "a login that may delete")


@verifies("registry/delete/image-stays-elsewhere")
@pytest.mark.parametrize("by", [case("tag", "tag"), case("digest", "digest")])
def test_image_stays_elsewhere(twice: Twice, features: frozenset[str], by: str) -> None:
    """Purpose: an image that two repositories have stays in the one when it is deleted from the other.

    Method: 1. push an image to two repositories under one tag; DELETE the tag, or the image, from the one with whose
               name that of the other begins
            2. expect exactly its bytes by that tag from the other, and 404 to what was deleted
    """
    if by == "tag" and "registry.delete-tag" not in features:
        raise NotApplicable("the target does not claim registry.delete-tag")
    reference = "v1" if by == "tag" else twice.image.digest
    deleted(twice.here, reference)

    expect_bytes(twice.there.get_manifest("v1"), twice.image.content)
    expect_not_stored([twice.here.get_manifest(reference)])


@verifies("registry/delete/blob-stays-elsewhere")
@pytest.mark.parametrize("origin", [case("pushed", "pushed")])
def test_pushed_blob_stays_elsewhere(twice: Twice, origin: str) -> None:
    """Purpose: a blob that came to two repositories by pushes of their own stays in the one as well.

    Method: 1. push an image to two repositories, DELETE its config from one, which may be refused
            2. expect exactly the config's bytes from the other
    """
    config = twice.image.blobs[0]
    reply = twice.here.delete_blob(config.digest)
    if not reply.ok:
        raise NotApplicable(f"the registry does not delete a blob that was {origin} with an image ({reply.status})")

    expect_bytes(twice.there.get_blob(config.digest), config.content)


@verifies("registry/delete/listed-images-stay")
def test_listed_images_stay(twice: Twice) -> None:
    """Purpose: deleting an index deletes none of the images that it lists, which have tags of their own.

    Method: 1. push an image under a tag, and an index of it by digest; DELETE the index
            2. expect exactly the image's bytes by its tag
    """
    listing = index([twice.image])
    reply = twice.there.put_manifest(listing.digest, listing.content, listing.media_type)
    if reply.status != 201:
        raise Inconclusive(f"an index could not be pushed: {reply}", "a registry that takes indexes")
    deleted(twice.there, listing.digest)

    expect_bytes(twice.there.get_manifest("v1"), twice.image.content)


@dataclass(frozen=True)
class Undone:
    """An image whose config was deleted and then itself: the answers to that, to reads in between, and to its tags."""

    stored: StoredImage
    unlinked: Exchange
    reads: list[Exchange]
    deleted: Exchange
    emptied: Exchange


@pytest.fixture
def undone(new_repository: NewRepository, once: Once) -> Undone:
    """Pushes an image and deletes it bit by bit, once."""

    def made() -> Undone:
        repository = new_repository("undone")
        manifest = repository.given(image(repository.name, layers=0), "v1")
        config = manifest.blobs[0].digest
        unlinked = repository.delete_blob(config)
        reads = [repository.get_manifest(each) for each in ("v1", manifest.digest)]
        gone = repository.delete_manifest(manifest.digest)
        if not unlinked.ok:
            repository.delete_blob(config)
        return Undone(StoredImage(repository, manifest, "v1"), unlinked, reads, gone, repository.tags())

    return once("undone", made)


@verifies("registry/delete/blob-goes-alone")
def test_blob_goes_alone(undone: Undone) -> None:
    """Purpose: deleting a blob deletes no manifest.

    Method: 1. push an image, DELETE its config, which may be refused (no 5xx)
            2. where that is done, expect the manifest by tag and digest
    """
    expect_no_server_error(undone.unlinked, "for a blob that an image needs")
    if not undone.unlinked.ok:
        raise NotApplicable(f"the registry keeps a blob that an image needs ({undone.unlinked.status})")

    for reply in undone.reads:
        expect_bytes(reply, undone.stored.image.content)


@verifies("registry/tags/none-are-an-empty-list")
@pytest.mark.parametrize("when", [case("after-deletion", "after deletion")])
def test_no_tags_any_more(request: pytest.FixtureRequest, features: frozenset[str], when: str) -> None:
    """Purpose: a list of nothing is a list, where there was something as well.

    Method: 1. push an image to a repository of its own, DELETE it, ask for the tags
            2. where the tag went with it, expect "tags": [], or 404
    """
    if "registry.delete" not in features:
        raise NotApplicable("the target does not claim registry.delete")
    undone: Undone = request.getfixturevalue("undone")
    if not undone.deleted.ok:
        raise Inconclusive(f"a manifest could not be deleted: {undone.deleted}", "a login that may delete")

    if undone.emptied.status == 200 and undone.emptied.member("tags"):
        raise NotApplicable("its tag stays, which is another check's finding")

    expect_no_tags(undone.emptied)


@verifies("registry/delete/can-be-pushed-again")
def test_pushed_again(undone: Undone) -> None:
    """Purpose: what was deleted can be pushed again.

    Method: 1. push an image, DELETE it and its blobs, push all again under the same tag: expect 201
            2. expect exactly its bytes by tag and digest, and exactly those of its blobs
    """
    repository, manifest, tag = undone.stored.repository, undone.stored.image, undone.stored.tag
    if not undone.deleted.ok:
        raise Inconclusive(f"a manifest could not be deleted: {undone.deleted}", "a login that may delete")

    expect_status(repository.push(manifest, tag), 201)
    for reference in (tag, manifest.digest):
        expect_bytes(repository.get_manifest(reference), manifest.content)
    for blob in manifest.blobs:
        expect_bytes(repository.get_blob(blob.digest), blob.content)


@verifies("registry/delete/blob-is-gone")
@pytest.mark.parametrize("algorithm", [case("sha512", "sha512")])
def test_delete_by_another_algorithm(repository: Repository, new_blob: NewBlob, algorithm: str) -> None:
    """Purpose: a blob is deleted by the digest that it was pushed with.

    Method: 1. push a blob under its sha512 digest, which a registry need not take (400)
            2. where blobs are deleted by their sha256 digests (the control), DELETE it: expect 202
            3. expect 404 to GET and HEAD
    """
    blob = new_blob()
    digest = digest_of(blob.content, algorithm)
    if repository.open_upload().put(digest, blob.content).status != 201:
        raise NotApplicable(f"the registry takes no {algorithm} digests, as it may")
    if not repository.delete_blob(repository.given_blob(new_blob().content)).ok:
        raise NotApplicable("the registry deletes no blobs, as it may")

    expect_status(repository.delete_blob(digest), 202, f"by the {algorithm} digest")
    expect_not_stored([repository.get_blob(digest), repository.head_blob(digest)])


@verifies("registry/delete/refused-deletion-changes-nothing")
def test_deletion_that_is_not_offered(repository: Repository, new_image: NewImage, features: frozenset[str]) -> None:
    """Purpose: a registry that does not delete says so, and deletes nothing.

    Method: 1. push an image, DELETE it by digest
            2. expect 400 or 405, and exactly its bytes; a registry that deletes it need not say so
    """
    if "registry.delete" in features:
        raise NotApplicable("the target claims registry.delete")
    manifest = repository.given(new_image())
    reply = repository.delete_manifest(manifest.digest)
    if reply.ok:
        raise NotApplicable("the registry deletes manifests, though the target does not claim it")

    expect_status(reply, {400, 405}, "where nothing is deleted")
    expect_bytes(repository.get_manifest(manifest.digest), manifest.content)
