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
from conformance.oracles.oauth import expect_token
from conformance.oracles.proofs import has_member, literal, without_list
from conformance.oracles.status import expect_status
from conformance.oracles.token_quality import claims_of, header_of, require_jwt
from conformance.sandbox.jwts import require_opening
from conformance.sandbox.platform import Platform
from conformance.vocabulary.check import case, concludes, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive, NonConformance, NotApplicable, Part, Proof
from conformance.vocabulary.values import base64url
from conformance.vocabulary.wording import worded


def signing_keys(platform: Platform, strictly: bool = False) -> tuple[list[dict[str, Any]], Exchange]:
    """Those of the published keys by which a token could be signed; a set may hold keys of other kinds and uses."""
    keys, reply = published_keys(platform.oauth, strictly)
    return [public_part(each) for each in keys if not _unfit(each)], reply


def _unfit(key: dict[str, Any]) -> str:
    """Why no token can be verified with a key; "" where one can."""
    if key.get("use", "sig") != "sig":
        return f"of the use {worded(key['use'])}"
    try:
        return "" if jwt.PyJWK(public_part(key)).key else "empty"
    except (jwt.PyJWTError, LookupError, TypeError, ValueError) as mistake:
        return f"unreadable ({mistake})"


@verifies("oauth/jwt/published-keys-are-public")
def test_published_keys_are_public(platform: Platform) -> None:
    """Purpose: who reads the key set can verify tokens, and not make any.

    Method: 1. read the declared JWK set
            2. expect no member of a private or symmetric key in it
    """
    keys, reply = published_keys(platform.oauth)
    for key in keys:
        shown = private_members(key)
        if shown:
            proof = Proof(reply.id, lacks=f'"({"|".join(shown)})" *:')
            told = f"a key of type {key.get('kty')} with {' and '.join(shown)}"
            raise NonConformance("keys without private members", told, reply, proof=proof)


SHORTEST_BITS = 2048
TOKENS = 3


@verifies("oauth/jwt/published-keys-are-long-enough")
def test_published_keys_are_long_enough(platform: Platform) -> None:
    """Purpose: nobody finds out the private key from the public one.

    Method: 1. read the declared JWK set
            2. expect of each RSA key by which tokens could be signed a modulus of 2048 bits at least
    """
    keys, reply = signing_keys(platform)
    for key in keys:
        bits = len(_modulus(key)) * 8
        if key.get("kty") == "RSA" and bits < SHORTEST_BITS:
            # Six bits a letter.
            short = Proof(reply.id, lacks=f'"n" *: *"[A-Za-z0-9_=-]{{0,{len(str(key["n"]))}}}"')
            told = f"the key {worded(key.get('kid'))} of {bits}"
            raise NonConformance(f"RSA keys of {SHORTEST_BITS} bits", told, reply, proof=short)


def _modulus(key: dict[str, Any]) -> bytes:
    """The modulus of an RSA key without leading zeros (RFC 7518 section 6.3.1.1)."""
    text = str(key.get("n", ""))
    return base64url(text).lstrip(b"\0")


@verifies("oauth/jwt/published-keys-verify")
def test_published_keys_verify(platform: Platform) -> None:
    """Purpose: whoever is to verify a token finds the key for that where keys are published.

    Method: 1. ask for three tokens, which several instances may issue, and read the declared JWK set; twice where one
               is not of its keys, since keys change
            2. expect a set of keys, and one of them to verify the signature of each
    """
    for _ in range(2):
        tokens = [platform.oauth.fresh_token("full") for _ in range(TOKENS)]
        algorithms = {str(header_of(token).get("alg")) for token in tokens}
        if not algorithms <= jwt.algorithms.get_default_algorithms().keys() or not all(map(claims_of, tokens)):
            told = ", ".join(sorted(algorithms))
            raise Inconclusive(f"the access token is no JWT of a known algorithm ({told})", "a JWT that is signed")
        keys, reply = signing_keys(platform, strictly=True)
        if all(any(_verifies(key, token, str(header_of(token)["alg"])) for key in keys) for token in tokens):
            return
    others = [(each, _unfit(each)) for each in published_keys(platform.oauth)[0]]
    left_out = "".join(f"; the key {worded(each.get('kid'))} is {why}" for each, why in others if why)
    raise NonConformance(
        "a published key that verifies each token",
        f"none of the {len(keys)} signing keys verifies one{left_out}",
        reply,
        proof=Proof(beyond="it is about a signature, which curl does not verify"),
    )


def _verifying_keys(platform: Platform) -> tuple[dict[str, Any], list[dict[str, Any]], Exchange]:
    """The header of a token, and those of the published keys that verify it with the answer in which they are.

    NotApplicable where none does.
    """
    token = platform.oauth.fresh_token("full")
    header, (keys, reply) = header_of(token), signing_keys(platform)
    found = [each for each in keys if _verifies(each, token, str(header.get("alg")))]
    if not found:
        raise NotApplicable("no published key verifies the token, which is a finding of its own")
    return header, found, reply


@verifies("oauth/jwt/token-names-its-key")
def test_token_names_its_key(platform: Platform) -> None:
    """Purpose: of several keys, before and after they change, a verifier takes the right one at once.

    Method: 1. ask for a token and read the declared JWK set; go on with the keys that verify the token
            2. where its header and all of them have a kid, expect one of them to have that of the header
    """
    header, found, reply = _verifying_keys(platform)
    names = [each.get("kid") for each in found]
    if header.get("kid") is not None and None not in names and header["kid"] not in names:
        expected = f"a key of the kid {worded(header['kid'])} that verifies the token"
        raise NonConformance(
            expected, f"it is {worded(names[0])}", reply, proof=_has_value(reply, "kid", header["kid"])
        )


