"""Defects that break the promise "Conditional writes are honoured atomically"."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from starlette.datastructures import Headers

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.storage import xml
from conformance.reference.storage.call import Call
from conformance.reference.storage.conditions import Conditions
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.state import Bucket, StoredObject, Upload
from conformance.reference.support.storage import PAUSE_S, gateway, server_error
from tests.defects.rows import row
from tests.defects.support.storage import _Beside, in_chunks, without_fields

ROWS = (
    row(
        "failed-condition-told-as-deleted",
        ("S3 API Reference, DeleteObjects, Error: a key that was not deleted is told as an error, and not as deleted."),
        "storage/conditional-write/many-deletions-keep-what-changed",
        entry_failed=lambda original, key, fault: xml.group("Deleted", xml.element("Key", key)),
    ),
)


class ConditionalCompletionsAllFail(Defect):
    """S3 API Reference, CompleteMultipartUpload, If-Match and If-None-Match: the object is made where they hold."""

    surface = "storage"
    noticed_by = ("storage/conditional-write/completion-honours-conditions#if-match",)

    async def complete_upload(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        if {"if-match", "if-none-match"} & set(call.headers):
            raise Fault("PreconditionFailed")
        answer: Answer = await original(call, bucket)
        return answer


class CompleteConditionsIgnored(Defect):
    """S3 User Guide, "Conditional writes": CompleteMultipartUpload heeds If-None-Match, too."""

    surface = "storage"
    noticed_by = ("storage/conditional-write/completion-honours-conditions#if-none-match",)

    async def finish(
        self, original: Any, bucket: Bucket, upload: Upload, stored: StoredObject, asked: Conditions
    ) -> None:
        await original(bucket, upload, stored, Conditions(None, None, None, None))


class CopyHeedsAbsenceAlone(Defect):
    """S3 API Reference, CopyObject, If-Match: 412 where the object that would be overwritten has another ETag."""

    surface = "storage"
    noticed_by = ("storage/conditional-write/copy-honours-conditions#if-match",)

    async def copy_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        left = [pair for pair in call.headers.raw if pair[0] != b"if-match"]
        answer: Answer = await original(replace(call, request=replace(call.request, headers=Headers(raw=left))), bucket)
        return answer


class CopyOverwritesUnasked(Defect):
    """S3 API Reference, CopyObject, If-None-Match: nothing is overwritten."""

    surface = "storage"
    noticed_by = ("storage/conditional-write/copy-honours-conditions#if-none-match",)

    async def copy_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        headers = call.headers.mutablecopy()
        del headers["if-none-match"]
        answer: Answer = await original(replace(call, request=replace(call.request, headers=headers)), bucket)
        return answer


class ConditionalCopiesAllFail(Defect):
    """S3 API Reference, CopyObject, If-None-Match: the copy is made where nothing stands at its key."""

    surface = "storage"
    noticed_by = ("storage/conditional-write/copy-honours-conditions#if-none-match",)

    async def copy_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        if "if-none-match" in call.headers:
            raise Fault("PreconditionFailed")
        answer: Answer = await original(call, bucket)
        return answer


class CompareAndSwapLosesUpdates(Defect):
    """S3 User Guide, "Conditional writes": what was read is replaced only while it is still there."""

    surface = "storage"
    noticed_by = ("storage/conditional-write/counter-loses-no-update",)

    def check_write(self, original: Any, asked: Conditions, found: StoredObject | None) -> None:
        if asked.match is None or found is None:
            original(asked, found)


class CreatedOnlyInTheAnswer(Defect):
    """S3 User Guide, "Conditional writes": the object is stored where If-None-Match: * holds."""

    surface = "storage"
    noticed_by = (
        "storage/conditional-write/creates-what-is-absent",
        "storage/conditional-write/creates-what-is-absent#key-of-another-bucket",
    )

    async def commit(self, original: Any, bucket: Bucket, key: str, stored: StoredObject, asked: Conditions) -> None:
        if asked.none_match == "*":
            gateway(original).check_write(asked, bucket.objects.get(key))
        else:
            await original(bucket, key, stored, asked)


class DeletedBeforeItsCondition(Defect):
    """S3 User Guide, "Conditional deletes": where a condition fails, nothing is deleted."""

    surface = "storage"
    noticed_by = ("storage/conditional-write/deletion-keeps-what-changed#own-etag",)

    async def erase(self, original: Any, bucket: Bucket, key: str, asked: Conditions) -> None:
        found = bucket.objects.get(key)
        bucket.remove(key)
        gateway(original).check_write(asked, found)


class DeletedOnlyInTheAnswer(Defect):
    """S3 User Guide, "Conditional deletes": the object is deleted where If-Match holds."""

    surface = "storage"
    noticed_by = (
        "storage/conditional-write/deletion-keeps-what-changed#own-etag",
        "storage/conditional-write/deletion-keeps-what-changed#any-etag",
        "storage/conditional-write/deletion-keeps-what-changed#multipart-etag",
    )

    async def erase(self, original: Any, bucket: Bucket, key: str, asked: Conditions) -> None:
        if asked.match is None:
            await original(bucket, key, asked)
        else:
            gateway(original).check_write(asked, bucket.objects.get(key))


class DeletionConditionsAllFail(Defect):
    """RFC 9110 section 13.1.1: If-Match holds where the ETag is the object's, and then the DELETE is performed."""

    surface = "storage"
    noticed_by = (
        "storage/conditional-write/deletion-keeps-what-changed#own-etag",
        "storage/conditional-write/deletion-keeps-what-changed#any-etag",
        "storage/conditional-write/many-deletions-keep-what-changed",
    )

    async def erase(self, original: Any, bucket: Bucket, key: str, asked: Conditions) -> None:
        if asked.match is not None:
            raise Fault("PreconditionFailed")
        await original(bucket, key, asked)


