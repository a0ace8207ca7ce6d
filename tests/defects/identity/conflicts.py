"""Defects of conflicts.

They break these promises:

- A duplicate slug is answered 409, and exactly one concurrent creator wins.
- A conflicting concurrent update is answered 409, and no update is lost.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar

from starlette.datastructures import Headers

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.identity.organization_api import Call
from conformance.reference.identity.records import Organization, Project
from conformance.reference.identity.state import Refused
from conformance.reference.one_method import defect, row
from conformance.reference.support.identity import is_api_request, surface_of
from tests.defects.support.identity import LONG_PAUSE_S, _RefusedButDone

ROWS = (
    row(
        "versions-begin-again",
        "RFC 9110 section 8.8.3: a new project has the validator of an earlier one with its slug.",
        "errors/409/version-names-one-state#recreated-item",
        first_version=lambda original, organization, slug: 1,
    ),
)


@defect("errors/409/duplicate-slug#sequential")
async def duplicate_slug_refused_but_written(create_project: Any, organization: Organization, project: Project) -> bool:
    """The contract's table of errors: a creation refused with 409 changes the existing project."""
    existing = organization.projects.get(project.slug)
    if existing:
        existing.name, existing.description = project.name, project.description
    return await create_project(organization, project)


@defect("errors/409/duplicate-slug#concurrent", state=set)
async def late_creator_is_told423(
    running: set[str], create_project: Any, organization: Organization, project: Project
) -> bool:
    """The contract's table of errors: of two concurrent creations one is answered 423 instead of 409."""
    if project.slug in running:
        raise Refused(surface_of(create_project).api_error(423, "locked", "The slug is being created."))
    running.add(project.slug)
    await asyncio.sleep(LONG_PAUSE_S)
    running.discard(project.slug)
    return await create_project(organization, project)


@defect("errors/409/slug-is-free-after-deletion", state=set)
async def slug_of_deleted_stays_reserved(
    used: set[str], create_project: Any, organization: Organization, project: Project
) -> bool:
    """The contract's table of errors: the slug of a deleted project is answered 409."""
    if project.slug in used:
        return False
    used.add(project.slug)
    return await create_project(organization, project)


class SlugMadeAgainIsNotUnique(Defect):
    """The contract's table of errors: a slug that was deleted once is no longer unique."""

    noticed_by = ("errors/409/slug-is-free-after-deletion",)
    deleted: set[str] = set()

    async def remove_project(
        self, original: Any, organization: Organization, project: Project, still_holds: Callable[[], bool]
    ) -> bool:
        self.deleted.add(project.slug)
        return await original(organization, project, still_holds)

    async def create_project(self, original: Any, organization: Organization, project: Project) -> bool:
        if project.slug in self.deleted:
            organization.projects.pop(project.slug, None)
        return await original(organization, project)


@defect("errors/409/slug-is-free-after-deletion")
def deletion_with_a_length_refused(request: Request) -> Answer | None:
    """RFC 9110 section 8.6: a deletion with Content-Length: 0 is answered 400."""
    has_length = is_api_request(request) and request.method == "DELETE" and "content-length" in request.headers
    return Answer.json(400, {"error": {"code": "bad_request", "message": "unexpected body"}}) if has_length else None


@defect("errors/409/duplicate-slug#identical-body,sequential")
def duplicate_slug_is400(conflict: Any, message: str) -> Answer:
    """The contract's table of errors: a duplicate slug is answered 400 instead of 409."""
    answer = conflict(message)
    answer.status = 400 if "slug" in message else answer.status
    return answer


class WeakMatchRefusedButMade(_RefusedButDone):
    """RFC 9110 section 13.1.1: an update that a weak If-Match refuses is done."""

    noticed_by = ("errors/409/if-match-forms#weak",)
    methods = frozenset({"PATCH"})
    refusals = frozenset({409})

    def _is_meant(self, request: Request, found: Project | None) -> bool:
        return found is not None and request.headers.get("if-match", "").startswith("W/")


@defect("errors/409/if-match-forms#weak")
def weak_entity_tag_matches(if_match_holds: Any, request: Request, project: Project) -> bool:
    """RFC 9110 section 13.1.1: If-Match is compared weakly."""
    return request.headers.get("if-match") == f"W/{project.etag}" or if_match_holds(request, project)


class _OneLineCounts(Defect):
    place: ClassVar[int]

    def if_match_holds(self, original: Any, request: Request, project: Project) -> bool:
        lines = request.headers.getlist("if-match")
        return not lines or original(replace(request, headers=Headers({"if-match": lines[self.place]})), project)


class FirstIfMatchLineCounts(_OneLineCounts):
    """RFC 9110 section 5.3: of several If-Match lines only the first counts."""

    noticed_by = ("errors/409/if-match-forms#lines",)
    place = 0


class LastIfMatchLineCounts(_OneLineCounts):
    """RFC 9110 section 5.3: of several If-Match lines only the last counts."""

    noticed_by = ("errors/409/if-match-forms#lines-reversed",)
    place = -1


@defect("errors/409/if-match-forms#list,empty-element")
def first_entity_tag_counts(if_match_holds: Any, request: Request, project: Project) -> bool:
    """RFC 9110 section 13.1.1: of the entity tags in If-Match only the first counts."""
    tags = request.headers.get("if-match", "").split(",")
    return tags[0].strip() == project.etag if len(tags) > 1 else if_match_holds(request, project)


