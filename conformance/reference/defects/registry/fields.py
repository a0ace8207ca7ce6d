"""Defects by which a field that any caller can send is taken for a proxy's word."""

from __future__ import annotations

from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.registry.common import registry_of
from conformance.reference.defects.registry.ways_round import OWN_NAME, answered, everything
from conformance.reference.http import Answer, Request
from conformance.reference.registry.access import Access, Caller


class NameInAFieldOpens(Defect):
    """API Reference, Error Handling: whom a proxy has let in it may tell in a field; from anybody else that is none."""

    surface = "registry"
    noticed_by = ("registry/login/name-alone-opens-nothing#in-a-field",)
    named = "x-webauth-user"

    def authenticate(self, original: Any, request: Request, wanted: list[Access]) -> Caller | None:
        if "authorization" not in request.headers and (told := request.headers.get(self.named)):
            return everything(told, wanted)
        caller: Caller | None = original(request, wanted)
        return caller


class PathInAFieldIsUnguarded(Defect):
    """Docker token scopes: rights count for the path that is answered, also where a field says which that is."""

    surface = "registry"
    noticed_by = ("registry/rights/no-path-leads-to-others#in-a-field",)

    async def answer(self, original: Any, request: Request) -> Answer:
        path = request.headers.get("x-original-url")
        own = OWN_NAME.match(request.path)
        if request.method == "GET" and own and path:
            registry = registry_of(original)
            registry.authorize("manifest", own[1], request)
            return await answered(registry, request, path)
        answer: Answer = await original(request)
        return answer
