"""Defects in how a call to the API is authenticated, and in the order of that and everything else."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Awaitable, Callable
from urllib.parse import parse_qs

from conformance.reference.defects.base import Defect
from conformance.reference.defects.identity.support import edited, is_api_request, surface_of
from conformance.reference.http import Answer, Request
from conformance.reference.identity.bearer import Caller
from conformance.reference.identity.organization_api import Segments
from conformance.reference.identity.state import Refused

Token = Callable[[Request], str]
Api = Callable[[Request, Segments], Awaitable[Answer]]


class TokenInQueryAccepted(Defect):
    """RFC 9700 section 4.3.2: access tokens MUST NOT be sent in the query of a URI."""

    surface = "identity"
    noticed_by = ("authorization/bearer/token-in-the-query-is-refused#access-token",)

    def bearer_token(self, original: Token, request: Request) -> str:
        return request.parameter("access_token") or original(request)

    def token_in_query(self, original: Callable[[Request], bool], request: Request) -> bool:
        return False


class TokenInBodyAccepted(Defect):
    """API Reference, Authentication: the token is sent in the Authorization header, not in a form body."""

    surface = "identity"
    noticed_by = ("authorization/bearer/token-in-a-form-is-refused#get",)

    def bearer_token(self, original: Token, request: Request) -> str:
        form = parse_qs(request.body.decode("latin-1"))
        return form["access_token"][0] if "access_token" in form else original(request)


class BearerSchemeComparedWithCase(Defect):
    """RFC 9110 section 11.1: the name of an authentication scheme is case-insensitive."""

    surface = "identity"
    noticed_by = (
        "authorization/bearer/scheme-is-compared-without-case#lower",
        "authorization/bearer/scheme-is-compared-without-case#upper",
    )

    def bearer_token(self, original: Token, request: Request) -> str:
        if not request.headers.get("authorization", "Bearer ").startswith("Bearer "):
            raise Refused(surface_of(original).unauthorized("invalid_token"))
        return original(request)


class AnySchemeAccepted(Defect):
    """RFC 6750 section 2.1: the scheme is Bearer and no other."""

    surface = "identity"
    noticed_by = (
        "authorization/bearer/malformed-field-is-refused#basic",
        "authorization/bearer/malformed-field-is-refused#colon",
        "authorization/bearer/malformed-field-is-refused#token-scheme",
    )

    def is_bearer(self, original: Callable[[str], bool], scheme: str) -> bool:
        return True


class BareTokenAccepted(Defect):
    """RFC 6750 section 2.1: the token follows the name of the scheme."""

    surface = "identity"
    noticed_by = ("authorization/bearer/malformed-field-is-refused#bare-token",)

    def chosen_authorization(self, original: Callable[[list[str]], str], authorization: list[str]) -> str:
        value = original(authorization)
        return value if " " in value else f"Bearer {value}"


class JunkAfterTokenAccepted(Defect):
    """RFC 6750 section 2.1: the credentials are one b64token and nothing behind it."""

    surface = "identity"
    noticed_by = (
        "authorization/bearer/malformed-field-is-refused#junk-behind",
        "authorization/bearer/malformed-field-is-refused#two-tokens",
    )

    def chosen_authorization(self, original: Callable[[list[str]], str], authorization: list[str]) -> str:
        return " ".join(original(authorization).split()[:2])


class FirstAuthorizationWins(Defect):
    """RFC 9110 section 5.3: Authorization is no list; a request with two of them is refused (the first counts)."""

    surface = "identity"
    noticed_by = ("authorization/bearer/two-fields-are-refused",)

    def chosen_authorization(self, original: Callable[[list[str]], str], authorization: list[str]) -> str:
        return authorization[0]


class MissingTokenIs403(Defect):
    """The contract's table of errors: 401 for a missing token."""

    surface = "identity"
    noticed_by = (
        "authorization/matrix/no-token-is-401#create",
        "authorization/matrix/no-token-is-401#delete",
        "authorization/matrix/no-token-is-401#read",
        "authorization/matrix/no-token-is-401#read-item",
        "authorization/matrix/no-token-is-401#update",
        "errors/table/401-missing-token",
    )

    def unauthorized(self, original: Callable[[str | None], Answer], error: str | None) -> Answer:
        answer = original(error)
        answer.status = answer.status if error else 403
        return answer


