"""Variants of the S3 gateway: other codes of a set, other paging, other spelling, features not offered."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from typing import Any
from urllib.parse import quote, quote_plus

from conformance.reference.defects.base import Variant
from conformance.reference.http import Answer, Request
from conformance.reference.storage import xml
from conformance.reference.storage.call import Call
from conformance.reference.storage.conditions import Conditions
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.listings import Page
from conformance.reference.storage.state import Bucket, Part, StoredObject, Upload

Asked = tuple[int | None, int | None] | None


class EtagNotMd5(Variant):
    """RFC 9110 section 8.8.3: entity tags are opaque; here they are of SHA-256."""

    surface = "storage"

    def new_object(self, original: Any, call: Call, md5: str, checksums: dict[str, str]) -> StoredObject:
        stored: StoredObject = original(call, md5, checksums)
        return replace(stored, etag=hashlib.sha256(stored.body).hexdigest()[:32])

    def new_part(
        self, original: Any, upload: Upload, number: int, body: bytes, md5: str, checksums: dict[str, str]
    ) -> Part:
        part: Part = original(upload, number, body, md5, checksums)
        return replace(part, etag=hashlib.sha256(body).hexdigest()[:32])


class NoChecksumEcho(Variant):
    """Checksums are verified and not given back."""

    surface = "storage"

    def check_checksum(self, original: Any, call: Call) -> dict[str, str]:
        original(call)
        return {}

    def asked_algorithm(self, original: Any, call: Call) -> str | None:
        original(call)
        return None


class SmallPages(Variant):
    """Pages of objects have five names at most: max-keys is an upper bound."""

    surface = "storage"

    def page_limit(self, original: Any, call: Call, name: str = "max-keys") -> int:
        limit: int = original(call, name)
        return min(limit, 5)


class MarkerAlwaysTold(Variant):
    """The first version of the listing tells NextMarker without a delimiter, too."""

    surface = "storage"

    def listing(self, original: Any, page: Page, told: list[str]) -> Answer:
        first_version = any(each.startswith("<Marker>") for each in told)
        if page.truncated and first_version and not any(each.startswith("<NextMarker>") for each in told):
            encoded = xml.element("EncodingType", "url") in told
            told = [*told, original.__self__.listed_name("NextMarker", page.last, encoded)]
        answer: Answer = original(page, told)
        return answer


class OwnerAlwaysListed(Variant):
    """The second version of the listing tells owners unasked."""

    surface = "storage"

    def entry(self, original: Any, key: str, stored: StoredObject, encoded: bool, owner: str) -> str:
        surface = original.__self__
        told: str = original(key, stored, encoded, owner or surface.owner(surface.seeds.access_keys[0].organization))
        return told


class ListedTimesWithoutFraction(Variant):
    """ISO 8601 times in listings have no fraction of a second."""

    surface = "storage"

    def entry(self, original: Any, key: str, stored: StoredObject, encoded: bool, owner: str) -> str:
        told: str = original(key, stored, encoded, owner)
        return told.replace(".000Z</LastModified>", "Z</LastModified>")


class SpacesEncodedAsPlus(Variant):
    """With encoding-type=url a space is written ``+``, as in a form, and a plus sign ``%2B``."""

    surface = "storage"

    def listed_name(self, original: Any, element: str, name: str, encoded: bool) -> str:
        return xml.element(element, quote_plus(name, safe="/")) if encoded else original(element, name, encoded)


class SlashesEncoded(Variant):
    """With encoding-type=url a slash is written ``%2F``, and hexadecimal digits in lower case (RFC 3986, 2.1)."""

    surface = "storage"

    def listed_name(self, original: Any, element: str, name: str, encoded: bool) -> str:
        if not encoded:
            told: str = original(element, name, encoded)
            return told
        return xml.element(element, re.sub("%..", lambda escape: escape[0].lower(), quote(name, safe="")))


class InvalidRangeWithoutContentRange(Variant):
    """RFC 9110 section 15.5.17: Content-Range in 416 is a SHOULD."""

    surface = "storage"

    def unsatisfiable(self, original: Any, size: int) -> Fault:
        return Fault("InvalidRange")


class MultiRangeAnsweredByFirst(Variant):
    """Of several ranges the first is sent."""

    surface = "storage"

    def asked_range(self, original: Any, value: str) -> Asked:
        asked: Asked = original(value.partition(",")[0])
        return asked


class MultiRangeNotImplemented(Variant):
    """Several ranges are 501."""

    surface = "storage"

    def asked_range(self, original: Any, value: str) -> Asked:
        if "," in value:
            raise Fault("NotImplemented")
        asked: Asked = original(value)
        return asked


class InvalidRangeRejected(Variant):
    """RFC 9110 section 14.2: a Range that is not valid may be rejected instead of ignored."""

    surface = "storage"

    def asked_range(self, original: Any, value: str) -> Asked:
        asked: Asked = original(value)
        if asked is None and value.startswith("bytes=") and "," not in value:
            raise Fault("InvalidRange")
        return asked


class RequestIdOnlyInBody(Variant):
    """The request id of an error stands in its document, not in a header."""

    surface = "storage"

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if b"<RequestId>" in answer.body[:4096]:
            del answer.headers["x-amz-request-id"]
        return answer


class RequestIdOnlyInHeader(Variant):
    """The request id of an error stands in a header, not in its document."""

    surface = "storage"

    def error_body(self, original: Any, request: Request, refusal: Fault, request_id: str) -> bytes:
        body: bytes = original(request, refusal, request_id)
        return body.replace(xml.element("RequestId", request_id).encode(), b"")


class ErrorTypeTextXml(Variant):
    """RFC 7303 section 9.2: text/xml is an alias of application/xml."""

    surface = "storage"

    def error_answer(self, original: Any, request: Request, refusal: Fault, request_id: str) -> Answer:
        answer: Answer = original(request, refusal, request_id)
        answer.headers["Content-Type"] = "text/xml; charset=utf-8"
        return answer


class ErrorWithMoreDetail(Variant):
    """Errors have further elements, HostId and BucketName, in another order."""

    surface = "storage"

    def error_body(self, original: Any, request: Request, refusal: Fault, request_id: str) -> bytes:
        more = xml.element("HostId", "gateway-1") + xml.element("BucketName", request.path.split("/")[1])
        body: bytes = original(request, refusal, request_id)
        return body.replace(b"<Error>", b"<Error>" + more.encode())


class XmlWithoutNamespace(Variant):
    """Documents have no namespace; S3 clients do without."""

    surface = "storage"

    def markup(self, original: Any, root: str, *content: str) -> bytes:
        body: bytes = original(root, *content)
        return body.replace(f' xmlns="{xml.NAMESPACE}"'.encode(), b"", 1)


class AbortUnknownUpload204(Variant):
    """Aborting an upload that does not exist is 204: it is idempotent."""

    surface = "storage"

    async def abort_upload(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        try:
            answer: Answer = await original(call, bucket)
        except Fault:
            return Answer(204)
        return answer


class CompleteTwice200(Variant):
    """Completing an upload again, to its key and with the same parts, is answered as the first time."""

    surface = "storage"

    def __init__(self) -> None:
        self.done: dict[tuple[str, str, str], tuple[bytes, Answer]] = {}

    async def complete_upload(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        asked = call.bucket, call.key, call.query["uploadId"]
        body, earlier = self.done.get(asked, (b"", None))
        if earlier is not None and body == call.body:
            return Answer(earlier.status, earlier.body, earlier.headers.mutablecopy())
        answer: Answer = await original(call, bucket)
        self.done[asked] = (call.body, answer)
        return answer


class ConditionalWriteUnsupported(Variant):
    """Conditional writes are not offered: 501, and nothing is written."""

    surface = "storage"
    without = ("storage.conditional-write",)

    def check_write(self, original: Any, asked: Conditions, found: StoredObject | None) -> None:
        if asked.match is not None or asked.none_match is not None:
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


class PathLikeKeysRefused(Variant):
    """Keys with empty, ``.`` or ``..`` segments are refused with 400 instead of stored."""

    surface = "storage"

    def check_key(self, original: Any, key: str) -> None:
        original(key)
        if {"", ".", ".."} & set(key.removesuffix("/").split("/")):
            raise Fault("InvalidArgument", "The key has a segment that this server cannot store.")


class MetadataUnlimited(Variant):
    """Metadata beyond two kibibytes are stored whole."""

    surface = "storage"

    def metadata_too_large(self, original: Any, size: int) -> bool:
        return False


class MissingLengthIs400(Variant):
    """A PUT without a length is 400 InvalidRequest."""

    surface = "storage"

    def require_length(self, original: Any, call: Call) -> None:
        try:
            original(call)
        except Fault:
            raise Fault("InvalidRequest") from None


class KeyTooLongInvalidArgument(Variant):
    """A key above 1024 bytes is told as InvalidArgument."""

    surface = "storage"

    def check_key(self, original: Any, key: str) -> None:
        try:
            original(key)
        except Fault:
            raise Fault("InvalidArgument") from None


class IfMatchOnNothing412(Variant):
    """If-Match on a key without an object is 412 (RFC 9110 section 13.1.1)."""

    surface = "storage"

    def check_write(self, original: Any, asked: Conditions, found: StoredObject | None) -> None:
        try:
            original(asked, found)
        except Fault:
            raise Fault("PreconditionFailed") from None
