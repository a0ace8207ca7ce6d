"""Defects of how a token's signature is verified, and of what is asked of logins by some requests alone."""

from __future__ import annotations

import base64
import hmac
import re
from typing import Any, cast

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from conformance.reference.defects.base import Defect
from conformance.reference.defects.registry.access import everything
from conformance.reference.defects.registry.common import kind_of, registry_of, without
from conformance.reference.defects.registry.ways_round import answered
from conformance.reference.http import Answer, Request
from conformance.reference.registry.access import ISSUER, SERVICE, Access, Caller
from conformance.reference.registry.routing import Asked

Claims = dict[str, Any]
KNOWN = ("GET", "HEAD", "PUT", "DELETE", "POST", "PATCH")


def by_key(token: str, key: Any, algorithm: str) -> Claims:
    """The claims of a token that this key verifies."""
    options = cast(Any, {"require": ["exp"]})
    claims: Claims = jwt.decode(token, key, algorithms=[algorithm], audience=SERVICE, issuer=ISSUER, options=options)
    return claims


class KeyOfATokenTrusted(Defect):
    """Docker token implementation: the key is one of those that are trusted, and not whichever stands in jwk."""

    surface = "registry"
    noticed_by = ("registry/token/altered-is-refused",)

    def claims_of(self, original: Any, token: str) -> Claims:
        given = jwt.get_unverified_header(token).get("jwk")
        return by_key(token, jwt.PyJWK(given, "ES256").key, "ES256") if given else cast(Claims, original(token))


class KeyTrustedByItsName(Defect):
    """Docker token implementation: a trusted key is more than its kid, which anybody can write into jwk."""

    surface = "registry"
    noticed_by = ("registry/token/altered-is-refused",)

    def claims_of(self, original: Any, token: str) -> Claims:
        given = jwt.get_unverified_header(token).get("jwk") or {}
        return (
            by_key(token, jwt.PyJWK(given, "ES256").key, "ES256") if "kid" in given else cast(Claims, original(token))
        )


class KeyTrustedByItsChain(Defect):
    """RFC 7517 section 4.7: the key in jwk is that of the first certificate in x5c."""

    surface = "registry"
    noticed_by = ("registry/token/altered-is-refused",)

    def claims_of(self, original: Any, token: str) -> Claims:
        given = jwt.get_unverified_header(token).get("jwk") or {}
        known = given.get("x5c") == registry_of(original).key.x5c
        return by_key(token, jwt.PyJWK(given, "ES256").key, "ES256") if known else cast(Claims, original(token))


class CertificateOfATokenTrusted(Defect):
    """Docker token implementation: the chain in x5c leads to a root that is trusted, and not only to its own key."""

    surface = "registry"
    noticed_by = ("registry/token/altered-is-refused",)

    def claims_of(self, original: Any, token: str) -> Claims:
        (given, *_) = jwt.get_unverified_header(token).get("x5c") or [""]
        if not given:
            return cast(Claims, original(token))
        return by_key(token, x509.load_der_x509_certificate(base64.b64decode(given)).public_key(), "ES256")


class PublicKeyTakenForASecret(Defect):
    """RFC 8725 section 2.1: the algorithm is the verifier's choice; with HS256 the public key would be the secret."""

    surface = "registry"
    noticed_by = ("registry/token/altered-is-refused",)

    def claims_of(self, original: Any, token: str) -> Claims:
        signed, _, signature = token.rpartition(".")
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        public = registry_of(original).key.private.public_key().public_bytes(serialization.Encoding.PEM, form)
        made = base64.urlsafe_b64encode(hmac.digest(public, signed.encode(), "sha256")).decode().rstrip("=")
        if signature != made:
            return cast(Claims, original(token))
        unsigned: Claims = jwt.decode(token, options={"verify_signature": False})
        return unsigned


