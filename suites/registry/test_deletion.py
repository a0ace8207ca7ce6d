"""Deleting manifests, tags and blobs (OCI Distribution Specification 1.1, "Content Management")."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from conformance.clients.registry.client import CODED, EVERY_TYPE, NewRepository, Repository, StoredImage, need_taken
from conformance.clients.registry.images import (
    Blob,
    Manifest,
    NewBlob,
    NewImage,
    digest_of,
    image,
    manifest_of,
    variation,
)
from conformance.clients.registry.tags import deleted, given_over
from conformance.evidence.shared_requests import Once
from conformance.oracles.registry import (
    expect_bytes,
    expect_listed,
    expect_not_stored,
    expect_tags,
    next_link,
    pages_from,
    strings_of,
)
from conformance.oracles.status import expect_status, expect_success
from conformance.sandbox.names import Names
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive, NotApplicable, NotOffered

DISABLED = {400, 405}
"""What is answered where deletion is disabled (OCI Distribution 1.1, "Content Management")."""


@dataclass(frozen=True)
class Deletion:
    """What was deleted, how it was read before, the answer to its DELETE, and how that is asked for again."""

    what: Blob
    read: Exchange
    reply: Exchange
    again: Callable[[str], Exchange]


def expect_done(over: Deletion) -> None:
    """Inconclusive where the deletion was refused: another check judges that."""
    if not over.reply.ok:
        raise Inconclusive(f"it could not be deleted: {over.reply}", "a login that may delete")


@pytest.fixture
def blob_deleted(repository: Repository, stored: StoredImage, new_blob: NewBlob, once: Once) -> Deletion:
    """A blob that was mounted from one repository into another, and deleted there; not asked where none is deleted."""

    def made() -> Deletion:
        blob = new_blob()
        stored.repository.given_blob(blob.content)
        if repository.post_upload(mount=blob.digest, from_=stored.repository.name).status != 201:
            repository.given_blob(blob.content)
        repository.head_blob(blob.digest), repository.get_blob(blob.digest, [CODED])
        read = repository.get_blob(blob.digest)
        return Deletion(blob, read, repository.delete_blob(blob.digest), repository.delete_blob)

    over = once("blob deleted", made)
    if over.reply.status in DISABLED:
        raise NotApplicable("the registry deletes no blobs, which it may")
    return over


@dataclass(frozen=True)
class OneOfTwoDeleted:
    """A repository, one of its images that was deleted, the one that is still there, and a blob to come."""

    repository: Repository
    deletion: Deletion
    kept: Manifest
    tag: str
    coming: Blob


@pytest.fixture
def one_of_two_deleted(new_repository: NewRepository, once: Once) -> OneOfTwoDeleted:
    """A repository of two images that share config and layer; the image with two tags was deleted."""

    def made() -> OneOfTwoDeleted:
        repository = new_repository("delete")
        gone = image(repository.name)
        kept = variation(gone, "kept")
        repository.given(gone, "gone", "gone-too", "kept")
        tag = given_over(repository, kept, "kept", "kept-too")
        coming = image(f"{repository.name} coming", layers=0).blobs[0]
        repository.given_blob(coming.content)
        repository.get_manifest("gone"), repository.head_manifest("gone"), repository.head_manifest(gone.digest)
        repository.tags(), repository.get_manifest(gone.digest, [EVERY_TYPE, CODED])
        read = repository.get_manifest(gone.digest)
        deletion = Deletion(gone, read, deleted(repository, gone, "gone", "gone-too"), repository.delete_manifest)
        return OneOfTwoDeleted(repository, deletion, kept, tag, coming)

    return once("halved", made)


@pytest.fixture
def manifest_deleted(one_of_two_deleted: OneOfTwoDeleted) -> Deletion:
    """A manifest that was deleted."""
    return one_of_two_deleted.deletion


@verifies("registry/delete/manifest-is-answered-202")
def test_delete_manifest(one_of_two_deleted: OneOfTwoDeleted) -> None:
    """Purpose: an image can be deleted.

    Method: 1. push an image, DELETE it by digest, and its tags first where the registry keeps what they name
            2. expect 202
    """
    if one_of_two_deleted.deletion.read.status == 404:
        raise Inconclusive(
            f"it was gone before: {one_of_two_deleted.deletion.read}", "an image that is there while tags name it"
        )
    expect_status(one_of_two_deleted.deletion.reply, 202)


@verifies("registry/delete/manifest-goes-with-its-tags")
def test_manifest_goes_with_its_tags(one_of_two_deleted: OneOfTwoDeleted) -> None:
    """Purpose: a deleted image cannot be pulled, by whichever name.

    Method: 1. push an image under three tags, and another under the third of them (or a fourth, where tags stay)
            2. GET the list of tags, GET and HEAD the first image, DELETE it by digest
            3. expect 404 to GET and HEAD of the digest and of both tags
            4. expect the other's tag alone in the list
    """
    repository = one_of_two_deleted.repository
    expect_done(one_of_two_deleted.deletion)

    for reference in (one_of_two_deleted.deletion.what.digest, "gone", "gone-too"):
        expect_not_stored([repository.get_manifest(reference), repository.head_manifest(reference)])
    expect_tags(repository, [one_of_two_deleted.tag])


@verifies("registry/delete/others-stay")
def test_others_stay(one_of_two_deleted: OneOfTwoDeleted) -> None:
    """Purpose: deleting one image harms no other, though they share blobs, nor one that is being pushed.

    Method: 1. push two images that share config and layer, and a blob of one to come; DELETE one of the images
            2. expect the other by tag and digest, and every blob of it; and that of the image to come
    """
    repository, kept = one_of_two_deleted.repository, one_of_two_deleted.kept
    expect_done(one_of_two_deleted.deletion)

    expect_bytes(repository.get_manifest(one_of_two_deleted.tag), kept.content)
    expect_bytes(repository.get_manifest(kept.digest), kept.content)
    for blob in (*kept.blobs, one_of_two_deleted.coming):
        expect_bytes(repository.get_blob(blob.digest), blob.content)


@verifies("registry/delete/absent-is-404")
@pytest.mark.parametrize(
    "what", [case("manifest", "manifest"), case("blob", "blob"), case("blob-as-manifest", "blob as manifest")]
)
def test_delete_absent_content(request: pytest.FixtureRequest, names: Names, what: str) -> None:
    """Purpose: deleting what is not there is told as such.

    Method: 1. DELETE a manifest and a blob that were never pushed, and as a manifest what was pushed as a blob
            2. expect 404
    """
    over: Deletion = request.getfixturevalue("blob_deleted" if what == "blob" else "manifest_deleted")
    pushed_as_blob = over.what.blobs[0].digest if isinstance(over.what, Manifest) else ""
    digest = pushed_as_blob if what == "blob as manifest" else digest_of(names.new("absent").encode())

    expect_status(over.again(digest), 404, f"for a {what} that was never pushed")


@verifies("registry/delete/absent-is-404")
@pytest.mark.parametrize("what", [case("tag", "tag")])
def test_delete_an_absent_tag(one_of_two_deleted: OneOfTwoDeleted, features: frozenset[str], what: str) -> None:
    """Purpose: deleting an absent tag is reported as such.

    Method: 1. DELETE a tag that was never pushed, with which another begins
            2. expect 404
    """
    if "registry.delete-tag" not in features:
        raise NotOffered("the target does not claim registry.delete-tag")
    reply = one_of_two_deleted.repository.delete_manifest(one_of_two_deleted.tag[:-1])

    expect_status(reply, 404, f"for a {what} that was never pushed")


@verifies("registry/delete/absent-is-404")
@pytest.mark.parametrize("what", [case("manifest-nowhere", "manifest"), case("blob-nowhere", "blob")])
def test_delete_in_an_absent_repository(repository: Repository, names: Names, what: str) -> None:
    """Purpose: deleting in an absent repository is reported as such.

    Method: 1. DELETE a manifest and a blob of a repository that nothing was pushed to
            2. expect 404, or 400 or 405 where that deletion is disabled
    """
    never = repository.registry.repository(f"{repository.registry.described.repository}-{names.new('never')}")
    delete = never.delete_manifest if what == "manifest" else never.delete_blob

    expect_status(delete(digest_of(b"nowhere")), {404, *DISABLED}, f"for a {what} of a repository that never was")


@verifies("registry/delete/blob-is-gone")
def test_delete_blob(repository: Repository, blob_deleted: Deletion) -> None:
    """Purpose: a deleted blob cannot be pulled.

    Method: 1. push a blob, HEAD and GET it, DELETE it: expect 202
            2. expect 404 to GET and HEAD, and to GET of a part
    """
    digest = blob_deleted.what.digest
    expect_status(blob_deleted.reply, 202)
    expect_not_stored([repository.get_blob(digest), repository.head_blob(digest)])
    expect_not_stored([repository.get_blob(digest, [("Range", "bytes=0-9")])])


@verifies("registry/delete/twice-is-404")
@pytest.mark.parametrize("what", [case("manifest", "manifest_deleted"), case("blob", "blob_deleted")])
def test_delete_twice(request: pytest.FixtureRequest, what: str) -> None:
    """Purpose: what was deleted is not there any more.

    Method: 1. push a manifest or a blob; DELETE it twice
            2. expect 404 to the second
    """
    over: Deletion = request.getfixturevalue(what)
    expect_done(over)
    expect_status(over.again(over.what.digest), 404, "for what was deleted already")


@verifies("registry/delete/blob-stays-elsewhere")
def test_blob_stays_in_another_repository(stored: StoredImage, blob_deleted: Deletion) -> None:
    """Purpose: a blob that two repositories have stays in the one when it is deleted from the other.

    Method: 1. push a blob to one repository, mount it into another, or push it there, and DELETE it from the other
            2. expect exactly its bytes from the first
    """
    expect_done(blob_deleted)

    expect_bytes(stored.repository.get_blob(blob_deleted.what.digest), blob_deleted.what.content)


@verifies("registry/delete/known-is-gone-as-well")
@pytest.mark.parametrize("what", [case("manifest", "manifest"), case("blob", "blob")])
def test_conditional_pull_of_deleted_content(
    request: pytest.FixtureRequest, repository: Repository, one_of_two_deleted: OneOfTwoDeleted, what: str
) -> None:
    """Purpose: who has read what was deleted is told that it is gone, and not that it is as it was.

    Method: 1. push and read a manifest or a blob, as it is and compressed, DELETE it
            2. GET it with its entity tag in If-None-Match, and as one who takes it compressed: expect 404
    """
    over: Deletion = request.getfixturevalue(f"{what}_deleted")
    expect_done(over)
    digest = over.what.digest
    known = ("If-None-Match", over.read.headers.get("etag") or f'"{digest}"')

    for field in (known, CODED):
        if what == "manifest":
            expect_not_stored([one_of_two_deleted.repository.get_manifest(digest, [EVERY_TYPE, field])])
        else:
            expect_not_stored([repository.get_blob(digest, [field])])


@verifies("registry/delete/tag-alone")
def test_delete_tag(new_repository: NewRepository) -> None:
    """Purpose: a tag goes alone; the image and its other tags stay.

    Method: 1. push an image under three tags, of which one named another image before, begins another's name, and is
               the third in small letters; DELETE that one: expect 202
            2. expect 404 to GET of that tag, and the other tags alone in the list, which is asked for in pages; where a
               page that was read before leads to the rest, expect that to be whole
            3. expect the image by digest and by its other tags
            4. push another under the deleted tag: expect 2xx, exactly its bytes, and the tag in the list
    """
    repository = new_repository("delete-tag")
    manifest = image(repository.name, layers=0)
    repository.given(variation(manifest, "before"), "gone")
    tag = given_over(repository, manifest, "gone", "GONE")
    repository.given(manifest, *sorted({"gone-not", "GONE"} - {tag}))

    # Who has read it before is told, too, that it went.
    before = repository.tags("?n=2")
    repository.get_manifest("gone"), repository.head_manifest("gone")
    expect_status(repository.delete_manifest("gone"), 202)
    expect_not_stored([repository.get_manifest("gone"), repository.head_manifest("gone")])
    expect_tags(repository, ["GONE", "gone-not"], "?n=2")
    if before.ok and "gone-not" not in strings_of(before, "tags") and (link := next_link(before)):
        expect_listed(pages_from(repository.follow(before, link), repository.follow), "tags", ["gone-not"])
    for reference in (manifest.digest, "gone-not", "GONE"):
        expect_bytes(repository.get_manifest(reference), manifest.content)
    after = variation(manifest, "after")
    expect_success(repository.push(after, "gone"), "under a tag that was deleted")
    expect_bytes(repository.get_manifest("gone"), after.content)
    expect_tags(repository, ["GONE", "gone", "gone-not"])


@verifies("registry/delete/refused-tag-deletion-changes-nothing")
def test_tag_deletion_that_is_not_offered(
    repository: Repository, new_image: NewImage, names: Names, features: frozenset[str]
) -> None:
    """Purpose: a registry that does not delete tags says so, and deletes nothing.

    Method: 1. push an image under a tag, DELETE the tag
            2. expect 400 or 405, or 401 or 403 to a login that may not delete, and exactly its bytes by tag; a registry
               that deletes it need not say so
    """
    if "registry.delete-tag" in features:
        raise NotOffered("the target claims registry.delete-tag")
    tag = names.new("tag")
    manifest = repository.given(new_image(), tag)
    reply = repository.delete_manifest(tag)
    if reply.ok:
        raise NotOffered("the registry deletes tags, though the target does not claim it")

    expect_status(reply, {400, 401, 403, 405}, "where tags are not deleted")
    expect_bytes(repository.get_manifest(tag), manifest.content)


@verifies("registry/delete/manifest-is-answered-202")
@pytest.mark.parametrize("what", [case("without-its-tag", "an image")])
def test_delete_an_untagged_manifest(
    repository: Repository, new_image: NewImage, names: Names, features: frozenset[str], what: str
) -> None:
    """Purpose: an image is deleted by its digest though its tag went before.

    Method: 1. push an image under a tag, DELETE the tag, GET the image by its digest: it may have gone with its tag
            2. where it is there, DELETE it by digest: expect 202, or 404 where it has gone by now
    """
    if "registry.delete-tag" not in features:
        raise NotOffered("the target does not claim registry.delete-tag")
    tag = names.new("untagged")
    manifest = repository.given(new_image(), tag)
    untagged = repository.delete_manifest(tag)
    if not untagged.ok or repository.get_manifest(manifest.digest).status != 200:
        raise NotApplicable(f"there is no image without a tag here ({untagged.status} to DELETE of the tag)")
    reply = repository.delete_manifest(manifest.digest)
    if reply.status == 404 and repository.get_manifest(manifest.digest).status == 404:
        raise NotApplicable("the image went a little after its tag, as it may")

    expect_status(reply, 202, f"to {what} that no tag names")


@verifies("registry/delete/manifest-is-answered-202")
@pytest.mark.parametrize("what", [case("without-its-subject", "a referrer")])
def test_delete_a_referrer_of_an_absent_subject(
    repository: Repository, base: Manifest, new_image: NewImage, what: str
) -> None:
    """Purpose: what refers to an image that is not there can be deleted as any other.

    Method: 1. push a manifest whose subject never came, DELETE it by digest
            2. expect 202
    """
    config, *layers = base.blobs
    referrer = manifest_of(config, layers, artifactType="application/vnd.example.note", subject=new_image().descriptor)
    need_taken(repository.push(referrer))

    expect_status(repository.delete_manifest(referrer.digest), 202, f"to {what} of what is not there")
