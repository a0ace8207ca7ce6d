"""A role change takes effect immediately, also for tokens that are already issued."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from itertools import product

import pytest

from conformance.clients.programs.operator_hooks import Operator
from conformance.oracles.status import observed
from conformance.sandbox.platform import Platform
from conformance.target.description import Resource
from conformance.vocabulary.check import disturbs, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive, NonConformance, NotDeclared, Proof

ROLE = "viewer"
BY_ROLE = Proof(beyond="the operator has to change a role for it")


@pytest.fixture
def promoter(changer: Callable[[str, str, str], Operator]) -> Operator:
    """The operator, who takes the role from the credential again in the end."""
    return changer(ROLE, "promote", "demote")


@dataclass
class ChangeByRole:
    """A change that takes more than the scope; each time of an own item, or of a new one."""

    platform: Platform
    resource: Resource
    item: str | None

    @property
    def kind(self) -> str:
        """What the change itself is."""
        return "update" if self.item else "create"

    def kinds(self) -> list[str]:
        """The change, and what else takes more than the scope of the same things."""
        declared = {each: getattr(self.resource, each) for each in ("create", "delete") if self.item}
        return [self.kind, *(each for each, its in declared.items() if its and ROLE in its.forbidden_to)]

    def by(self, token: str, kind: str) -> Exchange:
        """What the change, or another of that kind, is answered with a token."""
        item = self.item if kind == "update" else None
        if kind == "delete":
            # What was deleted would be refused to the next one as absent: each has an item of its own.
            item = self.platform.new_item(self.resource)
        operation = self.platform.operation(self.resource, kind, item)
        reply = self.platform.send(operation, token)
        if reply.ok and kind == "create":
            self.platform.remember(self.resource, str(self.platform.slug_of(operation)))
        return reply


@pytest.fixture
def changes(platform: Platform) -> list[ChangeByRole]:
    """A change of each resource of which the target file says who lacks the role for it."""
    found = list(filter(None, (_change(platform, each) for each in platform.resources)))
    if not found:
        raise NotDeclared(
            f"no declared create or update is said to be forbidden_to {ROLE}",
            "identity.resources.create.forbidden_to",
            "identity.resources.update.forbidden_to",
        )
    return found


def _change(platform: Platform, resource: Resource) -> ChangeByRole | None:
    """An update where there is one that takes the role, else a creation."""
    if resource.update and ROLE in resource.update.forbidden_to and resource.item and resource.create:
        return ChangeByRole(platform, resource, platform.new_item(resource))
    if resource.create and ROLE in resource.create.forbidden_to:
        return ChangeByRole(platform, resource, None)
    return None


def expect_answer(
    change: ChangeByRole, token: str, kind: str, wanted: Collection[int], since: float, told: str
) -> None:
    """The change is answered so from now on; until the bound of the target file is over it may be as before."""
    while True:
        reply = change.by(token, kind)
        if reply.status in wanted:
            return
        if time.monotonic() - since > change.platform.target.limits.revocation:
            raise NonConformance(told, observed(reply), reply, proof=BY_ROLE)
        time.sleep(0.05)


@verifies("authorization/permissions/role-change-is-immediate")
@disturbs("credential viewer", others=True)
def test_role_change_is_immediate(platform: Platform, promoter: Operator, changes: list[ChangeByRole]) -> None:
    """Purpose: who is given a role may do what it permits, and who loses it may not, whichever token is shown.

    Method: 1. as the role viewer, make a change of each resource that it may not make: refused
            2. have the operator's hook promote the credential: expect 2xx with the token of before and with a new one,
               within the bound of the target file (one second), for each
            3. have it demoted again: expect 403 (404) with both tokens within that bound, also of a creation and a
               deletion that are forbidden to it
    """
    client_id, token = platform.oauth.credential(ROLE).client_id, platform.oauth.fresh_token(ROLE)
    if any(change.by(token, change.kind).ok for change in changes):
        raise Inconclusive(f"{ROLE} may make the change already", f"a role {ROLE} to which changes are forbidden")

    promoted = promoter.promote(client_id)
    tokens = (token, platform.oauth.fresh_token(ROLE))
    for change, each in product(changes, tokens):
        told = f"2xx for who was given the role ({change.resource.name}, {change.kind})"
        expect_answer(change, each, change.kind, range(200, 300), promoted, told)
    demoted = promoter.demote(client_id)
    for change in changes:
        for kind, each in product(change.kinds(), tokens):
            told = f"403 for who lost the role again ({change.resource.name}, {kind})"
            expect_answer(change, each, kind, {403, 404}, demoted, told)
