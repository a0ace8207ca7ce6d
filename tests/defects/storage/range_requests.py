"""Defects that break the promise "Range requests follow RFC 9110 section 14"."""

from __future__ import annotations

import re
from typing import Any

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.storage.call import Call
from conformance.reference.storage.conditions import http_date
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.ranges import one_range, span
from conformance.reference.storage.state import Bucket, StoredObject
from conformance.reference.support.storage import server_error
from tests.defects.rows import row
from tests.defects.support.common import server_error_page
from tests.defects.support.storage import refused

Span = tuple[int, int] | None

BOUNDARY = "of-the-gateway"
BYTE_RANGE = re.compile(r"bytes=(\d+-\d*|-\d+)")
BUFFER = 1024 * 1024
BEYOND_64_BITS = re.compile(r"bytes=(\d{20,})-")

ROWS = (
    row(
        "content-range-total-wrong",
        "RFC 9110 section 14.4: Content-Range ends with the length of the whole.",
        "storage/range/range-is-served#first-byte",
        "storage/range/range-is-served#last-byte",
        content_range=lambda original, start, end, size: f"bytes {start}-{end - 1}/{end - start}",
    ),
    row(
        "range-condition-ignored",
        "RFC 9110 section 13.1.5: where If-Range does not match, the whole object is sent.",
        "storage/range/if-range-is-honoured#other-etag",
        range_condition_holds=lambda original, value, found: True,
    ),
    row(
        "unsatisfied-range-of-nothing",
        "RFC 9110 section 14.4: Content-Range of 416 tells how large the object is.",
        "storage/range/unsatisfiable-is-416#far-beyond",
        "storage/range/unsatisfiable-is-416#from-the-size",
        unsatisfiable=lambda original, size: original(0),
    ),
)


class RangeBeyondEveryIntegerFails(Defect):
    """RFC 9110 section 14.2: a number of thirty digits in Range is no reason for a 5xx."""

    surface = "storage"
    noticed_by = ("storage/range/any-field-is-answered",)
    shortest = 2

    def intercept(self, request: Request) -> Answer | None:
        return server_error_page() if re.search("[0-9]{25}", request.headers.get("range", "")) else None


class RangeOfOneByteTooManyUnsatisfiable(Defect):
    """RFC 9110 section 14.1.2: a last position that is the length stands for the last byte, as one far beyond does."""

    surface = "storage"
    noticed_by = ("storage/range/range-is-served#end-beyond-the-object",)

    def span(self, original: Any, first: int | None, last: int | None, size: int) -> tuple[int, int] | None:
        found: tuple[int, int] | None = original(first, last, size)
        return None if first is not None and last == size else found


class RangesEndWithTheirBlock(Defect):
    """S3 API Reference, GetObject, Range: the bytes that are asked for, also where they lie in two blocks."""

    surface = "storage"
    noticed_by = ("storage/range/range-is-served#in-a-large-object",)
    shipped = True

    def object_body(self, original: Any, call: Call, found: StoredObject, start: int, end: int) -> bytes:
        body: bytes = original(call, found, start, end)
        beyond = len(body) - (BUFFER - start % BUFFER)
        return body if len(body) >= BUFFER or beyond <= 0 else body[:-beyond] + bytes(beyond)


class ObjectRangeOffByOne(Defect):
    """RFC 9110 section 14.1.2: the last position of a range is part of it."""

    surface = "storage"
    noticed_by = (
        "storage/range/range-is-served#from-the-start",
        "storage/range/range-is-served#in-the-middle",
        "storage/range/range-is-served#over-two-chunks",
        "storage/range/head-reports-the-range",
    )

    def span(self, original: Any, first: int | None, last: int | None, size: int) -> Span:
        where: Span = original(first, last, size)
        return (where[0], where[1] - 1) if where and where[1] < size and where[1] - where[0] > 1 else where


