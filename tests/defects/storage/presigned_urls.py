"""Defects of presigned URLs.

They break these promises:

- Presigned URLs work.
- A presigned URL grants one operation, for its lifetime only.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.one_method import defect, row
from conformance.reference.storage import canonical
from conformance.reference.storage.authentication import Presented
from conformance.reference.storage.call import Call, Signer, query_of
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.objects import OVERRIDES
from conformance.reference.storage.properties import META
from conformance.reference.storage.state import Bucket, StoredObject
from conformance.reference.support.storage import crashing, gateway
from tests.defects.support.storage import (
    FORGED,
    SIGNATURE,
    by_url,
    done_though_refused,
    let_in,
    refused,
    refuses,
    refusing,
    under_any_secret,
    without_fields,
)

UNSIGNED_CHUNKS = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
DATE = "x-amz-date"


def _writes_by_url(request: Request) -> bool:
    return by_url(request) and request.method in ("PUT", "DELETE")


ROWS = (
    row(
        "presigned-never-expires",
        'SigV4, "Using Query Parameters": a presigned URL never expires.',
        "storage/presigned/expired-is-refused#get,head",
        "storage/presigned/future-is-refused",
        check_expiry=lambda original, age, expires: None,
    ),
    row(
        "empty-expiry-accepted",
        'SigV4, "Using Query Parameters": an X-Amz-Expires of 0 is accepted.',
        "storage/presigned/expiry-is-bounded#zero",
        expiry=lambda original, given: original("60" if given == "0" else given),
    ),
    row(
        "urls-of-parts-refused",
        'SigV4, "Using Query Parameters": a presigned part is refused.',
        "storage/presigned/part-is-served",
        presented_in_query=refusing("AuthorizationQueryParametersError", lambda request, query: "uploadId" in query),
    ),
    row(
        "forged-urls-obeyed",
        'SigV4, "Using Query Parameters": a presigned write with a wrong signature is refused, but done.',
        "storage/presigned/altered-is-refused#get-sent-as-delete,key,later-date,longer-expiry,x-id-added,signature",
        "storage/presigned/altered-is-refused#signature-cut",
        "storage/presigned/signed-fields-are-checked#metadata-changed",
        answered=done_though_refused(FORGED, when=lambda surface, request: _writes_by_url(request)),
    ),
    row(
        "expired-urls-obeyed",
        'SigV4, "Using Query Parameters", X-Amz-Expires: a write by an expired URL is refused, but done.',
        "storage/presigned/expired-is-refused#delete,put",
        answered=done_though_refused(
            "AccessDenied",
            when=lambda surface, request: (
                _writes_by_url(request) and refuses(lambda: surface.check_time(surface.presented(request)))
            ),
        ),
    ),
    row(
        "chosen-line-ends-are-server-errors",
        "RFC 9110 section 5.5: a line end in a response- parameter is answered with a 5xx.",
        "storage/presigned/response-parameters-add-no-headers",
        overrides=lambda original, call: crashing(lambda: original(call)),
    ),
)


@defect("storage/presigned/response-parameters-set-headers#presigned-get")
async def overrides_with_the_objects_own(get_object: Any, call: Call, bucket: Bucket) -> Answer:
    """S3 API Reference, GetObject, response-cache-control and its like: they are added to the object's own fields."""
    answer: Answer = await get_object(call, bucket)
    own = bucket.objects[call.key].headers
    for name in own.keys() & gateway(get_object).overrides(call):
        answer.headers.append(name, own[name])
    return answer


@defect("storage/presigned/response-parameters-set-headers#presigned-get", state=dict)
def chosen_type_is_stored(types: dict[str, str], overrides: Any, call: Call) -> dict[str, str]:
    """S3 API Reference, GetObject, response-content-type: the type is stored with the object."""
    found: dict[str, str] = overrides(call)
    kept, key = {**found}, f"{call.bucket}/{call.key}"
    if key in types:
        kept.setdefault("content-type", types[key])
    if "content-type" in found:
        types[key] = found["content-type"]
    return kept


