"""Defects that leave a way round: by a method, a path, a scope or a lock that nobody thought of."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import jwt

from conformance.reference.defects.base import Defect
from conformance.reference.defects.identity.support import surface_of
from conformance.reference.http import Answer, Request
from conformance.reference.identity.access_tokens import AUDIENCE, ISSUER
from conformance.reference.identity.bearer import Caller
from conformance.reference.identity.organization_api import Call, Segments
from conformance.reference.identity.records import Organization
from conformance.reference.identity.state import Refused
from conformance.reference.identity.wire import path_segments
from conformance.reference.seeds import SCOPES, Client

Claims = dict[str, Any]
Api = Callable[[Request, Segments], Awaitable[Answer]]
Dispatch = Callable[[Request], Awaitable[Answer]]
Granted = Callable[[Client, str | None], tuple[str, ...]]


class OptionsServeTheProject(Defect):
    """OWASP API5: a method that nobody thought of does not show what GET would protect."""

    surface = "identity"
    noticed_by = (
        "authorization/matrix/another-method-is-no-way-in#lacking-scope",
        "authorization/matrix/another-method-is-no-way-in#no-token",
    )

    async def api(self, original: Api, request: Request, segments: Segments) -> Answer:
        surface = surface_of(original)
        organization = surface.organizations.get(str(segments[3])) if len(segments) == 6 else None
        project = surface.find_project(organization, segments[5]) if organization else None
        if request.method == "OPTIONS" and project:
            return surface.shown(project)
        return await original(request, segments)


class DoubleSlashIsUnguarded(Defect):
    """OWASP API5: who may read is decided by what is read, not by how its path begins."""

    surface = "identity"
    noticed_by = (
        "authorization/isolation/path-tricks-open-nothing#double-slash",
        "authorization/isolation/path-tricks-open-nothing#inner-double-slash",
    )

    async def dispatch(self, original: Dispatch, request: Request) -> Answer:
        segments = path_segments(request.raw_path.replace("//", "/"))
        organization = surface_of(original).organizations.get(str(segments[-1]))
        if "//" in request.raw_path and request.method == "GET" and organization:
            return Answer.json(200, organization.document())
        return await original(request)


class DotsAndParameterAreUnguarded(Defect):
    """OWASP API5: nor by what a guard that knows no path parameters (RFC 3986 section 3.3) sees in it."""

    surface = "identity"
    noticed_by = ("authorization/isolation/path-tricks-open-nothing#dots-and-parameter",)
    marks = "..;/"

    async def dispatch(self, original: Dispatch, request: Request) -> Answer:
        slug = path_segments(request.raw_path.rstrip("."))[-1]
        organization = surface_of(original).organizations.get(str(slug))
        if self.marks in request.raw_path and request.method == "GET" and organization:
            return Answer.json(200, organization.document())
        return await original(request)


class DotsEncodedTwiceAreUnguarded(DotsAndParameterAreUnguarded):
    """OWASP API5: nor by a path that is decoded once more behind the guard."""

    noticed_by = ("authorization/isolation/path-tricks-open-nothing#dots-encoded-twice",)
    marks = "%252e%252e/"


class DotBehindIsUnguarded(DotsAndParameterAreUnguarded):
    """OWASP API5: nor by a name with a dot behind it, which a file system takes for the name."""

    noticed_by = ("authorization/isolation/path-tricks-open-nothing#dot-behind",)
    marks = "acme."


class _SubrequestFieldSkipsGuard(Defect):
    """API Reference, Authentication: who calls is told by the token; no field says that a guard has looked already."""

    surface = "identity"
    fields: tuple[str, ...] = ("x-middleware-subrequest",)

    def caller(self, original: Callable[[Request], Caller], request: Request) -> Caller:
        if any(field in request.headers for field in self.fields):
            return Caller(surface_of(original).clients["ct-full"], frozenset(SCOPES), {})
        return original(request)


class InternalFieldSkipsGuard(_SubrequestFieldSkipsGuard):
    """API Reference, Authentication: nor that a call comes from within."""

    noticed_by = ("authorization/isolation/forwarded-headers-open-nothing#rights",)
    fields = ("x-internal", "x-internal-request", "x-real-ip")


class DotsBehindAnOpenPathAreUnguarded(DotsAndParameterAreUnguarded):
    """OWASP API5: nor by a path that begins as one which needs no token."""

    noticed_by = ("authorization/isolation/path-tricks-open-nothing#dots-behind-an-open-path",)
    marks = "/.well-known/../"


class PathOfAFieldServed(Defect):
    """OWASP API5: nor by the path that was asked for, where another in a field is the one that is served."""

    surface = "identity"
    noticed_by = ("authorization/isolation/forwarded-headers-open-nothing#path",)

    async def dispatch(self, original: Dispatch, request: Request) -> Answer:
        named = request.headers.get("x-original-url", "").rpartition("/")[2]
        organization = surface_of(original).organizations.get(named)
        if request.raw_path == "/" and organization:
            return Answer.json(200, organization.document())
        return await original(request)


class OpenPathInTheQueryIsOpen(DotsAndParameterAreUnguarded):
    """OWASP API5: nor by a path in its query which needs no token, that a guard finds in the address as a whole."""

    noticed_by = ("authorization/isolation/path-tricks-open-nothing#query",)

    async def dispatch(self, original: Dispatch, request: Request) -> Answer:
        organization = surface_of(original).organizations.get(request.raw_path.rpartition("/")[2])
        if "/.well-known/" in request.query_string and organization:
            return Answer.json(200, organization.document())
        return await original(request)


class BlankBehindTheSchemeOptional(Defect):
    """RFC 9110 section 11.4: a blank parts scheme and credentials; a field without one is of another scheme."""

    surface = "identity"
    noticed_by = ("authorization/bearer/malformed-field-is-refused#no-blank",)

    def chosen_authorization(self, original: Callable[[list[str]], str], authorization: list[str]) -> str:
        return re.sub("^[Bb]earer(?! )", "Bearer ", original(authorization))


class ForeignProjectToldFromAbsent(Defect):
    """The contract's table of errors: whether another's project exists is not told by 403 in place of 404."""

    surface = "identity"
    noticed_by = (
        "authorization/matrix/not-yours-is-as-never-existed#delete",
        "authorization/matrix/not-yours-is-as-never-existed#read-item",
        "authorization/matrix/not-yours-is-as-never-existed#update",
    )

    async def api(self, original: Api, request: Request, segments: Segments) -> Answer:
        surface = surface_of(original)
        organization = surface.organizations.get(str(segments[3])) if len(segments) == 6 else None
        try:
            return await original(request, segments)
        except Refused as refusal:
            exists = organization and surface.find_project(organization, segments[5])
            if exists and organization and not surface.belongs_to(surface.caller(request), organization):
                refusal.answer.status = 403
            raise


class ForeignTokenCalledInvalid(Defect):
    """RFC 6750 section 3.1: a good token that may not do this is not called an invalid one."""

    surface = "identity"
    noticed_by = ("authorization/isolation/token-opens-nothing-of-another-organization",)

    def organization_hidden(
        self, original: Callable[[Organization | None], Answer], organization: Organization | None
    ) -> Answer:
        return surface_of(original).unauthorized("invalid_token")


class ChunkedTokenRequestRefused(Defect):
    """RFC 9112 section 7.1: a recipient must be able to parse the chunked transfer coding."""

    surface = "identity"
    noticed_by = ("oauth/token/chunked-body-is-read",)

    async def token(self, original: Dispatch, request: Request) -> Answer:
        if "chunked" in request.headers.get("transfer-encoding", ""):
            return surface_of(original).oauth_error(400, "invalid_request", "the body has no length")
        return await original(request)


class ChunkedTokenRequestAnsweredEmpty(Defect):
    """RFC 6749 section 5.1: a successful answer to a form in chunks carries a token, as to any other."""

    surface = "identity"
    noticed_by = ("oauth/token/chunked-body-is-read",)

    async def token(self, original: Dispatch, request: Request) -> Answer:
        return Answer(200) if "transfer-encoding" in request.headers else await original(request)


class QueryAnsweredWithoutToken(Defect):
    """RFC 6749 section 5.1: a successful answer at an address with a query carries a token, as at any other."""

    surface = "identity"
    noticed_by = ("oauth/token/query-breaks-nothing",)

    async def token(self, original: Dispatch, request: Request) -> Answer:
        return Answer.json(200, {}) if request.query_string else await original(request)


class FailuresLockEverybodyOut(Defect):
    """OWASP API4: wrong secrets of one client, which anybody can send, take no other client its service."""

    surface = "identity"
    noticed_by = ("oauth/client/failures-lock-out-nobody-else",)

    def __init__(self) -> None:
        self.failures = 0

    def authenticated_client(
        self, original: Callable[[Request, dict[str, str]], Client], request: Request, form: dict[str, str]
    ) -> Client:
        if self.failures >= 10:
            raise Refused(surface_of(original).client_refused("locked"))
        try:
            return original(request, form)
        except Refused:
            self.failures += 1
            raise


class WildcardScopeWidens(Defect):
    """RFC 6749 section 3.3: a scope is a name; none stands for others, least of all for those one lacks."""

    surface = "identity"
    noticed_by = (
        "oauth/scope/tricks-never-widen#everything",
        "oauth/scope/tricks-never-widen#prefix-star",
        "oauth/scope/tricks-never-widen#star",
    )

    def granted_scopes(self, original: Granted, client: Client, asked: str | None) -> tuple[str, ...]:
        return SCOPES if asked and "*" in asked else original(client, asked)


class ScopesBehindACommaUnchecked(Defect):
    """RFC 6749 section 3.3: what follows a comma is part of the name, and is checked with it."""

    surface = "identity"
    noticed_by = ("oauth/scope/tricks-never-widen#comma",)

    def granted_scopes(self, original: Granted, client: Client, asked: str | None) -> tuple[str, ...]:
        first, *others = (asked or "").split(",")
        return (*original(client, first), *others) if others else original(client, asked)


class TypeIsPlainJwt(Defect):
    """RFC 9068 section 2.1: an access token says that it is one, by the type at+jwt."""

    surface = "identity"
    noticed_by = ("oauth/jwt/type-is-at-jwt",)

    def make_access_token(self, original: Callable[[Claims], str], claims: Claims) -> str:
        return surface_of(original).key.sign(claims, typ="JWT")

    def read_access_token(self, original: Callable[[str], Claims | None], token: str) -> Claims | None:
        try:
            return surface_of(original).key.verify(token, AUDIENCE, ISSUER)
        except (jwt.PyJWTError, ValueError, RecursionError):
            return None


class ScopeClaimOfAnotherName(Defect):
    """RFC 9068 section 2.2.3: the scopes are in the claim scope, where every verifier looks for them."""

    surface = "identity"
    noticed_by = ("oauth/jwt/scope-claim-is-what-was-granted", "oauth/jwt/scope-claim-is-what-was-granted#by-basic")

    def access_token_claims(
        self, original: Callable[[Client, tuple[str, ...]], Claims], client: Client, scopes: tuple[str, ...]
    ) -> Claims:
        claims = original(client, scopes)
        return {"scp" if name == "scope" else name: value for name, value in claims.items()}

    def scopes_in(self, original: Callable[[Claims], frozenset[str]], claims: Claims) -> frozenset[str]:
        return frozenset(str(claims.get("scp", "")).split())


class UpdateTakesTheNameOfAnother(Defect):
    """The contract's table of errors: a name that is taken stays its owner's, whoever is renamed."""

    surface = "identity"
    noticed_by = ("errors/writes/leave-everything-else-alone",)

    async def patch_project(self, original: Callable[[Call], Awaitable[Answer]], call: Call) -> Answer:
        surface, projects = surface_of(original), call.organization.projects
        project = surface.visible_project(call.caller, call.organization, call.slug)
        wanted = surface.body_object(call.request).get("slug", project.slug)
        if wanted not in projects or wanted == project.slug:
            return await original(call)
        projects[wanted] = projects.pop(project.slug)
        project.slug = wanted
        return surface.shown(project)


class ProjectsReadByTheirBeginning(Defect):
    """The contract's table of errors: 404 for what does not exist, though the name of something begins so."""

    surface = "identity"
    noticed_by = ("errors/writes/leave-everything-else-alone",)

    async def get_project(self, original: Callable[[Call], Awaitable[Answer]], call: Call) -> Answer:
        found = [each for each in call.organization.projects if call.slug and each.startswith(call.slug)]
        return await original(replace(call, slug=min(found, key=len)) if found else call)
