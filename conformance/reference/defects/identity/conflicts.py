"""Defects of 409: duplicate slugs, concurrent updates, and what a refused change leaves behind."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.identity.support import surface_of
from conformance.reference.http import Answer, Request
from conformance.reference.identity.organization_api import Call
from conformance.reference.identity.records import Organization, Project

Create = Callable[[Organization, Project], Awaitable[bool]]
Remove = Callable[[Organization, Project, Callable[[], bool]], Awaitable[bool]]
Update = Callable[[Project, dict[str, Any], Callable[[], bool]], Awaitable[bool]]
Conflict = Callable[[str], Answer]


class DuplicateSlugIs400(Defect):
    """The contract's table of errors: 409 for a duplicate slug."""

    surface = "identity"
    noticed_by = ("errors/table/409-duplicate-slug", "errors/409/duplicate-slug")

    def conflict(self, original: Conflict, message: str) -> Answer:
        answer = original(message)
        answer.status = 400 if "slug" in message else answer.status
        return answer


class DuplicateSlugRefusedButWritten(Defect):
    """The contract's table of errors: a create refused with 409 changes nothing."""

    surface = "identity"
    noticed_by = ("errors/409/duplicate-slug",)

    async def create_project(self, original: Create, organization: Organization, project: Project) -> bool:
        existing = organization.projects.get(project.slug)
        if existing:
            existing.name, existing.description = project.name, project.description
        return await original(organization, project)


class CreationRace(Defect):
    """The contract's table of errors: of two creates of one slug at once, one gets 409."""

    surface = "identity"
    noticed_by = ("errors/409/one-of-many-creators-wins",)

    async def create_project(self, original: Create, organization: Organization, project: Project) -> bool:
        if project.slug in organization.projects:
            return False
        await asyncio.sleep(0.03)
        organization.projects[project.slug] = project
        return True


class EachSessionHasItsLock(Defect):
    """The contract's table of errors: of two updates of one version at once one gets 409, with whatever tokens."""

    surface = "identity"
    noticed_by = ("errors/409/one-of-many-updaters-wins",)

    def __init__(self) -> None:
        self.locks: dict[str, asyncio.Lock] = {}

    async def patch_project(self, original: Callable[[Call], Awaitable[Answer]], call: Call) -> Answer:
        surface = surface_of(original)
        async with self.locks.setdefault(call.request.headers["authorization"], asyncio.Lock()):
            project = surface.visible_project(call.caller, call.organization, call.slug)
            body = surface.body_object(call.request)
            changes, holds = surface.changes(call.organization, body), surface.may_write(call.request, body, project)
            await asyncio.sleep(0.03)
            if not holds:
                return surface.conflict("The project has changed.")
            surface.apply(project, changes)
            return surface.shown(project)


class IfMatchIgnoredOnDelete(Defect):
    """RFC 9110 section 13.1.1: a deletion is not made where If-Match names another version."""

    surface = "identity"
    noticed_by = ("errors/409/stale-delete",)

    def if_match_holds(self, original: Callable[[Request, Project], bool], request: Request, project: Project) -> bool:
        return request.method == "DELETE" or original(request, project)


class ConcurrentUpdateTold200(Defect):
    """The contract's table of errors: an update that was not made is not answered with success."""

    surface = "identity"
    noticed_by = ("errors/409/stale-update", "errors/409/stale-update#said-otherwise")

    async def update_project(
        self, original: Update, project: Project, changes: dict[str, Any], still_holds: Callable[[], bool]
    ) -> bool:
        await original(project, changes, still_holds)
        return True


class RefusedUpdateHalfWritten(Defect):
    """The contract's table of errors: an update refused with 409 changes nothing."""

    surface = "identity"
    noticed_by = ("errors/409/stale-update", "errors/409/stale-update#said-otherwise")

    async def update_project(
        self, original: Update, project: Project, changes: dict[str, Any], still_holds: Callable[[], bool]
    ) -> bool:
        made = await original(project, changes, still_holds)
        project.description = changes.get("description", project.description)
        return made


class VersionNotCounted(Defect):
    """RFC 9110 section 8.8.3: the entity tag changes with the representation."""

    surface = "identity"
    noticed_by = ("errors/409/version-changes-with-an-update",)

    def apply(
        self, original: Callable[[Project, dict[str, Any]], None], project: Project, changes: dict[str, Any]
    ) -> None:
        original(project, changes)
        project.version -= 1


class DeletedTellsItWasThere(Defect):
    """The contract's table of errors: 404 for what does not exist, whether or not it ever did."""

    surface = "identity"
    noticed_by = ("authorization/matrix/deleted-is-404",)

    def __init__(self) -> None:
        self.deleted: set[str] = set()

    async def delete_project(self, original: Callable[[Call], Awaitable[Answer]], call: Call) -> Answer:
        answer = await original(call)
        if answer.status == 204:
            self.deleted.add(str(call.slug))
        return answer

    async def get_project(self, original: Callable[[Call], Awaitable[Answer]], call: Call) -> Answer:
        if call.slug in self.deleted and surface_of(original).find_project(call.organization, call.slug) is None:
            return surface_of(original).api_error(410, "gone", "The project was deleted.")
        return await original(call)


class SlugOfDeletedStaysTaken(Defect):
    """The contract's table of errors: 409 is for a slug that is in use, not for one that was."""

    surface = "identity"
    noticed_by = ("errors/409/slug-is-free-after-deletion",)

    def __init__(self) -> None:
        self.used: set[str] = set()

    async def create_project(self, original: Create, organization: Organization, project: Project) -> bool:
        if project.slug in self.used:
            return False
        self.used.add(project.slug)
        return await original(organization, project)


class SlugMadeAgainIsNotUnique(Defect):
    """The contract's table of errors: 409 for a duplicate slug; here an index goes by when a slug was deleted."""

    surface = "identity"
    noticed_by = ("errors/409/slug-is-free-after-deletion",)

    def __init__(self) -> None:
        self.deleted: set[str] = set()

    async def remove_project(
        self, original: Remove, organization: Organization, project: Project, still_holds: Callable[[], bool]
    ) -> bool:
        self.deleted.add(project.slug)
        return await original(organization, project, still_holds)

    async def create_project(self, original: Create, organization: Organization, project: Project) -> bool:
        if project.slug in self.deleted:
            organization.projects.pop(project.slug, None)
        return await original(organization, project)
