"""Defects of authentication.

They break these promises:

- Unsigned and wrongly signed requests are rejected.
- Responses are well-formed HTTP (RFC 9110, RFC 9112).
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from typing import Any, ClassVar

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.storage import Storage, canonical
from conformance.reference.storage.authentication import Presented
from conformance.reference.storage.call import Call, Signer, query_of
from conformance.reference.storage.conditions import Conditions
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.state import Bucket, StoredObject, Upload
from conformance.reference.support.storage import gateway, server_error
from tests.defects.rows import row
from tests.defects.support.storage import (
    FORGED,
    _DoneAllTheSame,
    _DoneBeforeItIsRefused,
    by_url,
    let_in,
    sent_in_chunks,
    under_any_secret,
)

ROWS = (
    row(
        "revoked-access-key-still-works",
        "Credentials & Webhooks: revocation of an access key is immediate.",
        "storage/signature/revocation-is-immediate",
        in_force=lambda original, key: True,
    ),
)


class CompletedUploadTakesParts(Defect):
    """S3 API Reference, NoSuchUpload: a completed upload takes no more parts."""

    surface = "storage"
    noticed_by = ("storage/multipart/completed-upload-is-closed",)

    def __init__(self) -> None:
        self.completed_ids: set[str] = set()

    async def finish(
        self, original: Any, bucket: Bucket, upload: Upload, stored: StoredObject, asked: Conditions
    ) -> None:
        await original(bucket, upload, stored, asked)
        self.completed_ids.add(upload.upload_id)

    async def upload_part(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        if call.query.get("uploadId") in self.completed_ids:
            return gateway(original).stored_answer(hashlib.md5(call.body).hexdigest(), {})
        answer: Answer = await original(call, bucket)
        return answer


class LateAbortionDeletes(CompletedUploadTakesParts):
    """S3 API Reference, AbortMultipartUpload: of a completed upload there is nothing to abort, least its object."""

    noticed_by = ("storage/multipart/completed-upload-is-closed",)

    async def upload_part(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = await original(call, bucket)
        return answer

    async def abort_upload(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        if call.query.get("uploadId") in self.completed_ids:
            bucket.remove(call.key)
        answer: Answer = await original(call, bucket)
        return answer


class PartsListedAfterCompletion(Defect):
    """S3 API Reference, NoSuchUpload: an upload that was completed is none any more, and has no parts to list."""

    surface = "storage"
    noticed_by = ("storage/multipart/completed-upload-is-closed",)

    def __init__(self) -> None:
        self.completed: dict[str, Upload] = {}

    async def finish(
        self, original: Any, bucket: Bucket, upload: Upload, stored: StoredObject, asked: Conditions
    ) -> None:
        await original(bucket, upload, stored, asked)
        self.completed[upload.upload_id] = upload

    async def list_parts(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        upload_id = call.query["uploadId"]
        completed = self.completed.get(upload_id)
        if completed is None or upload_id in bucket.uploads:
            answer: Answer = await original(call, bucket)
            return answer
        bucket.uploads[upload_id] = completed
        try:
            listed: Answer = await original(call, bucket)
        finally:
            del bucket.uploads[upload_id]
        return listed


class StrangersObeyed(_DoneAllTheSame):
    """Provisioning Storage: without the organization's access key nothing is written or deleted, whatever is told."""

    codes = ("AccessDenied",)
    noticed_by = (
        "storage/signature/every-operation-is-closed#delete",
        "storage/signature/every-operation-is-closed#put",
        "storage/signature/altered-request-is-refused#unsigned-chunks-without-signature",
    )

    def _such(self, surface: Storage, request: Request) -> bool:
        return "authorization" not in request.headers and not by_url(request)


class AnonymousObjectRead(Defect):
    """Provisioning Storage: objects are reached with the organization's access key, not without."""

    surface = "storage"
    noticed_by = (
        "storage/signature/every-operation-is-closed#get",
        "storage/signature/every-operation-is-closed#head",
        "storage/errors/code-access-denied",
    )

    def authenticate(self, original: Any, request: Request) -> Signer:
        allowed = request.method in ("GET", "HEAD") and gateway(original).target(request)[1] != ""
        return let_in(original, request, allowed)


class StrangersToldOfNothing(Defect):
    """S3 API Reference, AccessDenied: who has no signature is told that, and not that there is nothing."""

    surface = "storage"
    noticed_by = (
        "storage/signature/every-operation-is-closed#open-upload",
        "storage/signature/every-operation-is-closed#list",
        "storage/signature/refusal-reveals-no-objects#delete",
        "storage/signature/refusal-reveals-no-objects#if-match",
        "storage/signature/refusal-reveals-no-objects#if-none-match",
    )

    def anonymous(self, original: Any) -> Fault:
        return Fault("NoSuchKey")


