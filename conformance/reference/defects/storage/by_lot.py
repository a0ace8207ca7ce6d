"""Defects that nobody thought of: drawn by lot out of what an answer tells and a request may have, and by machine."""

from __future__ import annotations

import re
from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.storage.support import with_field, without_fields
from conformance.reference.http import Answer, Request
from conformance.reference.storage import xml
from conformance.reference.storage.call import Call
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.state import Bucket

_VALUE = 257


class ChosenFieldsAreAskedAnew(Defect):
    """RFC 9110 section 13.1.2: If-None-Match that does not hold is 304, whichever fields of the answer are chosen."""

    surface = "storage"
    noticed_by = ("storage/presigned/get-is-served#as-of-javascript",)

    async def get_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        if any(name.startswith("response-") for name in call.query):
            call = without_fields(call, "If-None-Match")
        answer: Answer = await original(call, bucket)
        return answer


class LongTagValuesInTheField(Defect):
    """S3 User Guide, "Categorizing your storage using tags": a value has 256 characters at most, however it comes."""

    surface = "storage"
    noticed_by = ("storage/tagging/limits-of-the-field-are-kept#long-value",)

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


class MaxPartsInTens(Defect):
    """S3 API Reference, ListParts, MaxParts: how many parts the answer may have, which is no more than asked."""

    surface = "storage"
    noticed_by = ("storage/multipart/parts-are-listed",)

    async def list_parts(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = await original(call, bucket)
        answer.body = answer.body.replace(b"<MaxParts>2<", b"<MaxParts>10<")
        return answer


class ErrorsWithoutCode(Defect):
    """S3 API Reference, "REST error responses", Code: a word for each error, and for those of odd requests as well."""

    surface = "storage"
    noticed_by = (
        "storage/errors/document-has-code-and-message#bad-range",
        "storage/errors/document-has-code-and-message#failed-condition",
        "storage/errors/document-has-code-and-message#missing-bucket",
        "storage/errors/document-has-code-and-message#missing-key",
        "storage/errors/document-has-code-and-message#missing-upload",
        "storage/errors/document-has-code-and-message#of-markup",
        "storage/errors/document-has-code-and-message#of-the-whole-run",
        "storage/errors/document-has-code-and-message#wrong-secret",
    )

    def error_body(self, original: Any, request: Request, fault: Fault, request_id: str) -> bytes:
        body: bytes = original(request, fault, request_id)
        return re.sub(rb"<Code>[^<]*</Code>", b"<Code/>", body)


class EmptyElementsAreNoMarkup(Defect):
    """W3C XML 1.0 section 3.1: an element without content may be one tag."""

    surface = "storage"
    noticed_by = ("storage/tagging/tags-come-back#of-an-empty-element",)

    def request_document(self, original: Any, body: bytes, root: str) -> xml.Node:
        if b"/>" in body:
            raise Fault("MalformedXML")
        found: xml.Node = original(body, root)
        return found
