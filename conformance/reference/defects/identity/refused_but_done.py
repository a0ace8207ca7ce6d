"""Defects by which the organization API does what it refuses: the answer is right, and what is stored is not.

As where a router runs a handler before it finds out that it may not, or nothing is rolled back.
"""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Callable
from typing import Any, ClassVar

import jwt

from conformance.reference.defects.base import Defect
from conformance.reference.defects.identity.forgotten import shown_token
from conformance.reference.defects.identity.support import is_api_request, surface_of
from conformance.reference.http import Answer, Request
from conformance.reference.identity import Identity
from conformance.reference.identity.projects import MEMBERS_OF_UPDATE
from conformance.reference.identity.records import Organization, Project
from conformance.reference.identity.wire import path_segments

Finish = Callable[[Request, Answer], Answer]
OF_AN_ITEM = 6


def _named(request: Request) -> tuple[str, str]:
    """The organization and the slug in a path, each empty where there is none."""
    segments = [each or "" for each in path_segments(request.raw_path)]
    organization = segments[3] if len(segments) > 3 else ""
    return organization, segments[5] if len(segments) >= OF_AN_ITEM else ""


def _document(request: Request) -> dict[str, Any]:
    """The object of a body; an empty one where there is none."""
    try:
        document = json.loads(request.body)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


class _DoneAllTheSame(Defect):
    """Does what was refused with one of ``refusals``, of one of ``methods``, where ``_is_meant``."""

    methods: ClassVar[frozenset[str]] = frozenset({"PATCH", "DELETE"})
    refusals: ClassVar[frozenset[int]] = frozenset()

    def finish(self, original: Finish, request: Request, answer: Answer) -> Answer:
        if is_api_request(request) and request.method in self.methods and answer.status in self.refusals:
            surface = surface_of(original)
            found = self._found(surface, request)
            if self._is_meant(request, found):
                self._do(surface, request, found)
        return original(request, answer)

    def _found(self, surface: Identity, request: Request) -> Project | None:
        """The project that is changed all the same."""
        organization, slug = _named(request)
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
            changes = {name: each for name, each in _document(request).items() if name in ("name", "description")}
            surface.apply(found, changes)


class _ForeignUpdateRefusedButMade(_DoneAllTheSame):
    """OWASP API1: what another organization stored is not changed by who is answered 404 for it."""

    surface = "identity"
    methods = frozenset({"PATCH"})
    refusals = frozenset({404})

    def _is_meant(self, request: Request, found: Project | None) -> bool:
        # To all of its own organization it is open, so that who is told 404 is of another one.
        return found is not None and not found.members


class ForeignDeletionRefusedButMade(_ForeignUpdateRefusedButMade):
    """OWASP API1: what another organization stored is not deleted by who is answered 404 for it."""

    noticed_by = ("authorization/isolation/foreign-paths-open-nothing#items",)

    methods = frozenset({"DELETE"})


class DeletionReachesTheSlugElsewhere(_DoneAllTheSame):
    """OWASP API1: a slug under one's own path names nothing elsewhere (a statement with the slug for its condition)."""

    surface = "identity"
    noticed_by = (
        "authorization/isolation/foreign-ids-under-own-parents-open-nothing#foreign-child",
        "authorization/isolation/foreign-ids-under-own-parents-open-nothing#own-child-of-a-foreign-parent",
    )
    methods = frozenset({"DELETE"})
    refusals = frozenset({404})

    def _found(self, surface: Identity, request: Request) -> Project | None:
        organization, slug = _named(request)
        others = [each for name, each in surface.organizations.items() if name != organization]
        return next((each.projects[slug] for each in others if slug in each.projects), None)


class SlashBehindDeletesUnasked(_DoneAllTheSame):
    """The contract's table of errors: 401 without a token, and nothing deleted, with a slash behind the path too."""

    surface = "identity"
    noticed_by = ("authorization/isolation/path-tricks-change-nothing",)
    methods = frozenset({"DELETE"})
    refusals = frozenset({401})

    def _found(self, surface: Identity, request: Request) -> Project | None:
        return super()._found(surface, request) if request.raw_path.endswith("/") else None


class ForeignCreationRefusedButMade(_DoneAllTheSame):
    """The contract's table of errors: who is answered 404 for another organization has made nothing there."""

    surface = "identity"
    noticed_by = ("authorization/isolation/foreign-members-are-refused",)
    methods = frozenset({"POST"})
    refusals = frozenset({404})

    def _is_meant(self, request: Request, found: Project | None) -> bool:
        return "slug" in _document(request)

    def _do(self, surface: Identity, request: Request, found: Project | None) -> None:
        organization = surface.organizations.get(_named(request)[0])
        if organization is not None:
            said = _document(request)
            made = Project(organization.slug, said["slug"], said.get("name", ""), said.get("description", ""))
            organization.projects.setdefault(made.slug, made)


class RefusedMethodEmptiesItem(_DoneAllTheSame):
    """RFC 9110 section 15.5.6: a method that a resource does not have changes nothing of it."""

    surface = "identity"
    noticed_by = ("authorization/matrix/another-method-is-no-way-in#foreign",)
    methods = frozenset({"PUT"})
    refusals = frozenset({405})

    def _do(self, surface: Identity, request: Request, found: Project | None) -> None:
        if found is not None:
            surface.apply(found, {"description": ""})


