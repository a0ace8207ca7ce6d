"""Forged tokens contain the claims of the original and verify with their own key."""

from __future__ import annotations

from typing import Any

import jwt
import pytest

from conformance.clients.registry.forged_tokens import forged
from conformance.clients.registry.tokens import claims_of, header_of
from conformance.reference.keys import SigningKey

KEY = SigningKey()


def issued(**header: Any) -> str:
    return jwt.encode({"sub": "ct-push", "access": []}, KEY.private, "ES256", headers=header)


@pytest.mark.parametrize("how", ["own-key", "own-key-by-its-name", "own-key-in-its-chain"])
def test_a_forged_token_has_the_same_claims_and_its_own_key(how: str) -> None:
    token = issued(x5c=KEY.x5c)
    made = forged(token, how)

    given = header_of(made)["jwk"]
    assert jwt.decode(made, jwt.PyJWK(given, "ES256").key, ["ES256"]) == claims_of(token)
    assert given.get("x5c") == (KEY.x5c if how == "own-key-in-its-chain" else None)
    assert ("kid" in given) == (how == "own-key-by-its-name")
