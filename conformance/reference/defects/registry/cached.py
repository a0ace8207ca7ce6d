"""Defects of what is remembered too long, reaches too far, or stands for another right."""

from __future__ import annotations

from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.registry.common import kind_of, registry_of
from conformance.reference.http import Answer, Request
from conformance.reference.registry.access import Access, Caller
from conformance.reference.registry.routing import Asked
from conformance.reference.registry.state import Manifest

Key = tuple[str, ...]


class _Remembered(Defect):
    """Keeps answers."""

    def __init__(self) -> None:
        self.answers: dict[Key, Answer] = {}

    async def _first(self, original: Any, asked: Asked, *more: str) -> Answer:
        """What was answered the first time, to all but conditional requests and those for parts."""
        key = (asked.name, asked.reference, *more)
        if {"range", "if-none-match"} & set(asked.request.headers) or key not in self.answers:
            answer: Answer = await original(asked)
            if answer.status == 200:
                self.answers[key] = answer
            return answer
        return self.answers[key]


class BlobFromCache(_Remembered):
    """distribution-spec 1.1, Deleting Blobs: a deleted blob is gone for those, too, who have read it before."""

    surface = "registry"
    noticed_by = ("registry/delete/blob-is-gone",)

    async def get_blob(self, original: Any, asked: Asked) -> Answer:
        return await self._first(original, asked)


class ManifestByDigestFromCache(_Remembered):
    """distribution-spec 1.1, Deleting Manifests: a deleted manifest is gone for those, too, who have read it before."""

    surface = "registry"
    noticed_by = ("registry/delete/manifest-goes-with-its-tags",)

    async def get_manifest(self, original: Any, asked: Asked) -> Answer:
        if ":" in asked.reference:
            return await self._first(original, asked)
        answer: Answer = await original(asked)
        return answer


class HeadOfManifestFromCache(_Remembered):
    """distribution-spec 1.1, Deleting Manifests: HEAD of a deleted manifest is 404, as GET is."""

    surface = "registry"
    noticed_by = ("registry/delete/manifest-goes-with-its-tags",)

    async def head_manifest(self, original: Any, asked: Asked) -> Answer:
        if ":" in asked.reference:
            return await self._first(original, asked)
        answer: Answer = await original(asked)
        return answer


class FilteredReferrersFromCache(_Remembered):
    """distribution-spec 1.1, Listing Referrers: what was pushed since the last list is in the next of its type, too."""

    surface = "registry"
    noticed_by = ("registry/referrers/of-an-absent-subject",)

    async def list_referrers(self, original: Any, asked: Asked) -> Answer:
        if asked.request.query_string:
            return await self._first(original, asked, asked.request.query_string)
        answer: Answer = await original(asked)
        return answer


class DeletedManifestNotModified(Defect):
    """RFC 9110 section 13.2.1: If-None-Match counts where the answer would be 200: a deleted manifest is 404."""

    surface = "registry"
    noticed_by = ("registry/delete/known-is-gone-as-well",)

    def __init__(self) -> None:
        self.deleted: set[tuple[str, str]] = set()

    async def remove_manifest(self, original: Any, name: str, digest: str) -> None:
        await original(name, digest)
        self.deleted.add((name, digest))

    async def get_manifest(self, original: Any, asked: Asked) -> Answer:
        registry = registry_of(original)
        if (asked.name, asked.reference) in self.deleted and registry.not_modified(asked.request, asked.reference):
            return registry.unchanged(asked.reference)
        answer: Answer = await original(asked)
        return answer


class DeletedChildStillCounts(Defect):
    """Docker Registry V2, Manifest lists: an image that was deleted is unknown, as one never pushed is."""

    surface = "registry"
    noticed_by = ("registry/manifest/missing-child-is-refused",)

    def __init__(self) -> None:
        self.deleted: set[tuple[str, str]] = set()

    async def remove_manifest(self, original: Any, name: str, digest: str) -> None:
        await original(name, digest)
        self.deleted.add((name, digest))

    def check_children(self, original: Any, name: str, descriptors: list[dict[str, Any]]) -> None:
        original(name, [each for each in descriptors if (name, each["digest"]) not in self.deleted])


class DeletedReferrerTakesItsSubject(Defect):
    """distribution-spec 1.1, Deleting Manifests: what was referred to stays."""

    surface = "registry"
    noticed_by = ("registry/delete/subject-stays",)

    async def remove_manifest(self, original: Any, name: str, digest: str) -> None:
        manifest = registry_of(original).stored(name).manifests.get(digest)
        await original(name, digest)
        if manifest and manifest.subject:
            await original(name, manifest.subject)