class StrangersReadAccessLists(Defect):
    """Provisioning Storage: who may do what is told to who has the organization's access key."""

    surface = "storage"
    noticed_by = (
        "storage/signature/every-operation-is-closed#bucket-acl",
        "storage/signature/every-operation-is-closed#object-acl",
    )

    async def answered(self, original: Any, request: Request) -> Answer:
        surface = gateway(original)
        if request.method == "GET" and "acl" in query_of(request) and surface.target(request)[0] in surface.buckets:
            return surface.document("AccessControlPolicy")
        given: Answer = await original(request)
        return given


class DoneBeforeItsSignatureIsSeen(_DoneBeforeItIsRefused):
    """SigV4, "Authenticating requests": what a stranger asks for is refused before it is done, and not behind it."""

    surface = "storage"
    noticed_by: ClassVar[tuple[str, ...]] = (
        "storage/signature/every-operation-is-closed#copy",
        "storage/signature/every-operation-is-closed#delete-many",
        "storage/signature/every-upload-is-closed#abort",
        "storage/signature/every-upload-is-closed#complete",
        "storage/signature/every-upload-is-closed#copy-part",
        "storage/signature/every-upload-is-closed#put-part",
        "storage/signature/every-upload-is-closed#unsigned-chunks",
    )
    codes = ("AccessDenied", "SignatureDoesNotMatch")


class StrangersReadTags(Defect):
    """Provisioning Storage: an object's tags are read with the organization's access key, as the object is."""

    surface = "storage"
    noticed_by = ("storage/signature/every-operation-is-closed#get-tags",)

    def authenticate(self, original: Any, request: Request) -> Signer:
        return let_in(original, request, request.method == "GET" and "tagging" in query_of(request))


class StrangersReadParts(Defect):
    """S3 API Reference, GetObject: who asks for a range of an object must be allowed to read it."""

    surface = "storage"
    noticed_by = ("storage/signature/every-operation-is-closed#range",)

    def authenticate(self, original: Any, request: Request) -> Signer:
        return let_in(original, request, request.method == "GET" and "range" in request.headers)


class StrangersListTheOldWay(Defect):
    """S3 API Reference, ListObjects: the first version of the listing is as closed as the second."""

    surface = "storage"
    noticed_by = ("storage/signature/every-operation-is-closed#list-v1",)

    def authenticate(self, original: Any, request: Request) -> Signer:
        listing = request.method == "GET" and gateway(original).target(request)[1] == ""
        return let_in(original, request, listing and not {"list-type", "uploads", "location"} & set(query_of(request)))


class StrangersSeeUploads(Defect):
    """Provisioning Storage: what is under way to a bucket is told to who has the organization's access key."""

    surface = "storage"
    noticed_by = (
        "storage/signature/every-operation-is-closed#list-uploads",
        "storage/signature/every-upload-is-closed#list-parts",
    )

    def authenticate(self, original: Any, request: Request) -> Signer:
        asked = {"uploads", "uploadId"} & set(query_of(request))
        return let_in(original, request, request.method == "GET" and bool(asked))


class StrangersFindBuckets(Defect):
    """S3 API Reference, HeadBucket: 200 where the bucket exists and the caller may use it, and a stranger may not."""

    surface = "storage"
    noticed_by = ("storage/signature/every-operation-is-closed#head-bucket",)

    def authenticate(self, original: Any, request: Request) -> Signer:
        if request.method == "HEAD" and request.raw_path.count("/") == 1 and "authorization" not in request.headers:
            key = next(iter(gateway(original).access_keys.values()))
            return Signer(key.organization, b"", "", "", "", "UNSIGNED-PAYLOAD")
        signer: Signer = original(request)
        return signer


class UploadOpenedUnderAnySecret(Defect):
    """SigV4, "Signature Calculations": an upload is opened by who can sign, as an object is put."""

    surface = "storage"
    noticed_by = ("storage/signature/every-operation-is-closed#open-upload",)

    def authenticate(self, original: Any, request: Request) -> Signer:
        return under_any_secret(original, request, request.method == "POST" and "uploads" in query_of(request))


