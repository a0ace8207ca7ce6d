"""Defects that only the next step shows: what was told once is told again, what was refused has left something."""

from __future__ import annotations

import math
import time
import unicodedata
import zlib
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import unquote

from conformance.reference.defects.base import Defect
from conformance.reference.defects.identity.support import edited, surface_of
from conformance.reference.http import Answer, Request
from conformance.reference.identity import Identity
from conformance.reference.identity.bearer import Caller
from conformance.reference.identity.records import Organization, Project
from conformance.reference.identity.state import Refused
from conformance.reference.seeds import Client
from conformance.reference.variants.identity_by_reading import MakesCredentials, secret_of

CLEANED_S = 0.4


class SecretShownAgain(Defect):
    """Credentials: the client secret is shown once, at creation; here whoever reads the thing has it as well."""

    surface = "identity"
    noticed_by = ("authorization/bearer/secret-of-a-creation-is-shown-once",)

    def shown(self, original: Callable[..., Answer], project: Project, status: int = 200) -> Answer:
        return edited(original(project, status), lambda told: told.update(client_secret=secret_of(project)))


class RefusedCreationTouches(Defect):
    """The contract's table of errors: 409 for a concurrent update; a creation that was refused is none."""

    surface = "identity"
    noticed_by = ("errors/409/refusal-is-no-update#name-taken",)

    async def create_project(
        self, original: Callable[..., Awaitable[bool]], organization: Organization, project: Project
    ) -> bool:
        if project.slug in organization.projects:
            organization.projects[project.slug].version += 1
        return await original(organization, project)


class RefusedUpdateLeavesALock(Defect):
    """The contract's table of errors: 409 for a concurrent update; one that was refused does not go on."""

    surface = "identity"
    noticed_by = ("errors/409/refusal-is-no-update#unknown-version",)

    def __init__(self) -> None:
        self.locked: set[tuple[str, str]] = set()

    async def update_project(
        self,
        original: Callable[..., Awaitable[bool]],
        project: Project,
        changes: dict[str, Any],
        still_holds: Callable[[], bool],
    ) -> bool:
        name = project.organization, project.slug
        if name in self.locked:
            return False
        done = await original(project, changes, still_holds)
        self.locked |= set() if done else {name}
        return done


