"""Defects that break the promise "XML request bodies are parsed strictly and safely"."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any, ClassVar

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.one_method import defect, row
from conformance.reference.storage import xml
from conformance.reference.storage.call import Call
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.state import Bucket
from conformance.reference.support.storage import server_error
from tests.defects.support.storage import failing, refusing

CDATA = re.compile(rb"<!\[CDATA\[(.*?)\]\]>", re.DOTALL)


ROWS = (
    row(
        "document-types-are-server-errors",
        "S3 API Reference, MalformedXML: a document type declaration is answered with a 5xx.",
        "storage/xml/attacks-do-no-harm#expansion,internal-entity,parameter-entity,self-reference",
        request_document=failing(lambda body, root: b"<!DOCTYPE" in body),
    ),
    row(
        "namespace-by-prefix-refused",
        "Namespaces in XML 1.0 section 3: a namespace prefix is refused.",
        "storage/xml/namespace-prefix-is-accepted#prefix",
        request_document=refusing("MalformedXML", lambda body, root: b"xmlns:" in body),
    ),
    row(
        "byte-order-mark-refused",
        "XML 1.0 section 4.3.3: a byte order mark is refused.",
        "storage/xml/namespace-prefix-is-accepted#byte-order-mark",
        request_document=refusing("MalformedXML", lambda body, root: body.startswith(b"\xef\xbb\xbf")),
    ),
)


@defect("storage/xml/attacks-do-no-harm#external-file")
def entities_expanded(request_document: Any, body: bytes, root: str) -> xml.Node:
    """OWASP ASVS 5.5.2: entities are expanded."""
    for name, value in re.findall(rb'<!ENTITY\s+(\w+)\s+"([^"]*)"', body)[:10]:
        body = body.replace(b"&" + name + b";", value)
    for name in re.findall(rb"<!ENTITY\s+(\w+)\s+SYSTEM", body)[:10]:
        body = body.replace(b"&" + name + b";", b"root:x:0:0")
    bare = re.sub(rb"<!DOCTYPE[^\[>]*(\[.*?\]\s*)?>", b"", body, count=1, flags=re.DOTALL)
    return request_document(bare, root)


@defect(
    "storage/xml/attacks-do-no-harm#depth",
    "storage/xml/oversized-body-does-no-harm",
    state=lambda: SimpleNamespace(stopped=False),
)
async def large_documents_stop_the_worker(state: Any, answered: Any, request: Request) -> Answer:
    """API Reference, Error Handling: the request after a large deletion document fails."""
    if state.stopped:
        state.stopped = False
        raise server_error()
    state.stopped = len(request.body) > 64 * 1024 and "delete" in request.query_string
    return await answered(request)


@defect("storage/xml/single-elements-occur-once")
async def storage_class_of_parts_twice(list_parts: Any, call: Call, bucket: Bucket) -> Answer:
    """S3 API Reference, ListParts, StorageClass: it is returned twice."""
    answer: Answer = await list_parts(call, bucket)
    answer.body = re.sub(rb"(<StorageClass>[^<]*</StorageClass>)", rb"\1\1", answer.body)
    return answer


@defect("storage/xml/results-have-an-xml-media-type")
async def deletions_of_several_are_of_no_type(delete_objects: Any, call: Call, bucket: Bucket) -> Answer:
    """RFC 9110 section 8.3: the response to DeleteObjects has no Content-Type."""
    answer: Answer = await delete_objects(call, bucket)
    del answer.headers["Content-Type"]
    return answer


class _RefusedDocument(Defect):
    """Refuses a document that contains a given text as malformed."""

    root: ClassVar[str] = ""
    mark: ClassVar[bytes] = b""

    def request_document(self, original: Any, body: bytes, root: str) -> Any:
        if root == self.root and re.search(self.mark, body):
            raise Fault("MalformedXML")
        return original(body, root)


class CdataInCompletionRefused(_RefusedDocument):
    """XML 1.0 section 2.7: a CDATA section in a completion is refused."""

    noticed_by = ("storage/xml/changed-completion-is-obeyed-or-refused",)
    shortest, root, mark = 3, "CompleteMultipartUpload", rb"<!\[CDATA"


@defect("storage/xml/changed-completion-is-obeyed-or-refused")
async def broken_completion_ends_the_upload(complete_upload: Any, call: Call, bucket: Bucket) -> Answer:
    """S3 API Reference, CompleteMultipartUpload: a malformed completion ends the upload."""
    try:
        return await complete_upload(call, bucket)
    except Fault as fault:
        if fault.code == "MalformedXML":
            bucket.uploads.pop(call.query["uploadId"], None)
        raise


@defect("storage/xml/changed-completion-is-obeyed-or-refused")
def malformed_reported_without_a_document(request: Request, answer: Answer) -> Answer:
    """S3 API Reference, "REST error responses": the refusal of a malformed document has no body."""
    if b"<Code>MalformedXML" in answer.body:
        answer.body, answer.headers["Content-Type"] = b"Bad Request", "text/plain"
    return answer


class CdataInDeletionRefused(_RefusedDocument):
    """XML 1.0 section 2.7: a CDATA section in DeleteObjects is refused."""

    noticed_by = ("storage/xml/changed-deletion-is-obeyed-or-refused",)
    shortest, root, mark = 1, "Delete", rb"<!\[CDATA"


@defect("storage/xml/changed-deletion-is-obeyed-or-refused")
def cdata_read_literally(request_document: Any, body: bytes, root: str) -> xml.Node:
    """XML 1.0 section 2.7: the marks of a CDATA section are read as text."""
    literal = CDATA.sub(rb"&lt;![CDATA[\1]]&gt;", body) if root == "Delete" else body
    return request_document(literal, root)


class CdataInTaggingRefused(_RefusedDocument):
    """XML 1.0 section 2.7: a CDATA section in a tag set is refused."""

    noticed_by = ("storage/xml/changed-tagging-is-obeyed-or-refused",)
    shortest, root, mark = 2, "Tagging", rb"<!\[CDATA"


@defect("storage/xml/changed-tagging-is-obeyed-or-refused")
def cdata_of_tags_passed_over(request_document: Any, body: bytes, root: str) -> xml.Node:
    """XML 1.0 section 2.7: the text of a CDATA section in a tag set is lost."""
    passed = CDATA.sub(b"", body).replace(b"<Key></Key>", b"<Key>Key</Key>") if root == "Tagging" else body
    return request_document(passed, root)


@defect("storage/xml/values-have-their-form")
async def parts_come_at_local_times(list_parts: Any, call: Call, bucket: Bucket) -> Answer:
    """S3 API Reference, ListParts, LastModified: it has no time zone."""
    answer: Answer = await list_parts(call, bucket)
    if "part-number-marker" in call.query:
        answer.body = re.sub(rb"(<LastModified>[^<.]*)[^<]*<", rb"\1<", answer.body)
    return answer
