"""What a deletion leaves untouched, and pushing again what was deleted (OCI Distribution 1.1, "Content Management")."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from conformance.clients.registry.client import NewRepository, Repository, Upload
from conformance.clients.registry.images import Manifest, image
from conformance.clients.registry.tags import deleted
from conformance.evidence.shared_requests import Once
from conformance.oracles.registry import expect_bytes, expect_listed, expect_no_tags, expect_not_stored, pages_from
from conformance.oracles.status import expect_no_server_error, expect_success
from conformance.vocabulary.check import verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive, NotApplicable, NotOffered

Deletion = tuple[Exchange, Exchange, Exchange]
"""The responses to a DELETE, and to GET of the deleted content in this and in the other repository."""


@dataclass(frozen=True)
class DeletedImage:
    """An image that two repositories have under the same tags, and its deletion from one of them.

    A session was opened ``before``. Its config was deleted (``unlinked``) and the image read (``reads``); then a tag,
    if that is claimed, and the image were deleted (``by`` "tag" and "digest"). ``tags`` is the list after that.
    """

    image: Manifest
    here: Repository
    there: Repository
    before: Upload
    unlinked: Exchange
    reads: list[Exchange]
    by: dict[str, Deletion]
    tags: Exchange


def require_done(reply: Exchange) -> None:
    """Raise Inconclusive if the deletion was refused, which another check judges."""
    if not reply.ok:
        raise Inconclusive(f"a manifest could not be deleted: {reply}", "a login that may delete")


@pytest.fixture
def deleted_image(
    new_repository: NewRepository, repository_at: NewRepository, features: frozenset[str], once: Once
) -> DeletedImage:
    """Deletes an image from one of two repositories, once; of Docker's type if the registry accepts that."""

    def made() -> DeletedImage:
        here = new_repository("undone")
        there = repository_at(f"{here.name}-too")
        tags = ("v1", "v1-too") if "registry.delete-tag" in features else ("v1",)
        manifest = image(here.name, layers=0, docker=True)
        if not here.push(manifest, "v1").ok:
            manifest = here.given(image(here.name, layers=0), "v1")
        for tag in tags[1:]:
            here.given(manifest, tag)
        there.given(manifest, *tags)
        before, config = here.open_upload(), manifest.blobs[0].digest
        unlinked = here.delete_blob(config)
        reads = [here.get_manifest(each) for each in ("v1", manifest.digest)]

        def read_after(reply: Exchange, reference: str, tag: str) -> Deletion:
            return reply, here.get_manifest(reference), there.get_manifest(tag)

        by = {"tag": read_after(here.delete_manifest("v1-too"), "v1-too", "v1-too")} if len(tags) > 1 else {}
        by["digest"] = read_after(deleted(here, manifest, "v1"), manifest.digest, "v1")
        if not unlinked.ok:
            here.delete_blob(config)
        return DeletedImage(manifest, here, there, before, unlinked, reads, by, here.tags())

    return once("undone", made)


@verifies("registry/delete/image-stays-in-other-repositories")
@pytest.mark.parametrize("by", ["tag", "digest"])
def test_image_stays_in_another_repository(request: pytest.FixtureRequest, features: frozenset[str], by: str) -> None:
    """Purpose: deleting an image in one repository does not delete it in another.
    Method: 1. push an image to two repositories, one's name a prefix of the other's; DELETE a tag or it from the first
            2. expect exactly its bytes by that tag from the other, and 404 in the first
    """
    if by == "tag" and "registry.delete-tag" not in features:
        raise NotOffered("the target does not claim registry.delete-tag")
    deleted_image: DeletedImage = request.getfixturevalue("deleted_image")
    reply, here, there = deleted_image.by[by]
    require_done(reply)
    expect_bytes(there, deleted_image.image.content)
    expect_not_stored([here])


@verifies("registry/delete/blob-stays-in-other-repositories#pushed")
def test_pushed_blob_stays_in_another_repository(deleted_image: DeletedImage) -> None:
    """Purpose: deleting a blob in one repository does not delete it in another that it was pushed to.
    Method: 1. push an image to two repositories, DELETE its config from one; not applicable if that is refused
            2. expect exactly the config's bytes from the other
    """
    if not deleted_image.unlinked.ok:
        raise NotApplicable(f"the registry keeps a blob of a stored image ({deleted_image.unlinked.status})")
    config = deleted_image.image.blobs[0]
    expect_bytes(deleted_image.there.get_blob(config.digest), config.content)


@verifies("registry/delete/blob-deletion-keeps-manifests")
def test_blob_deletion_keeps_manifests(deleted_image: DeletedImage) -> None:
    """Purpose: deleting a blob deletes no manifest.
    Method: 1. push an image, DELETE its config: expect no 5xx; 2. if it succeeds, expect the manifest by tag and digest
    """
    expect_no_server_error(deleted_image.unlinked, "for a blob of a stored image")
    if not deleted_image.unlinked.ok:
        raise NotApplicable(f"the registry keeps a blob of a stored image ({deleted_image.unlinked.status})")
    for reply in deleted_image.reads:
        expect_bytes(reply, deleted_image.image.content)


@verifies("registry/tags/none-are-an-empty-list#after-deletion")
def test_tag_list_is_empty_after_deletion(request: pytest.FixtureRequest, features: frozenset[str]) -> None:
    """Purpose: a client reads the tag list of a repository whose images were deleted.
    Method: 1. push an image to an empty repository, DELETE it, read the tags; 2. expect "tags": [], or 404
    """
    if "registry.delete" not in features:
        raise NotOffered("the target does not claim registry.delete")
    deleted_image: DeletedImage = request.getfixturevalue("deleted_image")
    require_done(deleted_image.by["digest"][0])
    if deleted_image.tags.status == 200 and deleted_image.tags.member("tags"):
        raise NotApplicable("the tag is still there; another check reports that")
    expect_no_tags(deleted_image.tags)


@verifies("registry/delete/can-be-pushed-again")
def test_deleted_image_can_be_pushed_again(deleted_image: DeletedImage) -> None:
    """Purpose: a client pushes again what was deleted.
    Method: 1. push an image, open an upload, DELETE the image and its blobs; push all again under the same tag, the
               config by the open upload if that still exists: expect 2xx
            2. expect exactly its bytes by tag and digest, exactly those of its blobs, and the tag in the list
    """
    repository, manifest, tag = deleted_image.here, deleted_image.image, "v1"
    require_done(deleted_image.by["digest"][0])
    # The registry may have collected blobs that no manifest names.
    repository.inventory.blobs.difference_update(each.digest for each in manifest.blobs)

    deleted_image.before.put(manifest.blobs[0].digest, manifest.blobs[0].content)
    expect_success(repository.push(manifest, tag), "for an image that was deleted before")
    for reference in (tag, manifest.digest):
        expect_bytes(repository.get_manifest(reference), manifest.content)
    for blob in manifest.blobs:
        expect_bytes(repository.get_blob(blob.digest), blob.content)
    expect_listed(pages_from(repository.tags(), repository.follow), "tags", [tag])
