"""Defects that take what another repository has for this one's."""

from __future__ import annotations

from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.registry.common import registry_of
from conformance.reference.http import Answer
from conformance.reference.registry import Registry
from conformance.reference.registry.routing import Asked
from conformance.reference.registry.state import Manifest, Repository


def blob_anywhere(registry: Registry, digest: str) -> bytes | None:
    """The blob of whichever repository has it."""
    return next((each.blobs[digest] for each in registry.repositories.values() if digest in each.blobs), None)


def manifest_anywhere(registry: Registry, digest: str) -> Manifest | None:
    """The manifest of whichever repository has it."""
    return next((each.manifests[digest] for each in registry.repositories.values() if digest in each.manifests), None)


class ManifestOfAnyRepository(Defect):
    """distribution-spec 1.1, Pulling manifests: a manifest is pulled from the repository that it was pushed to."""

    surface = "registry"
    noticed_by = (
        "registry/pull/manifest-stays-in-its-repository#get",
        "registry/pull/manifest-stays-in-its-repository#head",
    )

    def resolve(self, original: Any, name: str, reference: str) -> Manifest | None:
        found: Manifest | None = original(name, reference)
        return found or manifest_anywhere(registry_of(original), reference)


class UploadCancelledByAnotherRepository(Defect):
    """distribution-spec 1.1, Pushing blobs: a session is cancelled in the repository that it was opened in."""

    surface = "registry"
    noticed_by = ("registry/upload/session-belongs-to-its-repository",)

    async def delete_upload(self, original: Any, asked: Asked) -> Answer:
        answer: Answer = await original(in_its_own(asked, registry_of(original)))
        return answer


class ChunkTakenByAnotherRepository(Defect):
    """distribution-spec 1.1, Pushing blobs: a chunk goes to the repository that the session was opened in."""

    surface = "registry"
    noticed_by = ("registry/upload/session-belongs-to-its-repository",)

    async def patch_upload(self, original: Any, asked: Asked) -> Answer:
        answer: Answer = await original(in_its_own(asked, registry_of(original)))
        return answer


def in_its_own(asked: Asked, registry: Registry) -> Asked:
    """The same as if it had been asked of the repository that the session is of."""
    upload = registry.uploads.get(asked.reference)
    return asked.also_named(upload.repository) if upload else asked


class ManifestBringsItsBlobs(Defect):
    """Docker Registry V2, Pulling a Layer: a manifest that names a blob does not make it this repository's."""

    surface = "registry"
    noticed_by = (
        "registry/manifest/reference-brings-no-blob#organization",
        "registry/manifest/reference-brings-no-blob#repository",
        "registry/manifest/missing-reference-is-refused#known-elsewhere",
        "registry/manifest/missing-reference-is-refused#layer-elsewhere",
    )

    def check_blobs(self, original: Any, name: str, descriptors: list[dict[str, Any]]) -> None:
        registry = registry_of(original)
        for digest in (each["digest"] for each in descriptors):
            content = blob_anywhere(registry, digest)
            if content is not None:
                registry.opened(name).blobs[digest] = content
        original(name, descriptors)


class AppsOfAllOrganizationsAreOne(Defect):
    """API Reference, Docker Registry: ``orgs/acme/app`` and ``orgs/globex/app`` are two images."""

    surface = "registry"
    noticed_by = (
        "registry/rights/same-app-of-another-organization#blob",
        "registry/rights/same-app-of-another-organization#manifest",
    )

    def stored(self, original: Any, name: str) -> Repository:
        known: dict[str, Repository] = registry_of(original).repositories
        app = name.split("/")[2:]
        found: Repository = next((known[each] for each in known if each.split("/")[2:] == app), None) or original(name)
        return found


class TagDeletedInEveryRepository(Defect):
    """distribution-spec 1.1, Deleting tags: the tag of this repository goes, not that of the others."""

    surface = "registry"
    noticed_by = ("registry/delete/image-stays-elsewhere#tag",)

    async def remove_tag(self, original: Any, name: str, tag: str) -> None:
        for each in list(registry_of(original).repositories):
            await original(each, tag)


class IndexDeletionTakesItsImages(Defect):
    """distribution-spec 1.1, Deleting Manifests: an index goes, and not the images that it lists."""

    surface = "registry"
    noticed_by = ("registry/delete/listed-images-stay",)

    async def remove_manifest(self, original: Any, name: str, digest: str) -> None:
        deleted = registry_of(original).stored(name).manifests[digest]
        await original(name, digest)
        for child in deleted.document.get("manifests") or []:
            await original(name, child["digest"])


class ManifestOfAnyRepositoryAsABlob(Defect):
    """distribution-spec 1.1, Pulling blobs: nor is another repository's manifest found among the blobs of one's own."""

    surface = "registry"
    noticed_by = ("registry/pull/blob-stays-in-its-repository#manifest",)

    def blob_of(self, original: Any, name: str, digest: str) -> bytes:
        known = (each.manifests.get(digest) for each in registry_of(original).repositories.values())
        found = next(filter(None, known), None)
        return found.content if found else bytes(original(name, digest))
