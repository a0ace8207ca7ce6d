"""Fixtures of the OAuth checks."""

from __future__ import annotations

import pytest

from conformance.clients.oauth.client import OAuthClient, access_token
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive


@pytest.fixture(scope="module")
def control(oauth: OAuthClient) -> OAuthClient:
    """The token endpoint, after a valid request got a token: without that, a refusal proves nothing."""
    if access_token(reply := oauth.good_request()) is None:
        reason = f"a valid token request is answered {reply.status}"
        raise Inconclusive(reason, "a working credential in [targets.X.identity.credentials.full]")
    return oauth


@pytest.fixture
def answer(oauth: OAuthClient) -> Exchange:
    """A successful token response."""
    reply = oauth.request_token()
    if not reply.ok:
        raise Inconclusive(f"a valid token request is answered {reply.status}", "a working credential in the role full")
    return reply