@defect("storage/presigned/response-parameters-set-headers#head")
def chosen_fields_of_head_refused(overrides: Any, call: Call) -> dict[str, str]:
    """S3 API Reference, HeadObject, response-content-type: it is refused for HEAD."""
    found: dict[str, str] = overrides(call)
    if found and call.request.method == "HEAD":
        raise Fault("InvalidRequest")
    return found


@defect("storage/presigned/response-parameters-set-headers#not-in-errors")
def errors_of_the_chosen_type(request: Request, answer: Answer) -> Answer:
    """S3 API Reference, GetObject: response-content-type changes the type of errors."""
    chosen = query_of(request).get("response-content-type")
    if chosen and answer.status >= 400:
        answer.headers["Content-Type"] = chosen
    return answer


@defect("storage/presigned/response-parameters-set-headers#range")
def overrides_of_whole_reads_only(overrides: Any, call: Call) -> dict[str, str]:
    """S3 API Reference, HeadObject, response-content-type: it is ignored for HEAD and ranges."""
    whole = call.request.method == "GET" and "range" not in call.headers
    return dict(overrides(call)) if whole else {}


@defect("storage/presigned/response-parameters-add-no-headers")
def chosen_fields_end_lines(overrides: Any, call: Call) -> dict[str, str]:
    """RFC 9110 section 5.5: a line end in a response- parameter begins another field."""
    found = dict[str, str]()
    for name, header in OVERRIDES.items():
        value, *lines = call.query.get(name, "").split("\r\n")
        found |= {header: value} if value else {}
        found |= dict(line.split(": ", 1) for line in lines if ": " in line)
    return found


@defect("storage/presigned/get-is-served#javascript-sdk")
async def chosen_fields_are_requested_again(get_object: Any, call: Call, bucket: Bucket) -> Answer:
    """RFC 9110 section 13.1.2: with response- parameters, 304 is never answered."""
    if any(name.startswith("response-") for name in call.query):
        call = without_fields(call, "If-None-Match")
    return await get_object(call, bucket)


@defect("storage/presigned/get-is-served#a-minute,a-second-short-of-a-week,a-week")
def presigned_urls_omit_metadata(request: Request, answer: Answer) -> Answer:
    """SigV4, "Using Query Parameters": responses to presigned URLs omit metadata."""
    if "X-Amz-Signature" in request.query_string:
        for name in [name for name in answer.headers if name.startswith(META)]:
            del answer.headers[name]
    return answer


@defect(
    "storage/presigned/get-is-served#a-minute,javascript-sdk,head,half-an-hour-old",
    "storage/presigned/put-is-served",
    "storage/presigned/put-is-served#of-an-encoded-key",
    "storage/sdk/presigned-url",
)
def presigned_urls_refused(request: Request) -> Answer | None:
    """SigV4, "Authenticating Requests: Using Query Parameters": a presigned URL is refused."""
    return refused(403, "AccessDenied") if "X-Amz-Signature" in request.query_string else None


def _by_url(call: Call) -> bool:
    return "X-Amz-Signature" in call.query


@defect("storage/presigned/other-operations-are-served")
async def deletions_by_url_idle(delete_object: Any, call: Call, bucket: Bucket) -> Answer:
    """S3 User Guide, "Presigned URLs": a presigned deletion is acknowledged, but not done."""
    return Answer(204) if _by_url(call) else await delete_object(call, bucket)


@defect("storage/presigned/other-operations-are-served")
def deletions_by_url_refused(request: Request) -> Answer | None:
    """SigV4, "Using Query Parameters": a presigned deletion is refused."""
    return Answer(403) if request.method == "DELETE" and "X-Amz-Signature" in request.query_string else None


