"""A forged, altered, encrypted or malformed JWT is rejected."""

from __future__ import annotations

import json
import time
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
from conformance.sandbox.platform import KINDS, Platform
from conformance.target.description import Credential
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.finding import NonConformance, NotApplicable, Proof
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


def encrypted(platform: Platform, content: bytes) -> list[str]:
    """The content, encrypted to each published key that can be encrypted to."""
    keys, reply = published_keys(platform.oauth)
    found = []
    for key in keys:
        try:
            found.append(encrypted_to(key, content))
        except (jwt.PyJWTError, LookupError, TypeError, ValueError):
            continue
    tokens = [each for each in found if each]
    if not tokens:
        raise NotApplicable(f"no key that {reply.url} publishes can be encrypted to")
    return tokens


@verifies("oauth/jwt/forged-tokens-are-refused")
@pytest.mark.parametrize("inside", [case("encrypted-unsigned", "none")])
def test_encrypted_tokens_are_refused(platform: Platform, inside: str) -> None:
    """Purpose: what only the service can read is not for that what it has written.

    Method: 1. use a token at a declared resource: 2xx
            2. write its claims as a JWT without a signature, and encrypt that to each published key
            3. expect 401
    """
    operation = platform.operations("read")[0]
    token = platform.oauth.token("full")
    require_opening(platform, operation, token)

    for forged in encrypted(platform, f"{part({'alg': inside})}.{part(claims_of(token))}.".encode()):
        expect_status(platform.send(operation, forged), 401, "for an unsigned token within an encrypted one")


def good_token(platform: Platform, once: Once) -> str:
    """A token that opens the first declared resource; Inconclusive where it does not, or is no JWT."""
    operation = platform.operations("read")[0]
    token = platform.oauth.token("full")
    require_open(operation, token, once("a JWT at its resource", lambda: platform.send(operation, token)))
    return token


def malformed(token: str, how: str) -> str:
    """A token in which something is of a kind that it never is, or is not there."""
    _, body, signature = token.split(".")
    header = header_of(token)
    heads: dict[str, Any] = {
        "alg-list": part({**header, "alg": ["ES256"]}),
        "alg-missing": part({name: value for name, value in header.items() if name != "alg"}),
        "kid-object": part({**header, "kid": {"a": 1}}),
        "alg-unknown": part({**header, "alg": "CF999"}),
        "header-list": unpadded(b"[]"),
        "header-null": unpadded(b"null"),
    }
    bodies = {
        "claims-list": unpadded(b"[]"),
        "claims-null": unpadded(b"null"),
        "claims-of-other-kinds": part({**claims_of(token), **OTHER_KINDS}),
    }
    return f"{heads.get(how, token.partition('.')[0])}.{bodies.get(how, body)}.{signature}"


OTHER_KINDS: dict[str, Any] = {"exp": "never", "iat": [], "nbf": {}, "aud": 7, "sub": None, "scope": {}}
MALFORMED = (
    "alg-list", "alg-missing", "alg-unknown", "kid-object", "header-list", "header-null", "claims-list",
    "claims-null", "claims-of-other-kinds",
)  # fmt: skip


@verifies("oauth/jwt/malformed-tokens-are-401")
@pytest.mark.parametrize("how", [case(name, name) for name in MALFORMED])
def test_malformed_tokens_are_401(platform: Platform, once: Once, how: str) -> None:
    """Purpose: what a library for JWTs cannot read is an invalid token, and no fault of the service.

    Method: 1. use a token at a declared resource: 2xx
            2. have its alg be a list, unknown or not there, its kid an object, its header or its claims a list or
               null, or its times, audience and scope of other kinds
            3. expect 401
    """
    operation = platform.operations("read")[0]

    expect_status(platform.send(operation, malformed(good_token(platform, once), how)), 401, f"for a token with {how}")


@verifies("oauth/jwt/forged-tokens-are-refused")
@pytest.mark.parametrize("how", [case("zero-signature", "zero"), case("alg-none-elsewhere", "none")])
def test_tokens_of_no_key_are_refused(platform: Platform, once: Once, how: str) -> None:
    """Purpose: what nobody has signed opens nothing, by whichever service of several.

    Method: 1. use a token at a declared resource: 2xx
            2. replace its signature by zeros, which some verifiers of ECDSA take for one; or have its alg be none, and
               show it to every other declared operation
            3. expect 401
    """
    token = good_token(platform, once)
    head, body, signature = token.split(".")
    zeros = unpadded(bytes(len(signature) * 3 // 4))
    forged = f"{head}.{body}.{zeros}" if how == "zero" else f"{part({**header_of(token), 'alg': 'none'})}.{body}."
    first, *others = platform.operations("read")
    if how == "none":
        others += [each for each in platform.operations(*KINDS) if each.kind not in ("read", "read-item")]
    for operation in [first] if how == "zero" else others:
        expect_status(platform.send(operation, forged), 401, f"for {operation}")


@verifies("oauth/jwt/no-key-is-fetched")
@pytest.mark.parametrize("member", [case(name, name) for name in ("jku", "x5u")])
def test_no_key_is_fetched(platform: Platform, member: str) -> None:
    """Purpose: a token cannot send the service to an address of its bearer's choice, not even to refuse it then.

    Method: 1. use a token at a declared resource: 2xx
            2. listen on this machine's address; sign the token's claims by a key of one's own, and name that address
               as the place of the key
            3. expect 401, and nobody to have come (a target that cannot reach this machine shows the 401 alone)
    """
    operation = platform.operations("read")[0]
    token = platform.oauth.token("full")
    require_opening(platform, operation, token)

    key = ec.generate_private_key(ec.SECP256R1())
    public = {**json.loads(jwt.algorithms.ECAlgorithm.to_jwk(key.public_key())), "kid": "cf-key"}
    with KeyServer(json.dumps({"keys": [public]}).encode(), platform.http.base_url) as keys:
        header = {**header_of(token), "kid": "cf-key", member: keys.url}
        header.pop("alg", None)
        forged = signed(header, claims_of(token), key)
        reply = platform.send(operation, forged)
    expect_status(reply, 401, f"for a token whose {member} leads to its key")
    if keys.asked:
        proof = Proof(beyond="it is about a request that the target makes to another address")
        told = f"GET {keys.asked[0]} there"
        raise NonConformance(f"no request to the address in {member}", told, reply, proof=proof)


TOKENS = 3


@verifies("oauth/jwt/signature-has-one-spelling")
@pytest.mark.parametrize("how", [case("padded", "padded"), case("other-alphabet", "other-alphabet")])
def test_signature_has_one_spelling(platform: Platform, how: str) -> None:
    """Purpose: what is kept of a token, that it was revoked for instance, cannot be got round by spelling it otherwise.

    Method: 1. use a token at a declared resource: 2xx
            2. pad its signature with "=", or spell it in the alphabet of base64 in place of base64url
            3. expect 401
    """
    operation = platform.operations("read")[0]
    token = next(filter(_spelt_by_both, (platform.oauth.fresh_token("full") for _ in range(TOKENS))), "")
    if not token:
        raise NotApplicable("no signature has a letter that the two alphabets have not in common")
    require_opening(platform, operation, token)

    signed, _, signature = token.rpartition(".")
    padded = signature + "=" * (-len(signature) % 4 or 4)
    spelt = padded if how == "padded" else signature.replace("-", "+").replace("_", "/")
    expect_status(platform.send(operation, f"{signed}.{spelt}"), 401, f"for a signature that is {how}")


def _spelt_by_both(token: str) -> bool:
    return bool({"-", "_"} & set(token.rpartition(".")[2]))
