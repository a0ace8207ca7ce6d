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
from conformance.reference.one_method import defect
from conformance.reference.seeds import Client
from conformance.reference.storage.faults import Fault
from conformance.reference.support.identity import is_api_request, service_error, surface_of


@defect(
    "authorization/matrix/needed-scope-opens#create,delete,read,read-item,update", promise="AC-01", surface="identity"
)
def needed_scope_refused(has_scope: Callable[[Caller, str], bool], caller: Caller, scope: str) -> bool:
    """A token with the documented scope is refused because an undocumented second scope is missing."""
    return has_scope(caller, scope) and has_scope(caller, "organization:read")


@defect("authorization/bearer/malformed-field-is-refused#basic,colon,token-scheme", promise="AC-02", surface="identity")
def any_scheme_accepted(is_bearer: Callable[[str], bool], scheme: str) -> bool:
    """A token is accepted under any authentication scheme, not only Bearer."""
    return True


@defect(
    "authorization/bearer/401-carries-a-bearer-challenge#no-token,of-the-whole-run", promise="AC-03", surface="identity"
)
def api_challenge_missing(request: Request, answer: Answer) -> Answer:
    """A 401 response has no WWW-Authenticate field."""
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


@defect(
    "authorization/matrix/lacking-scope-is-403#create,delete,read,read-item,update",
    "errors/403/lacking-scope",
    promise="AC-05",
    surface="identity",
)
def any_scope_opens_everything(has_scope: Callable[[Caller, str], bool], caller: Caller, scope: str) -> bool:
    """Any valid token opens every operation, whatever its scopes are."""
    return True


@defect(
    "authorization/isolation/requests-reach-no-other-organization#header-organization",
    promise="AC-06",
    surface="identity",
)
async def organization_from_header(
    api: Callable[[Request, Segments], Awaitable[Answer]], request: Request, segments: Segments
) -> Answer:
    """A request header selects the organization, so a token opens the data of another one."""
    answer = await api(request, segments)
    named = surface_of(api).organizations.get(request.headers.get("x-tenant-id", ""))
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


@defect(
    "authorization/concealment/hidden-is-not-shown",
    "authorization/concealment/membership-decides-visibility#outsider",
    promise="AC-08",
    surface="identity",
)
def hidden_project_readable(can_see: Callable[[Caller, Project], bool], caller: Caller, project: Project) -> bool:
    """A project that is hidden from a client can still be read by its path."""
    return True


@defect(
    "authorization/matrix/absent-is-404#delete,read-item,update,declared-path",
    "errors/404/absent-resource#item,path",
    "errors/400/invalid-path-or-parameter#path-proto,path-only-hyphens,path-upper-case",
    promise="AC-09",
    surface="identity",
)
def absent_is_gone(request: Request, answer: Answer) -> Answer:
    """A resource that does not exist is answered 410 instead of 404."""
    if answer.status == 404:
        answer.status = 410
    return answer


@defect("errors/400/other-media-type#form,text", promise="ER-01", surface="identity")
def api_content_type_ignored(is_json: Callable[[Request], bool], request: Request) -> bool:
    """A body is accepted although its Content-Type is not JSON."""
    return True


@defect("errors/409/duplicate-slug#concurrent", promise="ER-02", surface="identity")
async def creation_race(
    create_project: Callable[[Organization, Project], Awaitable[bool]], organization: Organization, project: Project
) -> bool:
    """Two concurrent creations of the same slug both succeed."""
    if project.slug in organization.projects:
        return False
    await asyncio.sleep(0.03)
    organization.projects[project.slug] = project
    return True


@defect("errors/409/stale-version#deletion", promise="ER-03", surface="identity")
def if_match_ignored_on_delete(
    if_match_holds: Callable[[Request, Project], bool], request: Request, project: Project
) -> bool:
    """A deletion ignores If-Match and removes a newer version of the resource."""
    return request.method == "DELETE" or if_match_holds(request, project)


@defect("errors/429/above-the-limit#token-requests", promise="ER-04", surface="identity")
def limit_not_enforced(
    seconds_until_allowed: Callable[[Client, int, float], float], client: Client, requests: int, seconds: float
) -> float:
    """The documented rate limit is not enforced."""
    return 0.0


@defect("errors/5xx/no-input-is-a-server-error#non-ascii", promise="ER-05", surface="identity")
def unusual_header_crashes(request: Request) -> Answer | None:
    """A header field with text outside ASCII is answered 500."""
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


@defect("errors/shape/no-internals#page-400", promise="ER-11", surface="identity")
def browser_shown_stack_trace(request: Request, answer: Answer) -> Answer:
    """An error response to a browser shows a stack trace."""
    if is_api_request(request) and answer.status >= 400 and "text/html" in request.headers.get("accept", ""):
        answer.headers["Content-Type"] = "text/html"
        answer.body = b'<pre>Traceback (most recent call last):\n  File "/srv/app/views.py", line 10, in get</pre>'
    return answer


@defect("errors/lists/complete-and-current#pages", promise="ER-09", surface="identity")
def list_ends_with_its_first_page(
    listing: Callable[[Request, list[dict[str, Any]]], Answer], request: Request, entries: list[dict[str, Any]]
) -> Answer:
    """A list states that it is complete after its first page."""
    return Answer.json(200, {"items": entries[:7], "next": None})


@defect("errors/reads/304-only-if-unchanged", promise="ER-10", surface="identity")
def anything_is_not_modified(
    if_none_match_holds: Callable[[Request, Project], bool], request: Request, project: Project
) -> bool:
    """A conditional read is answered 304 although the resource has changed."""
    return if_none_match_holds(request, project) and (request.method != "GET" or "if-none-match" not in request.headers)


@defect("storage/errors/405-has-allow", promise="HT-01", surface="storage")
def refused_methods_not_named(method_refused: Any, table: Any, subresources: set[str]) -> Fault:
    """A 405 response has no Allow field."""
    return Fault("MethodNotAllowed")


@defect("errors/shape/one-shape#all", promise="ER-08", surface="identity")
def conflict_has_own_shape(conflict: Callable[[str], Answer], message: str) -> Answer:
    """A 409 response has another shape than all other error responses."""
    return Answer.json(409, {"message": message, "statusCode": 409})


@defect("errors/writes/affect-only-the-named-item#sequential", promise="ER-12", surface="identity")
async def deletion_reaches_longer_names(
    remove_project: Callable[..., Awaitable[bool]],
    organization: Organization,
    project: Project,
    still_holds: Callable[[], bool],
) -> bool:
    """Deleting a resource also deletes those whose slugs begin with its slug."""
    removed = await remove_project(organization, project, still_holds)
    for slug in [each for each in organization.projects if removed and each.startswith(project.slug)]:
        del organization.projects[slug]
    return removed
