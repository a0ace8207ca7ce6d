"""Defects of concealment.

They break these promises:

- Nothing crosses organization boundaries.
- A hidden resource is indistinguishable from one that does not exist.
- A resource that does not exist is answered 404.
"""

from __future__ import annotations

import json
import time
import unicodedata
import zlib
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.identity.bearer import Caller
from conformance.reference.identity.organization_api import Call, Segments
from conformance.reference.identity.records import Organization, Project
from conformance.reference.identity.state import Refused
from conformance.reference.one_method import defect, row
from conformance.reference.support.identity import edited, is_api_request, surface_of
from tests.defects.support.identity import matches, searched_for

ROWS = (
    row(
        "name-decoded-twice",
        "RFC 3986 section 2.4: a slug is decoded twice, but the guard has read it decoded once.",
        "errors/404/absent-resource#name-encoded-twice",
        find_project=lambda original, organization, slug: original(organization, unquote(slug) if slug else slug),
    ),
)


def id_of(project: Project) -> int:
    """Return a second identifier of a project, a number."""
    return zlib.crc32(project.slug.encode())


class HiddenProjectShownByItsId(Defect):
    """The contract's table of errors: a hidden project is found by its numeric id."""

    noticed_by = ("authorization/concealment/hidden-is-not-shown#by-its-id",)

    def shown(self, original: Any, project: Project, status: int = 200) -> Answer:
        answer = original(project, status)
        document = Answer.json(status, {"id": id_of(project), **project.document()})
        document.headers["ETag"] = answer.headers["ETag"]
        return document

    async def get_project(self, original: Any, call: Call) -> Answer:
        try:
            return await original(call)
        except Refused:
            for project in call.organization.projects.values():
                if call.slug == str(id_of(project)):
                    return surface_of(original).shown(project)
            raise


class CreationUsesTheIdSent(HiddenProjectShownByItsId):
    """OWASP API3: a creation accepts an id, and overwrites the project that has it."""

    noticed_by = ("authorization/isolation/creation-sets-no-protected-member#id-of-another",)

    async def post_projects(self, original: Any, call: Call) -> Answer:
        body = surface_of(original).body_object(call.request)
        named, projects = body.pop("id", None), call.organization.projects
        answer = await original(replace(call, request=replace(call.request, body=json.dumps(body).encode())))
        if answer.status == 201:
            for slug in [each.slug for each in projects.values() if id_of(each) == named]:
                del projects[slug]
        return answer


@defect("authorization/concealment/conflict-names-nothing-hidden")
async def duplicate_of_hidden_is_named(post_projects: Any, call: Call) -> Answer:
    """The contract's table of errors: the 409 for the slug of a hidden project contains its name."""
    answer = await post_projects(call)
    surface = surface_of(post_projects)
    if answer.status != 409:
        return answer
    project = surface.find_project(call.organization, surface.body_object(call.request)["slug"])
    if project and not surface.can_see(call.caller, project):
        return surface.conflict(f"The slug is taken by {project.name}.")
    return answer


@defect("authorization/concealment/creation-replaces-nothing-hidden", crashes=(LookupError,))
async def hidden_slug_crashes(post_projects: Any, call: Call) -> Answer:
    """The contract's table of errors: a creation with the slug of a hidden project is answered 500."""
    surface = surface_of(post_projects)
    found = surface.find_project(call.organization, surface.body_object(call.request).get("slug"))
    if found is not None and not surface.can_see(call.caller, found):
        raise LookupError("UNIQUE constraint failed: projects.slug")
    return await post_projects(call)


@defect("authorization/concealment/creation-replaces-nothing-hidden")
async def conflict_shows_hidden_project(post_projects: Any, call: Call) -> Answer:
    """Projects: the 409 for the slug of a hidden project contains the project."""
    surface = surface_of(post_projects)
    answer = await post_projects(call)
    found = surface.find_project(call.organization, surface.body_object(call.request).get("slug"))
    if found is None or answer.status != 409 or surface.can_see(call.caller, found):
        return answer
    return edited(answer, lambda document: document.update(existing=found.document()))


@defect("authorization/concealment/creation-replaces-nothing-hidden")
async def creation_replaces_hidden(post_projects: Any, call: Call) -> Answer:
    """API Reference, Error Handling: a creation with the slug of a hidden project replaces it."""
    surface = surface_of(post_projects)
    slug = surface.body_object(call.request).get("slug")
    taken = call.organization.projects.get(slug) if isinstance(slug, str) else None
    if taken is not None and not surface.can_see(call.caller, taken):
        del call.organization.projects[taken.slug]
    return await post_projects(call)


