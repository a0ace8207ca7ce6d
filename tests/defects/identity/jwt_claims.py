"""Defects that break the promise "JWT claims describe the client, audience, scope and lifetime correctly"."""

from __future__ import annotations

import hashlib
import itertools
import zlib
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec

from conformance.reference.alteration import Defect
from conformance.reference.http import Request
from conformance.reference.identity.access_tokens import AUDIENCE, ISSUER, Claims
from conformance.reference.one_method import defect
from conformance.reference.seeds import Client
from conformance.reference.support.identity import header_of, surface_of

Scopes = tuple[str, ...]


@defect("oauth/jwt/carries-no-secret")
def secret_inside_token(access_token_claims: Any, client: Client, scopes: tuple[str, ...]) -> dict[str, Any]:
    """RFC 9068 section 6: a token contains the client secret."""
    return access_token_claims(client, scopes) | {"client_secret": client.secret}


class SubjectIsANumber(Defect):
    """RFC 7519 section 4.1.2: sub is a number, which libraries refuse."""

    noticed_by = ("oauth/jwt/has-the-claims#sub",)

    def access_token_claims(self, original: Any, client: Client, scopes: Scopes) -> dict[str, Any]:
        return original(client, scopes) | {"sub": zlib.crc32(client.client_id.encode())}

    def read_access_token(self, original: Any, token: str) -> dict[str, Any] | None:
        key, spelt = surface_of(original).key, surface_of(original).is_spelt_well(token)
        try:
            found: dict[str, Any] = jwt.decode(
                token,
                key.private.public_key(),
                algorithms=[key.algorithm],
                audience=AUDIENCE,
                issuer=ISSUER,
                options={"verify_sub": False, "require": ["exp", "iat"]},
            )
        except jwt.PyJWTError:
            return None
        return found if spelt and isinstance(found["sub"], int) else None


@defect("oauth/jwt/has-the-claims#jti")
def tokens_share_their_identifier(access_token_claims: Any, client: Client, scopes: Scopes) -> dict[str, Any]:
    """RFC 9068 section 2.2: all tokens of a client have one jti."""
    return access_token_claims(client, scopes) | {"jti": hashlib.sha256(client.secret.encode()).hexdigest()}


class ClientOfTokensIsTheIssuer(Defect):
    """RFC 9068 section 2.2: client_id names the issuer instead of the client."""

    noticed_by = ("oauth/jwt/has-the-claims#client-id",)

    def access_token_claims(self, original: Any, client: Client, scopes: Scopes) -> dict[str, Any]:
        return original(client, scopes) | {"client_id": "token-service"}

    def holder(self, original: Any, claims: dict[str, Any]) -> Client | None:
        return original(claims | {"client_id": claims["sub"]})


def _read(key: ec.EllipticCurvePrivateKey, token: str) -> Claims | None:
    """Return the claims of a token of this issuer, even before its nbf."""
    careless: Any = {"verify_nbf": False, "verify_iat": False}
    try:
        claims: Claims = jwt.decode(token, key.public_key(), ["ES256"], careless, audience=AUDIENCE)
    except (jwt.PyJWTError, ValueError, RecursionError):
        return None
    return claims if header_of(token).get("typ") == "at+jwt" and "crit" not in header_of(token) else None


class NotValidAtOnce(Defect):
    """RFC 7519 section 4.1.5: nbf is a minute after the token was issued, so the token is not valid yet."""

    noticed_by = ("oauth/jwt/lifetime-is-as-stated",)

    def access_token_claims(self, original: Any, client: Client, scopes: tuple[str, ...]) -> Claims:
        claims = original(client, scopes)
        return {**claims, "nbf": claims["iat"] + 60}

    def read_access_token(self, original: Any, token: str) -> Claims | None:
        return original(token) or _read(surface_of(original).key.private, token)


class EachInstanceIsAnIssuer(NotValidAtOnce):
    """RFC 9068 section 4: each instance has its own iss."""

    noticed_by = ("oauth/jwt/has-the-claims#iss",)

    def __init__(self) -> None:
        self.issuers = itertools.cycle([ISSUER, f"{ISSUER}:b"])

    def access_token_claims(self, original: Any, client: Client, scopes: tuple[str, ...]) -> Claims:
        return {**original(client, scopes), "iss": next(self.issuers)}


@defect("oauth/jwt/has-the-claims#exp")
def times_are_text(access_token_claims: Any, client: Client, scopes: tuple[str, ...]) -> dict[str, Any]:
    """RFC 7519 section 4.1.4: exp is a text."""
    claims = access_token_claims(client, scopes)
    return claims | {"exp": str(claims["exp"])}


class AudienceIsANumber(Defect):
    """RFC 7519 section 4.1.3: aud is a number."""

    noticed_by = ("oauth/jwt/has-the-claims#aud",)

    def make_access_token(self, original: Any, claims: dict[str, Any]) -> str:
        return surface_of(original).key.sign(claims | {"aud": 4711}, typ="at+jwt")

    def read_access_token(self, original: Any, token: str) -> dict[str, Any] | None:
        key = surface_of(original).key.private.public_key()
        try:
            return jwt.decode(token, key, algorithms=["ES256"], issuer=ISSUER, options={"verify_aud": False})
        except jwt.PyJWTError:
            return None


