"""Defects that break the promise "XML request bodies are parsed strictly and safely"."""

from __future__ import annotations

import re
from typing import Any, ClassVar

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.storage import xml
from conformance.reference.storage.call import Call
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.state import Bucket
from conformance.reference.support.storage import server_error

CDATA = re.compile(rb"<!\[CDATA\[(.*?)\]\]>", re.DOTALL)


class EntitiesExpanded(Defect):
    """OWASP ASVS 5.5.2: XML is read with document types and entities switched off."""

    surface = "storage"
    noticed_by = ("storage/xml/attacks-do-no-harm#external-file",)

    def request_document(self, original: Any, body: bytes, root: str) -> xml.Node:
        for name, value in re.findall(rb'<!ENTITY\s+(\w+)\s+"([^"]*)"', body)[:10]:
            body = body.replace(b"&" + name + b";", value)
        for name in re.findall(rb"<!ENTITY\s+(\w+)\s+SYSTEM", body)[:10]:
            body = body.replace(b"&" + name + b";", b"root:x:0:0")
        bare = re.sub(rb"<!DOCTYPE[^\[>]*(\[.*?\]\s*)?>", b"", body, count=1, flags=re.DOTALL)
        node: xml.Node = original(bare, root)
        return node


class DocumentTypesAreServerErrors(Defect):
    """S3 API Reference, MalformedXML: a document that is not to be read is the caller's mistake."""

    surface = "storage"
    noticed_by = (
        "storage/xml/attacks-do-no-harm#expansion",
        "storage/xml/attacks-do-no-harm#internal-entity",
        "storage/xml/attacks-do-no-harm#parameter-entity",
        "storage/xml/attacks-do-no-harm#self-reference",
    )

    def request_document(self, original: Any, body: bytes, root: str) -> xml.Node:
        if b"<!DOCTYPE" in body:
            raise server_error()
        node: xml.Node = original(body, root)
        return node


class LargeDocumentsStopTheWorker(Defect):
    """API Reference, Error Handling: one bad request does not cost the next good one its answer."""

    surface = "storage"
    noticed_by = ("storage/xml/attacks-do-no-harm#depth", "storage/xml/oversized-body-does-no-harm")

    def __init__(self) -> None:
        self.stopped = False

    async def answered(self, original: Any, request: Request) -> Answer:
        if self.stopped:
            self.stopped = False
            raise server_error()
        self.stopped = len(request.body) > 64 * 1024 and "delete" in request.query_string
        answer: Answer = await original(request)
        return answer


