"""Variants of authentication."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from conformance.reference.alteration import Variant
from conformance.reference.http import Request
from conformance.reference.storage.authentication import Presented
from conformance.reference.storage.call import Call, Signer
from conformance.reference.storage.canonical import ALGORITHM, EMPTY_SHA256
from conformance.reference.storage.faults import Fault
from conformance.reference.variants.storage import TaggingNotOffered
from tests.defects.support.storage import fault


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


class AnyRegionAccepted(Variant):
    """The region in the scope is whatever the caller signed with: this endpoint knows only itself."""

    surface = "storage"

    def check_region(self, original: Any, presented: Presented) -> None:
        return None


class StrangersAreUnauthorized(Variant):
    """API Reference, Error Handling: 401 for a missing token; S3 itself has 403 for what is not signed."""

    surface = "storage"

    def anonymous(self, original: Any) -> Fault:
        return fault("AccessDenied", 401)


@contextmanager
def _unauthorized() -> Iterator[None]:
    try:
        yield
    except Fault as found:
        raise (fault(found.code, 401) if found.status == 403 else found) from None


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


class UnsignedPayloadsRefused(Variant):
    """SigV4, "Create a Canonical Request": UNSIGNED-PAYLOAD is for TLS; over plain http no payload is left unsigned."""

    surface = "storage"

    def presented_in_header(self, original: Any, request: Request, header: str) -> Presented:
        presented: Presented = original(request, header)
        if presented.payload_hash in ("UNSIGNED-PAYLOAD", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"):
            raise Fault("InvalidRequest", "Payloads that are not signed are for TLS.")
        return presented


class LateToldAsInvalidRequest(Variant):
    """Error responses, InvalidRequest: 400, for what has no code of its own; here what is signed for another time."""

    surface = "storage"

    def check_skew(self, original: Any, age: float) -> None:
        self._told(original, age)

    def check_expiry(self, original: Any, age: float, expires: int) -> None:
        self._told(original, age, expires)

    def _told(self, original: Any, *given: float) -> None:
        try:
            original(*given)
        except Fault:
            raise Fault("InvalidRequest", "Date is too old") from None


class FieldsReadAsLatin(Variant):
    """RFC 9110 section 5.5: fields had ISO 8859-1 once; a gateway that reads them so signs other letters otherwise."""

    surface = "storage"

    def canonical_headers(self, original: Any, request: Request, names: tuple[str, ...]) -> str:
        return str(original(request, names)).encode().decode("latin-1")


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


class UnsignedToldAsMissingToken(Variant):
    """Error responses, MissingAuthenticationToken: "The request was not signed", 403 as AccessDenied is."""

    surface = "storage"

    def anonymous(self, original: Any) -> Fault:
        return fault("MissingAuthenticationToken", 403)


class ExpiryToldAsMalformed(Variant):
    """An X-Amz-Expires out of bounds is told as what cannot be read of an Authorization header is."""

    surface = "storage"

    def expiry(self, original: Any, given: str) -> int:
        try:
            seconds: int = original(given)
        except Fault:
            raise Fault("AuthorizationHeaderMalformed") from None
        return seconds


class TaggingRefusedUnseen(TaggingNotOffered):
    """Error responses, NotImplemented: a parameter that is not implemented is 501 before its signature is looked at."""

    def authenticate(self, original: Any, request: Request) -> Signer:
        if "tagging" in request.query_string.replace("=", "&").split("&"):
            raise Fault("NotImplemented")
        signer: Signer = original(request)
        return signer
