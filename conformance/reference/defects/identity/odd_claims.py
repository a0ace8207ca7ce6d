"""Defects of a reader of tokens that looks into what it has not yet verified, and fails by what it finds there."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.concatkdf import ConcatKDFHash
from jwt import PyJWTError
from jwt.algorithms import ECAlgorithm

from conformance.reference.defects.base import Defect
from conformance.reference.defects.identity.fronts import failed
from conformance.reference.defects.identity.support import surface_of
from conformance.reference.identity.state import Refused

Claims = dict[str, Any]


def _bytes(text: str) -> bytes:
    """What stands in base64url; ValueError."""
    return base64.urlsafe_b64decode(text + "==")


def _part(token: str, number: int) -> Any:
    """A part of a token as JSON; None where it is none."""
    try:
        return json.loads(_bytes(token.split(".")[number]))
    except (ValueError, IndexError):
        return None


class _Fails(Defect):
    def read_access_token(self, original: Callable[[str], Claims | None], token: str) -> Claims | None:
        if self._trips(token):
            raise Refused(failed())
        return original(token)

    def _trips(self, token: str) -> bool:
        raise NotImplementedError


class UnknownAlgorithmCrashes(_Fails):
    """The contract's table of errors: 401 for a token of an algorithm that nobody knows, never a 5xx."""

    surface = "identity"
    noticed_by = ("oauth/jwt/malformed-tokens-are-401#alg-unknown",)

    def _trips(self, token: str) -> bool:
        header = _part(token, 0)
        return isinstance(header, dict) and header.get("alg") == "CF999"


class ListOfClaimsCrashes(_Fails):
    """The contract's table of errors: 401 for a token whose claims are a list, never a 5xx."""

    surface = "identity"
    noticed_by = ("oauth/jwt/malformed-tokens-are-401#claims-list",)

    def _trips(self, token: str) -> bool:
        return isinstance(_part(token, 1), list)


class _NullForAHeaderCrashes(_Fails):
    """The contract's table of errors: 401 for a token whose header is null, which has no members to be asked for."""

    surface = "identity"
    number = 0

    def _trips(self, token: str) -> bool:
        return token.split(".")[self.number : self.number + 1] == ["bnVsbA"]


class NullForClaimsCrashes(_NullForAHeaderCrashes):
    """The contract's table of errors: 401 for a token whose claims are null, never a 5xx."""

    noticed_by = ("oauth/jwt/malformed-tokens-are-401#claims-null",)
    number = 1


class OddClaimsCrash(_Fails):
    """The contract's table of errors: 401 for a token whose times are words, never a 5xx."""

    surface = "identity"
    noticed_by = ("oauth/jwt/malformed-tokens-are-401#claims-of-other-kinds",)

    def _trips(self, token: str) -> bool:
        claims = _part(token, 1)
        return isinstance(claims, dict) and isinstance(claims.get("exp"), str)


class EncryptedIsBelieved(Defect):
    """RFC 9068 section 4: the signature is validated, that of what is within an encrypted one, too."""

    surface = "identity"
    noticed_by = ("oauth/jwt/forged-tokens-are-refused#encrypted-unsigned",)

    def read_access_token(self, original: Callable[[str], Claims | None], token: str) -> Claims | None:
        if token.count(".") != 4:
            return original(token)
        try:
            claims: Claims = _part(self._opened(surface_of(original).key.private, token), 1)
        except (ValueError, LookupError, TypeError, InvalidTag, PyJWTError):
            return None
        return claims

    def _opened(self, key: ec.EllipticCurvePrivateKey, token: str) -> str:
        """What is within (RFC 7518 section 4.6)."""
        head, _, start, text, tag = token.split(".")
        sender = ECAlgorithm.from_jwk(_part(token, 0)["epk"])
        if not isinstance(sender, ec.EllipticCurvePublicKey):
            raise ValueError("no public key")
        told = b"\0\0\0\x07A256GCM" + b"\0" * 10 + b"\x01\0"
        secret = ConcatKDFHash(hashes.SHA256(), 32, told).derive(key.exchange(ec.ECDH(), sender))
        return AESGCM(secret).decrypt(_bytes(start), _bytes(text) + _bytes(tag), head.encode()).decode()
