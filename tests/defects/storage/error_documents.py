"""Defects that break the promise "Errors use the S3 error document, status and code"."""

from __future__ import annotations

import re
from typing import Any

from conformance.reference.http import Answer, Request
from conformance.reference.one_method import defect, row
from conformance.reference.storage.call import Signer
from conformance.reference.storage.faults import Fault
from conformance.reference.support.storage import gateway

_MESSAGE = re.compile(b"(?=<RequestId>)")

ROWS = (
    row(
        "error-body-missing",
        'S3 API Reference, "REST error responses": an error has no body.',
        "storage/errors/request-has-an-id",
        "storage/errors/code-bad-digest",
        error_body=lambda original, request, fault, request_id: b"",
    ),
    row(
        "storage-requests-unlimited",
        "API Reference, Error Handling: the gateway never answers 429, whatever the rate.",
        "storage/errors/requests-are-limited",
        limit_of=lambda original, holder: None,
    ),
)


@defect("storage/errors/codes-have-their-status")
def ranges_of_an_empty_object_are_missing_buckets(
    error_answer: Any, request: Request, fault: Fault, request_id: str
) -> Answer:
    """S3 API Reference, "List of error codes": a range of a missing key is answered 404 with the code AccessDenied."""
    answer: Answer = error_answer(request, fault, request_id)
    if fault.code == "NoSuchKey" and "range" in request.headers:
        answer.body = answer.body.replace(b"NoSuchKey", b"AccessDenied")
    return answer


@defect("storage/errors/document-has-code-and-message#markup-in-request,of-the-whole-run")
def arguments_repeated_as_markup(request: Request, answer: Answer) -> Answer:
    """S3 API Reference, "REST error responses": an error repeats a value of the request without escaping it."""
    given = request.parameter("max-keys")
    if given is not None and answer.status == 400:
        argument = f"<ArgumentValue>{given}</ArgumentValue>".encode()
        answer.body = _MESSAGE.sub(argument, answer.body, count=1)
    return answer


@defect(
    "storage/errors/document-has-code-and-message#bad-range,failed-condition,missing-bucket,missing-key",
    "storage/errors/document-has-code-and-message#missing-upload,markup-in-request,of-the-whole-run,wrong-secret",
)
def errors_without_code(error_body: Any, request: Request, fault: Fault, request_id: str) -> bytes:
    """S3 API Reference, "REST error responses", Code: the Code of every error is empty."""
    body: bytes = error_body(request, fault, request_id)
    return re.sub(rb"<Code>[^<]*</Code>", b"<Code/>", body)


@defect("storage/errors/document-has-code-and-message#no-chunks,of-the-whole-run")
def errors_of_chunks_are_text(request: Request, answer: Answer) -> Answer:
    """S3 API Reference, "REST error responses", Content-Type: the errors of chunked uploads are text/plain."""
    if answer.status >= 400 and request.headers.get("x-amz-content-sha256", "").startswith("STREAMING-"):
        answer.headers["Content-Type"] = "text/plain"
    return answer


@defect(
    "storage/errors/document-has-code-and-message#anonymous,accept-json,bad-digest,expired-url,malformed-xml",
    "storage/errors/document-has-code-and-message#missing-key-with-markup,missing-upload,unknown-key",
)
def errors_within_success(request: Request, answer: Answer) -> Answer:
    """S3 API Reference, "Error responses": errors are sent with status 200."""
    if request.method != "HEAD" and b"<Error>" in answer.body:
        answer.status = 200
    return answer


@defect("storage/errors/head-has-no-body#missing-key", shipped=True)
def errors_of_head_have_a_body(request: Request, answer: Answer) -> Answer:
    """RFC 9110 section 9.3.2: an error to HEAD has a body."""
    if request.method == "HEAD" and answer.status >= 400:
        answer.astray = b"<Error/>"
    return answer


@defect(
    "storage/errors/head-has-no-body#anonymous",
    "storage/signature/altered-request-is-refused#signature-of-another-request",
)
def anonymous_clients_see_what_exists(authenticate: Any, request: Request) -> Signer:
    """API Reference, Error Handling: an unauthenticated client gets 404 for missing objects and 403 for others."""
    try:
        return authenticate(request)
    except Fault:
        surface = gateway(authenticate)
        name, key = surface.target(request)
        bucket = surface.buckets.get(name)
        if bucket is not None and key and key not in bucket.objects:
            raise Fault("NoSuchKey") from None
        raise


@defect("storage/errors/nothing-internal-is-revealed#trace")
def trace_shows_authorization(request: Request) -> Answer | None:
    """RFC 9110 section 9.3.8: TRACE returns the Authorization field."""
    if request.method != "TRACE":
        return None
    answer = Answer(200, "".join(f"{name}: {value}\r\n" for name, value in request.headers.items()).encode())
    answer.headers["Content-Type"] = "message/http"
    return answer


@defect("storage/errors/nothing-internal-is-revealed#malformed-xml,missing-key")
def stack_trace_in_error(error_body: Any, request: Request, fault: Fault, request_id: str) -> bytes:
    """OWASP ASVS 7.4.1: an error shows a stack trace."""
    body: bytes = error_body(request, fault, request_id)
    trace = 'Traceback (most recent call last): File "/srv/gateway/handlers.py", line 214, in dispatch'
    return body.replace(b"</Message>", f" {trace}</Message>".encode())


@defect("storage/errors/nothing-internal-is-revealed#wrong-secret")
def secret_in_error(error_body: Any, request: Request, fault: Fault, request_id: str) -> bytes:
    """OWASP ASVS 7.4.1: an error shows the secret key."""
    body: bytes = error_body(request, fault, request_id)
    if fault.code != "SignatureDoesNotMatch":
        return body
    surface = gateway(error_body)
    key = surface.known_key(surface.presented(request).credential.access_key)
    secret = f"<SecretKey>{key.secret_key if key else ''}</SecretKey></Error>".encode()
    return body.replace(b"</Error>", secret)


@defect("storage/errors/request-has-an-id")
def request_named_twice(error_body: Any, request: Request, refusal: Fault, request_id: str) -> bytes:
    """S3 API Reference, "REST error responses", RequestId: it differs from the id in the header."""
    return bytes(error_body(request, refusal, gateway(error_body).new_request_id()))


@defect("storage/errors/request-has-an-id")
def amz_request_id_missing(request: Request, answer: Answer) -> Answer:
    """S3 API Reference, "Common response headers": a response has no x-amz-request-id."""
    request_id = answer.headers.get("x-amz-request-id", "")
    del answer.headers["x-amz-request-id"]
    answer.body = answer.body.replace(f"<RequestId>{request_id}</RequestId>".encode(), b"")
    return answer
