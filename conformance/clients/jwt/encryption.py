"""Encrypts to a published key, as anybody can: compact JWE (RFC 7516) by RSA-OAEP-256 or ECDH-ES, with A256GCM."""

from __future__ import annotations

import os
import struct
from typing import Any

import jwt
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.concatkdf import ConcatKDFHash

from conformance.clients.jwt.parts import part, unpadded

CODING = "A256GCM"
TAG_BYTES = 16


def encrypted_to(key: dict[str, Any], content: bytes) -> str | None:
    """Content that only the holder of the private key reads; None where the key is for neither way of encrypting.

    Whoever reads it learns nothing of who wrote it. ``cty`` says that the content is a JWT (RFC 7519 section 5.2).
    """
    public = jwt.PyJWK(key).key
    header: dict[str, Any] = {"enc": CODING, "cty": "JWT"} | ({"kid": key["kid"]} if "kid" in key else {})
    if isinstance(public, rsa.RSAPublicKey):
        secret = os.urandom(32)
        oaep = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)
        return _sealed({**header, "alg": "RSA-OAEP-256"}, public.encrypt(secret, oaep), secret, content)
    if isinstance(public, ec.EllipticCurvePublicKey):
        once = ec.generate_private_key(public.curve)
        public_jwk = jwt.algorithms.ECAlgorithm.to_jwk(once.public_key(), as_dict=True)
        secret = agreed(once.exchange(ec.ECDH(), public))
        return _sealed({**header, "alg": "ECDH-ES", "epk": public_jwk}, b"", secret, content)
    return None


def agreed(shared: bytes) -> bytes:
    """The key of A256GCM that two have agreed on (RFC 7518 section 4.6.2), of whom neither has given a name."""
    length = struct.pack(">I", len(CODING))
    information = length + CODING.encode() + struct.pack(">III", 0, 0, 256)
    return ConcatKDFHash(hashes.SHA256(), 32, information).derive(shared)


def _sealed(header: dict[str, Any], secret_sent: bytes, secret: bytes, content: bytes) -> str:
    head, start = part(header), os.urandom(12)
    sealed = AESGCM(secret).encrypt(start, content, head.encode())
    parts = (secret_sent, start, sealed[:-TAG_BYTES], sealed[-TAG_BYTES:])
    return ".".join([head, *map(unpadded, parts)])
