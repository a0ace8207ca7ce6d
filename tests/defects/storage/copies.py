"""Defects of copies.

They break these promises:

- A copy has the same content and metadata as its source.
- A rejected copy has no effect.
- Conditional copies honour their conditions.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import posixpath
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.one_method import defect, row
from conformance.reference.storage.base import http_time
from conformance.reference.storage.call import Call
from conformance.reference.storage.conditions import Conditions
from conformance.reference.storage.copies import SOURCE, Source
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.multipart import SMALLEST_PART
from conformance.reference.storage.state import Bucket, StoredObject
from conformance.reference.support.storage import PAUSE_S, gateway, server_error
from tests.defects.support.storage import in_parts, refusals_emptying, refusing, with_element_text, with_field

NO_CONDITIONS = Conditions(None, None, None, None)
SOURCE_CONDITIONS = tuple(
    f"{SOURCE}-if-{name}" for name in ("match", "none-match", "modified-since", "unmodified-since")
)
OF_NOTHING = hashlib.md5(b"").hexdigest()
DIRECTIVE = "x-amz-metadata-directive"


def _damaging_refused_copies_onto_itself(**damage: Any) -> Callable[..., Any]:
    async def copy_object(original: Any, call: Call, bucket: Bucket) -> Answer:
        try:
            return await original(call, bucket)
        except Fault:
            if gateway(original).copy_source(call) == (bucket.name, call.key) and call.key in bucket.objects:
                bucket.put(call.key, replace(bucket.objects[call.key], **damage))
            raise

    return copy_object


ROWS = (
    row(
        "copy-reported-with-the-tag-of-no-body",
        "S3 API Reference, CopyObjectResult, ETag: the ETag is that of an empty body.",
        "storage/copy/bytes-are-the-same",
        copy_result=lambda original, etag, modified, checksums: original(OF_NOTHING, modified, checksums),
    ),
    row(
        "copy-reported-by-another-clock",
        "S3 API Reference, CopyObjectResult, LastModified: it differs from the object's Last-Modified by two seconds.",
        "storage/copy/date-is-reported",
        copy_result=lambda original, etag, modified, checksums: original(etag, modified + 2, checksums),
    ),
    row(
        "copy-replace-not-heeded",
        "S3 API Reference, CopyObject: the directive REPLACE is ignored.",
        "storage/copy/onto-itself-changes-metadata",
        copied=lambda original, call, stored, replaced: original(call, stored, False),
    ),
    row(
        "copy-onto-itself-always-refused",
        "S3 API Reference, CopyObject: a copy onto itself is refused although it replaces the metadata.",
        "storage/copy/onto-itself-changes-metadata",
        changes=lambda original, call, source, replaced: False,
    ),
    row(
        "self-copy-not-refused",
        "S3 API Reference, CopyObject: a copy onto itself that changes nothing is accepted.",
        "storage/copy/onto-itself-without-change-is-refused",
        changes=lambda original, call, source, replaced: True,
    ),
    row(
        "copied-version-passed-over",
        "S3 API Reference, CopyObject, x-amz-copy-source: the version in it is ignored.",
        "storage/copy/missing-version-is-refused",
        "storage/copy/missing-version-is-refused#of-a-part",
        copy_source=lambda original, call: original(with_source(call, call.headers[SOURCE].partition("?")[0])),
    ),
    row(
        "copy-source-needs-slash",
        "S3 API Reference, CopyObject, x-amz-copy-source: a source without a leading slash is refused.",
        "storage/copy/bytes-are-the-same",
        copy_source=refusing("InvalidArgument", lambda call: not call.headers["x-amz-copy-source"].startswith("/")),
    ),
    row(
        "copy-of-an-empty-object-refused",
        "S3 API Reference, CopyObject: a copy of an empty object is refused.",
        "storage/copy/bytes-are-the-same#empty",
        copied=refusing("InvalidRequest", lambda call, stored, replaced: not stored.body),
    ),
    row(
        "copy-onto-itself-loses-metadata",
        "S3 API Reference, CopyObject: a refused copy onto itself removes the object's metadata.",
        "storage/copy/onto-itself-loses-nothing",
        copy_object=_damaging_refused_copies_onto_itself(metadata={}),
    ),
    row(
        "copy-onto-itself-truncates",
        "S3 API Reference, CopyObject: a refused copy onto itself empties the object.",
        "storage/copy/onto-itself-without-change-is-refused",
        copy_object=_damaging_refused_copies_onto_itself(body=b""),
    ),
)


@defect("storage/copy/between-buckets")
def copy_between_buckets_loses_metadata(copied: Any, call: Call, stored: StoredObject, replaced: bool) -> StoredObject:
    """S3 API Reference, CopyObject: a copy to another bucket loses its metadata."""
    copy: StoredObject = copied(call, stored, replaced)
    within = call.headers[SOURCE].lstrip("/").startswith(f"{call.bucket}/")
    return copy if within or replaced else replace(copy, metadata={})


class CopyIsLink(Defect):
    """S3 API Reference, CopyObject: a copy changes when its source is overwritten."""

    noticed_by = ("storage/copy/between-buckets",)
    links: list[tuple[Bucket, str, Bucket, str]] = []

    async def copy_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = await original(call, bucket)
        name, key = gateway(original).copy_source(call)
        self.links.append((gateway(original).buckets[name], key, bucket, call.key))
        return answer

    async def commit(self, original: Any, bucket: Bucket, key: str, stored: StoredObject, conditions: Any) -> None:
        await original(bucket, key, stored, conditions)
        for source, source_key, target, target_key in self.links:
            if source is bucket and source_key == key and target_key in target.objects:
                target.put(target_key, replace(target.objects[target_key], body=stored.body, etag=stored.etag))


@defect("storage/copy/between-buckets")
async def copies_across_lose_tags(copy_object: Any, call: Call, bucket: Bucket) -> Answer:
    """S3 API Reference, CopyObject, x-amz-tagging-directive: a copy to another bucket loses its tags."""
    answer: Answer = await copy_object(call, bucket)
    if gateway(copy_object).copy_source(call)[0] != bucket.name:
        bucket.put(call.key, replace(bucket.objects[call.key], tags={}))
    return answer


class SourceOfTheSameNameHere(Defect):
    """S3 API Reference, CopyObject, x-amz-copy-source: a key of the destination's bucket is preferred to the source."""

    noticed_by = ("storage/copy/between-buckets#key-in-both-buckets",)
    into: Bucket | None = None

    async def copy_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        self.into = bucket if gateway(original).copy_source(call)[1] in bucket.objects else None
        return await original(call, bucket)

    def source_bucket_of(self, original: Any, organization: str, name: str) -> Bucket:
        found: Bucket = original(organization, name)
        into, self.into = self.into, None
        return into or found


