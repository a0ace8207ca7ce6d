"""Defects that nobody thought of: drawn by lot out of what an answer tells and a request may have, and by machine."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

from conformance.reference.defects.base import Defect
from conformance.reference.defects.storage.support import with_field, without_fields
from conformance.reference.http import Answer, Request
from conformance.reference.storage import xml
from conformance.reference.storage.authentication import Presented
from conformance.reference.storage.call import Call
from conformance.reference.storage.canonical import ALGORITHM
from conformance.reference.storage.conditions import Conditions
from conformance.reference.storage.copies import SOURCE
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.state import Bucket, StoredObject

_VALUE = 257
_CHUNK = 64 * 1024


class NotModifiedTellsHowLongWasKept(Defect):
    """RFC 9110 section 15.4.5: 304 has the Expires that 200 would have, not that of what was overwritten."""

    surface = "storage"
    noticed_by = ("storage/condition/not-modified-keeps-caching-fields",)

    def __init__(self) -> None:
        self.before: dict[str, StoredObject] = {}

    async def commit(self, original: Any, bucket: Bucket, key: str, stored: StoredObject, asked: Conditions) -> None:
        if (found := bucket.objects.get(key)) is not None:
            self.before[stored.etag] = found
        await original(bucket, key, stored, asked)

    def not_modified(self, original: Any, found: StoredObject) -> Answer:
        answer: Answer = original(found)
        before = self.before.get(found.etag, found)
        answer.headers.update({name: value for name, value in before.headers.items() if name == "expires"})
        return answer


class ChosenFieldsAreAskedAnew(Defect):
    """RFC 9110 section 13.1.2: If-None-Match that does not hold is 304, whichever fields of the answer are chosen."""

    surface = "storage"
    noticed_by = ("storage/presigned/get-is-served",)

    async def get_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        if any(name.startswith("response-") for name in call.query):
            call = without_fields(call, "If-None-Match")
        answer: Answer = await original(call, bucket)
        return answer


class LongTagValuesInTheField(Defect):
    """S3 User Guide, "Categorizing your storage using tags": a value has 256 characters at most, however it comes."""

    surface = "storage"
    noticed_by = ("storage/tagging/limits-of-the-field-are-kept",)

    def header_tags(self, original: Any, call: Call) -> dict[str, str]:
        tags = call.headers.get("x-amz-tagging", "").replace("v" * _VALUE, "v")
        found: dict[str, str] = original(with_field(call, "x-amz-tagging", tags))
        return found


class FieldsRefusedAtAnOpening(Defect):
    """S3 API Reference, CreateMultipartUpload: Cache-Control and its like are taken as by PutObject."""

    surface = "storage"
    noticed_by = ("storage/multipart/metadata-is-of-the-opening",)

    async def create_upload(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        if "cache-control" in call.headers:
            raise Fault("InvalidArgument")
        answer: Answer = await original(call, bucket)
        return answer


class UploadWithFieldsIsAnother(Defect):
    """S3 API Reference, CreateMultipartUpload, UploadId: parts are sent under the id that an opening tells."""

    surface = "storage"
    noticed_by = ("storage/multipart/metadata-is-of-the-opening",)

    async def create_upload(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = await original(call, bucket)
        if "cache-control" in call.headers:
            bucket.uploads = {f"{number}-": upload for number, upload in bucket.uploads.items()}
        return answer


class TagsOutliveDeletionsOfSeveral(Defect):
    """S3 API Reference, DeleteObjects: an object is deleted with its tags, and a later one has none of them."""

    surface = "storage"
    noticed_by = ("storage/tagging/overwriting-drops-tags",)

    def __init__(self) -> None:
        self.left: dict[str, dict[str, str]] = {}

    async def delete_entry(self, original: Any, bucket: Bucket, entry: xml.Node, quiet: bool) -> str:
        if (found := bucket.objects.get(entry.require("Key"))) is not None:
            self.left[entry.require("Key")] = found.tags
        told: str = await original(bucket, entry, quiet)
        return told

    async def commit(self, original: Any, bucket: Bucket, key: str, stored: StoredObject, asked: Conditions) -> None:
        tags = stored.tags or self.left.pop(key, {})
        await original(bucket, key, replace(stored, tags=tags), asked)


class TagKeysOfUploadsInSmallLetters(Defect):
    """S3 User Guide, "Categorizing your storage using tags": keys are case-sensitive, those of an upload as well."""

    surface = "storage"
    noticed_by = ("storage/tagging/given-with-an-upload",)

    def header_tags(self, original: Any, call: Call) -> dict[str, str]:
        found: dict[str, str] = original(call)
        return {name.lower(): value for name, value in found.items()} if "uploads" in call.query else found


class AbortionsByNameDoNothing(Defect):
    """S3 API Reference, AbortMultipartUpload: it ends the upload, whatever else the query has."""

    surface = "storage"
    noticed_by = ("storage/multipart/aborted-upload-takes-no-parts",)

    async def abort_upload(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = Answer(204) if "x-id" in call.query else await original(call, bucket)
        return answer


class MaxPartsInTens(Defect):
    """S3 API Reference, ListParts, MaxParts: how many parts the answer may have, which is no more than asked."""

    surface = "storage"
    noticed_by = ("storage/multipart/parts-are-listed",)

    async def list_parts(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = await original(call, bucket)
        answer.body = answer.body.replace(b"<MaxParts>2<", b"<MaxParts>10<")
        return answer


class PartsAreNotCopiedFromOddNames(Defect):
    """S3 API Reference, UploadPartCopy, x-amz-copy-source: the key of an object, URL-encoded, of any letters."""

    surface = "storage"
    noticed_by = ("storage/multipart/part-can-be-copied",)

    async def copy_part(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        if not unquote(call.headers[SOURCE]).isascii():
            raise Fault("NoSuchKey")
        answer: Answer = await original(call, bucket)
        return answer


class RangesEndWithTheirChunk(Defect):
    """RFC 9110 section 14.2: a range is of the bytes of the object, in whichever chunks they came."""

    surface = "storage"
    noticed_by = ("storage/range/in-the-middle",)

    def __init__(self) -> None:
        self.in_chunks: set[str] = set()

    def new_object(self, original: Any, call: Call, md5: str, checksums: dict[str, str]) -> StoredObject:
        if call.headers.get("x-amz-content-sha256", "").startswith("STREAMING-"):
            self.in_chunks.add(md5)
        stored: StoredObject = original(call, md5, checksums)
        return stored

    def asked_span(self, original: Any, call: Call, found: StoredObject) -> tuple[int, int] | None:
        where: tuple[int, int] | None = original(call, found)
        if where and found.etag in self.in_chunks and where[0] < _CHUNK:
            return where[0], min(where[1], _CHUNK)
        return where


class ErrorsWithoutCode(Defect):
    """S3 API Reference, "REST error responses", Code: a word for each error, and for those of odd requests as well."""

    surface = "storage"
    noticed_by = ("storage/errors/document-has-code-and-message",)

    def error_body(self, original: Any, request: Request, fault: Fault, request_id: str) -> bytes:
        body: bytes = original(request, fault, request_id)
        return re.sub(rb"<Code>[^<]*</Code>", b"<Code/>", body)


class ErrorsRepeatWhatIsNoMarkup(Defect):
    """W3C XML 1.0 section 2.4: what an error document repeats is escaped, a parameter's value as well."""

    surface = "storage"
    noticed_by = ("storage/errors/document-has-code-and-message",)

    def error_body(self, original: Any, request: Request, fault: Fault, request_id: str) -> bytes:
        body: bytes = original(request, fault, request_id)
        return body.replace(b"</Error>", b"<ArgumentValue>&</ArgumentValue></Error>")


