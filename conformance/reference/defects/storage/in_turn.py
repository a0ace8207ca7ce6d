"""Defects that one step leaves for the next: what was deleted, given up, replaced or copied comes back with it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.storage.support import gateway
from conformance.reference.http import Answer
from conformance.reference.storage.call import Call
from conformance.reference.storage.conditions import Conditions
from conformance.reference.storage.copies import Source
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
    noticed_by = ("storage/object/overwriting-replaces-everything",)

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


class MetadataOfTheLastOpening(Defect):
    """S3 User Guide, "Multipart upload": metadata is given with the opening, of each upload with its own."""

    surface = "storage"
    noticed_by = ("storage/multipart/metadata-is-of-the-opening",)

    async def create_upload(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = await original(call, bucket)
        for upload in bucket.uploads.values():
            if upload.key == call.key:
                upload.metadata = gateway(original).metadata(call)
        return answer


class AbortedPartsTakenOver(Defect):
    """S3 API Reference, AbortMultipartUpload: its parts are no more, for a later upload to the key either."""

    surface = "storage"
    noticed_by = ("storage/multipart/two-uploads-do-not-mix",)

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


class ReplacedPartsCounted(Defect):
    """S3 API Reference, ListObjectsV2, Size: of the object, in which a part that came anew is once."""

    surface = "storage"
    noticed_by = ("storage/multipart/parts-make-the-object",)

    def __init__(self) -> None:
        self.replaced: dict[Place, int] = {}

    async def keep_part(self, original: Any, upload: Upload, part: Part) -> None:
        before = upload.parts.get(part.number)
        place = upload.upload_id, ""
        self.replaced[place] = self.replaced.get(place, 0) + (len(before.body) if before else 0)
        await original(upload, part)

    async def finish(
        self, original: Any, bucket: Bucket, upload: Upload, stored: StoredObject, asked: Conditions
    ) -> None:
        await original(bucket, upload, stored, asked)
        self.replaced[bucket.name, upload.key] = self.replaced.pop((upload.upload_id, ""), 0)

    def listed_object(self, original: Any, bucket: Bucket, key: str) -> StoredObject | None:
        found: StoredObject | None = original(bucket, key)
        more = self.replaced.get((bucket.name, key), 0)
        return replace(found, body=found.body + b"." * more) if found is not None and more else found


class CopiesShareTheirTags(Defect):
    """S3 API Reference, CopyObject, x-amz-tagging-directive: tags are copied, and are the copy's then."""

    surface = "storage"
    noticed_by = ("storage/tagging/go-along-with-a-copy",)

    def __init__(self) -> None:
        self.copies: list[tuple[Source, Bucket, str]] = []

    async def copy_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = await original(call, bucket)
        if call.headers.get("x-amz-tagging-directive") != "REPLACE":
            self.copies.append((await gateway(original).source(call), bucket, call.key))
        return answer

    async def replace_tags(self, original: Any, bucket: Bucket, key: str, tags: dict[str, str]) -> None:
        await original(bucket, key, tags)
        for copied_to, copy in self._of(bucket, key):
            if copy in copied_to.objects:
                copied_to.put(copy, replace(copied_to.objects[copy], tags=tags))

    def _of(self, bucket: Bucket, key: str) -> Iterator[tuple[Bucket, str]]:
        return ((to, copy) for source, to, copy in self.copies if (source.bucket, source.key) == (bucket.name, key))


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


class PlacesOfEndedUploadsForgotten(Defect):
    """S3 API Reference, ListMultipartUploads, upload-id-marker: the list goes on behind it, whatever became of that."""

    surface = "storage"
    noticed_by = ("storage/multipart/uploads-are-listed-page-by-page",)

    def page_of_uploads(
        self, original: Any, uploads: list[Upload], wanted: Wanted, id_marker: str
    ) -> tuple[list[Upload], Page]:
        if id_marker and not any(upload.upload_id == id_marker for upload in uploads):
            return [], Page()
        found: tuple[list[Upload], Page] = original(uploads, wanted, id_marker)
        return found


class DeletionsShowTheOneBefore(Defect):
    """S3 API Reference, DeleteObject: the object is gone, and the one that it was put over does not come back."""

    surface = "storage"
    noticed_by = ("storage/object/delete-removes",)

    def __init__(self) -> None:
        self.before: dict[Place, StoredObject] = {}

    async def commit(self, original: Any, bucket: Bucket, key: str, stored: StoredObject, asked: Conditions) -> None:
        stood = bucket.objects.get(key)
        await original(bucket, key, stored, asked)
        self.before.pop((bucket.name, key), None)
        if stood is not None:
            self.before[bucket.name, key] = stood

    async def erase(self, original: Any, bucket: Bucket, key: str, asked: Conditions) -> None:
        await original(bucket, key, asked)
        before = self.before.pop((bucket.name, key), None)
        if before is not None:
            bucket.put(key, before)


