"""Pushing manifests of every kind and size (OCI Distribution 1.1, "Pushing Manifests"; Docker Registry V2)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from conformance.clients.http import HeaderFields
from conformance.clients.registry.client import EVERY_TYPE, ByDigest, Repository, need_taken
from conformance.clients.registry.image_kinds import MAKERS
from conformance.clients.registry.images import (
    DOCKER_LIST,
    DOCKER_MANIFEST,
    OCI_INDEX,
    OCI_MANIFEST,
    Manifest,
    NewImage,
    variation,
)
from conformance.clients.registry.tags import STAYS, stays
from conformance.evidence.shared_requests import Once
from conformance.oracles.headers import expect_media_type
from conformance.oracles.registry import (
    expect_bytes,
    expect_bytes_at,
    expect_bytes_or_collected,
    expect_content_length,
    expect_true_digest,
    expect_untouched,
)
from conformance.oracles.status import expect_status, expect_success
from conformance.sandbox.names import Names
from conformance.vocabulary.check import case, row, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance, NotApplicable, Proof

MEGABYTE = 1_000_000


def expect_pulled(
    repository: Repository, reference: str, manifest: Manifest, fields: HeaderFields = (EVERY_TYPE,)
) -> Exchange:
    """Expect the manifest byte for byte, under its own digest."""
    reply = repository.get_manifest(reference, fields)
    expect_bytes(reply, manifest.content)
    expect_true_digest(reply, manifest.digest)
    expect_media_type(reply, manifest.media_type)
    return reply


def expect_head(repository: Repository, reference: str, manifest: Manifest) -> None:
    """HEAD says that the manifest is there; length and type, where it tells them (a SHOULD: RFC 9110 section 9.3.2)."""
    reply = repository.head_manifest(reference)
    expect_status(reply, 200, "for what was pushed")
    if "content-length" in reply.headers:
        expect_content_length(reply, len(manifest.content))
    expect_true_digest(reply, manifest.digest)
    if "content-type" in reply.headers:
        expect_media_type(reply, manifest.media_type)


@pytest.mark.parametrize(
    "kind",
    [
        row("registry/manifest/image-kinds-are-accepted#oci-image", OCI_MANIFEST),
        row("registry/manifest/image-kinds-are-accepted#oci-index", OCI_INDEX),
        row("registry/manifest/image-kinds-are-accepted#docker-image", DOCKER_MANIFEST),
        row("registry/manifest/image-kinds-are-accepted#docker-list", DOCKER_LIST),
        row("registry/manifest/nested-index-is-taken", "nested"),
        row("registry/manifest/mixed-index-is-taken", "mixed"),
        row("registry/manifest/artifact-is-taken", "artifact"),
        row("registry/manifest/no-layers-is-taken", "no-layers"),
        row("registry/manifest/other-config-is-taken", "other-config"),
        row("registry/manifest/without-media-type-is-taken", "untyped"),
        row("registry/manifest/embedded-data-is-taken", "data"),
    ],
)
def test_every_type_is_taken(
    repository: Repository, base: Manifest, by_digest: ByDigest, names: Names, kind: str
) -> None:
    """Purpose: what engines push is taken and given back: images and indexes, OCI's and Docker's.

    Method: 1. push what the manifest refers to (OCI's image has one layer 127 times, its index images of no
               platform and one of them for thirty, Docker's image a member a line, an artifact its config and a file of
               no bytes among its layers; what does not repeat its type is an index of an image, and the image), then
               itself under a tag: expect 2xx
            2. GET it by tag, OCI's image and index and Docker's list as one who takes that type alone: expect exactly
               its bytes and its media type
            3. HEAD it by digest, where it is Docker's or an OCI index; GET the image that does not repeat its type:
               expect the same
    """
    tag = names.new("type")
    manifest = MAKERS[kind](base, tag)

    for child in manifest.children:
        reply = by_digest(child)
        if kind == "untyped":
            expect_success(reply)
        need_taken(reply)
    if kind == "artifact":
        # Other checks push what has no bytes, too, each in its own way: here it is told how it came there.
        repository.given_blob(b"")
    expect_success(repository.push(manifest, tag))
    alone = kind in (OCI_MANIFEST, OCI_INDEX, DOCKER_LIST)
    expect_pulled(repository, tag, manifest, (("Accept", manifest.media_type),) if alone else (EVERY_TYPE,))
    if kind in (OCI_INDEX, DOCKER_MANIFEST, DOCKER_LIST):
        expect_head(repository, manifest.digest, manifest)
    for child in manifest.children if kind == "untyped" else ():
        expect_pulled(repository, child.digest, child)


@verifies("registry/manifest/is-taken-by-digest")
def test_push_by_digest(repository: Repository, by_digest: ByDigest, pair: tuple[Manifest, Manifest]) -> None:
    """Purpose: a manifest may be pushed under its digest, without a tag.

    Method: 1. PUT a manifest under its digest: expect 2xx
            2. GET it and expect exactly its bytes
    """
    manifest, _ = pair

    expect_success(by_digest(manifest))
    expect_pulled(repository, manifest.digest, manifest)


@pytest.fixture
def pushed(
    repository: Repository, pair: tuple[Manifest, Manifest], names: Names, once: Once
) -> tuple[Exchange, Manifest]:
    """The response to the push of an image by tag, and the image."""
    _, manifest = pair
    return once("pushed manifest", lambda: repository.push(manifest, names.new("pushed"))), manifest


@verifies("registry/manifest/location-can-be-pulled")
def test_location_can_be_pulled(
    repository: Repository, pushed: tuple[Exchange, Manifest], by_digest: ByDigest, pair: tuple[Manifest, Manifest]
) -> None:
    """Purpose: the Location of a pushed manifest is where it can be pulled.

    Method: 1. push a manifest by tag, and one by digest; GET the Location of each 201
            2. expect exactly its bytes
    """
    for reply, manifest in (pushed, (by_digest(pair[0]), pair[0])):
        expect_success(reply)
        expect_bytes_at(repository, reply, manifest.content, [EVERY_TYPE])


@verifies("registry/manifest/created-digest-is-true")
def test_created_digest_is_true(
    pushed: tuple[Exchange, Manifest], by_digest: ByDigest, pair: tuple[Manifest, Manifest]
) -> None:
    """Purpose: the digest that the answer names, where it names one, is the manifest's.

    Method: 1. push a manifest by tag, and one by digest
            2. expect Docker-Content-Digest of each 201, where it is there, to be its digest
    """
    for reply, manifest in (pushed, (by_digest(pair[0]), pair[0])):
        if reply.ok:
            expect_true_digest(reply, manifest.digest)


@verifies("registry/manifest/bytes-are-kept")
@pytest.mark.parametrize(
    "form",
    [
        case("spaced", {"indent": 3}),
        case("sorted", {"sort_keys": True}),
        case("escaped", {"ensure_ascii": True}),
        case("utf-8", {"ensure_ascii": False}),
    ],
)
def test_bytes_are_kept(repository: Repository, base: Manifest, names: Names, form: dict[str, bool]) -> None:
    """Purpose: a manifest is stored exactly as it was given, since its digest is of its bytes.

    Method: 1. push a manifest with a spacing, an order of members and letters of its own (of four bytes, and of two
               signs, among them), members of no standard, in a descriptor, too, annotations of nothing and of 5,000
               letters, a line end of two bytes behind it, and once another before it
            2. GET it by tag and expect exactly its bytes, and their digest from both answers that tell one
    """
    tag = names.new("bytes")
    annotations = {"org.example.text": f"Grüße, 世界, \N{ROCKET}, e\N{COMBINING ACUTE ACCENT}, {tag}"}
    annotations |= {"org.example.nothing": "", "org.example.long": "x" * 5_000}
    members: dict[str, Any] = {"annotations": annotations, "org.example": [1.0, None]}
    of_a_draft = {"org.example.title": "config.json", "org.opencontainers.artifact.created": "2026-11-29T10:00:00Z"}
    members["config"] = base.document["config"] | {"annotations": of_a_draft, "org.example": "of a descriptor"}
    members["layers"] = [{**each, "annotations": {}} for each in base.document["layers"]]
    # What stands before the document and behind it is part of it as well (RFC 8259 section 2).
    before = b"\n\t" if "indent" in form else b""
    content = before + json.dumps({**base.document, **members}, **form).encode() + b"\r\n"  # type: ignore[arg-type]
    kept = Manifest(content, base.media_type, base.blobs)

    reply = repository.push(kept, tag)
    expect_success(reply)
    expect_true_digest(reply, kept.digest)
    expect_pulled(repository, tag, kept)


@verifies("registry/manifest/type-parameters-are-ignored")
def test_type_with_parameters(repository: Repository, pushed: tuple[Exchange, Manifest], names: Names) -> None:
    """Purpose: parameters of the media type do not keep a manifest out.

    Method: 1. PUT a manifest with ";charset=utf-8" behind its Content-Type
            2. expect 2xx, and its bytes from GET
    """
    tag = names.new("parameters")
    _, manifest = pushed

    expect_success(repository.put_manifest(tag, manifest.content, f"{manifest.media_type}; charset=utf-8"))
    expect_bytes(repository.get_manifest(tag), manifest.content)


@verifies("registry/manifest/tag-moves")
def test_tag_moves(repository: Repository, base: Manifest, new_image: NewImage, names: Names) -> None:
    """Purpose: a tag names what was pushed under it last.

    Method: 1. HEAD a tag; push an image under it, HEAD and GET it; HEAD the digest of another, push that under the
               same tag, HEAD and GET it by digest, and GET it at its Location, where that is elsewhere: expect it (the
               first one, where tags stay)
            2. HEAD the tag, and GET it with the first one's ETag in If-None-Match: expect the second, and another ETag
            3. GET the first by digest: expect it, if it was not collected with its tag
            4. push the first, an older one, under the tag again: expect it, also as one who had the second at its date
    """
    tag = names.new("moving")
    first, second = base, new_image()
    repository.head_manifest(tag)
    repository.given(first, tag)
    expect_head(repository, tag, first)
    pulled = expect_pulled(repository, tag, first)
    repository.head_manifest(second.digest)
    reply = repository.push(second, tag)
    if stays(reply):
        expect_untouched(repository.get_manifest(tag), first.content, unless=((reply.id, '!"errors"'),))
        raise NotApplicable(STAYS)
    expect_success(reply)

    expect_true_digest(reply, second.digest)
    expect_head(repository, second.digest, second)
    expect_pulled(repository, second.digest, second)
    if not (reply.headers.get("location") or second.digest).endswith(second.digest):
        expect_bytes_at(repository, reply, second.content, [EVERY_TYPE])
    expect_head(repository, tag, second)
    etag = pulled.headers.get("etag")
    moved = expect_pulled(repository, tag, second, (EVERY_TYPE, *([("If-None-Match", etag)] if etag else [])))
    if etag and moved.headers.get("etag") == etag:
        told, proof = f"ETag: {etag}, as before", Proof(unlike=(("ETag", pulled.id, moved.id),))
        raise NonConformance("an ETag of its own (RFC 9110 section 8.8.3)", told, pulled, moved, proof=proof)
    expect_bytes_or_collected(repository.get_manifest(first.digest), first.content)
    expect_success(repository.push(first, tag))
    had, dated = (each.headers.get("last-modified") for each in (moved, expect_pulled(repository, tag, first)))
    if had and had != dated:
        expect_pulled(repository, tag, first, (EVERY_TYPE, ("If-Modified-Since", had)))


@pytest.fixture
def large_manifest(repository: Repository, base: Manifest, names: Names, once: Once) -> tuple[Manifest, Exchange]:
    """A manifest of 3.9 megabytes, and the response to its push."""

    def made() -> tuple[Manifest, Exchange]:
        tag = names.new("large")
        manifest = variation(base, tag.ljust(39 * MEGABYTE // 10, "x"))
        return manifest, repository.push(manifest, tag)

    return once("large manifest", made)


@verifies("registry/manifest/four-megabytes-are-taken")
def test_four_megabytes(repository: Repository, large_manifest: tuple[Manifest, Exchange]) -> None:
    """Purpose: manifests of up to 4 megabytes are taken.

    Method: 1. PUT a manifest of 3.9 megabytes under a tag
            2. expect 2xx, and exactly its bytes from GET
    """
    manifest, reply = large_manifest

    expect_success(reply)
    expect_bytes(repository.get_manifest(manifest.digest), manifest.content)


@verifies("registry/pull/head-tells-the-length")
@pytest.mark.parametrize("what", [case("large-manifest", "a manifest of 3.9 megabytes")])
def test_head_of_a_large_manifest(repository: Repository, large_manifest: tuple[Manifest, Exchange], what: str) -> None:
    """Purpose: a client learns how much it would pull, of what is sent in many parts as well.

    Method: 1. PUT a manifest of 3.9 megabytes, HEAD it
            2. expect Content-Length to be the size
    """
    manifest, reply = large_manifest
    if not reply.ok:
        raise NotApplicable(f"the registry does not take {what}")

    expect_content_length(repository.head_manifest(manifest.digest), len(manifest.content))


@verifies("registry/manifest/too-large-is-413")
def test_too_large(repository: Repository, base: Manifest, names: Names) -> None:
    """Purpose: a manifest beyond the registry's limit is told as such.

    Method: 1. PUT a manifest of 6 megabytes
            2. expect 413, or 2xx where there is no such limit
    """
    tag = names.new("too-large")
    manifest = variation(base, tag.ljust(6 * MEGABYTE, "x"))

    expect_status(repository.push(manifest, tag), {*range(200, 300), 413}, "for a manifest of 6 megabytes")
