"""Defects that break the promise "Conditional reads follow RFC 9110 section 13"."""

from __future__ import annotations

import re
from dataclasses import replace
from email.utils import formatdate
from typing import Any

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.one_method import defect, row
from conformance.reference.storage.call import Call
from conformance.reference.storage.conditions import Conditions, http_date, listed_tags
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.state import Bucket, StoredObject
from conformance.reference.support.storage import gateway, server_error
from tests.defects.support.storage import failing, refused

ROWS = (
    row(
        "unusual-tag-is-server-error",
        "API Reference, Error Handling: a malformed entity tag in a condition is answered with a 5xx.",
        "storage/condition/invalid-condition-is-no-server-error",
        match_holds=lambda original, value, found: bool(original(_well_formed(value), found)),
        none_match_holds=lambda original, value, found: bool(original(_well_formed(value), found)),
    ),
    row(
        "if-match-takes-one-tag",
        "RFC 9110 section 13.1.1: If-Match with several entity tags never matches.",
        "storage/condition/if-match-forms-are-honoured#if-match-list",
        match_holds=lambda original, value, found: len(listed_tags(value)) < 2 and bool(original(value, found)),
    ),
    row(
        "if-match-any-treated-as-a-tag",
        "RFC 9110 section 13.1.1: If-Match: * never matches.",
        "storage/condition/if-match-forms-are-honoured#if-match-any",
        "storage/conditional-write/if-match-any-needs-an-object#if-match-any-holds",
        match_holds=lambda original, value, found: value.strip() != "*" and bool(original(value, found)),
    ),
    row(
        "weak-tag-matches",
        "RFC 9110 section 13.1.1: a weak entity tag in If-Match matches.",
        "storage/condition/if-match-forms-are-honoured#if-match-weak",
        match_holds=lambda original, value, found: bool(original(value.replace("W/", ""), found)),
    ),
    row(
        "modified-since-compared-exactly",
        "S3 API Reference, GetObject, If-Modified-Since: any date other than Last-Modified counts as modified since.",
        "storage/condition/if-modified-since-is-honoured#later-date",
        modified_since_holds=lambda original, date, found: found is None or found.modified != date,
    ),
    row(
        "unmodified-only-at-that-date",
        "RFC 9110 section 13.1.4: an object older than the date counts as modified since.",
        "storage/condition/if-unmodified-since-is-honoured#unmodified-since-later",
        unmodified_since_holds=lambda original, date, found: found is None or found.modified == date,
    ),
    row(
        "unmodified-since-ignored",
        "RFC 9110 section 13.1.4: If-Unmodified-Since is ignored.",
        "storage/condition/if-unmodified-since-is-honoured#unmodified-since-fails",
        unmodified_since_holds=lambda original, date, found: True,
    ),
    row(
        "empty-date-is-server-error",
        "RFC 9110 section 13.1.4: an empty If-Unmodified-Since is answered with a 5xx.",
        "storage/condition/invalid-condition-is-no-server-error",
        unmodified_since_holds=failing(lambda date, found: found is None),
    ),
)


def _well_formed(value: str) -> str:
    if value.count('"') % 2 or not value:
        raise server_error()
    return value


@defect("storage/condition/invalid-condition-is-no-server-error")
def unusual_range_condition_is_server_error(range_condition_holds: Any, value: str | None, found: StoredObject) -> bool:
    """RFC 9110 section 13.1.5: a malformed If-Range is answered with a 5xx."""
    if value is not None and '"' not in value and http_date(value) is None:
        raise server_error()
    return bool(range_condition_holds(value, found))


@defect("storage/condition/invalid-date-is-ignored#modified-since")
def broken_date_refused(request: Request) -> Answer | None:
    """RFC 9110 section 13.1.3: an invalid If-Modified-Since is refused."""
    since = request.headers.get("if-modified-since")
    return Answer(400) if since is not None and http_date(since) is None else None


@defect("storage/condition/invalid-date-is-ignored#unmodified-since")
async def broken_unmodified_date_fails(get_object: Any, call: Call, bucket: Bucket) -> Answer:
    """RFC 9110 section 13.1.4: an invalid If-Unmodified-Since is answered with 412."""
    given = call.headers.get("if-unmodified-since")
    if given is not None and http_date(given) is None:
        raise Fault("PreconditionFailed")
    return await get_object(call, bucket)


@defect("storage/condition/date-forms-are-honoured#rfc850,asctime")
async def older_date_forms_ignored(get_object: Any, call: Call, bucket: Bucket) -> Answer:
    """RFC 9110 section 5.6.7: the two obsolete date formats are ignored."""
    headers = call.request.headers.mutablecopy()
    if not re.match(r"\w{3}, ", headers.get("if-modified-since", "")):
        del headers["If-Modified-Since"]
    return await get_object(replace(call, request=replace(call.request, headers=headers)), bucket)