class ForgedPartsOfUnsignedChunks(Defect):
    """SigV4, "Signature Calculations": a part's request is signed, also where the chunks behind it are not."""

    surface = "storage"
    noticed_by = ("storage/signature/every-upload-is-closed#unsigned-chunks",)

    def authenticate(self, original: Any, request: Request) -> Signer:
        unsigned = request.headers.get("x-amz-content-sha256") == "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
        if not unsigned or "uploadId" not in query_of(request):
            signer: Signer = original(request)
            return signer
        presented = gateway(original).presented(request)
        key = gateway(original).known_key(presented.credential.access_key)
        if key is None:
            raise Fault("InvalidAccessKeyId")
        return Signer(key.organization, b"", presented.timestamp, "", "", presented.payload_hash)


class FormsToldAsTaken(Defect):
    """S3 API Reference, POST Object: a form that no policy permits is refused, and not told as if it were stored."""

    surface = "storage"
    noticed_by = (
        "storage/signature/form-without-permission-is-refused#other-bucket",
        "storage/signature/form-without-permission-is-refused#too-many-bytes-required",
        "storage/signature/form-without-permission-is-refused#field-without-condition",
        "storage/signature/form-without-permission-is-refused#one-of-two-ranges",
        "storage/signature/form-without-permission-is-refused#no-expiration",
        "storage/signature/form-without-permission-is-refused#other-keys",
        "storage/signature/form-without-permission-is-refused#field-value-in-other-case",
        "storage/signature/form-without-permission-is-refused#no-policy",
        "storage/signature/form-without-permission-is-refused#wrong-secret",
        "storage/signature/form-without-permission-is-refused#too-few-bytes-permitted",
        "storage/signature/form-without-permission-is-refused#expired",
    )

    def intercept(self, request: Request) -> Answer | None:
        form = request.headers.get("content-type", "").startswith("multipart/form-data")
        return Answer(204) if form and request.method == "POST" else None


class MalformedAuthorizationsObeyed(_DoneAllTheSame):
    """S3 API Reference, AuthorizationHeaderMalformed: what cannot be read opens nothing, whatever is told of it."""

    codes = ("AuthorizationHeaderMalformed", "InvalidRequest", "InvalidArgument", "AccessDenied")
    noticed_by = (
        "storage/signature/malformed-authorization-is-refused#asymmetric",
        "storage/signature/malformed-authorization-is-refused#basic",
        "storage/signature/malformed-authorization-is-refused#bearer",
        "storage/signature/malformed-authorization-is-refused#empty",
        "storage/signature/malformed-authorization-is-refused#empty-signature",
        "storage/signature/malformed-authorization-is-refused#no-credential",
        "storage/signature/malformed-authorization-is-refused#no-date",
        "storage/signature/malformed-authorization-is-refused#no-signature",
        "storage/signature/malformed-authorization-is-refused#no-signed-headers",
        "storage/signature/malformed-authorization-is-refused#other-scheme",
        "storage/signature/malformed-authorization-is-refused#scheme-only",
        "storage/signature/malformed-authorization-is-refused#short-scope",
        "storage/signature/malformed-authorization-is-refused#version-2",
        "storage/signature/malformed-authorization-is-refused#version-2-in-query",
    )

    def _such(self, surface: Storage, request: Request) -> bool:
        if "authorization" not in request.headers and "AWSAccessKeyId" not in request.query_string:
            return False
        with suppress(Fault):
            return not surface.presented(request)
        return True


class ImpossibleDateCrash(Defect):
    """SigV4, "Authorization header", x-amz-date: digits in the right places that are no date are the caller's fault."""

    surface = "storage"
    noticed_by = ("storage/signature/malformed-authorization-is-refused#broken-date",)

    def check_time(self, original: Any, presented: Presented) -> None:
        if canonical.seconds_of(presented.timestamp) is None:
            raise server_error()
        original(presented)


class WrongSignaturesAreUnauthorized(Defect):
    """S3 API Reference, Error responses: SignatureDoesNotMatch and InvalidAccessKeyId are 403."""

    surface = "storage"
    noticed_by = ("storage/signature/refusal-is-403#unknown-key", "storage/signature/refusal-is-403#wrong-secret")

    def authenticate(self, original: Any, request: Request) -> Signer:
        try:
            signer: Signer = original(request)
        except Fault as found:
            found.status = 401 if found.status == 403 else found.status
            raise
        return signer


