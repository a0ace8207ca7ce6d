"""Defects that break the promise "Every checksum that the gateway reports is correct"."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Any

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.one_method import defect, row
from conformance.reference.storage.call import Call
from conformance.reference.storage.conditions import Conditions
from conformance.reference.storage.digests import checksum
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.state import Bucket, Part, StoredObject, Upload
from conformance.reference.support.storage import gateway

ROWS = (
    row(
        "copy-keeps-composite-checksum",
        "S3 API Reference, CopyObjectResult, ChecksumType: a composite checksum is reported as that of the object.",
        "storage/checksum/of-a-copy-of-parts-is-its-own",
        copied_checksums=lambda original, stored, asked: stored.checksums,
    ),
)


def _joined(original: Any, upload: Upload) -> StoredObject:
    """Return the object that all uploaded parts make, whatever the completion says."""
    surface = gateway(original)
    parts: list[Part] = [part for _, part in sorted(upload.parts.items())]
    return StoredObject(surface.joined(parts), surface.multipart_etag(parts), surface.seconds(), upload.headers)


@defect(
    "storage/checksum/of-a-completion-is-compared#part-malformed,part",
    "storage/multipart/small-part-before-the-last-is-refused#sent,copied",
    "storage/multipart/invalid-part-is-refused#etag-of-a-replaced-part,never-sent",
    "storage/multipart/order-of-parts-is-checked#twice",
    "storage/multipart/broken-completion-is-refused#cut",
    "storage/multipart/wrong-object-size-is-refused#less",
)
async def refused_completion_makes_the_object(complete_upload: Any, call: Call, bucket: Bucket) -> Answer:
    """S3 API Reference, CompleteMultipartUpload: a completion is refused, but makes the object."""
    try:
        return await complete_upload(call, bucket)
    except Fault:
        upload = bucket.uploads.get(call.query["uploadId"])
        if upload is not None:
            bucket.put(call.key, _joined(complete_upload, upload))
        raise


@defect("storage/checksum/of-a-completion-is-compared#object-malformed,object")
async def checksums_of_completion_not_compared(complete_upload: Any, call: Call, bucket: Bucket) -> Answer:
    """S3 API Reference, CompleteMultipartUpload, x-amz-checksum-: it is not compared with the object."""
    headers = call.headers.mutablecopy()
    for name in [name for name in headers if name.startswith("x-amz-checksum-")]:
        del headers[name]
    return await complete_upload(replace(call, request=replace(call.request, headers=headers)), bucket)


@defect("storage/checksum/of-a-copy-is-the-one-requested")
def copied_with_another_checksum(copied_checksums: Any, stored: StoredObject, requested: str | None) -> dict[str, str]:
    """S3 API Reference, CopyObject, x-amz-checksum-algorithm: the reported checksum is wrong."""
    found: dict[str, str] = copied_checksums(stored, requested)
    return found if requested is None else {requested: checksum(requested, stored.etag.encode())}


@defect("storage/checksum/of-a-copy-is-the-one-requested")
async def copies_checksum_stored_wrong(copy_object: Any, call: Call, bucket: Bucket) -> Answer:
    """S3 API Reference, CopyObject, x-amz-checksum-algorithm: the stored checksum differs from the reported one."""
    answer: Answer = await copy_object(call, bucket)
    stored = bucket.objects[call.key]
    wrong = {name: checksum(name, stored.etag.encode()) for name in stored.checksums}
    bucket.put(call.key, replace(stored, checksums=wrong))
    return answer


class CopyOfPartsReportedWithASourcesChecksum(Defect):
    """S3 API Reference, CopyObjectResult, ChecksumCRC32: it is the composite checksum of the multipart source."""

    noticed_by = ("storage/checksum/of-a-copy-of-parts-is-its-own",)
    earlier: dict[str, str] = {}

    def copied_checksums(self, original: Any, stored: StoredObject, requested: str | None) -> dict[str, str]:
        found: dict[str, str] = original(stored, requested)
        if stored.checksum_type == "COMPOSITE":
            self.earlier = {name: checksum(name, value.encode()) for name, value in found.items()}
        return found

    def copy_result(self, original: Any, etag: str, modified: int, checksums: dict[str, str]) -> list[str]:
        return original(etag, modified, {name: self.earlier.get(name, value) for name, value in checksums.items()})


@defect("storage/checksum/of-parts-is-of-its-type#composite-crc32,full-crc64nvme")
async def checksum_of_the_part_before(keep_part: Any, upload: Upload, part: Part) -> None:
    """S3 API Reference, UploadPart: a part sent again keeps the checksum of the earlier one."""
    before = upload.parts.get(part.number)
    await keep_part(upload, replace(part, checksums=before.checksums) if before else part)


@defect("storage/checksum/of-parts-is-of-its-type#full-crc32")
def checksum_type_not_heeded(checksum_type: Any, call: Call, algorithm: str | None) -> str:
    """S3 API Reference, CreateMultipartUpload, x-amz-checksum-type: it is ignored."""
    checksum_type(call, algorithm)
    return "FULL_OBJECT" if algorithm == "crc64nvme" else "COMPOSITE"


@defect("storage/checksum/of-parts-is-of-its-type#composite-crc32")
def checksum_of_parts_reported_as_of_the_whole(assembled: Any, call: Call, upload: Upload, parts: Any) -> StoredObject:
    """S3 API Reference, GetObject, x-amz-checksum-type: a composite checksum is reported as FULL_OBJECT."""
    stored: StoredObject = assembled(call, upload, parts)
    return replace(stored, checksum_type="FULL_OBJECT")


@defect("storage/checksum/of-parts-is-of-its-type#full-crc32")
async def checksum_of_the_whole_refused(complete_upload: Any, call: Call, bucket: Bucket) -> Answer:
    """S3 API Reference, CompleteMultipartUpload, x-amz-checksum-: it is compared with the document."""
    gateway(complete_upload).check_checksum(call)
    return await complete_upload(call, bucket)


@defect("storage/checksum/of-parts-is-of-its-type#composite-crc32,composite-sha256")
def checksum_of_parts_stored_wrong(checksum_headers: Any, checksums: dict[str, str]) -> dict[str, str]:
    """S3 API Reference, GetObject, x-amz-checksum-: the checksum of a multipart object is not the reported one."""
    cut = {name: value.partition("-")[0][::-1] if "-" in value else value for name, value in checksums.items()}
    return dict(checksum_headers(cut))


@defect("storage/checksum/of-the-overwritten-is-gone#by-a-copy,by-a-put,by-an-upload")
async def checksum_outlives_its_bytes(
    commit: Any, bucket: Bucket, key: str, stored: StoredObject, conditions: Conditions
) -> None:
    """S3 API Reference, GetObject, x-amz-checksum-: an overwritten object keeps its old checksum."""
    before = bucket.objects.get(key)
    if before is not None and not stored.checksums:
        stored = replace(stored, checksums=before.checksums)
    await commit(bucket, key, stored, conditions)


@defect("storage/checksum/stored-checksum-is-reported#crc32,crc32c")
def noughts_of_crcs_lost(check_checksum: Any, call: Call) -> dict[str, str]:
    """S3 User Guide, "Checking object integrity": leading zeros of a CRC are lost."""
    given: dict[str, str] = check_checksum(call)
    return {name: base64.b64encode(base64.b64decode(text).lstrip(b"\0")).decode() for name, text in given.items()}


@defect("storage/checksum/stored-checksum-is-reported#crc64nvme,sha1,sha256", shipped=True)
def head_omits_the_checksum(request: Request, answer: Answer) -> Answer:
    """S3 API Reference, HeadObject: HEAD omits the checksum that GET returns."""
    for name in [name for name in answer.headers if name.lower().startswith("x-amz-checksum-")]:
        if request.method == "HEAD":
            del answer.headers[name]
    return answer


@defect("storage/checksum/of-the-overwritten-is-gone#by-a-put")
async def checksum_of_the_overwritten_reported(
    commit: Any, bucket: Bucket, key: str, stored: StoredObject, conditions: Conditions
) -> None:
    """S3 API Reference, GetObject, x-amz-checksum-crc32: it is that of the overwritten object."""
    before = bucket.objects.get(key)
    left = {each: value for each, value in before.checksums.items() if each in stored.checksums} if before else {}
    await commit(bucket, key, replace(stored, checksums=stored.checksums | left), conditions)
