"""Defects of access tokens themselves: how they are made and how they are checked."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
import urllib.request
from collections.abc import Callable
from typing import Any

import jwt
from jwt.algorithms import ECAlgorithm

from conformance.reference.defects.base import Defect
from conformance.reference.defects.identity.support import surface_of
from conformance.reference.http import Request
from conformance.reference.seeds import SCOPES, Client

Claims = dict[str, Any]
Makes = Callable[[Claims], str]
Reads = Callable[[str], Claims | None]
ClaimsOf = Callable[[Client, tuple[str, ...]], Claims]


def unverified(token: str) -> Claims | None:
    """The claims of anything that looks like a JWT and is not past its exp, its signature not looked at."""
    try:
        claims: Claims = json.loads(decoded(token.split(".")[1]))
        return claims if claims["exp"] > time.time() else None
    except (ValueError, IndexError, KeyError, TypeError):
        return None


def header_of(token: str) -> Claims:
    """The JOSE header of a JWT, empty where there is none."""
    try:
        header = json.loads(decoded(token.split(".")[0]))
    except ValueError:
        return {}
    return header if isinstance(header, dict) else {}


def decoded(part: str) -> bytes:
    """One part of a JWT; ValueError where it is none."""
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


class TokensAreCounted(Defect):
    """RFC 6749 section 10.10: tokens cannot be guessed from one another."""

    surface = "identity"
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


class TokensRepeatWithinASecond(Defect):
    """RFC 9068 section 2.2: jti makes every token another one."""

    surface = "identity"
    noticed_by = ("oauth/tokens/requests-at-once-all-succeed",)

    def __init__(self) -> None:
        self.last: dict[tuple[str, str, int], str] = {}

    def make_access_token(self, original: Makes, claims: Claims) -> str:
        return self.last.setdefault((claims["client_id"], claims["scope"], claims["iat"]), original(claims))


class ExpiredTokenAccepted(Defect):
    """RFC 6750 section 3.1: an expired token is an invalid one."""

    surface = "identity"
    noticed_by = ("authorization/bearer/expired-token-is-401",)

    def __init__(self) -> None:
        self.issued: dict[str, Claims] = {}

    def make_access_token(self, original: Makes, claims: Claims) -> str:
        token = original(claims)
        self.issued[token] = claims
        return token

    def read_access_token(self, original: Reads, token: str) -> Claims | None:
        return self.issued.get(token) or original(token)


class ExpiredTokenFindsNothingModified(ExpiredTokenAccepted):
    """RFC 6750 section 3.1: nor does one that has expired tell that a copy is the present one."""

    noticed_by = ("authorization/bearer/expired-token-is-401",)

    conditional = False

    def bearer_token(self, original: Callable[[Request], str], request: Request) -> str:
        self.conditional = request.method == "GET" and "if-none-match" in request.headers
        return original(request)

    def read_access_token(self, original: Reads, token: str) -> Claims | None:
        return super().read_access_token(original, token) if self.conditional else original(token)


class SecretInsideToken(Defect):
    """RFC 9068 section 6: a token can be read by whoever holds it, and carries nothing confidential."""

    surface = "identity"
    noticed_by = ("oauth/jwt/carries-no-secret",)

    def access_token_claims(self, original: ClaimsOf, client: Client, scopes: tuple[str, ...]) -> Claims:
        return original(client, scopes) | {"client_secret": client.secret}


class JtiMissing(Defect):
    """RFC 9068 section 2.2: jti is REQUIRED."""

    surface = "identity"
    noticed_by = ("oauth/jwt/has-the-claims#jti",)

    def access_token_claims(self, original: ClaimsOf, client: Client, scopes: tuple[str, ...]) -> Claims:
        claims = original(client, scopes)
        del claims["jti"]
        return claims


class SignatureNotVerified(Defect):
    """RFC 9068 section 4: the signature is validated."""

    surface = "identity"
    noticed_by = (
        "oauth/jwt/forged-tokens-are-refused#alg-none",
        "oauth/jwt/forged-tokens-are-refused#alg-none-capital",
        "oauth/jwt/forged-tokens-are-refused#alg-none-elsewhere",
        "oauth/jwt/forged-tokens-are-refused#alg-none-mixed",
        "oauth/jwt/forged-tokens-are-refused#alg-none-upper",
        "oauth/jwt/forged-tokens-are-refused#audience",
        "oauth/jwt/forged-tokens-are-refused#crit",
        "oauth/jwt/forged-tokens-are-refused#cut-signature",
        "oauth/jwt/forged-tokens-are-refused#empty-signature",
        "oauth/jwt/forged-tokens-are-refused#expiry",
        "oauth/jwt/forged-tokens-are-refused#flipped-signature",
        "oauth/jwt/forged-tokens-are-refused#hmac-client-id",
        "oauth/jwt/forged-tokens-are-refused#hmac-client-secret",
        "oauth/jwt/forged-tokens-are-refused#hmac-empty",
        "oauth/jwt/forged-tokens-are-refused#hmac-secret",
        "oauth/jwt/forged-tokens-are-refused#issuer",
        "oauth/jwt/forged-tokens-are-refused#jku",
        "oauth/jwt/forged-tokens-are-refused#jwk",
        "oauth/jwt/forged-tokens-are-refused#kid-path",
        "oauth/jwt/forged-tokens-are-refused#kid-sql",
        "oauth/jwt/forged-tokens-are-refused#no-signature",
        "oauth/jwt/forged-tokens-are-refused#none-and-signature",
        "oauth/jwt/forged-tokens-are-refused#own-certificate",
        "oauth/jwt/forged-tokens-are-refused#own-key",
        "oauth/jwt/forged-tokens-are-refused#part-behind",
        "oauth/jwt/forged-tokens-are-refused#scope",
        "oauth/jwt/forged-tokens-are-refused#typ",
        "oauth/jwt/forged-tokens-are-refused#zero-signature",
    )

    def read_access_token(self, original: Reads, token: str) -> Claims | None:
        return original(token) or unverified(token)


class PublicKeyTakenAsHmacSecret(Defect):
    """RFC 8725 section 3.1: the algorithm is not the token's to choose; a public key is no HMAC secret."""

    surface = "identity"
    noticed_by = (
        "oauth/jwt/public-key-is-no-hmac-secret#jwk",
        "oauth/jwt/public-key-is-no-hmac-secret#pem",
        "oauth/jwt/public-key-is-no-hmac-secret#pem-without-newline",
    )

    def read_access_token(self, original: Reads, token: str) -> Claims | None:
        signed, _, signature = token.rpartition(".")
        if header_of(token).get("alg") != "HS256":
            return original(token)
        for secret in self._published(original):
            expected = hmac.new(secret, signed.encode(), hashlib.sha256).digest()
            if base64.urlsafe_b64encode(expected).rstrip(b"=").decode() == signature:
                return unverified(token)
        return None

    def _published(self, original: Reads) -> list[bytes]:
        surface = surface_of(original)
        key = json.loads(surface.key_set().body)["keys"][0]
        der = jwt.PyJWK(key).key.public_bytes(*_pem())
        return [json.dumps(key).encode(), der, der.rstrip()]


