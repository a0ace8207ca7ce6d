"""Pulling manifests (OCI Distribution Specification 1.1, "Pulling manifests")."""

from __future__ import annotations

import pytest

from conformance.clients.images import DOCKER_LIST, digest_of
from conformance.clients.registry import Repository, StoredImage
from conformance.evidence.once import Once
from conformance.oracles.registry import expect_bytes
from conformance.oracles.status import expect_status
from conformance.sandbox.names import Names
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.finding import NonConformance


def absent(names: Names) -> str:
    """A digest of nothing that was ever pushed."""
    return digest_of(names.new("absent").encode())


@verifies("registry/pull/manifest-is-what-was-pushed")
@pytest.mark.parametrize("by", [case("tag", "tag"), case("digest", "digest")])
def test_manifest_is_pulled(stored: StoredImage, once: Once, by: str) -> None:
    """Purpose: a manifest comes back byte for byte, as the type that it was pushed as.

    Method: 1. GET an image by tag and by digest
            2. expect 200, exactly its bytes, and its media type
    """
    reference = stored.tag if by == "tag" else stored.image.digest
    reply = once(("stored", f"{by}-get"), lambda: stored.repository.get_manifest(reference))

    expect_bytes(reply, stored.image.content)
    if reply.media_type != stored.image.media_type:
        raise NonConformance(f"Content-Type: {stored.image.media_type}", f"Content-Type: {reply.media_type}", reply)


@verifies("registry/pull/absent-manifest-is-404")
@pytest.mark.parametrize("method", [case("get", "GET"), case("head", "HEAD")])
@pytest.mark.parametrize("by", [case("tag", "tag"), case("digest", "digest")])
def test_absent_manifest(stored: StoredImage, names: Names, by: str, method: str) -> None:
    """Purpose: a manifest that is not there is told as such.

    Method: 1. GET and HEAD a tag and a digest that were never pushed
            2. expect 404
    """
    reference = "no-such-tag" if by == "tag" else absent(names)
    read = stored.repository.get_manifest if method == "GET" else stored.repository.head_manifest

    expect_status(read(reference), 404, "for a manifest that was never pushed")


@verifies("registry/pull/absent-repository-is-404")
@pytest.mark.parametrize("what", [case("tags", "tags/list"), case("manifest", "manifests/v1.0.0")])
def test_absent_repository(repository: Repository, names: Names, what: str) -> None:
    """Purpose: a repository that nothing was pushed to is told as such.

    Method: 1. ask for the tags and a manifest of a repository that never was, as one who may pull and push there
            2. expect 404
    """
    described = repository.registry.described
    never = repository.registry.repository(f"{described.repository}-{names.new('never')}")

    expect_status(never.send("GET", what), 404, "for a repository that never was")


@verifies("registry/pull/manifest-is-never-converted")
@pytest.mark.parametrize(
    "accept",
    [
        case("another-type", DOCKER_LIST),
        case("html", "text/html"),
        case("anything", "*/*"),
        case("nonsense", ";;"),
    ],
)
def test_manifest_is_never_converted(stored: StoredImage, once: Once, accept: str) -> None:
    """Purpose: what is pulled by digest has that digest, whatever the caller would like best.

    Method: 1. GET an image by digest with an Accept field that does not name its type
            2. expect its bytes, or a refusal (404 or 406); never other bytes
    """
    fields = (("Accept", accept),)
    reply = once(("stored", fields), lambda: stored.repository.get_manifest(stored.image.digest, fields))

    expect_status(reply, {200, 400, 404, 406})
    if reply.status == 200:
        expect_bytes(reply, stored.image.content)


@verifies("registry/pull/any-type-is-any-type")
@pytest.mark.parametrize("fields", [case("asterisks", (("Accept", "*/*"),)), case("no-accept", ())])
def test_any_type(stored: StoredImage, once: Once, fields: tuple[tuple[str, str], ...]) -> None:
    """Purpose: a client that takes any type gets the manifest.

    Method: 1. GET an image by digest with Accept: */*, and without Accept
            2. expect 200 with its bytes
    """
    reply = once(("stored", fields), lambda: stored.repository.get_manifest(stored.image.digest, fields))

    expect_bytes(reply, stored.image.content)
