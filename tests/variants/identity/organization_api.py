"""Variants of the organization APIs."""

from __future__ import annotations

import asyncio
import copy
import itertools
import json
import random
import re
import secrets
import time
import uuid
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from typing import Any

from starlette.datastructures import Headers

from conformance.reference.alteration import Variant
from conformance.reference.http import Answer, Request
from conformance.reference.identity.bearer import Caller
from conformance.reference.identity.organization_api import SCOPES, Call, Segments
from conformance.reference.identity.records import Organization, Project
from conformance.reference.identity.state import Refused
from conformance.reference.identity.wire import strict_object
from conformance.reference.one_method import variant
from conformance.reference.support.identity import edited, is_api_request, of_unstated_length, surface_of
from tests.defects.support.common import Later
from tests.defects.support.identity import InPages, MakesCredentials, matches, searched_for, secret_of

KINDS = ("small", "large")
MOST_PROJECTS = 20
LAG_S = 0.2

Api = Callable[[Request, Segments], Awaitable[Answer]]

READ_NUMBER = re.compile(rb'~[0-9]+(?=")')
ODD = re.compile(r"[^A-Za-z0-9 ._-]")
CONDITIONS = {"if-match", "if-none-match", "if-unmodified-since"}
BEYOND = b'\xe9\xfe"'
NEW: dict[str, Any] = {"name": None, "description": "", "members": []}


@variant()
def errors_without_description(oauth_error: Any, status: int, error: str, description: str) -> Answer:
    """RFC 6749 section 5.2: error_description is OPTIONAL."""
    return edited(oauth_error(status, error, description), lambda document: document.pop("error_description"))


@variant()
async def malformed_path_is400(api: Any, request: Request, segments: Segments) -> Answer:
    """The contract's table of errors: an invalid path is 400 before anything is looked up."""
    surface = surface_of(api)
    if any(segment is None or "\0" in segment for segment in segments):
        surface.caller(request)
        return surface.invalid("The path is malformed.")
    return await api(request, segments)


@variant()
async def projects_can_be_searched(get_projects: Any, call: Call) -> Answer:
    """The contract does not define a search; here it finds the projects that the caller may see."""
    word = searched_for(call.request)
    if word is None:
        return await get_projects(call)
    surface = surface_of(get_projects)
    seen = surface.visible_projects(call.caller, call.organization)
    found = [each.document() for each in seen if matches(word, each.slug, each.name)]
    return surface.listing(call.request, found)


@variant(state=lambda: itertools.count(1))
async def entity_tags_of_each_read(numbers: Iterator[int], api: Any, request: Request, segments: Segments) -> Answer:
    """RFC 9110 section 8.8.3: an entity tag is opaque; each read may return another one, all valid."""
    given = [(name, READ_NUMBER.sub(b"", value)) for name, value in request.headers.raw]
    answer = await api(replace(request, headers=Headers(raw=given)), segments)
    if "ETag" in answer.headers:
        answer.headers["ETag"] = answer.headers["ETag"].removesuffix('"') + f'~{next(numbers)}"'
    return answer


class ListsComeInPages(InPages, Variant):
    """The contract does not define pagination: each page has a link to the next (RFC 8288)."""


def cursor_of(request: Request) -> int:
    """Return the place at which a page begins: that of its cursor, or the start."""
    found = re.fullmatch(r"after (\d+)/\+=", request.parameter("offset") or "")
    return int(found[1]) if found else 0


class InPagesByCursor:
    """Lists one entry at a time; the body contains the cursor of the next page."""

    def listing(self, original: Any, request: Request, entries: list[dict[str, Any]]) -> Answer:
        offset = cursor_of(request)
        following = f"after {offset + 1}/+=" if offset + 1 < len(entries) else None
        return Answer.json(200, {"items": entries[offset : offset + 1], "next": following})


class ListsReportTheNextPage(InPagesByCursor, Variant):
    """The same with an opaque cursor in the body, which the target file names."""


class ChangesAnsweredWithoutContent(Variant):
    """RFC 9110 sections 15.3.2 and 15.3.5: a creation may return only Location, and a change 204."""

    async def post_projects(self, original: Any, call: Call) -> Answer:
        answer = await original(call)
        return Answer(201, headers=answer.headers) if answer.status == 201 else answer

    async def patch_project(self, original: Any, call: Call) -> Answer:
        answer = await original(call)
        if answer.status != 200:
            return answer
        bare = Answer(204)
        bare.headers["ETag"] = answer.headers["ETag"]
        return bare


