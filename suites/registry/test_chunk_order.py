"""The order and ranges of chunks: chunks out of order, repeated, overlapping, malformed or cut off."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from conformance.clients.registry.client import Repository, Upload
from conformance.clients.registry.images import Blob, NewBlob, digest_of
from conformance.clients.registry.uploads import open_for_chunks, open_in_pieces
from conformance.clients.transport.errors import BrokenOff
from conformance.evidence.shared_requests import Once
from conformance.oracles.headers import expect_header
from conformance.oracles.registry import expect_bytes, expect_not_stored, expect_range, received
from conformance.oracles.registry_errors import expect_error_document
from conformance.oracles.robustness import Surroundings, expect_outcome
from conformance.oracles.status import expect_status, expect_success
from conformance.strategies.changes import Change
from conformance.strategies.properties import explores
from conformance.strategies.registry import CONTENT_RANGE_KINDS, content_ranges
from conformance.vocabulary.check import case, row, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive, NonConformance

# Where a wrong second chunk of three begins: in chunks and bytes from the beginning.
WRONG_CHUNKS = [
    case("gap", 2, 0),
    case("repeated", 0, 0),
    case("overlapping", 0.5, 0),
    case("one-byte-early", 1, -1),
    case("one-byte-late", 1, 1),
]
MALFORMED = "registry/upload/malformed-content-range-is-refused"
OTHER_LENGTH = "registry/upload/range-and-length-agree"
# How long a registry may take to notice that a client has gone.
NOTICED_S = 0.3
BEGUN = 30


@dataclass(frozen=True)
class StartedUpload:
    """A session that has received the first of three chunks of a blob, each of this length."""

    upload: Upload
    blob: Blob
    length: int

    def patch(self, first: int, end: int) -> Exchange:
        """PATCH a part of the blob."""
        return self.upload.patch(self.blob.content[first:end], f"{first}-{end - 1}")


WrongChunk = Callable[[float, int], tuple[StartedUpload, Exchange]]


def start_upload(repository: Repository, new_blob: NewBlob) -> StartedUpload:
    """Open a session and send its first chunk: 300 of 900 bytes, or more if the registry requires longer chunks."""
    upload, length = open_in_pieces(repository, 300)
    started = StartedUpload(upload, new_blob(3 * length), length)
    if not (reply := started.patch(0, length)).ok:
        raise Inconclusive(f"the registry refused the first chunk: {reply}", "uploads in chunks")
    return started


@pytest.fixture
def wrong_chunk(repository: Repository, new_blob: NewBlob, once: Once) -> WrongChunk:
    """Sends a chunk that is out of order to its own session, once: the session and the response."""

    def made(chunks: float, further: int) -> tuple[StartedUpload, Exchange]:
        started = start_upload(repository, new_blob)
        first = int(chunks * started.length) + further
        return started, started.patch(first, first + started.length)

    return lambda chunks, further: once(("wrong chunk", chunks, further), lambda: made(chunks, further))


@verifies("registry/upload/out-of-order-is-416")
@pytest.mark.parametrize(("chunks", "extra"), WRONG_CHUNKS)
def test_out_of_order_chunk_is_refused(wrong_chunk: WrongChunk, chunks: float, extra: int) -> None:
    """Purpose: a client learns that its chunk does not follow the last one.
    Method: 1. PATCH bytes 0-299, then a chunk that does not begin at 300; 2. expect 416
    """
    expect_status(wrong_chunk(chunks, extra)[1], 416, "for a chunk out of order")


@verifies("registry/upload/first-chunk-begins-at-0")
def test_first_chunk_begins_at_0(repository: Repository) -> None:
    """Purpose: a client learns that its first chunk does not begin at 0.
    Method: 1. open a session, PATCH a chunk for bytes 100-199; 2. expect 416
    """
    expect_status(repository.open_upload().patch(bytes(100), "100-199"), 416, "for a first chunk that is not at 0")


@verifies("registry/upload/out-of-order-changes-nothing")
@pytest.mark.parametrize(("chunks", "extra"), WRONG_CHUNKS)
def test_upload_continues_after_a_wrong_chunk(
    repository: Repository, wrong_chunk: WrongChunk, chunks: float, extra: int
) -> None:
    """Purpose: a client continues after a refused chunk at the last valid byte.
    Method: 1. PATCH bytes 0-299, then a chunk out of order
            2. expect Range 0-299 from GET of the session, and from a 2xx for the chunk that has a Range
            3. PATCH the rest, PUT with the digest: expect 201, and exactly the bytes from GET
    """
    session, reply = wrong_chunk(chunks, extra)
    if reply.ok and "range" in reply.headers:
        expect_range(reply, session.length - 1)
    status = session.upload.status()

    expect_success(status, "for a session after a refused chunk")
    expect_range(status, session.length - 1)
    expect_success(session.patch(session.length, 3 * session.length), "for the next chunk")
    expect_success(session.upload.put(session.blob.digest), "for the digest of the chunks")
    expect_bytes(repository.get_blob(session.blob.digest), session.blob.content)


@verifies("registry/upload/416-states-where-to-continue")
def test_416_states_where_to_continue(wrong_chunk: WrongChunk) -> None:
    """Purpose: a client learns from the refusal where to continue.
    Method: 1. PATCH bytes 0-299, then a chunk that leaves a gap; 2. expect 416 with Range 0-299 and a Location
    """
    session, reply = wrong_chunk(2, 0)
    expect_status(reply, 416)
    expect_range(reply, session.length - 1)
    expect_header(reply, "Location")


@pytest.mark.parametrize(
    ("size", "content_range"),
    [
        row(f"{MALFORMED}#words", 100, "first-last"),
        row(f"{MALFORMED}#backwards", 100, "99-0"),
        row(f"{MALFORMED}#open", 100, "0-"),
        row(f"{MALFORMED}#without-a-dash", 100, "100"),
        row(f"{OTHER_LENGTH}#short", 50, "0-99"),
        row(f"{OTHER_LENGTH}#long", 150, "0-99"),
    ],
)
def test_wrong_content_range(repository: Repository, size: int, content_range: str) -> None:
    """Purpose: a client learns that a Content-Range is malformed or does not match the chunk.
    Method: 1. PATCH with a malformed Content-Range, and 50 or 150 bytes as bytes 0-99
            2. expect 400 or 416, and no byte of the chunk in the session's Range
    """
    upload = repository.open_upload()
    expect_status(upload.patch(bytes(size), content_range), {400, 416})
    status = upload.status()
    if accepted := received(status):
        raise NonConformance("no byte of a refused chunk", f"{accepted} bytes", status)


@pytest.fixture
def cut_off(repository: Repository, new_blob: NewBlob, once: Once) -> tuple[StartedUpload, Blob]:
    """A session whose second chunk was cut off, and a blob whose only PUT, to another session, was cut off."""

    def made() -> tuple[StartedUpload, Blob]:
        session, other_upload, other = start_upload(repository, new_blob), repository.open_upload(), new_blob(600)
        length = session.length
        with pytest.raises(BrokenOff):
            half = interrupted_body(session.blob.content[length : 2 * length])
            session.upload.patch(half, f"{length}-{3 * length - 1}", [("Content-Length", str(2 * length))])
        with pytest.raises(BrokenOff):
            other_upload.put(other.digest, interrupted_body(other.content[:300]), headers=[("Content-Length", "600")])
        repository.registry.http.recorder.pause(NOTICED_S)
        return session, other

    return once("cut off", made)


def interrupted_body(content: bytes) -> Iterator[bytes]:
    """Yield the content, then break the connection."""
    yield content
    raise BrokenOff


@verifies("registry/upload/interrupted-chunk-can-be-resumed")
def test_cut_off_chunk(repository: Repository, cut_off: tuple[StartedUpload, Blob]) -> None:
    """Purpose: a client whose connection broke continues at the session's current offset.
    Method: 1. PATCH bytes 0-299; PATCH 600 bytes and break the connection after 300 of them
            2. GET the session: expect 2xx; PATCH the rest from the end of its Range, PUT with the digest: expect 2xx
            3. expect exactly the bytes from GET
    """
    session, _ = cut_off
    status = session.upload.status()
    expect_success(status, "for a session whose connection broke")
    rest = received(status)

    expect_success(
        session.patch(rest, 3 * session.length), f"for the chunk from {rest}, the end of the session's Range"
    )
    expect_success(session.upload.put(session.blob.digest))
    expect_bytes(repository.get_blob(session.blob.digest), session.blob.content)


@verifies("registry/digest/refused-bytes-are-stored-nowhere#cut-off")
def test_cut_off_blob(repository: Repository, cut_off: tuple[StartedUpload, Blob]) -> None:
    """Purpose: a client never gets half of a blob.
    Method: 1. PUT a blob with its digest, and break the connection after half of it; 2. expect 404 to GET of the digest
    """
    expect_not_stored([repository.get_blob(cut_off[1].digest)])


@verifies("registry/upload/last-chunk-out-of-order-is-refused")
def test_last_chunk_out_of_order(repository: Repository, new_blob: NewBlob) -> None:
    """Purpose: the chunk in the closing PUT has to be in order like any other.
    Method: 1. PATCH bytes 0-299; PUT 300 bytes as bytes 600-899, with the digest of the 600 bytes sent
            2. expect 416 or 400, and no such blob
    """
    session = start_upload(repository, new_blob)
    length = session.length
    content = session.blob.content[: 2 * length]
    digest, place = digest_of(content), f"{2 * length}-{3 * length - 1}"
    expect_status(session.upload.put(digest, content[length:], place), {400, 416}, "for a last chunk out of order")
    expect_not_stored([repository.get_blob(digest)])


@verifies("registry/upload/any-content-range-is-handled")
@explores(0.3, *CONTENT_RANGE_KINDS, change=content_ranges())
def test_any_content_range(
    open_ground: Repository, new_blob: NewBlob, change: Change[tuple[int, int], str | None]
) -> None:
    """Purpose: a chunk is stored if it follows the last one, and refused as a whole otherwise.
    Method: 1. open a session with 30 bytes, PATCH 20 more with a changed Content-Range
            2. expect 202 if it is right or absent, 4xx if out of order, either for other text; then the old Range
    """
    content = new_blob(50).content
    upload, statuses = open_for_chunks(open_ground, BEGUN), list[Exchange]()
    if not upload.patch(content[:BEGUN], f"0-{BEGUN - 1}").ok:
        raise Inconclusive("the registry refused the first chunk", "uploads in chunks")
    mutation = change.of((BEGUN, len(content) - 1))
    reply = expect_outcome(
        mutation,
        lambda: upload.patch(content[BEGUN:], mutation.value),
        Surroundings(expect_error_document, lambda: statuses.append(upload.status())),
    )
    upload.cancel()

    if not reply.ok:
        expect_range(statuses[-1], BEGUN - 1)
