"""What stands in JWT access tokens and in their keys, letter by letter (RFC 7515 and RFC 7518, section 2 each)."""

from __future__ import annotations

import re
from typing import Any

import pytest

from conformance.clients.oauth.client import OAuthClient
from conformance.oracles.key_sets import private_members, published_keys
from conformance.oracles.oauth import expect_token
from conformance.oracles.proofs import has_member
from conformance.oracles.token_quality import claims_of, header_of, require_jwt
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance, Part, Proof
from conformance.vocabulary.wording import worded

BASE64URL = re.compile(r"[A-Za-z0-9_-]*")
PARTS = ("header", "payload", "signature")
NUMBERS = {"RSA": ("n", "e"), "EC": ("x", "y"), "OKP": ("x",)}
"""The members of a public key that are in base64url, by its type (RFC 7518 section 6, RFC 8037 section 2)."""
BEGINS_WITH_ZERO = re.compile("A[A-P]")
"""Of base64, what eight bits of zero begin with; a zero octet alone is no modulus and no exponent either."""


def issued_jwt(oauth: OAuthClient) -> tuple[str, Exchange]:
    """A new token that is a JWT, with its answer."""
    reply = oauth.request_token()
    token = str(expect_token(reply)["access_token"])
    require_jwt(token)
    return token, reply


def numbers(key: dict[str, Any], *kinds: str) -> dict[str, str]:
    """The texts of a key of these types that stand for its numbers."""
    names = NUMBERS.get(str(key.get("kty")), ()) if key.get("kty") in kinds else ()
    return {name: key[name] for name in names if isinstance(key.get(name), str)}


@verifies("oauth/jwt/is-spelt-in-base64url")
@pytest.mark.parametrize("what", [case("token", "token"), case("keys", "keys")])
def test_jwt_is_spelt_in_base64url(oauth: OAuthClient, what: str) -> None:
    """Purpose: a verifier that refuses what is spelt otherwise, as the standard has it do, takes tokens and keys.

    Method: 1. ask for a token, and read the declared JWK set
            2. expect the letters of base64url alone in each part of the token, and in n, e, x and y of each key: no
               padding, neither "+" nor "/"
    """
    if what == "token":
        token, reply = issued_jwt(oauth)
        for name, part in zip(PARTS, token.split("."), strict=False):
            if others := sorted({*re.sub(BASE64URL, "", part)}):
                proof = has_member(reply, "access_token", '"[A-Za-z0-9_.-]+"')
                raise NonConformance(f"a {name} in base64url", f"{worded(others)} in it", reply, proof=proof)
        return
    keys, reply = published_keys(oauth)
    for key in keys:
        for name, text in numbers(key, *NUMBERS).items():
            if not BASE64URL.fullmatch(text):
                proof = Proof(reply.id, lacks=f'"{name}" *: *"[A-Za-z0-9_-]*[^A-Za-z0-9_"-]')
                told = f"{worded(text)} in the key {worded(key.get('kid'))}"
                raise NonConformance(f"{name} in base64url without padding", told, reply, proof=proof)


def brought_keys(part: dict[str, object]) -> list[dict[str, Any]]:
    """The keys that a header or claims bring along: jwk (RFC 7515 section 4.1.3), and that in cnf (RFC 7800)."""
    confirmation = part.get("cnf")
    told = [part.get("jwk"), confirmation.get("jwk") if isinstance(confirmation, dict) else None]
    return [each for each in told if isinstance(each, dict)]


@verifies("oauth/jwt/published-keys-are-public")
@pytest.mark.parametrize("where", [case("in-a-token", "token")])
def test_token_brings_no_private_key(oauth: OAuthClient, where: str) -> None:
    """Purpose: who sees a token, as every service does that takes it, cannot sign others.

    Method: 1. ask for a token
            2. expect no member of a private or symmetric key in a key that its header or its claims bring along
    """
    token, reply = issued_jwt(oauth)
    parts: dict[Part, dict[str, object]] = {"header": header_of(token), "claims": claims_of(token)}
    for name, part in parts.items():
        shown = [each for key in brought_keys(part) for each in private_members(key)]
        if shown:
            proof = Proof(reply.id, inside=name, lacks=f'"({"|".join(shown)})" *:')
            told = f"a key with {' and '.join(shown)} in the {name}"
            raise NonConformance("keys without private members", told, reply, proof=proof)


@verifies("oauth/jwt/key-numbers-begin-with-no-zero")
def test_key_numbers_begin_with_no_zero(oauth: OAuthClient) -> None:
    """Purpose: the modulus is as long as its key, not by the octet longer that a sign takes in some libraries.

    Method: 1. read the declared JWK set
            2. expect neither n nor e of an RSA key to begin with an octet of zero
    """
    keys, reply = published_keys(oauth)
    for key in keys:
        for name, text in numbers(key, "RSA").items():
            if BEGINS_WITH_ZERO.match(text):
                proof = Proof(reply.id, lacks=f'"{name}" *: *"A[A-P]')
                told = f"{name} of the key {worded(key.get('kid'))} begins with one"
                raise NonConformance("numbers without a zero octet before them", told, reply, proof=proof)
