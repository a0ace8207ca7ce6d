"""Invalid manifests are refused, and random bodies never cause a server error (OCI Image Specification 1.1)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from conformance.clients.registry.client import Repository, StoredImage
from conformance.clients.registry.images import (
    DOCKER_LIST,
    DOCKER_MANIFEST,
    OCI_MANIFEST,
    Manifest,
    digest_of,
    index,
    variation,
)
from conformance.clients.registry.tags import stays
from conformance.evidence.shared_requests import Once
from conformance.models.repository import Taken
from conformance.oracles.registry import expect_bytes, expect_not_stored
from conformance.oracles.registry_errors import expect_error_document
from conformance.oracles.robustness import Surroundings, expect_outcome
from conformance.oracles.status import expect_status, observed
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
from conformance.vocabulary.check import case, row, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance, Proof
from conformance.vocabulary.mutation import Mutation, Outcome

REFUSED = {400, 415, 422}
NOT_A_NUMBER = b',"org.example.number":NaN}'
NO_LAYERS = b', "layers": 5}'
ODD = "any-body"


def put_changed(
    stored: StoredImage,
    tag: str,
    changes: dict[str, Any],
    media_type: str = "",
    of: Manifest | None = None,
    by_digest: bool = False,
) -> None:
    """PUTs the image, or another manifest, with members changed; expects a refusal and no such tag, or digest."""
    manifest = of or stored.image
    content = json.dumps({**manifest.document, **changes}).encode()
    reference = digest_of(content) if by_digest else tag
    reply = stored.repository.put_manifest(reference, content, media_type or manifest.media_type)

    expect_status(reply, REFUSED, "for a manifest that is none")
    expect_not_stored([stored.repository.get_manifest(reference)])


@pytest.mark.parametrize(
    "changes",
    [
        row("registry/manifest/schema-version-is-2", {"schemaVersion": 1}),
        row("registry/manifest/annotations-are-strings", {"annotations": {"org.a": "1", "org.b": 1, "org.c": "1"}}),
        row("registry/manifest/one-kind-at-a-time", {"manifests": []}),
        row("registry/manifest/image-has-a-config", {"config": None}),
    ],
)
def test_unsound_manifest(stored: StoredImage, names: Names, changes: dict[str, Any]) -> None:
    """Purpose: what breaks the image specification is refused where it is pushed, not where it is pulled.

    Method: 1. PUT an image with a member that the specification forbids, or with null for its config; one of them by
               its digest
            2. expect 400 (or 415, 422), and 404 to GET of the tag, or of the digest
    """
    put_changed(stored, names.new("unsound"), changes, by_digest="annotations" in changes)


@verifies("registry/manifest/schema-version-is-2")
@pytest.mark.parametrize("version", [case("text", "2")])
def test_schema_version_of_another_kind(stored: StoredImage, names: Names, version: str) -> None:
    """Purpose: what only looks like the version is none.

    Method: 1. PUT an image whose schemaVersion is the text "2"
            2. expect 400 (or 415, 422), and 404 to GET of the tag
    """
    put_changed(stored, names.new("version"), {"schemaVersion": version})


@verifies("registry/manifest/schema-version-is-2")
@pytest.mark.parametrize("version", [case("of-an-index", 1)])
def test_schema_version_of_an_index(stored: StoredImage, names: Names, version: int) -> None:
    """Purpose: an index of another version is refused where it is pushed, as an image is.

    Method: 1. PUT an index whose schemaVersion is 1
            2. expect 400 (or 415, 422), and 404 to GET of the tag
    """
    put_changed(stored, names.new("version"), {"schemaVersion": version}, of=index([stored.image]))


@verifies("registry/manifest/descriptors-are-whole")
@pytest.mark.parametrize(
    ("place", "lacks"),
    [
        case("config-no-digest", "config", "digest"),
        case("config-no-size", "config", "size"),
        case("config-no-type", "config", "mediaType"),
        case("subject-no-size", "subject", "size"),
        case("listed-no-type", "manifests", "mediaType"),
        case("config-size-in-words", "config", "size as text"),
        case("subject-digest-of-no-form", "subject", "form"),
    ],
)
def test_incomplete_descriptor(stored: StoredImage, names: Names, place: str, lacks: str) -> None:
    """Purpose: a descriptor has a media type, a digest and a size, which is a number; no digest is a path.

    Method: 1. PUT an image whose config's or subject's descriptor lacks one of them, tells the size as text or has
               "sha256:../a" for a digest, and an index that lists one so
            2. expect 400 (or 415, 422), and 404 to GET of the tag
    """
    whole = stored.image.document["config"] if place == "config" else stored.image.descriptor
    descriptor = {name: value for name, value in whole.items() if name != lacks}
    if lacks == "size as text":
        descriptor["size"] = str(whole["size"])
    if lacks == "form":
        descriptor["digest"] = "sha256:../a"

    if place == "manifests":
        put_changed(stored, names.new("listed"), {place: [descriptor]}, of=index([stored.image]))
    else:
        put_changed(stored, names.new("descriptor"), {place: descriptor})


@verifies("registry/manifest/index-has-no-layers")
def test_index_with_layers(stored: StoredImage, names: Names) -> None:
    """Purpose: an index that some would read as an image is refused where it is pushed.

    Method: 1. PUT an index with the config and the layers of the image that it lists
            2. expect 400 (or 415, 422), and 404 to GET of the tag
    """
    document = stored.image.document
    both = {member: document[member] for member in ("config", "layers")}

    put_changed(stored, names.new("both"), both, of=index([stored.image]))


@verifies("registry/manifest/type-is-a-manifests")
@pytest.mark.parametrize("media_type", [case("plain-json", "application/json"), case("layer", "application/x-tar")])
def test_media_type_of_no_manifest(stored: StoredImage, names: Names, media_type: str) -> None:
    """Purpose: what is pushed as another thing than a manifest is not stored as one.

    Method: 1. PUT an image as a type that is no manifest's
            2. expect 400 (or 415, 422), and 404 to GET of the tag
    """
    put_changed(stored, names.new("type"), {"mediaType": media_type}, media_type)


@verifies("registry/manifest/type-is-compared-of-one-shape")
@pytest.mark.parametrize(
    ("said", "media_type"),
    [case("of-oci", OCI_MANIFEST, DOCKER_MANIFEST), case("of-docker", DOCKER_MANIFEST, OCI_MANIFEST)],
)
def test_type_of_the_same_shape(stored: StoredImage, names: Names, said: str, media_type: str) -> None:
    """Purpose: an OCI image is not stored as a Docker image, nor that as one, though it could be read so.

    Method: 1. PUT an OCI image as a Docker image, and what says that it is Docker's as an OCI image
            2. expect 400 (or 415, 422), and 404 to GET of the tag
    """
    put_changed(stored, names.new("type"), {"mediaType": said}, media_type)


@verifies("registry/manifest/nonsense-is-400")
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
        case("layers-of-a-number", NO_LAYERS),
    ],
)
def test_nonsense_is_refused(stored: StoredImage, names: Names, content: bytes) -> None:
    """Purpose: a body that is no manifest is the caller's fault, and is not stored.

    Method: 1. PUT a body that is no JSON object, and an image with a member NaN or with a number for its layers, under
               a tag
            2. expect 400; and 404 to GET of the tag, where the body is JSON or nearly
    """
    tag, nearly = names.new("nonsense"), content in (NOT_A_NUMBER, NO_LAYERS)
    image = {name: value for name, value in stored.image.document.items() if content != NO_LAYERS or name != "layers"}
    content = json.dumps(image).encode().removesuffix(b"}") + content if nearly else content
    reply = stored.repository.put_manifest(tag, content, OCI_MANIFEST)

    expect_status(reply, 400, "for a body that is no manifest")
    if nearly or content in (b"[]", b"null"):
        expect_status(stored.repository.get_manifest(tag), 404, "for what was refused")


@verifies("registry/manifest/type-is-compared")
def test_media_type_that_differs_from_the_body(stored: StoredImage, names: Names) -> None:
    """Purpose: a manifest is not stored as what it does not say to be.

    Method: 1. PUT an OCI image as a Docker manifest list
            2. expect 400 or 415, and 404 to GET of the tag
    """
    tag = names.new("type")

    expect_status(stored.repository.put_manifest(tag, stored.image.content, DOCKER_LIST), {400, 415})
    expect_status(stored.repository.get_manifest(tag), 404, "for what was refused")


@verifies("registry/manifest/without-type-is-no-server-error")
def test_manifest_without_a_type(stored: StoredImage) -> None:
    """Purpose: a manifest that is pushed without its type is taken for what it says to be, or refused.

    Method: 1. PUT an image whose blobs are there without a Content-Type
            2. expect 2xx or a 4xx
    """
    own = variation(stored.image, "without a type")
    reply = stored.repository.put_manifest(own.digest, own.content, None)

    expect_status(reply, {*range(200, 300), *range(400, 500)}, "for a manifest without a type")


@pytest.fixture(scope="session")
def taken() -> Taken:
    """What is known of the repository that properties push to, whichever of them pushed it."""
    return Taken()


@pytest.fixture
def first_image(explored: StoredImage, taken: Taken, once: Once) -> StoredImage:
    """The image that the repository begins with, which is known."""
    once("known", lambda: taken.begin(explored.tag, explored.image.content))
    return explored


def _expect_judged(repository: Repository, taken: Taken, mutation: Mutation[bytes], tag: str, media_type: str) -> None:
    """Taken, and its bytes can be pulled; or refused, and the tag not moved."""
    content, there = mutation.value, taken.named(tag) is not None
    read: list[Exchange] = []
    reply = expect_outcome(
        mutation,
        lambda: repository.put_manifest(tag, content, media_type),
        Surroundings(
            expect_error_document,
            lambda: read.append(repository.get_manifest(tag)),
            accepted=lambda reply: reply.ok or (there and stays(reply)),
        ),
    )
    if reply.ok:
        taken.put(tag, content)

    named = taken.named(tag)
    if reply.ok:
        expect_bytes(read[-1], content)
    elif named is not None:
        _expect_not_moved(read[-1], named, taken.first_named(tag))
    elif read[-1].ok:
        proof = Proof(read[-1].id, statuses=tuple(range(400, 500)))
        raise NonConformance("nothing under a tag that was refused", observed(read[-1]), read[-1], proof=proof)


def _expect_not_moved(read: Exchange, named: bytes, first: bytes | None) -> None:
    """The tag names what it did; in a script, which pushes nothing that other examples did, what it named first."""
    if read.status != 200 or read.body != named:
        known = dict.fromkeys((named, first or named))
        right = "|".join(digest_of(each).removeprefix("sha256:") for each in known)
        proof = Proof(read.id, statuses=(200,), sha256=right, or_statuses=() if first else (404,))
        raise NonConformance("what the tag named before the refused request", observed(read), read, proof=proof)


@verifies("registry/manifest/any-change-is-taken-or-refused")
@explores(0.4, *MANIFEST_KINDS, change=manifest_changes())
def test_any_changed_manifest(
    first_image: StoredImage, taken: Taken, features: frozenset[str], change: Change[dict[str, Any], bytes]
) -> None:
    """Purpose: a manifest that was changed is taken whole or refused as the change demands, never the platform's fault.

    Method: 1. PUT an image's manifest changed in one way: its JSON, its members, what it refers to, under one tag
            2. expect 201 and its bytes from GET for what is still a manifest, 4xx for what must be refused; after a
               refusal an error document, and the image from before under the tag
    """
    mutation = change.of(first_image.image.document)
    if mutation.kind == MISSING_BLOB and "registry.validation" not in features:
        mutation = mutation.open()

    _expect_judged(first_image.repository, taken, mutation, first_image.tag, first_image.image.media_type)


@verifies("registry/manifest/any-body-is-taken-or-refused")
@explores(0.4, *MANIFEST_BODIES, content=manifest_bodies(), media_type=manifest_types())
def test_any_body(open_ground: Repository, taken: Taken, content: bytes, media_type: str) -> None:
    """Purpose: a body that is no manifest is refused, and is never the platform's fault.

    Method: 1. PUT any bytes and any JSON as a manifest of any type
            2. expect 201, and its bytes from GET; or 4xx with an error document, and what was there before from GET
    """
    _expect_judged(open_ground, taken, Mutation("any body", Outcome.EITHER, content), ODD, media_type)


@verifies("registry/name/any-tag-names-its-manifest")
@explores(0.6, *TAGS, tag=tags())
def test_any_tag(first_image: StoredImage, taken: Taken, tag: Mutation[str]) -> None:
    """Purpose: every tag of the grammar names what was pushed under it, and no other text harms anything.

    Method: 1. PUT the image under a tag of the grammar, or of another one
            2. expect 201 for those of the grammar, and the image from GET of the tag; after a refusal the tag unknown
    """
    image = first_image.image
    _expect_judged(
        first_image.repository, taken, Mutation(tag.kind, tag.outcome, image.content), tag.value, image.media_type
    )
