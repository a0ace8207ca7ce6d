"""Defects that break the promise "Reads return what was written, and a write changes nothing else"."""

from __future__ import annotations

import asyncio
import html
import itertools
import json
import math
import re
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.identity.bearer import Caller
from conformance.reference.identity.organization_api import Call
from conformance.reference.identity.records import Organization, Project
from conformance.reference.identity.state import Refused
from conformance.reference.one_method import defect, row
from conformance.reference.support.identity import edited, is_api_request, surface_of
from tests.defects.support.identity import LONG_PAUSE_S, InPages, offset_of

Holds = Callable[[], bool]
Key = tuple[str, str]

PAUSE_S = 0.003
CLEANED_S = 0.4


def _stored_differently(name: str, clause: str, case: str, stored: Callable[[str], str]) -> type[Defect]:
    """Make a defect that stores a different text than the one sent."""

    def checked_fields(original: Any, organization: Organization, body: dict[str, Any]) -> dict[str, Any]:
        fields = original(organization, body)
        return {name: stored(value) if isinstance(value, str) else value for name, value in fields.items()}

    clause = f"RFC 9110 section 9.3.1: a read returns what was written; {clause}."
    return row(name, clause, f"errors/reads/written-values-are-returned#{case}", checked_fields=checked_fields)


def _slug_stored_as(stored: Callable[[str], str]) -> Callable[[Any, Organization, dict[str, Any]], Project]:
    """Return a ``new_project`` that changes the slug."""

    def new_project(original: Any, organization: Organization, body: dict[str, Any]) -> Project:
        slug = body.get("slug")
        return original(organization, {**body, "slug": stored(slug)} if isinstance(slug, str) else body)

    return new_project


ROWS = (
    row(
        "list-is-empty",
        "RFC 9110 section 9.3.1: every list is empty, whatever was created.",
        "errors/lists/complete-and-current#pages",
        listing=lambda original, request, entries: original(request, []),
    ),
    row(
        "location-is-internal",
        "RFC 9110 section 10.2.2: Location names an internal host.",
        "errors/writes/created-with-location#location",
        location=lambda original, project: f"http://identity.internal:8080{original(project)}",
    ),
    row(
        "location-is-the-list",
        "RFC 9110 section 10.2.2: Location names the list instead of the created item.",
        "errors/writes/created-with-location#location",
        location=lambda original, project: original(project).rpartition("/")[0],
    ),
    row(
        "bodies-read-as-latin1",
        "RFC 8259 section 8.1: request bodies are read as Latin-1 instead of UTF-8.",
        "errors/reads/written-values-are-returned#text-long-of-three-bytes,text-invisible",
        parsed=lambda original, body: original(body.decode("latin-1").encode()),
    ),
    _stored_differently(
        "line-ends-of-texts-made-alike",
        "here each line end becomes a line feed",
        "text-line-ends",
        lambda text: re.sub("\r\n?", "\n", text),
    ),
    _stored_differently(
        "word-of-text-is-nothing",
        "here the text null becomes empty",
        "text-word",
        lambda text: "" if text == "null" else text,
    ),
    _stored_differently(
        "number-of-text-is-read",
        "here a text of digits becomes a number, and loses zeros",
        "text-number",
        lambda text: str(float(text)) if re.fullmatch(r"[0-9]+\.[0-9]+", text) else text,
    ),
    _stored_differently(
        "marks-stored-as-markup", "here a text is stored as HTML", "text-marks,text-markup", html.escape
    ),
    _stored_differently(
        "text-cut-at255",
        "here a column of 255 characters cuts a text",
        "text-long,text-very-long",
        lambda text: text[:255],
    ),
    _stored_differently(
        "plus-signs-of-texts-are-blanks",
        "here a text is decoded as a form",
        "text-formula,text-lines,text-date-time",
        lambda text: text.replace("+", " "),
    ),
    row(
        "hyphens-of-slugs-joined",
        "Organization Settings: two hyphens in a slug are stored as one.",
        "errors/reads/written-values-are-returned#slug-two-hyphens",
        new_project=_slug_stored_as(lambda slug: re.sub("-+", "-", slug)),
    ),
    row(
        "slugs-cut-at-forty",
        "Organization Settings: a slug is cut at 40 characters.",
        "errors/reads/written-values-are-returned#slug-hundred",
        new_project=_slug_stored_as(lambda slug: slug[:40]),
    ),
)


