"""Defects that show in what is seldom asked: a condition by a URL, a tenth tag, a marker of a folder by its name."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.storage.support import gateway
from conformance.reference.http import Answer, Request
from conformance.reference.storage.authentication import LONGEST_EXPIRY_S, Presented
from conformance.reference.storage.call import Call, query_of
from conformance.reference.storage.conditions import Conditions
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.state import Bucket


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


class CopiesAcrossLoseTags(Defect):
    """S3 API Reference, CopyObject, x-amz-tagging-directive: the source's tags are the copy's, across buckets too."""

    surface = "storage"
    noticed_by = ("storage/copy/between-buckets",)

    async def copy_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = await original(call, bucket)
        if gateway(original).copy_source(call)[0] != bucket.name:
            bucket.put(call.key, replace(bucket.objects[call.key], tags={}))
        return answer


class DeletionsEndUploads(Defect):
    """S3 API Reference, CreateMultipartUpload: an upload is open until it is completed or aborted."""

    surface = "storage"
    noticed_by = (
        "storage/multipart/old-object-stands-until-complete#which-is-deleted",
        "storage/multipart/old-object-stands-until-complete#which-is-deleted-by-its-name",
    )

    async def erase(self, original: Any, bucket: Bucket, key: str, asked: Conditions) -> None:
        await original(bucket, key, asked)
        for upload in [each for each in bucket.uploads.values() if each.key == key]:
            bucket.uploads.pop(upload.upload_id)


class TagsNeedNoSignature(Defect):
    """S3 API Reference, "Task 1: Create a Canonical Request": x-amz- fields are signed, that of tags also."""

    surface = "storage"
    noticed_by = (
        "storage/signature/amz-headers-must-be-signed",
        "storage/presigned/unsigned-fields-are-not-obeyed#tags",
    )

    def check_signed_headers(self, original: Any, request: Request, presented: Presented) -> None:
        original(request, replace(presented, signed_headers=(*presented.signed_headers, "x-amz-tagging")))


class TypeOfAnyBytesGuessed(Defect):
    """S3 API Reference, PutObject, Content-Type: the type that was given, whatever the key's ending may say."""

    surface = "storage"
    noticed_by = ("storage/object/system-headers-come-back#type-of-any-bytes",)

    def system_headers(self, original: Any, call: Call) -> dict[str, str]:
        told: dict[str, str] = original(call)
        guessed = call.key.endswith(".html") and call.headers.get("content-type") == "application/octet-stream"
        return {name: "text/html" if guessed and name.lower() == "content-type" else told[name] for name in told}


class PartsReadUnconditionally(Defect):
    """RFC 9110 section 13.1.1: where If-Match does not hold the request is not performed, that for a part neither."""

    surface = "storage"
    noticed_by = ("storage/condition/if-match-that-fails#for-a-part",)

    async def on_object(self, original: Any, call: Call) -> Answer:
        surface = gateway(original)
        if (
            call.request.method in ("GET", "HEAD")
            and call.query.get("partNumber") == "1"
            and "uploadId" not in call.query
        ):
            bucket = surface.bucket_of(call.organization, call.bucket)
            return surface.object_answer(call, await surface.require(bucket, call.key), {})
        answer: Answer = await original(call)
        return answer


class ErrorsOfTheChosenType(Defect):
    """S3 API Reference, GetObject: the fields that a request chooses are included only in a successful response."""

    surface = "storage"
    noticed_by = ("storage/presigned/answer-fields-of-parts-and-heads#not-of-errors",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        chosen = query_of(request).get("response-content-type")
        if chosen and answer.status >= 400:
            answer.headers["Content-Type"] = chosen
        return answer


class UnsignedDateOutranksTheSignedOne(Defect):
    """SigV4, "Create a signed request": the time of a signature is x-amz-date; Date beside it may be anybody's."""

    surface = "storage"
    noticed_by = ("storage/signature/skewed-clock-is-refused#read-behind",)

    def presented_in_header(self, original: Any, request: Request, header: str) -> Presented:
        presented: Presented = original(request, header)
        return replace(presented, expires=LONGEST_EXPIRY_S) if "date" in request.headers else presented