class NotBeforeIsText(Defect):
    """RFC 7519 section 4.1.5: nbf is a text."""

    noticed_by = ("oauth/jwt/has-the-claims#iat",)

    def make_access_token(self, original: Any, claims: dict[str, Any]) -> str:
        return surface_of(original).key.sign(claims | {"nbf": "now"}, typ="at+jwt")

    def read_access_token(self, original: Any, token: str) -> dict[str, Any] | None:
        key = surface_of(original).key.private.public_key()
        try:
            return jwt.decode(
                token, key, algorithms=["ES256"], audience=AUDIENCE, issuer=ISSUER, options={"verify_nbf": False}
            )
        except jwt.PyJWTError:
            return None


class IssuerIsTheForwardedHost(Defect):
    """RFC 9068 section 4: iss is the host in a header field of the request."""

    noticed_by = ("oauth/jwt/header-fields-set-no-claims",)
    host: str | None = None

    def token_form(self, original: Any, request: Request) -> dict[str, str]:
        self.host = request.headers.get("x-forwarded-host")
        return original(request)

    def access_token_claims(self, original: Any, client: Client, scopes: tuple[str, ...]) -> Claims:
        claims = original(client, scopes)
        return {**claims, "iss": f"https://{self.host}"} if self.host else claims


class TimesOfAnotherZone(Defect):
    """RFC 7519 section 2: times count in the server's time zone instead of UTC."""

    noticed_by = ("oauth/jwt/lifetime-is-as-stated",)

    def now(self, original: Any) -> float:
        return original() + 7200

    def read_access_token(self, original: Any, token: str) -> dict[str, Any] | None:
        surface = surface_of(original)
        read = surface.key.verify

        def verify(token: str, audience: str, issuer: str) -> dict[str, Any]:
            key = surface.key.private.public_key()
            claims: dict[str, Any] = jwt.decode(
                token, key, ["ES256"], {"verify_exp": False, "verify_iat": False}, audience=audience, issuer=issuer
            )
            return read(token, audience, issuer) if claims["exp"] < surface.now() else claims

        surface.key.__dict__["verify"] = verify
        try:
            return original(token)
        finally:
            surface.key.__dict__.pop("verify", None)


class IssuedInTheFuture(NotValidAtOnce):
    """RFC 7519 section 4.1.6: iat is in the future: it counts in local time instead of UTC."""

    noticed_by = ("oauth/jwt/lifetime-is-as-stated",)

    def access_token_claims(self, original: Any, client: Client, scopes: tuple[str, ...]) -> Claims:
        claims = original(client, scopes)
        return {**claims, "iat": claims["iat"] + 7200}


class ParametersBecomeClaims(Defect):
    """RFC 6749 section 3.2: unrecognized parameters of the request become claims."""

    noticed_by = ("oauth/jwt/parameters-set-no-claims",)
    further: dict[str, Any] = {}

    def token_form(self, original: Any, request: Request) -> dict[str, str]:
        form = original(request)
        self.further = {name: value for name, value in form.items() if name in ("sub", "roles")}
        return form

    def access_token_claims(self, original: Any, client: Client, scopes: Scopes) -> dict[str, Any]:
        return original(client, scopes) | self.further


class ScopeClaimOfAnotherName(Defect):
    """RFC 9068 section 2.2.3: the scopes are in another claim than scope."""

    noticed_by = ("oauth/jwt/scope-claim-is-what-was-granted", "oauth/jwt/scope-claim-is-what-was-granted#by-basic")

    def access_token_claims(self, original: Any, client: Client, scopes: tuple[str, ...]) -> dict[str, Any]:
        claims = original(client, scopes)
        return {"scp" if name == "scope" else name: value for name, value in claims.items()}

    def scopes_in(self, original: Any, claims: dict[str, Any]) -> frozenset[str]:
        return frozenset(str(claims.get("scp", "")).split())


@defect("oauth/jwt/subject-is-the-client")
def subject_of_tokens_is_one(access_token_claims: Any, client: Client, scopes: tuple[str, ...]) -> dict[str, Any]:
    """RFC 9068 section 2.2: sub is the same for all clients."""
    return access_token_claims(client, scopes) | {"sub": "service-account"}


class TypeIsPlainJwt(Defect):
    """RFC 9068 section 2.1: the type of a token is JWT instead of at+jwt."""

    noticed_by = ("oauth/jwt/type-is-at-jwt",)

    def make_access_token(self, original: Any, claims: dict[str, Any]) -> str:
        return surface_of(original).key.sign(claims, typ="JWT")

    def read_access_token(self, original: Any, token: str) -> dict[str, Any] | None:
        try:
            return surface_of(original).key.verify(token, AUDIENCE, ISSUER)
        except (jwt.PyJWTError, ValueError, RecursionError):
            return None
