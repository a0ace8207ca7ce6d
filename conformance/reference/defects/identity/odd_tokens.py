"""Defects in what is taken for a token, and in what a token says of its time and issuer."""

from __future__ import annotations

import base64
import itertools
import json
import re
import time
from collections.abc import Callable
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec

from conformance.reference.defects.base import Defect
from conformance.reference.defects.identity.access_tokens import decoded, header_of
from conformance.reference.defects.identity.support import edited, is_api_request, surface_of
from conformance.reference.http import Answer, Request
from conformance.reference.identity.access_tokens import AUDIENCE, ISSUER, Claims
from conformance.reference.identity.bearer import Caller
from conformance.reference.identity.organization_api import Call
from conformance.reference.identity.state import Refused
from conformance.reference.seeds import Client

Reads = Callable[[str], Claims | None]
Calls = Callable[[Request], Caller]
Makes = Callable[[Client, tuple[str, ...]], Claims]


class OddAlgorithmCrashes(Defect):
    """The contract's table of errors: 401 for a token whose alg is no text, never a 5xx."""

    surface = "identity"
    noticed_by = ("oauth/jwt/malformed-tokens-are-401#alg-list",)
    crashes = (TypeError,)

    def read_access_token(self, original: Reads, token: str) -> Claims | None:
        return original(token) if {"none": False}.get(header_of(token).get("alg", ""), True) else None


class MissingAlgorithmCrashes(Defect):
    """The contract's table of errors: 401 for a token that names no alg, never a 5xx."""

    surface = "identity"
    noticed_by = ("oauth/jwt/malformed-tokens-are-401#alg-missing",)
    crashes = (KeyError,)

    def read_access_token(self, original: Reads, token: str) -> Claims | None:
        header = header_of(token)
        return original(token) if not header or header["alg"] != "none" else None


class OddKeyNameCrashes(Defect):
    """The contract's table of errors: 401 for a token whose kid is no text, never a 5xx."""

    surface = "identity"
    noticed_by = ("oauth/jwt/malformed-tokens-are-401#kid-object",)
    crashes = (TypeError,)

    def read_access_token(self, original: Reads, token: str) -> Claims | None:
        return original(token) if {"": True}.get(header_of(token).get("kid", ""), True) else None


class HeaderOfNoObjectCrashes(Defect):
    """The contract's table of errors: 401 for a token whose header is no object, never a 5xx."""

    surface = "identity"
    noticed_by = ("oauth/jwt/malformed-tokens-are-401#header-list", "oauth/jwt/malformed-tokens-are-401#header-null")
    crashes = (AttributeError,)

    def read_access_token(self, original: Reads, token: str) -> Claims | None:
        try:
            header = json.loads(decoded(token.split(".")[0]))
        except ValueError:
            return None
        return original(token) if header.get("alg") else None


class NotValidAtOnce(Defect):
    """RFC 7519 section 4.1.5: before nbf a token MUST NOT be accepted, so that one of a later nbf is of no use yet."""

    surface = "identity"
    noticed_by = ("oauth/jwt/lifetime-is-as-stated",)

    def access_token_claims(self, original: Makes, client: Client, scopes: tuple[str, ...]) -> Claims:
        claims = original(client, scopes)
        return {**claims, "nbf": claims["iat"] + 60}

    def read_access_token(self, original: Reads, token: str) -> Claims | None:
        return original(token) or _read(surface_of(original).key.private, token)


class IssuedInTheFuture(NotValidAtOnce):
    """RFC 7519 section 4.1.6: iat is the time at which a token was issued, and not that of another zone."""

    noticed_by = ("oauth/jwt/lifetime-is-as-stated",)

    def access_token_claims(self, original: Makes, client: Client, scopes: tuple[str, ...]) -> Claims:
        claims = original(client, scopes)
        return {**claims, "iat": claims["iat"] + 7200}


def _read(key: ec.EllipticCurvePrivateKey, token: str) -> Claims | None:
    """The claims of a token of ours, before its time as well."""
    careless: Any = {"verify_nbf": False, "verify_iat": False}
    try:
        claims: Claims = jwt.decode(token, key.public_key(), ["ES256"], careless, audience=AUDIENCE)
    except (jwt.PyJWTError, ValueError, RecursionError):
        return None
    return claims if header_of(token).get("typ") == "at+jwt" and "crit" not in header_of(token) else None


class EachInstanceHasItsKey(Defect):
    """RFC 9068 section 4: tokens are verified by the keys that are published, whichever instance has issued them."""

    surface = "identity"
    noticed_by = ("oauth/jwt/published-keys-verify",)

    def __init__(self) -> None:
        self.keys = itertools.cycle([None, ec.generate_private_key(ec.SECP256R1())])
        self.issued: dict[str, Claims] = {}

    def make_access_token(self, original: Callable[[Claims], str], claims: Claims) -> str:
        key = next(self.keys)
        if key is None:
            return original(claims)
        token = jwt.encode(claims, key, "ES256", {"typ": "at+jwt", "kid": "another"})
        self.issued[token] = claims
        return token

    def read_access_token(self, original: Reads, token: str) -> Claims | None:
        claims = self.issued.get(token)
        return claims if claims and claims["exp"] > time.time() else original(token)


class EachInstanceIsAnIssuer(NotValidAtOnce):
    """RFC 9068 section 4: iss is the issuer's one identifier, and not of the instance that was asked."""

    noticed_by = ("oauth/jwt/has-the-claims#iss",)

    def __init__(self) -> None:
        self.issuers = itertools.cycle([ISSUER, f"{ISSUER}:b"])

    def access_token_claims(self, original: Makes, client: Client, scopes: tuple[str, ...]) -> Claims:
        return {**original(client, scopes), "iss": next(self.issuers)}


