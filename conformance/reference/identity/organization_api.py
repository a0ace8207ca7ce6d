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
# A whole run has some eighty items there at once, and its checks of lists look at the first page.
DEFAULT_LIMIT, HIGHEST_LIMIT = 200, 200
NUMBER = re.compile(r"[0-9]{1,9}")
Segments = tuple[str | None, ...]


@dataclass(frozen=True)
class Call:
    """One authorized call: ``slug`` is the last segment of a project's path, None elsewhere."""

    request: Request
    caller: Caller
    organization: Organization
    slug: str | None = None


class OrganizationApi(Projects):
    """Organizations, members and projects as a caller may know them."""

    async def api(self, request: Request, segments: Segments) -> Answer:
        """One request under ``/api/``."""
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
        """Which resource a path names; None where it names none."""
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
        """What a path that names no resource is answered."""
        return self.not_found()

    def allow(self, route: str) -> Answer:
        """An answer that carries nothing but Allow."""
        methods = [*SCOPES[route], "HEAD", "OPTIONS"]
        answer = Answer(204)
        answer.headers["Allow"] = ", ".join(sorted(methods))
        return answer

    def method_not_allowed(self, route: str) -> Answer:
        """405 with Allow (RFC 9110 section 15.5.6), the same whether or not the object exists."""
        return self.api_error(
            405, "method_not_allowed", "The resource has no such method.", Allow=self.allow(route).headers["Allow"]
        )

    def scope_for(self, route: str, method: str) -> str:
        """The scope that an operation needs."""
        return SCOPES[route][method]

    def role_permits(self, caller: Caller, method: str) -> bool:
        """Whether the caller's role in the organization permits it: a Viewer changes, a Contributor deletes nothing."""
        client = caller.client
        return method == "GET" or not (client.reads_only or (method == "DELETE" and not client.deletes))

    def role_lacking(self) -> Answer:
        """403 where the scope would do and the role does not: no other scope helps, so none is named."""
        return self.api_error(403, "forbidden", "The role in the organization does not permit this.")

    def policy_permits(self, caller: Caller, route: str) -> bool:
        """Whether the organization's service policy leaves this API to the caller."""
        return route not in caller.client.denied_by_policy

    def policy_refused(self) -> Answer:
        """403 where scope and role would do and the service policy refuses the API."""
        return self.api_error(403, "forbidden", "The service policy of the organization does not permit this.")

    def api_limit_of(self, caller: Caller) -> tuple[int, float] | None:
        """The limit on API requests of a credential, None without one."""
        return caller.client.api_limit

    def visible_organization(self, caller: Caller, slug: str | None) -> Organization:
        """The caller's own organization; Refused with 404 for another as for one that never existed."""
        organization = self.organizations.get(slug) if slug is not None else None
        if organization is None or not self.belongs_to(caller, organization):
            raise Refused(self.organization_hidden(organization))
        return organization

    def belongs_to(self, caller: Caller, organization: Organization) -> bool:
        """Whether the caller's credential is of this organization."""
        return caller.client.organization == organization.slug

    def organization_hidden(self, organization: Organization | None) -> Answer:
        """What is answered for another's organization, and for None: the very same."""
        return self.not_found()

    async def get_organization(self, call: Call) -> Answer:
        return Answer.json(200, call.organization.document())

    async def get_members(self, call: Call) -> Answer:
        return self.listing(call.request, list(call.organization.members))

    async def get_projects(self, call: Call) -> Answer:
        seen = self.visible_projects(call.caller, call.organization)
        return self.listing(call.request, [project.document() for project in seen])

    def listing(self, request: Request, entries: list[dict[str, Any]]) -> Answer:
        """One page of a list with the total of what the caller sees; Refused with 400 for bad bounds."""
        limit = self.bound(request, "limit", DEFAULT_LIMIT, 1, HIGHEST_LIMIT)
        offset = self.bound(request, "offset", 0, 0, 999_999_999)
        page = entries[offset : offset + limit]
        following = offset + limit if offset + limit < len(entries) else None
        bounds = {"total": len(entries), "limit": limit, "offset": offset, "next": following}
        return Answer.json(200, {"items": page, **bounds})

    def bound(self, request: Request, name: str, default: int, lowest: int, highest: int) -> int:
        """A number of the query; Refused with 400 where it is none, out of range or named twice."""
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
        """Where a project is, relative to the host that was asked (RFC 9110 section 10.2.2)."""
        return f"/api/v1/organizations/{project.organization}/projects/{quote(project.slug, safe='')}"

    def shown(self, project: Project, status: int = 200) -> Answer:
        """A project with its validator."""
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
        """Whether every precondition of the caller's holds now."""
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
