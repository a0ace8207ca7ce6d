"""The registry, correct otherwise in login and rights."""

from __future__ import annotations

import base64
import binascii
import hmac
import secrets
import time
from dataclasses import replace
from typing import Any

import jwt

from conformance.reference.defects.base import Variant
from conformance.reference.defects.registry.access import decoded
from conformance.reference.defects.registry.common import registry_of
from conformance.reference.http import Answer, Request
from conformance.reference.identity.registry_tokens import Asked as AskedScope
from conformance.reference.identity.registry_tokens import RegistryTokens
from conformance.reference.identity.state import Refused
from conformance.reference.registry.access import SERVICE, Access, Caller, organization_of
from conformance.reference.registry.errors import Refusal
from conformance.reference.registry.routing import Asked
from conformance.reference.seeds import Account

LISTING = "metadata_read"


class BasicLogin(Variant):
    """Basic in place of the token flow (RFC 7617): username and password with every request."""

    surface = "registry"

    def authenticate(self, original: Any, request: Request, wanted: list[Access]) -> Caller | None:
        scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "basic":
            return None
        try:
            username, _, password = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return None
        account = registry_of(original).account(username)
        if (
            account is None
            or not account.in_force
            or not hmac.compare_digest(account.password.encode(), password.encode())
        ):
            return None
        return Caller(username)

    def permits(self, original: Any, caller: Caller, access: Access) -> bool:
        account = registry_of(original).account(caller.subject)
        if account is None or access.kind == "registry":
            return account is not None
        return set(access.actions) <= account.rights.get(organization_of(access.name), frozenset())

    def insufficient(self, original: Any, wanted: list[Access]) -> Refusal:
        return Refusal("DENIED", [str(each) for each in wanted])

    def challenges(self, original: Any, wanted: list[Access], error: str | None) -> list[str]:
        return [f'Basic realm="{SERVICE}"']


class SeveralChallenges(Variant):
    """RFC 9110 section 11.6.1: there may be several challenges; a client takes the one that it knows."""

    surface = "registry"

    def challenges(self, original: Any, wanted: list[Access], error: str | None) -> list[str]:
        return ["Negotiate", 'Digest realm="a, Bearer realm=\\"b\\"", nonce="1,2"', *original(wanted, error)]


class CatalogByAccessLevel(Variant):
    """Docker Registry V2, Listing Repositories: the catalog may be limited "based on the user's access level" alone."""

    surface = "registry"

    def accesses_wanted(self, original: Any, kind: str, name: str, request: Request) -> list[Access]:
        return [] if kind == "catalog" else original(kind, name, request)


class ChallengeReordered(Variant):
    """RFC 9110 section 11.2: parameters of a challenge come in any order, with blanks between, in any case."""

    surface = "registry"

    def challenges(self, original: Any, wanted: list[Access], error: str | None) -> list[str]:
        parameters = registry_of(original).challenge_parameters(wanted, error)
        told = (f'{name.capitalize()}="{value}"' for name, value in reversed(parameters))
        return ["bearer " + " , ".join(told)]


class ChallengeInQuotedPairs(Variant):
    """RFC 9110 section 5.6.4: what is quoted may have a backslash before any character, which is none of it."""

    surface = "registry"
    # oras keeps the backslashes.
    misses = (
        "interoperability/registry/login",
        "interoperability/registry/pull",
        "interoperability/registry/pull-by-digest",
        "interoperability/registry/pull-for-a-platform",
        "interoperability/registry/push",
        "interoperability/registry/push-is-denied-without-push-access",
        "interoperability/registry/push-of-an-index",
        "interoperability/registry/what-one-pushed-others-pull",
    )

    def challenges(self, original: Any, wanted: list[Access], error: str | None) -> list[str]:
        return [value.replace('="', '="\\') for value in original(wanted, error)]


class ExpiredRegistryTokenForgiven(Variant):
    """RFC 7519 section 4.1.4: for a minute after a token has expired it may still be taken, since clocks differ."""

    surface = "registry"

    def claims_of(self, original: Any, token: str) -> dict[str, Any]:
        return decoded(original, token, leeway=60)


class SupportCheckTakesNoScope(Variant):
    """Docker token authentication: /v2/ asks for a token without a scope, and one for a repository is none for it."""

    surface = "registry"

    async def support(self, original: Any, asked: Asked) -> Answer:
        if asked.caller.grants:
            raise registry_of(original).insufficient([])
        answer: Answer = await original(asked)
        return answer


class DeletionNeedsPush(Variant):
    """Docker token scopes: "push for write access", of which deleting is a part; there is no right of its own."""

    surface = "registry"

    def actions_wanted(self, original: Any, method: str) -> tuple[str, ...]:
        return ("push",) if method == "DELETE" else tuple(original(method))