class TwoKeysOfOneName(Defect):
    """RFC 7517 section 4.5: different keys of a set have distinct kids, or a verifier takes the wrong one."""

    surface = "identity"
    noticed_by = ("oauth/jwt/keys-have-names-of-their-own",)

    def key_set(self, original: Callable[[], Answer]) -> Answer:
        former = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP256R1()).public_key()))
        return edited(original(), lambda found: found["keys"].insert(0, {**found["keys"][0], **former}))


class IssuerIsTheForwardedHost(Defect):
    """RFC 9068 section 4: iss is the issuer's own, and not what a header field names."""

    surface = "identity"
    noticed_by = ("oauth/jwt/header-fields-set-no-claims",)
    host: str | None = None

    def token_form(self, original: Callable[[Request], dict[str, str]], request: Request) -> dict[str, str]:
        self.host = request.headers.get("x-forwarded-host")
        return original(request)

    def access_token_claims(self, original: Makes, client: Client, scopes: tuple[str, ...]) -> Claims:
        claims = original(client, scopes)
        return {**claims, "iss": f"https://{self.host}"} if self.host else claims


class ReusedTokenSaidToBeginAnew(Defect):
    """RFC 6749 section 5.1: expires_in counts from the answer, also for a token that was made before it."""

    surface = "identity"
    noticed_by = ("oauth/answer/lifetime-is-what-is-left",)

    def __init__(self) -> None:
        self.issued: dict[tuple[str, str, int], tuple[str, float]] = {}

    def make_access_token(self, original: Callable[[Claims], str], claims: Claims) -> str:
        key = (claims["client_id"], claims["scope"], claims["credential_version"])
        if self.issued.get(key, ("", 0.0))[1] < time.time():
            self.issued[key] = original(claims), claims["exp"]
        return self.issued[key][0]


class RevokedTokenHasOwnCode(Defect):
    """RFC 6750 section 3.1: a token that was revoked is error="invalid_token"."""

    surface = "identity"
    noticed_by = ("authorization/revocation/revoked-token-is-invalid-token",)

    def caller(self, original: Calls, request: Request) -> Caller:
        surface = surface_of(original)
        claims = surface.read_access_token(request.headers.get("authorization", "").partition(" ")[2])
        if claims and not surface.holder(claims):
            raise Refused(surface.unauthorized("token_revoked"))
        return original(request)


class SessionOfTheFirstCaller(Defect):
    """The contract's table of errors: 401 for a missing token; a cookie that an answer set is none."""

    surface = "identity"
    noticed_by = ("authorization/bearer/cookie-is-no-token",)
    name = "session"

    def bearer_token(self, original: Callable[[Request], str], request: Request) -> str:
        found = re.search(rf"\b{self.name}=([^;]+)", request.headers.get("cookie", ""))
        return found[1] if found and "authorization" not in request.headers else original(request)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        token = request.headers.get("authorization", "").partition(" ")[2].strip()
        if is_api_request(request) and answer.status == 200 and token:
            answer.headers.append("Set-Cookie", f"{self.name}={token}; Path=/; HttpOnly")
        return answer


class TokenIsOfOneProgram(Defect):
    """RFC 6750 section 1.2: who has a token can use it, whatever program that is."""

    surface = "identity"
    noticed_by = ("authorization/bearer/whoever-bears-it-is-served",)

    def __init__(self) -> None:
        self.agents: dict[str, str] = {}

    def caller(self, original: Calls, request: Request) -> Caller:
        caller = original(request)
        agent = request.headers.get("user-agent", "")
        if self.agents.setdefault(request.headers["authorization"], agent) != agent:
            raise Refused(surface_of(original).unauthorized("invalid_token"))
        return caller


class MembersShowSecrets(Defect):
    """Credentials: the client secret is shown once, at creation, and in no list."""

    surface = "identity"
    noticed_by = ("authorization/bearer/answers-show-no-secret",)

    async def get_members(self, original: Callable[[Call], Any], call: Call) -> Answer:
        surface = surface_of(original)
        told = [{**each, "secret": surface.clients[each["id"]].secret} for each in call.organization.members]
        return surface.listing(call.request, told)


class SignatureLosesLeadingZeros(Defect):
    """RFC 7518 section 3.4: the numbers of a signature keep their leading zeros; here one token in three has one."""

    surface = "identity"
    noticed_by = ("oauth/jwt/signature-has-its-length",)
    made = itertools.count()

    def make_access_token(self, original: Callable[[Claims], str], claims: Claims) -> str:
        if next(self.made) % 3:
            return original(claims)
        while True:
            signed, _, signature = original(claims).rpartition(".")
            octets = base64.urlsafe_b64decode(signature + "==")
            if not octets[0]:
                return f"{signed}.{base64.urlsafe_b64encode(octets[1:]).decode().rstrip('=')}"


class KeySetFails(Defect):
    """RFC 9068 section 4: the keys of tokens are to be had; one that cannot be written ends in 500."""

    surface = "identity"
    noticed_by = ("oauth/jwt/published-keys-verify",)

    def key_set(self, original: Callable[[], Answer]) -> Answer:
        return Answer.json(500, {"error": {"code": "internal", "message": "The service failed."}})


class SignatureReadLeniently(Defect):
    """RFC 7515 section 5.2: no other characters stand in a signature; here padding and the other alphabet are read."""

    surface = "identity"
    noticed_by = ("oauth/jwt/signature-has-one-spelling#other-alphabet", "oauth/jwt/signature-has-one-spelling#padded")

    def read_access_token(self, original: Reads, token: str) -> Claims | None:
        return original(token.rstrip("=").replace("+", "-").replace("/", "_"))
