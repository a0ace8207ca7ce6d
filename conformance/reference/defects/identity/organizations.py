"""Defects of the organization API: bodies, error shapes, headers, methods."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.identity.support import is_api_request, surface_of
from conformance.reference.http import Answer, Request
from conformance.reference.identity.organization_api import Call
from conformance.reference.identity.records import Organization, Project

Parse = Callable[[bytes], dict[str, Any]]
Operation = Callable[[Call], Awaitable[Answer]]
Refuse = Callable[[dict[str, Any], frozenset[str]], None]
Acceptable = Callable[[Organization, str, Any], bool]


class InvalidBodyCrashes(Defect):
    """The contract's table of errors: 400 for an invalid body, never a 5xx."""

    surface = "identity"
    noticed_by = (
        "errors/400/body-that-is-no-json-object#array-create",
        "errors/400/body-that-is-no-json-object#array-update",
        "errors/400/body-that-is-no-json-object#cut-create",
        "errors/400/body-that-is-no-json-object#cut-update",
        "errors/400/body-that-is-no-json-object#empty-create",
        "errors/400/body-that-is-no-json-object#empty-update",
        "errors/400/body-that-is-no-json-object#invalid-utf8-create",
        "errors/400/body-that-is-no-json-object#invalid-utf8-update",
        "errors/400/body-that-is-no-json-object#nan-create",
        "errors/400/body-that-is-no-json-object#nan-update",
        "errors/400/body-that-is-no-json-object#null-create",
        "errors/400/body-that-is-no-json-object#null-update",
        "errors/400/body-that-is-no-json-object#number-create",
        "errors/400/body-that-is-no-json-object#number-update",
        "errors/400/body-that-is-no-json-object#single-quotes-create",
        "errors/400/body-that-is-no-json-object#single-quotes-update",
        "errors/400/body-that-is-no-json-object#string-create",
        "errors/400/body-that-is-no-json-object#string-update",
        "errors/400/body-that-is-no-json-object#text-create",
        "errors/400/body-that-is-no-json-object#text-update",
        "errors/400/body-that-is-no-json-object#trailing-comma-create",
        "errors/400/body-that-is-no-json-object#trailing-comma-update",
        "errors/400/body-that-is-no-json-object#two-documents-create",
        "errors/400/body-that-is-no-json-object#two-documents-update",
        "errors/table/400-invalid-body",
    )
    crashes = (RuntimeError,)

    def parsed(self, original: Parse, body: bytes) -> dict[str, Any]:
        try:
            return original(body)
        except ValueError as mistake:
            raise RuntimeError("unhandled") from mistake


class DeepBodyCrashes(Defect):
    """The contract's table of errors: 400 for a body nested too deeply, never a 5xx."""

    surface = "identity"
    noticed_by = (
        "errors/5xx/heavy-bodies-are-no-server-error#deep-array-create",
        "errors/5xx/heavy-bodies-are-no-server-error#deep-array-update",
        "errors/5xx/heavy-bodies-are-no-server-error#deep-object-create",
        "errors/5xx/heavy-bodies-are-no-server-error#deep-object-update",
    )
    crashes = (RecursionError,)

    def parsed(self, original: Parse, body: bytes) -> dict[str, Any]:
        if max(body.count(b"["), body.count(b"{")) > 500:
            raise RecursionError("maximum recursion depth exceeded")
        return original(body)


class WrongTypeCrashes(Defect):
    """The contract's table of errors: 400 for a member of the wrong type, never a 5xx."""

    surface = "identity"
    noticed_by = ("errors/400/member-of-wrong-type#create",)
    crashes = (AttributeError,)

    def is_acceptable(self, original: Acceptable, organization: Organization, name: str, value: Any) -> bool:
        if name != "members" and not isinstance(value, str) and value is not None:
            raise AttributeError(f"'{type(value).__name__}' object has no attribute 'strip'")
        return original(organization, name, value)


