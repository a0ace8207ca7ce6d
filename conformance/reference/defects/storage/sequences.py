"""Defects that show after a sequence of operations only, each of which is answered rightly by itself."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.storage.call import Call
from conformance.reference.storage.conditions import Conditions
from conformance.reference.storage.state import Bucket, StoredObject, Upload


def drop_uploads(bucket: Bucket, key: str) -> None:
    """Forgets the uploads of a key that are under way."""
    for each in [each for each in bucket.uploads.values() if each.key == key]:
        del bucket.uploads[each.upload_id]


class OverwritingDropsUploads(Defect):
    """S3 API Reference, UploadPart: an upload is open until it is completed or aborted, whatever becomes of its key."""

    surface = "storage"
    noticed_by = ("storage/model/flat-keys",)
    shortest = 3

    async def put_object(self, original: Any, call: Call, bucket: Bucket) -> Any:
        answer = await original(call, bucket)
        drop_uploads(bucket, call.key)
        return answer


class DeletionDropsUploads(Defect):
    """S3 API Reference, UploadPart: an upload is open until it is completed or aborted, whatever becomes of its key."""

    surface = "storage"
    noticed_by = ("storage/model/flat-keys", "storage/model/nested-keys")
    shortest = 3

    async def erase(self, original: Any, bucket: Bucket, key: str, asked: Conditions) -> None:
        await original(bucket, key, asked)
        drop_uploads(bucket, key)


class CompletionKeepsEarlierMetadata(Defect):
    """S3 API Reference, CreateMultipartUpload: the object has the metadata that the upload was opened with."""

    surface = "storage"
    noticed_by = ("storage/multipart/metadata-is-of-the-opening",)

    async def finish(self, original: Any, bucket: Bucket, upload: Upload, stored: StoredObject, asked: Any) -> None:
        earlier = bucket.objects.get(upload.key)
        kept = {**earlier.metadata, **stored.metadata} if earlier else stored.metadata
        await original(bucket, upload, replace(stored, metadata=kept), asked)


class CopyKeepsEarlierMetadata(Defect):
    """S3 API Reference, CopyObject: the copy has the metadata of its source, none of what it overwrote."""

    surface = "storage"
    noticed_by = ("storage/model/hard-keys",)
    shortest = 4

    async def copy_object(self, original: Any, call: Call, bucket: Bucket) -> Any:
        earlier = bucket.objects.get(call.key)
        answer = await original(call, bucket)
        if earlier is not None:
            copy = bucket.objects[call.key]
            bucket.put(call.key, replace(copy, metadata={**earlier.metadata, **copy.metadata}))
        return answer


class NothingDoesNotOverwrite(Defect):
    """S3 API Reference, PutObject: an object of no bytes replaces what was there like any other."""

    surface = "storage"
    noticed_by = ("storage/model/flat-keys", "storage/model/nested-keys")
    shortest = 3

    async def put_object(self, original: Any, call: Call, bucket: Bucket) -> Any:
        earlier = bucket.objects.get(call.key)
        answer = await original(call, bucket)
        stored = bucket.objects.get(call.key)
        if earlier is not None and stored is not None and not stored.body:
            bucket.put(call.key, replace(stored, body=earlier.body))
        return answer


class DeletionHidesWhatIsBelow(Defect):
    """S3 User Guide, "Organizing objects using prefixes": a key below a deleted one is an object like any other."""

    surface = "storage"
    noticed_by = ("storage/model/nested-keys",)
    shortest = 4

    def __init__(self) -> None:
        self.hidden: dict[str, set[str]] = {}

    async def delete_object(self, original: Any, call: Call, bucket: Bucket) -> Any:
        below = {each for each in bucket.keys if call.key in bucket.objects and each.startswith(call.key + "/")}
        answer = await original(call, bucket)
        self.hidden.setdefault(bucket.name, set()).update(below)
        return answer

    def listable_keys(self, original: Any, bucket: Bucket) -> list[str]:
        hidden = self.hidden.get(bucket.name, set())
        return [each for each in original(bucket) if each not in hidden]
