"""Fixtures of the OAuth checks."""

from __future__ import annotations

import pytest

from conformance.clients.oauth.client import OAuthClient, access_token
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive


@pytest.fixture(scope="module")
def control(oauth: OAuthClient) -> OAuthClient:
    """The endpoint, after it has shown that a good request gets a token: else no refusal means anything."""
    reply = oauth.good_request()
    if access_token(reply) is None:
        raise Inconclusive(
            f"a good token request is answered {reply.status}",
            "a working credential in [targets.X.identity.credentials.full]",
        )
    return oauth


@pytest.fixture
def answer(oauth: OAuthClient) -> Exchange:
    """A successful token response."""
    reply = oauth.request_token(scope=" ".join(oauth.credential("full").scopes) or None)
    if not reply.ok:
        raise Inconclusive(f"a good token request is answered {reply.status}", "a working credential in the role full")
    return reply
