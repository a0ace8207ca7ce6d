"""The published keys of JWT access tokens: they verify, and are no secrets to sign with."""

from __future__ import annotations

import base64
import json
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from conformance.clients.jwt_parts import hmac_signed, signed
from conformance.clients.key_server import KeyServer
from conformance.oracles.status import expect_status, expect_success
from conformance.oracles.token_quality import claims_of, header_of
from conformance.sandbox.platform import Platform
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.finding import Inconclusive, NonConformance, NotApplicable


def published_keys(platform: Platform) -> list[dict[str, Any]]:
    """The keys of the declared JWK set (RFC 7517 section 5)."""
    path = platform.oauth.identity.jwks_path
    if path is None:
        raise NotApplicable("the target file names no identity.jwks_path")
    reply = platform.http.get(path)
    keys = reply.member("keys") if reply.ok else None
    if not isinstance(keys, list) or not keys or not all(isinstance(each, dict) for each in keys):
        raise Inconclusive(f"{path} is answered {reply.status} without keys", "identity.jwks_path with a JWK set")
    return keys


def signing_keys(platform: Platform) -> list[dict[str, Any]]:
    """Those of the published keys by which a token could be signed; a set may hold keys of other kinds and uses."""
    return [each for each in published_keys(platform) if _signs(each)]


def _signs(key: dict[str, Any]) -> bool:
    try:
        return key.get("use", "sig") == "sig" and bool(jwt.PyJWK(key).key)
    except (jwt.PyJWTError, LookupError, TypeError, ValueError):
        return False


PRIVATE = ("d", "p", "q", "dp", "dq", "qi", "oth", "k")


@verifies("oauth/jwt/published-keys-are-public")
def test_published_keys_are_public(platform: Platform) -> None:
    """Purpose: who reads the key set can verify tokens, and not make any.

    Method: 1. read the declared JWK set
            2. expect no member of a private or symmetric key in it
    """
    for key in published_keys(platform):
        shown = [name for name in PRIVATE if name in key]
        if shown:
            raise NonConformance("keys without private members", f"a key of type {key.get('kty')} with {shown}")


SHORTEST_BITS = 2048
TOKENS = 3


@verifies("oauth/jwt/published-keys-are-long-enough")
def test_published_keys_are_long_enough(platform: Platform) -> None:
    """Purpose: nobody finds out the private key from the public one.

    Method: 1. read the declared JWK set
            2. expect of each RSA key by which tokens could be signed a modulus of 2048 bits at least
    """
    for key in signing_keys(platform):
        bits = len(_modulus(key)) * 8
        if key.get("kty") == "RSA" and bits < SHORTEST_BITS:
            raise NonConformance(f"RSA keys of {SHORTEST_BITS} bits", f"the key {key.get('kid')!r} of {bits}")


def _modulus(key: dict[str, Any]) -> bytes:
    """The modulus of an RSA key without leading zeros (RFC 7518 section 6.3.1.1)."""
    text = str(key.get("n", ""))
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).lstrip(b"\0")


@verifies("oauth/jwt/published-keys-verify")
def test_published_keys_verify(platform: Platform) -> None:
    """Purpose: whoever is to verify a token finds the key for that where keys are published.

    Method: 1. ask for three tokens, which several instances may issue, and read the declared JWK set; twice where one
               is not of its keys, since keys change
            2. expect one of them to verify the signature of each
    """
    for _ in range(2):
        tokens = [platform.oauth.fresh_token("full") for _ in range(TOKENS)]
        algorithms = {str(header_of(token).get("alg")) for token in tokens}
        if not algorithms <= jwt.algorithms.get_default_algorithms().keys() or not all(map(claims_of, tokens)):
            told = ", ".join(sorted(algorithms))
            raise Inconclusive(f"the access token is no JWT of a known algorithm ({told})", "a JWT that is signed")
        keys = signing_keys(platform)
        if all(any(_verifies(key, token, str(header_of(token)["alg"])) for key in keys) for token in tokens):
            return
    raise NonConformance(
        "a published key that verifies each token", f"none of the {len(keys)} signing keys verifies one"
    )


