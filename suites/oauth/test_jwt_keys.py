"""JWT access tokens are signed with sound keys, whose public parts are published (RFC 7515, RFC 7517, RFC 7518)."""

from __future__ import annotations

import json
import re
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from conformance.clients.jwt.parts import hmac_signed
from conformance.clients.oauth.client import OAuthClient
from conformance.evidence.recorder import Recorder
from conformance.oracles.key_sets import private_members, public_part, published_keys
from conformance.oracles.status import expect_status
from conformance.oracles.token_quality import claims_of, expect_jwt, header_of
from conformance.oracles.whole_run import expect_none
from conformance.sandbox.jwts import require_opening
from conformance.sandbox.platform import Platform
from conformance.vocabulary.check import concludes, row, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive, NonConformance, NotApplicable
from conformance.vocabulary.values import base64url
from conformance.vocabulary.wording import worded

SHORTEST_BITS = 2048
TOKENS = 3


def signing_keys(oauth: OAuthClient, strictly: bool = False) -> tuple[list[dict[str, Any]], Exchange]:
    """Return the published keys that can sign tokens; a set may hold keys of other types and uses."""
    keys, reply = published_keys(oauth, strictly)
    return [public_part(each) for each in keys if not _unusable(each)], reply


def _unusable(key: dict[str, Any]) -> str:
    """Return why a key cannot verify tokens; "" if it can."""
    if key.get("use", "sig") != "sig":
        return f"of the use {worded(key['use'])}"
    try:
        return "" if jwt.PyJWK(public_part(key)).key else "empty"
    except (jwt.PyJWTError, LookupError, TypeError, ValueError) as mistake:
        return f"unreadable ({mistake})"


def _verifies(key: dict[str, Any], token: str, algorithm: str) -> bool:
    """Return whether a key verifies the signature (RFC 7515 section 5.2), whatever the claims are."""
    try:
        jwt.PyJWS().decode(token, jwt.PyJWK(key, algorithm).key, algorithms=[algorithm])
    except (jwt.PyJWTError, ValueError, TypeError):
        return False
    return True


@verifies("oauth/jwt/published-keys-are-long-enough")
def test_published_keys_are_long_enough(oauth: OAuthClient) -> None:
    """Purpose: an attacker must not be able to compute the private key from a public one.

    Method: 1. read the declared JWK set; 2. expect a modulus of at least 2048 bits of each RSA key that can sign tokens
    """
    keys, reply = signing_keys(oauth)
    for key in keys:
        bits = len(base64url(str(key.get("n", ""))).lstrip(b"\0")) * 8
        if key.get("kty") == "RSA" and bits < SHORTEST_BITS:
            seen = f"the key {worded(key.get('kid'))} of {bits}"
            raise NonConformance(f"RSA keys of {SHORTEST_BITS} bits", seen, reply)


@verifies("oauth/jwt/published-keys-verify")
def test_published_keys_verify(oauth: OAuthClient) -> None:
    """Purpose: a resource server finds the key that verifies a token in the published JWK set.

    Method: 1. request three tokens, which several instances may issue, and read the declared JWK set
            2. expect one of its keys to verify each signature; repeat once, since keys may just have been rotated
    """
    for _ in range(2):
        tokens = [oauth.fresh_token("full") for _ in range(TOKENS)]
        algorithms = {str(header_of(token).get("alg")) for token in tokens}
        if not algorithms <= jwt.algorithms.get_default_algorithms().keys() or not all(map(claims_of, tokens)):
            reason = f"the access token is no JWT of a known algorithm ({', '.join(sorted(algorithms))})"
            raise Inconclusive(reason, "a JWT that is signed")
        keys, reply = signing_keys(oauth, strictly=True)
        if all(any(_verifies(key, token, str(header_of(token)["alg"])) for key in keys) for token in tokens):
            return
    unusable = [(each, _unusable(each)) for each in published_keys(oauth)[0]]
    left_out = "".join(f"; the key {worded(each.get('kid'))} is {why}" for each, why in unusable if why)
    raise NonConformance(
        "a published key that verifies each token",
        f"a token that none of the {len(keys)} signing keys verifies{left_out}",
        reply,
    )


def _verifying_keys(oauth: OAuthClient) -> tuple[dict[str, Any], list[dict[str, Any]], Exchange]:
    """Return the header of a new token, the published keys that verify the token, and the response with the keys."""
    token = oauth.fresh_token("full")
    header, (keys, reply) = header_of(token), signing_keys(oauth)
    found = [each for each in keys if _verifies(each, token, str(header.get("alg")))]
    if not found:
        raise NotApplicable("no published key verifies the token; another check reports that")
    return header, found, reply


