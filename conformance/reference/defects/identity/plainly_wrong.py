"""Defects for promises that no other defect breaks: answers that are plainly wrong, and faults of odd requests."""

from __future__ import annotations

import base64
import dataclasses
import json
import secrets
from collections.abc import Awaitable, Callable
from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.identity.support import (
    edited,
    is_api_request,
    is_token_request,
    surface_of,
)
from conformance.reference.http import Answer, Request
from conformance.reference.identity.organization_api import Call, Segments
from conformance.reference.identity.records import Organization, Project
from conformance.reference.seeds import Client

Api = Callable[[Request, Segments], Awaitable[Answer]]


def _failed() -> Answer:
    return Answer.json(500, {"error": {"code": "internal", "message": "The service failed."}})


class AbsentIsGone(Defect):
    """The contract's table of errors: 404 for what does not exist, not 410."""

    surface = "identity"
    noticed_by = (
        "authorization/matrix/absent-is-404#delete",
        "authorization/matrix/absent-is-404#read-item",
        "authorization/matrix/absent-is-404#update",
        "authorization/matrix/declared-absent-is-404",
        "errors/table/404-absent",
        "errors/404/unknown-path",
        "errors/400/invalid-path#of-every-object",
        "errors/400/invalid-path#only-hyphens",
        "errors/400/invalid-path#upper-case",
        "errors/400/invalid-path#very-long",
    )

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if answer.status == 404:
            answer.status = 410
        return answer


class GoodTokenIs401(Defect):
    """API Reference, Authentication: the token is sent in the Authorization header, and opens what it may."""

    surface = "identity"
    noticed_by = ("oauth/endpoints/identity-serves-tokens",)

    def intercept(self, request: Request) -> Answer | None:
        refused = is_api_request(request) and request.raw_path.endswith("/members")
        return Answer.json(401, {"error": {"code": "unauthorized", "message": "No."}}) if refused else None


class SecretAcceptedAsToken(Defect):
    """The contract's table of errors: 401 for an invalid token, and a client secret is none."""

    surface = "identity"
    noticed_by = ("authorization/bearer/secret-is-no-token",)

    def read_access_token(self, original: Callable[[str], Any], token: str) -> Any:
        surface = surface_of(original)
        for client in surface.clients.values():
            if client.secret == token:
                return original(surface.make_access_token(surface.access_token_claims(client, client.scopes)))
        return original(token)


class AnyOrganizationWrites(Defect):
    """The contract's table of errors: 403 without access to the organization, or 404: nobody creates in another."""

    surface = "identity"
    noticed_by = ("authorization/isolation/foreign-members-are-refused",)

    def belongs_to(self, original: Callable[..., bool], caller: Any, organization: Organization) -> bool:
        return True


class NamelessProjects(Defect):
    """The contract's table of errors: 400 for an invalid body: one without the slug by which it would be found."""

    surface = "identity"
    noticed_by = (
        "errors/400/unique-member-missing-or-malformed#empty",
        "errors/400/unique-member-missing-or-malformed#list",
        "errors/400/unique-member-missing-or-malformed#missing",
    )

    def new_project(
        self, original: Callable[..., Project], organization: Organization, body: dict[str, Any]
    ) -> Project:
        made = original(organization, {**body, "slug": body.get("slug") or "nameless"})
        return made if body.get("slug") else dataclasses.replace(made, slug="")


class UnknownMemberCrashes(Defect):
    """The contract's table of errors: 400 for an unknown member, or it is ignored; never a 5xx."""

    surface = "identity"
    noticed_by = ("errors/400/unknown-member-is-refused-or-ignored",)
    crashes = (KeyError,)

    def refuse_unknown(self, original: Callable[..., None], body: dict[str, Any], known: frozenset[str]) -> None:
        for name in body:
            {each: each for each in known}[name]


class OddHeaderCrashes(Defect):
    """The contract's table of errors: no header field is a reason for a 5xx."""

    surface = "identity"
    noticed_by = ("errors/5xx/hostile-headers-are-no-server-error#non-ascii",)

    def intercept(self, request: Request) -> Answer | None:
        return _failed() if any(not value.isascii() for value in request.headers.values()) else None


class EncodedPathCrashes(Defect):
    """The contract's table of errors: 400 or 404 for an invalid path, never a 5xx."""

    surface = "identity"
    noticed_by = (
        "errors/5xx/no-path-is-a-server-error#blank-behind",
        "errors/5xx/no-path-is-a-server-error#nul-behind",
        "errors/400/invalid-path#broken-percent",
        "errors/400/invalid-path#control",
        "errors/400/invalid-path#dots",
        "errors/400/invalid-path#encoded-slash",
        "errors/400/invalid-path#invalid-utf8",
        "errors/400/invalid-path#nul",
        "errors/400/invalid-path#quote",
    )

    def intercept(self, request: Request) -> Answer | None:
        return _failed() if is_api_request(request) and "%" in request.raw_path else None


