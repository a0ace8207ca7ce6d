"""Variants of the S3 gateway that fail late, send one on, or have pages of their own, as the S3 API lets them."""

from __future__ import annotations

import hashlib
import itertools
from typing import Any

from conformance.reference.defects.base import Variant
from conformance.reference.defects.storage.support import gateway
from conformance.reference.http import Answer, Request
from conformance.reference.storage.call import Call
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.state import Bucket
from conformance.reference.variants.storage_access import fault

CONDITIONS = ("if-match", "if-none-match")
EACH = 10
BUSY = fault("SlowDown", 503, "Please reduce your request rate.")


def late_failure(original: Any, call: Call, failure: Fault) -> Answer:
    """200, which was sent before it was known, and then the error."""
    surface = gateway(original)
    answer = Answer(200, surface.error_body(call.request, failure, surface.new_request_id()))
    answer.headers.update({"Content-Type": "application/xml", "Retry-After": "0"})
    return answer


class BusyWithin200(Variant):
    """CopyObject, CompleteMultipartUpload: an error may be embedded in the 200; SDKs try again, as after a SlowDown.

    DeleteObjects likewise tells SlowDown of a key that it had no time for. Each is served when it is sent again.
    """

    surface = "storage"

    def __init__(self) -> None:
        self.seen: set[tuple[str, ...]] = set()

    def _is_new(self, call: Call) -> bool:
        """Whether this very request comes for the first time; the SDK's checks have it try nothing twice."""
        request = call.request
        if "boto3" in request.headers.get("user-agent", "").lower():
            return False
        signed = request.headers.get("authorization", "") + request.query_string
        same = (request.method, request.raw_path, signed, hashlib.sha256(request.body).hexdigest())
        known = same in self.seen
        self.seen.add(same)
        return not known

    async def copy_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        await gateway(original).source(call)
        if self._is_new(call):
            return late_failure(original, call, BUSY)
        answer: Answer = await original(call, bucket)
        return answer

    copy_part = copy_object

    async def complete_upload(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        gateway(original).upload_of(call, bucket)
        if self._is_new(call):
            return late_failure(original, call, BUSY)
        answer: Answer = await original(call, bucket)
        return answer

    async def delete_objects(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        surface = gateway(original)
        surface.check_integrity(call)
        entries = surface.entries(surface.request_document(call.body, "Delete"))
        if self._is_new(call):
            told = [surface.entry_failed(surface.entry_key(each), BUSY) for each in entries]
            refused = surface.document("DeleteResult", *told)
            refused.headers["Retry-After"] = "0"
            return refused
        answer: Answer = await original(call, bucket)
        return answer


class HeadsAskedToSlowDown(Variant):
    """List of error codes, SlowDown: one HEAD in ten is 503, with no body to say so, and served when sent again."""

    surface = "storage"

    def __init__(self) -> None:
        self.heads = itertools.count()
        self.refused: set[tuple[str, str]] = set()

    def intercept(self, request: Request) -> Answer | None:
        same = request.raw_path, request.headers.get("authorization", "") + request.query_string
        if request.method != "HEAD" or "boto3" in request.headers.get("user-agent", "").lower():
            return None
        if same in self.refused or next(self.heads) % EACH:
            return None
        self.refused.add(same)
        return Answer(503)
