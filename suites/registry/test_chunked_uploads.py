"""Blobs pushed in chunks or as a stream (OCI Distribution 1.1, "Pushing a blob in chunks").

Some checks share one session that takes many chunks; if it fails, each check opens a session of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from conformance.clients.registry.client import Repository, Upload
from conformance.clients.registry.images import Blob, Manifest, NewBlob, manifest_of
from conformance.clients.registry.uploads import open_for_chunks, patched, require_chunks
from conformance.evidence.shared_requests import Once
from conformance.oracles.proofs import another_field
from conformance.oracles.registry import (
    expect_bytes,
    expect_location,
    expect_range,
    expect_reachable,
    expect_true_digest,
)
from conformance.oracles.status import expect_no_server_error, expect_status, expect_success
from conformance.oracles.uploads import expect_created
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive, NonConformance, NotApplicable, Unreachable
from conformance.vocabulary.wording import worded

KIB = 1024
# Where three chunks end: a short one, one that begins early, and one of more than a mebibyte, beyond 64 KiB.
ENDS = (KIB + KIB // 4, 80 * KIB, 80 * KIB + 1280 * KIB)
Opened = Callable[[str], Exchange]
Session = Callable[[str], Upload]
# So many that their names are in another order as text than as numbers, and that one lost in twenty is met.
MANY, LENGTH = 24, 128


def pieces(content: bytes, number: int) -> list[bytes]:
    """Content in so many pieces of one length."""
    step = len(content) // number
    return [content[first : first + step] for first in range(0, len(content), step)]


@dataclass(frozen=True)
class Trace:
    """A session that took chunks: what was answered to POST, to each chunk, and to how it stands before and after."""

    blob: Blob
    upload: Upload
    opened: Exchange
    begun: Exchange
    patched: list[tuple[Exchange, int]]
    status: Exchange


@pytest.fixture
def opened(repository: Repository, once: Once) -> Opened:
    """Opens a session for something, once."""
    return lambda what: once(("opened", what), repository.post_upload)


@pytest.fixture
def session(repository: Repository, opened: Opened, once: Once) -> Session:
    """That session."""
    return lambda what: once(("session", what), lambda: repository.upload_of(opened(what)))


@pytest.fixture
def trace(new_blob: NewBlob, opened: Opened, session: Session, once: Once) -> Trace:
    """One session's course, looked at by several checks."""

    def made() -> Trace:
        blob, first, upload = new_blob(ENDS[-1]), opened("chunks"), session("chunks")
        require_chunks(first, ENDS[0])
        begun = once("begun", upload.status)
        opened("a stream")  # What is told of this one is not of the last that was opened.
        answers = [*patched(upload, blob.content, ENDS)]
        return Trace(blob, upload, first, begun, answers, upload.status())

    return once("trace", made)


@verifies("registry/upload/session-opens")
def test_session_opens(opened: Opened) -> None:
    """Purpose: an upload begins with a session.

    Method: 1. POST to the uploads
            2. expect a success with a Location
    """
    reply = opened("chunks")

    expect_success(reply)
    expect_location(reply)


@verifies("registry/upload/location-can-be-followed")
def test_location_can_be_followed(session: Session, once: Once) -> None:
    """Purpose: the Location of a session leads there for whoever opened it.

    Method: 1. open a session, GET its Location
            2. expect an answer, and no 5xx
    """
    upload = session("chunks")

    expect_no_server_error(expect_reachable("a Location", lambda: once("begun", upload.status)))


@pytest.fixture
def closed(trace: Trace, once: Once) -> Exchange:
    """The answer to that session's closing PUT."""
    return once("trace closed", lambda: trace.upload.put(trace.blob.digest))


