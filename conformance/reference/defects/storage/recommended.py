"""Defects of what a gateway should do: conditions and questions that other servers take, and defaults."""

from __future__ import annotations

from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.storage.call import Call
from conformance.reference.storage.conditions import http_date, listed_tags
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.state import Bucket, StoredObject


class BucketLocationUnknown(Defect):
    """S3 API Reference, GetBucketLocation: it returns the region that the bucket is in."""

    surface = "storage"
    noticed_by = ("storage/service/location-is-told",)

    async def bucket_location(self, original: Any, call: Call, bucket: Bucket) -> Answer:
        raise Fault("NotImplemented")


class UnsignedPayloadLost(Defect):
    """S3 API Reference, Authenticating Requests: a payload may be left out of the signature, and is stored."""

    surface = "storage"
    noticed_by = ("storage/signature/unsigned-payload-is-served",)

    def read_payload(self, original: Any, call: Call) -> None:
        original(call)
        if call.signer.payload_hash == "UNSIGNED-PAYLOAD":
            call.body = b""


class NoDefaultContentType(Defect):
    """S3 API Reference, PutObject: an object without a Content-Type has that of bytes of any kind."""

    surface = "storage"
    noticed_by = ("storage/object/content-type-is-told",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if answer.headers.get("content-type") == "binary/octet-stream":
            del answer.headers["Content-Type"]
        return answer


class IfMatchTakesOneTag(Defect):
    """RFC 9110 section 13.1.1: If-Match holds where one of the entity tags that it lists is the object's."""

    surface = "storage"
    noticed_by = ("storage/condition/if-match-among-several",)

    def match_holds(self, original: Any, value: str, found: StoredObject | None) -> bool:
        return len(listed_tags(value)) < 2 and bool(original(value, found))


class IfMatchAnyTakenForATag(Defect):
    """RFC 9110 section 13.1.1: If-Match: * holds where there is an object."""

    surface = "storage"
    noticed_by = ("storage/condition/if-match-any",)

    def match_holds(self, original: Any, value: str, found: StoredObject | None) -> bool:
        return value.strip() != "*" and bool(original(value, found))


class BrokenDateRefused(Defect):
    """RFC 9110 section 13.1.3: an If-Modified-Since that is no HTTP date is ignored."""

    surface = "storage"
    noticed_by = ("storage/condition/broken-date-is-ignored",)

    def intercept(self, request: Request) -> Answer | None:
        since = request.headers.get("if-modified-since")
        return Answer(400) if since is not None and http_date(since) is None else None