class _Hiding:
    """Alters the response for a hidden project."""

    def visible_project(self, original: Any, caller: Caller, organization: Organization, slug: str | None) -> Project:
        try:
            return original(caller, organization, slug)
        except Refused as refusal:
            if surface_of(original).find_project(organization, slug) is not None:
                refusal.answer = self._alter_concealed(refusal.answer, str(slug))
            raise

    def _alter_concealed(self, answer: Answer, slug: str) -> Answer:
        return answer


class HiddenProjectAnsweredAMillisecondSlower(_Hiding, Defect):
    """The contract's table of errors: the 404 of a hidden project takes a millisecond longer."""

    noticed_by = ("authorization/concealment/hidden-takes-the-same-time",)

    def _alter_concealed(self, answer: Answer, slug: str) -> Answer:
        time.sleep(0.001)
        return answer


@defect(
    "authorization/concealment/lists-do-not-show-hidden",
    "authorization/concealment/lists-do-not-show-hidden#after-its-owner,further-pages,in-other-forms",
)
def hidden_project_listed(visible_projects: Any, caller: Caller, organization: Organization) -> list[Project]:
    """Projects: a list contains projects that the caller cannot see."""
    return sorted(organization.projects.values(), key=lambda project: project.slug)


@defect("authorization/concealment/lists-do-not-show-hidden")
async def all_lists_hidden(get_projects: Any, call: Call) -> Answer:
    """API Reference, Error Handling: a list shows hidden projects if its query says all or include_hidden."""
    if not any(call.request.parameter(name) for name in ("all", "include_hidden")):
        return await get_projects(call)
    everything = [each.document() for each in call.organization.projects.values()]
    return surface_of(get_projects).listing(call.request, everything)


@defect("authorization/concealment/hidden-creations-change-no-visible-response")
async def hidden_changes_entity_tag_of_list(get_projects: Any, call: Call) -> Answer:
    """The contract's table of errors: a hidden project changes the entity tag of the list."""
    answer = await get_projects(call)
    answer.headers["ETag"] = f'"{len(call.organization.projects)}"'
    return answer


def _exists(api: Any, segments: Segments) -> bool:
    """Return whether the path names a project that exists, or a path below it."""
    organization = surface_of(api).organizations.get(str(segments[3])) if len(segments) > 5 else None
    return bool(organization and segments[4] == "projects" and str(segments[5]).lower() in organization.projects)


@defect(
    "authorization/concealment/hidden-is-answered-as-absent#child,delete-unknown-child,patch-unknown-child",
    "authorization/concealment/hidden-is-answered-as-absent#post-child,trailing-slash,unknown-child",
)
async def child_of_hidden_is403(api: Any, request: Request, segments: Segments) -> Answer:
    """The contract's table of errors: 403 instead of 404 for a path below a hidden project."""
    answer = await api(request, segments)
    if answer.status == 404 and len(segments) > 6 and _exists(api, segments):
        return surface_of(api).forbidden("project:read")
    return answer


@defect("authorization/concealment/hidden-is-answered-as-absent#upper-case")
async def other_case_of_hidden_is403(api: Any, request: Request, segments: Segments) -> Answer:
    """The contract's table of errors: 403 instead of 404 for the slug of a hidden project in upper case."""
    try:
        return await api(request, segments)
    except Refused as refusal:
        if len(segments) == 6 and segments[5] != str(segments[5]).lower() and _exists(api, segments):
            refusal.answer.status = 403
        raise


class PathParameterRevealsConcealed(Defect):
    """Projects: a hidden project is found by its slug and a path parameter."""

    noticed_by = ("authorization/concealment/hidden-is-answered-as-absent#parameter-behind",)

    async def get_project(self, original: Any, call: Call) -> Answer:
        name = self._named(call.slug or "")
        found = call.organization.projects.get(name) if name != call.slug else None
        return surface_of(original).shown(found) if found else await original(call)

    def _named(self, segment: str) -> str:
        return segment.partition(";")[0]


class ExtensionOpensHidden(PathParameterRevealsConcealed):
    """Projects: a hidden project is found by its slug and the extension .json."""

    noticed_by = ("authorization/concealment/hidden-is-answered-as-absent#extension",)

    def _named(self, segment: str) -> str:
        return segment.removesuffix(".json")


