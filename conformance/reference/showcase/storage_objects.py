"""One defect for each promise on objects, copies and tags."""

from __future__ import annotations

import asyncio
import hashlib
import time
from dataclasses import replace
from typing import Any

from conformance.reference.http import Answer
from conformance.reference.one_method import defect
from conformance.reference.storage.call import Call
from conformance.reference.storage.conditions import Conditions
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.properties import META
from conformance.reference.storage.state import Bucket, StoredObject
from conformance.reference.support.storage import PAUSE_S, gateway


@defect("storage/object/overwriting-replaces-everything#put", promise="S3-13", surface="storage")
async def overwriting_keeps_the_coding(
    commit: Any, bucket: Bucket, key: str, stored: StoredObject, conditions: Conditions
) -> None:
    """An overwritten object keeps the Content-Encoding of the previous one."""
    earlier = bucket.objects.get(key)
    kept = {name: text for name, text in earlier.headers.items() if name == "content-encoding"} if earlier else {}
    await commit(bucket, key, replace(stored, headers={**kept, **stored.headers}), conditions)


@defect("storage/object/last-modified-is-now", promise="S3-14", shipped=True, surface="storage")
async def reading_renews_the_date(get_object: Any, call: Call, bucket: Bucket) -> Answer:
    """Reading an object changes its Last-Modified date."""
    answer: Answer = await get_object(call, bucket)
    if call.request.method == "GET" and answer.status == 200:
        bucket.put(call.key, replace(bucket.objects[call.key], modified=int(time.time())))
    return answer


@defect("storage/object/etag-follows-the-bytes", promise="S3-15", surface="storage")
def etag_of_the_length(new_object: Any, call: Call, md5: str, checksums: dict[str, str]) -> StoredObject:
    """The ETag depends only on the length of an object, not on its content."""
    stored: StoredObject = new_object(call, md5, checksums)
    return replace(stored, etag=hashlib.md5(str(stored.size).encode()).hexdigest())


@defect("storage/object/head-equals-get#with-a-body", promise="S3-16", surface="storage")
async def head_omits_metadata(get_object: Any, call: Call, bucket: Bucket) -> Answer:
    """HEAD of an object omits its metadata."""
    answer: Answer = await get_object(call, bucket)
    for name in list(answer.headers) if call.request.method == "HEAD" else ():
        if name.startswith(META):
            del answer.headers[name]
    return answer


@defect("storage/object/deleted-is-204", promise="S3-17", surface="storage")
async def delete_missing_is404(delete_object: Any, call: Call, bucket: Bucket) -> Answer:
    """Deleting a missing object is answered 404 instead of 204."""
    await gateway(delete_object).require(bucket, call.key)
    answer: Answer = await delete_object(call, bucket)
    return answer


@defect("storage/key/ordinary-names-are-preserved#deep", promise="S3-19", surface="storage")
def hidden_names_not_listed(listable_keys: Any, bucket: Bucket) -> list[str]:
    """A listing omits keys that begin with a dot."""
    return [key for key in listable_keys(bucket) if not key.rpartition("/")[2].startswith(".")]


@defect("storage/condition/if-modified-since-is-honoured#modified-since-fails", promise="S3-20", surface="storage")
def modified_since_ignored(modified_since_holds: Any, date: int, found: StoredObject | None) -> bool:
    """A conditional read ignores If-Modified-Since."""
    return True


@defect("storage/conditional-write/changed-object-is-not-deleted#own-etag", promise="S3-21", surface="storage")
async def deletion_condition_ignored(erase: Any, bucket: Bucket, key: str, conditions: Conditions) -> None:
    """A deletion ignores If-Match and removes an object that has changed."""
    await erase(bucket, key, Conditions(None, None, None, None))


@defect("storage/range/range-is-served#to-the-end", promise="S3-22", surface="storage")
def content_range_end_excluded(content_range: Any, start: int, end: int, size: int) -> str:
    """The last position in Content-Range is one too high."""
    return f"bytes {start}-{end}/{size}"


@defect("storage/copy/metadata-is-copied", promise="S3-23", surface="storage")
def copy_merges_metadata(copied: Any, call: Call, stored: StoredObject, replaced: bool) -> StoredObject:
    """A copy mixes the metadata of its source with that of the request."""
    copy: StoredObject = copied(call, stored, replaced)
    return copy if replaced else replace(copy, metadata=gateway(copied).metadata(call) | copy.metadata)


@defect("storage/copy/invalid-directive-is-refused", promise="S3-24", surface="storage")
def copy_directive_unchecked(directive: Any, call: Call, name: str) -> bool:
    """A copy with an invalid metadata directive is accepted."""
    return call.headers.get(name, "COPY") == "REPLACE"


@defect(
    "storage/copy/if-modified-since-is-honoured#modified-since-holds",
    "storage/copy/if-unmodified-since-is-honoured#unmodified-since-holds",
    promise="S3-25",
    surface="storage",
)
def copy_dates_turned_around(source_conditions_hold: Any, conditions: Conditions, stored: StoredObject) -> bool:
    """A conditional copy confuses modified-since with unmodified-since."""
    since, unmodified = conditions.unmodified_since, conditions.modified_since
    held: bool = source_conditions_hold(replace(conditions, modified_since=since, unmodified_since=unmodified), stored)
    return held


@defect(
    "storage/multi-delete/wrong-md5-deletes-nothing",
    "storage/multipart/differing-md5-refuses-the-part",
    promise="S3-26",
    surface="storage",
)
def wrong_md5_stored(md5_matches: Any, stated: bytes, computed: bytes) -> bool:
    """An upload is stored although its Content-MD5 does not match."""
    return True


@defect("storage/checksum/is-copied-with-the-object", promise="S3-27", surface="storage")
def copy_loses_the_checksum(copied_checksums: Any, stored: StoredObject, requested: str | None) -> dict[str, str]:
    """A copy loses the checksum of its source."""
    return dict(copied_checksums(stored, requested)) if requested else {}


@defect("storage/tagging/tags-come-back#unusual-values", promise="S3-39", surface="storage")
async def tagging_changes_etag(replace_tags: Any, bucket: Bucket, key: str, tags: dict[str, str]) -> None:
    """Tagging an object changes its ETag."""
    await replace_tags(bucket, key, tags)
    bucket.put(key, replace(bucket.objects[key], etag=hashlib.md5(repr(tags).encode()).hexdigest()))


@defect("storage/tagging/limits-are-enforced#eleven,empty-key,key-twice,long-key", promise="S3-40", surface="storage")
def tag_limits_ignored(checked_tags: Any, pairs: list[tuple[str, str]]) -> dict[str, str]:
    """An object accepts more tags, and longer ones, than documented."""
    return dict(pairs)


@defect("storage/concurrency/one-key-is-linearizable", promise="S3-45", surface="storage")
async def metadata_of_earlier_bytes(require: Any, bucket: Bucket, key: str) -> StoredObject:
    """A read during an overwrite returns the new bytes with the previous metadata."""
    found: StoredObject = await require(bucket, key)
    await asyncio.sleep(PAUSE_S)
    return replace(bucket.objects.get(key, found), metadata=found.metadata)


@defect("storage/object/missing-is-404", promise="S3-46", surface="storage")
async def missing_key_is_forbidden(require: Any, bucket: Bucket, key: str) -> StoredObject:
    """A missing key is answered 403 to a client that may list the bucket."""
    try:
        found: StoredObject = await require(bucket, key)
    except Fault:
        raise Fault("AccessDenied") from None
    return found
