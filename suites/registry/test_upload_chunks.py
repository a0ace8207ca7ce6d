"""Many chunks, of no bytes, of one, and for no session (OCI Distribution Specification, "Pushing a blob in chunks").

One session that takes all of these as it should shows what three checks are about; where it does not, each has its own.
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from conformance.clients.registry.client import Repository
from conformance.clients.registry.images import Blob, NewBlob
from conformance.clients.registry.uploads import open_for_chunks, patched
from conformance.evidence.shared_requests import Once
from conformance.oracles.registry import expect_bytes, expect_location, expect_range, expect_true_digest
from conformance.oracles.status import expect_no_server_error, expect_status, expect_success
from conformance.oracles.uploads import expect_created
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive, NonConformance, NotApplicable, Unreachable

# So many that their names are in another order as text than as numbers, and that one lost in twenty is met.
MANY, LENGTH = 24, 128
KIB = 1024


@pytest.fixture
def together(repository: Repository, new_blob: NewBlob, once: Once) -> bool:
    """Whether one session takes a chunk of no bytes, two of one, none again, a longer one, and the last in its PUT.

    The last is one byte.
    """

    def made() -> bool:
        blob = new_blob(103)
        try:
            upload = open_for_chunks(repository, 1)
            for begin, ends in ((0, (1, 2)), (2, (102,))):
                expect_success(upload.patch(b""))
                for reply, end in patched(upload, blob.content, ends, begin):
                    expect_success(reply)
                    if "range" in reply.headers:
                        expect_range(reply, end)
            expect_created(repository, upload.put(blob.digest, blob.content[102:], "102-102"), blob)
        except (NonConformance, NotApplicable, Inconclusive, Unreachable):
            return False
        return True

    return once("chunks together", made)


@dataclass(frozen=True)
class Many:
    """A blob that came in many chunks: the answers to each, and to the closing PUT."""

    blob: Blob
    patched: list[Exchange]
    closed: Exchange


@pytest.fixture
def many(repository: Repository, new_blob: NewBlob, once: Once) -> Many:
    """Pushes a blob in 24 chunks, once."""

    def made() -> Many:
        blob, upload = new_blob(MANY * LENGTH), open_for_chunks(repository, LENGTH)
        ends = range(LENGTH, len(blob.content) + 1, LENGTH)
        replies = [reply for reply, _ in patched(upload, blob.content, ends)]
        return Many(blob, replies, upload.put(blob.digest))

    return once("many chunks", made)


@verifies("registry/upload/in-chunks")
@pytest.mark.parametrize("number", [case("twenty-four", MANY)])
def test_in_many_chunks(repository: Repository, many: Many, number: int) -> None:
    """Purpose: a blob is pushed in chunks, as many as it takes.

    Method: 1. POST, then PATCH 24 chunks of one length with Content-Range, in order; expect 2xx with a Location to each
            2. PUT with the digest and no body; expect 2xx
            3. GET the blob and expect exactly its bytes
    """
    for reply in many.patched[:number]:
        expect_success(reply, "for a chunk in order")
        expect_location(reply)

    expect_created(repository, many.closed, many.blob)


@verifies("registry/upload/created-digest-is-true")
@pytest.mark.parametrize("form", [case("in-chunks", "chunks")])
def test_created_digest_is_true(many: Many, form: str) -> None:
    """Purpose: the digest that the answer names is the whole blob's, and not that of what came last.

    Method: 1. push a blob in 24 chunks
            2. expect Docker-Content-Digest of the 201, where it is there, to be the blob's digest
    """
    expect_success(many.closed, f"to a blob in {form}")

    expect_true_digest(many.closed, many.blob.digest)


@verifies("registry/upload/last-chunk-by-put")
@pytest.mark.parametrize("number", [case("behind-chunks", 2)])
def test_last_chunk_behind_chunks(repository: Repository, new_blob: NewBlob, together: bool, number: int) -> None:
    """Purpose: the last chunk may come in the closing PUT.

    Method: 1. have one session take chunks of several lengths, and the last in its PUT: expect 2xx, and its bytes
            2. where that is not so, POST, PATCH two chunks, PUT the third, of one byte, with its Content-Range and the
               digest of the whole: expect that
    """
    if together:
        return
    blob, upload = new_blob(number * KIB + 1), open_for_chunks(repository, KIB)
    for reply, _ in patched(upload, blob.content, range(KIB, number * KIB + 1, KIB)):
        expect_success(reply, "for a chunk in order")
    last = f"{number * KIB}-{number * KIB}"

    expect_created(repository, upload.put(blob.digest, blob.content[number * KIB :], last), blob)


@verifies("registry/upload/empty-chunk-is-no-server-error")
def test_empty_chunk(repository: Repository, new_blob: NewBlob, together: bool) -> None:
    """Purpose: a chunk of no bytes, which a client sends that has none left, breaks no upload.

    Method: 1. have one session take chunks of several lengths, no bytes among them, first and later: expect what is due
            2. where that is not so, open a session, PATCH it with no bytes: expect no 5xx
            3. where it is accepted, PATCH it with a part of a blob, with no bytes again, and PUT the rest: expect 2xx
               and exactly its bytes
    """
    if together:
        return
    blob, upload = new_blob(200), open_for_chunks(repository, 100)
    reply = upload.patch(b"")

    expect_no_server_error(reply, "for a chunk of no bytes")
    if reply.ok:
        expect_success(upload.patch(blob.content[:100], "0-99"), "after a chunk of no bytes")
        expect_no_server_error(upload.patch(b""), "for a chunk of no bytes")
        expect_success(upload.put(blob.digest, blob.content[100:], "100-199"), "after a chunk of no bytes")
        expect_bytes(repository.get_blob(blob.digest), blob.content)


@verifies("registry/upload/one-byte-is-a-chunk")
def test_one_byte(repository: Repository, new_blob: NewBlob, together: bool) -> None:
    """Purpose: a chunk may be one byte, at the beginning and later, though "0-0" is said of none as well.

    Method: 1. have one session take chunks of several lengths, one byte among them, first and later: expect what is due
            2. where that is not so, PATCH the first byte, the second, and all others, each with its Content-Range:
               expect 2xx, and a Range, where there is one, that ends where the chunk does
            3. PUT the digest: expect 2xx and exactly the bytes
    """
    if together:
        return
    blob, upload = new_blob(), open_for_chunks(repository, 1)
    for reply, end in patched(upload, blob.content, (1, 2, len(blob.content))):
        expect_success(reply, f"to the chunk that ends at {end}")
        if "range" in reply.headers:
            expect_range(reply, end)

    expect_success(upload.put(blob.digest))
    expect_bytes(repository.get_blob(blob.digest), blob.content)


@verifies("registry/upload/unknown-session-is-404")
@pytest.mark.parametrize("method", [case("none-in-a-put", "PUT"), case("none-in-a-patch", "PATCH")])
def test_no_session(repository: Repository, method: str) -> None:
    """Purpose: nor does a request that names no session at all end one, and it is its caller's mistake.

    Method: 1. PUT and PATCH where sessions are opened
            2. expect a 4xx
    """
    expect_status(repository.send(method, "blobs/uploads/"), range(400, 500), "for a request that names no session")
