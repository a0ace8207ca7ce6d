"""Range requests (RFC 9110 section 14)."""

from __future__ import annotations

import gzip
import itertools
from collections.abc import Callable

import pytest

from conformance.clients.s3.sigv4 import Signing
from conformance.oracles.s3_errors import expect_refusal
from conformance.oracles.s3_objects import (
    expect_bytes,
    expect_etag,
    expect_head_of_range,
    expect_headers,
    expect_range,
    expect_range_or_whole,
    expect_same_headers,
)
from conformance.oracles.s3_ranges import SEVERAL, expect_named_parts
from conformance.oracles.status import expect_status
from conformance.sandbox.bucket_prefix import Space
from conformance.strategies.properties import explores
from conformance.strategies.storage import BODIES_IN_PARTS, bodies, cuts, range_fields
from conformance.vocabulary.check import case, rows, verifies
from conformance.vocabulary.exchange import Exchange

WHOLE = bytes(range(256)) * 4
LAST, BLOCK = len(WHOLE) - 1, 2**16
OWNED = {"Content-Type": "text/csv", "Content-Language": "de", "Content-Encoding": "gzip", "x-amz-meta-owner": "alice"}
OWNED |= {"Cache-Control": "no-cache", "Content-Disposition": "inline", "Expires": "Thu, 01 Dec 2044 16:00:00 GMT"}
DESCRIBED = ("etag", "last-modified", *map(str.lower, OWNED))


@pytest.fixture(scope="session")
def whole(space: Space) -> str:
    """The key of an object of 1,024 bytes that checks only read."""
    return space.stored(WHOLE)


@pytest.mark.parametrize(
    ("requested", "first", "last", "expect"),
    rows(
        {
            "storage/range/range-is-served": {
                "first-byte": ("bytes=0-0", 0, 0, expect_range),
                "from-the-start": ("bytes=0-99", 0, 99, expect_range),
                "in-the-middle": ("bytes=100-299", 100, 299, expect_range),
                "to-the-end": ("bytes=1000-", 1000, LAST, expect_range),
                "last-bytes": ("bytes=-24", 1000, LAST, expect_range),
                "end-beyond-the-object": (f"bytes=1000-{LAST + 1}", 1000, LAST, expect_range),
                "suffix-beyond-the-object": ("bytes=-5000", 0, LAST, expect_range),
                "last-byte": (f"bytes={LAST}-{LAST}", LAST, LAST, expect_range),
            },
            # A number beyond 64 bits must not be cut to a small one; the Range may be ignored.
            "storage/range/large-numbers-are-read": {
                "end-over-32-bits": (f"bytes=1-{2**32 + 1010}", 1, LAST, expect_range_or_whole),
                "end-over-64-bits": (f"bytes=1-{2**64 + 1010}", 1, LAST, expect_range_or_whole),
                "suffix-over-64-bits": (f"bytes=-{2**64 + 24}", 0, LAST, expect_range_or_whole),
            },
        }
    ),
)
def test_range_is_served(
    space: Space, whole: str, requested: str, first: int, last: int, expect: Callable[[Exchange, bytes, int, int], None]
) -> None:
    """Purpose: a client that requests a byte range gets those bytes and learns which they are.
    Method: 1. GET with the range, also with numbers of more than 32 and 64 bits
            2. expect 206, exactly those bytes, and Content-Range; or 200 with the whole object
    """
    expect(space.get(whole, {"Range": requested}), WHOLE, first, last)


@verifies("storage/range/head-reports-the-range")
def test_head_reports_the_range(space: Space, whole: str) -> None:
    """Purpose: HEAD with a Range must not report a wrong length.
    Method: 1. HEAD with a range; 2. expect 206 with its length and place, or 200 with its length or the whole object's
    """
    expect_head_of_range(space.head(whole, {"Range": "bytes=10-19"}), len(WHOLE), 10, 19)


@verifies("storage/range/unsatisfiable-is-416")
@pytest.mark.parametrize(
    "requested",
    [case("from-the-size", "bytes=1024-"), case("far-beyond", "bytes=5000-6000"), case("last-zero-bytes", "bytes=-0")],
)
def test_unsatisfiable_range_is_416(space: Space, whole: str, requested: str) -> None:
    """Purpose: a client that resumes a download learns that nothing is left.
    Method: 1. GET a range beyond the object; 2. expect 416 InvalidRange, and the object's size in any Content-Range
    """
    reply = space.get(whole, {"Range": requested})

    expect_refusal(reply, 416, {"InvalidRange"})
    if "content-range" in reply.headers:
        expect_headers(reply, {"content-range": f"bytes */{len(WHOLE)}"})


@verifies("storage/range/range-is-served#in-a-large-object")
def test_range_of_a_large_object(space: Space) -> None:
    """Purpose: readers of Parquet request ranges near the end of large objects.
    Method: 1. put an object of over 2 MiB, each 64 KiB of different bytes; GET ranges over borders, one near its end
            2. expect 206 and those bytes
    """
    large = b"".join(bytes([place]) * BLOCK for place in range(35))
    key = space.stored(large)
    for first in (BLOCK - 3, 16 * BLOCK - 3, 32 * BLOCK - 3, len(large) - 600):
        reply = space.get(key, {"Range": f"bytes={first}-{first + 9}"})

        expect_status(reply, 206)
        expect_range(reply, large, first, first + 9)


