"""Defects that break the promise "A forged or altered JWT is rejected"."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any, ClassVar

import jwt
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.concatkdf import ConcatKDFHash
from jwt import PyJWTError
from jwt.algorithms import ECAlgorithm

from conformance.reference.alteration import Defect
from conformance.reference.identity.access_tokens import Claims
from conformance.reference.identity.state import Refused
from conformance.reference.one_method import defect, row
from conformance.reference.showcase.tokens import KeySetUrlFollowed
from conformance.reference.support.identity import decoded, header_of, surface_of
from tests.defects.support.identity import unexpected_error, unverified


def _token_crashes(name: str, clause: str, case: str, crashing: Callable[[str], bool]) -> type[Defect]:
    """Make a defect that answers some malformed tokens with 500."""

    def read_access_token(original: Any, token: str) -> dict[str, Any] | None:
        if crashing(token):
            raise Refused(unexpected_error())
        return original(token)

    clause = f"The contract's table of errors: 401 for a token with {clause}, never a 5xx."
    return row(name, clause, f"oauth/jwt/malformed-tokens-are-401#{case}", read_access_token=read_access_token)


ROWS = (
    row(
        "signature-read-leniently",
        "RFC 7515 section 5.2: a signature with padding or in the other base64 alphabet is accepted.",
        "oauth/jwt/signature-is-strict-base64url#other-alphabet,padded",
        read_access_token=lambda original, token: original(token.rstrip("=").replace("+", "-").replace("/", "_")),
    ),
    _token_crashes(
        "unknown-algorithm-crashes",
        "an unknown algorithm",
        "alg-unknown",
        lambda token: _member(token, 0, "alg") == "CF999",
    ),
    _token_crashes(
        "list-of-claims-crashes",
        "a list instead of its claims",
        "claims-list",
        lambda token: isinstance(_part(token, 1), list),
    ),
    _token_crashes(
        "null-for-claims-crashes",
        "null instead of its claims",
        "claims-null",
        lambda token: token.split(".")[1:2] == ["bnVsbA"],
    ),
    _token_crashes(
        "unusual-claims-crash",
        "words instead of times",
        "claims-of-other-types",
        lambda token: isinstance(_member(token, 1, "exp"), str),
    ),
)


@defect(
    "oauth/jwt/forged-tokens-are-refused#alg-none,alg-none-capital,alg-none-at-other-operations,alg-none-mixed",
    "oauth/jwt/forged-tokens-are-refused#alg-none-upper,audience,crit,cut-signature,empty-signature,expiry",
    "oauth/jwt/forged-tokens-are-refused#flipped-signature,hmac-client-id,hmac-client-secret,hmac-empty",
    "oauth/jwt/forged-tokens-are-refused#hmac-secret,issuer,jku,jwk,kid-path,kid-sql,no-signature",
    "oauth/jwt/forged-tokens-are-refused#none-and-signature,own-certificate,own-key,part-behind,scope,typ",
    "oauth/jwt/forged-tokens-are-refused#zero-signature",
)
def signature_not_verified(read_access_token: Any, token: str) -> dict[str, Any] | None:
    """RFC 9068 section 4: the signature is not verified."""
    return read_access_token(token) or unverified(token)


def _bytes(text: str) -> bytes:
    """Return the decoded bytes of base64url; raise ValueError if it is none."""
    return base64.urlsafe_b64decode(text + "==")


def _part(token: str, number: int) -> Any:
    """Return a part of a token as JSON, None if it is none."""
    try:
        return json.loads(_bytes(token.split(".")[number]))
    except (ValueError, IndexError):
        return None


def _member(token: str, number: int, name: str) -> Any:
    """Return a member of a part of a token, None if it has none."""
    part = _part(token, number)
    return part.get(name) if isinstance(part, dict) else None


class EncryptedIsBelieved(Defect):
    """RFC 9068 section 4: a token inside an encrypted one is accepted without verification of its signature."""

    noticed_by = ("oauth/jwt/forged-tokens-are-refused#encrypted-unsigned",)

    def read_access_token(self, original: Any, token: str) -> dict[str, Any] | None:
        if token.count(".") != 4:
            return original(token)
        try:
            return _part(self._opened(surface_of(original).key.private, token), 1)
        except (ValueError, LookupError, TypeError, InvalidTag, PyJWTError):
            return None

    def _opened(self, key: ec.EllipticCurvePrivateKey, token: str) -> str:
        """Return the decrypted content (RFC 7518 section 4.6)."""
        head, _, start, text, tag = token.split(".")
        sender = ECAlgorithm.from_jwk(_part(token, 0)["epk"])
        if not isinstance(sender, ec.EllipticCurvePublicKey):
            raise ValueError("no public key")
        other_info = b"\0\0\0\x07A256GCM" + b"\0" * 10 + b"\x01\0"
        secret = ConcatKDFHash(hashes.SHA256(), 32, other_info).derive(key.exchange(ec.ECDH(), sender))
        return AESGCM(secret).decrypt(_bytes(start), _bytes(text) + _bytes(tag), head.encode()).decode()


@defect("oauth/jwt/malformed-tokens-are-401#alg-list", crashes=(TypeError,))
def unusual_algorithm_crashes(read_access_token: Any, token: str) -> Claims | None:
    """The contract's table of errors: a token whose alg is no text is answered 500."""
    return read_access_token(token) if {"none": False}.get(header_of(token).get("alg", ""), True) else None


