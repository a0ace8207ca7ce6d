"""Defects of copies, conditions and deletions that are told in one way and done in another, or told twice."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import replace
from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.storage.support import PAUSE_S, gateway
from conformance.reference.http import Answer, Request
from conformance.reference.storage import xml
from conformance.reference.storage.call import Call
from conformance.reference.storage.conditions import Conditions
from conformance.reference.storage.copies import SOURCE
from conformance.reference.storage.digests import checksum
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.state import Bucket, StoredObject

OF_NOTHING = hashlib.md5(b"").hexdigest()


# Results.


class CopyToldTooSoon(Defect):
    """S3 User Guide, "Amazon S3 data consistency model": what was copied can be read when the copy is answered."""

    surface = "storage"
    noticed_by = ("storage/copy/bytes-are-the-same", "storage/copy/bytes-are-the-same#of-several-buffers")

    def __init__(self) -> None:
        self.later: set[asyncio.Task[None]] = set()

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


class CopyToldWithTheTagOfNoBody(Defect):
    """S3 API Reference, CopyObjectResult, ETag: that of the new object, and not of the request, which has no body."""

    surface = "storage"
    noticed_by = ("storage/copy/bytes-are-the-same",)

    def copy_result(self, original: Any, etag: str, modified: int, checksums: dict[str, str]) -> list[str]:
        told: list[str] = original(OF_NOTHING, modified, checksums)
        return told


class CopyMergesMetadata(Defect):
    """S3 API Reference, CopyObject, x-amz-metadata-directive: without REPLACE the metadata is the source's alone."""

    surface = "storage"
    noticed_by = ("storage/copy/metadata-goes-along",)

    def copied(self, original: Any, call: Call, stored: StoredObject, replaced: bool) -> StoredObject:
        copy: StoredObject = original(call, stored, replaced)
        return copy if replaced else replace(copy, metadata=gateway(original).metadata(call) | copy.metadata)


class CopyOntoItselfAlwaysRefused(Defect):
    """S3 API Reference, CopyObject: an object is copied onto itself where its metadata is replaced."""

    surface = "storage"
    noticed_by = ("storage/copy/onto-itself-changes-metadata",)

    def changes(self, original: Any, call: Call, source: Any, replaced: bool) -> bool:
        return False


class CopiesChecksumKeptWrong(Defect):
    """S3 API Reference, CopyObject, x-amz-checksum-algorithm: the checksum that is kept is the one that was told."""

    surface = "storage"
    noticed_by = ("storage/checksum/of-a-copy-is-the-one-asked",)

    async def copy_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = await original(call, bucket)
        stored = bucket.objects[call.key]
        wrong = {name: checksum(name, stored.etag.encode()) for name in stored.checksums}
        bucket.put(call.key, replace(stored, checksums=wrong))
        return answer


class CopyOfPartsToldWithASourcesChecksum(Defect):
    """S3 API Reference, CopyObjectResult, ChecksumCRC32: that of the new object, which has no parts."""

    surface = "storage"
    noticed_by = ("storage/checksum/of-a-copy-of-parts-is-its-own",)

    def __init__(self) -> None:
        self.told: dict[str, str] = {}

    def copied_checksums(self, original: Any, stored: StoredObject, asked: str | None) -> dict[str, str]:
        found: dict[str, str] = original(stored, asked)
        if stored.checksum_type == "COMPOSITE":
            self.told = {name: checksum(name, value.encode()) for name, value in found.items()}
        return found

    def copy_result(self, original: Any, etag: str, modified: int, checksums: dict[str, str]) -> list[str]:
        told: list[str] = original(
            etag, modified, {name: self.told.get(name, value) for name, value in checksums.items()}
        )
        return told


