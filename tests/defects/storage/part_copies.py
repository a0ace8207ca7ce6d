"""Defects that break the promise "UploadPartCopy copies the requested range"."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.one_method import defect
from conformance.reference.storage import xml
from conformance.reference.storage.call import Call
from conformance.reference.storage.copies import SOURCE, Source
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.state import Bucket, Part, StoredObject
from conformance.reference.support.storage import gateway, server_error
from tests.defects.support.storage import refused, resolved

SMALLEST_PART = 5 * 1024 * 1024


@defect("storage/multipart/bad-copy-range-is-refused#open,word")
def copy_range_is_server_error(request: Request) -> Answer | None:
    """S3 API Reference, UploadPartCopy: an invalid range is answered with a 5xx."""
    range_value = request.headers.get("x-amz-copy-source-range")
    wrong = range_value is not None and not re.fullmatch(r"bytes=\d+-\d+", range_value)
    return refused(500, "InternalError") if wrong else None


@defect("storage/multipart/copied-part-honours-conditions#if-match")
async def conditional_parts_are_the_first(copy_part: Any, call: Call, bucket: Bucket) -> Answer:
    """S3 API Reference, UploadPartCopy, partNumber: a part with a condition is stored as part 1."""
    if f"{SOURCE}-if-match" in call.headers:
        call = replace(call, query={**call.query, "partNumber": "1"})
    return await copy_part(call, bucket)


@defect("storage/multipart/copied-part-honours-conditions#if-unmodified-since,if-none-match")
async def copied_part_unconditional(copy_part: Any, call: Call, bucket: Bucket) -> Answer:
    """S3 API Reference, UploadPartCopy, x-amz-copy-source-if-match: it is ignored."""
    conditional = [name for name in call.headers if name.startswith("x-amz-copy-source-if-")]
    headers = call.headers.mutablecopy()
    for name in conditional:
        del headers[name]
    return await copy_part(replace(call, request=replace(call.request, headers=headers)), bucket)


@defect("storage/multipart/copied-part-honours-conditions#if-unmodified-since,if-modified-since")
async def copied_part_conditions_all_fail(copy_part: Any, call: Call, bucket: Bucket) -> Answer:
    """S3 API Reference, UploadPartCopy, x-amz-copy-source-if-match: it never holds."""
    if any(name.startswith("x-amz-copy-source-if-") for name in call.headers):
        raise Fault("PreconditionFailed")
    return await copy_part(call, bucket)


@defect("storage/multipart/invalid-copy-source-is-refused#broken-escape,no-bucket,no-key,slash")
def broken_source_of_a_part_fails(copy_source: Any, call: Call) -> tuple[str, str]:
    """API Reference, Error Handling: a part source without a key is answered with a 5xx."""
    try:
        return copy_source(call)
    except Fault:
        if "uploadId" in call.query and call.headers["x-amz-copy-source"]:
            raise server_error() from None
        raise


@defect("storage/multipart/invalid-copy-source-is-refused#empty")
async def empty_source_of_a_part_is_none(copy_part: Any, call: Call, bucket: Bucket) -> Answer:
    """S3 API Reference, UploadPartCopy, x-amz-copy-source: an empty value stores an empty part."""
    return await (copy_part if call.headers[SOURCE] else gateway(copy_part).upload_part)(call, bucket)


@defect("storage/multipart/part-can-be-copied#special-characters,whole", shipped=True)
async def whole_copied_part_is_the_object(copy_part: Any, call: Call, bucket: Bucket) -> Answer:
    """S3 API Reference, UploadPartCopy: a part copied without a range is also stored as the object."""
    answer: Answer = await copy_part(call, bucket)
    if "x-amz-copy-source-range" not in call.headers:
        source: Source = await gateway(copy_part).source(call)
        bucket.put(call.key, source.stored)
    return answer


class CopiedPartListedWithItsSourcesSize(Defect):
    """S3 API Reference, ListParts, Size: it is the size of the source."""

    noticed_by = ("storage/multipart/part-can-be-copied#range",)
    sizes: dict[int, int] = {}

    def copied_range(self, original: Any, call: Call, source: StoredObject) -> bytes:
        body: bytes = original(call, source)
        self.sizes[len(body)] = source.size
        return body

    def listed_part(self, original: Any, part: Part) -> str:
        element: str = original(part)
        return element.replace(xml.element("Size", len(part.body)), xml.element("Size", self.sizes[len(part.body)]))


@defect("storage/multipart/part-can-be-copied#range-from-the-first-byte,range-over-parts")
def range_of_a_copy_from_the_start_refused(copied_range: Any, call: Call, source: StoredObject) -> bytes:
    """S3 API Reference, UploadPartCopy, x-amz-copy-source-range: a range from byte 0 is refused."""
    if call.headers.get("x-amz-copy-source-range", "").startswith("bytes=0-"):
        raise Fault("InvalidArgument")
    return copied_range(call, source)


@defect("storage/multipart/part-can-be-copied#range,range-over-parts", shipped=True)
async def copied_part_reported_with_its_source(copy_part: Any, call: Call, bucket: Bucket) -> Answer:
    """S3 API Reference, CopyPartResult, ETag: it is the ETag of the source."""
    answer: Answer = await copy_part(call, bucket)
    surface = gateway(copy_part)
    of, key = surface.copy_source(call)
    tag = surface.buckets[of].objects[key].etag.encode()
    answer.body = re.sub(b"<ETag>.*?</ETag>", b"<ETag>&quot;" + tag + b"&quot;</ETag>", answer.body)
    return answer


@defect("storage/multipart/part-can-be-copied#range-over-parts")
def first_part_of_a_whole_source(copied_range: Any, call: Call, source: StoredObject) -> bytes:
    """S3 API Reference, UploadPartCopy: only the first part of a multipart source is copied."""
    found: bytes = copied_range(call, source)
    return found[:SMALLEST_PART] if "-" in source.etag and "x-amz-copy-source-range" not in call.headers else found


@defect("storage/multipart/part-is-copied-from-the-named-bucket")
async def part_copied_within_its_bucket(source: Any, call: Call) -> Source:
    """S3 API Reference, UploadPartCopy, x-amz-copy-source: the source is read from the upload's bucket."""
    found: Source = await source(call)
    beside = gateway(source).buckets[call.bucket].objects.get(found.key)
    return replace(found, stored=beside) if beside and "uploadId" in call.query else found


