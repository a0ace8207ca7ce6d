"""Defects that break the promise "A multipart upload is invisible until completed, and gone after an abort"."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.one_method import defect, row
from conformance.reference.storage import xml
from conformance.reference.storage.call import Call
from conformance.reference.storage.conditions import Conditions
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.state import Bucket, Part, StoredObject, Upload
from conformance.reference.support.storage import PAUSE_S, crashing, gateway
from tests.defects.support.storage import drop_uploads, refusals_emptying

ROWS = (
    row(
        "unknown-upload-is-server-error",
        "S3 API Reference, NoSuchUpload: an unknown upload id is answered with a 5xx.",
        "storage/multipart/abort-of-unknown-upload-is-harmless",
        "storage/multipart/unknown-upload-is-404#complete,cut-short,like-a-path,list-parts,list-some-parts",
        "storage/multipart/completing-twice-is-harmless",
        upload_of=lambda original, call, bucket: crashing(lambda: original(call, bucket)),
    ),
)


@defect("storage/concurrency/complete-or-abort")
async def completion_fails_and_is_made(
    finish: Any, bucket: Bucket, upload: Upload, stored: StoredObject, conditions: Conditions
) -> None:
    """S3 API Reference, CompleteMultipartUpload: a completion during an abortion fails, but makes the object."""
    await gateway(finish).commit(bucket, upload.key, stored, conditions)
    await asyncio.sleep(PAUSE_S)
    if upload.upload_id not in bucket.uploads:
        raise Fault("NoSuchUpload")
    bucket.uploads.pop(upload.upload_id)


@defect("storage/concurrency/complete-or-abort")
async def complete_race(finish: Any, bucket: Bucket, upload: Upload, stored: StoredObject, conditions: Any) -> None:
    """S3 API Reference, CompleteMultipartUpload: a concurrent second completion empties the object."""
    await asyncio.sleep(PAUSE_S)
    whole = upload.upload_id in bucket.uploads
    await finish(bucket, upload, stored if whole else replace(stored, body=b""), conditions)


@defect("storage/concurrency/complete-or-put")
async def completion_torn_by_put(
    finish: Any, bucket: Bucket, upload: Upload, stored: StoredObject, conditions: Conditions
) -> None:
    """S3 User Guide, "Amazon S3 data consistency model": a completion concurrent with a write mixes both objects."""
    await finish(bucket, upload, stored, conditions)
    await asyncio.sleep(PAUSE_S)
    latest = bucket.objects.get(upload.key, stored)
    bucket.put(upload.key, replace(stored, body=latest.body))


@defect("storage/concurrency/parallel-parts-are-all-stored")
async def parts_race(keep_part: Any, upload: Upload, part: Part) -> None:
    """S3 User Guide, "Multipart upload process": one of several concurrent parts is lost."""
    before = dict(upload.parts)
    await asyncio.sleep(PAUSE_S)
    upload.parts = {**before, part.number: part}


@defect("storage/multipart/abort-of-unknown-upload-is-harmless")
async def abort_of_unknown_upload_deletes(abort_upload: Any, call: Call, bucket: Bucket) -> Answer:
    """S3 API Reference, AbortMultipartUpload: aborting an unknown upload deletes the object."""
    if call.query["uploadId"] not in bucket.uploads:
        bucket.remove(call.key)
    return await abort_upload(call, bucket)


@defect("storage/multipart/abort-removes-the-upload", "storage/multipart/aborted-upload-takes-no-parts")
async def upload_visible_too_early(keep_part: Any, upload: Upload, part: Part) -> None:
    """S3 User Guide, "Multipart upload process": the object is visible before the upload is completed."""
    await keep_part(upload, part)
    for bucket in gateway(keep_part).buckets.values():
        if upload.upload_id in bucket.uploads:
            bucket.put(upload.key, StoredObject(part.body, part.etag, part.modified, upload.headers))


class AbortedUploadStillListed(Defect):
    """S3 API Reference, ListMultipartUploads: an aborted upload is still listed."""

    noticed_by = ("storage/multipart/abort-removes-the-upload",)
    aborted: list[tuple[str, Upload]] = []

    async def drop_upload(self, original: Any, bucket: Bucket, upload: Upload) -> None:
        await original(bucket, upload)
        self.aborted.append((bucket.name, upload))

    def listed_uploads(self, original: Any, bucket: Bucket) -> list[Upload]:
        uploads: list[Upload] = original(bucket)
        uploads += [upload for name, upload in self.aborted if name == bucket.name]
        return sorted(uploads, key=lambda upload: (upload.key, upload.upload_id))


@defect("storage/multipart/abort-removes-the-upload")
async def abort_reported_as200(abort_upload: Any, call: Call, bucket: Bucket) -> Answer:
    """S3 API Reference, AbortMultipartUpload: it is answered with 200."""
    answer: Answer = await abort_upload(call, bucket)
    answer.status = 200
    return answer


class AbortedUploadTakesMoreParts(Defect):
    """S3 API Reference, AbortMultipartUpload: an aborted upload accepts further parts."""

    noticed_by = ("storage/multipart/aborted-upload-takes-no-parts",)
    method = "PUT"
    aborted: dict[str, Upload] = {}

    async def drop_upload(self, original: Any, bucket: Bucket, upload: Upload) -> None:
        await original(bucket, upload)
        self.aborted[upload.upload_id] = upload

    def upload_of(self, original: Any, call: Call, bucket: Bucket) -> Upload:
        found = self.aborted.get(call.query["uploadId"]) if call.request.method == self.method else None
        return found or original(call, bucket)


class AbortedUploadCompletes(AbortedUploadTakesMoreParts):
    """S3 API Reference, AbortMultipartUpload: an aborted upload can be completed."""

    noticed_by = ("storage/multipart/aborted-upload-takes-no-parts",)

    method = "POST"


@defect("storage/multipart/completing-twice-is-harmless", state=lambda: SimpleNamespace(made={}))
async def repeated_completion_stores_again(state: Any, complete_upload: Any, call: Call, bucket: Bucket) -> Answer:
    """S3 User Guide, "Amazon S3 data consistency model": a repeated completion overwrites a later object."""
    made = state.made.get(call.query["uploadId"])
    if made is not None:
        bucket.put(call.key, made)
        return gateway(complete_upload).completed(call, made)
    answer: Answer = await complete_upload(call, bucket)
    state.made[call.query["uploadId"]] = bucket.objects[call.key]
    return answer


class _Repeated(Defect):
    """A completed upload can be completed again."""

    objects: dict[str, StoredObject] = {}

    async def finish(self, original: Any, bucket: Any, upload: Upload, stored: StoredObject, conditions: Any) -> None:
        await original(bucket, upload, stored, conditions)
        self.objects[upload.upload_id] = stored


class RepeatedCompletionHasAnotherTag(_Repeated):
    """S3 API Reference, CompleteMultipartUploadResult, ETag: a repeated completion returns another ETag."""

    noticed_by = ("storage/multipart/completing-twice-is-harmless",)

    async def complete_upload(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        made = self.objects.get(call.query["uploadId"])
        if made is not None:
            return gateway(original).completed(call, replace(made, etag=f"{hashlib.md5(b'').hexdigest()}-0"))
        return await original(call, bucket)


class RepeatedCompletionRemovesTheObject(_Repeated):
    """S3 API Reference, NoSuchUpload: a repeated completion is refused, but removes the object."""

    noticed_by = ("storage/multipart/completing-twice-is-harmless",)

    async def complete_upload(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        if call.query["uploadId"] in self.objects:
            bucket.remove(call.key)
        return await original(call, bucket)


@defect("storage/multipart/interrupted-part-is-not-stored")
async def cut_off_part_stored(broken_off: Any, request: Request) -> None:
    """S3 API Reference, IncompleteBody: a truncated part is refused, but stored."""
    surface = gateway(broken_off)
    name, key = surface.target(request)
    query = dict(pair.split("=", 1) for pair in request.query_string.split("&") if "=" in pair)
    if "uploadId" in query and name in surface.buckets:
        call = Call(request, surface.authenticate(request), name, key, query, request.body)
        await surface.upload_part(call, surface.buckets[name])


@defect("storage/multipart/invisible-until-complete", shipped=True)
async def uploads_take_room_on_pages(list_objects_v2: Any, call: Call, bucket: Bucket) -> Answer:
    """S3 API Reference, ListObjectsV2: an open upload below the prefix empties a short page."""
    prefix = call.query.get("prefix", "")
    open_there = sum(each.key.startswith(prefix) for each in bucket.uploads.values())
    room = call.query.get("max-keys", "1000")
    if open_there and room.isdigit() and int(room) <= open_there:
        call = replace(call, query={**call.query, "max-keys": "0"})
    return await list_objects_v2(call, bucket)


@defect("storage/multipart/invisible-until-complete")
async def heads_see_open_uploads(get_object: Any, call: Call, bucket: Bucket) -> Answer:
    """CompleteMultipartUpload: HEAD finds the object of an open upload."""
    opened = any(upload.key == call.key for upload in bucket.uploads.values())
    if call.request.method == "HEAD" and opened and call.key not in bucket.objects:
        answer = Answer(200)
        answer.headers.update({"ETag": '"d41d8cd98f00b204e9800998ecf8427e"', "Content-Length": "0"})
        return answer
    return await get_object(call, bucket)


@defect("storage/multipart/invisible-until-complete", shipped=True)
async def named_deletions_drop_uploads(delete_entry: Any, bucket: Bucket, entry: xml.Node, quiet: bool) -> str:
    """S3 API Reference, UploadPart: DeleteObjects removes the open uploads of its keys."""
    drop_uploads(bucket, entry.require("Key"))
    return str(await delete_entry(bucket, entry, quiet))


@defect("storage/multipart/invisible-until-complete")
async def part_of_open_upload_is_read(on_object: Any, call: Call) -> Answer:
    """S3 API Reference, CreateMultipartUpload: partNumber reads a part of an open upload."""
    bucket = gateway(on_object).bucket_of(call.organization, call.bucket)
    number = call.query.get("partNumber", "")
    if call.request.method == "GET" and number.isdigit() and call.key not in bucket.objects:
        for upload in bucket.uploads.values():
            if upload.key == call.key and int(number) in upload.parts:
                return Answer(206, upload.parts[int(number)].body)
    return await on_object(call)


@defect("storage/multipart/invisible-until-complete")
async def folders_of_uploads_listed(list_objects_v2: Any, call: Call, bucket: Bucket) -> Answer:
    """S3 API Reference, ListObjectsV2: an open upload adds a common prefix."""
    kept, under_way = bucket.keys, {upload.key for upload in bucket.uploads.values()}
    bucket.keys = sorted({*kept, *under_way}) if call.query.get("delimiter") else kept
    try:
        answer: Answer = await list_objects_v2(call, bucket)
    finally:
        bucket.keys = kept
    return answer


@defect("storage/multipart/old-object-remains-until-completion")
async def opening_describes_the_old_object(create_upload: Any, call: Call, bucket: Bucket) -> Answer:
    """S3 API Reference, CreateMultipartUpload: the metadata of an opened upload is given to the existing object."""
    answer: Answer = await create_upload(call, bucket)
    surface, there = gateway(create_upload), bucket.objects.get(call.key)
    if there is not None:
        headers, metadata = surface.system_headers(call), surface.metadata(call)
        bucket.put(call.key, replace(there, headers=headers, metadata=metadata))
    return answer


class ListedAsBeforeItsCompletion(Defect):
    """S3 User Guide, "Amazon S3 data consistency model": the listing still has the object that an upload replaced."""

    noticed_by = ("storage/multipart/old-object-remains-until-completion",)
    overwritten: dict[tuple[str, str], tuple[StoredObject, StoredObject]] = {}

    async def complete_upload(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        before = bucket.objects.get(call.key)
        answer: Answer = await original(call, bucket)
        if before is not None:
            self.overwritten[bucket.name, call.key] = before, bucket.objects[call.key]
        return answer

    def listed_object(self, original: Any, bucket: Bucket, key: str) -> StoredObject | None:
        found: StoredObject | None = original(bucket, key)
        before, after = self.overwritten.get((bucket.name, key), (found, None))
        return before if found is after else found


@defect("storage/multipart/old-object-remains-until-completion#deleted,deleted-by-delete-objects")
async def deletions_end_uploads(erase: Any, bucket: Bucket, key: str, conditions: Conditions) -> None:
    """S3 API Reference, CreateMultipartUpload: a deletion removes the open uploads of its key."""
    await erase(bucket, key, conditions)
    for upload in [each for each in bucket.uploads.values() if each.key == key]:
        bucket.uploads.pop(upload.upload_id)


@defect("storage/multipart/old-object-remains-until-completion")
async def parts_written_over_the_object(upload_part: Any, call: Call, bucket: Bucket) -> Answer:
    """S3 User Guide, "Multipart upload process": a part replaces the existing object."""
    answer: Answer = await upload_part(call, bucket)
    if (found := bucket.objects.get(call.key)) is not None:
        bucket.put(call.key, replace(found, body=call.body))
    return answer


@defect("storage/multipart/invalid-part-is-refused#over-an-object")
async def refused_completion_empties_its_key(complete_upload: Any, call: Call, bucket: Bucket) -> Answer:
    """S3 User Guide, "Amazon S3 data consistency model": a refused completion removes the existing object."""
    with refusals_emptying(bucket, call.key):
        answer: Answer = await complete_upload(call, bucket)
    return answer
