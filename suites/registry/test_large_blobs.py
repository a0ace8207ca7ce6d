"""Blobs as large as the target file names, which are never whole in the memory of the suite."""

from __future__ import annotations

from conformance.clients.registry.client import Registry, Repository
from conformance.clients.registry.streams import pull, push
from conformance.clients.s3.streams import Pattern
from conformance.oracles.status import expect_status, expect_success
from conformance.vocabulary.check import verifies
from conformance.vocabulary.finding import NonConformance, NotDeclared

MIB = 1024 * 1024


@verifies("registry/upload/large-blob-comes-back")
def test_large_blob_comes_back(registry: Registry, repository: Repository) -> None:
    """Purpose: a layer as large as the target file names is the bytes that were pushed.

    Method: 1. POST, then PUT a blob of that size in one request, made as it is sent: expect 2xx
            2. GET it and expect 200 with the same bytes, compared as they come
    """
    if registry.described.large_blob_mib is None:
        raise NotDeclared(
            "the target file names no large_blob_mib under [targets.X.registry]", "registry.large_blob_mib"
        )
    content = Pattern(registry.described.large_blob_mib * MIB)
    created, digest = push(repository, content)
    expect_success(created, f"to a blob of {content.size} bytes")
    reply, compared = pull(repository, digest, content)

    expect_status(reply, 200)
    if not compared.equal:
        raise NonConformance(f"the {content.size} bytes that were pushed", str(compared), reply)
