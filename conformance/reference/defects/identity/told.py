"""Defects in what callers and verifiers are told: challenges, claims and keys; and in conditions of writes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any, ClassVar

import jwt
from jwt.algorithms import ECAlgorithm

from conformance.reference.defects.base import Defect
from conformance.reference.defects.identity.support import is_token_request, surface_of
from conformance.reference.http import Answer, Request
from conformance.reference.identity.access_tokens import AUDIENCE, ISSUER
from conformance.reference.identity.records import Project
from conformance.reference.seeds import Client

Claims = dict[str, Any]
ClaimsOf = Callable[[Client, tuple[str, ...]], Claims]
PAUSE_S = 0.003


class ExpiredTokenHasOwnCode(Defect):
    """RFC 6750 section 3.1: a token that has expired is error="invalid_token"."""

    surface = "identity"
    noticed_by = ("authorization/bearer/expired-token-is-invalid-token",)
    expired = False

    def read_access_token(self, original: Callable[[str], Claims | None], token: str) -> Claims | None:
        claims = original(token)
        self.expired = False
        if claims is None and token.count(".") == 2:
            try:
                jwt.decode(token, options={"verify_signature": False, "verify_exp": True})
            except jwt.ExpiredSignatureError:
                self.expired = True
            except (jwt.PyJWTError, ValueError, RecursionError):
                pass
        return claims

    def challenge(self, original: Callable[..., str], error: str | None, scope: str | None = None) -> str:
        return original("token_expired" if error == "invalid_token" and self.expired else error, scope)


class TimesAreText(Defect):
    """RFC 7519 section 4.1.4: the value of exp MUST be a number."""

    surface = "identity"
    noticed_by = ("oauth/jwt/has-the-claims#exp",)

    def access_token_claims(self, original: ClaimsOf, client: Client, scopes: tuple[str, ...]) -> Claims:
        claims = original(client, scopes)
        return claims | {"exp": str(claims["exp"])}


class MalformedConditionOfAnUpdateFails(Defect):
    """The contract's table of errors: an If-Match that cannot be read is no reason for a 5xx where it is heeded."""

    surface = "identity"
    noticed_by = ("errors/5xx/hostile-headers-are-no-server-error#update-if-match",)

    def intercept(self, request: Request) -> Answer | None:
        odd = request.headers.get("if-match", '""').count('"') % 2
        return Answer.json(500, {"error": "index out of range"}) if odd and request.method == "PATCH" else None


class UpdateBringsDeletedBack(Defect):
    """The contract's table of errors: 404 for what was deleted, though an update was at work (it saves the whole)."""

    surface = "identity"
    noticed_by = ("errors/writes/deleted-stays-deleted",)

    async def update_project(
        self,
        original: Callable[..., Awaitable[bool]],
        project: Project,
        changes: dict[str, Any],
        still_holds: Callable[[], bool],
    ) -> bool:
        await asyncio.sleep(PAUSE_S)
        surface_of(original).organizations[project.organization].projects.setdefault(project.slug, project)
        return await original(project, changes, still_holds)


class LifetimeStatedIsEverybodys(Defect):
    """RFC 6749 section 5.1: expires_in is the lifetime of this token, and not of most."""

    surface = "identity"
    noticed_by = ("authorization/bearer/token-lives-as-long-as-it-says",)

    def token_document(self, original: Callable[..., Claims], *of: Any) -> Claims:
        return original(*of) | {"expires_in": 3600}


class _KeyToldOtherwise:
    told: ClassVar[dict[str, Any]]

    def key_set(self, original: Callable[[], Answer]) -> Answer:
        return Answer.json(200, {"keys": [json.loads(original().body)["keys"][0] | self.told]})


class KeyOfAnotherName(_KeyToldOtherwise, Defect):
    """RFC 7517 section 4.5: kid is used to match a specific key, so a token and its key have the same."""

    surface = "identity"
    noticed_by = ("oauth/jwt/token-names-its-key",)
    told: ClassVar[dict[str, Any]] = {"kid": "2026-01"}


class KeyForAnotherAlgorithm(_KeyToldOtherwise, Defect):
    """RFC 7517 section 4.4: alg is the algorithm that the key is used with."""

    surface = "identity"
    noticed_by = ("oauth/jwt/key-is-of-its-algorithm",)
    told: ClassVar[dict[str, Any]] = {"alg": "ES384"}


class KeyIsToSignWith(_KeyToldOtherwise, Defect):
    """RFC 7517 section 4.3: key_ops are what the key is for, of a public one to verify."""

    surface = "identity"
    noticed_by = ("oauth/jwt/key-is-of-its-algorithm",)
    told: ClassVar[dict[str, Any]] = {"key_ops": ["sign"]}


class AudienceIsANumber(Defect):
    """RFC 7519 section 4.1.3: the value of aud is a text or an array of texts, and not the number of a row."""

    surface = "identity"
    noticed_by = ("oauth/jwt/has-the-claims#aud",)

    def make_access_token(self, original: Callable[[Claims], str], claims: Claims) -> str:
        return surface_of(original).key.sign(claims | {"aud": 4711}, typ="at+jwt")

    def read_access_token(self, original: Callable[[str], Claims | None], token: str) -> Claims | None:
        key = surface_of(original).key.private.public_key()
        try:
            return jwt.decode(token, key, algorithms=["ES256"], issuer=ISSUER, options={"verify_aud": False})
        except jwt.PyJWTError:
            return None


