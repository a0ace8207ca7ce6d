"""Defects of objects that were uploaded in parts: their copies, their checksums, the size that they are to have."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.storage.support import gateway, without_fields
from conformance.reference.http import Answer
from conformance.reference.storage.call import Call
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.multipart import SMALLEST_PART
from conformance.reference.storage.state import Bucket, Part, StoredObject, Upload

SIZE = "x-amz-mp-object-size"


def in_parts(stored: StoredObject) -> bool:
    """Whether an object was uploaded in parts."""
    return "-" in stored.etag


class CopyOfPartsIsOfTheFirst(Defect):
    """S3 API Reference, CopyObject: the copy has all the parts of its source."""

    surface = "storage"
    noticed_by = ("storage/copy/of-parts-is-the-same",)

    def copied(self, original: Any, call: Call, stored: StoredObject, replaced: bool) -> StoredObject:
        copy: StoredObject = original(call, stored, replaced)
        return replace(copy, body=copy.body[:SMALLEST_PART]) if in_parts(stored) else copy


class CopyOfPartsLosesMetadata(Defect):
    """S3 API Reference, CopyObject: the source's metadata is the copy's, also of a source in parts."""

    surface = "storage"
    noticed_by = ("storage/copy/of-parts-is-the-same",)

    def copied(self, original: Any, call: Call, stored: StoredObject, replaced: bool) -> StoredObject:
        copy: StoredObject = original(call, stored, replaced)
        return replace(copy, metadata={}) if in_parts(stored) and not replaced else copy


class CopyOfPartsToldByItsSource(Defect):
    """S3 API Reference, CopyObjectResult, ETag: that of the new object, not of the source."""

    surface = "storage"
    noticed_by = ("storage/copy/of-parts-is-the-same",)

    async def copy_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        source = (await gateway(original).source(call)).stored
        answer: Answer = await original(call, bucket)
        answer.body = answer.body.replace(bucket.objects[call.key].etag.encode(), source.etag.encode())
        return answer


class ChecksumTypeNotHeeded(Defect):
    """S3 API Reference, CreateMultipartUpload, x-amz-checksum-type: the type that is asked for is used and told."""

    surface = "storage"
    noticed_by = ("storage/checksum/of-parts-is-of-its-type#full-crc32",)

    def checksum_type(self, original: Any, call: Call, algorithm: str | None) -> str:
        original(call, algorithm)
        return "FULL_OBJECT" if algorithm == "crc64nvme" else "COMPOSITE"


class ChecksumOfPartsToldOfTheWhole(Defect):
    """S3 API Reference, GetObject, x-amz-checksum-type: a checksum of the parts' checksums is told as such."""

    surface = "storage"
    noticed_by = ("storage/checksum/of-parts-is-of-its-type#composite-crc32",)

    def assembled(self, original: Any, call: Call, upload: Upload, parts: list[Part]) -> StoredObject:
        stored: StoredObject = original(call, upload, parts)
        return replace(stored, checksum_type="FULL_OBJECT")


class CopyKeepsCompositeChecksum(Defect):
    """S3 API Reference, CopyObjectResult, ChecksumType: what is told as of the whole object is of its bytes."""

    surface = "storage"
    noticed_by = ("storage/checksum/of-a-copy-of-parts-is-its-own",)

    def copied_checksums(self, original: Any, stored: StoredObject, asked: str | None) -> dict[str, str]:
        return stored.checksums


class ObjectSizeNotHeeded(Defect):
    """S3 API Reference, CompleteMultipartUpload, x-amz-mp-object-size: 400 where the object is of another size."""

    surface = "storage"
    noticed_by = (
        "storage/multipart/wrong-object-size-is-refused#less",
        "storage/multipart/wrong-object-size-is-refused#more",
    )

    def assembled(self, original: Any, call: Call, upload: Upload, parts: list[Part]) -> StoredObject:
        stored: StoredObject = original(without_fields(call, SIZE), upload, parts)
        return stored


class WrongObjectSizeEndsTheUpload(Defect):
    """S3 API Reference, CompleteMultipartUpload: an upload whose completion is refused can still be completed."""

    surface = "storage"
    noticed_by = ("storage/multipart/wrong-object-size-is-refused#less",)

    def assembled(self, original: Any, call: Call, upload: Upload, parts: list[Part]) -> StoredObject:
        try:
            stored: StoredObject = original(call, upload, parts)
        except Fault:
            gateway(original).buckets[call.bucket].uploads.pop(upload.upload_id)
            raise
        return stored


class ObjectSizeTakenForTheDocuments(Defect):
    """S3 API Reference, CompleteMultipartUpload, x-amz-mp-object-size: the size of the object, not of the request."""

    surface = "storage"
    noticed_by = ("storage/multipart/right-object-size-completes",)

    def assembled(self, original: Any, call: Call, upload: Upload, parts: list[Part]) -> StoredObject:
        if call.headers.get(SIZE, str(len(call.body))) != str(len(call.body)):
            raise Fault("InvalidRequest")
        stored: StoredObject = original(without_fields(call, SIZE), upload, parts)
        return stored


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


