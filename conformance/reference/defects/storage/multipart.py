"""Defects of multipart uploads."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.storage.support import gateway, server_error
from conformance.reference.http import Answer
from conformance.reference.storage.call import Call
from conformance.reference.storage.conditions import Conditions
from conformance.reference.storage.copies import Source
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.state import Bucket, Part, StoredObject, Upload


class PartOrderNotHeeded(Defect):
    """S3 API Reference, InvalidPartOrder: parts are listed in ascending order."""

    surface = "storage"
    noticed_by = ("storage/multipart/order-of-parts-is-checked#descending",)

    def check_part_order(self, original: Any, numbers: list[int]) -> None:
        return None


class PartsJoinedAsTheyCame(Defect):
    """S3 API Reference, CompleteMultipartUpload: parts are joined by number, however they came."""

    surface = "storage"
    noticed_by = ("storage/multipart/parts-make-the-object#backwards",)

    def assembled(self, original: Any, call: Call, upload: Upload, parts: list[Part]) -> StoredObject:
        came = list(upload.parts)
        stored: StoredObject = original(call, upload, sorted(parts, key=lambda part: came.index(part.number)))
        return stored


class WrongPartTagNotRefused(Defect):
    """S3 API Reference, InvalidPart: the entity tag of a listed part is that of the upload."""

    surface = "storage"
    noticed_by = (
        "storage/multipart/invalid-part-is-refused#etag-before-it-was-sent-anew",
        "storage/multipart/invalid-part-is-refused#etag-of-another-part",
        "storage/multipart/invalid-part-is-refused#wrong-etag",
        "storage/multipart/refused-completion-can-be-mended",
    )

    def part_tag_matches(self, original: Any, given: str, part: Part) -> bool:
        return True


class SmallPartsNotRefused(Defect):
    """S3 API Reference, EntityTooSmall: every part but the last has 5 MiB at least."""

    surface = "storage"
    noticed_by = (
        "storage/multipart/small-part-in-the-middle-is-refused",
        "storage/multipart/small-part-in-the-middle-is-refused#of-copies",
    )

    def check_part_sizes(self, original: Any, sizes: list[int]) -> None:
        return None


class SmallLastPartRefused(Defect):
    """S3 User Guide, "Multipart upload limits": the last part may be of any size."""

    surface = "storage"
    noticed_by = ("storage/multipart/numbers-may-have-gaps",)

    def check_part_sizes(self, original: Any, sizes: list[int]) -> None:
        original([*sizes, 0] if len(sizes) > 1 else sizes)


class UploadVisibleTooEarly(Defect):
    """S3 User Guide, "Multipart upload process": the object is there once the upload is completed, not before."""

    surface = "storage"
    noticed_by = ("storage/multipart/abort-removes-the-upload", "storage/multipart/aborted-upload-takes-no-parts")

    async def keep_part(self, original: Any, upload: Upload, part: Part) -> None:
        await original(upload, part)
        for bucket in gateway(original).buckets.values():
            if upload.upload_id in bucket.uploads:
                bucket.put(upload.key, StoredObject(part.body, part.etag, part.modified, upload.headers))


class AbortKeepsUpload(Defect):
    """S3 API Reference, AbortMultipartUpload: after it the upload id takes no more parts."""

    surface = "storage"
    noticed_by = ("storage/multipart/abort-removes-the-upload",)

    async def forget_upload(self, original: Any, bucket: Bucket, upload: Upload) -> None:
        return None


class LastPartLost(Defect):
    """S3 API Reference, CompleteMultipartUpload: the object has the bytes of all its parts."""

    surface = "storage"
    noticed_by = (
        "storage/multipart/numbers-may-have-gaps",
        "storage/multipart/parts-left-out-are-left-out",
        "storage/sdk/managed-transfer#base",
        "storage/sdk/managed-transfer#default",
        "interoperability/storage/download-gets-what-was-uploaded",
    )

    def joined(self, original: Any, parts: list[Part]) -> bytes:
        body: bytes = original(parts[:-1] or parts)
        return body


class FirstPartStands(Defect):
    """S3 API Reference, UploadPart: a part of the same number takes the place of the earlier one."""

    surface = "storage"
    noticed_by = ("storage/multipart/part-can-be-sent-anew",)

    async def keep_part(self, original: Any, upload: Upload, part: Part) -> None:
        if part.number not in upload.parts:
            await original(upload, part)


class MultipartMetadataForgotten(Defect):
    """S3 API Reference, CreateMultipartUpload: what it says of type and metadata is the object's."""

    surface = "storage"
    noticed_by = (
        "storage/multipart/metadata-is-of-the-opening",
        "storage/multipart/metadata-is-of-the-opening#of-its-own",
    )

    def assembled(self, original: Any, call: Call, upload: Upload, parts: list[Part]) -> StoredObject:
        stored: StoredObject = original(call, upload, parts)
        return replace(stored, headers={"content-type": "binary/octet-stream"}, metadata={})


class UploadOfAnotherKeyTaken(Defect):
    """S3 API Reference, NoSuchUpload: an upload id is good for its own key."""

    surface = "storage"
    noticed_by = ("storage/multipart/upload-is-of-its-key", "storage/multipart/upload-is-of-its-key#copied")

    def upload_is_of_key(self, original: Any, upload: Upload, key: str) -> bool:
        return True


