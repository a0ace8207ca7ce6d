"""Defects that break the promise "Errors use the S3 error document, status and code"."""

from __future__ import annotations

import re
from typing import Any

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.storage.call import Signer
from conformance.reference.storage.faults import Fault
from conformance.reference.support.storage import gateway
from tests.defects.rows import row

_MESSAGE = re.compile(b"(?=<RequestId>)")

ROWS = (
    row(
        "error-body-missing",
        'S3 API Reference, "REST error responses": an error has a document with Code and Message.',
        "storage/errors/request-has-an-id",
        "storage/errors/code-bad-digest",
        error_body=lambda original, request, fault, request_id: b"",
    ),
    row(
        "storage-requests-unlimited",
        "API Reference, Error Handling: above the limit the gateway answers 429.",
        "storage/errors/requests-are-limited",
        limit_of=lambda original, holder: None,
    ),
)


class RangesOfNothingAreMissingBuckets(Defect):
    """S3 API Reference, "List of error codes": a code and its status go together."""

    surface = "storage"
    noticed_by = ("storage/errors/codes-have-their-status",)

    def error_answer(self, original: Any, request: Request, fault: Fault, request_id: str) -> Answer:
        answer: Answer = original(request, fault, request_id)
        if fault.code == "NoSuchKey" and "range" in request.headers:
            answer.body = answer.body.replace(b"NoSuchKey", b"AccessDenied")
        return answer


class ArgumentsRepeatedAsMarkup(Defect):
    """S3 API Reference, "REST error responses": an XML document, whatever of the request it repeats."""

    surface = "storage"
    noticed_by = (
        "storage/errors/document-has-code-and-message#markup-in-request",
        "storage/errors/document-has-code-and-message#of-the-whole-run",
    )

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        given = request.parameter("max-keys")
        if given is not None and answer.status == 400:
            told = f"<ArgumentValue>{given}</ArgumentValue>".encode()
            answer.body = _MESSAGE.sub(told, answer.body, count=1)
        return answer


class ErrorsWithoutCode(Defect):
    """S3 API Reference, "REST error responses", Code: a word for each error, and for those of odd requests as well."""

    surface = "storage"
    noticed_by = (
        "storage/errors/document-has-code-and-message#bad-range",
        "storage/errors/document-has-code-and-message#failed-condition",
        "storage/errors/document-has-code-and-message#missing-bucket",
        "storage/errors/document-has-code-and-message#missing-key",
        "storage/errors/document-has-code-and-message#missing-upload",
        "storage/errors/document-has-code-and-message#markup-in-request",
        "storage/errors/document-has-code-and-message#of-the-whole-run",
        "storage/errors/document-has-code-and-message#wrong-secret",
    )

    def error_body(self, original: Any, request: Request, fault: Fault, request_id: str) -> bytes:
        body: bytes = original(request, fault, request_id)
        return re.sub(rb"<Code>[^<]*</Code>", b"<Code/>", body)


class ErrorsOfChunksAreText(Defect):
    """S3 API Reference, "REST error responses", Content-Type: application/xml, whatever the request was made of."""

    surface = "storage"
    noticed_by = (
        "storage/errors/document-has-code-and-message#no-chunks",
        "storage/errors/document-has-code-and-message#of-the-whole-run",
    )

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if answer.status >= 400 and request.headers.get("x-amz-content-sha256", "").startswith("STREAMING-"):
            answer.headers["Content-Type"] = "text/plain"
        return answer


class ErrorsWithinSuccess(Defect):
    """S3 API Reference, "Error responses": an error has the status of its code, and is told by it first of all."""

    surface = "storage"
    noticed_by = (
        "storage/errors/document-has-code-and-message#anonymous",
        "storage/errors/document-has-code-and-message#accept-json",
        "storage/errors/document-has-code-and-message#bad-digest",
        "storage/errors/document-has-code-and-message#expired-url",
        "storage/errors/document-has-code-and-message#malformed-xml",
        "storage/errors/document-has-code-and-message#missing-key-with-markup",
        "storage/errors/document-has-code-and-message#missing-upload",
        "storage/errors/document-has-code-and-message#unknown-key",
    )

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if request.method != "HEAD" and b"<Error>" in answer.body:
            answer.status = 200
        return answer


