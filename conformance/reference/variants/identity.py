"""Other right ways to be an identity service."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from email.utils import formatdate
from typing import Any
from urllib.parse import parse_qsl, urlencode

from conformance.reference.defects.base import Variant
from conformance.reference.defects.identity.support import (
    edited,
    is_token_request,
    matches,
    searched_for,
    surface_of,
)
from conformance.reference.http import Answer, Request
from conformance.reference.identity.organization_api import Call, Segments
from conformance.reference.identity.records import Organization
from conformance.reference.identity.state import Refused
from conformance.reference.seeds import Account, Client

Claims = dict[str, Any]
Scopes = tuple[str, ...]
Error = Callable[[int, str, str], Answer]


class OpaqueTokens(Variant):
    """Random tokens of 256 bits in place of JWTs: RFC 6749 section 1.4 leaves the format open."""

    surface = "identity"
    without = ("identity.jwt",)

    def __init__(self) -> None:
        self.issued: dict[bytes, Claims] = {}

    def make_access_token(self, original: Callable[[Claims], str], claims: Claims) -> str:
        token = secrets.token_urlsafe(32)
        self.issued[hashlib.sha256(token.encode()).digest()] = claims
        return token

    def read_access_token(self, original: Callable[[str], Claims | None], token: str) -> Claims | None:
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


class ScopeStatedOnlyIfDifferent(Variant):
    """RFC 6749 section 5.1: scope is OPTIONAL in the answer where it is the one that was asked for."""

    surface = "identity"

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if not is_token_request(request) or answer.status != 200 or b"scope=" not in request.body:
            return answer
        return edited(answer, lambda document: document.pop("scope"))


class BodyCredentialsRefusedWith400(Variant):
    """RFC 6749 section 5.2: invalid_client is 400 unless the client used the Authorization header."""

    surface = "identity"

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if is_token_request(request) and answer.status == 401 and "authorization" not in request.headers:
            answer.status = 400
            del answer.headers["WWW-Authenticate"]
        return answer


class WrongTokenContentTypeIs415(Variant):
    """RFC 9110 section 15.5.16: 415 for a token request that is no form."""

    surface = "identity"

    def token_form(self, original: Callable[[Request], dict[str, str]], request: Request) -> dict[str, str]:
        surface = surface_of(original)
        if not surface.is_form(request):
            raise Refused(surface.oauth_error(415, "invalid_request", "the content type is not a form"))
        return original(request)


class TokenTypeInLowerCase(Variant):
    """RFC 6749 section 5.1: the value of token_type is case insensitive."""

    surface = "identity"

    def token_document(
        self, original: Callable[[str, Client, Scopes], dict[str, Any]], token: str, client: Client, scopes: Scopes
    ) -> dict[str, Any]:
        return original(token, client, scopes) | {"token_type": "bearer"}


class MediaTypesWithCharset(Variant):
    """RFC 9110 section 8.3.1: a media type may carry parameters."""

    surface = "identity"

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if answer.headers.get("content-type") == "application/json":
            answer.headers["Content-Type"] = "application/json; charset=utf-8"
        return answer


class ErrorsWithoutDescription(Variant):
    """RFC 6749 section 5.2: error_description is OPTIONAL."""

    surface = "identity"

    def oauth_error(self, original: Error, status: int, error: str, description: str) -> Answer:
        return edited(original(status, error, description), lambda document: document.pop("error_description"))


class UnknownParameterMayRepeat(Variant):
    """RFC 6749 section 3.2: parameters that are not recognized are ignored, however often they come."""

    surface = "identity"

    def may_repeat(self, original: Callable[[str], bool], name: str) -> bool:
        return original(name) or name not in ("grant_type", "client_id", "client_secret", "scope")


class MoreHeadersOnTokens(Variant):
    """RFC 9111 section 5.2: directives beside no-store, and headers of a gateway."""

    surface = "identity"

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if answer.headers.get("cache-control") == "no-store":
            answer.headers["Cache-Control"] = "no-cache, no-store, must-revalidate, private"
            answer.headers["Via"] = "1.1 gateway"
        return answer


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


class MalformedPathIs400(Variant):
    """The contract's table of errors: 400 for an invalid path, decided before anything is looked up."""

    surface = "identity"

    async def api(
        self, original: Callable[[Request, Segments], Awaitable[Answer]], request: Request, segments: Segments
    ) -> Answer:
        surface = surface_of(original)
        if any(segment is None or "\0" in segment for segment in segments):
            surface.caller(request)
            return surface.invalid("The path is malformed.")
        return await original(request, segments)