@verifies("registry/upload/in-chunks")
@pytest.mark.parametrize("number", [case("three", 3)])
def test_in_chunks(repository: Repository, trace: Trace, closed: Exchange, number: int) -> None:
    """Purpose: a blob is pushed in chunks, closed by an empty PUT.

    Method: 1. POST, then PATCH three chunks of three lengths, one above a mebibyte, with Content-Range, in order;
               expect 2xx with a Location to each
            2. PUT with the digest and no body; expect 2xx
            3. GET the blob and expect exactly its bytes
    """
    for reply, _ in trace.patched[:number]:
        expect_success(reply, "for a chunk in order")
        expect_location(reply)

    expect_created(repository, closed, trace.blob)


@verifies("registry/upload/last-chunk-by-put")
@pytest.mark.parametrize("what", [case("behind-a-stream", "a stream")])
def test_last_chunk_after_a_stream(
    repository: Repository, new_blob: NewBlob, opened: Opened, session: Session, what: str
) -> None:
    """Purpose: the closing PUT may carry the last chunk after a stream.

    Method: 1. POST, PATCH two chunks as one stream of no stated length or range; PUT the third, a short one, with its
               Content-Range and the digest of the whole
            2. expect 2xx, and exactly the bytes of all three from GET
    """
    blob, upload = new_blob(2 * KIB + 100), session(what)
    require_chunks(opened(what), KIB)
    if not (reply := upload.patch(pieces(blob.content[:-100], 2))).ok:
        raise Inconclusive(f"a streamed body is not taken: {reply}", "a registry that takes streams")

    closed = upload.put(blob.digest, blob.content[-100:], f"{2 * KIB}-{2 * KIB + 99}")
    expect_created(repository, closed, blob)


@dataclass(frozen=True)
class Streamed:
    """A blob, and the answers to HEAD of it before, to the stream that it came in, and to the closing PUT."""

    blob: Blob
    before: Exchange
    stream: Exchange
    closed: Exchange


@pytest.fixture
def streamed(repository: Repository, new_blob: NewBlob, once: Once) -> Streamed:
    """Streams a blob, once."""

    def made() -> Streamed:
        blob = new_blob(6 * KIB * KIB)
        before, upload = repository.head_blob(blob.digest), repository.open_upload()
        stream = upload.patch(pieces(blob.content, 3))
        return Streamed(blob, before, stream, upload.put(blob.digest))

    return once("streamed", made)


@verifies("registry/upload/streamed")
def test_streamed(repository: Repository, streamed: Streamed) -> None:
    """Purpose: a blob of unknown length is streamed, as engines do.

    Method: 1. HEAD the blob, as engines do: expect 404
            2. POST, then PATCH 6 MiB without Content-Range in chunked transfer coding: expect 2xx with the Range of all
            3. PUT with the digest; expect 2xx, and exactly the bytes from GET
    """
    expect_status(streamed.before, 404, "for a blob that was not pushed yet")
    expect_success(streamed.stream, "for a streamed body")
    expect_range(streamed.stream, len(streamed.blob.content) - 1)

    expect_created(repository, streamed.closed, streamed.blob)


@verifies("registry/upload/serves-an-image")
def test_serves_an_image(
    repository: Repository, base: Manifest, trace: Trace, closed: Exchange, streamed: Streamed
) -> None:
    """Purpose: an image is pushed of blobs that came in chunks and as a stream, as engines send them.

    Method: 1. push a blob in chunks, and another as a stream
            2. where both are taken, push an image with the two as its layers: expect 2xx
    """
    for reply in (closed, streamed.closed):
        if not reply.ok:
            raise Inconclusive(f"a blob could not be pushed: {reply}", "a registry that takes blobs in every form")
    manifest = manifest_of(base.blobs[0], [trace.blob, streamed.blob])

    reply = repository.put_manifest(manifest.digest, manifest.content, manifest.media_type)
    expect_success(reply, "for an image of a blob in chunks and one that was streamed")


@verifies("registry/upload/answers-tell-the-range")
def test_responses_name_the_range(trace: Trace) -> None:
    """Purpose: each answer to a chunk says how far the upload has come.

    Method: 1. GET the session, PATCH three chunks, GET it again
            2. expect Range: 0-<last byte> on each answer, and on the session's status
    """
    for reply, last in trace.patched:
        expect_range(reply, last)
    expect_range(trace.status, trace.patched[-1][1])


