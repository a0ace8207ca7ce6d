"""Defects of how a request is read: its signature, its parameters, the names in it."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from conformance.reference.defects.base import Defect
from conformance.reference.defects.storage.support import gateway
from conformance.reference.http import Answer, Request
from conformance.reference.storage import xml
from conformance.reference.storage.call import Call, Signer
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.state import Bucket, StoredObject, Upload

BUFFER = 64 * 1024

# Signatures.


class CustomParametersRefused(Defect):
    """S3 User Guide, "Logging requests": query parameters that begin with ``x-`` are ignored."""

    surface = "storage"
    noticed_by = ("storage/signature/query-order-does-not-matter",)

    def intercept(self, request: Request) -> Answer | None:
        return Answer(400) if re.search("(^|&)x-", request.query_string) else None


class HeadTakenForGet(Defect):
    """SigV4, "Task 1": the method is part of what is signed, of HEAD as of any."""

    surface = "storage"
    noticed_by = ("storage/signature/altered-request-is-refused#get-sent-as-head",)

    def authenticate(self, original: Any, request: Request) -> Signer:
        signer: Signer
        try:
            signer = original(request)
        except Fault:
            if request.method != "HEAD":
                raise
            signer = original(replace(request, method="GET"))
        return signer


class PartsUnhashed(Defect):
    """S3 API Reference, Signature Version 4: the hash is that of the payload, of a part also."""

    surface = "storage"
    noticed_by = ("storage/multipart/other-payload-refuses-the-part",)

    def read_payload(self, original: Any, call: Call) -> None:
        if "partNumber" in call.query and not call.signer.payload_hash.startswith("STREAMING"):
            call.body = call.request.body
        else:
            original(call)


class LargeBodyMd5Ignored(Defect):
    """S3 API Reference, BadDigest: bytes whose Content-MD5 is another are not stored, large as they may be."""

    surface = "storage"
    noticed_by = ("storage/checksum/md5-that-differs-stores-nothing",)

    def check_digests(self, original: Any, call: Call) -> str:
        return hashlib.md5(call.body).hexdigest() if len(call.body) > BUFFER else str(original(call))


class ExpectedOwnerIgnored(Defect):
    """S3 API Reference, x-amz-expected-bucket-owner: 403 where the bucket is another account's."""

    surface = "storage"
    noticed_by = (
        "storage/subresource/expected-owner-is-heeded#copy",
        "storage/subresource/expected-owner-is-heeded#delete",
        "storage/subresource/expected-owner-is-heeded#delete-tags",
        "storage/subresource/expected-owner-is-heeded#get",
        "storage/subresource/expected-owner-is-heeded#get-tags",
        "storage/subresource/expected-owner-is-heeded#head-bucket",
        "storage/subresource/expected-owner-is-heeded#list",
        "storage/subresource/expected-owner-is-heeded#open-upload",
        "storage/subresource/expected-owner-is-heeded#open-uploads",
        "storage/subresource/expected-owner-is-heeded#parts",
    )

    def check_expected_owner(self, original: Any, call: Call, bucket: Bucket, *field: str) -> None:
        return None


class ChecksumOfTagsNotCompared(Defect):
    """S3 API Reference, PutObjectTagging, x-amz-checksum-: a document that was changed on its way changes no tags."""

    surface = "storage"
    noticed_by = ("storage/tagging/differing-checksum-keeps-the-tags",)

    def check_checksum(self, original: Any, call: Call) -> dict[str, str]:
        found: dict[str, str] = {} if "tagging" in call.query else original(call)
        return found


class ManagedEncryptionPassedOver(Defect):
    """S3 API Reference, PutObject, x-amz-server-side-encryption: what is not done is not passed over."""

    surface = "storage"
    noticed_by = ("storage/subresource/encryption-is-used-or-refused",)

    def refuse_unsupported(self, original: Any, call: Call) -> None:
        if call.headers.get("x-amz-server-side-encryption") != "aws:kms":
            original(call)


