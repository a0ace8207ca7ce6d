"""Defects that break the promise "The parts of a multipart upload form the object, in order"."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer
from conformance.reference.one_method import defect, row
from conformance.reference.storage import xml
from conformance.reference.storage.call import Call
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.multipart import SMALLEST_PART
from conformance.reference.storage.properties import META
from conformance.reference.storage.state import Bucket, Part, StoredObject, Upload
from tests.defects.support.storage import PARTS_COUNT, SIZE, in_parts, refusing, without_fields

ROWS = (
    row(
        "etag-of-put-is-another",
        "S3 API Reference, PutObject: the returned ETag is not the object's.",
        "storage/multipart/metadata-is-of-the-opening",
        "storage/multipart/two-uploads-do-not-mix",
        "storage/multipart/parts-make-the-object#one-small-part",
        "storage/multipart/parts-are-listed",
        stored_answer=lambda original, etag, checksums: original(etag[::-1], checksums),
    ),
    row(
        "highest-part-refused",
        'S3 User Guide, "Multipart upload limits": part number 10,000 is refused.',
        "storage/multipart/numbers-may-have-gaps",
        part_number_allowed=lambda original, number: bool(original(number + 1)),
    ),
    row(
        "small-last-part-refused",
        'S3 User Guide, "Multipart upload limits": a small last part is refused.',
        "storage/multipart/numbers-may-have-gaps",
        check_part_sizes=lambda original, sizes: original([*sizes, 0] if len(sizes) > 1 else sizes),
    ),
    row(
        "fields-refused-at-an-opening",
        "S3 API Reference, CreateMultipartUpload: Cache-Control and similar fields are refused.",
        "storage/multipart/metadata-is-of-the-opening",
        create_upload=refusing("InvalidArgument", lambda call, bucket: "cache-control" in call.headers),
    ),
    row(
        "empty-part-refused",
        'S3 User Guide, "Multipart upload limits": an empty last part is refused.',
        "storage/multipart/parts-make-the-object#one-empty-part",
        upload_part=refusing("InvalidRequest", lambda call, bucket: not call.body),
    ),
)


@defect("storage/multipart/any-order-of-parts-is-one-object", shortest=4)
async def first_of_a_later_part_stands(keep_part: Any, upload: Upload, part: Part) -> None:
    """S3 API Reference, UploadPart: a part sent again is ignored while part 1 is missing."""
    if part.number not in upload.parts or 1 in upload.parts:
        await keep_part(upload, part)


@defect("storage/multipart/metadata-is-of-the-opening")
async def upload_with_fields_is_another(create_upload: Any, call: Call, bucket: Bucket) -> Answer:
    """S3 API Reference, CreateMultipartUpload: the id of an upload with Cache-Control is unknown afterwards."""
    answer: Answer = await create_upload(call, bucket)
    if "cache-control" in call.headers:
        bucket.uploads = {f"{number}-": upload for number, upload in bucket.uploads.items()}
    return answer


@defect("storage/multipart/metadata-is-of-the-opening", "storage/multipart/two-uploads-do-not-mix")
def multipart_metadata_lost(assembled: Any, call: Call, upload: Upload, parts: list[Part]) -> StoredObject:
    """S3 API Reference, CreateMultipartUpload: the object loses the upload's type and metadata."""
    stored: StoredObject = assembled(call, upload, parts)
    return replace(stored, headers={"content-type": "binary/octet-stream"}, metadata={})


@defect("storage/multipart/metadata-is-of-the-opening")
def completion_annotates_the_object(assembled: Any, call: Call, upload: Upload, parts: list[Part]) -> StoredObject:
    """S3 API Reference, CreateMultipartUpload, x-amz-meta-: the metadata of the completion is added to the object."""
    stored: StoredObject = assembled(call, upload, parts)
    late = {name.removeprefix(META): value for name, value in call.headers.items() if name.startswith(META)}
    return replace(stored, metadata=stored.metadata | late)


@defect("storage/multipart/metadata-is-of-the-opening")
async def completion_keeps_earlier_metadata(
    finish: Any, bucket: Bucket, upload: Upload, stored: StoredObject, requested: Any
) -> None:
    """S3 API Reference, CreateMultipartUpload: the object keeps the metadata of the one it overwrites."""
    earlier = bucket.objects.get(upload.key)
    kept = {**earlier.metadata, **stored.metadata} if earlier else stored.metadata
    await finish(bucket, upload, replace(stored, metadata=kept), requested)


class PartsCountedByTheirNumbers(Defect):
    """S3 API Reference, HeadObject, x-amz-mp-parts-count: it is the highest part number."""

    noticed_by = ("storage/multipart/numbers-may-have-gaps",)
    shipped = True
    numbers: dict[str, int] = {}

    async def keep_part(self, original: Any, upload: Upload, part: Part) -> None:
        await original(upload, part)
        self.numbers[upload.key] = max(upload.parts)

    async def on_object(self, original: Any, call: Call) -> Answer:
        reading = call.request.method == "HEAD" and call.query.get("partNumber") == "1" and call.key in self.numbers
        answer: Answer = await original(replace(call, query={}) if reading else call)
        if reading and answer.status == 200:
            answer.headers[PARTS_COUNT] = str(self.numbers[call.key])
        return answer


@defect(
    "storage/multipart/numbers-may-have-gaps",
    "storage/multipart/unlisted-parts-are-left-out",
    "storage/sdk/managed-transfer#base,default",
    "interoperability/storage/download-gets-what-was-uploaded",
)
def last_part_lost(joined: Any, parts: list[Part]) -> bytes:
    """S3 API Reference, CompleteMultipartUpload: the object lacks its last part."""
    return joined(parts[:-1] or parts)


