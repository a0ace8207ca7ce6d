"""What a deletion leaves untouched, and pushing again what was deleted (OCI Distribution 1.1, "Content Management")."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from conformance.clients.registry.client import NewRepository, Repository, Upload
from conformance.clients.registry.images import Manifest, NewBlob, NewImage, digest_of, image
from conformance.clients.registry.tags import deleted
from conformance.evidence.shared_requests import Once
from conformance.oracles.registry import expect_bytes, expect_listed, expect_no_tags, expect_not_stored, pages_from
from conformance.oracles.status import expect_no_server_error, expect_status, expect_success
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive, NotApplicable, NotOffered


@dataclass(frozen=True)
class Deletion:
    """The responses to a DELETE, and to GET of the deleted content in this and in the other repository."""

    reply: Exchange
    here: Exchange
    there: Exchange


@dataclass(frozen=True)
class DeletedImage:
    """An image that two repositories have under the same tags, and what was answered while one was rid of it.

    Its config was deleted first (``unlinked``), which was followed by ``reads``; then one of two tags, where that is
    claimed, and then the image. ``emptied`` are the tags after that. A session was opened ``before`` all of it.
    """

    image: Manifest
    here: Repository
    there: Repository
    before: Upload
    unlinked: Exchange
    reads: list[Exchange]
    by: dict[str, Deletion]
    emptied: Exchange

    @property
    def deleted(self) -> Exchange:
        """The answer to the DELETE of the image."""
        return self.by["digest"].reply


def expect_done(reply: Exchange) -> None:
    """Inconclusive where the deletion was refused: another check judges that."""
    if not reply.ok:
        raise Inconclusive(f"a manifest could not be deleted: {reply}", "a login that may delete")


@pytest.fixture
def deleted_image(
    new_repository: NewRepository, repository_at: NewRepository, features: frozenset[str], once: Once
) -> DeletedImage:
    """Pushes an image to two repositories, of Docker's type if it is taken; takes it from the shorter name's, once."""

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

        def taken(reply: Exchange, reference: str, tag: str) -> Deletion:
            return Deletion(reply, here.get_manifest(reference), there.get_manifest(tag))

        by = {"tag": taken(here.delete_manifest("v1-too"), "v1-too", "v1-too")} if len(tags) > 1 else {}
        by["digest"] = taken(deleted(here, manifest, "v1"), manifest.digest, "v1")
        if not unlinked.ok:
            here.delete_blob(config)
        return DeletedImage(manifest, here, there, before, unlinked, reads, by, here.tags())

    return once("undone", made)


@verifies("registry/delete/image-stays-elsewhere")
@pytest.mark.parametrize("by", [case("tag", "tag"), case("digest", "digest")])
def test_image_stays_in_another_repository(request: pytest.FixtureRequest, features: frozenset[str], by: str) -> None:
    """Purpose: an image that two repositories have stays in the one when it is deleted from the other.

    Method: 1. push an image to two repositories under the same tags; DELETE a tag, or the image, from the one with
               whose name that of the other begins
            2. expect exactly its bytes by that tag from the other, and 404 to what was deleted
    """
    if by == "tag" and "registry.delete-tag" not in features:
        raise NotOffered("the target does not claim registry.delete-tag")
    deleted_image: DeletedImage = request.getfixturevalue("deleted_image")
    taken = deleted_image.by[by]
    expect_done(taken.reply)

    expect_bytes(taken.there, deleted_image.image.content)
    expect_not_stored([taken.here])


@verifies("registry/delete/blob-stays-elsewhere")
@pytest.mark.parametrize("origin", [case("pushed", "pushed")])
def test_pushed_blob_stays_in_another_repository(deleted_image: DeletedImage, origin: str) -> None:
    """Purpose: a blob that came to two repositories by pushes of their own stays in the one as well.

    Method: 1. push an image to two repositories, DELETE its config from one, which may be refused
            2. expect exactly the config's bytes from the other
    """
    if not deleted_image.unlinked.ok:
        why = f"the registry does not delete a blob that was {origin} with an image ({deleted_image.unlinked.status})"
        raise NotApplicable(why)
    config = deleted_image.image.blobs[0]

    expect_bytes(deleted_image.there.get_blob(config.digest), config.content)


@verifies("registry/delete/blob-goes-alone")
def test_blob_goes_alone(deleted_image: DeletedImage) -> None:
    """Purpose: deleting a blob deletes no manifest.

    Method: 1. push an image, DELETE its config, which may be refused (no 5xx)
            2. where that is done, expect the manifest by tag and digest
    """
    expect_no_server_error(deleted_image.unlinked, "for a blob that an image needs")
    if not deleted_image.unlinked.ok:
        raise NotApplicable(f"the registry keeps a blob that an image needs ({deleted_image.unlinked.status})")

    for reply in deleted_image.reads:
        expect_bytes(reply, deleted_image.image.content)


@verifies("registry/tags/none-are-an-empty-list")
@pytest.mark.parametrize("when", [case("after-deletion", "after deletion")])
def test_tag_list_is_empty_after_deletion(request: pytest.FixtureRequest, features: frozenset[str], when: str) -> None:
    """Purpose: a list of nothing is a list, where there was something as well.

    Method: 1. push an image to a repository of its own, DELETE it, ask for the tags
            2. where the tag went with it, expect "tags": [], or 404
    """
    if "registry.delete" not in features:
        raise NotOffered("the target does not claim registry.delete")
    deleted_image: DeletedImage = request.getfixturevalue("deleted_image")
    expect_done(deleted_image.deleted)

    if deleted_image.emptied.status == 200 and deleted_image.emptied.member("tags"):
        raise NotApplicable("its tag stays, which is another check's finding")

    expect_no_tags(deleted_image.emptied)


@verifies("registry/delete/can-be-pushed-again")
def test_deleted_image_can_be_pushed_again(deleted_image: DeletedImage) -> None:
    """Purpose: what was deleted can be pushed again.

    Method: 1. push an image, open an upload, DELETE the image and its blobs, push all again under the same tag, the
               config by the upload that was open, where it still is: expect 2xx
            2. expect exactly its bytes by tag and digest, and exactly those of its blobs, and the tag in the list
    """
    repository, manifest, tag = deleted_image.here, deleted_image.image, "v1"
    expect_done(deleted_image.deleted)
    # What no manifest names any more may have been collected.
    repository.inventory.blobs.difference_update(each.digest for each in manifest.blobs)

    deleted_image.before.put(manifest.blobs[0].digest, manifest.blobs[0].content)
    expect_success(repository.push(manifest, tag), "for what was deleted before")
    for reference in (tag, manifest.digest):
        expect_bytes(repository.get_manifest(reference), manifest.content)
    for blob in manifest.blobs:
        expect_bytes(repository.get_blob(blob.digest), blob.content)
    expect_listed(pages_from(repository.tags(), repository.follow), "tags", [tag])


@verifies("registry/delete/blob-is-gone")
@pytest.mark.parametrize("algorithm", [case("sha512", "sha512")])
def test_delete_by_another_algorithm(repository: Repository, new_blob: NewBlob, algorithm: str) -> None:
    """Purpose: a blob is deleted by the digest that it was pushed with.

    Method: 1. push a blob under its sha512 digest, which a registry need not take (400)
            2. DELETE it: expect 202, or that a blob is not deleted by its sha256 digest, either (the control)
            3. expect 404 to GET and HEAD
    """
    blob = new_blob()
    digest = digest_of(blob.content, algorithm)
    if not repository.open_upload().put(digest, blob.content).ok:
        raise NotApplicable(f"the registry takes no {algorithm} digests, as it may")
    reply = repository.delete_blob(digest)
    if not reply.ok and not repository.delete_blob(repository.given_blob(new_blob().content)).ok:
        raise NotApplicable("the registry deletes no blobs, as it may")

    expect_status(reply, 202, f"by the {algorithm} digest")
    expect_not_stored([repository.get_blob(digest), repository.head_blob(digest)])


@verifies("registry/delete/refused-deletion-changes-nothing")
def test_deletion_that_is_not_offered(repository: Repository, new_image: NewImage, features: frozenset[str]) -> None:
    """Purpose: a registry that does not delete says so, and deletes nothing.

    Method: 1. push an image, DELETE it by digest
            2. expect 400 or 405, or 401 or 403 to a login that may not delete, and exactly its bytes; a registry that
               deletes it need not say so
    """
    if "registry.delete" in features:
        raise NotOffered("the target claims registry.delete")
    manifest = repository.given(new_image())
    reply = repository.delete_manifest(manifest.digest)
    if reply.ok:
        raise NotOffered("the registry deletes manifests, though the target does not claim it")

    expect_status(reply, {400, 401, 403, 405}, "where nothing is deleted")
    expect_bytes(repository.get_manifest(manifest.digest), manifest.content)
