"""Fixtures of several areas: the token endpoint, the organization APIs and the operator's commands."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import pytest

from conformance.clients.http import HttpClient
from conformance.clients.oauth.client import OAuthClient
from conformance.clients.programs.operator_hooks import Operator
from conformance.clients.transport.raw_socket import Wire
from conformance.evidence.recorder import Recorder
from conformance.sandbox.ledger import Ledger
from conformance.sandbox.names import Names
from conformance.sandbox.platform import Platform
from conformance.target.description import Target
from conformance.vocabulary.check import FAILED
from conformance.vocabulary.finding import Inconclusive, NotDeclared, NotOffered


@pytest.fixture(scope="session")
def oauth(target: Target, http: Callable[[str], HttpClient]) -> OAuthClient:
    """The token endpoint of the target."""
    if target.identity is None:
        raise NotOffered("the target describes no identity")
    return OAuthClient(target.identity, http(target.identity.url).readable().retrying()).guarded()


@pytest.fixture(scope="session")
def platform(target: Target, oauth: OAuthClient, names: Names, ledger: Ledger) -> Platform:
    """The declared organization APIs."""
    return Platform(target, oauth, oauth.http, names, ledger)


@pytest.fixture(autouse=True)
def removed_items(request: pytest.FixtureRequest) -> Iterator[None]:
    """Remove the items that a check created for itself; after a failed check also those that checks share."""
    platform = request.getfixturevalue("platform") if "platform" in request.fixturenames else None
    yield
    if platform is not None:
        platform.end_check(request.node.stash.get(FAILED, False))


@pytest.fixture(scope="session")
def operator(target: Target, recorder: Recorder) -> Operator:
    """The operator's commands."""
    return Operator(target.hooks, recorder)


@pytest.fixture
def changer(
    target: Target, operator: Operator, ledger: Ledger, names: Names
) -> Iterator[Callable[[str, str, str], Operator]]:
    """Return the operator for a change to the credential in a role, which a second hook undoes after the check.

    Roles are those of ``Target.credential_names``. After a killed run ``conformance sweep`` undoes the change. An undo
    that fails decides no verdict: it is repeated at the end of the run, and else reported as left over.
    """
    changed: list[tuple[str, str]] = []

    def prepare(role: str, change: str, undo: str) -> Operator:
        credential = target.credential_names().get(role)
        if credential is None:
            surface, _, name = role.rpartition(" ")
            key = f"{surface or 'identity'}.credentials.{name}"
            raise NotDeclared(f"the target file describes no credential in the role {role}", key)
        if operator.has(change) and operator.has(undo):
            ledger.intends("changed", undo=undo, role=role, by=names.new("change"))
            changed.append((undo, credential))
        return operator

    yield prepare
    for undo, credential in changed:
        try:
            _undo(operator, undo, credential)
        except Inconclusive:
            again = partial(_undo, operator.trying_again(), undo, credential)
            ledger.created(f"the change of {credential} that {undo} undoes", again)


def _undo(operator: Operator, command: str, credential: str) -> None:
    getattr(operator, command)(credential)


@pytest.fixture(scope="session")
def wire(oauth: OAuthClient) -> Wire:
    """A raw socket to the identity surface."""
    return Wire(oauth.http)
