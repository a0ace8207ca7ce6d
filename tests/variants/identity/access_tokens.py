"""Variants of access tokens."""

from __future__ import annotations

import itertools
import json
import secrets
import time
from collections.abc import Iterator
from email.utils import formatdate
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ed25519
from jwt.algorithms import OKPAlgorithm

from conformance.reference.alteration import Variant
from conformance.reference.http import Answer, Request
from conformance.reference.identity.access_tokens import AUDIENCE, ISSUER, LONGEST_TOKEN
from conformance.reference.identity.state import Refused
from conformance.reference.one_method import variant
from conformance.reference.seeds import Client
from conformance.reference.support.identity import surface_of

Claims = dict[str, Any]
Scopes = tuple[str, ...]

A_MOMENT_S = 0.4
BEHIND_S = 720
FEW_S = 6
KEY = "of-an-edwards-curve"


@variant()
def key_set_has_other_keys(key_set: Any) -> Answer:
    """RFC 7517 section 5: a set may contain keys of other kinds and uses; clients ignore unknown ones."""
    others = [
        {"kty": "RSA", "use": "enc", "alg": "RSA-OAEP", "kid": "enc", "n": "AQAB" * 85 + "Aw", "e": "AQAB"},
        {"kty": "OKP", "crv": "X25519", "use": "enc", "kid": "okp", "x": "A" * 43},
        {"kty": "of-tomorrow", "kid": "new", "q": "public"},
    ]
    return Answer.json(200, {"keys": [*others, *json.loads(key_set().body)["keys"]]})


@variant()
def audience_is_a_list(access_token_claims: Any, client: Client, scopes: tuple[str, ...]) -> Claims:
    """RFC 7519 section 4.1.3: aud may be an array."""
    claims = access_token_claims(client, scopes)
    return claims | {"aud": [claims["aud"], "urn:nextepoch:reference:other"]}


@variant(state=lambda: itertools.count(1))
def tokens_are_numbered(
    numbers: Iterator[int], access_token_claims: Any, client: Client, scopes: tuple[str, ...]
) -> Claims:
    """RFC 7519 section 4.1.7: jti must be unique, not random; the signature protects it."""
    return access_token_claims(client, scopes) | {"jti": str(next(numbers))}


class IdentityClockBehind(Variant):
    """RFC 9110 section 6.6.1: Date, iat and exp follow the server's clock, which may be behind."""

    def access_token_claims(self, original: Any, client: Client, scopes: Scopes) -> Claims:
        claims = original(client, scopes)
        # The reference, whose clock is right, would treat a token that ends soon as expired.
        late = BEHIND_S if client.lifetime_s > BEHIND_S else 0
        return {**claims, "iat": claims["iat"] - late, "exp": claims["exp"] - late}

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        answer.headers["Date"] = formatdate(time.time() - BEHIND_S, usegmt=True)
        return answer


class RevocationIsKnownAMomentLater(Variant):
    """Credentials: each server learns of a revocation within limits.revocation.

    A restored credential works at once; its earlier tokens may still be accepted by some servers.
    """

    alone = True
    revoked: dict[str, float] = {}
    restored: set[str] = set()

    def revoke(self, original: Any, client_id: str) -> None:
        self.revoked[client_id] = time.monotonic()
        self.restored.discard(client_id)
        original(client_id)

    def restore(self, original: Any, client_id: str) -> None:
        self.restored.add(client_id)
        original(client_id)

    def _not_heard_of(self, client: Client) -> bool:
        return time.monotonic() - self.revoked.get(client.client_id, -A_MOMENT_S) < A_MOMENT_S

    def credential_is_revoked(self, original: Any, client: Client) -> bool:
        return original(client) and not self._not_heard_of(client)

    def access_token_claims(self, original: Any, client: Client, scopes: Scopes) -> Claims:
        claims = original(client, scopes)
        late = self._not_heard_of(client) and client.client_id not in self.restored
        return claims | {"credential_version": claims["credential_version"] - late}

    def issued_since_revocation(self, original: Any, client: Client, claims: Claims) -> bool:
        version = surface_of(original).revocations[client.client_id]
        late = self._not_heard_of(client) and claims.get("credential_version") == version - 1
        return late or original(client, claims)