class BadTokenIs403(Defect):
    """The contract's table of errors: 401 for an invalid token."""

    surface = "identity"
    noticed_by = (
        "errors/table/401-invalid-token",
        "authorization/matrix/unknown-token-is-401#create",
        "authorization/matrix/unknown-token-is-401#delete",
        "authorization/matrix/unknown-token-is-401#read",
        "authorization/matrix/unknown-token-is-401#read-item",
        "authorization/matrix/unknown-token-is-401#update",
        "authorization/bearer/invalid-token-is-401#altered",
        "authorization/bearer/invalid-token-is-401#case-changed",
        "authorization/bearer/invalid-token-is-401#cut",
        "authorization/bearer/invalid-token-is-401#doubled",
        "authorization/bearer/invalid-token-is-401#extended",
        "authorization/bearer/invalid-token-is-401#first-cut",
        "authorization/bearer/invalid-token-is-401#many-dots",
        "authorization/bearer/invalid-token-is-401#null",
        "authorization/bearer/invalid-token-is-401#sql",
        "authorization/bearer/invalid-token-is-401#three-dots",
        "authorization/bearer/invalid-token-is-401#two-dots",
        "authorization/bearer/invalid-token-is-401#undefined",
        "authorization/bearer/invalid-token-is-401#unknown",
    )

    def unauthorized(self, original: Callable[[str | None], Answer], error: str | None) -> Answer:
        answer = original(error)
        answer.status = 403 if error else answer.status
        return answer


class ApiChallengeMissing(Defect):
    """RFC 6750 section 3: a 401 of a protected resource carries WWW-Authenticate."""

    surface = "identity"
    noticed_by = (
        "authorization/bearer/401-carries-a-bearer-challenge#no-token",
        "authorization/bearer/401-carries-a-bearer-challenge#of-the-whole-run",
    )

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if is_api_request(request) and answer.status == 401:
            del answer.headers["WWW-Authenticate"]
        return answer


class MissingTokenNamesError(Defect):
    """RFC 6750 section 3.1: where no token was sent the challenge SHOULD NOT name an error."""

    surface = "identity"
    noticed_by = ("authorization/bearer/no-token-names-no-error",)

    def unauthorized(self, original: Callable[[str | None], Answer], error: str | None) -> Answer:
        return original(error or "invalid_token")


class BadTokenNamesNoError(Defect):
    """RFC 6750 section 3.1: a bad token is error="invalid_token"."""

    surface = "identity"
    noticed_by = ("authorization/bearer/bad-token-is-invalid-token",)

    def unauthorized(self, original: Callable[[str | None], Answer], error: str | None) -> Answer:
        return original(None)


class LackingScopeNamesNoError(Defect):
    """RFC 6750 section 3.1: a token that lacks the scope is error="insufficient_scope"."""

    surface = "identity"
    noticed_by = ("authorization/bearer/lacking-scope-is-insufficient-scope",)

    def challenge(self, original: Callable[..., str], error: str | None, scope: str | None = None) -> str:
        return original(None if error == "insufficient_scope" else error)


class AbsenceToldToStrangers(Defect):
    """RFC 9110 section 15.5.2: 401 comes before 404; without a token nobody learns what exists."""

    surface = "identity"
    noticed_by = (
        "authorization/concealment/without-token-nothing-is-told#paths",
        "authorization/concealment/without-token-nothing-is-told#reads",
        "authorization/concealment/without-token-nothing-is-told#writes",
        "authorization/bearer/401-comes-first#absent",
        "authorization/bearer/401-comes-first#method",
    )

    async def api(self, original: Api, request: Request, segments: Segments) -> Answer:
        surface = surface_of(original)
        known = segments[3:4] and segments[3] in surface.organizations
        if "authorization" not in request.headers and not known:
            return surface.not_found()
        return await original(request, segments)


