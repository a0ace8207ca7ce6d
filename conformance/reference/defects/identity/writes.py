"""Defects in what a write reaches, and in what becomes of its texts."""

from __future__ import annotations

import html
import time
from collections.abc import Awaitable, Callable
from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.identity.support import is_api_request, surface_of
from conformance.reference.http import Answer, Request
from conformance.reference.identity.organization_api import Call
from conformance.reference.identity.records import Organization, Project

Holds = Callable[[], bool]
Removes = Callable[[Organization, Project, Holds], Awaitable[bool]]
Matches = Callable[[Request, Project], bool]
Finds = Callable[[Organization, str | None], Project | None]
Checked = Callable[[Organization, dict[str, Any]], dict[str, Any]]


class DeletionReachesLongerNames(Defect):
    """RFC 9110 section 9.3.5: DELETE removes its target, and nothing whose name begins like it."""

    surface = "identity"
    noticed_by = ("errors/writes/leave-everything-else-alone",)

    async def remove_project(
        self, original: Removes, organization: Organization, project: Project, still_holds: Holds
    ) -> bool:
        removed = await original(organization, project, still_holds)
        for slug in [each for each in organization.projects if removed and each.startswith(project.slug)]:
            del organization.projects[slug]
        return removed


class UpdateReplacesTheWhole(Defect):
    """RFC 5789 section 2: a PATCH is a set of instructions; what it does not name stays."""

    surface = "identity"
    noticed_by = ("errors/writes/leave-everything-else-alone",)

    def apply(
        self, original: Callable[[Project, dict[str, Any]], None], project: Project, changes: dict[str, Any]
    ) -> None:
        original(project, {"name": project.slug, "description": "", "members": [], **changes})


class RefusedUpdateSetsWhatIsGood(Defect):
    """The contract's table of errors: an update refused with 400 changes nothing, its good members included."""

    surface = "identity"
    noticed_by = ("errors/400/member-of-wrong-type#update",)
    members: tuple[str, ...] = ("name", "description")

    async def patch_project(self, original: Callable[[Call], Awaitable[Answer]], call: Call) -> Answer:
        surface = surface_of(original)
        project = surface.visible_project(call.caller, call.organization, call.slug)
        for name, value in surface.body_object(call.request).items():
            if name in self.members and surface.is_acceptable(call.organization, name, value):
                setattr(project, name, value)
        return await original(call)


class RefusedUpdateSetsItsDescription(RefusedUpdateSetsWhatIsGood):
    """The contract's table of errors: the same, where a description is kept elsewhere, and written first."""

    surface = "identity"
    noticed_by = ("errors/400/member-of-wrong-type#update",)
    members = ("description",)


class HiddenChangesEntityTagOfList(Defect):
    """The contract's table of errors: what is hidden changes no validator of what others read."""

    surface = "identity"
    noticed_by = ("authorization/concealment/new-hidden-things-change-nothing",)

    async def get_projects(self, original: Callable[[Call], Awaitable[Answer]], call: Call) -> Answer:
        answer = await original(call)
        answer.headers["ETag"] = f'"{len(call.organization.projects)}"'
        return answer


class AbsenceRemembered(Defect):
    """RFC 9110 section 9.3.1: GET tells the current state, also of what was absent a moment ago."""

    surface = "identity"
    noticed_by = ("errors/reads/tell-what-was-written",)

    def __init__(self) -> None:
        self.absent: dict[tuple[str, str | None], float] = {}

    def find_project(self, original: Finds, organization: Organization, slug: str | None) -> Project | None:
        found, key = original(organization, slug), (organization.slug, slug)
        if found is None:
            self.absent[key] = time.monotonic()
        return None if time.monotonic() - self.absent.get(key, -2.0) < 2.0 else found


class FirstEntityTagCounts(Defect):
    """RFC 9110 section 13.1.1: the condition is true if any of the listed tags match."""

    surface = "identity"
    noticed_by = (
        "errors/409/if-match-takes-lists-and-any#list",
        "errors/409/if-match-takes-lists-and-any#nothing-before",
    )

    def if_match_holds(self, original: Matches, request: Request, project: Project) -> bool:
        tags = request.headers.get("if-match", "").split(",")
        return tags[0].strip() == project.etag if len(tags) > 1 else original(request, project)


class AnyEntityTagIsNone(Defect):
    """RFC 9110 section 13.1.1: with ``*`` the condition is true where there is a current representation."""

    surface = "identity"
    noticed_by = ("errors/409/if-match-takes-lists-and-any#any",)

    def if_match_holds(self, original: Matches, request: Request, project: Project) -> bool:
        return request.headers.get("if-match") != "*" and original(request, project)


