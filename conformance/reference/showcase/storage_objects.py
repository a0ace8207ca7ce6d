"""One defect for each promise on objects, copies and tags."""

from __future__ import annotations

import asyncio
import hashlib
import time
from dataclasses import replace
from typing import Any

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer
from conformance.reference.storage.call import Call
from conformance.reference.storage.conditions import Conditions
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.properties import META
from conformance.reference.storage.state import Bucket, StoredObject
from conformance.reference.support.storage import PAUSE_S, gateway


class OverwritingKeepsTheCoding(Defect):
    """An overwritten object keeps the Content-Encoding of the previous one."""

    surface = "storage"
    promise = "S3-13"
    noticed_by = ("storage/object/overwriting-replaces-everything#put",)

    async def commit(self, original: Any, bucket: Bucket, key: str, stored: StoredObject, asked: Conditions) -> None:
        earlier = bucket.objects.get(key)
        kept = {name: text for name, text in earlier.headers.items() if name == "content-encoding"} if earlier else {}
        await original(bucket, key, replace(stored, headers={**kept, **stored.headers}), asked)


class ReadingRenewsTheDate(Defect):
    """Reading an object changes its Last-Modified date."""

    surface = "storage"
    promise = "S3-14"
    noticed_by = ("storage/object/last-modified-is-now",)
    shipped = True

    async def get_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = await original(call, bucket)
        if call.request.method == "GET" and answer.status == 200:
            bucket.put(call.key, replace(bucket.objects[call.key], modified=int(time.time())))
        return answer


class EtagOfTheLength(Defect):
    """The ETag depends only on the length of an object, not on its content."""

    surface = "storage"
    promise = "S3-15"
    noticed_by = ("storage/object/etag-follows-the-bytes",)

    def new_object(self, original: Any, call: Call, md5: str, checksums: dict[str, str]) -> StoredObject:
        stored: StoredObject = original(call, md5, checksums)
        return replace(stored, etag=hashlib.md5(str(stored.size).encode()).hexdigest())


class HeadTellsNoMetadata(Defect):
    """HEAD of an object omits its metadata."""

    surface = "storage"
    promise = "S3-16"
    noticed_by = ("storage/object/head-equals-get#with-a-body",)

    async def get_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = await original(call, bucket)
        for name in list(answer.headers) if call.request.method == "HEAD" else ():
            if name.startswith(META):
                del answer.headers[name]
        return answer


class DeleteMissingIs404(Defect):
    """Deleting a missing object is answered 404 instead of 204."""

    surface = "storage"
    promise = "S3-17"
    noticed_by = ("storage/object/deleted-is-204",)

    async def delete_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        await gateway(original).require(bucket, call.key)
        answer: Answer = await original(call, bucket)
        return answer


class HiddenNamesNotListed(Defect):
    """A listing omits keys that begin with a dot."""

    surface = "storage"
    promise = "S3-19"
    noticed_by = ("storage/key/ordinary-names-are-kept#deep",)

    def listable_keys(self, original: Any, bucket: Bucket) -> list[str]:
        return [key for key in original(bucket) if not key.rpartition("/")[2].startswith(".")]


class ModifiedSinceIgnored(Defect):
    """A conditional read ignores If-Modified-Since."""

    surface = "storage"
    promise = "S3-20"
    noticed_by = ("storage/condition/if-modified-since-is-honoured#modified-since-fails",)

    def modified_since_holds(self, original: Any, date: int, found: StoredObject | None) -> bool:
        return True


class DeletionConditionIgnored(Defect):
    """A deletion ignores If-Match and removes an object that has changed."""

    surface = "storage"
    promise = "S3-21"
    noticed_by = ("storage/conditional-write/deletion-keeps-what-changed#own-etag",)

    async def erase(self, original: Any, bucket: Bucket, key: str, asked: Conditions) -> None:
        await original(bucket, key, Conditions(None, None, None, None))


class ContentRangeEndExcluded(Defect):
    """The last position in Content-Range is one too high."""

    surface = "storage"
    promise = "S3-22"
    noticed_by = ("storage/range/range-is-served#to-the-end",)

    def content_range(self, original: Any, start: int, end: int, size: int) -> str:
        return f"bytes {start}-{end}/{size}"


