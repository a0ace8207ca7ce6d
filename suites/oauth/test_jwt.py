"""Access tokens that are JWTs (RFC 9068): none but the issuer's is accepted."""

from __future__ import annotations

import json
import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from conformance.clients.jwt.parts import hmac_signed, part, self_signed, signed, unpadded
from conformance.oracles.status import expect_status
from conformance.oracles.token_quality import claims_of, header_of
from conformance.sandbox.jwts import require_opening
from conformance.sandbox.platform import Platform
from conformance.target.description import Credential
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.finding import NotApplicable
from conformance.vocabulary.values import base64url


def _flipped(signature: str) -> str:
    """A signature with its first byte changed; never its last character, which may hold unused bits."""
    try:
        raw = base64url(signature)
    except ValueError:
        raw = b""
    # A target that signs nothing takes this for a signature, too.
    return unpadded(bytes([raw[0] ^ 0x55]) + raw[1:] if raw else b"cf")


def _by_own_key(header: dict[str, Any], claims: dict[str, Any]) -> str:
    """A token that is signed well, by a key that it brings along itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    public = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(key.public_key()))
    kept = {name: value for name, value in header.items() if name not in ("alg", "kid")}
    return signed({**kept, "jwk": public}, claims, key)


def _by_own_certificate(header: dict[str, Any], claims: dict[str, Any]) -> str:
    """A token that is signed well, by a key whose certificate, which nobody else has signed, it brings along."""
    key = ec.generate_private_key(ec.SECP256R1())
    kept = {name: value for name, value in header.items() if name not in ("alg", "kid")}
    return signed({**kept, "x5c": [self_signed(key)]}, claims, key)


def forged(token: str, how: str, wider: list[str], credential: Credential) -> str:
    """A token that was altered in one way; ``credential`` is the one that it was issued to."""
    head, body, signature = token.split(".")
    header, claims = header_of(token), claims_of(token)
    if how in ("own-key", "own-certificate"):
        return (_by_own_key if how == "own-key" else _by_own_certificate)(header, claims)
    if how.startswith("alg-"):
        return f"{part({**header, 'alg': how.removeprefix('alg-')})}.{body}."
    if how.startswith("hmac-"):
        own = {"hmac-client-secret": credential.client_secret.reveal(), "hmac-client-id": credential.client_id}
        key = own.get(how) or {"hmac-empty": "", "hmac-secret": "secret"}[how]
        wide = part({**claims, "cf-forged": True})
        return hmac_signed({**header, "alg": "HS256"}, wide if how in own else body, key.encode())
    headers: dict[str, dict[str, object]] = {
        "jwk": {"jwk": {"kty": "oct", "k": "c2VjcmV0"}, "alg": "HS256"},
        "jku": {"jku": "http://127.0.0.1:9/keys"},
        "kid-path": {"kid": "../../../../dev/null", "alg": "HS256"},
        "kid-sql": {"kid": "x' UNION SELECT 'secret'--", "alg": "HS256"},
        "crit": {"crit": ["cf-unknown"], "cf-unknown": True},
        "typ": {"typ": "JWT"},
    }
    if how in headers:
        changed = {**header, **headers[how]}
        secret = {"jwk": b"secret", "kid-path": b"", "kid-sql": b"secret"}.get(how)
        return f"{part(changed)}.{body}.{signature}" if secret is None else hmac_signed(changed, body, secret)
    edits: dict[str, dict[str, Any]] = {
        "scope": {"scope": " ".join(wider)},
        "subject": {"sub": "cf-other", "client_id": "cf-other"},
        "expiry": {"exp": int(time.time()) + 10**7},
        "audience": {"aud": "cf-other"},
        "issuer": {"iss": "https://issuer.example"},
    }
    if how in edits:
        return f"{head}.{part({**claims, **edits[how]})}.{signature}"
    return {
        "none-and-signature": f"{part({**header, 'alg': 'none'})}.{body}.{signature}",
        "part-behind": f"{token}.{signature}",
        "no-signature": f"{head}.{body}",
        "empty-signature": f"{head}.{body}.",
        "flipped-signature": f"{head}.{body}.{_flipped(signature)}",
        "cut-signature": f"{head}.{body}.{signature[: len(signature) // 2]}",
    }[how]


FORGERIES = (
    "own-key", "own-certificate", "none-and-signature", "part-behind",
    "alg-none", "alg-None", "alg-NONE", "alg-nOnE", "hmac-empty", "hmac-secret", "hmac-client-secret",
    "hmac-client-id", "jwk", "jku", "kid-path", "kid-sql", "crit", "typ", "scope", "subject", "expiry", "audience",
    "issuer", "no-signature", "empty-signature", "flipped-signature", "cut-signature",
)  # fmt: skip


def _case_name(how: str) -> str:
    return {"alg-None": "alg-none-capital", "alg-NONE": "alg-none-upper", "alg-nOnE": "alg-none-mixed"}.get(how, how)


@verifies("oauth/jwt/forged-tokens-are-refused")
@pytest.mark.parametrize("how", [case(_case_name(name), name) for name in FORGERIES])
def test_forged_tokens_are_refused(platform: Platform, how: str) -> None:
    """Purpose: a token that the issuer has not signed as it stands opens nothing.

    Method: 1. use a token at a declared resource: 2xx
            2. take away, change or replace its signature, its algorithm, a header that names keys or brings one along,
               or a claim; or put one part more behind it
            3. expect 401
    """
    operation = platform.operations("read")[0]
    oauth = platform.oauth
    token = oauth.token("full", operation.scope) if operation.scope else oauth.token("full")
    require_opening(platform, operation, token)

    credential = oauth.credential("full")
    other = forged(token, how, credential.scopes, credential)
    if other == token and how in ("typ", "scope"):
        raise NotApplicable(f"the token says already what it was to say ({how})")
    expect_status(platform.send(operation, other), 401)