class NulInTextCrashes(Defect):
    """The contract's table of errors: 400 for a NUL in a text, never a 5xx."""

    surface = "identity"
    noticed_by = ("errors/5xx/heavy-bodies-are-no-server-error#nul-update",)
    crashes = (ValueError,)

    def is_acceptable(self, original: Acceptable, organization: Organization, name: str, value: Any) -> bool:
        if isinstance(value, str) and "\0" in value:
            raise ValueError("A string literal cannot contain NUL (0x00) characters.")
        return original(organization, name, value)


class LoneSurrogateCrashes(Defect):
    """RFC 8259 section 8.2: an unpaired surrogate is no text; 400, never a 5xx."""

    surface = "identity"
    noticed_by = ("errors/5xx/heavy-bodies-are-no-server-error#lone-surrogate-update",)
    crashes = (UnicodeEncodeError,)

    def is_acceptable(self, original: Acceptable, organization: Organization, name: str, value: Any) -> bool:
        if isinstance(value, str):
            value.encode()
        return original(organization, name, value)


class AnySlugAccepted(Defect):
    """Projects: a slug matches [a-z0-9][a-z0-9-]*[a-z0-9]."""

    surface = "identity"
    noticed_by = (
        "errors/400/slug-outside-its-pattern#blank",
        "errors/400/slug-outside-its-pattern#dot",
        "errors/400/slug-outside-its-pattern#hyphen-before",
        "errors/400/slug-outside-its-pattern#hyphen-behind",
        "errors/400/slug-outside-its-pattern#newline-behind",
        "errors/400/slug-outside-its-pattern#non-ascii",
        "errors/400/slug-outside-its-pattern#percent",
        "errors/400/slug-outside-its-pattern#slash",
        "errors/400/slug-outside-its-pattern#underscore",
        "errors/400/slug-outside-its-pattern#upper-case",
    )

    def is_slug(self, original: Callable[[Any], bool], slug: Any) -> bool:
        return isinstance(slug, str) and bool(slug)


class ApiContentTypeIgnored(Defect):
    """The contract's table of errors: 400 for a body that is not said to be JSON."""

    surface = "identity"
    noticed_by = ("errors/400/body-of-another-media-type#form", "errors/400/body-of-another-media-type#text")

    def is_json(self, original: Callable[[Request], bool], request: Request) -> bool:
        return True


class SlugChangedByPatch(Defect):
    """RFC 9110, PATCH of a thing leaves it where it is; one that an update gives another slug is found by neither."""

    surface = "identity"
    noticed_by = ("authorization/isolation/writes-set-nothing-else#slug",)

    def refuse_unknown(self, original: Refuse, body: dict[str, Any], known: frozenset[str]) -> None:
        original(body, known | {"slug"})

    async def patch_project(self, original: Operation, call: Call) -> Answer:
        surface = surface_of(original)
        answer = await original(call)
        slug = surface.body_object(call.request).get("slug") if answer.status == 200 else None
        project = surface.find_project(call.organization, call.slug)
        if slug and project:
            del call.organization.projects[project.slug]
            project.slug = str(slug)
            return surface.shown(project)
        return answer


class VersionSetByCreate(Defect):
    """OWASP API3: a body cannot set what the server counts."""

    surface = "identity"
    noticed_by = ("authorization/isolation/creation-sets-nothing-else#version",)

    def __init__(self) -> None:
        self.asked: dict[str, int] = {}

    def refuse_unknown(self, original: Refuse, body: dict[str, Any], known: frozenset[str]) -> None:
        original(body, known | {"version"})

    def new_project(
        self,
        original: Callable[[Organization, dict[str, Any]], Project],
        organization: Organization,
        body: dict[str, Any],
    ) -> Project:
        project = original(organization, body)
        if "version" in body:
            self.asked[project.slug] = body["version"]
        return project

    def first_version(self, original: Callable[[Organization, str], int], organization: Organization, slug: str) -> int:
        return self.asked.pop(slug, 0) or original(organization, slug)