@defect("storage/copy/between-buckets#key-in-both-buckets")
async def same_key_in_another_bucket_is_itself(copy_object: Any, call: Call, bucket: Bucket) -> Answer:
    """S3 API Reference, CopyObject: a copy to the same key of another bucket is refused as a copy onto itself."""
    if gateway(copy_object).copy_source(call)[1] == call.key and DIRECTIVE not in call.headers:
        raise Fault("InvalidRequest")
    return await copy_object(call, bucket)


@defect(
    "storage/copy/bytes-are-the-same",
    "storage/copy/onto-itself-loses-nothing",
    "interoperability/storage/aws-s3-cp-between-keys",
)
async def copied_source_lost(source: Any, call: Call) -> Source:
    """S3 API Reference, CopyObject: the source is deleted."""
    found: Source = await source(call)
    gateway(source).buckets[found.bucket].remove(found.key)
    return found


class CopyReportedTooSoon(Defect):
    """S3 User Guide, "Amazon S3 data consistency model": an acknowledged copy cannot be read for a moment."""

    noticed_by = ("storage/copy/bytes-are-the-same", "storage/copy/bytes-are-the-same#of-several-buffers")
    later: set[asyncio.Task[None]] = set()

    async def copy_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        before = bucket.objects.get(call.key)
        answer: Answer = await original(call, bucket)
        made = bucket.objects[call.key]
        bucket.remove(call.key)
        if before is not None:
            bucket.put(call.key, before)
        task = asyncio.ensure_future(self._appears(bucket, call.key, made))
        self.later.add(task)
        task.add_done_callback(self.later.discard)
        return answer

    async def _appears(self, bucket: Bucket, key: str, made: StoredObject) -> None:
        await asyncio.sleep(25 * PAUSE_S)
        bucket.put(key, made)