class KeyOfTheSetTakenAsHmacSecret(PublicKeyTakenAsHmacSecret):
    """RFC 8725 section 3.1: nor is it one as the key set has it, without a blank."""

    noticed_by = ("oauth/jwt/public-key-is-no-hmac-secret#jwk-compact",)

    def _published(self, original: Reads) -> list[bytes]:
        key = json.loads(surface_of(original).key_set().body)["keys"][0]
        return [json.dumps(key, separators=(",", ":")).encode()]


def _pem() -> tuple[Any, Any]:
    from cryptography.hazmat.primitives import serialization

    return serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo


class KeySetUrlFollowed(Defect):
    """RFC 8725 section 3.10: the address in a token's jku is its bearer's choice; no key is had from there."""

    surface = "identity"
    member = "jku"
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


class CertificateUrlFetched(KeySetUrlFollowed):
    """RFC 8725 section 3.10: nor is the address in x5u asked, though what is there is not believed."""

    member = "x5u"
    noticed_by = ("oauth/jwt/no-key-is-fetched#x5u",)

    def _verified(self, token: str, fetched: bytes) -> Claims | None:
        return None


class TokenOfAnotherServiceAccepted(Defect):
    """RFC 9068 section 4: issuer, audience and type are checked; a registry token opens no organization."""

    surface = "identity"
    noticed_by = ("authorization/bearer/registry-token-opens-nothing",)

    def read_access_token(self, original: Reads, token: str) -> Claims | None:
        surface = surface_of(original)
        claims = original(token) or unverified(token)
        if claims is None or claims.get("iss") != "nextepoch-reference":
            return original(token)
        account = surface.accounts.get(claims["sub"])
        holders = [client for client in surface.seeds.clients if account and client.organization in account.rights]
        return {**claims, "client_id": holders[0].client_id, "scope": " ".join(SCOPES)} if holders else None

    def issued_since_revocation(
        self, original: Callable[[Client, Claims], bool], client: Client, claims: Claims
    ) -> bool:
        return "access" in claims or original(client, claims)


class LongTokenCrashes(Defect):
    """RFC 6750 section 3.1: a token of any length that is none of ours is refused with 401, never a 5xx."""

    surface = "identity"
    noticed_by = (
        "authorization/bearer/invalid-token-is-401#6-kb",
        "authorization/bearer/malformed-field-is-refused#40-kb",
    )
    crashes = (MemoryError,)

    def read_access_token(self, original: Reads, token: str) -> Claims | None:
        if len(token) > 4096:
            raise MemoryError("token too long for the column")
        return original(token)
