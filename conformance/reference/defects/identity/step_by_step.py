"""Defects that only the next step shows: what was told once is told again, what was refused has left something."""

from __future__ import annotations

import zlib
from collections.abc import Awaitable, Callable
from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.identity.support import edited, surface_of
from conformance.reference.http import Answer, Request
from conformance.reference.identity.bearer import Caller
from conformance.reference.identity.records import Organization, Project
from conformance.reference.identity.state import Refused
from conformance.reference.seeds import Client
from conformance.reference.variants.identity_by_reading import secret_of


class SecretShownAgain(Defect):
    """Credentials: the client secret is shown once, at creation; here whoever reads the thing has it as well."""

    surface = "identity"
    noticed_by = ("authorization/bearer/secret-of-a-creation-is-shown-once",)

    def shown(self, original: Callable[..., Answer], project: Project, status: int = 200) -> Answer:
        return edited(original(project, status), lambda told: told.update(client_secret=secret_of(project)))


class RefusedCreationTouches(Defect):
    """The contract's table of errors: 409 for a concurrent update; a creation that was refused is none."""

    surface = "identity"
    noticed_by = ("errors/409/refusal-is-no-update",)

    async def create_project(
        self, original: Callable[..., Awaitable[bool]], organization: Organization, project: Project
    ) -> bool:
        if project.slug in organization.projects:
            organization.projects[project.slug].version += 1
        return await original(organization, project)


class RefusedUpdateLeavesALock(Defect):
    """The contract's table of errors: 409 for a concurrent update; one that was refused does not go on."""

    surface = "identity"
    noticed_by = ("errors/409/refusal-is-no-update",)

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


class NothingInIfMatchIsAVersion(Defect):
    """RFC 9110 section 5.6.1.2: an element of nothing is passed over; here it is a version that was never there."""

    surface = "identity"
    noticed_by = ("errors/409/if-match-takes-lists-and-any",)

    def if_match_holds(self, original: Callable[[Request, Project], bool], request: Request, project: Project) -> bool:
        return not request.headers.get("if-match", "").startswith(",") and original(request, project)


class AnyCopyIsNone(Defect):
    """RFC 9110 section 13.1.2: "*" is any copy; here it is the name of one that nobody has."""

    surface = "identity"
    noticed_by = ("errors/reads/if-none-match-takes-lists-and-any",)

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


class ParameterOfEveryObjectCrashes(Defect):
    """RFC 6749 section 3.2: unrecognized parameters are ignored, those too that each object has a member for."""

    surface = "identity"
    noticed_by = ("oauth/token/unknown-parameters-are-ignored",)
    crashes = (TypeError,)

    def token_form(self, original: Callable[[Request], dict[str, str]], request: Request) -> dict[str, str]:
        form = original(request)
        if "constructor" in form:
            raise TypeError("found more than once")
        return form


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