class IfMatchAnyCreates(Defect):
    """RFC 9110 section 13.1.1: If-Match: * holds only where there is an object."""

    surface = "storage"
    noticed_by = ("storage/conditional-write/if-match-any-needs-an-object#if-match-any-fails",)

    def check_write(self, original: Any, asked: Conditions, found: StoredObject | None) -> None:
        if asked.match != "*" or found is not None:
            original(asked, found)


class ReplacedOnlyInTheAnswer(Defect):
    """RFC 9110 section 13.1.1: where If-Match: * holds the PUT is performed."""

    surface = "storage"
    noticed_by = ("storage/conditional-write/if-match-any-needs-an-object#if-match-any-holds",)

    async def commit(self, original: Any, bucket: Bucket, key: str, stored: StoredObject, asked: Conditions) -> None:
        if asked.match == "*":
            gateway(original).check_write(asked, bucket.objects.get(key))
        else:
            await original(bucket, key, stored, asked)


class IfMatchCreates(Defect):
    """S3 User Guide, "Conditional writes": If-Match writes nothing where there is no object."""

    surface = "storage"
    noticed_by = ("storage/conditional-write/keeps-what-changed#missing-object",)

    def check_write(self, original: Any, asked: Conditions, found: StoredObject | None) -> None:
        if found is not None:
            original(asked, found)


class EtagKeptOnOverwrite(Defect):
    """RFC 9110 section 8.8.1: a validator changes whenever the content does."""

    surface = "storage"
    noticed_by = ("storage/conditional-write/keeps-what-changed#overwritten-since",)

    async def commit(self, original: Any, bucket: Bucket, key: str, stored: StoredObject, asked: Conditions) -> None:
        earlier = bucket.objects.get(key)
        await original(bucket, key, replace(stored, etag=earlier.etag) if earlier else stored, asked)


class WrittenBeforeItsCondition(Defect):
    """S3 User Guide, "Conditional writes": where a condition fails, nothing is written, by whichever operation."""

    surface = "storage"
    noticed_by = (
        "storage/conditional-write/if-none-match-of-an-etag#if-none-match-fails",
        "storage/conditional-write/if-match-any-needs-an-object#if-match-any-fails",
        "storage/conditional-write/keeps-what-changed#never-seen",
        "storage/conditional-write/keeps-what-changed#missing-object",
        "storage/conditional-write/copy-honours-conditions#if-match",
        "storage/conditional-write/copy-honours-conditions#if-none-match",
        "storage/conditional-write/completion-honours-conditions#if-match",
    )

    async def commit(self, original: Any, bucket: Bucket, key: str, stored: StoredObject, asked: Conditions) -> None:
        found = bucket.objects.get(key)
        bucket.put(key, stored)
        gateway(original).check_write(asked, found)


class AnyTagTakenForAnAsterisk(Defect):
    """RFC 9110 section 13.1.2: If-None-Match of a tag that the object has not is true, and the request performed."""

    surface = "storage"
    noticed_by = ("storage/conditional-write/if-none-match-of-an-etag#if-none-match-holds",)

    def check_write(self, original: Any, asked: Conditions, found: StoredObject | None) -> None:
        original(replace(asked, none_match="*") if asked.none_match else asked, found)


class WriteUnlessOfTagIgnored(Defect):
    """RFC 9110 section 13.1.2: a PUT whose If-None-Match names the entity tag that there is is not performed."""

    surface = "storage"
    noticed_by = ("storage/conditional-write/if-none-match-of-an-etag#if-none-match-fails",)

    def check_write(self, original: Any, asked: Conditions, found: StoredObject | None) -> None:
        original(asked if asked.none_match == "*" else replace(asked, none_match=None), found)