class IfRangeComparesWeakly(Defect):
    """RFC 9110 section 13.1.5: a weak entity tag in If-Range is no match, for the comparison is strong."""

    surface = "storage"
    noticed_by = ("storage/range/if-range-is-honoured#weak-etag",)

    def range_condition_holds(self, original: Any, value: str | None, found: StoredObject) -> bool:
        return bool(original(value and value.removeprefix("W/"), found))


class IfRangeDateNotCompared(Defect):
    """RFC 9110 section 13.1.5: a date in If-Range holds where it is exactly Last-Modified."""

    surface = "storage"
    noticed_by = ("storage/range/if-range-is-honoured#older-date",)

    def range_condition_holds(self, original: Any, value: str | None, found: StoredObject) -> bool:
        return (value is not None and http_date(value) is not None) or bool(original(value, found))


class LargeNumbersOfRangesRefused(Defect):
    """RFC 9110 section 14.1.2: a last position beyond the end is the end, however long the number."""

    surface = "storage"
    noticed_by = (
        "storage/range/large-numbers-are-read#end-over-32-bits",
        "storage/range/large-numbers-are-read#end-over-64-bits",
        "storage/range/large-numbers-are-read#suffix-over-64-bits",
    )

    def asked_range(self, original: Any, value: str) -> tuple[int | None, int | None] | None:
        asked: tuple[int | None, int | None] | None = original(value)
        if asked and max(each or 0 for each in asked) >= 2**32:
            raise Fault("InvalidRange")
        return asked


class ObjectSuffixRangeFromStart(Defect):
    """RFC 9110 section 14.1.2: ``bytes=-n`` is the last n bytes."""

    surface = "storage"
    noticed_by = ("storage/range/range-is-served#last-bytes",)

    def asked_range(self, original: Any, value: str) -> tuple[int | None, int | None] | None:
        asked: tuple[int | None, int | None] | None = original(value)
        return (0, asked[1] - 1) if asked and asked[0] is None and asked[1] else asked


class OddRangeIsServerError(Defect):
    """RFC 9110 section 14.2: a Range field that is no valid range is ignored, or answered 416."""

    surface = "storage"
    noticed_by = (
        "storage/range/invalid-range-is-ignored-or-refused#letters",
        "storage/range/invalid-range-is-ignored-or-refused#no-range",
        "storage/range/invalid-range-is-ignored-or-refused#unknown-unit",
        "storage/range/several-ranges-are-separated",
    )

    def intercept(self, request: Request) -> Answer | None:
        asked = request.headers.get("range")
        return None if asked is None or BYTE_RANGE.fullmatch(asked) else refused(500, "InternalError")


class RangeBeyondNumbersCrashes(Defect):
    """API Reference, Error Handling: 400 for a parameter that is not right, and 416 for bytes that are not there."""

    surface = "storage"
    noticed_by = ("storage/range/invalid-range-is-ignored-or-refused#begins-over-64-bits",)

    def asked_range(self, original: Any, value: str) -> tuple[int | None, int | None] | None:
        if BEYOND_64_BITS.match(value):
            raise server_error()
        asked: tuple[int | None, int | None] | None = original(value)
        return asked


class EmptyObjectNotFound(Defect):
    """S3 API Reference, PutObject: an object may have no bytes."""

    surface = "storage"
    noticed_by = ("storage/range/invalid-range-is-ignored-or-refused#empty-object",)

    async def current(self, original: Any, bucket: Bucket, key: str) -> StoredObject | None:
        found: StoredObject | None = await original(bucket, key)
        return found if found is not None and found.size else None


class PartOfAnotherCoding(Defect):
    """RFC 9110 section 15.3.7: 206 has the representation fields that 200 would have, Content-Encoding among them."""

    surface = "storage"
    noticed_by = ("storage/range/partial-response-has-the-object-s-fields",)

    def object_answer(self, original: Any, call: Call, found: StoredObject, overrides: dict[str, str]) -> Answer:
        answer: Answer = original(call, found, overrides)
        if answer.status == 206 and "content-encoding" in answer.headers:
            del answer.headers["content-encoding"]
        return answer


