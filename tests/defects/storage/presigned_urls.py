"""Defects of presigned urls.

They break these promises:

- Presigned URLs work.
- A presigned URL grants one operation, for its lifetime only.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Any

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.storage import Storage, canonical
from conformance.reference.storage.authentication import Presented
from conformance.reference.storage.call import Call, Signer, query_of
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.objects import OVERRIDES
from conformance.reference.storage.properties import META
from conformance.reference.storage.state import Bucket, StoredObject
from conformance.reference.support.storage import gateway, server_error
from tests.defects.rows import row
from tests.defects.support.storage import (
    FORGED,
    SIGNATURE,
    _DoneAllTheSame,
    by_url,
    let_in,
    refused,
    under_any_secret,
    without_fields,
)

UNSIGNED_CHUNKS = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
DATE = "x-amz-date"

ROWS = (
    row(
        "presigned-never-expires",
        'SigV4, "Using Query Parameters": a presigned URL is refused after X-Amz-Expires seconds.',
        "storage/presigned/expired-is-refused#get",
        "storage/presigned/expired-is-refused#head",
        "storage/presigned/future-is-refused",
        check_expiry=lambda original, age, expires: None,
    ),
    row(
        "expiry-of-nothing-served",
        'SigV4, "Using Query Parameters": the least X-Amz-Expires is 1.',
        "storage/presigned/expiry-is-bounded#zero",
        expiry=lambda original, given: original("60" if given == "0" else given),
    ),
)


class OverridesBesideTheObjectsOwn(Defect):
    """S3 API Reference, GetObject, response-cache-control and its like: they replace the object's own field."""

    surface = "storage"
    noticed_by = ("storage/presigned/response-parameters-set-headers#presigned-get",)

    async def get_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = await original(call, bucket)
        own = bucket.objects[call.key].headers
        for name in own.keys() & gateway(original).overrides(call):
            answer.headers.append(name, own[name])
        return answer


class ChosenTypeIsKept(Defect):
    """S3 API Reference, GetObject, response-content-type: the type of the one answer, not of the object."""

    surface = "storage"
    noticed_by = ("storage/presigned/response-parameters-set-headers#presigned-get",)

    def __init__(self) -> None:
        self.types: dict[str, str] = {}

    def overrides(self, original: Any, call: Call) -> dict[str, str]:
        found: dict[str, str] = original(call)
        kept, key = {**found}, f"{call.bucket}/{call.key}"
        if key in self.types:
            kept.setdefault("content-type", self.types[key])
        if "content-type" in found:
            self.types[key] = found["content-type"]
        return kept


class ChosenFieldsOfHeadRefused(Defect):
    """S3 API Reference, HeadObject, response-content-type: a parameter of HeadObject as of GetObject."""

    surface = "storage"
    noticed_by = ("storage/presigned/response-parameters-set-headers#head",)

    def overrides(self, original: Any, call: Call) -> dict[str, str]:
        found: dict[str, str] = original(call)
        if found and call.request.method == "HEAD":
            raise Fault("InvalidRequest")
        return found