class ItemsOfADeletedSlugComeBack(Defect):
    """The contract's APIs of items: a new item gets the description of a deleted one with its slug."""

    noticed_by = ("errors/model/items-match-their-model",)
    shortest = 5
    left: dict[Key, str] = {}

    async def remove_project(self, original: Any, organization: Organization, project: Project, holds: Any) -> bool:
        removed = await original(organization, project, holds)
        if removed and project.version > 1:
            self.left[organization.slug, project.slug] = project.description
        return removed

    async def create_project(self, original: Any, organization: Organization, project: Project) -> bool:
        made = await original(organization, project)
        if made:
            project.description = self.left.pop((organization.slug, project.slug), project.description)
        return made


class ConcealmentOutlivesItsItem(Defect):
    """Projects: a new item gets the members of a deleted one with its slug."""

    noticed_by = ("errors/model/items-match-their-model",)
    shortest = 4
    left: dict[Key, list[str]] = {}

    async def remove_project(self, original: Any, organization: Organization, project: Project, holds: Any) -> bool:
        removed = await original(organization, project, holds)
        if removed and project.members:
            self.left[organization.slug, project.slug] = project.members
        return removed

    async def create_project(self, original: Any, organization: Organization, project: Project) -> bool:
        made = await original(organization, project)
        if made:
            project.members = project.members or self.left.get((organization.slug, project.slug), [])
        return made


@defect("errors/writes/created-with-location#status")
def creation_is200(request: Request, answer: Answer) -> Answer:
    """RFC 9110 section 9.3.3: a creation is answered 200 instead of 201."""
    if is_api_request(request) and answer.status == 201:
        answer.status = 200
    return answer


def _numbered(answer: Answer) -> Answer:
    return edited(
        answer,
        lambda document: document.update(id=zlib.crc32(document["slug"].encode())) if "slug" in document else None,
    )


