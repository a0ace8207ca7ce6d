"""Defects of lists that come in pages: what stands behind the first page is guarded less, or is not all there."""

from __future__ import annotations

import dataclasses
import html
from collections.abc import Awaitable, Callable
from typing import Any, ClassVar

from conformance.reference.defects.base import Defect
from conformance.reference.defects.identity.support import InPages, offset_of, surface_of
from conformance.reference.http import Answer, Request
from conformance.reference.identity import Identity
from conformance.reference.identity.organization_api import Call, Segments
from conformance.reference.identity.records import Organization
from conformance.reference.identity.state import Refused
from conformance.reference.identity.wire import path_segments

Api = Callable[[Request, Segments], Awaitable[Answer]]
Lists = Callable[[Request, list[dict[str, Any]]], Answer]


class _Behind(InPages, Defect):
    """Members: the pages behind the first are asked for less than the first."""

    surface = "identity"
    noticed_by: ClassVar[tuple[str, ...]] = ("authorization/matrix/pages-need-what-their-list-needs",)

    async def api(self, original: Api, request: Request, segments: Segments) -> Answer:
        surface = surface_of(original)
        if surface.route(segments) != "members" or not offset_of(surface, request):
            return await original(request, segments)
        return surface.listing(request, list(self._opened(surface, request, segments).members))

    def _opened(self, surface: Identity, request: Request, segments: Segments) -> Organization:
        return surface.organizations[str(segments[3])]


class FurtherPagesNeedNoToken(_Behind):
    """The contract's table of errors: 401 without a token, on each page of a list and not the first alone."""

    noticed_by = (
        "authorization/matrix/no-token-is-401#second-page",
        "authorization/matrix/pages-need-what-their-list-needs#foreign",
        "authorization/matrix/pages-need-what-their-list-needs#lacking-scope",
    )


class LastPageLeadsToItself(InPages, Defect):
    """RFC 8288 section 3: a link to the next page leads to another one; here a list has no end."""

    surface = "identity"
    noticed_by = ("errors/reads/pages-are-the-whole-list",)
    size = 7

    def listing(self, original: Lists, request: Request, entries: list[dict[str, Any]]) -> Answer:
        answer = super().listing(original, request, entries)
        if "link" not in answer.headers:
            answer.headers["Link"] = f'<?offset={offset_of(surface_of(original), request)}>; rel="next"'
        return answer


class ListEndsWithItsFirstPage(Defect):
    """RFC 9110 section 9.3.1: a list is of all that is there; here no page follows the first, as it says itself."""

    surface = "identity"
    noticed_by = ("errors/reads/pages-are-the-whole-list",)

    def listing(self, original: Lists, request: Request, entries: list[dict[str, Any]]) -> Answer:
        return Answer.json(200, {"items": entries[:7], "next": None})


class PagesOverlap(InPages, Defect):
    """RFC 9110 section 9.3.1: a list is of what is there; here the next page begins with the last of the one before."""

    surface = "identity"
    noticed_by = ("errors/reads/pages-name-each-once",)
    size, lost = 7, -1


class NextPageIsRefused(InPages, Defect):
    """RFC 8288 section 3.3: what a list names as its next page is one; here it is refused."""

    surface = "identity"
    noticed_by = ("errors/reads/pages-are-the-whole-list",)
    size = 7

    def listing(self, original: Lists, request: Request, entries: list[dict[str, Any]]) -> Answer:
        if request.parameter("offset") is not None:
            raise Refused(surface_of(original).invalid("offset is unknown."))
        return super().listing(original, request, entries)


class CursorLeadsBackToItsList(InPages, Defect):
    """OWASP API1: whose list a page is of is said by its path; here what leads to the next page says it as well."""

    surface = "identity"
    noticed_by = ("authorization/isolation/foreign-ids-in-queries-show-nothing#cursor",)

    def listing(self, original: Lists, request: Request, entries: list[dict[str, Any]]) -> Answer:
        answer = super().listing(original, request, entries)
        if "link" in answer.headers:
            whose = path_segments(request.raw_path)[3]
            answer.headers["Link"] = answer.headers["Link"].replace("<?", f"<?of={whose}&", 1)
        return answer

    async def get_projects(self, original: Callable[[Call], Awaitable[Answer]], call: Call) -> Answer:
        whose = surface_of(original).organizations.get(call.request.parameter("of") or "")
        return await original(dataclasses.replace(call, organization=whose) if whose else call)


class ListsEscapeTextsTwice(Defect):
    """RFC 9110 section 9.3.1: a list tells what is there; here its texts are escaped as for a page, the item's not."""

    surface = "identity"
    noticed_by = ("errors/reads/lists-tell-what-is-so#as-written",)

    def listing(self, original: Lists, request: Request, entries: list[dict[str, Any]]) -> Answer:
        return original(request, [{name: self._told(each) for name, each in entry.items()} for entry in entries])

    def _told(self, value: Any) -> Any:
        return html.escape(value) if isinstance(value, str) else value


class ListsWrittenByHand(Defect):
    """RFC 8259 section 7: a tab in a string is escaped; here a list is put together from its items' texts."""

    surface = "identity"
    noticed_by = ("errors/reads/lists-tell-what-is-so#as-written",)

    def listing(self, original: Lists, request: Request, entries: list[dict[str, Any]]) -> Answer:
        answer = original(request, entries)
        answer.body = answer.body.replace(b"\\t", b"\t")
        return answer


class FurtherPagesAreNoJson(InPages, Defect):
    """RFC 9110 section 8.3: what is JSON says so, on each page of a list."""

    surface = "identity"
    noticed_by = ("errors/shape/json-is-told",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if "offset=" in request.query_string and answer.body.startswith(b"{"):
            answer.headers["Content-Type"] = "text/html; charset=utf-8"
        return answer


class ListsCutLongNames(Defect):
    """Projects: a slug is used in routes; here a list is of a column that is narrower than a slug may be."""

    surface = "identity"
    noticed_by = ("errors/reads/lists-tell-what-is-so#as-written",)

    def listing(self, original: Lists, request: Request, entries: list[dict[str, Any]]) -> Answer:
        return original(request, [each | {"slug": each["slug"][:32]} if "slug" in each else each for each in entries])


class ListIsEmpty(Defect):
    """RFC 9110 section 9.3.1: a list is of what is there; here it is of nothing, whatever is created."""

    surface = "identity"
    noticed_by = ("errors/reads/lists-tell-what-is-so#of-what-there-is",)

    def listing(self, original: Lists, request: Request, entries: list[dict[str, Any]]) -> Answer:
        return original(request, [])