class StorageClassOfPartsTwice(Defect):
    """S3 API Reference, ListParts, StorageClass: a text, and so one; some readers fail where there are two."""

    surface = "storage"
    noticed_by = ("storage/xml/single-elements-occur-once",)

    async def list_parts(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = await original(call, bucket)
        answer.body = re.sub(rb"(<StorageClass>[^<]*</StorageClass>)", rb"\1\1", answer.body)
        return answer


class NamespaceByPrefixRefused(Defect):
    """Namespaces in XML 1.0 section 3: a prefix stands for its namespace, whichever prefix it is."""

    surface = "storage"
    noticed_by = ("storage/xml/namespace-prefix-is-accepted#prefix",)

    def request_document(self, original: Any, body: bytes, root: str) -> xml.Node:
        if b"xmlns:" in body:
            raise Fault("MalformedXML")
        document: xml.Node = original(body, root)
        return document


class ByteOrderMarkRefused(Defect):
    """XML 1.0 section 4.3.3: a document may begin with a byte order mark, which is no part of it."""

    surface = "storage"
    noticed_by = ("storage/xml/namespace-prefix-is-accepted#byte-order-mark",)

    def request_document(self, original: Any, body: bytes, root: str) -> xml.Node:
        if body.startswith(b"\xef\xbb\xbf"):
            raise Fault("MalformedXML")
        document: xml.Node = original(body, root)
        return document


class DeletionsOfSeveralAreOfNoType(Defect):
    """RFC 9110 section 8.3: what has content says of which type it is."""

    surface = "storage"
    noticed_by = ("storage/xml/results-have-an-xml-media-type",)

    async def delete_objects(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = await original(call, bucket)
        del answer.headers["Content-Type"]
        return answer


class _RefusedDocument(Defect):
    """A document with some mark in it is refused as malformed."""

    root: ClassVar[str] = ""
    mark: ClassVar[bytes] = b""

    def request_document(self, original: Any, body: bytes, root: str) -> Any:
        if root == self.root and re.search(self.mark, body):
            raise Fault("MalformedXML")
        return original(body, root)


class CdataInCompletionRefused(_RefusedDocument):
    """XML 1.0 section 2.7: text may be written in a CDATA section."""

    surface = "storage"
    noticed_by = ("storage/xml/changed-completion-is-obeyed-or-refused",)
    shortest, root, mark = 3, "CompleteMultipartUpload", rb"<!\[CDATA"


class BrokenCompletionEndsTheUpload(Defect):
    """S3 API Reference, CompleteMultipartUpload: one that is refused leaves the upload, to be completed rightly."""

    surface = "storage"
    noticed_by = ("storage/xml/changed-completion-is-obeyed-or-refused",)

    async def complete_upload(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        try:
            answer: Answer = await original(call, bucket)
        except Fault as fault:
            if fault.code == "MalformedXML":
                bucket.uploads.pop(call.query["uploadId"], None)
            raise
        return answer


class MalformedToldWithoutADocument(Defect):
    """S3 API Reference, "REST error responses": a refusal has an error document, by whose code SDKs go."""

    surface = "storage"
    noticed_by = ("storage/xml/changed-completion-is-obeyed-or-refused",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if b"<Code>MalformedXML" in answer.body:
            answer.body, answer.headers["Content-Type"] = b"Bad Request", "text/plain"
        return answer


class CdataInDeletionRefused(_RefusedDocument):
    """XML 1.0 section 2.7: text may be written in a CDATA section."""

    surface = "storage"
    noticed_by = ("storage/xml/changed-deletion-is-obeyed-or-refused",)
    shortest, root, mark = 1, "Delete", rb"<!\[CDATA"


class CdataTakenLiterally(Defect):
    """XML 1.0 section 2.7: a CDATA section is a way to write text, and its marks are none of it."""

    surface = "storage"
    noticed_by = ("storage/xml/changed-deletion-is-obeyed-or-refused",)

    def request_document(self, original: Any, body: bytes, root: str) -> xml.Node:
        literal = CDATA.sub(rb"&lt;![CDATA[\1]]&gt;", body) if root == "Delete" else body
        node: xml.Node = original(literal, root)
        return node


class CdataInTaggingRefused(_RefusedDocument):
    """XML 1.0 section 2.7: text may be written in a CDATA section."""

    surface = "storage"
    noticed_by = ("storage/xml/changed-tagging-is-obeyed-or-refused",)
    shortest, root, mark = 2, "Tagging", rb"<!\[CDATA"


class CdataOfTagsPassedOver(Defect):
    """XML 1.0 section 2.7: a CDATA section is a way to write text, wherever text may stand."""

    surface = "storage"
    noticed_by = ("storage/xml/changed-tagging-is-obeyed-or-refused",)

    def request_document(self, original: Any, body: bytes, root: str) -> xml.Node:
        passed = CDATA.sub(b"", body).replace(b"<Key></Key>", b"<Key>Key</Key>") if root == "Tagging" else body
        node: xml.Node = original(passed, root)
        return node


class PartsComeAtLocalTimes(Defect):
    """S3 API Reference, ListParts, LastModified: a timestamp says of which zone it is."""

    surface = "storage"
    noticed_by = ("storage/xml/values-have-their-form",)

    async def list_parts(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = await original(call, bucket)
        if "part-number-marker" in call.query:
            answer.body = re.sub(rb"(<LastModified>[^<.]*)[^<]*<", rb"\1<", answer.body)
        return answer
