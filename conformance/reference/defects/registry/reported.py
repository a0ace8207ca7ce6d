"""Defects of registries in use, with the thread that tells of each where one does."""

from __future__ import annotations

from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.registry.common import registry_of
from conformance.reference.http import Answer, Request
from conformance.reference.registry.access import Access
from conformance.reference.registry.errors import Refusal
from conformance.reference.registry.routing import Asked
from conformance.reference.registry.state import INDEXES, Manifest, Upload

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


class ContentRangeWithoutDashFails(Defect):
    """API Reference, Error Handling: a Content-Range that cannot be read is its caller's mistake (zot #3983)."""

    surface = "registry"
    noticed_by = ("registry/upload/malformed-content-range-is-refused",)
    crashes = (IndexError,)

    def check_chunk(self, original: Any, request: Request, upload: Upload) -> None:
        header = request.headers.get("content-range")
        if header is not None and header.split("-")[1] is not None:
            original(request, upload)


class ChunksOfOneLengthAlone(Defect):
    """distribution-spec 1.1, Pushing a blob in chunks: lengths may differ, whatever parts a storage wants."""

    surface = "registry"
    noticed_by = ("registry/upload/in-chunks",)

    def __init__(self) -> None:
        self.lengths: dict[str, int] = {}

    def check_chunk(self, original: Any, request: Request, upload: Upload) -> None:
        original(request, upload)
        if request.method == "PATCH" and "content-range" in request.headers:
            length = self.lengths.setdefault(upload.session, len(request.body))
            if len(request.body) > length or len(upload.content) % length:
                raise Refusal("SIZE_INVALID", {"length": length})


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


class ReferrerListedForEachTag(Defect):
    """distribution-spec 1.1, Listing Referrers: a manifest is one referrer, whichever tags it has (zot #2506)."""

    surface = "registry"
    noticed_by = ("registry/referrers/are-listed",)

    def referrers_of(self, original: Any, name: str, digest: str) -> list[dict[str, Any]]:
        tags_naming = registry_of(original).tags_naming
        found: list[dict[str, Any]] = original(name, digest)
        return [each for each in found for _ in range(max(1, len(tags_naming(name, each["digest"]))))]


class IndexPushedAgainRefused(Defect):
    """distribution-spec 1.1, Pushing Manifests: an index that is there may be pushed again (buildah #2594)."""

    surface = "registry"
    noticed_by = ("registry/manifest/oci-index-is-taken",)

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


class DigestOfATarsumFails(Defect):
    """API Reference, Error Handling: an algorithm that is not known is its caller's mistake (distribution #100)."""

    surface = "registry"
    noticed_by = ("registry/digest/malformed-is-400", "registry/digest/malformed-read-is-a-callers-fault")
    crashes = (KeyError,)

    def check_digest(self, original: Any, digest: str | None) -> str:
        if digest and "+" in digest.partition(":")[0]:
            raise KeyError(digest)
        return str(original(digest))


class LargePageFails(Defect):
    """API Reference, Error Handling: no memory is made ready for as many names as are asked for (CVE-2023-2253)."""

    surface = "registry"
    noticed_by = ("registry/catalog/bad-n-is-no-server-error", "registry/tags/bad-n-is-no-server-error")
    crashes = (MemoryError,)

    def page_size(self, original: Any, request: Request) -> int | None:
        size: int | None = original(request)
        if size is not None and size > BEYOND_MEMORY:
            raise MemoryError
        return size


class EmptiedRepositoryFails(Defect):
    """API Reference, Error Handling: to ask what tags are left where all was deleted is no failure's cause."""

    surface = "registry"
    noticed_by = ("registry/tags/none-are-an-empty-list",)
    crashes = (IndexError,)

    def tags_of(self, original: Any, name: str) -> list[str]:
        tags: list[str] = original(name)
        if not tags and not registry_of(original).stored(name).manifests:
            raise IndexError(name)
        return tags


