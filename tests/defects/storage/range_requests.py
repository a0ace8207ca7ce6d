"""Defects that break the promise "Range requests follow RFC 9110 section 14"."""

from __future__ import annotations

import re
from typing import Any

from conformance.reference.http import Answer, Request
from conformance.reference.one_method import defect, row
from conformance.reference.storage.call import Call
from conformance.reference.storage.conditions import http_date
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.ranges import one_range, span
from conformance.reference.storage.state import Bucket, StoredObject
from tests.defects.support.common import server_error_page
from tests.defects.support.storage import failing, refused

Span = tuple[int, int] | None

BOUNDARY = "of-the-gateway"
BYTE_RANGE = re.compile(r"bytes=(\d+-\d*|-\d+)")
BUFFER = 1024 * 1024
BEYOND_64_BITS = re.compile(r"bytes=(\d{20,})-")

ROWS = (
    row(
        "content-range-total-wrong",
        "RFC 9110 section 14.4: the total in Content-Range is the length of the range.",
        "storage/range/range-is-served#first-byte,last-byte",
        content_range=lambda original, start, end, size: f"bytes {start}-{end - 1}/{end - start}",
    ),
    row(
        "range-condition-ignored",
        "RFC 9110 section 13.1.5: If-Range is ignored.",
        "storage/range/if-range-is-honoured#other-etag",
        range_condition_holds=lambda original, value, found: True,
    ),
    row(
        "unsatisfied-range-of-nothing",
        "RFC 9110 section 14.4: the Content-Range of 416 says that the object is empty.",
        "storage/range/unsatisfiable-is-416#far-beyond,from-the-size",
        unsatisfiable=lambda original, size: original(0),
    ),
    row(
        "range-beyond-numbers-crashes",
        "API Reference, Error Handling: a range with a very large number is answered with a 5xx.",
        "storage/range/invalid-range-is-ignored-or-refused#begins-over-64-bits",
        requested_range=failing(lambda value: BEYOND_64_BITS.match(value)),
    ),
)


@defect("storage/range/any-field-is-answered", shortest=2)
def range_beyond_every_integer_fails(request: Request) -> Answer | None:
    """RFC 9110 section 14.2: a number of thirty digits in Range is answered with a 5xx."""
    return server_error_page() if re.search("[0-9]{25}", request.headers.get("range", "")) else None


@defect("storage/range/range-is-served#end-beyond-the-object")
def range_of_one_byte_too_many_unsatisfiable(
    span: Any, first: int | None, last: int | None, size: int
) -> tuple[int, int] | None:
    """RFC 9110 section 14.1.2: a last position that equals the length is answered with 416."""
    found: tuple[int, int] | None = span(first, last, size)
    return None if first is not None and last == size else found


@defect("storage/range/range-is-served#in-a-large-object", shipped=True)
def ranges_end_with_their_block(object_body: Any, call: Call, found: StoredObject, start: int, end: int) -> bytes:
    """S3 API Reference, GetObject, Range: a range stops at the end of a storage block."""
    body: bytes = object_body(call, found, start, end)
    beyond = len(body) - (BUFFER - start % BUFFER)
    return body if len(body) >= BUFFER or beyond <= 0 else body[:-beyond] + bytes(beyond)


@defect(
    "storage/range/range-is-served#from-the-start,in-the-middle,over-two-chunks", "storage/range/head-reports-the-range"
)
def object_range_off_by_one(span: Any, first: int | None, last: int | None, size: int) -> Span:
    """RFC 9110 section 14.1.2: the last byte of a range is missing."""
    where: Span = span(first, last, size)
    return (where[0], where[1] - 1) if where and where[1] < size and where[1] - where[0] > 1 else where


@defect("storage/range/if-range-is-honoured#weak-etag")
def if_range_compares_weakly(range_condition_holds: Any, value: str | None, found: StoredObject) -> bool:
    """RFC 9110 section 13.1.5: a weak entity tag in If-Range matches."""
    return bool(range_condition_holds(value and value.removeprefix("W/"), found))


@defect("storage/range/if-range-is-honoured#older-date")
def if_range_date_not_compared(range_condition_holds: Any, value: str | None, found: StoredObject) -> bool:
    """RFC 9110 section 13.1.5: any date in If-Range matches."""
    return (value is not None and http_date(value) is not None) or bool(range_condition_holds(value, found))


@defect("storage/range/large-numbers-are-read#end-over-32-bits,end-over-64-bits,suffix-over-64-bits")
def large_numbers_of_ranges_refused(requested_range: Any, value: str) -> tuple[int | None, int | None] | None:
    """RFC 9110 section 14.1.2: a last position of many digits is refused."""
    requested: tuple[int | None, int | None] | None = requested_range(value)
    if requested and max(each or 0 for each in requested) >= 2**32:
        raise Fault("InvalidRange")
    return requested


