"""Deleting manifests, tags and blobs (OCI Distribution Specification 1.1, "Content Management")."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from conformance.clients.registry.client import (
    CODED,
    EVERY_TYPE,
    NewRepository,
    Repository,
    StoredImage,
    require_stored,
)
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
from conformance.clients.registry.tags import deleted, retag
from conformance.clients.registry.uploads import pushed
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
from conformance.vocabulary.finding import Inconclusive, NonConformance, NotApplicable, NotOffered

DISABLED = {400, 405}
"""The statuses of a registry that does not offer deletion (OCI Distribution 1.1, "Content Management")."""
DELETED = 42
"""A loss of one deletion in forty shows."""
BY_KIND = pytest.mark.parametrize("kind", [case("manifest", "manifest_deleted"), case("blob", "blob_deleted")])


@dataclass(frozen=True)
class Deletion:
    """Deleted content: the responses to a read before and to its DELETE; how it is read and deleted again."""

    content: Blob
    before: Exchange
    reply: Exchange
    get: Callable[..., Exchange]
    delete: Callable[[str], Exchange]

    def require_done(self) -> None:
        """Raise Inconclusive if the deletion was refused, which another check judges."""
        if not self.reply.ok:
            raise Inconclusive(f"the content could not be deleted: {self.reply}", "a login that may delete")


@pytest.fixture
def blob_deleted(repository: Repository, stored: StoredImage, new_blob: NewBlob, once: Once) -> Deletion:
    """A blob that was mounted or pushed into a second repository, read and deleted there."""

    def made() -> Deletion:
        blob = new_blob()
        stored.repository.given_blob(blob.content)
        if repository.post_upload(mount=blob.digest, from_=stored.repository.name).status != 201:
            repository.given_blob(blob.content)
        repository.head_blob(blob.digest), repository.get_blob(blob.digest, [CODED])
        before, reply = repository.get_blob(blob.digest), repository.delete_blob(blob.digest)
        return Deletion(blob, before, reply, repository.get_blob, repository.delete_blob)

    deletion = once("blob deleted", made)
    if deletion.reply.status in DISABLED:
        raise NotApplicable("the registry deletes no blobs, which is optional")
    return deletion


@dataclass(frozen=True)
class OneOfTwoDeleted:
    """A repository, one of its images that was deleted, the remaining one, and a blob of an image to come."""

    repository: Repository
    deletion: Deletion
    kept: Manifest
    tag: str
    coming: Blob


@pytest.fixture
def one_of_two_deleted(new_repository: NewRepository, once: Once) -> OneOfTwoDeleted:
    """Two images that share config and layer; the image with two tags was read and deleted."""

    def made() -> OneOfTwoDeleted:
        repository = new_repository("delete")
        removed = image(repository.name)
        remaining = variation(removed, "kept")
        repository.given(removed, "gone", "gone-too", "kept")
        tag = retag(repository, remaining, "kept", "kept-too")
        coming = image(f"{repository.name} coming", layers=0).blobs[0]
        repository.given_blob(coming.content)
        repository.get_manifest("gone"), repository.head_manifest("gone"), repository.head_manifest(removed.digest)
        repository.tags(), repository.get_manifest(removed.digest, [EVERY_TYPE, CODED])
        before, reply = repository.get_manifest(removed.digest), deleted(repository, removed, "gone", "gone-too")
        deletion = Deletion(removed, before, reply, repository.get_manifest, repository.delete_manifest)
        return OneOfTwoDeleted(repository, deletion, remaining, tag, coming)

    return once("halved", made)


@pytest.fixture
def manifest_deleted(one_of_two_deleted: OneOfTwoDeleted) -> Deletion:
    """A manifest that was deleted."""
    return one_of_two_deleted.deletion


@verifies("registry/delete/manifest-is-answered-202")
def test_delete_manifest(manifest_deleted: Deletion) -> None:
    """Purpose: a client can delete an image.
    Method: 1. push an image, DELETE it by digest, after its tags if the registry keeps tagged images; 2. expect 202
    """
    if manifest_deleted.before.status == 404:
        needs = "an image that exists while tags name it"
        raise Inconclusive(f"the image was missing before its deletion: {manifest_deleted.before}", needs)
    expect_status(manifest_deleted.reply, 202)


@verifies("registry/delete/manifest-goes-with-its-tags")
def test_manifest_goes_with_its_tags(one_of_two_deleted: OneOfTwoDeleted) -> None:
    """Purpose: no client can pull a deleted image, by any name.
    Method: 1. push an image under three tags, and another under the third of them (a fourth if tags are immutable)
            2. read the tags and the first image, DELETE it by digest
            3. expect 404 to GET and HEAD of the digest and of both tags, and only the other's tag in the list
    """
    repository, deletion = one_of_two_deleted.repository, one_of_two_deleted.deletion
    deletion.require_done()
    for reference in (deletion.content.digest, "gone", "gone-too"):
        expect_not_stored([repository.get_manifest(reference), repository.head_manifest(reference)])
    expect_tags(repository, [one_of_two_deleted.tag])


@verifies("registry/delete/others-stay")
def test_others_stay(one_of_two_deleted: OneOfTwoDeleted) -> None:
    """Purpose: deleting one image does not harm images that share its blobs, nor an image that is being pushed.
    Method: 1. push two images that share config and layer, and a blob of a third; DELETE one of the images
            2. expect the other image by tag and digest, each of its blobs, and the blob of the third
    """
    repository, remaining = one_of_two_deleted.repository, one_of_two_deleted.kept
    one_of_two_deleted.deletion.require_done()
    for reference in (one_of_two_deleted.tag, remaining.digest):
        expect_bytes(repository.get_manifest(reference), remaining.content)
    for blob in (*remaining.blobs, one_of_two_deleted.coming):
        expect_bytes(repository.get_blob(blob.digest), blob.content)


@verifies("registry/delete/absent-is-404")
@pytest.mark.parametrize(
    ("kind", "state"),
    [
        case("manifest", "manifest_deleted", "never pushed"),
        case("blob", "blob_deleted", "never pushed"),
        case("blob-as-manifest", "manifest_deleted", "pushed as a blob"),
        case("deleted-manifest", "manifest_deleted", "deleted before"),
        case("deleted-blob", "blob_deleted", "deleted before"),
    ],
)
def test_delete_absent_content(request: pytest.FixtureRequest, names: Names, kind: str, state: str) -> None:
    """Purpose: a client learns that the content to delete does not exist.
    Method: 1. DELETE a manifest and a blob that are absent or deleted, and a blob's digest as a manifest; 2. expect 404
    """
    deletion: Deletion = request.getfixturevalue(kind)
    content, digest = deletion.content, digest_of(names.new("absent").encode())
    if state == "pushed as a blob" and isinstance(content, Manifest):
        digest = content.blobs[0].digest
    if state == "deleted before":
        deletion.require_done()
        digest = content.digest

    expect_status(deletion.delete(digest), 404, f"for content that was {state}")


@verifies("registry/delete/absent-is-404#tag")
def test_delete_an_absent_tag(one_of_two_deleted: OneOfTwoDeleted, features: frozenset[str]) -> None:
    """Purpose: a client learns that the tag to delete does not exist.
    Method: 1. DELETE a tag that was never pushed, which is the beginning of another; 2. expect 404
    """
    if "registry.delete-tag" not in features:
        raise NotOffered("the target does not claim registry.delete-tag")
    reply = one_of_two_deleted.repository.delete_manifest(one_of_two_deleted.tag[:-1])
    expect_status(reply, 404, "for a tag that was never pushed")


@verifies("registry/delete/absent-is-404")
@pytest.mark.parametrize("kind", [case("manifest-nowhere", "manifests"), case("blob-nowhere", "blobs")])
def test_delete_in_an_absent_repository(repository: Repository, names: Names, kind: str) -> None:
    """Purpose: a client learns that the repository of its deletion does not exist.
    Method: 1. DELETE a manifest and a blob of a repository that nothing was pushed to
            2. expect 404, or 400 or 405 if that deletion is not offered
    """
    absent = repository.registry.repository(f"{repository.registry.described.repository}-{names.new('absent')}")
    reply = absent.send("DELETE", f"{kind}/{digest_of(b'nowhere')}")
    expect_status(reply, {404, *DISABLED}, "for content of an absent repository")


@verifies("registry/delete/blob-is-gone")
def test_delete_blob(repository: Repository, blob_deleted: Deletion) -> None:
    """Purpose: no client can pull a deleted blob.
    Method: 1. push a blob, HEAD and GET it, DELETE it: expect 202; 2. expect 404 to GET and HEAD, and to GET of a part
    """
    digest = blob_deleted.content.digest
    expect_status(blob_deleted.reply, 202)
    expect_not_stored([repository.get_blob(digest), repository.head_blob(digest)])
    expect_not_stored([repository.get_blob(digest, [("Range", "bytes=0-9")])])


@verifies("registry/delete/blob-is-gone#sha512")
def test_delete_a_blob_by_sha512(repository: Repository, new_blob: NewBlob) -> None:
    """Purpose: a client deletes a blob by the digest that it was pushed with.
    Method: 1. push a blob under its sha512 digest; not applicable if the registry accepts none, or deletes no blobs
            2. DELETE it: expect 202, and 404 to GET and HEAD
    """
    blob = new_blob()
    digest = digest_of(blob.content, "sha512")
    if not repository.open_upload().put(digest, blob.content).ok:
        raise NotApplicable("the registry accepts no sha512 digests, which are optional")
    reply = repository.delete_blob(digest)
    if not reply.ok and not repository.delete_blob(repository.given_blob(new_blob().content)).ok:
        raise NotApplicable("the registry deletes no blobs, which is optional")

    expect_status(reply, 202, "by the sha512 digest")
    expect_not_stored([repository.get_blob(digest), repository.head_blob(digest)])


@verifies("registry/delete/blob-stays-in-other-repositories")
def test_blob_stays_in_another_repository(stored: StoredImage, blob_deleted: Deletion) -> None:
    """Purpose: deleting a blob in one repository does not break images in another.
    Method: 1. push a blob to one repository, mount it into another (or push it there), and DELETE it there
            2. expect exactly its bytes from the first
    """
    blob_deleted.require_done()
    expect_bytes(stored.repository.get_blob(blob_deleted.content.digest), blob_deleted.content.content)


@verifies("registry/delete/conditional-pull-is-404")
@BY_KIND
def test_conditional_pull_of_deleted_content(request: pytest.FixtureRequest, kind: str) -> None:
    """Purpose: a client with a cached copy learns that the content was deleted.
    Method: 1. push and read a manifest or a blob, DELETE it
            2. GET it with its entity tag in If-None-Match, and with Accept-Encoding: gzip: expect 404
    """
    deletion: Deletion = request.getfixturevalue(kind)
    deletion.require_done()
    digest = deletion.content.digest
    known = ("If-None-Match", deletion.before.headers.get("etag") or f'"{digest}"')
    for field in (known, CODED):
        expect_not_stored([deletion.get(digest, [EVERY_TYPE, field])])


@verifies("registry/delete/tag-deletion-keeps-its-image")
def test_delete_tag(new_repository: NewRepository) -> None:
    """Purpose: deleting a tag keeps the image and its other tags.
    Method: 1. push an image under three tags, one of which named another image before; read one and DELETE it
            2. expect 202, 404 to GET and HEAD of the tag, and the image by digest and its other tags
            3. expect only the other tags in the list, in pages, also from the link of a page that was read before
            4. push another image under the deleted tag: expect 2xx, exactly its bytes, and the tag in the list
    """
    repository = new_repository("delete-tag")
    manifest = image(repository.name, layers=0)
    repository.given(variation(manifest, "before"), "gone")
    tag = retag(repository, manifest, "gone", "GONE")
    repository.given(manifest, *sorted({"gone-not", "GONE"} - {tag}))

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
    expect_success(repository.push(after, "gone"), "for a deleted tag")
    expect_bytes(repository.get_manifest("gone"), after.content)
    expect_tags(repository, ["GONE", "gone", "gone-not"])


@verifies("registry/delete/acknowledged-deletions-are-done")
@pytest.mark.parametrize("kind", ["blob", "manifest", "tag"])
def test_every_acknowledged_deletion_is_done(
    repository: Repository, base: Manifest, features: frozenset[str], names: Names, kind: str
) -> None:
    """Purpose: a client can rely on each deletion that was acknowledged, and not on most of them.
    Method: 1. push 42 blobs, manifests or tags; DELETE each: expect 2xx; 2. HEAD each: expect 404
    """
    if kind == "tag" and "registry.delete-tag" not in features:
        raise NotApplicable("the registry does not delete single tags, which is optional")
    mark = names.new("acknowledged")
    made = [variation(base, f"{mark}-{number}") for number in range(DELETED)]
    contents = {each.digest: each.content for each in made}
    if kind == "tag":
        contents = {f"{mark}-{number}": base.content for number in range(DELETED)}
    head, delete = (getattr(repository, f"{verb}_{kind.replace('tag', 'manifest')}") for verb in ("head", "delete"))

    def push(reference: str) -> Exchange:
        if kind == "blob":
            return pushed(repository, contents[reference], reference, "post")
        return repository.put_manifest(reference, contents[reference], base.media_type)

    for reference in contents:
        require_stored(push(reference))
    replies = [delete(reference) for reference in contents]
    if kind == "blob" and replies[0].status in DISABLED:
        raise NotApplicable("the registry deletes no blobs, which is optional")

    for reply in replies:
        expect_success(reply, f"for each deletion of a {kind}")
    existing = [each for each in map(head, contents) if each.status != 404]
    if existing:
        seen = f"{len(existing)} of {DELETED} still there ({existing[0].status})"
        raise NonConformance(f"404 for each {kind} whose deletion was acknowledged", seen, *existing[:2])


@verifies("registry/delete/refused-deletion-changes-nothing")
@pytest.mark.parametrize("feature", [case("manifest", "registry.delete"), case("tag", "registry.delete-tag")])
def test_deletion_that_is_not_offered(
    repository: Repository, new_image: NewImage, names: Names, features: frozenset[str], feature: str
) -> None:
    """Purpose: a registry that does not offer a deletion says so, and deletes nothing.
    Method: 1. push an image under a tag, DELETE it by digest, or its tag; not applicable if the registry deletes it
            2. expect 400 or 405 (401 or 403 for a login that may not delete), and exactly its bytes
    """
    if feature in features:
        raise NotOffered(f"the target claims {feature}")
    tag = names.new("tag")
    manifest = repository.given(new_image(), tag)
    reference = tag if feature == "registry.delete-tag" else manifest.digest
    reply = repository.delete_manifest(reference)
    if reply.ok:
        raise NotOffered(f"the registry offers the deletion, though the target does not claim {feature}")

    expect_status(reply, {400, 401, 403, 405}, "if the deletion is not offered")
    expect_bytes(repository.get_manifest(reference), manifest.content)


@verifies("registry/delete/manifest-is-answered-202#without-its-tag")
def test_delete_an_untagged_manifest(
    repository: Repository, new_image: NewImage, names: Names, features: frozenset[str]
) -> None:
    """Purpose: a client deletes an image by its digest after it deleted the tag.
    Method: 1. push an image under a tag, DELETE the tag; not applicable if the image goes with its tag
            2. DELETE the image by digest: expect 202
    """
    if "registry.delete-tag" not in features:
        raise NotOffered("the target does not claim registry.delete-tag")
    tag = names.new("untagged")
    manifest = repository.given(new_image(), tag)
    untagged = repository.delete_manifest(tag)
    if not untagged.ok or repository.get_manifest(manifest.digest).status != 200:
        raise NotApplicable(f"the registry keeps no image without a tag ({untagged.status} to DELETE of the tag)")
    reply = repository.delete_manifest(manifest.digest)
    if reply.status == 404 and repository.get_manifest(manifest.digest).status == 404:
        raise NotApplicable("the image was removed soon after its tag, which is permitted")

    expect_status(reply, 202, "for an image that no tag names")


@verifies("registry/delete/manifest-is-answered-202#without-its-subject")
def test_delete_a_referrer_of_an_absent_subject(repository: Repository, base: Manifest, new_image: NewImage) -> None:
    """Purpose: a client deletes a signature whose image does not exist.
    Method: 1. push a manifest whose subject was never pushed, DELETE it by digest; 2. expect 202
    """
    config, *layers = base.blobs
    referrer = manifest_of(config, layers, artifactType="application/vnd.example.note", subject=new_image().descriptor)
    require_stored(repository.push(referrer))
    expect_status(repository.delete_manifest(referrer.digest), 202, "for a referrer of an absent subject")
