"""Defects of ranges and of conditional requests."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.storage.support import gateway
from conformance.reference.http import Answer
from conformance.reference.storage.call import Call
from conformance.reference.storage.conditions import Conditions
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.state import Bucket, StoredObject

Asked = tuple[int | None, int | None] | None
Span = tuple[int, int] | None


class ObjectRangeOffByOne(Defect):
    """RFC 9110 section 14.1.2: the last position of a range is part of it."""

    surface = "storage"
    noticed_by = (
        "storage/range/from-the-start",
        "storage/range/in-the-middle",
        "storage/range/in-the-middle#over-two-chunks",
        "storage/range/head-tells-the-part",
    )

    def span(self, original: Any, first: int | None, last: int | None, size: int) -> Span:
        where: Span = original(first, last, size)
        return (where[0], where[1] - 1) if where and where[1] < size and where[1] - where[0] > 1 else where


class ObjectSuffixRangeFromStart(Defect):
    """RFC 9110 section 14.1.2: ``bytes=-n`` is the last n bytes."""

    surface = "storage"
    noticed_by = ("storage/range/last-bytes",)

    def asked_range(self, original: Any, value: str) -> Asked:
        asked: Asked = original(value)
        return (0, asked[1] - 1) if asked and asked[0] is None and asked[1] else asked


class UnsatisfiableRangeSentWhole(Defect):
    """RFC 9110 section 15.5.17, and S3 API Reference, InvalidRange: 416 for a range beyond the end."""

    surface = "storage"
    noticed_by = (
        "storage/range/unsatisfiable-is-416#far-beyond",
        "storage/range/unsatisfiable-is-416#last-nought",
        "storage/errors/code-invalid-range",
    )

    def asked_span(self, original: Any, call: Call, found: StoredObject) -> Span:
        try:
            where: Span = original(call, found)
        except Fault:
            return None
        return where


class ContentRangeTotalWrong(Defect):
    """RFC 9110 section 14.4: Content-Range ends with the length of the whole."""

    surface = "storage"
    noticed_by = ("storage/range/first-byte", "storage/range/last-byte")

    def content_range(self, original: Any, start: int, end: int, size: int) -> str:
        return f"bytes {start}-{end - 1}/{end - start}"


class ContentRangeEndExcluded(Defect):
    """RFC 9110 section 14.4: the last position in Content-Range is of the last byte sent."""

    surface = "storage"
    noticed_by = ("storage/range/to-the-end",)

    def content_range(self, original: Any, start: int, end: int, size: int) -> str:
        return f"bytes {start}-{end}/{size}"


class LongSuffixRefused(Defect):
    """RFC 9110 section 14.1.2: a suffix longer than the object is the whole object."""

    surface = "storage"
    noticed_by = ("storage/range/suffix-beyond-the-object",)

    def span(self, original: Any, first: int | None, last: int | None, size: int) -> Span:
        where: Span = original(first, last, size)
        return None if first is None and last is not None and last > size else where


class RangeConditionIgnored(Defect):
    """RFC 9110 section 13.1.5: where If-Range does not match, the whole object is sent."""

    surface = "storage"
    noticed_by = ("storage/range/if-range-that-fails-gives-the-whole",)

    def range_condition_holds(self, original: Any, value: str | None, found: StoredObject) -> bool:
        return True


class ReadIfMatchIgnored(Defect):
    """RFC 9110 section 13.1.1: 412 where If-Match names another entity tag."""

    surface = "storage"
    noticed_by = ("storage/condition/if-match-that-fails", "storage/errors/code-precondition-failed")

    def precondition(self, original: Any, asked: Conditions, found: StoredObject | None, reading: bool) -> int | None:
        status: int | None = original(replace(asked, match=None) if reading else asked, found, reading)
        return status


class ReadIfNoneMatchIgnored(Defect):
    """RFC 9110 section 13.1.2: 304 where If-None-Match names the entity tag."""

    surface = "storage"
    noticed_by = (
        "storage/condition/if-none-match-outranks-modified-since",
        "storage/condition/if-none-match-that-fails",
        "storage/condition/if-none-match-weak",
        "storage/condition/if-none-match-wins-over-older-date",
    )

    def precondition(self, original: Any, asked: Conditions, found: StoredObject | None, reading: bool) -> int | None:
        status: int | None = original(replace(asked, none_match=None) if reading else asked, found, reading)
        return status


class ModifiedSinceIgnored(Defect):
    """RFC 9110 section 13.1.3: 304 where the object was not modified since."""

    surface = "storage"
    noticed_by = ("storage/condition/modified-since-that-fails",)

    def modified_since_holds(self, original: Any, date: int, found: StoredObject | None) -> bool:
        return True


class UnmodifiedSinceIgnored(Defect):
    """RFC 9110 section 13.1.4: 412 where the object was modified since."""

    surface = "storage"
    noticed_by = ("storage/condition/unmodified-since-that-fails",)

    def unmodified_since_holds(self, original: Any, date: int, found: StoredObject | None) -> bool:
        return True


class DateBeforeMatch(Defect):
    """RFC 9110 section 13.2.2: with If-Match, If-Unmodified-Since is not looked at."""

    surface = "storage"
    noticed_by = ("storage/condition/if-match-outranks-unmodified-since",)

    def precondition(self, original: Any, asked: Conditions, found: StoredObject | None, reading: bool) -> int | None:
        date = asked.unmodified_since
        if date is not None and not gateway(original).unmodified_since_holds(date, found):
            return 412
        status: int | None = original(asked, found, reading)
        return status


class AbsentFailsDates(Defect):
    """RFC 9110 section 13.2.1: what is not there is 404 without the condition, and so under one of a date, too."""

    surface = "storage"
    noticed_by = ("storage/condition/missing-object-is-404#unmodified-since",)

    async def get_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        if call.key not in bucket.objects and "if-unmodified-since" in call.headers:
            raise Fault("PreconditionFailed")
        answer: Answer = await original(call, bucket)
        return answer


class NotModifiedToldAs412(Defect):
    """RFC 9110 section 13.1.2: a GET whose If-None-Match fails is answered 304, not 412."""

    surface = "storage"
    noticed_by = (
        "storage/condition/not-modified-keeps-etag",
        "storage/condition/if-none-match-among-several",
        "storage/condition/if-none-match-any",
    )

    def precondition(self, original: Any, asked: Conditions, found: StoredObject | None, reading: bool) -> int | None:
        status: int | None = original(asked, found, reading)
        return 412 if status == 304 else status


class RefusedConditionalWriteStored(Defect):
    """S3 User Guide, "Conditional writes": what is refused with 412 is not written."""

    surface = "storage"
    noticed_by = (
        "storage/conditional-write/keeps-what-is-there",
        "storage/conditional-write/keeps-what-is-there#by-url",
        "storage/conditional-write/keeps-what-is-there#signed-chunks",
        "storage/conditional-write/keeps-what-is-there#what-came-meanwhile",
        "storage/conditional-write/keeps-what-is-there#what-was-copied",
    )

    async def commit(self, original: Any, bucket: Bucket, key: str, stored: StoredObject, asked: Conditions) -> None:
        try:
            await original(bucket, key, stored, asked)
        except Fault:
            bucket.put(key, stored)
            raise


class IfMatchCreates(Defect):
    """S3 User Guide, "Conditional writes": If-Match writes nothing where there is no object."""

    surface = "storage"
    noticed_by = ("storage/conditional-write/if-match-needs-an-object",)

    def check_write(self, original: Any, asked: Conditions, found: StoredObject | None) -> None:
        if found is not None:
            original(asked, found)
