"""Defects that break the promise "An invalid part or completion is rejected without harm"."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer
from conformance.reference.one_method import defect, row
from conformance.reference.storage.call import Call
from conformance.reference.storage.conditions import Conditions
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.multipart import SMALLEST_PART
from conformance.reference.storage.state import Bucket, Part, StoredObject, Upload
from conformance.reference.support.storage import gateway, server_error
from tests.defects.support.storage import MOMENT_S, SIZE, failing, without_fields

ROWS = (
    row(
        "wrong-part-tag-not-refused",
        "S3 API Reference, InvalidPart: the ETag of a listed part is not compared.",
        "storage/multipart/invalid-part-is-refused#etag-of-a-replaced-part,etag-of-another-part,wrong-etag",
        part_tag_matches=lambda original, given, part: True,
    ),
    row(
        "small-parts-not-refused",
        "S3 API Reference, EntityTooSmall: parts below 5 MiB are accepted.",
        "storage/multipart/small-part-before-the-last-is-refused#sent,copied",
        check_part_sizes=lambda original, sizes: None,
    ),
    row(
        "only-first-part-is-measured",
        "S3 API Reference, error code EntityTooSmall: only the size of the first part is checked.",
        "storage/multipart/small-part-before-the-last-is-refused#sent",
        check_part_sizes=lambda original, sizes: original([*sizes[:1], *sizes[-1:]] if len(sizes) > 1 else sizes),
    ),
    row(
        "upload-of-another-key-accepted",
        "S3 API Reference, NoSuchUpload: an upload id is accepted for another key.",
        "storage/multipart/upload-is-of-its-key",
        "storage/multipart/upload-is-of-its-key#copied",
        upload_is_of_key=lambda original, upload, key: True,
    ),
    row(
        "object-size-not-heeded",
        "S3 API Reference, CompleteMultipartUpload, x-amz-mp-object-size: it is ignored.",
        "storage/multipart/wrong-object-size-is-refused#less,more",
        assembled=lambda original, call, upload, parts: original(without_fields(call, SIZE), upload, parts),
    ),
    row(
        "heads-of-parts-are-server-errors",
        "S3 API Reference, HeadObject, partNumber: HEAD with partNumber is answered with a 5xx.",
        "storage/multipart/reads-by-part-number-are-described",
        on_object=failing(lambda call: call.request.method == "HEAD" and "partNumber" in call.query),
    ),
)


@defect("storage/multipart/broken-completion-is-refused#cut,empty,no-xml,part-without-number", state=dict)
async def absence_cached(
    missed: dict[tuple[str, str], float], current: Any, bucket: Bucket, key: str
) -> StoredObject | None:
    """S3 User Guide, "Amazon S3 data consistency model": 404 is cached, so that a read after the first write fails."""
    now = gateway(current).now()
    if missed.get((bucket.name, key), 0.0) > now:
        return None
    found: StoredObject | None = await current(bucket, key)
    if found is None:
        missed[bucket.name, key] = now + MOMENT_S
    return found


@defect(
    "storage/multipart/broken-completion-is-refused#cut,other-root",
    "storage/multipart/invalid-part-is-refused#wrong-etag",
)
async def refused_completion_ends_the_upload(complete_upload: Any, call: Call, bucket: Bucket) -> Answer:
    """S3 API Reference, CompleteMultipartUpload: a refused completion removes the upload."""
    try:
        return await complete_upload(call, bucket)
    except Fault:
        bucket.uploads.pop(call.query["uploadId"], None)
        raise


def _all_parts(original: Any, upload: Upload) -> StoredObject:
    """Return the object that all uploaded parts make."""
    surface = gateway(original)
    parts: list[Part] = [part for _, part in sorted(upload.parts.items())]
    return StoredObject(surface.joined(parts), surface.multipart_etag(parts), surface.seconds(), upload.headers)


@defect("storage/multipart/broken-completion-is-refused#cut,no-parts,number-is-a-word")
async def broken_completion_deletes_all_parts(complete_upload: Any, call: Call, bucket: Bucket) -> Answer:
    """S3 API Reference, MalformedXML: a completion without parts joins all parts."""
    try:
        answer: Answer = await complete_upload(call, bucket)
    except Fault as fault:
        upload = bucket.uploads.get(call.query["uploadId"])
        if fault.code != "MalformedXML" or upload is None:
            raise
        stored = _all_parts(complete_upload, upload)
        await gateway(complete_upload).finish(bucket, upload, stored, Conditions.of(call.headers))
        answer = gateway(complete_upload).completed(call, stored)
    return answer


@defect("storage/multipart/encryption-key-is-used-or-refused")
def encryption_key_of_uploads_ignored(refuse_unsupported: Any, call: Call) -> None:
    """S3 User Guide, "Server-side encryption with customer-provided keys": uploads ignore the given key."""
    if not {"uploads", "uploadId"} & set(call.query):
        refuse_unsupported(call)


@defect("storage/multipart/encryption-key-is-used-or-refused")
async def encrypted_upload_fails(create_upload: Any, call: Call, bucket: Bucket) -> Answer:
    """API Reference, Error Handling: an upload with an encryption key is answered with a 5xx."""
    if any(name.startswith("x-amz-server-side-encryption-customer-") for name in call.headers):
        raise server_error()
    return await create_upload(call, bucket)


@defect("storage/multipart/incomplete-part-request-keeps-the-object#no-number,no-upload")
def part_without_upload_stored(object_operation: Any, call: Call) -> Any:
    """S3 API Reference, UploadPart, uploadId: a part without uploadId is stored as an object."""
    if call.request.method == "PUT" and ("partNumber" in call.query) != ("uploadId" in call.query):
        return gateway(object_operation).put_object
    return object_operation(call)


@defect("storage/multipart/incomplete-part-request-keeps-the-object#empty-upload,empty-upload-aborted")
async def empty_upload_id_passed_over(on_object: Any, call: Call) -> Answer:
    """S3 API Reference, UploadPart, uploadId: a part with an empty uploadId is stored as an object."""
    left = call.query
    if left.get("uploadId") == "":
        left = {name: value for name, value in left.items() if name not in ("uploadId", "partNumber")}
    return await on_object(replace(call, query=left))


@defect("storage/multipart/incomplete-part-request-keeps-the-object#empty-upload,no-number")
async def half_named_part_fails(on_object: Any, call: Call) -> Answer:
    """API Reference, Error Handling: a part with only one of partNumber and uploadId is answered with a 5xx."""
    named = {"uploadId", "partNumber"} & call.query.keys()
    if call.query.get("uploadId") == "" or (call.request.method == "PUT" and len(named) == 1):
        raise server_error()
    return await on_object(call)


@defect("storage/multipart/part-number-is-bounded#huge,negative,zero,number-and-word,over,word")
def part_number_is_server_error(part_number: Any, call: Call) -> int:
    """S3 API Reference, UploadPart: an invalid part number is answered with a 5xx."""
    try:
        return int(part_number(call))
    except Fault:
        raise server_error() from None


@defect("storage/multipart/reads-by-part-number-are-described", shipped=True)
async def second_part_begins_early(on_object: Any, call: Call) -> Answer:
    """RFC 9110 section 14.4: the bytes of the second part begin one byte too early."""
    read = call.request.method == "GET" and call.query.get("partNumber") == "2" and "uploadId" not in call.query
    answer: Answer = await on_object(replace(call, query={}) if read else call)
    size = int(answer.headers.get("content-length", "0"))
    if read and answer.status == 200 and size > SMALLEST_PART:
        answer.status, answer.body = 206, answer.body[SMALLEST_PART - 1 : -1]
        answer.headers["Content-Range"] = f"bytes {SMALLEST_PART}-{size - 1}/{size}"
        answer.headers["Content-Length"] = str(size - SMALLEST_PART)
    return answer


@defect("storage/multipart/reads-by-part-number-are-described")
async def head_counts_a_part_that_get_does_not_give(on_object: Any, call: Call) -> Answer:
    """RFC 9110 section 8.6: HEAD with partNumber returns a part's length, GET the whole object."""
    reading = call.request.method in ("GET", "HEAD") and call.query.get("partNumber") == "1"
    answer: Answer = await on_object(replace(call, query={}) if reading and "uploadId" not in call.query else call)
    if reading and answer.status == 200 and call.request.method == "HEAD":
        answer.headers["Content-Length"] = str(min(int(answer.headers["Content-Length"]), SMALLEST_PART))
    return answer


