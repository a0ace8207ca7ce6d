"""One defect for each promise on the token endpoint and its tokens."""

from __future__ import annotations

import asyncio
import json
import time
import urllib.request
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import jwt
from jwt.algorithms import ECAlgorithm

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.identity.state import Refused
from conformance.reference.one_method import defect
from conformance.reference.seeds import SCOPES, Client
from conformance.reference.support.identity import (
    PAUSE_S,
    client_of_claims,
    edited,
    header_of,
    is_token_request,
    surface_of,
)

Claims = dict[str, Any]
Makes = Callable[[dict[str, Any]], str]
Reads = Callable[[str], dict[str, Any] | None]
Refuses = Callable[[str], Answer]
Scopes = tuple[str, ...]


@defect("oauth/token/scope-may-be-left-out", promise="ID-01", surface="identity")
def omitted_scope_refused(default_scopes: Callable[[Client], Scopes], client: Client) -> Scopes:
    """The token endpoint rejects a documented token request that has no scope parameter."""
    raise Refused(surface_of(default_scopes).oauth_error(400, "invalid_scope", "scope is missing"))


@defect("oauth/response/token-fits-the-bearer-header", promise="ID-02", surface="identity")
def token_with_blanks(request: Request, answer: Answer) -> Answer:
    """The issued access token contains spaces, so it does not fit into an Authorization header."""
    if is_token_request(request) and answer.status == 200:
        return edited(answer, lambda document: document.update(access_token=document["access_token"] + ' "x"'))
    return answer


class ExpiredTokenAccepted(Defect):
    """An access token still opens resources after its lifetime has ended."""

    surface = "identity"
    promise = "ID-03"
    noticed_by = ("authorization/bearer/expired-token-is-401",)

    def __init__(self) -> None:
        self.issued: dict[str, Claims] = {}

    def make_access_token(self, original: Makes, claims: Claims) -> str:
        token = original(claims)
        self.issued[token] = claims
        return token

    def read_access_token(self, original: Reads, token: str) -> Claims | None:
        return self.issued.get(token) or original(token)


@defect("oauth/response/secret-is-not-repeated#token-response", promise="ID-04", surface="identity")
def secret_echoed_with_token(
    token_document: Callable[[str, Client, tuple[str, ...]], dict[str, Any]],
    token: str,
    client: Client,
    scopes: tuple[str, ...],
) -> dict[str, Any]:
    """The token response repeats the client secret."""
    return token_document(token, client, scopes) | {"client_id": client.client_id, "client_secret": client.secret}


@defect("oauth/client/client-id-is-compared-exactly#case,case-by-basic", promise="ID-05", surface="identity")
def client_id_compared_without_case(find_client: Callable[[str], Client | None], client_id: str) -> Client | None:
    """A client ID in different letter case authenticates as the same client."""
    return find_client(client_id.lower())


@defect("oauth/client/basic-is-accepted", promise="ID-06", surface="identity")
def basic_authentication_refused(is_basic: Callable[[str], bool], scheme: str) -> bool:
    """The token endpoint rejects clients that authenticate with HTTP Basic."""
    return False


@defect("oauth/client/two-methods-at-once-are-refused", promise="ID-07", surface="identity")
def two_authentications_accepted(
    authenticates_twice: Callable[[list[str], dict[str, str]], bool], authorization: list[str], form: dict[str, str]
) -> bool:
    """A token request that authenticates by two methods at once gets a token."""
    return False


@defect("oauth/client/failure-is-invalid-client#unknown-client", promise="ID-08", surface="identity")
def wrong_secret_is_unauthorized_client(client_refused: Refuses, reason: str) -> Answer:
    """A wrong client secret is answered with unauthorized_client instead of invalid_client."""
    return edited(client_refused(reason), lambda document: document.update(error="unauthorized_client"))


@defect("oauth/client/failures-are-indistinguishable#expired,revoked,wrong-secret", promise="ID-09", surface="identity")
def unknown_client_is400(client_refused: Refuses, reason: str) -> Answer:
    """An unknown client is answered 400 and a wrong secret 401, so client IDs can be guessed."""
    answer = client_refused(reason)
    if reason == "unknown client":
        answer.status = 400
    return answer


