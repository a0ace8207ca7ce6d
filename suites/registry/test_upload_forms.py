"""Every form in which a blob may be pushed (OCI Distribution Specification 1.1, "Pushing blobs")."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from conformance.clients.images import Blob, NewBlob, digest_of
from conformance.clients.registry import Repository, Upload
from conformance.clients.registry_uploads import open_for_chunks, require_chunks
from conformance.evidence.once import Once
from conformance.oracles.proofs import another_field
from conformance.oracles.registry import expect_bytes, expect_location, expect_range, expect_reachable
from conformance.oracles.status import expect_no_server_error, expect_status
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive, NonConformance
from conformance.vocabulary.wording import worded

KIB = 1024
# So many that their names are in another order as text than as numbers, and that one lost in twenty is met.
FEW, MANY = 3, 24


def chunks(content: bytes, number: int = 3, more: int = 0) -> list[tuple[bytes, str]]:
    """Content as chunks with the Content-Range of each: equal ones, or the first by ``more`` bytes longer."""
    step = len(content) // number
    ends = [step + more, *range(2 * step, len(content) + 1, step)]
    cuts = zip([0, *ends], ends, strict=False)
    return [(content[first:end], f"{first}-{end - 1}") for first, end in cuts]


@dataclass(frozen=True)
class Trace:
    """A session that took chunks: what was answered to POST, to each, and of few to how it stood before and after."""

    blob: Blob
    upload: Upload
    opened: Exchange
    patched: list[tuple[Exchange, int]]
    statuses: list[Exchange]


Opened = Callable[[int], Exchange]
Traced = Callable[[int], Trace]


@pytest.fixture
def opened(repository: Repository, once: Once) -> Opened:
    """Opens the session that takes so many chunks, once for each number."""
    return lambda number: once(("opened", number), repository.post_upload)


@pytest.fixture
def session(repository: Repository, opened: Opened, once: Once) -> Callable[[int], Upload]:
    """That session."""
    return lambda number: once(("session", number), lambda: repository.upload_of(opened(number)))


@pytest.fixture
def traced(new_blob: NewBlob, opened: Opened, session: Callable[[int], Upload], once: Once) -> Traced:
    """Has a session take a blob in so many chunks, once for each number."""

    def made(number: int) -> Trace:
        length, more = 3 * KIB // number, KIB // 4 if number == FEW else 0
        blob, first, upload = new_blob(number * length), opened(number), session(number)
        require_chunks(first, length - more)
        ask = [upload.status] if number == FEW else []
        begun = [once("begun", each) for each in ask]
        spans = chunks(blob.content, number, more)
        parts = [(upload.patch(part, span), int(span.partition("-")[2])) for part, span in spans]
        return Trace(blob, upload, first, parts, begun + [each() for each in ask])

    return lambda number: once(("trace", number), lambda: made(number))


@pytest.fixture
def trace(traced: Traced) -> Trace:
    """One session's course, looked at by several checks."""
    return traced(FEW)


def expect_created(repository: Repository, reply: Exchange, content: bytes) -> None:
    """The blob was created and can be read back, byte for byte."""
    expect_status(reply, 201, "when the upload is complete")
    expect_location(reply)
    expect_bytes(repository.get_blob(digest_of(content)), content)


@verifies("registry/upload/session-opens")
def test_session_opens(opened: Opened) -> None:
    """Purpose: an upload begins with a session.

    Method: 1. POST to the uploads
            2. expect 202 with a Location
    """
    reply = opened(FEW)

    expect_status(reply, 202)
    expect_location(reply)


@verifies("registry/upload/location-can-be-followed")
def test_location_can_be_followed(session: Callable[[int], Upload], once: Once) -> None:
    """Purpose: the Location of a session leads there for whoever opened it.

    Method: 1. open a session, GET its Location
            2. expect an answer, and no 5xx
    """
    upload = session(FEW)

    expect_no_server_error(expect_reachable("a Location", lambda: once("begun", upload.status)))


@verifies("registry/upload/in-chunks")
@pytest.mark.parametrize("number", [case("three", FEW), case("twenty-four", MANY)])
def test_in_chunks(repository: Repository, traced: Traced, number: int) -> None:
    """Purpose: a blob is pushed in chunks, closed by an empty PUT.

    Method: 1. POST, then PATCH three chunks of three lengths, or many of one, with Content-Range, in order; expect 202
               with a Location to each
            2. PUT with the digest and no body; expect 201
            3. GET the blob and expect exactly its bytes
    """
    trace = traced(number)
    for reply, _ in trace.patched:
        expect_status(reply, 202, "for a chunk in order")
        expect_location(reply)

    expect_created(repository, trace.upload.put(trace.blob.digest), trace.blob.content)


