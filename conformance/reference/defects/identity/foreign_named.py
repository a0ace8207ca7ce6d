"""Defects in what is made of the names of others' things: it fails, or its answer tells of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.identity.support import edited, is_api_request, surface_of
from conformance.reference.http import Answer, Request
from conformance.reference.identity import Identity
from conformance.reference.identity.bearer import Caller
from conformance.reference.identity.organization_api import Call
from conformance.reference.identity.records import Organization, Project
from conformance.reference.identity.wire import path_segments

Operation = Callable[[Call], Awaitable[Answer]]
Create = Callable[[Organization, Project], Awaitable[bool]]
Finish = Callable[[Request, Answer], Answer]
BODIES = ("authorization/isolation/foreign-ids-in-bodies-reach-nothing",)
EQUAL = ("authorization/isolation/equal-names-are-two-things",)
HIDDEN = ("authorization/concealment/creation-replaces-nothing-hidden",)


def _elsewhere(surface: Identity, organization: Organization, slug: Any) -> Project | None:
    """The project of a slug in another organization."""
    others = [each for each in surface.organizations.values() if each is not organization]
    return next((each.projects[slug] for each in others if isinstance(slug, str) and slug in each.projects), None)


class NamedOrganizationCrashes(Defect):
    """The contract's table of errors: 400 for a member that names another organization, never a 5xx."""

    surface = "identity"
    noticed_by = ("authorization/isolation/foreign-ids-in-bodies-reach-nothing#create",)
    crashes = (PermissionError,)

    async def post_projects(self, original: Operation, call: Call) -> Answer:
        surface = surface_of(original)
        named = surface.body_object(call.request).get("organization")
        if named in surface.organizations and named != call.organization.slug:
            raise PermissionError(f"row-level security: {named}")
        return await original(call)


class RefusalDescribesNamedParent(Defect):
    """OWASP API1: a refusal does not describe the thing of another organization that the body named."""

    surface = "identity"
    noticed_by = ("authorization/isolation/foreign-ids-in-bodies-reach-nothing#update",)

    async def patch_project(self, original: Operation, call: Call) -> Answer:
        surface = surface_of(original)
        named = _elsewhere(surface, call.organization, surface.body_object(call.request).get("parent"))
        return surface.invalid(f"{named.name} cannot be the parent.") if named else await original(call)


class FilterByForeignSlugCrashes(Defect):
    """The contract's table of errors: a slug of another organization in a query is ignored, or 400, never a 5xx."""

    surface = "identity"
    noticed_by = ("authorization/isolation/foreign-ids-in-queries-show-nothing#thing",)
    crashes = (LookupError,)

    async def get_projects(self, original: Operation, call: Call) -> Answer:
        if _elsewhere(surface_of(original), call.organization, call.request.parameter("parent")):
            raise LookupError("the parent is not among the projects of this organization")
        return await original(call)


class ForeignTenantOfTokenCrashes(Defect):
    """RFC 6749 section 3.2: unrecognized parameters are ignored; one that names another organization is no 5xx."""

    surface = "identity"
    noticed_by = ("authorization/isolation/token-parameters-lead-to-nothing-foreign",)
    crashes = (LookupError,)

    def refuse_duplicates(
        self, original: Callable[[list[tuple[str, str]]], None], pairs: list[tuple[str, str]]
    ) -> None:
        if dict(pairs).get("tenant") in surface_of(original).organizations:
            raise LookupError("the client is not in this tenant")
        original(pairs)


class SlugOfAnotherOrganizationCrashes(Defect):
    """The contract's table of errors: a slug that another organization has is no 5xx (one index over all of them)."""

    surface = "identity"
    noticed_by = ("authorization/isolation/equal-names-are-two-things",)
    crashes = (LookupError,)

    async def create_project(self, original: Create, organization: Organization, project: Project) -> bool:
        if _elsewhere(surface_of(original), organization, project.slug):
            raise LookupError("UNIQUE constraint failed: projects.slug")
        return await original(organization, project)


