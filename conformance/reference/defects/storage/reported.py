"""What real S3 servers were reported for: each is the form of a bug that somebody's client came upon."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.storage.support import gateway, server_error
from conformance.reference.http import Answer, Request
from conformance.reference.storage.call import Call
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.multipart import SMALLEST_PART
from conformance.reference.storage.state import Bucket, Part, StoredObject, Upload

BLOCK = 64 * 1024
BUFFER = 1024 * 1024


class RangesFarWithinAreEmptied(Defect):
    """S3 API Reference, GetObject, Range: the bytes that are asked for, also those beyond the first buffers."""

    surface = "storage"
    noticed_by = ("storage/range/far-within-the-object",)

    def object_body(self, original: Any, call: Call, found: StoredObject, start: int, end: int) -> bytes:
        body: bytes = original(call, found, start, end)
        return body if start < 2 * BUFFER else bytes(len(body))


class ByteBehindALargeBlockLost(Defect):
    """S3 API Reference, GetObject: the bytes that were put, also the one that begins a block of 128 KiB."""

    surface = "storage"
    noticed_by = ("storage/object/bytes-come-back",)

    def new_object(self, original: Any, call: Call, md5: str, checksums: dict[str, str]) -> StoredObject:
        stored: StoredObject = original(call, md5, checksums)
        begins = stored.size > 2 * BLOCK and stored.size % (2 * BLOCK) == 1
        return replace(stored, body=stored.body[:-1]) if begins else stored


class RangesReadTheFirstBlock(Defect):
    """S3 API Reference, GetObject, Range: the bytes that are asked for, in whichever block of a storage they lie."""

    surface = "storage"
    noticed_by = ("storage/range/far-within-the-object",)

    def object_body(self, original: Any, call: Call, found: StoredObject, start: int, end: int) -> bytes:
        body: bytes = original(call, found, start, end)
        return original(call, found, start % BLOCK, start % BLOCK + len(body)) if len(body) < BUFFER else body


class RangesEndWithTheirBlock(Defect):
    """S3 API Reference, GetObject, Range: the bytes that are asked for, also where they lie in two blocks."""

    surface = "storage"
    noticed_by = ("storage/range/far-within-the-object",)

    def object_body(self, original: Any, call: Call, found: StoredObject, start: int, end: int) -> bytes:
        body: bytes = original(call, found, start, end)
        beyond = len(body) - (BUFFER - start % BUFFER)
        return body if len(body) >= BUFFER or beyond <= 0 else body[:-beyond] + bytes(beyond)


class CopiesEndWithTheFirstBuffer(Defect):
    """S3 API Reference, CopyObject: a copy has every byte of its source, however many."""

    surface = "storage"
    noticed_by = ("storage/copy/bytes-are-the-same",)

    def copied(self, original: Any, call: Call, stored: StoredObject, replaced: bool) -> StoredObject:
        copy: StoredObject = original(call, stored, replaced)
        return copy if "-" in stored.etag else replace(copy, body=copy.body[:BUFFER])


class UnknownUnitRefused(Defect):
    """RFC 9110 section 14.2: a Range in a unit that the server does not understand is ignored."""

    surface = "storage"
    noticed_by = ("storage/range/unknown-unit-is-ignored",)

    def asked_range(self, original: Any, value: str) -> tuple[int | None, int | None] | None:
        if value and not value.startswith("bytes="):
            raise Fault("InvalidRange")
        found: tuple[int | None, int | None] | None = original(value)
        return found


class ThirdPageOfPartsIsNumberedAnew(Defect):
    """S3 API Reference, ListParts, PartNumberMarker: the list goes on behind it, each page with the parts' numbers."""

    surface = "storage"
    noticed_by = ("storage/multipart/parts-are-listed",)

    def parts_after(self, original: Any, upload: Upload, marker: int) -> list[Part]:
        found: list[Part] = original(upload, marker)
        before = sum(number <= marker for number in upload.parts)
        return found if before < 3 else [replace(part, number=part.number - 1) for part in found]


class NoPartsIsServerError(Defect):
    """S3 API Reference, ListParts: the parts that have been uploaded, of which there are none at first."""

    surface = "storage"
    noticed_by = ("storage/multipart/parts-are-listed",)

    def parts_after(self, original: Any, upload: Upload, marker: int) -> list[Part]:
        if not upload.parts:
            raise server_error()
        found: list[Part] = original(upload, marker)
        return found


