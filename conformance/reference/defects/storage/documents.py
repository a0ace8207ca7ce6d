"""Defects of multi-object delete, of tags and of request documents."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.storage.support import gateway
from conformance.reference.http import Answer
from conformance.reference.storage import xml
from conformance.reference.storage.call import Call
from conformance.reference.storage.conditions import Conditions
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.state import Bucket, StoredObject


class MultiDeleteMissingIsError(Defect):
    """S3 API Reference, DeleteObjects: a key that does not exist is told as deleted."""

    surface = "storage"
    noticed_by = (
        "storage/multi-delete/missing-keys-are-deleted-too",
        "storage/multi-delete/missing-keys-are-deleted-too#named-twice",
    )

    async def delete_entry(self, original: Any, bucket: Bucket, entry: xml.Node, quiet: bool) -> str:
        key = gateway(original).entry_key(entry)
        if key not in bucket.objects:
            return gateway(original).entry_failed(key, Fault("NoSuchKey"))
        return str(await original(bucket, entry, quiet))


class MultiDeleteLeavesLast(Defect):
    """S3 API Reference, DeleteObjects: what is told as deleted is deleted."""

    surface = "storage"
    noticed_by = (
        "storage/multi-delete/deletes-what-is-named",
        "storage/multi-delete/takes-hard-keys",
        "storage/sdk/delete-objects#base",
    )

    async def delete_objects(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        before = dict(bucket.objects)
        answer: Answer = await original(call, bucket)
        gone = sorted(before.keys() - bucket.objects.keys())
        if len(gone) > 1:
            bucket.put(gone[-1], before[gone[-1]])
        return answer


class QuietHidesErrors(Defect):
    """S3 API Reference, DeleteObjects, Quiet: what failed is told."""

    surface = "storage"
    noticed_by = ("storage/multi-delete/quiet-tells-errors",)

    async def delete_entry(self, original: Any, bucket: Bucket, entry: xml.Node, quiet: bool) -> str:
        told: str = await original(bucket, entry, quiet)
        return "" if quiet else told


class MultiDeleteUnlimited(Defect):
    """S3 API Reference, DeleteObjects: a thousand keys at most."""

    surface = "storage"
    noticed_by = ("storage/multi-delete/more-than-a-thousand-is-refused",)

    def entries(self, original: Any, asked: xml.Node) -> list[xml.Node]:
        found = asked.all("Object")
        return found if len(found) > 1000 else original(asked)


class MultiDeleteDemandsMd5(Defect):
    """S3 User Guide, "Checking object integrity": any of the checksums does instead of Content-MD5."""

    surface = "storage"
    noticed_by = (
        "storage/multi-delete/takes-a-checksum-for-md5#crc32",
        "storage/multi-delete/takes-a-checksum-for-md5#sha256",
    )

    def check_integrity(self, original: Any, call: Call) -> None:
        original(call)
        if "content-md5" not in call.headers:
            raise Fault("InvalidRequest", "Missing required header for this request: Content-MD5")


class MalformedDocumentNotRefused(Defect):
    """S3 API Reference, MalformedXML: a document that is not well-formed is refused."""

    surface = "storage"
    noticed_by = (
        "storage/multi-delete/broken-document-is-refused#cut",
        "storage/multi-delete/broken-document-is-refused#empty",
        "storage/multi-delete/broken-document-is-refused#json",
        "storage/multi-delete/broken-document-is-refused#no-objects",
        "storage/multi-delete/broken-document-is-refused#no-xml",
        "storage/multi-delete/broken-document-is-refused#object-without-key",
        "storage/multi-delete/broken-document-is-refused#other-root",
        "storage/errors/code-malformed-xml",
    )

    async def delete_objects(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        try:
            answer: Answer = await original(call, bucket)
        except Fault as fault:
            if fault.code != "MalformedXML":
                raise
            return gateway(original).document("DeleteResult")
        return answer


class EntitiesExpanded(Defect):
    """OWASP ASVS 5.5.2: XML is read with document types and entities switched off."""

    surface = "storage"
    noticed_by = ("storage/xml/attacks-do-no-harm#external-file",)

    def request_document(self, original: Any, body: bytes, root: str) -> xml.Node:
        for name, value in re.findall(rb'<!ENTITY\s+(\w+)\s+"([^"]*)"', body)[:10]:
            body = body.replace(b"&" + name + b";", value)
        for name in re.findall(rb"<!ENTITY\s+(\w+)\s+SYSTEM", body)[:10]:
            body = body.replace(b"&" + name + b";", b"root:x:0:0")
        bare = re.sub(rb"<!DOCTYPE[^\[>]*(\[.*?\]\s*)?>", b"", body, count=1, flags=re.DOTALL)
        node: xml.Node = original(bare, root)
        return node


class TagsForgotten(Defect):
    """S3 API Reference, PutObjectTagging: the tags are given back."""

    surface = "storage"
    noticed_by = (
        "storage/tagging/tags-come-back",
        "storage/tagging/tags-come-back#beside-another-bucket-s",
        "storage/tagging/tags-come-back#of-a-long-key",
        "storage/tagging/tags-come-back#of-an-empty-element",
        "storage/tagging/tags-come-back#of-similar-names",
        "storage/tagging/tags-are-deleted",
    )

    async def replace_tags(self, original: Any, bucket: Bucket, key: str, tags: dict[str, str]) -> None:
        await gateway(original).require(bucket, key)


class TagsOutliveOverwrite(Defect):
    """S3 API Reference, PutObject: it replaces the whole object, tags included."""

    surface = "storage"
    noticed_by = (
        "storage/tagging/overwriting-drops-tags",
        "storage/tagging/overwriting-drops-tags#by-a-copy",
        "storage/tagging/overwriting-drops-tags#by-an-upload",
    )

    async def commit(self, original: Any, bucket: Bucket, key: str, stored: StoredObject, asked: Conditions) -> None:
        earlier = bucket.objects.get(key)
        kept = earlier.tags if earlier else {}
        await original(bucket, key, replace(stored, tags={**kept, **stored.tags}), asked)


class KeyOfAnUploadUnescaped(Defect):
    """XML 1.0 section 2.4: a key is written with its ampersands escaped, by the results of an upload too."""

    surface = "storage"
    noticed_by = ("storage/multipart/answers-name-their-upload",)

    async def _told(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = await original(call, bucket)
        answer.body = answer.body.replace(b"&amp;", b"&")
        return answer

    create_upload = complete_upload = _told


class TagLimitsIgnored(Defect):
    """S3 User Guide, "Categorizing your storage using tags": ten tags at most, keys of 128 characters."""

    surface = "storage"
    noticed_by = (
        "storage/tagging/limits-are-kept#eleven",
        "storage/tagging/limits-are-kept#empty-key",
        "storage/tagging/limits-are-kept#key-twice",
        "storage/tagging/limits-are-kept#long-key",
    )

    def checked_tags(self, original: Any, pairs: list[tuple[str, str]]) -> dict[str, str]:
        return dict(pairs)


class TaggingForgetsMetadata(Defect):
    """S3 API Reference, PutObjectTagging: it changes the tags and nothing else."""

    surface = "storage"
    noticed_by = ("storage/tagging/tags-come-back",)

    async def replace_tags(self, original: Any, bucket: Bucket, key: str, tags: dict[str, str]) -> None:
        await original(bucket, key, tags)
        bucket.put(key, replace(bucket.objects[key], metadata={}))


class TagsOfHeaderIgnored(Defect):
    """S3 API Reference, PutObject, x-amz-tagging: the tags of the header are the object's."""

    surface = "storage"
    noticed_by = (
        "storage/tagging/given-with-the-object",
        "storage/tagging/given-with-the-object#in-chunks",
        "storage/tagging/broken-document-is-refused#empty",
        "storage/tagging/broken-document-is-refused#other-root",
    )

    def header_tags(self, original: Any, call: Call) -> dict[str, str]:
        return {}
