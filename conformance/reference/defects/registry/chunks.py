"""Defects of pushing blobs in chunks."""

from __future__ import annotations

import asyncio
from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.registry.common import PAUSE_S, EveryTwentieth, kind_of, registry_of, without
from conformance.reference.http import Answer, Request
from conformance.reference.registry.errors import Refusal
from conformance.reference.registry.routing import Asked
from conformance.reference.registry.state import Upload


class ManyChunksUnverified(Defect):
    """distribution-spec 1.1, Pushing a blob in chunks: what came in several is verified as what came in one."""

    surface = "registry"
    noticed_by = ("registry/digest/wrong-is-refused#chunks", "registry/digest/refused-bytes-are-stored-nowhere#chunks")

    def __init__(self) -> None:
        self.chunks: dict[str, int] = {}

    async def patch_upload(self, original: Any, asked: Asked) -> Answer:
        self.chunks[asked.reference] = self.chunks.get(asked.reference, 0) + 1
        answer: Answer = await original(asked)
        return answer

    async def finish_upload(self, original: Any, upload: Upload, digest: str, content: bytes) -> None:
        if self.chunks.get(upload.session, 0) < 2:
            await original(upload, digest, content)
        else:
            registry_of(original).close_session(upload)
            await registry_of(original).store_blob(upload.repository, digest, content)


class ChunkOutOfOrderAccepted(Defect):
    """distribution-spec 1.1, Pushing a blob in chunks: a chunk out of order is refused with 416."""

    surface = "registry"
    noticed_by = (
        "registry/upload/out-of-order-is-416#gap",
        "registry/upload/out-of-order-is-416#one-byte-late",
        "registry/upload/out-of-order-is-416#repeated",
        "registry/upload/first-chunk-begins-at-0",
    )

    def chunk_is_next(self, original: Any, first: int, upload: Upload) -> bool:
        return True


class RefusedChunkKept(Defect):
    """distribution-spec 1.1, Pushing a blob in chunks: the bytes of a chunk refused with 416 are not kept."""

    surface = "registry"
    noticed_by = ("registry/upload/out-of-order-changes-nothing#gap",)

    def out_of_order(self, original: Any, request: Request, upload: Upload) -> Refusal:
        refusal: Refusal = original(request, upload)
        upload.content += request.body
        return refusal


class OutOfOrderLastChunkAccepted(Defect):
    """distribution-spec 1.1, Pushing a blob in chunks: the chunk in the closing PUT keeps the order, too."""

    surface = "registry"
    noticed_by = ("registry/upload/last-chunk-out-of-order-is-refused",)

    def check_chunk(self, original: Any, request: Request, upload: Upload) -> None:
        if request.method != "PUT":
            original(request, upload)


class ChunkLengthUnchecked(Defect):
    """Docker Registry V2, Chunked Upload: the length of a chunk is what its Content-Range says."""

    surface = "registry"
    noticed_by = ("registry/upload/range-and-length-agree#long", "registry/upload/range-and-length-agree#short")

    def chunk_length_matches(self, original: Any, chunk: tuple[int, int], body: bytes) -> bool:
        return True


class RefusedChunkOfOtherLengthKept(Defect):
    """Docker Registry V2, Chunked Upload: a chunk that is refused for its length is no part of the blob."""

    surface = "registry"
    noticed_by = ("registry/upload/range-and-length-agree#long",)

    async def append_chunk(self, original: Any, request: Request, upload: Upload) -> None:
        try:
            await original(request, upload)
        except Refusal as refusal:
            if refusal.code == "SIZE_INVALID":
                upload.content += request.body
            raise


class OutOfOrderWithoutRange(Defect):
    """Docker Registry V2, Chunked Upload: 416 says by Location and Range where to go on."""

    surface = "registry"
    noticed_by = ("registry/upload/416-tells-where-to-go-on",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        return without(answer, "Location", "Range") if answer.status == 416 and kind_of(request) == "upload" else answer


class ChunkAnswered204(Defect):
    """distribution-spec 1.1, Pushing a blob in chunks: an accepted chunk is answered 202."""

    surface = "registry"
    noticed_by = ("registry/upload/chunk-is-202",)

    def chunk_accepted(self, original: Any, request: Request, upload: Upload) -> Answer:
        answer: Answer = original(request, upload)
        answer.status = 204
        return answer


class ChunkWithoutRange(Defect):
    """distribution-spec 1.1, Pushing a blob in chunks: 202 says by Range what was accepted."""

    surface = "registry"
    noticed_by = ("registry/upload/answers-tell-the-range",)

    def chunk_accepted(self, original: Any, request: Request, upload: Upload) -> Answer:
        return without(original(request, upload), "Range")


class ChunkWithoutLocation(Defect):
    """distribution-spec 1.1, Pushing a blob in chunks: 202 says by Location where the next chunk goes."""

    surface = "registry"
    noticed_by = ("registry/upload/in-chunks#three", "registry/upload/in-chunks#twenty-four")

    def chunk_accepted(self, original: Any, request: Request, upload: Upload) -> Answer:
        return without(original(request, upload), "Location")


class ChunksAtOnceBothAppended(Defect):
    """distribution-spec 1.1, Pushing a blob in chunks: of two same chunks at once, one is out of order."""

    surface = "registry"
    noticed_by = ("registry/at-once/one-session",)

    async def append_chunk(self, original: Any, request: Request, upload: Upload) -> None:
        registry_of(original).check_chunk(request, upload)
        await asyncio.sleep(PAUSE_S)
        upload.content += request.body


class OneChunkInTwentyLost(Defect):
    """distribution-spec 1.1, Pushing a blob in chunks: every accepted chunk is kept, not 19 of 20."""

    surface = "registry"
    noticed_by = ("registry/upload/in-chunks#twenty-four",)

    def __init__(self) -> None:
        self.twentieth = EveryTwentieth()

    async def append_chunk(self, original: Any, request: Request, upload: Upload) -> None:
        if not self.twentieth.due():
            await original(request, upload)


class PartEndsWithItsChunk(Defect):
    """RFC 9110 section 15.3.7: a part is of the blob, in however many chunks that came."""

    surface = "registry"
    noticed_by = (
        "registry/pull/part-is-what-it-says#last-of-more-than-there-is",
        "registry/pull/part-is-what-it-says#of-what-is-had",
        "registry/pull/range-is-served#middle",
        "registry/pull/range-is-served#open",
        "registry/pull/range-is-served#to-the-end",
    )

    def __init__(self) -> None:
        self.firsts: dict[str, int] = {}
        self.ends: dict[str, int] = {}

    async def append_chunk(self, original: Any, request: Request, upload: Upload) -> None:
        await original(request, upload)
        self.firsts.setdefault(upload.session, len(upload.content))

    async def finish_upload(self, original: Any, upload: Upload, digest: str, content: bytes) -> None:
        self.ends[digest] = self.firsts.get(upload.session, 0)
        await original(upload, digest, content)

    def part_answer(self, original: Any, digest: str, content: bytes, first: int, end: int) -> Answer:
        border = self.ends.get(digest, 0)
        answer: Answer = original(digest, content, first, border if first < border < end else end)
        return answer
