"""Variants of the S3 gateway in who may do what: other codes for refusals, other answers about buckets."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from conformance.reference.defects.base import Variant
from conformance.reference.defects.storage.support import gateway
from conformance.reference.http import Answer, Request
from conformance.reference.storage.authentication import Presented
from conformance.reference.storage.call import Call, Signer
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.state import Bucket

KNOWN_FIELDS = (
    "x-amz-acl",
    "x-amz-checksum-",
    "x-amz-content-sha256",
    "x-amz-copy-source",
    "x-amz-date",
    "x-amz-decoded-content-length",
    "x-amz-meta-",
    "x-amz-metadata-directive",
    "x-amz-sdk-checksum-algorithm",
    "x-amz-storage-class",
    "x-amz-tagging",
    "x-amz-trailer",
    "x-amz-user-agent",
)


def fault(code: str, status: int, message: str = "Refused.") -> Fault:
    """A refusal by a code that the clean gateway does not use, or with another status."""
    made = Fault("InvalidRequest", message)
    made.code, made.status = code, status
    return made


def signer_otherwise(original: Any, request: Request, codes: dict[str, str]) -> Signer:
    """Who signed, refusals told by other codes."""
    try:
        signer: Signer = original(request)
    except Fault as refusal:
        raise Fault(codes.get(refusal.code, refusal.code)) from None
    return signer


class BadCredentialsAccessDenied(Variant):
    """Unknown keys and wrong signatures are both AccessDenied, so that neither tells of the other."""

    surface = "storage"

    def authenticate(self, original: Any, request: Request) -> Signer:
        return signer_otherwise(
            original,
            request,
            {
                "InvalidAccessKeyId": "AccessDenied",
                "SignatureDoesNotMatch": "AccessDenied",
            },
        )


class UnknownKeySignatureDoesNotMatch(Variant):
    """An unknown key is told like a wrong secret."""

    surface = "storage"

    def authenticate(self, original: Any, request: Request) -> Signer:
        return signer_otherwise(
            original,
            request,
            {
                "InvalidAccessKeyId": "SignatureDoesNotMatch",
            },
        )


class SkewToldAsAccessDenied(Variant):
    """A clock that is off is AccessDenied; the status is the same."""

    surface = "storage"

    def authenticate(self, original: Any, request: Request) -> Signer:
        return signer_otherwise(
            original,
            request,
            {
                "RequestTimeTooSkewed": "AccessDenied",
            },
        )


class MalformedAuthorizationForbidden(Variant):
    """An Authorization header that cannot be read is 403 AccessDenied."""

    surface = "storage"

    def authenticate(self, original: Any, request: Request) -> Signer:
        return signer_otherwise(
            original,
            request,
            {
                "AuthorizationHeaderMalformed": "AccessDenied",
                "InvalidArgument": "AccessDenied",
                "AuthorizationQueryParametersError": "AccessDenied",
            },
        )


class PayloadMismatchBadDigest(Variant):
    """Other bytes than those signed are told as BadDigest."""

    surface = "storage"

    def read_payload(self, original: Any, call: Call) -> None:
        try:
            original(call)
        except Fault as refusal:
            raise (Fault("BadDigest") if refusal.code == "XAmzContentSHA256Mismatch" else refusal) from None


class AnyRegionAccepted(Variant):
    """The region in the scope is whatever the caller signed with: this endpoint knows only itself."""

    surface = "storage"

    def check_region(self, original: Any, presented: Presented) -> None:
        return None


class SmallChunksAccepted(Variant):
    """Signed chunks may be of any size."""

    surface = "storage"

    def check_chunk_sizes(self, original: Any, sizes: list[int], signed: bool) -> None:
        return None


class BucketsNotOwnAccessDenied(Variant):
    """Foreign and absent buckets are both 403 AccessDenied: concealed, too."""

    surface = "storage"

    def no_such_bucket(self, original: Any) -> Fault:
        return Fault("AccessDenied")


class CreateBucketNotImplemented(Variant):
    """Provisioning Storage: buckets are made in the portal; CreateBucket is 501."""

    surface = "storage"

    def create_bucket(self, original: Any, call: Call) -> Answer:
        raise Fault("NotImplemented")


class CreateBucketBeyondTheMost(Variant):
    """S3 API Reference, TooManyBuckets: an account that may have no more buckets is told that with 400."""

    surface = "storage"

    def create_bucket(self, original: Any, call: Call) -> Answer:
        if call.bucket not in gateway(original).buckets:
            raise fault("TooManyBuckets", 400)
        answer: Answer = original(call)
        return answer


class CreateBucketNotFound(Variant):
    """API Reference, Error Handling: CreateBucket is 404, for a bucket that is not provisioned does not exist."""

    surface = "storage"

    def create_bucket(self, original: Any, call: Call) -> Answer:
        if call.bucket not in gateway(original).buckets:
            raise Fault("NoSuchBucket")
        answer: Answer = original(call)
        return answer


class CreateBucketNotAllowed(Variant):
    """CreateBucket is 405, and DeleteBucket as well."""

    surface = "storage"

    def create_bucket(self, original: Any, call: Call) -> Answer:
        raise Fault("MethodNotAllowed")

    async def delete_bucket(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        raise Fault("MethodNotAllowed")


class DeleteBucketNotEmpty(Variant):
    """DeleteBucket of one with objects is 409 BucketNotEmpty."""

    surface = "storage"

    async def delete_bucket(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        if bucket.objects:
            raise fault("BucketNotEmpty", 409)
        answer: Answer = await original(call, bucket)
        return answer


class CreateBucketOwnedByYou(Variant):
    """CreateBucket of an own one is 409 BucketAlreadyOwnedByYou."""

    surface = "storage"

    def create_bucket(self, original: Any, call: Call) -> Answer:
        if call.bucket in [each.name for each in original.__self__.own_buckets(call.organization)]:
            raise fault("BucketAlreadyOwnedByYou", 409)
        answer: Answer = original(call)
        return answer


class StrangersAreUnauthorized(Variant):
    """API Reference, Error Handling: 401 for a missing token; S3 itself has 403 for what is not signed."""

    surface = "storage"

    def anonymous(self, original: Any) -> Fault:
        return fault("AccessDenied", 401)


class InvalidSignaturesAreUnauthorized(Variant):
    """API Reference, Error Handling: 401 for an invalid token; S3 itself has 403 for a signature that is not right."""

    surface = "storage"
    misses = ("storage/signature/refusal-is-403",)

    def authenticate(self, original: Any, request: Request) -> Signer:
        with _unauthorized():
            signer: Signer = original(request)
            return signer

    def read_payload(self, original: Any, call: Call) -> None:
        with _unauthorized():
            original(call)


@contextmanager
def _unauthorized() -> Iterator[None]:
    try:
        yield
    except Fault as found:
        raise (fault(found.code, 401) if found.status == 403 else found) from None


class FieldsNotImplemented(Variant):
    """Error responses, NotImplemented: "A header you provided implies functionality that is not implemented", 501.

    Here each x-amz- field is, but for those that clients cannot do without.
    """

    surface = "storage"

    async def answered(self, original: Any, request: Request) -> Answer:
        gateway(original).authenticate(request)
        if any(name.startswith("x-amz-") and not name.startswith(KNOWN_FIELDS) for name in request.headers):
            raise fault("NotImplemented", 501)
        answer: Answer = await original(request)
        return answer


class UnsignedPayloadsRefused(Variant):
    """SigV4, "Create a Canonical Request": UNSIGNED-PAYLOAD is for TLS; over plain http no payload is left unsigned."""

    surface = "storage"

    def presented_in_header(self, original: Any, request: Request, header: str) -> Presented:
        presented: Presented = original(request, header)
        if presented.payload_hash in ("UNSIGNED-PAYLOAD", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"):
            raise Fault("InvalidRequest", "Payloads that are not signed are for TLS.")
        return presented