@defect("storage/copy/date-is-reported")
def copy_dated_as_in_headers(request: Request, answer: Answer) -> Answer:
    """S3 API Reference, CopyObjectResult, LastModified: it has the format of an HTTP date."""
    return with_element_text(answer, "CopyObjectResult", "LastModified", http_time(int(time.time())))


@defect("storage/copy/metadata-is-copied")
def copy_loses_its_encoding(copied: Any, call: Call, stored: StoredObject, replaced: bool) -> StoredObject:
    """S3 API Reference, CopyObject: the copy loses its Content-Encoding."""
    copy: StoredObject = copied(call, stored, replaced)
    kept = {name: value for name, value in copy.headers.items() if name != "content-encoding"}
    return replace(copy, headers=kept)


@defect("storage/copy/metadata-is-replaced", "storage/copy/metadata-is-replaced#each-field")
def copy_replace_merges(copied: Any, call: Call, stored: StoredObject, replaced: bool) -> StoredObject:
    """S3 API Reference, CopyObject: with REPLACE, the source's metadata is merged into the new metadata."""
    copy: StoredObject = copied(call, stored, replaced)
    return replace(copy, metadata={**stored.metadata, **copy.metadata})


@defect("storage/copy/metadata-is-replaced", "storage/copy/metadata-is-replaced#each-field")
def replaced_copy_has_a_type_only(copied: Any, call: Call, source: StoredObject, replaced: bool) -> StoredObject:
    """S3 API Reference, CopyObject, x-amz-metadata-directive: with REPLACE, only Content-Type is replaced."""
    stored: StoredObject = copied(call, source, replaced)
    kept = {"content-type": stored.headers["content-type"]} if replaced else stored.headers
    return replace(stored, headers=kept)


@defect("storage/copy/metadata-is-replaced")
def replaced_copy_keeps_its_expiry(copied: Any, call: Call, source: StoredObject, replaced: bool) -> StoredObject:
    """S3 API Reference, CopyObject, x-amz-metadata-directive: with REPLACE, the source's Expires is kept."""
    stored: StoredObject = copied(call, source, replaced)
    kept = {name: value for name, value in source.headers.items() if name == "expires"}
    return replace(stored, headers={**kept, **stored.headers})


@defect("storage/copy/metadata-is-replaced#each-field")
def replaced_copy_is_kept_as_its_source(copied: Any, call: Call, source: StoredObject, replaced: bool) -> StoredObject:
    """S3 API Reference, CopyObject, x-amz-metadata-directive: with REPLACE, the source's Cache-Control is kept."""
    stored: StoredObject = copied(call, source, replaced)
    kept = {name: value for name, value in source.headers.items() if name == "cache-control"}
    return replace(stored, headers={**kept, **stored.headers})


@defect("storage/copy/multipart-object-is-the-same")
def copy_of_parts_is_of_the_first(copied: Any, call: Call, stored: StoredObject, replaced: bool) -> StoredObject:
    """S3 API Reference, CopyObject: a copy of a multipart object has only its first part."""
    copy: StoredObject = copied(call, stored, replaced)
    return replace(copy, body=copy.body[:SMALLEST_PART]) if in_parts(stored) else copy


