"""Defects that break the promise "Conditional reads follow RFC 9110 section 13"."""

from __future__ import annotations

import re
from dataclasses import replace
from email.utils import formatdate
from typing import Any

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.storage.call import Call
from conformance.reference.storage.conditions import Conditions, http_date, listed_tags
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.state import Bucket, StoredObject
from conformance.reference.support.storage import gateway, server_error
from tests.defects.rows import row
from tests.defects.support.storage import refused

ROWS = (
    row(
        "odd-tag-is-server-error",
        "API Reference, Error Handling: 5xx is for errors of the platform, and no entity tag of a caller's is one.",
        "storage/condition/invalid-condition-is-no-server-error",
        match_holds=lambda original, value, found: bool(original(_well_formed(value), found)),
        none_match_holds=lambda original, value, found: bool(original(_well_formed(value), found)),
    ),
    row(
        "if-match-takes-one-tag",
        "RFC 9110 section 13.1.1: If-Match holds where one of the entity tags that it lists is the object's.",
        "storage/condition/if-match-forms-are-honoured#if-match-list",
        match_holds=lambda original, value, found: len(listed_tags(value)) < 2 and bool(original(value, found)),
    ),
    row(
        "if-match-any-taken-for-a-tag",
        "RFC 9110 section 13.1.1: If-Match: * holds where there is an object.",
        "storage/condition/if-match-forms-are-honoured#if-match-any",
        "storage/conditional-write/if-match-any-needs-an-object#if-match-any-holds",
        match_holds=lambda original, value, found: value.strip() != "*" and bool(original(value, found)),
    ),
    row(
        "weak-tag-matches",
        "RFC 9110 section 13.1.1: a weak entity tag in If-Match is no match, for the comparison is strong.",
        "storage/condition/if-match-forms-are-honoured#if-match-weak",
        match_holds=lambda original, value, found: bool(original(value.replace("W/", ""), found)),
    ),
    row(
        "modified-since-compared-exactly",
        "S3 API Reference, GetObject, If-Modified-Since: since the date, and not at another one than the date.",
        "storage/condition/if-modified-since-is-honoured#later-date",
        modified_since_holds=lambda original, date, found: found is None or found.modified != date,
    ),
    row(
        "unmodified-only-at-that-date",
        "RFC 9110 section 13.1.4: an object that is earlier than the date was not modified since.",
        "storage/condition/if-unmodified-since-is-honoured#unmodified-since-later",
        unmodified_since_holds=lambda original, date, found: found is None or found.modified == date,
    ),
    row(
        "unmodified-since-ignored",
        "RFC 9110 section 13.1.4: 412 where the object was modified since.",
        "storage/condition/if-unmodified-since-is-honoured#unmodified-since-fails",
        unmodified_since_holds=lambda original, date, found: True,
    ),
)


def _well_formed(value: str) -> str:
    if value.count('"') % 2 or not value:
        raise server_error()
    return value


class DateOfNothingIsServerError(Defect):
    """RFC 9110 section 13.1.4: If-Unmodified-Since is ignored where there is no date, and no reason to crash."""

    surface = "storage"
    noticed_by = ("storage/condition/invalid-condition-is-no-server-error",)

    def unmodified_since_holds(self, original: Any, date: int, found: StoredObject | None) -> bool:
        if found is None:
            raise server_error()
        return bool(original(date, found))


class OddRangeConditionIsServerError(Defect):
    """RFC 9110 section 13.1.5: an If-Range that is neither tag nor date does not match, and is no reason to crash."""

    surface = "storage"
    noticed_by = ("storage/condition/invalid-condition-is-no-server-error",)

    def range_condition_holds(self, original: Any, value: str | None, found: StoredObject) -> bool:
        if value is not None and '"' not in value and http_date(value) is None:
            raise server_error()
        return bool(original(value, found))


