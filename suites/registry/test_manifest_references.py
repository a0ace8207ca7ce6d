"""Manifests and indexes: what they reference, stored, missing, deleted or elsewhere (OCI Distribution 1.1)."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from conformance.clients.registry.client import ByDigest, NewRepository, Repository, StoredImage, require_stored
from conformance.clients.registry.image_kinds import docker_image, of_docker, twins
from conformance.clients.registry.images import (
    DOCKER_LIST,
    OCI_INDEX,
    Blob,
    Manifest,
    NewImage,
    encoded,
    image,
    index,
    manifest_of,
    variation,
)
from conformance.clients.registry.tags import IMMUTABLE, deleted, retag
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
from conformance.oracles.registry_errors import expect_missing_reported
from conformance.oracles.status import expect_refused, expect_status, expect_success
from conformance.sandbox.names import Names
from conformance.vocabulary.check import case, row, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive, NotApplicable, NotOffered

BLOBS = ("config", "layer", "layer-elsewhere", "known-elsewhere", "deleted")
CHILDREN = ("child", "docker-child", "child-elsewhere", "deleted-child")
MORE_THAN_32_BITS = 5 * 1024**3
REFERENCES_UNCHECKED = "the registry accepts manifests before their blobs, which is permitted"
PushWithout = Callable[[str], tuple[Manifest, Exchange]]


@pytest.fixture
def push_without(
    repository: Repository,
    stored: StoredImage,
    base: Manifest,
    by_digest: ByDigest,
    names: Names,
    once: Once,
    features: frozenset[str],
) -> PushWithout:
    """Pushes a manifest with one missing reference, once for each kind of reference."""

    def of_here(blobs: tuple[Blob, ...]) -> Manifest:
        return (of_docker if by_digest(docker_image(base)).ok else manifest_of)(base.blobs[0], blobs)

    def nested(absent: Manifest) -> Manifest:
        require_stored(by_digest(twins(base)[0]))
        return index([twins(base)[0], index([absent])])

    def made(missing: str) -> tuple[Manifest, Exchange]:
        if missing.startswith("deleted") and "registry.delete" not in features:
            raise NotOffered("the target does not claim registry.delete")
        tag = names.new("missing")
        absent = image(tag, docker=missing == "docker-child")
        manifest = {
            "config": lambda: manifest_of(absent.blobs[0], base.blobs[1:]),
            "layer": lambda: manifest_of(base.blobs[0], [*base.blobs[1:], *absent.blobs[1:]]),
            "layer-elsewhere": lambda: of_here(stored.image.blobs[1:]),
            # Not the image of "layer-elsewhere": a registry may accept it, and then its layer is referenced here.
            "known-elsewhere": lambda: stored.repository.given(variation(stored.image, tag)),
            "deleted": lambda: manifest_of(base.blobs[0], [deleted_blob(repository, absent.blobs[1])]),
            "child": lambda: nested(absent),
            "docker-child": lambda: index([absent], docker=True),
            "child-elsewhere": lambda: index([stored.image]),
            "deleted-child": lambda: index([deleted_image(repository, variation(base, tag))]),
        }[missing]()
        reference = manifest.digest if missing == "config" else tag
        return manifest, repository.put_manifest(reference, manifest.content, manifest.media_type)

    return lambda missing: once(("without", missing), lambda: made(missing))


def deleted_image(repository: Repository, manifest: Manifest) -> Manifest:
    """Push and delete an image; not applicable where images cannot be deleted."""
    if not (reply := repository.delete_manifest(repository.given(manifest).digest)).ok:
        raise NotApplicable(f"the registry does not delete manifests: {reply}")
    return manifest


def deleted_blob(repository: Repository, blob: Blob) -> Blob:
    """Push and delete a blob; not applicable where blobs cannot be deleted."""
    if not (reply := repository.delete_blob(repository.given_blob(blob.content))).ok:
        raise NotApplicable(f"the registry does not delete blobs: {reply}")
    return blob


@pytest.mark.parametrize(
    "missing",
    [row(f"registry/manifest/missing-reference-is-refused#{each}", each) for each in BLOBS]
    + [row(f"registry/manifest/missing-child-is-refused#{each}", each) for each in CHILDREN],
)
def test_missing_reference(repository: Repository, push_without: PushWithout, missing: str) -> None:
    """Purpose: a registry does not accept an image or index that no client can pull.
    Method: 1. PUT a manifest whose config, layer or child was never pushed, was deleted or is in another repository.
            2. Expect a 4xx, since no clause names one, and 404 to GET of the digest.
    """
    manifest, reply = push_without(missing)

    expect_refused(reply, "for a manifest with a missing reference")
    expect_not_stored([repository.get_manifest(manifest.digest)])


@verifies("registry/manifest/missing-reference-error-code")
@pytest.mark.parametrize("missing", BLOBS + CHILDREN)
def test_code_of_a_missing_reference(push_without: PushWithout, missing: str) -> None:
    """Purpose: a client learns that it must push a blob first.
    Method: 1. PUT a manifest with a missing reference.
            2. Where it is refused, expect the code MANIFEST_BLOB_UNKNOWN, or BLOB_UNKNOWN for a blob.
    """
    _, reply = push_without(missing)
    if reply.ok:
        raise NotApplicable(REFERENCES_UNCHECKED)

    expect_refused(reply)
    expect_missing_reported(reply, child="child" in missing)


@verifies("registry/manifest/each-missing-blob-is-reported")
def test_each_missing_blob_is_reported(repository: Repository, names: Names) -> None:
    """Purpose: a client learns from one response all blobs that it must push.
    Method: 1. PUT a manifest whose config and layer were never pushed.
            2. Where it is refused, expect MANIFEST_BLOB_UNKNOWN or BLOB_UNKNOWN for each of the two.
    """
    tag = names.new("missing")
    absent = image(tag)
    reply = repository.put_manifest(tag, absent.content, absent.media_type)
    if reply.ok:
        raise NotApplicable(REFERENCES_UNCHECKED)

    expect_missing_reported(reply, len(absent.blobs))


@verifies("registry/manifest/reference-copies-no-blob")
@pytest.mark.parametrize("source", [case("repository", "layer-elsewhere"), case("organization", "theirs")])
def test_reference_copies_no_blob(
    request: pytest.FixtureRequest,
    repository: Repository,
    push_without: PushWithout,
    base: Manifest,
    names: Names,
    source: str,
) -> None:
    """Purpose: a client that knows a digest cannot read the blob by naming it in a manifest.
    Method: 1. PUT a manifest with a layer of another repository or organization; 2. GET the layer: expect 404
    """
    if source == "theirs":
        manifest = manifest_of(base.blobs[0], request.getfixturevalue("theirs").image.blobs[1:])
        repository.put_manifest(names.new("theirs"), manifest.content, manifest.media_type)
    else:
        manifest, _ = push_without(source)

    expect_status(repository.get_blob(manifest.blobs[1].digest), 404, "for a blob that was not pushed here")


@verifies("registry/manifest/unusual-manifest-is-no-server-error")
@pytest.mark.parametrize("kind", ["external-layer", "empty-oci-index", "empty-docker-list", "no-content-type"])
def test_unusual_manifest(repository: Repository, base: Manifest, names: Names, kind: str) -> None:
    """Purpose: an unusual manifest is accepted or refused, and never causes a server error.
    Method: 1. PUT an image with a 5 GiB layer at a URL, an empty index, an image without a type; 2. expect 2xx or 4xx
    """
    tag = names.new("unusual")
    external = {
        **image(tag).blobs[1].descriptor,
        "urls": ["https://layers.example/1"],
        "size": MORE_THAN_32_BITS,
        "mediaType": "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
    }
    content, media_type = {
        "external-layer": (encoded({**base.document, "layers": [external]}), base.media_type),
        "empty-oci-index": (index([]).content, OCI_INDEX),
        "empty-docker-list": (index([], docker=True).content, DOCKER_LIST),
        "no-content-type": (variation(base, tag).content, None),
    }[kind]
    reply = repository.put_manifest(tag, content, media_type)

    expect_status(reply, {*range(200, 300), *range(400, 500)}, "for an unusual manifest")


@verifies("registry/manifest/wrong-size-is-refused")
def test_wrong_size_in_a_descriptor(repository: Repository, new_image: NewImage, names: Names) -> None:
    """Purpose: a client that compares sizes cannot pull an image whose manifest states a wrong one.
    Method: 1. PUT a manifest whose layer's size is one more than the blob's: expect 4xx.
    """
    manifest = new_image()
    document = manifest.document
    document["layers"][0]["size"] += 1
    reply = repository.put_manifest(names.new("size"), json.dumps(document).encode(), manifest.media_type)

    expect_refused(reply, "for a descriptor with another size than its blob's")


@verifies("registry/manifest/accepted-once-references-exist")
@pytest.mark.parametrize("kind", ["image", "index"])
def test_accepted_once_references_exist(repository: Repository, names: Names, kind: str) -> None:
    """Purpose: a client completes a refused push by pushing what was missing.
    Method: 1. PUT an image whose config, or an index whose image, was never pushed.
            2. Where that is refused, push the missing part and the manifest again: expect 2xx.
    """
    part = image(names.new("late"), layers=0)
    late = part if kind == "image" else index([part])
    reply = repository.put_manifest(late.digest, late.content, late.media_type)
    if not 400 <= reply.status < 500:
        raise NotApplicable(f"the registry accepts it before what it references ({reply.status})")

    expect_success(repository.push(late), "for a manifest whose references are all there")


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
        tag = retag(repository, listed, "index", "listing")
        pulled, child_pulled = repository.get_manifest(tag), repository.get_manifest(DIGITS)
        pages = pages_from(repository.tags(), repository.follow)
        again = repository.put_manifest(listed.digest, listed.content, listed.media_type)
        after = [pulled] * 3
        if "registry.delete" in features:
            unlisted, remaining = repository.delete_manifest(other.digest), repository.get_manifest(tag)
            after = [unlisted, remaining, deleted(repository, listed, tag)]
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
    Method: 1. push an index of two images by digest; 2. expect any Docker-Content-Digest of the 201 to be the index's
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
        raise NotApplicable(IMMUTABLE)
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
    """Purpose: no client can pull a deleted index, by any name.
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
    Method: 1. push an image under a tag, and an index of it; DELETE the index; 2. expect exactly the image by its tag
    """
    if not stored_index.deleted.ok:
        raise Inconclusive(f"an index could not be deleted: {stored_index.deleted}", "a login that may delete")
    expect_bytes(stored_index.repository.get_manifest(DIGITS), stored_index.child.content)