@defect("storage/presigned/part-is-served")
def parts_by_url_unverified(authenticate: Any, request: Request) -> Signer:
    """SigV4, "Using Query Parameters": the signature of a presigned part is not verified."""
    named = query_of(request)
    return under_any_secret(authenticate, request, {"uploadId", "X-Amz-Signature"} <= set(named))


@defect("storage/presigned/part-is-served")
def urls_to_post_refused(authenticate: Any, request: Request) -> Signer:
    """SigV4, "Using Query Parameters": a presigned POST is refused."""
    if request.method == "POST" and SIGNATURE in request.query_string:
        raise Fault("SignatureDoesNotMatch")
    return authenticate(request)


@defect(
    "storage/presigned/put-is-served",
    "storage/presigned/put-is-served#of-an-encoded-key",
    "storage/presigned/part-is-served",
)
def unsigned_bodies_lost(read_payload: Any, call: Call) -> None:
    """SigV4, "Using Query Parameters": the body of a presigned upload is lost."""
    read_payload(call)
    call.body = b"" if _by_url(call) else call.body


@defect("storage/presigned/range-is-served")
def ranges_of_urls_cut_twice(object_answer: Any, call: Call, found: StoredObject, overrides: dict[str, str]) -> Answer:
    """S3 API Reference, GetObject, Range: the range is cut out of the range."""
    answer: Answer = object_answer(call, found, overrides)
    where = gateway(object_answer).requested_span(call, found) if _by_url(call) else None
    if where:
        answer.body = answer.body[slice(*where)]
        answer.headers["Content-Length"] = str(len(answer.body))
    return answer


@defect("storage/presigned/signed-fields-are-served")
def urls_lose_their_fields(new_object: Any, call: Call, md5: str, checksums: dict[str, str]) -> StoredObject:
    """SigV4, "Using Query Parameters", X-Amz-SignedHeaders: the signed fields of a presigned upload are lost."""
    stored: StoredObject = new_object(call, md5, checksums)
    return replace(stored, metadata={}, headers={"content-type": "text/plain"}) if _by_url(call) else stored


@defect("storage/presigned/signed-fields-are-served")
def urls_of_several_fields_refused(canonical_headers: Any, request: Request, names: tuple[str, ...]) -> str:
    """SigV4, "Using Query Parameters", X-Amz-SignedHeaders: URLs that sign more than Host are refused."""
    return str(canonical_headers(request, ("host",) if "X-Amz-Signature" in request.query_string else names))


@defect("storage/presigned/altered-is-refused#forged-after-use", state=set)
def answers_to_urls_cached_by_path(kept: set[str], authenticate: Any, request: Request) -> Signer:
    """SigV4, "Using Query Parameters": the response to a presigned URL is cached for every client."""
    of_object = gateway(authenticate).target(request)[1] != ""
    read = request.method == "GET" and of_object and "authorization" not in request.headers
    if read and request.raw_path in kept:
        return let_in(authenticate, replace(request, query_string=""), allowed=True)
    signer: Signer = authenticate(request)
    if read:
        kept.add(request.raw_path)
    return signer


@defect("storage/presigned/altered-is-refused#response-field-added")
def answer_fields_not_signed(authenticate: Any, request: Request) -> Signer:
    """SigV4, "Create a canonical request": response- parameters are left out of the signature."""
    try:
        signer: Signer = authenticate(request)
    except Fault as fault:
        kept = [pair for pair in request.query_string.split("&") if not pair.startswith("response-")]
        if fault.code != "SignatureDoesNotMatch" or "&".join(kept) == request.query_string:
            raise
        signer = authenticate(replace(request, query_string="&".join(kept)))
    return signer


@defect("storage/presigned/altered-is-refused#get-sent-as-put,method,put-sent-as-head,put-sent-as-get")
def method_not_signed(authenticate: Any, request: Request) -> Signer:
    """SigV4, "Task 1: Create a canonical request": a signature is accepted for another method."""
    for method in ("GET", "PUT", "DELETE", "HEAD", "POST"):
        try:
            signer: Signer = authenticate(replace(request, method=method))
        except Fault as fault:
            if fault.code != "SignatureDoesNotMatch":
                raise
        else:
            return signer
    raise Fault("SignatureDoesNotMatch")


