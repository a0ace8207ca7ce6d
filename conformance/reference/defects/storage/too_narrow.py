"""Defects of gateways that take less than clients send, or do not keep apart what each of them asked for."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.http import Answer
from conformance.reference.storage.call import Call
from conformance.reference.storage.conditions import Conditions
from conformance.reference.storage.copies import Source
from conformance.reference.storage.state import Bucket, Part, StoredObject, Upload

_BEYOND = re.compile("[\U00010000-\U0010ffff]")


class ChangedInPlaceKeepsItsDate(Defect):
    """S3 API Reference, CopyObject: an object that is copied onto itself is a new one, with a date of its own."""

    surface = "storage"
    noticed_by = ("storage/object/last-modified-is-now",)

    def __init__(self) -> None:
        self.in_place = False

    def changes(self, original: Any, call: Call, source: Source, replaced: bool) -> bool:
        self.in_place = True
        return bool(original(call, source, replaced))

    def copied(self, original: Any, call: Call, stored: StoredObject, replaced: bool) -> StoredObject:
        copied: StoredObject = original(call, stored, replaced)
        copied, self.in_place = replace(copied, modified=stored.modified) if self.in_place else copied, False
        return copied


class ChosenTypeIsKept(Defect):
    """S3 API Reference, GetObject, response-content-type: the type of the one answer, not of the object."""

    surface = "storage"
    noticed_by = ("storage/presigned/answer-fields-can-be-chosen",)

    def __init__(self) -> None:
        self.types: dict[str, str] = {}

    def overrides(self, original: Any, call: Call) -> dict[str, str]:
        found: dict[str, str] = original(call)
        kept, key = {**found}, f"{call.bucket}/{call.key}"
        if key in self.types:
            kept.setdefault("content-type", self.types[key])
        if "content-type" in found:
            self.types[key] = found["content-type"]
        return kept


class FirstOfABatchLeft(Defect):
    """S3 API Reference, DeleteObjects: every key that is told as deleted is, whatever batches the work is done in."""

    surface = "storage"
    noticed_by = ("storage/multi-delete/takes-a-thousand",)

    async def delete_objects(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        before = dict(bucket.objects)
        answer: Answer = await original(call, bucket)
        for key in deleted_keys(call.body)[100::100]:
            if key in before:
                bucket.put(key, before[key])
        return answer


def deleted_keys(document: bytes) -> list[str]:
    """The keys that a document names, as far as none is escaped."""
    return [key.decode() for key in re.findall(rb"<Key>([^<]*)", document)]


class TagsOfPartsNeedQuotes(Defect):
    """S3 API Reference, CompletedPart: the ETag of a part is what stands between its quotes."""

    surface = "storage"
    noticed_by = ("storage/multipart/tags-without-quotes-are-taken",)

    def part_tag_matches(self, original: Any, given: str, part: Part) -> bool:
        return given.strip().startswith('"') and bool(original(given, part))


class NoneMatchFirst(Defect):
    """RFC 9110 section 13.2.2: If-Match is evaluated first, and where it fails nothing else is."""

    surface = "storage"
    noticed_by = ("storage/condition/if-match-before-if-none-match",)

    def precondition(self, original: Any, asked: Conditions, found: StoredObject | None, reading: bool) -> int | None:
        status: int | None = original(replace(asked, match=None), found, reading) if asked.none_match else None
        return status or original(asked, found, reading)


class UploadsListedInTheBasicPlane(Defect):
    """S3 User Guide, "Naming Amazon S3 objects": keys are UTF-8, of whichever plane, while they are uploaded too."""

    surface = "storage"
    noticed_by = ("storage/multipart/uploads-are-encoded-where-told",)

    def listed_upload(self, original: Any, bucket: Bucket, upload: Upload, encoded: bool) -> str:
        key = _BEYOND.sub("?", upload.key)
        return str(original(bucket, replace(upload, key=key), encoded))


class PartsListedAfterCompletion(Defect):
    """S3 API Reference, NoSuchUpload: an upload that was completed is none any more, and has no parts to list."""

    surface = "storage"
    noticed_by = ("storage/multipart/completed-upload-is-closed",)

    def __init__(self) -> None:
        self.completed: dict[str, Upload] = {}

    async def finish(
        self, original: Any, bucket: Bucket, upload: Upload, stored: StoredObject, asked: Conditions
    ) -> None:
        await original(bucket, upload, stored, asked)
        self.completed[upload.upload_id] = upload

    async def list_parts(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        upload_id = call.query["uploadId"]
        completed = self.completed.get(upload_id)
        if completed is None or upload_id in bucket.uploads:
            answer: Answer = await original(call, bucket)
            return answer
        bucket.uploads[upload_id] = completed
        try:
            listed: Answer = await original(call, bucket)
        finally:
            del bucket.uploads[upload_id]
        return listed