@defect("oauth/scope/beyond-the-credential-is-not-granted#blanks", promise="ID-10", surface="identity")
def blank_scope_is_everything(
    granted_scopes: Callable[[Client, str | None], tuple[str, ...]], client: Client, requested: str | None
) -> Scopes:
    """A token request whose scope is one space gets every scope that exists."""
    return SCOPES if requested is not None and not requested.strip() else granted_scopes(client, requested)


class TokensAreCounted(Defect):
    """Access tokens are consecutive numbers, so a client can guess the tokens of others."""

    surface = "identity"
    promise = "ID-11"
    noticed_by = ("oauth/tokens/cannot-be-guessed",)

    def __init__(self) -> None:
        self.issued: dict[str, Claims] = {}

    def make_access_token(self, original: Makes, claims: Claims) -> str:
        token = f"nextepoch-access-token-v1-{len(self.issued) + 100_000:08d}"
        self.issued[token] = claims
        return token

    def read_access_token(self, original: Reads, token: str) -> Claims | None:
        claims = self.issued.get(token)
        return claims if claims and claims["exp"] > time.time() else None


class ClientOfLatestRequest(Defect):
    """Of two concurrent token requests, both are answered with the token of the later one."""

    surface = "identity"
    promise = "ID-12"
    noticed_by = ("authorization/concurrency/token-belongs-to-its-client",)

    async def token(self, original: Callable[[Request], Awaitable[Answer]], request: Request) -> Answer:
        answer = await original(request)
        if answer.status == 200:
            self.latest = answer
            await asyncio.sleep(PAUSE_S)
            return replace(self.latest, headers=self.latest.headers.mutablecopy())
        return answer


@defect("oauth/jwt/published-keys-are-long-enough", promise="ID-13", surface="identity")
def short_key_published(key_set: Callable[[], Answer]) -> Answer:
    """The key set contains an RSA key of fewer than 2048 bits."""
    earlier = {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": "2019", "n": "wQAB" * 42 + "wQM", "e": "AQAB"}
    return Answer.json(200, {"keys": [*json.loads(key_set().body)["keys"], earlier]})


@defect("oauth/jwt/has-the-claims#jti", promise="ID-14", surface="identity")
def jti_missing(
    access_token_claims: Callable[[Client, tuple[str, ...]], dict[str, Any]], client: Client, scopes: tuple[str, ...]
) -> Claims:
    """Access tokens have no jti claim."""
    claims = access_token_claims(client, scopes)
    del claims["jti"]
    return claims


class KeySetUrlFollowed(Defect):
    """A forged token is accepted if its jku header names a key set of the attacker's."""

    surface = "identity"
    member = "jku"
    promise = "ID-15"
    noticed_by = ("oauth/jwt/no-key-is-fetched#jku",)

    def read_access_token(self, original: Reads, token: str) -> Claims | None:
        address = header_of(token).get(self.member)
        if not isinstance(address, str) or not address.startswith("http"):
            return original(token)
        try:
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(address, timeout=1) as answer:
                return self._verified(token, answer.read())
        except (OSError, ValueError, LookupError, TypeError, jwt.PyJWTError):
            return None

    def _verified(self, token: str, fetched: bytes) -> Claims | None:
        """Return the claims of a token signed with the fetched key."""
        key: Any = ECAlgorithm.from_jwk(json.dumps(json.loads(fetched)["keys"][0]))
        claims: Claims = jwt.decode(token, key, algorithms=["ES256"], options={"verify_aud": False})
        return claims


@defect(
    "authorization/revocation/every-token-becomes-invalid#issued-during-revocation", promise="ID-17", surface="identity"
)
def revoked_tokens_keep_working(holder: Callable[[dict[str, Any]], Client | None], claims: Claims) -> Client | None:
    """Tokens of a revoked credential keep working."""
    return client_of_claims(holder, claims)


@defect("oauth/token/malformed-requests-are-no-server-error#body-of-100-kb", promise="ID-18", surface="identity")
def large_token_request_crashes(request: Request) -> Answer | None:
    """The token endpoint answers a very large request with 502."""
    too_large = is_token_request(request) and len(request.body) > 64 * 1024
    return Answer(502, b"<html><h1>502 Bad Gateway</h1></html>") if too_large else None
