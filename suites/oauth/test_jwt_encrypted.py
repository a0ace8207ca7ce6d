"""Tokens that are encrypted to the issuer's published key, as anybody can: that says nothing of who wrote them."""

from __future__ import annotations

import jwt
import pytest

from conformance.clients.jwt.encryption import encrypted_to
from conformance.clients.jwt.parts import part
from conformance.oracles.key_sets import published_keys
from conformance.oracles.status import expect_status
from conformance.oracles.token_quality import claims_of
from conformance.sandbox.jwts import require_opening
from conformance.sandbox.platform import Platform
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.finding import NotApplicable


def encrypted(platform: Platform, content: bytes) -> list[str]:
    """The content, encrypted to each published key that can be encrypted to."""
    keys, reply = published_keys(platform.oauth)
    found = []
    for key in keys:
        try:
            found.append(encrypted_to(key, content))
        except (jwt.PyJWTError, LookupError, TypeError, ValueError):
            continue
    tokens = [each for each in found if each]
    if not tokens:
        raise NotApplicable(f"no key that {reply.url} publishes can be encrypted to")
    return tokens


@verifies("oauth/jwt/forged-tokens-are-refused")
@pytest.mark.parametrize("inside", [case("encrypted-unsigned", "none")])
def test_encrypted_tokens_are_refused(platform: Platform, inside: str) -> None:
    """Purpose: what only the service can read is not for that what it has written.

    Method: 1. use a token at a declared resource: 2xx
            2. write its claims as a JWT without a signature, and encrypt that to each published key
            3. expect 401
    """
    operation = platform.operations("read")[0]
    token = platform.oauth.token("full")
    require_opening(platform, operation, token)

    for forged in encrypted(platform, f"{part({'alg': inside})}.{part(claims_of(token))}.".encode()):
        expect_status(platform.send(operation, forged), 401, "for an unsigned token within an encrypted one")
