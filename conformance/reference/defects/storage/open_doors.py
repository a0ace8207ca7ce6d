"""Defects of operations that strangers reach, since their way in is another than that of GET and PUT."""

from __future__ import annotations

from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.storage.support import gateway
from conformance.reference.defects.storage.tenancy import let_in
from conformance.reference.http import Request
from conformance.reference.storage.call import Signer, query_of
from conformance.reference.storage.faults import Fault

CLOSED = ("storage/signature/every-operation-is-closed",)
UPLOADS = ("storage/signature/every-upload-is-closed",)


class StrangersReadTags(Defect):
    """Provisioning Storage: an object's tags are read with the organization's access key, as the object is."""

    surface = "storage"
    noticed_by = ("storage/signature/every-operation-is-closed#get-tags",)

    def authenticate(self, original: Any, request: Request) -> Signer:
        return let_in(original, request, request.method == "GET" and "tagging" in query_of(request))


class StrangersReadParts(Defect):
    """S3 API Reference, GetObject: who asks for a range of an object must be allowed to read it."""

    surface = "storage"
    noticed_by = ("storage/signature/every-operation-is-closed#ranged",)

    def authenticate(self, original: Any, request: Request) -> Signer:
        return let_in(original, request, request.method == "GET" and "range" in request.headers)


class StrangersListTheOldWay(Defect):
    """S3 API Reference, ListObjects: the first version of the listing is as closed as the second."""

    surface = "storage"
    noticed_by = ("storage/signature/every-operation-is-closed#list-first-version",)

    def authenticate(self, original: Any, request: Request) -> Signer:
        listing = request.method == "GET" and gateway(original).target(request)[1] == ""
        return let_in(original, request, listing and not {"list-type", "uploads", "location"} & set(query_of(request)))


class StrangersSeeUploads(Defect):
    """Provisioning Storage: what is under way to a bucket is told to who has the organization's access key."""

    surface = "storage"
    noticed_by = (
        "storage/signature/every-operation-is-closed#list-uploads",
        "storage/signature/every-upload-is-closed#list-parts",
    )

    def authenticate(self, original: Any, request: Request) -> Signer:
        asked = {"uploads", "uploadId"} & set(query_of(request))
        return let_in(original, request, request.method == "GET" and bool(asked))


def under_any_secret(original: Any, request: Request, allowed: bool) -> Signer:
    """Takes a known access key for its owner, whatever the signature, where ``allowed``."""
    surface = gateway(original)
    try:
        signer: Signer = original(request)
    except Fault as fault:
        if fault.code != "SignatureDoesNotMatch" or not allowed:
            raise
        key = surface.known_key(surface.presented(request).credential.access_key)
        return Signer(key.organization if key else "", b"", "", "", "", "UNSIGNED-PAYLOAD")
    return signer
