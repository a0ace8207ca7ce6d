"""Range reads (RFC 9110 section 14)."""

from __future__ import annotations

import gzip
import itertools

import pytest

from conformance.oracles.s3_errors import expect_refusal
from conformance.oracles.s3_objects import (
    expect_bytes,
    expect_etag,
    expect_head_of_range,
    expect_headers,
    expect_range,
    expect_range_or_whole,
    expect_same_headers,
    expect_whole_or_416,
)
from conformance.oracles.s3_ranges import OF_SEVERAL, SEVERAL, expect_named_parts
from conformance.oracles.status import expect_status
from conformance.sandbox.bucket_prefix import Space
from conformance.strategies.properties import explores
from conformance.strategies.storage import BODIES_IN_PARTS, bodies, cuts
from conformance.vocabulary.check import case, row, verifies
from conformance.vocabulary.finding import NonConformance

WHOLE = bytes(range(256)) * 4
LAST, BLOCK = len(WHOLE) - 1, 2**16
OWNED = {"Content-Type": "text/csv", "Content-Language": "de", "Content-Encoding": "gzip", "x-amz-meta-owner": "alice"}
OWNED |= {"Cache-Control": "no-cache", "Content-Disposition": "inline", "Expires": "Thu, 01 Dec 2044 16:00:00 GMT"}
DESCRIBED = ("etag", "last-modified", *map(str.lower, OWNED))


@pytest.fixture(scope="session")
def whole(space: Space) -> str:
    """The key of an object of 1,024 bytes that is only read."""
    return space.stored(WHOLE)


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [
        row("storage/range/range-is-served#first-byte", "bytes=0-0", 0, 0),
        row("storage/range/range-is-served#from-the-start", "bytes=0-99", 0, 99),
        row("storage/range/range-is-served#in-the-middle", "bytes=100-299", 100, 299),
        row("storage/range/range-is-served#to-the-end", "bytes=1000-", 1000, LAST),
        row("storage/range/range-is-served#last-bytes", "bytes=-24", 1000, LAST),
        row("storage/range/range-is-served#end-beyond-the-object", f"bytes=1000-{LAST + 1}", 1000, LAST),
        row("storage/range/range-is-served#suffix-beyond-the-object", "bytes=-5000", 0, LAST),
        row("storage/range/range-is-served#last-byte", f"bytes={LAST}-{LAST}", LAST, LAST),
    ],
)
def test_range_is_served(space: Space, whole: str, asked: str, first: int, last: int) -> None:
    """Purpose: a byte range gives those bytes and says which they are.

    Method: 1. GET with the range
            2. expect 206, exactly those bytes, and Content-Range with their place and the whole size; or 200 where they
               are all that there is
    """
    expect_range(space.get(whole, {"Range": asked}), WHOLE, first, last)


@verifies("storage/range/head-tells-the-part")
def test_head_with_range_has_the_length_of_the_part(space: Space, whole: str) -> None:
    """Purpose: HEAD with a Range says what GET would: no part's bytes, and no wrong length.

    Method: 1. HEAD with a range
            2. expect 206 with the part's length and place, or 200 with the whole's length (a range is defined for GET
               only)
    """
    expect_head_of_range(space.head(whole, {"Range": "bytes=10-19"}), len(WHOLE), 10, 19)


@verifies("storage/range/unsatisfiable-is-416")
@pytest.mark.parametrize(
    "asked",
    [case("from-the-size", "bytes=1024-"), case("far-beyond", "bytes=5000-6000"), case("last-nought", "bytes=-0")],
)
def test_unsatisfiable_range_is_416(space: Space, whole: str, asked: str) -> None:
    """Purpose: a range that has no byte of the object in it is told as such.

    Method: 1. GET with a range beyond the object
            2. expect 416 InvalidRange, and the object's size in Content-Range, where it is told
    """
    reply = space.get(whole, {"Range": asked})

    expect_refusal(reply, 416, {"InvalidRange"})
    if "content-range" in reply.headers:
        expect_headers(reply, {"content-range": f"bytes */{len(WHOLE)}"})


@verifies("storage/range/large-numbers-are-read")
@pytest.mark.parametrize(
    ("asked", "first"),
    [
        case("end-over-32-bits", f"bytes=1-{2**32 + 1010}", 1),
        case("end-over-64-bits", f"bytes=1-{2**64 + 1010}", 1),
        case("suffix-over-64-bits", f"bytes=-{2**64 + 24}", 0),
    ],
)
def test_large_numbers_of_a_range_are_read(space: Space, whole: str, asked: str, first: int) -> None:
    """Purpose: a number that no variable of the gateway holds is large, and not the small one that is left of it.

    Method: 1. GET with a last position, or a number of last bytes, of more than 32 and 64 bits
            2. expect all bytes from the first on, or the whole object: a Range may be ignored
    """
    expect_range_or_whole(space.get(whole, {"Range": asked}), WHOLE, first, LAST)


@verifies("storage/range/far-within-the-object")
def test_range_far_within_the_object(space: Space) -> None:
    """Purpose: a range of a large object is found wherever it lies: readers of Parquet begin at the end.

    Method: 1. put an object of over 2 MiB, each 64 KiB of other bytes; GET ranges over borders, one at its end
            2. expect 206 and those bytes
    """
    large = b"".join(bytes([place]) * BLOCK for place in range(35))
    key = space.stored(large)
    for first in (BLOCK - 3, 16 * BLOCK - 3, 32 * BLOCK - 3, len(large) - 600):
        reply = space.get(key, {"Range": f"bytes={first}-{first + 9}"})

        expect_status(reply, 206)
        expect_range(reply, large, first, first + 9)