def _the_one(platform: Platform) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The header of a token, and those of the published keys that verify it; NotApplicable where none does."""
    token = platform.oauth.fresh_token("full")
    header = header_of(token)
    found = [each for each in signing_keys(platform) if _verifies(each, token, str(header.get("alg")))]
    if not found:
        raise NotApplicable("no published key verifies the token, which is a finding of its own")
    return header, found


@verifies("oauth/jwt/token-names-its-key")
def test_token_names_its_key(platform: Platform) -> None:
    """Purpose: of several keys, before and after they change, a verifier takes the right one at once.

    Method: 1. ask for a token and read the declared JWK set; go on with the keys that verify the token
            2. where its header and all of them have a kid, expect one of them to have that of the header
    """
    header, found = _the_one(platform)
    names = [each.get("kid") for each in found]
    if header.get("kid") is not None and None not in names and header["kid"] not in names:
        raise NonConformance(f"a key of the kid {header['kid']!r} that verifies the token", f"it is {names[0]!r}")


@verifies("oauth/jwt/keys-have-names-of-their-own")
def test_keys_have_names_of_their_own(platform: Platform) -> None:
    """Purpose: a verifier that takes the first key of a token's kid has taken the right one.

    Method: 1. read the declared JWK set
            2. expect no two keys of one type and one kid
    """
    named = [(each["kty"], each["kid"]) for each in published_keys(platform) if {"kty", "kid"} <= each.keys()]
    for kind, name in named:
        if named.count((kind, name)) > 1:
            raise NonConformance("keys of different kid", f"two keys of type {kind} with the kid {name!r}")


@verifies("oauth/jwt/key-is-of-its-algorithm")
def test_key_is_of_its_algorithm(platform: Platform) -> None:
    """Purpose: a verifier that goes by what is published for which use is not led to refuse good tokens.

    Method: 1. ask for a token and read the declared JWK set; go on with the keys that verify the token
            2. where all of them have an alg, expect one of them to have that of the token's header
    """
    header, found = _the_one(platform)
    algorithms = [each.get("alg") for each in found]
    if None not in algorithms and header.get("alg") not in algorithms:
        raise NonConformance(f"a key for {header.get('alg')} that verifies the token", f"it is for {algorithms[0]}")


def _verifies(key: dict[str, Any], token: str, algorithm: str) -> bool:
    unchecked = {"verify_exp": False, "verify_iat": False, "verify_nbf": False, "verify_aud": False}
    try:
        jwt.decode(token, jwt.PyJWK(key, algorithm).key, algorithms=[algorithm], options=unchecked)  # type: ignore[arg-type]
    except (jwt.PyJWTError, ValueError, TypeError):
        return False
    return True


def written(key: dict[str, Any], form: str) -> bytes:
    """A public key as bytes that a careless verifier may hold in its hand."""
    if form == "jwk":
        return json.dumps(key).encode()
    public = jwt.PyJWK(key).key
    if isinstance(public, bytes):
        return public
    public = public.public_key() if hasattr(public, "public_key") else public
    if form == "der":
        return bytes(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
    pem = bytes(public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return pem if form == "pem" else pem.rstrip()


@verifies("oauth/jwt/public-key-is-no-hmac-secret")
@pytest.mark.parametrize("form", [case(name, name) for name in ("pem", "pem-without-newline", "der", "jwk")])
def test_public_key_is_no_hmac_secret(platform: Platform, form: str) -> None:
    """Purpose: the algorithm is the verifier's choice, so that nobody signs tokens with what is public.

    Method: 1. use a token at a declared resource: 2xx
            2. sign its claims as HS256, with each published key as the secret: PEM, DER or the JWK itself
            3. expect 401
    """
    operation = platform.operations("read")[0]
    token = platform.oauth.token("full")
    keys = signing_keys(platform)
    if not claims_of(token):
        raise Inconclusive("the access token is no JWT", "a target that issues JWTs, or does not claim identity.jwt")
    expect_success(platform.send(operation, token), "for the genuine token")

    for key in keys:
        header = {**header_of(token), "alg": "HS256"}
        forged = hmac_signed(header, token.split(".")[1], written(key, form))
        expect_status(platform.send(operation, forged), 401, f"for claims that are signed with the public key ({form})")


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
    if not claims_of(token):
        raise Inconclusive("the access token is no JWT", "a target that issues JWTs, or does not claim identity.jwt")
    expect_success(platform.send(operation, token), "for the genuine token")

    key = ec.generate_private_key(ec.SECP256R1())
    public = {**json.loads(jwt.algorithms.ECAlgorithm.to_jwk(key.public_key())), "kid": "cf-key"}
    with KeyServer(json.dumps({"keys": [public]}).encode(), platform.http.base_url) as keys:
        header = {**header_of(token), "kid": "cf-key", member: keys.url}
        header.pop("alg", None)
        forged = signed(header, claims_of(token), key)
        reply = platform.send(operation, forged)
    expect_status(reply, 401, f"for a token whose {member} leads to its key")
    if keys.asked:
        raise NonConformance(f"no request to the address in {member}", f"GET {keys.asked[0]} there", reply)
