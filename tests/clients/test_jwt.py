"""Tokens that the suite builds are read by libraries, and its key server publishes keys."""

from __future__ import annotations

import base64
import json
import urllib.error
import urllib.request
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from conformance.clients.jwt.encryption import agreed_key, encrypted_to
from conformance.clients.jwt.key_server import KeyServer
from conformance.clients.jwt.parts import hmac_signed, part, signed
from conformance.clients.registry.forged_tokens import forged
from conformance.clients.registry.tokens import claims_of, header_of
from conformance.reference.keys import SigningKey

HMAC_SECRET = b"0123456789abcdef0123456789abcdef"


def test_a_library_reads_a_token_built_by_hand() -> None:
    token = hmac_signed({"alg": "HS256", "typ": "at+jwt"}, part({"sub": "ct-full"}), HMAC_SECRET)
    assert jwt.decode(token, HMAC_SECRET.decode(), algorithms=["HS256"]) == {"sub": "ct-full"}
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


ISSUER_KEY = SigningKey()


def issued(**header: Any) -> str:
    return jwt.encode({"sub": "ct-push", "access": []}, ISSUER_KEY.private, "ES256", headers=header)


@pytest.mark.parametrize("how", ["own-key", "own-key-by-its-name", "own-key-in-its-chain"])
def test_a_forged_token_has_the_same_claims_and_its_own_key(how: str) -> None:
    token = issued(x5c=ISSUER_KEY.x5c)
    made = forged(token, how)

    given = header_of(made)["jwk"]
    assert jwt.decode(made, jwt.PyJWK(given, "ES256").key, ["ES256"]) == claims_of(token)
    assert given.get("x5c") == (ISSUER_KEY.x5c if how == "own-key-in-its-chain" else None)
    assert ("kid" in given) == (how == "own-key-by-its-name")


def got(url: str) -> bytes:
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=60) as answer:
        return bytes(answer.read())


def test_the_document_is_served_and_the_path_recorded() -> None:
    with KeyServer(b"a key", "http://127.0.0.1:80/x") as keys:
        assert got(keys.url) == b"a key"
        assert keys.requested_paths == ["/keys"]


def test_the_server_stops() -> None:
    with KeyServer(b"", "http://127.0.0.1") as keys:
        url = keys.url
    with pytest.raises(urllib.error.URLError):
        got(url)
