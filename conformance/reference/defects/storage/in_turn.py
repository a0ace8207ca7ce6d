"""Defects that one step leaves for the next: what was deleted, given up, replaced or copied comes back with it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.http import Answer
from conformance.reference.storage.call import Call
from conformance.reference.storage.conditions import Conditions
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.listings import Page, Wanted
from conformance.reference.storage.state import Bucket, Part, StoredObject, Upload

Place = tuple[str, str]


class DeletedTwiceMissing(Defect):
    """S3 API Reference, DeleteObject: to delete what was deleted succeeds, as where nothing ever was."""

    surface = "storage"
    noticed_by = ("storage/object/delete-is-idempotent",)

    def __init__(self) -> None:
        self.deleted: set[Place] = set()

    async def erase(self, original: Any, bucket: Bucket, key: str, asked: Conditions) -> None:
        if key not in bucket.objects and (bucket.name, key) in self.deleted:
            raise Fault("NoSuchKey")
        if key in bucket.objects:
            self.deleted.add((bucket.name, key))
        await original(bucket, key, asked)


class DeletedMetadataRevived(Defect):
    """S3 API Reference, PutObject: the object is a new one, also where one was deleted before."""

    surface = "storage"
    noticed_by = ("storage/object/overwriting-replaces-everything#that-was-deleted",)

    def __init__(self) -> None:
        self.deleted: dict[Place, dict[str, str]] = {}

    async def erase(self, original: Any, bucket: Bucket, key: str, asked: Conditions) -> None:
        found = bucket.objects.get(key)
        await original(bucket, key, asked)
        if found is not None:
            self.deleted[bucket.name, key] = found.metadata

    async def commit(self, original: Any, bucket: Bucket, key: str, stored: StoredObject, asked: Conditions) -> None:
        kept = self.deleted.pop((bucket.name, key), {})
        await original(bucket, key, replace(stored, metadata=kept | stored.metadata), asked)


class AbortedPartsTakenOver(Defect):
    """S3 API Reference, AbortMultipartUpload: its parts are no more, for a later upload to the key either."""

    surface = "storage"
    noticed_by = ("storage/multipart/two-uploads-do-not-mix#nor-with-an-aborted-one",)

    def __init__(self) -> None:
        self.given_up: dict[Place, dict[int, Part]] = {}

    async def forget_upload(self, original: Any, bucket: Bucket, upload: Upload) -> None:
        self.given_up[bucket.name, upload.key] = upload.parts
        await original(bucket, upload)

    async def create_upload(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        known = set(bucket.uploads)
        answer: Answer = await original(call, bucket)
        for upload_id in bucket.uploads.keys() - known:
            bucket.uploads[upload_id].parts.update(self.given_up.get((bucket.name, call.key), {}))
        return answer


class CopiesHaveNoOwner(Defect):
    """S3 API Reference, ListObjectsV2, fetch-owner: the owner is told of each object, of a copy as well."""

    surface = "storage"
    noticed_by = ("storage/listing/owner-where-asked",)

    def __init__(self) -> None:
        self.copies: set[Place] = set()

    async def copy_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = await original(call, bucket)
        self.copies.add((bucket.name, call.key))
        return answer

    def listed_contents(self, original: Any, bucket: Bucket, page: Page, encoded: bool, owner: str) -> list[str]:
        entries: list[str] = original(bucket, page, encoded, owner)
        copied = [(bucket.name, key) in self.copies for key in page.keys]
        if len(copied) != len(entries) or not owner:
            return entries
        return [entry.replace(owner, "") if was else entry for entry, was in zip(entries, copied, strict=True)]


class MetadataOfOneAndAHalfKib(Defect):
    """S3 User Guide, "Working with object metadata": user metadata may be 2 KB."""

    surface = "storage"
    noticed_by = ("storage/object/metadata-comes-back#nearly-two-kb",)

    def metadata_too_large(self, original: Any, size: int) -> bool:
        return size > 1536


class CopiesMakeNoFolder(Defect):
    """S3 API Reference, ListObjectsV2, CommonPrefixes: of all keys below, of copies too."""

    surface = "storage"
    noticed_by = ("storage/object/written-is-read#in-each-listing",)

    def __init__(self) -> None:
        self.copies: set[str] = set()

    async def copy_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = await original(call, bucket)
        self.copies.add(call.key)
        return answer

    def page(self, original: Any, names: list[str], wanted: Wanted) -> Page:
        shown = [name for name in names if not (wanted.delimiter and name in self.copies)]
        page: Page = original(shown, wanted)
        return page
