"""Variants of the S3 gateway that are seldom met and keep the contract all the same."""

from __future__ import annotations

import re
import secrets
import time
from dataclasses import replace
from email.utils import formatdate
from typing import Any

from conformance.reference.defects.base import Variant
from conformance.reference.defects.storage.support import gateway
from conformance.reference.http import Answer, Request
from conformance.reference.storage import xml
from conformance.reference.storage.call import Call
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.ranges import one_range, span
from conformance.reference.storage.state import Bucket, StoredObject

BOUNDARY = "of-the-gateway"
CLOCK_S = 600
LATE = ("InvalidPart", "InvalidPartOrder", "EntityTooSmall", "MalformedXML", "PreconditionFailed")
LOCK = "x-amz-object-lock-"
RESERVED = "+/=&;~ '\"<%41"


class ClockAhead(Variant):
    """RequestTimeTooSkewed: clocks may differ by a quarter of an hour; this one is ten minutes ahead."""

    surface = "storage"

    def now(self, original: Any) -> float:
        return float(original()) + CLOCK_S

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        return _dated(answer, CLOCK_S)


class ClockBehind(Variant):
    """RequestTimeTooSkewed: clocks may differ by a quarter of an hour; this one is ten minutes behind."""

    surface = "storage"

    def now(self, original: Any) -> float:
        return float(original()) - CLOCK_S

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        return _dated(answer, -CLOCK_S)


