"""A blob that comes whole in one POST (OCI Distribution Specification 1.1, "Single POST")."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from conformance.clients.registry.client import Repository
from conformance.clients.registry.images import Blob, NewBlob
from conformance.evidence.shared_requests import Once
from conformance.oracles.registry import expect_bytes_at, expect_true_digest
from conformance.oracles.status import expect_success
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive

# More than what fits into a buffer of 64 KiB, and than a mebibyte, beyond which a body is kept elsewhere.
SIZE = (1 << 20) + 1
Posted = tuple[Blob, Exchange, Exchange]
"""A blob that came in a POST, the answer to that, and the last one: to the PUT that followed, or the same."""


@pytest.fixture
def posted(repository: Repository, new_blob: NewBlob, once: Once) -> Callable[[], Posted]:
    """Pushes a blob by a POST, once."""

    def made() -> Posted:
        blob = new_blob(SIZE)
        reply = repository.post_upload(blob.content, digest=blob.digest)
        last = repository.upload_of(reply).put(blob.digest, blob.content) if reply.ok and reply.status != 201 else reply
        return blob, reply, last

    return lambda: once("posted", made)


@verifies("registry/upload/whole-blob-by-post")
def test_whole_blob_by_post(repository: Repository, posted: Callable[[], Posted]) -> None:
    """Purpose: a single POST either stores the blob or opens a session for it.

    Method: 1. POST the blob with its digest
            2. expect 201, or 202 and 201 to the PUT that follows
            3. GET the blob where Location says it is, and expect exactly its bytes
    """
    blob, first, last = posted()
    expect_success(first)
    expect_success(last, "when the upload is complete")
    expect_bytes_at(repository, last, blob.content)


@verifies("registry/upload/created-digest-is-true")
@pytest.mark.parametrize("form", [case("by-post", "one POST")])
def test_created_digest_is_true(posted: Callable[[], Posted], form: str) -> None:
    """Purpose: the digest that the answer names is the blob's, in whatever form it came.

    Method: 1. push a blob by a POST
            2. expect Docker-Content-Digest of the 201, where it is there, to be the blob's digest
    """
    blob, _, last = posted()
    if not last.ok:
        raise Inconclusive(f"a blob could not be pushed in {form}: {last}", "a registry that takes blobs by POST")

    expect_true_digest(last, blob.digest)
