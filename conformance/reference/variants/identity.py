"""Variants of the token endpoint and the organization APIs."""

from __future__ import annotations

import hashlib
import json
import secrets
import time
from collections.abc import Awaitable, Callable
from email.utils import formatdate
from typing import Any

from conformance.reference.alteration import Variant
from conformance.reference.http import Answer, Request
from conformance.reference.identity.organization_api import Call, Segments
from conformance.reference.identity.records import Organization
from conformance.reference.seeds import Client
from conformance.reference.support.identity import is_api_request, is_token_request, of_unstated_length, surface_of

Scopes = tuple[str, ...]


class OpaqueTokens(Variant):
    """Random tokens of 256 bits in place of JWTs: RFC 6749 section 1.4 leaves the format open."""

    surface = "identity"
    without = ("identity.jwt",)

    def __init__(self) -> None:
        self.issued: dict[bytes, dict[str, Any]] = {}

    def make_access_token(self, original: Callable[[dict[str, Any]], str], claims: dict[str, Any]) -> str:
        token = secrets.token_urlsafe(32)
        self.issued[hashlib.sha256(token.encode()).digest()] = claims
        return token

    def read_access_token(self, original: Callable[[str], dict[str, Any] | None], token: str) -> dict[str, Any] | None:
        claims = self.issued.get(hashlib.sha256(token.encode()).digest())
        return claims if claims and claims["exp"] > time.time() else None


class RefusedScopeIsNarrowed(Variant):
    """RFC 6749 section 3.3: a scope may be granted in part, and the answer then states what was granted."""

    surface = "identity"

    def within_credential(self, original: Callable[[Client, Scopes], bool], client: Client, scopes: Scopes) -> bool:
        return bool(set(scopes) & set(client.scopes))

    def granted_scopes(
        self, original: Callable[[Client, str | None], Scopes], client: Client, asked: str | None
    ) -> Scopes:
        return tuple(scope for scope in original(client, asked) if scope in client.scopes)


class OmittedScopeIsLeast(Variant):
    """RFC 6749 section 3.3: an omitted scope may stand for a documented default, here the first of the credential."""

    surface = "identity"

    def default_scopes(self, original: Callable[[Client], Scopes], client: Client) -> Scopes:
        return original(client)[:1]


class BodyCredentialsRefusedWith400(Variant):
    """RFC 6749 section 5.2: invalid_client is 400 unless the client used the Authorization header."""

    surface = "identity"

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if is_token_request(request) and answer.status == 401 and "authorization" not in request.headers:
            answer.status = 400
            del answer.headers["WWW-Authenticate"]
        return answer


class TokenTypeInLowerCase(Variant):
    """RFC 6749 section 5.1: the value of token_type is case insensitive."""

    surface = "identity"

    def token_document(
        self, original: Callable[[str, Client, Scopes], dict[str, Any]], token: str, client: Client, scopes: Scopes
    ) -> dict[str, Any]:
        return original(token, client, scopes) | {"token_type": "bearer"}


class ForeignIsForbidden(Variant):
    """The contract's table of errors: 403 for what the caller has no access to, whether or not it exists."""

    surface = "identity"

    def organization_hidden(
        self, original: Callable[[Organization | None], Answer], organization: Organization | None
    ) -> Answer:
        return surface_of(original).api_error(403, "forbidden", "You have no access to this organization.")


class PlainErrors(Variant):
    """Errors of the API as RFC 9457 problem details: the contract leaves their shape open."""

    surface = "identity"

    def api_error(
        self, original: Callable[..., Answer], status: int, code: str, message: str, **headers: str
    ) -> Answer:
        document = {"type": "about:blank", "title": code.replace("_", " "), "status": status, "detail": message}
        answer = Answer.json(status, document, **headers)
        answer.headers["Content-Type"] = "application/problem+json"
        return answer


class UnknownMembersIgnored(Variant):
    """OWASP API3: members of a body that cannot be set may be ignored in place of refused."""

    surface = "identity"

    def refuse_unknown(
        self, original: Callable[[dict[str, Any], frozenset[str]], None], body: dict[str, Any], known: frozenset[str]
    ) -> None:
        return None


class AbsoluteLocation(Variant):
    """RFC 9110 section 10.2.2: Location may be absolute, under the host that was asked."""

    surface = "identity"

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if answer.headers.get("location", "").startswith("/"):
            answer.headers["Location"] = request.base_url + answer.headers["Location"]
        return answer


class DeletionAnsweredWith200(Variant):
    """RFC 9110 section 9.3.5: 200 with a representation of the action's status, in place of 204."""

    surface = "identity"

    async def delete_project(self, original: Callable[[Call], Awaitable[Answer]], call: Call) -> Answer:
        answer = await original(call)
        return Answer.json(200, {"deleted": True}) if answer.status == 204 else answer


class RetryAfterAsDate(Variant):
    """RFC 9110 section 10.2.3: Retry-After may be an HTTP date."""

    surface = "identity"

    def limit_exceeded(self, original: Callable[[float], Answer], wait: float) -> Answer:
        answer = original(wait)
        answer.headers["Retry-After"] = formatdate(int(time.time() + wait) + 1, usegmt=True)
        return answer


class ListsAreArrays(Variant):
    """The contract leaves the shape of answers open: a list is an array, its total in a field of the head."""

    surface = "identity"

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if is_api_request(request) and answer.status == 200 and answer.body.startswith(b'{"items"'):
            document = json.loads(answer.body)
            answer.body = json.dumps(document["items"]).encode()
            answer.headers["X-Total-Count"] = str(document["total"])
            del answer.headers["Content-Length"]
        return of_unstated_length(request, answer)


class FailedPreconditionIs412(Variant):
    """RFC 9110 section 13.1.1: 412 where If-Match does not hold."""

    surface = "identity"

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if answer.status == 409 and ("if-match" in request.headers or "if-none-match" in request.headers):
            answer.status = 412
        return answer


class TrailingSlashIsTheSame(Variant):
    """RFC 3986 section 6.2.4: a server may take a path with a slash behind for the path without."""

    surface = "identity"

    async def api(
        self, original: Callable[[Request, Segments], Awaitable[Answer]], request: Request, segments: Segments
    ) -> Answer:
        return await original(request, segments[:-1] if segments[-1:] == ("",) and len(segments) > 4 else segments)
