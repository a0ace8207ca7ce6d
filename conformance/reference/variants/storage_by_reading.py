"""Variants of the S3 gateway that were thought of in reading what the checks take for right, and what they forget."""

from __future__ import annotations

import base64
import json
from typing import Any

from conformance.reference.defects.base import Variant
from conformance.reference.defects.storage.forms import fields_of, fits, in_time, is_own, of_key, signed, stored_by
from conformance.reference.defects.storage.support import gateway
from conformance.reference.http import Answer, Request
from conformance.reference.storage import Storage
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


class FormsByAClockBehind(ClockBehind):
    """SigV4, "Browser-based uploads using POST": what a signed policy permits is taken, by the gateway's clock."""

    async def answered(self, original: Any, request: Request) -> Answer:
        fields = fields_of(request)
        if not fields:
            answer: Answer = await original(request)
            return answer
        surface = gateway(original)
        if not self._permits(surface, request, fields):
            raise Fault("AccessDenied")
        return stored_by(surface, request, fields)

    def _permits(self, surface: Storage, request: Request, fields: dict[str, str]) -> bool:
        if not {"policy", "key", "x-amz-credential", "x-amz-signature"} <= fields.keys():
            return False
        if not signed(surface, fields) or not is_own(surface, request, fields):
            return False
        policy = json.loads(base64.b64decode(fields["policy"]))
        named = {"bucket": surface.target(request)[0]} in policy["conditions"]
        return named and in_time(policy, surface.now()) and of_key(policy, fields) and fits(policy, fields)
