"""The deletion of a tag alone, where it is not offered, and of what no tag names (OCI Distribution 1.1)."""

from __future__ import annotations

import pytest

from conformance.clients.registry.client import NewRepository, Repository, need_taken
from conformance.clients.registry.images import Manifest, NewImage, image, manifest_of, variation
from conformance.clients.registry.tags import given_over
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
from conformance.vocabulary.finding import NotApplicable, NotOffered


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
def test_delete_what_lost_its_tag(
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
def test_delete_a_referrer_of_nothing(repository: Repository, base: Manifest, new_image: NewImage, what: str) -> None:
    """Purpose: what refers to an image that is not there can be deleted as any other.

    Method: 1. push a manifest whose subject never came, DELETE it by digest
            2. expect 202
    """
    config, *layers = base.blobs
    referrer = manifest_of(config, layers, artifactType="application/vnd.example.note", subject=new_image().descriptor)
    need_taken(repository.push(referrer))

    expect_status(repository.delete_manifest(referrer.digest), 202, f"to {what} of what is not there")