class BrokenDateRefused(Defect):
    """RFC 9110 section 13.1.3: an If-Modified-Since that is no HTTP date is ignored."""

    surface = "storage"
    noticed_by = ("storage/condition/invalid-date-is-ignored#modified-since",)

    def intercept(self, request: Request) -> Answer | None:
        since = request.headers.get("if-modified-since")
        return Answer(400) if since is not None and http_date(since) is None else None


class BrokenUnmodifiedDateFails(Defect):
    """RFC 9110 section 13.1.4: an If-Unmodified-Since that is no HTTP date is ignored."""

    surface = "storage"
    noticed_by = ("storage/condition/invalid-date-is-ignored#unmodified-since",)

    async def get_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        given = call.headers.get("if-unmodified-since")
        if given is not None and http_date(given) is None:
            raise Fault("PreconditionFailed")
        answer: Answer = await original(call, bucket)
        return answer


class OlderDateFormsIgnored(Defect):
    """RFC 9110 section 5.6.7: a date is taken in each of the three forms that HTTP has had."""

    surface = "storage"
    noticed_by = (
        "storage/condition/date-forms-are-honoured#rfc850",
        "storage/condition/date-forms-are-honoured#asctime",
    )

    async def get_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        headers = call.request.headers.mutablecopy()
        if not re.match(r"\w{3}, ", headers.get("if-modified-since", "")):
            del headers["If-Modified-Since"]
        answer: Answer = await original(replace(call, request=replace(call.request, headers=headers)), bucket)
        return answer


class NoneMatchFirst(Defect):
    """RFC 9110 section 13.2.2: If-Match is evaluated first, and where it fails nothing else is."""

    surface = "storage"
    noticed_by = ("storage/condition/precedence-is-that-of-rfc9110#if-match-before-if-none-match",)

    def precondition(self, original: Any, asked: Conditions, found: StoredObject | None, reading: bool) -> int | None:
        status: int | None = original(replace(asked, match=None), found, reading) if asked.none_match else None
        return status or original(asked, found, reading)


class DateBeforeMatch(Defect):
    """RFC 9110 section 13.2.2: with If-Match, If-Unmodified-Since is not looked at."""

    surface = "storage"
    noticed_by = ("storage/condition/if-match-is-honoured#before-if-unmodified-since",)

    def precondition(self, original: Any, asked: Conditions, found: StoredObject | None, reading: bool) -> int | None:
        date = asked.unmodified_since
        if date is not None and not gateway(original).unmodified_since_holds(date, found):
            return 412
        status: int | None = original(asked, found, reading)
        return status


class ReadIfMatchIgnored(Defect):
    """RFC 9110 section 13.1.1: 412 where If-Match names another entity tag."""

    surface = "storage"
    noticed_by = ("storage/condition/if-match-is-honoured#if-match-fails", "storage/errors/code-precondition-failed")

    def precondition(self, original: Any, asked: Conditions, found: StoredObject | None, reading: bool) -> int | None:
        status: int | None = original(replace(asked, match=None) if reading else asked, found, reading)
        return status


class PartsReadUnconditionally(Defect):
    """RFC 9110 section 13.1.1: where If-Match does not hold the request is not performed, that for a part neither."""

    surface = "storage"
    noticed_by = ("storage/condition/if-match-is-honoured#part-number",)

    async def on_object(self, original: Any, call: Call) -> Answer:
        surface = gateway(original)
        if (
            call.request.method in ("GET", "HEAD")
            and call.query.get("partNumber") == "1"
            and "uploadId" not in call.query
        ):
            bucket = surface.bucket_of(call.organization, call.bucket)
            return surface.object_answer(call, await surface.require(bucket, call.key), {})
        answer: Answer = await original(call)
        return answer


class CopyComparesNoTagOfParts(Defect):
    """S3 API Reference, CopyObject, x-amz-copy-source-if-match: the ETag of an object in parts is one like others."""

    surface = "storage"
    noticed_by = ("storage/condition/if-match-is-honoured#etag-of-a-multipart-object",)

    def source_conditions_hold(self, original: Any, asked: Conditions, stored: StoredObject) -> bool:
        return bool(original(asked, stored)) and not (asked.match and "-" in stored.etag)


