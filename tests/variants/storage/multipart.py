"""Variants of multipart uploads."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import Any

from conformance.reference.alteration import Variant
from conformance.reference.http import Answer, Request
from conformance.reference.one_method import variant
from conformance.reference.storage import xml
from conformance.reference.storage.call import Call, whole_number
from conformance.reference.storage.checksums import ALGORITHMS
from conformance.reference.storage.digests import checksum
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.listings import Page
from conformance.reference.storage.state import Bucket, Part, StoredObject, Upload
from conformance.reference.support.storage import gateway
from tests.defects.support.storage import RESERVED, fault, late_failure

DEFAULT = "crc64nvme"
BUSY = fault("SlowDown", 503, "Please reduce your request rate.")
LATE = ("InvalidPart", "InvalidPartOrder", "EntityTooSmall", "MalformedXML", "PreconditionFailed")


@variant()
async def abort_unknown_upload204(abort_upload: Any, call: Call, bucket: Bucket) -> Answer:
    """Aborting an unknown upload is 204, because it is idempotent."""
    try:
        return await abort_upload(call, bucket)
    except Fault:
        return Answer(204)


@variant(state=dict)
async def complete_twice200(
    done: dict[tuple[str, str, str], tuple[bytes, Answer]], complete_upload: Any, call: Call, bucket: Bucket
) -> Answer:
    """A repeated completion with the same parts is answered as the first."""
    upload_key = call.bucket, call.key, call.query["uploadId"]
    body, earlier = done.get(upload_key, (b"", None))
    if earlier is not None and body == call.body:
        return Answer(earlier.status, earlier.body, earlier.headers.mutablecopy())
    answer: Answer = await complete_upload(call, bucket)
    done[upload_key] = (call.body, answer)
    return answer


class EveryObjectHasAChecksum(Variant):
    """Checking object integrity: an object without a checksum gets its CRC64NVME, which is reported."""

    def new_object(self, original: Any, call: Call, md5: str, checksums: dict[str, str]) -> StoredObject:
        stored: StoredObject = original(call, md5, checksums)
        return replace(stored, checksums=stored.checksums or {DEFAULT: checksum(DEFAULT, stored.body)})

    def assembled(self, original: Any, call: Call, upload: Upload, parts: list[Part]) -> StoredObject:
        stored: StoredObject = original(call, upload, parts)
        if stored.checksums:
            return stored
        return replace(stored, checksums={DEFAULT: checksum(DEFAULT, stored.body)}, checksum_type="FULL_OBJECT")


@variant()
async def parts_have_the_uploads_checksum(upload_part: Any, call: Call, bucket: Bucket) -> Answer:
    """UploadPart: a part's checksum must use the upload's algorithm, else 400."""
    gateway = upload_part.__self__
    upload, stated = gateway.upload_of(call, bucket), gateway.stated_checksum(call)
    if (stated[0] if stated else None) != upload.algorithm:
        raise Fault("InvalidRequest", "Checksum Type mismatch occurred.")
    return await upload_part(call, bucket)


@variant()
def completion_names_checksums(chosen_parts: Any, upload: Upload, listed: list[xml.Node]) -> list[Part]:
    """CompleteMultipartUpload: a completion must name each part's composite checksum, else 400."""
    chosen: list[Part] = chosen_parts(upload, listed)
    if upload.algorithm and upload.checksum_type == "COMPOSITE":
        name = f"Checksum{upload.algorithm.upper()}"
        if any(each.get(name) is None for each in listed):
            raise Fault("InvalidRequest", "The complete request must include the checksum for each part.")
    return chosen


@variant()
def prefix_is_no_upload_marker(page_of_uploads: Any, *arguments: Any) -> tuple[list[Upload], Page]:
    """ListMultipartUploads: a page that ends at a common prefix has no NextKeyMarker, as in S3 itself."""
    uploads, page = page_of_uploads(*arguments)
    if page.last in page.prefixes:
        page.last = ""
    return uploads, page