class DeletedTagsTakeMetadataAlong(Defect):
    """S3 API Reference, DeleteObjectTagging: the tags are removed, and nothing else of the object."""

    surface = "storage"
    noticed_by = ("storage/tagging/tags-are-deleted",)

    async def delete_tags(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = await original(call, bucket)
        bucket.put(call.key, replace(bucket.objects[call.key], metadata={}))
        return answer


class TagsCountedWithOneMore(Defect):
    """S3 API Reference, GetObject, x-amz-tagging-count: the number of tags on the object."""

    surface = "storage"
    noticed_by = ("storage/tagging/tags-come-back",)

    def object_headers(self, original: Any, found: StoredObject) -> dict[str, str]:
        headers: dict[str, str] = original(found)
        return headers | ({"x-amz-tagging-count": str(len(found.tags) + 1)} if found.tags else {})


# Paths and names.


class DeletedKeyToldEncoded(Defect):
    """S3 API Reference, DeleteObjects, Deleted: the key that was deleted, as it was named."""

    surface = "storage"
    noticed_by = ("storage/multi-delete/takes-hard-keys",)

    async def delete_entry(self, original: Any, bucket: Bucket, entry: xml.Node, quiet: bool) -> str:
        await original(bucket, entry, quiet)
        return "" if quiet else xml.group("Deleted", xml.element("Key", quote(entry.require("Key"))))


class CopySourceNeedsSlash(Defect):
    """S3 API Reference, CopyObject, x-amz-copy-source: bucket and key, separated by a slash; none stands before."""

    surface = "storage"
    noticed_by = ("storage/copy/bytes-are-the-same",)

    def copy_source(self, original: Any, call: Call) -> tuple[str, str]:
        if not call.headers["x-amz-copy-source"].startswith("/"):
            raise Fault("InvalidArgument")
        source: tuple[str, str] = original(call)
        return source


class CopiedPartUnconditional(Defect):
    """S3 API Reference, UploadPartCopy, x-amz-copy-source-if-match: 412 where it does not hold."""

    surface = "storage"
    noticed_by = (
        "storage/multipart/copied-part-heeds-conditions#date",
        "storage/multipart/copied-part-heeds-conditions#if-none-match",
    )

    async def copy_part(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        conditional = [name for name in call.headers if name.startswith("x-amz-copy-source-if-")]
        headers = call.headers.mutablecopy()
        for name in conditional:
            del headers[name]
        answer: Answer = await original(replace(call, request=replace(call.request, headers=headers)), bucket)
        return answer


class UploadOfAnotherBucketTaken(Defect):
    """S3 API Reference, NoSuchUpload: an upload id is good in the bucket that it was opened in."""

    surface = "storage"
    noticed_by = ("storage/multipart/upload-is-of-its-bucket",)

    def upload_of(self, original: Any, call: Call, bucket: Bucket) -> Upload:
        for each in gateway(original).buckets.values():
            if call.query["uploadId"] in each.uploads:
                bucket = each
        upload: Upload = original(call, bucket)
        return upload


# Conditions.


class MissingObjectFailsConditions(Defect):
    """RFC 9110 section 13.2.1: conditions are ignored where the answer without them would be 404."""

    surface = "storage"
    noticed_by = (
        "storage/condition/missing-object-is-404#if-match",
        "storage/condition/missing-object-is-404#if-none-match-any",
    )

    async def get_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        if call.key not in bucket.objects and {"if-match", "if-none-match"} & set(call.headers):
            raise Fault("PreconditionFailed")
        answer: Answer = await original(call, bucket)
        return answer


class RangeBeforeConditions(Defect):
    """RFC 9110 section 14.2: Range is evaluated after the conditions."""

    surface = "storage"
    noticed_by = ("storage/condition/outranks-range",)

    async def get_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        surface = gateway(original)
        surface.asked_span(call, await surface.require(bucket, call.key))
        answer: Answer = await original(call, bucket)
        return answer
