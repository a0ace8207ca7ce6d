"""What real S3 servers were reported for: each is the form of a bug that somebody's client came upon."""

from __future__ import annotations

import re
from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.storage.support import gateway, server_error
from conformance.reference.http import Answer, Request
from conformance.reference.storage.call import Call
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.state import Bucket, Part, StoredObject, Upload

BUFFER = 1024 * 1024


class RangesEndWithTheirBlock(Defect):
    """S3 API Reference, GetObject, Range: the bytes that are asked for, also where they lie in two blocks."""

    surface = "storage"
    noticed_by = ("storage/range/far-within-the-object",)

    def object_body(self, original: Any, call: Call, found: StoredObject, start: int, end: int) -> bytes:
        body: bytes = original(call, found, start, end)
        beyond = len(body) - (BUFFER - start % BUFFER)
        return body if len(body) >= BUFFER or beyond <= 0 else body[:-beyond] + bytes(beyond)


class UnknownUnitRefused(Defect):
    """RFC 9110 section 14.2: a Range in a unit that the server does not understand is ignored."""

    surface = "storage"
    noticed_by = ("storage/range/unknown-unit-is-ignored",)

    def asked_range(self, original: Any, value: str) -> tuple[int | None, int | None] | None:
        if value and not value.startswith("bytes="):
            raise Fault("InvalidRange")
        found: tuple[int | None, int | None] | None = original(value)
        return found


class NoPartsIsServerError(Defect):
    """S3 API Reference, ListParts: the parts that have been uploaded, of which there are none at first."""

    surface = "storage"
    noticed_by = ("storage/multipart/parts-are-listed",)

    def parts_after(self, original: Any, upload: Upload, marker: int) -> list[Part]:
        if not upload.parts:
            raise server_error()
        found: list[Part] = original(upload, marker)
        return found


class CopiedPartToldByItsSource(Defect):
    """S3 API Reference, CopyPartResult, ETag: that of the part, by which the upload is completed; not the source's."""

    surface = "storage"
    noticed_by = ("storage/multipart/part-can-be-copied#range", "storage/multipart/part-can-be-copied#range-over-parts")

    async def copy_part(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = await original(call, bucket)
        surface = gateway(original)
        of, key = surface.copy_source(call)
        tag = surface.buckets[of].objects[key].etag.encode()
        answer.body = re.sub(b"<ETag>.*?</ETag>", b"<ETag>&quot;" + tag + b"&quot;</ETag>", answer.body)
        return answer


class HeadTellsNoChecksum(Defect):
    """S3 API Reference, HeadObject: the response is identical to that of GET, but for its body."""

    surface = "storage"
    noticed_by = (
        "storage/checksum/told-is-the-one-given#crc64nvme",
        "storage/checksum/told-is-the-one-given#sha1",
        "storage/checksum/told-is-the-one-given#sha256",
    )

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        for name in [name for name in answer.headers if name.lower().startswith("x-amz-checksum-")]:
            if request.method == "HEAD":
                del answer.headers[name]
        return answer


class WritesAnswerWithJson(Defect):
    """S3 API Reference, PutObject, Response Syntax: 200 and fields; an SDK reads what else comes as XML."""

    surface = "storage"
    noticed_by = ("storage/sdk/put-and-get#base",)

    def stored_answer(self, original: Any, etag: str, checksums: dict[str, str]) -> Answer:
        answer: Answer = original(etag, checksums)
        answer.body = b'{"stored": true}'
        answer.headers["Content-Type"] = "application/json"
        return answer