class ConditionalCompletionsAllFail(Defect):
    """S3 API Reference, CompleteMultipartUpload, If-Match and If-None-Match: the object is made where they hold."""

    surface = "storage"
    noticed_by = ("storage/conditional-write/completion-keeps-what-changed",)

    async def complete_upload(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        if {"if-match", "if-none-match"} & set(call.headers):
            raise Fault("PreconditionFailed")
        answer: Answer = await original(call, bucket)
        return answer


class AbortTakesAllOfTheKey(Defect):
    """S3 API Reference, AbortMultipartUpload: it aborts the upload that its id names."""

    surface = "storage"
    noticed_by = ("storage/multipart/two-uploads-do-not-mix",)

    async def abort_upload(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        for upload in [each for each in bucket.uploads.values() if each.key == call.key]:
            if upload.upload_id != call.query.get("uploadId"):
                await gateway(original).forget_upload(bucket, upload)
        answer: Answer = await original(call, bucket)
        return answer


class OnlyFirstPartIsMeasured(Defect):
    """S3 API Reference, error code EntityTooSmall: every part but the last is at least 5 MiB."""

    surface = "storage"
    noticed_by = ("storage/multipart/small-part-in-the-middle-is-refused",)

    def check_part_sizes(self, original: Any, sizes: list[int]) -> None:
        original([*sizes[:1], *sizes[-1:]] if len(sizes) > 1 else sizes)


class HeadOfPartsTellsTheFirst(Defect):
    """S3 API Reference, HeadObject, Content-Length: the size of the body, which is of all parts."""

    surface = "storage"
    noticed_by = (
        "storage/multipart/parts-make-the-object#backwards",
        "storage/multipart/parts-make-the-object#in-order",
    )

    async def get_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = await original(call, bucket)
        stored = bucket.objects[call.key]
        if call.request.method == "HEAD" and answer.status == 200 and in_parts(stored):
            answer.headers["Content-Length"] = str(min(len(stored.body), SMALLEST_PART))
        return answer


class LastPartPromisesMore(Defect):
    """S3 API Reference, ListParts, IsTruncated: false where the last part is told, though the page is full."""

    surface = "storage"
    noticed_by = ("storage/multipart/parts-are-listed",)

    async def list_parts(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = await original(call, bucket)
        if answer.body.count(b"<PartNumber>") == call.number("max-parts", 1000):
            last = re.findall(rb"<PartNumber>([0-9]+)<", answer.body)[-1]
            marked = b"<IsTruncated>true</IsTruncated><NextPartNumberMarker>%s</NextPartNumberMarker>" % last
            answer.body = answer.body.replace(b"<IsTruncated>false</IsTruncated>", marked)
        return answer


class PartReadWithoutRange(Defect):
    """RFC 9110 section 15.3.7.1: 206 says by Content-Range which bytes it has; read by part, the whole has none."""

    surface = "storage"
    noticed_by = ("storage/multipart/part-that-is-read-is-described",)

    async def on_object(self, original: Any, call: Call) -> Answer:
        by_part = call.request.method == "GET" and "partNumber" in call.query and "uploadId" not in call.query
        query = {name: value for name, value in call.query.items() if not by_part or name != "partNumber"}
        answer: Answer = await original(replace(call, query=query))
        answer.status = 206 if by_part else answer.status
        return answer


class HeadByPartIsOfTheWhole(Defect):
    """RFC 9110 section 15.3.7.1: 206 says by Content-Range which bytes it is about, that of HEAD as well."""

    surface = "storage"
    noticed_by = ("storage/multipart/part-that-is-read-is-described",)

    async def on_object(self, original: Any, call: Call) -> Answer:
        by_part = call.request.method == "HEAD" and "partNumber" in call.query
        query = {name: value for name, value in call.query.items() if not by_part or name != "partNumber"}
        answer: Answer = await original(replace(call, query=query))
        answer.status = 206 if by_part and answer.status == 200 else answer.status
        return answer


class PartOfOpenUploadIsRead(Defect):
    """S3 User Guide, "Uploading and copying objects using multipart upload": until it is completed there is nothing."""

    surface = "storage"
    noticed_by = ("storage/multipart/invisible-until-complete",)

    async def on_object(self, original: Any, call: Call) -> Answer:
        bucket = gateway(original).bucket_of(call.organization, call.bucket)
        number = call.query.get("partNumber", "")
        if call.request.method == "GET" and number.isdigit() and call.key not in bucket.objects:
            for upload in bucket.uploads.values():
                if upload.key == call.key and int(number) in upload.parts:
                    return Answer(206, upload.parts[int(number)].body)
        answer: Answer = await original(call)
        return answer


class ChecksumOfTheWholeRefused(Defect):
    """S3 API Reference, CompleteMultipartUpload, x-amz-checksum-: the object's, which is not the document's."""

    surface = "storage"
    noticed_by = ("storage/checksum/of-parts-is-of-its-type#full-crc32",)

    async def complete_upload(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        gateway(original).check_checksum(call)
        answer: Answer = await original(call, bucket)
        return answer


class TagOfPartsTellsTheirNumber(Defect):
    """RFC 9110 section 8.8.1: a validator changes with the bytes, and not only with the number of parts."""

    surface = "storage"
    noticed_by = ("storage/multipart/etag-follows-the-bytes",)

    def multipart_etag(self, original: Any, parts: list[Part]) -> str:
        return f"{'0' * 32}-{len(parts)}"
