"""Defects in who calls: callers mixed up, ways in beside the token, keys that are no secret, challenges."""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import jwt
from jwt.algorithms import ECAlgorithm

from conformance.reference.defects.base import Defect
from conformance.reference.defects.identity.support import is_api_request, surface_of
from conformance.reference.http import Answer, Request
from conformance.reference.identity.access_tokens import AUDIENCE, ISSUER
from conformance.reference.identity.bearer import Caller
from conformance.reference.identity.organization_api import Segments
from conformance.reference.seeds import Client

Claims = dict[str, Any]
Scopes = tuple[str, ...]
Api = Callable[[Request, Segments], Awaitable[Answer]]
Challenges = Callable[..., str]
PAUSE_S = 0.003


class ClientOfLatestRequest(Defect):
    """API Reference, Permissions: a token is for the credential that asked, whoever else asks at that moment."""

    surface = "identity"
    noticed_by = ("authorization/at-once/tokens-are-their-askers",)

    async def token(self, original: Callable[[Request], Awaitable[Answer]], request: Request) -> Answer:
        answer = await original(request)
        if answer.status == 200:
            self.latest = answer
            await asyncio.sleep(PAUSE_S)
            return replace(self.latest, headers=self.latest.headers.mutablecopy())
        return answer


class CallerOfLatestRequest(Defect):
    """API Reference, Error Handling: a call is decided on by its own token, whoever else calls at that moment."""

    surface = "identity"
    noticed_by = ("authorization/at-once/callers-are-kept-apart",)

    async def api(self, original: Api, request: Request, segments: Segments) -> Answer:
        surface = surface_of(original)
        self.latest = surface.caller(request)
        await asyncio.sleep(PAUSE_S)
        latest = self.latest
        surface.__dict__["caller"] = lambda _: latest
        try:
            return await original(request, segments)
        finally:
            surface.__dict__.pop("caller", None)


class ClientOpensApiByBasic(Defect):
    """API Reference, Error Handling: 401 for a missing token; the client's secret in its place is none."""

    surface = "identity"
    noticed_by = ("authorization/bearer/secret-is-no-token",)

    def caller(self, original: Callable[[Request], Caller], request: Request) -> Caller:
        scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
        if scheme == "Basic":
            client_id, _, secret = base64.b64decode(encoded).decode("latin-1").partition(":")
            client = surface_of(original).clients.get(client_id)
            if client and client.secret == secret:
                return Caller(client, frozenset(client.scopes), {})
        return original(request)


class NarrowTokensOutliveRevocation(Defect):
    """Credentials: every token issued with a revoked credential becomes invalid, one of a narrower scope too."""

    surface = "identity"
    noticed_by = ("authorization/revocation/every-token-becomes-invalid",)

    def holder(self, original: Callable[[Claims], Client | None], claims: Claims) -> Client | None:
        client = surface_of(original).clients.get(str(claims.get("client_id")))
        narrow = client and claims.get("scope") != " ".join(client.scopes)
        return client if narrow else original(claims)


class MethodInQueryHonoured(Defect):
    """API Reference, Permissions: a scope to read does not write, whatever the query says of the method."""

    surface = "identity"
    noticed_by = ("authorization/matrix/method-override-is-ignored",)

    async def api(self, original: Api, request: Request, segments: Segments) -> Answer:
        meant = request.parameter("_method")
        if meant is None or surface_of(original).route(segments) != "project":
            return await original(request, segments)
        surface = surface_of(original)
        read = surface.caller(request)
        surface.require_scope(read, "project:read")
        surface.__dict__["caller"] = lambda _: replace(read, scopes=read.scopes | {"project:write"})
        try:
            return await original(replace(request, method=meant), segments)
        finally:
            surface.__dict__.pop("caller", None)


class NotModifiedBeforeScope(Defect):
    """RFC 9110 section 13.2.1: preconditions are ignored where the answer without them is no success."""

    surface = "identity"
    noticed_by = ("authorization/matrix/preconditions-come-after-access",)

    async def api(self, original: Api, request: Request, segments: Segments) -> Answer:
        surface = surface_of(original)
        if "if-none-match" in request.headers and surface.route(segments) == "project":
            caller = surface.caller(request)
            organization = surface.visible_organization(caller, segments[3])
            project = surface.visible_project(caller, organization, segments[5])
            if not surface.if_none_match_holds(request, project):
                return Answer(304)
        return await original(request, segments)


class TakenSlugToldBeforeScope(Defect):
    """The contract's table of errors: 403 for a lacking scope, and no word of which slugs are taken."""

    surface = "identity"
    noticed_by = ("authorization/matrix/lacking-scope-is-403",)

    async def api(self, original: Api, request: Request, segments: Segments) -> Answer:
        surface = surface_of(original)
        if request.method == "POST" and surface.route(segments) == "projects":
            organization = surface.visible_organization(surface.caller(request), segments[3])
            if any(f'"slug": "{slug}"'.encode() in request.body for slug in organization.projects):
                return surface.conflict("The slug is taken.")
        return await original(request, segments)


