"""What becomes of a mounted blob when it is deleted from its source (OCI Distribution 1.1, "Mounting a blob")."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from conformance.clients.registry.client import Repository, StoredImage
from conformance.clients.registry.images import Blob, NewBlob
from conformance.evidence.shared_requests import Once
from conformance.oracles.registry import expect_bytes, expect_not_mounted, expect_not_stored
from conformance.oracles.status import expect_success
from conformance.vocabulary.check import verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive, NotApplicable, NotOffered


@dataclass(frozen=True)
class Passed:
    """A blob that was mounted, deleted there and mounted again: the answers to each mount, and to GET of it then.

    The second is the first where it could not be deleted. ``kept`` is the answer to GET after it was deleted in its
    source, ``mounted_again`` that to a mount after it was deleted here as well.
    """

    blob: Blob
    mounted: Exchange
    back: Exchange
    there: Exchange
    kept: Exchange
    mounted_again: Exchange


@pytest.fixture
def passed(
    repository: Repository, stored: StoredImage, new_blob: NewBlob, once: Once, features: frozenset[str]
) -> Passed:
    """Passes a blob on and deletes it, once; not asked where no blob is deleted."""
    if "registry.delete" not in features:
        raise NotOffered("the target does not claim registry.delete")

    def deleted(source: Repository, digest: str) -> None:
        reply = source.delete_blob(digest)
        if reply.status in (400, 405):
            raise NotApplicable("the registry deletes no blobs, which it may")
        if not reply.ok:
            raise Inconclusive(f"a blob could not be deleted: {reply}", "a login that may delete")

    def made() -> Passed:
        blob, source = new_blob(), stored.repository
        source.given_blob(blob.content)
        mounted = back = repository.post_upload(mount=blob.digest, from_=source.name)
        if mounted.status == 201 and repository.delete_blob(blob.digest).ok:
            back = repository.post_upload(mount=blob.digest, from_=source.name)
        there = repository.get_blob(blob.digest)
        deleted(source, blob.digest)
        kept = repository.get_blob(blob.digest)
        if kept.ok:
            deleted(repository, blob.digest)
        mounted_again = repository.post_upload(mount=blob.digest, from_=source.name)
        return Passed(blob, mounted, back, there, kept, mounted_again)

    return once("passed on", made)


AN_UPLOAD = "the registry answered the mount with an upload, as it may"


@verifies("registry/mount/deleted-can-be-mounted-again")
def test_mounted_again(passed: Passed) -> None:
    """Purpose: what was deleted from a repository may come back from another that has it still.

    Method: 1. push a blob, mount it into another repository, DELETE it there, mount it once more
            2. expect 202; or 201, and exactly its bytes
    """
    if passed.mounted.status != 201:
        raise NotApplicable(AN_UPLOAD)
    if passed.back is passed.mounted:
        raise NotApplicable("a mounted blob is not deleted, which is another check's affair")
    expect_success(passed.back, "for a blob that the source has")

    if passed.back.status == 201:
        expect_bytes(passed.there, passed.blob.content)


@verifies("registry/mount/stays-when-the-source-goes")
def test_mount_stays(passed: Passed) -> None:
    """Purpose: a mounted blob is the target repository's own.

    Method: 1. push a blob, mount it into another repository, DELETE it from the first
            2. expect exactly its bytes from the second
    """
    if {passed.mounted.status, passed.back.status} != {201}:
        raise NotApplicable(AN_UPLOAD)
    if passed.back is not passed.mounted and not passed.there.ok:
        needs = "a blob that is there once it is mounted again"
        raise Inconclusive(f"it was not there before, either: {passed.there}", needs)

    expect_bytes(passed.kept, passed.blob.content)


@verifies("registry/mount/deleted-blob-is-not-mounted")
def test_deleted_blob_is_not_mounted(repository: Repository, passed: Passed) -> None:
    """Purpose: what was deleted from a repository cannot be had from there by a mount.

    Method: 1. push a blob to one repository, mount it into another, and DELETE it in both; mount it once more
            2. expect no 201, and 404 to GET of it
    """
    expect_not_mounted(passed.mounted_again, (400, 404), "for a blob that was deleted from the source")
    expect_not_stored([repository.get_blob(passed.blob.digest)])