class EntityTagsWithoutQuotes(Defect):
    """RFC 9110 section 8.8.3: an entity tag is a quoted string; here what another framework quoted itself is bare."""

    surface = "identity"
    noticed_by = ("errors/reads/etag-is-an-entity-tag",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if "etag" in answer.headers:
            answer.headers["ETag"] = answer.headers["ETag"].replace('"', "")
        return answer


class EntityTagsOfOneToken(Defect):
    """RFC 9110 section 8.8.3: a version is the thing's; here another token of the credential's is told another."""

    surface = "identity"
    noticed_by = ("errors/409/stale-update",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if "etag" in answer.headers:
            answer.headers["ETag"] = self._told(request, answer.headers["ETag"])
        return answer

    def if_match_holds(self, original: Callable[[Request, Project], bool], request: Request, project: Project) -> bool:
        return request.headers.get("if-match", "*") in ("*", self._told(request, project.etag))

    def _told(self, request: Request, etag: str) -> str:
        return f'{etag[:-1]}-{zlib.crc32(request.headers.get("authorization", "").encode())}"'


class AnyCopyIsNone(Defect):
    """RFC 9110 section 13.1.2: "*" is any copy; here it is the name of one that nobody has."""

    surface = "identity"
    noticed_by = ("errors/reads/if-none-match-takes-lists-and-any#any",)

    def if_none_match_holds(
        self, original: Callable[[Request, Project], bool], request: Request, project: Project
    ) -> bool:
        return request.headers.get("if-none-match") == "*" or original(request, project)


class NotModifiedIsOfLengthNought(Defect):
    """RFC 9110 section 8.6: a length that 304 states is that of the content of 200, which caches then go by."""

    surface = "identity"
    noticed_by = ("errors/reads/not-modified-is-of-no-length",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if answer.status == 304:
            answer.headers["Content-Length"] = "0"
        return answer


class WrongSecretEndsTokens(Defect):
    """RFC 6749 section 5.1: a token lives for expires_in; a client id is public, and a wrong secret anybody's."""

    surface = "identity"
    noticed_by = ("oauth/tokens/refusals-end-none",)

    def secret_matches(
        self, original: Callable[[Client | None, str], bool], client: Client | None, secret: str
    ) -> bool:
        matches = original(client, secret)
        if client and not matches:
            surface_of(original).revocations[client.client_id] += 1
        return matches


class HasteEndsTokens(Defect):
    """RFC 6749 section 5.1: a token lives for expires_in, though its client ask for too many others."""

    surface = "identity"
    noticed_by = ("errors/429/tokens-stay-good",)

    def keep_to_limit(self, original: Callable[[Client], None], client: Client) -> None:
        try:
            original(client)
        except Refused:
            surface_of(original).revocations[client.client_id] += 1
            raise


class NameKeepsItsReaders(Defect):
    """Projects: a list of members is of its project; here who saw one sees whatever bears its name, until an update."""

    surface = "identity"
    noticed_by = ("authorization/concealment/name-hides-for-itself",)

    def __init__(self) -> None:
        self.seen: dict[str, dict[str, bool]] = {}

    def can_see(self, original: Callable[[Caller, Project], bool], caller: Caller, project: Project) -> bool:
        of_name = self.seen.setdefault(project.slug, {})
        return of_name.setdefault(caller.client.client_id, original(caller, project))

    def apply(self, original: Callable[..., None], project: Project, changes: dict[str, Any]) -> None:
        self.seen.pop(project.slug, None)
        original(project, changes)


class MembersMayWrite(Defect):
    """Projects: membership never grants more than the organization role; here a Viewer changes what it is in."""

    surface = "identity"
    noticed_by = ("authorization/permissions/membership-grants-no-right",)
    named: tuple[str | None, ...] = ()

    async def api(self, original: Callable[..., Awaitable[Answer]], request: Request, segments: Any) -> Answer:
        self.named = segments
        return await original(request, segments)

    def role_permits(self, original: Callable[[Caller, str], bool], caller: Caller, method: str) -> bool:
        organization = surface_of(original).organizations.get(caller.client.organization)
        project = organization.projects.get(str(self.named[-1])) if organization else None
        return original(caller, method) or (project is not None and caller.client.client_id in project.members)


class DeletionComesAgain(Defect):
    """RFC 9110 section 9.3.1: what was created is there; here what cleans up behind a deletion goes by its name."""

    surface = "identity"
    noticed_by = ("errors/writes/made-again-stays",)

    def __init__(self) -> None:
        self.due: dict[str, float] = {}

    async def remove_project(self, original: Callable[..., Awaitable[bool]], *given: Any) -> bool:
        self.due[given[1].slug] = time.monotonic() + CLEANED_S
        return await original(*given)

    def find_project(
        self, original: Callable[..., Project | None], organization: Organization, slug: str | None
    ) -> Project | None:
        if slug is not None and self.due.get(slug, math.inf) < time.monotonic():
            organization.projects.pop(slug, None)
            del self.due[slug]
        return original(organization, slug)


class NameDecodedTwice(Defect):
    """RFC 3986 section 2.4: the same string is not decoded more than once; a guard in front has read another name."""

    surface = "identity"
    noticed_by = ("errors/404/name-is-decoded-once",)

    def find_project(
        self, original: Callable[..., Project | None], organization: Organization, slug: str | None
    ) -> Project | None:
        return original(organization, unquote(slug) if slug else slug)


class PageRepeatsMarkup(Defect):
    """The contract's table of errors: 404 for what is not there, and not a page that whoever wrote the address made."""

    surface = "identity"
    noticed_by = ("errors/404/page-repeats-no-markup",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if answer.status != 404 or "text/html" not in request.headers.get("accept", ""):
            return answer
        page = Answer(404, f"<h1>No {unquote(request.raw_path)}</h1>".encode())
        page.headers["Content-Type"] = "text/html; charset=utf-8"
        return page


class EmptyListIsNobody(Defect):
    """Projects: an empty list is every member of the organization; here nobody is in it."""

    surface = "identity"
    noticed_by = ("authorization/concealment/no-members-are-everybody",)

    def __init__(self) -> None:
        self.closed: set[str] = set()

    def new_project(
        self, original: Callable[..., Project], organization: Organization, body: dict[str, Any]
    ) -> Project:
        project = original(organization, body)
        self.closed |= {project.slug} if body.get("members") == [] else set()
        return project

    def can_see(self, original: Callable[[Caller, Project], bool], caller: Caller, project: Project) -> bool:
        return project.slug not in self.closed and original(caller, project)


class DeletedCredentialGetsTokens(MakesCredentials, Defect):
    """Credentials: revocation is immediate; here a credential that an API deletes is no more shown, and goes on."""

    surface = "identity"
    noticed_by = ("authorization/revocation/deleted-credential-opens-nothing",)

    def _revoke(self, surface: Identity, client_id: str) -> None:
        pass


class TokensOutliveTheirCredential(DeletedCredentialGetsTokens):
    """Credentials: every token becomes invalid; here none is given any more, and those that were go on."""

    noticed_by = ("authorization/revocation/deleted-credential-opens-nothing",)

    def _revoke(self, surface: Identity, client_id: str) -> None:
        surface.clients[client_id].secret = ""


class HiddenFoundByAnotherWidth(Defect):
    """The contract's table of errors: a hidden project is not shown, by a name either that is only found for it."""

    surface = "identity"
    noticed_by = ("authorization/concealment/paths-tell-nothing#full-width",)

    def visible_project(
        self, original: Callable[..., Project], caller: Caller, organization: Organization, slug: str | None
    ) -> Project:
        found = organization.projects.get(unicodedata.normalize("NFKC", slug or ""))
        return found if found and found.slug != slug else original(caller, organization, slug)
