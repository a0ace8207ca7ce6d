"""Defects in what is looked at in one place and forgotten in another: tokens, keys, refusals, limits."""

from __future__ import annotations

import hashlib
import json
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, ClassVar

import jwt

from conformance.reference.defects.base import Defect
from conformance.reference.defects.identity.support import is_api_request, is_token_request, surface_of
from conformance.reference.http import Answer, Request
from conformance.reference.identity.access_tokens import AUDIENCE, ISSUER
from conformance.reference.identity.bearer import Caller
from conformance.reference.identity.wire import form_pairs
from conformance.reference.seeds import Client

Claims = dict[str, Any]
Scopes = tuple[str, ...]
WRITES = ("POST", "PATCH", "DELETE")


def shown_token(request: Request) -> str:
    """What stands behind the scheme."""
    return request.headers.get("authorization", "").partition(" ")[2]


class _OrganizationParameterHeeded(Defect):
    """API Reference, Error Handling: what organization a token is of is the credential's, not the request's, to say."""

    surface = "identity"
    parameter = "organization"

    def __init__(self) -> None:
        self.named: dict[str, str] = {}

    async def token(self, original: Callable[[Request], Awaitable[Answer]], request: Request) -> Answer:
        answer = await original(request)
        if answer.status == 200:
            organization = dict(form_pairs(request.body)).get(self.parameter)
            if organization:
                self.named[json.loads(answer.body)["access_token"]] = organization
        return answer

    def caller(self, original: Callable[[Request], Caller], request: Request) -> Caller:
        caller = original(request)
        organization = self.named.get(shown_token(request), caller.client.organization)
        return replace(caller, client=replace(caller.client, organization=organization))


class AccountParameterHeeded(_OrganizationParameterHeeded):
    """API Reference, Error Handling: nor is it the request's to say by another word for an organization."""

    noticed_by = ("authorization/isolation/token-parameters-lead-to-nothing-foreign",)

    parameter = "account"


class TokensShareTheirIdentifier(Defect):
    """RFC 9068 section 2.2: jti is of one token, not of all of a client's."""

    surface = "identity"
    noticed_by = ("oauth/jwt/has-the-claims#jti",)

    def access_token_claims(self, original: Callable[..., Claims], client: Client, scopes: Scopes) -> Claims:
        return original(client, scopes) | {"jti": hashlib.sha256(client.secret.encode()).hexdigest()}


class ClientOfTokensIsTheIssuer(Defect):
    """RFC 9068 section 2.2: client_id is that of the client that asked."""

    surface = "identity"
    noticed_by = ("oauth/jwt/has-the-claims#client-id",)

    def access_token_claims(self, original: Callable[..., Claims], client: Client, scopes: Scopes) -> Claims:
        return original(client, scopes) | {"client_id": "token-service"}

    def holder(self, original: Callable[[Claims], Client | None], claims: Claims) -> Client | None:
        return original(claims | {"client_id": claims["sub"]})