class ChallengeWithoutCommas(Defect):
    """RFC 9110 section 11.2: parameters of a challenge are separated by commas."""

    surface = "identity"
    noticed_by = ("authorization/bearer/challenge-is-well-formed",)

    def challenge(self, original: Challenges, error: str | None, scope: str | None = None) -> str:
        return original(error, scope).replace('", ', '" ')


class ChallengeLeavesTextOpen(Defect):
    """RFC 9110 section 11.6.1: a text in a challenge ends with the quotation mark that it begins with."""

    surface = "identity"
    noticed_by = ("authorization/bearer/challenge-is-well-formed",)

    def challenge(self, original: Challenges, error: str | None, scope: str | None = None) -> str:
        return original(error, scope) + (', error_description="See the documentation.' if error else "")


class ChallengeNamesScopeAtHand(Defect):
    """RFC 6750 section 3.1: the scope that a challenge names is the one that is necessary."""

    surface = "identity"
    noticed_by = ("authorization/bearer/named-scope-is-one-that-lacks",)

    def challenge(self, original: Challenges, error: str | None, scope: str | None = None) -> str:
        return original(error, scope and ("member:read" if scope == "organization:read" else "organization:read"))


class HeadStatesNoLength(Defect):
    """RFC 9110 section 8.6: Content-Length of an answer to HEAD is what GET would have, or is not stated."""

    surface = "identity"
    noticed_by = ("authorization/bearer/head-is-as-get",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if is_api_request(request) and request.method == "HEAD" and answer.status == 200:
            answer.headers["Content-Length"] = "0"
        return answer


class EverySecondHeadStatesNoLength(Defect):
    """RFC 9110 section 8.6: nor does one of two instances state another length of the very version that GET tells."""

    surface = "identity"
    noticed_by = ("authorization/bearer/head-is-as-get",)

    def __init__(self) -> None:
        self.heads = itertools.count()

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if "/projects/" in request.path and request.method == "HEAD" and next(self.heads) % 2 == 0:
            answer.headers["Content-Length"] = "0"
        return answer


class LimitOfEachAddress(Defect):
    """The contract's table of errors: 429 above the rate limit, whatever address a header claims."""

    surface = "identity"
    noticed_by = ("errors/429/no-way-round-the-limit",)
    way_round = "x-forwarded-for"

    def authenticated_client(
        self, original: Callable[[Request, dict[str, str]], Client], request: Request, form: dict[str, str]
    ) -> Client:
        client = original(request, form)
        return replace(client, limit=None) if self.way_round in request.headers else client


class LimitOfFormsAlone(LimitOfEachAddress):
    """The contract's table of errors: 429 above the rate limit, by whatever method a client authenticates."""

    way_round = "authorization"


class KeySetShowsPrivateKey(Defect):
    """RFC 7517 section 9.2: private keys MUST be protected from disclosure."""

    surface = "identity"
    noticed_by = ("oauth/jwt/published-keys-are-public",)

    def key_set(self, original: Callable[[], Answer]) -> Answer:
        private = json.loads(ECAlgorithm.to_jwk(surface_of(original).key.private))
        published = json.loads(original().body)["keys"][0]
        return Answer.json(200, {"keys": [published | private]})


class ParametersBecomeClaims(Defect):
    """RFC 6749 section 3.2: unrecognized parameters are ignored, and no word of the token's."""

    surface = "identity"
    noticed_by = ("oauth/jwt/parameters-set-no-claims",)

    def __init__(self) -> None:
        self.further: Claims = {}

    def token_form(self, original: Callable[[Request], dict[str, str]], request: Request) -> dict[str, str]:
        form = original(request)
        self.further = {name: value for name, value in form.items() if name in ("sub", "roles")}
        return form

    def access_token_claims(self, original: Callable[..., Claims], client: Client, scopes: Scopes) -> Claims:
        return original(client, scopes) | self.further


class SignedWithClientsSecret(Defect):
    """RFC 9068 section 2.1: who a token is issued to cannot make others; the secret that it knows is no key."""

    surface = "identity"
    noticed_by = ("oauth/jwt/forged-tokens-are-refused",)

    def make_access_token(self, original: Callable[[Claims], str], claims: Claims) -> str:
        secret = surface_of(original).clients[claims["client_id"]].secret
        return jwt.encode(claims, secret, "HS256", headers={"typ": "at+jwt"})

    def read_access_token(self, original: Callable[[str], Claims | None], token: str) -> Claims | None:
        try:
            unproved = jwt.decode(token, options={"verify_signature": False})
            secret = surface_of(original).clients[str(unproved.get("client_id"))].secret
            claims: Claims = jwt.decode(token, secret, ["HS256"], audience=AUDIENCE, issuer=ISSUER)
        except (jwt.PyJWTError, ValueError, KeyError):
            return None
        return claims
