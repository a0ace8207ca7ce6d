"""Blobs pushed in chunks or as a stream (OCI Distribution 1.1, "Pushing a blob in chunks")."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pytest

from conformance.clients.registry.client import Repository, Upload
from conformance.clients.registry.images import Blob, Manifest, NewBlob, manifest_of
from conformance.clients.registry.uploads import open_for_chunks, patched, require_chunks
from conformance.evidence.shared_requests import Once
from conformance.oracles.registry import (
    expect_bytes,
    expect_location,
    expect_range,
    expect_reachable,
    expect_true_digest,
)
from conformance.oracles.status import expect_no_server_error, expect_status, expect_success
from conformance.oracles.uploads import expect_created
from conformance.vocabulary.check import case, row, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive, NonConformance
from conformance.vocabulary.wording import worded

KIB = 1024
# Where three chunks end: a short one, one that begins early, and one of more than a mebibyte, beyond 64 KiB.
ENDS = (KIB + KIB // 4, 80 * KIB, 80 * KIB + 1280 * KIB)
# So many that their names sort differently as text and as numbers, and that a loss of one in twenty shows.
MANY, LENGTH = 24, 128


def pieces(content: bytes, number: int) -> list[bytes]:
    """Return the content in this many pieces of equal length."""
    step = len(content) // number
    return [content[first : first + step] for first in range(0, len(content), step)]


@dataclass(frozen=True)
class ChunkedUpload:
    """A blob pushed in chunks: each response with the chunk's last byte, the session's status, the closing response."""

    blob: Blob
    chunks: list[tuple[Exchange, int]]
    status: Exchange
    closed: Exchange


def push_in_chunks(upload: Upload, blob: Blob, ends: Iterable[int]) -> ChunkedUpload:
    """Push a blob in chunks that end at these bytes."""
    return ChunkedUpload(blob, [*patched(upload, blob.content, ends)], upload.status(), upload.put(blob.digest))


@pytest.fixture
def opened(repository: Repository, once: Once) -> Exchange:
    """The response to the POST that opens a session."""
    return once("opened", repository.post_upload)


@pytest.fixture
def session(repository: Repository, opened: Exchange, once: Once) -> Upload:
    """That session."""
    return once("session", lambda: repository.upload_of(opened))


@pytest.fixture
def other_opened(repository: Repository, once: Once) -> Exchange:
    """The response to the POST that opens another session."""
    return once("other opened", repository.post_upload)


@pytest.fixture
def three_chunks(new_blob: NewBlob, opened: Exchange, session: Upload, once: Once) -> ChunkedUpload:
    """A blob pushed in three chunks of different lengths."""
    require_chunks(opened, ENDS[0])
    once("begun", session.status)
    return once("three chunks", lambda: push_in_chunks(session, new_blob(ENDS[-1]), ENDS))


@pytest.fixture
def many_chunks(repository: Repository, new_blob: NewBlob, once: Once) -> ChunkedUpload:
    """A blob pushed in 24 chunks of one length."""

    def made() -> ChunkedUpload:
        ends = range(LENGTH, MANY * LENGTH + 1, LENGTH)
        return push_in_chunks(open_for_chunks(repository, LENGTH), new_blob(MANY * LENGTH), ends)

    return once("many chunks", made)


@pytest.fixture
def streamed(repository: Repository, new_blob: NewBlob, once: Once) -> tuple[Blob, list[Exchange]]:
    """A blob, and the responses to HEAD of it before its push, to its stream, and to the closing PUT."""

    def made() -> tuple[Blob, list[Exchange]]:
        blob, upload = new_blob(6 * KIB * KIB), repository.open_upload()
        before = repository.head_blob(blob.digest)
        return blob, [before, upload.patch(pieces(blob.content, 3)), upload.put(blob.digest)]

    return once("streamed", made)


@verifies("registry/upload/session-opens")
def test_session_opens(opened: Exchange) -> None:
    """Purpose: an upload begins with a session.
    Method: 1. POST to the uploads; 2. expect 2xx with a Location
    """
    expect_success(opened)
    expect_location(opened)


@verifies("registry/upload/location-can-be-followed")
def test_location_can_be_followed(session: Upload, once: Once) -> None:
    """Purpose: a client can reach the session that it opened.
    Method: 1. open a session, GET its Location; 2. expect a response that is no 5xx
    """
    expect_no_server_error(expect_reachable("a Location", lambda: once("begun", session.status)))


@verifies("registry/upload/in-chunks")
@pytest.mark.parametrize("pushed", [case("three", "three_chunks"), case("twenty-four", "many_chunks")])
def test_in_chunks(request: pytest.FixtureRequest, repository: Repository, pushed: str) -> None:
    """Purpose: a client pushes a large blob in as many chunks as it likes.
    Method: 1. PATCH three chunks of different lengths, or 24 of one length, in order: expect 2xx with a Location
            2. PUT with the digest and no body: expect 2xx, and exactly the bytes from GET
    """
    upload: ChunkedUpload = request.getfixturevalue(pushed)
    for reply, _ in upload.chunks:
        expect_success(reply, "for a chunk in order")
        expect_location(reply)
    expect_created(repository, upload.closed, upload.blob)


@verifies("registry/upload/last-chunk-by-put")
@pytest.mark.parametrize(("streams", "last"), [case("behind-a-stream", True, 100), case("behind-chunks", False, 1)])
def test_last_chunk_by_put(repository: Repository, new_blob: NewBlob, streams: bool, last: int) -> None:
    """Purpose: a client sends its last chunk in the closing PUT.
    Method: 1. PATCH two chunks, with Content-Range or as one stream of unknown length
            2. PUT a short third chunk with its Content-Range and the digest of all: expect 2xx, and exactly the bytes
    """
    sent = 2 * KIB
    blob, upload = new_blob(sent + last), open_for_chunks(repository, KIB)
    if not streams:
        for reply, _ in patched(upload, blob.content, (KIB, sent)):
            expect_success(reply, "for a chunk in order")
    elif not (reply := upload.patch(pieces(blob.content[:sent], 2))).ok:
        raise Inconclusive(f"the registry refused a stream: {reply}", "a registry that accepts streams")

    closed = upload.put(blob.digest, blob.content[sent:], f"{sent}-{sent + last - 1}")
    expect_created(repository, closed, blob)


@verifies("registry/upload/streamed")
def test_streamed(repository: Repository, streamed: tuple[Blob, list[Exchange]]) -> None:
    """Purpose: engines stream a blob whose length they do not know.
    Method: 1. HEAD the blob, as engines do: expect 404
            2. PATCH 6 MiB without Content-Range in chunked transfer coding: expect 2xx with the Range of all
            3. PUT with the digest: expect 2xx, and exactly the bytes from GET
    """
    blob, (before, stream, closed) = streamed
    expect_status(before, 404, "for a blob that was not pushed yet")
    expect_success(stream, "for a streamed body")
    expect_range(stream, len(blob.content) - 1)
    expect_created(repository, closed, blob)


@verifies("registry/upload/serves-an-image")
def test_serves_an_image(
    repository: Repository, base: Manifest, three_chunks: ChunkedUpload, streamed: tuple[Blob, list[Exchange]]
) -> None:
    """Purpose: an image can have layers that came in chunks and as a stream, as engines send them.
    Method: 1. push a blob in chunks, another as a stream; 2. if both succeed, push an image of these layers: expect 2xx
    """
    for reply in (three_chunks.closed, streamed[1][-1]):
        if not reply.ok:
            raise Inconclusive(f"a blob could not be pushed: {reply}", "a registry that accepts both forms of upload")
    manifest = manifest_of(base.blobs[0], [three_chunks.blob, streamed[0]])
    reply = repository.put_manifest(manifest.digest, manifest.content, manifest.media_type)
    expect_success(reply, "for an image of a blob in chunks and one that was streamed")


@verifies("registry/upload/responses-state-the-range")
def test_responses_state_the_range(three_chunks: ChunkedUpload) -> None:
    """Purpose: a client learns from each response how far the upload has come.
    Method: 1. PATCH three chunks, GET the session; 2. expect Range: 0-<last byte> on each response
    """
    for reply, last in [*three_chunks.chunks, (three_chunks.status, ENDS[-1] - 1)]:
        expect_range(reply, last)


@verifies("registry/upload/status-is-reported")
def test_status_is_reported(three_chunks: ChunkedUpload, session: Upload, once: Once) -> None:
    """Purpose: a client that lost count requests the session's status.
    Method: 1. POST, GET the session, PATCH three chunks, GET it again; 2. expect 204 with Location to both
    """
    for reply, _ in three_chunks.chunks:
        expect_success(reply)
    for reply in (once("begun", session.status), three_chunks.status):
        expect_status(reply, 204, "for an open session")
        expect_location(reply)


@verifies("registry/upload/uuid-stays-the-same")
def test_uuid_stays_the_same(three_chunks: ChunkedUpload, opened: Exchange, other_opened: Exchange) -> None:
    """Purpose: a client correlates its uploads by Docker-Upload-UUID.
    Method: 1. open two sessions, PATCH three chunks to one of them, GET its status
            2. expect one Docker-Upload-UUID for each session, if there is one, and different ones for the two
    """
    answers = [opened, *(reply for reply, _ in three_chunks.chunks), three_chunks.status]
    seen = [each.headers.get("docker-upload-uuid") for each in answers]

    if len({each for each in seen if each}) > 1:
        raise NonConformance("one Docker-Upload-UUID for one session", worded(seen), opened)
    if seen[0] and seen[0] == other_opened.headers.get("docker-upload-uuid"):
        expected = "a Docker-Upload-UUID for each session"
        raise NonConformance(expected, f"{worded(seen[0])} for two sessions", opened, other_opened)


@verifies("registry/upload/created-digest-is-true#in-chunks")
def test_created_digest_after_chunks(many_chunks: ChunkedUpload) -> None:
    """Purpose: the digest in the response is the whole blob's, not the last chunk's.
    Method: 1. push a blob in 24 chunks; 2. expect Docker-Content-Digest of the 201, if present, to be the blob's digest
    """
    expect_success(many_chunks.closed, "for a blob in chunks")
    expect_true_digest(many_chunks.closed, many_chunks.blob.digest)


@pytest.mark.parametrize(
    "ends",
    [
        row("registry/upload/empty-chunk-is-no-server-error", (0, 100, 100, 200)),
        row("registry/upload/one-byte-is-a-chunk", (1, 2, 200)),
    ],
)
def test_short_chunks(repository: Repository, new_blob: NewBlob, ends: tuple[int, ...]) -> None:
    """Purpose: a client may send a chunk of one byte, or of none when it has no bytes left.
    Method: 1. PATCH an empty chunk first and later: expect no 5xx; if the first is refused, the check ends
            2. PATCH chunks of one byte and more: expect 2xx, with the right Range if there is one
            3. PUT with the digest: expect 2xx, and exactly the bytes from GET
    """
    blob, upload, first = new_blob(200), open_for_chunks(repository, ends[0] or ends[1]), 0
    for end in ends:
        if end == first:
            expect_no_server_error(reply := upload.patch(b""), "for an empty chunk")
            if first == 0 and not reply.ok:
                return
            continue
        reply = upload.patch(blob.content[first:end], f"{first}-{end - 1}")
        expect_success(reply, f"for the chunk that ends before byte {end}")
        if "range" in reply.headers:
            expect_range(reply, end - 1)
        first = end

    expect_success(upload.put(blob.digest))
    expect_bytes(repository.get_blob(blob.digest), blob.content)