class EmptyPages(Variant):
    """ListObjectsV2, max-keys: "The response might contain fewer keys but will never contain more": here none at times.

    Such a page is truncated, and its token leads to the page that has them.
    """

    surface = "storage"

    async def list_objects_v2(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = await original(call, bucket)
        token = call.query.get("continuation-token")
        if token is None or b"<IsTruncated>true<" not in answer.body:
            return answer
        surface = gateway(original)
        place = surface.opened_token(token)
        if place.endswith("\0") or "delimiter" in call.query:
            return answer
        following = surface.continuation_token(place + "\0").encode()
        emptied = re.sub(rb"<Contents>.*?</Contents>", b"", answer.body, flags=re.DOTALL)
        emptied = re.sub(rb"(?<=<KeyCount>)[0-9]+", b"0", emptied)
        answer.body = re.sub(rb"(?<=<NextContinuationToken>)[^<]*", lambda _: following, emptied)
        return answer


class DelimitersAreCharacters(Variant):
    """ListObjectsV2, delimiter: "A delimiter is a character that you use to group keys"; several are refused."""

    surface = "storage"

    async def _of_one(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        if len(call.query.get("delimiter", "")) > 1:
            raise Fault("InvalidArgument")
        answer: Answer = await original(call, bucket)
        return answer

    list_objects = list_objects_v2 = list_uploads = _of_one


class LocksKept(Variant):
    """PutObject, x-amz-object-lock-mode: the provider has Object Lock on; the lock is told by GET and HEAD."""

    surface = "storage"

    def refuse_unsupported(self, original: Any, call: Call) -> None:
        headers = call.headers.mutablecopy()
        for name in [name for name in headers if name.startswith(LOCK)]:
            del headers[name]
        original(replace(call, request=replace(call.request, headers=headers)))

    def copied(self, original: Any, call: Call, stored: StoredObject, replaced: bool) -> StoredObject:
        copy: StoredObject = original(call, stored, replaced)
        locks = {name: value for name, value in call.headers.items() if name.startswith(LOCK)}
        return replace(copy, headers=copy.headers | locks)

    def system_headers(self, original: Any, call: Call) -> dict[str, str]:
        locks = {name: value for name, value in call.headers.items() if name.startswith(LOCK)}
        headers: dict[str, str] = original(call)
        return headers | locks


class MetadataOfTheGateway(Variant):
    """GetObject, x-amz-meta-: what was given comes back, and beside it what the gateway notes of its own."""

    surface = "storage"

    def object_headers(self, original: Any, found: StoredObject) -> dict[str, str]:
        headers: dict[str, str] = original(found)
        return {"x-amz-meta-stored-by": "node 7", "x-amz-storage-class": "STANDARD"} | headers


class DateToComeCountsForNone(Variant):
    """RFC 2616 section 14.25: "A date which is later than the server's current time is invalid", and then ignored."""

    surface = "storage"

    def modified_since_holds(self, original: Any, date: int, found: StoredObject | None) -> bool:
        return date > time.time() or bool(original(date, found))


class TimesWithAnOffset(Variant):
    """ISO 8601 section 4.2.5: a time in UTC may be written with its offset, +00:00, in place of Z."""

    surface = "storage"

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if b"<?xml" not in answer.body[:5]:
            return answer
        return replace(answer, body=re.sub(rb"(T[0-9:]{8}[.]000)Z<", rb"\1+00:00<", answer.body))


class EtagOfEachWrite(Variant):
    """RFC 9110 section 8.8.3: entity tags are opaque; here each write has its own, of equal bytes too."""

    surface = "storage"

    def new_object(self, original: Any, call: Call, md5: str, checksums: dict[str, str]) -> StoredObject:
        stored: StoredObject = original(call, md5, checksums)
        return replace(stored, etag=secrets.token_hex(16))


class CompletionFailsWithin200(Variant):
    """CompleteMultipartUpload: "A request could fail after the initial 200 OK response has been sent." """

    surface = "storage"

    async def complete_upload(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        try:
            answer: Answer = await original(call, bucket)
        except Fault as fault:
            if fault.code not in LATE:
                raise
            answer = Answer(200, original.__self__.error_body(call.request, fault, "of-a-late-failure"))
            answer.headers["Content-Type"] = "application/xml"
        return answer


class UploadIdsReserved(Variant):
    """CreateMultipartUpload, UploadId: an opaque string; here of characters that URLs and XML have uses for."""

    surface = "storage"

    async def create_upload(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = await original(call, bucket)
        upload = bucket.uploads.pop(next(reversed(bucket.uploads)))
        named = replace(upload, upload_id=f"{upload.upload_id[:12]}{RESERVED}")
        bucket.uploads[named.upload_id] = named
        answer.body = answer.body.replace(upload.upload_id.encode(), xml.escape(named.upload_id).encode())
        return answer


class TokensReserved(Variant):
    """ListObjectsV2, ContinuationToken: an opaque string; here of characters that URLs and XML have uses for."""

    surface = "storage"

    def continuation_token(self, original: Any, last: str) -> str:
        return RESERVED + str(original(last))

    def opened_token(self, original: Any, token: str) -> str:
        if not token.startswith(RESERVED):
            raise Fault("InvalidArgument")
        return str(original(token.removeprefix(RESERVED)))


class NamespacePrefixed(Variant):
    """Namespaces in XML 1.0, section 4: elements may have a prefix in place of a default namespace."""

    surface = "storage"

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if b"xmlns=" in answer.body and answer.headers.get("content-type") == "application/xml":
            named = answer.body.replace(b"xmlns=", b"xmlns:s3=")
            answer.body = re.sub(rb"<(/?)([A-Z])", rb"<\1s3:\2", named)
        return answer


class RangeOfAllIsTheWhole(Variant):
    """RFC 9110 section 14.2: 206 is a SHOULD; a range of all that there is is answered as if there were none."""

    surface = "storage"

    def asked_span(self, original: Any, call: Call, found: StoredObject) -> tuple[int, int] | None:
        span: tuple[int, int] | None = original(call, found)
        return None if span == (0, found.size) else span


class SeveralRangesInParts(Variant):
    """RFC 9110 section 15.3.7.2: several ranges come as multipart/byteranges, those that there are."""

    surface = "storage"

    def object_answer(self, original: Any, call: Call, found: StoredObject, overrides: dict[str, str]) -> Answer:
        unit, _, listed = call.headers.get("range", "").partition("=")
        asked = [one_range(f"bytes={each.strip()}") for each in listed.split(",")]
        whole: Answer = original(call, found, overrides)
        if unit != "bytes" or len(asked) < 2 or None in asked or whole.status != 200 or "if-range" in call.headers:
            return whole
        spans = [place for each in asked if each and (place := span(*each, found.size))]
        if not spans:
            raise gateway(original).unsatisfiable(found.size)
        parts = [_as_part(whole, found, *place) for place in spans]
        body = b"".join([*parts, f"--{BOUNDARY}--\r\n".encode()])
        whole.headers["Content-Type"] = f"multipart/byteranges; boundary={BOUNDARY}"
        whole.headers["Content-Length"] = str(len(body))
        whole.status, whole.body = 206, body if call.request.method == "GET" else b""
        return whole


class DocumentsWrittenOtherwise(Variant):
    """XML 1.0, sections 2.5, 2.7, 3.1 and 4.1: comments, CDATA, empty elements and references of other libraries."""

    surface = "storage"

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if answer.body.startswith(b"<?xml"):
            text = answer.body.decode().partition("\n")[2].replace("&quot;", "&#34;")
            text = re.sub(r"<Key>([^<&]*)</Key>", r"<Key><![CDATA[\1]]></Key>", text)
            text = re.sub(r"<([A-Za-z]+)></\1>", r"<\1/>", text)
            answer.body = f"\ufeff<!-- of a gateway -->\n{text}\n".encode()
        return answer


def _dated(answer: Answer, seconds: int) -> Answer:
    """The answer with the Date of a clock that is that many seconds off."""
    answer.headers["Date"] = formatdate(time.time() + seconds, usegmt=True)
    return answer


def _as_part(whole: Answer, found: StoredObject, start: int, end: int) -> bytes:
    """A range as one part of an answer that has several."""
    place = f"Content-Range: bytes {start}-{end - 1}/{found.size}"
    head = f"--{BOUNDARY}\r\nContent-Type: {whole.headers['content-type']}\r\n{place}\r\n\r\n"
    return head.encode("latin-1") + found.body[start:end] + b"\r\n"
