"""Defects that break the promise "Outsiders cannot learn which repositories exist"."""

from __future__ import annotations

import json
from typing import Any

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.registry.access import Caller
from conformance.reference.registry.errors import Refusal
from conformance.reference.registry.routing import Asked
from conformance.reference.support.registry import registry_of, without
from tests.defects.support.registry import unsupported_error


class AbsentImageToldByItsCode(Defect):
    """API Reference, Error Handling: who may not see a repository is not told by a code that an image is not in it."""

    surface = "registry"
    noticed_by = (
        "registry/rights/absent-content-reveals-no-repository#anonymous",
        "registry/rights/absent-content-reveals-no-repository#other-organization",
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


class CatalogRememberedForEverybody(Defect):
    """API Reference, Error Handling: a catalog is of what its caller may see, whoever asked before."""

    surface = "registry"
    noticed_by = ("registry/rights/catalog-hides-other-organizations",)

    def __init__(self) -> None:
        self.pages: dict[str, Answer] = {}

    async def list_repositories(self, original: Any, asked: Asked) -> Answer:
        query = asked.request.query_string
        if query not in self.pages:
            self.pages[query] = await original(asked)
        return self.pages[query]


class CatalogGoesByBeginnings(Defect):
    """API Reference, Error Handling: of an organization whose name begins with ours nothing is listed."""

    surface = "registry"
    noticed_by = ("registry/rights/catalog-hides-other-organizations",)

    async def list_repositories(self, original: Any, asked: Asked) -> Answer:
        registry = registry_of(original)
        seen = [each for each in registry.repositories if registry.may_see(asked.caller, each)]
        beside = {f"orgs/{each.split('/')[1]}-labs/app" for each in seen}
        return registry.page_answer(asked.request, {}, "repositories", registry.in_order([*seen, *beside]))


class CatalogBehindNoNameFails(Defect):
    """API Reference, Error Handling: ``last`` need not be a repository; it is not the platform's fault."""

    surface = "registry"
    noticed_by = ("registry/rights/catalog-hides-other-organizations",)

    async def list_repositories(self, original: Any, asked: Asked) -> Answer:
        if asked.request.parameter("last") not in {None, *registry_of(original).repositories}:
            raise unsupported_error()
        answer: Answer = await original(asked)
        return answer


class CatalogCutBeforeItIsFiltered(Defect):
    """API Reference, Error Handling: a Link to the next page of the catalog names nothing that is hidden."""

    surface = "registry"
    noticed_by = ("registry/rights/catalog-hides-other-organizations",)

    async def list_repositories(self, original: Any, asked: Asked) -> Answer:
        registry = registry_of(original)
        answer = registry.page_answer(asked.request, {}, "repositories", registry.in_order(list(registry.repositories)))
        page = json.loads(answer.body)["repositories"]
        seen = [each for each in page if registry.may_see(asked.caller, each)]
        answer.body = json.dumps({"repositories": seen}).encode()
        return without(answer, "Content-Length")


class MountTellsOfTheBlob(Defect):
    """API Reference, Error Handling: without pull on the source, a mount does not tell what is there."""

    surface = "registry"
    noticed_by = ("registry/rights/mount-reveals-nothing-of-the-source",)

    async def post_mount(self, original: Any, asked: Asked, digest: str) -> Answer:
        registry, source = registry_of(original), asked.request.parameter("from")
        if source and not registry.may_mount(asked.caller, source) and digest in registry.stored(source).blobs:
            raise Refusal("DENIED")
        answer: Answer = await original(asked, digest)
        return answer


class AbsentRepositoryTold(Defect):
    """API Reference, Error Handling: what is hidden from a caller cannot be told from what is not there."""

    surface = "registry"
    noticed_by = (
        "registry/rights/private-and-absent-are-indistinguishable#tags-anonymous",
        "registry/rights/private-and-absent-are-indistinguishable#tags-other-organization",
    )

    async def answer(self, original: Any, request: Request) -> Answer:
        registry = registry_of(original)
        route, name, _ = registry.route_of(request.path)
        try:
            answer: Answer = await original(request)
        except Refusal as refusal:
            if refusal.status == 401 and route.kind == "tags" and name not in registry.repositories:
                raise Refusal("NAME_UNKNOWN", {"name": name}) from None
            raise
        return answer


class ManifestReadBeforeItsSender(Defect):
    """API Reference, Error Handling: what a manifest lacks in a repository is not told to who may not see that."""

    surface = "registry"
    noticed_by = (
        "registry/rights/private-and-absent-are-indistinguishable#put-manifest-anonymous",
        "registry/rights/private-and-absent-are-indistinguishable#put-manifest-other-organization",
    )

    def authorize(self, original: Any, kind: str, name: str, request: Request) -> Caller:
        if kind == "manifest" and request.method == "PUT":
            registry = registry_of(original)
            registry.check_manifest(name, registry.media_type_of(request), registry.parse_manifest(request.body))
        caller: Caller = original(kind, name, request)
        return caller
