"""Defects that break the promise "A correctly signed request is accepted in every permitted form"."""

from __future__ import annotations

import posixpath
import re
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

from conformance.reference.http import Answer, Request
from conformance.reference.one_method import defect, row
from conformance.reference.storage.authentication import Presented
from conformance.reference.storage.call import Call
from conformance.reference.storage.faults import Fault
from tests.defects.support.storage import SIGNATURE, refusing

ROWS = (
    row(
        "path-signed-as-sent",
        'SigV4, "Task 1": the signature is verified over the path as sent, not as encoded canonically.',
        "storage/signature/encoding-on-the-wire-does-not-matter#less,lower-case-hex",
        canonical_path=lambda original, request: request.raw_path,
    ),
    row(
        "custom-parameters-refused",
        'S3 User Guide, "Logging requests": query parameters that begin with ``x-`` are refused.',
        "storage/signature/query-order-does-not-matter",
        intercept=lambda request: Answer(400) if re.search("(^|&)x-", request.query_string) else None,
    ),
    row(
        "unsigned-payloads-not-implemented",
        'SigV4, "x-amz-content-sha256": UNSIGNED-PAYLOAD is not implemented.',
        "storage/signature/unsigned-payload-is-served",
        payload_hash=refusing("NotImplemented", lambda given: given == "UNSIGNED-PAYLOAD"),
    ),
)


@defect("storage/signature/any-correctly-signed-request-is-served", shortest=1)
def quotes_in_query_signed_bare(canonical_query: Any, request: Request) -> str:
    """S3 API Reference, UriEncode: quotation marks in the query are not encoded for the signature."""
    return re.sub("%2[789]", lambda found: chr(int(found[0][1:], 16)), canonical_query(request))


@defect("storage/signature/date-header-may-replace-x-amz-date")
def date_without_amz_date_refused(presented_in_header: Any, request: Request, header: str) -> Presented:
    """S3 API Reference, "Common Request Headers": a request with Date but without x-amz-date is refused."""
    if "x-amz-date" not in request.headers:
        raise Fault("AccessDenied", "AWS authentication requires x-amz-date")
    return presented_in_header(request, header)


@defect("storage/signature/encoding-on-the-wire-does-not-matter#more")
def needless_escapes_not_decoded(target: Any, request: Request) -> tuple[str, str]:
    """RFC 3986 section 6.2.2.2: an unreserved character that is percent-encoded breaks the signature."""
    bucket, key = target(replace(request, raw_path=request.raw_path.replace("%2D", "%252D")))
    return bucket, key


@defect("storage/signature/encoding-on-the-wire-does-not-matter#of-the-query")
def query_signed_as_sent(canonical_query: Any, request: Request) -> str:
    """SigV4, "Task 1": the signature is verified over the query as sent, not as encoded canonically."""
    sent = [each for each in request.query_string.split("&") if each and not each.startswith(SIGNATURE)]
    return "&".join("=".join(pair) for pair in sorted(tuple(each.partition("=")[::2]) for each in sent))


@defect("storage/signature/path-is-not-normalised")
def writes_merge_slashes(target: Any, request: Request) -> tuple[str, str]:
    """S3 User Guide, "Creating object key names": writes merge repeated slashes in a key."""
    bucket, key = target(request)
    return bucket, key.replace("//", "/") if request.method == "PUT" else key


@defect("storage/signature/path-is-not-normalised")
def path_normalised_before_signing(canonical_path: Any, request: Request) -> str:
    """SigV4, "Task 1": the path is normalized before the signature is verified."""
    path = str(canonical_path(request))
    return posixpath.normpath(path).rstrip("/") + ("/" if path.endswith("/") else "")


@defect("storage/signature/query-is-sorted-as-encoded")
def query_sorted_before_encoding(canonical_query: Any, request: Request) -> str:
    """SigV4, "Create a canonical request": parameters are sorted before they are encoded."""
    joined: str = canonical_query(request)
    return "&".join(sorted(joined.split("&"), key=lambda pair: unquote(pair.partition("=")[0])))


@defect(
    "storage/signature/signed-request-is-served#every-field-sent,repeated-spaces,content-type,date-and-x-amz-date",
    "storage/signature/signed-request-is-served#default-class,fields-without-blanks,with-origin,no-other-fields",
    "storage/signature/signed-request-is-served#text-with-comma",
)
def bound_to_one_host(canonical_headers: Any, request: Request, names: tuple[str, ...]) -> str:
    """RFC 9110 section 7.2: the signature is verified over the server's own name, not the Host field."""
    headers = request.headers.mutablecopy()
    headers["host"] = "gateway.internal"
    return canonical_headers(replace(request, headers=headers), names)


@defect("storage/signature/unsigned-payload-is-served")
def unsigned_payload_lost(read_payload: Any, call: Call) -> None:
    """S3 API Reference, Authenticating Requests: an unsigned payload is stored as an empty object."""
    read_payload(call)
    if call.signer.payload_hash == "UNSIGNED-PAYLOAD":
        call.body = b""


@defect("storage/signature/unsigned-payload-is-served")
def unsigned_parts_refused(read_payload: Any, call: Call) -> None:
    """S3 API Reference, Authenticating Requests: a part with an unsigned payload is refused."""
    if call.signer.payload_hash == "UNSIGNED-PAYLOAD" and "uploadId" in call.query:
        raise Fault("InvalidArgument")
    read_payload(call)
