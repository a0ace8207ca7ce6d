"""Defects that reading the checks showed to go unnoticed."""

from __future__ import annotations

import json
from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.registry.common import kind_of, registry_of
from conformance.reference.http import Answer, Request
from conformance.reference.registry import grammar
from conformance.reference.registry.access import Caller
from conformance.reference.registry.errors import Refusal
from conformance.reference.registry.routing import Asked
from conformance.reference.registry.rules import invalid
from conformance.reference.registry.state import DOCKER_MANIFEST, OCI_MANIFEST


class AbsentImageToldByItsCode(Defect):
    """API Reference, Error Handling: who may not see a repository is not told by a code that an image is not in it."""

    surface = "registry"
    noticed_by = (
        "registry/rights/absent-image-is-not-told#anonymous",
        "registry/rights/absent-image-is-not-told#other-organization",
    )

    def authorize(self, original: Any, kind: str, name: str, request: Request) -> Caller:
        try:
            caller: Caller = original(kind, name, request)
        except Refusal as refusal:
            registry, reference = registry_of(original), request.path.rpartition("/")[2]
            read = kind == "manifest" and request.method == "GET"
            if read and name in registry.repositories and registry.resolve(name, reference) is None:
                raise Refusal("MANIFEST_UNKNOWN", status=refusal.status, headers=refusal.headers) from None
            raise
        return caller


class OwnTags:
    """Entity tags that are no digests."""

    async def head_blob(self, original: Any, asked: Asked) -> Answer:
        return tagged(await original(asked))

    async def get_blob(self, original: Any, asked: Asked) -> Answer:
        return tagged(await original(asked))

    async def get_manifest(self, original: Any, asked: Asked) -> Answer:
        return tagged(await original(asked))

    def not_modified(self, original: Any, request: Request, digest: str) -> bool:
        return grammar.entity_tag_matches(request.headers.get("if-none-match", ""), tag_of(digest))


def tagged(answer: Answer) -> Answer:
    """The answer with such a tag."""
    answer.headers["ETag"] = tag_of(answer.headers["Docker-Content-Digest"])
    return answer


def tag_of(digest: str) -> str:
    """An entity tag that is not the digest."""
    return f'"{digest[7:23]}"'


class DeletedIsAsItWas(OwnTags, Defect):
    """RFC 9110 section 13.2.1: a precondition counts where there is something; not for what a cache had a tag of."""

    surface = "registry"
    noticed_by = ("registry/delete/known-is-gone-as-well#blob", "registry/delete/known-is-gone-as-well#manifest")

    def __init__(self) -> None:
        self.sent: set[tuple[str, str]] = set()

    async def get_blob(self, original: Any, asked: Asked) -> Answer:
        return await self._got(original, asked)

    async def get_manifest(self, original: Any, asked: Asked) -> Answer:
        return await self._got(original, asked)

    async def _got(self, original: Any, asked: Asked) -> Answer:
        given = asked.request.headers.get("if-none-match", "")
        if (asked.request.path, given) in self.sent and ":" in asked.reference:
            return tagged(registry_of(original).unchanged(asked.reference))
        answer = tagged(await original(asked))
        self.sent.add((asked.request.path, answer.headers["ETag"]))
        return answer


class UnchangedForAnyCache(Defect):
    """RFC 9110 section 15.4.5: 304 has the Cache-Control that 200 has, or it is kept for longer, and by others."""

    surface = "registry"
    noticed_by = ("registry/pull/304-has-its-etag#blob", "registry/pull/304-has-its-etag#manifest")

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if kind_of(request) in ("blob", "manifest") and answer.status in (200, 206):
            answer.headers["Cache-Control"] = "private, no-cache"
        return answer


class LinkedPagesUnsorted(Defect):
    """Docker Registry V2, Pagination: what a Link leads to is of a sorted list, as the first page is."""

    surface = "registry"
    noticed_by = ("registry/tags/are-sorted", "registry/catalog/is-sorted")

    def listing_url(self, original: Any, request: Request, query: str) -> str:
        return f"{original(request, query)}&linked=yes"

    def page_answer(self, original: Any, request: Request, document: Any, member: str, names: list[str]) -> Answer:
        answer: Answer = original(request, document, member, names)
        if request.parameter("linked"):
            told = json.loads(answer.body)
            answer.body = json.dumps({**told, member: told[member][::-1]}).encode()
        return answer


class DockerImageInAnIndexRefused(Defect):
    """image-spec 1.1, Image Index: a type of what is listed that an index does not know is no error."""

    surface = "registry"
    noticed_by = ("registry/manifest/mixed-index-is-taken",)

    def check_children(self, original: Any, name: str, descriptors: list[dict[str, Any]]) -> None:
        original(name, descriptors)
        if {OCI_MANIFEST, DOCKER_MANIFEST} <= {each["mediaType"] for each in descriptors}:
            raise invalid("mixed media types")
