"""Defects that show in what is seldom asked: a condition by a URL, a tenth tag, a marker of a folder by its name."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.storage.support import gateway
from conformance.reference.http import Answer, Request
from conformance.reference.storage.authentication import LONGEST_EXPIRY_S, Presented
from conformance.reference.storage.call import Call, query_of
from conformance.reference.storage.conditions import Conditions
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.properties import MOST_TAGS
from conformance.reference.storage.state import Bucket, StoredObject, Upload

SIGNATURE = "X-Amz-Signature"
MIB = 1024 * 1024


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


class Md5StandsForTheSignedHash(Defect):
    """S3 API Reference, Signature Version 4: the hash is that of the payload, be there a Content-MD5 or not."""

    surface = "storage"
    noticed_by = ("storage/signature/payload-hash-is-checked",)

    def read_payload(self, original: Any, call: Call) -> None:
        if "content-md5" in call.headers and not call.signer.payload_hash.startswith("STREAMING"):
            call.body = call.request.body
        else:
            original(call)


class MarkersReadByTheNamesOfFolders(Defect):
    """S3 API Reference, NoSuchKey: the key "a" is another than "a/", and there may be nothing at it."""

    surface = "storage"
    noticed_by = ("storage/key/folder-is-no-object",)

    async def require(self, original: Any, bucket: Bucket, key: str) -> StoredObject:
        named = key if key in bucket.objects or f"{key}/" not in bucket.objects else f"{key}/"
        found: StoredObject = await original(bucket, named)
        return found


class LastByteOfAFullBufferLost(Defect):
    """S3 API Reference, GetObject: the bytes that were put, where they fill a buffer of 64 KiB to its end as well."""

    surface = "storage"
    noticed_by = ("storage/object/bytes-come-back",)

    def new_object(self, original: Any, call: Call, md5: str, checksums: dict[str, str]) -> StoredObject:
        stored: StoredObject = original(call, md5, checksums)
        return replace(stored, body=stored.body[:-1]) if len(stored.body) == 64 * 1024 else stored


class TagOfTheFirstMebibyte(Defect):
    """S3 API Reference, Object, ETag: it reflects changes to the contents of an object, far within it as well."""

    surface = "storage"
    noticed_by = ("storage/object/etag-follows-the-bytes",)

    def new_object(self, original: Any, call: Call, md5: str, checksums: dict[str, str]) -> StoredObject:
        large = len(call.body) > MIB
        stored: StoredObject = original(call, hashlib.md5(call.body[:MIB]).hexdigest() if large else md5, checksums)
        return stored


class ExpectedOwnerOfPartsIgnored(Defect):
    """S3 API Reference, UploadPart, x-amz-expected-bucket-owner: 403 where the bucket is another account's."""

    surface = "storage"
    noticed_by = ("storage/subresource/expected-owner-is-heeded",)

    def check_expected_owner(self, original: Any, call: Call, bucket: Bucket, *field: str) -> None:
        if "uploadId" not in call.query:
            original(call, bucket, *field)


class DeletionsEndUploads(Defect):
    """S3 API Reference, CreateMultipartUpload: an upload is open until it is completed or aborted."""

    surface = "storage"
    noticed_by = ("storage/multipart/old-object-stands-until-complete",)

    async def erase(self, original: Any, bucket: Bucket, key: str, asked: Conditions) -> None:
        await original(bucket, key, asked)
        for upload in [each for each in bucket.uploads.values() if each.key == key]:
            bucket.uploads.pop(upload.upload_id)


class BeginningsOfUploadIdsTaken(Defect):
    """S3 API Reference, NoSuchUpload: the beginning of an upload's id is the id of no upload."""

    surface = "storage"
    noticed_by = ("storage/multipart/unknown-upload-is-404",)

    def upload_of(self, original: Any, call: Call, bucket: Bucket) -> Upload:
        given = call.query["uploadId"]
        call.query["uploadId"] = next((each for each in bucket.uploads if given and each.startswith(given)), given)
        found: Upload = original(call, bucket)
        return found


class LateUrlsToldOfObjects(Defect):
    """SigV4, "Using Query Parameters", X-Amz-Expires: behind it a URL tells nothing of an object, by HEAD neither."""

    surface = "storage"
    noticed_by = ("storage/presigned/expired-is-refused",)

    def presented_in_query(self, original: Any, request: Request, query: dict[str, str]) -> Presented:
        presented: Presented = original(request, query)
        return replace(presented, expires=LONGEST_EXPIRY_S) if request.method == "HEAD" else presented


