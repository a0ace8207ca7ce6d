"""What OAuth checks are given: the token endpoint, and the credentials by role."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from conformance.clients.http import HttpClient
from conformance.clients.oauth import OAuthClient, access_token
from conformance.clients.wire import Wire
from conformance.sandbox.ledger import Ledger
from conformance.sandbox.names import Names
from conformance.sandbox.platform import Platform
from conformance.target.description import Target
from conformance.vocabulary.finding import Inconclusive, NotApplicable


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
def wire(oauth: OAuthClient) -> Wire:
    """A raw socket to the token endpoint's origin."""
    return Wire(oauth.http)


@pytest.fixture(scope="module")
def control(oauth: OAuthClient) -> OAuthClient:
    """The endpoint, after it has shown that a good request gets a token: else no refusal means anything."""
    reply = oauth.request_token(scope=" ".join(oauth.credential("full").scopes) or None)
    if access_token(reply) is None:
        raise Inconclusive(
            f"a good token request is answered {reply.status}",
            "a working credential in [targets.….identity.credentials.full]",
        )
    return oauth
