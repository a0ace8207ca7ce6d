"""A role change takes effect immediately, also for tokens that are already issued."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from itertools import cycle

import pytest

from conformance.clients.http import REPLICA_TRIES
from conformance.clients.programs.operator_hooks import Operator
from conformance.oracles.status import unlike
from conformance.sandbox.platform import Platform
from conformance.target.description import Resource
from conformance.vocabulary.check import disturbs, sends_up_to, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive, NotDeclared

ROLE = "viewer"


@pytest.fixture
def promoter(changer: Callable[[str, str, str], Operator]) -> Operator:
    """The operator, who demotes the credential again after the check."""
    return changer(ROLE, "promote", "demote")


@dataclass
class ChangeByRole:
    """A change that needs a higher role: an update of an item that the run created, or without an item a creation."""

    platform: Platform
    resource: Resource
    item: str | None

    @property
    def kind(self) -> str:
        """The kind of the change."""
        return "update" if self.item else "create"

    def kinds(self) -> list[str]:
        """Return the kinds of the change and of other changes to such items that are forbidden to the role."""
        declared = {each: getattr(self.resource, each) for each in ("create", "delete") if self.item}
        return [self.kind, *(each for each, its in declared.items() if its and ROLE in its.forbidden_to)]

    def send(self, token: str, kind: str) -> Exchange:
        """Send the change, or another of that kind, with a token; each deletion has an item of its own."""
        item = self.platform.new_item(self.resource) if kind == "delete" else self.item if kind == "update" else None
        operation = self.platform.operation(self.resource, kind, item)
        reply = self.platform.send(operation, token)
        if reply.ok and kind == "create":
            self.platform.remember(self.resource, str(self.platform.slug_of(operation)))
        return reply

    def expect(
        self, tokens: Sequence[str], kind: str, statuses: Collection[int], since: float, expected: str, times: int
    ) -> None:
        """Expect one of these statuses within the limit of the target file, over so many new connections."""
        turns = cycle(tokens)
        reply = self.platform.wrong_on_a_replica(
            lambda replica: replace(self, platform=replica).send(next(turns), kind), since, statuses, times
        )
        if reply:
            due = f"{expected}, from each of three replicas ({self.resource.name}, {kind})"
            raise unlike(due, reply, statuses)


@pytest.fixture
def changes(platform: Platform) -> list[ChangeByRole]:
    """A change of each resource that the target file forbids to the role: an update, or else a creation."""
    found = []
    for each in platform.resources:
        if each.update and ROLE in each.update.forbidden_to and each.item and each.create:
            found.append(ChangeByRole(platform, each, platform.new_item(each)))
        elif each.create and ROLE in each.create.forbidden_to:
            found.append(ChangeByRole(platform, each, None))
    if not found:
        keys = (f"identity.resources.{kind}.forbidden_to" for kind in ("create", "update"))
        raise NotDeclared(f"the target file declares no create or update that is forbidden to the role {ROLE}", *keys)
    return found


@verifies("authorization/permissions/role-change-is-immediate")
@sends_up_to(1500)
@disturbs("credential viewer", others=True)
def test_role_change_is_immediate(platform: Platform, promoter: Operator, changes: list[ChangeByRole]) -> None:
    """Purpose: a promoted member may act according to the new role at once, and a demoted one may not.

    Method: 1. as the role viewer, send a change of each resource that is forbidden to it: refused
            2. promote the credential: expect 2xx with the earlier token and a new one, over 18 new connections, within
               the limit of the target file: so one of three replicas is met with a probability above 0.999
            3. demote it again: expect 403 or 404 so, also for creations and deletions
    """
    client_id, token = platform.oauth.credential(ROLE).client_id, platform.oauth.fresh_token(ROLE)
    if any(change.send(token, change.kind).ok for change in changes):
        raise Inconclusive(f"{ROLE} may make the change already", f"a role {ROLE} that may not change anything")
    promoted = promoter.promote(client_id)
    tokens = (token, platform.oauth.fresh_token(ROLE))
    for change in changes:
        times = REPLICA_TRIES if change.item else len(tokens)
        change.expect(tokens, change.kind, range(200, 300), promoted, "2xx after promotion", times)
    demoted = promoter.demote(client_id)
    for change in changes:
        for kind in change.kinds():
            times = REPLICA_TRIES if kind == change.kind else len(tokens)
            change.expect(tokens, kind, {403, 404}, demoted, "403 or 404 after demotion", times)