class PlainAmpersandsRefused(Defect):
    """RFC 3986 section 3.3: an ampersand needs no encoding in a path."""

    surface = "storage"
    noticed_by = ("storage/signature/encoding-on-the-wire-does-not-matter",)

    def target(self, original: Any, request: Request) -> tuple[str, str]:
        if "&" in request.raw_path:
            raise Fault("InvalidURI")
        bucket, key = original(request)
        return bucket, key


class AlgorithmNotRead(Defect):
    """SigV4, "Authorization header": AWS4-HMAC-SHA256 is the algorithm; what names another is not signed by it."""

    surface = "storage"
    noticed_by = ("storage/signature/malformed-authorization-is-refused",)

    def presented_in_header(self, original: Any, request: Request, header: str) -> Presented:
        found: Presented = original(request, re.sub(r"^AWS4-HMAC-SHA\d+ ", f"{ALGORITHM} ", header))
        return found


class VersionsThatThereAreNotGoUntold(Defect):
    """S3 API Reference, DeleteObjects: the result of each delete is in the response, success or failure."""

    surface = "storage"
    noticed_by = ("storage/multi-delete/deletes-what-is-named",)

    async def delete_entry(self, original: Any, bucket: Bucket, entry: xml.Node, quiet: bool) -> str:
        told: str = await original(bucket, entry, quiet)
        return "" if entry.get("VersionId") else told


class EmptyElementsAreNoMarkup(Defect):
    """W3C XML 1.0 section 3.1: an element without content may be one tag."""

    surface = "storage"
    noticed_by = ("storage/tagging/tags-come-back",)

    def request_document(self, original: Any, body: bytes, root: str) -> xml.Node:
        if b"/>" in body:
            raise Fault("MalformedXML")
        found: xml.Node = original(body, root)
        return found
