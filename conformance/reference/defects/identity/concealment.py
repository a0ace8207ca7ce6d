"""Defects by which a hidden project can be told from one that never existed."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

from conformance.reference.defects.base import Defect
from conformance.reference.defects.identity.support import edited, surface_of
from conformance.reference.http import Answer, Request
from conformance.reference.identity.bearer import Caller
from conformance.reference.identity.organization_api import Call, Segments
from conformance.reference.identity.records import Organization, Project
from conformance.reference.identity.state import Refused

Look = Callable[[Caller, Organization, str | None], Project]
Operation = Callable[[Call], Awaitable[Answer]]
Api = Callable[[Request, Segments], Awaitable[Answer]]


class _Hiding:
    """Gives a hidden project an answer of its own."""

    def visible_project(self, original: Look, caller: Caller, organization: Organization, slug: str | None) -> Project:
        try:
            return original(caller, organization, slug)
        except Refused as refusal:
            if surface_of(original).find_project(organization, slug) is not None:
                refusal.answer = self._for_hidden(refusal.answer, str(slug))
            raise

    def _for_hidden(self, answer: Answer, slug: str) -> Answer:
        return answer


class HiddenProjectHasOwnCaching(_Hiding, Defect):
    """The contract's table of errors: a hidden project is answered like one that never existed (Cache-Control)."""

    surface = "identity"
    noticed_by = (
        "authorization/concealment/reading-tells-nothing#accept-xml",
        "authorization/concealment/reading-tells-nothing#get",
        "authorization/concealment/reading-tells-nothing#head",
        "authorization/concealment/reading-tells-nothing#if-match",
        "authorization/concealment/reading-tells-nothing#if-modified-since",
        "authorization/concealment/reading-tells-nothing#if-none-match",
        "authorization/concealment/reading-tells-nothing#range",
    )

    def _for_hidden(self, answer: Answer, slug: str) -> Answer:
        answer.headers["Cache-Control"] = "private, max-age=60"
        return answer


class _HiddenProjectAnsweredSlower(_Hiding, Defect):
    """The contract's table of errors: a hidden project is answered like one that never existed (time)."""

    surface = "identity"

    delay_s = 0.02

    def _for_hidden(self, answer: Answer, slug: str) -> Answer:
        time.sleep(self.delay_s)
        return answer


class HiddenProjectAnsweredAMillisecondSlower(_HiddenProjectAnsweredSlower):
    """The contract's table of errors: a hidden project is answered like one that never existed (a look-up's time)."""

    noticed_by = ("authorization/concealment/hidden-takes-the-same-time",)

    delay_s = 0.001


class HiddenProjectReadable(Defect):
    """Projects: with a list of members, only those in it have access (reading)."""

    surface = "identity"
    noticed_by = ("authorization/concealment/hidden-is-not-shown", "authorization/matrix/project-membership-narrows")

    def can_see(self, original: Callable[[Caller, Project], bool], caller: Caller, project: Project) -> bool:
        return True


class HiddenProjectWritable(Defect):
    """Projects: with a list of members, only those in it have access (changing)."""

    surface = "identity"
    noticed_by = ("authorization/concealment/writing-tells-nothing#patch",)

    async def patch_project(self, original: Operation, call: Call) -> Answer:
        surface = surface_of(original)
        project = surface.find_project(call.organization, call.slug)
        if project and not surface.can_see(call.caller, project):
            surface.apply(project, surface.changes(call.organization, surface.body_object(call.request)))
            return surface.shown(project)
        return await original(call)


class HiddenProjectDeletable(Defect):
    """Projects: with a list of members, only those in it have access (deleting); a refused write changes nothing."""

    surface = "identity"
    noticed_by = ("authorization/concealment/writing-tells-nothing#delete",)

    async def delete_project(self, original: Operation, call: Call) -> Answer:
        project = surface_of(original).find_project(call.organization, call.slug)
        if project and not surface_of(original).can_see(call.caller, project):
            del call.organization.projects[project.slug]
        return await original(call)


class _BesideHidden:
    """Knows which paths lead to a project that exists, or below it."""

    def _hides(self, original: Api, segments: Segments) -> bool:
        organization = surface_of(original).organizations.get(str(segments[3])) if len(segments) > 5 else None
        return bool(organization and segments[4] == "projects" and str(segments[5]).lower() in organization.projects)


