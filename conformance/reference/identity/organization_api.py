"""The organization API under ``/api/``. Order of decisions: 401, route, 403 scope, 404 visibility, 400, 409."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from conformance.reference.http import Answer, Request
from conformance.reference.identity.bearer import Caller
from conformance.reference.identity.projects import Projects
from conformance.reference.identity.records import Organization, Project
from conformance.reference.identity.state import Refused

SCOPES: dict[str, dict[str, str]] = {
    "organization": {"GET": "organization:read"},
    "members": {"GET": "member:read"},
    "projects": {"GET": "project:read", "POST": "project:write"},
    "project": {"GET": "project:read", "PATCH": "project:write", "DELETE": "project:write"},
}
# A whole run has some eighty items at once, and checks of lists read the first page.
DEFAULT_LIMIT, HIGHEST_LIMIT = 200, 200
NUMBER = re.compile(r"[0-9]{1,9}")
Segments = tuple[str | None, ...]


@dataclass(frozen=True)
class Call:
    """An authorized call: ``slug`` is the last segment of a project's path, else None."""

    request: Request
    caller: Caller
    organization: Organization
    slug: str | None = None


class OrganizationApi(Projects):
    """Organizations, members and projects as far as a caller may see them."""

    async def api(self, request: Request, segments: Segments) -> Answer:
        """Handle a request under ``/api/``."""
        caller = self.caller(request)
        if wait := self.api_windows.retry_after(caller.client.client_id, self.api_limit_of(caller)):
            return self.api_error(429, "rate_limited", "The rate limit is exceeded.", Retry_After=str(wait))
        route = self.route(segments)
        if route is None:
            return self.unknown_path(segments)
        method = "GET" if request.method == "HEAD" else request.method
        if method == "OPTIONS":
            return Answer(204, headers=self.allow(route).headers)
        if method not in SCOPES[route]:
            return self.method_not_allowed(route)
        self.require_scope(caller, self.scope_for(route, method))
        organization = self.visible_organization(caller, segments[3])
        if not self.role_permits(caller, method):
            return self.role_lacking()
        if not self.policy_permits(caller, route):
            return self.policy_refused()
        operation: Callable[[Call], Awaitable[Answer]] = getattr(self, f"{method.lower()}_{route}")
        return await operation(Call(request, caller, organization, segments[5] if len(segments) > 5 else None))

    def route(self, segments: Segments) -> str | None:
        """Return the kind of resource that a path names, or None."""
        if segments[1:3] != ("v1", "organizations"):
            return None
        match segments[3:]:
            case (_,):
                return "organization"
            case (_, "members"):
                return "members"
            case (_, "projects"):
                return "projects"
            case (_, "projects", slug) if slug != "":
                return "project"
        return None

    def unknown_path(self, segments: Segments) -> Answer:
        """Return the response for a path that names no resource."""
        return self.not_found()

    def allow(self, route: str) -> Answer:
        """Return a response with only Allow."""
        methods = [*SCOPES[route], "HEAD", "OPTIONS"]
        answer = Answer(204)
        answer.headers["Allow"] = ", ".join(sorted(methods))
        return answer

    def method_not_allowed(self, route: str) -> Answer:
        """Return 405 with Allow (RFC 9110 section 15.5.6), whether or not the object exists."""
        return self.api_error(
            405, "method_not_allowed", "The resource has no such method.", Allow=self.allow(route).headers["Allow"]
        )

    def scope_for(self, route: str, method: str) -> str:
        return SCOPES[route][method]

    def role_permits(self, caller: Caller, method: str) -> bool:
        """Return whether the caller's role permits the method: a Viewer only reads, a Contributor does not delete."""
        client = caller.client
        return method == "GET" or not (client.reads_only or (method == "DELETE" and not client.deletes))

    def role_lacking(self) -> Answer:
        """Return 403 for a lacking role: no other scope would help, so none is named."""
        return self.api_error(403, "forbidden", "The role in the organization does not permit this.")

    def policy_permits(self, caller: Caller, route: str) -> bool:
        """Return whether the organization's service policy permits this API."""
        return route not in caller.client.denied_by_policy

    def policy_refused(self) -> Answer:
        """Return 403 for an API that the service policy refuses."""
        return self.api_error(403, "forbidden", "The service policy of the organization does not permit this.")

    def api_limit_of(self, caller: Caller) -> tuple[int, float] | None:
        """Return the limit on API requests of a credential, None without one."""
        return caller.client.api_limit

    def visible_organization(self, caller: Caller, slug: str | None) -> Organization:
        """Return the caller's own organization; Refused with 404 for any other, whether it exists or not."""
        organization = self.organizations.get(slug) if slug is not None else None
        if organization is None or not self.belongs_to(caller, organization):
            raise Refused(self.organization_hidden(organization))
        return organization

    def belongs_to(self, caller: Caller, organization: Organization) -> bool:
        return caller.client.organization == organization.slug

    def organization_hidden(self, organization: Organization | None) -> Answer:
        """Return the response for another organization, the same as for None."""
        return self.not_found()

    async def get_organization(self, call: Call) -> Answer:
        return Answer.json(200, call.organization.document())

    async def get_members(self, call: Call) -> Answer:
        return self.listing(call.request, list(call.organization.members))

    async def get_projects(self, call: Call) -> Answer:
        visible = self.visible_projects(call.caller, call.organization)
        return self.listing(call.request, [project.document() for project in visible])

    def listing(self, request: Request, entries: list[dict[str, Any]]) -> Answer:
        """Return a page of a list with the total that the caller sees; Refused with 400 for invalid bounds."""
        limit = self.bound(request, "limit", DEFAULT_LIMIT, 1, HIGHEST_LIMIT)
        offset = self.bound(request, "offset", 0, 0, 999_999_999)
        page = entries[offset : offset + limit]
        following = offset + limit if offset + limit < len(entries) else None
        bounds = {"total": len(entries), "limit": limit, "offset": offset, "next": following}
        return Answer.json(200, {"items": page, **bounds})

    def bound(self, request: Request, name: str, default: int, lowest: int, highest: int) -> int:
        """Return a number of the query; Refused with 400 if it is not a number, out of range or repeated."""
        values = [value for key, value in request.query if key == name]
        if not values:
            return default
        if len(values) > 1 or not NUMBER.fullmatch(values[0]) or not lowest <= int(values[0]) <= highest:
            raise Refused(self.invalid(f"{name} is not a number from {lowest} to {highest}."))
        return int(values[0])

    async def post_projects(self, call: Call) -> Answer:
        project = self.new_project(call.organization, self.body_object(call.request))
        if not await self.create_project(call.organization, project):
            return self.conflict("The slug is taken.")
        answer = self.shown(project, 201)
        answer.headers["Location"] = self.location(project)
        return answer

    def location(self, project: Project) -> str:
        """Return the Location of a project, without a host (RFC 9110 section 10.2.2)."""
        return f"/api/v1/organizations/{project.organization}/projects/{quote(project.slug, safe='')}"

    def shown(self, project: Project, status: int = 200) -> Answer:
        return Answer.json(status, project.document(), ETag=project.etag)

    async def get_project(self, call: Call) -> Answer:
        project = self.visible_project(call.caller, call.organization, call.slug)
        if not self.if_match_holds(call.request, project):
            return self.conflict("The project has changed.")
        if not self.if_none_match_holds(call.request, project):
            unchanged = Answer(304)
            unchanged.headers["ETag"] = project.etag
            return unchanged
        return self.shown(project)

    async def patch_project(self, call: Call) -> Answer:
        project = self.visible_project(call.caller, call.organization, call.slug)
        body = self.body_object(call.request)
        changes = self.changes(call.organization, body)
        if not await self.update_project(project, changes, lambda: self.may_write(call.request, body, project)):
            return self.conflict("The project has changed.")
        return self.shown(project)

    def may_write(self, request: Request, body: dict[str, Any], project: Project) -> bool:
        """Return whether every precondition of the request holds now."""
        return (
            self.if_match_holds(request, project)
            and self.if_none_match_holds(request, project)
            and self.version_holds(body, project)
        )

    async def delete_project(self, call: Call) -> Answer:
        project = self.visible_project(call.caller, call.organization, call.slug)
        removed = await self.remove_project(
            call.organization, project, lambda: self.may_write(call.request, {}, project)
        )
        return Answer(204) if removed else self.conflict("The project has changed.")
