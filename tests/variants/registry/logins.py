"""Variants of logins."""

from __future__ import annotations

import re
import secrets
import time
from dataclasses import replace
from typing import Any

import jwt

from conformance.reference.alteration import Variant
from conformance.reference.http import Answer, Request
from conformance.reference.identity.registry_tokens import RegistryTokens, RequestedScope
from conformance.reference.identity.state import Refused
from conformance.reference.one_method import variant
from conformance.reference.registry.access import SERVICE, Access, Caller, organization_of
from conformance.reference.registry.errors import Refusal
from conformance.reference.registry.routing import Route
from conformance.reference.registry.state import Manifest
from conformance.reference.seeds import Account
from conformance.reference.support.registry import decoded, registry_of
from conformance.reference.variants.registry import BasicLogin

LISTING = "metadata_read"
DELETABLE = ("manifest", "blob")
LISTED_AFTER_S = 1.5


@variant(without=("registry.delete-tag",))
def tag_deletion_unsupported(authorize: Any, kind: str, name: str, request: Request) -> Caller:
    """distribution-spec 1.1, Deleting tags: a registry may delete by digest only; it answers 400 or 405."""
    if kind == "manifest" and request.method == "DELETE" and ":" not in request.path:
        raise Refusal("UNSUPPORTED", status=400)
    return authorize(kind, name, request)


@variant()
def several_challenges(challenges: Any, wanted: list[Access], error: str | None) -> list[str]:
    """RFC 9110 section 11.6.1: there may be several challenges; a client uses one that it knows."""
    return ["Negotiate", 'Digest realm="a, Bearer realm=\\"b\\"", nonce="1,2"', *challenges(wanted, error)]


@variant()
def catalog_by_access_level(accesses_wanted: Any, kind: str, name: str, request: Request) -> list[Access]:
    """Docker Registry V2, Listing Repositories: the catalog may be limited "based on the user's access level" alone."""
    return [] if kind == "catalog" else accesses_wanted(kind, name, request)


@variant()
def challenge_reordered(challenges: Any, wanted: list[Access], error: str | None) -> list[str]:
    """RFC 9110 section 11.2: challenge parameters may be in any order and case, with blanks."""
    parameters = registry_of(challenges).challenge_parameters(wanted, error)
    values = (f'{name.capitalize()}="{value}"' for name, value in reversed(parameters))
    return ["bearer " + " , ".join(values)]


# oras keeps the backslashes.
@variant(
    misses=(
        "interoperability/registry/login",
        "interoperability/registry/pull",
        "interoperability/registry/pull-by-digest",
        "interoperability/registry/pull-for-a-platform",
        "interoperability/registry/push",
        "interoperability/registry/push-is-denied-without-push-access",
        "interoperability/registry/push-of-an-index",
        "interoperability/registry/images-of-other-programs-are-pulled",
    )
)
def challenge_in_quoted_pairs(challenges: Any, wanted: list[Access], error: str | None) -> list[str]:
    """RFC 9110 section 5.6.4: any quoted character may have a backslash before it."""
    return [value.replace('="', '="\\') for value in challenges(wanted, error)]


@variant()
def expired_registry_token_forgiven(claims_of: Any, token: str) -> dict[str, Any]:
    """RFC 7519 section 4.1.4: an expired token may be accepted for another minute, because clocks differ."""
    return decoded(claims_of, token, leeway=60)


@variant()
def deletion_needs_push(actions_wanted: Any, method: str) -> tuple[str, ...]:
    """Docker token scopes: deleting needs the action push; there is no separate action."""
    return ("push",) if method == "DELETE" else tuple(actions_wanted(method))


@variant()
def scope_for_each_resource(challenge_parameters: Any, wanted: list[Access], error: Any) -> list[tuple[str, str]]:
    """Docker token scopes, Resource Provider Use: "a scope field for each required resource scope"."""
    wanted_parameters: list[tuple[str, str]] = [
        each for each in challenge_parameters(wanted, error) if each[0] != "scope"
    ]
    return wanted_parameters[:2] + [("scope", str(each)) for each in wanted] + wanted_parameters[2:]


