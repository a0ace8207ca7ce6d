"""Defects that break the promise "UploadPartCopy copies the requested range"."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from typing import Any

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.storage import xml
from conformance.reference.storage.call import Call
from conformance.reference.storage.copies import SOURCE, Source
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.state import Bucket, Part, StoredObject
from conformance.reference.support.storage import gateway, server_error
from tests.defects.support.storage import refused, resolved

SMALLEST_PART = 5 * 1024 * 1024


class CopiedRangeEndsOneBeyond(Defect):
    """S3 API Reference, UploadPartCopy, x-amz-copy-source-range: offsets are zero-based, the size is none of them."""

    surface = "storage"
    noticed_by = ("storage/multipart/bad-copy-range-is-refused#beyond",)

    def copied_range(self, original: Any, call: Call, source: StoredObject) -> bytes:
        body: bytes = original(call, replace(source, body=source.body + b"."))
        given = call.headers.get("x-amz-copy-source-range", f"-{source.size}")
        return body[:-1] if given.endswith(f"-{source.size}") else body


class CopyRangeIsServerError(Defect):
    """S3 API Reference, UploadPartCopy: a range in another form is the caller's fault."""

    surface = "storage"
    noticed_by = (
        "storage/multipart/bad-copy-range-is-refused#open",
        "storage/multipart/bad-copy-range-is-refused#word",
    )

    def intercept(self, request: Request) -> Answer | None:
        asked = request.headers.get("x-amz-copy-source-range")
        wrong = asked is not None and not re.fullmatch(r"bytes=\d+-\d+", asked)
        return refused(500, "InternalError") if wrong else None