def _with_end(answer: Answer, name: bytes, start: bytes, end: bytes, nothing: bytes = b"") -> Answer:
    """Return the answer with an element that names its last entry, if it has none."""
    if name not in answer.body:
        _, listed, rest = answer.body.rpartition(start)
        last = rest.partition(end)[0] if listed else nothing
        answer.body = answer.body.replace(b"<IsTruncated>", b"<%b>%b</%b><IsTruncated>" % (name, last, name))
    return answer


class LastPageReportsItsEnd(Variant):
    """ListMultipartUploads, ListParts: the last page and an empty page have a next marker, as in S3 itself."""

    async def list_uploads(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        return _with_end(await original(call, bucket), b"NextKeyMarker", b"<Key>", b"</Key>")

    async def list_parts(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        return _with_end(await original(call, bucket), b"NextPartNumberMarker", b"<PartNumber>", b"</PartNumber>", b"0")


@variant()
def other_checksums_of_parts_lost(chosen_part: Any, upload: Upload, number: int, listed: xml.Node) -> Part:
    """UploadPart: a part's checksum is verified but not stored if the upload names none."""
    if upload.algorithm is None and any(listed.get(f"Checksum{each.upper()}") for each in ALGORITHMS):
        raise Fault("InvalidPart")
    return chosen_part(upload, number, listed)


@variant()
def parts_date_from_their_opening(assembled: Any, call: Call, upload: Upload, parts: list[Part]) -> StoredObject:
    """S3 User Guide, "Working with object metadata": a multipart object has the date on which its upload was opened."""
    stored: StoredObject = assembled(call, upload, parts)
    return replace(stored, modified=upload.initiated)


@variant()
def composite_without_count(object_checksums: Any, call: Call, upload: Any, parts: Any, body: bytes) -> dict[str, str]:
    """Composite checksums do not end in the number of parts."""
    found: dict[str, str] = object_checksums(call, upload, parts, body)
    return {name: value.partition("-")[0] for name, value in found.items()}


class ChecksumTypesUnknown(Variant):
    """Checksum types are unknown: composite where S3 had no other, and none is reported."""

    def checksum_type(self, original: Any, call: Call, algorithm: str | None) -> str:
        return "FULL_OBJECT" if algorithm == "crc64nvme" else "COMPOSITE"

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        del answer.headers["x-amz-checksum-type"]
        for kind in (b"FULL_OBJECT", b"COMPOSITE"):
            answer.body = answer.body.replace(b"<ChecksumType>" + kind + b"</ChecksumType>", b"")
        return answer


@variant(misses=("storage/multipart/wrong-object-size-is-refused",))
def object_size_unknown(assembled: Any, call: Call, upload: Upload, parts: list[Part]) -> StoredObject:
    """x-amz-mp-object-size is ignored."""
    headers = call.request.headers.mutablecopy()
    del headers["x-amz-mp-object-size"]
    return assembled(replace(call, request=replace(call.request, headers=headers)), upload, parts)


@dataclass(frozen=True)
class InParts(StoredObject):
    """An object with the sizes of its parts."""

    sizes: tuple[int, ...] = ()


class PartsAreReadByNumber(Variant):
    """S3 API Reference, GetObject, partNumber: partNumber reads that part, as its range would."""

    def assembled(self, original: Any, call: Call, upload: Upload, parts: list[Part]) -> StoredObject:
        return InParts(**vars(original(call, upload, parts)), sizes=tuple(len(part.body) for part in parts))

    def object_operation(self, original: Any, call: Call) -> Any:
        if call.request.method not in ("GET", "HEAD") or "partNumber" not in call.query or "uploadId" in call.query:
            return original(call)

        async def read(call: Call, bucket: Bucket) -> Answer:
            found = bucket.objects.get(call.key)
            sizes = found.sizes if isinstance(found, InParts) else (found.size,) if found else (0,)
            number = whole_number("partNumber", call.query["partNumber"])
            if not 1 <= number <= len(sizes):
                raise fault("InvalidPartNumber", 416)
            start, headers = sum(sizes[: number - 1]), call.request.headers.mutablecopy()
            headers["range"] = f"bytes={start}-{start + max(sizes[number - 1], 1) - 1}"
            query = {name: value for name, value in call.query.items() if name != "partNumber"}
            whole = replace(call, query=query, request=replace(call.request, headers=headers))
            return await original(whole)(whole, bucket)

        return read


class AbortedUploadHasNoParts(Variant):
    """AbortMultipartUpload: "call the ListParts API operation and ensure that the parts list is empty"."""

    aborted: dict[str, Upload] = {}

    async def drop_upload(self, original: Any, bucket: Bucket, upload: Upload) -> None:
        await original(bucket, upload)
        self.aborted[upload.upload_id] = replace(upload, parts={})

    async def list_parts(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        aborted = self.aborted.get(call.query["uploadId"])
        listed = replace(bucket, uploads={aborted.upload_id: aborted}) if aborted else bucket
        return await original(call, listed)


class BusyWithin200(Variant):
    """CopyObject, CompleteMultipartUpload: an error may be embedded in the 200; SDKs retry after a SlowDown.

    DeleteObjects reports SlowDown for single keys. Each request is served when it is repeated.
    """

    alone = True
    seen: set[tuple[str, ...]] = set()

    def _is_new(self, call: Call) -> bool:
        """Return whether this request is new; requests of the SDK never are, because its checks disable retries."""
        request = call.request
        if "boto3" in request.headers.get("user-agent", "").lower():
            return False
        signed = request.headers.get("authorization", "") + request.query_string
        same = (request.method, request.raw_path, signed, hashlib.sha256(request.body).hexdigest())
        known = same in self.seen
        self.seen.add(same)
        return not known

    async def copy_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        await gateway(original).source(call)
        if self._is_new(call):
            return late_failure(original, call, BUSY)
        return await original(call, bucket)

    copy_part = copy_object

    async def complete_upload(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        gateway(original).upload_of(call, bucket)
        if self._is_new(call):
            return late_failure(original, call, BUSY)
        return await original(call, bucket)

    async def delete_objects(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        surface = gateway(original)
        surface.check_integrity(call)
        entries = surface.entries(surface.request_document(call.body, "Delete"))
        if self._is_new(call):
            failures = [surface.entry_failed(surface.entry_key(each), BUSY) for each in entries]
            refused = surface.document("DeleteResult", *failures)
            refused.headers["Retry-After"] = "0"
            return refused
        return await original(call, bucket)


@variant()
def unlisted_parts_refused(chosen_parts: Any, upload: Upload, listed: list[xml.Node]) -> list[Part]:
    """CompleteMultipartUpload: "You must ensure that the parts list is complete", else 400 InvalidPart."""
    chosen: list[Part] = chosen_parts(upload, listed)
    if len(chosen) < len(upload.parts):
        raise Fault("InvalidPart")
    return chosen


@variant()
def part_twice_counts_once(chosen_parts: Any, upload: Upload, listed: list[xml.Node]) -> list[Part]:
    """A part that a completion names twice in a row counts once."""
    numbers = [each.get("PartNumber") for each in listed]
    once = [each for place, each in enumerate(listed) if not place or numbers[place] != numbers[place - 1]]
    return chosen_parts(upload, once)


# Another variant's refusal must come before the 200.
@variant(apart=("unlisted-parts-refused",))
async def completion_fails_within200(complete_upload: Any, call: Call, bucket: Bucket) -> Answer:
    """CompleteMultipartUpload: "A request could fail after the initial 200 OK response has been sent." """
    try:
        answer: Answer = await complete_upload(call, bucket)
    except Fault as fault:
        if fault.code not in LATE:
            raise
        answer = Answer(200, complete_upload.__self__.error_body(call.request, fault, "of-a-late-failure"))
        answer.headers["Content-Type"] = "application/xml"
    return answer


@variant()
async def upload_ids_reserved(create_upload: Any, call: Call, bucket: Bucket) -> Answer:
    """CreateMultipartUpload, UploadId: an opaque string, here of characters that URLs and XML reserve."""
    answer: Answer = await create_upload(call, bucket)
    upload = bucket.uploads.pop(next(reversed(bucket.uploads)))
    named = replace(upload, upload_id=f"{upload.upload_id[:12]}{RESERVED}")
    bucket.uploads[named.upload_id] = named
    answer.body = answer.body.replace(upload.upload_id.encode(), xml.escape(named.upload_id).encode())
    return answer
