"""Properties of uploads: however a chunk is placed and a session closed, only the blob itself is stored."""

from __future__ import annotations

from conformance.clients.registry.client import Repository
from conformance.clients.registry.images import NewBlob, digest_of
from conformance.clients.registry.uploads import open_for_chunks
from conformance.oracles.registry import expect_bytes, expect_not_stored, expect_range
from conformance.oracles.registry_errors import expect_error_document
from conformance.oracles.robustness import Surroundings, expect_outcome
from conformance.strategies.changes import Change
from conformance.strategies.properties import explores
from conformance.strategies.registry import CLOSING_KINDS, CONTENT_RANGE_KINDS, closing_digests, content_ranges
from conformance.vocabulary.check import verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive

BEGUN = 30


@verifies("registry/upload/any-content-range-is-a-callers-affair")
@explores(0.3, *CONTENT_RANGE_KINDS, change=content_ranges())
def test_any_content_range(
    open_ground: Repository, new_blob: NewBlob, change: Change[tuple[int, int], str | None]
) -> None:
    """Purpose: a chunk is taken where it follows the last one; whatever else its Content-Range is, it is refused whole.

    Method: 1. open a session with 30 bytes, PATCH 20 more with a Content-Range that was changed
            2. expect 202 where it is right or not told, 4xx where it is out of order, either for any other text; after
               a refusal as many bytes received as before
    """
    content = new_blob(50).content
    upload, asked = open_for_chunks(open_ground, BEGUN), list[Exchange]()
    if not upload.patch(content[:BEGUN], f"0-{BEGUN - 1}").ok:
        raise Inconclusive("the first chunk was not taken", "uploads in chunks")
    mutation = change.of((BEGUN, len(content) - 1))
    reply = expect_outcome(
        mutation,
        lambda: upload.patch(content[BEGUN:], mutation.value),
        Surroundings(expect_error_document, lambda: asked.append(upload.status())),
    )
    upload.cancel()

    if not reply.ok:
        expect_range(asked[-1], BEGUN - 1)


@verifies("registry/upload/any-closing-digest-is-judged")
@explores(0.3, *CLOSING_KINDS, change=closing_digests())
def test_any_closing_digest(open_ground: Repository, new_blob: NewBlob, change: Change[bytes, str | None]) -> None:
    """Purpose: an upload becomes a blob under its own digest, and under no other.

    Method: 1. open a session, close it with its bytes and a digest that was changed
            2. expect 201 and the bytes for their own digest; 4xx and nothing stored for another's
    """
    content = new_blob(64).content
    upload = open_ground.open_upload()
    mutation, pulled = change.of(content), list[Exchange]()
    reply = expect_outcome(
        mutation,
        lambda: upload.put(mutation.value, content),
        Surroundings(expect_error_document, lambda: pulled.append(open_ground.get_blob(digest_of(content)))),
    )

    if reply.ok:
        expect_bytes(pulled[-1], content)
    else:
        expect_not_stored(pulled)
