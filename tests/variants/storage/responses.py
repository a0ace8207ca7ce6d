"""Variants of responses."""

from __future__ import annotations

import hashlib
import itertools
import re
import time
from dataclasses import replace
from email.utils import formatdate
from types import SimpleNamespace
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree

from conformance.reference.alteration import Variant
from conformance.reference.http import Answer, Request
from conformance.reference.one_method import variant
from conformance.reference.storage import xml
from conformance.reference.storage.call import Call
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.state import Bucket
from tests.defects.support.storage import FormUploads

SLOWER = b'<?xml version="1.0"?><Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>'
OF_OBJECTS = {"Cache-Control": "private, no-cache", "Content-Disposition": "attachment"}
EACH = 10
CLOCK_S = 600


@variant()
def request_id_only_in_body(request: Request, answer: Answer) -> Answer:
    """The request id of an error is in its document, not in a field."""
    if b"<RequestId>" in answer.body[:4096]:
        del answer.headers["x-amz-request-id"]
    return answer


@variant()
def request_id_only_in_header(error_body: Any, request: Request, refusal: Fault, request_id: str) -> bytes:
    """The request id of an error is in a field, not in its document."""
    body: bytes = error_body(request, refusal, request_id)
    return body.replace(xml.element("RequestId", request_id).encode(), b"")


@variant()
def error_type_text_xml(error_answer: Any, request: Request, refusal: Fault, request_id: str) -> Answer:
    """RFC 7303 section 9.2: text/xml is an alias of application/xml."""
    answer: Answer = error_answer(request, refusal, request_id)
    answer.headers["Content-Type"] = "text/xml; charset=utf-8"
    return answer


@variant()
def error_with_more_detail(error_body: Any, request: Request, refusal: Fault, request_id: str) -> bytes:
    """Errors have further elements, HostId and BucketName, in another order."""
    more = xml.element("HostId", "gateway-1") + xml.element("BucketName", request.path.split("/")[1])
    body: bytes = error_body(request, refusal, request_id)
    return body.replace(b"<Error>", b"<Error>" + more.encode())


@variant()
def buckets_not_own_access_denied(no_such_bucket: Any) -> Fault:
    """Other organizations' and missing buckets are both 403 AccessDenied."""
    return Fault("AccessDenied")


@variant()
def long_key_refuses_the_deletion(entries: Any, *arguments: Any) -> list[xml.Node]:
    """Error responses, KeyTooLongError: a key above the limit refuses the whole of DeleteObjects."""
    found: list[xml.Node] = entries(*arguments)
    for each in found:
        entries.__self__.check_key(each.get("Key") or "")
    return found


@variant()
def anonymous_clients_are_redirected(request: Request) -> Answer | None:
    """ListBuckets without credentials redirects with 307 to a web page."""
    anonymous = "authorization" not in request.headers and "X-Amz-Algorithm" not in request.query_string
    if request.method != "GET" or request.raw_path != "/" or not anonymous:
        return None
    answer = Answer(307)
    answer.headers["Location"] = "https://storage.example/about"
    return answer


@variant()
def paths_out_of_the_bucket_are_refused(request: Request) -> Answer | None:
    """Naming objects: dot segments that leave the bucket are 400, without a document."""
    depth = 0
    for each in unquote(request.raw_path).split("/")[2:]:
        depth += -1 if each == ".." else int(each not in ("", "."))
        if depth < 0:
            return Answer(400)
    return None


@variant()
def refusals_show_what_was_signed(error_body: Any, request: Request, fault: Fault, request_id: str) -> bytes:
    """Error responses, SignatureDoesNotMatch: the document repeats the signed strings and the access key."""
    body: bytes = error_body(request, fault, request_id)
    if fault.code != "SignatureDoesNotMatch":
        return body
    fields = "".join(f"{name}:{value}\n" for name, value in request.headers.items())
    elements = (
        xml.element("StringToSign", f"AWS4-HMAC-SHA256\n{request.headers.get('x-amz-date')}"),
        xml.element("CanonicalRequest", f"{request.method}\n{request.raw_path}\n{request.query_string}\n{fields}"),
        xml.element("SignatureProvided", request.headers.get("authorization") or request.query_string),
    )
    return body.replace(b"</Error>", f"{''.join(elements)}</Error>".encode())


