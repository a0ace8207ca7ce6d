"""Defects that show in what is seldom asked: a condition by a URL, a tenth tag, a marker behind the prefix."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.storage.support import gateway
from conformance.reference.http import Answer
from conformance.reference.storage.call import Call
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.properties import MOST_TAGS
from conformance.reference.storage.state import Bucket

SIGNATURE = "X-Amz-Signature"


class ConditionsOfUrlsIgnored(Defect):
    """SigV4, "Using Query Parameters": a request by a URL is as any other: who has the object is told so with 304."""

    surface = "storage"
    noticed_by = ("storage/presigned/get-is-served",)

    async def get_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        surface = gateway(original)
        if SIGNATURE in call.query:
            return surface.object_answer(call, await surface.require(bucket, call.key), surface.overrides(call))
        answer: Answer = await original(call, bucket)
        return answer


class ConditionalCopiesAllFail(Defect):
    """S3 API Reference, CopyObject, If-None-Match: the copy is made where nothing stands at its key."""

    surface = "storage"
    noticed_by = ("storage/conditional-write/copy-keeps-what-is-there",)

    async def copy_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        if "if-none-match" in call.headers:
            raise Fault("PreconditionFailed")
        answer: Answer = await original(call, bucket)
        return answer


class FoldersOfUploadsListed(Defect):
    """S3 API Reference, ListObjectsV2: in-progress multipart uploads make no common prefix."""

    surface = "storage"
    noticed_by = ("storage/multipart/invisible-until-complete",)

    async def list_objects_v2(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        kept, under_way = bucket.keys, {upload.key for upload in bucket.uploads.values()}
        bucket.keys = sorted({*kept, *under_way}) if call.query.get("delimiter") else kept
        try:
            answer: Answer = await original(call, bucket)
        finally:
            bucket.keys = kept
        return answer


class AwsChunkedTakenOffInFrontAlone(Defect):
    """S3 API Reference, PutObject: ``aws-chunked`` stands behind the object's own coding where boto3 writes it."""

    surface = "storage"
    noticed_by = ("storage/streaming/own-encoding-is-kept",)

    def content_encoding(self, original: Any, call: Call) -> str:
        given = call.headers.get("content-encoding", "")
        return "" if given == "aws-chunked" else given.removeprefix("aws-chunked,").strip()


class TenthTagLost(Defect):
    """S3 User Guide, "Categorizing your storage using tags": up to ten tags with an object."""

    surface = "storage"
    noticed_by = ("storage/tagging/given-with-the-object",)

    def checked_tags(self, original: Any, pairs: list[tuple[str, str]]) -> dict[str, str]:
        return dict(list(original(pairs).items())[: MOST_TAGS - 1])


class CopiesAcrossLoseTags(Defect):
    """S3 API Reference, CopyObject, x-amz-tagging-directive: the source's tags are the copy's, across buckets too."""

    surface = "storage"
    noticed_by = ("storage/copy/between-buckets",)

    async def copy_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = await original(call, bucket)
        if gateway(original).copy_source(call)[0] != bucket.name:
            bucket.put(call.key, replace(bucket.objects[call.key], tags={}))
        return answer


class MarkerBehindThePrefixForgetsIt(Defect):
    """S3 API Reference, ListObjects, prefix: it limits the keys, wherever the listing is to begin."""

    surface = "storage"
    noticed_by = ("storage/listing/start-after-is-exclusive",)

    async def list_objects(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        prefix, marker = call.query.get("prefix", ""), call.query.get("marker", "")
        if marker > prefix and not marker.startswith(prefix):
            call.query["prefix"] = ""
        answer: Answer = await original(call, bucket)
        return answer