class ChallengeMissingForAChunk(Defect):
    """Docker token flow: whose token runs out in the middle of an upload is told where to get the next."""

    surface = "registry"
    noticed_by = ("registry/login/challenge-names-the-scope",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        return without(answer, "WWW-Authenticate") if kind_of(request) == "upload" else answer


class ChallengeOfAChunkToPull(Defect):
    """Docker token scopes: a chunk needs push, and its challenge says so."""

    surface = "registry"
    noticed_by = ("registry/login/challenge-names-the-scope",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        challenge = answer.headers.get("www-authenticate")
        if challenge and request.method == "PATCH":
            answer.headers["WWW-Authenticate"] = challenge.replace(":pull,push", ":pull")
        return answer


class ChallengeRunsOn(Defect):
    """RFC 9110 section 11.2: behind a parameter's quotes comes a comma or the end of the challenge."""

    surface = "registry"
    noticed_by = ("registry/login/challenge-is-given",)

    def challenges(self, original: Any, wanted: list[Access], error: str | None) -> list[str]:
        told: list[str] = original(wanted, error)
        return told if error else [value + "x" for value in told]


class ScopesJoinedByCommas(Defect):
    """Docker token scopes: between the scopes of a challenge stand blanks; commas stand between a scope's actions."""

    surface = "registry"
    noticed_by = ("registry/login/mount-challenge-names-the-source",)

    def challenged_scope(self, original: Any, wanted: list[Access]) -> str:
        return str(original(wanted)).replace(" ", ",")


class ErrorOfAChallengeRunsOn(Defect):
    """RFC 9110 section 11.2, RFC 6750 section 3.1: nor does anything come directly behind ``error="invalid_token"``."""

    surface = "registry"
    noticed_by = ("registry/token/invalid-is-told",)

    def challenges(self, original: Any, wanted: list[Access], error: str | None) -> list[str]:
        told: list[str] = original(wanted, error)
        return [value + "x" for value in told] if error else told


class BadTokenUnchallenged(Defect):
    """RFC 9110 section 15.5.2: 401 has a WWW-Authenticate, that for a token which cannot be read, too."""

    surface = "registry"
    noticed_by = ("registry/login/challenge-is-given",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        return without(answer, "WWW-Authenticate") if re.search("(?i)^bearer ", _shown(request)) else answer


def _shown(request: Request) -> str:
    return request.headers.get("authorization", "")


class TokenAndMoreTaken(Defect):
    """API Reference, Error Handling: a token with something behind it is none."""

    surface = "registry"
    noticed_by = ("registry/token/altered-is-refused",)

    def claims_of(self, original: Any, token: str) -> dict[str, Any]:
        known = next((each for each in registry_of(original).remembered if token.startswith(each)), token)
        claims: dict[str, Any] = original(known)
        return claims


class TokensKnownInAnyCase(Defect):
    """API Reference, Error Handling: a token whose letters are in other case is none, though it was looked up so."""

    surface = "registry"
    noticed_by = ("registry/token/altered-is-refused",)

    def claims_of(self, original: Any, token: str) -> dict[str, Any]:
        remembered = registry_of(original).remembered
        known = next((each for each in remembered if each.lower() == token.lower()), token)
        claims: dict[str, Any] = original(known)
        return claims


class ListsTakeAnyToken(Defect):
    """RFC 7515 section 5.2: a token's signature is looked at whatever is asked for, a list among it."""

    surface = "registry"
    noticed_by = (
        "registry/login/anonymous-cannot-list-referrers",
        "registry/login/anonymous-cannot-list-repositories",
    )

    def authenticate(self, original: Any, request: Request, wanted: list[Access]) -> Caller | None:
        token = registry_of(original).bearer_token(request) or ""
        if kind_of(request) in ("referrers", "catalog") and token.count(".") == 2:
            claims = jwt.decode(token, options={"verify_signature": False})
            return everything(wanted, claims.get("sub", ""))
        caller: Caller | None = original(request, wanted)
        return caller


class QueryNeedsNoLogin(Defect):
    """API Reference, Error Handling: a missing token is 401, whatever stands behind the path."""

    surface = "registry"
    noticed_by = ("registry/login/no-spelling-of-a-path-opens",)

    def authenticate(self, original: Any, request: Request, wanted: list[Access]) -> Caller | None:
        caller: Caller | None = original(request, wanted)
        passed = caller is None and request.method == "GET" and request.query_string
        return everything(wanted) if passed else caller


class OtherMethodsNeedNoLogin(Defect):
    """API Reference, Error Handling: a missing token is 401, whatever method is answered as one that reads."""

    surface = "registry"
    noticed_by = ("registry/login/no-method-opens",)

    async def answer(self, original: Any, request: Request) -> Answer:
        if kind_of(request) == "manifest" and request.method not in KNOWN:
            return await answered(registry_of(original), request, request.path)
        return cast(Answer, await original(request))


class MethodInTheQuery(Defect):
    """Docker token scopes: a deletion needs the right to delete, in the query as in the method."""

    surface = "registry"
    noticed_by = ("registry/rights/method-is-the-requests-own",)

    async def get_manifest(self, original: Any, asked: Asked) -> Answer:
        if asked.request.parameter("_method") == "DELETE":
            return await registry_of(original).delete_manifest(asked)
        return cast(Answer, await original(asked))