class ChunksOverwriteUnasked(Defect):
    """S3 User Guide, "Conditional writes": If-None-Match: * holds for payloads in chunks as for others."""

    surface = "storage"
    noticed_by = (
        "storage/conditional-write/keeps-what-is-there#signed-chunks",
        "storage/conditional-write/keeps-what-is-there#unsigned-chunks",
    )

    async def put_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = await original(without_fields(call, "if-none-match") if in_chunks(call) else call, bucket)
        return answer


class RefusedConditionalWriteStored(Defect):
    """S3 User Guide, "Conditional writes": what is refused with 412 is not written."""

    surface = "storage"
    noticed_by = (
        "storage/conditional-write/keeps-what-is-there",
        "storage/conditional-write/keeps-what-is-there#by-url",
        "storage/conditional-write/keeps-what-is-there#signed-chunks",
        "storage/conditional-write/keeps-what-is-there#created-during-the-upload",
        "storage/conditional-write/keeps-what-is-there#copied-object",
    )

    async def commit(self, original: Any, bucket: Bucket, key: str, stored: StoredObject, asked: Conditions) -> None:
        try:
            await original(bucket, key, stored, asked)
        except Fault:
            bucket.put(key, stored)
            raise


class CreationOnConditionGetsNoAnswer(Defect):
    """S3 API Reference, PutObject, If-None-Match: what is there is kept, and 412 answered."""

    surface = "storage"
    noticed_by = (
        "storage/conditional-write/keeps-what-is-there",
        "storage/conditional-write/keeps-what-is-there#by-url",
        "storage/conditional-write/keeps-what-is-there#signed-chunks",
        "storage/conditional-write/keeps-what-is-there#created-during-the-upload",
        "storage/conditional-write/keeps-what-is-there#copied-object",
    )

    def intercept(self, request: Request) -> Answer | None:
        return Answer.none() if request.method == "PUT" and "if-none-match" in request.headers else None


class DeletionsEndAtErrors(Defect):
    """S3 API Reference, DeleteObjects: each key is deleted or told as an error, also behind one that could not be."""

    surface = "storage"
    noticed_by = ("storage/conditional-write/many-deletions-keep-what-changed",)
    shipped = True

    def __init__(self) -> None:
        self.failed = False

    async def delete_objects(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        self.failed = False
        answer: Answer = await original(call, bucket)
        return answer

    async def delete_entry(self, original: Any, bucket: Bucket, entry: xml.Node, quiet: bool) -> str:
        return "" if self.failed else str(await original(bucket, entry, quiet))

    def entry_failed(self, original: Any, key: str, fault: Fault) -> str:
        self.failed = True
        return str(original(key, fault))


class TagsInDeletionsFail(Defect):
    """API Reference, Error Handling: a deletion that names an ETag is made or refused, and is no failure's cause."""

    surface = "storage"
    noticed_by = ("storage/conditional-write/many-deletions-keep-what-changed",)

    async def delete_entry(self, original: Any, bucket: Bucket, entry: xml.Node, quiet: bool) -> str:
        if entry.get("ETag") is not None:
            raise server_error()
        return str(await original(bucket, entry, quiet))


class ManyDeletedWhateverTheirTags(Defect):
    """S3 User Guide, "How to perform conditional deletes": an ETag in the document is a condition on its key."""

    surface = "storage"
    noticed_by = ("storage/conditional-write/many-deletions-keep-what-changed",)

    async def delete_entry(self, original: Any, bucket: Bucket, entry: xml.Node, quiet: bool) -> str:
        unconditional = replace(entry, children=[each for each in entry.children if each.name != "ETag"])
        return str(await original(bucket, unconditional, quiet))


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


class WriteComparesQuotesToo(Defect):
    """RFC 9110 section 13.1.1: a PUT with If-Match of the entity tag that the object has is performed."""

    surface = "storage"
    noticed_by = (
        "storage/conditional-write/replaces-what-matches",
        "storage/conditional-write/replaces-what-matches#multipart-object",
        "storage/conditional-write/replaces-what-matches#copy-over-an-object",
    )

    def check_write(self, original: Any, asked: Conditions, found: StoredObject | None) -> None:
        original(asked, found)
        if found is not None and asked.match not in (None, "*", found.etag):
            raise Fault("PreconditionFailed")


class CreationSeesNoParts(Defect):
    """S3 API Reference, PutObject, If-None-Match: an object that came in parts is there as any other is."""

    surface = "storage"
    noticed_by = ("storage/conditional-write/keeps-what-is-there#existing-multipart-object",)

    async def put_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        found = bucket.objects.get(call.key)
        if found is not None and "-" in found.etag and call.headers.get("if-none-match") == "*":
            bucket.remove(call.key)
        answer: Answer = await original(call, bucket)
        return answer