class ChecksumOfPartsKeptWrong(Defect):
    """S3 API Reference, GetObject, x-amz-checksum-: of an object in parts as its completion told it."""

    surface = "storage"
    noticed_by = (
        "storage/checksum/of-parts-is-of-its-type#composite-crc32",
        "storage/checksum/of-parts-is-of-its-type#composite-sha256",
    )

    def checksum_headers(self, original: Any, checksums: dict[str, str]) -> dict[str, str]:
        cut = {name: value.partition("-")[0][::-1] if "-" in value else value for name, value in checksums.items()}
        return dict(original(cut))


# Conditions.


class CopyUnderConditionNotMade(Defect):
    """S3 API Reference, CopyObject, x-amz-copy-source-if-match: where the condition holds the copy is made."""

    surface = "storage"
    noticed_by = ("storage/copy/if-match-that-holds", "storage/copy/if-none-match-that-holds")

    async def copy_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = await original(call, bucket)
        if any(name.startswith(f"{SOURCE}-if-") for name in call.headers):
            bucket.remove(call.key)
        return answer


class CopyComparesNoTagOfParts(Defect):
    """S3 API Reference, CopyObject, x-amz-copy-source-if-match: the ETag of an object in parts is one like others."""

    surface = "storage"
    noticed_by = ("storage/condition/if-match-that-holds#of-parts",)

    def source_conditions_hold(self, original: Any, asked: Conditions, stored: StoredObject) -> bool:
        return bool(original(asked, stored)) and not (asked.match and "-" in stored.etag)


class TagOfPartsIsNeverFresh(Defect):
    """RFC 9110 section 13.1.2: what a client has, by its entity tag, is not sent again, also if it came in parts."""

    surface = "storage"
    noticed_by = ("storage/condition/if-match-that-holds#of-parts",)

    def none_match_holds(self, original: Any, value: str, found: StoredObject | None) -> bool:
        return (found is not None and "-" in found.etag) or bool(original(value, found))


class ReadUnderConditionIsEmpty(Defect):
    """RFC 9110 section 13.1: where a condition holds the request is performed as if there were none."""

    surface = "storage"
    noticed_by = (
        "storage/condition/if-match-that-holds",
        "storage/condition/if-match-that-holds#of-parts",
        "storage/condition/modified-since-that-holds",
    )

    def object_body(self, original: Any, call: Call, found: StoredObject, start: int, end: int) -> bytes:
        asked = any(name in call.headers for name in ("if-match", "if-modified-since"))
        return b"" if asked else bytes(original(call, found, start, end))

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if request.method == "GET" and answer.status == 200 and not answer.body and "etag" in answer.headers:
            answer.headers["Content-Length"] = "0"
        return answer


class WriteComparesQuotesToo(Defect):
    """RFC 9110 section 13.1.1: a PUT with If-Match of the entity tag that the object has is performed."""

    surface = "storage"
    noticed_by = (
        "storage/conditional-write/replaces-what-matches",
        "storage/conditional-write/replaces-what-matches#of-parts",
        "storage/conditional-write/replaces-what-matches#what-was-copied-over",
    )

    def check_write(self, original: Any, asked: Conditions, found: StoredObject | None) -> None:
        original(asked, found)
        if found is not None and asked.match not in (None, "*", found.etag):
            raise Fault("PreconditionFailed")


class CreatedOnlyInTheAnswer(Defect):
    """S3 User Guide, "Conditional writes": the object is stored where If-None-Match: * holds."""

    surface = "storage"
    noticed_by = (
        "storage/conditional-write/creates-what-is-absent",
        "storage/conditional-write/creates-what-is-absent#beside-another-bucket-s",
    )

    async def commit(self, original: Any, bucket: Bucket, key: str, stored: StoredObject, asked: Conditions) -> None:
        if asked.none_match == "*":
            gateway(original).check_write(asked, bucket.objects.get(key))
        else:
            await original(bucket, key, stored, asked)