class ErrorsOfTheChosenType(Defect):
    """S3 API Reference, GetObject: the fields that a request chooses are included only in a successful response."""

    surface = "storage"
    noticed_by = ("storage/presigned/response-parameters-set-headers#not-in-errors",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        chosen = query_of(request).get("response-content-type")
        if chosen and answer.status >= 400:
            answer.headers["Content-Type"] = chosen
        return answer


class OverridesOfWholeReadsAlone(Defect):
    """S3 API Reference, HeadObject, response-content-type: heeded by HEAD, and with a range."""

    surface = "storage"
    noticed_by = ("storage/presigned/response-parameters-set-headers#range",)

    def overrides(self, original: Any, call: Call) -> dict[str, str]:
        whole = call.request.method == "GET" and "range" not in call.headers
        return dict(original(call)) if whole else {}


class ChosenLineEndsAreServerErrors(Defect):
    """RFC 9110 section 5.5: a line end within the value of a field is refused, or a blank is put in its place."""

    surface = "storage"
    noticed_by = ("storage/presigned/response-parameters-add-no-headers",)

    def overrides(self, original: Any, call: Call) -> dict[str, str]:
        try:
            found: dict[str, str] = original(call)
        except Fault:
            raise server_error() from None
        return found


class ChosenFieldsEndLines(Defect):
    """RFC 9110 section 5.5: a line end within the value of a field is refused, or a blank is put in its place."""

    surface = "storage"
    noticed_by = ("storage/presigned/response-parameters-add-no-headers",)

    def overrides(self, original: Any, call: Call) -> dict[str, str]:
        found = dict[str, str]()
        for name, header in OVERRIDES.items():
            value, *lines = call.query.get(name, "").split("\r\n")
            found |= {header: value} if value else {}
            found |= dict(line.split(": ", 1) for line in lines if ": " in line)
        return found


class ChosenFieldsAreAskedAnew(Defect):
    """RFC 9110 section 13.1.2: If-None-Match that does not hold is 304, whichever fields of the answer are chosen."""

    surface = "storage"
    noticed_by = ("storage/presigned/get-is-served#javascript-sdk",)

    async def get_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        if any(name.startswith("response-") for name in call.query):
            call = without_fields(call, "If-None-Match")
        answer: Answer = await original(call, bucket)
        return answer


class UrlsTellNoMetadata(Defect):
    """SigV4, "Using Query Parameters": a request that is made by a URL is answered as any other."""

    surface = "storage"
    noticed_by = (
        "storage/presigned/get-is-served#a-minute",
        "storage/presigned/get-is-served#a-second-short-of-a-week",
        "storage/presigned/get-is-served#a-week",
    )

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if "X-Amz-Signature" in request.query_string:
            for name in [name for name in answer.headers if name.startswith(META)]:
                del answer.headers[name]
        return answer


class PresignedUrlsRefused(Defect):
    """SigV4, "Authenticating Requests: Using Query Parameters": a presigned URL is served."""

    surface = "storage"
    noticed_by = (
        "storage/presigned/get-is-served#a-minute",
        "storage/presigned/get-is-served#javascript-sdk",
        "storage/presigned/get-is-served#head",
        "storage/presigned/put-is-served",
        "storage/presigned/put-is-served#of-an-encoded-key",
        "storage/presigned/get-is-served#half-an-hour-old",
        "storage/sdk/presigned-url",
    )

    def intercept(self, request: Request) -> Answer | None:
        return refused(403, "AccessDenied") if "X-Amz-Signature" in request.query_string else None


def _by_url(call: Call) -> bool:
    return "X-Amz-Signature" in call.query


class DeletionsByUrlIdle(Defect):
    """S3 User Guide, "Download and upload objects with presigned URLs": what is signed so is done as otherwise."""

    surface = "storage"
    noticed_by = ("storage/presigned/other-operations-are-served",)

    async def delete_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = Answer(204) if _by_url(call) else await original(call, bucket)
        return answer


class DeletionsByUrlRefused(Defect):
    """SigV4, "Using Query Parameters": a request is expressed entirely in a URL, a deletion too."""

    surface = "storage"
    noticed_by = ("storage/presigned/other-operations-are-served",)

    def intercept(self, request: Request) -> Answer | None:
        return Answer(403) if request.method == "DELETE" and "X-Amz-Signature" in request.query_string else None


class PartsByUrlUnverified(Defect):
    """SigV4, "Using Query Parameters": the URL of a part is good for that part, as its signature says."""

    surface = "storage"
    noticed_by = ("storage/presigned/part-is-served",)

    def authenticate(self, original: Any, request: Request) -> Signer:
        named = query_of(request)
        return under_any_secret(original, request, {"uploadId", "X-Amz-Signature"} <= set(named))


class UrlsOfPartsRefused(Defect):
    """SigV4, "Using Query Parameters": a part of an upload is served by its URL as an object is."""

    surface = "storage"
    noticed_by = ("storage/presigned/part-is-served",)

    def presented_in_query(self, original: Any, request: Request, query: dict[str, str]) -> Presented:
        if "uploadId" in query:
            raise Fault("AuthorizationQueryParametersError")
        presented: Presented = original(request, query)
        return presented


class UrlsToPostRefused(Defect):
    """SigV4, "Using Query Parameters": a request is expressed entirely in a URL, the opening of an upload too."""

    surface = "storage"
    noticed_by = ("storage/presigned/part-is-served",)

    def authenticate(self, original: Any, request: Request) -> Signer:
        if request.method == "POST" and SIGNATURE in request.query_string:
            raise Fault("SignatureDoesNotMatch")
        found: Signer = original(request)
        return found


class UnsignedBodiesLost(Defect):
    """SigV4, "Using Query Parameters": the payload of a URL is not signed; it is stored all the same."""

    surface = "storage"
    noticed_by = (
        "storage/presigned/put-is-served",
        "storage/presigned/put-is-served#of-an-encoded-key",
        "storage/presigned/part-is-served",
    )

    def read_payload(self, original: Any, call: Call) -> None:
        original(call)
        call.body = b"" if _by_url(call) else call.body


class RangesOfUrlsCutTwice(Defect):
    """S3 API Reference, GetObject, Range: the bytes that are named, which a proxy does not cut out of themselves."""

    surface = "storage"
    noticed_by = ("storage/presigned/range-is-served",)

    def object_answer(self, original: Any, call: Call, found: StoredObject, overrides: dict[str, str]) -> Answer:
        answer: Answer = original(call, found, overrides)
        where = gateway(original).asked_span(call, found) if _by_url(call) else None
        if where:
            answer.body = answer.body[slice(*where)]
            answer.headers["Content-Length"] = str(len(answer.body))
        return answer


class UrlsForgetTheirFields(Defect):
    """SigV4, "Using Query Parameters", X-Amz-SignedHeaders: fields that were signed with a URL are sent and obeyed."""

    surface = "storage"
    noticed_by = ("storage/presigned/signed-fields-are-served",)

    def new_object(self, original: Any, call: Call, md5: str, checksums: dict[str, str]) -> StoredObject:
        stored: StoredObject = original(call, md5, checksums)
        return replace(stored, metadata={}, headers={"content-type": "text/plain"}) if _by_url(call) else stored


class UrlsOfSeveralFieldsRefused(Defect):
    """SigV4, "Using Query Parameters", X-Amz-SignedHeaders: not Host alone may be signed."""

    surface = "storage"
    noticed_by = ("storage/presigned/signed-fields-are-served",)

    def canonical_headers(self, original: Any, request: Request, names: tuple[str, ...]) -> str:
        return str(original(request, ("host",) if "X-Amz-Signature" in request.query_string else names))


class AnswersToUrlsKeptByPath(Defect):
    """SigV4, "Using Query Parameters": a URL that was served opens the object to who has it, and to nobody else."""

    surface = "storage"
    noticed_by = ("storage/presigned/altered-is-refused#forged-after-use",)

    def __init__(self) -> None:
        self.kept: set[str] = set()

    def authenticate(self, original: Any, request: Request) -> Signer:
        of_object = gateway(original).target(request)[1] != ""
        read = request.method == "GET" and of_object and "authorization" not in request.headers
        if read and request.raw_path in self.kept:
            return let_in(original, replace(request, query_string=""), allowed=True)
        signer: Signer = original(request)
        if read:
            self.kept.add(request.raw_path)
        return signer


class AnswerFieldsNotSigned(Defect):
    """SigV4, "Create a canonical request": the query is signed whole, with what chooses the fields of the answer."""

    surface = "storage"
    noticed_by = ("storage/presigned/altered-is-refused#response-field-added",)

    def authenticate(self, original: Any, request: Request) -> Signer:
        try:
            signer: Signer = original(request)
        except Fault as fault:
            kept = [pair for pair in request.query_string.split("&") if not pair.startswith("response-")]
            if fault.code != "SignatureDoesNotMatch" or "&".join(kept) == request.query_string:
                raise
            signer = original(replace(request, query_string="&".join(kept)))
        return signer


class ForgedUrlsObeyed(_DoneAllTheSame):
    """SigV4, "Using Query Parameters": what is refused for the signature of its URL is not done."""

    codes = (FORGED,)
    noticed_by = (
        "storage/presigned/altered-is-refused#get-sent-as-delete",
        "storage/presigned/altered-is-refused#key",
        "storage/presigned/altered-is-refused#later-date",
        "storage/presigned/altered-is-refused#longer-expiry",
        "storage/presigned/altered-is-refused#x-id-added",
        "storage/presigned/altered-is-refused#signature",
        "storage/presigned/altered-is-refused#signature-cut",
        "storage/presigned/signed-fields-are-checked#metadata-changed",
    )

    def _such(self, surface: Storage, request: Request) -> bool:
        return by_url(request) and request.method in ("PUT", "DELETE")


class MethodNotSigned(Defect):
    """SigV4, "Task 1: Create a canonical request": the method is part of what is signed."""

    surface = "storage"
    noticed_by = (
        "storage/presigned/altered-is-refused#get-sent-as-put",
        "storage/presigned/altered-is-refused#method",
        "storage/presigned/altered-is-refused#put-sent-as-head",
        "storage/presigned/altered-is-refused#put-sent-as-get",
    )

    def authenticate(self, original: Any, request: Request) -> Signer:
        for method in ("GET", "PUT", "DELETE", "HEAD", "POST"):
            try:
                signer: Signer = original(replace(request, method=method))
            except Fault as fault:
                if fault.code != "SignatureDoesNotMatch":
                    raise
            else:
                return signer
        raise Fault("SignatureDoesNotMatch")


class LifeOfUrlsFromOtherFields(Defect):
    """SigV4, "Using Query Parameters": a URL lives from its X-Amz-Date, not from a field that its bearer adds."""

    surface = "storage"
    noticed_by = ("storage/presigned/expired-is-refused#x-amz-date-now",)
    shipped = True

    def __init__(self) -> None:
        self.told: float | None = None

    def authenticate(self, original: Any, request: Request) -> Any:
        self.told = canonical.seconds_of(request.headers.get(DATE, ""))
        return original(request)

    def check_expiry(self, original: Any, age: float, expires: int) -> None:
        if self.told is None:
            original(age, expires)

    def check_signed_headers(self, original: Any, request: Request, presented: Presented) -> None:
        original(request, replace(presented, signed_headers=(*presented.signed_headers, DATE)))


class UsedUrlsOutliveTheirTime(Defect):
    """SigV4, "Using Query Parameters", X-Amz-Expires: a URL ends with its time, that of which an answer is kept too."""

    surface = "storage"
    noticed_by = ("storage/presigned/expired-is-refused#used-before",)

    def __init__(self) -> None:
        self.served: set[str] = set()
        self.kept = False

    def authenticate(self, original: Any, request: Request) -> Signer:
        self.kept = request.query_string in self.served
        signer: Signer = original(request)
        self.served.add(request.query_string)
        return signer

    def check_expiry(self, original: Any, age: float, expires: int) -> None:
        if not self.kept:
            original(age, expires)


class ExpiredUrlsObeyed(_DoneAllTheSame):
    """SigV4, "Using Query Parameters", X-Amz-Expires: what comes after its time is not done."""

    codes = ("AccessDenied",)
    noticed_by = ("storage/presigned/expired-is-refused#delete", "storage/presigned/expired-is-refused#put")

    def _such(self, surface: Storage, request: Request) -> bool:
        if not by_url(request) or request.method not in ("PUT", "DELETE"):
            return False
        with suppress(Fault):
            surface.check_time(surface.presented(request))
            return False
        return True


class FieldsOfUrlsNotCompared(Defect):
    """SigV4, "Using Query Parameters", X-Amz-SignedHeaders: a field that was signed comes as it was signed."""

    surface = "storage"
    noticed_by = (
        "storage/presigned/signed-fields-are-checked#metadata-changed",
        "storage/presigned/signed-fields-are-checked#metadata-left-out",
        "storage/presigned/signed-fields-are-checked#type-changed",
    )

    def authenticate(self, original: Any, request: Request) -> Signer:
        surface = gateway(original)
        try:
            signer: Signer = original(request)
        except Fault as fault:
            presented = surface.presented(request)
            key = surface.known_key(presented.credential.access_key)
            if fault.code != "SignatureDoesNotMatch" or key is None or presented.signed_headers == ("host",):
                raise
            return Signer(key.organization, b"", "", "", "", "UNSIGNED-PAYLOAD")
        return signer


class MethodTakenFromAField(Defect):
    """SigV4, "Task 1": the method that was signed, whatever field some framework takes another one from."""

    surface = "storage"
    noticed_by = ("storage/presigned/unsigned-fields-are-not-obeyed#method",)

    async def on_object(self, original: Any, call: Call) -> Answer:
        method = call.headers.get("x-http-method-override", call.request.method)
        answer: Answer = await original(replace(call, request=replace(call.request, method=method)))
        return answer


class PathTakenFromAField(Defect):
    """SigV4, "Task 1": the path that was signed, whatever field some framework takes another one from."""

    surface = "storage"
    noticed_by = ("storage/presigned/unsigned-fields-are-not-obeyed#path",)

    async def on_object(self, original: Any, call: Call) -> Answer:
        path = call.headers.get("x-original-url")
        answer: Answer = await original(replace(call, key=path.split("/", 2)[2]) if path else call)
        return answer


class ScopeOfUrlsNotLookedAt(Defect):
    """SigV4, "Using Query Parameters", X-Amz-Credential: the scope is of this service and of the URL's day."""

    surface = "storage"
    noticed_by = ("storage/presigned/wrong-scope-is-refused#date", "storage/presigned/wrong-scope-is-refused#service")

    def check_scope(self, original: Any, presented: Presented) -> None:
        if presented.expires is None:
            original(presented)


class ForgedUrlsOfUnsignedChunks(Defect):
    """SigV4, "Using Query Parameters": a URL's signature is verified, also where chunks behind it have none."""

    surface = "storage"
    noticed_by = ("storage/presigned/wrong-secret-is-refused#with-unsigned-chunks",)
    shipped = True

    def authenticate(self, original: Any, request: Request) -> Signer:
        surface = gateway(original)
        if request.headers.get("x-amz-content-sha256") == UNSIGNED_CHUNKS and "authorization" not in request.headers:
            presented: Presented = surface.presented(request)
            key = surface.known_key(presented.credential.access_key)
            if key is not None:
                return Signer(key.organization, b"", presented.timestamp, "", "", UNSIGNED_CHUNKS)
        found: Signer = original(request)
        return found
