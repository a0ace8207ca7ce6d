"""One defect for each promise on the organization APIs, and on HTTP in general."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.identity.bearer import Caller
from conformance.reference.identity.organization_api import Segments
from conformance.reference.identity.records import Organization, Project
from conformance.reference.seeds import Client
from conformance.reference.storage.faults import Fault
from conformance.reference.support.identity import is_api_request, service_error, surface_of


class NeededScopeRefused(Defect):
    """A token with the documented scope is refused because an undocumented second scope is missing."""

    surface = "identity"
    promise = "AC-01"
    noticed_by = ("authorization/matrix/needed-scope-opens#create,delete,read,read-item,update",)

    def has_scope(self, original: Callable[[Caller, str], bool], caller: Caller, scope: str) -> bool:
        return original(caller, scope) and original(caller, "organization:read")


class AnySchemeAccepted(Defect):
    """A token is accepted under any authentication scheme, not only Bearer."""

    surface = "identity"
    promise = "AC-02"
    noticed_by = ("authorization/bearer/malformed-field-is-refused#basic,colon,token-scheme",)

    def is_bearer(self, original: Callable[[str], bool], scheme: str) -> bool:
        return True


class ApiChallengeMissing(Defect):
    """A 401 response has no WWW-Authenticate field."""

    surface = "identity"
    promise = "AC-03"
    noticed_by = ("authorization/bearer/401-carries-a-bearer-challenge#no-token,of-the-whole-run",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if is_api_request(request) and answer.status == 401:
            del answer.headers["WWW-Authenticate"]
        return answer


class TokenInQueryAccepted(Defect):
    """An access token in the query string of a URL is accepted."""

    surface = "identity"
    promise = "AC-04"
    noticed_by = ("authorization/bearer/token-in-the-query-is-refused#access-token",)

    def bearer_token(self, original: Callable[[Request], str], request: Request) -> str:
        return request.parameter("access_token") or original(request)

    def token_in_query(self, original: Callable[[Request], bool], request: Request) -> bool:
        return False


class AnyScopeOpensEverything(Defect):
    """Any valid token opens every operation, whatever its scopes are."""

    surface = "identity"
    promise = "AC-05"
    noticed_by = (
        "authorization/matrix/lacking-scope-is-403#create,delete,read,read-item,update",
        "errors/403/lacking-scope",
    )

    def has_scope(self, original: Callable[[Caller, str], bool], caller: Caller, scope: str) -> bool:
        return True


class OrganizationFromHeader(Defect):
    """A request header selects the organization, so a token opens the data of another one."""

    surface = "identity"
    promise = "AC-06"
    noticed_by = ("authorization/isolation/requests-reach-no-other-organization#header-organization",)

    async def api(
        self, original: Callable[[Request, Segments], Awaitable[Answer]], request: Request, segments: Segments
    ) -> Answer:
        answer = await original(request, segments)
        named = surface_of(original).organizations.get(request.headers.get("x-tenant-id", ""))
        if answer.status == 200 and named and len(segments) == 4 and request.method == "GET":
            return Answer.json(200, named.document())
        return answer


class MembersMayWrite(Defect):
    """Membership of a project allows writing to a client whose role permits only reading."""

    surface = "identity"
    promise = "AC-07"
    noticed_by = ("authorization/permissions/membership-grants-no-right",)
    named: tuple[str | None, ...] = ()

    async def api(self, original: Callable[..., Awaitable[Answer]], request: Request, segments: Any) -> Answer:
        self.named = segments
        return await original(request, segments)

    def role_permits(self, original: Callable[[Caller, str], bool], caller: Caller, method: str) -> bool:
        organization = surface_of(original).organizations.get(caller.client.organization)
        project = organization.projects.get(str(self.named[-1])) if organization else None
        return original(caller, method) or (project is not None and caller.client.client_id in project.members)


class HiddenProjectReadable(Defect):
    """A project that is hidden from a client can still be read by its path."""

    surface = "identity"
    promise = "AC-08"
    noticed_by = (
        "authorization/concealment/hidden-is-not-shown",
        "authorization/concealment/membership-decides-visibility#outsider",
    )

    def can_see(self, original: Callable[[Caller, Project], bool], caller: Caller, project: Project) -> bool:
        return True


class AbsentIsGone(Defect):
    """A resource that does not exist is answered 410 instead of 404."""

    surface = "identity"
    promise = "AC-09"
    noticed_by = (
        "authorization/matrix/absent-is-404#delete,read-item,update,declared-path",
        "errors/404/absent-resource#item,path",
        "errors/400/invalid-path-or-parameter#path-proto,path-only-hyphens,path-upper-case,path-very-long",
    )

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if answer.status == 404:
            answer.status = 410
        return answer


class ApiContentTypeIgnored(Defect):
    """A body is accepted although its Content-Type is not JSON."""

    surface = "identity"
    promise = "ER-01"
    noticed_by = ("errors/400/other-media-type#form,text",)

    def is_json(self, original: Callable[[Request], bool], request: Request) -> bool:
        return True


class CreationRace(Defect):
    """Two concurrent creations of the same slug both succeed."""

    surface = "identity"
    promise = "ER-02"
    noticed_by = ("errors/409/duplicate-slug#concurrent",)

    async def create_project(
        self, original: Callable[[Organization, Project], Awaitable[bool]], organization: Organization, project: Project
    ) -> bool:
        if project.slug in organization.projects:
            return False
        await asyncio.sleep(0.03)
        organization.projects[project.slug] = project
        return True


class IfMatchIgnoredOnDelete(Defect):
    """A deletion ignores If-Match and removes a newer version of the resource."""

    surface = "identity"
    promise = "ER-03"
    noticed_by = ("errors/409/stale-version#deletion",)

    def if_match_holds(self, original: Callable[[Request, Project], bool], request: Request, project: Project) -> bool:
        return request.method == "DELETE" or original(request, project)


class LimitNotEnforced(Defect):
    """The documented rate limit is not enforced."""

    surface = "identity"
    promise = "ER-04"
    noticed_by = ("errors/429/above-the-limit#token-requests",)

    def seconds_until_allowed(
        self, original: Callable[[Client, int, float], float], client: Client, requests: int, seconds: float
    ) -> float:
        return 0.0


class OddHeaderCrashes(Defect):
    """A header field with text outside ASCII is answered 500."""

    surface = "identity"
    promise = "ER-05"
    noticed_by = ("errors/5xx/no-input-is-a-server-error#non-ascii",)

    def intercept(self, request: Request) -> Answer | None:
        return service_error() if any(not value.isascii() for value in request.headers.values()) else None


class OneInTwentyFails(Defect):
    """One of twenty valid requests is answered 503."""

    surface = "identity"
    promise = "ER-06"
    noticed_by = ("errors/5xx/valid-requests-never-fail#reads",)

    def __init__(self) -> None:
        self.requests = 0

    def intercept(self, request: Request) -> Answer | None:
        self.requests += is_api_request(request)
        fails = is_api_request(request) and self.requests % 20 == 0
        return Answer(503, b"upstream connect error or disconnect/reset before headers") if fails else None


class BrowserShownStackTrace(Defect):
    """An error response to a browser shows a stack trace."""

    surface = "identity"
    promise = "ER-11"
    noticed_by = ("errors/shape/no-internals#page-400",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if is_api_request(request) and answer.status >= 400 and "text/html" in request.headers.get("accept", ""):
            answer.headers["Content-Type"] = "text/html"
            answer.body = b'<pre>Traceback (most recent call last):\n  File "/srv/app/views.py", line 10, in get</pre>'
        return answer


class ListEndsWithItsFirstPage(Defect):
    """A list states that it is complete after its first page."""

    surface = "identity"
    promise = "ER-09"
    noticed_by = ("errors/lists/complete-and-current#pages",)

    def listing(
        self,
        original: Callable[[Request, list[dict[str, Any]]], Answer],
        request: Request,
        entries: list[dict[str, Any]],
    ) -> Answer:
        return Answer.json(200, {"items": entries[:7], "next": None})


class AnythingIsNotModified(Defect):
    """A conditional read is answered 304 although the resource has changed."""

    surface = "identity"
    promise = "ER-10"
    noticed_by = ("errors/reads/304-only-if-unchanged",)

    def if_none_match_holds(
        self, original: Callable[[Request, Project], bool], request: Request, project: Project
    ) -> bool:
        return original(request, project) and (request.method != "GET" or "if-none-match" not in request.headers)


class RefusedMethodsNotNamed(Defect):
    """A 405 response has no Allow field."""

    surface = "storage"
    promise = "HT-01"
    noticed_by = ("storage/errors/405-has-allow",)

    def method_refused(self, original: Any, table: Any, asked: set[str]) -> Fault:
        return Fault("MethodNotAllowed")


class ConflictHasOwnShape(Defect):
    """A 409 response has another shape than all other error responses."""

    surface = "identity"
    promise = "ER-08"
    noticed_by = ("errors/shape/one-shape#all",)

    def conflict(self, original: Callable[[str], Answer], message: str) -> Answer:
        return Answer.json(409, {"message": message, "statusCode": 409})


class DeletionReachesLongerNames(Defect):
    """Deleting a resource also deletes those whose slugs begin with its slug."""

    surface = "identity"
    promise = "ER-12"
    noticed_by = ("errors/writes/affect-only-what-they-name#sequential",)

    async def remove_project(
        self,
        original: Callable[..., Awaitable[bool]],
        organization: Organization,
        project: Project,
        still_holds: Callable[[], bool],
    ) -> bool:
        removed = await original(organization, project, still_holds)
        for slug in [each for each in organization.projects if removed and each.startswith(project.slug)]:
            del organization.projects[slug]
        return removed