@verifies("storage/range/of-nothing-is-not-partial")
def test_range_of_an_empty_object(space: Space) -> None:
    """Purpose: an empty object has no byte range.

    Method: 1. GET an empty object with a range
            2. expect 416, or the whole (empty) object with 200
    """
    expect_whole_or_416(space.get(space.stored(b""), {"Range": "bytes=0-0"}), b"")


@verifies("storage/range/not-understood-is-ignored")
@pytest.mark.parametrize(
    "asked",
    [
        case("inverted", "bytes=20-10"),
        case("letters", "bytes=a-b"),
        case("unit", "lines=1-2"),
        case("nothing", "bytes="),
        case("begins-over-64-bits", f"bytes={2**64}-"),
    ],
)
def test_range_that_is_not_understood_is_ignored(space: Space, whole: str, asked: str) -> None:
    """Purpose: a Range field that is no valid byte range is ignored, or refused as the caller's fault.

    Method: 1. GET with such a field
            2. expect the whole object with 200, or 416 or 400
    """
    expect_whole_or_416(space.get(whole, {"Range": asked}), WHOLE, 400)


@verifies("storage/range/unknown-unit-is-ignored")
def test_range_in_an_unknown_unit_is_ignored(space: Space, whole: str) -> None:
    """Purpose: a Range in a unit that the server does not know asks for nothing of it.

    Method: 1. GET with a range of lines
            2. expect the whole object with 200
    """
    reply = space.get(whole, {"Range": "lines=1-2"})

    expect_status(reply, 200)
    expect_bytes(reply, WHOLE)


@verifies("storage/range/several-are-told-apart")
def test_several_ranges_are_never_mixed(space: Space, whole: str) -> None:
    """Purpose: several ranges in one request are answered in a way that a client can tell: S3 serves one at a time.

    Method: 1. GET with two ranges
            2. expect the whole with 200, or 206 with the first part or as multipart/byteranges, of which each part is
               what its Content-Range names, or 416 or 501
    """
    # Far apart: ranges that are near each other may be sent as one (RFC 9110 section 15.3.7.2).
    reply = space.get(whole, {"Range": "bytes=0-9,1000-1009"})

    expect_status(reply, {200, 206, 400, 416, 501})
    if reply.status == 200:
        expect_bytes(reply, WHOLE)
    elif reply.status == 206 and reply.media_type == SEVERAL:
        expect_named_parts(reply, WHOLE)
    elif reply.status == 206:
        try:
            expect_range(reply, WHOLE, 0, 9)
        except NonConformance as found:
            found.proof = OF_SEVERAL
            raise


@verifies("storage/range/if-range-that-fails-gives-the-whole")
def test_if_range_of_another_object_gives_the_whole(space: Space, whole: str) -> None:
    """Purpose: If-Range with another ETag asks for the whole object in place of a part of something else.

    Method: 1. GET with a range and If-Range of another ETag
            2. expect 200 with the whole; with its own ETag, 206
    """
    tag = expect_etag(space.head(whole))
    other = space.get(whole, {"Range": "bytes=0-9", "If-Range": '"0123456789abcdef0123456789abcdef"'})

    expect_bytes(other, WHOLE)
    expect_range(space.get(whole, {"Range": "bytes=0-9", "If-Range": tag}), WHOLE, 0, 9)


@verifies("storage/range/if-range-that-cannot-hold-gives-the-whole")
@pytest.mark.parametrize("validator", [case("weak", "W/{}"), case("older-date", "Sat, 01 Jan 2000 00:00:00 GMT")])
def test_if_range_that_cannot_hold_gives_the_whole(space: Space, whole: str, validator: str) -> None:
    """Purpose: a part is sent under If-Range only where it is surely of the same object: the comparison is strong.

    Method: 1. GET with a range and If-Range of the object's own ETag made weak, or of a date that is not its own
            2. expect 200 with the whole
    """
    tag = expect_etag(space.head(whole)).removeprefix("W/")

    expect_bytes(space.get(whole, {"Range": "bytes=0-9", "If-Range": validator.format(tag)}), WHOLE)


@verifies("storage/range/part-is-described-as-the-whole")
def test_part_is_described_as_the_whole(space: Space) -> None:
    """Purpose: a part says of which object it is, or a client that reads in parts would mix two versions.

    Method: 1. put an object with metadata, truly gzip, for a proxy may decode it, GET a range of it and the whole
            2. expect the same ETag, Last-Modified, system fields and metadata with both
    """
    key = space.stored(gzip.compress(WHOLE, mtime=0), OWNED)
    got = space.get(key)
    part = space.get(key, {"Range": "bytes=0-9"})

    expect_status(part, {200, 206})
    expect_same_headers(part, got, [name for name in DESCRIBED if name in got.headers])


@verifies("storage/range/parts-make-the-whole")
@explores(0.5, *BODIES_IN_PARTS, body=bodies(at_least=1), places=cuts())
def test_parts_make_the_whole(space: Space, body: bytes, places: list[float]) -> None:
    """Purpose: the object is the sum of its ranges, however it is cut.

    Method: 1. put a body, GET it in adjoining ranges
            2. expect each to be the bytes at its place, with 206, or 200 where it is all
    """
    key = space.stored(body)
    inner = {int(place * len(body)) for place in places} - {0, len(body)}
    edges = [0, *sorted(inner), len(body)]

    for first, following in itertools.pairwise(edges):
        expect_range(space.get(key, {"Range": f"bytes={first}-{following - 1}"}), body, first, following - 1)
