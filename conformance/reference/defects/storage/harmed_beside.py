"""Defects of what is harmed beside what was asked for: another bucket's object, what stood there, tags, and parts."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, ClassVar

from conformance.reference.defects.base import Defect
from conformance.reference.defects.storage.support import gateway
from conformance.reference.http import Answer, Request
from conformance.reference.storage import xml
from conformance.reference.storage.call import Call
from conformance.reference.storage.conditions import Conditions
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.state import Bucket, StoredObject

CDATA = re.compile(rb"<!\[CDATA\[(.*?)\]\]>", re.DOTALL)

# Buckets.


class _RefusedElsewhere(Defect):
    """Provisioning Storage: one access key for all the buckets of an organization, whatever it does in them."""

    surface = "storage"
    method: ClassVar[str] = ""

    async def answered(self, original: Any, request: Request) -> Answer:
        surface = gateway(original)
        name, key = surface.target(request)
        first = min(surface.buckets, key=lambda each: (surface.buckets[each].organization, each))
        asked = request.method if key else "LIST"
        held = surface.buckets.get(name)
        if asked == self.method and held and held.organization == surface.buckets[first].organization and name != first:
            raise Fault("AccessDenied")
        answer: Answer = await original(request)
        return answer


class OtherBucketsUnread(_RefusedElsewhere):
    """Provisioning Storage: the access key that reads one bucket of the organization reads them all."""

    noticed_by = ("storage/service/one-key-opens-all-buckets",)

    method = "GET"


class OtherBucketsUnlisted(_RefusedElsewhere):
    """Provisioning Storage: the access key that lists one bucket of the organization lists them all."""

    noticed_by = ("storage/service/one-key-opens-all-buckets",)

    method = "LIST"


class OtherBucketsUndeletable(_RefusedElsewhere):
    """Provisioning Storage: the access key that deletes in one bucket of the organization deletes in them all."""

    noticed_by = ("storage/service/one-key-opens-all-buckets",)

    method = "DELETE"


class WrittenInEveryBucketThatHasIt(Defect):
    """S3 User Guide, "Creating object key names": within a bucket a key is one object's; elsewhere it is another's."""

    surface = "storage"
    noticed_by = ("storage/service/same-key-in-two-buckets",)

    async def commit(self, original: Any, bucket: Bucket, key: str, stored: StoredObject, asked: Conditions) -> None:
        await original(bucket, key, stored, asked)
        for each in gateway(original).own_buckets(bucket.organization):
            if key in each.objects:
                each.put(key, stored)


class DeletedInEveryBucket(Defect):
    """S3 API Reference, DeleteObject: the object of the bucket that is named; that of another bucket stays."""

    surface = "storage"
    noticed_by = (
        "storage/service/same-key-in-two-buckets",
        "storage/service/same-key-in-two-buckets#deleted-with-others",
    )

    async def erase(self, original: Any, bucket: Bucket, key: str, asked: Conditions) -> None:
        await original(bucket, key, asked)
        for each in gateway(original).own_buckets(bucket.organization):
            each.remove(key)


class RefusedDeletionEmptiesTheBucket(Defect):
    """S3 API Reference, BucketNotEmpty: a bucket with objects is not deleted, and neither are they."""

    surface = "storage"
    noticed_by = ("storage/service/delete-bucket-destroys-nothing",)

    async def delete_bucket(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        for key in list(bucket.objects):
            bucket.remove(key)
        answer: Answer = await original(call, bucket)
        return answer


class RefusedCopyLeavesAnObject(Defect):
    """S3 API Reference, CopyObject: a copy that is refused makes no object, an empty one neither."""

    surface = "storage"
    noticed_by = ("storage/service/foreign-source-is-refused", "storage/key/traversal-reaches-no-other-bucket#copied")

    async def copy_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        try:
            answer: Answer = await original(call, bucket)
        except Fault:
            if call.key not in bucket.objects:
                bucket.put(call.key, _empty(original))
            raise
        return answer


def _empty(original: Any) -> StoredObject:
    surface = gateway(original)
    return StoredObject(b"", surface.new_request_id().lower(), surface.seconds())


# Tags.


class RefusedTagsEmptyTheSet(Defect):
    """S3 API Reference, PutObjectTagging: a set that is refused does not cost the one that there was."""

    surface = "storage"
    noticed_by = (
        "storage/tagging/broken-document-is-refused#cut",
        "storage/tagging/broken-document-is-refused#no-xml",
        "storage/tagging/differing-md5-keeps-the-tags",
        "storage/tagging/limits-are-kept#eleven",
        "storage/tagging/limits-are-kept#long-value",
    )

    async def put_tags(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        try:
            answer: Answer = await original(call, bucket)
        except Fault:
            if call.key in bucket.objects:
                bucket.put(call.key, replace(bucket.objects[call.key], tags={}))
            raise
        return answer


class TagsCostTheChecksum(Defect):
    """S3 API Reference, PutObjectTagging: it sets the tags of an object, and nothing else of it."""

    surface = "storage"
    noticed_by = ("storage/tagging/tags-come-back",)

    async def put_tags(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = await original(call, bucket)
        bucket.put(call.key, replace(bucket.objects[call.key], checksums={}))
        return answer


class TagsOfNothingTaken(Defect):
    """S3 API Reference, PutObjectTagging: what does not exist takes no tags (NoSuchKey)."""

    surface = "storage"
    noticed_by = ("storage/tagging/missing-object-is-404",)

    async def put_tags(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = await original(call, bucket) if call.key in bucket.objects else Answer(200)
        return answer


class RefusedTagsLeaveAnObject(Defect):
    """S3 API Reference, PutObjectTagging: what does not exist is not made by tags that are refused for that."""

    surface = "storage"
    noticed_by = ("storage/tagging/missing-object-is-404",)

    async def put_tags(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        try:
            answer: Answer = await original(call, bucket)
        except Fault:
            if call.key not in bucket.objects:
                bucket.put(call.key, _empty(original))
            raise
        return answer


class TagsCutToTheirBytes(Defect):
    """S3 User Guide, "Categorizing your storage using tags": keys of 128 and values of 256 Unicode characters."""

    surface = "storage"
    noticed_by = ("storage/tagging/limits-are-in-characters",)

    def checked_tags(self, original: Any, pairs: list[tuple[str, str]]) -> dict[str, str]:
        tags: dict[str, str] = original(pairs)
        return {self._cut(name, 128): self._cut(value, 256) for name, value in tags.items()}

    def _cut(self, text: str, size: int) -> str:
        return text.encode()[:size].decode(errors="ignore")


class TaggingEmptiesTheObject(Defect):
    """S3 API Reference, PutObjectTagging, DeleteObjectTagging: tags are of an object, whose bytes stay."""

    surface = "storage"
    noticed_by = ("storage/tagging/tags-come-back", "storage/tagging/tags-are-deleted")

    async def replace_tags(self, original: Any, bucket: Bucket, key: str, tags: dict[str, str]) -> None:
        await original(bucket, key, tags)
        bucket.put(key, replace(bucket.objects[key], body=b""))


class UnknownVersionTaggedUntold(Defect):
    """S3 API Reference, PutObjectTagging, versionId: the version to tag, and not the present object in its place."""

    surface = "storage"
    noticed_by = ("storage/subresource/unknown-version-is-not-tagged",)

    async def on_object(self, original: Any, call: Call) -> Answer:
        written = call.request.method == "PUT" and {"tagging", "versionId"} <= set(call.query)
        if written:
            call = replace(call, query={"tagging": ""})
        answer: Answer = await original(call)
        return answer


# Documents.


class CdataTakenLiterally(Defect):
    """XML 1.0 section 2.7: a CDATA section is a way to write text, and its marks are none of it."""

    surface = "storage"
    noticed_by = ("storage/xml/spoiled-deletion-is-judged",)

    def request_document(self, original: Any, body: bytes, root: str) -> xml.Node:
        literal = CDATA.sub(rb"&lt;![CDATA[\1]]&gt;", body) if root == "Delete" else body
        node: xml.Node = original(literal, root)
        return node


class CdataOfTagsPassedOver(Defect):
    """XML 1.0 section 2.7: a CDATA section is a way to write text, wherever text may stand."""

    surface = "storage"
    noticed_by = ("storage/xml/spoiled-tagging-is-judged",)

    def request_document(self, original: Any, body: bytes, root: str) -> xml.Node:
        passed = CDATA.sub(b"", body).replace(b"<Key></Key>", b"<Key>Key</Key>") if root == "Tagging" else body
        node: xml.Node = original(passed, root)
        return node


class BrokenCompletionEndsTheUpload(Defect):
    """S3 API Reference, CompleteMultipartUpload: one that is refused leaves the upload, to be completed rightly."""

    surface = "storage"
    noticed_by = ("storage/xml/spoiled-completion-is-judged",)

    async def complete_upload(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        try:
            answer: Answer = await original(call, bucket)
        except Fault as fault:
            if fault.code == "MalformedXML":
                bucket.uploads.pop(call.query["uploadId"], None)
            raise
        return answer


class MalformedToldWithoutADocument(Defect):
    """S3 API Reference, "REST error responses": a refusal has an error document, by whose code SDKs go."""

    surface = "storage"
    noticed_by = ("storage/xml/spoiled-completion-is-judged",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if b"<Code>MalformedXML" in answer.body:
            answer.body, answer.headers["Content-Type"] = b"Bad Request", "text/plain"
        return answer


# Parts.


class RefusedRangeEmptiesThePart(Defect):
    """S3 API Reference, UploadPartCopy: a copy that is refused leaves the part that was sent before as it was."""

    surface = "storage"
    noticed_by = ("storage/multipart/refused-copy-leaves-the-part#range-beyond",)

    async def copy_part(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        try:
            answer: Answer = await original(call, bucket)
        except Fault:
            self._emptied(bucket, call)
            raise
        return answer

    def _emptied(self, bucket: Bucket, call: Call) -> None:
        upload, number = bucket.uploads.get(call.query["uploadId"]), int(call.query["partNumber"])
        if upload and number in upload.parts:
            upload.parts[number] = replace(upload.parts[number], body=b"")