@defect("errors/409/if-match-forms#any")
def any_entity_tag_is_none(if_match_holds: Any, request: Request, project: Project) -> bool:
    """RFC 9110 section 13.1.1: "*" in If-Match matches nothing."""
    return request.headers.get("if-match") != "*" and if_match_holds(request, project)


@defect("errors/409/stale-version#concurrent-updates", state=dict)
async def each_session_has_its_lock(locks: dict[str, asyncio.Lock], patch_project: Any, call: Call) -> Answer:
    """The contract's table of errors: two concurrent updates with different tokens both succeed (one lock a token)."""
    surface = surface_of(patch_project)
    async with locks.setdefault(call.request.headers["authorization"], asyncio.Lock()):
        project = surface.visible_project(call.caller, call.organization, call.slug)
        body = surface.body_object(call.request)
        changes, holds = surface.changes(call.organization, body), surface.may_write(call.request, body, project)
        await asyncio.sleep(0.03)
        if not holds:
            return surface.conflict("The project has changed.")
        surface.apply(project, changes)
        return surface.shown(project)


@defect("errors/409/stale-version#concurrent-updates")
async def loser_writes_at_once(
    update_project: Any, project: Project, changes: dict[str, Any], still_holds: Any
) -> bool:
    """The contract's table of errors: of two concurrent updates the one answered 409 is written as well."""
    held = still_holds()
    await asyncio.sleep(LONG_PAUSE_S)
    done = await update_project(project, changes, still_holds)
    if held and not done:
        for name, value in changes.items():
            setattr(project, name, value)
    return done


@defect("errors/409/version-changes-only-with-updates#refused-name-taken")
async def refused_creation_touches(create_project: Any, organization: Organization, project: Project) -> bool:
    """The contract's table of errors: a creation refused with 409 changes the version of the existing project."""
    if project.slug in organization.projects:
        organization.projects[project.slug].version += 1
    return await create_project(organization, project)


@defect("errors/409/version-changes-only-with-updates#refused-unknown-version", state=set)
async def refused_update_leaves_a_lock(
    locked: set[tuple[str, str]], update_project: Any, project: Project, changes: dict[str, Any], still_holds: Any
) -> bool:
    """The contract's table of errors: an update refused with 409 leaves a lock, so later updates fail."""
    name = project.organization, project.slug
    if name in locked:
        return False
    done = await update_project(project, changes, still_holds)
    locked |= set() if done else {name}
    return done


class StaleDeletionRefusedButMade(_RefusedButDone):
    """RFC 9110 section 13.1.1: a deletion that If-Match refuses is done."""

    noticed_by = ("errors/409/stale-version#deletion",)
    methods = frozenset({"DELETE"})
    refusals = frozenset({409})


@defect("errors/409/stale-version#update,equivalent-update")
async def concurrent_update_told200(
    update_project: Any, project: Project, changes: dict[str, Any], still_holds: Any
) -> bool:
    """The contract's table of errors: an update that was not made is answered 200."""
    await update_project(project, changes, still_holds)
    return True


@defect("errors/409/stale-version#update,equivalent-update")
async def refused_update_half_written(
    update_project: Any, project: Project, changes: dict[str, Any], still_holds: Any
) -> bool:
    """The contract's table of errors: an update refused with 409 changes the description."""
    made = await update_project(project, changes, still_holds)
    project.description = changes.get("description", project.description)
    return made


class EntityTagsOfOneToken(Defect):
    """RFC 9110 section 8.8.3: each token of a credential gets a different entity tag."""

    noticed_by = ("errors/409/stale-version#update",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if "etag" in answer.headers:
            answer.headers["ETag"] = self._etag_of_caller(request, answer.headers["ETag"])
        return answer

    def if_match_holds(self, original: Any, request: Request, project: Project) -> bool:
        return request.headers.get("if-match", "*") in ("*", self._etag_of_caller(request, project.etag))

    def _etag_of_caller(self, request: Request, etag: str) -> str:
        return f'{etag[:-1]}-{zlib.crc32(request.headers.get("authorization", "").encode())}"'


@defect("errors/409/version-names-one-state#write-response")
async def update_reports_old_version(patch_project: Any, call: Call) -> Answer:
    """RFC 9110 section 8.8: the response to an update has the old entity tag."""
    project = call.organization.projects.get(call.slug or "")
    etag = project.etag if project else ""
    answer = await patch_project(call)
    if answer.status == 200:
        answer.headers["ETag"] = etag
    return answer


@defect("errors/409/version-changes-only-with-updates#update")
def version_not_counted(apply: Any, project: Project, changes: dict[str, Any]) -> None:
    """RFC 9110 section 8.8.3: an update does not change the entity tag."""
    apply(project, changes)
    project.version -= 1


class EntityTagOfTheLastReadOnly(Defect):
    """The contract's table of errors: a read changes the entity tag, so an earlier reader's update is answered 409."""

    noticed_by = ("errors/409/version-changes-only-with-updates#update",)
    reads: dict[str, int] = {}

    def shown(self, original: Any, project: Project, status: int = 200) -> Answer:
        answer = original(project, status)
        self.reads[project.slug] = self.reads.get(project.slug, 0) + 1
        answer.headers["ETag"] = self._etag(project)
        return answer

    def if_match_holds(self, original: Any, request: Request, project: Project) -> bool:
        return request.headers.get("if-match", self._etag(project)) in ("*", self._etag(project))

    def _etag(self, project: Project) -> str:
        return f'"{project.version}-{self.reads.get(project.slug, 0)}"'