class CopyMergesMetadata(Defect):
    """A copy mixes the metadata of its source with that of the request."""

    surface = "storage"
    promise = "S3-23"
    noticed_by = ("storage/copy/metadata-is-copied",)

    def copied(self, original: Any, call: Call, stored: StoredObject, replaced: bool) -> StoredObject:
        copy: StoredObject = original(call, stored, replaced)
        return copy if replaced else replace(copy, metadata=gateway(original).metadata(call) | copy.metadata)


class CopyDirectiveUnchecked(Defect):
    """A copy with an invalid metadata directive is accepted."""

    surface = "storage"
    promise = "S3-24"
    noticed_by = ("storage/copy/invalid-directive-is-refused",)

    def directive(self, original: Any, call: Call, name: str) -> bool:
        return call.headers.get(name, "COPY") == "REPLACE"


class CopyDatesTurnedAround(Defect):
    """A conditional copy confuses modified-since with unmodified-since."""

    surface = "storage"
    promise = "S3-25"
    noticed_by = (
        "storage/copy/if-modified-since-is-honoured#modified-since-holds",
        "storage/copy/if-unmodified-since-is-honoured#unmodified-since-holds",
    )

    def source_conditions_hold(self, original: Any, asked: Conditions, stored: StoredObject) -> bool:
        since, unmodified = asked.unmodified_since, asked.modified_since
        held: bool = original(replace(asked, modified_since=since, unmodified_since=unmodified), stored)
        return held


class WrongMd5Stored(Defect):
    """An upload is stored although its Content-MD5 does not match."""

    surface = "storage"
    promise = "S3-26"
    noticed_by = ("storage/multi-delete/wrong-md5-deletes-nothing", "storage/multipart/differing-md5-refuses-the-part")

    def md5_matches(self, original: Any, stated: bytes, computed: bytes) -> bool:
        return True


class CopyForgetsTheChecksum(Defect):
    """A copy loses the checksum of its source."""

    surface = "storage"
    promise = "S3-27"
    noticed_by = ("storage/checksum/is-copied-with-the-object",)

    def copied_checksums(self, original: Any, stored: StoredObject, asked: str | None) -> dict[str, str]:
        return dict(original(stored, asked)) if asked else {}


class TaggingChangesEtag(Defect):
    """Tagging an object changes its ETag."""

    surface = "storage"
    promise = "S3-39"
    noticed_by = ("storage/tagging/tags-come-back#unusual-values",)

    async def replace_tags(self, original: Any, bucket: Bucket, key: str, tags: dict[str, str]) -> None:
        await original(bucket, key, tags)
        bucket.put(key, replace(bucket.objects[key], etag=hashlib.md5(repr(tags).encode()).hexdigest()))


class TagLimitsIgnored(Defect):
    """An object accepts more tags, and longer ones, than documented."""

    surface = "storage"
    promise = "S3-40"
    noticed_by = ("storage/tagging/limits-are-enforced#eleven,empty-key,key-twice,long-key",)

    def checked_tags(self, original: Any, pairs: list[tuple[str, str]]) -> dict[str, str]:
        return dict(pairs)


class MetadataOfEarlierBytes(Defect):
    """A read during an overwrite returns the new bytes with the previous metadata."""

    surface = "storage"
    promise = "S3-45"
    noticed_by = ("storage/concurrency/one-key-is-linearizable",)

    async def require(self, original: Any, bucket: Bucket, key: str) -> StoredObject:
        found: StoredObject = await original(bucket, key)
        await asyncio.sleep(PAUSE_S)
        return replace(bucket.objects.get(key, found), metadata=found.metadata)


class MissingKeyIsForbidden(Defect):
    """A missing key is answered 403 to a client that may list the bucket."""

    surface = "storage"
    promise = "S3-46"
    noticed_by = ("storage/object/missing-is-404",)

    async def require(self, original: Any, bucket: Bucket, key: str) -> StoredObject:
        try:
            found: StoredObject = await original(bucket, key)
        except Fault:
            raise Fault("AccessDenied") from None
        return found
