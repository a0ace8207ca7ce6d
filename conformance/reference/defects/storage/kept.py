"""Defects of what is kept of an object, and of what is told of it."""

from __future__ import annotations

import gzip
import hashlib
import zlib
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

from conformance.reference.defects.base import Defect
from conformance.reference.defects.storage.sequences import MetadataOfTheDeleted
from conformance.reference.defects.storage.support import gateway
from conformance.reference.http import Answer, Request
from conformance.reference.storage.call import Call
from conformance.reference.storage.conditions import Conditions
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.multipart import SMALLEST_PART
from conformance.reference.storage.properties import META
from conformance.reference.storage.state import Bucket, Part, StoredObject, Upload

# Bodies and what is said of them.


class FormBodyLost(Defect):
    """S3 API Reference, PutObject: the body is the object, though its Content-Type is that of a form."""

    surface = "storage"
    noticed_by = ("storage/object/bytes-come-back",)

    def new_object(self, original: Any, call: Call, md5: str, checksums: dict[str, str]) -> StoredObject:
        stored: StoredObject = original(call, md5, checksums)
        return replace(stored, body=b"") if "form" in stored.headers["content-type"] else stored


class GzipUnpacked(Defect):
    """S3 API Reference, GetObject: an object that was stored as gzip is given back as it was stored."""

    surface = "storage"
    noticed_by = ("storage/object/content-encoding-comes-back",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if answer.headers.get("content-encoding") == "gzip" and answer.body:
            try:
                answer.body = gzip.decompress(answer.body)
            except (OSError, EOFError, zlib.error):
                return answer
            del answer.headers["content-encoding"]
            answer.headers["content-length"] = str(len(answer.body))
        return answer


class FirstCodingKept(Defect):
    """S3 API Reference, PutObject, Content-Encoding: which codings have been applied, each of them."""

    surface = "storage"
    noticed_by = ("storage/object/content-encoding-comes-back",)

    def content_encoding(self, original: Any, call: Call) -> str:
        return str(original(call)).partition(",")[0]


class TypeGuessedFromName(Defect):
    """S3 API Reference, PutObject, Content-Type: the one that was given, whatever the key looks like."""

    surface = "storage"
    noticed_by = ("storage/object/system-headers-come-back",)

    def content_type(self, original: Any, call: Call) -> str:
        return "application/json" if call.key.endswith(".json") else str(original(call))


class ChecksumOfTheOverwritten(Defect):
    """S3 API Reference, PutObject: it replaces the whole object, its checksum included."""

    surface = "storage"
    noticed_by = ("storage/object/overwriting-replaces-everything",)

    async def commit(self, original: Any, bucket: Bucket, key: str, stored: StoredObject, asked: Conditions) -> None:
        earlier = bucket.objects.get(key)
        kept = earlier.checksums if earlier and not stored.checksums else stored.checksums
        await original(bucket, key, replace(stored, checksums=kept), asked)


class RepeatedMetadataOnce(Defect):
    """S3 User Guide, "User-defined object metadata": fields of one name are joined, none is lost."""

    surface = "storage"
    noticed_by = ("storage/object/repeated-metadata-is-joined",)

    def metadata(self, original: Any, call: Call) -> dict[str, str]:
        original(call)
        return {name.removeprefix(META): value for name, value in call.headers.items() if name.startswith(META)}


class MetadataWithUnderscoreLost(Defect):
    """RFC 9110 section 5.6.2: an underscore may stand in a field's name, though some proxies drop such fields."""

    surface = "storage"
    noticed_by = ("storage/object/metadata-comes-back",)

    def metadata(self, original: Any, call: Call) -> dict[str, str]:
        return {name: value for name, value in original(call).items() if "_" not in name}


class MetadataPercentDecoded(Defect):
    """S3 User Guide, "Working with object metadata": a value is given back as it was sent, percent signs too."""

    surface = "storage"
    noticed_by = ("storage/object/metadata-comes-back",)

    def metadata(self, original: Any, call: Call) -> dict[str, str]:
        return {name: unquote(value) for name, value in original(call).items()}


class LongMetadataCut(Defect):
    """S3 User Guide, "Working with object metadata": two kibibytes in all, no matter how they are shared out."""

    surface = "storage"
    noticed_by = ("storage/object/metadata-comes-back",)

    def metadata(self, original: Any, call: Call) -> dict[str, str]:
        return {name: value[:1024] for name, value in original(call).items()}


class OverridesStay(Defect):
    """S3 API Reference, GetObject: response-content-disposition and its like are of one answer."""

    surface = "storage"
    noticed_by = ("storage/presigned/answer-fields-can-be-chosen",)

    async def get_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = await original(call, bucket)
        found = bucket.objects[call.key]
        bucket.put(call.key, replace(found, headers={**found.headers, **gateway(original).overrides(call)}))
        return answer


class OverridesBesideTheObjectsOwn(Defect):
    """S3 API Reference, GetObject, response-cache-control and its like: they replace the object's own field."""

    surface = "storage"
    noticed_by = ("storage/presigned/answer-fields-can-be-chosen",)

    async def get_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = await original(call, bucket)
        own = bucket.objects[call.key].headers
        for name in own.keys() & gateway(original).overrides(call):
            answer.headers.append(name, own[name])
        return answer


class OverridesOfTypeOnly(Defect):
    """S3 API Reference, GetObject: response-cache-control and response-expires are heeded as the type is."""

    surface = "storage"
    noticed_by = ("storage/presigned/answer-fields-can-be-chosen",)

    def overrides(self, original: Any, call: Call) -> dict[str, str]:
        heeded = ("content-type", "content-disposition")
        return {name: value for name, value in original(call).items() if name in heeded}


class PartUndescribed(Defect):
    """RFC 9110 section 15.3.7: a part has the fields that the whole would have had."""

    surface = "storage"
    noticed_by = ("storage/range/part-is-described-as-the-whole",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        for name in [name for name in answer.headers if answer.status == 206 and name.startswith(META)]:
            del answer.headers[name]
        return answer


class NotModifiedOfNoLength(Defect):
    """RFC 9110 section 8.6: no Content-Length in 304 but that of 200."""

    surface = "storage"
    noticed_by = ("storage/condition/not-modified-tells-no-other-length",)

    def not_modified(self, original: Any, found: StoredObject) -> Answer:
        answer: Answer = original(found)
        answer.headers["content-length"] = "0"
        return answer


# Copies and tags.


class CopyIsLink(Defect):
    """S3 API Reference, CopyObject: a copy is an object of its own; what becomes of its source is nothing to it."""

    surface = "storage"
    noticed_by = ("storage/copy/between-buckets",)

    def __init__(self) -> None:
        self.links: list[tuple[Bucket, str, Bucket, str]] = []

    async def copy_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = await original(call, bucket)
        name, key = gateway(original).copy_source(call)
        self.links.append((gateway(original).buckets[name], key, bucket, call.key))
        return answer

    async def commit(self, original: Any, bucket: Bucket, key: str, stored: StoredObject, asked: Conditions) -> None:
        await original(bucket, key, stored, asked)
        for source, source_key, target, target_key in self.links:
            if source is bucket and source_key == key and target_key in target.objects:
                target.put(target_key, replace(target.objects[target_key], body=stored.body, etag=stored.etag))


class PartCopiedLate(Defect):
    """S3 API Reference, UploadPartCopy: the bytes are copied when it is asked for, not when the upload is completed."""

    surface = "storage"
    noticed_by = ("storage/multipart/part-can-be-copied",)

    def __init__(self) -> None:
        self.sources: dict[str, tuple[Bucket, str]] = {}

    async def copy_part(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = await original(call, bucket)
        name, key = gateway(original).copy_source(call)
        self.sources[call.query["uploadId"]] = gateway(original).buckets[name], key
        return answer

    async def finish(self, original: Any, bucket: Bucket, upload: Upload, stored: StoredObject, asked: Any) -> None:
        source, key = self.sources.get(upload.upload_id, (bucket, ""))
        if key and key not in source.objects:
            raise Fault("NoSuchKey")
        await original(bucket, upload, stored, asked)


class CopyLosesTags(Defect):
    """S3 API Reference, CopyObject, x-amz-tagging-directive: by default the source's tags are the copy's."""

    surface = "storage"
    noticed_by = ("storage/tagging/go-along-with-a-copy",)

    def copied(self, original: Any, call: Call, stored: StoredObject, replaced: bool) -> StoredObject:
        copy: StoredObject = original(call, stored, replaced)
        return replace(copy, tags={}) if replaced else copy


class TaggingDirectiveIgnored(Defect):
    """S3 API Reference, CopyObject, x-amz-tagging-directive: with REPLACE the request's tags are the copy's."""

    surface = "storage"
    noticed_by = ("storage/tagging/go-along-with-a-copy",)

    def copied(self, original: Any, call: Call, stored: StoredObject, replaced: bool) -> StoredObject:
        copy: StoredObject = original(call, stored, replaced)
        return replace(copy, tags=stored.tags)


class TaggingChangesEtag(Defect):
    """S3 API Reference, Object, ETag: it reflects changes to the contents of an object only."""

    surface = "storage"
    noticed_by = ("storage/tagging/tags-come-back",)

    async def replace_tags(self, original: Any, bucket: Bucket, key: str, tags: dict[str, str]) -> None:
        await original(bucket, key, tags)
        bucket.put(key, replace(bucket.objects[key], etag=hashlib.md5(repr(tags).encode()).hexdigest()))


class TagsLowered(Defect):
    """S3 User Guide, "Categorizing your objects using tags": keys and values are case-sensitive."""

    surface = "storage"
    noticed_by = ("storage/tagging/tags-come-back", "storage/tagging/given-with-the-object")

    def checked_tags(self, original: Any, pairs: list[tuple[str, str]]) -> dict[str, str]:
        return {key.lower(): value for key, value in original(pairs).items()}


class TagsOfTheDeleted(MetadataOfTheDeleted):
    """S3 API Reference, DeleteObject: an object is gone with its tags; a new one of that key has its own."""

    noticed_by = ("storage/tagging/overwriting-drops-tags",)
    shortest = 0
    left_over = "tags"


# Uploads in parts.


class UploadForgetsTags(Defect):
    """S3 API Reference, CreateMultipartUpload, x-amz-tagging: the tags are the object's."""

    surface = "storage"
    noticed_by = ("storage/tagging/given-with-an-upload",)

    async def finish(self, original: Any, bucket: Bucket, upload: Upload, stored: StoredObject, asked: Any) -> None:
        await original(bucket, upload, replace(stored, tags={}), asked)


class UploadForgetsSystemHeaders(Defect):
    """S3 API Reference, CreateMultipartUpload, Cache-Control: it is the object's, as its type is."""

    surface = "storage"
    noticed_by = ("storage/multipart/metadata-is-of-the-opening",)

    async def finish(self, original: Any, bucket: Bucket, upload: Upload, stored: StoredObject, asked: Any) -> None:
        kept = {name: stored.headers[name] for name in {"content-type", "content-encoding"} & stored.headers.keys()}
        await original(bucket, upload, replace(stored, headers=kept), asked)


class EqualPartsOnce(Defect):
    """S3 API Reference, CompleteMultipartUpload: every part is in the object, also two of the same bytes."""

    surface = "storage"
    noticed_by = ("storage/multipart/numbers-may-have-gaps",)

    def joined(self, original: Any, parts: list[Part]) -> bytes:
        return bytes(original(list({part.etag: part for part in parts}.values())))


class EmptyPartRefused(Defect):
    """S3 User Guide, "Multipart upload limits": the last part may be of any size."""

    surface = "storage"
    noticed_by = ("storage/multipart/one-small-part-is-enough",)

    async def upload_part(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        if not call.body:
            raise Fault("InvalidRequest")
        answer: Answer = await original(call, bucket)
        return answer


class HighestPartRefused(Defect):
    """S3 User Guide, "Multipart upload limits": part numbers are from 1 to 10,000."""

    surface = "storage"
    noticed_by = ("storage/multipart/numbers-may-have-gaps",)

    def part_number_allowed(self, original: Any, number: int) -> bool:
        return bool(original(number + 1))


class ResentPartKeepsItsTail(Defect):
    """S3 API Reference, UploadPart: a part that is sent anew overwrites the earlier one, a longer one too."""

    surface = "storage"
    noticed_by = ("storage/multipart/part-can-be-sent-anew",)

    async def keep_part(self, original: Any, upload: Upload, part: Part) -> None:
        earlier = upload.parts.get(part.number)
        tail = earlier.body[len(part.body) :] if earlier else b""
        await original(upload, replace(part, body=part.body + tail))


class RangeOverPartsWrong(Defect):
    """S3 API Reference, GetObject: a range is of the object, over the borders of its parts also."""

    surface = "storage"
    noticed_by = ("storage/multipart/parts-make-the-object",)

    def object_body(self, original: Any, call: Call, found: StoredObject, start: int, end: int) -> bytes:
        over = "-" in found.etag and start < SMALLEST_PART < end < found.size
        return found.body[: end - start] if over else bytes(original(call, found, start, end))
