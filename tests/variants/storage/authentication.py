"""Variants of authentication."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from conformance.reference.alteration import Variant
from conformance.reference.http import Request
from conformance.reference.one_method import variant
from conformance.reference.storage.authentication import Presented
from conformance.reference.storage.call import Call, Signer
from conformance.reference.storage.canonical import ALGORITHM, EMPTY_SHA256
from conformance.reference.storage.faults import Fault
from conformance.reference.variants.storage import TaggingNotOffered
from tests.defects.support.storage import fault


def signer_with_codes(original: Any, request: Request, codes: dict[str, str]) -> Signer:
    """Return the signer; report refusals by other codes."""
    try:
        return original(request)
    except Fault as refusal:
        raise Fault(codes.get(refusal.code, refusal.code)) from None


@variant()
def bad_credentials_access_denied(authenticate: Any, request: Request) -> Signer:
    """Unknown access keys and wrong signatures are both AccessDenied."""
    return signer_with_codes(
        authenticate, request, {"InvalidAccessKeyId": "AccessDenied", "SignatureDoesNotMatch": "AccessDenied"}
    )


@variant()
def unknown_key_signature_does_not_match(authenticate: Any, request: Request) -> Signer:
    """An unknown access key is reported like a wrong secret."""
    return signer_with_codes(authenticate, request, {"InvalidAccessKeyId": "SignatureDoesNotMatch"})


@variant()
def skew_reported_as_access_denied(authenticate: Any, request: Request) -> Signer:
    """Too much clock skew is reported as AccessDenied; the status is the same."""
    return signer_with_codes(authenticate, request, {"RequestTimeTooSkewed": "AccessDenied"})


@variant()
def malformed_authorization_forbidden(authenticate: Any, request: Request) -> Signer:
    """A malformed Authorization field is 403 AccessDenied."""
    return signer_with_codes(
        authenticate,
        request,
        {
            "AuthorizationHeaderMalformed": "AccessDenied",
            "InvalidArgument": "AccessDenied",
            "AuthorizationQueryParametersError": "AccessDenied",
        },
    )


@variant()
def any_region_accepted(check_region: Any, presented: Presented) -> None:
    """Any region in the credential scope is accepted."""
    return


@variant()
def anonymous_clients_are_unauthorized(anonymous: Any) -> Fault:
    """API Reference, Error Handling: 401 for an unsigned request, where S3 itself answers 403."""
    return fault("AccessDenied", 401)


@contextmanager
def _unauthorized() -> Iterator[None]:
    try:
        yield
    except Fault as found:
        raise (fault(found.code, 401) if found.status == 403 else found) from None


class InvalidSignaturesAreUnauthorized(Variant):
    """API Reference, Error Handling: 401 for an invalid signature, where S3 itself answers 403."""

    misses = ("storage/signature/refusal-is-403",)

    def authenticate(self, original: Any, request: Request) -> Signer:
        with _unauthorized():
            return original(request)

    def read_payload(self, original: Any, call: Call) -> None:
        with _unauthorized():
            original(call)


@variant()
def unsigned_payloads_refused(presented_in_header: Any, request: Request, header: str) -> Presented:
    """SigV4, "Create a Canonical Request": UNSIGNED-PAYLOAD is refused over plain HTTP."""
    presented: Presented = presented_in_header(request, header)
    if presented.payload_hash in ("UNSIGNED-PAYLOAD", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"):
        raise Fault("InvalidRequest", "Payloads that are not signed are for TLS.")
    return presented


class LateReportedAsInvalidRequest(Variant):
    """Error responses, InvalidRequest: 400 for a request signed for another time."""

    def check_skew(self, original: Any, age: float) -> None:
        self._checked(original, age)

    def check_expiry(self, original: Any, age: float, expires: int) -> None:
        self._checked(original, age, expires)

    def _checked(self, original: Any, *given: float) -> None:
        try:
            original(*given)
        except Fault:
            raise Fault("InvalidRequest", "Date is too old") from None


@variant()
def fields_read_as_latin(canonical_headers: Any, request: Request, names: tuple[str, ...]) -> str:
    """RFC 9110 section 5.5: fields were ISO 8859-1 once; a gateway that reads them so verifies another signature."""
    return str(canonical_headers(request, names)).encode().decode("latin-1")


@variant()
def other_schemes_not_implemented(presented_in_header: Any, request: Request, header: str) -> Presented:
    """An Authorization of another scheme is 501 NotImplemented."""
    if header and not header.startswith(ALGORITHM):
        raise Fault("NotImplemented")
    return presented_in_header(request, header)


@variant()
def signed_body_on_delete_not_implemented(authenticate: Any, request: Request) -> Signer:
    """A DELETE signed with a body is 501 NotImplemented before its signature is verified."""
    if request.method == "DELETE" and request.headers.get("x-amz-content-sha256", EMPTY_SHA256) != EMPTY_SHA256:
        raise Fault("NotImplemented")
    return authenticate(request)


@variant()
def unsigned_reported_as_missing_token(anonymous: Any) -> Fault:
    """Error responses, MissingAuthenticationToken: "The request was not signed" is 403, as AccessDenied is."""
    return fault("MissingAuthenticationToken", 403)


@variant()
def expiry_reported_as_malformed(expiry: Any, given: str) -> int:
    """An X-Amz-Expires out of bounds is reported as a malformed Authorization."""
    try:
        return expiry(given)
    except Fault:
        raise Fault("AuthorizationHeaderMalformed") from None


class TaggingRefusedUnseen(TaggingNotOffered):
    """Error responses, NotImplemented: an unsupported parameter is 501 before the signature is verified."""

    def authenticate(self, original: Any, request: Request) -> Signer:
        if "tagging" in request.query_string.replace("=", "&").split("&"):
            raise Fault("NotImplemented")
        return original(request)
