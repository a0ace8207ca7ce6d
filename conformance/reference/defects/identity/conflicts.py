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


class DuplicateSlugCrashes(Defect):
    """The contract's table of errors: 409 for a duplicate slug, never a 5xx."""

    surface = "identity"
    noticed_by = ("errors/409/duplicate-slug", "errors/table/409-duplicate-slug")
    crashes = (LookupError,)

    async def create_project(self, original: Create, organization: Organization, project: Project) -> bool:
        if not await original(organization, project):
            raise LookupError("UNIQUE constraint failed: projects.slug")
        return True


class DuplicateSlugReplaces(Defect):
    """The contract's table of errors: a duplicate slug is refused, and what has the slug stays as it is."""

    surface = "identity"
    noticed_by = ("errors/409/duplicate-slug",)

    async def create_project(self, original: Create, organization: Organization, project: Project) -> bool:
        organization.projects[project.slug] = project
        return True


class DuplicateSlugRefusedButWritten(Defect):
    """The contract's table of errors: a create refused with 409 changes nothing."""

    surface = "identity"
    noticed_by = ("errors/409/duplicate-slug",)

    async def create_project(self, original: Create, organization: Organization, project: Project) -> bool:
        existing = organization.projects.get(project.slug)
        if existing:
            existing.name, existing.description = project.name, project.description
        return await original(organization, project)


class DuplicateSlugGetsSuffix(Defect):
    """The contract's table of errors: 409 for a duplicate slug; the slug is not changed behind the caller's back."""

    surface = "identity"
    noticed_by = ("errors/409/duplicate-slug",)

    async def create_project(self, original: Create, organization: Organization, project: Project) -> bool:
        while project.slug in organization.projects:
            project.slug += "-2"
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


class UpdateRace(Defect):
    """The contract's table of errors: of two updates of one version at once, one gets 409."""

    surface = "identity"
    noticed_by = ("errors/409/one-of-many-updaters-wins",)

    async def update_project(
        self, original: Update, project: Project, changes: dict[str, Any], still_holds: Callable[[], bool]
    ) -> bool:
        if not still_holds():
            return False
        await asyncio.sleep(0.03)
        surface_of(original).apply(project, changes)
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


class LostUpdate(Defect):
    """The contract's table of errors: two updates of different fields at once both last, or one gets 409."""

    surface = "identity"
    noticed_by = ("errors/409/one-of-many-updaters-wins",)

    async def update_project(
        self, original: Update, project: Project, changes: dict[str, Any], still_holds: Callable[[], bool]
    ) -> bool:
        if not still_holds():
            return False
        read = {"name": project.name, "description": project.description, "members": project.members}
        await asyncio.sleep(0.03)
        surface_of(original).apply(project, read | changes)
        return True


class IfMatchIgnored(Defect):
    """RFC 9110 section 13.1.1: a change is not made where If-Match names another version."""

    surface = "identity"
    noticed_by = ("errors/409/stale-update",)

    def if_match_holds(self, original: Callable[[Request, Project], bool], request: Request, project: Project) -> bool:
        return True


class IfMatchIgnoredOnDelete(Defect):
    """RFC 9110 section 13.1.1: a deletion is not made where If-Match names another version."""

    surface = "identity"
    noticed_by = ("errors/409/stale-delete",)

    def if_match_holds(self, original: Callable[[Request, Project], bool], request: Request, project: Project) -> bool:
        return request.method == "DELETE" or original(request, project)


class OwnVersionRefused(Defect):
    """RFC 9110 section 13.1.1: a change is made where If-Match names the version that is current."""

    surface = "identity"
    noticed_by = ("errors/409/stale-update", "errors/409/one-of-many-updaters-wins")

    def if_match_holds(self, original: Callable[[Request, Project], bool], request: Request, project: Project) -> bool:
        return "if-match" not in request.headers or request.headers["if-match"] == str(project.version)


class ConcurrentUpdateIs400(Defect):
    """The contract's table of errors: 409 for a concurrent update."""

    surface = "identity"
    noticed_by = ("errors/409/stale-update",)

    def conflict(self, original: Conflict, message: str) -> Answer:
        answer = original(message)
        answer.status = 400 if "changed" in message else answer.status
        return answer


class ConcurrentUpdateTold200(Defect):
    """The contract's table of errors: an update that was not made is not answered with success."""

    surface = "identity"
    noticed_by = ("errors/409/stale-update",)

    async def update_project(
        self, original: Update, project: Project, changes: dict[str, Any], still_holds: Callable[[], bool]
    ) -> bool:
        await original(project, changes, still_holds)
        return True


class RefusedUpdateHalfWritten(Defect):
    """The contract's table of errors: an update refused with 409 changes nothing."""

    surface = "identity"
    noticed_by = ("errors/409/stale-update",)

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


class UpdateForgotten(Defect):
    """RFC 5789 section 2: what a PATCH was told to have changed is changed."""

    surface = "identity"
    noticed_by = ("errors/reads/tell-what-was-written",)

    async def patch_project(self, original: Callable[[Call], Awaitable[Answer]], call: Call) -> Answer:
        project = surface_of(original).find_project(call.organization, call.slug)
        before = project.description if project else ""
        answer = await original(call)
        if project:
            project.description = before
        return answer


class DeletionForgotten(Defect):
    """RFC 9110 section 9.3.5: what was deleted is no longer there."""

    surface = "identity"
    noticed_by = ("authorization/matrix/deleted-is-404",)

    async def remove_project(
        self,
        original: Callable[[Organization, Project, Callable[[], bool]], Awaitable[bool]],
        organization: Organization,
        project: Project,
        still_holds: Callable[[], bool],
    ) -> bool:
        return still_holds()


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
