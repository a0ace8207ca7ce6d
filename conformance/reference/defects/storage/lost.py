"""Defects of what a refusal leaves behind, and of what another way of asking leaves out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.storage.support import gateway, opened_to, refusals_emptying
from conformance.reference.http import Answer
from conformance.reference.storage import xml
from conformance.reference.storage.call import Call
from conformance.reference.storage.conditions import Conditions
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.state import Bucket, StoredObject


class RefusedCopyEmptiesItsKey(Defect):
    """S3 User Guide, "Amazon S3 data consistency model": what is refused writes nothing, nor empties what it meets."""

    surface = "storage"
    noticed_by = (
        "storage/copy/refused-copy-leaves-what-stood#condition-fails",
        "storage/copy/refused-copy-leaves-what-stood#source-missing",
    )

    async def copy_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        with refusals_emptying(bucket, call.key):
            answer: Answer = await original(call, bucket)
        return answer


class RefusedCompletionEmptiesItsKey(Defect):
    """S3 User Guide, "Amazon S3 data consistency model": a completion that is refused leaves what is there."""

    surface = "storage"
    noticed_by = ("storage/multipart/refused-completion-leaves-what-stood",)

    async def complete_upload(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        with refusals_emptying(bucket, call.key):
            answer: Answer = await original(call, bucket)
        return answer


class RefusedCopyLosesThePart(Defect):
    """S3 API Reference, UploadPartCopy: a part whose copy is refused is the one that was sent before."""

    surface = "storage"
    noticed_by = (
        "storage/multipart/refused-copy-leaves-the-part#range-beyond",
        "storage/multipart/refused-copy-leaves-the-part#source-missing",
    )

    async def copy_part(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        surface = gateway(original)
        try:
            answer: Answer = await original(call, bucket)
        except Fault:
            surface.upload_of(call, bucket).parts.pop(surface.part_number(call), None)
            raise
        return answer


class ChecksumOutlivesItsBytes(Defect):
    """S3 API Reference, GetObject, x-amz-checksum-: what overwrites an object has its own checksum, or none."""

    surface = "storage"
    noticed_by = (
        "storage/checksum/of-the-overwritten-is-gone#by-a-copy",
        "storage/checksum/of-the-overwritten-is-gone#by-a-put",
        "storage/checksum/of-the-overwritten-is-gone#by-an-upload",
    )

    async def commit(self, original: Any, bucket: Bucket, key: str, stored: StoredObject, asked: Conditions) -> None:
        before = bucket.objects.get(key)
        if before is not None and not stored.checksums:
            stored = replace(stored, checksums=before.checksums)
        await original(bucket, key, stored, asked)


class NamespaceByPrefixRefused(Defect):
    """Namespaces in XML 1.0 section 3: a prefix stands for its namespace, whichever prefix it is."""

    surface = "storage"
    noticed_by = ("storage/xml/namespace-by-prefix-is-read#prefix",)

    def request_document(self, original: Any, body: bytes, root: str) -> xml.Node:
        if b"xmlns:" in body:
            raise Fault("MalformedXML")
        document: xml.Node = original(body, root)
        return document


class ByteOrderMarkRefused(Defect):
    """XML 1.0 section 4.3.3: a document may begin with a byte order mark, which is no part of it."""

    surface = "storage"
    noticed_by = ("storage/xml/namespace-by-prefix-is-read#byte-order-mark",)

    def request_document(self, original: Any, body: bytes, root: str) -> xml.Node:
        if body.startswith(b"\xef\xbb\xbf"):
            raise Fault("MalformedXML")
        document: xml.Node = original(body, root)
        return document


class BucketsOfEveryPrefix(Defect):
    """S3 API Reference, ListBuckets, prefix: buckets whose names begin with it, and no others."""

    surface = "storage"
    noticed_by = ("storage/service/buckets-of-a-prefix",)

    def list_buckets(self, original: Any, call: Call) -> Answer:
        left = {name: value for name, value in call.query.items() if name != "prefix"}
        answer: Answer = original(replace(call, query=left))
        return answer


class ForeignTagsOpen(Defect):
    """Provisioning Storage: an access key opens no tags in the buckets of another organization."""

    surface = "storage"
    noticed_by = (
        "storage/service/foreign-tags-are-refused#deleted",
        "storage/service/foreign-tags-are-refused#read",
        "storage/service/foreign-tags-are-refused#written",
    )

    async def on_object(self, original: Any, call: Call) -> Answer:
        bucket = gateway(original).buckets.get(call.bucket)
        if bucket is None or "tagging" not in call.query:
            answer: Answer = await original(call)
            return answer
        with opened_to(bucket, call.organization):
            let_in: Answer = await original(call)
        return let_in


class OpeningDescribesTheOldObject(Defect):
    """S3 API Reference, CreateMultipartUpload: its metadata is the new object's, once that is complete."""

    surface = "storage"
    noticed_by = ("storage/multipart/old-object-stands-until-complete#as-it-is-described",)

    async def create_upload(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = await original(call, bucket)
        surface, there = gateway(original), bucket.objects.get(call.key)
        if there is not None:
            headers, metadata = surface.system_headers(call), surface.metadata(call)
            bucket.put(call.key, replace(there, headers=headers, metadata=metadata))
        return answer
