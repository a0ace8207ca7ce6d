"""What authorization checks are given: the declared organization APIs, and tokens by role."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from conformance.clients.http import HttpClient
from conformance.clients.oauth import OAuthClient
from conformance.clients.operator import Operator
from conformance.clients.registry import Registry
from conformance.clients.wire import Wire
from conformance.evidence.recorder import Recorder
from conformance.sandbox.foreign import ForeignThings
from conformance.sandbox.hidden import HiddenThings
from conformance.sandbox.ledger import Ledger
from conformance.sandbox.names import Names
from conformance.sandbox.platform import Platform
from conformance.target.description import Target
from conformance.vocabulary.finding import NotApplicable


@pytest.fixture(scope="session")
def oauth(target: Target, http: Callable[[str], HttpClient]) -> OAuthClient:
    """The token endpoint of the target."""
    if target.identity is None:
        raise NotApplicable("the target describes no identity")
    return OAuthClient(target.identity, http(target.identity.url))


@pytest.fixture(scope="session")
def platform(target: Target, oauth: OAuthClient, names: Names, ledger: Ledger) -> Platform:
    """The declared organization APIs."""
    return Platform(target, oauth, oauth.http, names, ledger)


@pytest.fixture(scope="session")
def registry(target: Target, http: Callable[[str], HttpClient]) -> Registry:
    """The registry as the pusher sees it, for tokens that are not meant for the organization APIs."""
    if target.registry is None or "pusher" not in target.registry.credentials:
        raise NotApplicable("the target describes no registry with a login in the role pusher")
    return Registry.enter(http(target.registry.url), target.registry)


@pytest.fixture(scope="session")
def hidden(platform: Platform) -> HiddenThings:
    """What the target file declares concealed."""
    return HiddenThings(platform)


@pytest.fixture(scope="session")
def theirs(platform: Platform) -> ForeignThings:
    """What the target file declares of the other organization."""
    return ForeignThings(platform)


@pytest.fixture(scope="session")
def operator(target: Target, recorder: Recorder) -> Operator:
    """The operator's commands."""
    return Operator(target.hooks, recorder)


@pytest.fixture(scope="session")
def wire(oauth: OAuthClient) -> Wire:
    """A raw socket to the identity surface."""
    return Wire(oauth.http)
