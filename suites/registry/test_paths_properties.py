"""Properties of paths and queries: whatever stands in them, the platform answers for itself."""

from __future__ import annotations

from conformance.clients.registry.client import Repository, StoredImage
from conformance.clients.registry.images import digest_of
from conformance.oracles.registry import expect_bytes
from conformance.oracles.registry_errors import expect_error_document
from conformance.oracles.status import expect_no_server_error, expect_status
from conformance.strategies.properties import explores
from conformance.strategies.registry import path_parts, ranges, tag_queries
from conformance.vocabulary.check import verifies
from conformance.vocabulary.finding import NonConformance


@verifies("registry/name/any-reference-is-a-callers-affair")
@explores(0.4, {"part": "sha256:0123"}, {"part": "a" * 140}, {"part": "uploads/"}, part=path_parts())
def test_any_reference(stored: StoredImage, part: str) -> None:
    """Purpose: whatever stands where a tag or a digest stands is never the platform's fault.

    Method: 1. GET a manifest and a blob under it
            2. expect no 5xx, and a sound error document
    """
    for reply in (stored.repository.get_manifest(part), stored.repository.get_blob(part)):
        expect_no_server_error(reply)
        if 400 <= reply.status < 500:
            expect_error_document(reply)


@verifies("registry/tags/any-query-is-a-callers-affair")
@explores(0.6, {"query": "?n=2&last=a_b+c"}, {"query": "?n=1&n=2"}, query=tag_queries())
def test_any_query(stored: StoredImage, query: str) -> None:
    """Purpose: whatever the query of a list is, it is never the platform's fault.

    Method: 1. ask for the tags with it
            2. expect 200 or a 4xx with a sound error document
    """
    reply = stored.repository.tags(query)

    expect_no_server_error(reply)
    if reply.status != 200:
        expect_error_document(reply)


@verifies("registry/pull/any-range-is-a-callers-affair")
@explores(0.6, {"asked": "bytes=0-9,20-29"}, {"asked": "bytes=-"}, asked=ranges())
def test_any_range(repository: Repository, content: bytes, asked: str) -> None:
    """Purpose: whatever the Range field is, the answer is the whole, a part of it, or a refusal.

    Method: 1. GET a blob with it
            2. expect 200 with the whole, 206 that says which part it is, or parts, 400 or 416
    """
    reply = repository.get_blob(digest_of(content), [("Range", asked)])

    expect_status(reply, {200, 206, 400, 416})
    if reply.status == 200:
        expect_bytes(reply, content, or_statuses=(206, 400, 416))
    elif reply.status == 206 and reply.media_type != "multipart/byteranges" and "content-range" not in reply.headers:
        # Without a proof of one answer: the whole, and a refusal, have none either and are right.
        raise NonConformance("a Content-Range field", "206 without one", reply)
