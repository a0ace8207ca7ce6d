"""Chunks of no bytes, of one, and for no session (OCI Distribution Specification 1.1, "Pushing a blob in chunks")."""

from __future__ import annotations

import pytest

from conformance.clients.images import NewBlob
from conformance.clients.registry import Repository
from conformance.clients.registry_uploads import open_for_chunks
from conformance.oracles.registry import expect_bytes, expect_range
from conformance.oracles.status import expect_no_server_error, expect_status
from conformance.vocabulary.check import case, verifies


@verifies("registry/upload/empty-chunk-is-no-server-error")
def test_empty_chunk(repository: Repository, new_blob: NewBlob) -> None:
    """Purpose: a chunk of no bytes, which a client sends that has none left, breaks no upload.

    Method: 1. open a session, PATCH it with no bytes: expect no 5xx
            2. where it is accepted, PATCH it with a part of a blob, with no bytes again, and PUT the rest: expect 201
               and exactly its bytes
    """
    blob, upload = new_blob(200), open_for_chunks(repository, 100)
    reply = upload.patch(b"")

    expect_no_server_error(reply, "for a chunk of no bytes")
    if reply.ok:
        expect_status(upload.patch(blob.content[:100], "0-99"), 202, "after a chunk of no bytes")
        expect_no_server_error(upload.patch(b""), "for a chunk of no bytes")
        expect_status(upload.put(blob.digest, blob.content[100:], "100-199"), 201, "after a chunk of no bytes")
        expect_bytes(repository.get_blob(blob.digest), blob.content)


@verifies("registry/upload/one-byte-is-a-chunk")
def test_one_byte(repository: Repository, new_blob: NewBlob) -> None:
    """Purpose: a chunk may be one byte, at the beginning and later, though "0-0" is said of none as well.

    Method: 1. PATCH the first byte, the second, and all others, each with its Content-Range: expect 202, and a Range,
               where there is one, that ends where the chunk does
            2. PUT the digest: expect 201 and exactly the bytes
    """
    blob, upload = new_blob(), open_for_chunks(repository, 1)
    for first, end in ((0, 1), (1, 2), (2, len(blob.content))):
        reply = upload.patch(blob.content[first:end], f"{first}-{end - 1}")
        expect_status(reply, 202, f"to the chunk at {first}")
        if "range" in reply.headers:
            expect_range(reply, end - 1)

    expect_status(upload.put(blob.digest), 201)
    expect_bytes(repository.get_blob(blob.digest), blob.content)


@verifies("registry/upload/unknown-session-is-404")
@pytest.mark.parametrize("method", [case("none-in-a-put", "PUT"), case("none-in-a-patch", "PATCH")])
def test_no_session(repository: Repository, method: str) -> None:
    """Purpose: nor does a request that names no session at all end one, and it is its caller's mistake.

    Method: 1. PUT and PATCH where sessions are opened
            2. expect a 4xx
    """
    expect_status(repository.send(method, "blobs/uploads/"), range(400, 500), "for a request that names no session")