class LocationMissing(Defect):
    """RFC 9110 section 15.3.2: 201 tells where the new resource is."""

    surface = "identity"
    noticed_by = ("errors/reads/location-leads-to-what-was-created",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if is_api_request(request) and answer.status == 201:
            del answer.headers["Location"]
        return answer


class LocationIsInternal(Defect):
    """RFC 9110 section 10.2.2: Location leads to the resource from where the caller is."""

    surface = "identity"
    noticed_by = ("errors/reads/location-leads-to-what-was-created",)

    def location(self, original: Callable[[Project], str], project: Project) -> str:
        return f"http://identity.internal:8080{original(project)}"


class LocationIsTheList(Defect):
    """RFC 9110 section 10.2.2: the Location of a 201 is that of what was created, not of where it was put."""

    surface = "identity"
    noticed_by = ("errors/reads/location-leads-to-what-was-created",)

    def location(self, original: Callable[[Project], str], project: Project) -> str:
        return original(project).rpartition("/")[0]


class CreationIs200(Defect):
    """RFC 9110 section 9.3.3: a created resource is answered with 201."""

    surface = "identity"
    noticed_by = ("errors/reads/creation-is-201",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if is_api_request(request) and answer.status == 201:
            answer.status = 200
        return answer


class ApiAllowMissing(Defect):
    """RFC 9110 section 15.5.6: a 405 carries Allow."""

    surface = "identity"
    noticed_by = (
        "errors/405/unsupported-method#of-the-whole-run",
        "errors/405/unsupported-method#post-to-item",
        "errors/405/unsupported-method#put",
    )

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if is_api_request(request) and answer.status == 405:
            del answer.headers["Allow"]
        return answer


class UnknownMethodCrashes(Defect):
    """RFC 9110 section 15.5.6: an unknown method is 405 or 501, never another 5xx."""

    surface = "identity"
    noticed_by = ("errors/405/unsupported-method#put",)
    crashes = (KeyError,)

    def method_not_allowed(self, original: Callable[[str], Answer], route: str) -> Answer:
        raise KeyError(route)


class HeadIsNotAllowed(Defect):
    """RFC 9110 section 9.1: general-purpose servers MUST support GET and HEAD."""

    surface = "identity"
    noticed_by = ("authorization/bearer/head-is-offered",)

    def intercept(self, request: Request) -> Answer | None:
        refused = is_api_request(request) and request.method == "HEAD"
        return Answer(405) if refused else None


class ConflictHasOwnShape(Defect):
    """Errors of one API have one shape, whatever their status."""

    surface = "identity"
    noticed_by = ("errors/shape/is-one",)

    def conflict(self, original: Callable[[str], Answer], message: str) -> Answer:
        return Answer.json(409, {"message": message, "statusCode": 409})


class OneInTwentyFails(Defect):
    """The contract's table of errors: 5xx is for errors of the platform, not for one valid request in twenty."""

    surface = "identity"
    noticed_by = ("errors/5xx/good-requests-never-fail",)

    def __init__(self) -> None:
        self.requests = 0

    def intercept(self, request: Request) -> Answer | None:
        self.requests += is_api_request(request)
        fails = is_api_request(request) and self.requests % 20 == 0
        return Answer(503, b"upstream connect error or disconnect/reset before headers") if fails else None


class ReadsAreStale(Defect):
    """RFC 9110 section 9.3.1: GET tells the current state."""

    surface = "identity"
    noticed_by = ("errors/reads/tell-what-was-written",)

    def __init__(self) -> None:
        self.first: dict[str, Answer] = {}

    async def get_project(self, original: Operation, call: Call) -> Answer:
        answer = await original(call)
        if answer.status != 200:
            return answer
        kept = self.first.setdefault(f"{call.organization.slug}/{call.slug}", answer)
        return Answer(kept.status, kept.body, kept.headers.mutablecopy())


class BadBoundCrashes(Defect):
    """The contract's table of errors: 400 for an invalid parameter, never a 5xx."""

    surface = "identity"
    noticed_by = (
        "errors/400/invalid-parameter#broken-percent",
        "errors/400/invalid-parameter#limit-nul",
        "errors/400/invalid-parameter#limit-text",
        "errors/400/invalid-parameter#offset-text",
    )
    crashes = (ValueError,)

    def bound(
        self,
        original: Callable[[Request, str, int, int, int], int],
        request: Request,
        name: str,
        default: int,
        lowest: int,
        highest: int,
    ) -> int:
        int(request.parameter(name) or default)
        return original(request, name, default, lowest, highest)
