"""Defects of what answers tell beside what was asked for: dates, validators, names."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.storage.copies import with_source
from conformance.reference.defects.storage.support import gateway
from conformance.reference.http import Answer, Request
from conformance.reference.storage import xml
from conformance.reference.storage.base import http_time
from conformance.reference.storage.call import Call
from conformance.reference.storage.conditions import http_date
from conformance.reference.storage.copies import SOURCE
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.state import Bucket, Part, StoredObject, Upload

HOUR_S = 3600


def told_otherwise(answer: Answer, root: str, name: str, text: str) -> Answer:
    """The answer with another text in an element, if it is a document of that root."""
    if f"<{root}".encode() in answer.body[:200]:
        element = xml.element(name, text).encode()
        answer.body = re.sub(f"<{name}>[^<]*</{name}>".encode(), element, answer.body)
    return answer


class CompletionToldOfAnotherBucket(Defect):
    """S3 API Reference, CompleteMultipartUpload, Bucket: the bucket that has the new object."""

    surface = "storage"
    noticed_by = (
        "storage/multipart/answers-name-their-upload",
        "storage/multipart/answers-name-their-upload#of-the-whole-run",
    )

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        return told_otherwise(answer, "CompleteMultipartUploadResult", "Bucket", "pool-1")


class PartDatedByTheZone(Defect):
    """S3 API Reference, Part, LastModified: when the part was uploaded, in UTC."""

    surface = "storage"
    noticed_by = ("storage/multipart/times-are-told", "storage/multipart/times-are-told#of-a-copied-part")

    def listed_part(self, original: Any, part: Part) -> str:
        return str(original(replace(part, modified=part.modified + HOUR_S)))


class UploadedObjectDatedByItsBucket(Defect):
    """S3 API Reference, HeadObject, Last-Modified: when the object was made, though it was in parts."""

    surface = "storage"
    noticed_by = ("storage/multipart/times-are-told",)

    def assembled(self, original: Any, call: Call, upload: Upload, parts: list[Part]) -> StoredObject:
        stored: StoredObject = original(call, upload, parts)
        return replace(stored, modified=0)


class CopyDatedAsInHeaders(Defect):
    """S3 API Reference, CopyObjectResult, LastModified: as documents write dates, not as header fields do."""

    surface = "storage"
    noticed_by = ("storage/copy/date-is-told",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        return told_otherwise(answer, "CopyObjectResult", "LastModified", http_time(int(time.time())))


class CopyBetweenBucketsLosesMetadata(Defect):
    """S3 API Reference, CopyObject: the source's metadata is the copy's, in another bucket too."""

    surface = "storage"
    noticed_by = ("storage/copy/between-buckets",)

    def copied(self, original: Any, call: Call, stored: StoredObject, replaced: bool) -> StoredObject:
        copy: StoredObject = original(call, stored, replaced)
        within = call.headers[SOURCE].lstrip("/").startswith(f"{call.bucket}/")
        return copy if within or replaced else replace(copy, metadata={})


class CopyHasTheDateOfItsSource(Defect):
    """S3 API Reference, CopyObjectResult, LastModified: when the copy was made; caches keep what it was copied over."""

    surface = "storage"
    noticed_by = ("storage/object/last-modified-is-now",)

    def copied(self, original: Any, call: Call, stored: StoredObject, replaced: bool) -> StoredObject:
        copy: StoredObject = original(call, stored, replaced)
        return replace(copy, modified=stored.modified)


class RefusalsWithoutTime(Defect):
    """RFC 9110 section 6.6.1: a refusal tells the time too, and an SDK whose clock is off needs it there most."""

    surface = "storage"
    noticed_by = ("storage/errors/answers-are-dated",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if answer.status >= 400:
            answer.headers["Date"] = ""
        return answer


class ModifiedAfterItsAnswer(Defect):
    """RFC 9110 section 8.8.2.1: Last-Modified is not later than the Date of the answer that tells it."""

    surface = "storage"
    noticed_by = ("storage/object/dates-agree",)

    def object_headers(self, original: Any, found: StoredObject) -> dict[str, str]:
        return dict(original(replace(found, modified=found.modified + 20)))


class DateInIsoForm(Defect):
    """RFC 9110 section 6.6.1: Date is an HTTP-date."""

    surface = "storage"
    noticed_by = ("storage/object/dates-agree",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        answer.headers["Date"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        return answer


class NotModifiedForgetsHowLongToKeep(Defect):
    """RFC 9110 section 15.4.5: 304 has the Cache-Control and the Expires that 200 would have."""

    surface = "storage"
    noticed_by = ("storage/condition/not-modified-keeps-caching-fields",)

    def not_modified(self, original: Any, found: StoredObject) -> Answer:
        answer: Answer = original(found)
        del answer.headers["Cache-Control"]
        return answer


class OlderDateFormsIgnored(Defect):
    """RFC 9110 section 5.6.7: a date is taken in each of the three forms that HTTP has had."""

    surface = "storage"
    noticed_by = ("storage/condition/date-of-rfc850", "storage/condition/date-of-asctime")

    async def get_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        headers = call.request.headers.mutablecopy()
        if not re.match(r"\w{3}, ", headers.get("if-modified-since", "")):
            del headers["If-Modified-Since"]
        answer: Answer = await original(replace(call, request=replace(call.request, headers=headers)), bucket)
        return answer


class WeakTagMatches(Defect):
    """RFC 9110 section 13.1.1: a weak entity tag in If-Match is no match, for the comparison is strong."""

    surface = "storage"
    noticed_by = ("storage/condition/if-match-weak",)

    def match_holds(self, original: Any, value: str, found: StoredObject | None) -> bool:
        return bool(original(value.replace("W/", ""), found))


class IfRangeComparesWeakly(Defect):
    """RFC 9110 section 13.1.5: a weak entity tag in If-Range is no match, for the comparison is strong."""

    surface = "storage"
    noticed_by = ("storage/range/if-range-that-cannot-hold-gives-the-whole#weak",)

    def range_condition_holds(self, original: Any, value: str | None, found: StoredObject) -> bool:
        return bool(original(value and value.removeprefix("W/"), found))


class IfRangeDateNotCompared(Defect):
    """RFC 9110 section 13.1.5: a date in If-Range holds where it is exactly Last-Modified."""

    surface = "storage"
    noticed_by = ("storage/range/if-range-that-cannot-hold-gives-the-whole#older-date",)

    def range_condition_holds(self, original: Any, value: str | None, found: StoredObject) -> bool:
        return (value is not None and http_date(value) is not None) or bool(original(value, found))


class CopiedVersionPassedOver(Defect):
    """S3 API Reference, CopyObject, x-amz-copy-source: a version that is named is the one to copy."""

    surface = "storage"
    noticed_by = ("storage/copy/missing-version-is-refused", "storage/copy/missing-version-is-refused#of-a-part")

    def copy_source(self, original: Any, call: Call) -> tuple[str, str]:
        source: tuple[str, str] = original(with_source(call, call.headers[SOURCE].partition("?")[0]))
        return source


class NoContentHasALength(Defect):
    """RFC 9110 section 8.6: no Content-Length in 204."""

    surface = "storage"
    noticed_by = ("storage/object/no-content-has-no-length",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if answer.status == 204:
            answer.headers["Content-Length"] = "0"
        return answer


class RequestNamedTwice(Defect):
    """S3 API Reference, "REST error responses", RequestId: the id of the request, which its header tells."""

    surface = "storage"
    noticed_by = ("storage/errors/request-can-be-named",)

    def error_body(self, original: Any, request: Request, refusal: Fault, request_id: str) -> bytes:
        return bytes(original(request, refusal, gateway(original).new_request_id()))


class UnsatisfiedRangeOfNothing(Defect):
    """RFC 9110 section 14.4: Content-Range of 416 tells how large the object is."""

    surface = "storage"
    noticed_by = ("storage/range/unsatisfiable-is-416#far-beyond", "storage/range/unsatisfiable-is-416#from-the-size")

    def unsatisfiable(self, original: Any, size: int) -> Fault:
        fault: Fault = original(0)
        return fault


class BucketOfTheFuture(Defect):
    """S3 API Reference, ListBuckets, CreationDate: when the bucket was created."""

    surface = "storage"
    noticed_by = ("storage/service/buckets-are-listed",)

    def listed_bucket(self, original: Any, bucket: Bucket) -> str:
        return str(original(replace(bucket, created=bucket.created + 24 * HOUR_S)))
