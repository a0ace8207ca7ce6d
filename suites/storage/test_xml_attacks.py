"""XML bodies that attack their reader: entities, external files, depth, size."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from conformance.oracles.proofs import lacks
from conformance.oracles.s3_objects import expect_stored
from conformance.oracles.status import expect_no_server_error
from conformance.sandbox.bucket_prefix import Space
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.finding import NonConformance

LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 8))


def _doctype(declarations: str, key: str) -> bytes:
    document = f"<Delete><Object><Key>{key}</Key></Object></Delete>"
    return f'<?xml version="1.0"?><!DOCTYPE Delete [{declarations}]>{document}'.encode()


ATTACKS: dict[str, Callable[[str], bytes]] = {
    "internal-entity": lambda key: _doctype(f'<!ENTITY k "{key}">', "&k;"),
    "external-file": lambda key: _doctype('<!ENTITY k SYSTEM "file:///etc/passwd">', f"{key}&k;"),
    "parameter-entity": lambda key: _doctype('<!ENTITY % p SYSTEM "file:///etc/hostname"> %p;', key + "-no"),
    "expansion": lambda key: _doctype('<!ENTITY l0 "lol">' + LAUGHS, f"{key}&l7;"),
    "self-reference": lambda key: _doctype('<!ENTITY k "&k;">', f"{key}&k;"),
    "depth": lambda key: b"<Delete>" + b"<Object>" * 20000 + b"</Object>" * 20000 + b"</Delete>",
}


@verifies("storage/xml/attacks-do-no-harm")
@pytest.mark.parametrize("attack", [case(name, attack) for name, attack in ATTACKS.items()])
def test_attack_does_no_harm(space: Space, attack: Callable[[str], bytes]) -> None:
    """Purpose: a document type, an entity or absurd depth in a body does no harm: no file is read, nothing grows.

    Method: 1. put an object, send the document to DeleteObjects
            2. expect no server error, nothing of the server told, and the next good request answered: the object is
               there, unless the answer names its key, as it may where an entity is declared within the document
    """
    key = space.stored(b"what stood there")
    reply = space.delete_with(attack(key))

    expect_no_server_error(reply)
    if not (reply.ok and f"<Key>{key}</Key>".encode() in reply.body):
        expect_stored(space.get(key), b"what stood there")
    if b"root:" in reply.body:
        told, proof = "the beginning of its password file", lacks(reply, "root:")
        raise NonConformance("no file of the server's", told, reply, proof=proof)


@verifies("storage/xml/oversized-body-does-no-harm")
def test_oversized_document_does_no_harm(space: Space) -> None:
    """Purpose: a document far beyond what 1,000 keys need does no harm.

    Method: 1. send a Delete document of 2 MiB, most of it blank
            2. expect no server error, then the next good request answered
    """
    key = space.stored(b"what stood there")
    reply = space.delete_with(b"<Delete>" + b" " * (2 * 1024 * 1024) + b"</Delete>")

    expect_no_server_error(reply)
    expect_stored(space.get(key), b"what stood there")
