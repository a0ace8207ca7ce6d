"""JWT access tokens that are none: in their parts stands what no issuer writes, or no issuer has signed them."""

from __future__ import annotations

import json
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from conformance.clients.jwt.key_server import KeyServer
from conformance.clients.jwt.parts import part, signed, unpadded
from conformance.evidence.shared_requests import Once
from conformance.oracles.status import expect_status
from conformance.oracles.token_quality import claims_of, header_of
from conformance.sandbox.jwts import require_open, require_opening
from conformance.sandbox.platform import KINDS, Platform
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.finding import NonConformance, Proof


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