class ReplacedOnlyInTheAnswer(Defect):
    """RFC 9110 section 13.1.1: where If-Match: * holds the PUT is performed."""

    surface = "storage"
    noticed_by = ("storage/conditional-write/if-match-any-needs-an-object",)

    async def commit(self, original: Any, bucket: Bucket, key: str, stored: StoredObject, asked: Conditions) -> None:
        if asked.match == "*":
            gateway(original).check_write(asked, bucket.objects.get(key))
        else:
            await original(bucket, key, stored, asked)


class DeletedOnlyInTheAnswer(Defect):
    """S3 User Guide, "Conditional deletes": the object is deleted where If-Match holds."""

    surface = "storage"
    noticed_by = (
        "storage/conditional-write/deletion-keeps-what-changed",
        "storage/conditional-write/deletion-keeps-what-changed#any-tag",
        "storage/conditional-write/deletion-keeps-what-changed#tag-of-parts",
    )

    async def erase(self, original: Any, bucket: Bucket, key: str, asked: Conditions) -> None:
        if asked.match is None:
            await original(bucket, key, asked)
        else:
            gateway(original).check_write(asked, bucket.objects.get(key))


class FailedConditionToldAsDeleted(Defect):
    """S3 API Reference, DeleteObjects, Error: a key that was not deleted is told as an error, and not as deleted."""

    surface = "storage"
    noticed_by = ("storage/conditional-write/many-deletions-keep-what-changed",)

    def entry_failed(self, original: Any, key: str, fault: Fault) -> str:
        return xml.group("Deleted", xml.element("Key", key))


# DeleteObjects.


class LastDeletedNotTold(Defect):
    """S3 API Reference, DeleteResult, Deleted: each key that was deleted is told, the last one too."""

    surface = "storage"
    noticed_by = (
        "storage/multi-delete/deletes-what-is-named",
        "storage/multi-delete/deletes-what-is-named#and-tells-each",
        "storage/multi-delete/takes-a-thousand",
    )

    def entries(self, original: Any, asked: xml.Node) -> list[xml.Node]:
        self.left = len(found := list(original(asked)))
        return found

    left = 0

    async def delete_entry(self, original: Any, bucket: Bucket, entry: xml.Node, quiet: bool) -> str:
        self.left -= 1
        told = str(await original(bucket, entry, quiet))
        return told if self.left else ""


class FormsToldAsTaken(Defect):
    """S3 API Reference, POST Object: a form that no policy permits is refused, and not told as if it were stored."""

    surface = "storage"
    noticed_by = (
        "storage/signature/form-without-permission-is-refused#bucket",
        "storage/signature/form-without-permission-is-refused#bytes",
        "storage/signature/form-without-permission-is-refused#condition",
        "storage/signature/form-without-permission-is-refused#each-size",
        "storage/signature/form-without-permission-is-refused#end",
        "storage/signature/form-without-permission-is-refused#key",
        "storage/signature/form-without-permission-is-refused#letters",
        "storage/signature/form-without-permission-is-refused#policy",
        "storage/signature/form-without-permission-is-refused#secret",
        "storage/signature/form-without-permission-is-refused#size",
        "storage/signature/form-without-permission-is-refused#time",
    )

    def intercept(self, request: Request) -> Answer | None:
        form = request.headers.get("content-type", "").startswith("multipart/form-data")
        return Answer(204) if form and request.method == "POST" else None


class ErrorsWithinSuccess(Defect):
    """S3 API Reference, "Error responses": an error has the status of its code, and is told by it first of all."""

    surface = "storage"
    noticed_by = (
        "storage/errors/document-has-code-and-message#anonymous",
        "storage/errors/document-has-code-and-message#asked-as-by-a-page",
        "storage/errors/document-has-code-and-message#bad-digest",
        "storage/errors/document-has-code-and-message#expired-url",
        "storage/errors/document-has-code-and-message#malformed-xml",
        "storage/errors/document-has-code-and-message#missing-hard-key",
        "storage/errors/document-has-code-and-message#missing-upload",
        "storage/errors/document-has-code-and-message#unknown-key",
    )

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if request.method != "HEAD" and b"<Error>" in answer.body:
            answer.status = 200
        return answer
