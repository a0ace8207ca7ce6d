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
from conformance.reference.seeds import SCOPES, Client
from conformance.reference.support.identity import (
    PAUSE_S,
    edited,
    header_of,
    is_token_request,
    surface_of,
    whoever_held,
)

Claims = dict[str, Any]
Makes = Callable[[dict[str, Any]], str]
Reads = Callable[[str], dict[str, Any] | None]
Refuses = Callable[[str], Answer]
Scopes = tuple[str, ...]


class OmittedScopeRefused(Defect):
    """The token endpoint rejects a documented token request that has no scope parameter."""

    surface = "identity"
    promise = "ID-01"
    noticed_by = ("oauth/token/scope-may-be-left-out",)

    def default_scopes(self, original: Callable[[Client], Scopes], client: Client) -> Scopes:
        raise Refused(surface_of(original).oauth_error(400, "invalid_scope", "scope is missing"))


class TokenWithBlanks(Defect):
    """The issued access token contains spaces, so it does not fit into an Authorization header."""

    surface = "identity"
    promise = "ID-02"
    noticed_by = ("oauth/answer/token-fits-the-bearer-header",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
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


class SecretEchoedWithToken(Defect):
    """The token response repeats the client secret."""

    surface = "identity"
    promise = "ID-04"
    noticed_by = ("oauth/answer/secret-is-not-repeated#token-response",)

    def token_document(
        self,
        original: Callable[[str, Client, tuple[str, ...]], dict[str, Any]],
        token: str,
        client: Client,
        scopes: tuple[str, ...],
    ) -> dict[str, Any]:
        return original(token, client, scopes) | {"client_id": client.client_id, "client_secret": client.secret}


class ClientIdComparedWithoutCase(Defect):
    """A client ID in different letter case authenticates as the same client."""

    surface = "identity"
    promise = "ID-05"
    noticed_by = ("oauth/client/client-id-is-compared-exactly#case,case-by-basic",)

    def find_client(self, original: Callable[[str], Client | None], client_id: str) -> Client | None:
        return original(client_id.lower())


class BasicAuthenticationRefused(Defect):
    """The token endpoint rejects clients that authenticate with HTTP Basic."""

    surface = "identity"
    promise = "ID-06"
    noticed_by = ("oauth/client/basic-is-accepted",)

    def is_basic(self, original: Callable[[str], bool], scheme: str) -> bool:
        return False


class TwoAuthenticationsAccepted(Defect):
    """A token request that authenticates by two methods at once gets a token."""

    surface = "identity"
    promise = "ID-07"
    noticed_by = ("oauth/client/two-methods-at-once-are-refused",)

    def authenticates_twice(
        self, original: Callable[[list[str], dict[str, str]], bool], authorization: list[str], form: dict[str, str]
    ) -> bool:
        return False


class WrongSecretIsUnauthorizedClient(Defect):
    """A wrong client secret is answered with unauthorized_client instead of invalid_client."""

    surface = "identity"
    promise = "ID-08"
    noticed_by = ("oauth/client/failure-is-invalid-client#unknown-client",)

    def client_refused(self, original: Refuses, reason: str) -> Answer:
        return edited(original(reason), lambda document: document.update(error="unauthorized_client"))


class UnknownClientIs400(Defect):
    """An unknown client is answered 400 and a wrong secret 401, so client IDs can be guessed."""

    surface = "identity"
    promise = "ID-09"
    noticed_by = ("oauth/client/failures-are-indistinguishable#expired,revoked,wrong-secret",)

    def client_refused(self, original: Refuses, reason: str) -> Answer:
        answer = original(reason)
        if reason == "unknown client":
            answer.status = 400
        return answer


class BlankScopeIsEverything(Defect):
    """A token request whose scope is one space gets every scope that exists."""

    surface = "identity"
    promise = "ID-10"
    noticed_by = ("oauth/scope/beyond-the-credential-is-not-granted#blanks",)

    def granted_scopes(
        self, original: Callable[[Client, str | None], tuple[str, ...]], client: Client, asked: str | None
    ) -> Scopes:
        return SCOPES if asked is not None and not asked.strip() else original(client, asked)


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


class ShortKeyPublished(Defect):
    """The key set contains an RSA key of fewer than 2048 bits."""

    surface = "identity"
    promise = "ID-13"
    noticed_by = ("oauth/jwt/published-keys-are-long-enough",)

    def key_set(self, original: Callable[[], Answer]) -> Answer:
        earlier = {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": "2019", "n": "wQAB" * 42 + "wQM", "e": "AQAB"}
        return Answer.json(200, {"keys": [*json.loads(original().body)["keys"], earlier]})


class JtiMissing(Defect):
    """Access tokens have no jti claim."""

    surface = "identity"
    promise = "ID-14"
    noticed_by = ("oauth/jwt/has-the-claims#jti",)

    def access_token_claims(
        self, original: Callable[[Client, tuple[str, ...]], dict[str, Any]], client: Client, scopes: tuple[str, ...]
    ) -> Claims:
        claims = original(client, scopes)
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
        """The claims of a token that the key which was fetched has signed."""
        key: Any = ECAlgorithm.from_jwk(json.dumps(json.loads(fetched)["keys"][0]))
        claims: Claims = jwt.decode(token, key, algorithms=["ES256"], options={"verify_aud": False})
        return claims


class RevokedTokensKeepWorking(Defect):
    """Tokens of a revoked credential keep working."""

    surface = "identity"
    promise = "ID-17"
    noticed_by = ("authorization/revocation/every-token-becomes-invalid#issued-during-revocation",)

    def holder(self, original: Callable[[dict[str, Any]], Client | None], claims: Claims) -> Client | None:
        return whoever_held(original, claims)


class LargeTokenRequestCrashes(Defect):
    """The token endpoint answers a very large request with 502."""

    surface = "identity"
    promise = "ID-18"
    noticed_by = ("oauth/token/malformed-requests-are-no-server-error#body-of-100-kb",)

    def intercept(self, request: Request) -> Answer | None:
        too_large = is_token_request(request) and len(request.body) > 64 * 1024
        return Answer(502, b"<html><h1>502 Bad Gateway</h1></html>") if too_large else None