class ListsNumberWhatTheyShow(Defect):
    """RFC 9110 section 9.3.1: a list states the position of an item as its id."""

    noticed_by = ("errors/lists/complete-and-current#texts-as-written",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        return _numbered(answer)

    def listing(self, original: Any, request: Request, entries: list[dict[str, Any]]) -> Answer:
        return original(request, [each | {"id": place} for place, each in enumerate(entries)])


@defect("errors/lists/complete-and-current#texts-as-written")
def lists_escape_texts_twice(listing: Any, request: Request, entries: list[dict[str, Any]]) -> Answer:
    """RFC 9110 section 9.3.1: a list escapes texts for HTML, an item does not."""
    texts = [{name: html.escape(each) for name, each in entry.items() if isinstance(each, str)} for entry in entries]
    return listing(request, [entry | escaped for entry, escaped in zip(entries, texts, strict=True)])


@defect("errors/lists/complete-and-current#texts-as-written")
def lists_written_by_hand(listing: Any, request: Request, entries: list[dict[str, Any]]) -> Answer:
    """RFC 8259 section 7: a list contains a tab that is not escaped."""
    answer = listing(request, entries)
    answer.body = answer.body.replace(b"\\t", b"\t")
    return answer


@defect("errors/lists/complete-and-current#texts-as-written")
def lists_cut_long_names(listing: Any, request: Request, entries: list[dict[str, Any]]) -> Answer:
    """Projects: a list cuts slugs at 32 characters."""
    return listing(request, [each | {"slug": each["slug"][:32]} if "slug" in each else each for each in entries])


class DeletedStaysListed(Defect):
    """RFC 9110 section 9.3.1: a list contains deleted items."""

    noticed_by = ("errors/lists/complete-and-current#after-changes",)
    deleted: list[Project] = []

    async def remove_project(
        self, original: Any, organization: Organization, project: Project, still_holds: Callable[[], bool]
    ) -> bool:
        removed = await original(organization, project, still_holds)
        self.deleted += [project] if removed else []
        return removed

    def visible_projects(self, original: Any, caller: Caller, organization: Organization) -> list[Project]:
        seen = surface_of(original).can_see
        gone = [each for each in self.deleted if each.organization == organization.slug and seen(caller, each)]
        return [*original(caller, organization), *gone]


@defect("errors/lists/complete-and-current#after-changes", state=dict)
async def list_reports_the_first_text(first: dict[int, dict[str, Any]], get_projects: Any, call: Call) -> Answer:
    """RFC 9110 section 9.3.1: a list contains the first version of each item."""
    surface = surface_of(get_projects)
    seen = surface.visible_projects(call.caller, call.organization)
    return surface.listing(call.request, [first.setdefault(id(each), each.document()) for each in seen])


@defect("errors/lists/complete-and-current#own-texts")
async def list_mixes_texts_up(get_projects: Any, call: Call) -> Answer:
    """RFC 9110 section 9.3.1: a list returns each description with the next item, as by a wrong join."""
    surface = surface_of(get_projects)
    seen = [each.document() for each in surface.visible_projects(call.caller, call.organization)]
    texts = [each["description"] for each in seen]
    mixed = [each | {"description": text} for each, text in zip(seen, [*texts[1:], *texts[:1]], strict=True)]
    return surface.listing(call.request, mixed)


def _unchanged(tag: str) -> Answer:
    answer = Answer(304)
    answer.headers["ETag"] = tag
    return answer


@defect("errors/lists/complete-and-current#after-changes")
async def entity_tag_of_list_is_its_length(get_projects: Any, call: Call) -> Answer:
    """RFC 9110 section 13.1.2: the entity tag of a list is its length, so a changed list is answered 304."""
    answer = await get_projects(call)
    tag = f'"{len(surface_of(get_projects).visible_projects(call.caller, call.organization))}"'
    if call.request.headers.get("if-none-match") == tag:
        return _unchanged(tag)
    answer.headers["ETag"] = tag
    return answer


@defect("errors/writes/created-with-location#location")
def location_of_a_hidden_item_is_undefined(location: Any, project: Project) -> str:
    """RFC 9110 section 10.2.2: the Location of a hidden item ends in "undefined"."""
    return location(project).replace(project.slug, "undefined") if project.members else location(project)


class LocationIsOfTheCreationBefore(Defect):
    """RFC 9110 section 10.2.2: Location names the item that was created before."""

    noticed_by = ("errors/writes/created-with-location#location",)
    before = ""

    def location(self, original: Any, project: Project) -> str:
        before, self.before = self.before, original(project)
        return before or self.before


@defect("errors/writes/created-with-location#location")
def location_missing(request: Request, answer: Answer) -> Answer:
    """RFC 9110 section 15.3.2: a 201 has no Location."""
    if is_api_request(request) and answer.status == 201:
        del answer.headers["Location"]
    return answer


class LastPageLeadsToItself(InPages, Defect):
    """RFC 8288 section 3: the last page links to itself, so a list has no end."""

    noticed_by = ("errors/lists/complete-and-current#pages",)
    size = 7

    def listing(self, original: Any, request: Request, entries: list[dict[str, Any]]) -> Answer:
        answer = super().listing(original, request, entries)
        if "link" not in answer.headers:
            answer.headers["Link"] = f'<?offset={offset_of(surface_of(original), request)}>; rel="next"'
        return answer


class NextPageIsRefused(InPages, Defect):
    """RFC 8288 section 3.3: the linked next page is refused."""

    noticed_by = ("errors/lists/complete-and-current#pages",)
    size = 7

    def listing(self, original: Any, request: Request, entries: list[dict[str, Any]]) -> Answer:
        if request.parameter("offset") is not None:
            raise Refused(surface_of(original).invalid("offset is unknown."))
        return super().listing(original, request, entries)


class PagesOverlap(InPages, Defect):
    """RFC 9110 section 9.3.1: a page begins with the last item of the page before."""

    noticed_by = ("errors/lists/each-item-once",)
    size, lost = 7, -1


@defect("errors/reads/written-values-are-returned#slug-sixty-three")
async def item_reports_a_cut_slug(get_project: Any, call: Call) -> Answer:
    """Projects: an item states only the first 32 characters of its slug."""
    answer = await get_project(call)
    return (
        edited(answer, lambda document: document.update(slug=document["slug"][:32])) if answer.status == 200 else answer
    )


@defect("errors/reads/written-values-are-returned#with-unknown-member")
async def update_is_lost_with_an_unknown_member(patch_project: Any, call: Call) -> Answer:
    """RFC 9110 section 15.3.1: an update with an unknown member is answered 200, and not done."""
    surface = surface_of(patch_project)
    project = surface.visible_project(call.caller, call.organization, call.slug)
    unknown = "cf-unknown" in surface.body_object(call.request)
    return surface.shown(project) if unknown else await patch_project(call)


@defect("errors/reads/written-values-are-returned#each-write")
def empty_texts_are_not_written(apply: Any, project: Project, changes: dict[str, Any]) -> None:
    """RFC 5789 section 2: an update to an empty text is not done."""
    apply(project, {name: value for name, value in changes.items() if value != ""})


@defect("errors/reads/written-values-are-returned#each-write", state=dict)
async def reads_are_stale(first: dict[str, Answer], get_project: Any, call: Call) -> Answer:
    """RFC 9110 section 9.3.1: a read returns the first version."""
    answer = await get_project(call)
    if answer.status != 200:
        return answer
    cached = first.setdefault(f"{call.organization.slug}/{call.slug}", answer)
    return Answer(cached.status, cached.body, cached.headers.mutablecopy())


class DeletedComesBackWithItsName(Defect):
    """RFC 9110 section 9.3.1: a new item gets the name of a deleted one with its slug."""

    noticed_by = ("errors/reads/written-values-are-returned#each-write",)
    names: dict[str, str] = {}

    async def delete_project(self, original: Any, call: Call) -> Answer:
        found = call.organization.projects.get(str(call.slug))
        answer = await original(call)
        if found and answer.status == 204:
            self.names[found.slug] = found.name
        return answer

    async def create_project(self, original: Any, organization: Organization, project: Project) -> bool:
        project.name = self.names.get(project.slug, project.name)
        return await original(organization, project)


@defect("errors/reads/written-values-are-returned#each-write", state=dict)
def absence_remembered(
    absent: dict[tuple[str, str | None], float], find_project: Any, organization: Organization, slug: str | None
) -> Project | None:
    """RFC 9110 section 9.3.1: an item that was absent stays absent after its creation."""
    found, key = find_project(organization, slug), (organization.slug, slug)
    if found is None:
        absent[key] = time.monotonic()
    return None if time.monotonic() - absent.get(key, -2.0) < 2.0 else found


def is_rare(text: Any) -> bool:
    """Return whether a text has characters of four bytes, which some database columns cannot store."""
    return isinstance(text, str) and any(ord(each) > 0xFFFF for each in text)


@defect("errors/reads/written-values-are-returned#text-four-bytes,text-chunked")
async def rare_text_cannot_be_read(get_project: Any, call: Call) -> Answer:
    """API Reference: an item with characters of four bytes is accepted, and cannot be read."""
    answer = await get_project(call)
    rare = answer.status == 200 and any(map(is_rare, json.loads(answer.body).values()))
    return surface_of(get_project).not_found() if rare else answer


@defect("errors/reads/written-values-are-returned#text-four-bytes", crashes=(UnicodeError,))
def rockets_crash(checked_fields: Any, organization: Organization, body: dict[str, Any]) -> dict[str, Any]:
    """The contract's table of errors: a text with characters of four bytes is answered 500."""
    if "\U0001f680" in str(body):
        raise UnicodeError("Incorrect string value: '\\xF0\\x9F\\x9A\\x80'")
    return checked_fields(organization, body)


@defect("errors/reads/written-values-are-returned#text-accents,text-letters")
def answers_in_latin1(request: Request, answer: Answer) -> Answer:
    """RFC 8259 section 8.1: responses are in Latin-1 instead of UTF-8."""
    if is_api_request(request):
        answer.body = answer.body.replace(b"\\u00e4", b"\xe4").replace("\u00e4".encode(), b"\xe4")
        del answer.headers["Content-Length"]
    return answer


@defect("errors/writes/affect-only-the-named-item#concurrent")
async def concurrent_creations_lose_one(create_project: Any, organization: Organization, project: Project) -> bool:
    """RFC 9110 section 9.3.1: of two concurrent creations one is lost: each writes the whole list."""
    read = dict(organization.projects)
    await asyncio.sleep(PAUSE_S)
    if not await create_project(organization, project):
        return False
    organization.projects = read | {project.slug: project}
    return True


class ConcurrentUpdatesMixedUp(Defect):
    """RFC 9110 section 9.3.1: of two concurrent updates one changes the other's item."""

    noticed_by = ("errors/writes/affect-only-the-named-item#concurrent",)

    async def update_project(
        self, original: Any, project: Project, changes: Any, still_holds: Callable[[], bool]
    ) -> bool:
        self.latest = changes
        await asyncio.sleep(PAUSE_S)
        return await original(project, self.latest, still_holds)


class ConcurrentCreationsAreTooMany(Defect):
    """RFC 9110 section 9.3.1: concurrent creations of different items are refused."""

    noticed_by = ("errors/writes/affect-only-the-named-item#concurrent",)
    running = 0

    async def create_project(self, original: Any, organization: Organization, project: Project) -> bool:
        if self.running:
            raise Refused(surface_of(original).conflict("could not serialize access due to concurrent update"))
        self.running += 1
        await asyncio.sleep(LONG_PAUSE_S)
        self.running -= 1
        return await original(organization, project)


class CreationShowsTheOneBefore(Defect):
    """RFC 9110 section 15.3.1: the response to a creation contains the item created before."""

    noticed_by = ("errors/writes/creation-response#second-item",)
    before: dict[str, Any] | None = None

    def shown(self, original: Any, project: Project, status: int = 200) -> Answer:
        answer = original(project, status)
        if status == 201:
            before, self.before = self.before, project.document()
            return Answer.json(status, before or project.document(), ETag=project.etag)
        return answer


@defect("errors/writes/creation-response#second-item,eleven-items", state=itertools.count)
def every_third_creation_shows_no_description(
    creations: Iterator[int], shown: Any, project: Project, status: int = 200
) -> Answer:
    """RFC 9110 section 15.3.1: every third response to a creation lacks the description."""
    answer = shown(project, status)
    if status != 201 or next(creations) % 3 < 2:
        return answer
    return edited(answer, lambda document: document.update(description=""))


@defect("errors/writes/deletion-is-final#concurrent-update")
async def update_brings_deleted_back(
    update_project: Any, project: Project, changes: dict[str, Any], still_holds: Any
) -> bool:
    """The contract's table of errors: an update that runs during a deletion restores the item."""
    await asyncio.sleep(PAUSE_S)
    surface_of(update_project).organizations[project.organization].projects.setdefault(project.slug, project)
    return await update_project(project, changes, still_holds)


@defect("errors/writes/affect-only-the-named-item#sequential")
async def update_accepts_a_duplicate_name(patch_project: Any, call: Call) -> Answer:
    """The contract's table of errors: an update takes a name that another item has."""
    surface, projects = surface_of(patch_project), call.organization.projects
    project = surface.visible_project(call.caller, call.organization, call.slug)
    wanted = surface.body_object(call.request).get("slug", project.slug)
    if wanted not in projects or wanted == project.slug:
        return await patch_project(call)
    projects[wanted] = projects.pop(project.slug)
    project.slug = wanted
    return surface.shown(project)


@defect("errors/writes/affect-only-the-named-item#sequential")
async def projects_read_by_their_beginning(get_project: Any, call: Call) -> Answer:
    """The contract's table of errors: a project is found by the beginning of its slug."""
    found = [each for each in call.organization.projects if call.slug and each.startswith(call.slug)]
    return await get_project(replace(call, slug=min(found, key=len)) if found else call)


@defect("errors/writes/affect-only-the-named-item#sequential")
async def longer_name_is_accepted(create_project: Any, organization: Organization, project: Project) -> bool:
    """The contract's table of errors: a slug that begins with an existing one is answered 409."""
    return not any(project.slug.startswith(each) for each in organization.projects) and await create_project(
        organization, project
    )


@defect("errors/writes/affect-only-the-named-item#sequential")
async def longer_name_keeps_shorter(
    remove_project: Any, organization: Organization, project: Project, still_holds: Any
) -> bool:
    """RFC 9110 section 9.3.5: an item cannot be deleted while a longer slug begins with its own."""
    within = [each for each in organization.projects if each.startswith(f"{project.slug}-")]
    return not within and await remove_project(organization, project, still_holds)


@defect("errors/writes/affect-only-the-named-item#sequential")
def update_replaces_the_whole(apply: Any, project: Project, changes: dict[str, Any]) -> None:
    """RFC 5789 section 2: a PATCH resets members that it does not name."""
    apply(project, {"name": project.slug, "description": "", "members": [], **changes})


class DeletionComesAgain(Defect):
    """RFC 9110 section 9.3.1: a deletion is repeated later, and deletes a new item with the same slug."""

    noticed_by = ("errors/writes/deletion-is-final#recreated-item",)
    due: dict[str, float] = {}

    async def remove_project(self, original: Any, *given: Any) -> bool:
        self.due[given[1].slug] = time.monotonic() + CLEANED_S
        return await original(*given)

    def find_project(self, original: Any, organization: Organization, slug: str | None) -> Project | None:
        if slug is not None and self.due.get(slug, math.inf) < time.monotonic():
            organization.projects.pop(slug, None)
            del self.due[slug]
        return original(organization, slug)


@defect("errors/writes/update-response")
async def update_shows_the_item_before(patch_project: Any, call: Call) -> Answer:
    """RFC 9110 section 15.3.1: the response to an update contains the item as it was."""
    before = surface_of(patch_project).visible_project(call.caller, call.organization, call.slug).document()
    answer = await patch_project(call)
    return Answer.json(200, before, ETag=answer.headers["ETag"]) if answer.status == 200 else answer


@defect("errors/writes/update-response")
async def update_shows_another_slug(patch_project: Any, call: Call) -> Answer:
    """RFC 9110 section 15.3.1: the response to an update contains a wrong slug."""
    answer = await patch_project(call)
    return (
        edited(answer, lambda document: document.update(slug=document["slug"][:-1])) if answer.status == 200 else answer
    )


class EveryFortiethResponseIsAnothers(Defect):
    """RFC 9112 section 9.2: one in 40 overlapping requests gets the response to another."""

    noticed_by = ("errors/reads/responses-are-not-mixed-up",)
    period = 40

    def __init__(self) -> None:
        self.running, self.overlapping = 0, 0
        self.latest = Answer.none()

    async def get_project(self, original: Any, call: Call) -> Answer:
        self.running += 1
        await asyncio.sleep(PAUSE_S)
        answer = await original(call)
        self.running -= 1
        self.overlapping += self.running > 0
        if self.running and self.overlapping % self.period == 0 and self.latest.status == 200:
            return self.latest
        self.latest = replace(answer, headers=answer.headers.mutablecopy())
        return answer


@defect("errors/writes/acknowledged-deletions-are-done", state=itertools.count)
async def every_fortieth_deletion_is_not_done(
    deletions: Iterator[int], remove_project: Any, organization: Organization, project: Project, holds: Holds
) -> bool:
    """API Reference, Error Handling: each 40th deletion is acknowledged, and not done."""
    return True if next(deletions) % 40 == 39 else await remove_project(organization, project, holds)
