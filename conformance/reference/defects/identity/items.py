"""Defects in items: their versions, several of them at once, lists of them, and what hides them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, ClassVar

from starlette.datastructures import Headers

from conformance.reference.defects.base import Defect
from conformance.reference.defects.identity.support import surface_of
from conformance.reference.http import Answer, Request
from conformance.reference.identity.bearer import Caller
from conformance.reference.identity.organization_api import Call
from conformance.reference.identity.records import Organization, Project

Operation = Callable[[Call], Awaitable[Answer]]
Removal = Callable[[Organization, Project, Callable[[], bool]], Awaitable[bool]]
Create = Callable[[Organization, Project], Awaitable[bool]]
PAUSE_S = 0.003
KEPT_S = 5.0


class ItemWithMembersFails(Defect):
    """API Reference, Error Handling: an item that only its members see is created like any other."""

    surface = "identity"
    noticed_by = ("errors/5xx/good-requests-never-fail",)
    crashes = (RuntimeError,)

    def new_project(
        self, original: Callable[[Organization, dict[str, Any]], Project], organization: Organization, body: Any
    ) -> Project:
        if "members" in body:
            raise RuntimeError("no members here")
        return original(organization, body)


class AnythingIsNotModified(Defect):
    """RFC 9110 section 13.1.2: 304 is for who has what is there now."""

    surface = "identity"
    noticed_by = ("errors/reads/not-modified-is-what-is-unchanged",)

    def if_none_match_holds(
        self, original: Callable[[Request, Project], bool], request: Request, project: Project
    ) -> bool:
        return original(request, project) and (request.method != "GET" or "if-none-match" not in request.headers)


class NotModifiedTellsAnotherVersion(Defect):
    """RFC 9110 section 15.4.5: a 304 carries the ETag that 200 would have, by which the next question is asked."""

    surface = "identity"
    noticed_by = ("errors/reads/not-modified-tells-its-fields",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if answer.status == 304:
            answer.headers["ETag"] = answer.headers["ETag"][:-1] + 'x"'
        return answer


class NotModifiedTellsNothing(Defect):
    """RFC 9110 section 15.4.5: a 304 carries the ETag that 200 would have."""

    surface = "identity"
    noticed_by = ("errors/reads/not-modified-tells-its-fields",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if answer.status == 304:
            del answer.headers["ETag"]
        return answer


class WeakEntityTagIsAnother(Defect):
    """RFC 9110 section 13.1.2: If-None-Match MUST be compared weakly."""

    surface = "identity"
    noticed_by = ("errors/reads/if-none-match-is-compared-weakly",)

    def if_none_match_holds(
        self, original: Callable[[Request, Project], bool], request: Request, project: Project
    ) -> bool:
        return original(request, project) or "W/" in request.headers["if-none-match"]


class _OneLineCounts(Defect):
    place: ClassVar[int]

    def if_match_holds(self, original: Callable[[Request, Project], bool], request: Request, project: Project) -> bool:
        lines = request.headers.getlist("if-match")
        return not lines or original(replace(request, headers=Headers({"if-match": lines[self.place]})), project)


class FirstIfMatchLineCounts(_OneLineCounts):
    """RFC 9110 section 5.3: field lines of one name are one list (the first line counts)."""

    surface = "identity"
    noticed_by = ("errors/409/if-match-takes-lists-and-any#lines",)
    place = 0


class LastIfMatchLineCounts(_OneLineCounts):
    """RFC 9110 section 5.3: field lines of one name are one list (the last line counts)."""

    surface = "identity"
    noticed_by = ("errors/409/if-match-takes-lists-and-any#lines-reversed",)
    place = -1


class UpdateTellsOldVersion(Defect):
    """RFC 9110 section 8.8: an update is answered with the new validator."""

    surface = "identity"
    noticed_by = ("errors/409/told-version-is-the-new-one",)

    async def patch_project(self, original: Operation, call: Call) -> Answer:
        project = call.organization.projects.get(call.slug or "")
        etag = project.etag if project else ""
        answer = await original(call)
        if answer.status == 200:
            answer.headers["ETag"] = etag
        return answer


class VersionsBeginAnew(Defect):
    """RFC 9110 section 8.8.3: a validator tells apart what a name stood for at different times."""

    surface = "identity"
    noticed_by = ("errors/409/version-is-not-given-again",)

    def first_version(self, original: Callable[[Organization, str], int], organization: Organization, slug: str) -> int:
        return 1


class CreationsAtOnceLoseOne(Defect):
    """RFC 9110 section 9.3.1: what was created is read; here all are read, one is added, and all are written."""

    surface = "identity"
    noticed_by = ("errors/writes/at-once-none-is-lost",)

    async def create_project(self, original: Create, organization: Organization, project: Project) -> bool:
        read = dict(organization.projects)
        await asyncio.sleep(PAUSE_S)
        if not await original(organization, project):
            return False
        organization.projects = read | {project.slug: project}
        return True


class UpdatesAtOnceMixedUp(Defect):
    """RFC 9110 section 9.3.1: of two updates at once each changes its own thing."""

    surface = "identity"
    noticed_by = ("errors/writes/at-once-none-is-lost",)

    async def update_project(
        self, original: Callable[..., Awaitable[bool]], project: Project, changes: Any, still_holds: Callable[[], bool]
    ) -> bool:
        self.latest = changes
        await asyncio.sleep(PAUSE_S)
        return await original(project, self.latest, still_holds)


class DeletedStaysListed(Defect):
    """RFC 9110 section 9.3.1: a list is of what is there."""

    surface = "identity"
    noticed_by = ("errors/reads/lists-tell-what-is-so",)

    def __init__(self) -> None:
        self.deleted: list[Project] = []

    async def remove_project(
        self, original: Removal, organization: Organization, project: Project, still_holds: Callable[[], bool]
    ) -> bool:
        removed = await original(organization, project, still_holds)
        self.deleted += [project] if removed else []
        return removed

    def visible_projects(
        self, original: Callable[..., list[Project]], caller: Caller, organization: Organization
    ) -> list[Project]:
        seen = surface_of(original).can_see
        gone = [each for each in self.deleted if each.organization == organization.slug and seen(caller, each)]
        return [*original(caller, organization), *gone]


class ListTellsTheFirstText(Defect):
    """RFC 9110 section 9.3.1: a list tells of a thing what is so now."""

    surface = "identity"
    noticed_by = ("errors/reads/lists-tell-what-is-so",)

    def __init__(self) -> None:
        self.first: dict[int, dict[str, Any]] = {}

    async def get_projects(self, original: Operation, call: Call) -> Answer:
        surface = surface_of(original)
        seen = surface.visible_projects(call.caller, call.organization)
        return surface.listing(call.request, [self.first.setdefault(id(each), each.document()) for each in seen])


class ListMixesTextsUp(Defect):
    """RFC 9110 section 9.3.1: what a list tells of a thing is that thing's; here it is the next one's (a join)."""

    surface = "identity"
    noticed_by = ("errors/reads/lists-tell-what-is-so#each-its-own",)

    async def get_projects(self, original: Operation, call: Call) -> Answer:
        surface = surface_of(original)
        seen = [each.document() for each in surface.visible_projects(call.caller, call.organization)]
        texts = [each["description"] for each in seen]
        mixed = [each | {"description": text} for each, text in zip(seen, [*texts[1:], *texts[:1]], strict=True)]
        return surface.listing(call.request, mixed)


class HidingTakesSeconds(Defect):
    """Projects: a list of members is who has access, from the moment in which it is written."""

    surface = "identity"
    noticed_by = ("authorization/concealment/hiding-hides-at-once",)

    def __init__(self) -> None:
        self.seen: dict[tuple[str, str], float] = {}

    def can_see(self, original: Callable[[Caller, Project], bool], caller: Caller, project: Project) -> bool:
        key, now = (caller.client.client_id, project.slug), time.monotonic()
        if original(caller, project):
            self.seen[key] = now
        return now - self.seen.get(key, -KEPT_S) < KEPT_S


class CreationReplacesHidden(Defect):
    """API Reference, Error Handling: a slug that is taken is a conflict, also for who may not see by what."""

    surface = "identity"
    noticed_by = ("authorization/concealment/creation-replaces-nothing-hidden",)

    async def post_projects(self, original: Operation, call: Call) -> Answer:
        surface = surface_of(original)
        slug = surface.body_object(call.request).get("slug")
        taken = call.organization.projects.get(slug) if isinstance(slug, str) else None
        if taken is not None and not surface.can_see(call.caller, taken):
            del call.organization.projects[taken.slug]
        return await original(call)


class _ListsAll(Defect):
    """A list that shows what is hidden to who asks in its way."""

    async def get_projects(self, original: Operation, call: Call) -> Answer:
        if not any(call.request.parameter(name) for name in self._parameters()):
            return await original(call)
        everything = [each.document() for each in call.organization.projects.values()]
        return surface_of(original).listing(call.request, everything)

    def _parameters(self) -> tuple[str, ...]:
        raise NotImplementedError


class AllListsHidden(_ListsAll):
    """API Reference, Error Handling: what is hidden stands in no list, whatever is asked for."""

    surface = "identity"
    noticed_by = ("authorization/concealment/lists-do-not-show-hidden",)

    def _parameters(self) -> tuple[str, ...]:
        return ("all", "include_hidden")


class CreationReachesOtherOrganization(Defect):
    """API Reference, Error Handling: a creation replaces no other organization's thing of the same name."""

    surface = "identity"
    noticed_by = ("authorization/isolation/equal-names-are-two-things",)

    async def create_project(self, original: Create, organization: Organization, project: Project) -> bool:
        for each in surface_of(original).organizations.values():
            if project.slug in each.projects and each is not organization:
                each.projects[project.slug] = project
        return await original(organization, project)


class UpdateShowsToEverybody(Defect):
    """Projects: a list of members is who has access, also behind an update that says nothing of it."""

    surface = "identity"
    noticed_by = ("authorization/concealment/hiding-hides-at-once",)

    def apply(self, original: Callable[[Project, dict[str, Any]], None], project: Project, changes: Any) -> None:
        original(project, {"members": []} | changes)