@verifies("registry/upload/last-chunk-by-put")
@pytest.mark.parametrize("streamed", [case("behind-chunks", False), case("behind-a-stream", True)])
def test_last_chunk_by_put(repository: Repository, new_blob: NewBlob, streamed: bool) -> None:
    """Purpose: the last chunk may come in the closing PUT.

    Method: 1. POST, PATCH two chunks, or both as one stream of no stated length or range; PUT the third, a short one,
               with its Content-Range and the digest of the whole
            2. expect 201, and exactly the bytes of all three from GET
    """
    blob, upload = new_blob(2 * KIB + 100), open_for_chunks(repository, KIB)
    earlier, last, last_range = chunks(blob.content[:-100], 2), blob.content[-100:], f"{2 * KIB}-{2 * KIB + 99}"
    if streamed and not (reply := upload.patch([chunk for chunk, _ in earlier])).ok:
        raise Inconclusive(f"a streamed body is not taken: {reply}", "a registry that takes streams")
    for chunk, content_range in [] if streamed else earlier:
        expect_status(upload.patch(chunk, content_range), 202, "for a chunk in order")

    expect_created(repository, upload.put(blob.digest, last, last_range), blob.content)


@verifies("registry/upload/streamed")
def test_streamed(repository: Repository, new_blob: NewBlob) -> None:
    """Purpose: a blob of unknown length is streamed, as engines do.

    Method: 1. HEAD the blob, as engines do: expect 404
            2. POST, then PATCH 6 MiB without Content-Range in chunked transfer coding: expect 202 with the Range of all
            3. PUT with the digest; expect 201, and exactly the bytes from GET
    """
    blob = new_blob(6 * KIB * KIB)
    expect_status(repository.head_blob(blob.digest), 404, "for a blob that was not pushed yet")
    upload = repository.open_upload()
    parts = [chunk for chunk, _ in chunks(blob.content)]
    streamed = upload.patch(parts)
    expect_status(streamed, 202, "for a streamed body")
    expect_range(streamed, len(blob.content) - 1)

    expect_created(repository, upload.put(blob.digest), blob.content)


@verifies("registry/upload/answers-tell-the-range")
def test_answers_tell_the_range(trace: Trace) -> None:
    """Purpose: each answer to a chunk says how far the upload has come.

    Method: 1. GET the session, PATCH three chunks, GET it again
            2. expect Range: 0-<last byte> on each answer, and on the session's status
    """
    for reply, last in trace.patched:
        expect_range(reply, last)
    expect_range(trace.statuses[-1], trace.patched[-1][1])


@verifies("registry/upload/status-is-told")
def test_status_is_told(trace: Trace) -> None:
    """Purpose: a caller that lost count asks the session.

    Method: 1. POST, GET the session, PATCH three chunks, GET it again
            2. expect 204 with Location, from the first on
    """
    begun, status = trace.statuses
    expect_status(begun, 204, "for a session that was opened")
    expect_location(begun)
    for reply, _ in trace.patched:
        expect_status(reply, 202)

    expect_status(status, 204)
    expect_location(status)


@verifies("registry/upload/uuid-stays-the-same")
def test_uuid_stays_the_same(trace: Trace, opened: Opened) -> None:
    """Purpose: where the registry names a session, the name can be used to tell sessions apart.

    Method: 1. open two sessions, PATCH three chunks to one of them, ask its status
            2. expect one Docker-Upload-UUID for each session, and different ones for the two, where they are there
    """
    first, other = trace.opened, opened(MANY)
    answers = [first, *(reply for reply, _ in trace.patched), trace.statuses[-1]]
    told = [each.headers.get("docker-upload-uuid") for each in answers]

    if len({each for each in told if each}) > 1:
        raise NonConformance("one Docker-Upload-UUID for one session", worded(told), first)
    if told[0] and told[0] == other.headers.get("docker-upload-uuid"):
        proof = another_field(first, other, "Docker-Upload-UUID")
        raise NonConformance(
            "another Docker-Upload-UUID for another session", worded(told[0]), first, other, proof=proof
        )