@defect("oauth/jwt/malformed-tokens-are-401#alg-missing", crashes=(KeyError,))
def missing_algorithm_crashes(read_access_token: Any, token: str) -> Claims | None:
    """The contract's table of errors: a token without alg is answered 500."""
    header = header_of(token)
    return read_access_token(token) if not header or header["alg"] != "none" else None


@defect("oauth/jwt/malformed-tokens-are-401#kid-object", crashes=(TypeError,))
def unusual_key_name_crashes(read_access_token: Any, token: str) -> Claims | None:
    """The contract's table of errors: a token whose kid is no text is answered 500."""
    return read_access_token(token) if {"": True}.get(header_of(token).get("kid", ""), True) else None


@defect("oauth/jwt/malformed-tokens-are-401#header-list,header-null", crashes=(AttributeError,))
def header_of_no_object_crashes(read_access_token: Any, token: str) -> Claims | None:
    """The contract's table of errors: a token whose header is no object is answered 500."""
    try:
        header = json.loads(decoded(token.split(".")[0]))
    except ValueError:
        return None
    return read_access_token(token) if header.get("alg") else None


class CertificateUrlFetched(KeySetUrlFollowed):
    """RFC 8725 section 3.10: the URL in x5u is fetched, although its content is not used."""

    member = "x5u"
    noticed_by = ("oauth/jwt/no-key-is-fetched#x5u",)

    def _verified(self, token: str, fetched: bytes) -> dict[str, Any] | None:
        return None


def _pem() -> tuple[Any, Any]:
    from cryptography.hazmat.primitives import serialization

    return serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo


class PublicKeyTreatedAsHmacSecret(Defect):
    """RFC 8725 section 3.1: a token signed by HMAC with the public key is accepted."""

    noticed_by: ClassVar[tuple[str, ...]] = ("oauth/jwt/public-key-is-no-hmac-secret#jwk,pem,pem-without-newline",)

    def read_access_token(self, original: Any, token: str) -> dict[str, Any] | None:
        signed, _, signature = token.rpartition(".")
        if header_of(token).get("alg") != "HS256":
            return original(token)
        for secret in self._published(original):
            expected = hmac.new(secret, signed.encode(), hashlib.sha256).digest()
            if base64.urlsafe_b64encode(expected).rstrip(b"=").decode() == signature:
                return unverified(token)
        return None

    def _published(self, original: Any) -> list[bytes]:
        surface = surface_of(original)
        key = json.loads(surface.key_set().body)["keys"][0]
        der = jwt.PyJWK(key).key.public_bytes(*_pem())
        return [json.dumps(key).encode(), der, der.rstrip()]


class KeyOfTheSetTreatedAsHmacSecret(PublicKeyTreatedAsHmacSecret):
    """RFC 8725 section 3.1: a token signed by HMAC with the compact JWK is accepted."""

    noticed_by = ("oauth/jwt/public-key-is-no-hmac-secret#jwk-compact",)

    def _published(self, original: Any) -> list[bytes]:
        key = json.loads(surface_of(original).key_set().body)["keys"][0]
        return [json.dumps(key, separators=(",", ":")).encode()]
