"""Defects of authentication.

They break these promises:

- Unsigned and wrongly signed requests are rejected.
- Responses are well-formed HTTP (RFC 9110, RFC 9112).
"""

from __future__ import annotations

import hashlib
from typing import Any, ClassVar

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.one_method import defect, row
from conformance.reference.storage import Storage, canonical
from conformance.reference.storage.call import Call, Signer, query_of
from conformance.reference.storage.conditions import Conditions
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.state import Bucket, Upload
from conformance.reference.support.storage import gateway, server_error
from tests.defects.support.storage import (
    FORGED,
    _DoneBeforeItIsRefused,
    by_url,
    done_though_refused,
    failing,
    let_in,
    refuses,
    sent_in_chunks,
)


def _is_malformed(surface: Storage, request: Request) -> bool:
    signed = "authorization" in request.headers or "AWSAccessKeyId" in request.query_string
    return signed and refuses(surface.presented, request)


ROWS = (
    row(
        "revoked-access-key-still-works",
        "Credentials & Webhooks: a revoked access key still works.",
        "storage/signature/revocation-is-immediate",
        in_force=lambda original, key: True,
    ),
    row(
        "impossible-date-crash",
        'SigV4, "Authorization header", x-amz-date: an x-amz-date that is no calendar date is answered with a 5xx.',
        "storage/signature/malformed-authorization-is-refused#broken-date",
        check_time=failing(lambda presented: canonical.seconds_of(presented.timestamp) is None),
    ),
    row(
        "unsigned-requests-accepted",
        "Provisioning Storage: an unsigned write or deletion is refused, but done.",
        "storage/signature/every-operation-requires-a-signature#delete,put",
        "storage/signature/altered-request-is-refused#unsigned-chunks-without-signature",
        answered=done_though_refused(
            "AccessDenied", when=lambda surface, request: "authorization" not in request.headers and not by_url(request)
        ),
    ),
    row(
        "malformed-authorizations-obeyed",
        "S3 API Reference, AuthorizationHeaderMalformed: a write with a malformed Authorization is refused, but done.",
        "storage/signature/malformed-authorization-is-refused#asymmetric,basic,bearer,empty,empty-signature",
        "storage/signature/malformed-authorization-is-refused#no-credential,no-date,no-signature,no-signed-headers",
        "storage/signature/malformed-authorization-is-refused#other-scheme,scheme-only,short-scope,version-2",
        "storage/signature/malformed-authorization-is-refused#version-2-in-query",
        answered=done_though_refused(
            "AuthorizationHeaderMalformed", "InvalidRequest", "InvalidArgument", "AccessDenied", when=_is_malformed
        ),
    ),
    row(
        "unknown-keys-obeyed",
        "S3 API Reference, InvalidAccessKeyId: a write with an unknown access key is refused, but done.",
        "storage/signature/unknown-key-is-refused#delete,put",
        answered=done_though_refused("InvalidAccessKeyId"),
    ),
    row(
        "forged-writes-done",
        'SigV4, "Signature Calculations": a write with a wrong signature is refused, but done.',
        "storage/signature/wrong-secret-is-refused#delete,put",
        "storage/signature/altered-request-is-refused#content-type-changed,date,method,path,payload-declared-unsigned",
        "storage/signature/altered-request-is-refused#query-added,signature,signature-cut,signed-header-changed",
        "storage/signature/altered-request-is-refused#signed-header-removed,signed-header-repeated",
        "storage/signature/altered-request-is-refused#signature-of-another-request",
        "storage/signature/any-altered-component-is-refused",
        answered=done_though_refused(
            FORGED,
            when=lambda surface, request: (
                not by_url(request) and not sent_in_chunks(request) and request.method in ("PUT", "DELETE")
            ),
        ),
    ),
)


