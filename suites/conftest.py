"""What checks of several areas are given: the token endpoint and the declared organization APIs."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from conformance.clients.http import HttpClient
from conformance.clients.oauth import OAuthClient
from conformance.clients.operator import Operator
from conformance.clients.wire import Wire
from conformance.evidence.recorder import Recorder
from conformance.sandbox.ledger import Ledger
from conformance.sandbox.names import Names
from conformance.sandbox.platform import Platform
from conformance.target.description import Target
from conformance.vocabulary.check import FAILED
from conformance.vocabulary.finding import NotOffered


@pytest.fixture(scope="session")
def oauth(target: Target, http: Callable[[str], HttpClient]) -> OAuthClient:
    """The token endpoint of the target."""
    if target.identity is None:
        raise NotOffered("the target describes no identity")
    return OAuthClient(target.identity, http(target.identity.url).readable().forgiving()).guarded()


@pytest.fixture(scope="session")
def platform(target: Target, oauth: OAuthClient, names: Names, ledger: Ledger) -> Platform:
    """The declared organization APIs."""
    return Platform(target, oauth, oauth.http, names, ledger)


@pytest.fixture(autouse=True)
def made_anew(request: pytest.FixtureRequest) -> Iterator[None]:
    """Removes the items that a check has made for itself alone.

    Those that checks share are removed and made again behind one that failed: what was deleted fails no other.
    """
    platform = request.getfixturevalue("platform") if "platform" in request.fixturenames else None
    yield
    if platform is not None:
        platform.end_check(request.node.stash.get(FAILED, False))


@pytest.fixture(scope="session")
def operator(target: Target, recorder: Recorder) -> Operator:
    """The operator's commands."""
    return Operator(target.hooks, recorder)


@pytest.fixture(scope="session")
def wire(oauth: OAuthClient) -> Wire:
    """A raw socket to the identity surface."""
    return Wire(oauth.http)
