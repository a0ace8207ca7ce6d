"""Defects that break the promise "Every checksum that the gateway reports is correct"."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Any

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.storage.call import Call
from conformance.reference.storage.conditions import Conditions
from conformance.reference.storage.digests import checksum
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.state import Bucket, Part, StoredObject, Upload
from conformance.reference.support.storage import gateway
from tests.defects.rows import row

ROWS = (
    row(
        "copy-keeps-composite-checksum",
        "S3 API Reference, CopyObjectResult, ChecksumType: what is told as of the whole object is of its bytes.",
        "storage/checksum/of-a-copy-of-parts-is-its-own",
        copied_checksums=lambda original, stored, asked: stored.checksums,
    ),
)


def _joined(original: Any, upload: Upload) -> StoredObject:
    """The object of all parts that came, in whatever way they should not be one."""
    surface = gateway(original)
    parts: list[Part] = [part for _, part in sorted(upload.parts.items())]
    return StoredObject(surface.joined(parts), surface.multipart_etag(parts), surface.seconds(), upload.headers)


class RefusedCompletionMakesTheObject(Defect):
    """S3 API Reference, CompleteMultipartUpload: a completion that is refused makes no object, of whatever parts."""

    surface = "storage"
    noticed_by = (
        "storage/checksum/of-a-completion-is-compared#part-malformed",
        "storage/checksum/of-a-completion-is-compared#part",
        "storage/multipart/small-part-before-the-last-is-refused#sent",
        "storage/multipart/small-part-before-the-last-is-refused#copied",
        "storage/multipart/invalid-part-is-refused#etag-of-a-replaced-part",
        "storage/multipart/invalid-part-is-refused#never-sent",
        "storage/multipart/order-of-parts-is-checked#twice",
        "storage/multipart/broken-completion-is-refused#cut",
        "storage/multipart/wrong-object-size-is-refused#less",
    )

    async def complete_upload(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        try:
            answer: Answer = await original(call, bucket)
        except Fault:
            upload = bucket.uploads.get(call.query["uploadId"])
            if upload is not None:
                bucket.put(call.key, _joined(original, upload))
            raise
        return answer


class ChecksumsOfCompletionNotCompared(Defect):
    """S3 API Reference, CompleteMultipartUpload, x-amz-checksum-: the checksum of the object that is to be made."""

    surface = "storage"
    noticed_by = (
        "storage/checksum/of-a-completion-is-compared#object-malformed",
        "storage/checksum/of-a-completion-is-compared#object",
    )

    async def complete_upload(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        headers = call.headers.mutablecopy()
        for name in [name for name in headers if name.startswith("x-amz-checksum-")]:
            del headers[name]
        answer: Answer = await original(replace(call, request=replace(call.request, headers=headers)), bucket)
        return answer


class CopiedWithAnotherChecksum(Defect):
    """S3 API Reference, CopyObject, x-amz-checksum-algorithm: the checksum that is made is of the object."""

    surface = "storage"
    noticed_by = ("storage/checksum/of-a-copy-is-the-one-requested",)

    def copied_checksums(self, original: Any, stored: StoredObject, asked: str | None) -> dict[str, str]:
        found: dict[str, str] = original(stored, asked)
        return found if asked is None else {asked: checksum(asked, stored.etag.encode())}


class CopiesChecksumKeptWrong(Defect):
    """S3 API Reference, CopyObject, x-amz-checksum-algorithm: the checksum that is kept is the one that was told."""

    surface = "storage"
    noticed_by = ("storage/checksum/of-a-copy-is-the-one-requested",)

    async def copy_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = await original(call, bucket)
        stored = bucket.objects[call.key]
        wrong = {name: checksum(name, stored.etag.encode()) for name in stored.checksums}
        bucket.put(call.key, replace(stored, checksums=wrong))
        return answer


class CopyOfPartsToldWithASourcesChecksum(Defect):
    """S3 API Reference, CopyObjectResult, ChecksumCRC32: that of the new object, which has no parts."""

    surface = "storage"
    noticed_by = ("storage/checksum/of-a-copy-of-parts-is-its-own",)

    def __init__(self) -> None:
        self.told: dict[str, str] = {}

    def copied_checksums(self, original: Any, stored: StoredObject, asked: str | None) -> dict[str, str]:
        found: dict[str, str] = original(stored, asked)
        if stored.checksum_type == "COMPOSITE":
            self.told = {name: checksum(name, value.encode()) for name, value in found.items()}
        return found

    def copy_result(self, original: Any, etag: str, modified: int, checksums: dict[str, str]) -> list[str]:
        told: list[str] = original(
            etag, modified, {name: self.told.get(name, value) for name, value in checksums.items()}
        )
        return told


class ChecksumOfThePartBefore(Defect):
    """S3 API Reference, UploadPart: a part that is sent anew replaces the one before, and its checksum."""

    surface = "storage"
    noticed_by = (
        "storage/checksum/of-parts-is-of-its-type#composite-crc32",
        "storage/checksum/of-parts-is-of-its-type#full-crc64nvme",
    )

    async def keep_part(self, original: Any, upload: Upload, part: Part) -> None:
        before = upload.parts.get(part.number)
        await original(upload, replace(part, checksums=before.checksums) if before else part)


class ChecksumTypeNotHeeded(Defect):
    """S3 API Reference, CreateMultipartUpload, x-amz-checksum-type: the type that is asked for is used and told."""

    surface = "storage"
    noticed_by = ("storage/checksum/of-parts-is-of-its-type#full-crc32",)

    def checksum_type(self, original: Any, call: Call, algorithm: str | None) -> str:
        original(call, algorithm)
        return "FULL_OBJECT" if algorithm == "crc64nvme" else "COMPOSITE"


class ChecksumOfPartsToldOfTheWhole(Defect):
    """S3 API Reference, GetObject, x-amz-checksum-type: a checksum of the parts' checksums is told as such."""

    surface = "storage"
    noticed_by = ("storage/checksum/of-parts-is-of-its-type#composite-crc32",)

    def assembled(self, original: Any, call: Call, upload: Upload, parts: list[Part]) -> StoredObject:
        stored: StoredObject = original(call, upload, parts)
        return replace(stored, checksum_type="FULL_OBJECT")