@defect("storage/multipart/parts-make-the-object#part-sent-again")
async def resent_part_keeps_its_tail(keep_part: Any, upload: Upload, part: Part) -> None:
    """S3 API Reference, UploadPart: a shorter part sent again keeps the tail of the earlier one."""
    earlier = upload.parts.get(part.number)
    tail = earlier.body[len(part.body) :] if earlier else b""
    await keep_part(upload, replace(part, body=part.body + tail))


@defect("storage/multipart/parts-make-the-object#backwards", shipped=True)
def parts_must_be_of_one_size(check_part_sizes: Any, sizes: list[int]) -> None:
    """S3 User Guide, "Multipart upload limits": parts of different sizes are refused."""
    if len(set(sizes[:-1])) > 1:
        raise Fault("InvalidPart", "All non-trailing parts must have the same length.")
    check_part_sizes(sizes)


@defect("storage/multipart/parts-make-the-object#backwards", shipped=True)
def open_range_ends_with_its_part(requested_span: Any, call: Call, found: StoredObject) -> tuple[int, int] | None:
    """RFC 9110 section 14.1.2: a range without an end stops at the end of a part."""
    span: tuple[int, int] | None = requested_span(call, found)
    if span is None or "-" not in found.etag or not call.headers["range"].endswith("-"):
        return span
    return span[0], min(span[1], (span[0] // SMALLEST_PART + 1) * SMALLEST_PART)


@defect("storage/multipart/parts-make-the-object#backwards")
def range_over_parts_wrong(object_body: Any, call: Call, found: StoredObject, start: int, end: int) -> bytes:
    """S3 API Reference, GetObject: a range across two parts returns wrong bytes."""
    over = "-" in found.etag and start < SMALLEST_PART < end < found.size
    return found.body[: end - start] if over else bytes(object_body(call, found, start, end))


@defect("storage/multipart/parts-make-the-object#backwards")
def listed_size_of_first_part(entry: Any, key: str, stored: StoredObject, encoded: bool, owner: str) -> str:
    """S3 API Reference, ListObjectsV2, Size: the listed size is that of the first part."""
    body = stored.body[:SMALLEST_PART] if "-" in stored.etag else stored.body
    return str(entry(key, replace(stored, body=body), encoded, owner))


@defect("storage/multipart/parts-make-the-object#backwards")
def parts_joined_as_they_came(assembled: Any, call: Call, upload: Upload, parts: list[Part]) -> StoredObject:
    """S3 API Reference, CompleteMultipartUpload: parts are joined in the order of their arrival."""
    came = list(upload.parts)
    return assembled(call, upload, sorted(parts, key=lambda part: came.index(part.number)))


@defect("storage/multipart/parts-make-the-object#backwards,in-order")
async def head_of_parts_reports_the_first(get_object: Any, call: Call, bucket: Bucket) -> Answer:
    """S3 API Reference, HeadObject, Content-Length: Content-Length is that of the first part."""
    answer: Answer = await get_object(call, bucket)
    stored = bucket.objects[call.key]
    if call.request.method == "HEAD" and answer.status == 200 and in_parts(stored):
        answer.headers["Content-Length"] = str(min(len(stored.body), SMALLEST_PART))
    return answer


@defect("storage/multipart/parts-make-the-object#backwards")
def parts_listed_with_another_tag(entry: Any, key: str, stored: StoredObject, encoded: bool, owner: str) -> str:
    """S3 API Reference, Object, ETag: a listing returns another ETag for a multipart object than HEAD."""
    tag = stored.etag if "-" not in stored.etag else hashlib.md5(stored.body).hexdigest()
    return str(entry(key, replace(stored, etag=tag), encoded, owner))


@defect("storage/multipart/right-object-size-completes")
def object_size_treated_as_the_documents(assembled: Any, call: Call, upload: Upload, parts: list[Part]) -> StoredObject:
    """S3 API Reference, CompleteMultipartUpload, x-amz-mp-object-size: it is compared with the document's size."""
    if call.headers.get(SIZE, str(len(call.body))) != str(len(call.body)):
        raise Fault("InvalidRequest")
    return assembled(without_fields(call, SIZE), upload, parts)


class AbortedPartsReused(Defect):
    """S3 API Reference, AbortMultipartUpload: the parts of an aborted upload are used by a later upload of the key."""

    noticed_by = ("storage/multipart/two-uploads-do-not-mix",)
    given_up: dict[tuple[str, str], dict[int, Part]] = {}

    async def drop_upload(self, original: Any, bucket: Bucket, upload: Upload) -> None:
        self.given_up[bucket.name, upload.key] = upload.parts
        await original(bucket, upload)

    async def create_upload(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        known = set(bucket.uploads)
        answer: Answer = await original(call, bucket)
        for upload_id in bucket.uploads.keys() - known:
            bucket.uploads[upload_id].parts.update(self.given_up.get((bucket.name, call.key), {}))
        return answer


class PartsStoredByKeyAndNumber(Defect):
    """S3 API Reference, UploadPart, uploadId: two uploads of one key share their parts."""

    noticed_by = ("storage/multipart/two-uploads-do-not-mix",)
    files: dict[tuple[str, int], bytes] = {}

    async def keep_part(self, original: Any, upload: Upload, part: Part) -> None:
        await original(upload, part)
        self.files[upload.key, part.number] = part.body

    def chosen_part(self, original: Any, upload: Upload, number: int, listed: xml.Node) -> Part:
        part: Part = original(upload, number, listed)
        return replace(part, body=self.files[upload.key, number])
