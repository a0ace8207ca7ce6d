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
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive, NonConformance, Proof

# A chunk of a blob of three, after the first was taken: what may not come next, in chunks and bytes from the beginning.
WRONG_CHUNKS = [
    case("gap", 2, 0),
    case("repeated", 0, 0),
    case("overlapping", 0.5, 0),
    case("one-byte-early", 1, -1),
    case("one-byte-late", 1, 1),
]
# How long a registry may take to notice that a caller has gone.
NOTICED_S = 0.3
BEGUN = 30


@dataclass(frozen=True)
class StartedUpload:
    """A session that has taken the first of three chunks of a blob, each of this length."""

    upload: Upload
    blob: Blob
    length: int

    def patch(self, first: int, end: int) -> Exchange:
        """PATCH of a part of the blob."""
        return self.upload.patch(self.blob.content[first:end], f"{first}-{end - 1}")


def start_upload(repository: Repository, new_blob: NewBlob) -> StartedUpload:
    """Open a session and send its first chunk: 300 of 900 bytes, or more where the registry requires longer chunks."""
    upload, length = open_in_pieces(repository, 300)
    found = StartedUpload(upload, new_blob(3 * length), length)
    reply = found.patch(0, length)
    if not reply.ok:
        raise Inconclusive(f"the first chunk was not taken: {reply}", "uploads in chunks")
    return found


@dataclass(frozen=True)
class WrongChunk(StartedUpload):
    """A session and the response to a chunk that is out of order."""

    reply: Exchange


@pytest.fixture
def wrong_chunk(repository: Repository, new_blob: NewBlob, once: Once) -> Callable[[float, int], WrongChunk]:
    """Sends a wrong chunk, that many chunks and bytes from the beginning, to a session of its own, once."""

    def made(chunks: float, further: int) -> WrongChunk:
        session = start_upload(repository, new_blob)
        first = int(chunks * session.length) + further
        return WrongChunk(session.upload, session.blob, session.length, session.patch(first, first + session.length))

    return lambda chunks, further: once(("wrong chunk", chunks, further), lambda: made(chunks, further))


@verifies("registry/upload/out-of-order-is-416")
@pytest.mark.parametrize(("chunks", "further"), WRONG_CHUNKS)
def test_out_of_order_chunk_is_refused(
    wrong_chunk: Callable[[float, int], WrongChunk], chunks: float, further: int
) -> None:
    """Purpose: a chunk that does not follow the last one is not taken.

    Method: 1. PATCH bytes 0-299, then a chunk that does not begin at 300
            2. expect 416
    """
    expect_status(wrong_chunk(chunks, further).reply, 416, "for a chunk out of order")


@verifies("registry/upload/first-chunk-begins-at-0")
def test_first_chunk_begins_at_0(repository: Repository) -> None:
    """Purpose: an upload begins at its beginning.

    Method: 1. open a session, PATCH a chunk for bytes 100-199
            2. expect 416
    """
    expect_status(repository.open_upload().patch(bytes(100), "100-199"), 416, "for a first chunk that is not at 0")


@verifies("registry/upload/out-of-order-changes-nothing")
@pytest.mark.parametrize(("chunks", "further"), WRONG_CHUNKS)
def test_upload_goes_on_after_a_wrong_chunk(
    repository: Repository, wrong_chunk: Callable[[float, int], WrongChunk], chunks: float, further: int
) -> None:
    """Purpose: after a refused chunk the session stands where it stood, and goes on.

    Method: 1. PATCH bytes 0-299, then a chunk out of order
            2. GET the session: expect 204 with Range 0-299; where the chunk was taken, its answer may say enough
            3. PATCH the rest, PUT with the digest: expect 201, and exactly the bytes from GET
    """
    tried = wrong_chunk(chunks, further)
    blob, length = tried.blob, tried.length
    if tried.reply.ok and "range" in tried.reply.headers:
        expect_range(tried.reply, length - 1, or_statuses=(400, 416))
    status = tried.upload.status()

    expect_success(status, "for a session after a refused chunk")
    expect_range(status, length - 1)
    expect_success(tried.patch(length, 3 * length), "for the chunk that is next")
    expect_success(tried.upload.put(blob.digest), "for the digest of what was taken")
    expect_bytes(repository.get_blob(blob.digest), blob.content)


@verifies("registry/upload/416-tells-where-to-go-on")
def test_416_names_where_to_continue(wrong_chunk: Callable[[float, int], WrongChunk]) -> None:
    """Purpose: the refusal of a chunk says where to go on.

    Method: 1. PATCH bytes 0-299, then a chunk that leaves a gap
            2. expect 416 with Range 0-299 and a Location
    """
    tried = wrong_chunk(2, 0)

    expect_status(tried.reply, 416)
    expect_range(tried.reply, tried.length - 1)
    expect_header(tried.reply, "Location")


@verifies("registry/upload/malformed-content-range-is-refused")
@pytest.mark.parametrize(
    "content_range",
    [case("words", "first-last"), case("backwards", "99-0"), case("open", "0-"), case("without-a-dash", "100")],
)
def test_malformed_content_range(repository: Repository, content_range: str) -> None:
    """Purpose: a Content-Range that is none is refused.

    Method: 1. PATCH with a malformed Content-Range
            2. expect 416 or 400
    """
    expect_status(repository.open_upload().patch(bytes(100), content_range), {400, 416})