@defect("storage/multipart/reads-by-part-number-are-described")
async def only_part_ends_after_the_object(on_object: Any, call: Call) -> Answer:
    """RFC 9110 section 14.4: the last position in Content-Range is one too high."""
    read = call.request.method == "GET" and call.query.get("partNumber") == "1" and "uploadId" not in call.query
    answer: Answer = await on_object(replace(call, query={}) if read else call)
    if read and answer.status == 200 and "-" not in answer.headers["etag"]:
        answer.status, size = 206, answer.headers["content-length"]
        answer.headers["Content-Range"] = f"bytes 0-{size}/{size}"
    return answer


@defect("storage/multipart/reads-by-part-number-are-described")
async def part_read_without_range(on_object: Any, call: Call) -> Answer:
    """RFC 9110 section 15.3.7.1: a 206 for partNumber has no Content-Range."""
    by_part = call.request.method == "GET" and "partNumber" in call.query and "uploadId" not in call.query
    query = {name: value for name, value in call.query.items() if not by_part or name != "partNumber"}
    answer: Answer = await on_object(replace(call, query=query))
    answer.status = 206 if by_part else answer.status
    return answer


@defect("storage/multipart/reads-by-part-number-are-described")
async def head_by_part_is_of_the_whole(on_object: Any, call: Call) -> Answer:
    """RFC 9110 section 15.3.7.1: HEAD with partNumber has no Content-Range."""
    by_part = call.request.method == "HEAD" and "partNumber" in call.query
    query = {name: value for name, value in call.query.items() if not by_part or name != "partNumber"}
    answer: Answer = await on_object(replace(call, query=query))
    answer.status = 206 if by_part and answer.status == 200 else answer.status
    return answer


