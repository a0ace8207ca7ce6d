"""Defects that come with another library, framework or proxy, or with an instance that was rolled out otherwise."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.storage.support import gateway
from conformance.reference.http import Answer, Request
from conformance.reference.storage import xml
from conformance.reference.storage.authentication import Presented
from conformance.reference.storage.call import Call
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.listings import Wanted
from conformance.reference.storage.state import StoredObject

COPY_SOURCE = "x-amz-copy-source"
_PART_MARKER = re.compile(b"<PartNumberMarker>[0-9]*</PartNumberMarker>")
_MESSAGE = re.compile(b"(?=<RequestId>)")


class EscapesInPrefix(Defect):
    """S3 API Reference, ListObjectsV2, prefix: its very characters; a backslash stands for itself."""

    surface = "storage"
    noticed_by = ("storage/listing/prefix-is-no-pattern#escape",)

    def wanted(self, original: Any, call: Call, after: str) -> Wanted:
        wanted: Wanted = original(call, after)
        return replace(wanted, prefix=wanted.prefix.replace("\\", ""))


class LastModifiedTakenOver(Defect):
    """S3 API Reference, GetObject, Last-Modified: when the object was written, whatever its writer says of that."""

    surface = "storage"
    noticed_by = ("storage/object/dates-agree",)

    def new_object(self, original: Any, call: Call, md5: str, checksums: dict[str, str]) -> StoredObject:
        stored: StoredObject = original(call, md5, checksums)
        return replace(stored, modified=784111777) if "last-modified" in call.headers else stored


class QuietBeforeObjectsOnly(Defect):
    """S3 API Reference, DeleteObjects, Quiet: it is heeded behind the objects as well, where its schema has it."""

    surface = "storage"
    noticed_by = ("storage/multi-delete/quiet-names-only-errors",)

    def quiet(self, original: Any, asked: xml.Node) -> bool:
        return asked.children[0].name == "Quiet" and bool(original(asked))


class PlaceOfPartsIsTheFirst(Defect):
    """S3 API Reference, ListParts, PartNumberMarker: the part behind which the list began."""

    surface = "storage"
    noticed_by = ("storage/multipart/place-is-told",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        answer.body = _PART_MARKER.sub(b"<PartNumberMarker>0</PartNumberMarker>", answer.body)
        return answer


class TraceShowsAuthorization(Defect):
    """RFC 9110 section 9.3.8: fields with credentials are left out of what TRACE reflects."""

    surface = "storage"
    noticed_by = ("storage/errors/nothing-is-given-away#of-a-trace",)

    def intercept(self, request: Request) -> Answer | None:
        if request.method != "TRACE":
            return None
        answer = Answer(200, "".join(f"{name}: {value}\r\n" for name, value in request.headers.items()).encode())
        answer.headers["Content-Type"] = "message/http"
        return answer


class ArgumentsRepeatedAsMarkup(Defect):
    """S3 API Reference, "REST error responses": an XML document, whatever of the request it repeats."""

    surface = "storage"
    noticed_by = (
        "storage/errors/document-has-code-and-message#of-markup",
        "storage/errors/document-has-code-and-message#of-the-whole-run",
    )

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        given = request.parameter("max-keys")
        if given is not None and answer.status == 400:
            told = f"<ArgumentValue>{given}</ArgumentValue>".encode()
            answer.body = _MESSAGE.sub(told, answer.body, count=1)
        return answer


class CopySourcesUnsigned(Defect):
    """SigV4, "Create a canonical request": all x-amz- fields are signed, one that names what to copy, too."""

    surface = "storage"
    noticed_by = ("storage/signature/amz-headers-must-be-signed",)

    def check_signed_headers(self, original: Any, request: Request, presented: Presented) -> None:
        named = (COPY_SOURCE,) if COPY_SOURCE in request.headers and presented.expires is None else ()
        original(request, replace(presented, signed_headers=(*presented.signed_headers, *named)))


class UploadsLookedForInForeignBuckets(Defect):
    """Provisioning Storage: an access key opens its organization's buckets; of others' it is told nothing."""

    surface = "storage"
    noticed_by = (
        "storage/service/foreign-bucket-is-refused#abort",
        "storage/service/foreign-bucket-is-refused#list-parts",
        "storage/service/foreign-bucket-is-refused#put-part",
    )

    async def on_object(self, original: Any, call: Call) -> Answer:
        bucket = gateway(original).buckets.get(call.bucket)
        if bucket is not None and bucket.organization != call.organization:
            raise self._missing(call)
        answer: Answer = await original(call)
        return answer

    def _missing(self, call: Call) -> Fault:
        if "uploadId" in call.query:
            return Fault("NoSuchUpload")
        return Fault("AccessDenied")


class ConditionsFirstInForeignBuckets(UploadsLookedForInForeignBuckets):
    """Provisioning Storage: what another organization has is not told by If-Match."""

    noticed_by = ("storage/service/foreign-bucket-is-refused#put-where-it-matches",)

    def _missing(self, call: Call) -> Fault:
        return Fault("NoSuchKey" if "if-match" in call.headers else "AccessDenied")
