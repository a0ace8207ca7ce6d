"""Tag names: the limits of their grammar (OCI Distribution 1.1, "Pulling manifests")."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from conformance.clients.registry.client import Repository, StoredImage
from conformance.clients.registry.images import Manifest
from conformance.oracles.registry import expect_bytes, expect_not_stored
from conformance.oracles.registry_errors import expect_error_document
from conformance.oracles.status import expect_no_server_error, expect_refused, expect_success
from conformance.sandbox.names import Names
from conformance.strategies.properties import explores
from conformance.strategies.registry import path_parts
from conformance.vocabulary.check import case, row, verifies


@verifies("registry/name/valid-tags-are-accepted")
@pytest.mark.parametrize(
    "tag",
    [
        case("one-letter", "a"),
        case("128-letters", "t" * 128),
        case("underscore-first", "_1"),
        case("capital", "V1.0-RC_2"),
        case("digits", "20261125"),
        case("dots", "1.2.3...4"),
        case("hexadecimal", "0123456789abcdef" * 4),
    ],
)
def test_tags_of_the_grammar(stored: StoredImage, tag: str) -> None:
    """Purpose: every tag of the grammar can be pushed and pulled.
    Method: 1. PUT an image under a tag at a limit of the grammar: expect 2xx; 2. GET the tag: expect exactly its bytes
    """
    repository, manifest = stored.repository, stored.image

    expect_success(repository.put_manifest(tag, manifest.content, manifest.media_type))
    expect_bytes(repository.get_manifest(tag), manifest.content)


@verifies("registry/name/invalid-tag-is-refused")
@pytest.mark.parametrize(
    "tag",
    [
        case("129-letters", "t" * 129),
        case("dot-first", ".v1"),
        case("dash-first", "-v1"),
        case("blank", "v 1"),
        case("plus", "v1+2"),
        case("not-ascii", "größe"),
        case("at", "v1@2"),
        case("nul", "v1\0"),
        case("line-end", "v1\n"),
    ],
)
def test_no_other_tag(stored: StoredImage, tag: str) -> None:
    """Purpose: an invalid tag is refused.
    Method: 1. PUT an image under an invalid tag: expect a 4xx; 2. unless that was 404, GET the tag: expect the same
    """
    path = quote(tag, safe="@+")
    repository, manifest = stored.repository, stored.image
    reply = repository.put_manifest(path, manifest.content, manifest.media_type)

    expect_refused(reply, "for an invalid tag")
    if reply.status != 404:
        expect_refused(repository.get_manifest(path), "for an invalid tag")


@pytest.mark.parametrize(
    ("one", "other", "absent"),
    [
        row("registry/name/similar-tags-are-distinct", "-a", "-A", "-A"),
        row("registry/name/similar-tags-are-distinct#or-at-their-end", ".", "-", ""),
    ],
)
def test_similar_tags_are_distinct(
    repository: Repository, names: Names, pair: tuple[Manifest, Manifest], one: str, other: str, absent: str
) -> None:
    """Purpose: tags that differ only in case, or in a dot or dash at the end, are two tags.
    Method: 1. push an image under "…-a", or "….": expect 404 to GET of "…-A", or "…"
            2. push another under "…-A", or "…-": expect the same of "…", and each image under its own tag
    """
    tag = names.new("similar")
    repository.given(pair[0], f"{tag}{one}")
    expect_not_stored([repository.get_manifest(f"{tag}{absent}")])
    repository.given(pair[1], f"{tag}{other}")
    if absent != other:
        expect_not_stored([repository.get_manifest(f"{tag}{absent}")])

    for ending, manifest in zip((one, other), pair, strict=True):
        expect_bytes(repository.get_manifest(f"{tag}{ending}"), manifest.content)


@verifies("registry/name/any-reference-is-no-server-error")
@explores(0.4, {"part": "sha256:0123"}, {"part": "a" * 140}, {"part": "uploads/"}, part=path_parts())
def test_any_reference(stored: StoredImage, part: str) -> None:
    """Purpose: no text instead of a tag or digest causes a server error.
    Method: 1. GET a manifest and a blob under any text; 2. expect no 5xx, and a well-formed error document
    """
    for reply in (stored.repository.get_manifest(part), stored.repository.get_blob(part)):
        expect_no_server_error(reply)
        if 400 <= reply.status < 500:
            expect_error_document(reply)
