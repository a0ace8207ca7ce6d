"""Defects by which a caller reaches what another organization stored, or is shown it in some corner of an answer."""

from __future__ import annotations

import zlib
from collections.abc import Awaitable, Callable
from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.identity.support import edited, is_api_request, is_token_request, surface_of
from conformance.reference.http import Answer, Request
from conformance.reference.identity.bearer import Caller
from conformance.reference.identity.organization_api import Call, Segments
from conformance.reference.identity.records import CANARY, Organization, Project
from conformance.reference.seeds import ORGANIZATION, OTHER_ORGANIZATION

Operation = Callable[[Call], Awaitable[Answer]]
WHOLE_RUN = ("authorization/isolation/nothing-foreign-in-any-answer",)

Find = Callable[[Organization, str | None], Project | None]


class TrustInOneDirection(Defect):
    """The contract's table of errors: another organization is closed, also to a credential of the first one."""

    surface = "identity"
    noticed_by = (
        "authorization/isolation/foreign-paths-open-nothing#create",
        "authorization/isolation/foreign-paths-open-nothing#items",
        "authorization/isolation/foreign-paths-open-nothing#read",
    )

    def belongs_to(
        self, original: Callable[[Caller, Organization], bool], caller: Caller, organization: Organization
    ) -> bool:
        return original(caller, organization) or caller.client.organization == ORGANIZATION


class ForeignProjectFoundById(Defect):
    """OWASP API1: an id that is known everywhere opens what it names to its own organization alone."""

    surface = "identity"
    noticed_by = ("authorization/isolation/foreign-ids-under-own-parents-open-nothing#foreign-child",)

    def find_project(self, original: Find, organization: Organization, slug: str | None) -> Project | None:
        known = [each for one in surface_of(original).organizations.values() for each in one.projects.values()]
        return original(organization, slug) or next((each for each in known if self._id(each.slug) == slug), None)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if not is_api_request(request) or "/projects/" not in request.raw_path or answer.status != 200:
            return answer
        return edited(answer, lambda document: document.update(id=self._id(document["slug"])))

    def _id(self, slug: str) -> str:
        return f"project-{zlib.crc32(slug.encode()):08x}"


class ForeignReadIs403OnlyIfItExists(Defect):
    """OWASP API1: whether a thing of another organization exists is not told by 403 in place of 404."""

    surface = "identity"
    noticed_by = ("authorization/isolation/foreign-paths-open-nothing#items",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if answer.status == 404 and request.raw_path.endswith("/projects/globex-vault"):
            answer.status = 403
        return answer


class OrganizationFromQuery(Defect):
    """The contract's table of errors: no parameter of the query leads to another organization."""

    surface = "identity"
    noticed_by = ("authorization/isolation/foreign-ids-in-queries-show-nothing#organization",)

    async def get_projects(self, original: Operation, call: Call) -> Answer:
        named = surface_of(original).organizations.get(call.request.parameter("org") or "")
        return await original(Call(call.request, call.caller, named or call.organization, call.slug))


class OrganizationItselfFromQuery(Defect):
    """The contract's table of errors: nor does one lead to the other organization itself, of which little is told."""

    surface = "identity"
    noticed_by = ("authorization/isolation/foreign-ids-in-queries-show-nothing#organization",)

    async def get_organization(self, original: Operation, call: Call) -> Answer:
        named = surface_of(original).organizations.get(call.request.parameter("org") or "")
        return Answer.json(200, {"slug": (named or call.organization).slug})


class ForeignClientMadeMember(Defect):
    """Projects: membership narrows what is visible and lets nobody of another organization in."""

    surface = "identity"
    noticed_by = ("authorization/isolation/foreign-ids-in-bodies-reach-nothing#create",)

    def is_acceptable(self, original: Callable[..., bool], organization: Organization, name: str, value: Any) -> bool:
        known = set(surface_of(original).clients)
        if name == "members" and isinstance(value, list) and all(isinstance(each, str) for each in value):
            return set(value) <= known
        return original(organization, name, value)

    def belongs_to(
        self, original: Callable[[Caller, Organization], bool], caller: Caller, organization: Organization
    ) -> bool:
        guests = {member for project in organization.projects.values() for member in project.members}
        return original(caller, organization) or caller.client.client_id in guests


class OrganizationFromHeader(Defect):
    """OWASP API2: the organization is the token's, not one that a header field names."""

    surface = "identity"
    noticed_by = ("authorization/isolation/headers-lead-to-nothing-foreign#organization",)

    async def api(
        self, original: Callable[[Request, Segments], Awaitable[Answer]], request: Request, segments: Segments
    ) -> Answer:
        answer = await original(request, segments)
        named = surface_of(original).organizations.get(request.headers.get("x-tenant-id", ""))
        if answer.status == 200 and named and len(segments) == 4 and request.method == "GET":
            return Answer.json(200, named.document())
        return answer


class PathFromHeader(Defect):
    """OWASP API2: what is asked for is said by the request line, not by a field of a front end's."""

    surface = "identity"
    noticed_by = ("authorization/isolation/headers-lead-to-nothing-foreign#path",)

    async def api(
        self, original: Callable[[Request, Segments], Awaitable[Answer]], request: Request, segments: Segments
    ) -> Answer:
        answer = await original(request, segments)
        path = request.headers.get("x-rewrite-url", "")
        named = surface_of(original).organizations.get(OTHER_ORGANIZATION)
        if answer.status == 200 and named and path.endswith(f"/{OTHER_ORGANIZATION}/projects"):
            return surface_of(original).listing(request, [each.document() for each in named.projects.values()])
        return answer


class _Leak(Defect):
    """Puts what globex stored into a corner of an answer to somebody of acme."""

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        theirs = OTHER_ORGANIZATION in request.raw_path
        return answer if theirs or not self._leaks(request, answer) else self._leaked(answer)

    def _leaks(self, request: Request, answer: Answer) -> bool:
        """Whether this answer is one that leaks."""
        return False

    def _leaked(self, answer: Answer) -> Answer:
        """The answer with what is not the caller's."""
        answer.headers["X-Recently-Used"] = f"Vault {CANARY}"
        return answer


class ForeignClientNamedByTokenEndpoint(_Leak):
    """API Reference, Permissions: no text of another organization reaches a caller (a field of a refused token)."""

    surface = "identity"
    noticed_by = ("authorization/isolation/nothing-foreign-in-any-answer",)

    def _leaks(self, request: Request, answer: Answer) -> bool:
        return is_token_request(request) and answer.status == 401
