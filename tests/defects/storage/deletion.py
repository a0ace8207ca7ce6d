"""Defects that break the promise "Deleting removes exactly the named object; missing keys are answered 404"."""

from __future__ import annotations

from typing import Any

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer
from conformance.reference.one_method import defect
from conformance.reference.storage.call import Call
from conformance.reference.storage.conditions import Conditions
from conformance.reference.storage.copies import Source
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.state import Bucket, StoredObject
from conformance.reference.support.storage import gateway


@defect(
    "storage/object/delete-removes#one,two-at-once",
    "storage/concurrency/created-is-visible-immediately",
    "storage/key/any-key-reaches-itself",
    "interoperability/storage/aws-s3-mv",
    "interoperability/storage/recursive-removal-keeps-to-its-prefix",
)
async def delete_keeps_object(erase: Any, bucket: Bucket, key: str, conditions: Conditions) -> None:
    """S3 API Reference, DeleteObject: the deletion is acknowledged, but not done."""
    return


class DeletedStaysASource(Defect):
    """S3 API Reference, NoSuchKey: a deleted object can still be copied."""

    noticed_by = ("storage/object/delete-removes#one",)
    deleted: dict[str, StoredObject] = {}

    async def erase(self, original: Any, bucket: Bucket, key: str, conditions: Conditions) -> None:
        if key in bucket.objects:
            self.deleted[key] = bucket.objects[key]
        await original(bucket, key, conditions)

    async def source(self, original: Any, call: Call) -> Source:
        bucket, key = gateway(original).copy_source(call)
        try:
            found: Source = await original(call)
        except Fault as missing:
            if missing.code != "NoSuchKey" or key not in self.deleted:
                raise
            found = Source(bucket, key, self.deleted[key])
        return found


class _Remembered(Defect):
    """Remembers deleted objects."""

    deleted: dict[tuple[str, str], StoredObject] = {}

    async def erase(self, original: Any, bucket: Bucket, key: str, conditions: Conditions) -> None:
        if key in bucket.objects:
            self.deleted[bucket.name, key] = bucket.objects[key]
        await original(bucket, key, conditions)


class DeletedIsListed(_Remembered):
    """S3 User Guide, consistency model: a deleted object is still listed."""

    noticed_by = ("storage/object/delete-removes#one,two-at-once",)

    def listable_keys(self, original: Any, bucket: Bucket) -> list[str]:
        return sorted({*original(bucket), *(key for name, key in self.deleted if name == bucket.name)})

    def listed_object(self, original: Any, bucket: Bucket, key: str) -> StoredObject | None:
        return original(bucket, key) or self.deleted.get((bucket.name, key))


@defect("storage/object/missing-is-404", "storage/object/written-is-read#put")
async def ranges_of_an_empty_object_unsatisfiable(get_object: Any, call: Call, bucket: Bucket) -> Answer:
    """S3 API Reference, NoSuchKey: a range of a missing key is answered with 416."""
    if call.key not in bucket.objects and "range" in call.headers:
        raise gateway(get_object).unsatisfiable(0)
    return await get_object(call, bucket)
