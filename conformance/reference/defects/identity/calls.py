"""Defects in who calls: callers mixed up, ways in beside the token, keys that are no secret, challenges."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from jwt.algorithms import ECAlgorithm

from conformance.reference.defects.base import Defect
from conformance.reference.defects.identity.support import surface_of
from conformance.reference.http import Answer, Request
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


class MethodInQueryHonoured(Defect):
    """API Reference, Permissions: a scope to read does not write, whatever the query says of the method."""

    surface = "identity"
    noticed_by = ("authorization/matrix/method-override-is-ignored#query",)

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
    noticed_by = ("authorization/matrix/preconditions-come-after-access#lacking-scope",)

    async def api(self, original: Api, request: Request, segments: Segments) -> Answer:
        surface = surface_of(original)
        if "if-none-match" in request.headers and surface.route(segments) == "project":
            caller = surface.caller(request)
            organization = surface.visible_organization(caller, segments[3])
            project = surface.visible_project(caller, organization, segments[5])
            if not surface.if_none_match_holds(request, project):
                return Answer(304)
        return await original(request, segments)


class ChallengeLeavesTextOpen(Defect):
    """RFC 9110 section 11.6.1: a text in a challenge ends with the quotation mark that it begins with."""

    surface = "identity"
    noticed_by = (
        "authorization/bearer/challenge-is-well-formed#lacking-scope",
        "authorization/bearer/challenge-is-well-formed#unknown-token",
    )

    def challenge(self, original: Challenges, error: str | None, scope: str | None = None) -> str:
        return original(error, scope) + (', error_description="See the documentation.' if error else "")


class ChallengeNamesScopeAtHand(Defect):
    """RFC 6750 section 3.1: the scope that a challenge names is the one that is necessary."""

    surface = "identity"
    noticed_by = ("authorization/bearer/named-scope-is-one-that-lacks",)

    def challenge(self, original: Challenges, error: str | None, scope: str | None = None) -> str:
        return original(error, scope and ("member:read" if scope == "organization:read" else "organization:read"))


class LimitOfEachAddress(Defect):
    """The contract's table of errors: 429 above the rate limit, whatever address a header claims."""

    surface = "identity"
    noticed_by = ("errors/429/no-way-round-the-limit#forwarded-for",)
    way_round = "x-forwarded-for"

    def authenticated_client(
        self, original: Callable[[Request, dict[str, str]], Client], request: Request, form: dict[str, str]
    ) -> Client:
        client = original(request, form)
        return replace(client, limit=None) if self.way_round in request.headers else client


class LimitOfFormsAlone(LimitOfEachAddress):
    """The contract's table of errors: 429 above the rate limit, by whatever method a client authenticates."""

    noticed_by = ("errors/429/no-way-round-the-limit#basic",)

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