class PartsOfTheFirstWritten(Defect):
    """S3 API Reference, UploadPartCopy: copied is the object that stands there, not the one that it replaced."""

    surface = "storage"
    noticed_by = ("storage/multipart/part-can-be-copied",)

    def __init__(self) -> None:
        self.first: dict[Place, StoredObject] = {}

    async def commit(self, original: Any, bucket: Bucket, key: str, stored: StoredObject, asked: Conditions) -> None:
        await original(bucket, key, stored, asked)
        self.first.setdefault((bucket.name, key), stored)

    async def source(self, original: Any, call: Call) -> Source:
        source: Source = await original(call)
        first = self.first.get((source.bucket, source.key)) if "uploadId" in call.query else None
        return source if first is None else replace(source, stored=first)


class SentPartsOutlastCopies(Defect):
    """S3 API Reference, UploadPartCopy: a part that is copied replaces one of its number that was sent."""

    surface = "storage"
    noticed_by = ("storage/multipart/part-can-be-copied",)

    async def copy_part(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        parts = bucket.uploads[call.query["uploadId"]].parts if call.query["uploadId"] in bucket.uploads else {}
        sent = dict(parts)
        answer: Answer = await original(call, bucket)
        parts.update(sent)
        return answer


class CopiesKeepTheOldTagForConditions(Defect):
    """S3 API Reference, PutObject, If-Match: compared with the ETag that the object has, which a copy gave it, too."""

    surface = "storage"
    noticed_by = ("storage/conditional-write/replaces-what-matches",)

    def __init__(self) -> None:
        self.copied_over: dict[Place, tuple[str, str]] = {}

    async def copy_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        stood = bucket.objects.get(call.key)
        answer: Answer = await original(call, bucket)
        if stood is not None:
            self.copied_over[bucket.name, call.key] = bucket.objects[call.key].etag, stood.etag
        return answer

    async def put_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        now, before = self.copied_over.get((bucket.name, call.key), ("", ""))
        if now and call.headers.get("if-match") == f'"{now}"' and now != before:
            raise Fault("PreconditionFailed")
        answer: Answer = await original(call, bucket)
        return answer


class CopiesToDeletedKeysLost(Defect):
    """S3 User Guide, "Amazon S3 data consistency model": a copy is read at once, where one was deleted too."""

    surface = "storage"
    noticed_by = ("storage/object/written-is-read",)

    def __init__(self) -> None:
        self.deleted: set[Place] = set()

    async def erase(self, original: Any, bucket: Bucket, key: str, asked: Conditions) -> None:
        if key in bucket.objects:
            self.deleted.add((bucket.name, key))
        await original(bucket, key, asked)

    async def copy_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = await original(call, bucket)
        self._lose(bucket, call.key)
        return answer

    def _lose(self, bucket: Bucket, key: str) -> None:
        if (bucket.name, key) in self.deleted:
            self.deleted.remove((bucket.name, key))
            bucket.remove(key)


class CompletionsToDeletedKeysLost(CopiesToDeletedKeysLost):
    """S3 User Guide, "Amazon S3 data consistency model": an upload's object is read at once, whatever was deleted."""

    async def copy_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = await original(call, bucket)
        return answer

    async def complete_upload(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = await original(call, bucket)
        self._lose(bucket, call.key)
        return answer


class MetadataOfOneAndAHalfKib(Defect):
    """S3 User Guide, "Working with object metadata": user metadata may be 2 KB."""

    surface = "storage"
    noticed_by = ("storage/object/metadata-comes-back",)

    def metadata_too_large(self, original: Any, size: int) -> bool:
        return size > 1536


class ChunksLeaveTheTail(Defect):
    """S3 API Reference, PutObject: the object is replaced whole, by chunks as well, whatever was longer before."""

    surface = "storage"
    noticed_by = ("storage/object/overwriting-replaces-everything",)

    async def put_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        stood = bucket.objects.get(call.key)
        answer: Answer = await original(call, bucket)
        if stood is not None and call.headers.get("x-amz-content-sha256", "").startswith("STREAMING-"):
            stored = bucket.objects[call.key]
            bucket.put(call.key, replace(stored, body=stored.body + stood.body[stored.size :]))
        return answer


class CopiesMissingInVersion1(Defect):
    """S3 User Guide, "Amazon S3 data consistency model": a list is of what is there, by version 1 and of copies too."""

    surface = "storage"
    noticed_by = ("storage/object/written-is-read",)

    def __init__(self) -> None:
        self.copies: set[Place] = set()
        self.old = False

    async def copy_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = await original(call, bucket)
        self.copies.add((bucket.name, call.key))
        return answer

    async def list_objects(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        self.old = True
        try:
            answer: Answer = await original(call, bucket)
        finally:
            self.old = False
        return answer

    def listable_keys(self, original: Any, bucket: Bucket) -> list[str]:
        return [key for key in original(bucket) if not self.old or (bucket.name, key) not in self.copies]


class CopiesMakeNoFolder(Defect):
    """S3 API Reference, ListObjectsV2, CommonPrefixes: of all keys below, of copies too."""

    surface = "storage"
    noticed_by = ("storage/object/written-is-read",)

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