@verifies("oauth/jwt/keys-have-names-of-their-own")
def test_keys_have_names_of_their_own(platform: Platform) -> None:
    """Purpose: a verifier that takes the first key of a token's kid has taken the right one.

    Method: 1. read the declared JWK set
            2. expect no two keys of one type and one kid
    """
    keys, reply = published_keys(platform.oauth)
    named = [(each["kty"], each["kid"]) for each in keys if {"kty", "kid"} <= each.keys()]
    for kind, name in named:
        if named.count((kind, name)) > 1:
            twice = f'"kid" *: *"{literal(str(name))}"'
            proof = Proof(reply.id, lacks=f"{twice}.*{twice}")
            told = f"two keys of type {kind} with the kid {worded(name)}"
            raise NonConformance("keys of different kid", told, reply, proof=proof)


@verifies("oauth/jwt/key-is-of-its-algorithm")
def test_key_is_of_its_algorithm(platform: Platform) -> None:
    """Purpose: a verifier that goes by what is published for which use is not led to refuse good tokens.

    Method: 1. ask for a token and read the declared JWK set; go on with the keys that verify the token
            2. where all of them have an alg, expect one of them to have that of the token's header; and where all of
               them have key_ops, expect one of them to be there to verify
    """
    header, found, reply = _verifying_keys(platform)
    wanted, algorithms = header.get("alg"), [each.get("alg") for each in found]
    if None not in algorithms and wanted not in algorithms:
        expected = f"a key for {wanted} that verifies the token"
        raise NonConformance(expected, f"it is for {algorithms[0]}", reply, proof=_has_value(reply, "alg", wanted))
    uses = [each.get("key_ops", ["verify"]) for each in found]
    if not any(isinstance(each, list) and "verify" in each for each in uses):
        proof = without_list(reply, "key_ops")
        raise NonConformance('a key of the key_ops "verify"', f"it is for {worded(uses[0])}", reply, proof=proof)


def _has_value(reply: Exchange, name: str, value: object) -> Proof:
    """Return the proof that a key of the set has a member with this value."""
    return has_member(reply, name, f'"{literal(str(value))}"')


def _verifies(key: dict[str, Any], token: str, algorithm: str) -> bool:
    """Whether a key verifies the signature (RFC 7515 section 5.2), whatever the claims are."""
    try:
        jwt.PyJWS().decode(token, jwt.PyJWK(key, algorithm).key, algorithms=[algorithm])
    except (jwt.PyJWTError, ValueError, TypeError):
        return False
    return True


PUBLIC_FORMS = ("pem", "pem-without-newline", "der", "jwk", "jwk-compact")


def written(key: dict[str, Any], form: str) -> bytes:
    """A public key as bytes that a careless verifier may hold in its hand."""
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
@pytest.mark.parametrize("form", [case(name, name) for name in PUBLIC_FORMS])
def test_public_key_is_no_hmac_secret(platform: Platform, form: str) -> None:
    """Purpose: the algorithm is the verifier's choice, so that nobody signs tokens with what is public.

    Method: 1. use a token at a declared resource: 2xx
            2. sign its claims as HS256, with each published key as the secret: PEM, DER or the JWK itself, with blanks
               in it and without
            3. expect 401
    """
    operation = platform.operations("read")[0]
    token = platform.oauth.token("full")
    keys, reply = signing_keys(platform)
    if not keys:
        raise NotApplicable(f"no key that {reply.url} publishes is one to verify tokens with")
    require_opening(platform, operation, token)

    for key in keys:
        header = {**header_of(token), "alg": "HS256"}
        forged = hmac_signed(header, token.split(".")[1], written(key, form))
        expect_status(platform.send(operation, forged), 401, f"for claims that are signed with the public key ({form})")


@verifies("oauth/jwt/signature-has-its-length")
@concludes()
def test_signature_has_its_length(oauth: OAuthClient, recorder: Recorder) -> None:
    """Purpose: a verifier that keeps to the standard takes every token, and does not refuse one of a hundred.

    Method: 1. ask for three tokens
            2. expect the signature of each, and of every other that the run was given before, to be as long as its
               algorithm says: of ES256 64 octets, though one in 128 begins with a zero in one of its halves
    """
    for _ in range(TOKENS):
        oauth.fresh_token("full")
    endpoint = oauth.http.base_url + oauth.identity.token_path
    misfits = [each for each in recorder.watch.misfits if each["entry"]["url"].startswith(endpoint)]
    if misfits:
        finding = NonConformance(
            "signatures of their algorithm's length",
            f"{len(misfits)} of another: {misfits[0]['wrong']}",
            hint=f"it may be one token in a hundred: asked by itself, this check looks at {TOKENS}",
            proof=Proof(beyond="it is about few of many tokens"),
        )
        finding.exchange_ids = [recorder.recall(each["entry"]) for each in misfits[:1]]
        raise finding


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


def embedded_keys(part: dict[str, object]) -> list[dict[str, Any]]:
    """Return the keys in a header or in claims: jwk (RFC 7515, section 4.1.3) and cnf (RFC 7800)."""
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
        shown = [each for key in embedded_keys(part) for each in private_members(key)]
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
