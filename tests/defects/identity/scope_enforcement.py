"""Defects of scope enforcement.

They break these promises:

- A bearer token grants what its scope permits.
- A token without the required scope or role is answered 403.
"""

from __future__ import annotations

import asyncio
import dataclasses
from dataclasses import replace
from typing import Any

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.identity import Identity
from conformance.reference.identity.bearer import Caller
from conformance.reference.identity.organization_api import Call, Segments
from conformance.reference.identity.records import Organization, Project
from conformance.reference.identity.state import Refused
from conformance.reference.one_method import defect, row
from conformance.reference.seeds import ORGANIZATION
from conformance.reference.support.identity import PAUSE_S, is_api_request, surface_of
from tests.defects.support.identity import _RefusedButDone, body_document

ROWS = (
    row(
        "two-blanks-are-none",
        "RFC 6750 section 2.1: two blanks before the token are refused.",
        "authorization/bearer/repeated-spaces-are-accepted",
        chosen_authorization=lambda original, authorization: original(authorization).replace("  ", " \t"),
    ),
    row(
        "service-policy-ignored",
        "API Reference, Permissions: permissions ignore the service policy.",
        "authorization/matrix/service-policy-is-403",
        policy_permits=lambda original, caller, route: True,
    ),
)


@defect(
    "authorization/bearer/authorization-field-is-accepted", "interoperability/identity/curl-bearer-token", state=set
)
def new_token_not_yet_known(known: set[str], request: Request) -> Answer | None:
    """API Reference, Authentication: the first request with a new token is answered 401."""
    token = request.headers.get("authorization") or ""
    if not is_api_request(request) or token in known:
        return None
    known.add(token)
    return Answer.json(401, {"error": {"code": "unauthorized", "message": "The token is not known."}})


@defect("authorization/bearer/head-is-as-get")
def head_is_of_another_type(request: Request, answer: Answer) -> Answer:
    """RFC 9110 section 9.3.2: HEAD states another type than GET."""
    if is_api_request(request) and request.method == "HEAD":
        answer.headers["Content-Type"] = "text/html"
    return answer


@defect("authorization/bearer/head-is-offered")
def head_is_not_allowed(request: Request) -> Answer | None:
    """RFC 9110 section 9.1: HEAD is answered 405."""
    refused = is_api_request(request) and request.method == "HEAD"
    return Answer(405) if refused else None


@defect("authorization/bearer/scheme-is-compared-without-case#lower,upper")
def bearer_scheme_compared_with_case(bearer_token: Any, request: Request) -> str:
    """RFC 9110 section 11.1: the scheme Bearer is compared with case."""
    if not request.headers.get("authorization", "Bearer ").startswith("Bearer "):
        raise Refused(surface_of(bearer_token).unauthorized("invalid_token"))
    return bearer_token(request)


@defect("authorization/bearer/any-client-may-present-a-token", state=dict)
def token_is_of_one_program(agents: dict[str, str], caller: Any, request: Request) -> Caller:
    """RFC 6750 section 1.2: a token works only for the User-Agent that used it first."""
    found = caller(request)
    agent = request.headers.get("user-agent", "")
    if agents.setdefault(request.headers["authorization"], agent) != agent:
        raise Refused(surface_of(caller).unauthorized("invalid_token"))
    return found


@defect("authorization/matrix/lacking-scope-is-403#head")
async def head_needs_no_scope(api: Any, request: Request, segments: Segments) -> Answer:
    """RFC 9110 section 9.3.2: HEAD needs no scope."""
    if request.method != "HEAD":
        return await api(request, segments)
    surface_of(api).caller(request)
    return Answer.json(200, {})


class CallerOfLatestRequest(Defect):
    """API Reference, Error Handling: a request is decided by the token of a concurrent one."""

    noticed_by = ("authorization/concurrency/request-is-decided-by-its-token",)

    async def api(self, original: Any, request: Request, segments: Segments) -> Answer:
        surface = surface_of(original)
        self.latest = surface.caller(request)
        await asyncio.sleep(PAUSE_S)
        latest = self.latest
        surface.__dict__["caller"] = lambda _: latest
        try:
            return await original(request, segments)
        finally:
            surface.__dict__.pop("caller", None)


@defect("authorization/matrix/undeclared-methods-are-protected#put-to-an-absent-item")
async def put_makes_what_is_not_there(api: Any, request: Request, segments: Segments) -> Answer:
    """OWASP API5: an undocumented PUT creates a project, even with a scope to read."""
    surface = surface_of(api)
    if request.method != "PUT" or surface.route(segments) != "project":
        return await api(request, segments)
    organization = surface.visible_organization(surface.caller(request), segments[3])
    if surface.find_project(organization, segments[5]) or not surface.is_slug(segments[5]):
        return await api(request, segments)
    made = surface.new_project(organization, {"slug": segments[5], "name": "Made"})
    await surface.create_project(organization, made)
    return surface.shown(made, 201)


class RefusedMethodEmptiesItem(_RefusedButDone):
    """RFC 9110 section 15.5.6: a PUT answered 405 empties the description."""

    noticed_by = ("authorization/matrix/undeclared-methods-are-protected#foreign",)
    methods = frozenset({"PUT"})
    refusals = frozenset({405})

    def _do(self, surface: Identity, request: Request, found: Project | None) -> None:
        if found is not None:
            surface.apply(found, {"description": ""})


