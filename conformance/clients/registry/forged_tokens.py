"""Registry tokens that an attacker can sign: with a key in the token itself, or with a public key as HMAC secret."""

from __future__ import annotations

import base64
import datetime
import hashlib
import json
from typing import Any

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from conformance.clients.jwt.parts import hmac_signed, signed
from conformance.clients.registry.tokens import claims_of, header_of
from conformance.vocabulary.finding import NotApplicable

KEY_MEMBERS = ("kid", "jwk", "jku", "x5c", "x5u", "x5t", "x5t#S256")


def forged(token: str, kind: str) -> str:
    """Return a forged token with the same claims: ``own-key`` in jwk, ``own-certificate`` in x5c, or ``public-key``.

    The key in jwk may have the signer's kid (``own-key-by-its-name``) or x5c (``own-key-in-its-chain``).
    """
    header, claims = header_of(token), claims_of(token)
    if kind == "public-key":
        # HMAC with the issuer's public key as the secret (RFC 8725 section 2.1).
        return hmac_signed({**header, "alg": "HS256"}, token.split(".")[1], _public_key(header))
    key = ec.generate_private_key(ec.SECP256R1())
    rest = {name: value for name, value in header.items() if name not in KEY_MEMBERS}
    if kind.startswith("own-key"):
        own = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(key.public_key()))
        return signed({**rest, "jwk": {**own, **_borrowed(header, kind)}}, claims, key)
    return signed({**rest, "x5c": [_certificate(key, header)]}, claims, key)


def _borrowed(header: dict[str, Any], kind: str) -> dict[str, Any]:
    """Return members of the signer's key for a forged one; NotApplicable if the token has none."""
    if kind == "own-key":
        return {}
    if kind == "own-key-by-its-name":
        return {"kid": header.get("kid") or _fingerprint(header)}
    if _signer_certificate(header) is None:
        raise NotApplicable("the token has no x5c header")
    return {"x5c": header["x5c"]}


def _fingerprint(header: dict[str, Any]) -> str:
    """Return the signer's key id in Docker's form: 240 bits of a digest in groups of four letters."""
    certificate = _signer_certificate(header)
    if certificate is None:
        raise NotApplicable("the token has neither a kid nor an x5c header")
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    public = certificate.public_key().public_bytes(serialization.Encoding.DER, form)
    text = base64.b32encode(hashlib.sha256(public).digest()[:30]).decode()
    return ":".join(text[place : place + 4] for place in range(0, len(text), 4))


def _signer_certificate(header: dict[str, Any]) -> x509.Certificate | None:
    """Return the certificate of the token's signer, if the token contains it."""
    chain = header.get("x5c")
    try:
        return x509.load_der_x509_certificate(base64.b64decode(chain[0])) if chain else None
    except (IndexError, KeyError, TypeError, ValueError):
        return None


def _public_key(header: dict[str, Any]) -> bytes:
    """Return the signer's public key in PEM; NotApplicable if the token does not contain it."""
    certificate = _signer_certificate(header)
    if certificate is None:
        raise NotApplicable("the token has no x5c header")
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return certificate.public_key().public_bytes(serialization.Encoding.PEM, form)


def _certificate(key: ec.EllipticCurvePrivateKey, header: dict[str, Any]) -> str:
    """Return a certificate of the attacker's key in the name of the token's signer, if known."""
    signer = _signer_certificate(header)
    name = signer.subject if signer else x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "conformance")])
    now, day = datetime.datetime.now(datetime.UTC), datetime.timedelta(days=1)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - day)
        .not_valid_after(now + day)
        .sign(key, SHA256())
    )
    return base64.b64encode(certificate.public_bytes(serialization.Encoding.DER)).decode()