def _object(body: bytes) -> dict[str, Any]:
    try:
        return strict_object(body)
    except (ValueError, RecursionError):
        return {}


class SlugsMadeOfNames(Variant):
    """Organization Settings: a missing slug is derived from the name, and may conflict."""

    def new_project(self, original: Any, organization: Organization, body: dict[str, Any]) -> Project:
        name = body.get("name")
        if body.get("slug") or body.get("slug", "") not in (None, "") or not isinstance(name, str):
            return original(organization, body)
        made = re.sub(r"[^a-z0-9]+", "-", name.lower())[:50].strip("-")
        if not made:
            raise Refused(surface_of(original).conflict("There is an untitled project."))
        return original(organization, {**body, "slug": f"{made}-{secrets.token_hex(4)}"})


class CreationReportsItsIdOnly(SlugsMadeOfNames):
    """RFC 9110 section 15.3.2: a creation is identified by Location; its content is open."""

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if answer.status != 201 or "slug" in _object(request.body):
            return answer
        location = answer.headers["Location"]
        created = Answer.json(201, {"id": len(location)})
        created.headers["Location"] = location
        return created


class ItemsCanBeRenamed(Variant):
    """Organization Settings: an organization's slug never changes; a project's may, and its old URL redirects.

    A taken slug is a conflict, as in a creation.
    """

    renamed: dict[str, str] = {}

    def refuse_unknown(self, original: Any, body: dict[str, Any], known: frozenset[str]) -> None:
        original(body, known | {"slug"})

    async def patch_project(self, original: Any, call: Call) -> Answer:
        surface, projects, old = surface_of(original), call.organization.projects, str(call.slug)
        project = surface.visible_project(call.caller, call.organization, old)
        slug = surface.body_object(call.request).get("slug", old)
        if not surface.is_slug(slug) and slug != old:
            return surface.invalid("The slug is none.")
        if slug in projects and slug != old:
            return surface.conflict("The slug is taken.")
        answer = await original(call)
        if answer.status != 200 or slug == old or projects.pop(old, None) is None:
            return answer
        call.organization.last_versions[old] = project.version
        self.renamed[old], project.slug, projects[slug] = slug, slug, project
        return surface.shown(project)

    async def get_project(self, original: Any, call: Call) -> Answer:
        try:
            return await original(call)
        except Refused:
            renamed = self.renamed.get(str(call.slug))
            project = surface_of(original).visible_project(call.caller, call.organization, renamed)
            leading = Answer(301)
            leading.headers["Location"] = f"{call.request.raw_path.rpartition('/')[0]}/{project.slug}"
            return leading


@variant()
def creation_shows_a_secret(shown: Any, project: Project, status: int = 200) -> Answer:
    """Credentials: a secret is shown once, at creation; a created item may contain one."""
    answer = shown(project, status)
    if status != 201:
        return answer
    return edited(answer, lambda document: document.update(client_secret=secret_of(project)))


@variant()
def secrets_are_hidden_by_asterisks(shown: Any, project: Project, status: int = 200) -> Answer:
    """Credentials: the API shows asterisks instead of the secret, which only the portal shows."""
    return edited(shown(project, status), lambda document: document.update(client_secret="*" * 32))


class CreationMakesACredential(MakesCredentials, Variant):
    """Credentials: an API may create and revoke credentials, and show the secret at creation."""


@variant()
def names_are_objects(shown: Any, project: Project, status: int = 200) -> Answer:
    """RFC 8259 section 4: the form of a member is open; a name may be returned as an object."""
    return edited(shown(project, status), lambda document: document.update(name={"default": document["name"]}))


@variant()
def texts_of_letters_only(is_acceptable: Any, organization: Organization, name: str, value: Any) -> bool:
    """The contract's table of errors: 400 for a text with other characters than letters, digits, - _ and dots."""
    return not (isinstance(value, str) and ODD.search(value)) and is_acceptable(organization, name, value)


