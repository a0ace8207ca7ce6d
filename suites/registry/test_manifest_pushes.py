"""Pushing manifests of every kind and size (OCI Distribution 1.1, "Pushing Manifests"; Docker Registry V2)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from conformance.clients.http import HeaderFields
from conformance.clients.registry.client import EVERY_TYPE, ByDigest, Repository, require_stored
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
from conformance.clients.registry.tags import IMMUTABLE, is_immutable
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
from conformance.vocabulary.finding import NonConformance, NotApplicable

MEGABYTE = 1_000_000


def expect_pulled(
    repository: Repository, reference: str, manifest: Manifest, fields: HeaderFields = (EVERY_TYPE,)
) -> Exchange:
    """Expect exactly the manifest's bytes, digest and media type from GET."""
    reply = repository.get_manifest(reference, fields)
    expect_bytes(reply, manifest.content)
    expect_true_digest(reply, manifest.digest)
    expect_media_type(reply, manifest.media_type)
    return reply


def expect_head(repository: Repository, reference: str, manifest: Manifest) -> None:
    """Expect 200 from HEAD, and the manifest's length and type where stated (a SHOULD: RFC 9110 section 9.3.2)."""
    reply = repository.head_manifest(reference)
    expect_status(reply, 200, "for a pushed manifest")
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
        row("registry/manifest/artifacts-are-accepted#artifact", "artifact"),
        row("registry/manifest/artifacts-are-accepted#no-layers", "no-layers"),
        row("registry/manifest/artifacts-are-accepted#custom-config", "other-config"),
        row("registry/manifest/optional-forms-are-accepted#nested-index", "nested"),
        row("registry/manifest/optional-forms-are-accepted#mixed-index", "mixed"),
        row("registry/manifest/optional-forms-are-accepted#no-media-type", "untyped"),
        row("registry/manifest/optional-forms-are-accepted#embedded-data", "data"),
    ],
)
def test_manifest_kinds(repository: Repository, base: Manifest, by_digest: ByDigest, names: Names, kind: str) -> None:
    """Purpose: engines and other tools can push every kind of manifest and pull it unchanged.
    Method: 1. Push what the manifest refers to, then the manifest under a tag: expect 2xx.
            2. GET it by tag and HEAD an index or a Docker image by digest: expect its bytes, digest and media type.
            3. Push a manifest without mediaType also as an image in an index: expect the same of both.
    """
    tag = names.new("type")
    manifest = MAKERS[kind](base, tag)

    for child in manifest.children:
        reply = by_digest(child)
        if kind == "untyped":
            expect_success(reply)
        require_stored(reply)
    if kind == "artifact":
        # The empty layer is pushed here, so that the evidence shows how it was pushed.
        repository.given_blob(b"")
    expect_success(repository.push(manifest, tag))
    one_type = kind in (OCI_MANIFEST, OCI_INDEX, DOCKER_LIST)
    expect_pulled(repository, tag, manifest, (("Accept", manifest.media_type),) if one_type else (EVERY_TYPE,))
    if kind in (OCI_INDEX, DOCKER_MANIFEST, DOCKER_LIST):
        expect_head(repository, manifest.digest, manifest)
    for child in manifest.children if kind == "untyped" else ():
        expect_pulled(repository, child.digest, child)


@pytest.fixture
def pushed(
    repository: Repository, pair: tuple[Manifest, Manifest], names: Names, once: Once
) -> tuple[Exchange, Manifest]:
    """The response to the push of an image by tag, and the image."""
    _, manifest = pair
    return once("pushed manifest", lambda: repository.push(manifest, names.new("pushed"))), manifest


@verifies("registry/manifest/push-by-digest-is-accepted")
def test_push_by_digest(repository: Repository, by_digest: ByDigest, pair: tuple[Manifest, Manifest]) -> None:
    """Purpose: a client can push a manifest without a tag.
    Method: 1. PUT a manifest under its digest: expect 2xx. 2. GET it: expect exactly its bytes.
    """
    expect_success(by_digest(pair[0]))
    expect_pulled(repository, pair[0].digest, pair[0])


@pytest.mark.parametrize(
    "header",
    [
        row("registry/manifest/location-can-be-pulled", "Location"),
        row("registry/manifest/created-digest-is-true", "Docker-Content-Digest"),
    ],
)
def test_headers_of_a_created_manifest(
    repository: Repository,
    pushed: tuple[Exchange, Manifest],
    by_digest: ByDigest,
    pair: tuple[Manifest, Manifest],
    header: str,
) -> None:
    """Purpose: a client finds the manifest that it pushed and can verify its digest.
    Method: 1. Push a manifest by tag and one by digest.
            2. GET the Location of each: expect exactly its bytes; Docker-Content-Digest, where sent, is its digest.
    """
    for reply, manifest in (pushed, (by_digest(pair[0]), pair[0])):
        if header == "Location":
            expect_success(reply)
            expect_bytes_at(repository, reply, manifest.content, [EVERY_TYPE])
        elif reply.ok:
            expect_true_digest(reply, manifest.digest)