class NotBeforeIsText(Defect):
    """RFC 7519 section 4.1.5: the value of nbf MUST be a number."""

    surface = "identity"
    noticed_by = ("oauth/jwt/has-the-claims#iat",)

    def make_access_token(self, original: Callable[[Claims], str], claims: Claims) -> str:
        return surface_of(original).key.sign(claims | {"nbf": "now"}, typ="at+jwt")

    def read_access_token(self, original: Callable[[str], Claims | None], token: str) -> Claims | None:
        key = surface_of(original).key.private.public_key()
        try:
            return jwt.decode(
                token, key, algorithms=["ES256"], audience=AUDIENCE, issuer=ISSUER, options={"verify_nbf": False}
            )
        except jwt.PyJWTError:
            return None


class SubjectOfTokensIsOne(Defect):
    """RFC 9068 section 2.2: without a resource owner sub is the client's."""

    surface = "identity"
    noticed_by = ("oauth/jwt/subject-is-the-client",)

    def access_token_claims(self, original: ClaimsOf, client: Client, scopes: tuple[str, ...]) -> Claims:
        return original(client, scopes) | {"sub": "service-account"}


class PageForBrowsers(Defect):
    """RFC 6749 section 5.2: a refusal is in JSON, whatever a client's library prefers by default."""

    surface = "identity"
    noticed_by = ("oauth/answer/is-json-whatever-is-preferred#refusal",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if is_token_request(request) and answer.status >= 400 and "text/html" in request.headers.get("accept", ""):
            answer.headers["Content-Type"] = "text/html"
            answer.body = b"<h1>Unauthorized</h1>"
        return answer


class TwoBlanksAreNone(Defect):
    """RFC 6750 section 2.1: one blank or several stand before the token."""

    surface = "identity"
    noticed_by = ("authorization/bearer/blanks-are-as-one",)

    def chosen_authorization(self, original: Callable[[list[str]], str], authorization: list[str]) -> str:
        return original(authorization).replace("  ", " \t")


class ChallengeForBasicAlone(Defect):
    """RFC 9110 section 15.5.2: a 401 carries a challenge, whichever way a client has failed to authenticate."""

    surface = "identity"
    noticed_by = (
        "oauth/client/401-carries-a-challenge#no-credentials",
        "oauth/client/401-carries-a-challenge#unknown-client",
        "oauth/client/401-carries-a-challenge#wrong-secret",
    )

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if is_token_request(request) and answer.status == 401 and "authorization" not in request.headers:
            del answer.headers["WWW-Authenticate"]
        return answer


class ShortKeyPublished(Defect):
    """RFC 7518 section 3.3: an RSA key has 2048 bits at least."""

    surface = "identity"
    noticed_by = ("oauth/jwt/published-keys-are-long-enough",)

    def key_set(self, original: Callable[[], Answer]) -> Answer:
        earlier = {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": "2019", "n": "wQAB" * 42 + "wQM", "e": "AQAB"}
        return Answer.json(200, {"keys": [*json.loads(original().body)["keys"], earlier]})


class KeyIsPadded(Defect):
    """RFC 7515 section 2: base64url has no padding, in the numbers of a key neither."""

    surface = "identity"
    noticed_by = ("oauth/jwt/is-spelt-in-base64url#keys",)

    def key_set(self, original: Callable[[], Answer]) -> Answer:
        keys = json.loads(original().body)["keys"]
        return Answer.json(200, {"keys": [key | {name: f"{key[name]}=" for name in ("x", "y")} for key in keys]})


class SignatureIsPadded(Defect):
    """RFC 7515 section 2: base64url has no padding, at the end of a token neither."""

    surface = "identity"
    noticed_by = ("oauth/jwt/is-spelt-in-base64url#token",)

    def make_access_token(self, original: Callable[[Claims], str], claims: Claims) -> str:
        return f"{original(claims)}=="

    def read_access_token(self, original: Callable[[str], Claims | None], token: str) -> Claims | None:
        return original(token.removesuffix("=="))


class KeyIsInItsTokens(Defect):
    """RFC 7517 section 9.2: private keys MUST be protected from disclosure, by the header of a token as well."""

    surface = "identity"
    noticed_by = ("oauth/jwt/published-keys-are-public#in-a-token",)

    def make_access_token(self, original: Callable[[Claims], str], claims: Claims) -> str:
        key = surface_of(original).key
        return key.sign(claims, typ="at+jwt", jwk=json.loads(ECAlgorithm.to_jwk(key.private)))


class KeyHasAnOctetForItsSign(Defect):
    """RFC 7518 section 2: a number has the fewest octets that hold it, and none of zero for a sign."""

    surface = "identity"
    noticed_by = ("oauth/jwt/key-numbers-begin-with-no-zero",)

    def key_set(self, original: Callable[[], Answer]) -> Answer:
        further = {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": "2020", "n": f"AM{'EB' * 171}", "e": "AQAB"}
        return Answer.json(200, {"keys": [*json.loads(original().body)["keys"], further]})
