"""Variants of the S3 gateway that answer as Amazon S3 itself does, or did, where the clean reference does otherwise."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import unquote

from conformance.reference.defects.base import Variant
from conformance.reference.http import Answer, Request
from conformance.reference.storage import xml
from conformance.reference.storage.call import Call
from conformance.reference.storage.checksums import ALGORITHMS
from conformance.reference.storage.digests import checksum
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.listings import Page
from conformance.reference.storage.state import Bucket, Part, StoredObject, Upload
from conformance.reference.variants.storage_access import fault

DEFAULT = "crc64nvme"


class EveryObjectHasAChecksum(Variant):
    """Checking object integrity: an object that comes without a checksum is given its CRC64NVME, and told it."""

    surface = "storage"

    def new_object(self, original: Any, call: Call, md5: str, checksums: dict[str, str]) -> StoredObject:
        stored: StoredObject = original(call, md5, checksums)
        return replace(stored, checksums=stored.checksums or {DEFAULT: checksum(DEFAULT, stored.body)})

    def assembled(self, original: Any, call: Call, upload: Upload, parts: list[Part]) -> StoredObject:
        stored: StoredObject = original(call, upload, parts)
        if stored.checksums:
            return stored
        return replace(stored, checksums={DEFAULT: checksum(DEFAULT, stored.body)}, checksum_type="FULL_OBJECT")


class PartsHaveTheUploadsChecksum(Variant):
    """UploadPart: a part has a checksum of the algorithm that its upload was opened with, or else is 400; or none."""

    surface = "storage"

    async def upload_part(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        gateway = original.__self__
        upload, stated = gateway.upload_of(call, bucket), gateway.stated_checksum(call)
        if (stated[0] if stated else None) != upload.algorithm:
            raise Fault("InvalidRequest", "Checksum Type mismatch occurred.")
        answer: Answer = await original(call, bucket)
        return answer


class CompletionNamesChecksums(Variant):
    """CompleteMultipartUpload: of an upload with composite checksums it names that of each part, or else is 400."""

    surface = "storage"

    def chosen_parts(self, original: Any, upload: Upload, listed: list[xml.Node]) -> list[Part]:
        chosen: list[Part] = original(upload, listed)
        if upload.algorithm and upload.checksum_type == "COMPOSITE":
            name = f"Checksum{upload.algorithm.upper()}"
            if any(each.get(name) is None for each in listed):
                raise Fault("InvalidRequest", "The complete request must include the checksum for each part.")
        return chosen


class PrefixIsNoUploadMarker(Variant):
    """ListMultipartUploads: a page that ends at a common prefix tells no NextKeyMarker, as S3 itself tells none."""

    surface = "storage"

    def page_of_uploads(self, original: Any, *arguments: Any) -> tuple[list[Upload], Page]:
        uploads, page = original(*arguments)
        if page.last in page.prefixes:
            page.last = ""
        return uploads, page


class LastPageTellsItsEnd(Variant):
    """ListMultipartUploads, ListParts: S3 itself tells where a page ends though none follows, and where it is empty."""

    surface = "storage"

    async def list_uploads(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        return _with_end(await original(call, bucket), b"NextKeyMarker", b"<Key>", b"</Key>")

    async def list_parts(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        return _with_end(await original(call, bucket), b"NextPartNumberMarker", b"<PartNumber>", b"</PartNumber>", b"0")


def _with_end(answer: Answer, name: bytes, start: bytes, end: bytes, nothing: bytes = b"") -> Answer:
    """The answer with an element that tells the last of what it lists, where it has none."""
    if name not in answer.body:
        _, listed, rest = answer.body.rpartition(start)
        last = rest.partition(end)[0] if listed else nothing
        answer.body = answer.body.replace(b"<IsTruncated>", b"<%b>%b</%b><IsTruncated>" % (name, last, name))
    return answer


class LongKeyRefusesTheDeletion(Variant):
    """Error responses, KeyTooLongError: a key beyond the limit refuses the whole of DeleteObjects."""

    surface = "storage"

    def entries(self, original: Any, *arguments: Any) -> list[xml.Node]:
        found: list[xml.Node] = original(*arguments)
        for each in found:
            original.__self__.check_key(each.get("Key") or "")
        return found


class StrangersAreSentElsewhere(Variant):
    """ListBuckets without credentials is 307 to a page for people."""

    surface = "storage"

    def intercept(self, request: Request) -> Answer | None:
        anonymous = "authorization" not in request.headers and "X-Amz-Algorithm" not in request.query_string
        if request.method != "GET" or request.raw_path != "/" or not anonymous:
            return None
        answer = Answer(307)
        answer.headers["Location"] = "https://storage.example/about"
        return answer


class PathsOutOfTheBucketAreRefused(Variant):
    """Naming objects: relative elements may not exceed the others before them; else 400, without a document."""

    surface = "storage"

    def intercept(self, request: Request) -> Answer | None:
        depth = 0
        for each in unquote(request.raw_path).split("/")[2:]:
            depth += -1 if each == ".." else int(each not in ("", "."))
            if depth < 0:
                return Answer(400)
        return None


class CompletionKeepsAlive(Variant):
    """CompleteMultipartUpload: "Amazon S3 periodically sends white space characters to keep the connection"."""

    surface = "storage"

    def completed(self, original: Any, call: Call, stored: StoredObject) -> Answer:
        answer: Answer = original(call, stored)
        declaration, end, rest = answer.body.partition(b"?>")
        answer.body = declaration + end + b"\n" + b" " * 30 + b"\n" + rest
        return answer


class UnknownVersionNotFound(Variant):
    """Error responses, NoSuchVersion: a version that there is not is 404; to delete it is to have done so, 204."""

    surface = "storage"

    async def on_object(self, original: Any, call: Call) -> Answer:
        if call.query.get("versionId", "null") != "null":
            original.__self__.bucket_of(call.organization, call.bucket)
            if call.request.method != "DELETE":
                raise fault("NoSuchVersion", 404)
            return Answer(204)
        answer: Answer = await original(call)
        return answer

    def refuse_entry(self, original: Any, entry: xml.Node) -> None:
        if entry.get("VersionId") not in (None, "", "null"):
            raise fault("NoSuchVersion", 404)
        original(entry)


class OtherChecksumsOfPartsForgotten(Variant):
    """UploadPart: the checksum of a part whose upload was opened for none is compared, not kept, nor found again."""

    surface = "storage"

    def chosen_part(self, original: Any, upload: Upload, number: int, listed: xml.Node) -> Part:
        if upload.algorithm is None and any(listed.get(f"Checksum{each.upper()}") for each in ALGORITHMS):
            raise Fault("InvalidPart")
        chosen: Part = original(upload, number, listed)
        return chosen


class RefusalsShowWhatWasSigned(Variant):
    """Error responses, SignatureDoesNotMatch: the document repeats what was signed, and by which access key."""

    surface = "storage"

    def error_body(self, original: Any, request: Request, fault: Fault, request_id: str) -> bytes:
        body: bytes = original(request, fault, request_id)
        if fault.code != "SignatureDoesNotMatch":
            return body
        fields = "".join(f"{name}:{value}\n" for name, value in request.headers.items())
        told = (
            xml.element("StringToSign", f"AWS4-HMAC-SHA256\n{request.headers.get('x-amz-date')}"),
            xml.element("CanonicalRequest", f"{request.method}\n{request.raw_path}\n{request.query_string}\n{fields}"),
            xml.element("SignatureProvided", request.headers.get("authorization") or request.query_string),
        )
        return body.replace(b"</Error>", f"{''.join(told)}</Error>".encode())


class PartsDateFromTheirOpening(Variant):
    """S3 User Guide, "Working with object metadata": of an object in parts the date is when its upload was opened."""

    surface = "storage"

    def assembled(self, original: Any, call: Call, upload: Upload, parts: list[Part]) -> StoredObject:
        stored: StoredObject = original(call, upload, parts)
        return replace(stored, modified=upload.initiated)


class OwnersWithoutNames(Variant):
    """S3 API Reference, Owner, DisplayName: not required, and no longer told since 2025."""

    surface = "storage"

    def owner(self, original: Any, organization: str, name: str = "Owner") -> str:
        return xml.group(name, xml.element("ID", original.__self__.owner_id(organization)))
