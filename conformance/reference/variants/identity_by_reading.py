"""Right ways for an identity service that reading the checks has thought of."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Awaitable, Callable
from email.utils import formatdate
from typing import Any

from conformance.reference.defects.base import Variant
from conformance.reference.defects.identity.support import edited, surface_of
from conformance.reference.http import Answer, Request
from conformance.reference.identity import Identity
from conformance.reference.identity.organization_api import Call
from conformance.reference.identity.records import Project
from conformance.reference.identity.state import Refused
from conformance.reference.identity.wire import strict_object
from conformance.reference.seeds import Client
from conformance.reference.variants.identity_requests import SlugsMadeOfNames

Claims = dict[str, Any]
Form = dict[str, str]
Scopes = tuple[str, ...]
A_MOMENT_S = 0.4
BEHIND_S = 720


class AnotherScopeIsGrantedToo(Variant):
    """RFC 6749 section 3.3: another scope than was asked for may be granted, and is stated, here the last besides."""

    surface = "identity"
    alone = True

    def granted_scopes(
        self, original: Callable[[Client, str | None], Scopes], client: Client, asked: str | None
    ) -> Scopes:
        return tuple(dict.fromkeys([*original(client, asked), *client.scopes[-1:]]))


class ClientIdsHaveAForm(Variant):
    """RFC 6749 section 2.2: ids are of the server's own form; what is none is malformed, before anything is looked up.

    So a UUID is, where ids are such, and tells nobody which of them there are.
    """

    surface = "identity"

    def find_client(self, original: Callable[[str], Client | None], client_id: str) -> Client | None:
        if not re.fullmatch("[a-z]{2}-[a-z-]+", client_id):
            raise Refused(surface_of(original).oauth_error(400, "invalid_request", "the client id is malformed"))
        return original(client_id)


class IdentityClockBehind(Variant):
    """RFC 9110 section 6.6.1: Date is of the server's clock, as are iat and exp; no clause says that it is as ours."""

    surface = "identity"

    def access_token_claims(
        self, original: Callable[[Client, Scopes], Claims], client: Client, scopes: Scopes
    ) -> Claims:
        claims = original(client, scopes)
        # What is soon to end would have ended for the reference itself, whose clock goes on.
        late = BEHIND_S if client.lifetime_s > BEHIND_S else 0
        return {**claims, "iat": claims["iat"] - late, "exp": claims["exp"] - late}

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        answer.headers["Date"] = formatdate(time.time() - BEHIND_S, usegmt=True)
        return answer


class RevocationIsKnownAMomentLater(Variant):
    """Credentials: revocation is immediate, as soon as each server has heard of it: within limits.revocation.

    What was restored meanwhile is at once, but for the tokens from before, which some servers still take for good.
    """

    surface = "identity"
    alone = True

    def __init__(self) -> None:
        self.revoked: dict[str, float] = {}
        self.restored: set[str] = set()

    def revoke(self, original: Callable[[str], None], client_id: str) -> None:
        self.revoked[client_id] = time.monotonic()
        self.restored.discard(client_id)
        original(client_id)

    def restore(self, original: Callable[[str], None], client_id: str) -> None:
        self.restored.add(client_id)
        original(client_id)

    def _not_heard_of(self, client: Client) -> bool:
        return time.monotonic() - self.revoked.get(client.client_id, -A_MOMENT_S) < A_MOMENT_S

    def credential_is_revoked(self, original: Callable[[Client], bool], client: Client) -> bool:
        return original(client) and not self._not_heard_of(client)

    def access_token_claims(
        self, original: Callable[[Client, Scopes], Claims], client: Client, scopes: Scopes
    ) -> Claims:
        claims = original(client, scopes)
        late = self._not_heard_of(client) and client.client_id not in self.restored
        return claims | {"credential_version": claims["credential_version"] - late}

    def issued_since_revocation(
        self, original: Callable[[Client, Claims], bool], client: Client, claims: Claims
    ) -> bool:
        version = surface_of(original).revocations[client.client_id]
        late = self._not_heard_of(client) and claims.get("credential_version") == version - 1
        return late or original(client, claims)


