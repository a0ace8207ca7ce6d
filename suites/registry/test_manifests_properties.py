"""Properties of pushing manifests: whatever the body, the platform answers for itself and stores nothing refused."""

from __future__ import annotations

from typing import Any

import pytest

from conformance.clients.registry.client import Repository, StoredImage
from conformance.clients.registry.images import digest_of
from conformance.clients.registry.tags import stays
from conformance.evidence.shared_requests import Once
from conformance.models.repository import Taken
from conformance.oracles.registry import expect_bytes
from conformance.oracles.registry_errors import expect_error_document
from conformance.oracles.robustness import Surroundings, expect_outcome
from conformance.oracles.status import observed
from conformance.strategies.changes import Change
from conformance.strategies.properties import explores
from conformance.strategies.registry import (
    MANIFEST_BODIES,
    MANIFEST_KINDS,
    MISSING_BLOB,
    TAGS,
    manifest_bodies,
    manifest_changes,
    manifest_types,
    tags,
)
from conformance.vocabulary.check import verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance, Proof
from conformance.vocabulary.mutation import Mutation, Outcome

ODD = "any-body"


@pytest.fixture(scope="session")
def taken() -> Taken:
    """What is known of the repository that properties push to, whichever of them pushed it."""
    return Taken()


@pytest.fixture
def beginning(explored: StoredImage, taken: Taken, once: Once) -> StoredImage:
    """The image that the repository begins with, which is known."""
    once("known", lambda: taken.begin(explored.tag, explored.image.content))
    return explored


def _expect_judged(repository: Repository, taken: Taken, mutation: Mutation[bytes], tag: str, media_type: str) -> None:
    """Taken, and its bytes can be pulled; or refused, and the tag not moved."""
    content, there = mutation.value, taken.named(tag) is not None
    read: list[Exchange] = []
    reply = expect_outcome(
        mutation,
        lambda: repository.put_manifest(tag, content, media_type),
        Surroundings(
            expect_error_document,
            lambda: read.append(repository.get_manifest(tag)),
            accepted=lambda reply: reply.ok or (there and stays(reply)),
        ),
    )
    if reply.ok:
        taken.put(tag, content)

    named = taken.named(tag)
    if reply.ok:
        expect_bytes(read[-1], content)
    elif named is not None:
        _expect_not_moved(read[-1], named, taken.first_named(tag))
    elif read[-1].ok:
        proof = Proof(read[-1].id, statuses=tuple(range(400, 500)))
        raise NonConformance("nothing under a tag that was refused", observed(read[-1]), read[-1], proof=proof)


def _expect_not_moved(read: Exchange, named: bytes, first: bytes | None) -> None:
    """The tag names what it did; in a script, which pushes nothing that other examples did, what it named first."""
    if read.status != 200 or read.body != named:
        known = dict.fromkeys((named, first or named))
        right = "|".join(digest_of(each).removeprefix("sha256:") for each in known)
        proof = Proof(read.id, statuses=(200,), sha256=right, or_statuses=() if first else (404,))
        raise NonConformance("what the tag named before the refused request", observed(read), read, proof=proof)


@verifies("registry/manifest/any-change-is-taken-or-refused")
@explores(0.4, *MANIFEST_KINDS, change=manifest_changes())
def test_changed_manifests(
    beginning: StoredImage, taken: Taken, features: frozenset[str], change: Change[dict[str, Any], bytes]
) -> None:
    """Purpose: a manifest that was changed is taken whole or refused as the change demands, never the platform's fault.

    Method: 1. PUT an image's manifest changed in one way: its JSON, its members, what it refers to, under one tag
            2. expect 201 and its bytes from GET for what is still a manifest, 4xx for what must be refused; after a
               refusal an error document, and the image from before under the tag
    """
    mutation = change.of(beginning.image.document)
    if mutation.kind == MISSING_BLOB and "registry.validation" not in features:
        mutation = mutation.open()

    _expect_judged(beginning.repository, taken, mutation, beginning.tag, beginning.image.media_type)


@verifies("registry/manifest/any-body-is-taken-or-refused")
@explores(0.4, *MANIFEST_BODIES, content=manifest_bodies(), media_type=manifest_types())
def test_any_body(open_ground: Repository, taken: Taken, content: bytes, media_type: str) -> None:
    """Purpose: a body that is no manifest is refused, and is never the platform's fault.

    Method: 1. PUT any bytes and any JSON as a manifest of any type
            2. expect 201, and its bytes from GET; or 4xx with an error document, and what was there before from GET
    """
    _expect_judged(open_ground, taken, Mutation("any body", Outcome.EITHER, content), ODD, media_type)


@verifies("registry/name/any-tag-names-its-manifest")
@explores(0.6, *TAGS, tag=tags())
def test_any_tag(beginning: StoredImage, taken: Taken, tag: Mutation[str]) -> None:
    """Purpose: every tag of the grammar names what was pushed under it, and no other text harms anything.

    Method: 1. PUT the image under a tag of the grammar, or of another one
            2. expect 201 for those of the grammar, and the image from GET of the tag; after a refusal the tag unknown
    """
    image = beginning.image
    _expect_judged(
        beginning.repository, taken, Mutation(tag.kind, tag.outcome, image.content), tag.value, image.media_type
    )