@verifies("oauth/jwt/token-names-its-key")
def test_token_names_its_key(oauth: OAuthClient) -> None:
    """Purpose: during a key rotation a verifier selects the right one of several keys by its kid.

    Method: 1. request a token and read the declared JWK set; continue with the keys that verify the token
            2. where its header and all these keys have a kid, expect one of them to have the header's
    """
    header, found, reply = _verifying_keys(oauth)
    kids, kid = [each.get("kid") for each in found], header.get("kid")
    if kid is not None and None not in kids and kid not in kids:
        expected = f"a key with the kid {worded(kid)} that verifies the token"
        raise NonConformance(expected, f"kid {worded(kids[0])}", reply)


@verifies("oauth/jwt/key-matches-its-algorithm")
def test_key_matches_its_algorithm(oauth: OAuthClient) -> None:
    """Purpose: a verifier that honours alg and key_ops must not refuse good tokens.

    Method: 1. request a token and read the declared JWK set; continue with the keys that verify the token
            2. where all these keys have an alg, expect one of them to have the token's
            3. where all of them have key_ops, expect one of them to include verify
    """
    header, found, reply = _verifying_keys(oauth)
    algorithm, algorithms = header.get("alg"), [each.get("alg") for each in found]
    if None not in algorithms and algorithm not in algorithms:
        raise NonConformance(f"a key for {algorithm} that verifies the token", f"a key for {algorithms[0]}", reply)
    uses = [each.get("key_ops", ["verify"]) for each in found]
    if not any(isinstance(each, list) and "verify" in each for each in uses):
        raise NonConformance('a key with "verify" in key_ops', f"key_ops {worded(uses[0])}", reply)


@verifies("oauth/jwt/key-ids-are-unique")
def test_key_ids_are_unique(oauth: OAuthClient) -> None:
    """Purpose: a verifier takes the first key with the kid of a token.

    Method: 1. read the declared JWK set; 2. expect no two keys with the same type and kid
    """
    keys, reply = published_keys(oauth)
    ids = [(each["kty"], each["kid"]) for each in keys if {"kty", "kid"} <= each.keys()]
    for kind, name in ids:
        if ids.count((kind, name)) > 1:
            seen = f"two keys of type {kind} with the kid {worded(name)}"
            raise NonConformance("a different kid for each key", seen, reply)


PUBLIC_FORMS = ("pem", "pem-without-newline", "der", "jwk", "jwk-compact")


