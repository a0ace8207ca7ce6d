"""One defect for each promise on multipart uploads."""

from __future__ import annotations

from typing import Any

from conformance.reference.alteration import Defect
from conformance.reference.storage.call import Call
from conformance.reference.storage.state import Bucket, Part, StoredObject, Upload
from conformance.reference.support.storage import LONGEST


class FirstPartStands(Defect):
    """A part that is uploaded a second time does not replace the first one."""

    surface = "storage"
    promise = "S3-34"
    noticed_by = ("storage/multipart/parts-make-the-object#part-sent-again",)

    async def keep_part(self, original: Any, upload: Upload, part: Part) -> None:
        if part.number not in upload.parts:
            await original(upload, part)


class AbortKeepsUpload(Defect):
    """An aborted multipart upload still accepts parts."""

    surface = "storage"
    promise = "S3-35"
    noticed_by = ("storage/multipart/abort-removes-the-upload",)

    async def forget_upload(self, original: Any, bucket: Bucket, upload: Upload) -> None:
        return None


class UploadsToLongKeysUnlisted(Defect):
    """The list of multipart uploads omits uploads to long keys."""

    surface = "storage"
    promise = "S3-36"
    noticed_by = ("storage/multipart/uploads-are-listed#to-a-long-key",)

    def listed_uploads(self, original: Any, bucket: Bucket) -> list[Upload]:
        return [upload for upload in original(bucket) if len(upload.key) <= LONGEST]


class CopiedRangeNotHeeded(Defect):
    """UploadPartCopy ignores the requested range and copies the whole object."""

    surface = "storage"
    promise = "S3-37"
    noticed_by = ("storage/multipart/part-can-be-copied#range,range-over-parts",)

    def copied_range(self, original: Any, call: Call, source: StoredObject) -> bytes:
        original(call, source)
        return source.body


class PartOrderNotHeeded(Defect):
    """A completion that lists its parts in the wrong order is accepted."""

    surface = "storage"
    promise = "S3-38"
    noticed_by = ("storage/multipart/order-of-parts-is-checked#descending",)

    def check_part_order(self, original: Any, numbers: list[int]) -> None:
        return None
