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
        "RFC 9110 section 10.1.1: what a caller was told to go on with is taken as without having waited.",
        "storage/object/expected-continue-comes",
        intercept=lambda request: Answer(417) if "expect" in request.headers else None,
    ),
)


@defect("storage/errors/responses-have-a-date")
def refusals_without_time(request: Request, answer: Answer) -> Answer:
    """RFC 9110 section 6.6.1: a refusal tells the time too, and an SDK whose clock is off needs it there most."""
    if answer.status >= 400:
        answer.headers["Date"] = ""
    return answer


@defect("storage/object/expected-continue-comes")
async def expectation_fails(refused_early: Any, request: Request) -> Answer | None:
    """RFC 9110 section 10.1.1: a caller that waits is told to go on, and not that nobody here knows how."""
    return Answer(417)


@defect("storage/object/expected-continue-comes")
def expected_body_not_read(new_object: Any, call: Call, md5: str, checksums: dict[str, str]) -> StoredObject:
    """RFC 9110 section 10.1.1: after 100 (Continue) the body is sent, and is what is stored."""
    stored: StoredObject = new_object(call, md5, checksums)
    return replace(stored, body=b"") if "expect" in call.headers else stored


@defect("storage/object/single-value-fields-occur-once")
async def chosen_fields_come_with_others(get_object: Any, call: Call, bucket: Bucket) -> Answer:
    """RFC 9110 section 5.3: a type is told once, also where the answer has a field that was chosen."""
    answer: Answer = await get_object(call, bucket)
    if "response-cache-control" in call.query:
        answer.headers.append("Content-Type", "application/octet-stream")
    return answer


@defect("storage/object/no-content-has-no-length")
def no_content_has_a_length(request: Request, answer: Answer) -> Answer:
    """RFC 9110 section 8.6: no Content-Length in 204."""
    if answer.status == 204:
        answer.headers["Content-Length"] = "0"
    return answer


@defect("storage/object/no-content-has-no-length", shipped=True)
def no_content_has_a_body(request: Request, answer: Answer) -> Answer:
    """RFC 9110 section 15.3.5: 204 ends with its head."""
    if answer.status == 204:
        answer.astray = b"0\r\n\r\n"
    return answer


@defect("storage/object/refusal-comes-before-the-body#unknown-key")
async def early_refusal_is_none_of_the_signature(refused_early: Any, request: Request) -> Answer | None:
    """S3 API Reference, SignatureDoesNotMatch: 403, also where it is told before the body."""
    refusal: Answer | None = await refused_early(request)
    return replace(refusal, status=417, body=b"") if refusal is not None else None