class BlobsOfNamesBelow(Defect):
    """distribution-spec 1.1, Pulling blobs: what ``app/below`` has is not ``app``'s."""

    surface = "registry"
    noticed_by = ("registry/name/each-name-is-its-own",)

    def blob_of(self, original: Any, name: str, digest: str) -> bytes:
        for other, stored in registry_of(original).repositories.items():
            if other.startswith(f"{name}/") and digest in stored.blobs:
                return stored.blobs[digest]
        content: bytes = original(name, digest)
        return content


class _FormerTold(Defect):
    """Knows what a tag named before."""

    def __init__(self) -> None:
        self.former = ""

    async def set_tag(self, original: Any, name: str, tag: str, digest: str) -> None:
        self.former = registry_of(original).stored(name).tags.get(tag, "")
        await original(name, tag, digest)


class DigestOfTheFormerTold(_FormerTold):
    """distribution-spec 1.1, Pushing Manifests: the digest that is told is that of what was pushed now."""

    surface = "registry"
    noticed_by = ("registry/manifest/tag-moves",)

    def manifest_created(self, original: Any, asked: Asked, manifest: Manifest) -> Answer:
        answer: Answer = original(asked, manifest)
        if self.former and ":" not in asked.reference:
            answer.headers["Docker-Content-Digest"] = self.former
        return answer


class LocationOfTheFormerTold(_FormerTold):
    """distribution-spec 1.1, Pushing Manifests: Location is where what was pushed now can be pulled."""

    surface = "registry"
    noticed_by = ("registry/manifest/tag-moves",)

    def manifest_created(self, original: Any, asked: Asked, manifest: Manifest) -> Answer:
        answer: Answer = original(asked, manifest)
        if self.former and ":" not in asked.reference:
            answer.headers["Location"] = answer.headers["Location"].replace(manifest.digest, self.former)
        return answer


class LastByteSentEmpty(Defect):
    """RFC 9110 section 14.1.2: the last one byte is a byte."""

    surface = "registry"
    noticed_by = ("registry/pull/part-is-what-it-says",)

    def byte_range(self, original: Any, header: str, size: int) -> tuple[int, int] | None:
        found: tuple[int, int] | None = original(header, size)
        return (size, size) if header.endswith("=-1") else found


class PushByDigestForEveryLogin(Defect):
    """Docker token scopes: a push by digest needs push, as one by tag does."""

    surface = "registry"
    noticed_by = ("registry/rights/puller-cannot-push", "registry/rights/other-organization-cannot-push")

    def authorize(self, original: Any, kind: str, name: str, request: Request) -> Caller:
        if kind == "manifest" and request.method == "PUT" and ":" in request.path:
            somebody: Caller | None = registry_of(original).authenticate(request, [])
            if somebody:
                return somebody
        caller: Caller = original(kind, name, request)
        return caller


class DeletionImpliesPush(Defect):
    """Docker token scopes: who may delete may not push for that."""

    surface = "registry"
    noticed_by = ("registry/token/deletion-does-not-push",)

    def permits(self, original: Any, caller: Caller, access: Access) -> bool:
        deletes = {(kind, name) for kind, name, action in caller.grants if action == "delete"}
        more = {(*each, action) for each in deletes for action in ("pull", "push")}
        return bool(original(Caller(caller.subject, caller.grants | more), access))


class AnonymousHeadOfLists(Defect):
    """Docker token flow: HEAD of a list needs what GET needs."""

    surface = "registry"
    noticed_by = ("registry/login/head-of-a-list-needs-a-login",)

    def authorize(self, original: Any, kind: str, name: str, request: Request) -> Caller:
        if kind in ("tags", "referrers", "catalog") and request.method == "HEAD":
            return Caller("")
        caller: Caller = original(kind, name, request)
        return caller


class ImagesForSharedCaches(Defect):
    """RFC 9111 section 3.5: ``public`` lets a shared cache give to everybody what was asked for with a login."""

    surface = "registry"
    noticed_by = ("registry/pull/is-not-for-shared-caches",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if kind_of(request) in ("blob", "manifest") and answer.status == 200:
            answer.headers["Cache-Control"] = "max-age=31536000, public"
        return answer


class HeadsForSharedCaches(Defect):
    """RFC 9111 section 3.5: nor does the answer to HEAD let a shared cache give out what was asked for with a login."""

    surface = "registry"
    noticed_by = ("registry/pull/is-not-for-shared-caches",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if request.method == "HEAD" and answer.status == 200 and "authorization" in request.headers:
            answer.headers["Cache-Control"] = "public, max-age=60"
        return answer