class WeakEntityTagMatches(Defect):
    """RFC 9110 section 13.1.1: If-Match MUST be compared strongly."""

    surface = "identity"
    noticed_by = ("errors/409/if-match-is-compared-strongly",)

    def if_match_holds(self, original: Matches, request: Request, project: Project) -> bool:
        return request.headers.get("if-match") == f"W/{project.etag}" or original(request, project)


class TextsChanged(Defect):
    """What is stored of a text is not what was sent."""

    noticed_by = ("errors/reads/texts-come-back-as-sent",)

    def checked_fields(self, original: Checked, organization: Organization, body: dict[str, Any]) -> dict[str, Any]:
        fields = original(organization, body)
        return {name: self._stored(value) if isinstance(value, str) else value for name, value in fields.items()}

    def _stored(self, text: str) -> str:
        raise NotImplementedError


class AnswersInLatin1(Defect):
    """RFC 8259 section 8.1: JSON is in UTF-8."""

    surface = "identity"
    noticed_by = ("errors/reads/texts-come-back-as-sent#accents", "errors/reads/texts-come-back-as-sent#letters")

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if is_api_request(request):
            answer.body = answer.body.replace(b"\\u00e4", b"\xe4").replace("\u00e4".encode(), b"\xe4")
            del answer.headers["Content-Length"]
        return answer


class BodiesReadAsLatin1(Defect):
    """RFC 8259 section 8.1: JSON is in UTF-8, with or without escapes, in what is written as well."""

    surface = "identity"
    noticed_by = (
        "errors/reads/texts-come-back-as-sent#long-of-three-bytes",
        "errors/reads/texts-come-back-as-sent#unseen",
    )

    def parsed(self, original: Callable[[bytes], dict[str, Any]], body: bytes) -> dict[str, Any]:
        return original(body.decode("latin-1").encode())


class MarksStoredAsMarkup(TextsChanged):
    """RFC 9110 section 9.3.1: what is read is what was written, not a page's way to show it."""

    surface = "identity"
    noticed_by = ("errors/reads/texts-come-back-as-sent#marks", "errors/reads/texts-come-back-as-sent#markup")

    def _stored(self, text: str) -> str:
        return html.escape(text)


class TextCutAt255(TextsChanged):
    """RFC 9110 section 9.3.1: what is read is what was written, to its end (a column of 255 characters)."""

    surface = "identity"
    noticed_by = ("errors/reads/texts-come-back-as-sent#long", "errors/reads/texts-come-back-as-sent#very-long")

    def _stored(self, text: str) -> str:
        return text[:255]


class PlusSignsOfTextsAreBlanks(TextsChanged):
    """RFC 9110 section 9.3.1: what is read is what was written, and not read as if it were a form."""

    surface = "identity"
    noticed_by = (
        "errors/reads/texts-come-back-as-sent#formula",
        "errors/reads/texts-come-back-as-sent#lines",
        "errors/reads/texts-come-back-as-sent#moment",
    )

    def _stored(self, text: str) -> str:
        return text.replace("+", " ")


class ApiCharsetRefused(Defect):
    """RFC 8259 section 11: a charset behind application/json has no effect."""

    surface = "identity"
    noticed_by = (
        "errors/writes/media-type-is-known-in-any-form#blank-before",
        "errors/writes/media-type-is-known-in-any-form#charset",
        "errors/writes/media-type-is-known-in-any-form#quoted-charset",
    )

    def is_json(self, original: Callable[[Request], bool], request: Request) -> bool:
        return original(request) and ";" not in request.headers["content-type"]


class ApiMediaTypeComparedWithCase(Defect):
    """RFC 9110 section 8.3.1: type and subtype are case-insensitive."""

    surface = "identity"
    noticed_by = ("errors/writes/media-type-is-known-in-any-form#upper-case",)

    def is_json(self, original: Callable[[Request], bool], request: Request) -> bool:
        return original(request) and request.headers["content-type"].startswith("application/json")


class BrowserShownStackTrace(Defect):
    """OWASP API8: errors show no stack trace, also where they are pages for a browser."""

    surface = "identity"
    noticed_by = ("errors/shape/shows-browsers-no-internals#400-invalid-body",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if is_api_request(request) and answer.status >= 400 and "text/html" in request.headers.get("accept", ""):
            answer.headers["Content-Type"] = "text/html"
            answer.body = b'<pre>Traceback (most recent call last):\n  File "/srv/app/views.py", line 10, in get</pre>'
        return answer
