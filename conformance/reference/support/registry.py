"""Helpers that defects and variants of the registry surface share."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from typing import Any, ClassVar, cast

import jwt

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.registry import Registry, grammar
from conformance.reference.registry.access import ISSUER, SERVICE, Access, Caller
from conformance.reference.registry.errors import Refusal
from conformance.reference.registry.routing import Call, Route, find_route
from conformance.reference.registry.state import OCI_MANIFEST, Manifest

PAUSE_S = 0.03
KIB = 1024


def everything(wanted: list[Access], subject: str = "") -> Caller:
    """Return a caller with all the required access."""
    grants = {(each.kind, each.name, action) for each in wanted for action in each.actions}
    return Caller(subject, frozenset(grants))


def registry_of(original: Any) -> Registry:
    """Return the registry of a replaced method."""
    while isinstance(original, functools.partial):
        original = original.args[0]
    return cast(Registry, original.__self__)


def decoded(original: Any, token: str, leeway: float = 0, **verify: bool) -> dict[str, Any]:
    """Return the claims of a token, without some verification, or with a tolerance in seconds."""
    key, options = registry_of(original).key, cast(Any, verify)
    claims: dict[str, Any] = jwt.decode(
        token,
        key.private.public_key(),
        algorithms=[key.algorithm],
        audience=SERVICE,
        issuer=ISSUER,
        leeway=leeway,
        options=options,
    )
    return claims


def kind_of(request: Request) -> str:
    """Return the kind of endpoint of a request, or ""."""
    found = find_route(request.path)
    return found[0].kind if found else ""


def without(answer: Answer, *names: str) -> Answer:
    """Return the response without these headers."""
    for name in names:
        if name in answer.headers:
            del answer.headers[name]
    return answer


class _RefusedManifestsStored(Defect):
    """Stores manifests that it refuses with one of these codes, under the digest of their bytes and the tag."""

    codes: ClassVar[tuple[str, ...]] = ()

    async def put_manifest(self, original: Any, call: Call) -> Answer:
        try:
            answer: Answer = await original(call)
        except Refusal as refusal:
            if refusal.code in self.codes:
                self._store(registry_of(original), call)
            raise
        return answer

    def _store(self, registry: Registry, call: Call) -> None:
        content = call.request.body
        try:
            document = json.loads(content)
        except (ValueError, RecursionError):
            document = {}
        digest = grammar.digest_of(content)
        manifest = Manifest(digest, OCI_MANIFEST, content, document if isinstance(document, dict) else {})
        registry.opened(call.name).manifests[digest] = manifest
        if ":" not in call.reference:
            registry.opened(call.name).tags[call.reference] = digest

    def referrers_of(self, original: Any, name: str, digest: str) -> list[dict[str, Any]]:
        """Return no referrers, since nothing parsed the refused manifests."""
        return []


def edited_document(answer: Answer, edit: Callable[[dict[str, Any]], Any]) -> Answer:
    """Return the response with its JSON object edited in place."""
    document = json.loads(answer.body)
    edit(document)
    answer.body = json.dumps(document).encode()
    return answer


def without_delete(route: Route) -> Route:
    """Return the endpoint without DELETE."""
    handlers = {method: handler for method, handler in route.handlers.items() if method != "DELETE"}
    return Route(route.kind, route.pattern, handlers)