@defect("authorization/concealment/hidden-is-answered-as-absent#full-width")
def hidden_found_by_another_width(
    visible_project: Any, caller: Caller, organization: Organization, slug: str | None
) -> Project:
    """The contract's table of errors: a hidden project is found by its slug in full-width letters."""
    found = organization.projects.get(unicodedata.normalize("NFKC", slug or ""))
    return found if found and found.slug != slug else visible_project(caller, organization, slug)


class HiddenProjectHasOwnCaching(_Hiding, Defect):
    """The contract's table of errors: the 404 of a hidden project has another Cache-Control."""

    noticed_by = (
        "authorization/concealment/hidden-is-answered-as-absent#accept-xml,get,head,if-match,if-modified-since",
        "authorization/concealment/hidden-is-answered-as-absent#if-none-match,range",
    )

    def _alter_concealed(self, answer: Answer, slug: str) -> Answer:
        answer.headers["Cache-Control"] = "private, max-age=60"
        return answer


@defect("authorization/concealment/hidden-is-answered-as-absent#options")
async def options_reveal_what_exists(api: Any, request: Request, segments: Segments) -> Answer:
    """RFC 9110 section 9.3.7: OPTIONS is answered 204 for a hidden project, and 404 for an absent one."""
    answer = await api(request, segments)
    if answer.status == 204 and request.method == "OPTIONS" and len(segments) == 6:
        return answer if _exists(api, segments) else surface_of(api).not_found()
    return answer


def found(call: Call, word: str) -> list[Project]:
    """Return all projects of the organization that a word finds, including hidden ones."""
    return [each for each in call.organization.projects.values() if matches(word, each.slug, each.name)]


@defect(
    "authorization/concealment/hidden-is-answered-as-absent#search-by-filter,search-by-name,search-by-q",
    "authorization/concealment/hidden-is-answered-as-absent#search-by-search,search-by-slug",
)
async def search_counts_hidden(get_projects: Any, call: Call) -> Answer:
    """The contract's table of errors: the total of a search counts hidden projects."""
    word = searched_for(call.request)
    if word is None:
        return await get_projects(call)
    surface = surface_of(get_projects)
    seen = [each.document() for each in found(call, word) if surface.can_see(call.caller, each)]
    answer = surface.listing(call.request, seen)
    return edited(answer, lambda document: document.update(total=len(found(call, word))))


@defect("authorization/concealment/lists-do-not-show-hidden#totals")
async def hidden_project_counted(get_projects: Any, call: Call) -> Answer:
    """Projects: the total of a list counts hidden projects."""
    answer = await get_projects(call)
    return edited(answer, lambda document: document.update(total=len(call.organization.projects)))


@defect("authorization/concealment/lists-do-not-show-hidden#totals")
async def hidden_counted_without_a_limit(get_projects: Any, call: Call) -> Answer:
    """Projects: the total of a list without a limit counts hidden projects."""
    seen = surface_of(get_projects).visible_projects(call.caller, call.organization)
    items = [each.document() for each in seen]
    return Answer.json(200, {"items": items, "meta": {"total": len(call.organization.projects)}})


@defect("authorization/concealment/lists-do-not-show-hidden#totals")
async def page_cut_before_hiding(get_projects: Any, call: Call) -> Answer:
    """Projects: hidden projects are removed after a page is cut, so the page is short."""
    surface = surface_of(get_projects)
    limit = surface.bound(call.request, "limit", 50, 1, 200)
    offset = surface.bound(call.request, "offset", 0, 0, 999_999_999)
    every = sorted(call.organization.projects.values(), key=lambda project: project.slug)
    seen = surface.visible_projects(call.caller, call.organization)
    page = [each.document() for each in every[offset : offset + limit] if each in seen]
    return Answer.json(200, {"items": page, "total": len(seen), "limit": limit, "offset": offset})


@defect(
    "authorization/concealment/hidden-is-answered-as-absent#paths-lacking-scope,reads-lacking-scope",
    "authorization/concealment/hidden-is-answered-as-absent#writes-lacking-scope",
    "authorization/matrix/lacking-scope-comes-before-absence",
)
async def project_looked_up_before_scope(api: Any, request: Request, segments: Segments) -> Answer:
    """The contract's table of errors: a lacking scope is answered 404 instead of 403 if the project is absent."""
    surface = surface_of(api)
    if len(segments) == 6 and surface.route(segments) == "project":
        organization = surface.visible_organization(surface.caller(request), segments[3])
        if surface.find_project(organization, segments[5]) is None:
            return surface.not_found()
    return await api(request, segments)


