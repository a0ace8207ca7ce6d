"""Defects that only another way to ask or push meets: by HEAD, in pages, of one type, in chunks, by POST, once more."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.registry.common import registry_of
from conformance.reference.http import Answer, Request
from conformance.reference.registry.access import Access
from conformance.reference.registry.errors import Refusal
from conformance.reference.registry.grammar import digest_of
from conformance.reference.registry.routing import Asked
from conformance.reference.registry.state import Manifest


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
    noticed_by = ("registry/catalog/bad-n-is-400#negative", "registry/catalog/bad-n-is-400#word")

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


class PostedDigestOfOther(Defect):
    """Docker Registry V2, Digest Header: the digest that is told of a blob which came in a POST is its own."""

    surface = "registry"
    noticed_by = ("registry/upload/created-digest-is-true#by-post",)

    async def post_whole(self, original: Any, asked: Asked, digest: str) -> Answer:
        answer: Answer = await original(asked, digest)
        answer.headers["Docker-Content-Digest"] = digest_of(b"")
        return answer


class WarningsSignedAndDated(Defect):
    """distribution-spec 1.1, Warnings: the agent of a warning is "-", and it has no date."""

    surface = "registry"
    noticed_by = ("registry/errors/warnings-have-the-form",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if answer.status == 200 and ":" not in request.path:
            answer.headers["Warning"] = '299 registry "this will be removed" "Sun, 29 Nov 2026 00:00:00 GMT"'
        return answer
