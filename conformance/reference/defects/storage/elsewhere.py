"""Defects of requests that name another bucket, upload or version than what is then read or changed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.storage.support import gateway
from conformance.reference.storage.call import Call
from conformance.reference.storage.copies import Source
from conformance.reference.storage.state import Bucket, Upload


class PartOfForeignBucket(Defect):
    """S3 API Reference, UploadPartCopy: who copies a part must be allowed to read its source."""

    surface = "storage"
    noticed_by = ("storage/service/foreign-source-of-a-part-is-refused",)

    async def source(self, original: Any, call: Call) -> Source:
        surface = gateway(original)
        bucket = surface.buckets.get(surface.copy_source(call)[0])
        if bucket is not None and "uploadId" in call.query:
            call = replace(call, signer=replace(call.signer, organization=bucket.organization))
        found: Source = await original(call)
        return found


class PartCopiedWithinItsBucket(Defect):
    """S3 API Reference, UploadPartCopy, x-amz-copy-source: the bucket that is named, not that of the upload."""

    surface = "storage"
    noticed_by = ("storage/multipart/part-is-copied-from-the-named-bucket",)

    async def source(self, original: Any, call: Call) -> Source:
        found: Source = await original(call)
        beside = gateway(original).buckets[call.bucket].objects.get(found.key)
        return replace(found, stored=beside) if beside and "uploadId" in call.query else found


class PartWithoutUploadStored(Defect):
    """S3 API Reference, UploadPart, uploadId: required; a part of no upload is no object."""

    surface = "storage"
    noticed_by = ("storage/multipart/half-named-part-is-not-the-object",)

    def object_operation(self, original: Any, call: Call) -> Any:
        if call.request.method == "PUT" and ("partNumber" in call.query) != ("uploadId" in call.query):
            return gateway(original).put_object
        return original(call)


class UploadsListedInEveryBucket(Defect):
    """S3 API Reference, ListMultipartUploads: the uploads to this bucket, and to no other."""

    surface = "storage"
    noticed_by = ("storage/multipart/upload-is-of-its-bucket",)

    def listed_uploads(self, original: Any, bucket: Bucket) -> list[Upload]:
        own = gateway(original).own_buckets(bucket.organization)
        everywhere = replace(bucket, uploads={name: each for other in own for name, each in other.uploads.items()})
        found: list[Upload] = original(everywhere)
        return found
