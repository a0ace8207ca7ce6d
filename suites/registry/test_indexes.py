"""Image indexes: pushing, tags and types, and deletion of an index or of an image in it (OCI Distribution 1.1)."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from conformance.clients.registry.client import NewRepository, Repository, StoredImage
from conformance.clients.registry.images import OCI_INDEX, Manifest, encoded, image, index, manifest_of, variation
from conformance.clients.registry.tags import STAYS, deleted, given_over
from conformance.evidence.shared_requests import Once
from conformance.oracles.headers import expect_media_type
from conformance.oracles.registry import (
    expect_bytes,
    expect_listed,
    expect_not_stored,
    expect_tags,
    expect_true_digest,
    pages_from,
)
from conformance.oracles.status import expect_status, expect_success
from conformance.sandbox.names import Names
from conformance.vocabulary.check import verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive, NotApplicable

CHART = "application/vnd.example.chart"
# A tag that a JSON list may contain as a number.
DIGITS = "20261125"


@dataclass(frozen=True)
class StoredIndex:
    """An index of two images in a repository, and the responses to reads, pushes and deletions of it.

    ``pulled`` is GET of the index's tag, ``child_pulled`` that of an image's tag, ``pushed_again`` the second push;
    ``child_deleted`` is the deletion of the other image, ``kept`` GET of the index after it, ``deleted`` the index's.
    """

    repository: Repository
    child: Manifest
    index: Manifest
    tag: str
    pulled: Exchange
    child_pulled: Exchange
    pages: list[Exchange]
    pushed_again: Exchange
    child_deleted: Exchange
    kept: Exchange
    deleted: Exchange


@pytest.fixture
def stored_index(new_repository: NewRepository, once: Once, features: frozenset[str]) -> StoredIndex:
    """An index of two images, under a tag that named the first before; the second and it are deleted if claimed."""

    def made() -> StoredIndex:
        repository = new_repository("index")
        config, *layers = image(repository.name, layers=0).blobs
        child = repository.given(manifest_of(config, layers, artifactType=CHART), DIGITS, "index")
        other = repository.given(variation(child, "other"))
        listed = index([child, other])
        tag = given_over(repository, listed, "index", "listing")
        pulled, child_pulled = repository.get_manifest(tag), repository.get_manifest(DIGITS)
        pages = pages_from(repository.tags(), repository.follow)
        again = repository.put_manifest(listed.digest, listed.content, listed.media_type)
        after = [pulled] * 3
        if "registry.delete" in features:
            unlisted, kept = repository.delete_manifest(other.digest), repository.get_manifest(tag)
            after = [unlisted, kept, deleted(repository, listed, tag)]
        return StoredIndex(repository, child, listed, tag, pulled, child_pulled, pages, again, *after)

    return once("index under a tag", made)


@verifies("registry/manifest/image-kinds-are-accepted#again")
def test_index_pushed_again(stored_index: StoredIndex) -> None:
    """Purpose: a client may push an index that the registry has.
    Method: 1. push an index by tag, and once more by its digest; 2. expect 2xx again
    """
    expect_success(stored_index.pushed_again, "for an index that is pushed again")


@verifies("registry/manifest/created-digest-is-true#index")
def test_created_digest_of_an_index(stored_index: StoredIndex) -> None:
    """Purpose: the digest in the response is the index's own, not that of an image in it.
    Method: 1. push an index of two images by its digest
            2. expect Docker-Content-Digest of the 201, if present, to be the index's digest
    """
    expect_success(stored_index.pushed_again, "for an index")
    expect_true_digest(stored_index.pushed_again, stored_index.index.digest)


@verifies("registry/manifest/index-of-layers-is-no-server-error")
def test_index_of_layers(stored: StoredImage, names: Names) -> None:
    """Purpose: builders store their cache as an index of layers, which must not cause a server error.
    Method: 1. push an image, PUT an index that lists its config and its layers; 2. expect 2xx or a 4xx
    """
    entries = [each.descriptor for each in stored.image.blobs]
    content = encoded({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries})
    reply = stored.repository.put_manifest(names.new("cache"), content, OCI_INDEX)
    expect_status(reply, {*range(200, 300), *range(400, 500)}, "for an index of layers")


@verifies("registry/tags/of-indexes-are-listed")
def test_tags_of_indexes(stored_index: StoredIndex) -> None:
    """Purpose: the tag list contains tags of images, charts and indexes.
    Method: 1. push an image with an artifactType under a tag of digits, and an index of it under another tag
            2. expect both tags in the list
    """
    expect_listed(stored_index.pages, "tags", [DIGITS, stored_index.tag])


@verifies("registry/pull/type-goes-with-the-tag")
def test_type_goes_with_the_tag(stored_index: StoredIndex) -> None:
    """Purpose: a client parses a manifest by its media type, also after its tag moved to an index.
    Method: 1. push an image under two tags, and an index of it under the second of them; GET both
            2. expect the image's media type of the first; exactly the index's bytes and media type of the second
    """
    expect_media_type(stored_index.child_pulled, stored_index.child.media_type)
    if stored_index.tag != "index":
        raise NotApplicable(STAYS)
    expect_bytes(stored_index.pulled, stored_index.index.content)
    expect_media_type(stored_index.pulled, stored_index.index.media_type)


@verifies("registry/delete/others-stay#index-of-it")
def test_index_stays(stored_index: StoredIndex) -> None:
    """Purpose: deleting one image keeps the index that lists it.
    Method: 1. push an index of two images under a tag, DELETE one of the images; not applicable if that is refused
            2. expect exactly the index's bytes by its tag
    """
    if not stored_index.child_deleted.ok:
        raise NotApplicable(f"the registry keeps an image that an index lists ({stored_index.child_deleted.status})")
    expect_bytes(stored_index.kept, stored_index.index.content)


@verifies("registry/delete/index-goes-with-its-tags")
def test_index_goes_with_its_tags(stored_index: StoredIndex) -> None:
    """Purpose: nobody pulls a deleted index, by any name.
    Method: 1. push an index under a tag, DELETE it by digest: expect 202
            2. expect 404 to GET of the digest and of the tag, and the tag in no list
    """
    repository = stored_index.repository
    expect_status(stored_index.deleted, 202, "for an index")
    for reference in (stored_index.index.digest, stored_index.tag):
        expect_not_stored([repository.get_manifest(reference)])
    expect_tags(repository, sorted({DIGITS, "index"} - {stored_index.tag}))


@verifies("registry/delete/listed-images-stay")
def test_listed_images_stay(stored_index: StoredIndex) -> None:
    """Purpose: deleting an index keeps the images that it lists.
    Method: 1. push an image under a tag, and an index of it; DELETE the index
            2. expect exactly the image's bytes by its tag
    """
    if not stored_index.deleted.ok:
        raise Inconclusive(f"an index could not be deleted: {stored_index.deleted}", "a login that may delete")
    expect_bytes(stored_index.repository.get_manifest(DIGITS), stored_index.child.content)
