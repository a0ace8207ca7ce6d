"""Defects of what is remembered too long, reaches too far, or stands for another right."""

from __future__ import annotations

from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.registry.common import registry_of
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


class FilteredReferrersFromCache(_Remembered):
    """distribution-spec 1.1, Listing Referrers: what was pushed since the last list is in the next of its type, too."""

    surface = "registry"
    noticed_by = ("registry/referrers/of-an-absent-subject",)

    async def list_referrers(self, original: Any, asked: Asked) -> Answer:
        if asked.request.query_string:
            return await self._first(original, asked, asked.request.query_string)
        answer: Answer = await original(asked)
        return answer


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
    noticed_by = (
        "registry/name/each-name-is-its-own#one-letter-components",
        "registry/name/each-name-is-its-own#word-of-a-path",
    )

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


class HeadsForSharedCaches(Defect):
    """RFC 9111 section 3.5: nor does the answer to HEAD let a shared cache give out what was asked for with a login."""

    surface = "registry"
    noticed_by = (
        "registry/pull/is-not-for-shared-caches#blob",
        "registry/pull/is-not-for-shared-caches#list",
        "registry/pull/is-not-for-shared-caches#tag",
    )

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if request.method == "HEAD" and answer.status == 200 and "authorization" in request.headers:
            answer.headers["Cache-Control"] = "public, max-age=60"
        return answer
