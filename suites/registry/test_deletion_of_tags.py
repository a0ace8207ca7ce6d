"""The deletion of a tag alone, and where it is not offered (OCI Distribution 1.1, "Deleting tags")."""

from __future__ import annotations

from conformance.clients.images import NewImage, image, variation
from conformance.clients.registry import NewRepository, Repository
from conformance.clients.registry_tags import given_over
from conformance.oracles.registry import expect_bytes, expect_not_stored, expect_tags
from conformance.oracles.status import expect_status
from conformance.sandbox.names import Names
from conformance.vocabulary.check import verifies
from conformance.vocabulary.finding import NotApplicable


@verifies("registry/delete/tag-alone")
def test_delete_tag(new_repository: NewRepository) -> None:
    """Purpose: a tag goes alone; the image and its other tags stay.

    Method: 1. push an image under three tags, of which one named another image before, begins another's name, and is
               the third in small letters; DELETE that one: expect 202
            2. expect 404 to GET of that tag, and the other tags alone in the list, which is asked for in pages
            3. expect the image by digest and by its other tags
            4. push another under the deleted tag: expect 201, exactly its bytes, and the tag in the list
    """
    repository = new_repository("delete-tag")
    manifest = image(repository.name, layers=0)
    repository.given(variation(manifest, "before"), "gone")
    tag = given_over(repository, manifest, "gone", "GONE")
    repository.given(manifest, *sorted({"gone-not", "GONE"} - {tag}))

    expect_status(repository.delete_manifest("gone"), 202)
    expect_not_stored([repository.get_manifest("gone"), repository.head_manifest("gone")])
    expect_tags(repository, ["GONE", "gone-not"], "?n=100")
    for reference in (manifest.digest, "gone-not", "GONE"):
        expect_bytes(repository.get_manifest(reference), manifest.content)
    after = variation(manifest, "after")
    expect_status(repository.push(after, "gone"), 201, "under a tag that was deleted")
    expect_bytes(repository.get_manifest("gone"), after.content)
    expect_tags(repository, ["GONE", "gone", "gone-not"])


@verifies("registry/delete/refused-tag-deletion-changes-nothing")
def test_tag_deletion_that_is_not_offered(
    repository: Repository, new_image: NewImage, names: Names, features: frozenset[str]
) -> None:
    """Purpose: a registry that does not delete tags says so, and deletes nothing.

    Method: 1. push an image under a tag, DELETE the tag
            2. expect 400 or 405, and exactly its bytes by tag; a registry that deletes it need not say so
    """
    if "registry.delete-tag" in features:
        raise NotApplicable("the target claims registry.delete-tag")
    tag = names.new("tag")
    manifest = repository.given(new_image(), tag)
    reply = repository.delete_manifest(tag)
    if reply.ok:
        raise NotApplicable("the registry deletes tags, though the target does not claim it")

    expect_status(reply, {400, 405}, "where tags are not deleted")
    expect_bytes(repository.get_manifest(tag), manifest.content)