@variant()
def owners_without_names(owner: Any, organization: str, name: str = "Owner") -> str:
    """S3 API Reference, Owner, DisplayName: not required, and no longer returned since 2025."""
    return xml.group(name, xml.element("ID", owner.__self__.owner_id(organization)))


@variant()
async def deletions_of_versions_not_implemented(delete_objects: Any, call: Call, bucket: Bucket) -> Answer:
    """Error responses, NotImplemented: a gateway without versions refuses a document that names one."""
    if b"<VersionId>" in call.body:
        raise Fault("NotImplemented")
    return await delete_objects(call, bucket)


def _dated(answer: Answer, seconds: int) -> Answer:
    """Return the answer with the Date of a clock that is off by so many seconds."""
    answer.headers["Date"] = formatdate(time.time() + seconds, usegmt=True)
    return answer


class ClockBehind(Variant):
    """RequestTimeTooSkewed: clocks may differ by fifteen minutes; this one is ten minutes behind."""

    def now(self, original: Any) -> float:
        return float(original()) - CLOCK_S

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        return _dated(answer, -CLOCK_S)


class FormsByAClockBehind(FormUploads, ClockBehind):
    """SigV4, "Browser-based uploads using POST": policies expire by the gateway's clock, which is behind."""


@variant()
def defaults_of_its_own(request: Request, answer: Answer) -> Answer:
    """Objects stored without them get the gateway's Cache-Control and Content-Disposition."""
    if answer.status in (200, 206) and request.method in ("GET", "HEAD"):
        for name, value in OF_OBJECTS.items():
            answer.headers.setdefault(name, value)
    return answer


@variant()
async def set_of_no_tags_refused(put_tags: Any, call: Call, bucket: Bucket) -> Answer:
    """PutObjectTagging, TagSet: an empty set may be refused, because DeleteObjectTagging exists."""
    if b"Key" not in call.body:
        raise Fault("MalformedXML")
    return await put_tags(call, bucket)


@variant()
def answers_in_chunks(request: Request, answer: Answer) -> Answer:
    """RFC 9112 section 6: responses are chunked; only those to HEAD have a Content-Length."""
    if request.method != "HEAD" and answer.status not in (204, 304):
        del answer.headers["Content-Length"]
        answer.headers["Transfer-Encoding"] = "chunked"
    return answer


@variant(alone=True, state=set)
def asked_to_slow_down(seen: set[tuple[str, ...]], request: Request) -> Answer | None:
    """List of error codes, SlowDown: each request is 503, or 429 (RFC 6585), and served when it is repeated."""
    signed = request.headers.get("authorization", "")
    same = (request.method, request.raw_path, request.query_string, signed, hashlib.sha256(request.body).hexdigest())
    # The SDK's checks disable retries.
    if same in seen or "boto3" in request.headers.get("user-agent", "").lower():
        return None
    seen.add(same)
    answer = Answer(503 if len(seen) % 2 else 429, SLOWER)
    answer.headers.update({"Content-Type": "application/xml", "Retry-After": "0"})
    return answer


@variant(alone=True, state=lambda: SimpleNamespace(heads=itertools.count(), refused=set()))
def heads_asked_to_slow_down(state: Any, request: Request) -> Answer | None:
    """List of error codes, SlowDown: one HEAD in ten is 503 without a body, and served when it is repeated."""
    same = request.raw_path, request.headers.get("authorization", "") + request.query_string
    if request.method != "HEAD" or "boto3" in request.headers.get("user-agent", "").lower():
        return None
    if same in state.refused or next(state.heads) % EACH:
        return None
    state.refused.add(same)
    return Answer(503)


class DeletionsRefusedByKey(Variant):
    """DeleteObjects in a missing or another's bucket is 200 with AccessDenied for each key; others are 403."""

    def no_such_bucket(self, original: Any) -> Fault:
        return Fault("AccessDenied")

    async def on_bucket(self, original: Any, call: Call) -> Answer:
        gateway = original.__self__
        bucket = gateway.buckets.get(call.bucket)
        own = bucket is not None and gateway.owns(call.organization, bucket)
        if call.request.method != "POST" or "delete" not in call.query or own:
            return await original(call)
        entries = gateway.entries(gateway.request_document(call.body, "Delete"))
        failures = [gateway.entry_failed(gateway.entry_key(each), Fault("AccessDenied")) for each in entries]
        return gateway.document("DeleteResult", *failures)