class CopiedRangeEndsWithItsPart(Defect):
    """S3 API Reference, UploadPartCopy, x-amz-copy-source-range: bytes of the source, of whichever of its parts."""

    surface = "storage"
    noticed_by = ("storage/multipart/part-can-be-copied",)

    def copied_range(self, original: Any, call: Call, source: StoredObject) -> bytes:
        body: bytes = original(call, source)
        given = re.match("bytes=([0-9]+)-", call.headers.get("x-amz-copy-source-range", ""))
        first = int(given[1]) if given else 0
        return body[: SMALLEST_PART - first % SMALLEST_PART] if "-" in source.etag else body


class CopiedPartToldByItsSource(Defect):
    """S3 API Reference, CopyPartResult, ETag: that of the part, by which the upload is completed; not the source's."""

    surface = "storage"
    noticed_by = ("storage/multipart/part-can-be-copied",)

    async def copy_part(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = await original(call, bucket)
        surface = gateway(original)
        of, key = surface.copy_source(call)
        tag = surface.buckets[of].objects[key].etag.encode()
        answer.body = re.sub(b"<ETag>.*?</ETag>", b"<ETag>&quot;" + tag + b"&quot;</ETag>", answer.body)
        return answer


class ChunksEndWhereTheyLookLikeIt(Defect):
    """SigV4, "Transferring Payload in Multiple Chunks": a chunk is as long as it says, whatever stands in it."""

    surface = "storage"
    noticed_by = ("storage/streaming/chunks-are-joined",)

    def read_chunks(self, original: Any, call: Call, stated: str) -> None:
        original(call, stated)
        call.body = call.body.partition(b"\r\n0\r\n")[0]


class HeadTellsNoChecksum(Defect):
    """S3 API Reference, HeadObject: the response is identical to that of GET, but for its body."""

    surface = "storage"
    noticed_by = ("storage/checksum/told-is-the-one-given",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        for name in [name for name in answer.headers if name.lower().startswith("x-amz-checksum-")]:
            if request.method == "HEAD":
                del answer.headers[name]
        return answer


class WritesAnswerWithJson(Defect):
    """S3 API Reference, PutObject, Response Syntax: 200 and fields; an SDK reads what else comes as XML."""

    surface = "storage"
    noticed_by = ("storage/sdk/put-and-get",)

    def stored_answer(self, original: Any, etag: str, checksums: dict[str, str]) -> Answer:
        answer: Answer = original(etag, checksums)
        answer.body = b'{"stored": true}'
        answer.headers["Content-Type"] = "application/json"
        return answer


class LargePartsCutToTheSmallest(Defect):
    """S3 User Guide, "Multipart upload limits": a part may have from 5 MiB to 5 GiB, and each of its bytes counts."""

    surface = "storage"
    noticed_by = ("storage/multipart/numbers-may-have-gaps",)

    def new_part(self, original: Any, upload: Upload, number: int, body: bytes, *told: Any) -> Part:
        part: Part = original(upload, number, body, *told)
        return replace(part, body=part.body[:SMALLEST_PART])


class GreaterThanSignsUnescaped(Defect):
    """XML 1.0 section 2.4: a greater-than sign behind two brackets is escaped, or the listing is not well-formed."""

    surface = "storage"
    noticed_by = ("storage/key/ordinary-names-are-kept",)

    def entry(self, original: Any, *told: Any) -> str:
        written: str = original(*told)
        return written.replace("&gt;", ">")


class RestToldWithTheWholesChecksum(Defect):
    """S3 API Reference, GetObject, x-amz-checksum-mode: SDKs compare the rest that they resume with, too."""

    surface = "storage"
    noticed_by = ("storage/sdk/put-and-get",)

    def object_answer(self, original: Any, call: Call, found: StoredObject, overrides: dict[str, str]) -> Answer:
        answer: Answer = original(call, found, overrides)
        if "x-amz-checksum-mode" in call.headers and call.headers.get("range", "").endswith("-"):
            answer.headers.update(gateway(original).checksum_headers(found.checksums))
        return answer
