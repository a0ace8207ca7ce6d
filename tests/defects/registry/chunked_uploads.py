"""Defects of chunked uploads.

They break these promises:

- A blob can be pushed in chunks or as a stream.
- An out-of-order chunk is rejected without damaging the upload.
"""

from __future__ import annotations

from typing import Any

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.one_method import defect, row
from conformance.reference.registry import grammar
from conformance.reference.registry.errors import Refusal
from conformance.reference.registry.routing import Call
from conformance.reference.registry.state import Upload
from conformance.reference.support.registry import KIB, kind_of, registry_of, without
from tests.defects.support.common import server_error_page
from tests.defects.support.registry import _AnotherStatus, _RefusedButStored

PART = 5 * 1024 * 1024
"""The least size of a part of an upload to S3, which many registries store in."""

ROWS = (
    row(
        "chunk-without-range",
        "distribution-spec 1.1, Pushing a blob in chunks: the 202 to a chunk has no Range.",
        "registry/upload/responses-state-the-range",
        chunk_accepted=lambda original, request, upload: without(original(request, upload), "Range"),
    ),
    row(
        "chunk-far-in-refused",
        "distribution-spec 1.1, Pushing a blob in chunks: a chunk in order is refused after 64 KiB.",
        "registry/upload/in-chunks#three",
        chunk_is_next=lambda original, first, upload: bool(original(first, upload)) and first < 64 * KIB,
    ),
    row(
        "one-byte-reported-as-two",
        "distribution-spec 1.1, Pushing a blob in chunks: Range is 0-1 after one byte.",
        "registry/upload/one-byte-is-a-chunk",
        upload_range=lambda original, upload: "0-1" if len(upload.content) == 1 else str(original(upload)),
    ),
    row(
        "chunk-out-of-order-accepted",
        "distribution-spec 1.1, Pushing a blob in chunks: a chunk out of order is accepted.",
        "registry/upload/out-of-order-is-416#gap,one-byte-late,repeated",
        "registry/upload/first-chunk-begins-at-0",
        chunk_is_next=lambda original, first, upload: True,
    ),
    row(
        "chunk-length-unchecked",
        "Docker Registry V2, Chunked Upload: the length of a chunk may differ from its Content-Range.",
        "registry/upload/range-and-length-agree#long,short",
        chunk_length_matches=lambda original, chunk, body: True,
    ),
)


@defect("registry/upload/chunk-is-202")
def chunk_answered204(chunk_accepted: Any, request: Request, upload: Upload) -> Answer:
    """distribution-spec 1.1, Pushing a blob in chunks: a chunk is answered 204 instead of 202."""
    answer: Answer = chunk_accepted(request, upload)
    answer.status = 204
    return answer


@defect("registry/upload/empty-chunk-is-no-server-error", crashes=(ZeroDivisionError,))
async def empty_chunk_fails(append_chunk: Any, request: Request, upload: Upload) -> None:
    """API Reference, Error Handling: an empty chunk is answered 500."""
    if not request.body:
        raise ZeroDivisionError
    await append_chunk(request, upload)


@defect("registry/upload/in-chunks#three")
async def large_chunk_cut_short(append_chunk: Any, request: Request, upload: Upload) -> None:
    """distribution-spec 1.1, Pushing a blob in chunks: the bytes of a chunk after a mebibyte become zeros."""
    await append_chunk(request, upload)
    beyond = len(request.body) - KIB * KIB
    if "content-range" in request.headers and beyond > 0:
        upload.content[-beyond:] = bytes(beyond)


class LastBytesAfterStreamIgnored(Defect):
    """distribution-spec 1.1, Pushing a blob in chunks: after a stream the bytes in the closing PUT are lost."""

    noticed_by = ("registry/upload/last-chunk-by-put#behind-a-stream",)
    streamed: set[str] = set()

    async def patch_upload(self, original: Any, call: Call) -> Answer:
        if "content-range" not in call.request.headers:
            self.streamed.add(call.reference)
        return await original(call)

    def whole_content(self, original: Any, upload: Upload, last: bytes) -> bytes:
        return original(upload, b"" if upload.session in self.streamed else last)