class OtherMediaTypeRefusedButDone(_DoneAllTheSame):
    """The contract's table of errors: an update that is refused with 400 for its media type changes nothing."""

    surface = "identity"
    noticed_by = ("errors/400/body-of-another-media-type#form", "errors/400/body-of-another-media-type#xml")
    methods = frozenset({"PATCH"})
    refusals = frozenset({400})

    def _is_meant(self, request: Request, found: Project | None) -> bool:
        return not request.headers.get("content-type", "").startswith("application/json") and bool(_document(request))


class StaleDeletionRefusedButMade(_DoneAllTheSame):
    """RFC 9110 section 13.1.1: a server MUST NOT perform the method where If-Match evaluates to false."""

    surface = "identity"
    noticed_by = ("errors/409/stale-delete",)
    methods = frozenset({"DELETE"})
    refusals = frozenset({409})


class WeakMatchRefusedButMade(_DoneAllTheSame):
    """RFC 9110 section 13.1.1: If-Match is compared strongly, and what it refuses is not done."""

    surface = "identity"
    noticed_by = ("errors/409/if-match-is-compared-strongly",)
    methods = frozenset({"PATCH"})
    refusals = frozenset({409})

    def _is_meant(self, request: Request, found: Project | None) -> bool:
        return found is not None and request.headers.get("if-match", "").startswith("W/")


class LongNameRefusedButStored(_DoneAllTheSame):
    """The contract's table of errors: an update that is refused with 400 for a long text keeps no part of it."""

    surface = "identity"
    noticed_by = ("errors/5xx/heavy-bodies-are-no-server-error#1-mb-text-update",)
    methods = frozenset({"PATCH"})
    refusals = frozenset({400})

    def _is_meant(self, request: Request, found: Project | None) -> bool:
        return found is not None and len(str(_document(request).get("name", ""))) > 100_000

    def _do(self, surface: Identity, request: Request, found: Project | None) -> None:
        if found is not None:
            surface.apply(found, {"name": _document(request)["name"][:200]})


class NamedProjectUpdatedInstead(_DoneAllTheSame):
    """OWASP API1: the id in a body does not say what is changed (it is loaded by that and bound first)."""

    surface = "identity"
    noticed_by = ("authorization/isolation/foreign-ids-in-bodies-reach-nothing#update",)
    methods = frozenset({"PATCH"})
    refusals = frozenset({400})

    def _found(self, surface: Identity, request: Request) -> Project | None:
        named, own = _document(request).get("id"), _named(request)[0]
        others = [each for name, each in surface.organizations.items() if name != own]
        return next(
            (each.projects[named] for each in others if isinstance(named, str) and named in each.projects), None
        )


class NamelessCreationRefusedButMade(_DoneAllTheSame):
    """The contract's table of errors: a create that is refused with 400 for its unique name has made nothing."""

    surface = "identity"
    noticed_by = (
        "errors/400/unique-member-missing-or-malformed#missing",
        "errors/400/unique-member-missing-or-malformed#null",
        "errors/400/unique-member-missing-or-malformed#number",
        "errors/400/unique-member-missing-or-malformed#object",
    )
    methods = frozenset({"POST"})
    refusals = frozenset({400})

    def _is_meant(self, request: Request, found: Project | None) -> bool:
        document = _document(request)
        return (
            bool(document)
            and not isinstance(document.get("slug"), str)
            and document.keys() <= MEMBERS_OF_UPDATE | {"slug"}
        )

    def _do(self, surface: Identity, request: Request, found: Project | None) -> None:
        organization = surface.organizations.get(_named(request)[0])
        if organization is not None:
            said = _document(request)
            made = Project(
                organization.slug, str(said.get("slug")), str(said.get("name")), str(said.get("description"))
            )
            organization.projects[made.slug] = made


class EndedTokenRefusedButServed(_DoneAllTheSame):
    """The contract's table of errors: who is answered 401 for a token that has expired has changed nothing.

    As where the handler runs while the token is still looked up, and its answer alone is thrown away.
    """

    surface = "identity"
    noticed_by = ("authorization/bearer/expired-token-is-401",)
    refusals = frozenset({401})

    def _is_meant(self, request: Request, found: Project | None) -> bool:
        return found is not None and self._ended(request)

    def _ended(self, request: Request) -> bool:
        """Whether it is a token of the issuer's, of which the time alone is over."""
        try:
            claims = jwt.decode(shown_token(request), options={"verify_signature": False})
        except jwt.PyJWTError:
            return False
        return bool(claims["exp"] <= time.time())


class RevokedTokenRefusedButServed(EndedTokenRefusedButServed):
    """Credentials: every token of a revoked credential becomes invalid: refused with 401, it has changed nothing."""

    noticed_by = ("authorization/revocation/every-token-becomes-invalid#in-use",)

    def _ended(self, request: Request) -> bool:
        return shown_token(request).count(".") == 2 and not super()._ended(request)


class RefusedCreationKeepsItsName(Defect):
    """The contract's table of errors: 403 for who lacks the role, and the name that it asked for is free for others."""

    surface = "identity"
    noticed_by = ("authorization/matrix/lacking-role-is-403#create",)

    def __init__(self) -> None:
        self.kept: set[str] = set()

    def finish(self, original: Finish, request: Request, answer: Answer) -> Answer:
        if is_api_request(request) and (request.method, answer.status) == ("POST", 403):
            self.kept.add(str(_document(request).get("slug")))
        return original(request, answer)

    async def create_project(
        self, original: Callable[..., Awaitable[bool]], organization: Organization, project: Project
    ) -> bool:
        return project.slug not in self.kept and await original(organization, project)
