"""Defects that break the promise "DeleteObjects deletes every named key and reports each result"."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer
from conformance.reference.one_method import defect, row
from conformance.reference.storage import xml
from conformance.reference.storage.call import Call
from conformance.reference.storage.conditions import Conditions
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.state import Bucket, StoredObject
from conformance.reference.support.storage import gateway
from tests.defects.support.storage import MOMENT_S

BLANKS = re.compile(" +")

ROWS = (
    row(
        "quiet-before-objects-only",
        "S3 API Reference, DeleteObjects, Quiet: it is ignored after the first Object element.",
        "storage/multi-delete/quiet-names-only-errors",
        quiet=lambda original, asked: asked.children[0].name == "Quiet" and bool(original(asked)),
    ),
    row(
        "blanks-of-named-keys-folded",
        "XML 1.0 section 2.10: repeated spaces in a key are merged.",
        "storage/multi-delete/keys-are-matched-exactly#similar-keys",
        shipped=True,
        entry_key=lambda original, entry: BLANKS.sub(" ", str(original(entry))),
    ),
    row(
        "slash-before-a-key-lost",
        "S3 API Reference, DeleteObjects, Key: a leading slash of a key is dropped.",
        "storage/multi-delete/keys-are-matched-exactly#leading-slash",
        entry_key=lambda original, entry: str(original(entry)).removeprefix("/"),
    ),
)


@defect(
    "storage/multi-delete/broken-document-is-refused#cut,empty,json,no-objects,no-xml,object-without-key",
    "storage/multi-delete/broken-document-is-refused#other-root",
    "storage/errors/code-malformed-xml",
)
async def malformed_document_not_refused(delete_objects: Any, call: Call, bucket: Bucket) -> Answer:
    """S3 API Reference, MalformedXML: a malformed document is accepted."""
    try:
        return await delete_objects(call, bucket)
    except Fault as fault:
        if fault.code != "MalformedXML":
            raise
        return gateway(delete_objects).document("DeleteResult")


@defect(
    "storage/multi-delete/named-keys-are-deleted",
    "storage/multi-delete/keys-are-matched-exactly#xml-characters",
    "storage/sdk/delete-objects#base",
)
async def multi_delete_leaves_last(delete_objects: Any, call: Call, bucket: Bucket) -> Answer:
    """S3 API Reference, DeleteObjects: the last key is reported as deleted, but not deleted."""
    before = dict(bucket.objects)
    answer: Answer = await delete_objects(call, bucket)
    gone = sorted(before.keys() - bucket.objects.keys())
    if len(gone) > 1:
        bucket.put(gone[-1], before[gone[-1]])
    return answer


class LastDeletedNotReported(Defect):
    """S3 API Reference, DeleteResult, Deleted: the last deleted key is not reported."""

    noticed_by = (
        "storage/multi-delete/named-keys-are-deleted",
        "storage/multi-delete/named-keys-are-deleted#every-result-is-reported",
        "storage/multi-delete/1000-keys-are-deleted",
    )

    def entries(self, original: Any, document: xml.Node) -> list[xml.Node]:
        self.left = len(found := list(original(document)))
        return found

    left = 0

    async def delete_entry(self, original: Any, bucket: Bucket, entry: xml.Node, quiet: bool) -> str:
        self.left -= 1
        result = str(await original(bucket, entry, quiet))
        return result if self.left else ""


@defect("storage/multi-delete/missing-keys-are-deleted-too#missing,named-twice")
async def multi_delete_missing_is_error(delete_entry: Any, bucket: Bucket, entry: xml.Node, quiet: bool) -> str:
    """S3 API Reference, DeleteObjects: a missing key is reported as an error."""
    key = gateway(delete_entry).entry_key(entry)
    if key not in bucket.objects:
        return gateway(delete_entry).entry_failed(key, Fault("NoSuchKey"))
    return str(await delete_entry(bucket, entry, quiet))


@defect("storage/multi-delete/more-than-a-thousand-is-refused")
def multi_delete_unlimited(entries: Any, document: xml.Node) -> list[xml.Node]:
    """S3 API Reference, DeleteObjects: more than a thousand keys are accepted."""
    found = document.all("Object")
    return found if len(found) > 1000 else entries(document)


class DeletedStillRead(Defect):
    """S3 User Guide, "Amazon S3 data consistency model": a deleted object can still be read."""

    noticed_by = ("storage/multi-delete/quiet-names-only-errors",)
    deleted: dict[tuple[str, str], tuple[StoredObject, float]] = {}

    async def erase(self, original: Any, bucket: Bucket, key: str, conditions: Conditions) -> None:
        before = bucket.objects.get(key)
        await original(bucket, key, conditions)
        if before is not None:
            self.deleted[bucket.name, key] = (before, gateway(original).now() + MOMENT_S)

    async def current(self, original: Any, bucket: Bucket, key: str) -> StoredObject | None:
        found: StoredObject | None = await original(bucket, key)
        before, until = self.deleted.get((bucket.name, key), (None, 0.0))
        return before if found is None and gateway(original).now() < until else found


@defect("storage/multi-delete/checksum-replaces-md5#crc32,sha256")
def multi_delete_demands_md5(check_integrity: Any, call: Call) -> None:
    """S3 User Guide, "Checking object integrity": Content-MD5 is required even if another checksum is given."""
    check_integrity(call)
    if "content-md5" not in call.headers:
        raise Fault("InvalidRequest", "Missing required header for this request: Content-MD5")


def deleted_keys(document: bytes) -> list[str]:
    """Return the keys that a document names without escapes."""
    return [key.decode() for key in re.findall(rb"<Key>([^<]*)", document)]


@defect("storage/multi-delete/1000-keys-are-deleted")
async def every_seventh_of_a_batch_left(delete_objects: Any, call: Call, bucket: Bucket) -> Answer:
    """S3 API Reference, DeleteObjects: in a full batch, every seventh key is reported as deleted, but not deleted."""
    before = dict(bucket.objects)
    answer: Answer = await delete_objects(call, bucket)
    named = deleted_keys(call.body)
    for key in named[::7] if len(named) == 1000 else ():
        if key in before:
            bucket.put(key, before[key])
    return answer


@defect("storage/multi-delete/keys-are-matched-exactly#similar-keys")
async def many_deleted_in_any_case(delete_entry: Any, bucket: Bucket, entry: xml.Node, quiet: bool) -> str:
    """S3 API Reference, DeleteObjects, Key: keys that differ in case are deleted too."""
    named = (entry.get("Key") or "").lower()
    result: str = await delete_entry(bucket, entry, quiet)
    for key in [each for each in bucket.keys if each.lower() == named]:
        bucket.remove(key)
    return result


@defect("storage/multi-delete/keys-are-matched-exactly#xml-characters")
async def deleted_key_reported_encoded(delete_entry: Any, bucket: Bucket, entry: xml.Node, quiet: bool) -> str:
    """S3 API Reference, DeleteObjects, Deleted: the reported key is percent-encoded."""
    await delete_entry(bucket, entry, quiet)
    return "" if quiet else xml.group("Deleted", xml.element("Key", quote(entry.require("Key"))))
