"""Defects that break the promise "Range requests on blobs follow RFC 9110 section 14"."""

from __future__ import annotations

import gzip
import re
from typing import Any

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.one_method import defect, row
from conformance.reference.registry import grammar
from conformance.reference.registry.errors import Refusal
from conformance.reference.registry.routing import Call
from conformance.reference.registry.state import Upload
from conformance.reference.support.registry import registry_of, without
from tests.defects.support.common import server_error_page

MOST_READ = 4 * 1024 * 1024

ROWS = (
    row(
        "unsatisfiable-without-size",
        "RFC 9110 section 15.5.17: a 416 has no Content-Range, although it SHOULD state the size.",
        "registry/pull/416-states-the-size",
        unsatisfiable=lambda original, header, size: Refusal("RANGE_INVALID", {"range": header}),
    ),
    row(
        "part-without-entity-tag",
        "RFC 9110 section 15.3.7: a 206 has no ETag.",
        "registry/pull/206-has-the-headers-of-200",
        part_answer=lambda original, *given: without(original(*given), "ETag"),
    ),
)


@defect("registry/pull/any-range-gets-a-valid-response", shortest=3)
def range_beyond_every_number_fails(request: Request) -> Answer | None:
    """API Reference, Error Handling: a Range with a huge number is answered 500."""
    return server_error_page() if re.search("[0-9]{20}", request.headers.get("range", "")) else None


@defect("registry/pull/any-range-gets-a-valid-response")
async def first_of_several_ranges_reported_as_the_whole(get_blob: Any, call: Call) -> Answer:
    """RFC 9110 section 14.2: of several ranges one is sent as 200."""
    answer: Answer = await get_blob(call)
    if answer.status == 200 and "," in call.request.headers.get("range", ""):
        answer.body = answer.body[:10]
        answer.headers["Content-Length"] = str(len(answer.body))
    return answer


@defect("registry/pull/any-range-gets-a-valid-response")
def several_ranges_sent_whole(request: Request, answer: Answer) -> Answer:
    """RFC 9110 section 15.3.7: several ranges are answered 206 with the whole blob and no Content-Range."""
    if answer.status == 200 and "," in request.headers.get("range", ""):
        answer.status = 206
    return answer


@defect("registry/pull/if-range-of-another-etag-is-200")
def registry_if_range_ignored(part_wanted: Any, request: Request, digest: str, size: int) -> tuple[int, int] | None:
    """RFC 9110 section 13.1.5: If-Range is ignored."""
    header = request.headers.get("range")
    return registry_of(part_wanted).byte_range(header, size) if header else None


@defect("registry/pull/206-has-the-headers-of-200")
def entity_tag_of_the_part(part_answer: Any, digest: str, content: bytes, first: int, end: int) -> Answer:
    """RFC 9110 section 15.3.7: a part has its own ETag, so parts cannot be combined."""
    answer: Answer = part_answer(digest, content, first, end)
    answer.headers["ETag"] = f'"{digest}-{first}-{end}"'
    return answer


class PartEndsWithItsChunk(Defect):
    """RFC 9110 section 15.3.7: a part ends with the chunk that it begins in."""

    noticed_by = (
        "registry/pull/partial-content-is-the-requested-range#long-suffix,if-range",
        "registry/pull/range-is-served#middle,open,to-the-end",
    )
    firsts: dict[str, int] = {}
    ends: dict[str, int] = {}

    async def append_chunk(self, original: Any, request: Request, upload: Upload) -> None:
        await original(request, upload)
        self.firsts.setdefault(upload.session, len(upload.content))

    async def finish_upload(self, original: Any, upload: Upload, digest: str, content: bytes) -> None:
        self.ends[digest] = self.firsts.get(upload.session, 0)
        await original(upload, digest, content)

    def part_answer(self, original: Any, digest: str, content: bytes, first: int, end: int) -> Answer:
        border = self.ends.get(digest, 0)
        return original(digest, content, first, border if first < border < end else end)


@defect("registry/pull/partial-content-is-the-requested-range#the-whole")
def part_compressed_after_its_range(request: Request, answer: Answer) -> Answer:
    """RFC 9110 section 14.4: a part is compressed after its range is cut."""
    if answer.status == 206 and "gzip" in request.headers.get("accept-encoding", ""):
        answer.body = gzip.compress(answer.body)
        answer.headers["Content-Encoding"] = "gzip"
        return without(answer, "Content-Length")
    return answer


@defect("registry/pull/partial-content-is-the-requested-range#beyond-4-mib,beyond-the-end,last-one,if-range,open")
def part_reported_as_the_whole(part_answer: Any, *given: Any) -> Answer:
    """RFC 9110 section 15.3.1: a part is answered 200 instead of 206."""
    answer: Answer = without(part_answer(*given), "Content-Range")
    answer.status = 200
    return answer


@defect(
    "registry/pull/partial-content-is-the-requested-range#beyond-the-end,first-byte,last,last-byte,middle",
    "registry/pull/partial-content-is-the-requested-range#to-the-end",
)
def digest_of_the_part(part_answer: Any, digest: str, content: bytes, first: int, end: int) -> Answer:
    """Docker Registry V2, Content Digests: a part has its own digest in Docker-Content-Digest."""
    answer: Answer = part_answer(digest, content, first, end)
    answer.headers["Docker-Content-Digest"] = grammar.digest_of(content[first:end])
    return answer


@defect("registry/pull/partial-content-is-the-requested-range#beyond-4-mib")
def part_far_in_refused(byte_range: Any, header: str, size: int) -> tuple[int, int] | None:
    """RFC 9110 section 14.1.2: a range that begins after 4 MiB is answered 416 (ocx #237)."""
    part: tuple[int, int] | None = byte_range(header, size)
    if part and part[0] >= MOST_READ:
        raise grammar.UnsatisfiableRange(header)
    return part


@defect("registry/pull/partial-content-is-the-requested-range#beyond-the-end")
def range_of_one_byte_too_many_refused(byte_range: Any, header: str, size: int) -> tuple[int, int] | None:
    """RFC 9110 section 14.1.2: a range that ends at the length of the blob is answered 416."""
    if header.endswith(f"-{size}") and not header.endswith(f"=-{size}"):
        raise grammar.UnsatisfiableRange(header)
    return byte_range(header, size)


@defect("registry/pull/range-is-served#beyond-the-end,first-byte,last,last-byte,last-one")
def part_without_content_range(part_answer: Any, digest: str, content: bytes, first: int, end: int) -> Answer:
    """RFC 9110 section 15.3.7.1: a 206 has no Content-Range."""
    return without(part_answer(digest, content, first, end), "Content-Range")


@defect("registry/pull/unsatisfiable-range#beyond,far-beyond")
async def nothing_sent_for_what_is_beyond(get_blob: Any, call: Call) -> Answer:
    """RFC 9110 section 14.2: a range beyond the end is answered 200 without content."""
    try:
        return await get_blob(call)
    except Refusal as refusal:
        if refusal.code != "RANGE_INVALID":
            raise
        return registry_of(get_blob).blob_answer(200, call.reference, b"")
