"""Variants of the S3 gateway."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any
from urllib.parse import quote_plus

from conformance.reference.alteration import Variant
from conformance.reference.http import Answer, Request
from conformance.reference.one_method import variant
from conformance.reference.storage import xml
from conformance.reference.storage.authentication import Presented
from conformance.reference.storage.call import Call
from conformance.reference.storage.conditions import Conditions
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.ranges import one_range, span
from conformance.reference.storage.state import Bucket, Part, StoredObject, Upload
from conformance.reference.support.storage import gateway

UNSIGNED = ("UNSIGNED-PAYLOAD", "STREAMING-UNSIGNED-PAYLOAD-TRAILER")
BOUNDARY = "of-the-gateway"


class EtagNotMd5(Variant):
    """RFC 9110 section 8.8.3: entity tags are opaque; here they are SHA-256 digests."""

    surface = "storage"

    def new_object(self, original: Any, call: Call, md5: str, checksums: dict[str, str]) -> StoredObject:
        stored: StoredObject = original(call, md5, checksums)
        return replace(stored, etag=hashlib.sha256(stored.body).hexdigest()[:32])

    def new_part(
        self, original: Any, upload: Upload, number: int, body: bytes, md5: str, checksums: dict[str, str]
    ) -> Part:
        part: Part = original(upload, number, body, md5, checksums)
        return replace(part, etag=hashlib.sha256(body).hexdigest()[:32])


@variant(surface="storage")
def small_pages(page_limit: Any, call: Call, name: str = "max-keys") -> int:
    """Pages of objects have at most five names: max-keys is an upper bound."""
    limit: int = page_limit(call, name)
    return min(limit, 5)


@variant(surface="storage")
def spaces_encoded_as_plus(listed_name: Any, element: str, name: str, encoded: bool) -> str:
    """With encoding-type=url a space is written ``+``, as in a form, and a plus sign ``%2B``."""
    return xml.element(element, quote_plus(name, safe="/")) if encoded else listed_name(element, name, encoded)


@variant(surface="storage")
def invalid_range_rejected(requested_range: Any, value: str) -> tuple[int | None, int | None] | None:
    """RFC 9110 section 14.2: a Range that is not valid may be rejected instead of ignored."""
    requested: tuple[int | None, int | None] | None = requested_range(value)
    if requested is None and value.startswith("bytes=") and "," not in value:
        raise Fault("InvalidRange")
    return requested


@variant(surface="storage")
def xml_without_namespace(markup: Any, root: str, *content: str) -> bytes:
    """Documents have no namespace; S3 clients do not need it."""
    body: bytes = markup(root, *content)
    return body.replace(f' xmlns="{xml.NAMESPACE}"'.encode(), b"", 1)


@variant(without=("storage.conditional-write",), surface="storage")
def conditional_write_unsupported(check_write: Any, conditions: Conditions, found: StoredObject | None) -> None:
    """Conditional writes are not offered: 501, and nothing is written."""
    if conditions.match is not None or conditions.none_match is not None:
        raise Fault("NotImplemented")


class TaggingNotOffered(Variant):
    """Tags are not offered: 501 for each of their operations, and for x-amz-tagging."""

    surface = "storage"
    without = ("storage.tagging",)

    def subresources(self, original: Any, call: Call) -> set[str]:
        if "tagging" in call.query:
            raise Fault("NotImplemented")
        found: set[str] = original(call)
        return found

    def header_tags(self, original: Any, call: Call) -> dict[str, str]:
        if "x-amz-tagging" in call.headers:
            raise Fault("NotImplemented")
        return {}


@variant(surface="storage")
def small_chunks_accepted(check_chunk_sizes: Any, sizes: list[int], signed: bool) -> None:
    """Signed chunks may be of any size."""
    return


class CreateBucketNotAllowed(Variant):
    """CreateBucket is 405, and DeleteBucket as well."""

    surface = "storage"

    def create_bucket(self, original: Any, call: Call) -> Answer:
        raise Fault("MethodNotAllowed")

    async def delete_bucket(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        raise Fault("MethodNotAllowed")


@variant(surface="storage")
def completion_keeps_alive(completed: Any, call: Call, stored: StoredObject) -> Answer:
    """CompleteMultipartUpload: "Amazon S3 periodically sends white space characters to keep the connection"."""
    answer: Answer = completed(call, stored)
    declaration, end, rest = answer.body.partition(b"?>")
    answer.body = declaration + end + b"\n" + b" " * 30 + b"\n" + rest
    return answer


@variant(surface="storage")
def unsigned_payloads_forbidden(presented_in_header: Any, request: Request, header: str) -> Presented:
    """SigV4, "Create a Canonical Request": UNSIGNED-PAYLOAD is for TLS; over plain http it is AccessDenied."""
    presented: Presented = presented_in_header(request, header)
    if presented.payload_hash in UNSIGNED:
        raise Fault("AccessDenied", "Payloads that are not signed are for TLS.")
    return presented


def _as_part(whole: Answer, found: StoredObject, start: int, end: int) -> bytes:
    """Return a range as one part of a multipart response."""
    range_field = f"Content-Range: bytes {start}-{end - 1}/{found.size}"
    head = f"--{BOUNDARY}\r\nContent-Type: {whole.headers['content-type']}\r\n{range_field}\r\n\r\n"
    return head.encode("latin-1") + found.body[start:end] + b"\r\n"


@variant(surface="storage")
def several_ranges_in_parts(object_answer: Any, call: Call, found: StoredObject, overrides: dict[str, str]) -> Answer:
    """RFC 9110 section 15.3.7.2: several ranges are returned as multipart/byteranges, without unsatisfiable ones."""
    unit, _, listed = call.headers.get("range", "").partition("=")
    ranges = [one_range(f"bytes={each.strip()}") for each in listed.split(",")]
    whole: Answer = object_answer(call, found, overrides)
    if unit != "bytes" or len(ranges) < 2 or None in ranges or whole.status != 200 or "if-range" in call.headers:
        return whole
    spans = [place for each in ranges if each and (place := span(*each, found.size))]
    if not spans:
        raise gateway(object_answer).unsatisfiable(found.size)
    parts = [_as_part(whole, found, *place) for place in spans]
    body = b"".join([*parts, f"--{BOUNDARY}--\r\n".encode()])
    whole.headers["Content-Type"] = f"multipart/byteranges; boundary={BOUNDARY}"
    whole.headers["Content-Length"] = str(len(body))
    whole.status, whole.body = 206, body if call.request.method == "GET" else b""
    return whole
