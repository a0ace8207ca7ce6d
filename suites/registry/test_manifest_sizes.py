"""How large a manifest may be (OCI Distribution Specification 1.1, "Pushing Manifests")."""

from __future__ import annotations

from conformance.clients.images import Manifest, variation
from conformance.clients.registry import Repository
from conformance.oracles.registry import expect_bytes
from conformance.oracles.status import expect_status
from conformance.sandbox.names import Names
from conformance.vocabulary.check import verifies

MEGABYTE = 1_000_000


@verifies("registry/manifest/four-megabytes-are-taken")
def test_four_megabytes(repository: Repository, base: Manifest, names: Names) -> None:
    """Purpose: manifests of up to 4 megabytes are taken.

    Method: 1. PUT a manifest of 3.9 megabytes
            2. expect 201, and exactly its bytes from GET
    """
    tag = names.new("large")
    manifest = variation(base, tag.ljust(39 * MEGABYTE // 10, "x"))

    expect_status(repository.push(manifest, tag), 201)
    expect_bytes(repository.get_manifest(tag), manifest.content)


@verifies("registry/manifest/too-large-is-413")
def test_too_large(repository: Repository, base: Manifest, names: Names) -> None:
    """Purpose: a manifest beyond the registry's limit is told as such.

    Method: 1. PUT a manifest of 6 megabytes
            2. expect 413, or 201 where there is no such limit
    """
    tag = names.new("too-large")
    manifest = variation(base, tag.ljust(6 * MEGABYTE, "x"))

    expect_status(repository.push(manifest, tag), {201, 413}, "for a manifest of 6 megabytes")