class ScopeForEachResource(Variant):
    """Docker token scopes, Resource Provider Use: "a scope field for each required resource scope"."""

    surface = "registry"

    def challenge_parameters(self, original: Any, wanted: list[Access], error: str | None) -> list[tuple[str, str]]:
        told: list[tuple[str, str]] = [each for each in original(wanted, error) if each[0] != "scope"]
        return told[:2] + [("scope", str(each)) for each in wanted] + told[2:]


class InsufficientScopeForbidden(Variant):
    """RFC 6750 section 3.1: a token that grants too little may be answered 403, with the challenge."""

    surface = "registry"

    def insufficient(self, original: Any, wanted: list[Access]) -> Refusal:
        refusal: Refusal = original(wanted)
        return Refusal("DENIED", *refusal.details, headers=refusal.headers)


class SupportTellsASampleScope(Variant):
    """Docker token scopes: the challenge of /v2/ needs no scope, and may show of what form one is (ghcr)."""

    surface = "registry"

    def challenge_parameters(self, original: Any, wanted: list[Access], error: str | None) -> list[tuple[str, str]]:
        told: list[tuple[str, str]] = original(wanted, error)
        return told if wanted else [*told, ("scope", "repository:user/image:pull")]


class ChallengeWithAnEmptyParameter(Variant):
    """RFC 9110 sections 5.6.4 and 11.2: what is quoted may be empty, and what is a token stands without quotes."""

    surface = "registry"

    def challenges(self, original: Any, wanted: list[Access], error: str | None) -> list[str]:
        told = registry_of(original).challenge_parameters(wanted, error)
        parameters = (f"{name}={value}" if value == SERVICE else f'{name}="{value}"' for name, value in told)
        return ['Bearer empty="",' + ",".join(parameters)]


class _OpaqueDoor(RegistryTokens):
    """A token endpoint that remembers what its tokens are good for, and tells nobody by them."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.issued: dict[str, dict[str, Any]] = {}

    def signed_token(self, claims: dict[str, Any]) -> str:
        token = self.new_token()
        self.issued[token] = claims
        return token

    def new_token(self) -> str:
        return secrets.token_urlsafe(32)


class _HexadecimalDoor(_OpaqueDoor):
    def new_token(self) -> str:
        return secrets.token_hex(32)


class TokensOfItsOwn(Variant):
    """Docker token authentication: tokens need not be JWTs, and the realm may be the registry's own address."""

    surface = "registry"
    opened, address = _OpaqueDoor, "/token"

    def __init__(self) -> None:
        self.door: _OpaqueDoor | None = None

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
    """Docker token authentication: the realm may be any URL, such as /v2/token, where errors are those of RFC 6749."""

    address = "/v2/token"


class RealmOfEachOrganization(TokensOfItsOwn):
    """Docker token flow: each answer says where its token is to be had; other organizations' are had elsewhere."""

    def challenge_parameters(self, original: Any, wanted: list[Access], error: str | None) -> list[tuple[str, str]]:
        told: list[tuple[str, str]] = original(wanted, error)
        of = organization_of(wanted[0].name) if wanted else ""
        return [(name, f"{value}/{of}" if name == "realm" and of else value) for name, value in told]

    def intercept(self, request: Request) -> Answer | None:
        address, _, of = request.path.rpartition("/")
        if address != self.address:
            return super().intercept(request)
        scopes = " ".join(value for name, value in request.query if name == "scope").split()
        if any(organization_of(scope.split(":")[1]) != of for scope in scopes):
            return Answer.json(404, {"details": "no such organization here"})
        return super().intercept(replace(request, raw_path=address))


class _DoorWithListing(_OpaqueDoor):
    def permitted_actions(self, account: Account | None, scope: AskedScope) -> frozenset[str]:
        permitted = super().permitted_actions(account, scope)
        return permitted | {LISTING} if "pull" in permitted else permitted


class ListingHasARightOfItsOwn(TokensOfItsOwn):
    """Docker token scopes, Example Resource Types: a resource may have other actions, as to list tags."""

    opened = _DoorWithListing

    def accesses_wanted(self, original: Any, kind: str, name: str, request: Request) -> list[Access]:
        return [Access("repository", name, (LISTING,))] if kind == "tags" else original(kind, name, request)


class TokensOfItsOwnInHexadecimalDigits(TokensOfItsOwn):
    """Docker token authentication: a token is opaque, also one of hexadecimal digits, which either case writes."""

    opened = _HexadecimalDoor

    def claims_of(self, original: Any, token: str) -> dict[str, Any]:
        return super().claims_of(original, token.lower())
