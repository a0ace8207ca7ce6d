"""Defects of operations that are right alone, and are refused, lost or late where another is under way."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
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

LATER_S = 0.3


class _Beside(Defect):
    """S3 User Guide, "Amazon S3 data consistency model": there are no locks, and the latest of several writes wins."""

    def __init__(self) -> None:
        self.under_way_now: Counter[tuple[str, str]] = Counter()

    @contextmanager
    def _writing(self, bucket: Bucket, key: str) -> Iterator[None]:
        self.under_way_now[bucket.name, key] += 1
        try:
            yield
        finally:
            self.under_way_now[bucket.name, key] -= 1

    def _others(self, bucket: Bucket, key: str) -> bool:
        """Whether another write of this key is under way beside the one that asks."""
        return self.under_way_now[bucket.name, key] > 1


class WritesCollide(_Beside):
    """S3 User Guide, "Amazon S3 data consistency model": writes of one key at once succeed, and the latest wins."""

    surface = "storage"
    noticed_by = (
        "storage/at-once/key-is-a-register",
        "storage/at-once/put-or-delete#of-a-new-key",
        "storage/at-once/complete-or-put#0-ms",
        "storage/at-once/complete-or-put#2-ms",
        "storage/at-once/copies-are-whole",
    )

    async def commit(self, original: Any, bucket: Bucket, key: str, stored: StoredObject, asked: Conditions) -> None:
        with self._writing(bucket, key):
            if self._others(bucket, key):
                raise server_error()
            await asyncio.sleep(PAUSE_S)
            await original(bucket, key, stored, asked)

    async def erase(self, original: Any, bucket: Bucket, key: str, asked: Conditions) -> None:
        with self._writing(bucket, key):
            if self._others(bucket, key):
                raise server_error()
            await asyncio.sleep(PAUSE_S)
            await original(bucket, key, asked)


class CopyFailsBesideWrites(Defect):
    """S3 User Guide, "Amazon S3 data consistency model": a copy is of one value of its source, and is made."""

    surface = "storage"
    noticed_by = ("storage/at-once/copies-are-whole",)

    async def source(self, original: Any, call: Call) -> Source:
        found: Source = await original(call)
        await asyncio.sleep(PAUSE_S)
        later: Source = await original(call)
        if later.stored.etag != found.stored.etag:
            raise server_error()
        return found


class CompletionFailsAndIsMade(Defect):
    """S3 API Reference, CompleteMultipartUpload: one that is told as failed makes no object, beside an abortion too."""

    surface = "storage"
    noticed_by = ("storage/at-once/complete-or-abort#1-ms", "storage/at-once/complete-or-abort#4-ms")

    async def finish(
        self, original: Any, bucket: Bucket, upload: Upload, stored: StoredObject, asked: Conditions
    ) -> None:
        await gateway(original).commit(bucket, upload.key, stored, asked)
        await asyncio.sleep(PAUSE_S)
        if upload.upload_id not in bucket.uploads:
            raise Fault("NoSuchUpload")
        bucket.uploads.pop(upload.upload_id)


class LosersFail(_Beside):
    """S3 User Guide, "Conditional writes": who comes too late is told 412 or 409, and not of an error of the server."""

    surface = "storage"
    noticed_by = ("storage/conditional-write/one-creator-wins", "storage/conditional-write/counter-loses-no-update")

    async def commit(self, original: Any, bucket: Bucket, key: str, stored: StoredObject, asked: Conditions) -> None:
        with self._writing(bucket, key):
            await asyncio.sleep(PAUSE_S)
            try:
                await original(bucket, key, stored, asked)
            except Fault:
                raise server_error() from None


class LosersStored(_Beside):
    """S3 User Guide, "Conditional writes": what is told as too late is not what stands there in the end."""

    surface = "storage"
    noticed_by = ("storage/conditional-write/one-creator-wins", "storage/conditional-write/one-replacement-wins")

    async def commit(self, original: Any, bucket: Bucket, key: str, stored: StoredObject, asked: Conditions) -> None:
        with self._writing(bucket, key):
            beside = self._others(bucket, key)
            await asyncio.sleep(PAUSE_S)
            try:
                await original(bucket, key, stored, asked)
            except Fault:
                if beside:
                    bucket.put(key, stored)
                raise


class DeletionTakesEffectLater(Defect):
    """S3 User Guide, "Amazon S3 data consistency model": what one read finds the next one finds, too."""

    surface = "storage"
    noticed_by = ("storage/at-once/put-or-delete#of-a-new-key", "storage/at-once/put-or-delete#of-an-object")

    def __init__(self) -> None:
        self.deleted: dict[tuple[str, str], int] = {}

    async def erase(self, original: Any, bucket: Bucket, key: str, asked: Conditions) -> None:
        gateway(original).check_write(asked, bucket.objects.get(key))
        self.deleted[bucket.name, key] = 2

    async def get_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        left = self.deleted.get((bucket.name, call.key))
        if left == 0:
            bucket.remove(call.key)
        if left is not None:
            self.deleted[bucket.name, call.key] = left - 1
        answer: Answer = await original(call, bucket)
        return answer


class LengthOfEarlierBytes(Defect):
    """RFC 9110 section 8.6: the Content-Length of HEAD is that of the representation whose entity tag it tells."""

    surface = "storage"
    noticed_by = ("storage/at-once/etag-is-of-its-value",)

    async def get_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        before = bucket.objects.get(call.key)
        if call.request.method == "HEAD":
            await asyncio.sleep(PAUSE_S)
        answer: Answer = await original(call, bucket)
        if call.request.method == "HEAD" and before is not None and answer.status == 200:
            answer.headers["Content-Length"] = str(before.size)
        return answer


class ListedAMomentLater(Defect):
    """S3 User Guide, "Amazon S3 data consistency model": what was put is in the next listing."""

    surface = "storage"
    noticed_by = ("storage/at-once/created-is-seen-at-once",)

    def __init__(self) -> None:
        self.put_at: dict[tuple[str, str], float] = {}

    async def commit(self, original: Any, bucket: Bucket, key: str, stored: StoredObject, asked: Conditions) -> None:
        await original(bucket, key, stored, asked)
        self.put_at.setdefault((bucket.name, key), gateway(original).now())

    def listable_keys(self, original: Any, bucket: Bucket) -> list[str]:
        shown = gateway(original).now() - LATER_S
        return [key for key in original(bucket) if self.put_at.get((bucket.name, key), 0.0) < shown]


# Callers that wait.


class ExpectationFails(Defect):
    """RFC 9110 section 10.1.1: a caller that waits is told to go on, and not that nobody here knows how."""

    surface = "storage"
    noticed_by = ("storage/object/expected-continue-comes",)

    async def refused_early(self, original: Any, request: Request) -> Answer | None:
        return Answer(417)


class ExpectationFailsBehindTheBody(Defect):
    """RFC 9110 section 10.1.1: what a caller was told to go on with is taken as without having waited."""

    surface = "storage"
    noticed_by = ("storage/object/expected-continue-comes",)

    def intercept(self, request: Request) -> Answer | None:
        return Answer(417) if "expect" in request.headers else None


class EarlyRefusalIsNoneOfTheSignature(Defect):
    """S3 API Reference, SignatureDoesNotMatch: 403, also where it is told before the body."""

    surface = "storage"
    noticed_by = ("storage/object/refusal-comes-before-the-body#unknown-key",)

    async def refused_early(self, original: Any, request: Request) -> Answer | None:
        refusal: Answer | None = await original(request)
        return replace(refusal, status=417, body=b"") if refusal is not None else None
