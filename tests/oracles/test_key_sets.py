"""Key sets: what is left of a key that should have been published without its private part."""

from __future__ import annotations

import json

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from conformance.oracles.key_sets import private_members, public_part


def test_a_private_key_that_is_published_still_verifies() -> None:
    private = rsa.generate_private_key(65537, 2048)
    key = json.loads(RSAAlgorithm.to_jwk(private))
    token = jwt.encode({}, private, "RS256")

    assert private_members(key)
    assert not private_members(public_part(key))
    assert jwt.PyJWS().decode(token, jwt.PyJWK(public_part(key), "RS256").key, algorithms=["RS256"]) == b"{}"