class ConditionalPartsAreTheFirst(Defect):
    """S3 API Reference, UploadPartCopy, partNumber: the part has this number, also where it has a condition."""

    surface = "storage"
    noticed_by = ("storage/multipart/copied-part-honours-conditions#if-match",)

    async def copy_part(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        if f"{SOURCE}-if-match" in call.headers:
            call = replace(call, query={**call.query, "partNumber": "1"})
        answer: Answer = await original(call, bucket)
        return answer


class CopiedPartUnconditional(Defect):
    """S3 API Reference, UploadPartCopy, x-amz-copy-source-if-match: 412 where it does not hold."""

    surface = "storage"
    noticed_by = (
        "storage/multipart/copied-part-honours-conditions#if-unmodified-since",
        "storage/multipart/copied-part-honours-conditions#if-none-match",
    )

    async def copy_part(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        conditional = [name for name in call.headers if name.startswith("x-amz-copy-source-if-")]
        headers = call.headers.mutablecopy()
        for name in conditional:
            del headers[name]
        answer: Answer = await original(replace(call, request=replace(call.request, headers=headers)), bucket)
        return answer


class CopiedPartConditionsAllFail(Defect):
    """S3 API Reference, UploadPartCopy, x-amz-copy-source-if-match: the part is copied where it holds."""

    surface = "storage"
    noticed_by = (
        "storage/multipart/copied-part-honours-conditions#if-unmodified-since",
        "storage/multipart/copied-part-honours-conditions#if-modified-since",
    )

    async def copy_part(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        if any(name.startswith("x-amz-copy-source-if-") for name in call.headers):
            raise Fault("PreconditionFailed")
        answer: Answer = await original(call, bucket)
        return answer


class BrokenSourceOfAPartFails(Defect):
    """API Reference, Error Handling: a source of a part that names no key is the caller's fault."""

    surface = "storage"
    noticed_by = (
        "storage/multipart/invalid-copy-source-is-refused#broken-escape",
        "storage/multipart/invalid-copy-source-is-refused#no-bucket",
        "storage/multipart/invalid-copy-source-is-refused#no-key",
        "storage/multipart/invalid-copy-source-is-refused#slash",
    )

    def copy_source(self, original: Any, call: Call) -> tuple[str, str]:
        try:
            named: tuple[str, str] = original(call)
        except Fault:
            if "uploadId" in call.query and call.headers["x-amz-copy-source"]:
                raise server_error() from None
            raise
        return named


class EmptySourceOfAPartIsNone(Defect):
    """S3 API Reference, UploadPartCopy, x-amz-copy-source: it names a bucket and a key, or the part is refused."""

    surface = "storage"
    noticed_by = ("storage/multipart/invalid-copy-source-is-refused#empty",)

    async def copy_part(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        copied: Answer = await (original if call.headers[SOURCE] else gateway(original).upload_part)(call, bucket)
        return copied


class PartCopyOfNothing(Defect):
    """S3 API Reference, UploadPartCopy: NoSuchKey where the source does not exist."""

    surface = "storage"
    noticed_by = ("storage/multipart/missing-copy-source-is-404",)

    async def copy_part(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        try:
            answer: Answer = await original(call, bucket)
        except Fault as fault:
            if fault.code != "NoSuchKey":
                raise
            surface = gateway(original)
            upload = surface.upload_of(call, bucket)
            part = surface.new_part(upload, surface.part_number(call), b"", hashlib.md5(b"").hexdigest(), {})
            await surface.keep_part(upload, part)
            return surface.document("CopyPartResult", *surface.copy_result(part.etag, part.modified, {}))
        return answer


class WholeCopiedPartIsTheObject(Defect):
    """S3 API Reference, UploadPartCopy: without a range it copies a part, and no object, either."""

    surface = "storage"
    noticed_by = (
        "storage/multipart/part-can-be-copied#special-characters",
        "storage/multipart/part-can-be-copied#whole",
    )
    shipped = True

    async def copy_part(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = await original(call, bucket)
        if "x-amz-copy-source-range" not in call.headers:
            source: Source = await gateway(original).source(call)
            bucket.put(call.key, source.stored)
        return answer


class CopiedPartListedWithItsSourcesSize(Defect):
    """S3 API Reference, ListParts, Size: that of the part, which may be a range of its source."""

    surface = "storage"
    noticed_by = ("storage/multipart/part-can-be-copied#range",)

    def __init__(self) -> None:
        self.sizes: dict[int, int] = {}

    def copied_range(self, original: Any, call: Call, source: StoredObject) -> bytes:
        body: bytes = original(call, source)
        self.sizes[len(body)] = source.size
        return body

    def listed_part(self, original: Any, part: Part) -> str:
        told: str = original(part)
        return told.replace(xml.element("Size", len(part.body)), xml.element("Size", self.sizes[len(part.body)]))


class RangeOfACopyFromTheStartRefused(Defect):
    """S3 API Reference, UploadPartCopy, x-amz-copy-source-range: bytes=first-last, from zero-based offsets on."""

    surface = "storage"
    noticed_by = (
        "storage/multipart/part-can-be-copied#range-from-the-first-byte",
        "storage/multipart/part-can-be-copied#range-over-parts",
    )

    def copied_range(self, original: Any, call: Call, source: StoredObject) -> bytes:
        if call.headers.get("x-amz-copy-source-range", "").startswith("bytes=0-"):
            raise Fault("InvalidArgument")
        body: bytes = original(call, source)
        return body


class CopiedPartToldByItsSource(Defect):
    """S3 API Reference, CopyPartResult, ETag: that of the part, by which the upload is completed; not the source's."""

    surface = "storage"
    noticed_by = ("storage/multipart/part-can-be-copied#range", "storage/multipart/part-can-be-copied#range-over-parts")
    shipped = True

    async def copy_part(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = await original(call, bucket)
        surface = gateway(original)
        of, key = surface.copy_source(call)
        tag = surface.buckets[of].objects[key].etag.encode()
        answer.body = re.sub(b"<ETag>.*?</ETag>", b"<ETag>&quot;" + tag + b"&quot;</ETag>", answer.body)
        return answer


class FirstPartOfAWholeSource(Defect):
    """S3 API Reference, UploadPartCopy: without a range the part is the whole source, of however many parts that is."""

    surface = "storage"
    noticed_by = ("storage/multipart/part-can-be-copied#range-over-parts",)

    def copied_range(self, original: Any, call: Call, source: StoredObject) -> bytes:
        found: bytes = original(call, source)
        return found[:SMALLEST_PART] if "-" in source.etag and "x-amz-copy-source-range" not in call.headers else found


class PartCopiedWithinItsBucket(Defect):
    """S3 API Reference, UploadPartCopy, x-amz-copy-source: the bucket that is named, not that of the upload."""

    surface = "storage"
    noticed_by = ("storage/multipart/part-is-copied-from-the-named-bucket",)

    async def source(self, original: Any, call: Call) -> Source:
        found: Source = await original(call)
        beside = gateway(original).buckets[call.bucket].objects.get(found.key)
        return replace(found, stored=beside) if beside and "uploadId" in call.query else found


class RefusedRangeEmptiesThePart(Defect):
    """S3 API Reference, UploadPartCopy: a copy that is refused leaves the part that was sent before as it was."""

    surface = "storage"
    noticed_by = ("storage/multipart/bad-copy-range-is-refused#beyond",)

    async def copy_part(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        try:
            answer: Answer = await original(call, bucket)
        except Fault:
            self._emptied(bucket, call)
            raise
        return answer

    def _emptied(self, bucket: Bucket, call: Call) -> None:
        upload, number = bucket.uploads.get(call.query["uploadId"]), int(call.query["partNumber"])
        if upload and number in upload.parts:
            upload.parts[number] = replace(upload.parts[number], body=b"")


class RefusedCopyLosesThePart(Defect):
    """S3 API Reference, UploadPartCopy: a part whose copy is refused is the one that was sent before."""

    surface = "storage"
    noticed_by = (
        "storage/multipart/bad-copy-range-is-refused#beyond",
        "storage/multipart/missing-copy-source-is-404",
    )

    async def copy_part(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        surface = gateway(original)
        try:
            answer: Answer = await original(call, bucket)
        except Fault:
            surface.upload_of(call, bucket).parts.pop(surface.part_number(call), None)
            raise
        return answer


class PartSourceDotsResolved(Defect):
    """S3 API Reference, UploadPartCopy, x-amz-copy-source: the bucket that is named, and a key in it."""

    surface = "storage"
    noticed_by = (
        "storage/multipart/traversal-is-no-source-of-a-part#encoded",
        "storage/multipart/traversal-is-no-source-of-a-part#plain",
    )

    def copy_source(self, original: Any, call: Call) -> tuple[str, str]:
        bucket, key = original(call)
        return resolved(bucket, key) if "uploadId" in call.query else (bucket, key)