class TagsNeedNoSignature(Defect):
    """S3 API Reference, "Task 1: Create a Canonical Request": x-amz- fields are signed, that of tags also."""

    surface = "storage"
    noticed_by = ("storage/signature/amz-headers-must-be-signed", "storage/presigned/unsigned-fields-are-not-obeyed")

    def check_signed_headers(self, original: Any, request: Request, presented: Presented) -> None:
        original(request, replace(presented, signed_headers=(*presented.signed_headers, "x-amz-tagging")))


class RangesOutliveTheirObject(Defect):
    """RFC 9111 section 4.4: what a cache has of a resource, ranges too, ends with its deletion."""

    surface = "storage"
    noticed_by = ("storage/object/delete-removes",)

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], Answer] = {}

    def intercept(self, request: Request) -> Answer | None:
        kept = self.kept.get((request.raw_path, request.headers.get("range", "")))
        if kept is None or request.method != "GET":
            return None
        return Answer(kept.status, kept.body, kept.headers.mutablecopy())

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if answer.status == 206 and request.method == "GET":
            kept = Answer(answer.status, answer.body, answer.headers.mutablecopy())
            self.kept[request.raw_path, request.headers["range"]] = kept
        elif request.method == "PUT":
            self.kept = {named: each for named, each in self.kept.items() if named[0] != request.raw_path}
        return answer


class SameBytesKeepTheirFields(Defect):
    """S3 API Reference, PutObject: the object is replaced, with all that is said of it, be its bytes the same."""

    surface = "storage"
    noticed_by = ("storage/object/overwriting-replaces-everything",)

    async def commit(self, original: Any, bucket: Bucket, key: str, stored: StoredObject, asked: Conditions) -> None:
        there = bucket.objects.get(key)
        same = there is not None and stored.body and there.body == stored.body
        await original(bucket, key, there if same else stored, asked)


class TypeOfAnyBytesGuessed(Defect):
    """S3 API Reference, PutObject, Content-Type: the type that was given, whatever the key's ending may say."""

    surface = "storage"
    noticed_by = ("storage/object/system-headers-come-back",)

    def system_headers(self, original: Any, call: Call) -> dict[str, str]:
        told: dict[str, str] = original(call)
        guessed = call.key.endswith(".html") and call.headers.get("content-type") == "application/octet-stream"
        return {name: "text/html" if guessed and name.lower() == "content-type" else told[name] for name in told}


class BlanksBehindCommasLost(Defect):
    """S3 User Guide, "Working with object metadata": a value comes back as it was given, lists of words as well."""

    surface = "storage"
    noticed_by = ("storage/object/metadata-comes-back",)

    def metadata(self, original: Any, call: Call) -> dict[str, str]:
        return {name: value.replace(", ", ",") for name, value in original(call).items()}


class LineEndsOfKeysLost(Defect):
    """S3 User Guide, "Creating object key names": a sequence of characters, of which a line's end is one."""

    surface = "storage"
    noticed_by = ("storage/key/similar-names-are-different",)

    def target(self, original: Any, request: Request) -> tuple[str, str]:
        bucket, key = original(request)
        return bucket, key.rstrip("\r\n") or key


class PartsReadUnconditionally(Defect):
    """RFC 9110 section 13.1.1: where If-Match does not hold the request is not performed, that for a part neither."""

    surface = "storage"
    noticed_by = ("storage/condition/if-match-that-fails",)

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


class NothingOverwritesNothing(Defect):
    """S3 API Reference, PutObject: the object is replaced by the one that is put, which may have no bytes."""

    surface = "storage"
    noticed_by = ("storage/object/overwriting-replaces-everything",)

    async def commit(self, original: Any, bucket: Bucket, key: str, stored: StoredObject, asked: Conditions) -> None:
        if stored.body or key not in bucket.objects:
            await original(bucket, key, stored, asked)


class ErrorsOfTheChosenType(Defect):
    """S3 API Reference, GetObject: the fields that a request chooses are included only in a successful response."""

    surface = "storage"
    noticed_by = ("storage/presigned/answer-fields-of-parts-and-heads",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        chosen = query_of(request).get("response-content-type")
        if chosen and answer.status >= 400:
            answer.headers["Content-Type"] = chosen
        return answer


class UnsignedDateOutranksTheSignedOne(Defect):
    """SigV4, "Create a signed request": the time of a signature is x-amz-date; Date beside it may be anybody's."""

    surface = "storage"
    noticed_by = ("storage/signature/skewed-clock-is-refused",)

    def presented_in_header(self, original: Any, request: Request, header: str) -> Presented:
        presented: Presented = original(request, header)
        return replace(presented, expires=LONGEST_EXPIRY_S) if "date" in request.headers else presented
