"""Defects that break the promise "An invalid body, path or parameter is answered 400"."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Awaitable, Callable
from typing import Any

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.identity import Identity
from conformance.reference.identity.organization_api import Call
from conformance.reference.identity.projects import MEMBERS_OF_UPDATE
from conformance.reference.identity.records import Organization, Project
from conformance.reference.support.identity import edited, is_api_request, surface_of
from tests.defects.rows import row
from tests.defects.support.identity import _DoneAllTheSame, body_document, organization_and_slug

Parse = Callable[[bytes], dict[str, Any]]

ROWS = (
    row(
        "long-query-gets-no-answer",
        "RFC 9112 section 3: a target that is too long to be read MUST be answered, with 414.",
        "errors/400/invalid-path-or-parameter#long",
        intercept=lambda request: Answer.none() if len(request.query_string) > 4096 else None,
    ),
)


class EscapedTextRefused(Defect):
    """RFC 8259 section 7: any character of a text may be written as an escape."""

    surface = "identity"
    noticed_by = (
        "errors/400/changed-body#generated-create",
        "errors/400/changed-body#generated-update",
    )
    shortest = 1

    def parsed(self, original: Parse, body: bytes) -> dict[str, Any]:
        if body.count(b"\\u00") > 3:
            raise ValueError("escapes")
        return original(body)


class OtherMediaTypeRefusedButDone(_DoneAllTheSame):
    """The contract's table of errors: an update that is refused with 400 for its media type changes nothing."""

    surface = "identity"
    noticed_by = ("errors/400/other-media-type#form", "errors/400/other-media-type#xml")
    methods = frozenset({"PATCH"})
    refusals = frozenset({400})

    def _is_meant(self, request: Request, found: Project | None) -> bool:
        return not request.headers.get("content-type", "").startswith("application/json") and bool(
            body_document(request)
        )


class InvalidBodyCrashes(Defect):
    """The contract's table of errors: 400 for an invalid body, never a 5xx."""

    surface = "identity"
    noticed_by = (
        "errors/400/invalid-body#array-create",
        "errors/400/invalid-body#array-update",
        "errors/400/invalid-body#cut-create",
        "errors/400/invalid-body#cut-update",
        "errors/400/invalid-body#empty-create",
        "errors/400/invalid-body#empty-update",
        "errors/400/invalid-body#invalid-utf8-create",
        "errors/400/invalid-body#invalid-utf8-update",
        "errors/400/invalid-body#nan-create",
        "errors/400/invalid-body#nan-update",
        "errors/400/invalid-body#null-create",
        "errors/400/invalid-body#null-update",
        "errors/400/invalid-body#number-create",
        "errors/400/invalid-body#number-update",
        "errors/400/invalid-body#single-quotes-create",
        "errors/400/invalid-body#single-quotes-update",
        "errors/400/invalid-body#string-create",
        "errors/400/invalid-body#string-update",
        "errors/400/invalid-body#text-create",
        "errors/400/invalid-body#text-update",
        "errors/400/invalid-body#trailing-comma-create",
        "errors/400/invalid-body#trailing-comma-update",
        "errors/400/invalid-body#two-documents-create",
        "errors/400/invalid-body#two-documents-update",
        "errors/400/invalid-body#cut-create",
    )
    crashes = (RuntimeError,)

    def parsed(self, original: Parse, body: bytes) -> dict[str, Any]:
        try:
            return original(body)
        except ValueError as mistake:
            raise RuntimeError("unhandled") from mistake


class EmptyPageFails(Defect):
    """The contract's table of errors: 400 for an invalid parameter, never a 5xx (the number of pages of no length)."""

    surface = "identity"
    noticed_by = ("errors/400/invalid-path-or-parameter#limit-zero",)

    def intercept(self, request: Request) -> Answer | None:
        return Answer.json(500, {"error": "division by zero"}) if request.parameter("limit") == "0" else None


class PageBeyondTheLastFails(Defect):
    """The contract's table of errors: 400 for an invalid parameter, or an empty page, never a 5xx."""

    surface = "identity"
    noticed_by = ("errors/400/invalid-path-or-parameter#offset-beyond",)

    def intercept(self, request: Request) -> Answer | None:
        offset = request.parameter("offset") or ""
        beyond = offset.isdecimal() and 1000 < int(offset) < 2**63
        return Answer.json(500, {"error": "list index out of range"}) if beyond else None


class HugeOffsetFails(Defect):
    """The contract's table of errors: 400 for a number that no page has, never a 5xx."""

    surface = "identity"
    noticed_by = ("errors/400/invalid-path-or-parameter#offset-huge",)

    def intercept(self, request: Request) -> Answer | None:
        offset = request.parameter("offset") or ""
        huge = offset.isdecimal() and int(offset) >= 2**63
        return Answer.json(500, {"error": "bigint out of range"}) if huge else None


