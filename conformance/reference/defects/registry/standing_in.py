"""Defects of what stands in for another thing, or in its way: a tag for an absent one, half of a blob for all of it."""

from __future__ import annotations

from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.registry.common import registry_of
from conformance.reference.http import Answer, Request
from conformance.reference.registry.errors import Refusal
from conformance.reference.registry.routing import Asked, find_route
from conformance.reference.registry.state import Manifest


class PostedBlobPresentAlready(Defect):
    """Docker Registry V2, Digest Parameter: what is posted is verified, though its digest is that of what is there."""

    surface = "registry"
    noticed_by = ("registry/digest/refused-bytes-replace-nothing#posted-blob",)

    async def post_whole(self, original: Any, asked: Asked, digest: str) -> Answer:
        registry = registry_of(original)
        if digest in registry.stored(asked.name).blobs:
            return registry.blob_created(asked, digest)
        answer: Answer = await original(asked, digest)
        return answer


class HeadBySha512NotFound(Defect):
    """distribution-spec 1.1, Pulling blobs, Pulling manifests: what GET has under a digest, HEAD has under it."""

    surface = "registry"
    noticed_by = ("registry/digest/sha512-is-verified", "registry/digest/sha512-manifest-comes-back")

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if request.method == "HEAD" and "/sha512:" in request.path:
            return Answer(404)
        return answer


class BlobCutOffTaken(Defect):
    """Docker Registry V2, Completed Upload: a body whose connection broke is no blob, and least under its digest."""

    surface = "registry"
    noticed_by = ("registry/digest/refused-bytes-are-stored-nowhere#cut-off",)

    async def broken_off(self, original: Any, request: Request) -> None:
        registry, found, digest = registry_of(original), find_route(request.path), request.parameter("digest")
        upload = registry.uploads.get(found[2]) if found and found[0].kind == "upload" else None
        if request.method == "PUT" and upload is not None and digest is not None:
            registry.close_session(upload)
            await registry.store_blob(upload.repository, digest, registry.whole_content(upload, request.body))
        await original(request)


class AbsentTagIsLatest(Defect):
    """distribution-spec 1.1, Pulling manifests: a tag that is not there is 404, whatever ``latest`` names."""

    surface = "registry"
    noticed_by = ("registry/pull/absent-manifest-is-404#tag-get", "registry/pull/absent-manifest-is-404#tag-head")

    def resolve(self, original: Any, name: str, reference: str) -> Manifest | None:
        found: Manifest | None = original(name, reference if ":" in reference else "latest")
        named: Manifest | None = original(name, reference)
        return named or found


class TagsBelowAreListed(Defect):
    """distribution-spec 1.1, Listing Tags: the tags of ``a/b`` are none of ``a``, in whose folder they are."""

    surface = "registry"
    noticed_by = ("registry/name/each-name-is-its-own#one-digit-component",)

    def tags_of(self, original: Any, name: str) -> list[str]:
        below = (each.tags for path, each in registry_of(original).repositories.items() if path.startswith(f"{name}/"))
        return list(dict.fromkeys([*original(name), *(tag for tags in below for tag in tags)]))


class Sha512MountedEmpty(Defect):
    """distribution-spec 1.1, Mounting a blob: what was mounted is there, by whichever digest."""

    surface = "registry"
    noticed_by = ("registry/mount/by-sha512-is-there",)

    async def mount_blob(self, original: Any, source: str, target: str, digest: str) -> bool:
        return digest.startswith("sha512:") or bool(await original(source, target, digest))


class FilterOfConfigsToo(Defect):
    """distribution-spec 1.1, Listing Referrers: the type of a config is an artifact's where it has none of its own."""

    surface = "registry"
    noticed_by = ("registry/referrers/filter-knows-the-configs-type",)

    def entry_of(self, original: Any, manifest: Manifest) -> dict[str, Any]:
        return {**original(manifest), "config": (manifest.document.get("config") or {}).get("mediaType")}

    def filter_passes(self, original: Any, descriptor: dict[str, Any], artifact_type: str) -> bool:
        return bool(original(descriptor, artifact_type)) or descriptor["config"] == artifact_type

    def referrers_answer(self, original: Any, descriptors: list[dict[str, Any]]) -> Answer:
        answer: Answer = original([{k: v for k, v in each.items() if k != "config"} for each in descriptors])
        return answer


class BlobDeletedAsManifest(Defect):
    """distribution-spec 1.1, Deleting Manifests: what is no manifest is 404, and is not deleted as one."""

    surface = "registry"
    noticed_by = ("registry/delete/absent-is-404#blob-as-manifest",)

    async def delete_manifest(self, original: Any, asked: Asked) -> Answer:
        registry = registry_of(original)
        try:
            answer: Answer = await original(asked)
        except Refusal:
            if asked.reference not in registry.stored(asked.name).blobs:
                raise
            await registry.remove_blob(asked.name, asked.reference)
            return registry.deleted()
        return answer


class CreatedBlobsOfTheInside(Defect):
    """distribution-spec 1.1, POST then PUT: the Location of what was created leads there for whoever pushed it."""

    surface = "registry"
    noticed_by = ("registry/upload/location-can-be-pulled", "registry/mount/location-is-in-the-target")

    def blob_url(self, original: Any, request: Request, name: str, digest: str) -> str:
        return f"http://registry.internal:5000/v2/{name}/blobs/{digest}"


class CreatedManifestsOfTheInside(Defect):
    """distribution-spec 1.1, Pushing Manifests: Location is a pullable manifest, for whoever pushed it."""

    surface = "registry"
    noticed_by = ("registry/manifest/location-can-be-pulled",)

    def manifest_created(self, original: Any, asked: Asked, manifest: Manifest) -> Answer:
        answer: Answer = original(asked, manifest)
        answer.headers["Location"] = f"http://registry.internal:5000/v2/{asked.name}/manifests/{manifest.digest}"
        return answer


class IndexGoesWithItsImage(Defect):
    """distribution-spec 1.1, Deleting Manifests: what lists the deleted one is not deleted, as by a cascade."""

    surface = "registry"
    noticed_by = ("registry/delete/others-stay#index-of-it",)

    async def remove_manifest(self, original: Any, name: str, digest: str) -> None:
        await original(name, digest)
        for each in list(registry_of(original).stored(name).manifests.values()):
            if any(listed["digest"] == digest for listed in each.document.get("manifests") or []):
                await original(name, each.digest)


class DeletedDigestNeverComesBack(Defect):
    """distribution-spec 1.1, Pushing Manifests: what was deleted and pushed again is there by its digest as well."""

    surface = "registry"
    noticed_by = ("registry/delete/can-be-pushed-again",)

    def __init__(self) -> None:
        self.deleted: set[tuple[str, str]] = set()

    async def remove_manifest(self, original: Any, name: str, digest: str) -> None:
        self.deleted.add((name, digest))
        await original(name, digest)

    def resolve(self, original: Any, name: str, reference: str) -> Manifest | None:
        found: Manifest | None = None if (name, reference) in self.deleted else original(name, reference)
        return found


class DeletingABlobInUseFails(Defect):
    """API Reference, Error Handling: who deletes what an image needs is refused, or not, and is no failure's cause."""

    surface = "registry"
    noticed_by = ("registry/delete/blob-goes-alone",)

    async def remove_blob(self, original: Any, name: str, digest: str) -> None:
        if any(digest.encode() in each.content for each in registry_of(original).stored(name).manifests.values()):
            raise Refusal("DENIED", {"digest": digest}, status=500)
        await original(name, digest)
