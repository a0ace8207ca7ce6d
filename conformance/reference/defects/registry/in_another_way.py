"""Defects that only another way to ask or push meets: by HEAD, in pages, of one type, in chunks, by POST, once more."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

from conformance.reference.defects.base import Defect
from conformance.reference.defects.registry.common import registry_of
from conformance.reference.http import Answer, Request
from conformance.reference.registry.access import Access, Caller
from conformance.reference.registry.errors import Refusal
from conformance.reference.registry.grammar import digest_of
from conformance.reference.registry.routing import Asked
from conformance.reference.registry.state import Manifest, Upload


class _ForEveryLogin(Defect):
    """Asks for a login that is one, and not for its rights, where ``kind`` and ``wanting`` say so."""

    kind: ClassVar[str] = ""
    nobody_as_well: ClassVar[bool] = False

    def _wanting(self, request: Request) -> bool:
        return True

    def authorize(self, original: Any, kind: str, name: str, request: Request) -> Caller:
        registry = registry_of(original)
        if kind == self.kind and self._wanting(request):
            caller = registry.authenticate(request, registry.accesses_wanted(kind, name, request))
            if caller is not None or self.nobody_as_well:
                return caller or Caller("")
        found: Caller = original(kind, name, request)
        return found


class HeadByDigestForEveryLogin(_ForEveryLogin):
    """Docker token scopes: HEAD of a manifest needs pull, by digest as by tag."""

    surface = "registry"
    noticed_by = ("registry/rights/other-organization-cannot-pull",)
    kind = "manifest"

    def _wanting(self, request: Request) -> bool:
        return request.method == "HEAD" and ":" in request.path


class AnonymousHeadByDigest(HeadByDigestForEveryLogin):
    """Docker token flow: HEAD of a manifest needs what GET needs, by digest as by tag."""

    surface = "registry"
    noticed_by = ("registry/login/anonymous-cannot-pull",)
    nobody_as_well = True


class PagesOfTagsForEveryLogin(_ForEveryLogin):
    """Docker token scopes: a list of tags needs pull, and a page of it as well."""

    surface = "registry"
    noticed_by = ("registry/rights/other-organization-cannot-pull",)
    kind = "tags"

    def _wanting(self, request: Request) -> bool:
        return request.parameter("n") is not None


class AnonymousPagesOfTags(PagesOfTagsForEveryLogin):
    """Docker token flow: a page of a list of tags needs what the list needs."""

    surface = "registry"
    noticed_by = ("registry/login/anonymous-cannot-pull",)
    nobody_as_well = True


class KnownForEveryLogin(_ForEveryLogin):
    """RFC 9110 section 13.2.1: If-None-Match counts where the answer would be 200, not where rights are lacking."""

    surface = "registry"
    noticed_by = ("registry/rights/other-organization-cannot-pull",)
    kind = "manifest"

    def _wanting(self, request: Request) -> bool:
        return request.method == "GET" and "if-none-match" in request.headers


class ReferrersOfATypeForEveryLogin(_ForEveryLogin):
    """Docker token scopes: a list of referrers needs pull, that of one type as well."""

    surface = "registry"
    noticed_by = ("registry/rights/other-organization-cannot-list-referrers",)
    kind = "referrers"

    def _wanting(self, request: Request) -> bool:
        return request.parameter("artifactType") is not None


class AnonymousReferrersOfAType(ReferrersOfATypeForEveryLogin):
    """Docker token flow: a list of the referrers of one type needs what the list of all needs."""

    surface = "registry"
    noticed_by = ("registry/login/anonymous-cannot-list-referrers",)
    nobody_as_well = True


class ReferrersPushedByEveryLogin(_ForEveryLogin):
    """Docker token scopes: a push of what refers to an image needs push, as any other does."""

    surface = "registry"
    noticed_by = ("registry/rights/puller-cannot-push", "registry/rights/other-organization-cannot-push")
    kind = "manifest"

    def _wanting(self, request: Request) -> bool:
        return request.method == "PUT" and b'"subject"' in request.body


class AnonymousPagesOfTheCatalog(_ForEveryLogin):
    """API Reference, Error Handling: a page of the catalog, too, is for those who log in."""

    surface = "registry"
    noticed_by = ("registry/login/anonymous-cannot-list-repositories",)
    kind = "catalog"
    nobody_as_well = True

    def _wanting(self, request: Request) -> bool:
        return request.parameter("n") is not None

    def may_see(self, original: Any, caller: Caller, name: str) -> bool:
        return not caller.subject or bool(original(caller, name))


class CatalogKnowsNoLast(Defect):
    """Docker Registry V2, Catalog Fetch Paginated: what comes behind ``last``, where no n is told as well."""

    surface = "registry"
    noticed_by = ("registry/catalog/last-goes-on-behind",)

    async def list_repositories(self, original: Any, asked: Asked) -> Answer:
        if asked.request.parameter("n") is None:
            asked = Asked(replace(asked.request, query_string=""), asked.name, asked.reference, asked.caller)
        answer: Answer = await original(asked)
        return answer


class BadPageOfTheCatalogIgnored(Defect):
    """Docker Registry V2, Errors: PAGINATION_NUMBER_INVALID where n is none, of the catalog as well."""

    surface = "registry"
    noticed_by = ("registry/catalog/bad-n-is-400",)

    async def list_repositories(self, original: Any, asked: Asked) -> Answer:
        try:
            answer: Answer = await original(asked)
        except Refusal:
            whole = Asked(replace(asked.request, query_string=""), asked.name, asked.reference, asked.caller)
            answer = await original(whole)
        return answer


class MountedBackIsNotThere(Defect):
    """distribution-spec 1.1, Pulling blobs: what was deleted and is mounted again (201) is there."""

    surface = "registry"
    noticed_by = ("registry/mount/deleted-can-be-mounted-again",)

    def __init__(self) -> None:
        self.deleted_from: set[tuple[str, str]] = set()

    async def remove_blob(self, original: Any, name: str, digest: str) -> None:
        self.deleted_from.add((name, digest))
        await original(name, digest)

    async def mount_blob(self, original: Any, source: str, target: str, digest: str) -> bool:
        if (target, digest) in self.deleted_from:
            return digest in registry_of(original).stored(source).blobs
        return bool(await original(source, target, digest))


class ReferrersLostWhenTheSubjectReturns(Defect):
    """distribution-spec 1.1, Listing Referrers: what refers to an image does so when that was deleted and came back."""

    surface = "registry"
    noticed_by = ("registry/referrers/of-an-absent-subject",)

    def __init__(self) -> None:
        self.gone: set[tuple[str, str]] = set()
        self.returned: set[tuple[str, str]] = set()

    async def remove_manifest(self, original: Any, name: str, digest: str) -> None:
        self.gone.add((name, digest))
        await original(name, digest)

    async def store_manifest(self, original: Any, name: str, manifest: Manifest) -> None:
        self.returned |= {(name, manifest.digest)} & self.gone
        await original(name, manifest)

    def referrers_of(self, original: Any, name: str, digest: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = original(name, digest)
        return [] if (name, digest) in self.returned else found


class ReferrersNeedPush(Defect):
    """Docker token scopes: reading needs pull alone, a list of referrers as well."""

    surface = "registry"
    noticed_by = ("registry/rights/puller-can-list-referrers",)

    def accesses_wanted(self, original: Any, kind: str, name: str, request: Request) -> list[Access]:
        found: list[Access] = original(kind, name, request)
        return [Access("repository", name, ("pull", "push"))] if kind == "referrers" else found


class ReferrerGoesWithOneOfItsTags(Defect):
    """distribution-spec 1.1, Listing Referrers: what lost one of its tags is there, and refers to what it did."""

    surface = "registry"
    noticed_by = ("registry/referrers/are-listed",)

    def __init__(self) -> None:
        self.untagged: set[str] = set()

    async def remove_tag(self, original: Any, name: str, tag: str) -> None:
        self.untagged.add(registry_of(original).stored(name).tags.get(tag, ""))
        await original(name, tag)

    def referrers_of(self, original: Any, name: str, digest: str) -> list[dict[str, Any]]:
        return [each for each in original(name, digest) if each["digest"] not in self.untagged]


class CreatedDigestOfTheLastChunk(Defect):
    """Docker Registry V2, Digest Header: the digest that is told is that of all chunks, and not of the last."""

    surface = "registry"
    noticed_by = ("registry/upload/created-digest-is-true",)

    def __init__(self) -> None:
        self.last: dict[str, str] = {}

    async def append_chunk(self, original: Any, request: Request, upload: Upload) -> None:
        await original(request, upload)
        self.last[upload.session] = digest_of(request.body)

    def blob_created(self, original: Any, asked: Asked, digest: str) -> Answer:
        answer: Answer = original(asked, digest)
        answer.headers["Docker-Content-Digest"] = self.last.get(asked.reference, digest)
        return answer


class PostedDigestOfOther(Defect):
    """Docker Registry V2, Digest Header: the digest that is told of a blob which came in a POST is its own."""

    surface = "registry"
    noticed_by = ("registry/upload/created-digest-is-true",)

    async def post_whole(self, original: Any, asked: Asked, digest: str) -> Answer:
        answer: Answer = await original(asked, digest)
        answer.headers["Docker-Content-Digest"] = digest_of(b"")
        return answer


class PushedByDigestToldOfOther(Defect):
    """distribution-spec 1.1, Pushing Manifests: the digest that is told of what was pushed by its digest is that."""

    surface = "registry"
    noticed_by = ("registry/manifest/created-digest-is-true",)

    def manifest_created(self, original: Any, asked: Asked, manifest: Manifest) -> Answer:
        answer: Answer = original(asked, manifest)
        if ":" in asked.reference:
            answer.headers["Docker-Content-Digest"] = digest_of(manifest.content.rstrip(b"}"))
        return answer


class WarningsSignedAndDated(Defect):
    """distribution-spec 1.1, Warnings: the agent of a warning is "-", and it has no date."""

    surface = "registry"
    noticed_by = ("registry/errors/warnings-have-the-form",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if answer.status == 200 and ":" not in request.path:
            answer.headers["Warning"] = '299 registry "this will be removed" "Sun, 29 Nov 2026 00:00:00 GMT"'
        return answer


class WarningsTooLong(Defect):
    """distribution-spec 1.1, Warnings: there are no more than 4096 bytes of them in an answer."""

    surface = "registry"
    noticed_by = ("registry/errors/warnings-have-the-form",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if answer.status == 200 and ":" not in request.path:
            for number in range(5):
                answer.headers.append("Warning", f'299 - "{number} {"this will be removed; " * 45}"')
        return answer
