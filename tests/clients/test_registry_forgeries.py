"""Tokens that bring a key along: what it borrows of the signer's, and that none is asked where nothing is told."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from conformance.clients.registry.forged_tokens import forged
from conformance.clients.registry.tokens import claims_of, header_of
from conformance.reference.keys import SigningKey
from conformance.vocabulary.finding import NotApplicable

KEY = SigningKey()


def issued(**header: Any) -> str:
    return jwt.encode({"sub": "ct-push", "access": []}, KEY.private, "ES256", headers=header)


@pytest.mark.parametrize("how", ["own-key", "own-key-by-its-name", "own-key-in-its-chain"])
def test_a_forged_token_says_the_same_and_verifies_by_its_own_key(how: str) -> None:
    token = issued(x5c=KEY.x5c)
    made = forged(token, how)

    given = header_of(made)["jwk"]
    assert jwt.decode(made, jwt.PyJWK(given, "ES256").key, ["ES256"]) == claims_of(token)
    assert given.get("x5c") == (KEY.x5c if how == "own-key-in-its-chain" else None)
    assert ("kid" in given) == (how == "own-key-by-its-name")


def test_the_name_is_the_tokens_own_or_the_digest_of_the_key_in_its_certificate() -> None:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    public: ec.EllipticCurvePublicKey = KEY.private.public_key()
    digest = hashlib.sha256(public.public_bytes(serialization.Encoding.DER, form)).digest()
    told = header_of(forged(issued(x5c=KEY.x5c), "own-key-by-its-name"))["jwk"]["kid"]

    assert base64.b32decode(told.replace(":", "")) == digest[:30]
    assert header_of(forged(issued(x5c=KEY.x5c, kid="theirs"), "own-key-by-its-name"))["jwk"]["kid"] == "theirs"


@pytest.mark.parametrize("how", ["own-key-by-its-name", "own-key-in-its-chain", "public-key"])
def test_what_the_token_does_not_tell_is_not_borrowed(how: str) -> None:
    with pytest.raises(NotApplicable):
        forged(issued(), how)