@defect("storage/multipart/etag-without-quotes-is-accepted")
def tags_of_parts_need_quotes(part_tag_matches: Any, given: str, part: Part) -> bool:
    """S3 API Reference, CompletedPart: a part's ETag without quotes is refused."""
    return given.strip().startswith('"') and bool(part_tag_matches(given, part))


@defect(
    "storage/multipart/unknown-upload-is-404#like-a-path,of-quotes,upload-part",
    "storage/multipart/upload-is-of-its-key",
)
async def part_of_no_upload_made_the_object(upload_part: Any, call: Call, bucket: Bucket) -> Answer:
    """S3 API Reference, NoSuchUpload: a part of an unknown upload is refused, but stored as the object."""
    try:
        return await upload_part(call, bucket)
    except Fault as fault:
        if fault.code == "NoSuchUpload":
            bucket.put(call.key, gateway(upload_part).new_object(call, hashlib.md5(call.body).hexdigest(), {}))
        raise


@defect("storage/multipart/upload-is-of-its-bucket")
def uploads_listed_in_every_bucket(listed_uploads: Any, bucket: Bucket) -> list[Upload]:
    """S3 API Reference, ListMultipartUploads: the uploads of all buckets are listed."""
    own = gateway(listed_uploads).own_buckets(bucket.organization)
    everywhere = replace(bucket, uploads={name: each for other in own for name, each in other.uploads.items()})
    return listed_uploads(everywhere)


def _bucket_of_upload(original: Any, call: Call, bucket: Bucket) -> Bucket:
    """Return the bucket in which the upload of a call was opened."""
    everywhere = gateway(original).buckets.values()
    return next((each for each in everywhere if call.query.get("uploadId") in each.uploads), bucket)


@defect("storage/multipart/upload-is-of-its-key", "storage/multipart/upload-is-of-its-bucket", state=dict)
async def completion_repeated_for_any_key(
    earlier: dict[str, Answer], complete_upload: Any, call: Call, bucket: Bucket
) -> Answer:
    """S3 API Reference, NoSuchUpload: a repeated completion is accepted for another key."""
    upload = call.query["uploadId"]
    if upload not in earlier:
        earlier[upload] = await complete_upload(call, bucket)
    return earlier[upload]


@defect("storage/multipart/upload-is-of-its-key")
def upload_of_any_key(upload_of: Any, call: Call, bucket: Bucket) -> Upload:
    """S3 API Reference, NoSuchUpload: an upload id is accepted for any key."""
    named = bucket.uploads.get(call.query["uploadId"])
    return upload_of(replace(call, key=named.key) if named and call.request.method != "PUT" else call, bucket)


class CompletedByAnyKey(Defect):
    """S3 API Reference, NoSuchUpload: a completion with another key is refused, but done."""

    noticed_by = ("storage/multipart/upload-is-of-its-key",)
    method = "POST"

    def upload_of(self, original: Any, call: Call, bucket: Bucket) -> Upload:
        found = bucket.uploads.get(call.query["uploadId"]) if call.request.method == self.method else None
        return found or original(call, bucket)


class AbortedByAnyKey(CompletedByAnyKey):
    """S3 API Reference, NoSuchUpload: an abortion with another key is refused, but done."""

    noticed_by = ("storage/multipart/upload-is-of-its-key",)

    method = "DELETE"
