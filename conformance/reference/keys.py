"""The key with which the reference signs access tokens and registry tokens, and its certificate.

Signatures are ES256 (RFC 7518 section 3.4) by PyJWT. The certificate is the ``rootcertbundle`` of a real registry, and
is in each registry token's ``x5c`` header.
"""

from __future__ import annotations

import base64
import datetime
from typing import Any

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


class SigningKey:
    """An EC P-256 key made at start-up, valid for two days."""

    algorithm = "ES256"

    def __init__(self) -> None:
        self.private = ec.generate_private_key(ec.SECP256R1())
        self.certificate = self._self_signed()
        self.key_id = base64.urlsafe_b64encode(self.certificate.fingerprint(hashes.SHA256())[:15]).decode()

    def _self_signed(self) -> x509.Certificate:
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "conformance reference token signer")])
        now = datetime.datetime.now(datetime.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(self.private.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(days=2))
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(self.private, hashes.SHA256())
        )

    @property
    def certificate_pem(self) -> bytes:
        """The certificate in PEM."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def x5c(self) -> list[str]:
        """The certificate chain for a JOSE header (RFC 7515 section 4.1.6)."""
        return [base64.b64encode(self.certificate.public_bytes(serialization.Encoding.DER)).decode()]

    def sign(self, claims: dict[str, Any], **header: Any) -> str:
        """Return a signed JWT; keywords are further JOSE header members (``typ``, ``x5c``)."""
        return jwt.encode(claims, self.private, algorithm=self.algorithm, headers={"kid": self.key_id, **header})

    def verify(self, token: str, audience: str, issuer: str) -> dict[str, Any]:
        """Return the claims of a token signed by this key for this audience; else jwt.InvalidTokenError."""
        claims: dict[str, Any] = jwt.decode(
            token,
            self.private.public_key(),
            algorithms=[self.algorithm],
            audience=audience,
            issuer=issuer,
            options={"require": ["exp", "iat"]},
        )
        return claims