class RefusedRangeEmptiesThePart(Defect):
    """S3 API Reference, UploadPartCopy: a refused copy empties the existing part."""

    noticed_by = ("storage/multipart/bad-copy-range-is-refused#beyond",)

    async def copy_part(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        try:
            return await original(call, bucket)
        except Fault:
            self._emptied(bucket, call)
            raise

    def _emptied(self, bucket: Bucket, call: Call) -> None:
        upload, number = bucket.uploads.get(call.query["uploadId"]), int(call.query["partNumber"])
        if upload and number in upload.parts:
            upload.parts[number] = replace(upload.parts[number], body=b"")


@defect("storage/multipart/bad-copy-range-is-refused#beyond", "storage/multipart/missing-copy-source-is-404")
async def refused_copy_loses_the_part(copy_part: Any, call: Call, bucket: Bucket) -> Answer:
    """S3 API Reference, UploadPartCopy: a refused copy removes the existing part."""
    surface = gateway(copy_part)
    try:
        return await copy_part(call, bucket)
    except Fault:
        surface.upload_of(call, bucket).parts.pop(surface.part_number(call), None)
        raise


@defect("storage/multipart/traversal-is-no-source-of-a-part#encoded,plain")
def part_source_dots_resolved(copy_source: Any, call: Call) -> tuple[str, str]:
    """S3 API Reference, UploadPartCopy, x-amz-copy-source: dot segments in the source lead to another bucket."""
    bucket, key = copy_source(call)
    return resolved(bucket, key) if "uploadId" in call.query else (bucket, key)
