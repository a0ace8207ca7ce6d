"""JWTs assembled from parts, including ones that libraries refuse to make."""

from __future__ import annotations

import base64
import datetime
import hashlib
import hmac
import json
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding


def part(document: dict[str, Any]) -> str:
    """Encode a part of a JWT in base64url without padding."""
    return unpadded(json.dumps(document).encode())


def unpadded(raw: bytes) -> str:
    """Encode bytes in base64url without padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def signed(header: dict[str, Any], claims: dict[str, Any], key: ec.EllipticCurvePrivateKey) -> str:
    """Return a token with this header and these claims, signed with ES256 (RFC 7518 section 3.4)."""
    text = f"{part({**header, 'alg': 'ES256'})}.{part(claims)}"
    first, second = decode_dss_signature(key.sign(text.encode(), ec.ECDSA(hashes.SHA256())))
    return f"{text}.{unpadded(first.to_bytes(32, 'big') + second.to_bytes(32, 'big'))}"


def hmac_signed(header: dict[str, Any], body: str, secret: bytes) -> str:
    """Return a token of an encoded body, signed with HMAC SHA-256 whatever the header states."""
    signed = f"{part(header)}.{body}"
    return f"{signed}.{unpadded(hmac.new(secret, signed.encode(), hashlib.sha256).digest())}"


def self_signed(key: ec.EllipticCurvePrivateKey) -> str:
    """Return a self-signed certificate for a JOSE header (RFC 7515 section 4.1.6)."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "cf")])
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    valid = builder.not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(days=1))
    return base64.b64encode(valid.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)).decode()