@verifies("storage/range/invalid-range-is-ignored-or-refused")
@pytest.mark.parametrize(
    ("body", "requested", "refusals"),
    [
        case("inverted", WHOLE, "bytes=20-10", (400, 416)),
        case("letters", WHOLE, "bytes=a-b", (400, 416)),
        case("no-range", WHOLE, "bytes=", (400, 416)),
        case("begins-over-64-bits", WHOLE, f"bytes={2**64}-", (400, 416)),
        case("unknown-unit", WHOLE, "lines=1-2", ()),
        case("empty-object", b"", "bytes=0-0", (416,)),
    ],
)
def test_invalid_range_is_ignored_or_refused(
    space: Space, whole: str, body: bytes, requested: str, refusals: tuple[int, ...]
) -> None:
    """Purpose: a Range that is invalid or of an unknown unit must not return wrong bytes.
    Method: 1. GET with such a field, or a range of an empty object
            2. expect the whole object with 200, or 416 or 400; of an unknown unit only 200
    """
    reply = space.get(whole if body else space.stored(body), {"Range": requested})

    expect_status(reply, {200, *refusals})
    if reply.status == 200:
        expect_bytes(reply, body)


@verifies("storage/range/several-ranges-are-separated")
def test_several_ranges_are_separated(space: Space, whole: str) -> None:
    """Purpose: a client that requests several ranges can separate them; S3 itself serves one per request.
    Method: 1. GET two ranges; 2. expect 200 with all, 206 with the first or as multipart/byteranges, 400, 416 or 501
    """
    # Far apart: ranges that are near each other may be sent as one (RFC 9110 section 15.3.7.2).
    reply = space.get(whole, {"Range": "bytes=0-9,1000-1009"})

    expect_status(reply, {200, 206, 400, 416, 501})
    if reply.status == 200:
        expect_bytes(reply, WHOLE)
    elif reply.status == 206 and reply.media_type == SEVERAL:
        expect_named_parts(reply, WHOLE)
    elif reply.status == 206:
        expect_range(reply, WHOLE, 0, 9)


@verifies("storage/range/if-range-is-honoured")
@pytest.mark.parametrize(
    "validator",
    [
        case("other-etag", '"0123456789abcdef0123456789abcdef"'),
        case("weak-etag", "W/{}"),
        case("older-date", "Sat, 01 Jan 2000 00:00:00 GMT"),
    ],
)
def test_if_range_is_honoured(space: Space, whole: str, validator: str) -> None:
    """Purpose: a client that resumes a download gets the whole object if it is not surely the same.
    Method: 1. GET with a range and If-Range of another ETag, of its own ETag made weak, or of another date
            2. expect 200 with the whole; with its own ETag, 206
    """
    tag = expect_etag(space.head(whole))
    other = space.get(whole, {"Range": "bytes=0-9", "If-Range": validator.format(tag.removeprefix("W/"))})

    expect_bytes(other, WHOLE)
    if validator.startswith('"'):
        expect_range(space.get(whole, {"Range": "bytes=0-9", "If-Range": tag}), WHOLE, 0, 9)


@verifies("storage/range/partial-response-has-the-object-s-fields")
def test_partial_response_has_the_fields_of_the_object(space: Space) -> None:
    """Purpose: a client that reads in ranges must notice that the object changed in between.
    Method: 1. put an object with metadata, in real gzip since a proxy may decode it, GET a range and the whole
            2. expect the same ETag, Last-Modified, header fields and metadata
    """
    key = space.stored(gzip.compress(WHOLE, mtime=0), OWNED)
    got, part = space.get(key), space.get(key, {"Range": "bytes=0-9"})

    expect_status(part, {200, 206})
    expect_headers(got, {"x-amz-meta-owner": "alice"})
    expect_same_headers(part, got, [name for name in DESCRIBED if name in got.headers])


@verifies("storage/range/ranges-make-the-whole")
@explores(0.5, *BODIES_IN_PARTS, body=bodies(at_least=1), places=cuts())
def test_ranges_make_the_whole(space: Space, body: bytes, places: list[float]) -> None:
    """Purpose: a client that reads an object in adjoining ranges gets all of it, however it is cut.
    Method: 1. put a body, GET it in adjoining ranges; 2. expect the bytes of each with 206, or 200 for the whole object
    """
    key = space.stored(body)
    inner = {int(place * len(body)) for place in places} - {0, len(body)}

    for first, following in itertools.pairwise([0, *sorted(inner), len(body)]):
        expect_range(space.get(key, {"Range": f"bytes={first}-{following - 1}"}), body, first, following - 1)


@verifies("storage/range/any-field-is-answered")
@explores(0.5, field=range_fields(), body=bodies())
def test_any_range_field_is_answered(space: Space, field: str, body: bytes) -> None:
    """Purpose: whatever a client sends in Range, it gets the whole object, a named part, or a refusal.
    Method: 1. GET an object with a valid or invalid Range that is not signed: signing defines ASCII fields only
            2. expect 200 with the whole, 206 with the part in Content-Range (or several), or 400, 416, 501
    """
    key = space.stored(body)
    reply = space.s3.send(space.request("GET", key, headers={"Range": field}), Signing(unsigned=frozenset({"range"})))

    expect_status(reply, {200, 206, 400, 416, 501})
    if reply.status == 200:
        expect_bytes(reply, body)
    elif reply.status == 206:
        expect_named_parts(reply, body)