@defect("storage/condition/precedence-is-that-of-rfc9110#if-match-before-if-none-match")
def none_match_first(precondition: Any, conditions: Conditions, found: Any, reading: bool) -> int | None:
    """RFC 9110 section 13.2.2: If-None-Match is evaluated before If-Match."""
    status: int | None = (
        precondition(replace(conditions, match=None), found, reading) if conditions.none_match else None
    )
    return status or precondition(conditions, found, reading)


@defect("storage/condition/if-match-is-honoured#before-if-unmodified-since")
def date_before_match(
    precondition: Any, conditions: Conditions, found: StoredObject | None, reading: bool
) -> int | None:
    """RFC 9110 section 13.2.2: If-Unmodified-Since is evaluated although If-Match is present."""
    date = conditions.unmodified_since
    if date is not None and not gateway(precondition).unmodified_since_holds(date, found):
        return 412
    return precondition(conditions, found, reading)


@defect("storage/condition/if-match-is-honoured#if-match-fails", "storage/errors/code-precondition-failed")
def read_if_match_ignored(precondition: Any, conditions: Conditions, found: Any, reading: bool) -> int | None:
    """RFC 9110 section 13.1.1: If-Match is ignored by reads."""
    return precondition(replace(conditions, match=None) if reading else conditions, found, reading)


@defect("storage/condition/if-match-is-honoured#part-number")
async def parts_read_unconditionally(on_object: Any, call: Call) -> Answer:
    """RFC 9110 section 13.1.1: If-Match is ignored if a part is read."""
    surface = gateway(on_object)
    if call.request.method in ("GET", "HEAD") and call.query.get("partNumber") == "1" and "uploadId" not in call.query:
        bucket = surface.bucket_of(call.organization, call.bucket)
        return surface.object_answer(call, await surface.require(bucket, call.key), {})
    return await on_object(call)


@defect("storage/condition/if-match-is-honoured#etag-of-a-multipart-object")
def copy_compares_no_tag_of_parts(source_conditions_hold: Any, conditions: Conditions, stored: StoredObject) -> bool:
    """S3 API Reference, CopyObject, x-amz-copy-source-if-match: the ETag of a multipart object is not compared."""
    return bool(source_conditions_hold(conditions, stored)) and not (conditions.match and "-" in stored.etag)


@defect("storage/condition/if-match-is-honoured#etag-of-a-multipart-object")
def tag_of_parts_is_never_fresh(none_match_holds: Any, value: str, found: StoredObject | None) -> bool:
    """RFC 9110 section 13.1.2: If-None-Match with the ETag of a multipart object never matches."""
    return (found is not None and "-" in found.etag) or bool(none_match_holds(value, found))


class ReadUnderConditionIsEmpty(Defect):
    """RFC 9110 section 13.1: a read whose condition holds returns no bytes."""

    noticed_by = (
        "storage/condition/if-match-is-honoured#if-match-holds,etag-of-a-multipart-object",
        "storage/condition/if-modified-since-is-honoured#modified-since-holds",
    )

    def object_body(self, original: Any, call: Call, found: StoredObject, start: int, end: int) -> bytes:
        is_conditional = any(name in call.headers for name in ("if-match", "if-modified-since"))
        return b"" if is_conditional else bytes(original(call, found, start, end))

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if request.method == "GET" and answer.status == 200 and not answer.body and "etag" in answer.headers:
            answer.headers["Content-Length"] = "0"
        return answer


@defect("storage/condition/precedence-is-that-of-rfc9110#if-none-match-after-if-match")
def if_match_only(precondition: Any, conditions: Conditions, found: StoredObject | None, reading: bool) -> int | None:
    """RFC 9110 section 13.2.2: If-None-Match is ignored where If-Match holds."""
    beside = conditions if conditions.match is None else replace(conditions, none_match=None)
    return precondition(beside, found, reading)


@defect(
    "storage/condition/precedence-is-that-of-rfc9110#if-none-match-before-if-modified-since",
    "storage/condition/if-none-match-is-honoured#if-none-match-fails,if-none-match-before-earlier-date",
    "storage/condition/if-none-match-forms-are-honoured#if-none-match-weak",
)
def read_if_none_match_ignored(precondition: Any, conditions: Conditions, found: Any, reading: bool) -> int | None:
    """RFC 9110 section 13.1.2: If-None-Match is ignored by reads."""
    return precondition(replace(conditions, none_match=None) if reading else conditions, found, reading)


