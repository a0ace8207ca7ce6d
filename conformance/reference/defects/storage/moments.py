"""Defects of time: races, caches in front, answers that fail now and then."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from email.utils import formatdate
from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.storage.support import MOMENT_S, PAUSE_S, gateway, server_error
from conformance.reference.http import Answer, Request, head
from conformance.reference.storage.conditions import Conditions
from conformance.reference.storage.state import Bucket, Part, StoredObject, Upload


class CompareAndSwapRace(Defect):
    """S3 User Guide, "Conditional writes": of several If-Match with one entity tag one succeeds."""

    surface = "storage"
    noticed_by = ("storage/conditional-write/one-replacement-wins",)

    async def commit(self, original: Any, bucket: Bucket, key: str, stored: StoredObject, asked: Conditions) -> None:
        if asked.match is None:
            await original(bucket, key, stored, asked)
            return
        gateway(original).check_write(asked, bucket.objects.get(key))
        await asyncio.sleep(PAUSE_S)
        bucket.put(key, stored)


class TornWrite(Defect):
    """S3 User Guide, "Amazon S3 data consistency model": a read sees one write whole, never parts of two."""

    surface = "storage"
    noticed_by = ("storage/at-once/key-is-a-register",)

    async def commit(self, original: Any, bucket: Bucket, key: str, stored: StoredObject, asked: Conditions) -> None:
        earlier = bucket.objects.get(key)
        if earlier is not None:
            gateway(original).check_write(asked, earlier)
            half = stored.size // 2
            bucket.put(key, replace(earlier, body=stored.body[:half] + earlier.body[half:]))
            await asyncio.sleep(PAUSE_S)
        await original(bucket, key, stored, asked)


class EtagOfEarlierBytes(Defect):
    """S3 User Guide, "Amazon S3 data consistency model": entity tag and bytes of an answer are of one write."""

    surface = "storage"
    noticed_by = ("storage/at-once/etag-is-of-its-value",)

    async def require(self, original: Any, bucket: Bucket, key: str) -> StoredObject:
        found: StoredObject = await original(bucket, key)
        await asyncio.sleep(PAUSE_S)
        later = bucket.objects.get(key, found)
        return replace(found, body=later.body)


class MetadataOfEarlierBytes(Defect):
    """S3 User Guide, "Amazon S3 data consistency model": metadata and bytes of an answer are of one write."""

    surface = "storage"
    noticed_by = ("storage/at-once/key-is-a-register",)

    async def require(self, original: Any, bucket: Bucket, key: str) -> StoredObject:
        found: StoredObject = await original(bucket, key)
        await asyncio.sleep(PAUSE_S)
        return replace(bucket.objects.get(key, found), metadata=found.metadata)


class StaleRead(Defect):
    """S3 User Guide, "Amazon S3 data consistency model": a read after an overwrite sees the new object."""

    surface = "storage"
    noticed_by = (
        "storage/object/written-is-read",
        "storage/object/written-is-read#by-who-has-the-old-one",
        "storage/conditional-write/replaces-what-matches",
        "storage/conditional-write/replaces-what-matches#of-parts",
        "storage/multipart/old-object-stands-until-complete",
        "storage/multipart/old-object-stands-until-complete#which-is-copied-over",
    )

    def __init__(self) -> None:
        self.earlier: dict[tuple[str, str], tuple[StoredObject, float]] = {}

    async def commit(self, original: Any, bucket: Bucket, key: str, stored: StoredObject, asked: Conditions) -> None:
        before = bucket.objects.get(key)
        await original(bucket, key, stored, asked)
        if before is not None:
            self.earlier[bucket.name, key] = (before, gateway(original).now() + MOMENT_S)

    async def current(self, original: Any, bucket: Bucket, key: str) -> StoredObject | None:
        found: StoredObject | None = await original(bucket, key)
        before, until = self.earlier.get((bucket.name, key), (None, 0.0))
        return before if found is not None and before is not None and gateway(original).now() < until else found


class AbsenceCached(Defect):
    """S3 User Guide, "Amazon S3 data consistency model": a read after the first write finds the object."""

    surface = "storage"
    noticed_by = (
        "storage/multipart/broken-completion-is-refused#cut",
        "storage/multipart/broken-completion-is-refused#empty",
        "storage/multipart/broken-completion-is-refused#no-xml",
        "storage/multipart/broken-completion-is-refused#part-without-number",
    )

    def __init__(self) -> None:
        self.missed: dict[tuple[str, str], float] = {}

    async def current(self, original: Any, bucket: Bucket, key: str) -> StoredObject | None:
        now = gateway(original).now()
        if self.missed.get((bucket.name, key), 0.0) > now:
            return None
        found: StoredObject | None = await original(bucket, key)
        if found is None:
            self.missed[bucket.name, key] = now + MOMENT_S
        return found


class DeletedStillRead(Defect):
    """S3 User Guide, "Amazon S3 data consistency model": a read after a delete finds nothing."""

    surface = "storage"
    noticed_by = ("storage/multi-delete/quiet-names-only-errors",)

    def __init__(self) -> None:
        self.deleted: dict[tuple[str, str], tuple[StoredObject, float]] = {}

    async def erase(self, original: Any, bucket: Bucket, key: str, asked: Conditions) -> None:
        before = bucket.objects.get(key)
        await original(bucket, key, asked)
        if before is not None:
            self.deleted[bucket.name, key] = (before, gateway(original).now() + MOMENT_S)

    async def current(self, original: Any, bucket: Bucket, key: str) -> StoredObject | None:
        found: StoredObject | None = await original(bucket, key)
        before, until = self.deleted.get((bucket.name, key), (None, 0.0))
        return before if found is None and gateway(original).now() < until else found


class HeadCached(Defect):
    """RFC 9110 section 9.3.2: HEAD tells what GET would tell now, not what it told before."""

    surface = "storage"
    noticed_by = ("storage/object/written-is-read", "storage/object/written-is-read#where-an-upload-was-completed")

    def __init__(self) -> None:
        self.told: dict[str, Answer] = {}

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if request.method != "HEAD" or answer.status != 200:
            return answer
        return self.told.setdefault(request.raw_path + request.headers.get("range", ""), answer)


class ListingCached(Defect):
    """S3 User Guide, "Amazon S3 data consistency model": a listing tells what is in the bucket now."""

    surface = "storage"
    noticed_by = (
        "storage/object/written-is-read",
        "storage/object/written-is-read#in-each-listing",
        "storage/object/written-is-read#where-an-upload-was-completed",
    )

    def __init__(self) -> None:
        self.told: dict[str, Answer] = {}

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if request.method != "GET" or answer.status != 200 or b"<ListBucketResult" not in answer.body[:200]:
            return answer
        return self.told.setdefault(f"{request.raw_path}?{request.query_string}", answer)


class OneInTwentyReadsFails(Defect):
    """API Reference, Error Handling: 5xx is for errors of the platform, and there are none in a quiet run."""

    surface = "storage"
    noticed_by = ("storage/at-once/key-is-a-register",)

    def __init__(self) -> None:
        self.served = 0

    async def current(self, original: Any, bucket: Bucket, key: str) -> StoredObject | None:
        self.served += 1
        if self.served % 20 == 0:
            raise server_error()
        found: StoredObject | None = await original(bucket, key)
        return found


class OneInTwentyReadsCutShort(Defect):
    """RFC 9110 section 8.6: the body has the length that Content-Length tells."""

    surface = "storage"
    noticed_by = ("storage/at-once/key-is-a-register",)

    def __init__(self) -> None:
        self.served = 0

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if request.method == "GET" and answer.status == 200 and "etag" in answer.headers and answer.body:
            self.served += 1
            if self.served % 20 == 0:
                answer.headers["Date"] = formatdate(usegmt=True)
                answer.wire = head(answer, [("Content-Length", str(len(answer.body)))]) + answer.body[:-1]
                answer.closes = True
        return answer


class PartsRace(Defect):
    """S3 User Guide, "Multipart upload process": parts may be uploaded in parallel, and none is lost."""

    surface = "storage"
    noticed_by = ("storage/at-once/parts-are-all-kept",)

    async def keep_part(self, original: Any, upload: Upload, part: Part) -> None:
        before = dict(upload.parts)
        await asyncio.sleep(PAUSE_S)
        upload.parts = {**before, part.number: part}


class CompleteRace(Defect):
    """S3 API Reference, CompleteMultipartUpload: the object has all its parts, or there is none."""

    surface = "storage"
    noticed_by = (
        "storage/at-once/complete-or-abort#0-ms",
        "storage/at-once/complete-or-abort#2-ms",
        "storage/at-once/complete-or-abort#8-ms",
    )

    async def finish(
        self, original: Any, bucket: Bucket, upload: Upload, stored: StoredObject, asked: Conditions
    ) -> None:
        await asyncio.sleep(PAUSE_S)
        whole = upload.upload_id in bucket.uploads
        await original(bucket, upload, stored if whole else replace(stored, body=b""), asked)


class BucketsMixedUnderLoad(Defect):
    """S3 User Guide, "Buckets overview": writes of one key into two buckets at once stay apart."""

    surface = "storage"
    noticed_by = ("storage/at-once/buckets-do-not-mix",)

    def __init__(self) -> None:
        self.latest: dict[str, StoredObject] = {}

    async def commit(self, original: Any, bucket: Bucket, key: str, stored: StoredObject, asked: Conditions) -> None:
        self.latest[key] = stored
        await asyncio.sleep(PAUSE_S)
        await original(bucket, key, self.latest[key], asked)