@verifies("registry/manifest/bytes-are-preserved")
@pytest.mark.parametrize(
    "form",
    [
        case("spaced", {"indent": 3}),
        case("sorted", {"sort_keys": True}),
        case("escaped", {"ensure_ascii": True}),
        case("utf-8", {"ensure_ascii": False}),
    ],
)
def test_bytes_are_preserved(repository: Repository, base: Manifest, names: Names, form: dict[str, bool]) -> None:
    """Purpose: a manifest is stored byte for byte, since its digest is computed from its bytes.
    Method: 1. Push a manifest with unusual spacing, member order, escapes, unknown members and annotations.
            2. GET it by tag: expect exactly its bytes, and its digest in both responses where stated.
    """
    tag = names.new("bytes")
    annotations = {"org.example.text": f"Grüße, 世界, \N{ROCKET}, e\N{COMBINING ACUTE ACCENT}, {tag}"}
    annotations |= {"org.example.nothing": "", "org.example.long": "x" * 5_000}
    members: dict[str, Any] = {"annotations": annotations, "org.example": [1.0, None]}
    of_a_draft = {"org.example.title": "config.json", "org.opencontainers.artifact.created": "2026-11-29T10:00:00Z"}
    members["config"] = base.document["config"] | {"annotations": of_a_draft, "org.example": "of a descriptor"}
    members["layers"] = [{**each, "annotations": {}} for each in base.document["layers"]]
    # White space around the document is part of its bytes as well (RFC 8259 section 2).
    before = b"\n\t" if "indent" in form else b""
    content = before + json.dumps({**base.document, **members}, **form).encode() + b"\r\n"  # type: ignore[arg-type]
    manifest = Manifest(content, base.media_type, base.blobs)

    reply = repository.push(manifest, tag)
    expect_success(reply)
    expect_true_digest(reply, manifest.digest)
    expect_pulled(repository, tag, manifest)


@verifies("registry/manifest/type-parameters-are-ignored")
def test_type_with_parameters(repository: Repository, pushed: tuple[Exchange, Manifest], names: Names) -> None:
    """Purpose: a client may add parameters to the media type of a manifest.
    Method: 1. PUT a manifest with "; charset=utf-8" in its Content-Type: expect 2xx. 2. GET it: expect its bytes.
    """
    tag = names.new("parameters")
    _, manifest = pushed

    expect_success(repository.put_manifest(tag, manifest.content, f"{manifest.media_type}; charset=utf-8"))
    expect_bytes(repository.get_manifest(tag), manifest.content)


@verifies("registry/manifest/tag-moves")
def test_tag_moves(repository: Repository, base: Manifest, new_image: NewImage, names: Names) -> None:
    """Purpose: a tag resolves to the image that was pushed under it last, also through caches.
    Method: 1. Push an image under a tag, then another: expect the second from the tag, its digest and its Location,
               with another ETag; the first, if tags are immutable.
            2. GET the first by digest: expect its bytes, or 404 if it was collected.
            3. Push the first again: expect it from the tag, also with If-Modified-Since of the second.
    """
    tag = names.new("moving")
    first, second = base, new_image()
    repository.head_manifest(tag)
    repository.given(first, tag)
    expect_head(repository, tag, first)
    pulled = expect_pulled(repository, tag, first)
    repository.head_manifest(second.digest)
    reply = repository.push(second, tag)
    if is_immutable(reply):
        expect_untouched(repository.get_manifest(tag), first.content)
        raise NotApplicable(IMMUTABLE)
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
        raise NonConformance("another ETag (RFC 9110 section 8.8.3)", f"ETag: {etag}, as before", pulled, moved)
    expect_bytes_or_collected(repository.get_manifest(first.digest), first.content)
    expect_success(repository.push(first, tag))
    date, dated = (each.headers.get("last-modified") for each in (moved, expect_pulled(repository, tag, first)))
    if date and date != dated:
        expect_pulled(repository, tag, first, (EVERY_TYPE, ("If-Modified-Since", date)))


@pytest.mark.parametrize(
    "method",
    [
        row("registry/manifest/four-megabytes-are-accepted", "GET"),
        row("registry/pull/head-states-the-length#large-manifest", "HEAD"),
    ],
)
def test_four_megabytes(repository: Repository, base: Manifest, names: Names, once: Once, method: str) -> None:
    """Purpose: clients can push manifests of up to 4 megabytes, and learn their size before a pull.
    Method: 1. PUT a manifest of 3.9 megabytes under a tag: expect 2xx.
            2. GET it: expect exactly its bytes. HEAD it: expect its size as Content-Length.
    """
    manifest = once("large manifest", lambda: variation(base, names.new("large").ljust(39 * MEGABYTE // 10, "x")))
    reply = once("large manifest pushed", lambda: repository.push(manifest, names.new("large")))
    if method == "HEAD":
        if not reply.ok:
            raise NotApplicable("the registry does not accept a manifest of 3.9 megabytes")
        expect_content_length(repository.head_manifest(manifest.digest), len(manifest.content))
        return

    expect_success(reply)
    expect_bytes(repository.get_manifest(manifest.digest), manifest.content)


@verifies("registry/manifest/too-large-is-413")
def test_too_large(repository: Repository, base: Manifest, names: Names) -> None:
    """Purpose: a client learns that its manifest is too large.
    Method: 1. PUT a manifest of 6 megabytes: expect 413, or 2xx where there is no such limit.
    """
    tag = names.new("too-large")
    manifest = variation(base, tag.ljust(6 * MEGABYTE, "x"))

    expect_status(repository.push(manifest, tag), {*range(200, 300), 413}, "for a manifest of 6 megabytes")
