"""Defects that only the next step shows: what was told once is told again, what was refused has left something."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.identity.support import edited
from conformance.reference.http import Answer, Request
from conformance.reference.identity.records import Organization, Project
from conformance.reference.variants.identity_by_reading import secret_of


class SecretShownAgain(Defect):
    """Credentials: the client secret is shown once, at creation; here whoever reads the thing has it as well."""

    surface = "identity"
    noticed_by = ("authorization/bearer/secret-of-a-creation-is-shown-once",)

    def shown(self, original: Callable[..., Answer], project: Project, status: int = 200) -> Answer:
        return edited(original(project, status), lambda told: told.update(client_secret=secret_of(project)))


class RefusedCreationTouches(Defect):
    """The contract's table of errors: 409 for a concurrent update; a creation that was refused is none."""

    surface = "identity"
    noticed_by = ("errors/409/refusal-is-no-update",)

    async def create_project(
        self, original: Callable[..., Awaitable[bool]], organization: Organization, project: Project
    ) -> bool:
        if project.slug in organization.projects:
            organization.projects[project.slug].version += 1
        return await original(organization, project)


class RefusedUpdateLeavesALock(Defect):
    """The contract's table of errors: 409 for a concurrent update; one that was refused does not go on."""

    surface = "identity"
    noticed_by = ("errors/409/refusal-is-no-update",)

    def __init__(self) -> None:
        self.locked: set[tuple[str, str]] = set()

    async def update_project(
        self,
        original: Callable[..., Awaitable[bool]],
        project: Project,
        changes: dict[str, Any],
        still_holds: Callable[[], bool],
    ) -> bool:
        name = project.organization, project.slug
        if name in self.locked:
            return False
        done = await original(project, changes, still_holds)
        self.locked |= set() if done else {name}
        return done


class EntityTagsWithoutQuotes(Defect):
    """RFC 9110 section 8.8.3: an entity tag is a quoted string; here what another framework quoted itself is bare."""

    surface = "identity"
    noticed_by = ("errors/reads/etag-is-an-entity-tag",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if "etag" in answer.headers:
            answer.headers["ETag"] = answer.headers["ETag"].replace('"', "")
        return answer


class NotModifiedIsOfLengthNought(Defect):
    """RFC 9110 section 8.6: a length that 304 states is that of the content of 200, which caches then go by."""

    surface = "identity"
    noticed_by = ("errors/reads/not-modified-is-of-no-length",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if answer.status == 304:
            answer.headers["Content-Length"] = "0"
        return answer