class BodyRefusedBeforeToken(Defect):
    """RFC 9110 section 15.5.2: 401 comes before 400 for the body."""

    surface = "identity"
    noticed_by = ("authorization/bearer/401-comes-first#body", "authorization/bearer/401-comes-first#media-type")

    async def api(self, original: Api, request: Request, segments: Segments) -> Answer:
        if request.method in ("POST", "PATCH"):
            surface_of(original).body_object(request)
        return await original(request, segments)


class ProjectLookedUpBeforeScope(Defect):
    """The contract's table of errors: 403 for a lacking scope does not depend on what exists."""

    surface = "identity"
    noticed_by = (
        "authorization/concealment/without-scope-nothing-is-told#paths",
        "authorization/concealment/without-scope-nothing-is-told#reads",
        "authorization/concealment/without-scope-nothing-is-told#writes",
        "authorization/matrix/lacking-scope-comes-before-absence",
    )

    async def api(self, original: Api, request: Request, segments: Segments) -> Answer:
        surface = surface_of(original)
        if len(segments) == 6 and surface.route(segments) == "project":
            organization = surface.visible_organization(surface.caller(request), segments[3])
            if surface.find_project(organization, segments[5]) is None:
                return surface.not_found()
        return await original(request, segments)


class HeadNeedsNoScope(Defect):
    """RFC 9110 section 9.3.2: HEAD is GET without the body, and needs what GET needs."""

    surface = "identity"
    noticed_by = ("authorization/matrix/head-needs-what-get-needs#lacking-scope",)

    async def api(self, original: Api, request: Request, segments: Segments) -> Answer:
        if request.method != "HEAD":
            return await original(request, segments)
        surface_of(original).caller(request)
        return Answer.json(200, {})


class MethodOverrideHonoured(Defect):
    """API Reference, Permissions: a scope to read does not write, whatever header asks for another method."""

    surface = "identity"
    noticed_by = ("authorization/matrix/method-override-is-ignored#x-http-method-override",)

    def require_scope(self, original: Callable[[Caller, str], None], caller: Caller, scope: str) -> None:
        if "overridden" not in caller.claims:
            original(caller, scope)

    async def api(self, original: Api, request: Request, segments: Segments) -> Answer:
        override = request.headers.get("x-http-method-override")
        return await original(dataclasses.replace(request, method=override) if override else request, segments)

    def caller(self, original: Callable[[Request], Caller], request: Request) -> Caller:
        caller = original(request)
        if "x-http-method-override" in request.headers:
            return dataclasses.replace(caller, claims={**caller.claims, "overridden": True})
        return caller


class IdentityHeaderTrusted(Defect):
    """API Reference, Authentication: who calls is told by the token, never by a header such as X-Client-Id."""

    surface = "identity"
    noticed_by = (
        "authorization/isolation/forwarded-headers-open-nothing#client",
        "authorization/isolation/forwarded-headers-open-nothing#organization",
    )

    def caller(self, original: Callable[[Request], Caller], request: Request) -> Caller:
        caller = original(request)
        named = ("x-client-id", "x-user-id", "x-organization-id", "x-org-id", "x-forwarded-user")
        values = {request.headers[name] for name in named if name in request.headers}
        for client in surface_of(original).seeds.clients:
            if client.client_id in values or client.organization in values:
                return dataclasses.replace(caller, client=client)
        return caller


class TokenEchoedInError(Defect):
    """OWASP API8: an error never repeats the token."""

    surface = "identity"
    noticed_by = ("errors/shape/repeats-no-token#invalid-token", "errors/shape/repeats-no-token#lacking-scope")

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if not is_api_request(request) or answer.status not in (401, 403):
            return answer
        sent = json.dumps(request.headers.get("authorization", ""))
        return edited(answer, lambda document: document["error"].update(message=f"refused: {sent}"))
