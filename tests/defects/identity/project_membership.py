"""Defects that break the promise "Project membership restricts access and never extends it"."""

from __future__ import annotations

import time
from typing import Any

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.identity.bearer import Caller
from conformance.reference.identity.records import Organization, Project
from conformance.reference.identity.state import Refused
from conformance.reference.one_method import defect, row
from conformance.reference.support.identity import surface_of

KEPT_S = 5.0

ROWS = (
    row(
        "update-shows-to-everybody",
        "Projects: an update without members makes a hidden project visible to all.",
        "authorization/concealment/membership-decides-visibility#after-hiding",
        apply=lambda original, project, changes: original(project, {"members": []} | changes),
    ),
)


@defect("authorization/concealment/membership-decides-visibility#for-members")
def hidden_from_everybodys_list(visible_projects: Any, caller: Caller, organization: Organization) -> list[Project]:
    """Projects: a list lacks the hidden projects that the caller has access to."""
    return [project for project in visible_projects(caller, organization) if not project.members]


class HiddenIsNobodysToChange(Defect):
    """Projects: a member of a hidden project cannot change it."""

    noticed_by = ("authorization/concealment/membership-decides-visibility#for-members",)
    method, asked = "PATCH", ""

    def visible_project(self, original: Any, caller: Caller, *given: Any) -> Project:
        project = original(caller, *given)
        if project.members and self.asked == self.method:
            raise Refused(surface_of(original).not_found())
        return project

    async def api(self, original: Any, request: Request, segments: tuple[str | None, ...]) -> Answer:
        self.asked = request.method
        return await original(request, segments)


@defect("authorization/concealment/membership-decides-visibility#after-hiding", state=dict)
def hidden_stays_listed(
    shown: dict[str, set[str]], visible_projects: Any, caller: Caller, organization: Organization
) -> list[Project]:
    """Projects: a cached list contains a project that was hidden since."""
    known = shown.setdefault(caller.client.client_id, set())
    seen = visible_projects(caller, organization)
    seen += [organization.projects[each] for each in sorted(known) if each in organization.projects]
    known.update(each.slug for each in seen)
    return list({each.slug: each for each in seen}.values())


@defect("authorization/concealment/membership-decides-visibility#after-hiding")
def hiding_shuts_out_its_owner(changes: Any, organization: Organization, body: dict[str, Any]) -> dict[str, Any]:
    """Projects: an update that sets members shuts its caller out."""
    found = changes(organization, body)
    return found | {"members": ["-"]} if found.get("members") else found


@defect("authorization/concealment/membership-decides-visibility#after-hiding", state=dict)
def hiding_takes_seconds(seen: dict[tuple[str, str], float], can_see: Any, caller: Caller, project: Project) -> bool:
    """Projects: a project stays visible for seconds after it was hidden."""
    key, now = (caller.client.client_id, project.slug), time.monotonic()
    if can_see(caller, project):
        seen[key] = now
    return now - seen.get(key, -KEPT_S) < KEPT_S


class NameKeepsItsReaders(Defect):
    """Projects: a caller that saw a project sees any later one with its slug, until an update."""

    noticed_by = ("authorization/concealment/membership-decides-visibility#of-a-reused-name",)
    seen: dict[str, dict[str, bool]] = {}

    def can_see(self, original: Any, caller: Caller, project: Project) -> bool:
        readers = self.seen.setdefault(project.slug, {})
        return readers.setdefault(caller.client.client_id, original(caller, project))

    def apply(self, original: Any, project: Project, changes: dict[str, Any]) -> None:
        self.seen.pop(project.slug, None)
        original(project, changes)


class EmptyListIsNobody(Defect):
    """Projects: a project created with an empty list of members is hidden from all."""

    noticed_by = ("authorization/concealment/empty-member-list-is-open",)
    closed: set[str] = set()

    def new_project(self, original: Any, organization: Organization, body: dict[str, Any]) -> Project:
        project = original(organization, body)
        self.closed |= {project.slug} if body.get("members") == [] else set()
        return project

    def can_see(self, original: Any, caller: Caller, project: Project) -> bool:
        return project.slug not in self.closed and original(caller, project)


class _RoleRemembered(Defect):
    """Organization Settings: a role is looked up once, so a change takes no effect."""

    remembered = True
    permitted: dict[str, bool] = {}

    def role_permits(self, original: Any, caller: Caller, method: str) -> bool:
        permits = original(caller, method)
        if method == "GET":
            return permits
        known = self.permitted.get(caller.client.client_id)
        if known is not self.remembered:
            self.permitted[caller.client.client_id] = permits
        return self.permitted[caller.client.client_id]


class LostRoleRemembered(_RoleRemembered):
    """Organization Settings: a lost role is remembered, so a role that is given back takes no effect."""

    noticed_by = ("authorization/permissions/role-change-is-immediate",)

    remembered = False


class OneReplicaKeepsRoles(Defect):
    """Organization Settings: one of three replicas keeps a lost role for 15 s."""

    noticed_by = ("authorization/permissions/role-change-is-immediate",)
    replicas, asked, kept_s = 3, 0, 15
    permitted: dict[str, float] = {}

    def role_permits(self, original: Any, caller: Caller, method: str) -> bool:
        permits, client_id = original(caller, method), caller.client.client_id
        if method == "GET":
            return permits
        self.asked += 1
        if permits:
            self.permitted[client_id] = time.monotonic()
        is_known = time.monotonic() - self.permitted.get(client_id, 0) > self.kept_s
        return permits or (self.asked % self.replicas == 0 and not is_known)


class LostRoleCreatesStill(_RoleRemembered):
    """Organization Settings: a lost role still creates."""

    noticed_by = ("authorization/permissions/role-change-is-immediate",)

    still = "POST"

    def role_permits(self, original: Any, caller: Caller, method: str) -> bool:
        permits, client_id = original(caller, method), caller.client.client_id
        if permits and method != "GET":
            self.permitted[client_id] = True
        return permits or (method == self.still and self.permitted.get(client_id, False))
