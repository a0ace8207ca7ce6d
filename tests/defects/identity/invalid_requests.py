"""Defects that break the promise "An invalid body, path or parameter is answered 400"."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.identity import Identity
from conformance.reference.identity.organization_api import Call
from conformance.reference.identity.projects import MEMBERS_OF_UPDATE
from conformance.reference.identity.records import Organization, Project
from conformance.reference.one_method import defect, row
from conformance.reference.support.identity import edited, is_api_request, surface_of
from tests.defects.support.identity import _RefusedButDone, body_document, organization_and_slug

ROWS = (
    row(
        "long-query-gets-no-answer",
        "RFC 9112 section 3: a long request target gets no response instead of 414.",
        "errors/400/invalid-path-or-parameter#long",
        intercept=lambda request: Answer.none() if len(request.query_string) > 4096 else None,
    ),
)


@defect("errors/400/invalid-path-or-parameter#page-number")
def text_as_offset_is_zero(bound: Any, request: Request, name: str, default: int, lowest: int, highest: int) -> int:
    """API Reference, Error Handling: an offset that is no number returns the first page."""
    value = request.parameter(name)
    return 0 if name == "offset" and value and not value.isdecimal() else bound(request, name, default, lowest, highest)


@defect("errors/400/changed-body#generated-create,generated-update", shortest=1)
def escaped_text_refused(parsed: Any, body: bytes) -> dict[str, Any]:
    """RFC 8259 section 7: a text with several escaped characters is refused."""
    if body.count(b"\\u00") > 3:
        raise ValueError("escapes")
    return parsed(body)


class OtherMediaTypeRefusedButDone(_RefusedButDone):
    """The contract's table of errors: an update refused with 400 for its media type is done."""

    noticed_by = ("errors/400/other-media-type#form,xml",)
    methods = frozenset({"PATCH"})
    refusals = frozenset({400})

    def _is_meant(self, request: Request, found: Project | None) -> bool:
        return not request.headers.get("content-type", "").startswith("application/json") and bool(
            body_document(request)
        )


@defect(
    "errors/400/invalid-body#array-create,array-update,cut-create,cut-update,empty-create,empty-update",
    "errors/400/invalid-body#invalid-utf8-create,invalid-utf8-update,nan-create,nan-update,null-create",
    "errors/400/invalid-body#null-update,number-create,number-update,single-quotes-create,single-quotes-update",
    "errors/400/invalid-body#string-create,string-update,text-create,text-update,trailing-comma-create",
    "errors/400/invalid-body#trailing-comma-update,two-documents-create,two-documents-update,cut-create",
    crashes=(RuntimeError,),
)
def invalid_body_crashes(parsed: Any, body: bytes) -> dict[str, Any]:
    """The contract's table of errors: an invalid body is answered 500."""
    try:
        return parsed(body)
    except ValueError as mistake:
        raise RuntimeError("unhandled") from mistake


@defect("errors/400/invalid-path-or-parameter#limit-zero")
def empty_page_fails(request: Request) -> Answer | None:
    """The contract's table of errors: a limit of 0 is answered 500: the number of pages is divided by it."""
    return Answer.json(500, {"error": "division by zero"}) if request.parameter("limit") == "0" else None


@defect("errors/400/invalid-path-or-parameter#offset-beyond")
def page_beyond_the_last_fails(request: Request) -> Answer | None:
    """The contract's table of errors: a page after the last is answered 500."""
    offset = request.parameter("offset") or ""
    beyond = offset.isdecimal() and 1000 < int(offset) < 2**63
    return Answer.json(500, {"error": "list index out of range"}) if beyond else None


@defect("errors/400/invalid-path-or-parameter#offset-huge")
def huge_offset_fails(request: Request) -> Answer | None:
    """The contract's table of errors: a huge offset is answered 500."""
    offset = request.parameter("offset") or ""
    huge = offset.isdecimal() and int(offset) >= 2**63
    return Answer.json(500, {"error": "bigint out of range"}) if huge else None


