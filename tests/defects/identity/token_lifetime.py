"""Defects of token lifetime.

They break these promises:

- A token is valid for the lifetime it states, and no longer.
- Revoking or expiring a credential takes effect immediately.
"""

from __future__ import annotations

import time
from typing import Any

import jwt

from conformance.reference.alteration import Defect
from conformance.reference.http import Request
from conformance.reference.identity.access_tokens import AUDIENCE, ISSUER, Claims
from conformance.reference.identity.bearer import Caller
from conformance.reference.identity.records import Project
from conformance.reference.identity.state import Refused
from conformance.reference.one_method import defect, row
from conformance.reference.seeds import Client
from conformance.reference.showcase.tokens import ExpiredTokenAccepted
from conformance.reference.support.identity import surface_of
from tests.defects.support.identity import _RefusedButDone, shown_token

Document = dict[str, Any]

WRITES = ("POST", "PATCH", "DELETE")

ROWS = (
    row(
        "lifetime-stated-is-everybodys",
        "RFC 6749 section 5.1: expires_in is the same for all tokens, whatever their lifetime.",
        "authorization/bearer/token-is-valid-for-its-stated-lifetime",
        token_document=lambda original, *of: original(*of) | {"expires_in": 3600},
    ),
)


class ExpiredTokenFindsNothingModified(ExpiredTokenAccepted):
    """RFC 6750 section 3.1: an expired token gets 304 for a current copy."""

    noticed_by = ("authorization/bearer/expired-token-is-401",)

    conditional = False

    def bearer_token(self, original: Any, request: Request) -> str:
        self.conditional = request.method == "GET" and "if-none-match" in request.headers
        return original(request)

    def read_access_token(self, original: Any, token: str) -> dict[str, Any] | None:
        return super().read_access_token(original, token) if self.conditional else original(token)


@defect("authorization/bearer/expired-token-is-401")
def writes_ignore_expiry(caller: Any, request: Request) -> Caller:
    """RFC 6749 section 7: an expired token still writes."""
    surface = surface_of(caller)
    if request.method in WRITES:
        key = surface.key.private.public_key()
        try:
            claims = jwt.decode(
                shown_token(request), key, ["ES256"], {"verify_exp": False}, audience=AUDIENCE, issuer=ISSUER
            )
        except jwt.PyJWTError:
            return caller(request)
        client = surface.holder(claims)
        if client is not None:
            return Caller(client, surface.scopes_in(claims), claims)
    return caller(request)


class EndedTokenRefusedButServed(_RefusedButDone):
    """The contract's table of errors: a write with an expired token is answered 401, and done."""

    noticed_by = ("authorization/bearer/expired-token-is-401",)
    refusals = frozenset({401})

    def _is_meant(self, request: Request, found: Project | None) -> bool:
        return found is not None and self._ended(request)

    def _ended(self, request: Request) -> bool:
        """Return whether the issuer's token has expired, but is otherwise valid."""
        try:
            claims = jwt.decode(shown_token(request), options={"verify_signature": False})
        except jwt.PyJWTError:
            return False
        return bool(claims["exp"] <= time.time())


@defect("authorization/bearer/expired-token-is-401")
def skew_taken_from_every_lifetime(read_access_token: Any, token: str) -> dict[str, Any] | None:
    """RFC 6749 section 5.1: a token expires 30 s before expires_in."""
    claims = read_access_token(token)
    ends = claims["exp"] - 30 if claims else 0
    return claims if ends > surface_of(read_access_token).now() else None


@defect("errors/429/tokens-stay-valid")
def haste_ends_tokens(keep_to_limit: Any, client: Client) -> None:
    """RFC 6749 section 5.1: a token request above the limit ends the client's tokens."""
    try:
        keep_to_limit(client)
    except Refused:
        surface_of(keep_to_limit).revocations[client.client_id] += 1
        raise


@defect("oauth/response/lifetime-is-in-seconds")
def expires_in_is_text(token_document: Any, token: str, client: Client, scopes: tuple[str, ...]) -> Document:
    """RFC 6749 section 5.1 and appendix A.14: expires_in is a text instead of a number."""
    return token_document(token, client, scopes) | {"expires_in": str(client.lifetime_s)}


@defect("oauth/response/lifetime-is-short", "oauth/jwt/lifetime-is-as-stated")
def expires_in_milliseconds(token_document: Any, token: str, client: Client, scopes: tuple[str, ...]) -> Document:
    """RFC 6749 section 5.1: expires_in is in milliseconds."""
    return token_document(token, client, scopes) | {"expires_in": client.lifetime_s * 1000}


@defect("oauth/response/lifetime-is-stated")
def expires_in_missing(token_document: Any, token: str, client: Client, scopes: tuple[str, ...]) -> Document:
    """RFC 6749 section 5.1: a token response has no expires_in."""
    document = token_document(token, client, scopes)
    del document["expires_in"]
    return document


@defect("oauth/response/repeated-token-states-its-remaining-lifetime", state=dict)
def reused_token_said_to_begin_again(
    issued: dict[tuple[str, str, int], tuple[str, float]], make_access_token: Any, claims: Claims
) -> str:
    """RFC 6749 section 5.1: a reused token is returned with its full lifetime as expires_in."""
    key = (claims["client_id"], claims["scope"], claims["credential_version"])
    if issued.get(key, ("", 0.0))[1] < time.time():
        issued[key] = make_access_token(claims), claims["exp"]
    return issued[key][0]


class NewTokenEndsTheLast(Defect):
    """RFC 6749 section 5.1: a new token ends the previous one."""

    noticed_by = ("oauth/tokens/later-requests-end-no-token#new-tokens",)
    last: dict[str, str] = {}

    def make_access_token(self, original: Any, claims: dict[str, Any]) -> str:
        self.last[claims["client_id"]] = claims["jti"]
        return original(claims)

    def holder(self, original: Any, claims: dict[str, Any]) -> Client | None:
        return original(claims) if claims.get("jti") == self.last.get(str(claims.get("client_id"))) else None


@defect("oauth/tokens/later-requests-end-no-token#refused-requests")
def wrong_secret_ends_tokens(secret_matches: Any, client: Client | None, secret: str) -> bool:
    """RFC 6749 section 5.1: a wrong secret ends the tokens of the client."""
    matches = secret_matches(client, secret)
    if client and not matches:
        surface_of(secret_matches).revocations[client.client_id] += 1
    return matches


class RevokedTokenRefusedButServed(EndedTokenRefusedButServed):
    """Credentials: a write with a revoked token is answered 401, and done."""

    noticed_by = ("authorization/revocation/every-token-becomes-invalid#in-use",)

    def _ended(self, request: Request) -> bool:
        return shown_token(request).count(".") == 2 and not super()._ended(request)