@variant()
async def projects_are_few(create_project: Any, organization: Organization, project: Project) -> bool:
    """The contract's table of errors: 403 for what a policy refuses, here too many projects at a time."""
    if project.slug not in organization.projects and len(organization.projects) >= MOST_PROJECTS:
        raise Refused(surface_of(create_project).api_error(403, "quota_exceeded", "No more projects are allowed."))
    return await create_project(organization, project)


# An update that another variant refuses after its 202 never takes effect: checks would wait for each to the end.
@variant(alone=True, state=lambda: Later(0.1, Refused))
async def updates_come_later(later: Later, patch_project: Any, call: Call) -> Answer:
    """RFC 9110 section 15.3.3: 202 for an unconditional update that is processed later."""
    surface = surface_of(patch_project)
    surface.visible_project(call.caller, call.organization, call.slug)
    body = surface.body_object(call.request)
    surface.changes(call.organization, body)
    if "version" in body or CONDITIONS & set(call.request.headers):
        return await patch_project(call)
    later.do(lambda: patch_project(call))
    return Answer.json(202, {"state": "updating"})


@variant(state=dict)
def lists_lag_behind(
    copies: dict[str, tuple[float, dict[str, Project]]],
    visible_projects: Any,
    caller: Caller,
    organization: Organization,
) -> list[Project]:
    """The contract does not say when a list shows a change: it may be read from a replica."""
    now, there = time.monotonic(), {slug: copy.copy(each) for slug, each in organization.projects.items()}
    copied, listed = copies.get(organization.slug, (0.0, there))
    if now - copied >= LAG_S:
        copies[organization.slug], listed = (now, there), there
    return visible_projects(caller, replace(organization, projects=listed))


@variant()
def token_endpoint_leads_to_a_login(oauth_method_refused: Any, allowed: str) -> Answer:
    """RFC 9110 section 15.4: other methods at the token endpoint are redirected to the login page."""
    answer = Answer(302)
    answer.headers["Location"] = "/login"
    return answer


@variant()
def more_than_json_is_read(parsed: Any, body: bytes) -> dict[str, Any]:
    """RFC 8259 section 9: a parser may accept extensions of JSON, or read the first document of a body only."""
    try:
        return parsed(body)
    except ValueError:
        text = re.sub(r",\s*}", "}", body.decode(errors="replace").strip().replace("'", '"'))
        try:
            document = json.JSONDecoder(strict=False).raw_decode(text)[0]
        except RecursionError as mistake:
            raise ValueError("nested too deeply") from mistake
        if not isinstance(document, dict):
            raise
        return document


@variant()
async def methods_refused_before_tokens(api: Any, request: Request, segments: Segments) -> Answer:
    """RFC 9110 section 15.5.6: a router may refuse a method before it looks at the token."""
    surface = surface_of(api)
    route = surface.route(segments)
    if route and request.method not in (*SCOPES[route], "HEAD", "OPTIONS"):
        return surface.method_not_allowed(route)
    return await api(request, segments)


@variant()
async def writes_say_more(api: Any, request: Request, segments: Segments) -> Answer:
    """The contract leaves request bodies open: here they need a kind, and updates the slug."""
    try:
        document = strict_object(request.body)
    except (ValueError, RecursionError):
        return await api(request, segments)
    slug = segments[-1] if request.method == "PATCH" else document.get("slug")
    if document.pop("kind", KINDS[0]) not in KINDS or document.get("slug", slug) != slug:
        document = {"slug": None}
    elif request.method == "PATCH":
        document.pop("slug", None)
    return await api(replace(request, body=json.dumps(document).encode()), segments)


@variant(misses=("errors/409/slug-is-free-after-deletion",), state=set)
async def slugs_are_never_given_again(
    given: set[tuple[str, str]], create_project: Any, organization: Organization, project: Project
) -> bool:
    """The contract's table of errors: 409 for the slug of a deleted project too."""
    if (organization.slug, project.slug) in given or not await create_project(organization, project):
        return False
    given.add((organization.slug, project.slug))
    return True


@variant(state=lambda: Later(0.1, Refused))
async def deletions_come_later(later: Later, delete_project: Any, call: Call) -> Answer:
    """RFC 9110 section 9.3.5: 202 for an unconditional deletion that is processed later."""
    if "if-match" in call.request.headers:
        return await delete_project(call)
    surface_of(delete_project).visible_project(call.caller, call.organization, call.slug)
    later.do(lambda: delete_project(call))
    return Answer.json(202, {"state": "deleting"})


