"""Defects that break the promise "JWT access tokens are signed with published, sound keys"."""

from __future__ import annotations

import base64
import itertools
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.identity.access_tokens import Claims
from conformance.reference.one_method import defect, row
from conformance.reference.support.identity import edited, is_token_request, surface_of


def _with_members(**members: Any) -> Callable[[Any], Answer]:
    """Return a ``key_set`` of which the first key has these members."""
    return lambda original: Answer.json(200, {"keys": [json.loads(original().body)["keys"][0] | members]})


ROWS = (
    row(
        "signature-is-padded",
        "RFC 7515 section 2: the signature of a token has padding.",
        "oauth/jwt/is-base64url-without-padding#token",
        make_access_token=lambda original, claims: f"{original(claims)}==",
        read_access_token=lambda original, token: original(token.removesuffix("==")),
    ),
    row(
        "key-for-another-algorithm",
        "RFC 7517 section 4.4: alg names another algorithm than the key is used with.",
        "oauth/jwt/key-matches-its-algorithm",
        key_set=_with_members(alg="ES384"),
    ),
    row(
        "key-is-to-sign-with",
        "RFC 7517 section 4.3: key_ops of a public key names signing instead of verification.",
        "oauth/jwt/key-matches-its-algorithm",
        key_set=_with_members(key_ops=["sign"]),
    ),
    row(
        "key-of-another-name",
        "RFC 7517 section 4.5: the kid of the key is not the kid in a token's header.",
        "oauth/jwt/token-names-its-key",
        key_set=_with_members(kid="2026-01"),
    ),
)


@defect("oauth/jwt/is-signed")
def unsigned_tokens_issued(request: Request, answer: Answer) -> Answer:
    """RFC 9068 section 2.1: tokens are not signed."""
    if not is_token_request(request) or answer.status != 200:
        return answer
    head = base64.urlsafe_b64encode(json.dumps({"alg": "none", "typ": "at+jwt"}).encode()).rstrip(b"=").decode()

    def unsign(document: dict[str, Any]) -> None:
        document["access_token"] = f"{head}.{document['access_token'].split('.')[1]}."

    return edited(answer, unsign)


@defect("oauth/jwt/is-base64url-without-padding#keys")
def key_is_padded(key_set: Any) -> Answer:
    """RFC 7515 section 2: the numbers of a key have padding."""
    keys = json.loads(key_set().body)["keys"]
    return Answer.json(200, {"keys": [key | {name: f"{key[name]}=" for name in ("x", "y")} for key in keys]})


@defect("oauth/jwt/key-numbers-have-no-leading-zero")
def key_has_an_octet_for_its_sign(key_set: Any) -> Answer:
    """RFC 7518 section 2: the modulus of a key has a leading zero octet for the sign."""
    further = {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": "2020", "n": f"AM{'EB' * 171}", "e": "AQAB"}
    return Answer.json(200, {"keys": [*json.loads(key_set().body)["keys"], further]})


@defect("oauth/jwt/key-ids-are-unique")
def two_keys_of_one_name(key_set: Any) -> Answer:
    """RFC 7517 section 4.5: two keys of the set have one kid."""
    former = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP256R1()).public_key()))
    return edited(key_set(), lambda found: found["keys"].insert(0, {**found["keys"][0], **former}))


@defect("oauth/jwt/published-keys-are-public")
def key_set_shows_private_key(key_set: Any) -> Answer:
    """RFC 7517 section 9.2: the key set contains the private key."""
    private = json.loads(ECAlgorithm.to_jwk(surface_of(key_set).key.private))
    published = json.loads(key_set().body)["keys"][0]
    return Answer.json(200, {"keys": [published | private]})


@defect("oauth/jwt/published-keys-are-public#in-a-token")
def key_is_in_its_tokens(make_access_token: Any, claims: dict[str, Any]) -> str:
    """RFC 7517 section 9.2: the header of a token contains the private key."""
    key = surface_of(make_access_token).key
    return key.sign(claims, typ="at+jwt", jwk=json.loads(ECAlgorithm.to_jwk(key.private)))


class EachInstanceHasItsKey(Defect):
    """RFC 9068 section 4: each instance signs with its own key, but only one key is published."""

    noticed_by = ("oauth/jwt/published-keys-verify",)

    def __init__(self) -> None:
        self.keys = itertools.cycle([None, ec.generate_private_key(ec.SECP256R1())])
        self.issued: dict[str, Claims] = {}

    def make_access_token(self, original: Any, claims: Claims) -> str:
        key = next(self.keys)
        if key is None:
            return original(claims)
        token = jwt.encode(claims, key, "ES256", {"typ": "at+jwt", "kid": "another"})
        self.issued[token] = claims
        return token

    def read_access_token(self, original: Any, token: str) -> Claims | None:
        claims = self.issued.get(token)
        return claims if claims and claims["exp"] > time.time() else original(token)


@defect("oauth/jwt/published-keys-verify")
def key_set_fails(key_set: Any) -> Answer:
    """RFC 9068 section 4: the key set is answered 500."""
    return Answer.json(500, {"error": {"code": "internal", "message": "The service failed."}})


@defect("oauth/jwt/signature-has-its-length", state=itertools.count)
def signature_loses_leading_zeros(made: Iterator[int], make_access_token: Any, claims: Claims) -> str:
    """RFC 7518 section 3.4: a signature loses its leading zeros; one token in three has one."""
    if next(made) % 3:
        return make_access_token(claims)
    while True:
        signed, _, signature = make_access_token(claims).rpartition(".")
        octets = base64.urlsafe_b64decode(signature + "==")
        if not octets[0]:
            return f"{signed}.{base64.urlsafe_b64encode(octets[1:]).decode().rstrip('=')}"
