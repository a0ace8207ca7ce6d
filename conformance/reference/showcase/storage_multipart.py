"""One defect for each promise on multipart uploads."""

from __future__ import annotations

from typing import Any

from conformance.reference.one_method import defect
from conformance.reference.storage.call import Call
from conformance.reference.storage.state import Bucket, Part, StoredObject, Upload
from conformance.reference.support.storage import LONGEST


@defect("storage/multipart/parts-make-the-object#part-sent-again", promise="S3-34", surface="storage")
async def first_part_stands(keep_part: Any, upload: Upload, part: Part) -> None:
    """A part that is uploaded a second time does not replace the first one."""
    if part.number not in upload.parts:
        await keep_part(upload, part)


@defect("storage/multipart/abort-removes-the-upload", promise="S3-35", surface="storage")
async def abort_keeps_upload(drop_upload: Any, bucket: Bucket, upload: Upload) -> None:
    """An aborted multipart upload still accepts parts."""
    return


@defect("storage/multipart/uploads-are-listed#to-a-long-key", promise="S3-36", surface="storage")
def uploads_to_long_keys_unlisted(listed_uploads: Any, bucket: Bucket) -> list[Upload]:
    """The list of multipart uploads omits uploads to long keys."""
    return [upload for upload in listed_uploads(bucket) if len(upload.key) <= LONGEST]


@defect("storage/multipart/part-can-be-copied#range,range-over-parts", promise="S3-37", surface="storage")
def copied_range_not_heeded(copied_range: Any, call: Call, source: StoredObject) -> bytes:
    """UploadPartCopy ignores the requested range and copies the whole object."""
    copied_range(call, source)
    return source.body


@defect("storage/multipart/order-of-parts-is-checked#descending", promise="S3-38", surface="storage")
def part_order_not_heeded(check_part_order: Any, numbers: list[int]) -> None:
    """A completion that lists its parts in the wrong order is accepted."""
    return
