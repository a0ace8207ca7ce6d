"""Variants of the S3 gateway in objects that were uploaded in parts."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import Any

from conformance.reference.defects.base import Variant
from conformance.reference.defects.storage.support import gateway
from conformance.reference.http import Answer, Request
from conformance.reference.storage.call import Call, whole_number
from conformance.reference.storage.conditions import Conditions
from conformance.reference.storage.state import Bucket, Part, StoredObject, Upload
from conformance.reference.variants.storage_access import fault


class CopyOfPartsKeepsItsTag(Variant):
    """S3 API Reference, Object, ETag: it may or may not be an MD5; here a copy of parts has the tag of its source."""

    surface = "storage"

    def copied_etag(self, original: Any, stored: StoredObject) -> str:
        return stored.etag


class CopyOfPartsKeepsItsChecksum(Variant):
    """S3 API Reference, CopyObjectResult, ChecksumType: here a copy keeps a composite checksum, told as such."""

    surface = "storage"

    def copied(self, original: Any, call: Call, stored: StoredObject, replaced: bool) -> StoredObject:
        copy: StoredObject = original(call, stored, replaced)
        return replace(copy, checksums=stored.checksums, checksum_type=stored.checksum_type)


class CompositeWithoutCount(Variant):
    """Composite checksums do not end in the number of parts."""

    surface = "storage"

    def object_checksums(
        self, original: Any, call: Call, upload: Upload, parts: list[Part], body: bytes
    ) -> dict[str, str]:
        found: dict[str, str] = original(call, upload, parts, body)
        return {name: value.partition("-")[0] for name, value in found.items()}


class ChecksumTypesUnknown(Variant):
    """Checksum types are not known: composite where S3 had no other, and no type is told."""

    surface = "storage"

    def checksum_type(self, original: Any, call: Call, algorithm: str | None) -> str:
        return "FULL_OBJECT" if algorithm == "crc64nvme" else "COMPOSITE"

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        del answer.headers["x-amz-checksum-type"]
        for kind in (b"FULL_OBJECT", b"COMPOSITE"):
            answer.body = answer.body.replace(b"<ChecksumType>" + kind + b"</ChecksumType>", b"")
        return answer


class ObjectSizeUnknown(Variant):
    """x-amz-mp-object-size is not known, and passed over."""

    surface = "storage"
    misses = ("storage/multipart/wrong-object-size-is-refused",)

    def assembled(self, original: Any, call: Call, upload: Upload, parts: list[Part]) -> StoredObject:
        headers = call.request.headers.mutablecopy()
        del headers["x-amz-mp-object-size"]
        stored: StoredObject = original(replace(call, request=replace(call.request, headers=headers)), upload, parts)
        return stored


@dataclass(frozen=True)
class InParts(StoredObject):
    """An object that is known by its parts, of these sizes."""

    sizes: tuple[int, ...] = ()


class PartsAreReadByNumber(Variant):
    """S3 API Reference, GetObject, partNumber: it is as if the range of that part had been asked for."""

    surface = "storage"

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
            answer: Answer = await original(whole)(whole, bucket)
            return answer

        return read


class WhatOvertookAnUploadStands(Variant):
    """S3 User Guide, "Uploading and copying objects using multipart upload": what came since the opening may stand.

    "It's possible that any other request received between the time when the multipart upload is initiated and when it
    completes, the other request might take precedence": a deletion too, without the object ever being seen.
    """

    surface = "storage"

    def __init__(self) -> None:
        self.changes: Counter[tuple[str, str]] = Counter()
        self.at_opening: dict[str, int] = {}

    async def commit(self, original: Any, bucket: Bucket, key: str, stored: StoredObject, asked: Conditions) -> None:
        await original(bucket, key, stored, asked)
        self.changes[bucket.name, key] += 1

    async def erase(self, original: Any, bucket: Bucket, key: str, asked: Conditions) -> None:
        await original(bucket, key, asked)
        self.changes[bucket.name, key] += 1

    async def create_upload(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = await original(call, bucket)
        self.at_opening[next(reversed(bucket.uploads))] = self.changes[bucket.name, call.key]
        return answer

    async def finish(
        self, original: Any, bucket: Bucket, upload: Upload, stored: StoredObject, asked: Conditions
    ) -> None:
        if self.at_opening.get(upload.upload_id, 0) == self.changes[bucket.name, upload.key]:
            await original(bucket, upload, stored, asked)
        else:
            gateway(original).check_write(asked, bucket.objects.get(upload.key))
            await gateway(original).forget_upload(bucket, upload)
