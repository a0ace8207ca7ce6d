"""Fixtures of the authorization checks."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from conformance.clients.http import HttpClient
from conformance.clients.programs.operator_hooks import Operator
from conformance.clients.registry.client import Registry
from conformance.sandbox.concealed_resources import HiddenThings
from conformance.sandbox.other_tenant import ForeignThings
from conformance.sandbox.platform import Platform
from conformance.target.description import Target
from conformance.vocabulary.finding import NotOffered


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
def revoker(changer: Callable[[str, str, str], Operator]) -> Operator:
    """The operator, who brings the credential of the role revocable back in the end."""
    return changer("revocable", "revoke", "restore")