class LifeOfUrlsFromOtherFields(Defect):
    """SigV4, "Using Query Parameters": an unsigned x-amz-date field renews a presigned URL."""

    noticed_by = ("storage/presigned/expired-is-refused#x-amz-date-now",)
    shipped = True
    date_s: float | None = None

    def authenticate(self, original: Any, request: Request) -> Any:
        self.date_s = canonical.seconds_of(request.headers.get(DATE, ""))
        return original(request)

    def check_expiry(self, original: Any, age: float, expires: int) -> None:
        if self.date_s is None:
            original(age, expires)

    def check_signed_headers(self, original: Any, request: Request, presented: Presented) -> None:
        original(request, replace(presented, signed_headers=(*presented.signed_headers, DATE)))


class UsedUrlsOutliveTheirTime(Defect):
    """SigV4, "Using Query Parameters", X-Amz-Expires: a presigned URL that was used once never expires."""

    noticed_by = ("storage/presigned/expired-is-refused#used-before",)
    served: set[str] = set()
    kept = False

    def authenticate(self, original: Any, request: Request) -> Signer:
        self.kept = request.query_string in self.served
        signer: Signer = original(request)
        self.served.add(request.query_string)
        return signer

    def check_expiry(self, original: Any, age: float, expires: int) -> None:
        if not self.kept:
            original(age, expires)


@defect("storage/presigned/signed-fields-are-checked#metadata-changed,metadata-left-out,type-changed")
def fields_of_urls_not_compared(authenticate: Any, request: Request) -> Signer:
    """SigV4, "Using Query Parameters", X-Amz-SignedHeaders: signed fields are not compared."""
    surface = gateway(authenticate)
    try:
        return authenticate(request)
    except Fault as fault:
        presented = surface.presented(request)
        key = surface.known_key(presented.credential.access_key)
        if fault.code != "SignatureDoesNotMatch" or key is None or presented.signed_headers == ("host",):
            raise
        return Signer(key.organization, b"", "", "", "", "UNSIGNED-PAYLOAD")


@defect("storage/presigned/unsigned-fields-are-not-obeyed#method")
async def method_read_from_a_field(on_object: Any, call: Call) -> Answer:
    """SigV4, "Task 1": a method override field changes the method."""
    method = call.headers.get("x-http-method-override", call.request.method)
    return await on_object(replace(call, request=replace(call.request, method=method)))


@defect("storage/presigned/unsigned-fields-are-not-obeyed#path")
async def path_read_from_a_field(on_object: Any, call: Call) -> Answer:
    """SigV4, "Task 1": a path override field changes the path."""
    path = call.headers.get("x-original-url")
    return await on_object(replace(call, key=path.split("/", 2)[2]) if path else call)


@defect("storage/presigned/wrong-scope-is-refused#date,service")
def scope_of_urls_not_looked_at(check_scope: Any, presented: Presented) -> None:
    """SigV4, "Using Query Parameters", X-Amz-Credential: the scope is not checked."""
    if presented.expires is None:
        check_scope(presented)


@defect("storage/presigned/wrong-secret-is-refused#with-unsigned-chunks", shipped=True)
def forged_urls_of_unsigned_chunks(authenticate: Any, request: Request) -> Signer:
    """SigV4, "Using Query Parameters": the signature is not verified for unsigned chunks."""
    surface = gateway(authenticate)
    if request.headers.get("x-amz-content-sha256") == UNSIGNED_CHUNKS and "authorization" not in request.headers:
        presented: Presented = surface.presented(request)
        key = surface.known_key(presented.credential.access_key)
        if key is not None:
            return Signer(key.organization, b"", presented.timestamp, "", "", UNSIGNED_CHUNKS)
    return authenticate(request)