@defect("storage/copy/multipart-object-is-the-same")
def copy_of_parts_loses_metadata(copied: Any, call: Call, stored: StoredObject, replaced: bool) -> StoredObject:
    """S3 API Reference, CopyObject: a copy of a multipart object loses its metadata."""
    copy: StoredObject = copied(call, stored, replaced)
    return replace(copy, metadata={}) if in_parts(stored) and not replaced else copy


@defect("storage/copy/multipart-object-is-the-same")
async def copy_of_parts_reported_with_its_source(copy_object: Any, call: Call, bucket: Bucket) -> Answer:
    """S3 API Reference, CopyObjectResult, ETag: the ETag of a copied multipart object is that of its source."""
    source = (await gateway(copy_object).source(call)).stored
    answer: Answer = await copy_object(call, bucket)
    answer.body = answer.body.replace(bucket.objects[call.key].etag.encode(), source.etag.encode())
    return answer


@defect("storage/copy/onto-itself-changes-metadata")
def self_copy_empties(copied: Any, call: Call, stored: StoredObject, replaced: bool) -> StoredObject:
    """S3 API Reference, CopyObject: a copy onto itself that replaces the metadata empties the object."""
    copy: StoredObject = copied(call, stored, replaced)
    return replace(copy, body=b"") if call.headers[SOURCE].lstrip("/") == f"{call.bucket}/{call.key}" else copy


@defect("storage/copy/onto-itself-changes-metadata")
def metadata_merged_onto_itself(copied: Any, call: Call, stored: StoredObject, replaced: bool) -> StoredObject:
    """S3 API Reference, CopyObject: a copy onto itself with REPLACE keeps the old metadata too."""
    copy: StoredObject = copied(call, stored, replaced)
    if gateway(copied).copy_source(call) != (call.bucket, call.key):
        return copy
    return replace(copy, metadata=stored.metadata | copy.metadata)


@defect("storage/copy/source-is-decoded-once#trailing-slash")
async def folders_copied_empty(source: Any, call: Call) -> Source:
    """S3 User Guide, "Organizing objects using folders": a copy of a key that ends in a slash is empty."""
    found: Source = await source(call)
    return replace(found, stored=replace(found.stored, body=b"")) if found.key.endswith("/") else found


def with_source(call: Call, value: str) -> Call:
    """Return the call with another x-amz-copy-source."""
    return with_field(call, SOURCE, value)


@defect("storage/copy/source-is-decoded-once#blank,encoded-whole,percent,plus,question,unicode")
def copy_source_not_decoded(copy_source: Any, call: Call) -> tuple[str, str]:
    """S3 API Reference, CopyObject, x-amz-copy-source: the value is not URL-decoded."""
    return copy_source(with_source(call, quote(call.headers[SOURCE], safe="/")))


@defect("storage/copy/source-is-decoded-once#double-slash", shipped=True)
def copy_source_cleaned(copy_source: Any, call: Call) -> tuple[str, str]:
    """S3 API Reference, CopyObject, x-amz-copy-source: repeated slashes in the source's key are merged."""
    bucket, key = copy_source(call)
    return bucket, posixpath.normpath(key)


@defect("storage/copy/type-is-replaced")
def replaced_copy_keeps_its_type(copied: Any, call: Call, stored: StoredObject, replaced: bool) -> StoredObject:
    """S3 API Reference, CopyObject: with REPLACE, the source's Content-Type is kept."""
    copy: StoredObject = copied(call, stored, replaced)
    if replaced and "content-type" not in call.headers:
        return replace(copy, headers=copy.headers | {"content-type": stored.headers["content-type"]})
    return copy


@defect("storage/copy/broken-source-is-refused#empty")
async def empty_copy_source_is_none(copy_object: Any, call: Call, bucket: Bucket) -> Answer:
    """S3 API Reference, CopyObject, x-amz-copy-source: an empty value creates an empty object."""
    made = copy_object if call.headers[SOURCE] else gateway(copy_object).put_object
    return await made(call, bucket)


