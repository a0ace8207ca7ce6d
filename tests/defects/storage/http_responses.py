"""Defects that break the promise "Responses are well-formed HTTP (RFC 9110, RFC 9112)"."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from conformance.reference.http import Answer, Request
from conformance.reference.one_method import defect, row
from conformance.reference.storage.call import Call
from conformance.reference.storage.state import Bucket, StoredObject

ROWS = (
    row(
        "expectation-fails-after-the-body",
        "RFC 9110 section 10.1.1: Expect is answered with 100 and then with 417.",
        "storage/object/expected-continue-comes",
        intercept=lambda request: Answer(417) if "expect" in request.headers else None,
    ),
)


@defect("storage/errors/responses-have-a-date")
def refusals_without_time(request: Request, answer: Answer) -> Answer:
    """RFC 9110 section 6.6.1: an error response has no Date."""
    if answer.status >= 400:
        answer.headers["Date"] = ""
    return answer


@defect("storage/object/expected-continue-comes")
async def expectation_fails(refused_early: Any, request: Request) -> Answer | None:
    """RFC 9110 section 10.1.1: Expect: 100-continue is refused with 417."""
    return Answer(417)


@defect("storage/object/expected-continue-comes")
def expected_body_not_read(new_object: Any, call: Call, md5: str, checksums: dict[str, str]) -> StoredObject:
    """RFC 9110 section 10.1.1: a body that was sent after 100 (Continue) is stored as an empty object."""
    stored: StoredObject = new_object(call, md5, checksums)
    return replace(stored, body=b"") if "expect" in call.headers else stored


@defect("storage/object/single-value-fields-occur-once")
async def chosen_fields_come_with_others(get_object: Any, call: Call, bucket: Bucket) -> Answer:
    """RFC 9110 section 5.3: with response-content-type, Content-Type is sent twice."""
    answer: Answer = await get_object(call, bucket)
    if "response-cache-control" in call.query:
        answer.headers.append("Content-Type", "application/octet-stream")
    return answer


@defect("storage/object/no-content-has-no-length")
def no_content_has_a_length(request: Request, answer: Answer) -> Answer:
    """RFC 9110 section 8.6: 204 has a Content-Length."""
    if answer.status == 204:
        answer.headers["Content-Length"] = "0"
    return answer


@defect("storage/object/no-content-has-no-length", shipped=True)
def no_content_has_a_body(request: Request, answer: Answer) -> Answer:
    """RFC 9110 section 15.3.5: 204 has a body."""
    if answer.status == 204:
        answer.astray = b"0\r\n\r\n"
    return answer


@defect("storage/object/refusal-comes-before-the-body#unknown-key")
async def early_refusal_is_none_of_the_signature(refused_early: Any, request: Request) -> Answer | None:
    """S3 API Reference, SignatureDoesNotMatch: a refusal before the body has status 417 and no document."""
    refusal: Answer | None = await refused_early(request)
    return replace(refusal, status=417, body=b"") if refusal is not None else None
