"""Signed attestations: in-toto statements in DSSE envelopes, signed with a user's key (EC P-256 or Ed25519).

A file is an in-toto bundle: JSON Lines, an envelope each. Only the canonical form is read back, so that any changed
byte is noticed.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import Error
from securesystemslib.signer import CryptoSigner, SSlibKey

PAYLOAD_TYPE = "application/vnd.in-toto+json"
LARGEST_KEY = 64 * 1024
MAKE = "openssl ecparam -name prime256v1 -genkey -noout -out KEY.pem makes one"
PUBLIC = "openssl pkey -in KEY.pem -pubout -out PUBLIC.pem writes it"


class KeyMistake(Exception):
    """A key cannot be used: the file, the reason, and how to make one. Contains nothing of the key."""


class Unsigned(Exception):
    """A line was not signed with the key, or was changed since."""


def private_key(path: Path) -> CryptoSigner:
    """Return the signer of a private key in PEM; KeyMistake if it cannot sign statements."""
    data = _pem(path)
    try:
        key = load_pem_private_key(data, None)
    except TypeError:
        raise KeyMistake(
            f"{path}: is encrypted; openssl pkey -in {path} -out DECRYPTED.pem writes one that can be used"
        ) from None
    except (ValueError, UnsupportedAlgorithm):
        if b"PUBLIC KEY" in data:
            raise KeyMistake(f"{path}: is a public key; signing takes the private one") from None
        raise KeyMistake(f"{path}: is not a private key in PEM; {MAKE}") from None
    if isinstance(key, Ed25519PrivateKey) or (isinstance(key, EllipticCurvePrivateKey) and _p256(key)):
        return CryptoSigner(key)
    raise KeyMistake(f"{path}: is a key of another kind ({_kind(key)}); it must be EC P-256 or Ed25519: {MAKE}")


def public_key(path: Path) -> SSlibKey:
    """Return the public key of a PEM file; KeyMistake if it cannot verify statements."""
    data = _pem(path)
    try:
        key = load_pem_public_key(data)
    except (ValueError, UnsupportedAlgorithm):
        if b"PRIVATE KEY" in data:
            raise KeyMistake(f"{path}: is a private key; verifying takes the public one: {PUBLIC}") from None
        raise KeyMistake(f"{path}: is not a public key in PEM; {PUBLIC}") from None
    if isinstance(key, Ed25519PublicKey) or (isinstance(key, EllipticCurvePublicKey) and _p256(key)):
        return SSlibKey.from_crypto(key)
    raise KeyMistake(f"{path}: is a key of another kind ({_kind(key)}); statements are signed with EC P-256 or Ed25519")


def _p256(key: EllipticCurvePrivateKey | EllipticCurvePublicKey) -> bool:
    return isinstance(key.curve, SECP256R1)


def _kind(key: object) -> str:
    if isinstance(key, EllipticCurvePrivateKey | EllipticCurvePublicKey):
        return f"EC {key.curve.name}"
    return type(key).__name__.removesuffix("PrivateKey").removesuffix("PublicKey").strip("_")


def _pem(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(LARGEST_KEY)
    except OSError as failure:
        raise KeyMistake(f"{path}: the key cannot be read ({failure.strerror})") from None


def signed(attestation: dict[str, Any], signer: CryptoSigner) -> str:
    """Return the attestation as a signed line, without a line break."""
    envelope = Envelope(_written(attestation).encode(), PAYLOAD_TYPE, {})
    envelope.sign(signer)
    return _written(envelope.to_dict())


def opened(line: str, key: SSlibKey | None) -> Any:
    """Return the statement of a signed line; without a key, it is not verified. Raises Unsigned."""
    try:
        envelope = Envelope.from_dict(json.loads(line))
        statement = json.loads(envelope.payload)
        unchanged = _written(envelope.to_dict()) == line and _written(statement).encode() == envelope.payload
    except (Error, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise Unsigned("it is not a signed statement") from None
    if not unchanged or envelope.payload_type != PAYLOAD_TYPE or len(envelope.signatures) != 1:
        raise Unsigned("it is not in the form in which statements are written")
    if key is not None:
        _verify(envelope, key)
    return statement


def _verify(envelope: Envelope, key: SSlibKey) -> None:
    if key.keyid not in envelope.signatures:
        raise Unsigned("it was signed with another key")
    try:
        envelope.verify([key], 1)
    except Error:
        raise Unsigned("its signature does not hold: it was changed after it was signed") from None


def _written(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))