@verifies("registry/upload/status-is-told")
def test_status_names_the_range(trace: Trace) -> None:
    """Purpose: a caller that lost count asks the session.

    Method: 1. POST, GET the session, PATCH three chunks, GET it again
            2. expect 204 with Location, from the first on
    """
    expect_status(trace.begun, 204, "for a session that was opened")
    expect_location(trace.begun)
    for reply, _ in trace.patched:
        expect_success(reply)

    expect_status(trace.status, 204)
    expect_location(trace.status)


@verifies("registry/upload/uuid-stays-the-same")
def test_uuid_stays_the_same(trace: Trace, opened: Opened) -> None:
    """Purpose: where the registry names a session, the name can be used to tell sessions apart.

    Method: 1. open two sessions, PATCH three chunks to one of them, ask its status
            2. expect one Docker-Upload-UUID for each session, and different ones for the two, where they are there
    """
    first, other = trace.opened, opened("a stream")
    answers = [first, *(reply for reply, _ in trace.patched), trace.status]
    told = [each.headers.get("docker-upload-uuid") for each in answers]

    if len({each for each in told if each}) > 1:
        raise NonConformance("one Docker-Upload-UUID for one session", worded(told), first)
    if told[0] and told[0] == other.headers.get("docker-upload-uuid"):
        proof = another_field(first, other, "Docker-Upload-UUID")
        raise NonConformance(
            "another Docker-Upload-UUID for another session", worded(told[0]), first, other, proof=proof
        )


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
class ManyChunks:
    """A blob that came in many chunks: the answers to each, and to the closing PUT."""

    blob: Blob
    patched: list[Exchange]
    closed: Exchange


@pytest.fixture
def many_chunks(repository: Repository, new_blob: NewBlob, once: Once) -> ManyChunks:
    """Pushes a blob in 24 chunks, once."""

    def made() -> ManyChunks:
        blob, upload = new_blob(MANY * LENGTH), open_for_chunks(repository, LENGTH)
        ends = range(LENGTH, len(blob.content) + 1, LENGTH)
        replies = [reply for reply, _ in patched(upload, blob.content, ends)]
        return ManyChunks(blob, replies, upload.put(blob.digest))

    return once("many chunks", made)


@verifies("registry/upload/in-chunks")
@pytest.mark.parametrize("number", [case("twenty-four", MANY)])
def test_in_many_chunks(repository: Repository, many_chunks: ManyChunks, number: int) -> None:
    """Purpose: a blob is pushed in chunks, as many as it takes.

    Method: 1. POST, then PATCH 24 chunks of one length with Content-Range, in order; expect 2xx with a Location to each
            2. PUT with the digest and no body; expect 2xx
            3. GET the blob and expect exactly its bytes
    """
    for reply in many_chunks.patched[:number]:
        expect_success(reply, "for a chunk in order")
        expect_location(reply)

    expect_created(repository, many_chunks.closed, many_chunks.blob)


@verifies("registry/upload/created-digest-is-true")
@pytest.mark.parametrize("form", [case("in-chunks", "chunks")])
def test_created_digest_after_chunks(many_chunks: ManyChunks, form: str) -> None:
    """Purpose: the digest that the answer names is the whole blob's, and not that of what came last.

    Method: 1. push a blob in 24 chunks
            2. expect Docker-Content-Digest of the 201, where it is there, to be the blob's digest
    """
    expect_success(many_chunks.closed, f"to a blob in {form}")

    expect_true_digest(many_chunks.closed, many_chunks.blob.digest)


@verifies("registry/upload/last-chunk-by-put")
@pytest.mark.parametrize("number", [case("behind-chunks", 2)])
def test_last_chunk_after_chunks(repository: Repository, new_blob: NewBlob, together: bool, number: int) -> None:
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
def test_chunk_of_one_byte(repository: Repository, new_blob: NewBlob, together: bool) -> None:
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