@variant()
def insufficient_scope_forbidden(insufficient: Any, wanted: list[Access]) -> Refusal:
    """RFC 6750 section 3.1: a token that grants too little may be answered with 403 and a challenge."""
    refusal: Refusal = insufficient(wanted)
    return Refusal("DENIED", *refusal.details, headers=refusal.headers)


@variant()
def support_reports_a_sample_scope(
    challenge_parameters: Any, wanted: list[Access], error: str | None
) -> list[tuple[str, str]]:
    """Docker token scopes: the challenge of /v2/ may contain a sample scope, as ghcr's does."""
    parameters: list[tuple[str, str]] = challenge_parameters(wanted, error)
    return parameters if wanted else [*parameters, ("scope", "repository:user/image:pull")]


@variant()
def challenge_with_an_empty_parameter(challenges: Any, wanted: list[Access], error: str | None) -> list[str]:
    """RFC 9110 sections 5.6.4 and 11.2: a quoted parameter may be empty, and a token unquoted."""
    pairs = registry_of(challenges).challenge_parameters(wanted, error)
    parameters = (f"{name}={value}" if value == SERVICE else f'{name}="{value}"' for name, value in pairs)
    return ['Bearer empty="",' + ",".join(parameters)]


class _OpaqueDoor(RegistryTokens):
    """A token endpoint with opaque tokens whose grants it remembers."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.issued: dict[str, dict[str, Any]] = {}

    def signed_token(self, claims: dict[str, Any]) -> str:
        token = self.new_token()
        self.issued[token] = claims
        return token

    def new_token(self) -> str:
        return secrets.token_urlsafe(32)


class TokensOfItsOwn(Variant):
    """Docker token authentication: tokens need not be JWTs, and the realm may be the registry's own URL."""

    opened, address = _OpaqueDoor, "/token"
    door: _OpaqueDoor | None = None

    def realm(self, original: Any) -> str:
        registry = registry_of(original)
        self.door = self.door or self.opened(registry.seeds, registry.key)
        return f"{registry.seeds.public_url.get('registry', '')}{self.address}"

    def intercept(self, request: Request) -> Answer | None:
        if request.path != self.address or self.door is None:
            return None
        try:
            answer = self.door.token_by_post(request) if request.method == "POST" else self.door.token_by_get(request)
        except Refused as refused:
            answer = refused.answer
        return self.door.finish(request, answer)

    def claims_of(self, original: Any, token: str) -> dict[str, Any]:
        claims = self.door.issued.get(token) if self.door else None
        if claims is None or claims["aud"] != SERVICE or claims["exp"] <= time.time():
            raise jwt.InvalidTokenError
        return claims


class TokensFromBelowItsRoot(TokensOfItsOwn):
    """Docker token authentication: the realm may be any URL, such as /v2/token, with errors of RFC 6749."""

    address = "/v2/token"


class RealmOfEachOrganization(TokensOfItsOwn):
    """Docker token flow: each challenge names its realm; other organizations' tokens come from another one."""

    def challenge_parameters(self, original: Any, wanted: list[Access], error: str | None) -> list[tuple[str, str]]:
        parameters: list[tuple[str, str]] = original(wanted, error)
        of = organization_of(wanted[0].name) if wanted else ""
        return [(name, f"{value}/{of}" if name == "realm" and of else value) for name, value in parameters]

    def intercept(self, request: Request) -> Answer | None:
        address, _, of = request.path.rpartition("/")
        if address != self.address:
            return super().intercept(request)
        scopes = " ".join(value for name, value in request.query if name == "scope").split()
        if any(organization_of(scope.split(":")[1]) != of for scope in scopes):
            return Answer.json(404, {"details": "no such organization here"})
        return super().intercept(replace(request, raw_path=address))


class _DoorWithListing(_OpaqueDoor):
    def permitted_actions(self, account: Account | None, scope: RequestedScope) -> frozenset[str]:
        permitted = super().permitted_actions(account, scope)
        return permitted | {LISTING} if "pull" in permitted else permitted


class ListingHasARightOfItsOwn(TokensOfItsOwn):
    """Docker token scopes, Example Resource Types: a resource may have other actions, such as listing tags."""

    # These variants have no tokens, but only tokens contain that action.
    conflicts = ("basic-login", "dots-resolved", "pusher-is-a-superuser")
    opened = _DoorWithListing

    def accesses_wanted(self, original: Any, kind: str, name: str, request: Request) -> list[Access]:
        return [Access("repository", name, (LISTING,))] if kind == "tags" else original(kind, name, request)