class PartOfASmallObjectIsPadding(Defect):
    """RFC 9110 section 14.2: a part is its bytes, of an object of a handful of bytes too."""

    surface = "storage"
    noticed_by = ("storage/range/ranges-make-the-whole",)
    shortest = 2

    def object_body(self, original: Any, call: Call, found: StoredObject, start: int, end: int) -> bytes:
        body: bytes = original(call, found, start, end)
        return bytes(len(body)) if "range" in call.headers and 0 < found.size < 6 else body


class SeveralRangesJoined(Defect):
    """RFC 9110 section 15.3.7: in a single part all bytes are of the range that Content-Range describes."""

    surface = "storage"
    noticed_by = ("storage/range/several-ranges-are-separated",)

    def object_answer(self, original: Any, call: Call, found: StoredObject, overrides: dict[str, str]) -> Answer:
        answer: Answer = original(call, found, overrides)
        if call.headers.get("range") == "bytes=0-9,1000-1009":
            answer.status, answer.body = 206, found.body[:10] + found.body[1000:1010]
            answer.headers.update({"Content-Range": f"bytes 0-9/{found.size}", "Content-Length": "20"})
        return answer


class SeveralRangesMixedUp(Defect):
    """RFC 9110 section 15.3.7.2: each of several parts has a Content-Range that tells which bytes it holds."""

    surface = "storage"
    noticed_by = ("storage/range/several-ranges-are-separated",)

    def object_answer(self, original: Any, call: Call, found: StoredObject, overrides: dict[str, str]) -> Answer:
        unit, _, listed = call.headers.get("range", "").partition("=")
        asked = [one_range(f"bytes={each.strip()}") for each in listed.split(",")]
        whole: Answer = original(call, found, overrides)
        if unit != "bytes" or len(asked) < 2 or None in asked or whole.status != 200:
            return whole
        spans = [place for each in asked if each and (place := span(*each, found.size))]
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


class LongSuffixRefused(Defect):
    """RFC 9110 section 14.1.2: a suffix longer than the object is the whole object."""

    surface = "storage"
    noticed_by = ("storage/range/range-is-served#suffix-beyond-the-object",)

    def span(self, original: Any, first: int | None, last: int | None, size: int) -> Span:
        where: Span = original(first, last, size)
        return None if first is None and last is not None and last > size else where


class OtherUnitsGetNothing(Defect):
    """RFC 9110 section 14.2: a Range in a unit that is not known is ignored: 200 is the answer with all of it."""

    surface = "storage"
    noticed_by = (
        "storage/range/invalid-range-is-ignored-or-refused#unknown-unit",
        "storage/range/any-field-is-answered",
    )

    def object_answer(self, original: Any, call: Call, found: StoredObject, overrides: dict[str, str]) -> Answer:
        answer: Answer = original(call, found, overrides)
        if not call.headers.get("range", "bytes=").startswith("bytes="):
            answer.body, answer.headers["Content-Length"] = b"", "0"
        return answer


class UnknownUnitRefused(Defect):
    """RFC 9110 section 14.2: a Range in a unit that the server does not understand is ignored."""

    surface = "storage"
    noticed_by = ("storage/range/invalid-range-is-ignored-or-refused#unknown-unit",)
    shipped = True

    def asked_range(self, original: Any, value: str) -> tuple[int | None, int | None] | None:
        if value and not value.startswith("bytes="):
            raise Fault("InvalidRange")
        found: tuple[int | None, int | None] | None = original(value)
        return found


class UnsatisfiableRangeSentWhole(Defect):
    """RFC 9110 section 15.5.17, and S3 API Reference, InvalidRange: 416 for a range beyond the end."""

    surface = "storage"
    noticed_by = (
        "storage/range/unsatisfiable-is-416#far-beyond",
        "storage/range/unsatisfiable-is-416#last-zero-bytes",
        "storage/errors/code-invalid-range",
    )

    def asked_span(self, original: Any, call: Call, found: StoredObject) -> Span:
        try:
            where: Span = original(call, found)
        except Fault:
            return None
        return where
