"""Properties of pushing manifests: whatever the body, the platform answers for itself and stores nothing refused."""

from __future__ import annotations

from conformance.clients.images import digest_of
from conformance.clients.registry import Repository, StoredImage
from conformance.oracles.registry import expect_bytes, expect_error_document, expect_not_stored
from conformance.oracles.status import expect_refused
from conformance.strategies.explore import explores
from conformance.strategies.registry import Changes, manifest_bodies, manifest_changes, manifest_types
from conformance.vocabulary.check import verifies
from conformance.vocabulary.exchange import Exchange

TAG = "explored"


def expect_taken_or_refused(repository: Repository, reply: Exchange, content: bytes) -> None:
    """201 and the bytes can be pulled; or a 4xx with a sound error document and nothing stored."""
    digest = digest_of(content)
    if reply.status == 201:
        expect_bytes(repository.get_manifest(digest), content)
        repository.delete_manifest(digest)
        return
    expect_refused(reply, "or 201, whatever the body is")
    expect_error_document(reply)
    expect_not_stored([repository.head_manifest(digest)])


@verifies("registry/manifest/any-change-is-taken-or-refused")
@explores(changes=manifest_changes())
def test_changed_manifests(stored: StoredImage, changes: Changes) -> None:
    """Purpose: a manifest with something wrong in it is taken whole or refused, and is never the platform's fault.

    Method: 1. PUT an image's manifest with members taken out, of another kind or beyond their range
            2. expect 201, and its bytes from GET; or 4xx with an error document, and 404 to HEAD
    """
    content = changes.applied(stored.image.document)
    if content == stored.image.content:
        return
    reply = stored.repository.put_manifest(TAG, content, stored.image.media_type)

    expect_taken_or_refused(stored.repository, reply, content)


@verifies("registry/manifest/any-body-is-taken-or-refused")
@explores(content=manifest_bodies(), media_type=manifest_types())
def test_any_body(stored: StoredImage, content: bytes, media_type: str) -> None:
    """Purpose: a body that is no manifest is refused, and is never the platform's fault.

    Method: 1. PUT any bytes and any JSON as a manifest of any type
            2. expect 201, and its bytes from GET; or 4xx with an error document, and 404 to HEAD
    """
    reply = stored.repository.put_manifest(TAG, content, media_type)

    expect_taken_or_refused(stored.repository, reply, content)
