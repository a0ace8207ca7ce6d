"""Variants of the S3 gateway that were thought of in reading what the checks take for right, and what they forget."""

from __future__ import annotations

from typing import Any

from conformance.reference.defects.base import Variant
from conformance.reference.defects.storage.forms import FormsTaken
from conformance.reference.http import Answer, Request
from conformance.reference.storage.authentication import Presented
from conformance.reference.storage.call import Call
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.state import Bucket
from conformance.reference.variants.storage_unusual import ClockBehind

UNSIGNED = ("UNSIGNED-PAYLOAD", "STREAMING-UNSIGNED-PAYLOAD-TRAILER")


class UnsignedPayloadsForbidden(Variant):
    """SigV4, "Create a Canonical Request": UNSIGNED-PAYLOAD is for TLS; over plain http it is AccessDenied."""

    surface = "storage"

    def presented_in_header(self, original: Any, request: Request, header: str) -> Presented:
        presented: Presented = original(request, header)
        if presented.payload_hash in UNSIGNED:
            raise Fault("AccessDenied", "Payloads that are not signed are for TLS.")
        return presented


class DeletionsOfVersionsNotImplemented(Variant):
    """Error responses, NotImplemented: a gateway without versions refuses a whole Delete document that names one."""

    surface = "storage"

    async def delete_objects(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        if b"<VersionId>" in call.body:
            raise Fault("NotImplemented")
        answer: Answer = await original(call, bucket)
        return answer


class FormsByAClockBehind(FormsTaken, ClockBehind):
    """SigV4, "Browser-based uploads using POST": what a signed policy permits is taken, by the gateway's clock."""


class IdentityIsNoCoding(Variant):
    """RFC 9110 section 8.4.1: identity "SHOULD NOT be included" in Content-Encoding: who chose it is told none."""

    surface = "storage"

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if answer.headers.get("Content-Encoding") == "identity":
            del answer.headers["Content-Encoding"]
        return answer
