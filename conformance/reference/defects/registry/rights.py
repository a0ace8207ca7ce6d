"""Defects of rights that one request or one token shows, beside those of ``access``."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import jwt

from conformance.reference.defects.base import Defect
from conformance.reference.defects.registry.access import decoded, everything
from conformance.reference.defects.registry.common import kind_of, registry_of
from conformance.reference.http import Answer, Request
from conformance.reference.registry.access import Access, Caller, organization_of
from conformance.reference.registry.errors import Refusal
from conformance.reference.registry.routing import Asked


class ReadersNeedNoLogin(Defect):
    """API Reference, Docker Registry: nor is a registry open to whoever only reads, its /v2/ among what it gives."""

    surface = "registry"
    noticed_by = (
        "registry/login/anonymous-cannot-pull#blob-head",
        "registry/login/anonymous-cannot-pull#manifest-by-digest",
        "registry/login/anonymous-cannot-pull#manifest-head-by-digest",
        "registry/login/anonymous-cannot-pull#tags-in-pages",
    )

    def authenticate(self, original: Any, request: Request, wanted: list[Access]) -> Caller | None:
        caller: Caller | None = original(request, wanted)
        return everything(wanted) if caller is None and request.method in ("GET", "HEAD") else caller


class KnownNeedsNoLogin(Defect):
    """RFC 9110 section 13.2.1: If-None-Match counts where the answer would be 200, not where it is 401."""

    surface = "registry"
    noticed_by = ("registry/login/known-needs-a-login",)

    def authorize(self, original: Any, kind: str, name: str, request: Request) -> Caller:
        caller: Caller = Caller("") if "if-none-match" in request.headers else original(kind, name, request)
        return caller


class ActionsOfEveryScopeTogether(Defect):
    """Docker token scopes: an action counts for the repository that it was granted on, and for no other."""

    surface = "registry"
    noticed_by = ("registry/token/each-scope-has-its-own-actions",)

    def grants_of(self, original: Any, claims: dict[str, Any]) -> frozenset[tuple[str, str, str]]:
        granted: frozenset[tuple[str, str, str]] = original(claims)
        return frozenset((kind, name, action) for kind, name, _ in granted for _, _, action in granted)


class _TokenOfOneForAll(Defect):
    """A token that may do in one repository of an organization what is wanted may do it in every other."""

    surface = "registry"

    def _enough(self, kind: str, method: str) -> bool:
        """Whether it is so for a kind of endpoint and a method."""
        raise NotImplementedError

    def authorize(self, original: Any, kind: str, name: str, request: Request) -> Caller:
        registry, organization = registry_of(original), organization_of(name)
        caller = registry.authenticate(request, []) if self._enough(kind, request.method) else None
        actions = registry.actions_wanted(request.method) if caller else ()
        for granted in {each for _, each, _ in caller.grants} if caller else ():
            access = Access("repository", granted, actions)
            if caller and organization_of(granted) == organization and registry.permits(caller, access):
                return caller
        found: Caller = original(kind, name, request)
        return found


class TokenOfOneReadsBlobsOfAll(_TokenOfOneForAll):
    """Docker token scopes: a token to pull from one repository reads no blob of another."""

    noticed_by = ("registry/token/is-for-one-repository#blob", "registry/token/is-for-one-repository#blob-head")

    def _enough(self, kind: str, method: str) -> bool:
        return kind == "blob" and method != "DELETE"


class TokenOfOneHeadsManifestsOfAll(_TokenOfOneForAll):
    """Docker token scopes: nor does a token to pull from one tell by HEAD of the manifests of another."""

    noticed_by = ("registry/token/is-for-one-repository#manifest-head",)

    def _enough(self, kind: str, method: str) -> bool:
        return kind == "manifest" and method == "HEAD"


class TokenOfOneListsTagsOfAll(_TokenOfOneForAll):
    """Docker token scopes: a token to pull from one repository lists no tags of another."""

    noticed_by = ("registry/token/is-for-one-repository#tags",)

    def _enough(self, kind: str, method: str) -> bool:
        return kind == "tags"


class TokenOfOneSendsChunksToAll(_TokenOfOneForAll):
    """Docker token scopes: a token to push to one repository sends no chunk to a session of another."""

    noticed_by = ("registry/token/is-for-one-repository#chunk",)

    def _enough(self, kind: str, method: str) -> bool:
        return kind == "upload" and method == "PATCH"


class TokenOfOnePushesManifestsToAll(_TokenOfOneForAll):
    """Docker token scopes: a token to push to one repository pushes no manifest to another."""

    noticed_by = ("registry/token/is-for-one-repository#put-manifest",)

    def _enough(self, kind: str, method: str) -> bool:
        return kind == "manifest" and method == "PUT"


class TokenOfOneDeletesFromAll(_TokenOfOneForAll):
    """Docker token scopes: a token to delete from one repository deletes nothing from another."""

    noticed_by = ("registry/token/is-for-one-repository#delete-manifest",)

    def _enough(self, kind: str, method: str) -> bool:
        return method == "DELETE"


class ManifestReadBeforeItsSender(Defect):
    """API Reference, Error Handling: what a manifest lacks in a repository is not told to who may not see that."""

    surface = "registry"
    noticed_by = (
        "registry/rights/private-and-absent-are-not-told-apart#put-manifest-anonymous",
        "registry/rights/private-and-absent-are-not-told-apart#put-manifest-other-organization",
    )

    def authorize(self, original: Any, kind: str, name: str, request: Request) -> Caller:
        if kind == "manifest" and request.method == "PUT":
            registry = registry_of(original)
            registry.check_manifest(name, registry.media_type_of(request), registry.parse_manifest(request.body))
        caller: Caller = original(kind, name, request)
        return caller


class ExpiredRegistryTokenAccepted(Defect):
    """Docker token authentication: a token is valid up to its ``exp``, and not as long as its signature is good."""

    surface = "registry"
    noticed_by = ("registry/token/expired-is-refused",)

    def claims_of(self, original: Any, token: str) -> dict[str, Any]:
        return decoded(original, token, verify_exp=False)


class _ExpiredRegistryTokenForgiven(Defect):
    """One kind of request takes a token that has expired."""

    def _here(self, request: Request) -> bool:
        raise NotImplementedError

    def authenticate(self, original: Any, request: Request, wanted: list[Access]) -> Caller | None:
        registry = registry_of(original)
        token = registry.bearer_token(request) if self._here(request) else None
        with suppress(jwt.InvalidTokenError):
            claims = decoded(original, token, verify_exp=False) if token else {}
            return Caller(str(claims["sub"]), registry.grants_of(claims)) if claims else original(request, wanted)
        caller: Caller | None = original(request, wanted)
        return caller


class ExpiredRegistryTokenPulls(_ExpiredRegistryTokenForgiven):
    """Docker token authentication: a token that has expired reads nothing, though a login with it is refused."""

    surface = "registry"
    noticed_by = ("registry/token/expired-is-refused",)

    def _here(self, request: Request) -> bool:
        return kind_of(request) != "support" and request.method in ("GET", "HEAD")


class ExpiredRegistryTokenHeads(_ExpiredRegistryTokenForgiven):
    """Docker token authentication: a token that has expired is none to HEAD of a manifest, either."""

    surface = "registry"
    noticed_by = ("registry/token/expired-is-refused",)

    def _here(self, request: Request) -> bool:
        return request.method == "HEAD"


class ExpiredRegistryTokenPullsBlobs(_ExpiredRegistryTokenForgiven):
    """Docker token authentication: a token that has expired pulls no blob, either."""

    surface = "registry"
    noticed_by = ("registry/token/expired-is-refused",)

    def _here(self, request: Request) -> bool:
        return kind_of(request) == "blob"


class TooLittleWithoutChallenge(Defect):
    """Docker token scopes: who has a token for too little is challenged like who has none."""

    surface = "registry"
    noticed_by = ("registry/token/too-little-is-told",)

    def insufficient(self, original: Any, wanted: list[Access]) -> Refusal:
        return Refusal("UNAUTHORIZED")


class TooLittleNotTold(Defect):
    """RFC 6750 section 3: what is wrong with a token is told by an error, of one that grants too little as well."""

    surface = "registry"
    noticed_by = ("registry/token/too-little-is-no-bad-token",)

    def challenge_parameters(self, original: Any, wanted: list[Access], error: str | None) -> list[tuple[str, str]]:
        return list(original(wanted, None if error == "insufficient_scope" else error))


class ReferrersForEveryLogin(Defect):
    """Docker token scopes: a list of referrers needs pull on the repository, and not a token alone."""

    surface = "registry"
    noticed_by = ("registry/rights/other-organization-cannot-list-referrers",)

    def accesses_wanted(self, original: Any, kind: str, name: str, request: Request) -> list[Access]:
        wanted: list[Access] = original(kind, name, request)
        return [] if kind == "referrers" and registry_of(original).bearer_token(request) else wanted


class CatalogGoesByBeginnings(Defect):
    """API Reference, Error Handling: of an organization whose name begins with ours nothing is listed."""

    surface = "registry"
    noticed_by = ("registry/rights/catalog-hides-other-organizations",)

    async def list_repositories(self, original: Any, asked: Asked) -> Answer:
        registry = registry_of(original)
        seen = [each for each in registry.repositories if registry.may_see(asked.caller, each)]
        beside = {f"orgs/{each.split('/')[1]}-labs/app" for each in seen}
        return registry.page_answer(asked.request, {}, "repositories", registry.in_order([*seen, *beside]))


class TokenOfNothingOpensAll(Defect):
    """Docker token authentication: a token that carries no access opens nothing, and not everything."""

    surface = "registry"
    noticed_by = (
        "registry/token/subset-is-no-error#no-rights",
        "registry/token/without-scope-opens-nothing",
        "registry/token/malformed-scope-is-a-callers-fault#empty-name",
        "registry/token/malformed-scope-is-a-callers-fault#host-and-port",
        "registry/token/malformed-scope-is-a-callers-fault#nul",
        "registry/token/malformed-scope-is-a-callers-fault#two-colons",
        "registry/token/malformed-scope-is-a-callers-fault#unknown-type",
        "registry/token/malformed-scope-is-a-callers-fault#word",
    )

    def permits(self, original: Any, caller: Caller, access: Access) -> bool:
        return not caller.grants or bool(original(caller, access))


class TokenOfNothingPushes(Defect):
    """Docker token authentication: a token that carries no access pushes nothing, though it pulls nothing either."""

    surface = "registry"
    noticed_by = ("registry/token/subset-is-no-error#no-rights", "registry/token/anonymous-opens-nothing")

    def permits(self, original: Any, caller: Caller, access: Access) -> bool:
        return (not caller.grants and "push" in access.actions) or bool(original(caller, access))