class SupportWantsAnyScope(Defect):
    """Docker token scopes: a scope is a type, a name and actions, which ``*`` is none of (gitea #36907)."""

    surface = "registry"
    noticed_by = ("registry/login/challenge-names-the-scope",)

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
    noticed_by = ("registry/pull/any-type-is-any-type",)

    async def head_manifest(self, original: Any, asked: Asked) -> Answer:
        if not asked.request.headers.get("accept"):
            raise registry_of(original).unknown_manifest(asked)
        answer: Answer = await original(asked)
        return answer


class CreatedIndexToldAsItsFirstImage(Defect):
    """Docker Registry V2, Digest Header: the digest told is that of the index, and of no image that it lists."""

    surface = "registry"
    noticed_by = ("registry/manifest/created-digest-is-true",)

    def manifest_created(self, original: Any, asked: Asked, manifest: Manifest) -> Answer:
        answer: Answer = original(asked, manifest)
        if manifest.media_type in INDEXES and manifest.document.get("manifests"):
            answer.headers["Docker-Content-Digest"] = manifest.document["manifests"][0]["digest"]
        return answer


class LastChunkOfOneByteLost(Defect):
    """distribution-spec 1.1, Pushing a blob in chunks: the closing PUT may bring the last byte alone."""

    surface = "registry"
    noticed_by = ("registry/upload/last-chunk-by-put",)

    def whole_content(self, original: Any, upload: Upload, last: bytes) -> bytes:
        whole: bytes = original(upload, b"" if upload.content and len(last) == 1 else last)
        return whole


class UntaggedImageCannotBeDeleted(Defect):
    """distribution-spec 1.1, Deleting Manifests: what can be pulled by its digest is deleted by it, tag or none."""

    surface = "registry"
    noticed_by = ("registry/delete/manifest-is-answered-202",)

    def __init__(self) -> None:
        self.untagged: set[tuple[str, str]] = set()

    async def remove_tag(self, original: Any, name: str, tag: str) -> None:
        registry = registry_of(original)
        digest = registry.stored(name).tags.get(tag, "")
        await original(name, tag)
        if not registry.tags_naming(name, digest):
            self.untagged.add((name, digest))

    async def delete_manifest(self, original: Any, asked: Asked) -> Answer:
        if (asked.name, asked.reference) in self.untagged:
            raise registry_of(original).unknown_manifest(asked)
        answer: Answer = await original(asked)
        return answer


class ReferrerOfNothingFailsToGo(Defect):
    """distribution-spec 1.1, Deleting Manifests: a referrer goes though its subject is not there (zot #4286)."""

    surface = "registry"
    noticed_by = ("registry/delete/manifest-is-answered-202",)
    crashes = (KeyError,)

    async def remove_manifest(self, original: Any, name: str, digest: str) -> None:
        stored = registry_of(original).stored(name)
        manifest = stored.manifests[digest]
        await original(name, digest)
        if manifest.subject and manifest.subject not in stored.manifests:
            raise KeyError(manifest.subject)


class AskedRepositoryIsThere(Defect):
    """distribution-spec 1.1, Pushing Manifests: one that nothing was pushed to is not there for being asked."""

    surface = "registry"
    noticed_by = ("registry/pull/absent-repository-is-404",)

    def unknown_manifest(self, original: Any, asked: Asked) -> Refusal:
        registry_of(original).opened(asked.name)
        refusal: Refusal = original(asked)
        return refusal


class SizeInWordsFails(Defect):
    """API Reference, Error Handling: a size that is no number is its caller's mistake."""

    surface = "registry"
    noticed_by = ("registry/manifest/descriptors-are-whole",)
    crashes = (TypeError,)

    def check_descriptor(self, original: Any, member: str, descriptor: Any) -> None:
        if isinstance(descriptor, dict) and isinstance(descriptor.get("size"), str):
            raise TypeError(descriptor["size"])
        original(member, descriptor)
