"""Chunks: their order, repetition and ranges, and a chunk that is cut off in the middle."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from conformance.clients.images import Blob, NewBlob, digest_of
from conformance.clients.registry import Repository, Upload
from conformance.clients.registry_uploads import open_for_chunks
from conformance.evidence.once import Once
from conformance.oracles.headers import expect_header
from conformance.oracles.registry import expect_bytes, expect_not_stored, expect_range, received
from conformance.oracles.status import expect_status
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive

# Of 900 bytes, 300 have been taken: what may not come next.
WRONG_CHUNKS = [
    case("gap", 600, 900),
    case("repeated", 0, 300),
    case("overlapping", 150, 450),
    case("one-byte-early", 299, 599),
    case("one-byte-late", 301, 601),
]
# How long a registry may take to notice that a caller has gone.
NOTICED_S = 0.3


class Broken(Exception):
    """The caller breaks off."""


def begun(repository: Repository, content: bytes) -> Upload:
    """A session that has taken the first 300 bytes of the content."""
    upload = open_for_chunks(repository, 300)
    reply = upload.patch(content[:300], "0-299")
    if not reply.ok:
        raise Inconclusive(f"the first chunk was not taken: {reply}", "uploads in chunks")
    return upload


def chunk(upload: Upload, content: bytes, first: int, end: int) -> Exchange:
    """PATCH of a part of the content."""
    return upload.patch(content[first:end], f"{first}-{end - 1}")


@dataclass(frozen=True)
class Wrong:
    """A session that has taken 300 bytes of a blob, and what it answered to a chunk that may not come next."""

    upload: Upload
    blob: Blob
    reply: Exchange


@pytest.fixture
def wrong(repository: Repository, new_blob: NewBlob, once: Once) -> Callable[[int, int], Wrong]:
    """Sends a wrong chunk, from the one byte to before the other, to a session of its own, once."""

    def made(first: int, end: int) -> Wrong:
        blob = new_blob(900)
        upload = begun(repository, blob.content)
        return Wrong(upload, blob, chunk(upload, blob.content, first, end))

    return lambda first, end: once(("wrong chunk", first, end), lambda: made(first, end))


@verifies("registry/upload/out-of-order-is-416")
@pytest.mark.parametrize(("first", "end"), WRONG_CHUNKS)
def test_out_of_order_chunk_is_refused(wrong: Callable[[int, int], Wrong], first: int, end: int) -> None:
    """Purpose: a chunk that does not follow the last one is not taken.

    Method: 1. PATCH bytes 0-299, then a chunk that does not begin at 300
            2. expect 416
    """
    expect_status(wrong(first, end).reply, 416, "for a chunk out of order")


@verifies("registry/upload/first-chunk-begins-at-0")
def test_first_chunk_begins_at_0(repository: Repository) -> None:
    """Purpose: an upload begins at its beginning.

    Method: 1. open a session, PATCH a chunk for bytes 100-199
            2. expect 416
    """
    expect_status(repository.open_upload().patch(bytes(100), "100-199"), 416, "for a first chunk that is not at 0")


@verifies("registry/upload/out-of-order-changes-nothing")
@pytest.mark.parametrize(("first", "end"), WRONG_CHUNKS)
def test_upload_goes_on_after_a_wrong_chunk(
    repository: Repository, wrong: Callable[[int, int], Wrong], first: int, end: int
) -> None:
    """Purpose: after a refused chunk the session stands where it stood, and goes on.

    Method: 1. PATCH bytes 0-299, then a chunk out of order
            2. GET the session: expect 204 with Range 0-299
            3. PATCH the rest, PUT with the digest: expect 201, and exactly the bytes from GET
    """
    tried = wrong(first, end)
    blob, upload = tried.blob, tried.upload
    status = upload.status()

    expect_status(status, 204, "for a session after a refused chunk")
    expect_range(status, 299)
    expect_status(chunk(upload, blob.content, 300, 900), 202, "for the chunk that is next")
    expect_status(upload.put(blob.digest), 201)
    expect_bytes(repository.get_blob(blob.digest), blob.content)


@verifies("registry/upload/416-tells-where-to-go-on")
def test_416_tells_where_to_go_on(wrong: Callable[[int, int], Wrong]) -> None:
    """Purpose: the refusal of a chunk says where to go on.

    Method: 1. PATCH bytes 0-299, then a chunk that leaves a gap
            2. expect 416 with Range 0-299 and a Location
    """
    reply = wrong(600, 900).reply

    expect_status(reply, 416)
    expect_range(reply, 299)
    expect_header(reply, "Location")


@verifies("registry/upload/malformed-content-range-is-refused")
@pytest.mark.parametrize("content_range", [case("words", "first-last"), case("backwards", "99-0"), case("open", "0-")])
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
    """
    expect_status(repository.open_upload().patch(bytes(size), "0-99"), {400, 416})


@verifies("registry/upload/cut-off-chunk-can-be-resumed")
def test_cut_off_chunk(repository: Repository, new_blob: NewBlob) -> None:
    """Purpose: an upload whose connection broke goes on where the registry says it stands.

    Method: 1. PATCH bytes 0-299; PATCH 600 bytes and break the connection after 200 of them
            2. GET the session: expect 204; how far it says to have come
            3. PATCH the rest from there, PUT with the digest: expect 201, and exactly the bytes from GET
    """
    blob = new_blob(900)
    upload = begun(repository, blob.content)
    with pytest.raises(Broken):
        upload.patch(broken_off(blob.content[300:500]), "300-899", [("Content-Length", "600")])
    repository.registry.http.recorder.pause(NOTICED_S)
    status = upload.status()
    expect_status(status, 204, "for a session whose connection broke")
    rest = received(status)

    expect_status(chunk(upload, blob.content, rest, 900), 202, f"for the chunk from {rest}, where the session stood")
    expect_status(upload.put(blob.digest), 201)
    expect_bytes(repository.get_blob(blob.digest), blob.content)


def broken_off(content: bytes) -> Iterator[bytes]:
    """A body that ends in the caller's going away."""
    yield content
    raise Broken


@verifies("registry/upload/last-chunk-out-of-order-is-refused")
def test_last_chunk_out_of_order(repository: Repository, new_blob: NewBlob) -> None:
    """Purpose: the closing PUT's chunk is in order like any other.

    Method: 1. PATCH bytes 0-299; PUT 300 bytes as bytes 600-899, with the digest of the 600 that were sent
            2. expect 416 or 400, and no such blob
    """
    content = new_blob(600).content
    upload, digest = begun(repository, content), digest_of(content)

    expect_status(upload.put(digest, content[300:], "600-899"), {400, 416}, "for a last chunk out of order")
    expect_not_stored([repository.head_blob(digest)])
