"""Defects in the life of a credential and of items, which show after a sequence of operations only."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.identity.support import surface_of
from conformance.reference.identity.records import Organization, Project
from conformance.reference.seeds import Client

Key = tuple[str, str]


class NextTokenRevivesEarlierOnes(Defect):
    """Credentials: a token of a revoked credential is invalid for good, whatever is issued later."""

    surface = "identity"
    noticed_by = ("authorization/model/credential-is-as-its-model",)
    shortest = 5

    def __init__(self) -> None:
        self.issued: set[tuple[str, int]] = set()

    def access_token_claims(self, original: Callable[..., Any], client: Client, scopes: tuple[str, ...]) -> Any:
        claims = original(client, scopes)
        self.issued.add((client.client_id, claims["credential_version"]))
        return claims

    def issued_since_revocation(self, original: Callable[..., bool], client: Client, claims: dict[str, Any]) -> bool:
        return original(client, claims) or (
            (client.client_id, surface_of(original).revocations[client.client_id]) in self.issued
        )


class ItemsOfADeletedSlugComeBack(Defect):
    """The contract's APIs of items: what is deleted is gone; a new item of its slug has its own texts."""

    surface = "identity"
    noticed_by = ("errors/model/items-are-as-their-model",)
    shortest = 5

    def __init__(self) -> None:
        self.left: dict[Key, str] = {}

    async def remove_project(
        self, original: Callable[..., Awaitable[bool]], organization: Organization, project: Project, holds: Any
    ) -> bool:
        removed = await original(organization, project, holds)
        if removed and project.version > 1:
            self.left[organization.slug, project.slug] = project.description
        return removed

    async def create_project(
        self, original: Callable[..., Awaitable[bool]], organization: Organization, project: Project
    ) -> bool:
        made = await original(organization, project)
        if made:
            project.description = self.left.pop((organization.slug, project.slug), project.description)
        return made


class ConcealmentOutlivesItsItem(Defect):
    """Projects: an item made for everybody is seen by everybody, whoever saw an earlier one of its slug."""

    surface = "identity"
    noticed_by = ("errors/model/items-are-as-their-model",)
    shortest = 4

    def __init__(self) -> None:
        self.left: dict[Key, list[str]] = {}

    async def remove_project(
        self, original: Callable[..., Awaitable[bool]], organization: Organization, project: Project, holds: Any
    ) -> bool:
        removed = await original(organization, project, holds)
        if removed and project.members:
            self.left[organization.slug, project.slug] = project.members
        return removed

    async def create_project(
        self, original: Callable[..., Awaitable[bool]], organization: Organization, project: Project
    ) -> bool:
        made = await original(organization, project)
        if made:
            project.members = project.members or self.left.get((organization.slug, project.slug), [])
        return made