class ChecksumOfTheWholeRefused(Defect):
    """S3 API Reference, CompleteMultipartUpload, x-amz-checksum-: the object's, which is not the document's."""

    surface = "storage"
    noticed_by = ("storage/checksum/of-parts-is-of-its-type#full-crc32",)

    async def complete_upload(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        gateway(original).check_checksum(call)
        answer: Answer = await original(call, bucket)
        return answer


class ChecksumOfPartsKeptWrong(Defect):
    """S3 API Reference, GetObject, x-amz-checksum-: of an object in parts as its completion told it."""

    surface = "storage"
    noticed_by = (
        "storage/checksum/of-parts-is-of-its-type#composite-crc32",
        "storage/checksum/of-parts-is-of-its-type#composite-sha256",
    )

    def checksum_headers(self, original: Any, checksums: dict[str, str]) -> dict[str, str]:
        cut = {name: value.partition("-")[0][::-1] if "-" in value else value for name, value in checksums.items()}
        return dict(original(cut))


class ChecksumOutlivesItsBytes(Defect):
    """S3 API Reference, GetObject, x-amz-checksum-: what overwrites an object has its own checksum, or none."""

    surface = "storage"
    noticed_by = (
        "storage/checksum/of-the-overwritten-is-gone#by-a-copy",
        "storage/checksum/of-the-overwritten-is-gone#by-a-put",
        "storage/checksum/of-the-overwritten-is-gone#by-an-upload",
    )

    async def commit(self, original: Any, bucket: Bucket, key: str, stored: StoredObject, asked: Conditions) -> None:
        before = bucket.objects.get(key)
        if before is not None and not stored.checksums:
            stored = replace(stored, checksums=before.checksums)
        await original(bucket, key, stored, asked)


class NoughtsOfCrcsLost(Defect):
    """S3 User Guide, "Checking object integrity": a CRC has its length, with noughts in front where it is small."""

    surface = "storage"
    noticed_by = (
        "storage/checksum/stored-checksum-is-reported#crc32",
        "storage/checksum/stored-checksum-is-reported#crc32c",
    )

    def check_checksum(self, original: Any, call: Call) -> dict[str, str]:
        given: dict[str, str] = original(call)
        return {name: base64.b64encode(base64.b64decode(text).lstrip(b"\0")).decode() for name, text in given.items()}


class HeadTellsNoChecksum(Defect):
    """S3 API Reference, HeadObject: the response is identical to that of GET, but for its body."""

    surface = "storage"
    noticed_by = (
        "storage/checksum/stored-checksum-is-reported#crc64nvme",
        "storage/checksum/stored-checksum-is-reported#sha1",
        "storage/checksum/stored-checksum-is-reported#sha256",
    )
    shipped = True

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        for name in [name for name in answer.headers if name.lower().startswith("x-amz-checksum-")]:
            if request.method == "HEAD":
                del answer.headers[name]
        return answer
