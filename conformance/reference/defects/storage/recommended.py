"""Defects of what a gateway should do: conditions and questions that other servers take, and defaults."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.storage.authentication import Presented
from conformance.reference.storage.call import Call, Signer
from conformance.reference.storage.conditions import Conditions, http_date, listed_tags
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.properties import LONGEST_TAG_VALUE
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


class UnsignedPartsRefused(Defect):
    """S3 API Reference, Authenticating Requests: a payload may be left out of the signature, that of a part too."""

    surface = "storage"
    noticed_by = ("storage/signature/unsigned-payload-is-served",)

    def read_payload(self, original: Any, call: Call) -> None:
        if call.signer.payload_hash == "UNSIGNED-PAYLOAD" and "uploadId" in call.query:
            raise Fault("InvalidArgument")
        original(call)


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
    noticed_by = ("storage/condition/if-match-any", "storage/conditional-write/if-match-any-needs-an-object")

    def match_holds(self, original: Any, value: str, found: StoredObject | None) -> bool:
        return value.strip() != "*" and bool(original(value, found))


class BrokenDateRefused(Defect):
    """RFC 9110 section 13.1.3: an If-Modified-Since that is no HTTP date is ignored."""

    surface = "storage"
    noticed_by = ("storage/condition/broken-date-is-ignored",)

    def intercept(self, request: Request) -> Answer | None:
        since = request.headers.get("if-modified-since")
        return Answer(400) if since is not None and http_date(since) is None else None


class DateAloneRefused(Defect):
    """S3 API Reference, "Common Request Headers": Date tells the time where there is no x-amz-date."""

    surface = "storage"
    noticed_by = ("storage/signature/date-field-tells-the-time",)

    def presented_in_header(self, original: Any, request: Request, header: str) -> Presented:
        if "x-amz-date" not in request.headers:
            raise Fault("AccessDenied", "AWS authentication requires x-amz-date")
        presented: Presented = original(request, header)
        return presented


class MatchAlone(Defect):
    """RFC 9110 section 13.2.2: where If-Match holds, If-None-Match is evaluated as well."""

    surface = "storage"
    noticed_by = ("storage/condition/if-none-match-beside-if-match",)

    def precondition(self, original: Any, asked: Conditions, found: StoredObject | None, reading: bool) -> int | None:
        beside = asked if asked.match is None else replace(asked, none_match=None)
        status: int | None = original(beside, found, reading)
        return status


class TagsCountedInBytes(Defect):
    """S3 User Guide, "Categorizing your storage using tags": the limits are of Unicode characters."""

    surface = "storage"
    noticed_by = ("storage/tagging/limits-are-in-characters",)

    def checked_tags(self, original: Any, pairs: list[tuple[str, str]]) -> dict[str, str]:
        if any(len(each.encode()) > LONGEST_TAG_VALUE for pair in pairs for each in pair):
            raise Fault("InvalidTag")
        tags: dict[str, str] = original(pairs)
        return tags


class WrongSignaturesAreUnauthorized(Defect):
    """S3 API Reference, Error responses: SignatureDoesNotMatch and InvalidAccessKeyId are 403."""

    surface = "storage"
    noticed_by = ("storage/signature/refusal-is-403#unknown-key", "storage/signature/refusal-is-403#wrong-secret")

    def authenticate(self, original: Any, request: Request) -> Signer:
        try:
            signer: Signer = original(request)
        except Fault as found:
            found.status = 401 if found.status == 403 else found.status
            raise
        return signer