@defect(
    "storage/copy/missing-source-bucket-is-refused",
    "storage/service/absent-bucket-is-refused#delete,get,head,list,list-version-1,put",
)
def missing_bucket_is_server_error(no_such_bucket: Any) -> Fault:
    """S3 API Reference, NoSuchBucket: a missing source bucket is answered with a 5xx."""
    return server_error()


@defect(
    "storage/copy/missing-source-is-404",
    "storage/copy/missing-source-bucket-is-refused",
    "storage/copy/broken-source-is-refused#blank,escape,no-key,slash",
)
async def copy_of_a_missing_object_leaves_an_object(copy_object: Any, call: Call, bucket: Bucket) -> Answer:
    """S3 API Reference, CopyObject: a copy of a missing object is refused, but creates an empty object."""
    try:
        return await copy_object(call, bucket)
    except Fault:
        if call.key not in bucket.objects:
            bucket.put(call.key, gateway(copy_object).new_object(call, hashlib.md5(b"").hexdigest(), {}))
        raise


@defect("storage/tagging/missing-object-is-404")
async def missing_key_is_bucket_missing(require: Any, bucket: Bucket, key: str) -> StoredObject:
    """S3 API Reference, NoSuchKey: a missing source key is reported as NoSuchBucket."""
    try:
        return await require(bucket, key)
    except Fault:
        raise Fault("NoSuchBucket") from None


@defect("storage/copy/refused-copy-keeps-the-object#condition-fails,source-missing")
async def refused_copy_empties_its_key(copy_object: Any, call: Call, bucket: Bucket) -> Answer:
    """S3 User Guide, "Amazon S3 data consistency model": a refused copy deletes the object at its destination."""
    with refusals_emptying(bucket, call.key):
        answer: Answer = await copy_object(call, bucket)
    return answer


@defect(
    "storage/copy/if-match-is-honoured#before-if-unmodified-since",
    "storage/copy/if-none-match-is-honoured#before-if-modified-since",
)
def copy_dates_outrank_tags(source_conditions_hold: Any, conditions: Conditions, stored: StoredObject) -> bool:
    """S3 API Reference, CopyObject, x-amz-copy-source-if-match: a date condition outranks the entity tag."""
    dates = replace(conditions, match=None, none_match=None)
    return source_conditions_hold(conditions if dates == NO_CONDITIONS else dates, stored)


def _without_conditions(call: Call) -> Call:
    """Return the copy without conditions, directives and versions."""
    headers = call.headers.mutablecopy()
    for name in (*SOURCE_CONDITIONS, "x-amz-metadata-directive"):
        del headers[name]
    headers[SOURCE] = headers[SOURCE].partition("?")[0]
    return replace(call, request=replace(call.request, headers=headers))


@defect(
    "storage/copy/if-match-is-honoured#if-match-fails",
    "storage/copy/if-none-match-is-honoured#if-none-match-fails",
    "storage/copy/if-modified-since-is-honoured#modified-since-fails",
    "storage/copy/if-unmodified-since-is-honoured#unmodified-since-fails",
    "storage/copy/missing-version-is-refused",
    "storage/copy/invalid-directive-is-refused",
)
async def refused_copy_made_all_the_same(copy_object: Any, call: Call, bucket: Bucket) -> Answer:
    """S3 API Reference, CopyObject: a copy is refused for its conditions, but made."""
    try:
        return await copy_object(call, bucket)
    except Fault:
        with contextlib.suppress(Fault):
            await copy_object(_without_conditions(call), bucket)
        raise


@defect(
    "storage/copy/if-match-is-honoured#if-match-holds", "storage/copy/if-none-match-is-honoured#if-none-match-holds"
)
async def copy_under_condition_not_made(copy_object: Any, call: Call, bucket: Bucket) -> Answer:
    """S3 API Reference, CopyObject, x-amz-copy-source-if-match: a copy whose condition holds is not made."""
    answer: Answer = await copy_object(call, bucket)
    if any(name.startswith(f"{SOURCE}-if-") for name in call.headers):
        bucket.remove(call.key)
    return answer