class ChildOfHiddenIs403(_BesideHidden, Defect):
    """The contract's table of errors: a path below a hidden project is answered as below one that never existed."""

    surface = "identity"
    noticed_by = (
        "authorization/concealment/paths-tell-nothing#child",
        "authorization/concealment/paths-tell-nothing#delete-unknown-child",
        "authorization/concealment/paths-tell-nothing#patch-unknown-child",
        "authorization/concealment/paths-tell-nothing#post-child",
        "authorization/concealment/paths-tell-nothing#trailing-slash",
        "authorization/concealment/paths-tell-nothing#unknown-child",
    )

    async def api(self, original: Api, request: Request, segments: Segments) -> Answer:
        answer = await original(request, segments)
        if answer.status == 404 and len(segments) > 6 and self._hides(original, segments):
            return surface_of(original).forbidden("project:read")
        return answer


class OptionsTellWhatExists(_BesideHidden, Defect):
    """RFC 9110 section 9.3.7: OPTIONS tells nobody which projects there are."""

    surface = "identity"
    noticed_by = ("authorization/concealment/reading-tells-nothing#options",)

    async def api(self, original: Api, request: Request, segments: Segments) -> Answer:
        answer = await original(request, segments)
        if answer.status == 204 and request.method == "OPTIONS" and len(segments) == 6:
            return answer if self._hides(original, segments) else surface_of(original).not_found()
        return answer


class UnknownMethodTellsWhatExists(_BesideHidden, Defect):
    """RFC 9110 section 15.5.6: 405 tells nobody which projects there are."""

    surface = "identity"
    noticed_by = (
        "authorization/concealment/writing-tells-nothing#post",
        "authorization/concealment/writing-tells-nothing#put",
    )

    async def api(self, original: Api, request: Request, segments: Segments) -> Answer:
        answer = await original(request, segments)
        if answer.status == 405 and len(segments) == 6 and not self._hides(original, segments):
            return surface_of(original).not_found()
        return answer


class OtherCaseOfHiddenIs403(_BesideHidden, Defect):
    """The contract's table of errors: a hidden slug in other letters is answered like any absent one."""

    surface = "identity"
    noticed_by = ("authorization/concealment/paths-tell-nothing#upper-case",)

    async def api(self, original: Api, request: Request, segments: Segments) -> Answer:
        try:
            return await original(request, segments)
        except Refused as refusal:
            if len(segments) == 6 and segments[5] != str(segments[5]).lower() and self._hides(original, segments):
                refusal.answer.status = 403
            raise


class HiddenProjectListed(Defect):
    """Projects: a list of projects has those that the caller has access to."""

    surface = "identity"
    noticed_by = (
        "authorization/concealment/lists-do-not-show-hidden",
        "authorization/concealment/lists-do-not-show-hidden#behind-its-owner",
        "authorization/concealment/lists-do-not-show-hidden#further-pages",
        "authorization/concealment/lists-do-not-show-hidden#in-other-forms",
    )

    def visible_projects(
        self, original: Callable[[Caller, Organization], list[Project]], caller: Caller, organization: Organization
    ) -> list[Project]:
        return sorted(organization.projects.values(), key=lambda project: project.slug)


class HiddenProjectCounted(Defect):
    """Projects: the total of a list counts what the caller has access to."""

    surface = "identity"
    noticed_by = ("authorization/concealment/totals-do-not-count-hidden",)

    async def get_projects(self, original: Operation, call: Call) -> Answer:
        answer = await original(call)
        return edited(answer, lambda document: document.update(total=len(call.organization.projects)))


class DuplicateOfHiddenIsNamed(Defect):
    """The contract's table of errors: 409 for a taken slug says no more of a hidden project than of any other."""

    surface = "identity"
    noticed_by = ("authorization/concealment/conflict-names-nothing-hidden",)

    async def post_projects(self, original: Operation, call: Call) -> Answer:
        answer = await original(call)
        surface = surface_of(original)
        if answer.status != 409:
            return answer
        project = surface.find_project(call.organization, surface.body_object(call.request)["slug"])
        if project and not surface.can_see(call.caller, project):
            return surface.conflict(f"The slug is taken by {project.name}.")
        return answer