class _HexadecimalDoor(_OpaqueDoor):
    def new_token(self) -> str:
        return secrets.token_hex(32)


class TokensOfItsOwnInHexadecimalDigits(TokensOfItsOwn):
    """Docker token authentication: a token is opaque; here hexadecimal digits, in either case."""

    opened = _HexadecimalDoor

    def claims_of(self, original: Any, token: str) -> dict[str, Any]:
        return super().claims_of(original, token.lower())


@variant()
def anonymous_clients_always_get404(insufficient: Any, wanted: list[Access]) -> Refusal:
    """API Reference, Error Handling: 404 for hidden resources as for missing ones."""
    return Refusal("NAME_UNKNOWN")


@variant()
def forbidden_without_challenge(insufficient: Any, wanted: list[Access]) -> Refusal:
    """API Reference, Error Handling: 403 for a token that lacks scope, without a challenge."""
    return Refusal("DENIED")


@variant(without=("registry.delete", "registry.delete-tag"))
def pusher_may_not_delete(authorize: Any, kind: str, name: str, request: Request) -> Caller:
    """API Reference, Error Handling: 403 for a login without the role to delete."""
    caller: Caller = authorize(kind, name, request)
    if request.method == "DELETE" and kind in DELETABLE:
        raise Refusal("DENIED", status=403)
    return caller


class PusherIsASuperuser(BasicLogin):
    """API Reference, Error Handling: a superuser's login has access to every repository."""

    def permits(self, original: Any, caller: Caller, access: Access) -> bool:
        return caller.subject == "ct-push" or super().permits(original, caller, access)


class DotsResolved(BasicLogin):
    """RFC 3986 section 6.2.2.3: dot segments are resolved, here for logins sent with each request."""

    def route_of(self, original: Any, path: str) -> tuple[Route, str, str]:
        return original(re.sub(r"/[^/]+/\.\.(?=/)", "", path))


class CatalogFollowsLater(Variant):
    """Docker Registry V2, Listing Repositories: "a missing entry does not mean that the registry does not have" it."""

    seen: dict[str, float] = {}

    async def store_manifest(self, original: Any, name: str, manifest: Manifest) -> None:
        self.seen.setdefault(name, time.monotonic())
        await original(name, manifest)

    def may_see(self, original: Any, caller: Any, name: str) -> bool:
        begun = self.seen.setdefault(name, time.monotonic())
        return bool(original(caller, name)) and time.monotonic() - begun > LISTED_AFTER_S


# podman, skopeo, buildah, oras and cosign read only the first of them.
@variant(
    misses=(
        "interoperability/registry/login",
        "interoperability/registry/pull",
        "interoperability/registry/pull-by-digest",
        "interoperability/registry/pull-for-a-platform",
        "interoperability/registry/push",
        "interoperability/registry/push-of-an-index",
        "interoperability/registry/signature-is-stored",
        "interoperability/registry/images-of-other-programs-are-pulled",
    )
)
def registry_challenges_in_one_field(challenges: Any, wanted: list[Access], error: str | None) -> list[str]:
    """RFC 9110 section 11.6.1: several challenges may be in one field, separated by commas."""
    return [", ".join(['Basic realm="registry, by name"', *challenges(wanted, error)])]


@variant()
def more_reported_in_the_challenge(challenge_parameters: Any, wanted: Any, error: str | None) -> list[tuple[str, str]]:
    """RFC 6750 section 3: a challenge may have further parameters, even an error without a token."""
    parameters: list[tuple[str, str]] = challenge_parameters(wanted, error or "invalid_token")
    return [*parameters, ("error_description", "no, or no good, token=x, scope=y"), ("charset", "UTF-8")]


@variant()
def actions_in_another_order(actions_wanted: Any, method: str) -> tuple[str, ...]:
    """Docker token scopes: the order of actions has no meaning."""
    return tuple(reversed(actions_wanted(method)))


@variant()
def realm_with_query(realm: Any) -> str:
    """Docker token flow: the realm is a URL, which may have a query."""
    return f"{realm()}?tenant=acme"
