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
    """A caller who may do all that is wanted."""
    grants = {(each.kind, each.name, action) for each in wanted for action in each.actions}
    return Caller(subject, frozenset(grants))


def registry_of(original: Any) -> Registry:
    """The registry that a replaced method is of."""
    while isinstance(original, functools.partial):
        original = original.args[0]
    return cast(Registry, original.__self__)


def decoded(original: Any, token: str, leeway: float = 0, **verify: bool) -> dict[str, Any]:
    """The claims of a token, with some verification left out, or some seconds forgiven."""
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
    """The kind of endpoint that a request is for, empty for none."""
    found = find_route(request.path)
    return found[0].kind if found else ""


def without(answer: Answer, *names: str) -> Answer:
    """The answer without these headers."""
    for name in names:
        if name in answer.headers:
            del answer.headers[name]
    return answer


class _RefusedManifestsStored(Defect):
    """Keeps manifests that it refuses by one of these codes, under the digest of their bytes and the tag."""

    codes: ClassVar[tuple[str, ...]] = ()

    async def put_manifest(self, original: Any, call: Call) -> Answer:
        try:
            answer: Answer = await original(call)
        except Refusal as refusal:
            if refusal.code in self.codes:
                self._keep(registry_of(original), call)
            raise
        return answer

    def _keep(self, registry: Registry, call: Call) -> None:
        content = call.request.body
        try:
            document = json.loads(content)
        except (ValueError, RecursionError):
            document = {}
        digest = grammar.digest_of(content)
        kept = Manifest(digest, OCI_MANIFEST, content, document if isinstance(document, dict) else {})
        registry.opened(call.name).manifests[digest] = kept
        if ":" not in call.reference:
            registry.opened(call.name).tags[call.reference] = digest

    def referrers_of(self, original: Any, name: str, digest: str) -> list[dict[str, Any]]:
        """None: what they refer to nobody has read."""
        return []


def edited_document(answer: Answer, edit: Callable[[dict[str, Any]], Any]) -> Answer:
    """The answer with its JSON object edited in place."""
    document = json.loads(answer.body)
    edit(document)
    answer.body = json.dumps(document).encode()
    return answer


def without_delete(route: Route) -> Route:
    """The endpoint, where nothing is deleted."""
    handlers = {method: handler for method, handler in route.handlers.items() if method != "DELETE"}
    return Route(route.kind, route.pattern, handlers)