class BadBoundCrashes(Defect):
    """The contract's table of errors: 400 for an invalid parameter, never a 5xx."""

    surface = "identity"
    noticed_by = (
        "errors/400/invalid-path-or-parameter#broken-percent",
        "errors/400/invalid-path-or-parameter#limit-nul",
        "errors/400/invalid-path-or-parameter#limit-text",
        "errors/400/invalid-path-or-parameter#offset-text",
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


class WrongTypeCrashes(Defect):
    """The contract's table of errors: 400 for a member of the wrong type, never a 5xx."""

    surface = "identity"
    noticed_by = ("errors/400/invalid-body#wrong-type-create",)
    crashes = (AttributeError,)

    def is_acceptable(
        self, original: Callable[[Organization, str, Any], bool], organization: Organization, name: str, value: Any
    ) -> bool:
        if name != "members" and not isinstance(value, str) and value is not None:
            raise AttributeError(f"'{type(value).__name__}' object has no attribute 'strip'")
        return original(organization, name, value)


class RefusedUpdateSetsWhatIsGood(Defect):
    """The contract's table of errors: an update refused with 400 changes nothing, its good members included."""

    surface = "identity"
    noticed_by = ("errors/400/invalid-body#wrong-type-update",)
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
    noticed_by = ("errors/400/invalid-body#wrong-type-update",)
    members = ("description",)


class RepeatedMemberAccepted(Defect):
    """RFC 8259 section 4: names within an object are unique; here of two the last is kept and the first is told."""

    surface = "identity"
    noticed_by = ("errors/400/repeated-member",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if answer.status != 201 or not is_api_request(request):
            return answer
        pairs = json.loads(request.body, object_pairs_hook=list)
        firsts = dict(reversed(pairs))
        return edited(answer, lambda made: made.update({name: firsts[name] for name in made if name in firsts}))

    def parsed(self, original: Parse, body: bytes) -> dict[str, Any]:
        try:
            return original(body)
        except ValueError:
            document = json.loads(body.decode(), parse_constant=lambda name: int(name))
            if isinstance(document, dict):
                return document
            raise


class AnySlugAccepted(Defect):
    """Projects: a slug matches [a-z0-9][a-z0-9-]*[a-z0-9]."""

    surface = "identity"
    noticed_by = (
        "errors/400/slug-outside-its-pattern#blank",
        "errors/400/slug-outside-its-pattern#dot",
        "errors/400/slug-outside-its-pattern#leading-hyphen",
        "errors/400/slug-outside-its-pattern#trailing-hyphen",
        "errors/400/slug-outside-its-pattern#trailing-newline",
        "errors/400/slug-outside-its-pattern#non-ascii",
        "errors/400/slug-outside-its-pattern#percent",
        "errors/400/slug-outside-its-pattern#slash",
        "errors/400/slug-outside-its-pattern#underscore",
        "errors/400/slug-outside-its-pattern#upper-case",
    )

    def is_slug(self, original: Callable[[Any], bool], slug: Any) -> bool:
        return isinstance(slug, str) and bool(slug)


class NamelessProjects(Defect):
    """The contract's table of errors: 400 for an invalid body: one without the slug by which it would be found."""

    surface = "identity"
    noticed_by = (
        "errors/400/invalid-body#unique-empty",
        "errors/400/invalid-body#unique-list",
        "errors/400/invalid-body#unique-missing",
    )

    def new_project(
        self, original: Callable[..., Project], organization: Organization, body: dict[str, Any]
    ) -> Project:
        made = original(organization, {**body, "slug": body.get("slug") or "nameless"})
        return made if body.get("slug") else dataclasses.replace(made, slug="")


class NamelessCreationRefusedButMade(_DoneAllTheSame):
    """The contract's table of errors: a create that is refused with 400 for its unique name has made nothing."""

    surface = "identity"
    noticed_by = (
        "errors/400/invalid-body#unique-missing",
        "errors/400/invalid-body#unique-null",
        "errors/400/invalid-body#unique-number",
        "errors/400/invalid-body#unique-object",
    )
    methods = frozenset({"POST"})
    refusals = frozenset({400})

    def _is_meant(self, request: Request, found: Project | None) -> bool:
        document = body_document(request)
        return (
            bool(document)
            and not isinstance(document.get("slug"), str)
            and document.keys() <= MEMBERS_OF_UPDATE | {"slug"}
        )

    def _do(self, surface: Identity, request: Request, found: Project | None) -> None:
        organization = surface.organizations.get(organization_and_slug(request)[0])
        if organization is not None:
            said = body_document(request)
            made = Project(
                organization.slug, str(said.get("slug")), str(said.get("name")), str(said.get("description"))
            )
            organization.projects[made.slug] = made


class UnknownMemberCrashes(Defect):
    """The contract's table of errors: 400 for an unknown member, or it is ignored; never a 5xx."""

    surface = "identity"
    noticed_by = ("errors/400/changed-body#unknown-member",)
    crashes = (KeyError,)

    def refuse_unknown(self, original: Callable[..., None], body: dict[str, Any], known: frozenset[str]) -> None:
        for name in body:
            {each: each for each in known}[name]
