"""The holder of a published key can decrypt a token that is encrypted to the key."""

from __future__ import annotations

import base64
import json
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from conformance.clients.jwt.encryption import agreed_key, encrypted_to

EC_KEY = ec.generate_private_key(ec.SECP384R1())
RSA_KEY = rsa.generate_private_key(65537, 2048)


def raw(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "==")


def secret_of(header: dict[str, Any], sent: bytes) -> bytes:
    """The key of the content, by the private key that its header's way is for."""
    if header["alg"] == "RSA-OAEP-256":
        return RSA_KEY.decrypt(sent, padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None))
    sender = jwt.algorithms.ECAlgorithm.from_jwk(header["epk"])
    assert isinstance(sender, ec.EllipticCurvePublicKey)
    return agreed_key(EC_KEY.exchange(ec.ECDH(), sender))


@pytest.mark.parametrize(
    "key",
    [
        jwt.algorithms.ECAlgorithm.to_jwk(EC_KEY.public_key(), as_dict=True),
        jwt.algorithms.RSAAlgorithm.to_jwk(RSA_KEY.public_key(), as_dict=True),
    ],
    ids=["ec", "rsa"],
)
def test_the_holder_of_the_key_decrypts_the_token(key: dict[str, Any]) -> None:
    token = encrypted_to({**key, "kid": "one"}, b"content")

    assert token
    head, sent, start, text, tag = token.split(".")
    header = json.loads(raw(head))
    assert (header["enc"], header["cty"], header["kid"]) == ("A256GCM", "JWT", "one")
    opened = AESGCM(secret_of(header, raw(sent))).decrypt(raw(start), raw(text) + raw(tag), head.encode())
    assert opened == b"content"
