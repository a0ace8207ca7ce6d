"""Manifests that reference missing blobs or manifests (OCI Distribution Specification 1.1, "Push")."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from conformance.clients.registry.client import ByDigest, Repository, StoredImage, need_taken
from conformance.clients.registry.image_kinds import docker_image, of_docker, twins
from conformance.clients.registry.images import (
    DOCKER_LIST,
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
from conformance.oracles.registry_errors import expect_missing_told
from conformance.oracles.status import expect_no_server_error, expect_refused, expect_status, expect_success
from conformance.sandbox.names import Names
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NotApplicable, NotOffered

BLOBS = [case(name, name) for name in ("config", "layer", "layer-elsewhere", "known-elsewhere", "deleted")]
MORE_THAN_32_BITS = 5 * 1024**3
CHILDREN = [case(name, name) for name in ("child", "docker-child", "child-elsewhere", "deleted-child")]


@dataclass(frozen=True)
class Pushed:
    """A manifest and the response to its push."""

    manifest: Manifest
    reply: Exchange


@pytest.fixture
def pushed_without_reference(
    repository: Repository,
    stored: StoredImage,
    base: Manifest,
    by_digest: ByDigest,
    names: Names,
    once: Once,
    features: frozenset[str],
) -> Callable[[str], Pushed]:
    """Pushes a manifest with one missing reference, once for each kind of reference."""

    def made(missing: str) -> Pushed:
        if missing.startswith("deleted") and "registry.delete" not in features:
            raise NotOffered("the target does not claim registry.delete")
        tag = names.new("missing")
        never = image(tag, docker=missing == "docker-child")
        if missing == "config":
            manifest = manifest_of(never.blobs[0], base.blobs[1:])
        elif missing == "layer-elsewhere":
            docker = by_digest(docker_image(base)).ok
            manifest = (of_docker if docker else manifest_of)(base.blobs[0], stored.image.blobs[1:])
        elif missing == "known-elsewhere":
            # Another than that of which it is asked whether it is here: a registry may take it.
            manifest = stored.repository.given(variation(stored.image, tag))
        elif missing == "layer":
            # Behind one that is there.
            manifest = manifest_of(base.blobs[0], [*base.blobs[1:], *never.blobs[1:]])
        elif missing == "deleted":
            manifest = manifest_of(base.blobs[0], never.blobs[1:])
        elif missing == "child-elsewhere":
            manifest = index([stored.image])
        elif missing == "deleted-child":
            manifest = index([deleted_image(repository, variation(base, tag))])
        elif missing == "child":
            need_taken(by_digest(twins(base)[0]))
            manifest = index([twins(base)[0], index([never])])
        else:
            manifest = index([never], docker=True)
        if missing == "deleted":
            deleted_blob(repository, never.blobs[1])
        reference = manifest.digest if missing == "config" else tag
        return Pushed(manifest, repository.put_manifest(reference, manifest.content, manifest.media_type))

    return lambda missing: once(("without", missing), lambda: made(missing))


def deleted_image(repository: Repository, manifest: Manifest) -> Manifest:
    """Pushes and deletes an image; not applicable where images cannot be deleted."""
    if not (reply := repository.delete_manifest(repository.given(manifest).digest)).ok:
        raise NotApplicable(f"the registry deletes no manifests: {reply}")
    return manifest


def deleted_blob(repository: Repository, blob: Blob) -> None:
    """Pushes and deletes a blob; not applicable where blobs cannot be deleted."""
    if not (reply := repository.delete_blob(repository.given_blob(blob.content))).ok:
        raise NotApplicable(f"the registry deletes no blobs: {reply}")


@verifies("registry/manifest/missing-reference-is-refused")
@pytest.mark.parametrize("missing", BLOBS)
def test_missing_reference(
    repository: Repository, pushed_without_reference: Callable[[str], Pushed], missing: str
) -> None:
    """Purpose: an image that cannot be pulled is not taken.

    Method: 1. PUT a manifest whose config was never pushed (by digest), or its second layer; or whose layer was pushed
               to another repository only (an image of Docker's type, where that is taken), with its manifest, too, or
               deleted
            2. expect 400 or 404
            3. expect 404 to GET of the digest, which a tag would name
    """
    _expect_not_taken(repository, pushed_without_reference(missing))


@verifies("registry/manifest/missing-child-is-refused")
@pytest.mark.parametrize("missing", CHILDREN)
def test_missing_child(repository: Repository, pushed_without_reference: Callable[[str], Pushed], missing: str) -> None:
    """Purpose: an index is not taken before its images, by a registry that says so: one may keep sparse indexes.

    Method: 1. PUT an index with an image or index that was never pushed, or to another repository only, or deleted
            2. expect 400 or 404
            3. expect 404 to GET of the digest, which a tag would name
    """
    _expect_not_taken(repository, pushed_without_reference(missing))


def _expect_not_taken(repository: Repository, pushed: Pushed) -> None:
    """Expect a refusal with 400 or 404, and no such manifest."""
    expect_status(pushed.reply, {400, 404}, "for a manifest that refers to what is not there")
    expect_not_stored([repository.get_manifest(pushed.manifest.digest)])


@verifies("registry/manifest/missing-reference-is-told-by-code")
@pytest.mark.parametrize("missing", BLOBS + CHILDREN)
def test_code_of_a_missing_reference(pushed_without_reference: Callable[[str], Pushed], missing: str) -> None:
    """Purpose: a client learns that it has to push a blob first.

    Method: 1. PUT a manifest whose config, layer or child was never pushed
            2. where it is refused, expect an error MANIFEST_BLOB_UNKNOWN; of a blob, BLOB_UNKNOWN is as good
    """
    reply = pushed_without_reference(missing).reply
    if reply.ok:
        raise NotApplicable("the registry takes manifests before their blobs, which it may")

    expect_refused(reply)
    expect_missing_told(reply, child="child" in missing)


@verifies("registry/manifest/each-missing-blob-is-told")
def test_each_missing_blob_is_told(repository: Repository, names: Names) -> None:
    """Purpose: a client learns at once of all that it has to push.

    Method: 1. PUT a manifest whose config and layer were never pushed
            2. where it is refused, expect an error MANIFEST_BLOB_UNKNOWN, or BLOB_UNKNOWN, for each of the two
    """
    tag = names.new("missing")
    never = image(tag)
    reply = repository.put_manifest(tag, never.content, never.media_type)
    if reply.ok:
        raise NotApplicable("the registry takes manifests before their blobs, which it may")

    expect_missing_told(reply, len(never.blobs))


@verifies("registry/manifest/reference-brings-no-blob")
@pytest.mark.parametrize("source", [case("repository", "layer-elsewhere"), case("organization", "theirs")])
def test_reference_brings_no_blob(
    request: pytest.FixtureRequest,
    repository: Repository,
    pushed_without_reference: Callable[[str], Pushed],
    base: Manifest,
    names: Names,
    source: str,
) -> None:
    """Purpose: whoever names a blob does not get it; it is pulled from where it was pushed.

    Method: 1. PUT a manifest with a layer that another repository, or another organization, has; taken or refused
            2. expect 404 to GET of the layer
    """
    if source == "theirs":
        manifest = manifest_of(base.blobs[0], request.getfixturevalue("theirs").image.blobs[1:])
        repository.put_manifest(names.new("theirs"), manifest.content, manifest.media_type)
    else:
        manifest = pushed_without_reference(source).manifest

    expect_status(repository.get_blob(manifest.blobs[1].digest), 404, "for a blob that was not pushed here")


@verifies("registry/manifest/foreign-layer-is-no-server-error")
def test_nondistributable_layer(repository: Repository, base: Manifest, names: Names) -> None:
    """Purpose: a layer that stands at a URL elsewhere is taken or refused, and is never the platform's fault.

    Method: 1. PUT an image with a non-distributable layer of 5 GiB, which has urls and was not pushed
            2. expect 2xx or a 4xx
    """
    tag = names.new("elsewhere")
    foreign = {
        **image(tag).blobs[1].descriptor,
        "urls": ["https://layers.example/1"],
        "size": MORE_THAN_32_BITS,
        "mediaType": "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
    }
    content = encoded({**base.document, "layers": [foreign]})
    reply = repository.put_manifest(tag, content, base.media_type)

    expect_status(reply, {*range(200, 300), *range(400, 500)}, "for a layer that stands elsewhere")


@verifies("registry/manifest/empty-index-is-no-server-error")
@pytest.mark.parametrize("docker", [case("oci", False), case("docker", True)])
def test_empty_index(repository: Repository, names: Names, docker: bool) -> None:
    """Purpose: an index of nothing is taken or refused, and is never the platform's fault.

    Method: 1. PUT an index without manifests
            2. expect 2xx or a 4xx
    """
    empty = index([], docker)
    reply = repository.put_manifest(names.new("empty"), empty.content, DOCKER_LIST if docker else empty.media_type)

    expect_status(reply, {*range(200, 300), *range(400, 500)}, "for an empty index")


@verifies("registry/manifest/wrong-size-is-refused")
def test_wrong_size_in_a_descriptor(repository: Repository, new_image: NewImage, names: Names) -> None:
    """Purpose: a manifest that is wrong of the size of a blob cannot be pulled by a client that compares.

    Method: 1. PUT a manifest whose layer's size is one more than the blob's
            2. expect 400
    """
    tag = names.new("size")
    manifest = new_image()
    document = manifest.document
    document["layers"][0]["size"] += 1
    reply = repository.put_manifest(tag, json.dumps(document).encode(), manifest.media_type)

    expect_no_server_error(reply)
    expect_refused(reply, "for a descriptor with another size than its blob's")


@verifies("registry/manifest/taken-once-it-is-whole")
@pytest.mark.parametrize("kind", [case("image", "image"), case("index", "index")])
def test_taken_once_it_is_whole(repository: Repository, names: Names, kind: str) -> None:
    """Purpose: a push that failed for what was lacking is made good by pushing that, and the manifest again.

    Method: 1. PUT an image whose config was never pushed, or an index of an image that was not
            2. where that is refused, push what is lacking, and the manifest again: expect 2xx
    """
    part = image(names.new("late"), layers=0)
    late = part if kind == "image" else index([part])
    reply = repository.put_manifest(late.digest, late.content, late.media_type)
    if not 400 <= reply.status < 500:
        raise NotApplicable(f"the registry takes it before what it names ({reply.status})")

    expect_success(repository.push(late), "for a manifest that lacks nothing any more")