@defect("registry/upload/one-byte-is-a-chunk", "registry/upload/last-chunk-by-put#behind-chunks")
def chunk_of_one_byte_refused(check_chunk: Any, request: Request, upload: Upload) -> None:
    """distribution-spec 1.1, Pushing a blob in chunks: a chunk of one byte is refused."""
    first, _, last = request.headers.get("content-range", "").partition("-")
    if first and first == last:
        raise registry_of(check_chunk).out_of_order(request, upload)
    check_chunk(request, upload)


@defect("registry/upload/status-is-reported", shipped=True)
async def session_known_from_its_first_byte(get_upload: Any, call: Call) -> Answer:
    """distribution-spec 1.1, Pushing a blob in chunks: the status of a session without bytes is answered 404."""
    answer: Answer = await get_upload(call)
    if not registry_of(get_upload).find_upload(call).content:
        raise Refusal("BLOB_UPLOAD_UNKNOWN", {"upload": call.reference})
    return answer


@defect("registry/upload/streamed")
def stream_refused(request: Request) -> Answer | None:
    """Docker Registry V2, Changes, b: a chunk without Content-Length is refused."""
    if request.method == "PATCH" and "content-length" not in request.headers:
        return Answer.json(411, {"errors": [{"code": "SIZE_INVALID", "message": "a length is needed"}]})
    return None


@defect("registry/upload/streamed", state=dict)
def absent_blob_remembered(absent: dict[tuple[str, str], Refusal], blob_of: Any, name: str, digest: str) -> bytes:
    """distribution-spec 1.1, Pulling blobs: a blob requested before its push stays 404."""
    if (name, digest) in absent:
        raise absent[name, digest]
    try:
        return blob_of(name, digest)
    except Refusal as refusal:
        absent[name, digest] = refusal
        raise


@defect("registry/upload/streamed")
async def bytes_beyond_a_part_lost(append_chunk: Any, request: Request, upload: Upload) -> None:
    """API Reference, Service Endpoints: the bytes of a stream after 5 MiB are lost."""
    before = len(upload.content)
    await append_chunk(request, upload)
    if before < PART < len(upload.content):
        del upload.content[PART:]


@defect("registry/upload/416-states-where-to-continue")
def out_of_order_without_range(request: Request, answer: Answer) -> Answer:
    """Docker Registry V2, Chunked Upload: a 416 has neither Location nor Range."""
    return without(answer, "Location", "Range") if answer.status == 416 and kind_of(request) == "upload" else answer


class OutOfOrderAnswered400(_AnotherStatus):
    """distribution-spec 1.1, Pushing a blob in chunks: a chunk out of order is answered 400 instead of 416."""

    noticed_by = (
        "registry/upload/416-states-where-to-continue",
        "registry/upload/out-of-order-is-416#one-byte-early,overlapping",
    )
    status_change = ("upload", "PATCH", 416, 400)


@defect("registry/upload/416-states-where-to-continue")
def out_of_order_without_location(request: Request, answer: Answer) -> Answer:
    """Docker Registry V2, Chunked Upload: a 416 has no Location."""
    return without(answer, "Location") if answer.status == 416 and kind_of(request) == "upload" else answer


@defect("registry/upload/any-content-range-is-handled", shortest=3)
def content_range_of_another_unit_fails(request: Request) -> Answer | None:
    """API Reference, Error Handling: an unreadable Content-Range is answered 500."""
    return server_error_page() if "=" in request.headers.get("content-range", "") else None


@defect("registry/upload/last-chunk-out-of-order-is-refused")
def out_of_order_last_chunk_accepted(check_chunk: Any, request: Request, upload: Upload) -> None:
    """distribution-spec 1.1, Pushing a blob in chunks: a chunk out of order in the closing PUT is accepted."""
    if request.method != "PUT":
        check_chunk(request, upload)