@defect(
    "authorization/concealment/hidden-is-answered-as-absent#paths-no-token,reads-no-token,writes-no-token",
    "authorization/bearer/401-comes-first#absent,method",
)
async def absence_reported_to_anonymous_clients(api: Any, request: Request, segments: Segments) -> Answer:
    """RFC 9110 section 15.5.2: an absent organization is answered 404 before 401 for the missing token."""
    surface = surface_of(api)
    known = segments[3:4] and segments[3] in surface.organizations
    if "authorization" not in request.headers and not known:
        return surface.not_found()
    return await api(request, segments)


@defect("authorization/concealment/hidden-is-answered-as-absent#patch")
async def hidden_project_writable(patch_project: Any, call: Call) -> Answer:
    """Projects: a caller changes a project that is hidden from it."""
    surface = surface_of(patch_project)
    project = surface.find_project(call.organization, call.slug)
    if project and not surface.can_see(call.caller, project):
        surface.apply(project, surface.changes(call.organization, surface.body_object(call.request)))
        return surface.shown(project)
    return await patch_project(call)


@defect("authorization/concealment/hidden-is-answered-as-absent#delete")
async def hidden_project_deletable(delete_project: Any, call: Call) -> Answer:
    """Projects: the deletion of a hidden project is refused, and done."""
    project = surface_of(delete_project).find_project(call.organization, call.slug)
    if project and not surface_of(delete_project).can_see(call.caller, project):
        del call.organization.projects[project.slug]
    return await delete_project(call)


@defect("authorization/concealment/hidden-is-answered-as-absent#post,put")
async def unknown_method_reveals_what_exists(api: Any, request: Request, segments: Segments) -> Answer:
    """RFC 9110 section 15.5.6: another method is answered 405 for a hidden project, and 404 for an absent one."""
    answer = await api(request, segments)
    if answer.status == 405 and len(segments) == 6 and not _exists(api, segments):
        return surface_of(api).not_found()
    return answer


class DeletionRevealsEarlierExistence(Defect):
    """The contract's table of errors: a deleted project is answered 410, an absent one 404."""

    noticed_by = ("authorization/matrix/absent-is-404#deleted",)
    deleted: set[str] = set()

    async def delete_project(self, original: Any, call: Call) -> Answer:
        answer = await original(call)
        if answer.status == 204:
            self.deleted.add(str(call.slug))
        return answer

    async def get_project(self, original: Any, call: Call) -> Answer:
        if call.slug in self.deleted and surface_of(original).find_project(call.organization, call.slug) is None:
            return surface_of(original).api_error(410, "gone", "The project was deleted.")
        return await original(call)


@defect("authorization/matrix/absent-is-404#deleted", state=set)
def head_finds_the_deleted(gone: set[str], request: Request, answer: Answer) -> Answer:
    """RFC 9110 section 9.3.2: HEAD finds a deleted project, GET does not."""
    if request.method == "DELETE" and answer.status == 204:
        gone.add(request.raw_path)
    return Answer(200) if request.method == "HEAD" and request.raw_path in gone else answer


@defect("errors/404/head-of-absent-resource")
def head_finds_the_absent(request: Request, answer: Answer) -> Answer:
    """RFC 9110 section 9.3.2: HEAD of an absent project is answered 200."""
    if is_api_request(request) and request.method == "HEAD" and answer.status == 404:
        return Answer(200)
    return answer


@defect("errors/shape/repeats-no-secret-or-markup#markup")
def page_repeats_markup(request: Request, answer: Answer) -> Answer:
    """The contract's table of errors: the 404 is an HTML page that repeats the markup in the path."""
    if answer.status != 404 or "text/html" not in request.headers.get("accept", ""):
        return answer
    page = Answer(404, f"<h1>No {unquote(request.raw_path)}</h1>".encode())
    page.headers["Content-Type"] = "text/html; charset=utf-8"
    return page


@defect("errors/404/absent-resource#path")
def anything_below_an_item_is_the_item(route: Any, segments: Segments) -> str | None:
    """The contract's table of errors: an unknown path below a project is answered with the project."""
    return route(segments[:6]) if segments[4:5] == ("projects",) else route(segments)