@variant()
def nothing_is_missing_length(request_document: Any, body: bytes, root: str) -> xml.Node:
    """A request that lacks its document is 411 MissingContentLength, not 400 MalformedXML."""
    if not body:
        raise Fault("MissingContentLength")
    return request_document(body, root)


@variant()
def internal_entities_expanded(request_document: Any, body: bytes, root: str) -> xml.Node:
    """XML 1.0 section 4.4.2: entities declared in the document are expanded; no file is read."""
    if b"<!DOCTYPE" in body:
        try:
            body = ElementTree.tostring(ElementTree.fromstring(body))  # noqa: S314 (this is the point)
        except ElementTree.ParseError:
            raise Fault("MalformedXML") from None
    return request_document(body, root)


@variant()
def null_versions_reported(request: Request, answer: Answer) -> Answer:
    """S3 User Guide, "Using versioning": objects of a bucket without versions have the version id null."""
    if answer.status < 300:
        answer.headers["x-amz-version-id"] = "null"
        answer.body = answer.body.replace(b"</Key></Deleted>", b"</Key><VersionId>null</VersionId></Deleted>")
    return answer


@variant()
def namespace_required(request_document: Any, body: bytes, root: str) -> xml.Node:
    """A request's document must be in the namespace of its syntax, else 400 MalformedXML."""
    if xml.NAMESPACE.encode() not in body:
        raise Fault("MalformedXML")
    return request_document(body, root)


class ClockAhead(Variant):
    """RequestTimeTooSkewed: clocks may differ by fifteen minutes; this one is ten minutes ahead."""

    def now(self, original: Any) -> float:
        return float(original()) + CLOCK_S

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        return _dated(answer, CLOCK_S)


@variant()
def times_with_an_offset(request: Request, answer: Answer) -> Answer:
    """ISO 8601 section 4.2.5: a time in UTC may have the offset +00:00 instead of Z."""
    if b"<?xml" not in answer.body[:5]:
        return answer
    return replace(answer, body=re.sub(rb"(T[0-9:]{8}[.]000)Z<", rb"\1+00:00<", answer.body))


@variant()
def namespace_prefixed(request: Request, answer: Answer) -> Answer:
    """Namespaces in XML 1.0, section 4: elements may have a prefix instead of a default namespace."""
    if b"xmlns=" in answer.body and answer.headers.get("content-type") == "application/xml":
        named = answer.body.replace(b"xmlns=", b"xmlns:s3=")
        answer.body = re.sub(rb"<(/?)([A-Z])", rb"<\1s3:\2", named)
    return answer


@variant()
def documents_serialized_differently(request: Request, answer: Answer) -> Answer:
    """XML 1.0, sections 2.5, 2.7, 3.1 and 4.1: comments, CDATA, empty elements and character references."""
    if answer.body.startswith(b"<?xml"):
        text = answer.body.decode().partition("\n")[2].replace("&quot;", "&#34;")
        text = re.sub(r"<Key>([^<&]*)</Key>", r"<Key><![CDATA[\1]]></Key>", text)
        text = re.sub(r"<([A-Za-z]+)></\1>", r"<\1/>", text)
        answer.body = f"\ufeff<!-- of a gateway -->\n{text}\n".encode()
    return answer


@variant()
def head_of_a_range_is_200(request: Request, answer: Answer) -> Answer:
    """HeadObject, Range: "only the ContentLength is affected in the response"; so Zenko CloudServer answers 200."""
    if request.method == "HEAD" and answer.status == 206:
        answer.status = 200
    return answer


@variant()
def gateway_error_codes_of_its_own(error_body: Any, request: Request, refusal: Fault, request_id: str) -> bytes:
    """Error responses: the code of an invalid argument or body is the server's own where no page names one."""
    body: bytes = error_body(request, refusal, request_id)
    invalid = rb"<Code>(Invalid(Argument|Request|Digest|Tag|Token)|KeyTooLongError|MetadataTooLarge|XAmzContent\w+)<"
    return re.sub(invalid, b"<Code>TooManyParts<", body)
