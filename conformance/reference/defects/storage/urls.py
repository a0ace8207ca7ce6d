"""Defects of presigned URLs and of trailers: what was signed, and is not compared."""

from __future__ import annotations

from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.storage.support import gateway
from conformance.reference.http import Request
from conformance.reference.storage.authentication import Presented
from conformance.reference.storage.call import Call, Signer
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.objects import OVERRIDES


class UrlsOfSeveralFieldsRefused(Defect):
    """SigV4, "Using Query Parameters", X-Amz-SignedHeaders: not Host alone may be signed."""

    surface = "storage"
    noticed_by = ("storage/presigned/signed-fields-are-served",)

    def canonical_headers(self, original: Any, request: Request, names: tuple[str, ...]) -> str:
        return str(original(request, ("host",) if "X-Amz-Signature" in request.query_string else names))


class FieldsOfUrlsNotCompared(Defect):
    """SigV4, "Using Query Parameters", X-Amz-SignedHeaders: a field that was signed comes as it was signed."""

    surface = "storage"
    noticed_by = (
        "storage/presigned/signed-fields-are-checked#metadata-changed",
        "storage/presigned/signed-fields-are-checked#metadata-left-out",
        "storage/presigned/signed-fields-are-checked#type-changed",
    )

    def authenticate(self, original: Any, request: Request) -> Signer:
        surface = gateway(original)
        try:
            signer: Signer = original(request)
        except Fault as fault:
            presented = surface.presented(request)
            key = surface.known_key(presented.credential.access_key)
            if fault.code != "SignatureDoesNotMatch" or key is None or presented.signed_headers == ("host",):
                raise
            return Signer(key.organization, b"", "", "", "", "UNSIGNED-PAYLOAD")
        return signer


class ScopeOfUrlsNotLookedAt(Defect):
    """SigV4, "Using Query Parameters", X-Amz-Credential: the scope is of this service and of the URL's day."""

    surface = "storage"
    noticed_by = ("storage/presigned/wrong-scope-is-refused#date", "storage/presigned/wrong-scope-is-refused#service")

    def check_scope(self, original: Any, presented: Presented) -> None:
        if presented.expires is None:
            original(presented)


class LostTrailerIgnored(Defect):
    """SigV4, "Transferring Payload in Multiple Chunks", x-amz-trailer: what is announced comes."""

    surface = "storage"
    noticed_by = ("storage/streaming/announced-trailer-must-come",)

    def read_trailers(self, original: Any, call: Call, rest: bytes, previous: str | None) -> None:
        if rest != b"\r\n":
            original(call, rest, previous)


class PathSignedAsSent(Defect):
    """SigV4, "Task 1": the path is encoded anew for the signature, however it was encoded on its way."""

    surface = "storage"
    noticed_by = (
        "storage/signature/encoding-on-the-wire-does-not-matter#less",
        "storage/signature/encoding-on-the-wire-does-not-matter#small-letters",
    )

    def canonical_path(self, original: Any, request: Request) -> str:
        return request.raw_path


class UrlsOfPartsRefused(Defect):
    """SigV4, "Using Query Parameters": a part of an upload is served by its URL as an object is."""

    surface = "storage"
    noticed_by = ("storage/presigned/part-is-served",)

    def presented_in_query(self, original: Any, request: Request, query: dict[str, str]) -> Presented:
        if "uploadId" in query:
            raise Fault("AuthorizationQueryParametersError")
        presented: Presented = original(request, query)
        return presented


class ChosenFieldsEndLines(Defect):
    """RFC 9110 section 5.5: a line end within the value of a field is refused, or a blank is put in its place."""

    surface = "storage"
    noticed_by = ("storage/presigned/chosen-fields-add-no-others",)

    def overrides(self, original: Any, call: Call) -> dict[str, str]:
        found = dict[str, str]()
        for name, header in OVERRIDES.items():
            value, *lines = call.query.get(name, "").split("\r\n")
            found |= {header: value} if value else {}
            found |= dict(line.split(": ", 1) for line in lines if ": " in line)
        return found