@defect("storage/range/range-is-served#last-bytes")
def object_suffix_range_from_start(requested_range: Any, value: str) -> tuple[int | None, int | None] | None:
    """RFC 9110 section 14.1.2: ``bytes=-n`` returns the first n bytes."""
    requested: tuple[int | None, int | None] | None = requested_range(value)
    return (0, requested[1] - 1) if requested and requested[0] is None and requested[1] else requested


@defect(
    "storage/range/invalid-range-is-ignored-or-refused#letters,no-range,unknown-unit",
    "storage/range/several-ranges-are-separated",
)
def unusual_range_is_server_error(request: Request) -> Answer | None:
    """RFC 9110 section 14.2: an invalid Range is answered with a 5xx."""
    range_value = request.headers.get("range")
    return None if range_value is None or BYTE_RANGE.fullmatch(range_value) else refused(500, "InternalError")


@defect("storage/range/invalid-range-is-ignored-or-refused#empty-object")
async def empty_object_not_found(current: Any, bucket: Bucket, key: str) -> StoredObject | None:
    """S3 API Reference, PutObject: an empty object cannot be read."""
    found: StoredObject | None = await current(bucket, key)
    return found if found is not None and found.size else None


@defect("storage/range/partial-response-has-the-object-s-fields")
def part_of_another_coding(object_answer: Any, call: Call, found: StoredObject, overrides: dict[str, str]) -> Answer:
    """RFC 9110 section 15.3.7: 206 has no Content-Encoding."""
    answer: Answer = object_answer(call, found, overrides)
    if answer.status == 206 and "content-encoding" in answer.headers:
        del answer.headers["content-encoding"]
    return answer


@defect("storage/range/ranges-make-the-whole", shortest=2)
def part_of_a_small_object_is_padding(object_body: Any, call: Call, found: StoredObject, start: int, end: int) -> bytes:
    """RFC 9110 section 14.2: a range of a small object returns zeros."""
    body: bytes = object_body(call, found, start, end)
    return bytes(len(body)) if "range" in call.headers and 0 < found.size < 6 else body


@defect("storage/range/several-ranges-are-separated")
def several_ranges_joined(object_answer: Any, call: Call, found: StoredObject, overrides: dict[str, str]) -> Answer:
    """RFC 9110 section 15.3.7: several ranges are joined in one part."""
    answer: Answer = object_answer(call, found, overrides)
    if call.headers.get("range") == "bytes=0-9,1000-1009":
        answer.status, answer.body = 206, found.body[:10] + found.body[1000:1010]
        answer.headers.update({"Content-Range": f"bytes 0-9/{found.size}", "Content-Length": "20"})
    return answer


@defect("storage/range/several-ranges-are-separated")
def several_ranges_mixed_up(object_answer: Any, call: Call, found: StoredObject, overrides: dict[str, str]) -> Answer:
    """RFC 9110 section 15.3.7.2: the parts of a multipart response have each other's Content-Range."""
    unit, _, listed = call.headers.get("range", "").partition("=")
    ranges = [one_range(f"bytes={each.strip()}") for each in listed.split(",")]
    whole: Answer = object_answer(call, found, overrides)
    if unit != "bytes" or len(ranges) < 2 or None in ranges or whole.status != 200:
        return whole
    spans = [place for each in ranges if each and (place := span(*each, found.size))]
    parts = [
        f"--{BOUNDARY}\r\nContent-Range: bytes {start}-{end - 1}/{found.size}\r\n\r\n".encode()
        + found.body[other : other + end - start]
        + b"\r\n"
        for (start, end), (other, _) in zip(spans, spans[::-1], strict=True)
    ]
    whole.headers["Content-Type"] = f"multipart/byteranges; boundary={BOUNDARY}"
    whole.status, whole.body = 206, b"".join([*parts, f"--{BOUNDARY}--\r\n".encode()])
    whole.headers["Content-Length"] = str(len(whole.body))
    return whole


@defect("storage/range/range-is-served#suffix-beyond-the-object")
def long_suffix_refused(span: Any, first: int | None, last: int | None, size: int) -> Span:
    """RFC 9110 section 14.1.2: a suffix longer than the object is refused."""
    where: Span = span(first, last, size)
    return None if first is None and last is not None and last > size else where


@defect("storage/range/invalid-range-is-ignored-or-refused#unknown-unit", "storage/range/any-field-is-answered")
def other_units_get_nothing(object_answer: Any, call: Call, found: StoredObject, overrides: dict[str, str]) -> Answer:
    """RFC 9110 section 14.2: a Range in an unknown unit returns no bytes."""
    answer: Answer = object_answer(call, found, overrides)
    if not call.headers.get("range", "bytes=").startswith("bytes="):
        answer.body, answer.headers["Content-Length"] = b"", "0"
    return answer


@defect("storage/range/unsatisfiable-is-416#far-beyond,last-zero-bytes", "storage/errors/code-invalid-range")
def unsatisfiable_range_sent_whole(requested_span: Any, call: Call, found: StoredObject) -> Span:
    """RFC 9110 section 15.5.17, and S3 API Reference, InvalidRange: an unsatisfiable range is answered with 200."""
    try:
        return requested_span(call, found)
    except Fault:
        return None