class ErrorsOfHeadHaveABody(Defect):
    """RFC 9110 section 9.3.2: no content in the answer to HEAD; what comes is taken for the next answer."""

    surface = "storage"
    noticed_by = ("storage/errors/head-has-no-body#missing-key",)
    shipped = True

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if request.method == "HEAD" and answer.status >= 400:
            answer.astray = b"<Error/>"
        return answer


class AnonymousToldWhatExists(Defect):
    """API Reference, Error Handling: who may not see a resource does not learn whether it exists."""

    surface = "storage"
    noticed_by = (
        "storage/errors/head-has-no-body#anonymous",
        "storage/signature/altered-request-is-refused#signature-of-another-request",
    )

    def authenticate(self, original: Any, request: Request) -> Signer:
        try:
            signer: Signer = original(request)
        except Fault:
            surface = gateway(original)
            name, key = surface.target(request)
            bucket = surface.buckets.get(name)
            if bucket is not None and key and key not in bucket.objects:
                raise Fault("NoSuchKey") from None
            raise
        return signer


class TraceShowsAuthorization(Defect):
    """RFC 9110 section 9.3.8: fields with credentials are left out of what TRACE reflects."""

    surface = "storage"
    noticed_by = ("storage/errors/nothing-internal-is-revealed#trace",)

    def intercept(self, request: Request) -> Answer | None:
        if request.method != "TRACE":
            return None
        answer = Answer(200, "".join(f"{name}: {value}\r\n" for name, value in request.headers.items()).encode())
        answer.headers["Content-Type"] = "message/http"
        return answer


class StackTraceInError(Defect):
    """OWASP ASVS 7.4.1: an error tells nothing of the server's inside."""

    surface = "storage"
    noticed_by = (
        "storage/errors/nothing-internal-is-revealed#malformed-xml",
        "storage/errors/nothing-internal-is-revealed#missing-key",
    )

    def error_body(self, original: Any, request: Request, fault: Fault, request_id: str) -> bytes:
        body: bytes = original(request, fault, request_id)
        trace = 'Traceback (most recent call last): File "/srv/gateway/handlers.py", line 214, in dispatch'
        return body.replace(b"</Message>", f" {trace}</Message>".encode())


class SecretInError(Defect):
    """OWASP ASVS 7.4.1: an error tells nothing secret, least of all the key that it was checked with."""

    surface = "storage"
    noticed_by = ("storage/errors/nothing-internal-is-revealed#wrong-secret",)

    def error_body(self, original: Any, request: Request, fault: Fault, request_id: str) -> bytes:
        body: bytes = original(request, fault, request_id)
        if fault.code != "SignatureDoesNotMatch":
            return body
        surface = gateway(original)
        key = surface.known_key(surface.presented(request).credential.access_key)
        secret = f"<SecretKey>{key.secret_key if key else ''}</SecretKey></Error>".encode()
        return body.replace(b"</Error>", secret)


class RequestNamedTwice(Defect):
    """S3 API Reference, "REST error responses", RequestId: the id of the request, which its header tells."""

    surface = "storage"
    noticed_by = ("storage/errors/request-has-an-id",)

    def error_body(self, original: Any, request: Request, refusal: Fault, request_id: str) -> bytes:
        return bytes(original(request, refusal, gateway(original).new_request_id()))


class AmzRequestIdMissing(Defect):
    """S3 API Reference, "Common response headers": every answer has a request id."""

    surface = "storage"
    noticed_by = ("storage/errors/request-has-an-id",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        request_id = answer.headers.get("x-amz-request-id", "")
        del answer.headers["x-amz-request-id"]
        answer.body = answer.body.replace(f"<RequestId>{request_id}</RequestId>".encode(), b"")
        return answer
