"""Variants of the storage surface: what small servers answer otherwise than the large ones, and may."""

from __future__ import annotations

from typing import Any

from conformance.reference.defects.base import Variant
from conformance.reference.http import Request
from conformance.reference.storage.call import Call, Signer
from conformance.reference.storage.faults import Fault
from conformance.reference.variants.storage import TaggingNotOffered
from conformance.reference.variants.storage_access import fault

Asked = tuple[int | None, int | None] | None


class UnsignedToldAsMissingToken(Variant):
    """Error responses, MissingAuthenticationToken: "The request was not signed", 403 as AccessDenied is."""

    surface = "storage"

    def anonymous(self, original: Any) -> Fault:
        return fault("MissingAuthenticationToken", 403)


class InvalidRangeIsBadRequest(Variant):
    """RFC 9110 section 14.2: a Range that is not valid may be rejected, and by no status of its own: here 400."""

    surface = "storage"

    def asked_range(self, original: Any, value: str) -> Asked:
        asked: Asked = original(value)
        if asked is None and value.startswith("bytes="):
            raise Fault("InvalidArgument")
        return asked


class ExpiryToldAsMalformed(Variant):
    """An X-Amz-Expires out of bounds is told as what cannot be read of an Authorization header is."""

    surface = "storage"

    def expiry(self, original: Any, given: str) -> int:
        try:
            seconds: int = original(given)
        except Fault:
            raise Fault("AuthorizationHeaderMalformed") from None
        return seconds


class TaggingRefusedUnseen(TaggingNotOffered):
    """Error responses, NotImplemented: a parameter that is not implemented is 501 before its signature is looked at."""

    def authenticate(self, original: Any, request: Request) -> Signer:
        if "tagging" in request.query_string.replace("=", "&").split("&"):
            raise Fault("NotImplemented")
        signer: Signer = original(request)
        return signer


class MultipartNotOffered(Variant):
    """Error responses, NotImplemented: uploads in parts are not offered, and 501 in whichever bucket."""

    surface = "storage"
    without = ("storage.multipart",)

    def read_payload(self, original: Any, call: Call) -> None:
        if {"uploads", "uploadId", "partNumber"} & call.query.keys():
            raise Fault("NotImplemented")
        original(call)
