"""Fixtures of the authorization checks."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from conformance.clients.http import HttpClient
from conformance.clients.programs.operator_hooks import Operator
from conformance.clients.registry.client import Registry
from conformance.evidence.shared_requests import Once
from conformance.sandbox.concealed_resources import ConcealedResources
from conformance.sandbox.other_tenant import ForeignItems
from conformance.sandbox.platform import Operation, Platform
from conformance.target.description import Target
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive, NotOffered


@pytest.fixture(scope="session")
def registry(target: Target, http: Callable[[str], HttpClient]) -> Registry:
    """The registry with the login of the pusher, whose tokens are not for the organization APIs."""
    if target.registry is None or "pusher" not in target.registry.credentials:
        raise NotOffered("the target describes no registry with a login in the role pusher")
    return Registry.enter(http(target.registry.url), target.registry)


@pytest.fixture(scope="session")
def hidden(platform: Platform) -> ConcealedResources:
    """The resources and items that the target file declares concealed."""
    return ConcealedResources(platform)


@pytest.fixture(scope="session")
def theirs(platform: Platform) -> ForeignItems:
    """The other organization's resources and items that the target file declares."""
    return ForeignItems(platform)


@pytest.fixture
def revoker(changer: Callable[[str, str, str], Operator]) -> Operator:
    """The operator, who restores the credential of the role revocable after the check."""
    return changer("revocable", "revoke", "restore")


@pytest.fixture
def reads(platform: Platform) -> list[tuple[Operation, str]]:
    """Each declared read with a token that opens it; Inconclusive if the first one does not."""
    found = [(each, platform.oauth.token("full")) for each in platform.operations("read")]
    control = platform.send(*found[0])
    if not control.ok:
        reason = f"{found[0][0]} is answered {control.status} to a valid token"
        raise Inconclusive(reason, "a resource that full may read")
    return found


@pytest.fixture
def shown(platform: Platform, once: Once) -> list[tuple[Operation, Exchange]]:
    """Each declared read and item with the response to the role full; Inconclusive if the first one is an error."""
    operations = platform.operations("read", "read-item")
    found = once("reads of full", lambda: [(each, platform.as_role("full", each)) for each in operations])
    if not found[0][1].ok:
        raise Inconclusive(f"{found[0][0]} is answered {found[0][1].status}", "a resource that full may read")
    return found
