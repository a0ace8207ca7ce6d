"""Defects of registries in use, with the thread that tells of each where one does."""

from __future__ import annotations

from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.registry.common import registry_of
from conformance.reference.http import Answer, Request
from conformance.reference.registry.access import Access
from conformance.reference.registry.errors import Refusal
from conformance.reference.registry.routing import Asked
from conformance.reference.registry.state import INDEXES, Manifest

BEYOND_MEMORY = 10**9
OF_OTHERS = 2


class SessionKnownFromItsFirstByte(Defect):
    """distribution-spec 1.1, Pushing a blob in chunks: a session is known once it is opened."""

    surface = "registry"
    noticed_by = ("registry/upload/status-is-told",)

    async def get_upload(self, original: Any, asked: Asked) -> Answer:
        answer: Answer = await original(asked)
        if not registry_of(original).find_upload(asked).content:
            raise Refusal("BLOB_UPLOAD_UNKNOWN", {"upload": asked.reference})
        return answer


class MountedBlobOfItsLinksLength(Defect):
    """distribution-spec 1.1, Checking if content exists: HEAD has the length of a blob (serverless-registry #134)."""

    surface = "registry"
    noticed_by = ("registry/mount/location-is-in-the-target",)

    def __init__(self) -> None:
        self.mounted: dict[tuple[str, str], str] = {}

    async def mount_blob(self, original: Any, source: str, target: str, digest: str) -> bool:
        mounted: bool = await original(source, target, digest)
        if mounted:
            self.mounted[target, digest] = f"{source}/blobs/{digest}"
        return mounted

    async def head_blob(self, original: Any, asked: Asked) -> Answer:
        answer: Answer = await original(asked)
        link = self.mounted.get((asked.name, asked.reference))
        if link is not None:
            answer.headers["Content-Length"] = str(len(link))
        return answer


class IndexPushedAgainRefused(Defect):
    """distribution-spec 1.1, Pushing Manifests: an index that is there may be pushed again (buildah #2594)."""

    surface = "registry"
    noticed_by = ("registry/manifest/oci-index-is-taken#again",)

    async def store_manifest(self, original: Any, name: str, manifest: Manifest) -> None:
        if manifest.media_type in INDEXES and manifest.digest in registry_of(original).stored(name).manifests:
            raise Refusal("MANIFEST_INVALID", {"digest": manifest.digest})
        await original(name, manifest)


class IndexOfLayersFails(Defect):
    """API Reference, Error Handling: an index of layers is no failure's cause (buildkit #2761)."""

    surface = "registry"
    noticed_by = ("registry/manifest/index-of-layers-is-no-server-error",)
    crashes = (KeyError,)

    def check_manifest(self, original: Any, name: str, media_type: str, document: dict[str, Any]) -> None:
        if media_type in INDEXES:
            known = registry_of(original).stored(name)
            for each in document.get("manifests") or []:
                if isinstance(each, dict) and each.get("digest") in known.blobs:
                    raise KeyError("config")
        original(name, media_type, document)


class LargePageFails(Defect):
    """API Reference, Error Handling: no memory is made ready for as many names as are asked for (CVE-2023-2253)."""

    surface = "registry"
    noticed_by = ("registry/catalog/bad-n-is-no-server-error#large", "registry/tags/bad-n-is-no-server-error#large")
    crashes = (MemoryError,)

    def page_size(self, original: Any, request: Request) -> int | None:
        size: int | None = original(request)
        if size is not None and size > BEYOND_MEMORY:
            raise MemoryError
        return size


class SupportWantsAnyScope(Defect):
    """Docker token scopes: a scope is a type, a name and actions, which ``*`` is none of (gitea #36907)."""

    surface = "registry"
    noticed_by = ("registry/login/challenge-names-the-scope#support",)

    def challenge_parameters(self, original: Any, wanted: list[Access], error: str | None) -> list[tuple[str, str]]:
        told: list[tuple[str, str]] = original(wanted, error)
        return told if wanted else [*told, ("scope", "*")]


class CatalogCountsWhatItLeavesOut(Defect):
    """Docker Registry V2, Pagination: no Link says that all was received, though a page be of others' (europa #45)."""

    surface = "registry"
    noticed_by = ("registry/catalog/links-leave-nothing-out",)

    def page_answer(
        self, original: Any, request: Request, document: dict[str, Any], member: str, names: list[str]
    ) -> Answer:
        size = registry_of(original).page_size(request)
        if member == "repositories" and size is not None and size <= OF_OTHERS and not request.parameter("last"):
            return Answer.json(200, {member: []})
        answer: Answer = original(request, document, member, names)
        return answer


class HeadWithoutAcceptUnknown(Defect):
    """RFC 9110 section 12.5.1: who sends no Accept takes any type, of HEAD as of GET (watchtower #728)."""

    surface = "registry"
    noticed_by = ("registry/pull/any-type-is-any-type#no-accept",)

    async def head_manifest(self, original: Any, asked: Asked) -> Answer:
        if not asked.request.headers.get("accept"):
            raise registry_of(original).unknown_manifest(asked)
        answer: Answer = await original(asked)
        return answer


class SizeInWordsFails(Defect):
    """API Reference, Error Handling: a size that is no number is its caller's mistake."""

    surface = "registry"
    noticed_by = ("registry/manifest/descriptors-are-whole#config-size-in-words",)
    crashes = (TypeError,)

    def check_descriptor(self, original: Any, member: str, descriptor: Any) -> None:
        if isinstance(descriptor, dict) and isinstance(descriptor.get("size"), str):
            raise TypeError(descriptor["size"])
        original(member, descriptor)
