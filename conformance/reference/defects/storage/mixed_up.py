"""Defects of requests that name another bucket, upload, version or checksum than what is then read or changed."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

from conformance.reference.defects.base import Defect
from conformance.reference.defects.storage.support import gateway
from conformance.reference.http import Answer, Request
from conformance.reference.storage import xml
from conformance.reference.storage.call import Call
from conformance.reference.storage.conditions import Conditions
from conformance.reference.storage.copies import Source
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.state import Bucket, StoredObject, Upload


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
    noticed_by = (
        "storage/multipart/half-named-part-is-not-the-object#no-number",
        "storage/multipart/half-named-part-is-not-the-object#no-upload",
    )

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


class VersionOfDeletionPassedOver(Defect):
    """S3 API Reference, DeleteObject, versionId: the version to delete, and not the present object in its place."""

    surface = "storage"
    noticed_by = (
        "storage/subresource/unknown-version-deletes-nothing#many",
        "storage/subresource/unknown-version-deletes-nothing#one",
    )

    async def on_object(self, original: Any, call: Call) -> Answer:
        if call.request.method == "DELETE":
            call.query.pop("versionId", None)
        answer: Answer = await original(call)
        return answer

    def refuse_entry(self, original: Any, entry: xml.Node) -> None:
        return None


class ManyDeletedWhateverTheirTags(Defect):
    """S3 User Guide, "How to perform conditional deletes": an ETag in the document is a condition on its key."""

    surface = "storage"
    noticed_by = ("storage/conditional-write/many-deletions-keep-what-changed",)

    async def delete_entry(self, original: Any, bucket: Bucket, entry: xml.Node, quiet: bool) -> str:
        unconditional = replace(entry, children=[each for each in entry.children if each.name != "ETag"])
        return str(await original(bucket, unconditional, quiet))


class CopyOverwritesUnasked(Defect):
    """S3 API Reference, CopyObject, If-None-Match: nothing is overwritten."""

    surface = "storage"
    noticed_by = ("storage/conditional-write/copy-keeps-what-is-there",)

    async def copy_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        headers = call.headers.mutablecopy()
        del headers["if-none-match"]
        answer: Answer = await original(replace(call, request=replace(call.request, headers=headers)), bucket)
        return answer


class ChecksumOfDeletionsNotCompared(Defect):
    """S3 User Guide, "Checking object integrity": a list of keys that differs from its checksum deletes nothing."""

    surface = "storage"
    noticed_by = ("storage/multi-delete/wrong-checksum-deletes-nothing",)

    def check_integrity(self, original: Any, call: Call) -> None:
        gateway(original).check_digests(call)


class UploadOfAnyKey(Defect):
    """S3 API Reference, NoSuchUpload: an upload is completed, aborted and listed under its own key alone."""

    surface = "storage"
    noticed_by = ("storage/multipart/upload-is-of-its-key",)

    def upload_of(self, original: Any, call: Call, bucket: Bucket) -> Upload:
        named = bucket.uploads.get(call.query["uploadId"])
        found: Upload = original(
            replace(call, key=named.key) if named and call.request.method != "PUT" else call, bucket
        )
        return found


class EncryptionKeyOfUploadsIgnored(Defect):
    """S3 User Guide, "Using server-side encryption with customer-provided keys": parts are not stored as if without."""

    surface = "storage"
    noticed_by = ("storage/multipart/encryption-key-is-used-or-refused",)

    def refuse_unsupported(self, original: Any, call: Call) -> None:
        if not {"uploads", "uploadId"} & set(call.query):
            original(call)


class ChecksumsOfCompletionNotCompared(Defect):
    """S3 API Reference, CompleteMultipartUpload, x-amz-checksum-: the checksum of the object that is to be made."""

    surface = "storage"
    noticed_by = (
        "storage/checksum/of-a-completion-is-compared#no-checksum-of-the-object",
        "storage/checksum/of-a-completion-is-compared#object",
    )

    async def complete_upload(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        headers = call.headers.mutablecopy()
        for name in [name for name in headers if name.startswith("x-amz-checksum-")]:
            del headers[name]
        answer: Answer = await original(replace(call, request=replace(call.request, headers=headers)), bucket)
        return answer


class FoldersOfUploadsNotEncoded(Defect):
    """S3 API Reference, ListMultipartUploads, EncodingType: where it is told, common prefixes are encoded, too."""

    surface = "storage"
    noticed_by = ("storage/multipart/uploads-are-encoded-where-told",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if ("uploads", "") in request.query:
            folders = rb"(?<=<CommonPrefixes><Prefix>)[^<]*"
            answer.body = re.sub(folders, lambda found: unquote(found[0].decode()).encode(), answer.body)
        return answer


class BucketsCutShort(Defect):
    """S3 API Reference, ListBuckets, ContinuationToken: where more buckets are to come, one is given."""

    surface = "storage"
    noticed_by = ("storage/service/buckets-are-listed-page-by-page",)

    def list_buckets(self, original: Any, call: Call) -> Answer:
        answer: Answer = original(call)
        answer.body = re.sub(rb"<ContinuationToken>.*</ContinuationToken>", b"", answer.body)
        return answer


class ChecksumOfTheWholeWithAPart(Defect):
    """S3 API Reference, GetObject, x-amz-checksum-mode: SDKs compare what is told with what they are sent."""

    surface = "storage"
    noticed_by = ("storage/sdk/put-and-get#default",)

    def object_answer(self, original: Any, call: Call, found: StoredObject, overrides: dict[str, str]) -> Answer:
        answer: Answer = original(call, found, overrides)
        if "x-amz-checksum-mode" in call.headers:
            answer.headers.update(gateway(original).checksum_headers(found.checksums))
        return answer


class OverwrittenTagsStay(Defect):
    """S3 API Reference, CreateMultipartUpload, x-amz-tagging: the tags are the upload's, not the old object's too."""

    surface = "storage"
    noticed_by = ("storage/tagging/given-with-an-upload", "storage/tagging/go-along-with-a-copy")

    async def commit(self, original: Any, bucket: Bucket, key: str, stored: StoredObject, asked: Conditions) -> None:
        there = bucket.objects.get(key)
        tags = (there.tags if there else {}) | stored.tags
        await original(bucket, key, replace(stored, tags=tags) if stored.tags else stored, asked)


class CopiesWithinForeignBuckets(Defect):
    """Provisioning Storage: an access key copies into the buckets of its own organization only."""

    surface = "storage"
    noticed_by = ("storage/service/foreign-bucket-is-refused#copy",)

    async def on_object(self, original: Any, call: Call) -> Answer:
        answer: Answer = await original(_as_the_owner(original, call) if "x-amz-copy-source" in call.headers else call)
        return answer


class LargestTagsRefused(Defect):
    """S3 User Guide, "Categorizing your storage using tags": keys of 128 and values of 256 characters are taken."""

    surface = "storage"
    noticed_by = ("storage/tagging/set-is-replaced",)

    def checked_tags(self, original: Any, pairs: list[tuple[str, str]]) -> dict[str, str]:
        if any(len(key) == 128 or len(value) == 256 for key, value in pairs):
            raise Fault("InvalidTag")
        tags: dict[str, str] = original(pairs)
        return tags


def _as_the_owner(original: Any, call: Call) -> Call:
    """The call as if the bucket's organization had signed it."""
    bucket = gateway(original).buckets.get(call.bucket)
    return replace(call, signer=replace(call.signer, organization=bucket.organization)) if bucket else call
