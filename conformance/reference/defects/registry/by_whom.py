"""Defects that show for one login, one type or one order of scopes alone."""

from __future__ import annotations

from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.registry.common import registry_of
from conformance.reference.http import Request
from conformance.reference.registry.access import Caller


class _FirstScopeOnly(Defect):
    """Of a token for several repositories the first counts alone, for one method."""

    surface = "registry"
    method = ""

    def authorize(self, original: Any, kind: str, name: str, request: Request) -> Caller:
        caller: Caller = original(kind, name, request)
        if request.method == self.method:
            registry = registry_of(original)
            access = registry.claims_of(registry.bearer_token(request) or "").get("access") or [{}]
            if access[0].get("name") != name:
                raise registry.insufficient(registry.accesses_wanted(kind, name, request))
        return caller


class DeletionByTheFirstScope(_FirstScopeOnly):
    """Docker token authentication: a token for several repositories deletes in each that it may."""

    noticed_by = ("registry/token/several-scopes#that-change",)

    method = "DELETE"
