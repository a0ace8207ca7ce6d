"""Encryption to a published key, as any client can do it: compact JWE (RFC 7516) by RSA-OAEP-256 or ECDH-ES."""

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
    """Encrypt a JWT (``cty``, RFC 7519 section 5.2) to a public key; None for another kind of key.

    The result does not authenticate its author.
    """
    public = jwt.PyJWK(key).key
    header: dict[str, Any] = {"enc": CODING, "cty": "JWT"} | ({"kid": key["kid"]} if "kid" in key else {})
    if isinstance(public, rsa.RSAPublicKey):
        secret = os.urandom(32)
        oaep = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)
        return _sealed({**header, "alg": "RSA-OAEP-256"}, public.encrypt(secret, oaep), secret, content)
    if isinstance(public, ec.EllipticCurvePublicKey):
        ephemeral = ec.generate_private_key(public.curve)
        public_jwk = jwt.algorithms.ECAlgorithm.to_jwk(ephemeral.public_key(), as_dict=True)
        secret = agreed_key(ephemeral.exchange(ec.ECDH(), public))
        return _sealed({**header, "alg": "ECDH-ES", "epk": public_jwk}, b"", secret, content)
    return None


def agreed_key(shared: bytes) -> bytes:
    """Derive the A256GCM key of an ECDH-ES agreement (RFC 7518 section 4.6.2) without party names."""
    length = struct.pack(">I", len(CODING))
    information = length + CODING.encode() + struct.pack(">III", 0, 0, 256)
    return ConcatKDFHash(hashes.SHA256(), 32, information).derive(shared)


def _sealed(header: dict[str, Any], secret_sent: bytes, secret: bytes, content: bytes) -> str:
    head, nonce = part(header), os.urandom(12)
    sealed = AESGCM(secret).encrypt(nonce, content, head.encode())
    parts = (secret_sent, nonce, sealed[:-TAG_BYTES], sealed[-TAG_BYTES:])
    return ".".join([head, *map(unpadded, parts)])