class MissingToldBeforeTheSignature(Defect):
    """S3 API Reference, GetObject: whether an object exists is told to those alone who may know."""

    surface = "storage"
    noticed_by = (
        "storage/signature/refusal-reveals-no-objects#get",
        "storage/signature/refusal-reveals-no-objects#head",
    )

    def authenticate(self, original: Any, request: Request) -> Signer:
        surface = gateway(original)
        bucket, key = surface.target(request)
        held = surface.buckets.get(bucket)
        if request.method in ("GET", "HEAD") and key and held is not None and key not in held.objects:
            raise Fault("NoSuchKey")
        signer: Signer = original(request)
        return signer


class UnknownKeysObeyed(_DoneAllTheSame):
    """S3 API Reference, InvalidAccessKeyId: who is not known writes and deletes nothing, whatever he is told."""

    codes = ("InvalidAccessKeyId",)
    noticed_by = ("storage/signature/unknown-key-is-refused#delete", "storage/signature/unknown-key-is-refused#put")


class UnknownAccessKeyIsServerError(Defect):
    """S3 API Reference, InvalidAccessKeyId: 403 for a key that is not known."""

    surface = "storage"
    noticed_by = (
        "storage/signature/unknown-key-is-refused#by-url",
        "storage/signature/unknown-key-is-refused#by-url-with-empty-secret",
        "storage/signature/unknown-key-is-refused#get",
        "storage/signature/unknown-key-is-refused#similar-to-an-issued-one",
    )

    def authenticate(self, original: Any, request: Request) -> Signer:
        try:
            signer: Signer = original(request)
        except Fault as fault:
            raise (server_error() if fault.code == "InvalidAccessKeyId" else fault) from None
        return signer


class TwoSignaturesUnseen(Defect):
    """Error responses, InvalidArgument: only one way of signing is allowed; here each guard leaves it to the other."""

    surface = "storage"
    noticed_by = ("storage/signature/wrong-secret-is-refused#by-field-and-by-url",)

    def authenticate(self, original: Any, request: Request) -> Signer:
        bucket = gateway(original).buckets.get(gateway(original).target(request)[0])
        both = "authorization" in request.headers and "X-Amz-Signature" in query_of(request)
        if both and bucket is not None:
            return Signer(bucket.organization, b"", "", "", "", "UNSIGNED-PAYLOAD")
        signer: Signer = original(request)
        return signer


class ForgedWritesDone(_DoneAllTheSame):
    """SigV4, "Signature Calculations": what is refused for its signature is not done while that was computed."""

    codes = (FORGED,)
    noticed_by = (
        "storage/signature/wrong-secret-is-refused#delete",
        "storage/signature/wrong-secret-is-refused#put",
        "storage/signature/altered-request-is-refused#content-type-changed",
        "storage/signature/altered-request-is-refused#date",
        "storage/signature/altered-request-is-refused#method",
        "storage/signature/altered-request-is-refused#path",
        "storage/signature/altered-request-is-refused#payload-declared-unsigned",
        "storage/signature/altered-request-is-refused#query-added",
        "storage/signature/altered-request-is-refused#signature",
        "storage/signature/altered-request-is-refused#signature-cut",
        "storage/signature/altered-request-is-refused#signed-header-changed",
        "storage/signature/altered-request-is-refused#signed-header-removed",
        "storage/signature/altered-request-is-refused#signed-header-repeated",
        "storage/signature/any-altered-component-is-refused",
        "storage/signature/altered-request-is-refused#signature-of-another-request",
    )

    def _such(self, surface: Storage, request: Request) -> bool:
        return not by_url(request) and not sent_in_chunks(request) and request.method in ("PUT", "DELETE")


class SignatureOfReadsIgnored(Defect):
    """SigV4, "Signature Calculations": a read whose signature does not match is refused like a write."""

    surface = "storage"
    noticed_by = ("storage/signature/wrong-secret-is-refused#get", "storage/presigned/wrong-secret-is-refused")

    def authenticate(self, original: Any, request: Request) -> Signer:
        surface = gateway(original)
        try:
            signer: Signer = original(request)
        except Fault as fault:
            if fault.code != "SignatureDoesNotMatch" or request.method not in ("GET", "HEAD"):
                raise
            key = surface.known_key(surface.presented(request).credential.access_key)
            return Signer(key.organization if key else "", b"", "", "", "", "UNSIGNED-PAYLOAD")
        return signer


class StoredBehindItsContinue(DoneBeforeItsSignatureIsSeen):
    """RFC 9110 section 10.1.1: who may not write is refused before the body, and the body is not stored."""

    surface = "storage"
    noticed_by = (
        "storage/object/refusal-comes-before-the-body#unknown-key",
        "storage/object/refusal-comes-before-the-body#wrong-secret",
    )

    async def refused_early(self, original: Any, request: Request) -> Answer | None:
        return None
