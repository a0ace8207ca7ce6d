"""Defects of what a write is answered with: an item, and not the one that was written, or not as it is then."""

from __future__ import annotations

import itertools
import json
import zlib
from collections.abc import Awaitable, Callable
from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.identity.support import edited, surface_of
from conformance.reference.http import Answer, Request
from conformance.reference.identity.organization_api import Call
from conformance.reference.identity.records import Project


class CreationShowsTheOneBefore(Defect):
    """RFC 9110 section 15.3.1: what a creation is answered with is its result; here it is that of the one before."""

    surface = "identity"
    noticed_by = ("errors/writes/creations-are-answered-with-what-was-created",)

    def __init__(self) -> None:
        self.before: dict[str, Any] | None = None

    def shown(self, original: Callable[..., Answer], project: Project, status: int = 200) -> Answer:
        answer = original(project, status)
        if status == 201:
            before, self.before = self.before, project.document()
            return Answer.json(status, before or project.document(), ETag=project.etag)
        return answer


class EveryThirdCreationShowsNoDescription(Defect):
    """RFC 9110 section 15.3.1: here one of three instances answers with the item before its texts are filled in."""

    surface = "identity"
    noticed_by = (
        "errors/writes/creations-are-answered-with-what-was-created",
        "errors/writes/creations-are-answered-with-what-was-created#each-of-eleven",
    )

    def __init__(self) -> None:
        self.turn = itertools.cycle([True, True, False])

    def shown(self, original: Callable[..., Answer], project: Project, status: int = 200) -> Answer:
        answer = original(project, status)
        return answer if status != 201 or next(self.turn) else edited(answer, lambda told: told.update(description=""))


class UpdateShowsTheItemBefore(Defect):
    """RFC 9110 section 15.3.1: what an update is answered with is what it has led to, not what a driver found first."""

    surface = "identity"
    noticed_by = ("errors/writes/updates-are-answered-with-what-is-now",)

    async def patch_project(self, original: Callable[[Call], Awaitable[Answer]], call: Call) -> Answer:
        before = surface_of(original).visible_project(call.caller, call.organization, call.slug).document()
        answer = await original(call)
        return Answer.json(200, before, ETag=answer.headers["ETag"]) if answer.status == 200 else answer


class CreationIsOfTwoTypes(Defect):
    """RFC 9110 section 5.3: a service and what stands before it both tell the type of an answer, each in a line."""

    surface = "identity"
    noticed_by = ("errors/shape/fields-of-one-value-stand-once",)

    def shown(self, original: Callable[..., Answer], project: Project, status: int = 200) -> Answer:
        answer = original(project, status)
        if status == 201:
            answer.headers.append("Content-Type", "application/json; charset=utf-8")
        return answer


class CreationNamesItsSlugTwice(Defect):
    """RFC 8259 section 4: what is put together of texts has a name twice."""

    surface = "identity"
    noticed_by = ("errors/shape/names-stand-once",)

    def shown(self, original: Callable[..., Answer], project: Project, status: int = 200) -> Answer:
        answer = original(project, status)
        if status == 201:
            answer.body = answer.body.replace(b"{", f'{{"slug": {json.dumps(project.slug)}, '.encode(), 1)
        return answer


class UpdateIsLostBesideAnUnknownMember(Defect):
    """RFC 9110 section 15.3.1: what is answered as done is done; here what names an unknown member is passed over."""

    surface = "identity"
    noticed_by = ("errors/reads/tell-what-was-written#beside-an-unknown-member",)

    async def patch_project(self, original: Callable[[Call], Awaitable[Answer]], call: Call) -> Answer:
        surface = surface_of(original)
        project = surface.visible_project(call.caller, call.organization, call.slug)
        unknown = "cf-unknown" in surface.body_object(call.request)
        return surface.shown(project) if unknown else await original(call)


class LocationOfAHiddenItemIsUndefined(Defect):
    """RFC 9110 section 10.2.2: Location leads to what was created, also where that is seen by some members alone."""

    surface = "identity"
    noticed_by = ("errors/reads/location-leads-to-what-was-created",)

    def location(self, original: Callable[[Project], str], project: Project) -> str:
        return original(project).replace(project.slug, "undefined") if project.members else original(project)


class UpdateShowsAnotherSlug(Defect):
    """RFC 9110 section 15.3.1: what an update is answered with is of the item; here it is named by a digit less."""

    surface = "identity"
    noticed_by = ("errors/writes/updates-are-answered-with-what-is-now",)

    async def patch_project(self, original: Callable[[Call], Awaitable[Answer]], call: Call) -> Answer:
        answer = await original(call)
        return edited(answer, lambda told: told.update(slug=told["slug"][:-1])) if answer.status == 200 else answer


class LocationIsOfTheCreationBefore(Defect):
    """RFC 9110 section 10.2.2: Location leads to what was created; here to what was created before it."""

    surface = "identity"
    noticed_by = ("errors/reads/location-leads-to-what-was-created",)
    before = ""

    def location(self, original: Callable[[Project], str], project: Project) -> str:
        before, self.before = self.before, original(project)
        return before or self.before


class ItemTellsACutSlug(Defect):
    """Projects: a slug is what a project is found by; here an item tells its first 32 characters as that."""

    surface = "identity"
    noticed_by = ("errors/reads/slug-is-the-one-sent#sixty-three",)

    async def get_project(self, original: Callable[[Call], Awaitable[Answer]], call: Call) -> Answer:
        answer = await original(call)
        return edited(answer, lambda told: told.update(slug=told["slug"][:32])) if answer.status == 200 else answer


def _numbered(answer: Answer) -> Answer:
    return edited(answer, lambda told: told.update(id=zlib.crc32(told["slug"].encode())) if "slug" in told else None)


class ListsNumberWhatTheyShow(Defect):
    """RFC 9110 section 9.3.1: a list tells what there is; here the id of a thing is its place in the list."""

    surface = "identity"
    noticed_by = ("errors/reads/lists-tell-what-is-so#as-written",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        return _numbered(answer)

    def listing(self, original: Callable[..., Answer], request: Request, entries: list[dict[str, Any]]) -> Answer:
        return original(request, [each | {"id": place} for place, each in enumerate(entries)])
