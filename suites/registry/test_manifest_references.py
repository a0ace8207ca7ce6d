"""Manifests that refer to what is not there (OCI Distribution Specification 1.1, "Push")."""

from __future__ import annotations

import json

import pytest

from conformance.clients.images import DOCKER_LIST, Manifest, image, index, manifest_of
from conformance.clients.registry import Repository, StoredImage
from conformance.oracles.registry import expect_json_error, expect_not_stored
from conformance.oracles.status import expect_no_server_error, expect_refused, expect_status
from conformance.sandbox.names import Names
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance, NotApplicable

MISSING = pytest.mark.parametrize(
    "missing",
    [
        case("config", "config"),
        case("layer", "layer"),
        case("child", "child"),
        case("docker-child", "docker-child"),
        case("layer-elsewhere", "layer-elsewhere"),
    ],
)


def push_without(repository: Repository, elsewhere: Repository, missing: str, tag: str) -> tuple[Manifest, Exchange]:
    """Pushes a manifest under a tag, one thing that it refers to left out."""
    whole = image(tag, docker=missing == "docker-child")
    config, layer = whole.blobs
    if missing == "config":
        repository.given_blob(layer.content)
        manifest = manifest_of(config, [layer])
    elif missing in ("layer", "layer-elsewhere"):
        repository.given_blob(config.content)
        if missing == "layer-elsewhere":
            elsewhere.given_blob(layer.content)
        manifest = manifest_of(config, [layer])
    else:
        manifest = index([whole], docker=missing == "docker-child")
    return manifest, repository.put_manifest(tag, manifest.content, manifest.media_type)


@verifies("registry/manifest/missing-reference-is-refused")
@MISSING
def test_missing_reference(repository: Repository, stored: StoredImage, names: Names, missing: str) -> None:
    """Purpose: an image that cannot be pulled is not taken.

    Method: 1. PUT a manifest whose config, layer or child was never pushed, or to another repository only
            2. expect 400 or 404
            3. expect 404 to HEAD of the tag and of the digest
    """
    tag = names.new("missing")
    manifest, reply = push_without(repository, stored.repository, missing, tag)

    expect_status(reply, {400, 404}, "for a manifest that refers to what is not there")
    expect_not_stored(repository.head_manifest(each) for each in (tag, manifest.digest))


@verifies("registry/manifest/missing-reference-is-told-by-code")
@MISSING
def test_code_of_a_missing_reference(
    repository: Repository,
    stored: StoredImage,
    names: Names,
    missing: str,
) -> None:
    """Purpose: a client learns that it has to push a blob first.

    Method: 1. PUT a manifest whose config, layer or child was never pushed
            2. where it is refused, expect an error MANIFEST_BLOB_UNKNOWN
    """
    _, reply = push_without(repository, stored.repository, missing, names.new("missing"))
    if reply.ok:
        raise NotApplicable("the registry takes manifests before their blobs, which it may")

    expect_refused(reply)
    codes = [each["code"] for each in expect_json_error(reply)]
    if "MANIFEST_BLOB_UNKNOWN" not in codes:
        raise NonConformance("an error MANIFEST_BLOB_UNKNOWN", f"{reply.status} with {codes}", reply)


@verifies("registry/manifest/foreign-layer-is-no-server-error")
def test_layer_that_is_elsewhere(repository: Repository, names: Names) -> None:
    """Purpose: a layer that stands at a URL elsewhere is taken or refused, and is never the platform's fault.

    Method: 1. PUT an image with a non-distributable layer, which has urls and was not pushed
            2. expect 201 or a 4xx
    """
    tag = names.new("elsewhere")
    whole = image(tag)
    repository.given_blob(whole.blobs[0].content)
    foreign = {
        **whole.blobs[1].descriptor,
        "urls": ["https://layers.example/1"],
        "mediaType": "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
    }
    manifest = manifest_of(whole.blobs[0], [])
    content = manifest.content.replace(b'"layers":[]', b'"layers":[' + _encoded(foreign) + b"]")
    reply = repository.put_manifest(tag, content, manifest.media_type)

    if reply.status != 201:
        expect_refused(reply, "or 201, for a layer that stands elsewhere")


def _encoded(document: dict[str, object]) -> bytes:
    from conformance.clients.images import encoded

    return encoded(document)


@verifies("registry/manifest/empty-index-is-no-server-error")
@pytest.mark.parametrize("docker", [case("oci", False), case("docker", True)])
def test_empty_index(repository: Repository, names: Names, docker: bool) -> None:
    """Purpose: an index of nothing is taken or refused, and is never the platform's fault.

    Method: 1. PUT an index without manifests
            2. expect 201 or a 4xx
    """
    empty = index([], docker)
    reply = repository.put_manifest(names.new("empty"), empty.content, DOCKER_LIST if docker else empty.media_type)

    if reply.status != 201:
        expect_refused(reply, "or 201, for an empty index")


@verifies("registry/manifest/wrong-size-is-refused")
def test_size_that_is_not_the_blobs(repository: Repository, names: Names) -> None:
    """Purpose: a manifest that is wrong of the size of a blob cannot be pulled by a client that compares.

    Method: 1. PUT a manifest whose layer's size is one more than the blob's
            2. expect 400
    """
    tag = names.new("size")
    manifest = image(tag)
    repository.given_parts(manifest)
    document = manifest.document
    document["layers"][0]["size"] += 1
    reply = repository.put_manifest(tag, json.dumps(document).encode(), manifest.media_type)

    expect_no_server_error(reply)
    expect_refused(reply, "for a descriptor with another size than its blob's")
