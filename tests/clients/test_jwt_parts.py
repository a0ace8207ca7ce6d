"""Libraries read the tokens that the suite builds by hand."""

from __future__ import annotations

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from conformance.clients.jwt.parts import hmac_signed, part, signed

SECRET = b"0123456789abcdef0123456789abcdef"


def test_a_library_reads_a_token_built_by_hand() -> None:
    token = hmac_signed({"alg": "HS256", "typ": "at+jwt"}, part({"sub": "ct-full"}), SECRET)
    assert jwt.decode(token, SECRET.decode(), algorithms=["HS256"]) == {"sub": "ct-full"}
    assert jwt.get_unverified_header(token)["typ"] == "at+jwt"


@pytest.mark.parametrize("claims", [{"iss": "us"}, {"iss": 5, "aud": None, "exp": "never"}, {}])
def test_any_claims_can_be_signed_by_a_key(claims: dict[str, object]) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    token = signed({"typ": 5, "alg": "none"}, claims, key)
    read = jwt.decode_complete(
        token, key.public_key(), algorithms=["ES256"], options={"verify_exp": False, "verify_aud": False}
    )
    assert read["payload"] == claims
    assert read["header"] == {"typ": 5, "alg": "ES256"}
