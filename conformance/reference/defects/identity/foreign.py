"""Defects in keeping another organization's things its own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.identity.support import surface_of
from conformance.reference.http import Answer, Request
from conformance.reference.identity.bearer import Caller
from conformance.reference.identity.organization_api import Call, Segments
from conformance.reference.identity.records import Organization
from conformance.reference.identity.state import Refused

Api = Callable[[Request, Segments], Awaitable[Answer]]
Belongs = Callable[[Caller, Organization], bool]


class ForeignOrganizationReadable(Defect):
    """API Reference, Permissions: a credential is constrained by its organization."""

    surface = "identity"
    noticed_by = (
        "authorization/matrix/foreign-organization-is-kept-out#create",
        "authorization/matrix/foreign-organization-is-kept-out#delete",
        "authorization/matrix/foreign-organization-is-kept-out#read",
        "authorization/matrix/foreign-organization-is-kept-out#update",
    )

    def belongs_to(self, original: Belongs, caller: Caller, organization: Organization) -> bool:
        return True


class ForeignProjectReadable(Defect):
    """API Reference, Permissions: a project of another organization is its own, though its slug be known."""

    surface = "identity"
    noticed_by = (
        "authorization/matrix/foreign-organization-is-kept-out#read-item",
        "authorization/isolation/nothing-reaches-another-organization#foreign",
    )

    async def api(self, original: Api, request: Request, segments: Segments) -> Answer:
        surface = surface_of(original)
        try:
            return await original(request, segments)
        except Refused as refusal:
            organization = surface.organizations.get(str(segments[3])) if len(segments) == 6 else None
            project = surface.find_project(organization, segments[5]) if organization else None
            if refusal.answer.status == 404 and project and organization and request.method == "GET":
                return refusal.answer if project.members else surface.shown(project)
            raise


class ForeignOrganizationAsOwner(Defect):
    """OWASP API3: a body cannot put a project into another organization."""

    surface = "identity"
    noticed_by = ("authorization/isolation/writes-set-nothing-else#organization",)

    def refuse_unknown(
        self, original: Callable[[dict[str, Any], frozenset[str]], None], body: dict[str, Any], known: frozenset[str]
    ) -> None:
        original({name: value for name, value in body.items() if name != "organization"}, known)

    async def patch_project(self, original: Callable[[Call], Awaitable[Answer]], call: Call) -> Answer:
        surface = surface_of(original)
        answer = await original(call)
        project = surface.find_project(call.organization, call.slug)
        if answer.status == 200 and project:
            project.organization = str(surface.body_object(call.request).get("organization", project.organization))
            return surface.shown(project)
        return answer
