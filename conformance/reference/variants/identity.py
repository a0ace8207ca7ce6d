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
from conformance.reference.one_method import variant
from conformance.reference.seeds import Client
from conformance.reference.support.identity import is_api_request, is_token_request, of_unstated_length, surface_of

Scopes = tuple[str, ...]


class OpaqueTokens(Variant):
    """Random tokens of 256 bits instead of JWTs: RFC 6749 section 1.4 leaves the format open."""

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
        self, original: Callable[[Client, str | None], Scopes], client: Client, requested: str | None
    ) -> Scopes:
        return tuple(scope for scope in original(client, requested) if scope in client.scopes)


@variant(surface="identity")
def omitted_scope_is_least(default_scopes: Callable[[Client], Scopes], client: Client) -> Scopes:
    """RFC 6749 section 3.3: an omitted scope may stand for a documented default, here the first of the credential."""
    return default_scopes(client)[:1]


@variant(surface="identity")
def body_credentials_refused_with400(request: Request, answer: Answer) -> Answer:
    """RFC 6749 section 5.2: invalid_client is 400 unless the client used the Authorization header."""
    if is_token_request(request) and answer.status == 401 and "authorization" not in request.headers:
        answer.status = 400
        del answer.headers["WWW-Authenticate"]
    return answer


@variant(surface="identity")
def token_type_in_lower_case(
    token_document: Callable[[str, Client, Scopes], dict[str, Any]], token: str, client: Client, scopes: Scopes
) -> dict[str, Any]:
    """RFC 6749 section 5.1: the value of token_type is case insensitive."""
    return token_document(token, client, scopes) | {"token_type": "bearer"}


@variant(surface="identity")
def foreign_is_forbidden(
    organization_hidden: Callable[[Organization | None], Answer], organization: Organization | None
) -> Answer:
    """The contract's table of errors: 403 for what the caller has no access to, whether or not it exists."""
    return surface_of(organization_hidden).api_error(403, "forbidden", "You have no access to this organization.")


@variant(surface="identity")
def plain_errors(api_error: Callable[..., Answer], status: int, code: str, message: str, **headers: str) -> Answer:
    """Errors of the API as RFC 9457 problem details: the contract leaves their shape open."""
    document = {"type": "about:blank", "title": code.replace("_", " "), "status": status, "detail": message}
    answer = Answer.json(status, document, **headers)
    answer.headers["Content-Type"] = "application/problem+json"
    return answer


@variant(surface="identity")
def unknown_members_ignored(
    refuse_unknown: Callable[[dict[str, Any], frozenset[str]], None], body: dict[str, Any], known: frozenset[str]
) -> None:
    """OWASP API3: members of a body that cannot be set may be ignored instead of refused."""
    return


@variant(surface="identity")
def absolute_location(request: Request, answer: Answer) -> Answer:
    """RFC 9110 section 10.2.2: Location may be absolute, with the request's host."""
    if answer.headers.get("location", "").startswith("/"):
        answer.headers["Location"] = request.base_url + answer.headers["Location"]
    return answer


@variant(surface="identity")
async def deletion_answered_with200(delete_project: Callable[[Call], Awaitable[Answer]], call: Call) -> Answer:
    """RFC 9110 section 9.3.5: 200 with a representation of the action's status, instead of 204."""
    answer = await delete_project(call)
    return Answer.json(200, {"deleted": True}) if answer.status == 204 else answer


@variant(surface="identity")
def retry_after_as_date(limit_exceeded: Callable[[float], Answer], wait: float) -> Answer:
    """RFC 9110 section 10.2.3: Retry-After may be an HTTP date."""
    answer = limit_exceeded(wait)
    answer.headers["Retry-After"] = formatdate(int(time.time() + wait) + 1, usegmt=True)
    return answer


@variant(surface="identity")
def lists_are_arrays(request: Request, answer: Answer) -> Answer:
    """The contract leaves the form of responses open: a list is an array, with its total in a header field."""
    if is_api_request(request) and answer.status == 200 and answer.body.startswith(b'{"items"'):
        document = json.loads(answer.body)
        answer.body = json.dumps(document["items"]).encode()
        answer.headers["X-Total-Count"] = str(document["total"])
        del answer.headers["Content-Length"]
    return of_unstated_length(request, answer)


@variant(surface="identity")
def failed_precondition_is412(request: Request, answer: Answer) -> Answer:
    """RFC 9110 section 13.1.1: 412 if If-Match does not hold."""
    if answer.status == 409 and ("if-match" in request.headers or "if-none-match" in request.headers):
        answer.status = 412
    return answer


@variant(surface="identity")
async def trailing_slash_is_the_same(
    api: Callable[[Request, Segments], Awaitable[Answer]], request: Request, segments: Segments
) -> Answer:
    """RFC 3986 section 6.2.4: a server may treat a path with a trailing slash like the path without it."""
    return await api(request, segments[:-1] if segments[-1:] == ("",) and len(segments) > 4 else segments)
