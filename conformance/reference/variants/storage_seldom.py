"""Variants of the S3 gateway that fail late, send one on, or have pages of their own, as the S3 API lets them."""

from __future__ import annotations

import hashlib
import itertools
import re
from typing import Any

from conformance.reference.defects.base import Variant
from conformance.reference.defects.storage.support import gateway
from conformance.reference.http import Answer, Request
from conformance.reference.storage import xml
from conformance.reference.storage.call import Call, whole_number
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


class FirstPagesMayBeEmpty(Variant):
    """ListObjectsV2, max-keys: "The response might contain fewer keys but will never contain more": none at first.

    Where a gateway has looked through nothing but what was deleted, it says where to go on, before it has found a key.
    """

    surface = "storage"

    async def list_objects_v2(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        answer: Answer = await original(call, bucket)
        if "continuation-token" in call.query or call.query.get("max-keys") == "0":
            return answer
        surface = gateway(original)
        token = xml.element("NextContinuationToken", surface.continuation_token(surface.start_after(call))).encode()
        emptied = re.sub(rb"<(Contents|CommonPrefixes)>.*?</\1>", b"", answer.body, flags=re.DOTALL)
        emptied = re.sub(rb"<NextContinuationToken>[^<]*</NextContinuationToken>", b"", emptied)
        emptied = re.sub(rb"(?<=<KeyCount>)[0-9]+", b"0", emptied)
        answer.body = re.sub(rb"<IsTruncated>[a-z]*<", lambda _: token + b"<IsTruncated>true<", emptied)
        return answer


class BucketsComeInPages(Variant):
    """ListBuckets, ContinuationToken: where there are more buckets, unasked too: here one a page."""

    surface = "storage"

    def list_buckets(self, original: Any, call: Call) -> Answer:
        whole_number("max-buckets", call.query.get("max-buckets", "1"), 10_000)
        call.query["max-buckets"] = "1"
        answer: Answer = original(call)
        return answer


class CopyFailsWithin200(Variant):
    """CopyObject: "If the error occurs during the copy operation, the error response is embedded in the 200 OK".

    So does one that is made under a condition on what stands at its key, which is known when it is written.
    """

    surface = "storage"

    async def copy_object(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        try:
            answer: Answer = await original(call, bucket)
        except Fault as failure:
            await gateway(original).source(call)
            if failure.code != "PreconditionFailed" or not any(name in call.headers for name in CONDITIONS):
                raise
            answer = late_failure(original, call, failure)
        return answer


class BusyWithin200(Variant):
    """CopyObject, CompleteMultipartUpload: an error may be embedded in the 200; SDKs try again, as after a SlowDown.

    DeleteObjects likewise tells SlowDown of a key that it had no time for. Each is served when it is sent again.
    """

    surface = "storage"
    alone = True

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
    alone = True

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


class MethodsOfWhatIsThere(Variant):
    """RFC 9110 section 10.2.1: Allow tells what a resource supports at that time; one that there is not, to be put."""

    surface = "storage"

    async def on_object(self, original: Any, call: Call) -> Answer:
        try:
            answer: Answer = await original(call)
        except Fault as failure:
            bucket = gateway(original).buckets.get(call.bucket)
            if failure.code == "MethodNotAllowed" and bucket and call.key not in bucket.objects:
                raise Fault("MethodNotAllowed", headers={"Allow": "PUT"}) from None
            raise
        return answer