class TagOfPartsIsNeverFresh(Defect):
    """RFC 9110 section 13.1.2: what a client has, by its entity tag, is not sent again, also if it came in parts."""

    surface = "storage"
    noticed_by = ("storage/condition/if-match-is-honoured#etag-of-a-multipart-object",)

    def none_match_holds(self, original: Any, value: str, found: StoredObject | None) -> bool:
        return (found is not None and "-" in found.etag) or bool(original(value, found))


class ReadUnderConditionIsEmpty(Defect):
    """RFC 9110 section 13.1: where a condition holds the request is performed as if there were none."""

    surface = "storage"
    noticed_by = (
        "storage/condition/if-match-is-honoured#if-match-holds",
        "storage/condition/if-match-is-honoured#etag-of-a-multipart-object",
        "storage/condition/if-modified-since-is-honoured#modified-since-holds",
    )

    def object_body(self, original: Any, call: Call, found: StoredObject, start: int, end: int) -> bytes:
        asked = any(name in call.headers for name in ("if-match", "if-modified-since"))
        return b"" if asked else bytes(original(call, found, start, end))

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if request.method == "GET" and answer.status == 200 and not answer.body and "etag" in answer.headers:
            answer.headers["Content-Length"] = "0"
        return answer


class MatchAlone(Defect):
    """RFC 9110 section 13.2.2: where If-Match holds, If-None-Match is evaluated as well."""

    surface = "storage"
    noticed_by = ("storage/condition/precedence-is-that-of-rfc9110#if-none-match-after-if-match",)

    def precondition(self, original: Any, asked: Conditions, found: StoredObject | None, reading: bool) -> int | None:
        beside = asked if asked.match is None else replace(asked, none_match=None)
        status: int | None = original(beside, found, reading)
        return status


class ReadIfNoneMatchIgnored(Defect):
    """RFC 9110 section 13.1.2: 304 where If-None-Match names the entity tag."""

    surface = "storage"
    noticed_by = (
        "storage/condition/precedence-is-that-of-rfc9110#if-none-match-before-if-modified-since",
        "storage/condition/if-none-match-is-honoured#if-none-match-fails",
        "storage/condition/if-none-match-forms-are-honoured#if-none-match-weak",
        "storage/condition/if-none-match-is-honoured#if-none-match-before-earlier-date",
    )

    def precondition(self, original: Any, asked: Conditions, found: StoredObject | None, reading: bool) -> int | None:
        status: int | None = original(replace(asked, none_match=None) if reading else asked, found, reading)
        return status


class ConditionsNotImplemented(Defect):
    """S3 API Reference, GetObject, PutObject: a condition that holds stands in nothing's way."""

    surface = "storage"
    noticed_by = (
        "storage/condition/if-none-match-is-honoured#if-none-match-holds",
        "storage/condition/if-unmodified-since-is-honoured#unmodified-since-holds",
        "storage/conditional-write/creates-what-is-absent",
        "storage/conditional-write/creates-what-is-absent#prefix-of-another-key",
        "storage/conditional-write/creates-what-is-absent#key-of-another-bucket",
        "storage/conditional-write/creates-what-is-absent#after-deletion",
    )

    def intercept(self, request: Request) -> Answer | None:
        return refused(501, "NotImplemented") if any(name.startswith("if-") for name in request.headers) else None


class AbsentFailsDates(Defect):
    """RFC 9110 section 13.2.1: what is not there is 404 without the condition, and so under one of a date, too."""

    surface = "storage"
    noticed_by = ("storage/condition/missing-object-is-404#unmodified-since",)

    async def get_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        if call.key not in bucket.objects and "if-unmodified-since" in call.headers:
            raise Fault("PreconditionFailed")
        answer: Answer = await original(call, bucket)
        return answer