@defect("errors/400/invalid-path-or-parameter#broken-percent,limit-nul,limit-text,offset-text", crashes=(ValueError,))
def bad_bound_crashes(bound: Any, request: Request, name: str, default: int, lowest: int, highest: int) -> int:
    """The contract's table of errors: an invalid limit or offset is answered 500."""
    int(request.parameter(name) or default)
    return bound(request, name, default, lowest, highest)


@defect("errors/400/invalid-body#wrong-type-create", crashes=(AttributeError,))
def wrong_type_crashes(is_acceptable: Any, organization: Organization, name: str, value: Any) -> bool:
    """The contract's table of errors: a member of the wrong type is answered 500."""
    if name != "members" and not isinstance(value, str) and value is not None:
        raise AttributeError(f"'{type(value).__name__}' object has no attribute 'strip'")
    return is_acceptable(organization, name, value)


class RefusedUpdateSetsWhatIsGood(Defect):
    """The contract's table of errors: an update refused with 400 stores its valid members."""

    noticed_by = ("errors/400/invalid-body#wrong-type-update",)
    members: tuple[str, ...] = ("name", "description")

    async def patch_project(self, original: Any, call: Call) -> Answer:
        surface = surface_of(original)
        project = surface.visible_project(call.caller, call.organization, call.slug)
        for name, value in surface.body_object(call.request).items():
            if name in self.members and surface.is_acceptable(call.organization, name, value):
                setattr(project, name, value)
        return await original(call)


class RefusedUpdateSetsItsDescription(RefusedUpdateSetsWhatIsGood):
    """The contract's table of errors: an update refused with 400 stores its description."""

    noticed_by = ("errors/400/invalid-body#wrong-type-update",)
    members = ("description",)


class RepeatedMemberAccepted(Defect):
    """RFC 8259 section 4: of a repeated member the last is stored and the first is returned."""

    noticed_by = ("errors/400/repeated-member",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if answer.status != 201 or not is_api_request(request):
            return answer
        pairs = json.loads(request.body, object_pairs_hook=list)
        firsts = dict(reversed(pairs))
        return edited(answer, lambda made: made.update({name: firsts[name] for name in made if name in firsts}))

    def parsed(self, original: Any, body: bytes) -> dict[str, Any]:
        try:
            return original(body)
        except ValueError:
            document = json.loads(body.decode(), parse_constant=lambda name: int(name))
            if isinstance(document, dict):
                return document
            raise


@defect(
    "errors/400/slug-outside-its-pattern#blank,dot,leading-hyphen,trailing-hyphen,trailing-newline,non-ascii",
    "errors/400/slug-outside-its-pattern#percent,slash,underscore,upper-case",
)
def any_slug_accepted(is_slug: Any, slug: Any) -> bool:
    """Projects: a slug outside [a-z0-9][a-z0-9-]*[a-z0-9] is accepted."""
    return isinstance(slug, str) and bool(slug)


@defect("errors/400/invalid-body#unique-empty,unique-list,unique-missing")
def nameless_projects(new_project: Any, organization: Organization, body: dict[str, Any]) -> Project:
    """The contract's table of errors: a creation without a slug is accepted."""
    made = new_project(organization, {**body, "slug": body.get("slug") or "nameless"})
    return made if body.get("slug") else dataclasses.replace(made, slug="")


class NamelessCreationRefusedButMade(_RefusedButDone):
    """The contract's table of errors: a creation refused with 400 for its slug is done."""

    noticed_by = ("errors/400/invalid-body#unique-missing,unique-null,unique-number,unique-object",)
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


@defect("errors/400/changed-body#unknown-member", crashes=(KeyError,))
def unknown_member_crashes(refuse_unknown: Any, body: dict[str, Any], known: frozenset[str]) -> None:
    """The contract's table of errors: an unknown member is answered 500."""
    for name in body:
        {each: each for each in known}[name]
