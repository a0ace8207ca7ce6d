"""Properties of pushing manifests: whatever the body, the platform answers for itself and stores nothing refused."""

from __future__ import annotations

from typing import Any

from conformance.clients.images import OCI_MANIFEST, digest_of
from conformance.clients.registry import StoredImage
from conformance.oracles.mutations import Surroundings, expect_outcome
from conformance.oracles.registry import expect_bytes, expect_error_document
from conformance.strategies.changes import Change
from conformance.strategies.explore import explores
from conformance.strategies.registry import (
    MANIFEST_KINDS,
    MISSING_BLOB,
    manifest_bodies,
    manifest_changes,
    manifest_types,
    tags,
)
from conformance.vocabulary.check import verifies
from conformance.vocabulary.mutation import Mutation, Outcome

TAG = "explored"


def _expect_judged(stored: StoredImage, mutation: Mutation[bytes], tag: str, media_type: str | None = None) -> None:
    """Taken, and its bytes can be pulled; or refused, with neither the tag moved nor the bytes stored."""
    repository, image = stored.repository, stored.image
    content, digest = mutation.value, digest_of(mutation.value)
    known = content == image.content

    def state() -> list[tuple[int, bytes]]:
        found = [repository.get_manifest(tag), *([] if known else [repository.get_manifest(digest)])]
        return [(reply.status, reply.body if reply.ok else b"") for reply in found]

    def good() -> None:
        expect_bytes(repository.get_manifest(stored.tag), image.content)

    reply = expect_outcome(
        mutation,
        lambda: repository.put_manifest(tag, content, media_type or image.media_type),
        Surroundings(expect_error_document, good, state),
    )
    if reply.ok:
        expect_bytes(repository.get_manifest(tag), content)


@verifies("registry/manifest/any-change-is-taken-or-refused")
@explores(0.4, *MANIFEST_KINDS, change=manifest_changes())
def test_changed_manifests(
    explored: StoredImage, features: frozenset[str], change: Change[dict[str, Any], bytes]
) -> None:
    """Purpose: a manifest that was changed is taken whole or refused as the change demands, never the platform's fault.

    Method: 1. PUT an image's manifest changed in one way: its JSON, its members, what it refers to
            2. expect 201 and its bytes from GET for what is still a manifest, 4xx for what must be refused; after a
               refusal an error document, the tag where it was and the bytes not stored
            3. expect the image from before to be served
    """
    mutation = change.of(explored.image.document)
    if mutation.kind == MISSING_BLOB and "registry.validation" not in features:
        mutation = mutation.open()

    _expect_judged(explored, mutation, TAG)


@verifies("registry/manifest/any-body-is-taken-or-refused")
@explores(0.4, {"content": b"null", "media_type": OCI_MANIFEST}, content=manifest_bodies(), media_type=manifest_types())
def test_any_body(explored: StoredImage, content: bytes, media_type: str) -> None:
    """Purpose: a body that is no manifest is refused, and is never the platform's fault.

    Method: 1. PUT any bytes and any JSON as a manifest of any type
            2. expect 201, and its bytes from GET; or 4xx with an error document, and 404 to GET
    """
    _expect_judged(explored, Mutation("any body", Outcome.EITHER, content), TAG, media_type)


@verifies("registry/name/any-tag-names-its-manifest")
@explores(0.6, tag=tags())
def test_any_tag(explored: StoredImage, tag: Mutation[str]) -> None:
    """Purpose: every tag of the grammar names what was pushed under it, and no other text harms anything.

    Method: 1. PUT the image under a tag of the grammar, or of another one
            2. expect 201 for those of the grammar, and the image from GET of the tag; after a refusal the tag unknown
    """
    _expect_judged(explored, Mutation(tag.kind, tag.outcome, explored.image.content), tag.value)
