"""What an identity service lets one have at a time, and when what is done is seen."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from conformance.reference.defects.base import Variant
from conformance.reference.defects.identity.support import surface_of
from conformance.reference.identity.records import Organization, Project
from conformance.reference.identity.state import Refused

Create = Callable[[Organization, Project], Awaitable[bool]]


class ProjectsAreFew(Variant):
    """The contract's table of errors: 403 for what a policy refuses, here more projects at a time than so many."""

    surface = "identity"
    most = 20

    async def create_project(self, original: Create, organization: Organization, project: Project) -> bool:
        if project.slug not in organization.projects and len(organization.projects) >= self.most:
            raise Refused(surface_of(original).api_error(403, "quota_exceeded", "No more projects are allowed."))
        return await original(organization, project)
