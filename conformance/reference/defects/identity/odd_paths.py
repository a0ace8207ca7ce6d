"""Defects in where a path leads, what a page leaves out, and whom what is hidden is kept from."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.identity.support import is_api_request, surface_of
from conformance.reference.http import Answer, Request
from conformance.reference.identity.bearer import Caller
from conformance.reference.identity.organization_api import Call
from conformance.reference.identity.records import Organization, Project
from conformance.reference.identity.state import Refused

Segments = tuple[str | None, ...]
Serves = Callable[[Request, Segments], Awaitable[Answer]]


def resolved(segments: Segments) -> list[str | None]:
    """The segments without dots (RFC 3986 section 5.2.4)."""
    kept: list[str | None] = []
    for segment in segments:
        if segment == "..":
            kept = kept[:-1]
        elif segment != ".":
            kept.append(segment)
    return kept


class OrganizationReadBeforeDots(Defect):
    """The contract's table of errors: 403 without access to the organization that a path leads to (late dots)."""

    surface = "identity"
    noticed_by = ("authorization/isolation/dots-lead-to-nothing-foreign#plain",)
    dots = "/../"
    first: str | None = None

    async def api(self, original: Serves, request: Request, segments: Segments) -> Answer:
        self.first = segments[3] if self.dots in request.raw_path and len(segments) > 3 else None
        # A slash that was encoded is one segment with what is around it until it is decoded.
        decoded = [part for segment in segments for part in (segment or "").split("/")]
        return await original(request, tuple(resolved(tuple(decoded))) if self.first else segments)

    def belongs_to(
        self, original: Callable[[Caller, Organization], bool], caller: Caller, organization: Organization
    ) -> bool:
        return self.first == caller.client.organization or original(caller, organization)


class OrganizationReadBeforeEncodedDots(OrganizationReadBeforeDots):
    """The contract's table of errors: 403 without access to the organization that a path leads to (dots encoded)."""

    noticed_by = ("authorization/isolation/dots-lead-to-nothing-foreign#encoded",)
    dots = "/%2e%2e/"


class OrganizationReadBeforeEncodedSlash(OrganizationReadBeforeDots):
    """The contract's table of errors: 403 without access to the organization that a path leads to (a slash encoded)."""

    noticed_by = ("authorization/isolation/dots-lead-to-nothing-foreign#encoded-slash",)
    dots = "/..%2f"


class DeletionBySlashIsUnguarded(Defect):
    """OWASP API5: who may delete is decided by what is deleted, not by how its path ends."""

    surface = "identity"
    noticed_by = ("authorization/isolation/path-tricks-change-nothing",)

    async def api(self, original: Serves, request: Request, segments: Segments) -> Answer:
        if request.method != "DELETE" or len(segments) != 7 or segments[-1]:
            return await original(request, segments)
        organization = surface_of(original).organizations.get(str(segments[3]))
        gone = organization.projects.pop(str(segments[5]), None) if organization else None
        return Answer(204) if gone else surface_of(original).not_found()


class PageCutBeforeHiding(Defect):
    """Projects: a page has as many of what the caller has access to as there are, not what hidden ones left of it."""

    surface = "identity"
    noticed_by = ("authorization/concealment/totals-do-not-count-hidden",)

    async def get_projects(self, original: Callable[[Call], Awaitable[Answer]], call: Call) -> Answer:
        surface = surface_of(original)
        limit = surface.bound(call.request, "limit", 50, 1, 200)
        offset = surface.bound(call.request, "offset", 0, 0, 999_999_999)
        every = sorted(call.organization.projects.values(), key=lambda project: project.slug)
        seen = surface.visible_projects(call.caller, call.organization)
        page = [each.document() for each in every[offset : offset + limit] if each in seen]
        return Answer.json(200, {"items": page, "total": len(seen), "limit": limit, "offset": offset})


