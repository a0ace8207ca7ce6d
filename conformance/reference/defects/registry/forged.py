"""Defects of how a token's signature is verified, and of what is asked of logins by some requests alone."""

from __future__ import annotations

import re
from typing import Any, cast

import jwt

from conformance.reference.defects.base import Defect
from conformance.reference.defects.registry.access import everything
from conformance.reference.defects.registry.common import kind_of, registry_of, without
from conformance.reference.defects.registry.ways_round import answered
from conformance.reference.http import Answer, Request
from conformance.reference.registry.access import Access, Caller
from conformance.reference.registry.routing import Asked

KNOWN = ("GET", "HEAD", "PUT", "DELETE", "POST", "PATCH")


class ChallengeMissingForAChunk(Defect):
    """Docker token flow: whose token runs out in the middle of an upload is told where to get the next."""

    surface = "registry"
    noticed_by = ("registry/login/challenge-names-the-scope#chunk",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        return without(answer, "WWW-Authenticate") if kind_of(request) == "upload" else answer


class ChallengeRunsOn(Defect):
    """RFC 9110 section 11.2: behind a parameter's quotes comes a comma or the end of the challenge."""

    surface = "registry"
    noticed_by = (
        "registry/login/challenge-is-given#blob",
        "registry/login/challenge-is-given#blob-head",
        "registry/login/challenge-is-given#delete-blob",
        "registry/login/challenge-is-given#delete-manifest",
        "registry/login/challenge-is-given#delete-tag",
        "registry/login/challenge-is-given#manifest",
        "registry/login/challenge-is-given#manifest-by-digest",
        "registry/login/challenge-is-given#manifest-head",
        "registry/login/challenge-is-given#mount",
        "registry/login/challenge-is-given#put-manifest",
        "registry/login/challenge-is-given#put-manifest-by-digest",
        "registry/login/challenge-is-given#tags",
        "registry/login/challenge-is-given#upload",
        "registry/login/challenge-is-given#upload-at-once",
    )

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
    noticed_by = (
        "registry/login/challenge-is-given#malformed-token",
        "registry/login/challenge-is-given#of-the-whole-run",
    )

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        return without(answer, "WWW-Authenticate") if re.search("(?i)^bearer ", _shown(request)) else answer


def _shown(request: Request) -> str:
    return request.headers.get("authorization", "")


class TokensKnownInAnyCase(Defect):
    """API Reference, Error Handling: a token whose letters are in other case is none, though it was looked up so."""

    surface = "registry"
    noticed_by = ("registry/token/altered-is-refused#letters-in-other-case",)

    def claims_of(self, original: Any, token: str) -> dict[str, Any]:
        remembered = registry_of(original).remembered
        known = next((each for each in remembered if each.lower() == token.lower()), token)
        claims: dict[str, Any] = original(known)
        return claims


class ListsTakeAnyToken(Defect):
    """RFC 7515 section 5.2: a token's signature is looked at whatever is asked for, a list among it."""

    surface = "registry"
    noticed_by = ("registry/login/anonymous-cannot-list-referrers", "registry/login/anonymous-cannot-list-repositories")

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
    noticed_by = ("registry/login/no-spelling-of-a-path-opens#query",)

    def authenticate(self, original: Any, request: Request, wanted: list[Access]) -> Caller | None:
        caller: Caller | None = original(request, wanted)
        passed = caller is None and request.method == "GET" and request.query_string
        return everything(wanted) if passed else caller


class OtherMethodsNeedNoLogin(Defect):
    """API Reference, Error Handling: a missing token is 401, whatever method is answered as one that reads."""

    surface = "registry"
    noticed_by = ("registry/login/no-method-opens#options", "registry/login/no-method-opens#other")

    async def answer(self, original: Any, request: Request) -> Answer:
        if kind_of(request) == "manifest" and request.method not in KNOWN:
            return await answered(registry_of(original), request, request.path)
        return cast(Answer, await original(request))


class MethodInTheQuery(Defect):
    """Docker token scopes: a deletion needs the right to delete, in the query as in the method."""

    surface = "registry"
    noticed_by = ("registry/rights/method-is-the-requests-own#get",)

    async def get_manifest(self, original: Any, asked: Asked) -> Answer:
        if asked.request.parameter("_method") == "DELETE":
            return await registry_of(original).delete_manifest(asked)
        return cast(Answer, await original(asked))
