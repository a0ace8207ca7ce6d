"""Manifests that reference missing blobs or manifests (OCI Distribution Specification 1.1, "Push")."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from conformance.clients.registry.client import ByDigest, Repository, StoredImage, require_stored
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
from conformance.evidence.shared_requests import Once
from conformance.oracles.registry import expect_not_stored
from conformance.oracles.registry_errors import expect_missing_reported
from conformance.oracles.status import expect_refused, expect_status, expect_success
from conformance.sandbox.names import Names
from conformance.vocabulary.check import case, row, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NotApplicable, NotOffered

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

    def nested(never: Manifest) -> Manifest:
        require_stored(by_digest(twins(base)[0]))
        return index([twins(base)[0], index([never])])

    def made(missing: str) -> tuple[Manifest, Exchange]:
        if missing.startswith("deleted") and "registry.delete" not in features:
            raise NotOffered("the target does not claim registry.delete")
        tag = names.new("missing")
        never = image(tag, docker=missing == "docker-child")
        manifest = {
            "config": lambda: manifest_of(never.blobs[0], base.blobs[1:]),
            "layer": lambda: manifest_of(base.blobs[0], [*base.blobs[1:], *never.blobs[1:]]),
            "layer-elsewhere": lambda: of_here(stored.image.blobs[1:]),
            # Not the image of "layer-elsewhere": a registry may accept it, and then its layer is referenced here.
            "known-elsewhere": lambda: stored.repository.given(variation(stored.image, tag)),
            "deleted": lambda: manifest_of(base.blobs[0], [deleted_blob(repository, never.blobs[1])]),
            "child": lambda: nested(never),
            "docker-child": lambda: index([never], docker=True),
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
    """Purpose: a registry does not accept an image or index that nobody could pull.
    Method: 1. PUT a manifest whose config, layer or child was never pushed, was deleted or is in another repository.
            2. Expect a 4xx, since no clause names one, and 404 to GET of the digest.
    """
    manifest, reply = push_without(missing)

    expect_refused(reply, "for a manifest with a missing reference")
    expect_not_stored([repository.get_manifest(manifest.digest)])


@verifies("registry/manifest/missing-reference-error-code")
@pytest.mark.parametrize("missing", [case(each, each) for each in BLOBS + CHILDREN])
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
    never = image(tag)
    reply = repository.put_manifest(tag, never.content, never.media_type)
    if reply.ok:
        raise NotApplicable(REFERENCES_UNCHECKED)

    expect_missing_reported(reply, len(never.blobs))


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
    Method: 1. PUT a manifest with a layer of another repository, or of another organization.
            2. GET the layer: expect 404.
    """
    if source == "theirs":
        manifest = manifest_of(base.blobs[0], request.getfixturevalue("theirs").image.blobs[1:])
        repository.put_manifest(names.new("theirs"), manifest.content, manifest.media_type)
    else:
        manifest, _ = push_without(source)

    expect_status(repository.get_blob(manifest.blobs[1].digest), 404, "for a blob that was not pushed here")


@verifies("registry/manifest/unusual-manifest-is-no-server-error")
@pytest.mark.parametrize(
    "kind", [case(each, each) for each in ("external-layer", "empty-oci-index", "empty-docker-list", "no-content-type")]
)
def test_unusual_manifest(repository: Repository, base: Manifest, names: Names, kind: str) -> None:
    """Purpose: an unusual manifest is accepted or refused, and never causes a server error.
    Method: 1. PUT an image with a 5 GiB layer at a URL, an empty index, and an image without a Content-Type.
            2. Expect 2xx or 4xx.
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
@pytest.mark.parametrize("kind", [case("image", "image"), case("index", "index")])
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