class LastChunksStoredOutOfOrder(_RefusedButStored):
    """distribution-spec 1.1, Pushing a blob in chunks: a closing PUT refused for its order stores a blob."""

    noticed_by = ("registry/upload/last-chunk-out-of-order-is-refused",)
    codes = ("RANGE_INVALID",)


@defect("registry/upload/malformed-content-range-is-refused#backwards,open,without-a-dash,words")
def malformed_content_range_ignored(check_chunk: Any, request: Request, upload: Upload) -> None:
    """distribution-spec 1.1, Pushing a blob in chunks: a malformed Content-Range is ignored."""
    if grammar.content_range(request.headers.get("content-range", "")):
        check_chunk(request, upload)


@defect("registry/upload/out-of-order-changes-nothing#gap,one-byte-early")
def out_of_order_ends_the_upload(out_of_order: Any, request: Request, upload: Upload) -> Refusal:
    """distribution-spec 1.1, Pushing a blob in chunks: a chunk out of order ends the session."""
    refusal: Refusal = out_of_order(request, upload)
    registry_of(out_of_order).close_session(upload)
    return refusal


class OutOfOrderStopsTheUpload(Defect):
    """distribution-spec 1.1, Pushing a blob in chunks: after a chunk out of order the next one is refused as well."""

    noticed_by = ("registry/upload/out-of-order-changes-nothing#gap,repeated",)
    stopped: set[str] = set()

    def out_of_order(self, original: Any, request: Request, upload: Upload) -> Refusal:
        self.stopped.add(upload.session)
        return original(request, upload)

    def check_chunk(self, original: Any, request: Request, upload: Upload) -> None:
        if upload.session in self.stopped:
            raise Refusal("BLOB_UPLOAD_INVALID", {"upload": upload.session}, status=400)
        original(request, upload)


class OutOfOrderIsHashed(Defect):
    """distribution-spec 1.1, Pushing a blob in chunks: a refused chunk counts for the digest."""

    noticed_by = ("registry/upload/out-of-order-changes-nothing#gap,one-byte-late",)
    hashed: set[str] = set()

    def out_of_order(self, original: Any, request: Request, upload: Upload) -> Refusal:
        self.hashed.add(upload.session)
        return original(request, upload)

    async def finish_upload(self, original: Any, upload: Upload, digest: str, content: bytes) -> None:
        if upload.session in self.hashed:
            registry_of(original).close_session(upload)
            raise registry_of(original).wrong_digest(digest)
        await original(upload, digest, content)


class OutOfOrderStaysInTheFile(Defect):
    """distribution-spec 1.1, Pushing a blob in chunks: a refused chunk is appended to the stored blob."""

    noticed_by = ("registry/upload/out-of-order-changes-nothing#gap,overlapping",)
    left: dict[str, bytes] = {}

    def out_of_order(self, original: Any, request: Request, upload: Upload) -> Refusal:
        self.left[upload.session] = request.body
        return original(request, upload)

    async def finish_upload(self, original: Any, upload: Upload, digest: str, content: bytes) -> None:
        await original(upload, digest, content)
        if left := self.left.get(upload.session):
            await registry_of(original).store_blob(upload.repository, digest, content + left)


@defect("registry/upload/range-and-length-agree#long")
async def refused_chunk_of_other_length_stored(append_chunk: Any, request: Request, upload: Upload) -> None:
    """Docker Registry V2, Chunked Upload: a chunk refused for its length is stored."""
    try:
        await append_chunk(request, upload)
    except Refusal as refusal:
        if refusal.code == "SIZE_INVALID":
            upload.content += request.body
        raise


@defect("registry/upload/refusal-ends-no-other-upload", state=set)
def blob_digest_once_wrong_stays_wrong(wrong: set[str], digest_matches: Any, digest: str, content: bytes) -> bool:
    """distribution-spec 1.1, POST then PUT: a blob is refused if an earlier push under its digest failed."""
    matches = bool(digest_matches(digest, content)) and digest not in wrong
    if not matches:
        wrong.add(digest)
    return matches
