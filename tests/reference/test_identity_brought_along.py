"""Defects in what a verifier takes from a token itself show in the answers they name."""

from __future__ import annotations

from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from conformance.clients.jwt_parts import self_signed, signed
from conformance.reference.defects.base import Alteration
from conformance.reference.defects.identity import brought_along
from tests.reference.identity_table import Look, Row
from tests.reference.identity_world import ATLAS, World, claims, forged

KEYS = "/.well-known/jwks.json"
FULL_WIDTH = {ordinary: ordinary + 0xFEE0 for ordinary in range(0x21, 0x7F)}


def with_token(make: Any) -> Look:
    """The status of a call with a token that is made of a good one."""
    return lambda w: w.ask("GET", ATLAS, headers={"authorization": f"Bearer {make(w.bearer())}"}).status_code


def certified(good: str) -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    return signed({"typ": "at+jwt", "x5c": [self_signed(key)]}, claims(good), key)


def with_the_present_copy(w: World) -> int:
    return w.api(ATLAS, headers={"if-none-match": w.api(ATLAS).headers["etag"]}).status_code


def published(w: World) -> Any:
    return w.ask("GET", KEYS).json()


TABLE: list[Row] = [
    (brought_along.CertificateBroughtAlongTrusted, with_token(certified), 401, 200),
    (
        brought_along.UnsecuredWhateverIsBehind,
        with_token(lambda good: forged(good, {"alg": "none"}, good.split(".")[2])),
        401,
        200,
    ),
    (brought_along.PartsBehindIgnored, with_token(lambda good: f"{good}.x"), 401, 200),
    (brought_along.KeySetIsABareList, lambda w: isinstance(published(w), list), False, True),
    (brought_along.KeySetIsEmpty, lambda w: len(published(w)["keys"]), 1, 0),
    (
        brought_along.SecretNormalized,
        lambda w: w.token(client_secret=w.secret().translate(FULL_WIDTH)).status_code,
        401,
        200,
    ),
    (
        brought_along.SecretDecodedTwice,
        lambda w: w.token(client_secret=f"%{ord(w.secret()[0]):02x}{w.secret()[1:]}").status_code,
        401,
        200,
    ),
    (brought_along.KnownCopyIs412, with_the_present_copy, 304, 412),
]


@pytest.mark.parametrize(
    ("alteration", "look", "clean", "altered"), TABLE, ids=lambda value: getattr(value, "__name__", "")
)
def test_what_each_alteration_changes(alteration: type[Alteration], look: Look, clean: Any, altered: Any) -> None:
    assert clean != altered
    assert (look(World()), look(World(alteration))) == (clean, altered)