class ConflictShowsForeignProject(Defect):
    """OWASP API1: a conflict does not show the project of another organization that has the name."""

    surface = "identity"
    noticed_by = ("authorization/isolation/equal-names-are-two-things",)

    async def post_projects(self, original: Operation, call: Call) -> Answer:
        surface = surface_of(original)
        taken = _elsewhere(surface, call.organization, surface.body_object(call.request).get("slug"))
        if taken is None:
            return await original(call)
        return edited(surface.conflict("The slug is taken."), lambda each: each.update(existing=taken.document()))


class OrganizationOfFieldIsEntered(Defect):
    """OWASP API1: a field that any caller can set makes nobody one of another organization."""

    surface = "identity"
    noticed_by = ("authorization/isolation/headers-lead-to-nothing-foreign#organization",)

    def __init__(self) -> None:
        self.entered: str | None = None

    def caller(self, original: Callable[[Request], Caller], request: Request) -> Caller:
        found = original(request)
        self.entered = request.headers.get("x-tenant-id")
        return found

    def belongs_to(
        self, original: Callable[[Caller, Organization], bool], caller: Caller, organization: Organization
    ) -> bool:
        return original(caller, organization) or organization.slug == self.entered


class RefusedPutShowsWhatIsThere(Defect):
    """The contract's table of errors: 401 without a token, and what is stored is in no refusal of whatever method."""

    surface = "identity"
    noticed_by = ("authorization/isolation/nothing-reaches-another-organization#no-token",)

    def finish(self, original: Finish, request: Request, answer: Answer) -> Answer:
        segments = path_segments(request.raw_path)
        if is_api_request(request) and request.method == "PUT" and answer.status >= 400 and len(segments) > 5:
            organization = surface_of(original).organizations.get(str(segments[3]))
            found = organization.projects.get(str(segments[5])) if organization else None
            if found is not None:
                answer = edited(answer, lambda document: document.update(current=found.document()))
        return original(request, answer)


class HiddenSlugCrashes(Defect):
    """The contract's table of errors: who creates what is hidden from it is told no 5xx."""

    surface = "identity"
    noticed_by = ("authorization/concealment/creation-replaces-nothing-hidden",)
    crashes = (LookupError,)

    async def post_projects(self, original: Operation, call: Call) -> Answer:
        surface = surface_of(original)
        found = surface.find_project(call.organization, surface.body_object(call.request).get("slug"))
        if found is not None and not surface.can_see(call.caller, found):
            raise LookupError("UNIQUE constraint failed: projects.slug")
        return await original(call)


class ConflictShowsHiddenProject(Defect):
    """Projects: what is hidden from a caller is not shown to it by the conflict with it."""

    surface = "identity"
    noticed_by = ("authorization/concealment/creation-replaces-nothing-hidden",)

    async def post_projects(self, original: Operation, call: Call) -> Answer:
        surface = surface_of(original)
        answer = await original(call)
        found = surface.find_project(call.organization, surface.body_object(call.request).get("slug"))
        if found is None or answer.status != 409 or surface.can_see(call.caller, found):
            return answer
        return edited(answer, lambda document: document.update(existing=found.document()))


class HiddenStaysListed(Defect):
    """Projects: a list names what the caller may see now, and not what it was shown before (a cache for each)."""

    surface = "identity"
    noticed_by = ("authorization/concealment/hiding-hides-at-once",)

    def __init__(self) -> None:
        self.shown: dict[str, set[str]] = {}

    def visible_projects(
        self, original: Callable[[Caller, Organization], list[Project]], caller: Caller, organization: Organization
    ) -> list[Project]:
        known = self.shown.setdefault(caller.client.client_id, set())
        seen = original(caller, organization)
        seen += [organization.projects[each] for each in sorted(known) if each in organization.projects]
        known.update(each.slug for each in seen)
        return list({each.slug: each for each in seen}.values())


class HidingShutsOutItsOwner(Defect):
    """Projects: a list of members is those in it, and who names itself in an update is in it."""

    surface = "identity"
    noticed_by = ("authorization/concealment/hiding-hides-at-once",)

    def changes(
        self,
        original: Callable[[Organization, dict[str, Any]], dict[str, Any]],
        organization: Organization,
        body: dict[str, Any],
    ) -> dict[str, Any]:
        changes = original(organization, body)
        return changes | {"members": ["-"]} if changes.get("members") else changes