class TwoChallenges(Variant):
    """RFC 9110 section 11.6.1: a 401 may carry several challenges."""

    surface = "identity"

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if answer.status == 401 and not is_token_request(request) and request.raw_path.startswith("/api/"):
            answer.headers.append("WWW-Authenticate", 'DPoP algs="ES256"')
        return answer


class NeededScopeNotNamed(Variant):
    """RFC 6750 section 3.1: the scope attribute of insufficient_scope is OPTIONAL."""

    surface = "identity"

    def challenge(self, original: Callable[..., str], error: str | None, scope: str | None = None) -> str:
        return original(error)


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


class ProjectsCanBeSearched(Variant):
    """The contract names no search and forbids none; this one finds what the caller sees."""

    surface = "identity"

    async def get_projects(self, original: Callable[[Call], Awaitable[Answer]], call: Call) -> Answer:
        word = searched_for(call.request)
        if word is None:
            return await original(call)
        surface = surface_of(original)
        seen = surface.visible_projects(call.caller, call.organization)
        found = [each.document() for each in seen if matches(word, each.slug, each.name)]
        return surface.listing(call.request, found)


class AnonymousRegistryLoginRefused(Variant):
    """Docker token authentication: where nothing is public, 401 may be the answer to no credentials."""

    surface = "identity"

    def basic_account(self, original: Callable[[Request], Account | None], request: Request) -> Account | None:
        account = original(request)
        if account is None:
            raise Refused(surface_of(original).login_refused())
        return account


class RegistryFormNotOffered(Variant):
    """Docker token authentication: the OAuth form is optional; without it there are no refresh tokens."""

    surface = "identity"

    def token_by_get(self, original: Callable[[Request], Answer], request: Request) -> Answer:
        pairs = [each for each in parse_qsl(request.query_string, keep_blank_values=True) if each[0] != "offline_token"]
        return original(replace(request, query_string=urlencode(pairs)))

    def token_by_post(self, original: Callable[[Request], Answer], request: Request) -> Answer:
        return surface_of(original).not_found()


class ScopeOfAQueryNotSplit(Variant):
    """Docker token authentication: each scope parameter of a query is one; a form alone holds several in one."""

    surface = "identity"

    def token_by_get(self, original: Any, request: Request) -> Answer:
        pairs = parse_qsl(request.query_string, keep_blank_values=True)
        kept = urlencode([each for each in pairs if each[0] != "scope" or " " not in each[1]])
        answer: Answer = original(replace(request, query_string=kept))
        return answer


class OneRegistryTokenName(Variant):
    """Docker token authentication: token alone is enough, where no form asks for a token."""

    surface = "identity"

    def registry_token_document(
        self, original: Callable[..., dict[str, Any]], account: Account | None, service: str, asked: list[Any]
    ) -> dict[str, Any]:
        document = original(account, service, asked)
        del document["access_token"]
        return document

    def posted_answer(self, original: Callable[..., dict[str, Any]], *given: Any) -> dict[str, Any]:
        document = original(*given)
        return document | {"access_token": document["token"]}


class RetryAfterAsDate(Variant):
    """RFC 9110 section 10.2.3: Retry-After may be an HTTP date."""

    surface = "identity"

    def limit_exceeded(self, original: Callable[[float], Answer], wait: float) -> Answer:
        answer = original(wait)
        answer.headers["Retry-After"] = formatdate(int(time.time() + wait) + 1, usegmt=True)
        return answer