class MissingObjectFailsConditions(Defect):
    """RFC 9110 section 13.2.1: conditions are ignored where the answer without them would be 404."""

    surface = "storage"
    noticed_by = (
        "storage/condition/missing-object-is-404#if-match",
        "storage/condition/missing-object-is-404#if-none-match-any",
    )

    async def get_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        if call.key not in bucket.objects and {"if-match", "if-none-match"} & set(call.headers):
            raise Fault("PreconditionFailed")
        answer: Answer = await original(call, bucket)
        return answer


class NotModifiedForgetsHowLongToKeep(Defect):
    """RFC 9110 section 15.4.5: 304 has the Cache-Control and the Expires that 200 would have."""

    surface = "storage"
    noticed_by = ("storage/condition/not-modified-has-caching-fields",)

    def not_modified(self, original: Any, found: StoredObject) -> Answer:
        answer: Answer = original(found)
        del answer.headers["Cache-Control"]
        return answer


class HeadNotModifiedWithoutEtag(Defect):
    """RFC 9110 section 15.4.5: 304 carries the ETag that 200 would, that of HEAD as well."""

    surface = "storage"
    noticed_by = ("storage/condition/not-modified-has-etag",)

    async def get_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = await original(call, bucket)
        if call.request.method == "HEAD" and answer.status == 304:
            del answer.headers["etag"]
        return answer


class NotModifiedToldAs412(Defect):
    """RFC 9110 section 13.1.2: a GET whose If-None-Match fails is answered 304, not 412."""

    surface = "storage"
    noticed_by = (
        "storage/condition/not-modified-has-etag",
        "storage/condition/if-none-match-forms-are-honoured#if-none-match-list",
        "storage/condition/if-none-match-forms-are-honoured#if-none-match-any",
    )

    def precondition(self, original: Any, asked: Conditions, found: StoredObject | None, reading: bool) -> int | None:
        status: int | None = original(asked, found, reading)
        return 412 if status == 304 else status


class NotModifiedSinceNow(Defect):
    """RFC 9110 section 8.8.2: Last-Modified is when an object was, and not when a cache asked whether it has it."""

    surface = "storage"
    noticed_by = ("storage/condition/not-modified-has-etag",)

    def not_modified(self, original: Any, found: StoredObject) -> Answer:
        answer: Answer = original(found)
        answer.headers["Last-Modified"] = formatdate(found.modified + 60, usegmt=True)
        return answer


class NotModifiedHasABody(Defect):
    """RFC 9110 section 15.4.5: 304 ends with its head."""

    surface = "storage"
    noticed_by = ("storage/condition/not-modified-has-no-other-length",)
    shipped = True

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if answer.status == 304:
            answer.astray = b"<Error/>"
        return answer


class NotModifiedOfNoLength(Defect):
    """RFC 9110 section 8.6: no Content-Length in 304 but that of 200."""

    surface = "storage"
    noticed_by = ("storage/condition/not-modified-has-no-other-length",)

    def not_modified(self, original: Any, found: StoredObject) -> Answer:
        answer: Answer = original(found)
        answer.headers["content-length"] = "0"
        return answer


class PartsUnderNoTag(Defect):
    """RFC 9110 section 14.2: Range is evaluated after the preconditions, If-Match among them."""

    surface = "storage"
    noticed_by = ("storage/condition/precedence-is-that-of-rfc9110#if-match-before-range",)

    async def get_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        headers = call.headers.mutablecopy()
        if "range" in headers and "if-match" in headers:
            del headers["if-match"]
        answer: Answer = await original(replace(call, request=replace(call.request, headers=headers)), bucket)
        return answer


class RangeBeforeConditions(Defect):
    """RFC 9110 section 14.2: Range is evaluated after the conditions."""

    surface = "storage"
    noticed_by = ("storage/condition/precedence-is-that-of-rfc9110#if-none-match-before-unsatisfiable-range",)

    async def get_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        surface = gateway(original)
        surface.asked_span(call, await surface.require(bucket, call.key))
        answer: Answer = await original(call, bucket)
        return answer
