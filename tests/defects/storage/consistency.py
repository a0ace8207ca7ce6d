"""Defects that break the promise "Reads are never stale, and concurrent updates are atomic"."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from email.utils import formatdate
from types import SimpleNamespace
from typing import Any

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer, Request, head
from conformance.reference.one_method import defect
from conformance.reference.storage.call import Call
from conformance.reference.storage.conditions import Conditions
from conformance.reference.storage.copies import Source
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.state import Bucket, StoredObject
from conformance.reference.support.storage import PAUSE_S, gateway, server_error
from tests.defects.support.storage import MOMENT_S, _ConcurrentWrites, drop_uploads

LATER_S = 0.3
PIECE, MOST_OF_A_PIECE_S = 64 * 1024, 0.002


@defect("storage/concurrency/copies-are-whole")
async def copy_fails_during_writes(source: Any, call: Call) -> Source:
    """S3 User Guide, "Amazon S3 data consistency model": a copy fails while its source is overwritten."""
    found: Source = await source(call)
    await asyncio.sleep(PAUSE_S)
    later: Source = await source(call)
    if later.stored.etag != found.stored.etag:
        raise server_error()
    return found


@defect("storage/concurrency/copies-are-whole")
async def copy_of_two_values(source: Any, call: Call) -> Source:
    """S3 User Guide, "Amazon S3 data consistency model": a copy mixes two versions of its source."""
    found: Source = await source(call)
    await asyncio.sleep(PAUSE_S)
    later: Source = await source(call)
    half = found.stored.size // 2
    return replace(found, stored=replace(found.stored, body=found.stored.body[:half] + later.stored.body[half:]))


class ListedAMomentLater(Defect):
    """S3 User Guide, "Amazon S3 data consistency model": a new object is listed only after a moment."""

    noticed_by = ("storage/concurrency/created-is-visible-immediately",)
    put_at: dict[tuple[str, str], float] = {}

    async def commit(self, original: Any, bucket: Bucket, key: str, stored: Any, conditions: Conditions) -> None:
        await original(bucket, key, stored, conditions)
        self.put_at.setdefault((bucket.name, key), gateway(original).now())

    def listable_keys(self, original: Any, bucket: Bucket) -> list[str]:
        shown = gateway(original).now() - LATER_S
        return [key for key in original(bucket) if self.put_at.get((bucket.name, key), 0.0) < shown]


@defect("storage/concurrency/created-is-visible-immediately", state=set)
async def folder_made_by_two_fails(
    making: set[str], commit: Any, bucket: Bucket, key: str, stored: StoredObject, conditions: Conditions
) -> None:
    """S3 User Guide, "Object key names": two concurrent writes below the same prefix fail."""
    folder = key.rpartition("/")[0] + "/"
    if not any(each.startswith(folder) for each in bucket.objects):
        if folder in making:
            raise server_error()
        making.add(folder)
        await asyncio.sleep(PAUSE_S)
        making.discard(folder)
    await commit(bucket, key, stored, conditions)


@defect("storage/concurrency/created-is-visible-immediately", state=dict)
async def old_listings_kept_a_moment(
    kept: dict[tuple[str, str], tuple[float, Answer]], list_objects: Any, call: Call, bucket: Bucket
) -> Answer:
    """S3 User Guide, "Amazon S3 data consistency model": version 1 of the listing is cached for a moment."""
    listing_key = bucket.name, call.request.query_string
    made, answer = kept.get(listing_key, (0.0, Answer(200)))
    if time.monotonic() - made > MOMENT_S:
        answer = await list_objects(call, bucket)
        kept[listing_key] = time.monotonic(), answer
    return deepcopy(answer)


@defect("storage/concurrency/etag-belongs-to-its-bytes")
async def length_of_earlier_bytes(get_object: Any, call: Call, bucket: Bucket) -> Answer:
    """RFC 9110 section 8.6: the Content-Length of HEAD is that of the overwritten object."""
    before = bucket.objects.get(call.key)
    if call.request.method == "HEAD":
        await asyncio.sleep(PAUSE_S)
    answer: Answer = await get_object(call, bucket)
    if call.request.method == "HEAD" and before is not None and answer.status == 200:
        answer.headers["Content-Length"] = str(before.size)
    return answer


@defect("storage/concurrency/etag-belongs-to-its-bytes")
async def etag_of_earlier_bytes(require: Any, bucket: Bucket, key: str) -> StoredObject:
    """S3 User Guide, "Amazon S3 data consistency model": the ETag of a response is that of the overwritten object."""
    found: StoredObject = await require(bucket, key)
    await asyncio.sleep(PAUSE_S)
    later = bucket.objects.get(key, found)
    return replace(found, body=later.body)


class WritesCollide(_ConcurrentWrites):
    """S3 User Guide, "Amazon S3 data consistency model": concurrent writes of one key fail."""

    noticed_by = (
        "storage/concurrency/one-key-is-linearizable",
        "storage/concurrency/put-or-delete#new-key",
        "storage/concurrency/complete-or-put",
        "storage/concurrency/copies-are-whole",
    )

    async def commit(self, original: Any, bucket: Bucket, key: str, stored: Any, conditions: Conditions) -> None:
        with self._writing(bucket, key):
            if self._others(bucket, key):
                raise server_error()
            await asyncio.sleep(PAUSE_S)
            await original(bucket, key, stored, conditions)

    async def erase(self, original: Any, bucket: Bucket, key: str, conditions: Conditions) -> None:
        with self._writing(bucket, key):
            if self._others(bucket, key):
                raise server_error()
            await asyncio.sleep(PAUSE_S)
            await original(bucket, key, conditions)


@defect("storage/concurrency/one-key-is-linearizable")
async def torn_write(commit: Any, bucket: Bucket, key: str, stored: StoredObject, conditions: Conditions) -> None:
    """S3 User Guide, "Amazon S3 data consistency model": a read during a write returns parts of both objects."""
    earlier = bucket.objects.get(key)
    if earlier is not None:
        gateway(commit).check_write(conditions, earlier)
        half = stored.size // 2
        bucket.put(key, replace(earlier, body=stored.body[:half] + earlier.body[half:]))
        await asyncio.sleep(PAUSE_S)
    await commit(bucket, key, stored, conditions)


@defect("storage/concurrency/one-key-is-linearizable", state=lambda: SimpleNamespace(served=0))
async def one_in_twenty_reads_fails(state: Any, current: Any, bucket: Bucket, key: str) -> StoredObject | None:
    """API Reference, Error Handling: one read in twenty is answered with a 5xx."""
    state.served += 1
    if state.served % 20 == 0:
        raise server_error()
    return await current(bucket, key)


@defect("storage/concurrency/one-key-is-linearizable", state=lambda: SimpleNamespace(served=0))
def one_in_twenty_reads_cut_short(state: Any, request: Request, answer: Answer) -> Answer:
    """RFC 9110 section 8.6: one read in twenty is truncated."""
    if request.method == "GET" and answer.status == 200 and "etag" in answer.headers and answer.body:
        state.served += 1
        if state.served % 20 == 0:
            answer.headers["Date"] = formatdate(usegmt=True)
            answer.wire = head(answer, [("Content-Length", str(len(answer.body)))]) + answer.body[:-1]
            answer.closes = True
    return answer


class DeletionTakesEffectLater(Defect):
    """S3 User Guide, "Amazon S3 data consistency model": the first reads after a deletion find the object."""

    noticed_by = ("storage/concurrency/put-or-delete#new-key,existing-object",)
    deleted: dict[tuple[str, str], int] = {}

    async def erase(self, original: Any, bucket: Bucket, key: str, conditions: Conditions) -> None:
        gateway(original).check_write(conditions, bucket.objects.get(key))
        self.deleted[bucket.name, key] = 2

    async def get_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        left = self.deleted.get((bucket.name, call.key))
        if left == 0:
            bucket.remove(call.key)
        if left is not None:
            self.deleted[bucket.name, call.key] = left - 1
        return await original(call, bucket)


@defect("storage/concurrency/put-or-delete#new-key")
async def deletion_torn_by_put(erase: Any, bucket: Bucket, key: str, conditions: Conditions) -> None:
    """S3 User Guide, "Amazon S3 data consistency model": a deletion empties the object before it removes it."""
    await asyncio.sleep(PAUSE_S)
    found = bucket.objects.get(key)
    if found is not None:
        bucket.put(key, replace(found, body=b""))
    await asyncio.sleep(PAUSE_S)


class _Latest(bytes):
    """Bytes of an object that are looked up again for each slice that is read."""

    def __new__(cls, body: bytes, now: Callable[[], bytes]) -> _Latest:
        made = super().__new__(cls, body)
        made.now = now
        return made

    now: Callable[[], bytes]

    def __getitem__(self, place: Any) -> Any:
        return self.now()[place]


@defect("storage/concurrency/slow-reader-gets-one-object")
def overwritten_under_its_readers(object_body: Any, call: Call, found: StoredObject, start: int, end: int) -> bytes:
    """S3 User Guide, "Amazon S3 data consistency model": a slow read returns parts of the object that overwrites it."""
    objects = gateway(object_body).buckets[call.bucket].objects
    return _Latest(object_body(call, found, start, end), lambda: objects.get(call.key, found).body[start:end])


@defect("storage/concurrency/tagging-undoes-no-write#delete,put")
async def tagging_writes_the_object_back(replace_tags: Any, bucket: Bucket, key: str, tags: dict[str, str]) -> None:
    """S3 API Reference, PutObjectTagging: tagging restores the object that a concurrent write replaced."""
    found = await gateway(replace_tags).require(bucket, key)
    await asyncio.sleep(PAUSE_S)
    bucket.put(key, replace(found, tags=tags))


def _being_put(original: Any, request: Request) -> tuple[Bucket | None, str]:
    """Return bucket and key of an object that a request uploads whole; no bucket for other requests."""
    surface = gateway(original)
    if request.method != "PUT" or request.query_string or "x-amz-copy-source" in request.headers:
        return None, ""
    try:
        surface.authenticate(request)
        bucket, key = surface.target(request)
    except Fault:
        return None, ""
    return surface.buckets.get(bucket), key


class ReadersWaitForUploads(Defect):
    """S3 User Guide, "Amazon S3 data consistency model": reads of a key wait for an upload to it."""

    noticed_by = ("storage/concurrency/paused-upload-blocks-no-reader",)
    uploads: dict[str, asyncio.Event] = {}

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
        return await original(call, bucket)

    def _free(self, key: str) -> None:
        if key in self.uploads:
            self.uploads.pop(key).set()


@defect("storage/concurrency/partial-upload-is-invisible")
async def overwritten_in_place(under_way: Any, request: Request) -> None:
    """S3 User Guide, "Amazon S3 data consistency model": during an overwrite the old object is empty."""
    bucket, key = _being_put(under_way, request)
    if bucket is not None and (found := bucket.objects.get(key)) is not None:
        bucket.put(key, replace(found, body=b""))


@defect("storage/model/flat-keys", shortest=3)
async def overwriting_drops_uploads(put_object: Any, call: Call, bucket: Bucket) -> Any:
    """S3 API Reference, UploadPart: overwriting an object removes the open uploads of its key."""
    answer = await put_object(call, bucket)
    drop_uploads(bucket, call.key)
    return answer


@defect("storage/model/flat-keys", "storage/model/nested-keys", shortest=3)
async def deletion_drops_uploads(erase: Any, bucket: Bucket, key: str, conditions: Conditions) -> None:
    """S3 API Reference, UploadPart: deleting an object removes the open uploads of its key."""
    await erase(bucket, key, conditions)
    drop_uploads(bucket, key)


@defect("storage/model/flat-keys", "storage/model/nested-keys", shortest=3)
async def nothing_does_not_overwrite(put_object: Any, call: Call, bucket: Bucket) -> Any:
    """S3 API Reference, PutObject: an empty object does not replace the existing one."""
    earlier = bucket.objects.get(call.key)
    answer = await put_object(call, bucket)
    stored = bucket.objects.get(call.key)
    if earlier is not None and stored is not None and not stored.body:
        bucket.put(call.key, replace(stored, body=earlier.body))
    return answer


@defect("storage/model/hard-keys", shortest=4)
async def copy_keeps_earlier_metadata(copy_object: Any, call: Call, bucket: Bucket) -> Any:
    """S3 API Reference, CopyObject: a copy keeps the metadata of the object it overwrites."""
    earlier = bucket.objects.get(call.key)
    answer = await copy_object(call, bucket)
    if earlier is not None:
        copy = bucket.objects[call.key]
        bucket.put(call.key, replace(copy, metadata={**earlier.metadata, **copy.metadata}))
    return answer


class DeletionHidesWhatIsBelow(Defect):
    """S3 User Guide, "Organizing objects using prefixes": deleting ``a`` hides the keys below ``a/``."""

    noticed_by = ("storage/model/nested-keys",)
    shortest = 4
    hidden: dict[str, set[str]] = {}

    async def delete_object(self, original: Any, call: Call, bucket: Bucket) -> Any:
        below = {each for each in bucket.keys if call.key in bucket.objects and each.startswith(call.key + "/")}
        answer = await original(call, bucket)
        self.hidden.setdefault(bucket.name, set()).update(below)
        return answer

    def listable_keys(self, original: Any, bucket: Bucket) -> list[str]:
        hidden = self.hidden.get(bucket.name, set())
        return [each for each in original(bucket) if each not in hidden]


@defect(
    "storage/concurrency/concurrent-writes-do-not-mix", state=lambda: SimpleNamespace(files={}, chance=random.Random(1))
)
async def two_writers_mix_their_pieces(
    state: Any, commit: Any, bucket: Bucket, key: str, stored: StoredObject, conditions: Conditions
) -> None:
    """S3 User Guide, "Amazon S3 data consistency model": two concurrent writes of one key mix their bytes."""
    file = state.files.setdefault((bucket.name, key), bytearray())
    for begin in range(0, stored.size, PIECE):
        file[begin : begin + PIECE] = stored.body[begin : begin + PIECE]
        await asyncio.sleep(state.chance.random() * MOST_OF_A_PIECE_S)
    del file[stored.size :]
    state.files.pop((bucket.name, key), None)
    await commit(bucket, key, replace(stored, body=bytes(file)), conditions)


@defect("storage/concurrency/responses-are-not-mixed-up", state=lambda: SimpleNamespace(reading=[], overlapping=0))
async def one_of_forty_overlapping_gets_answers_another(
    state: Any, require: Any, bucket: Bucket, key: str
) -> StoredObject:
    """RFC 9112 section 9.3.2: one in forty concurrent GETs returns another request's object."""
    found: StoredObject = await require(bucket, key)
    others = [each for each in state.reading if each is not found]
    state.overlapping += bool(others)
    state.reading.append(found)
    await asyncio.sleep(PAUSE_S / 4)
    state.reading.remove(found)
    return others[0] if others and state.overlapping % 40 == 0 else found


@defect("storage/concurrency/acknowledged-deletions-are-done", state=lambda: SimpleNamespace(deletions=0))
async def each_fortieth_deletion_not_done(
    state: Any, erase: Any, bucket: Bucket, key: str, conditions: Conditions
) -> None:
    """S3 API Reference, DeleteObject: one deletion in forty is acknowledged, but not done."""
    state.deletions += 1
    if state.deletions % 40:
        await erase(bucket, key, conditions)
