"""Defects of two operations at once that are not both reads or both writes of one kind."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.storage.support import PAUSE_S, gateway, server_error
from conformance.reference.http import Answer, Request
from conformance.reference.storage.call import Call
from conformance.reference.storage.conditions import Conditions
from conformance.reference.storage.copies import Source
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.state import Bucket, StoredObject, Upload


class CopyOfTwoValues(Defect):
    """S3 User Guide, "Amazon S3 data consistency model": a copy is of one value of its source, whole."""

    surface = "storage"
    noticed_by = ("storage/at-once/copies-are-whole",)

    async def source(self, original: Any, call: Call) -> Source:
        found: Source = await original(call)
        await asyncio.sleep(PAUSE_S)
        later: Source = await original(call)
        half = found.stored.size // 2
        return replace(found, stored=replace(found.stored, body=found.stored.body[:half] + later.stored.body[half:]))


class CompletionTornByPut(Defect):
    """S3 User Guide, "Amazon S3 data consistency model": updates to a single key are atomic, those of uploads too."""

    surface = "storage"
    noticed_by = ("storage/at-once/complete-or-put#0-ms", "storage/at-once/complete-or-put#5-ms")

    async def finish(
        self, original: Any, bucket: Bucket, upload: Upload, stored: StoredObject, asked: Conditions
    ) -> None:
        await original(bucket, upload, stored, asked)
        await asyncio.sleep(PAUSE_S)
        latest = bucket.objects.get(upload.key, stored)
        bucket.put(upload.key, replace(stored, body=latest.body))


class DeletionTornByPut(Defect):
    """S3 User Guide, "Amazon S3 data consistency model": updates to a single key are atomic."""

    surface = "storage"
    noticed_by = ("storage/at-once/put-or-delete#of-a-new-key",)

    async def erase(self, original: Any, bucket: Bucket, key: str, asked: Conditions) -> None:
        await asyncio.sleep(PAUSE_S)
        found = bucket.objects.get(key)
        if found is not None:
            bucket.put(key, replace(found, body=b""))
        await asyncio.sleep(PAUSE_S)


class OverwrittenInPlace(Defect):
    """S3 User Guide, "Amazon S3 data consistency model": an object is there until the next one has come whole."""

    surface = "storage"
    noticed_by = ("storage/at-once/upload-under-way-is-unseen",)

    async def under_way(self, original: Any, request: Request) -> None:
        bucket, key = _being_put(original, request)
        if bucket is not None and (found := bucket.objects.get(key)) is not None:
            bucket.put(key, replace(found, body=b""))


class OverwrittenUnderItsReaders(Defect):
    """S3 User Guide, "Amazon S3 data consistency model": who reads slowly gets one value, though another is written."""

    surface = "storage"
    noticed_by = ("storage/at-once/slow-readers-get-one-value",)

    def object_body(self, original: Any, call: Call, found: StoredObject, start: int, end: int) -> bytes:
        objects = gateway(original).buckets[call.bucket].objects
        return _Latest(original(call, found, start, end), lambda: objects.get(call.key, found).body[start:end])


class _Latest(bytes):
    """Bytes of which each part is, when it is looked at, what stands there then."""

    def __new__(cls, body: bytes, now: Callable[[], bytes]) -> _Latest:
        made = super().__new__(cls, body)
        made.now = now
        return made

    now: Callable[[], bytes]

    def __getitem__(self, place: Any) -> Any:
        return self.now()[place]


class ReadersWaitForUploads(Defect):
    """S3 User Guide, "Amazon S3 data consistency model": there are no locks, which a stuck client would keep."""

    surface = "storage"
    noticed_by = ("storage/at-once/upload-under-way-holds-nobody-up",)

    def __init__(self) -> None:
        self.uploads: dict[str, asyncio.Event] = {}

    async def under_way(self, original: Any, request: Request) -> None:
        bucket, key = _being_put(original, request)
        if bucket is not None:
            self.uploads[key] = asyncio.Event()

    async def broken_off(self, original: Any, request: Request) -> None:
        self._free(gateway(original).target(request)[1])

    async def put_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        try:
            answer: Answer = await original(call, bucket)
        finally:
            self._free(call.key)
        return answer

    async def get_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        if call.key in self.uploads:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.uploads[call.key].wait(), 10)
        answer: Answer = await original(call, bucket)
        return answer

    def _free(self, key: str) -> None:
        if key in self.uploads:
            self.uploads.pop(key).set()


def _being_put(original: Any, request: Request) -> tuple[Bucket | None, str]:
    """Where a whole object is being put; None where it is something else."""
    surface = gateway(original)
    if request.method != "PUT" or request.query_string or "x-amz-copy-source" in request.headers:
        return None, ""
    try:
        surface.authenticate(request)
        bucket, key = surface.target(request)
    except Fault:
        return None, ""
    return surface.buckets.get(bucket), key


class TaggingWritesTheObjectBack(Defect):
    """S3 API Reference, PutObjectTagging: the tags of the object that there is, and not the object of before."""

    surface = "storage"
    noticed_by = ("storage/at-once/tagging-writes-no-bytes#delete", "storage/at-once/tagging-writes-no-bytes#put")

    async def replace_tags(self, original: Any, bucket: Bucket, key: str, tags: dict[str, str]) -> None:
        found = await gateway(original).require(bucket, key)
        await asyncio.sleep(PAUSE_S)
        bucket.put(key, replace(found, tags=tags))


class CompareAndSwapLosesUpdates(Defect):
    """S3 User Guide, "Conditional writes": what was read is replaced only while it is still there."""

    surface = "storage"
    noticed_by = ("storage/conditional-write/counter-loses-no-update",)

    def check_write(self, original: Any, asked: Conditions, found: StoredObject | None) -> None:
        if asked.match is None or found is None:
            original(asked, found)


class FolderMadeByTwoFails(Defect):
    """S3 User Guide, "Object key names": there are no folders, so no two who write in one are in each other's way."""

    surface = "storage"
    noticed_by = ("storage/at-once/created-is-seen-at-once",)

    def __init__(self) -> None:
        self.making: set[str] = set()

    async def commit(self, original: Any, bucket: Bucket, key: str, stored: StoredObject, asked: Conditions) -> None:
        folder = key.rpartition("/")[0] + "/"
        if not any(each.startswith(folder) for each in bucket.objects):
            if folder in self.making:
                raise server_error()
            self.making.add(folder)
            await asyncio.sleep(PAUSE_S)
            self.making.discard(folder)
        await original(bucket, key, stored, asked)