@verifies("registry/upload/range-and-length-agree")
@pytest.mark.parametrize("size", [case("short", 50), case("long", 150)])
def test_content_range_of_another_length(repository: Repository, size: int) -> None:
    """Purpose: a chunk of another length than its Content-Range says is refused.

    Method: 1. PATCH 50 or 150 bytes as bytes 0-99
            2. expect 400 or 416
            3. GET the session: expect it, where it is still there, to have taken none of them
    """
    upload = repository.open_upload()
    expect_status(upload.patch(bytes(size), "0-99"), {400, 416})

    status = upload.status()
    if taken := received(status):
        proof = Proof(status.id, fields_match=(("Range", "^(bytes=)?0-0$"),), or_statuses=(400, 404))
        raise NonConformance("no byte of a chunk that was refused", f"{taken} bytes", status, proof=proof)


@dataclass(frozen=True)
class CutOff(StartedUpload):
    """A session whose second chunk was cut off, and a blob whose only PUT, to another session, was cut off."""

    never_whole: Blob


@pytest.fixture
def cut_off(repository: Repository, new_blob: NewBlob, once: Once) -> CutOff:
    """Breaks the connections of two uploads, once, and waits until the registry can notice."""

    def made() -> CutOff:
        session, beside, other = start_upload(repository, new_blob), repository.open_upload(), new_blob(600)
        blob, length = session.blob, session.length
        with pytest.raises(BrokenOff):
            half = interrupted_body(blob.content[length : 2 * length])
            session.upload.patch(half, f"{length}-{3 * length - 1}", [("Content-Length", str(2 * length))])
        with pytest.raises(BrokenOff):
            beside.put(other.digest, interrupted_body(other.content[:300]), headers=[("Content-Length", "600")])
        repository.registry.http.recorder.pause(NOTICED_S)
        return CutOff(session.upload, blob, length, other)

    return once("cut off", made)


@verifies("registry/upload/cut-off-chunk-can-be-resumed")
def test_cut_off_chunk(repository: Repository, cut_off: CutOff) -> None:
    """Purpose: an upload whose connection broke goes on where the registry says it stands.

    Method: 1. PATCH bytes 0-299; PATCH 600 bytes and break the connection after 300 of them
            2. GET the session: expect 204; how far it says to have come
            3. PATCH the rest from there, PUT with the digest: expect 201, and exactly the bytes from GET
    """
    session, upload, blob, length = cut_off, cut_off.upload, cut_off.blob, cut_off.length
    status = upload.status()
    expect_success(status, "for a session whose connection broke")
    rest = received(status)

    expect_success(session.patch(rest, 3 * length), f"for the chunk from {rest}, where the session stood")
    expect_success(upload.put(blob.digest))
    expect_bytes(repository.get_blob(blob.digest), blob.content)


@verifies("registry/digest/refused-bytes-are-stored-nowhere")
@pytest.mark.parametrize("form", [case("cut-off", "put")])
def test_cut_off_blob(repository: Repository, cut_off: CutOff, form: str) -> None:
    """Purpose: half of a blob is no blob, though nobody was there any more to be told so.

    Method: 1. open a session, PUT a blob to it with its digest, and break the connection after half of it
            2. expect 404 to GET of the digest
    """
    expect_not_stored([repository.get_blob(cut_off.never_whole.digest)])


def interrupted_body(content: bytes) -> Iterator[bytes]:
    """Yield the content, then break the connection."""
    yield content
    raise BrokenOff


@verifies("registry/upload/last-chunk-out-of-order-is-refused")
def test_last_chunk_out_of_order(repository: Repository, new_blob: NewBlob) -> None:
    """Purpose: the closing PUT's chunk is in order like any other.

    Method: 1. PATCH bytes 0-299; PUT 300 bytes as bytes 600-899, with the digest of the 600 that were sent
            2. expect 416 or 400, and no such blob
    """
    session = start_upload(repository, new_blob)
    length = session.length
    content = session.blob.content[: 2 * length]
    digest, place = digest_of(content), f"{2 * length}-{3 * length - 1}"

    expect_status(session.upload.put(digest, content[length:], place), {400, 416}, "for a last chunk out of order")
    expect_not_stored([repository.get_blob(digest)])


@verifies("registry/upload/any-content-range-is-a-callers-affair")
@explores(0.3, *CONTENT_RANGE_KINDS, change=content_ranges())
def test_any_content_range(
    open_ground: Repository, new_blob: NewBlob, change: Change[tuple[int, int], str | None]
) -> None:
    """Purpose: a chunk is taken where it follows the last one; whatever else its Content-Range is, it is refused whole.

    Method: 1. open a session with 30 bytes, PATCH 20 more with a Content-Range that was changed
            2. expect 202 where it is right or not told, 4xx where it is out of order, either for any other text; after
               a refusal as many bytes received as before
    """
    content = new_blob(50).content
    upload, asked = open_for_chunks(open_ground, BEGUN), list[Exchange]()
    if not upload.patch(content[:BEGUN], f"0-{BEGUN - 1}").ok:
        raise Inconclusive("the first chunk was not taken", "uploads in chunks")
    mutation = change.of((BEGUN, len(content) - 1))
    reply = expect_outcome(
        mutation,
        lambda: upload.patch(content[BEGUN:], mutation.value),
        Surroundings(expect_error_document, lambda: asked.append(upload.status())),
    )
    upload.cancel()

    if not reply.ok:
        expect_range(asked[-1], BEGUN - 1)