class PartNumberIsServerError(Defect):
    """S3 API Reference, UploadPart: 400 for a part number that is none."""

    surface = "storage"
    noticed_by = (
        "storage/multipart/part-number-is-bounded#huge",
        "storage/multipart/part-number-is-bounded#negative",
        "storage/multipart/part-number-is-bounded#nought",
        "storage/multipart/part-number-is-bounded#number-and-word",
        "storage/multipart/part-number-is-bounded#over",
        "storage/multipart/part-number-is-bounded#word",
    )

    def part_number(self, original: Any, call: Call) -> int:
        try:
            return int(original(call))
        except Fault:
            raise server_error() from None


class CompletedUploadListed(Defect):
    """S3 API Reference, ListMultipartUploads: uploads under way, not those completed."""

    surface = "storage"
    noticed_by = ("storage/multipart/uploads-are-listed",)

    async def finish(
        self, original: Any, bucket: Bucket, upload: Upload, stored: StoredObject, asked: Conditions
    ) -> None:
        await original(bucket, upload, stored, asked)
        bucket.uploads[upload.upload_id] = upload


class UnknownUploadIsServerError(Defect):
    """S3 API Reference, NoSuchUpload: 404 for an upload that does not exist."""

    surface = "storage"
    noticed_by = (
        "storage/multipart/abort-of-unknown-upload-is-harmless",
        "storage/multipart/unknown-upload-is-404#complete",
        "storage/multipart/unknown-upload-is-404#cut-short",
        "storage/multipart/unknown-upload-is-404#like-a-path",
        "storage/multipart/unknown-upload-is-404#list-parts",
        "storage/multipart/unknown-upload-is-404#list-some-parts",
        "storage/multipart/completing-twice-is-harmless",
    )

    def upload_of(self, original: Any, call: Call, bucket: Bucket) -> Upload:
        try:
            upload: Upload = original(call, bucket)
        except Fault:
            raise server_error() from None
        return upload


class CopiedRangeEndsOneBeyond(Defect):
    """S3 API Reference, UploadPartCopy, x-amz-copy-source-range: offsets are zero-based, the size is none of them."""

    surface = "storage"
    noticed_by = ("storage/multipart/bad-copy-range-is-refused#beyond",)

    def copied_range(self, original: Any, call: Call, source: StoredObject) -> bytes:
        body: bytes = original(call, replace(source, body=source.body + b"."))
        given = call.headers.get("x-amz-copy-source-range", f"-{source.size}")
        return body[:-1] if given.endswith(f"-{source.size}") else body


class CopiedRangeNotHeeded(Defect):
    """S3 API Reference, UploadPartCopy, x-amz-copy-source-range: only the range is copied."""

    surface = "storage"
    noticed_by = ("storage/multipart/part-can-be-copied#range", "storage/multipart/part-can-be-copied#range-over-parts")

    def copied_range(self, original: Any, call: Call, source: StoredObject) -> bytes:
        original(call, source)
        return source.body


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


class CompleteConditionsIgnored(Defect):
    """S3 User Guide, "Conditional writes": CompleteMultipartUpload heeds If-None-Match, too."""

    surface = "storage"
    noticed_by = ("storage/conditional-write/completion-keeps-what-is-there",)

    async def finish(
        self, original: Any, bucket: Bucket, upload: Upload, stored: StoredObject, asked: Conditions
    ) -> None:
        await original(bucket, upload, stored, Conditions(None, None, None, None))


class CopiedSourceLost(Defect):
    """S3 API Reference, CopyObject: the source stays."""

    surface = "storage"
    noticed_by = (
        "storage/copy/bytes-are-the-same",
        "storage/copy/onto-itself-loses-nothing",
        "interoperability/storage/aws-s3-cp-between-keys",
    )

    async def source(self, original: Any, call: Call) -> Source:
        source: Source = await original(call)
        gateway(original).buckets[source.bucket].remove(source.key)
        return source


def _bucket_of_upload(original: Any, call: Call, bucket: Bucket) -> Bucket:
    """The bucket that the upload of a call was opened in, whichever the call names."""
    everywhere = gateway(original).buckets.values()
    return next((each for each in everywhere if call.query.get("uploadId") in each.uploads), bucket)


class UploadOfAnotherBucketCompleted(Defect):
    """S3 API Reference, CompleteMultipartUpload, NoSuchUpload: no upload is completed by way of another bucket."""

    surface = "storage"
    noticed_by = ("storage/multipart/upload-is-of-its-bucket",)

    async def complete_upload(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = await original(call, _bucket_of_upload(original, call, bucket))
        return answer


class UploadOfAnotherBucketAborted(Defect):
    """S3 API Reference, AbortMultipartUpload, NoSuchUpload: no upload is aborted by way of another bucket."""

    surface = "storage"
    noticed_by = ("storage/multipart/upload-is-of-its-bucket",)

    async def abort_upload(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = await original(call, _bucket_of_upload(original, call, bucket))
        return answer
