"""Defects that break the promise "A request altered after signing is rejected"."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from starlette.datastructures import Headers

from conformance.reference.alteration import Defect
from conformance.reference.http import Request
from conformance.reference.one_method import defect, row
from conformance.reference.storage import Storage, canonical
from conformance.reference.storage.authentication import LONGEST_EXPIRY_S, Presented
from conformance.reference.storage.call import Signer, pairs, query_of
from conformance.reference.storage.faults import Fault
from conformance.reference.support.storage import server_error
from tests.defects.support.storage import _DoneBeforeItIsRefused, done_though_refused, refuses, under_any_secret

COPY_SOURCE = "x-amz-copy-source"
_HASH = re.compile("[0-9a-f]{64}")


def _has_unsigned_fields(surface: Storage, request: Request) -> bool:
    if refuses(surface.presented, request):
        return False
    fields = {name for name in request.headers if name.startswith("x-amz-")}
    return bool(fields - {*surface.presented(request).signed_headers})


def _with_another_path_signed(altered: Callable[[str], str]) -> Callable[..., Signer]:
    """Return an ``authenticate`` that also accepts the signature of the altered path."""

    def authenticate(original: Any, request: Request) -> Signer:
        other = altered(request.raw_path)
        try:
            return original(request)
        except Fault as fault:
            if fault.code != "SignatureDoesNotMatch" or request.raw_path == other:
                raise
            return original(replace(request, raw_path=other))

    return authenticate


ROWS = (
    row(
        "unsigned-amz-headers-accepted",
        'SigV4, "Task 1": an x-amz header that was sent but not signed is accepted.',
        "storage/signature/amz-headers-must-be-signed",
        "storage/signature/host-must-be-signed",
        "storage/presigned/unsigned-fields-are-not-obeyed#copy-source",
        check_signed_headers=lambda original, request, presented: None,
    ),
    row(
        "payload-hash-ignored",
        'SigV4, "x-amz-content-sha256": a payload that does not match its signed hash is accepted.',
        "storage/signature/payload-hash-is-checked",
        "storage/signature/payload-hash-is-checked#completion,body-lost,tagging",
        payload_matches=lambda original, stated, body: True,
    ),
    row(
        "scope-date-ignored",
        'SigV4, "Credential scope": the date of the credential scope is not compared with the request\'s date.',
        "storage/signature/wrong-scope-is-refused#date",
        check_scope_date=lambda original, presented: None,
    ),
    row(
        "key-case-not-signed",
        'SigV4, "Task 1": the signature is verified over the path in lower case.',
        "storage/signature/altered-request-is-refused#path-case",
        authenticate=_with_another_path_signed(str.lower),
    ),
    row(
        "slash-at-the-end-not-signed",
        'SigV4, "Task 1": the signature is verified over the path without its trailing slash.',
        "storage/signature/altered-request-is-refused#path-slash-added",
        authenticate=_with_another_path_signed(lambda path: path.rstrip("/")),
    ),
    row(
        "unsigned-fields-obeyed",
        'SigV4, "Task 1": a write with an unsigned x-amz- field is refused, but done.',
        "storage/signature/amz-headers-must-be-signed",
        "storage/presigned/unsigned-fields-are-not-obeyed#copy-source,metadata",
        answered=done_though_refused("AccessDenied", when=_has_unsigned_fields),
    ),
    row(
        "payloads-of-no-hash-stored",
        'SigV4, "x-amz-content-sha256": a payload with a malformed hash is refused, but stored.',
        "storage/signature/payload-hash-is-checked#no-hash,unknown-kind",
        answered=done_though_refused(
            "InvalidArgument",
            when=lambda surface, request: refuses(surface.payload_hash, request.headers.get("x-amz-content-sha256")),
        ),
    ),
    row(
        "skewed-writes-done",
        "S3 API Reference, RequestTimeTooSkewed: a write with too much clock skew is refused, but done.",
        "storage/signature/skewed-clock-is-refused#a-day-ago,behind,chunks-behind,reads-and-deletion-behind",
        answered=done_though_refused("RequestTimeTooSkewed"),
    ),
    row(
        "other-scopes-obeyed",
        'SigV4, "Authorization header", Credential: a write signed for another service or day is refused, but done.',
        "storage/signature/wrong-scope-is-refused#service,terminator",
        "storage/presigned/wrong-scope-is-refused#date",
        answered=done_though_refused(
            "AuthorizationHeaderMalformed",
            "AuthorizationQueryParametersError",
            when=lambda surface, request: not refuses(surface.presented, request),
        ),
    ),
    row(
        "words-treated-as-unsigned-payload",
        "SigV4, x-amz-content-sha256: any word instead of a hash counts as UNSIGNED-PAYLOAD.",
        "storage/signature/payload-hash-is-checked#no-hash",
        shipped=True,
        payload_hash=lambda original, given: given or str(original(given)),
        payload_matches=lambda original, stated, body: bool(original(stated, body)) or not _HASH.fullmatch(stated),
    ),
)


class LastOfAParameterSigned(Defect):
    """SigV4, "Task 1": of a query parameter sent twice, only the last value is signed."""

    noticed_by = (
        "storage/signature/altered-request-is-refused#parameter-repeated-before",
        "storage/presigned/altered-is-refused#second-expiry-before",
    )

    def signing_query(self, original: Any, request: Request) -> dict[str, str]:
        return query_of(request)

    def canonical_query(self, original: Any, request: Request) -> str:
        last = dict(pairs(request.query_string))
        last.pop("X-Amz-Signature", None)
        return canonical.canonical_query(last.items())


@defect("storage/signature/altered-request-is-refused#signed-header-repeated")
def first_of_a_field_signed(authenticate: Any, request: Request) -> Signer:
    """SigV4, "Task 1": of a header field sent twice, only the first value is signed."""
    try:
        signer: Signer = authenticate(request)
    except Fault:
        first = dict(reversed(request.headers.raw))
        signer = authenticate(replace(request, headers=Headers(raw=list(first.items()))))
    return signer


@defect("storage/signature/altered-request-is-refused#get-sent-as-head")
def head_treated_as_get(authenticate: Any, request: Request) -> Signer:
    """SigV4, "Task 1": the signature of a GET request is accepted for HEAD."""
    signer: Signer
    try:
        signer = authenticate(request)
    except Fault:
        if request.method != "HEAD":
            raise
        signer = authenticate(replace(request, method="GET"))
    return signer


@defect("storage/signature/altered-request-is-refused#signed-header-repeated,parameter-repeated-after")
def repetitions_are_server_errors(authenticate: Any, request: Request) -> Signer:
    """RFC 9110 section 15.5: a field or parameter sent twice is answered with a 5xx."""
    names = [*request.headers.keys()], [name for name, _ in request.query]
    try:
        return authenticate(request)
    except Fault as fault:
        raise server_error() if any(len(each) > len({*each}) for each in names) else fault from None


@defect("storage/signature/altered-request-is-refused#chunks-to-another-key,chunks-with-trailer-to-another-key")
def chunks_leave_their_request_unverified(authenticate: Any, request: Request) -> Signer:
    """SigV4, "Transferring Payload in Multiple Chunks": the signature of a chunked request is not verified."""
    stated = request.headers.get("x-amz-content-sha256", "")
    return under_any_secret(authenticate, request, stated.startswith("STREAMING-AWS4-HMAC-SHA256"))


@defect("storage/signature/amz-headers-must-be-signed")
def copy_sources_unsigned(check_signed_headers: Any, request: Request, presented: Presented) -> None:
    """SigV4, "Create a canonical request": an unsigned x-amz-copy-source is accepted."""
    named = (COPY_SOURCE,) if COPY_SOURCE in request.headers and presented.expires is None else ()
    check_signed_headers(request, replace(presented, signed_headers=(*presented.signed_headers, *named)))


@defect("storage/presigned/unsigned-fields-are-not-obeyed#copy-source")
def urls_obey_copy_sources_unsigned(check_signed_headers: Any, request: Request, presented: Presented) -> None:
    """SigV4, "Using Query Parameters": a presigned URL accepts an unsigned x-amz-copy-source."""
    free = COPY_SOURCE in request.headers and presented.expires is not None and not request.body
    named = (COPY_SOURCE,) if free else ()
    check_signed_headers(request, replace(presented, signed_headers=(*presented.signed_headers, *named)))


@defect("storage/signature/amz-headers-must-be-signed", "storage/presigned/unsigned-fields-are-not-obeyed#tags")
def tags_need_no_signature(check_signed_headers: Any, request: Request, presented: Presented) -> None:
    """S3 API Reference, "Task 1: Create a Canonical Request": an unsigned x-amz-tagging field is accepted."""
    check_signed_headers(request, replace(presented, signed_headers=(*presented.signed_headers, "x-amz-tagging")))


@defect("storage/signature/any-altered-component-is-refused", shortest=2)
def signature_compared_in_its_tail(signature_matches: Any, given: str, computed: str) -> bool:
    """S3 API Reference, Signature Version 4: only the end of the signature is compared."""
    return len(given) == len(computed) and given[16:] == computed[16:]


class DoneBeforeItsPayloadIsSeen(_DoneBeforeItIsRefused):
    """S3 API Reference, XAmzContentSHA256Mismatch: a request whose payload hash is wrong is refused, but done."""

    noticed_by = (
        "storage/signature/payload-hash-is-checked",
        "storage/signature/payload-hash-is-checked#completion,deletion,body-lost,body-added",
    )
    codes = ("XAmzContentSHA256Mismatch",)


class SkewOfListsIgnored(Defect):
    """SigV4: the clock skew of a listing request is not checked."""

    noticed_by = ("storage/signature/skewed-clock-is-refused#reads-and-deletion-behind",)
    lists = False

    def authenticate(self, original: Any, request: Request) -> Signer:
        self.lists = request.method == "GET" and "list-type=" in request.query_string
        return original(request)

    def check_skew(self, original: Any, age: float) -> None:
        if not self.lists:
            original(age)


@defect("storage/signature/skewed-clock-is-refused#reads-and-deletion-behind")
def unsigned_date_outranks_the_signed_one(presented_in_header: Any, request: Request, header: str) -> Presented:
    """SigV4, "Create a signed request": an unsigned Date field outranks the signed x-amz-date."""
    presented: Presented = presented_in_header(request, header)
    return replace(presented, expires=LONGEST_EXPIRY_S) if "date" in request.headers else presented


@defect(
    "storage/signature/skewed-clock-is-refused#a-day-ago,ahead,chunks-behind,reads-and-deletion-behind",
    "storage/signature/skewed-clock-is-refused#unsigned-chunks-behind",
)
def clock_skew_ignored(check_skew: Any, age: float) -> None:
    """S3 API Reference, RequestTimeTooSkewed: a request whose date is more than fifteen minutes off is accepted."""
    return
