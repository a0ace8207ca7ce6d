"""JWT access tokens that are none: in their parts stands what no issuer writes, or nobody has signed them."""

from __future__ import annotations

from typing import Any

import pytest

from conformance.clients.jwt_parts import part, unpadded
from conformance.evidence.once import Once
from conformance.oracles.status import expect_status
from conformance.oracles.token_quality import claims_of, header_of
from conformance.sandbox.platform import KINDS, Platform
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.finding import Inconclusive


def good_token(platform: Platform, once: Once) -> str:
    """A token that opens the first declared resource; Inconclusive where it does not, or is no JWT."""
    operation = platform.operations("read")[0]
    token = platform.oauth.token("full")
    control = once("a JWT at its resource", lambda: platform.send(operation, token))
    if not control.ok or not claims_of(token):
        raise Inconclusive(
            f"a good token is answered {control.status} at {operation.path}", "a JWT that opens a declared resource"
        )
    return token


def malformed(token: str, how: str) -> str:
    """A token in whose header something is of a kind that it never is."""
    _, body, signature = token.split(".")
    header = header_of(token)
    heads: dict[str, Any] = {
        "alg-list": part({**header, "alg": ["ES256"]}),
        "kid-object": part({**header, "kid": {"a": 1}}),
        "header-list": unpadded(b"[]"),
    }
    return f"{heads[how]}.{body}.{signature}"


MALFORMED = ("alg-list", "kid-object", "header-list")


@verifies("oauth/jwt/malformed-tokens-are-401")
@pytest.mark.parametrize("how", [case(name, name) for name in MALFORMED])
def test_malformed_tokens_are_401(platform: Platform, once: Once, how: str) -> None:
    """Purpose: what a library for JWTs cannot read is an invalid token, and no fault of the service.

    Method: 1. use a token at a declared resource: 2xx
            2. have its alg be a list, its kid an object, its header a list
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
