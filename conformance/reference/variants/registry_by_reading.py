"""The registry, correct otherwise, as reading the checks showed that they had to bear it."""

from __future__ import annotations

from typing import Any

from conformance.reference.defects.base import Variant
from conformance.reference.defects.registry.common import registry_of
from conformance.reference.http import Answer, Request
from conformance.reference.registry.access import Caller
from conformance.reference.registry.errors import Refusal
from conformance.reference.registry.routing import Asked, Route
from conformance.reference.registry.rules import invalid
from conformance.reference.registry.state import INDEXES
from conformance.reference.variants.registry_answers import UnnamedBlobsCollected

DELETABLE = ("manifest", "blob")


class AbsenceToldBeforeTheMethod(Variant):
    """RFC 9110 section 15.5.6: 405 is of a resource that is there; of one that is not, 404 is as true."""

    surface = "registry"

    async def answer(self, original: Any, request: Request) -> Answer:
        registry = registry_of(original)
        route, name, reference = registry.route_of(request.path)
        stored = registry.stored(name)
        there = {"manifest": {*stored.tags, *stored.manifests}, "blob": set(stored.blobs)}.get(route.kind)
        if request.method not in route.handlers and there is not None and reference not in there:
            registry.authorize(route.kind, name, request)
            raise Refusal("MANIFEST_UNKNOWN" if route.kind == "manifest" else "BLOB_UNKNOWN")
        answer: Answer = await original(request)
        return answer


class BlobsGoWithTheirImage(UnnamedBlobsCollected):
    """distribution-spec 1.1: a blob that a manifest names may be kept, and be collected with the last of these."""

    async def remove_blob(self, original: Any, name: str, digest: str) -> None:
        if any(digest.encode() in each.content for each in registry_of(original).stored(name).manifests.values()):
            raise Refusal("DENIED", {"digest": digest})
        await original(name, digest)


class EmptyIndexesRefused(Variant):
    """Docker Registry V2, Pushing an Image Manifest: an index of nothing, which nobody can pull, may be refused."""

    surface = "registry"

    def check_manifest(self, original: Any, name: str, media_type: str, document: dict[str, Any]) -> None:
        original(name, media_type, document)
        if media_type in INDEXES and not document["manifests"]:
            raise invalid("an index of nothing")


class CancellingNotImplemented(Variant):
    """RFC 9110 section 15.6.2: a server that cancels no uploads may say so of the method, whoever asks."""

    surface = "registry"
    misses = ("registry/upload/cancelling-is-answered-204",)

    def check_method(self, original: Any, route: Route, method: str) -> None:
        if route.kind == "upload" and method == "DELETE":
            raise Refusal("UNSUPPORTED", {"method": method}, status=501)
        original(route, method)


class PusherMayNotDelete(Variant):
    """API Reference, Error Handling: 403 for a login that lacks a role, such as that to delete what it has pushed."""

    surface = "registry"
    without = ("registry.delete", "registry.delete-tag")

    def authorize(self, original: Any, kind: str, name: str, request: Request) -> Caller:
        caller: Caller = original(kind, name, request)
        if request.method == "DELETE" and kind in DELETABLE:
            raise Refusal("DENIED", status=403)
        return caller


class MissingBlobsToldAsBlobs(Variant):
    """Docker Registry V2, PUT Manifest, On Failure: Missing Layer(s): for each there is a BLOB_UNKNOWN."""

    surface = "registry"

    def check_blobs(self, original: Any, name: str, descriptors: list[dict[str, Any]]) -> None:
        try:
            original(name, descriptors)
        except Refusal as refusal:
            if refusal.code == "MANIFEST_BLOB_UNKNOWN":
                raise Refusal("BLOB_UNKNOWN", *refusal.details, status=400) from None
            raise


class MalformedDigestsLeadNowhere(Variant):
    """distribution-spec 1.1, Endpoints: the failure of end-7 is 404, for a reference of no form as well."""

    surface = "registry"

    async def put_manifest(self, original: Any, asked: Asked) -> Answer:
        if ":" in asked.reference and not registry_of(original).is_digest(asked.reference):
            raise Refusal("DIGEST_INVALID", status=404)
        taken: Answer = await original(asked)
        return taken