class TokenByBasicMayBeStored(Defect):
    """RFC 6749 section 5.1: no token is stored, however its client has proved itself."""

    surface = "identity"
    noticed_by = ("oauth/answer/no-store",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if is_token_request(request) and answer.status == 200 and "authorization" in request.headers:
            answer.headers["Cache-Control"] = "private"
        return answer


class ExpiryForgottenByWrites(Defect):
    """RFC 6749 section 7: an expired token opens nothing, neither for reading nor for writing."""

    surface = "identity"
    noticed_by = ("authorization/bearer/expired-token-is-401",)
    forgotten: ClassVar[tuple[str, ...]] = WRITES

    def caller(self, original: Callable[[Request], Caller], request: Request) -> Caller:
        surface = surface_of(original)
        if request.method in self.forgotten:
            key = surface.key.private.public_key()
            try:
                claims = jwt.decode(
                    shown_token(request), key, ["ES256"], {"verify_exp": False}, audience=AUDIENCE, issuer=ISSUER
                )
            except jwt.PyJWTError:
                return original(request)
            client = surface.holder(claims)
            if client is not None:
                return Caller(client, surface.scopes_in(claims), claims)
        return original(request)


class _LimitOfEach(Defect):
    """A limit that begins anew for whoever says something else of itself."""

    def __init__(self) -> None:
        self.asked = ""
        self.windows: dict[tuple[str, str], deque[float]] = {}

    async def token(self, original: Callable[[Request], Awaitable[Answer]], request: Request) -> Answer:
        self.asked = self._said(request)
        return await original(request)

    def window_of(self, original: Callable[[Client], deque[float]], client: Client) -> deque[float]:
        return self.windows.setdefault((client.client_id, self.asked), deque())

    def _said(self, request: Request) -> str:
        raise NotImplementedError


class LimitOfEachBody(_LimitOfEach):
    """RFC 6585 section 4: a limit is not led round by a parameter that nobody knows."""

    surface = "identity"
    noticed_by = ("errors/429/no-way-round-the-limit#query",)

    def _said(self, request: Request) -> str:
        return request.body.decode("latin-1")


class LimitOfEachAgent(_LimitOfEach):
    """RFC 6585 section 4: a limit is not led round by another User-Agent."""

    surface = "identity"
    noticed_by = ("errors/429/no-way-round-the-limit#other-fields",)

    def _said(self, request: Request) -> str:
        return request.headers.get("user-agent", "")


class AbsenceMayBeShared(Defect):
    """RFC 9111 section 3.5: what is not there for one caller is not for a shared cache to be gone for its owner."""

    surface = "identity"
    noticed_by = ("authorization/bearer/answers-are-not-shared",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if answer.status == 404:
            answer.headers["Cache-Control"] = "public, max-age=300"
        return answer


class AnswersMustBeRevalidatedWhenStale(Defect):
    """RFC 9111 section 3.5: must-revalidate lets a shared cache keep what a token opens and give it out while fresh."""

    surface = "identity"
    noticed_by = ("authorization/bearer/answers-are-not-shared",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if is_api_request(request) and answer.status == 200:
            answer.headers["Cache-Control"] = "max-age=60, must-revalidate"
        return answer


class TimesOfAnotherZone(Defect):
    """RFC 7519 section 2: NumericDate counts from 1970 in UTC, not in the server's zone."""

    surface = "identity"
    noticed_by = ("oauth/jwt/lifetime-is-as-stated",)

    def now(self, original: Callable[[], float]) -> float:
        return original() + 7200

    def read_access_token(self, original: Callable[[str], Claims | None], token: str) -> Claims | None:
        surface = surface_of(original)
        read = surface.key.verify

        def verify(token: str, audience: str, issuer: str) -> Claims:
            key = surface.key.private.public_key()
            claims: Claims = jwt.decode(
                token, key, ["ES256"], {"verify_exp": False, "verify_iat": False}, audience=audience, issuer=issuer
            )
            return read(token, audience, issuer) if claims["exp"] < surface.now() else claims

        surface.key.__dict__["verify"] = verify
        try:
            return original(token)
        finally:
            surface.key.__dict__.pop("verify", None)


class AnyOriginIsLetIn(Defect):
    """OWASP API8: whoever asks, of whatever origin, is told that its pages may read with credentials."""

    surface = "identity"
    noticed_by = (
        "authorization/bearer/no-strange-origin-is-let-in#begins-like-ours",
        "authorization/bearer/no-strange-origin-is-let-in#ends-like-ours",
        "authorization/bearer/no-strange-origin-is-let-in#null",
        "authorization/bearer/no-strange-origin-is-let-in#unknown",
    )

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if is_api_request(request) and "origin" in request.headers:
            answer.headers["Access-Control-Allow-Origin"] = request.headers["origin"]
            answer.headers["Access-Control-Allow-Credentials"] = "true"
        return answer