@defect("authorization/matrix/undeclared-methods-are-protected#propfind")
async def unknown_methods_read(api: Any, request: Request, segments: Segments) -> Answer:
    """Error Handling: a guard knows some methods only, and all others read without a token."""
    known = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
    if ORGANIZATION in segments and request.method not in known:
        return Answer.json(200, {"slug": ORGANIZATION})
    return await api(request, segments)


@defect("authorization/matrix/undeclared-methods-are-protected#lacking-scope,no-token")
async def options_serve_the_project(api: Any, request: Request, segments: Segments) -> Answer:
    """OWASP API5: OPTIONS returns the project without a token."""
    surface = surface_of(api)
    organization = surface.organizations.get(str(segments[3])) if len(segments) == 6 else None
    project = surface.find_project(organization, segments[5]) if organization else None
    if request.method == "OPTIONS" and project:
        return surface.shown(project)
    return await api(request, segments)


@defect("authorization/matrix/lacking-role-is-403#delete,update")
async def role_checked_afterwards(api: Any, request: Request, segments: Segments) -> Answer:
    """The contract's table of errors: a write answered 403 is done."""
    surface = surface_of(api)
    answer = await api(request, segments)
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


class RefusedCreationKeepsItsName(Defect):
    """The contract's table of errors: a creation answered 403 keeps its slug reserved."""

    noticed_by = ("authorization/matrix/lacking-role-is-403#create",)
    reserved: set[str] = set()

    def finish(self, original: Any, request: Request, answer: Answer) -> Answer:
        if is_api_request(request) and (request.method, answer.status) == ("POST", 403):
            self.reserved.add(str(body_document(request).get("slug")))
        return original(request, answer)

    async def create_project(self, original: Any, organization: Organization, project: Project) -> bool:
        return project.slug not in self.reserved and await original(organization, project)


class MethodOverrideHonoured(Defect):
    """API Reference, Permissions: a header field overrides the method, so a scope to read writes."""

    noticed_by = ("authorization/matrix/undeclared-methods-are-protected#x-http-method-override",)

    def require_scope(self, original: Any, caller: Caller, scope: str) -> None:
        if "overridden" not in caller.claims:
            original(caller, scope)

    async def api(self, original: Any, request: Request, segments: Segments) -> Answer:
        override = request.headers.get("x-http-method-override")
        return await original(dataclasses.replace(request, method=override) if override else request, segments)

    def caller(self, original: Any, request: Request) -> Caller:
        caller = original(request)
        if "x-http-method-override" in request.headers:
            return dataclasses.replace(caller, claims={**caller.claims, "overridden": True})
        return caller


@defect("authorization/matrix/undeclared-methods-are-protected#override-in-the-query")
async def method_in_query_honoured(api: Any, request: Request, segments: Segments) -> Answer:
    """API Reference, Permissions: the query overrides the method, so a scope to read writes."""
    meant = request.parameter("_method")
    if meant is None or surface_of(api).route(segments) != "project":
        return await api(request, segments)
    surface = surface_of(api)
    read = surface.caller(request)
    surface.require_scope(read, "project:read")
    surface.__dict__["caller"] = lambda _: replace(read, scopes=read.scopes | {"project:write"})
    try:
        return await api(replace(request, method=meant), segments)
    finally:
        surface.__dict__.pop("caller", None)


@defect("authorization/matrix/undeclared-methods-are-protected#override-in-a-form")
async def method_in_form_honoured(api: Any, request: Request, segments: Segments) -> Answer:
    """API Reference, Permissions: a form overrides the method, so a scope to read writes."""
    surface = surface_of(api)
    if request.body != b"_method=DELETE" or surface.route(segments) != "project":
        return await api(request, segments)
    caller = surface.caller(request)
    organization = surface.visible_organization(caller, segments[3])
    return await surface.delete_project(Call(request, caller, organization, segments[5]))


@defect("authorization/matrix/lacking-scope-is-403#conditional")
async def not_modified_before_scope(api: Any, request: Request, segments: Segments) -> Answer:
    """RFC 9110 section 13.2.1: a current copy is answered 304 before the scope is checked."""
    surface = surface_of(api)
    if "if-none-match" in request.headers and surface.route(segments) == "project":
        caller = surface.caller(request)
        organization = surface.visible_organization(caller, segments[3])
        project = surface.visible_project(caller, organization, segments[5])
        if not surface.if_none_match_holds(request, project):
            return Answer(304)
    return await api(request, segments)


@defect("authorization/matrix/no-token-is-401#conditional")
def date_compared_before_access(request: Request) -> Answer | None:
    """The contract's table of errors: If-Modified-Since is answered 304 before 401 for the missing token."""
    is_conditional = is_api_request(request) and "if-modified-since" in request.headers
    return Answer(304) if is_conditional and "authorization" not in request.headers else None


class ForeignItemNotModified(Defect):
    """RFC 9110 section 13.2.1: another organization's item is answered 304 before access is checked."""

    noticed_by = ("authorization/matrix/other-organization-is-refused#conditional",)
    path, tag = "", ""

    def visible_organization(self, original: Any, caller: Caller, slug: str | None) -> Organization:
        found = surface_of(original).organizations.get(slug or "")
        project = found.projects.get(self.path.rpartition("/")[2]) if found else None
        if project and project.etag == self.tag:
            raise Refused(Answer(304))
        return original(caller, slug)

    async def api(self, original: Any, request: Request, segments: tuple[str | None, ...]) -> Answer:
        self.path, self.tag = request.raw_path, request.headers.get("if-none-match", "")
        return await original(request, segments)
