"""Defects that break the promise "Conditional writes are honoured atomically"."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from starlette.datastructures import Headers

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.one_method import defect, row
from conformance.reference.storage import xml
from conformance.reference.storage.call import Call
from conformance.reference.storage.conditions import Conditions
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.state import Bucket, StoredObject, Upload
from conformance.reference.support.storage import PAUSE_S, gateway, server_error
from tests.defects.support.storage import _ConcurrentWrites, failing, in_chunks, refusing, without_fields

ROWS = (
    row(
        "failed-condition-reported-as-deleted",
        "S3 API Reference, DeleteObjects, Error: a key whose condition fails is reported as deleted.",
        "storage/conditional-write/changed-objects-are-not-deleted",
        entry_failed=lambda original, key, fault: xml.group("Deleted", xml.element("Key", key)),
    ),
    row(
        "conditional-copies-all-fail",
        "S3 API Reference, CopyObject, If-None-Match: a copy with a condition always fails.",
        "storage/conditional-write/copy-honours-conditions#if-none-match",
        copy_object=refusing("PreconditionFailed", lambda call, bucket: "if-none-match" in call.headers),
    ),
    row(
        "deletion-conditions-all-fail",
        "RFC 9110 section 13.1.1: a deletion with If-Match always fails.",
        "storage/conditional-write/changed-object-is-not-deleted#own-etag,any-etag",
        "storage/conditional-write/changed-objects-are-not-deleted",
        erase=refusing("PreconditionFailed", lambda bucket, key, conditions: conditions.match is not None),
    ),
    row(
        "tags-in-deletions-fail",
        "API Reference, Error Handling: a key with an ETag in the document is answered with a 5xx.",
        "storage/conditional-write/changed-objects-are-not-deleted",
        delete_entry=failing(lambda bucket, entry, quiet: entry.get("ETag") is not None),
    ),
)


@defect("storage/conditional-write/completion-honours-conditions#if-match")
async def conditional_completions_all_fail(complete_upload: Any, call: Call, bucket: Bucket) -> Answer:
    """S3 API Reference, CompleteMultipartUpload, If-Match: a completion with a condition always fails."""
    if {"if-match", "if-none-match"} & set(call.headers):
        raise Fault("PreconditionFailed")
    return await complete_upload(call, bucket)


@defect("storage/conditional-write/completion-honours-conditions#if-none-match")
async def complete_conditions_ignored(finish: Any, bucket: Any, upload: Upload, stored: Any, conditions: Any) -> None:
    """S3 User Guide, "Conditional writes": a completion ignores If-None-Match."""
    await finish(bucket, upload, stored, Conditions(None, None, None, None))


@defect("storage/conditional-write/copy-honours-conditions#if-match")
async def copy_heeds_if_none_match_only(copy_object: Any, call: Call, bucket: Bucket) -> Answer:
    """S3 API Reference, CopyObject, If-Match: a copy ignores If-Match."""
    left = [pair for pair in call.headers.raw if pair[0] != b"if-match"]
    return await copy_object(replace(call, request=replace(call.request, headers=Headers(raw=left))), bucket)


@defect("storage/conditional-write/counter-loses-no-update")
def compare_and_swap_loses_updates(check_write: Any, conditions: Conditions, found: StoredObject | None) -> None:
    """S3 User Guide, "Conditional writes": a write ignores If-Match."""
    if conditions.match is None or found is None:
        check_write(conditions, found)


@defect(
    "storage/conditional-write/missing-object-is-created",
    "storage/conditional-write/missing-object-is-created#key-of-another-bucket",
)
async def created_only_in_the_answer(
    commit: Any, bucket: Bucket, key: str, stored: StoredObject, conditions: Conditions
) -> None:
    """S3 User Guide, "Conditional writes": a write with If-None-Match: * is acknowledged, but not stored."""
    if conditions.none_match == "*":
        gateway(commit).check_write(conditions, bucket.objects.get(key))
    else:
        await commit(bucket, key, stored, conditions)


@defect("storage/conditional-write/changed-object-is-not-deleted#own-etag")
async def deleted_before_its_condition(erase: Any, bucket: Bucket, key: str, conditions: Conditions) -> None:
    """S3 User Guide, "Conditional deletes": a deletion whose condition fails is refused, but done."""
    found = bucket.objects.get(key)
    bucket.remove(key)
    gateway(erase).check_write(conditions, found)


@defect("storage/conditional-write/changed-object-is-not-deleted#own-etag,any-etag,multipart-etag")
async def deleted_only_in_the_answer(erase: Any, bucket: Bucket, key: str, conditions: Conditions) -> None:
    """S3 User Guide, "Conditional deletes": a deletion with If-Match is acknowledged, but not done."""
    if conditions.match is None:
        await erase(bucket, key, conditions)
    else:
        gateway(erase).check_write(conditions, bucket.objects.get(key))


@defect("storage/conditional-write/changed-object-is-not-overwritten#overwritten-since")
async def etag_kept_on_overwrite(commit: Any, bucket: Bucket, key: str, stored: StoredObject, conditions: Any) -> None:
    """RFC 9110 section 8.8.1: the ETag stays the same when the object is overwritten."""
    earlier = bucket.objects.get(key)
    await commit(bucket, key, replace(stored, etag=earlier.etag) if earlier else stored, conditions)


@defect(
    "storage/conditional-write/if-none-match-of-an-etag#if-none-match-fails",
    "storage/conditional-write/if-match-any-needs-an-object#if-match-any-fails",
    "storage/conditional-write/changed-object-is-not-overwritten#never-seen,missing-object",
    "storage/conditional-write/copy-honours-conditions#if-match,if-none-match",
    "storage/conditional-write/completion-honours-conditions#if-match",
)
async def written_before_its_condition(
    commit: Any, bucket: Bucket, key: str, stored: StoredObject, conditions: Conditions
) -> None:
    """S3 User Guide, "Conditional writes": a write whose condition fails is refused, but done."""
    found = bucket.objects.get(key)
    bucket.put(key, stored)
    gateway(commit).check_write(conditions, found)


@defect("storage/conditional-write/if-none-match-of-an-etag#if-none-match-holds")
def any_tag_treated_as_an_asterisk(check_write: Any, conditions: Conditions, found: StoredObject | None) -> None:
    """RFC 9110 section 13.1.2: If-None-Match with any entity tag is treated as an asterisk."""
    check_write(replace(conditions, none_match="*") if conditions.none_match else conditions, found)


@defect("storage/conditional-write/existing-object-is-not-overwritten#signed-chunks,unsigned-chunks")
async def chunks_overwrite_unrequested(put_object: Any, call: Call, bucket: Bucket) -> Answer:
    """S3 User Guide, "Conditional writes": a chunked write ignores If-None-Match."""
    return await put_object(without_fields(call, "if-none-match") if in_chunks(call) else call, bucket)


@defect(
    "storage/conditional-write/existing-object-is-not-overwritten",
    "storage/conditional-write/existing-object-is-not-overwritten#by-url,signed-chunks,created-during-the-upload,copied-object",
)
async def refused_conditional_write_stored(
    commit: Any, bucket: Bucket, key: str, stored: StoredObject, conditions: Conditions
) -> None:
    """S3 User Guide, "Conditional writes": a write is refused with 412, but stored."""
    try:
        await commit(bucket, key, stored, conditions)
    except Fault:
        bucket.put(key, stored)
        raise


@defect(
    "storage/conditional-write/existing-object-is-not-overwritten",
    "storage/conditional-write/existing-object-is-not-overwritten#by-url,signed-chunks,created-during-the-upload,copied-object",
)
def creation_on_condition_gets_no_answer(request: Request) -> Answer | None:
    """S3 API Reference, PutObject, If-None-Match: a write whose If-None-Match fails gets no response."""
    return Answer.none() if request.method == "PUT" and "if-none-match" in request.headers else None


class DeletionsEndAtErrors(Defect):
    """S3 API Reference, DeleteObjects: keys after one that could not be deleted are left out."""

    noticed_by = ("storage/conditional-write/changed-objects-are-not-deleted",)
    shipped = True
    failed = False

    async def delete_objects(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        self.failed = False
        return await original(call, bucket)

    async def delete_entry(self, original: Any, bucket: Bucket, entry: xml.Node, quiet: bool) -> str:
        return "" if self.failed else str(await original(bucket, entry, quiet))

    def entry_failed(self, original: Any, key: str, fault: Fault) -> str:
        self.failed = True
        return str(original(key, fault))


@defect("storage/conditional-write/changed-objects-are-not-deleted")
async def many_deleted_whatever_their_tags(delete_entry: Any, bucket: Bucket, entry: xml.Node, quiet: bool) -> str:
    """S3 User Guide, "How to perform conditional deletes": an ETag in the document is ignored."""
    unconditional = replace(entry, children=[each for each in entry.children if each.name != "ETag"])
    return str(await delete_entry(bucket, unconditional, quiet))


class LosersFail(_ConcurrentWrites):
    """S3 User Guide, "Conditional writes": concurrent conditional writes that lose are answered with 500."""

    noticed_by = ("storage/conditional-write/one-creator-wins", "storage/conditional-write/counter-loses-no-update")

    async def commit(self, original: Any, bucket: Bucket, key: str, stored: Any, conditions: Conditions) -> None:
        with self._writing(bucket, key):
            await asyncio.sleep(PAUSE_S)
            try:
                await original(bucket, key, stored, conditions)
            except Fault:
                raise server_error() from None


class LosersStored(_ConcurrentWrites):
    """S3 User Guide, "Conditional writes": a concurrent conditional write that loses is refused, but stored."""

    noticed_by = ("storage/conditional-write/one-creator-wins", "storage/conditional-write/one-replacement-wins")

    async def commit(self, original: Any, bucket: Bucket, key: str, stored: StoredObject, conditions: Any) -> None:
        with self._writing(bucket, key):
            beside = self._others(bucket, key)
            await asyncio.sleep(PAUSE_S)
            try:
                await original(bucket, key, stored, conditions)
            except Fault:
                if beside:
                    bucket.put(key, stored)
                raise


@defect("storage/conditional-write/one-replacement-wins")
async def compare_and_swap_race(
    commit: Any, bucket: Bucket, key: str, stored: StoredObject, conditions: Conditions
) -> None:
    """S3 User Guide, "Conditional writes": several concurrent writes with one If-Match succeed."""
    if conditions.match is None:
        await commit(bucket, key, stored, conditions)
        return
    gateway(commit).check_write(conditions, bucket.objects.get(key))
    await asyncio.sleep(PAUSE_S)
    bucket.put(key, stored)