class TokenWithBlanks(Defect):
    """RFC 6750 section 2.1: a token is a b64token, so that it can stand in an Authorization header."""

    surface = "identity"
    noticed_by = ("oauth/answer/token-fits-the-bearer-header",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if is_token_request(request) and answer.status == 200:
            return edited(answer, lambda document: document.update(access_token=document["access_token"] + ' "x"'))
        return answer


class AnySecretOfOursAccepted(Defect):
    """RFC 6749 section 5.2: a secret proves its own client, and no other."""

    surface = "identity"
    noticed_by = ("oauth/client/other-clients-secret-is-refused",)

    def secret_matches(self, original: Callable[..., bool], client: Client | None, secret: str) -> bool:
        known = (each.secret for each in surface_of(original).clients.values())
        return original(client, secret) or (client is not None and secret in known)


class ClientIdAloneAccepted(Defect):
    """RFC 6749 section 3.2.1: a client that was issued a secret must authenticate."""

    surface = "identity"
    noticed_by = (
        "oauth/client/authentication-is-required#assertion",
        "oauth/client/authentication-is-required#field-of-a-front",
        "oauth/client/authentication-is-required#secret",
    )

    def presented_credentials(self, original: Callable[..., Any], request: Request, form: dict[str, str]) -> Any:
        client = surface_of(original).clients.get(form.get("client_id", ""))
        if client is not None and "client_secret" not in form and "authorization" not in request.headers:
            return client.client_id, client.secret
        return original(request, form)


class OmittedScopeIs403(Defect):
    """RFC 6749 section 3.3: an omitted scope has a default, or is refused as invalid_scope."""

    surface = "identity"
    noticed_by = ("oauth/scope/omitted-is-default-or-invalid-scope",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if is_token_request(request) and answer.status == 200 and b"scope=" not in request.body:
            return Answer.json(403, {"error": "access_denied"})
        return answer


class UnsignedTokensIssued(Defect):
    """RFC 9068 section 2.1: JWT access tokens MUST be signed."""

    surface = "identity"
    noticed_by = ("oauth/jwt/is-signed",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if not is_token_request(request) or answer.status != 200:
            return answer
        head = base64.urlsafe_b64encode(json.dumps({"alg": "none", "typ": "at+jwt"}).encode()).rstrip(b"=").decode()

        def unsign(document: dict[str, Any]) -> None:
            document["access_token"] = f"{head}.{document['access_token'].split('.')[1]}."

        return edited(answer, unsign)


class ErrorUriIsNoReference(Defect):
    """RFC 6749 section 5.2: the value of error_uri is a URI reference, without blanks."""

    surface = "identity"
    noticed_by = (
        "oauth/errors/refusal-is-a-json-error-document#no-client",
        "oauth/errors/refusal-is-a-json-error-document#no-equals-sign",
        "oauth/errors/refusal-is-a-json-error-document#non-ascii-grant-type",
        "oauth/errors/refusal-is-a-json-error-document#odd-client",
        "oauth/errors/refusal-is-a-json-error-document#quotes-in-grant-type",
        "oauth/errors/refusal-is-a-json-error-document#unknown-client",
        "oauth/errors/refusal-is-a-json-error-document#unknown-grant-type",
        "oauth/errors/refusal-is-a-json-error-document#unknown-scope-malformed",
        "oauth/errors/refusal-is-a-json-error-document#wrong-secret",
    )

    def oauth_error(
        self, original: Callable[[int, str, str], Answer], status: int, error: str, description: str
    ) -> Answer:
        answer = original(status, error, description)
        return edited(answer, lambda document: document.update(error_uri="see the page on errors"))


class TokensOf128Bits(Defect):
    """RFC 6749 section 10.10: tokens are guessed with a probability of 2^-160 at most, where that can be."""

    surface = "identity"
    noticed_by = ("oauth/tokens/have-room-for-160-bits",)

    def __init__(self) -> None:
        self.issued: dict[str, Any] = {}

    def make_access_token(self, original: Callable[[Any], str], claims: Any) -> str:
        token = f"nx_{secrets.token_urlsafe(16)}"
        self.issued[token] = claims
        return token

    def read_access_token(self, original: Callable[[str], Any], token: str) -> Any:
        return self.issued.get(token)


class CodedTokenRequestCrashes(Defect):
    """The contract's table of errors: 5xx is for the service's own faults; a body in a coding is the caller's."""

    surface = "identity"
    noticed_by = (
        "oauth/token/content-coding-is-no-server-error#gzip-cut-off",
        "oauth/token/content-coding-is-no-server-error#unknown",
    )

    def intercept(self, request: Request) -> Answer | None:
        return _failed() if is_token_request(request) and "content-encoding" in request.headers else None


class OptionsOfAnItemFails(Defect):
    """The contract's table of errors: 5xx is for faults of the platform; asking for methods is none."""

    surface = "identity"
    noticed_by = ("errors/5xx/nothing-fails-again-and-again",)

    def intercept(self, request: Request) -> Answer | None:
        return _failed() if request.method == "OPTIONS" and "/projects/" in request.raw_path else None


class RoleLookedAtAfterwards(Defect):
    """The contract's table of errors: what is answered 403 was not done."""

    surface = "identity"
    noticed_by = ("authorization/matrix/lacking-role-is-403#delete", "authorization/matrix/lacking-role-is-403#update")

    async def api(self, original: Api, request: Request, segments: Segments) -> Answer:
        surface = surface_of(original)
        answer = await original(request, segments)
        if answer.status != 403 or request.method == "GET":
            return answer
        caller = surface.caller(request)
        if caller.client.reads_only:
            permitted = dataclasses.replace(caller.client, reads_only=False)
            organization = surface.visible_organization(caller, segments[3])
            slug = segments[5] if len(segments) > 5 else None
            operation = getattr(surface, f"{request.method.lower()}_{surface.route(segments)}")
            await operation(Call(request, dataclasses.replace(caller, client=permitted), organization, slug))
        return answer
