"""How large a manifest may be (OCI Distribution Specification 1.1, "Pushing Manifests")."""

from __future__ import annotations

import pytest

from conformance.clients.registry.client import Repository
from conformance.clients.registry.images import Manifest, variation
from conformance.evidence.shared_requests import Once
from conformance.oracles.registry import expect_bytes, expect_content_length
from conformance.oracles.status import expect_status, expect_success
from conformance.sandbox.names import Names
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NotApplicable

MEGABYTE = 1_000_000


@pytest.fixture
def large(repository: Repository, base: Manifest, names: Names, once: Once) -> tuple[Manifest, Exchange]:
    """A manifest of 3.9 megabytes, and the answer to its push."""

    def made() -> tuple[Manifest, Exchange]:
        tag = names.new("large")
        manifest = variation(base, tag.ljust(39 * MEGABYTE // 10, "x"))
        return manifest, repository.push(manifest, tag)

    return once("large manifest", made)


@verifies("registry/manifest/four-megabytes-are-taken")
def test_four_megabytes(repository: Repository, large: tuple[Manifest, Exchange]) -> None:
    """Purpose: manifests of up to 4 megabytes are taken.

    Method: 1. PUT a manifest of 3.9 megabytes under a tag
            2. expect 2xx, and exactly its bytes from GET
    """
    manifest, reply = large

    expect_success(reply)
    expect_bytes(repository.get_manifest(manifest.digest), manifest.content)


@verifies("registry/pull/head-tells-the-length")
@pytest.mark.parametrize("what", [case("large-manifest", "a manifest of 3.9 megabytes")])
def test_head_of_a_large_manifest(repository: Repository, large: tuple[Manifest, Exchange], what: str) -> None:
    """Purpose: a client learns how much it would pull, of what is sent in many parts as well.

    Method: 1. PUT a manifest of 3.9 megabytes, HEAD it
            2. expect Content-Length to be the size
    """
    manifest, reply = large
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
