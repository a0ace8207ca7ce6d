"""Defects of the gateway that were thought of in reading what the checks look at, and what they pass over."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.storage.support import gateway, server_error
from conformance.reference.http import Answer, Request
from conformance.reference.storage.call import Call
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.ranges import one_range, span
from conformance.reference.storage.state import Bucket, StoredObject

BOUNDARY = "of-the-gateway"


class ConcealedBucketHasItsOwnWords(Defect):
    """API Reference, Error Handling: what is intentionally hidden is told as what does not exist, by each word."""

    surface = "storage"
    noticed_by = (
        "storage/service/concealed-equals-absent#copy",
        "storage/service/concealed-equals-absent#create-upload",
        "storage/service/concealed-equals-absent#delete",
        "storage/service/concealed-equals-absent#delete-many",
        "storage/service/concealed-equals-absent#list",
        "storage/service/concealed-equals-absent#list-uploads",
        "storage/service/concealed-equals-absent#list-version-1",
        "storage/service/concealed-equals-absent#location",
        "storage/service/concealed-equals-absent#put",
    )

    async def answered(self, original: Any, request: Request) -> Answer:
        surface = gateway(original)
        try:
            answer: Answer = await original(request)
        except Fault as fault:
            if fault.code == "NoSuchBucket" and surface.target(request)[0] in surface.buckets:
                raise Fault("NoSuchBucket", "The specified bucket does not exist in your account.") from None
            raise
        return answer


class HeadKeptByTag(Defect):
    """HeadObject: it says what GET says; a cache that goes by the ETag keeps what equal bytes were described as."""

    surface = "storage"
    noticed_by = ("storage/object/overwriting-replaces-everything#but-the-bytes",)

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str, str], Answer] = {}

    async def get_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = await original(call, bucket)
        if call.request.method != "HEAD" or answer.status != 200 or "versionId" in call.query:
            return answer
        return replace(self.kept.setdefault((bucket.name, call.key, answer.headers["etag"]), answer))


class BucketTwiceOnAPage(Defect):
    """ListBuckets: a bucket is listed once, also where two nodes of a gateway know of it."""

    surface = "storage"
    noticed_by = ("storage/service/buckets-are-listed-page-by-page",)

    def listed_bucket(self, original: Any, bucket: Bucket) -> str:
        return str(original(bucket)) * 2


class SeveralRangesMixedUp(Defect):
    """RFC 9110 section 15.3.7.2: each of several parts has a Content-Range that tells which bytes it holds."""

    surface = "storage"
    noticed_by = ("storage/range/several-are-told-apart",)

    def object_answer(self, original: Any, call: Call, found: StoredObject, overrides: dict[str, str]) -> Answer:
        unit, _, listed = call.headers.get("range", "").partition("=")
        asked = [one_range(f"bytes={each.strip()}") for each in listed.split(",")]
        whole: Answer = original(call, found, overrides)
        if unit != "bytes" or len(asked) < 2 or None in asked or whole.status != 200:
            return whole
        spans = [place for each in asked if each and (place := span(*each, found.size))]
        parts = [
            f"--{BOUNDARY}\r\nContent-Range: bytes {start}-{end - 1}/{found.size}\r\n\r\n".encode()
            + found.body[other : other + end - start]
            + b"\r\n"
            for (start, end), (other, _) in zip(spans, spans[::-1], strict=True)
        ]
        whole.headers["Content-Type"] = f"multipart/byteranges; boundary={BOUNDARY}"
        whole.status, whole.body = 206, b"".join([*parts, f"--{BOUNDARY}--\r\n".encode()])
        whole.headers["Content-Length"] = str(len(whole.body))
        return whole


class TokenToldAsMarker(Defect):
    """ListObjectsV2, NextContinuationToken: by that name it is told where to go on, not by that of version 1."""

    surface = "storage"
    noticed_by = ("storage/paging/truncation-is-told",)

    async def list_objects_v2(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = await original(call, bucket)
        return replace(answer, body=answer.body.replace(b"NextContinuationToken>", b"NextMarker>"))


class PartsUnderNoTag(Defect):
    """RFC 9110 section 14.2: Range is evaluated after the preconditions, If-Match among them."""

    surface = "storage"
    noticed_by = ("storage/condition/outranks-range#a-part-that-there-is",)

    async def get_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        headers = call.headers.mutablecopy()
        if "range" in headers and "if-match" in headers:
            del headers["if-match"]
        answer: Answer = await original(replace(call, request=replace(call.request, headers=headers)), bucket)
        return answer


class ForeignHeadsAnswered(Defect):
    """Provisioning Storage: an access key opens the buckets of its own organization only, to HEAD as well.

    Other requests are told by 403 that a bucket is another's, and HEAD which of its keys are objects.
    """

    surface = "storage"
    noticed_by = ("storage/service/foreign-bucket-is-refused#head",)

    def no_such_bucket(self, original: Any) -> Fault:
        return Fault("AccessDenied")

    async def on_object(self, original: Any, call: Call) -> Answer:
        surface = gateway(original)
        bucket = surface.buckets.get(call.bucket)
        if bucket is not None and call.request.method == "HEAD":
            return await surface.object_operation(call)(call, bucket)
        answer: Answer = await original(call)
        return answer


class CutOffUploadLeavesAFile(Defect):
    """S3 API Reference, IncompleteBody: of an upload that breaks off nothing is listed, nor the file it came into."""

    surface = "storage"
    noticed_by = (
        "storage/object/cut-off-upload-stores-nothing#between-signed-chunks",
        "storage/object/cut-off-upload-stores-nothing#signed",
    )

    async def broken_off(self, original: Any, request: Request) -> None:
        surface = gateway(original)
        name, key = surface.target(request)
        if request.method == "PUT":
            call = Call(request, surface.authenticate(request), name, key, {}, request.body)
            surface.buckets[name].put(f"{key}.part", surface.new_object(call, "0" * 32, {}))


class CutOffNewObjectStored(Defect):
    """S3 API Reference, IncompleteBody: an upload that breaks off stores nothing, where nothing stood as well."""

    surface = "storage"
    noticed_by = (
        "storage/object/cut-off-upload-stores-nothing#between-signed-chunks",
        "storage/object/cut-off-upload-stores-nothing#last-chunk-missing",
        "storage/object/cut-off-upload-stores-nothing#within-a-signed-chunk",
    )

    async def broken_off(self, original: Any, request: Request) -> None:
        surface = gateway(original)
        name, key = surface.target(request)
        if request.method == "PUT" and key not in surface.buckets[name].objects:
            call = Call(request, surface.authenticate(request), name, key, {}, request.body)
            surface.buckets[name].put(key, surface.new_object(call, "0" * 32, {}))


class HeadsSeeOpenUploads(Defect):
    """CompleteMultipartUpload: it makes the object; before it there is none, to HEAD neither."""

    surface = "storage"
    noticed_by = ("storage/multipart/invisible-until-complete",)

    async def get_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        opened = any(upload.key == call.key for upload in bucket.uploads.values())
        if call.request.method == "HEAD" and opened and call.key not in bucket.objects:
            answer = Answer(200)
            answer.headers.update({"ETag": '"d41d8cd98f00b204e9800998ecf8427e"', "Content-Length": "0"})
            return answer
        answered: Answer = await original(call, bucket)
        return answered


class BrokenSourceOfAPartFails(Defect):
    """API Reference, Error Handling: a source of a part that names no key is the caller's fault."""

    surface = "storage"
    noticed_by = (
        "storage/multipart/empty-source-is-no-part#broken-escape",
        "storage/multipart/empty-source-is-no-part#no-bucket",
        "storage/multipart/empty-source-is-no-part#no-key",
        "storage/multipart/empty-source-is-no-part#slash",
    )

    def copy_source(self, original: Any, call: Call) -> tuple[str, str]:
        try:
            named: tuple[str, str] = original(call)
        except Fault:
            if "uploadId" in call.query and call.headers["x-amz-copy-source"]:
                raise server_error() from None
            raise
        return named
