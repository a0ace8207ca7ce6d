"""Defects of gateways that take less than clients send, or do not keep apart what each of them asked for."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.storage.kept import PartCopiedLate
from conformance.reference.http import Answer, Request
from conformance.reference.storage.call import Call
from conformance.reference.storage.conditions import Conditions
from conformance.reference.storage.copies import Source
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.state import Bucket, Part, StoredObject, Upload

_BUFFER = 512 * 1024
_BEYOND = re.compile("[\U00010000-\U0010ffff]")


class ChunksBeyondABufferRefused(Defect):
    """SigV4, "Transferring Payload in Multiple Chunks": a chunk has 8 KiB at least; no most is named."""

    surface = "storage"
    noticed_by = ("storage/streaming/chunks-are-joined",)

    def check_chunk_sizes(self, original: Any, sizes: list[int], signed: bool) -> None:
        if max(sizes, default=0) > _BUFFER:
            raise Fault("InvalidRequest", "The chunk is too large")
        original(sizes, signed)


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


class ErrorsNegotiated(Defect):
    """S3 API Reference, Error responses: an error is an XML document, whatever a framework would make of Accept."""

    surface = "storage"
    noticed_by = ("storage/errors/document-has-code-and-message",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if answer.status >= 400 and "json" in request.headers.get("accept", ""):
            return Answer.json(answer.status, {"status": answer.status, "error": "refused"})
        return answer


class CopiedPartsNotMeasured(Defect):
    """S3 API Reference, error code EntityTooSmall: every part but the last has 5 MiB, wherever its bytes are from."""

    surface = "storage"
    noticed_by = ("storage/multipart/small-part-in-the-middle-is-refused",)

    def __init__(self) -> None:
        self.copied: set[int] = set()

    def copied_range(self, original: Any, call: Call, source: StoredObject) -> bytes:
        body: bytes = original(call, source)
        self.copied.add(len(body))
        return body

    def check_part_sizes(self, original: Any, sizes: list[int]) -> None:
        last = len(sizes) - 1
        original([size for place, size in enumerate(sizes) if place == last or size not in self.copied])


class TagsOfPartsNeedQuotes(Defect):
    """S3 API Reference, CompletedPart: the ETag of a part is what stands between its quotes."""

    surface = "storage"
    noticed_by = ("storage/multipart/tags-without-quotes-are-taken",)

    def part_tag_matches(self, original: Any, given: str, part: Part) -> bool:
        return given.strip().startswith('"') and bool(original(given, part))


class RangesOfOneByteRefused(Defect):
    """S3 API Reference, UploadPartCopy, x-amz-copy-source-range: bytes=0-0 is the first byte."""

    surface = "storage"
    noticed_by = ("storage/multipart/part-can-be-copied",)

    def copied_range(self, original: Any, call: Call, source: StoredObject) -> bytes:
        first, _, last = call.headers.get("x-amz-copy-source-range", "").removeprefix("bytes=").partition("-")
        if first and first == last:
            raise Fault("InvalidArgument")
        return bytes(original(call, source))


class NoneMatchFirst(Defect):
    """RFC 9110 section 13.2.2: If-Match is evaluated first, and where it fails nothing else is."""

    surface = "storage"
    noticed_by = ("storage/condition/if-match-before-if-none-match",)

    def precondition(self, original: Any, asked: Conditions, found: StoredObject | None, reading: bool) -> int | None:
        status: int | None = original(replace(asked, match=None), found, reading) if asked.none_match else None
        return status or original(asked, found, reading)


class OwnersOnTheFirstPage(Defect):
    """S3 API Reference, ListObjectsV2, fetch-owner: asked for with every page, and told on every one."""

    surface = "storage"
    noticed_by = ("storage/listing/owner-where-asked",)

    async def list_objects_v2(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        if "continuation-token" in call.query:
            call = replace(call, query={name: call.query[name] for name in call.query if name != "fetch-owner"})
        answer: Answer = await original(call, bucket)
        return answer


class UploadsListedInTheBasicPlane(Defect):
    """S3 User Guide, "Naming Amazon S3 objects": keys are UTF-8, of whichever plane, while they are uploaded too."""

    surface = "storage"
    noticed_by = ("storage/multipart/uploads-are-encoded-where-told",)

    def listed_upload(self, original: Any, bucket: Bucket, upload: Upload, encoded: bool) -> str:
        key = _BEYOND.sub("?", upload.key)
        return str(original(bucket, replace(upload, key=key), encoded))


class JsonIsParsed(Defect):
    """S3 API Reference, PutObject: an object is its bytes, whatever Content-Type says of them."""

    surface = "storage"
    noticed_by = ("storage/object/bytes-come-back",)

    async def put_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        if call.headers.get("content-type") == "application/json":
            try:
                json.loads(call.body)
            except ValueError as error:
                raise Fault("InvalidRequest", "Unexpected token in JSON") from error
        answer: Answer = await original(call, bucket)
        return answer


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


class PartIsAReference(PartCopiedLate):
    """S3 API Reference, UploadPartCopy: a part has the bytes of when it was copied, not what its source has by then."""

    noticed_by = ("storage/multipart/part-can-be-copied",)

    async def finish(self, original: Any, bucket: Bucket, upload: Upload, stored: StoredObject, asked: Any) -> None:
        source, key = self.sources.get(upload.upload_id, (bucket, ""))
        now = source.objects.get(key)
        await original(bucket, upload, replace(stored, body=now.body) if now else stored, asked)
