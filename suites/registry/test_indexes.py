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
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive, NotApplicable

CHART = "application/vnd.example.chart"
# A tag that a list in JSON may take for a number.
DIGITS = "20261125"


@dataclass(frozen=True)
class Listing:
    """A repository with an index under a tag: what is read of it, before and after one of its images was deleted."""

    repository: Repository
    image: Manifest
    index: Manifest
    tag: str
    pulled: Exchange
    beside: Exchange
    pages: list[Exchange]
    again: Exchange
    unlisted: Exchange
    kept: Exchange
    deleted: Exchange


@pytest.fixture
def listing(new_repository: NewRepository, once: Once, features: frozenset[str]) -> Listing:
    """An index of two images, under a tag that named the first before; the second and it are deleted where claimed."""

    def made() -> Listing:
        repository = new_repository("index")
        config, *layers = image(repository.name, layers=0).blobs
        child = repository.given(manifest_of(config, layers, artifactType=CHART), DIGITS, "index")
        other = repository.given(variation(child, "other"))
        listed = index([child, other])
        tag = given_over(repository, listed, "index", "listing")
        pulled, beside = repository.get_manifest(tag), repository.get_manifest(DIGITS)
        pages = pages_from(repository.tags(), repository.follow)
        again = repository.put_manifest(listed.digest, listed.content, listed.media_type)
        if "registry.delete" not in features:
            return Listing(repository, child, listed, tag, pulled, beside, pages, again, pulled, pulled, pulled)
        unlisted, kept = repository.delete_manifest(other.digest), repository.get_manifest(tag)
        reply = deleted(repository, listed, tag)
        return Listing(repository, child, listed, tag, pulled, beside, pages, again, unlisted, kept, reply)

    return once("index under a tag", made)


@verifies("registry/manifest/image-kinds-are-accepted")
@pytest.mark.parametrize("push", [case("again", "again")])
def test_index_pushed_again(listing: Listing, push: str) -> None:
    """Purpose: who pushes an index that is there already is told that it is there.

    Method: 1. push an index by tag, and once more by its digest
            2. expect 2xx again
    """
    expect_success(listing.again, f"to an index that is pushed {push}")


@verifies("registry/manifest/created-digest-is-true")
@pytest.mark.parametrize("kind", [case("index", "index")])
def test_created_digest_of_an_index(listing: Listing, kind: str) -> None:
    """Purpose: the digest that the answer names is the index's own, and not that of an image that it lists.

    Method: 1. push an index of two images by its digest
            2. expect Docker-Content-Digest of the 201, where it is there, to be the index's digest
    """
    expect_success(listing.again, f"to an {kind}")

    expect_true_digest(listing.again, listing.index.digest)


@verifies("registry/manifest/index-of-layers-is-no-server-error")
def test_index_of_layers(stored: StoredImage, names: Names) -> None:
    """Purpose: an index of layers, in which builders keep what they may need again, is no failure's cause.

    Method: 1. push an image, PUT an index that lists its config and its layers
            2. expect 2xx or a 4xx
    """
    entries = [each.descriptor for each in stored.image.blobs]
    content = encoded({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries})
    reply = stored.repository.put_manifest(names.new("cache"), content, OCI_INDEX)

    expect_status(reply, {*range(200, 300), *range(400, 500)}, "for an index of layers")


@verifies("registry/tags/of-indexes-are-listed")
def test_tags_of_indexes(listing: Listing) -> None:
    """Purpose: a tag is listed whatever it names.

    Method: 1. push an image that tells an artifactType under a tag of digits, and an index of it under another
            2. expect both tags in the list
    """
    expect_listed(listing.pages, "tags", [DIGITS, listing.tag])


@verifies("registry/pull/type-goes-with-the-tag")
def test_type_goes_with_the_tag(listing: Listing) -> None:
    """Purpose: of a tag that named an image and names an index, an index is told.

    Method: 1. push an image under two tags, and an index of it under the second of them; GET both
            2. expect the image's media type of the first; of the second exactly the index's bytes, and its media type
    """
    expect_media_type(listing.beside, listing.image.media_type)
    if listing.tag != "index":
        raise NotApplicable(STAYS)

    expect_bytes(listing.pulled, listing.index.content)
    expect_media_type(listing.pulled, listing.index.media_type)


@verifies("registry/delete/others-stay")
@pytest.mark.parametrize("other", [case("index-of-it", "index")])
def test_index_stays(listing: Listing, other: str) -> None:
    """Purpose: an index is not deleted with one of its images.

    Method: 1. push an index of two images under a tag, DELETE one of these by digest
            2. where that is done, expect exactly the index's bytes by its tag
    """
    if not listing.unlisted.ok:
        raise NotApplicable(f"the registry keeps an image that an index lists ({listing.unlisted.status})")

    expect_bytes(listing.kept, listing.index.content)


@verifies("registry/delete/index-goes-with-its-tags")
def test_index_goes(listing: Listing) -> None:
    """Purpose: a deleted index cannot be pulled, by whichever name.

    Method: 1. push an index under a tag, DELETE it by digest: expect 202
            2. expect 404 to GET of the digest and of the tag, and the tag in no list
    """
    repository = listing.repository

    expect_status(listing.deleted, 202, "for an index")
    for reference in (listing.index.digest, listing.tag):
        expect_not_stored([repository.get_manifest(reference)])
    expect_tags(repository, sorted({DIGITS, "index"} - {listing.tag}))


@verifies("registry/delete/listed-images-stay")
def test_listed_images_stay(listing: Listing) -> None:
    """Purpose: deleting an index deletes none of the images that it lists, which have tags of their own.

    Method: 1. push an image under a tag, and an index of it; DELETE the index
            2. expect exactly the image's bytes by its tag
    """
    if not listing.deleted.ok:
        raise Inconclusive(f"an index could not be deleted: {listing.deleted}", "a login that may delete")

    expect_bytes(listing.repository.get_manifest(DIGITS), listing.image.content)