@defect(
    "storage/condition/if-none-match-is-honoured#if-none-match-holds",
    "storage/condition/if-unmodified-since-is-honoured#unmodified-since-holds",
    "storage/conditional-write/missing-object-is-created",
    "storage/conditional-write/missing-object-is-created#prefix-of-another-key,key-of-another-bucket,after-deletion",
)
def conditions_not_implemented(request: Request) -> Answer | None:
    """S3 API Reference, GetObject, PutObject: a request with a condition is answered with 501."""
    return refused(501, "NotImplemented") if any(name.startswith("if-") for name in request.headers) else None


@defect("storage/condition/missing-object-is-404#unmodified-since")
async def absent_fails_dates(get_object: Any, call: Call, bucket: Bucket) -> Answer:
    """RFC 9110 section 13.2.1: a missing object with a date condition is answered with 412 instead of 404."""
    if call.key not in bucket.objects and "if-unmodified-since" in call.headers:
        raise Fault("PreconditionFailed")
    return await get_object(call, bucket)


@defect("storage/condition/missing-object-is-404#if-match,if-none-match-any")
async def missing_object_fails_conditions(get_object: Any, call: Call, bucket: Bucket) -> Answer:
    """RFC 9110 section 13.2.1: a missing object with a condition is answered with 412 instead of 404."""
    if call.key not in bucket.objects and {"if-match", "if-none-match"} & set(call.headers):
        raise Fault("PreconditionFailed")
    return await get_object(call, bucket)


@defect("storage/condition/not-modified-has-caching-fields")
def not_modified_omits_cache_control(not_modified: Any, found: StoredObject) -> Answer:
    """RFC 9110 section 15.4.5: 304 has neither Cache-Control nor Expires."""
    answer: Answer = not_modified(found)
    del answer.headers["Cache-Control"]
    return answer


@defect("storage/condition/not-modified-has-etag")
async def head_not_modified_without_etag(get_object: Any, call: Call, bucket: Bucket) -> Answer:
    """RFC 9110 section 15.4.5: a 304 to HEAD has no ETag."""
    answer: Answer = await get_object(call, bucket)
    if call.request.method == "HEAD" and answer.status == 304:
        del answer.headers["etag"]
    return answer


@defect(
    "storage/condition/not-modified-has-etag",
    "storage/condition/if-none-match-forms-are-honoured#if-none-match-list,if-none-match-any",
)
def not_modified_reported_as412(precondition: Any, conditions: Conditions, found: Any, reading: bool) -> int | None:
    """RFC 9110 section 13.1.2: a GET whose If-None-Match matches is answered with 412 instead of 304."""
    status: int | None = precondition(conditions, found, reading)
    return 412 if status == 304 else status


@defect("storage/condition/not-modified-has-etag")
def not_modified_since_now(not_modified: Any, found: StoredObject) -> Answer:
    """RFC 9110 section 8.8.2: the Last-Modified of a 304 is the current time."""
    answer: Answer = not_modified(found)
    answer.headers["Last-Modified"] = formatdate(found.modified + 60, usegmt=True)
    return answer


@defect("storage/condition/not-modified-has-no-other-length", shipped=True)
def not_modified_has_a_body(request: Request, answer: Answer) -> Answer:
    """RFC 9110 section 15.4.5: 304 has a body."""
    if answer.status == 304:
        answer.astray = b"<Error/>"
    return answer


@defect("storage/condition/not-modified-has-no-other-length")
def not_modified_of_no_length(not_modified: Any, found: StoredObject) -> Answer:
    """RFC 9110 section 8.6: 304 has Content-Length: 0."""
    answer: Answer = not_modified(found)
    answer.headers["content-length"] = "0"
    return answer


@defect("storage/condition/precedence-is-that-of-rfc9110#if-match-before-range")
async def parts_under_no_tag(get_object: Any, call: Call, bucket: Bucket) -> Answer:
    """RFC 9110 section 14.2: If-Match is ignored if a range is read."""
    headers = call.headers.mutablecopy()
    if "range" in headers and "if-match" in headers:
        del headers["if-match"]
    return await get_object(replace(call, request=replace(call.request, headers=headers)), bucket)


@defect("storage/condition/precedence-is-that-of-rfc9110#if-none-match-before-unsatisfiable-range")
async def range_before_conditions(get_object: Any, call: Call, bucket: Bucket) -> Answer:
    """RFC 9110 section 14.2: Range is evaluated before the conditions."""
    surface = gateway(get_object)
    surface.requested_span(call, await surface.require(bucket, call.key))
    return await get_object(call, bucket)