def hmac_secret(key: dict[str, Any], form: str) -> bytes:
    """Return a public key as the bytes that a careless verifier may use as an HMAC secret."""
    if form.startswith("jwk"):
        return json.dumps(key, separators=(",", ":") if form == "jwk-compact" else None).encode()
    public = jwt.PyJWK(key).key
    if isinstance(public, bytes):
        return public
    public = public.public_key() if hasattr(public, "public_key") else public
    if form == "der":
        return bytes(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
    pem = bytes(public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return pem if form == "pem" else pem.rstrip()


@verifies("oauth/jwt/public-key-is-no-hmac-secret")
@pytest.mark.parametrize("form", PUBLIC_FORMS)
def test_public_key_is_no_hmac_secret(platform: Platform, form: str) -> None:
    """Purpose: the verifier chooses the algorithm, so that an attacker cannot sign tokens with a public key.

    Method: 1. use a token at a declared resource: 2xx
            2. sign its claims as HS256 with each published key as the secret (PEM, DER or JWK): expect 401
    """
    operation = platform.operations("read")[0]
    token = platform.oauth.token("full")
    keys, reply = signing_keys(platform.oauth)
    if not keys:
        raise NotApplicable(f"{reply.url} publishes no key that can verify tokens")
    require_opening(platform, operation, token)
    for key in keys:
        header = {**header_of(token), "alg": "HS256"}
        forged = hmac_signed(header, token.split(".")[1], hmac_secret(key, form))
        expect_status(platform.send(operation, forged), 401, f"for claims that are signed with the public key ({form})")


@verifies("oauth/jwt/signature-has-its-length")
@concludes()
def test_signature_has_its_length(oauth: OAuthClient, recorder: Recorder) -> None:
    """Purpose: a strict verifier must not refuse the one token in a hundred whose signature begins with a zero octet.

    Method: 1. request three tokens; 2. expect each signature of the run to have the length of its algorithm
    """
    for _ in range(TOKENS):
        oauth.fresh_token("full")
    endpoint = oauth.http.base_url + oauth.identity.token_path
    misfits = [each for each in recorder.passive_checks.misfits if each["entry"]["url"].startswith(endpoint)]
    if misfits:
        found = f"{len(misfits)} tokens: {misfits[0]['wrong']}"
        expect_none(recorder, [each["entry"] for each in misfits], "signatures of their algorithm's length", found)


@verifies("oauth/jwt/is-base64url-without-padding#token")
def test_jwt_is_base64url_without_padding(oauth: OAuthClient) -> None:
    """Purpose: a strict verifier refuses padding and other alphabets, as the standard demands.

    Method: 1. request a token; 2. expect only characters of base64url in each of its parts
    """
    token = expect_jwt(reply := oauth.request_token())
    for name, part in zip(("header", "payload", "signature"), token.split("."), strict=False):
        if invalid := sorted({*re.sub("[A-Za-z0-9_-]*", "", part)}):
            raise NonConformance(f"a {name} in base64url", f"{worded(invalid)} in it", reply)


NUMBERS = {"RSA": ("n", "e"), "EC": ("x", "y"), "OKP": ("x",)}
"""The members of a public key that are in base64url, by its type (RFC 7518 section 6, RFC 8037 section 2)."""


@pytest.mark.parametrize(
    ("kinds", "wrong", "expected"),
    [
        row(
            "oauth/jwt/is-base64url-without-padding#keys",
            ("RSA", "EC", "OKP"),
            '[A-Za-z0-9_-]*[^A-Za-z0-9_"-]',
            "in base64url without padding",
        ),
        # Eight zero bits in base64. A single zero octet is no valid modulus or exponent either.
        row("oauth/jwt/key-numbers-have-no-leading-zero", ("RSA",), "A[A-P]", "without a leading zero octet"),
    ],
)
def test_numbers_of_keys_are_well_formed(oauth: OAuthClient, kinds: tuple[str, ...], wrong: str, expected: str) -> None:
    """Purpose: strict libraries refuse keys with padding, another alphabet, or the sign octet that some others add.

    Method: 1. read the declared JWK set
            2. expect base64url without padding in n, e, x and y of each key, and no leading zero octet in n and e
    """
    keys, reply = published_keys(oauth)
    for key in keys:
        for name in NUMBERS.get(str(key.get("kty")), ()) if key.get("kty") in kinds else ():
            if isinstance(text := key.get(name), str) and re.match(wrong, text):
                raise NonConformance(f"{name} {expected}", f"{worded(text)} in the key {worded(key.get('kid'))}", reply)


def embedded_keys(part: dict[str, object]) -> list[dict[str, Any]]:
    """Return the keys in a header or in claims: jwk (RFC 7515, section 4.1.3) and cnf (RFC 7800)."""
    confirmation = part.get("cnf")
    found = [part.get("jwk"), confirmation.get("jwk") if isinstance(confirmation, dict) else None]
    return [each for each in found if isinstance(each, dict)]


@verifies("oauth/jwt/published-keys-are-public")
def test_published_keys_are_public(oauth: OAuthClient) -> None:
    """Purpose: a client that reads the key set can verify tokens, but not issue any.

    Method: 1. read the declared JWK set; 2. expect no member of a private or symmetric key in it
    """
    keys, reply = published_keys(oauth)
    for key in keys:
        if shown := private_members(key):
            seen = f"a key of type {key.get('kty')} with {' and '.join(shown)}"
            raise NonConformance("keys without private members", seen, reply)


@verifies("oauth/jwt/published-keys-are-public#in-a-token")
def test_token_contains_no_private_key(oauth: OAuthClient) -> None:
    """Purpose: every service that receives a token sees its keys, and must not be able to sign others.

    Method: 1. request a token; 2. expect no member of a private or symmetric key in the keys of its header and claims
    """
    token = expect_jwt(reply := oauth.request_token())
    parts: dict[str, dict[str, Any]] = {"header": header_of(token), "claims": claims_of(token)}
    for name, part in parts.items():
        if shown := [each for key in embedded_keys(part) for each in private_members(key)]:
            seen = f"a key with {' and '.join(shown)} in the {name}"
            raise NonConformance("keys without private members", seen, reply)