class CreationsComeLater(Variant):
    """RFC 9110 section 15.3.3: 202 for a creation that is processed later; its name is taken at once."""

    # A creation that is refused after its 202 never takes effect: checks would wait for each to the end.
    conflicts = ("projects-are-few",)
    later_s = 0.05
    creations: dict[tuple[str, str], asyncio.Task[Answer]] = {}

    async def post_projects(self, original: Any, call: Call) -> Answer:
        surface, organization = surface_of(original), call.organization
        project = surface.new_project(organization, surface.body_object(call.request))
        name = organization.slug, project.slug
        if name in self.creations or project.slug in organization.projects:
            return surface.conflict("The slug is taken.")
        self.creations[name] = asyncio.create_task(self._later(original, call))
        self.creations[name].add_done_callback(lambda _: self.creations.pop(name))
        answer = Answer.json(202, {"state": "creating", "slug": "operation-7"})
        answer.headers["Location"] = surface.location(project)
        return answer

    async def _later(self, original: Any, call: Call) -> Answer:
        await asyncio.sleep(self.later_s)
        return await original(call)


def refuse_unconditional(original: Any, request: Request) -> None:
    """RFC 6585 section 3: 428 for a request without If-Match."""
    if "if-match" not in request.headers:
        raise Refused(surface_of(original).api_error(428, "precondition_required", "Send If-Match with the ETag."))


@variant()
def updates_must_be_conditional(may_write: Any, request: Request, body: dict[str, Any], project: Project) -> bool:
    """RFC 6585 section 3: an update may have to name its version, else 428."""
    if request.method == "PATCH":
        refuse_unconditional(may_write, request)
    return may_write(request, body, project)


@variant()
def updates_name_their_version(may_write: Any, request: Request, body: dict[str, Any], project: Project) -> bool:
    """The contract leaves concurrent updates open: an update without a version is 400."""
    if request.method == "PATCH" and "if-match" not in request.headers and "version" not in body:
        raise Refused(surface_of(may_write).invalid("version is missing."))
    return may_write(request, body, project)


class ChangesMustBeConditional(Variant):
    """RFC 6585 section 3: updates and deletions without If-Match are 428, before anything is looked up."""

    async def patch_project(self, original: Any, call: Call) -> Answer:
        refuse_unconditional(original, call.request)
        return await original(call)

    async def delete_project(self, original: Any, call: Call) -> Answer:
        refuse_unconditional(original, call.request)
        return await original(call)


@variant()
def writes_must_have_a_length(body_object: Any, request: Request) -> dict[str, Any]:
    """RFC 9110 section 15.5.12: a body in chunks may be refused with 411."""
    if "transfer-encoding" in request.headers:
        raise Refused(surface_of(body_object).api_error(411, "length_required", "Say how long the body is."))
    return body_object(request)


@variant()
def unreadable_bodies_are_unsupported(is_json: Any, request: Request) -> bool:
    """RFC 9110 section 15.5.16: 415 for a body in an unknown type, charset or coding."""
    charset = request.headers.get("content-type", "").lower().partition("charset=")[2].strip('" ')
    coded = request.headers.get("content-encoding", "identity") != "identity"
    if coded or charset not in ("", "utf-8") or not is_json(request):
        raise Refused(surface_of(is_json).api_error(415, "unsupported_media_type", "Send JSON in UTF-8."))
    return True


class ListsInAnyOrder(Variant):
    """The contract promises no order, neither of list entries nor of the words in a member."""

    def listing(self, original: Any, request: Request, entries: list[Any]) -> Answer:
        return original(request, random.sample(entries, len(entries)))

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if is_api_request(request) and b'"version"' in answer.body and b'"items"' not in answer.body:
            return edited(answer, lambda document: document.update(labels=random.sample(["a", "b"], 2)))
        return of_unstated_length(request, answer)


@variant()
def refusals_are_numbered(oauth_error: Any, status: int, error: str, description: str) -> Answer:
    """RFC 6749 section 5.2: errors may have more parameters, here a time and an id."""
    members = {"trace_id": str(uuid.uuid4()), "timestamp": time.strftime("%Y-%m-%d %H:%M:%SZ"), "error_codes": [7]}
    answer = oauth_error(status, error, description)
    return edited(answer, lambda document: document.update(members))