class TokensOfSeconds(Variant):
    """RFC 6750 section 5.3: tokens should be short-lived; here they live for a few seconds."""

    def access_token_claims(self, original: Any, client: Client, scopes: tuple[str, ...]) -> Claims:
        claims = original(client, scopes)
        return claims | {"exp": min(claims["exp"], claims["iat"] + FEW_S)}

    def token_document(self, original: Any, token: str, client: Client, scopes: tuple[str, ...]) -> Claims:
        document = original(token, client, scopes)
        return document | {"expires_in": min(document["expires_in"], FEW_S)}


class TokensSignedOnAnEdwardsCurve(Variant):
    """RFC 8037 section 3.1: tokens are signed with EdDSA."""

    def __init__(self) -> None:
        self.private = ed25519.Ed25519PrivateKey.generate()

    def make_access_token(self, original: Any, claims: Claims) -> str:
        return jwt.encode(claims, self.private, "EdDSA", {"typ": "at+jwt", "kid": KEY})

    def read_access_token(self, original: Any, token: str) -> Claims | None:
        if len(token) > LONGEST_TOKEN or not surface_of(original).is_spelt_well(token):
            return None
        try:
            header, key = jwt.get_unverified_header(token), self.private.public_key()
            claims: Claims = jwt.decode(token, key, ["EdDSA"], audience=AUDIENCE, issuer=ISSUER)
        except (jwt.PyJWTError, ValueError, RecursionError):
            return None
        return claims if header.get("typ") == "at+jwt" and "crit" not in header else None

    def key_set(self, original: Any) -> Answer:
        public = json.loads(OKPAlgorithm.to_jwk(self.private.public_key()))
        return Answer.json(200, {"keys": [public | {"kid": KEY, "use": "sig", "alg": "EdDSA"}]})


class TokensAreReused(Variant):
    """RFC 6749 section 5.1: a client that requests a token again may get the same one."""

    without = ("identity.jwt",)
    issued: dict[tuple[str, str, int], tuple[str, float]] = {}
    ends: dict[str, float] = {}

    def make_access_token(self, original: Any, claims: dict[str, Any]) -> str:
        key = (claims["client_id"], claims["scope"], claims["credential_version"])
        token, ends = self.issued.get(key, ("", 0.0))
        if ends < time.time() + (claims["exp"] - claims["iat"]) / 2:
            token = original(claims)
            self.issued[key] = token, claims["exp"]
            self.ends[token] = claims["exp"]
        return token

    def token_document(self, original: Any, token: str, *given: Any) -> dict[str, Any]:
        return {**original(token, *given), "expires_in": max(1, int(self.ends[token] - time.time()))}


class _Opaque(Variant):
    """Opaque tokens (RFC 6749 section 1.4)."""

    without = ("identity.jwt",)
    issued: dict[str, Claims] = {}

    def make_access_token(self, original: Any, claims: Claims) -> str:
        token = self._new_token()
        self.issued[token] = claims
        return token

    def read_access_token(self, original: Any, token: str) -> Claims | None:
        claims = self.issued.get(token)
        return claims if claims and claims["exp"] > time.time() else None

    def _new_token(self) -> str:
        raise NotImplementedError


class TokensBeginWithTheTime(_Opaque):
    """RFC 6749 section 10.10: a random token may begin with a timestamp."""

    def _new_token(self) -> str:
        return f"ref_{time.time_ns():x}_{secrets.token_urlsafe(32)}"


class TokensInHexadecimalDigits(_Opaque):
    """Tokens of hexadecimal digits, which mean the same in either case."""

    def _new_token(self) -> str:
        return secrets.token_hex(32)

    def read_access_token(self, original: Any, token: str) -> Claims | None:
        return super().read_access_token(original, token.lower())


class TokensEndInEqualsSigns(_Opaque):
    """RFC 6750 sections 2.1 and 3.1: an equals sign inside a token makes it malformed, and the request invalid."""

    def _new_token(self) -> str:
        return secrets.token_urlsafe(32) + "=="

    def bearer_token(self, original: Any, request: Request) -> str:
        try:
            return original(request)
        except Refused as refusal:
            if 'error="invalid_token"' in refusal.answer.headers["WWW-Authenticate"]:
                raise Refused(surface_of(original).sent_twice()) from None
            raise


class TokensOfEightKibibytes(_Opaque):
    """RFC 6749 section 4.2.2: a client makes no assumptions about the size of a token."""

    def _new_token(self) -> str:
        return secrets.token_urlsafe(6144)
