"""Variants of the S3 gateway as providers run it: with defaults and limits of their own, behind proxies."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from typing import Any

from conformance.reference.defects.base import Variant
from conformance.reference.defects.storage.support import gateway
from conformance.reference.http import Answer, Request
from conformance.reference.storage.call import Call
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.state import Bucket, StoredObject, Upload

SLOWER = b'<?xml version="1.0"?><Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>'
OF_OBJECTS = {"Cache-Control": "private, no-cache", "Content-Disposition": "attachment"}
VERSION = re.compile("0{8}[0-9]{24}")
ENCRYPTION = "x-amz-server-side-encryption"


class DefaultsOfItsOwn(Variant):
    """Objects that were stored without them have a Cache-Control and a Content-Disposition of the gateway's."""

    surface = "storage"

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if answer.status in (200, 206) and request.method in ("GET", "HEAD"):
            for name, value in OF_OBJECTS.items():
                answer.headers.setdefault(name, value)
        return answer


class SetOfNoTagsRefused(Variant):
    """PutObjectTagging, TagSet: a collection of tags. One of none may be refused: DeleteObjectTagging is for that."""

    surface = "storage"

    async def put_tags(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        if b"Key" not in call.body:
            raise Fault("MalformedXML")
        answer: Answer = await original(call, bucket)
        return answer


class AnswersInChunks(Variant):
    """RFC 9112 section 6: answers are in chunked transfer coding, and no Content-Length tells their size but HEAD's."""

    surface = "storage"

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if request.method != "HEAD" and answer.status not in (204, 304):
            del answer.headers["Content-Length"]
            answer.headers["Transfer-Encoding"] = "chunked"
        return answer


class OneNameAPage(Variant):
    """Pages of objects, uploads and parts have one entry: max-keys, max-uploads and max-parts are upper bounds."""

    surface = "storage"

    def page_limit(self, original: Any, call: Call, name: str = "max-keys") -> int:
        return min(int(original(call, name)), 1)


class AbortedUploadHasNoParts(Variant):
    """AbortMultipartUpload: "call the ListParts API operation and ensure that the parts list is empty"."""

    surface = "storage"

    def __init__(self) -> None:
        self.aborted: dict[str, Upload] = {}

    async def forget_upload(self, original: Any, bucket: Bucket, upload: Upload) -> None:
        await original(bucket, upload)
        self.aborted[upload.upload_id] = replace(upload, parts={})

    async def list_parts(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        aborted = self.aborted.get(call.query["uploadId"])
        listed = replace(bucket, uploads={aborted.upload_id: aborted}) if aborted else bucket
        answer: Answer = await original(call, listed)
        return answer


class AskedToSlowDown(Variant):
    """List of error codes, SlowDown: each request is 503, or 429 (RFC 6585), and served when it is sent again."""

    surface = "storage"
    alone = True

    def __init__(self) -> None:
        self.seen: set[tuple[str, ...]] = set()

    def intercept(self, request: Request) -> Answer | None:
        signed = request.headers.get("authorization", "")
        same = (
            request.method,
            request.raw_path,
            request.query_string,
            signed,
            hashlib.sha256(request.body).hexdigest(),
        )
        # The checks of the SDK are about single calls, and have it try nothing twice.
        if same in self.seen or "boto3" in request.headers.get("user-agent", "").lower():
            return None
        self.seen.add(same)
        answer = Answer(503 if len(self.seen) % 2 else 429, SLOWER)
        answer.headers.update({"Content-Type": "application/xml", "Retry-After": "0"})
        return answer


class VersionsKept(Variant):
    """PutObject, x-amz-version-id: the provider has versioning on; deletions leave markers, which answers tell of."""

    surface = "storage"

    def __init__(self) -> None:
        self.count = 0

    async def on_object(self, original: Any, call: Call) -> Answer:
        if VERSION.fullmatch(call.query.get("versionId", "")):
            call = replace(call, query={name: text for name, text in call.query.items() if name != "versionId"})
        answer: Answer = await original(call)
        return answer

    def _told(self, answer: Answer, marker: bool) -> None:
        self.count += 1
        answer.headers["x-amz-version-id"] = f"{self.count:032d}"
        if marker:
            answer.headers["x-amz-delete-marker"] = "true"

    async def _object_answered(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = await original(call, bucket)
        self._told(answer, marker=False)
        return answer

    put_object = copy_object = complete_upload = _object_answered

    async def delete_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = await original(call, bucket)
        self._told(answer, marker=True)
        return answer

    async def delete_entry(self, original: Any, bucket: Bucket, entry: Any, quiet: bool) -> str:
        told: str = await original(bucket, entry, quiet)
        marker = "<DeleteMarker>true</DeleteMarker><DeleteMarkerVersionId>1</DeleteMarkerVersionId></Deleted>"
        return told.replace("</Deleted>", marker)


class EncryptedAtRest(Variant):
    """PutObject, x-amz-server-side-encryption: every object is encrypted, told so, and its tag is no MD5."""

    surface = "storage"

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if answer.status in (200, 206) and request.path.count("/") > 1:
            answer.headers[ENCRYPTION] = "aws:kms"
            answer.headers[f"{ENCRYPTION}-aws-kms-key-id"] = "arn:aws:kms:region:1:key/1"
        return answer

    def new_object(self, original: Any, call: Call, md5: str, checksums: dict[str, str]) -> StoredObject:
        stored: StoredObject = original(call, md5, checksums)
        return replace(stored, etag=f"{gateway(original).owner_id(md5)}{md5[:8]}")