class CreationTellsItsIdAlone(SlugsMadeOfNames):
    """RFC 9110 section 15.3.2: a creation is identified by Location; what its content says of it is open."""

    surface = "identity"

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if answer.status != 201 or "slug" in _object(request.body):
            return answer
        location = answer.headers["Location"]
        told = Answer.json(201, {"id": len(location)})
        told.headers["Location"] = location
        return told


class ItemsCanBeRenamed(Variant):
    """Organization Settings: the slug of an organization never changes; that of a project may, and leads on.

    A taken one is a conflict, as in a creation.
    """

    surface = "identity"

    def __init__(self) -> None:
        self.renamed: dict[str, str] = {}

    def refuse_unknown(
        self, original: Callable[[dict[str, Any], frozenset[str]], None], body: dict[str, Any], known: frozenset[str]
    ) -> None:
        original(body, known | {"slug"})

    async def patch_project(self, original: Callable[[Call], Awaitable[Answer]], call: Call) -> Answer:
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

    async def get_project(self, original: Callable[[Call], Awaitable[Answer]], call: Call) -> Answer:
        try:
            return await original(call)
        except Refused:
            renamed = self.renamed.get(str(call.slug))
            project = surface_of(original).visible_project(call.caller, call.organization, renamed)
            leading = Answer(301)
            leading.headers["Location"] = f"{call.request.raw_path.rpartition('/')[0]}/{project.slug}"
            return leading


def _object(body: bytes) -> dict[str, Any]:
    try:
        return strict_object(body)
    except (ValueError, RecursionError):
        return {}


class CreationShowsASecret(Variant):
    """Credentials: the client secret is shown once, at creation: what is created may have one, and tells it then."""

    surface = "identity"

    def shown(self, original: Callable[..., Answer], project: Project, status: int = 200) -> Answer:
        answer = original(project, status)
        if status != 201:
            return answer
        return edited(answer, lambda told: told.update(client_secret=secret_of(project)))


class SecretsAreHiddenByAsterisks(Variant):
    """Credentials: the client secret is shown once, at creation, in the portal: the API has asterisks in its place."""

    surface = "identity"

    def shown(self, original: Callable[..., Answer], project: Project, status: int = 200) -> Answer:
        return edited(original(project, status), lambda told: told.update(client_secret="*" * 32))


class MakesCredentials:
    """What is created is a credential, which gets tokens from then on, until it is deleted."""

    def shown(self, original: Callable[..., Answer], project: Project, status: int = 200) -> Answer:
        answer = original(project, status)
        if status != 201:
            return answer
        made = Client(f"of-{project.slug}", project.organization, ("organization:read",), secret_of(project))
        surface_of(original).clients[made.client_id] = made
        return edited(answer, lambda told: told.update(client_id=made.client_id, client_secret=made.secret))

    async def remove_project(self, original: Callable[..., Awaitable[bool]], *given: Any) -> bool:
        removed, client_id = await original(*given), f"of-{given[1].slug}"
        if removed and client_id in surface_of(original).clients:
            self._revoke(surface_of(original), client_id)
        return removed

    def _revoke(self, surface: Identity, client_id: str) -> None:
        surface.revoke(client_id)


class CreationMakesACredential(MakesCredentials, Variant):
    """Credentials: they are created and revoked, by an API where there is one, and the secret shown then."""

    surface = "identity"


def secret_of(project: Project) -> str:
    """The secret of a thing, which nobody guesses who does not know the reference."""
    return hashlib.sha256(project.slug.encode()).hexdigest()


class NamesAreObjects(Variant):
    """RFC 8259 section 4: how a thing is shown is its service's own: a name that is sent may come back in an object."""

    surface = "identity"

    def shown(self, original: Callable[..., Answer], project: Project, status: int = 200) -> Answer:
        return edited(original(project, status), lambda told: told.update(name={"default": told["name"]}))
