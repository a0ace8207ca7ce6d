"""Defects that show where something is met that seldom is: one name in two buckets, a late Range, another method."""

from __future__ import annotations

import re
import time
from copy import deepcopy
from dataclasses import replace
from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.storage.support import MOMENT_S, gateway, server_error
from conformance.reference.http import Answer, Request
from conformance.reference.storage import xml
from conformance.reference.storage.authentication import STREAMING
from conformance.reference.storage.call import Call, decoded
from conformance.reference.storage.conditions import Conditions
from conformance.reference.storage.copies import Source
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.state import Bucket, StoredObject

LAST_CHUNK = b"\r\n0;chunk-signature="
SUPPLIED = "f" * 64
SMALLEST_PART = 5 * 1024 * 1024
BEYOND_64_BITS = re.compile(r"bytes=(\d{20,})-")


class CleanEndTakenForTheLastChunk(Defect):
    """SigV4, "Transferring payload in multiple chunks": the empty chunk is the last; without it some may be missing."""

    surface = "storage"
    noticed_by = ("storage/streaming/altered-chunks-are-refused#ended-behind-a-chunk",)

    def read_chunks(self, original: Any, call: Call, stated: str) -> None:
        if stated == STREAMING[0] and LAST_CHUNK not in call.request.body:
            ended = call.request.body + LAST_CHUNK.lstrip() + SUPPLIED.encode() + b"\r\n\r\n"
            call.request = replace(call.request, body=ended)
        original(call, stated)

    def chunk_signature_matches(self, original: Any, given: str, computed: str) -> bool:
        return given == SUPPLIED or bool(original(given, computed))


class OverwritingEndsUploads(Defect):
    """S3 API Reference, CreateMultipartUpload: an upload is under way until it is completed or aborted."""

    surface = "storage"
    noticed_by = (
        "storage/multipart/old-object-stands-until-complete#which-is-copied-over",
        "storage/multipart/old-object-stands-until-complete#which-is-overwritten",
    )

    async def put_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = await original(call, bucket)
        for upload in [each for each in bucket.uploads.values() if each.key == call.key]:
            del bucket.uploads[upload.upload_id]
        return answer

    copy_object = put_object


class RangeBeyondNumbersCrashes(Defect):
    """API Reference, Error Handling: 400 for a parameter that is not right, and 416 for bytes that are not there."""

    surface = "storage"
    noticed_by = ("storage/range/not-understood-is-ignored#begins-over-64-bits",)

    def asked_range(self, original: Any, value: str) -> tuple[int | None, int | None] | None:
        if BEYOND_64_BITS.match(value):
            raise server_error()
        asked: tuple[int | None, int | None] | None = original(value)
        return asked


class SourceOfTheSameNameHere(Defect):
    """S3 API Reference, CopyObject, x-amz-copy-source: the source is in the bucket that it names."""

    surface = "storage"
    noticed_by = ("storage/copy/between-buckets#of-a-name-in-both",)

    def __init__(self) -> None:
        self.into: Bucket | None = None

    async def copy_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        self.into = bucket if gateway(original).copy_source(call)[1] in bucket.objects else None
        answer: Answer = await original(call, bucket)
        return answer

    def source_bucket_of(self, original: Any, organization: str, name: str) -> Bucket:
        found: Bucket = original(organization, name)
        into, self.into = self.into, None
        return into or found


class OldListingsKeptAMoment(Defect):
    """S3 User Guide, "Amazon S3 data consistency model": listings have what was written, of version 1 too."""

    surface = "storage"
    noticed_by = ("storage/at-once/created-is-seen-at-once",)

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], tuple[float, Answer]] = {}

    async def list_objects(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        asked = bucket.name, call.request.query_string
        made, answer = self.kept.get(asked, (0.0, Answer(200)))
        if time.monotonic() - made > MOMENT_S:
            answer = await original(call, bucket)
            self.kept[asked] = time.monotonic(), answer
        return deepcopy(answer)


class ForeignBucketByItsHost(Defect):
    """API Reference, Error Handling: 403 where access is lacking, whether a path or a host names the bucket."""

    surface = "storage"
    noticed_by = (
        "storage/service/foreign-bucket-is-refused#by-its-host",
        "storage/service/foreign-bucket-is-refused#by-its-host-v1",
    )

    def __init__(self) -> None:
        self.named = ""

    def target(self, original: Any, request: Request) -> tuple[str, str]:
        self.named = request.headers.get("host", "").partition(".")[0]
        if self.named in gateway(original).buckets:
            return self.named, decoded(request.raw_path).removeprefix("/")
        found: tuple[str, str] = original(request)
        return found

    def bucket_of(self, original: Any, organization: str, name: str) -> Bucket:
        bucket: Bucket = gateway(original).buckets[name] if name == self.named else original(organization, name)
        return bucket


class UnsignedChunksAmongSigned(Defect):
    """SigV4, "Transferring payload in multiple chunks": each chunk has a signature, where the request says so."""

    surface = "storage"
    noticed_by = ("storage/streaming/altered-chunks-are-refused#without-signatures",)

    def read_chunks(self, original: Any, call: Call, stated: str) -> None:
        bare = stated == STREAMING[0] and b";chunk-signature=" not in call.request.body
        original(call, STREAMING[2] if bare else stated)

    def read_trailers(self, original: Any, call: Call, rest: bytes, previous: str | None) -> None:
        if rest != b"\r\n":
            original(call, rest, previous)


class ManyDeletedInAnyCase(Defect):
    """S3 API Reference, DeleteObjects, Key: that of the object to delete, and of none in other letters."""

    surface = "storage"
    noticed_by = ("storage/multi-delete/takes-each-key-as-it-is",)

    async def delete_entry(self, original: Any, bucket: Bucket, entry: xml.Node, quiet: bool) -> str:
        named = (entry.get("Key") or "").lower()
        told: str = await original(bucket, entry, quiet)
        for key in [each for each in bucket.keys if each.lower() == named]:
            bucket.remove(key)
        return told


class FirstPartOfAWholeSource(Defect):
    """S3 API Reference, UploadPartCopy: without a range the part is the whole source, of however many parts that is."""

    surface = "storage"
    noticed_by = ("storage/multipart/part-can-be-copied#range-over-parts",)

    def copied_range(self, original: Any, call: Call, source: StoredObject) -> bytes:
        found: bytes = original(call, source)
        return found[:SMALLEST_PART] if "-" in source.etag and "x-amz-copy-source-range" not in call.headers else found


class DeletedStaysASource(Defect):
    """S3 API Reference, NoSuchKey: what was deleted is there no more, for copies neither."""

    surface = "storage"
    noticed_by = ("storage/object/delete-removes#from-every-operation",)

    def __init__(self) -> None:
        self.deleted: dict[str, StoredObject] = {}

    async def erase(self, original: Any, bucket: Bucket, key: str, asked: Conditions) -> None:
        if key in bucket.objects:
            self.deleted[key] = bucket.objects[key]
        await original(bucket, key, asked)

    async def source(self, original: Any, call: Call) -> Source:
        bucket, key = gateway(original).copy_source(call)
        try:
            found: Source = await original(call)
        except Fault as missing:
            if missing.code != "NoSuchKey" or key not in self.deleted:
                raise
            found = Source(bucket, key, self.deleted[key])
        return found
