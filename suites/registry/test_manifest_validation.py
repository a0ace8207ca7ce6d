"""Invalid manifests are refused, and random bodies never cause a server error (OCI Image Specification 1.1)."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from conformance.clients.registry.client import Repository, StoredImage
from conformance.clients.registry.images import DOCKER_LIST, DOCKER_MANIFEST, OCI_MANIFEST, Manifest, digest_of, index
from conformance.clients.registry.tags import is_immutable
from conformance.evidence.shared_requests import Once
from conformance.models.repository import AcceptedPushes
from conformance.oracles.registry import expect_bytes, expect_not_stored
from conformance.oracles.registry_errors import expect_error_document
from conformance.oracles.robustness import Surroundings, expect_outcome
from conformance.oracles.status import expect_refused, expect_status, observed, unlike
from conformance.sandbox.names import Names
from conformance.strategies.changes import Change
from conformance.strategies.properties import explores
from conformance.strategies.registry import (
    MANIFEST_BODIES,
    MANIFEST_KINDS,
    MISSING_BLOB,
    TAGS,
    manifest_bodies,
    manifest_changes,
    manifest_types,
    tags,
)
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance
from conformance.vocabulary.mutation import Mutation, Outcome

NOT_A_NUMBER = b',"org.example.number":NaN}'
LAYERS_OF_A_NUMBER = b', "layers": 5}'
TAG_OF_ANY_BODY = "any-body"


def without(descriptor: dict[str, Any], member: str) -> dict[str, Any]:
    """Return a descriptor without one of its members."""
    return {name: value for name, value in descriptor.items() if name != member}


@verifies("registry/manifest/invalid-manifest-is-refused")
@pytest.mark.parametrize(
    ("kind", "changed"),
    [
        case("schema-version-1", "image", lambda image: {"schemaVersion": 1}),
        case("schema-version-as-text", "image", lambda image: {"schemaVersion": "2"}),
        case("number-in-annotations", "by digest", lambda image: {"annotations": {"a": "1", "b": 1, "c": "1"}}),
        case("image-with-manifests", "image", lambda image: {"manifests": []}),
        case("null-config", "image", lambda image: {"config": None}),
        case("config-no-digest", "image", lambda image: {"config": without(image.document["config"], "digest")}),
        case("config-no-size", "image", lambda image: {"config": without(image.document["config"], "size")}),
        case("config-no-type", "image", lambda image: {"config": without(image.document["config"], "mediaType")}),
        case(
            "config-size-as-text",
            "image",
            lambda image: {"config": image.document["config"] | {"size": str(image.document["config"]["size"])}},
        ),
        case("subject-no-size", "image", lambda image: {"subject": without(image.descriptor, "size")}),
        case("path-as-digest", "image", lambda image: {"subject": image.descriptor | {"digest": "sha256:../a"}}),
        case("index-of-schema-version-1", "index", lambda image: {"schemaVersion": 1}),
        case("listed-no-type", "index", lambda image: {"manifests": [without(image.descriptor, "mediaType")]}),
        case("index-with-layers", "index", lambda image: {name: image.document[name] for name in ("config", "layers")}),
    ],
)
def test_invalid_manifest(
    stored: StoredImage, names: Names, kind: str, changed: Callable[[Manifest], dict[str, Any]]
) -> None:
    """Purpose: a manifest that breaks the image specification is refused at the push, not found broken at the pull.
    Method: 1. PUT an image, or an index of it, with one member that the specification forbids.
            2. Expect a 4xx, and 404 to GET of the reference.
    """
    manifest = index([stored.image]) if kind == "index" else stored.image
    content = json.dumps({**manifest.document, **changed(stored.image)}).encode()
    reference = digest_of(content) if kind == "by digest" else names.new("invalid")

    expect_refused(stored.repository.put_manifest(reference, content, manifest.media_type))
    expect_not_stored([stored.repository.get_manifest(reference)])


@verifies("registry/manifest/media-type-is-verified")
@pytest.mark.parametrize(
    ("stated", "media_type"),
    [
        case("plain-json", "application/json", "application/json"),
        case("layer", "application/x-tar", "application/x-tar"),
        case("oci-as-docker-image", OCI_MANIFEST, DOCKER_MANIFEST),
        case("docker-as-oci-image", DOCKER_MANIFEST, OCI_MANIFEST),
        case("image-as-docker-list", OCI_MANIFEST, DOCKER_LIST),
    ],
)
def test_media_type_is_verified(stored: StoredImage, names: Names, stated: str, media_type: str) -> None:
    """Purpose: a manifest is not stored under a type that differs from its own or is no manifest's.
    Method: 1. PUT an image with one mediaType and Content-Type; 2. expect a 4xx, and 404 to GET of the tag.
    """
    tag, content = names.new("type"), json.dumps({**stored.image.document, "mediaType": stated}).encode()

    expect_refused(stored.repository.put_manifest(tag, content, media_type))
    expect_not_stored([stored.repository.get_manifest(tag)])


@verifies("registry/manifest/malformed-body-is-400")
@pytest.mark.parametrize(
    "content",
    [
        case("empty", b""),
        case("words", b"not json"),
        case("cut-off", b'{"schemaVersion": 2, "mediaType"'),
        case("list", b"[]"),
        case("null", b"null"),
        case("binary", b"\xff\xfe\x00\x00"),
        case("not-a-number", NOT_A_NUMBER),
        case("layers-of-a-number", LAYERS_OF_A_NUMBER),
    ],
)
def test_malformed_body(stored: StoredImage, names: Names, content: bytes) -> None:
    """Purpose: a body that is not a manifest is a client error, and is not stored.
    Method: 1. PUT a body that is not a JSON object, or an image with NaN or a number for its layers: expect 400.
            2. GET the tag of those that are JSON or nearly: expect 404.
    """
    tag, similar = names.new("malformed"), content in (NOT_A_NUMBER, LAYERS_OF_A_NUMBER)
    image = without(stored.image.document, "layers" if content == LAYERS_OF_A_NUMBER else "")
    content = json.dumps(image).encode().removesuffix(b"}") + content if similar else content
    reply = stored.repository.put_manifest(tag, content, OCI_MANIFEST)

    expect_status(reply, 400, "for a body that is not a manifest")
    if similar or content in (b"[]", b"null"):
        expect_not_stored([stored.repository.get_manifest(tag)])


@pytest.fixture(scope="session")
def taken() -> AcceptedPushes:
    """The known state of the repository that properties push to, whichever of them pushed."""
    return AcceptedPushes()


@pytest.fixture
def first_image(explored: StoredImage, taken: AcceptedPushes, once: Once) -> StoredImage:
    """The first image in that repository."""
    once("known", lambda: taken.put(explored.tag, explored.image.content))
    return explored


def expect_stored_or_unchanged(
    repository: Repository, taken: AcceptedPushes, mutation: Mutation[bytes], tag: str, media_type: str
) -> None:
    """PUT a manifest; expect its bytes from GET if it was accepted, and an unchanged tag if it was refused."""
    content, existing = mutation.value, taken.named(tag) is not None
    read: list[Exchange] = []
    reply = expect_outcome(
        mutation,
        lambda: repository.put_manifest(tag, content, media_type),
        Surroundings(
            expect_error_document,
            lambda: read.append(repository.get_manifest(tag)),
            accepted=lambda reply: reply.ok or (existing and is_immutable(reply)),
        ),
    )
    if reply.ok:
        taken.put(tag, content)

    named = taken.named(tag)
    if reply.ok:
        expect_bytes(read[-1], content)
    elif named is not None:
        expect_not_moved(read[-1], named)
    elif read[-1].ok:
        raise unlike("404 for a tag whose PUT was refused", read[-1], range(400, 500))


def expect_not_moved(read: Exchange, named: bytes) -> None:
    """Expect the tag to resolve as before the refused request."""
    if read.status != 200 or read.body != named:
        expected = "the manifest that the tag named before the refused request"
        raise NonConformance(expected, observed(read), read)


@verifies("registry/manifest/any-change-is-accepted-or-refused")
@explores(0.4, *MANIFEST_KINDS, change=manifest_changes())
def test_any_changed_manifest(
    first_image: StoredImage, taken: AcceptedPushes, features: frozenset[str], change: Change[dict[str, Any], bytes]
) -> None:
    """Purpose: a changed manifest is stored if it is valid, refused if not, and never causes a server error.
    Method: 1. PUT an image's manifest with one change of its JSON, members or references, under one tag.
            2. If it is valid, expect 201 and its bytes; if not, 4xx with an error document and an unchanged tag.
    """
    mutation = change.of(first_image.image.document)
    if mutation.kind == MISSING_BLOB and "registry.validation" not in features:
        mutation = mutation.open()

    expect_stored_or_unchanged(first_image.repository, taken, mutation, first_image.tag, first_image.image.media_type)


@verifies("registry/manifest/any-body-is-accepted-or-refused")
@explores(0.4, *MANIFEST_BODIES, content=manifest_bodies(), media_type=manifest_types())
def test_any_body(open_ground: Repository, taken: AcceptedPushes, content: bytes, media_type: str) -> None:
    """Purpose: a body that is not a manifest is refused, and never causes a server error.
    Method: 1. PUT any bytes and any JSON as a manifest of any type.
            2. Expect 201 and its bytes, or 4xx with an error document and an unchanged tag.
    """
    mutation = Mutation("any body", Outcome.EITHER, content)
    expect_stored_or_unchanged(open_ground, taken, mutation, TAG_OF_ANY_BODY, media_type)


@verifies("registry/name/any-tag-names-its-manifest")
@explores(0.6, *TAGS, tag=tags())
def test_any_tag(first_image: StoredImage, taken: AcceptedPushes, tag: Mutation[str]) -> None:
    """Purpose: every valid tag resolves to its manifest, and an invalid one does no harm.
    Method: 1. PUT the image under a valid or an invalid tag.
            2. Expect 201 and its bytes for a valid tag, a refusal and an unknown tag otherwise.
    """
    image = first_image.image
    mutation = Mutation(tag.kind, tag.outcome, image.content)
    expect_stored_or_unchanged(first_image.repository, taken, mutation, tag.value, image.media_type)