class CompletedUploadDeletesParts(Defect):
    """S3 API Reference, NoSuchUpload: a part sent to a completed upload is refused, but deletes the object."""

    noticed_by = ("storage/multipart/completed-upload-is-closed",)
    completed_ids: set[str] = set()

    async def finish(self, original: Any, bucket: Bucket, upload: Upload, stored: Any, conditions: Conditions) -> None:
        await original(bucket, upload, stored, conditions)
        self.completed_ids.add(upload.upload_id)

    async def upload_part(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        if call.query.get("uploadId") in self.completed_ids:
            return gateway(original).stored_answer(hashlib.md5(call.body).hexdigest(), {})
        return await original(call, bucket)


class LateAbortionDeletes(CompletedUploadDeletesParts):
    """S3 API Reference, AbortMultipartUpload: aborting a completed upload deletes its object."""

    noticed_by = ("storage/multipart/completed-upload-is-closed",)

    async def upload_part(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        return await original(call, bucket)

    async def abort_upload(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        if call.query.get("uploadId") in self.completed_ids:
            bucket.remove(call.key)
        return await original(call, bucket)


class PartsListedAfterCompletion(Defect):
    """S3 API Reference, NoSuchUpload: the parts of a completed upload are still listed."""

    noticed_by = ("storage/multipart/completed-upload-is-closed",)
    completed: dict[str, Upload] = {}

    async def finish(self, original: Any, bucket: Bucket, upload: Upload, stored: Any, conditions: Conditions) -> None:
        await original(bucket, upload, stored, conditions)
        self.completed[upload.upload_id] = upload

    async def list_parts(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        upload_id = call.query["uploadId"]
        completed = self.completed.get(upload_id)
        if completed is None or upload_id in bucket.uploads:
            return await original(call, bucket)
        bucket.uploads[upload_id] = completed
        try:
            listed: Answer = await original(call, bucket)
        finally:
            del bucket.uploads[upload_id]
        return listed


@defect("storage/signature/every-operation-requires-a-signature#get,head", "storage/errors/code-access-denied")
def anonymous_object_read(authenticate: Any, request: Request) -> Signer:
    """Provisioning Storage: an unauthenticated client can read objects."""
    allowed = request.method in ("GET", "HEAD") and gateway(authenticate).target(request)[1] != ""
    return let_in(authenticate, request, allowed)


@defect(
    "storage/signature/every-operation-requires-a-signature#open-upload,list",
    "storage/signature/refusal-reveals-no-objects#delete,if-match,if-none-match",
)
def anonymous_clients_get_404(anonymous: Any) -> Fault:
    """S3 API Reference, AccessDenied: an unauthenticated client gets 404 instead of 403."""
    return Fault("NoSuchKey")


@defect("storage/signature/every-operation-requires-a-signature#bucket-acl,object-acl")
async def anonymous_clients_read_access_lists(answered: Any, request: Request) -> Answer:
    """Provisioning Storage: an unauthenticated client can read access control lists."""
    surface = gateway(answered)
    if request.method == "GET" and "acl" in query_of(request) and surface.target(request)[0] in surface.buckets:
        return surface.document("AccessControlPolicy")
    return await answered(request)


class DoneBeforeItsSignatureIsSeen(_DoneBeforeItIsRefused):
    """SigV4, "Authenticating requests": an unauthenticated request is refused after it has been done."""

    noticed_by: ClassVar[tuple[str, ...]] = (
        "storage/signature/every-operation-requires-a-signature#copy,delete-many",
        "storage/signature/multipart-requires-a-signature#abort,complete,copy-part,put-part,unsigned-chunks",
    )
    codes = ("AccessDenied", "SignatureDoesNotMatch")


@defect("storage/signature/every-operation-requires-a-signature#get-tags")
def anonymous_clients_read_tags(authenticate: Any, request: Request) -> Signer:
    """Provisioning Storage: an unauthenticated client can read an object's tags."""
    return let_in(authenticate, request, request.method == "GET" and "tagging" in query_of(request))


@defect("storage/signature/every-operation-requires-a-signature#range")
def anonymous_clients_read_parts(authenticate: Any, request: Request) -> Signer:
    """S3 API Reference, GetObject: an unauthenticated client can read a range of an object."""
    return let_in(authenticate, request, request.method == "GET" and "range" in request.headers)


@defect("storage/signature/every-operation-requires-a-signature#list-v1")
def anonymous_clients_list_the_old_way(authenticate: Any, request: Request) -> Signer:
    """S3 API Reference, ListObjects: an unauthenticated client can list a bucket with version 1 of the API."""
    listing = request.method == "GET" and gateway(authenticate).target(request)[1] == ""
    return let_in(authenticate, request, listing and not {"list-type", "uploads", "location"} & set(query_of(request)))


@defect(
    "storage/signature/every-operation-requires-a-signature#list-uploads",
    "storage/signature/multipart-requires-a-signature#list-parts",
)
def anonymous_clients_see_uploads(authenticate: Any, request: Request) -> Signer:
    """Provisioning Storage: an unauthenticated client can list the uploads of a bucket."""
    listed = {"uploads", "uploadId"} & set(query_of(request))
    return let_in(authenticate, request, request.method == "GET" and bool(listed))


@defect("storage/signature/every-operation-requires-a-signature#head-bucket")
def anonymous_clients_find_buckets(authenticate: Any, request: Request) -> Signer:
    """S3 API Reference, HeadBucket: an unauthenticated HEAD of an existing bucket is answered with 200."""
    if request.method == "HEAD" and request.raw_path.count("/") == 1 and "authorization" not in request.headers:
        key = next(iter(gateway(authenticate).access_keys.values()))
        return Signer(key.organization, b"", "", "", "", "UNSIGNED-PAYLOAD")
    return authenticate(request)


@defect("storage/signature/multipart-requires-a-signature#unsigned-chunks")
def forged_parts_of_unsigned_chunks(authenticate: Any, request: Request) -> Signer:
    """SigV4, "Signature Calculations": the signature of a part in unsigned chunks is not verified."""
    unsigned = request.headers.get("x-amz-content-sha256") == "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
    if not unsigned or "uploadId" not in query_of(request):
        return authenticate(request)
    presented = gateway(authenticate).presented(request)
    key = gateway(authenticate).known_key(presented.credential.access_key)
    if key is None:
        raise Fault("InvalidAccessKeyId")
    return Signer(key.organization, b"", presented.timestamp, "", "", presented.payload_hash)


@defect(
    "storage/signature/form-without-permission-is-refused#other-bucket,too-many-bytes-required",
    "storage/signature/form-without-permission-is-refused#field-without-condition,one-of-two-ranges,no-expiration",
    "storage/signature/form-without-permission-is-refused#other-keys,field-value-in-other-case,no-policy",
    "storage/signature/form-without-permission-is-refused#wrong-secret,too-few-bytes-permitted,expired",
)
def refused_forms_reported_as_stored(request: Request) -> Answer | None:
    """S3 API Reference, POST Object: a form that its policy does not permit is reported as stored."""
    form = request.headers.get("content-type", "").startswith("multipart/form-data")
    return Answer(204) if form and request.method == "POST" else None


@defect("storage/signature/refusal-is-403#unknown-key,wrong-secret")
def wrong_signatures_are_unauthorized(authenticate: Any, request: Request) -> Signer:
    """S3 API Reference, Error responses: a wrong signature or access key is answered with 401 instead of 403."""
    try:
        return authenticate(request)
    except Fault as found:
        found.status = 401 if found.status == 403 else found.status
        raise


@defect("storage/signature/refusal-reveals-no-objects#get,head")
def missing_object_reported_before_the_signature(authenticate: Any, request: Request) -> Signer:
    """S3 API Reference, GetObject: 404 is answered before the signature is verified."""
    surface = gateway(authenticate)
    bucket, key = surface.target(request)
    held = surface.buckets.get(bucket)
    if request.method in ("GET", "HEAD") and key and held is not None and key not in held.objects:
        raise Fault("NoSuchKey")
    return authenticate(request)


@defect("storage/signature/unknown-key-is-refused#by-url,by-url-with-empty-secret,get,similar-to-an-issued-one")
def unknown_access_key_is_server_error(authenticate: Any, request: Request) -> Signer:
    """S3 API Reference, InvalidAccessKeyId: an unknown access key is answered with a 5xx."""
    try:
        return authenticate(request)
    except Fault as fault:
        raise (server_error() if fault.code == "InvalidAccessKeyId" else fault) from None


@defect("storage/signature/wrong-secret-is-refused#by-field-and-by-url")
def two_signatures_unseen(authenticate: Any, request: Request) -> Signer:
    """Error responses, InvalidArgument: a request signed both ways is accepted without verification."""
    bucket = gateway(authenticate).buckets.get(gateway(authenticate).target(request)[0])
    both = "authorization" in request.headers and "X-Amz-Signature" in query_of(request)
    if both and bucket is not None:
        return Signer(bucket.organization, b"", "", "", "", "UNSIGNED-PAYLOAD")
    return authenticate(request)


@defect("storage/signature/wrong-secret-is-refused#get", "storage/presigned/wrong-secret-is-refused")
def signature_of_reads_ignored(authenticate: Any, request: Request) -> Signer:
    """SigV4, "Signature Calculations": the signature of a read is not verified."""
    surface = gateway(authenticate)
    try:
        return authenticate(request)
    except Fault as fault:
        if fault.code != "SignatureDoesNotMatch" or request.method not in ("GET", "HEAD"):
            raise
        key = surface.known_key(surface.presented(request).credential.access_key)
        return Signer(key.organization if key else "", b"", "", "", "", "UNSIGNED-PAYLOAD")


class StoredAfterItsContinue(DoneBeforeItsSignatureIsSeen):
    """RFC 9110 section 10.1.1: a refused upload that waits for 100 (Continue) is stored."""

    noticed_by = ("storage/object/refusal-comes-before-the-body#unknown-key,wrong-secret",)

    async def refused_early(self, original: Any, request: Request) -> Answer | None:
        return None
