"""Defects that break the promise "Responses are well-formed HTTP (RFC 9110, RFC 9112)"."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.storage.call import Call
from conformance.reference.storage.state import Bucket, StoredObject
from tests.defects.rows import row

ROWS = (
    row(
        "expectation-fails-behind-the-body",
        "RFC 9110 section 10.1.1: what a caller was told to go on with is taken as without having waited.",
        "storage/object/expected-continue-comes",
        intercept=lambda request: Answer(417) if "expect" in request.headers else None,
    ),
)


class RefusalsWithoutTime(Defect):
    """RFC 9110 section 6.6.1: a refusal tells the time too, and an SDK whose clock is off needs it there most."""

    surface = "storage"
    noticed_by = ("storage/errors/responses-have-a-date",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if answer.status >= 400:
            answer.headers["Date"] = ""
        return answer


class ExpectationFails(Defect):
    """RFC 9110 section 10.1.1: a caller that waits is told to go on, and not that nobody here knows how."""

    surface = "storage"
    noticed_by = ("storage/object/expected-continue-comes",)

    async def refused_early(self, original: Any, request: Request) -> Answer | None:
        return Answer(417)


class ExpectedBodyNotTaken(Defect):
    """RFC 9110 section 10.1.1: after 100 (Continue) the body is sent, and is what is stored."""

    surface = "storage"
    noticed_by = ("storage/object/expected-continue-comes",)

    def new_object(self, original: Any, call: Call, md5: str, checksums: dict[str, str]) -> StoredObject:
        stored: StoredObject = original(call, md5, checksums)
        return replace(stored, body=b"") if "expect" in call.headers else stored


class ChosenFieldsComeBesideOthers(Defect):
    """RFC 9110 section 5.3: a type is told once, also where the answer has a field that was chosen."""

    surface = "storage"
    noticed_by = ("storage/object/single-value-fields-occur-once",)

    async def get_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = await original(call, bucket)
        if "response-cache-control" in call.query:
            answer.headers.append("Content-Type", "application/octet-stream")
        return answer


class NoContentHasALength(Defect):
    """RFC 9110 section 8.6: no Content-Length in 204."""

    surface = "storage"
    noticed_by = ("storage/object/no-content-has-no-length",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if answer.status == 204:
            answer.headers["Content-Length"] = "0"
        return answer


class NoContentHasABody(Defect):
    """RFC 9110 section 15.3.5: 204 ends with its head."""

    surface = "storage"
    noticed_by = ("storage/object/no-content-has-no-length",)
    shipped = True

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if answer.status == 204:
            answer.astray = b"0\r\n\r\n"
        return answer


class EarlyRefusalIsNoneOfTheSignature(Defect):
    """S3 API Reference, SignatureDoesNotMatch: 403, also where it is told before the body."""

    surface = "storage"
    noticed_by = ("storage/object/refusal-comes-before-the-body#unknown-key",)

    async def refused_early(self, original: Any, request: Request) -> Answer | None:
        refusal: Answer | None = await original(request)
        return replace(refusal, status=417, body=b"") if refusal is not None else None