@variant()
def short_texts_only(is_acceptable: Any, organization: Organization, name: str, value: Any) -> bool:
    """The contract's table of errors: 400 for a text of more than 64 characters."""
    short = not isinstance(value, str) or len(value) <= 64
    return short and is_acceptable(organization, name, value)


@variant()
async def organizations_looked_up_before_scopes(api: Any, request: Request, segments: Segments) -> Answer:
    """The contract's table of errors: 404 for an unknown or another organization, whatever the token's scopes."""
    surface = surface_of(api)
    if surface.route(segments):
        surface.visible_organization(surface.caller(request), segments[3])
    return await api(request, segments)


async def _put_refused(api: Api, request: Request, segments: Segments, error: tuple[int, str, str]) -> Answer:
    """Return the API's answer, or this error to a PUT by a caller who may see the organization."""
    surface = surface_of(api)
    if request.method != "PUT" or not surface.route(segments):
        return await api(request, segments)
    surface.visible_organization(surface.caller(request), segments[3])
    return surface.api_error(*error)


@variant()
async def undeclared_methods(api: Any, request: Request, segments: Segments) -> Answer:
    """A resource may have undeclared methods: here PUT, which reports a missing body."""
    return await _put_refused(api, request, segments, (415, "unsupported_media_type", "The body is not JSON."))


@variant()
async def undeclared_put_needs_content(api: Any, request: Request, segments: Segments) -> Answer:
    """RFC 9110 section 15.5.21: an undeclared method may exist and refuse the content."""
    return await _put_refused(api, request, segments, (422, "unprocessable", "The body lacks its members."))


@variant()
async def total_of_a_silent_page(get_projects: Any, call: Call) -> Answer:
    """No document limits a list: here it has at most 25 entries and a total."""
    seen = surface_of(get_projects).visible_projects(call.caller, call.organization)
    return Answer.json(200, {"items": [each.document() for each in seen[:25]], "total": len(seen)})


@variant()
def limit_is_an_unknown_parameter(listing: Any, request: Request, entries: list[dict[str, Any]]) -> Answer:
    """No document names the parameter limit: a list may refuse it."""
    if request.parameter("limit") is not None:
        raise Refused(surface_of(listing).invalid("limit is unknown."))
    return listing(request, entries)


@variant(state=set)
async def deleting_again_is_no_error(deleted: set[tuple[str, str | None]], delete_project: Any, call: Call) -> Answer:
    """RFC 9110 section 9.2.2: deleting a deleted item again succeeds."""
    gone = (call.organization.slug, call.slug)
    if gone in deleted and surface_of(delete_project).find_project(call.organization, call.slug) is None:
        return Answer(204)
    answer = await delete_project(call)
    if answer.status == 204:
        deleted.add(gone)
    return answer


@variant()
async def entity_tags_beyond_ascii(api: Any, request: Request, segments: Segments) -> Answer:
    """RFC 9110 section 8.8.3: an entity tag may contain octets from 0x80 on."""
    given = [(name, value.replace(BEYOND, b'"')) for name, value in request.headers.raw]
    answer = await api(replace(request, headers=Headers(raw=given)), segments)
    if "ETag" in answer.headers:
        answer.headers["ETag"] = answer.headers["ETag"].removesuffix('"') + BEYOND.decode("latin-1")
    return answer


def _whole(body: bytes) -> bytes:
    """Return a body with the defaults of a new project; a body that is no object stays as it is."""
    try:
        return json.dumps(NEW | strict_object(body)).encode()
    except (ValueError, RecursionError):
        return body


class PutReplacesTheWhole(Variant):
    """RFC 9110 section 9.3.4: members missing from a PUT get their defaults."""

    async def api(self, original: Any, request: Request, segments: Segments) -> Answer:
        surface = surface_of(original)
        if request.method != "PUT" or surface.route(segments) != "project":
            return await original(request, segments)
        return await original(replace(request, method="PATCH", body=_whole(request.body)), segments)

    def allow(self, original: Any, route: str) -> Answer:
        answer = original(route)
        if route == "project":
            answer.headers["Allow"] += ", PUT"
        return answer
