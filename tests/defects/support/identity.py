"""Helpers that defects and variants of the identity surface share."""

from __future__ import annotations

import hashlib
import json
import time
from typing import Any, ClassVar

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.identity import Identity
from conformance.reference.identity.records import Project
from conformance.reference.identity.state import Refused
from conformance.reference.identity.wire import path_segments
from conformance.reference.seeds import Account, Client
from conformance.reference.support.identity import decoded, edited, is_api_request, is_token_request, surface_of
from conformance.vocabulary.values import part_of_jwt

# Members that every JavaScript object inherits.
INHERITED = ("__proto__", "constructor", "toString")
OF_AN_ITEM = 6
EVERYTHING = frozenset({"pull", "push", "delete"})
SHUT_S = 2.0
LONG_PAUSE_S = 0.03


def unverified(token: str) -> dict[str, Any] | None:
    """Return the claims of an unexpired JWT without verification of its signature."""
    try:
        claims: dict[str, Any] = json.loads(decoded(token.split(".")[1]))
        return claims if claims["exp"] > time.time() else None
    except (ValueError, IndexError, KeyError, TypeError):
        return None


def shown_token(request: Request) -> str:
    """Return the credentials after the scheme."""
    return request.headers.get("authorization", "").partition(" ")[2]


def unexpected_error() -> Answer:
    """Return the response of a service that failed."""
    return Answer.json(500, {"error": {"code": "internal", "message": "Something went wrong."}})


def organization_and_slug(request: Request) -> tuple[str, str]:
    """Return the organization and the slug in a path, each empty if there is none."""
    segments = [each or "" for each in path_segments(request.raw_path)]
    organization = segments[3] if len(segments) > 3 else ""
    return organization, segments[5] if len(segments) >= OF_AN_ITEM else ""


def body_document(request: Request) -> dict[str, Any]:
    """Return the JSON object of a body, an empty one if there is none."""
    try:
        document = json.loads(request.body)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


class _RefusedButDone(Defect):
    """Does a request by one of ``methods`` that was refused with one of ``refusals``, if ``_is_meant``."""

    methods: ClassVar[frozenset[str]] = frozenset({"PATCH", "DELETE"})
    refusals: ClassVar[frozenset[int]] = frozenset()

    def finish(self, original: Any, request: Request, answer: Answer) -> Answer:
        if is_api_request(request) and request.method in self.methods and answer.status in self.refusals:
            surface = surface_of(original)
            found = self._found(surface, request)
            if self._is_meant(request, found):
                self._do(surface, request, found)
        return original(request, answer)

    def _found(self, surface: Identity, request: Request) -> Project | None:
        """Return the project that the refused request changes."""
        organization, slug = organization_and_slug(request)
        found = surface.organizations.get(organization)
        return found.projects.get(slug) if found else None

    def _is_meant(self, request: Request, found: Project | None) -> bool:
        return found is not None

    def _do(self, surface: Identity, request: Request, found: Project | None) -> None:
        if found is None:
            return
        if request.method == "DELETE":
            del surface.organizations[found.organization].projects[found.slug]
        else:
            changes = {name: each for name, each in body_document(request).items() if name in ("name", "description")}
            surface.apply(found, changes)


def owner_of(original: Any, token: str) -> Account | None:
    """Return the account that a token was issued to."""
    named = (part_of_jwt(token, 1) or {}).get("sub")
    return surface_of(original).accounts.get(str(named))


def searched_for(request: Request) -> str | None:
    """Return the search word of a list, None for the whole list."""
    return next((value for name, value in request.query if name in ("q", "search", "filter", "slug", "name")), None)


def matches(word: str, slug: str, name: str) -> bool:
    """Return whether a word finds a project."""
    return word.lower() in slug or word.lower() in name.lower()


def offset_of(surface: Identity, request: Request) -> int:
    """Return the offset of a page."""
    return surface.bound(request, "offset", 0, 0, 999_999_999)


class InPages:
    """Lists ``size`` entries a page, with a link to the next page (RFC 8288) that is relative to the list.

    ``lost`` entries between two pages are on neither.
    """

    size, lost = 1, 0

    def listing(self, original: Any, request: Request, entries: list[dict[str, Any]]) -> Answer:
        surface = surface_of(original)
        limit, offset = surface.bound(request, "limit", self.size, 1, 200), offset_of(surface, request)
        answer = Answer.json(200, {"items": entries[offset : offset + limit]})
        if offset + limit < len(entries):
            answer.headers["Link"] = f'<?limit={limit}&offset={offset + limit + self.lost}>; rel="next"'
        return answer


class LimitShared:
    """A limit that the credentials of an organization share."""

    used_up_until: dict[str, float] = {}

    def keep_to_limit(self, original: Any, client: Client) -> None:
        surface = surface_of(original)
        left = self.used_up_until.get(self._shared_by(client), 0) - surface.monotonic()
        if left > 0 and client.limit is None:
            raise Refused(surface.limit_exceeded(left))
        original(client)

    def limit_exceeded(self, original: Any, wait: float) -> Answer:
        surface = surface_of(original)
        for client in surface.seeds.clients:
            if client.limit is not None:
                self.used_up_until[self._shared_by(client)] = surface.monotonic() + wait
        return original(wait)

    def _shared_by(self, client: Client) -> str:
        return client.organization


class _ShutsEndpoint(Defect):
    """Refuses all token requests for a while after some request, as while a worker restarts."""

    until = 0.0

    def intercept(self, request: Request) -> Answer | None:
        if not is_token_request(request):
            return None
        if time.monotonic() < self.until:
            return Answer.json(400, {"error": "invalid_request"})
        if self._shuts(request):
            self.until = time.monotonic() + SHUT_S
        return None

    def _shuts(self, request: Request) -> bool:
        raise NotImplementedError


def secret_of(project: Project) -> str:
    """Return the secret of a project, which only the reference can compute."""
    return hashlib.sha256(project.slug.encode()).hexdigest()


class MakesCredentials:
    """Each created project is a credential, which gets tokens until it is deleted."""

    def shown(self, original: Any, project: Project, status: int = 200) -> Answer:
        answer = original(project, status)
        if status != 201:
            return answer
        made = Client(f"of-{project.slug}", project.organization, ("organization:read",), secret_of(project))
        surface_of(original).clients[made.client_id] = made
        return edited(answer, lambda document: document.update(client_id=made.client_id, client_secret=made.secret))

    async def remove_project(self, original: Any, *given: Any) -> bool:
        removed, client_id = await original(*given), f"of-{given[1].slug}"
        if removed and client_id in surface_of(original).clients:
            self._revoke(surface_of(original), client_id)
        return removed

    def _revoke(self, surface: Identity, client_id: str) -> None:
        surface.revoke(client_id)
