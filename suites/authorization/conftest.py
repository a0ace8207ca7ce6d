"""What authorization checks are given: the declared organization APIs, and tokens by role."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import pytest

from conformance.clients.http import HttpClient
from conformance.clients.oauth import OAuthClient
from conformance.clients.operator import Operator
from conformance.clients.registry import Registry
from conformance.sandbox.foreign import ForeignThings
from conformance.sandbox.hidden import HiddenThings
from conformance.sandbox.ledger import Ledger
from conformance.sandbox.names import Names
from conformance.sandbox.platform import Platform
from conformance.target.description import Target
from conformance.vocabulary.finding import Inconclusive, NotOffered


@pytest.fixture(scope="session")
def registry(target: Target, http: Callable[[str], HttpClient]) -> Registry:
    """The registry as the pusher sees it, for tokens that are not meant for the organization APIs."""
    if target.registry is None or "pusher" not in target.registry.credentials:
        raise NotOffered("the target describes no registry with a login in the role pusher")
    return Registry.enter(http(target.registry.url), target.registry)


@pytest.fixture(scope="session")
def hidden(platform: Platform) -> HiddenThings:
    """What the target file declares concealed."""
    return HiddenThings(platform)


@pytest.fixture(scope="session")
def theirs(platform: Platform) -> ForeignThings:
    """What the target file declares of the other organization."""
    return ForeignThings(platform)


@pytest.fixture
def changer(
    operator: Operator, oauth: OAuthClient, ledger: Ledger, names: Names
) -> Iterator[Callable[[str, str, str], Operator]]:
    """Gives the operator, one of whose commands changes the credential of a role, which another undoes in the end.

    A run that is killed in between leaves word of it to ``conformance sweep``. What cannot be undone decides no
    verdict: it is tried once more at the end of the run, and told as what that has left.
    """
    begun: list[tuple[str, str]] = []

    def given(role: str, change: str, undo: str) -> Operator:
        client_id = oauth.credential(role).client_id
        if operator.has(change) and operator.has(undo):
            ledger.intends("changed", undo=undo, role=role, by=names.new("change"))
            begun.append((undo, client_id))
        return operator

    yield given
    for undo, client_id in begun:
        undone = partial(_undo, operator, undo, client_id)
        try:
            undone()
        except Inconclusive:
            ledger.created(f"the change of {client_id} that {undo} undoes", undone)


@pytest.fixture
def revoker(changer: Callable[[str, str, str], Operator]) -> Operator:
    """The operator, who brings the credential of the role revocable back in the end."""
    return changer("revocable", "revoke", "restore")


def _undo(operator: Operator, command: str, client_id: str) -> None:
    getattr(operator, command)(client_id)
