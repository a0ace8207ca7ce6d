"""Variants of the S3 gateway that are after real servers, where these answer otherwise and keep the contract."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

from conformance.reference.defects.base import Variant
from conformance.reference.http import Answer, Request
from conformance.reference.storage import xml
from conformance.reference.storage.authentication import Presented
from conformance.reference.storage.call import Call, Signer
from conformance.reference.storage.canonical import ALGORITHM, EMPTY_SHA256
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.listings import Wanted, after_group
from conformance.reference.storage.state import Part, Upload
from conformance.reference.variants.storage_access import fault


class DeletionsRefusedByKey(Variant):
    """DeleteObjects in a bucket that is no own one, or not there, is 200 with AccessDenied for each key; else 403."""

    surface = "storage"

    def no_such_bucket(self, original: Any) -> Fault:
        return Fault("AccessDenied")

    async def on_bucket(self, original: Any, call: Call) -> Answer:
        gateway = original.__self__
        bucket = gateway.buckets.get(call.bucket)
        own = bucket is not None and gateway.owns(call.organization, bucket)
        if call.request.method != "POST" or "delete" not in call.query or own:
            answer: Answer = await original(call)
            return answer
        entries = gateway.entries(gateway.request_document(call.body, "Delete"))
        told = [gateway.entry_failed(gateway.entry_key(each), Fault("AccessDenied")) for each in entries]
        refused: Answer = gateway.document("DeleteResult", *told)
        return refused


class NobodyHasNoBuckets(Variant):
    """ListBuckets without credentials lists the buckets of nobody: none."""

    surface = "storage"

    async def answered(self, original: Any, request: Request) -> Answer:
        anonymous = "authorization" not in request.headers and "X-Amz-Algorithm" not in request.query_string
        if request.method == "GET" and request.raw_path == "/" and anonymous:
            nothing: Answer = original.__self__.document("ListAllMyBucketsResult", xml.group("Buckets"))
            return nothing
        answer: Answer = await original(request)
        return answer


class OtherSchemesNotImplemented(Variant):
    """An Authorization of another scheme is 501 NotImplemented."""

    surface = "storage"

    def presented_in_header(self, original: Any, request: Request, header: str) -> Presented:
        if header and not header.startswith(ALGORITHM):
            raise Fault("NotImplemented")
        presented: Presented = original(request, header)
        return presented


class SignedBodyOnDeleteNotImplemented(Variant):
    """A DELETE that is signed for a body is 501 NotImplemented before its signature is looked at."""

    surface = "storage"

    def authenticate(self, original: Any, request: Request) -> Signer:
        if request.method == "DELETE" and request.headers.get("x-amz-content-sha256", EMPTY_SHA256) != EMPTY_SHA256:
            raise Fault("NotImplemented")
        signer: Signer = original(request)
        return signer


class LostChunkIsTimeout(Variant):
    """A chunked payload that is shorter than it says is 400 RequestTimeout: the rest was waited for."""

    surface = "storage"

    def check_decoded_length(self, original: Any, call: Call) -> None:
        try:
            original(call)
        except Fault as refusal:
            raise (fault("RequestTimeout", 400) if refusal.code == "IncompleteBody" else refusal) from None


class UnlistedPartsRefused(Variant):
    """CompleteMultipartUpload: "You must ensure that the parts list is complete", else it is 400 InvalidPart."""

    surface = "storage"

    def chosen_parts(self, original: Any, upload: Upload, listed: list[xml.Node]) -> list[Part]:
        chosen: list[Part] = original(upload, listed)
        if len(chosen) < len(upload.parts):
            raise Fault("InvalidPart")
        return chosen


class PartTwiceCountsOnce(Variant):
    """A part that the completion names twice in a row is taken once: the order does not descend."""

    surface = "storage"

    def chosen_parts(self, original: Any, upload: Upload, listed: list[xml.Node]) -> list[Part]:
        numbers = [each.get("PartNumber") for each in listed]
        once = [each for place, each in enumerate(listed) if not place or numbers[place] != numbers[place - 1]]
        chosen: list[Part] = original(upload, once)
        return chosen


class NothingIsMissingLength(Variant):
    """Where a document is to come and nothing does, the answer is 411 MissingContentLength, not 400 MalformedXML."""

    surface = "storage"

    def request_document(self, original: Any, body: bytes, root: str) -> xml.Node:
        if not body:
            raise Fault("MissingContentLength")
        document: xml.Node = original(body, root)
        return document


class InternalEntitiesExpanded(Variant):
    """XML 1.0 section 4.4.2: an entity that is declared within the document is expanded; no file is read."""

    surface = "storage"

    def request_document(self, original: Any, body: bytes, root: str) -> xml.Node:
        if b"<!DOCTYPE" in body:
            try:
                body = ElementTree.tostring(ElementTree.fromstring(body))  # noqa: S314 (this is the point)
            except ElementTree.ParseError:
                raise Fault("MalformedXML") from None
        document: xml.Node = original(body, root)
        return document


class StartAfterHidesItsGroup(Variant):
    """A listing that starts within a folder leaves the whole folder out: the sources do not say whether it is begun."""

    surface = "storage"

    def first_position(self, original: Any, names: list[str], wanted: Wanted) -> int:
        position = int(original(names, wanted))
        within = wanted.after.startswith(wanted.prefix)
        group = original.__self__.common_prefix(wanted.after, wanted) if within else None
        return after_group(names, group, position) if group else position


class NullVersionsTold(Variant):
    """S3 User Guide, "Using versioning": objects of a bucket without versions have the version ID null."""

    surface = "storage"

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if answer.status < 300:
            answer.headers["x-amz-version-id"] = "null"
            answer.body = answer.body.replace(b"</Key></Deleted>", b"</Key><VersionId>null</VersionId></Deleted>")
        return answer


class NamespaceRequired(Variant):
    """A document of a request is in the namespace that its syntax shows, or it is 400 MalformedXML."""

    surface = "storage"

    def request_document(self, original: Any, body: bytes, root: str) -> xml.Node:
        if xml.NAMESPACE.encode() not in body:
            raise Fault("MalformedXML")
        node: xml.Node = original(body, root)
        return node


class KeyTooLongUriTooLong(Variant):
    """A key above 1024 bytes is 414 (RFC 9110 section 15.5.15), for which S3 has no code: by one of its own."""

    surface = "storage"

    def check_key(self, original: Any, key: str) -> None:
        try:
            original(key)
        except Fault:
            raise fault("URITooLong", 414) from None
