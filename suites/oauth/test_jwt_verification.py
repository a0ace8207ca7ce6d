"""A forged, altered, encrypted or malformed JWT is rejected."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from conformance.clients.jwt.encryption import encrypted_to
from conformance.clients.jwt.key_server import KeyServer
from conformance.clients.jwt.parts import hmac_signed, part, self_signed, signed, unpadded
from conformance.evidence.shared_requests import Once
from conformance.oracles.key_sets import published_keys
from conformance.oracles.status import expect_status
from conformance.oracles.token_quality import claims_of, header_of
from conformance.sandbox.jwts import require_open, require_opening
from conformance.sandbox.platform import KINDS, Operation, Platform
from conformance.target.description import Credential
from conformance.vocabulary.check import row, verifies
from conformance.vocabulary.finding import NonConformance, NotApplicable
from conformance.vocabulary.values import base64url

TOKENS = 3


def genuine(platform: Platform, once: Once) -> tuple[Operation, str]:
    """Return the first declared read and a JWT that opens it; Inconclusive without one."""
    operation = platform.operations("read")[0]
    token = platform.oauth.token("full", *([operation.scope] if operation.scope else []))
    require_open(operation, token, once("a JWT at its resource", lambda: platform.send(operation, token)))
    return operation, token


class Jwt:
    """A genuine JWT, its parts encoded and decoded, and its credential."""

    def __init__(self, token: str, credential: Credential) -> None:
        self.token, self.credential = token, credential
        self.head, self.body, self.signature = token.split(".")
        self.header, self.claims = header_of(token), claims_of(token)

    def altered(self, header: dict[str, Any] | None = None, claims: dict[str, Any] | None = None) -> str:
        """Return the token with other members in its header or claims and the same signature."""
        head = part({**self.header, **header}) if header else self.head
        return f"{head}.{part({**self.claims, **claims}) if claims else self.body}.{self.signature}"

    def unsigned(self, algorithm: str) -> str:
        """Return the token without its signature, for this alg."""
        return f"{part({**self.header, 'alg': algorithm})}.{self.body}."

    def by_hmac(self, secret: str, header: dict[str, Any] | None = None, claims: dict[str, Any] | None = None) -> str:
        """Return the token signed as HS256 with a secret."""
        body = part({**self.claims, **claims}) if claims else self.body
        return hmac_signed({**self.header, **(header or {}), "alg": "HS256"}, body, secret.encode())

    def by_own_key(self, certified: bool) -> str:
        """Return the token signed with a key that its header contains, as a JWK or in a self-signed certificate."""
        key = ec.generate_private_key(ec.SECP256R1())
        public = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(key.public_key()))
        header = {name: value for name, value in self.header.items() if name not in ("alg", "kid")}
        return signed({**header, **({"x5c": [self_signed(key)]} if certified else {"jwk": public})}, self.claims, key)

    def flipped(self) -> str:
        """Return the token with the first byte of its signature changed: the last character may contain unused bits."""
        try:
            raw = base64url(self.signature)
        except ValueError:
            raw = b""
        # A target that does not sign at all may accept these bytes as a signature.
        return f"{self.head}.{self.body}.{unpadded(bytes([raw[0] ^ 0x55]) + raw[1:] if raw else b'cf')}"


Alter = Callable[[Jwt], str]
FORGED: dict[str, Alter] = {
    "own-key": lambda it: it.by_own_key(certified=False),
    "own-certificate": lambda it: it.by_own_key(certified=True),
    "none-and-signature": lambda it: it.altered({"alg": "none"}),
    "alg-none": lambda it: it.unsigned("none"),
    "alg-none-capital": lambda it: it.unsigned("None"),
    "alg-none-upper": lambda it: it.unsigned("NONE"),
    "alg-none-mixed": lambda it: it.unsigned("nOnE"),
    "hmac-empty": lambda it: it.by_hmac(""),
    "hmac-secret": lambda it: it.by_hmac("secret"),
    "hmac-client-secret": lambda it: it.by_hmac(it.credential.client_secret.reveal(), claims={"cf-forged": True}),
    "hmac-client-id": lambda it: it.by_hmac(it.credential.client_id, claims={"cf-forged": True}),
    "jwk": lambda it: it.by_hmac("secret", {"jwk": {"kty": "oct", "k": "c2VjcmV0"}}),
    "jku": lambda it: it.altered({"jku": "http://127.0.0.1:9/keys"}),
    "kid-path": lambda it: it.by_hmac("", {"kid": "../../../../dev/null"}),
    "kid-sql": lambda it: it.by_hmac("secret", {"kid": "x' UNION SELECT 'secret'--"}),
    "crit": lambda it: it.altered({"crit": ["cf-unknown"], "cf-unknown": True}),
    "typ": lambda it: it.altered({"typ": "JWT"}),
    "scope": lambda it: it.altered(claims={"scope": " ".join(it.credential.scopes)}),
    "subject": lambda it: it.altered(claims={"sub": "cf-other", "client_id": "cf-other"}),
    "expiry": lambda it: it.altered(claims={"exp": int(time.time()) + 10**7}),
    "audience": lambda it: it.altered(claims={"aud": "cf-other"}),
    "issuer": lambda it: it.altered(claims={"iss": "https://issuer.example"}),
    "part-behind": lambda it: f"{it.token}.{it.signature}",
    "no-signature": lambda it: f"{it.head}.{it.body}",
    "empty-signature": lambda it: f"{it.head}.{it.body}.",
    "flipped-signature": Jwt.flipped,
    "cut-signature": lambda it: f"{it.head}.{it.body}.{it.signature[: len(it.signature) // 2]}",
    # Some verifiers of ECDSA accept zeros.
    "zero-signature": lambda it: f"{it.head}.{it.body}.{unpadded(bytes(len(it.signature) * 3 // 4))}",
}
OTHER_TYPES: dict[str, Any] = {"exp": "never", "iat": [], "nbf": {}, "aud": 7, "sub": None, "scope": {}}
MALFORMED: dict[str, Alter] = {
    "alg-list": lambda it: it.altered({"alg": ["ES256"]}),
    "alg-missing": lambda it: (
        f"{part({name: each for name, each in it.header.items() if name != 'alg'})}.{it.body}.{it.signature}"
    ),
    "alg-unknown": lambda it: it.altered({"alg": "CF999"}),
    "kid-object": lambda it: it.altered({"kid": {"a": 1}}),
    "header-list": lambda it: f"{unpadded(b'[]')}.{it.body}.{it.signature}",
    "header-null": lambda it: f"{unpadded(b'null')}.{it.body}.{it.signature}",
    "claims-list": lambda it: f"{it.head}.{unpadded(b'[]')}.{it.signature}",
    "claims-null": lambda it: f"{it.head}.{unpadded(b'null')}.{it.signature}",
    "claims-of-other-types": lambda it: it.altered(claims=OTHER_TYPES),
}


@pytest.mark.parametrize(
    "alter",
    [
        *(row(f"oauth/jwt/forged-tokens-are-refused#{name}", each) for name, each in FORGED.items()),
        *(row(f"oauth/jwt/malformed-tokens-are-401#{name}", each) for name, each in MALFORMED.items()),
    ],
)
def test_altered_tokens_are_refused(platform: Platform, once: Once, alter: Alter) -> None:
    """Purpose: a token opens nothing unless the issuer signed exactly it, and a malformed one is no server error.

    Method: 1. use a token at a declared resource: 2xx
            2. remove, change or replace its signature, its algorithm, a header that names or contains keys, or a
               claim; give a member another type
            3. expect 401
    """
    operation, token = genuine(platform, once)
    altered = alter(Jwt(token, platform.oauth.credential("full")))
    if altered == token:
        raise NotApplicable("the token already states what it was changed to")
    expect_status(platform.send(operation, altered), 401, "for a token that was altered")


@verifies("oauth/jwt/forged-tokens-are-refused#alg-none-at-other-operations")
def test_unsigned_tokens_are_refused_everywhere(platform: Platform, once: Once) -> None:
    """Purpose: each service behind the API verifies tokens, not only the first one.

    Method: 1. use a token at a declared resource: 2xx
            2. send it with alg none and without a signature to every other declared operation: expect 401
    """
    _, token = genuine(platform, once)
    unsigned = Jwt(token, platform.oauth.credential("full")).unsigned("none")
    others = [each for each in platform.operations(*KINDS) if each.kind not in ("read", "read-item")]
    for operation in [*platform.operations("read")[1:], *others]:
        expect_status(platform.send(operation, unsigned), 401, f"for {operation}")


def encrypted(platform: Platform, content: bytes) -> list[str]:
    """Return the content encrypted to each published key that supports it; NotApplicable without one."""
    keys, reply = published_keys(platform.oauth)
    found = []
    for key in keys:
        try:
            found.append(encrypted_to(key, content))
        except (jwt.PyJWTError, LookupError, TypeError, ValueError):
            continue
    if not any(found):
        raise NotApplicable(f"{reply.url} publishes no key that supports encryption")
    return [each for each in found if each]


@verifies("oauth/jwt/forged-tokens-are-refused#encrypted-unsigned")
def test_encrypted_tokens_are_refused(platform: Platform, once: Once) -> None:
    """Purpose: anyone can encrypt to a public key, so encryption does not replace a signature.

    Method: 1. use a token at a declared resource: 2xx; 2. encrypt its claims, unsigned, to each published key: 401
    """
    operation, token = genuine(platform, once)
    for forged in encrypted(platform, f"{part({'alg': 'none'})}.{part(claims_of(token))}.".encode()):
        expect_status(platform.send(operation, forged), 401, "for an unsigned token within an encrypted one")


@verifies("oauth/jwt/no-key-is-fetched")
@pytest.mark.parametrize("member", ["jku", "x5u"])
def test_no_key_is_fetched(platform: Platform, once: Once, member: str) -> None:
    """Purpose: a token must not make the service send requests to an address of the bearer's choice (SSRF).

    Method: 1. use a token at a declared resource: 2xx
            2. sign its claims with another key, and name a listener on this machine as the address of that key
            3. expect 401 and no request to the listener (a target that cannot reach it shows only the 401)
    """
    operation, token = genuine(platform, once)
    key = ec.generate_private_key(ec.SECP256R1())
    public = {**json.loads(jwt.algorithms.ECAlgorithm.to_jwk(key.public_key())), "kid": "cf-key"}
    with KeyServer(json.dumps({"keys": [public]}).encode(), platform.http.base_url) as keys:
        header = {**header_of(token), "kid": "cf-key", member: keys.url}
        header.pop("alg", None)
        reply = platform.send(operation, signed(header, claims_of(token), key))
    expect_status(reply, 401, f"for a token whose {member} is the address of its key")
    if keys.requested_paths:
        expected, seen = f"no request to the address in {member}", f"GET {keys.requested_paths[0]}"
        raise NonConformance(expected, seen, reply)


@verifies("oauth/jwt/signature-is-strict-base64url")
@pytest.mark.parametrize("form", ["padded", "other-alphabet"])
def test_signature_is_strict_base64url(platform: Platform, form: str) -> None:
    """Purpose: a revoked token must not become valid again by another spelling of its signature.

    Method: 1. use a token at a declared resource: 2xx
            2. pad its signature with "=", or write it in the alphabet of base64 instead of base64url: expect 401
    """
    operation = platform.operations("read")[0]
    tokens = (platform.oauth.fresh_token("full") for _ in range(TOKENS))
    token = next((each for each in tokens if {"-", "_"} & set(each.rpartition(".")[2])), "")
    if not token:
        raise NotApplicable("no signature has a character that differs between the two alphabets")
    require_opening(platform, operation, token)
    head, _, signature = token.rpartition(".")
    padded = signature + "=" * (-len(signature) % 4 or 4)
    changed = padded if form == "padded" else signature.replace("-", "+").replace("_", "/")
    expect_status(platform.send(operation, f"{head}.{changed}"), 401, f"for a signature that is {form}")