class ForeignItemNotModified(Defect):
    """RFC 9110 section 13.2.1: preconditions are looked at after access, that to the organization included."""

    surface = "identity"
    noticed_by = ("authorization/matrix/preconditions-come-after-access#foreign",)
    path, tag = "", ""

    def visible_organization(
        self, original: Callable[[Caller, str | None], Organization], caller: Caller, slug: str | None
    ) -> Organization:
        found = surface_of(original).organizations.get(slug or "")
        project = found.projects.get(self.path.rpartition("/")[2]) if found else None
        if project and project.etag == self.tag:
            raise Refused(Answer(304))
        return original(caller, slug)

    async def api(self, original: Serves, request: Request, segments: Segments) -> Answer:
        self.path, self.tag = request.raw_path, request.headers.get("if-none-match", "")
        return await original(request, segments)


class OrganizationFromForwardedHost(Defect):
    """OWASP API2: the organization is the token's, not one whose host a header field names."""

    surface = "identity"
    noticed_by = ("authorization/isolation/headers-lead-to-nothing-foreign#host",)

    async def api(self, original: Serves, request: Request, segments: Segments) -> Answer:
        host = request.headers.get("x-forwarded-host", "").partition(".")[0]
        answer = await original(request, segments)
        named = surface_of(original).organizations.get(host)
        if answer.status == 200 and named and len(segments) == 4 and request.method == "GET":
            return Answer.json(200, named.document())
        return answer


class HiddenFromEverybodysList(Defect):
    """Projects: a list of members is who has access; to them the list of projects shows it."""

    surface = "identity"
    noticed_by = ("authorization/concealment/hidden-is-its-members-own",)

    def visible_projects(
        self, original: Callable[[Caller, Organization], list[Project]], caller: Caller, organization: Organization
    ) -> list[Project]:
        return [project for project in original(caller, organization) if not project.members]


class HiddenIsNobodysToChange(Defect):
    """Projects: a list of members is who has access, to change it as well."""

    surface = "identity"
    noticed_by = ("authorization/concealment/hidden-is-its-members-own",)
    method, asked = "PATCH", ""

    def visible_project(
        self, original: Callable[[Caller, Organization, str | None], Project], caller: Caller, *given: Any
    ) -> Project:
        project = original(caller, *given)
        if project.members and self.asked == self.method:
            raise Refused(surface_of(original).not_found())
        return project

    async def api(self, original: Serves, request: Request, segments: Segments) -> Answer:
        self.asked = request.method
        return await original(request, segments)


class OrganizationOfOtherCaseCrashes(Defect):
    """The contract's table of errors: 404 for what is not there; here capitals pass the look at who belongs to it."""

    surface = "identity"
    noticed_by = ("errors/5xx/no-path-is-a-server-error#upper-case",)
    crashes = (KeyError,)

    def visible_organization(
        self, original: Callable[[Caller, str | None], Organization], caller: Caller, slug: str | None
    ) -> Organization:
        own = caller.client.organization
        return surface_of(original).organizations[slug or ""] if (slug or "").lower() == own else original(caller, slug)


class PathsRepeatedUnescaped(Defect):
    """The contract's table of errors: one shape of error; here one that a path can break."""

    surface = "identity"
    noticed_by = ("errors/shape/is-one#backslash", "errors/shape/is-one#line-end", "errors/shape/is-one#quotation-mark")

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if is_api_request(request) and answer.status == 404:
            answer.body = answer.body.replace(b"such resource", request.path.encode())
            del answer.headers["Content-Length"]
        return answer


class ParameterBehindOpensHidden(Defect):
    """Projects: who may see one is asked by its whole name, a parameter behind it included, and it is found without."""

    surface = "identity"
    noticed_by = ("authorization/concealment/paths-tell-nothing#parameter-behind",)

    async def get_project(self, original: Callable[[Call], Awaitable[Answer]], call: Call) -> Answer:
        name = self._named(call.slug or "")
        found = call.organization.projects.get(name) if name != call.slug else None
        return surface_of(original).shown(found) if found else await original(call)

    def _named(self, segment: str) -> str:
        return segment.partition(";")[0]


class ExtensionOpensHidden(ParameterBehindOpensHidden):
    """Projects: nor does an extension that asks for another form of it open what is hidden."""

    noticed_by = ("authorization/concealment/paths-tell-nothing#extension",)

    def _named(self, segment: str) -> str:
        return segment.removesuffix(".json")
