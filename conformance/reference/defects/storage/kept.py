"""Defects of what is kept of an object, and of what is told of it."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.storage.support import gateway
from conformance.reference.http import Answer
from conformance.reference.storage.call import Call
from conformance.reference.storage.conditions import Conditions
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.multipart import SMALLEST_PART
from conformance.reference.storage.properties import META
from conformance.reference.storage.state import Bucket, Part, StoredObject, Upload

# Bodies and what is said of them.


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


class TaggingChangesEtag(Defect):
    """S3 API Reference, Object, ETag: it reflects changes to the contents of an object only."""

    surface = "storage"
    noticed_by = ("storage/tagging/tags-come-back",)

    async def replace_tags(self, original: Any, bucket: Bucket, key: str, tags: dict[str, str]) -> None:
        await original(bucket, key, tags)
        bucket.put(key, replace(bucket.objects[key], etag=hashlib.md5(repr(tags).encode()).hexdigest()))


# Uploads in parts.


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
    noticed_by = ("storage/multipart/parts-make-the-object#backwards",)

    def object_body(self, original: Any, call: Call, found: StoredObject, start: int, end: int) -> bytes:
        over = "-" in found.etag and start < SMALLEST_PART < end < found.size
        return found.body[: end - start] if over else bytes(original(call, found, start, end))
