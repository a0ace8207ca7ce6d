"""What holds after something else has happened: tags beside tags that move, indexes, deletions taken back."""

from __future__ import annotations

import pytest

from conformance.clients.images import Manifest, NewBlob, image, variation
from conformance.clients.registry import NewRepository, Repository, StoredImage, with_digest
from conformance.clients.registry_uploads import open_for_chunks
from conformance.oracles.registry import (
    expect_bytes,
    expect_not_stored,
    expect_range,
    expect_tags,
)
from conformance.oracles.status import expect_no_server_error, expect_refused, expect_status, unlike_field
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.finding import Inconclusive, NotApplicable


@verifies("registry/manifest/tags-move-alone")
def test_tags_move_alone(new_repository: NewRepository) -> None:
    """Purpose: what happens to one tag happens to no other, though both name one image.

    Method: 1. push an image under two tags, and another image under the second of them; push the first by digest again
            2. expect both tags in the list, the first image by the first tag, and the second by the second
    """
    repository = new_repository("apart")
    first = repository.given(image(repository.name, layers=0), "latest", "v1")
    second = repository.given(variation(first, "second"), "v1")
    repository.given(first)

    expect_tags(repository, ["latest", "v1"])
    expect_bytes(repository.get_manifest("latest"), first.content)
    expect_bytes(repository.get_manifest("v1"), second.content)


@verifies("registry/mount/deleted-blob-is-not-mounted")
def test_deleted_blob_is_not_mounted(
    repository: Repository, stored: StoredImage, new_blob: NewBlob, features: frozenset[str]
) -> None:
    """Purpose: what was deleted from a repository cannot be had from there by a mount.

    Method: 1. push a blob to one repository and DELETE it there; mount it from there into another
            2. expect no 201, and 404 to GET of it
    """
    if "registry.delete" not in features:
        raise NotApplicable("the target does not claim registry.delete")
    blob = new_blob()
    deleted = stored.repository.delete_blob(stored.repository.given_blob(blob.content))
    if deleted.status in (400, 405):
        raise NotApplicable("the registry deletes no blobs, which it may")
    if not deleted.ok:
        raise Inconclusive(f"a blob could not be deleted: {deleted}", "a login that may delete")
    reply = repository.post_upload(mount=blob.digest, from_=stored.repository.name)

    expect_status(reply, {202, 400, 404}, "for a blob that was deleted from the source")
    expect_not_stored([repository.get_blob(blob.digest)])


@verifies("registry/upload/empty-chunk-is-no-server-error")
def test_empty_chunk(repository: Repository, new_blob: NewBlob) -> None:
    """Purpose: a chunk of no bytes, which a client sends that has none left, breaks no upload.

    Method: 1. open a session, PATCH it with no bytes: expect no 5xx
            2. where it is accepted, PATCH it with a part of a blob, with no bytes again, and PUT the rest: expect 201
               and exactly its bytes
    """
    blob, upload = new_blob(200), open_for_chunks(repository, 100)
    reply = upload.patch(b"")

    expect_no_server_error(reply, "for a chunk of no bytes")
    if reply.ok:
        expect_status(upload.patch(blob.content[:100], "0-99"), 202, "after a chunk of no bytes")
        expect_no_server_error(upload.patch(b""), "for a chunk of no bytes")
        expect_status(upload.put(blob.digest, blob.content[100:], "100-199"), 201, "after a chunk of no bytes")
        expect_bytes(repository.get_blob(blob.digest), blob.content)


@verifies("registry/upload/digest-is-read-as-written")
def test_digest_as_written(repository: Repository, new_blob: NewBlob) -> None:
    """Purpose: a digest may stand in a query as the specifications write it, its colon not escaped.

    Method: 1. open a session, PUT a blob with digest=sha256:… in the query
            2. expect 201 and exactly its bytes
    """
    blob, upload = new_blob(), repository.open_upload()
    upload.location = with_digest(upload.location, blob.digest).replace("%3A", ":")

    expect_status(upload.put(None, blob.content), 201)
    expect_bytes(repository.get_blob(blob.digest), blob.content)


@verifies("registry/upload/one-byte-is-a-chunk")
def test_one_byte(repository: Repository, new_blob: NewBlob) -> None:
    """Purpose: a chunk may be one byte, at the beginning and later, though "0-0" is said of none as well.

    Method: 1. PATCH the first byte, the second, and all others, each with its Content-Range: expect 202, and a Range,
               where there is one, that ends where the chunk does
            2. PUT the digest: expect 201 and exactly the bytes
    """
    blob, upload = new_blob(), open_for_chunks(repository, 1)
    for first, end in ((0, 1), (1, 2), (2, len(blob.content))):
        reply = upload.patch(blob.content[first:end], f"{first}-{end - 1}")
        expect_status(reply, 202, f"to the chunk at {first}")
        if "range" in reply.headers:
            expect_range(reply, end - 1)

    expect_status(upload.put(blob.digest), 201)
    expect_bytes(repository.get_blob(blob.digest), blob.content)


@verifies("registry/digest/second-try-is-judged-too")
def test_second_try(repository: Repository, new_blob: NewBlob) -> None:
    """Purpose: after a refused end of an upload, its next end is worth as much as the first.

    Method: 1. open a session, PUT a blob under the digest of another: expect a refusal
            2. PUT the other blob to the same session: expect a refusal, or 201 and exactly its bytes
    """
    blob, upload = new_blob(), repository.open_upload()
    expect_refused(upload.put(blob.digest, new_blob().content), "for a digest that does not match")
    reply = upload.put(blob.digest, blob.content)

    if reply.ok:
        expect_bytes(repository.get_blob(blob.digest), blob.content)
    else:
        expect_refused(reply)


@verifies("registry/digest/of-two-none-is-believed")
@pytest.mark.parametrize("order", [case("true-first", 1), case("true-last", -1)])
def test_two_digests(repository: Repository, new_blob: NewBlob, order: int) -> None:
    """Purpose: who names two digests gets nothing stored under one that was not verified.

    Method: 1. PUT a blob with its digest and that of another in the query, in either order
            2. expect 404 to GET of the other
    """
    blob, other, upload = new_blob(), new_blob(), repository.open_upload()
    first, second = (blob.digest, other.digest)[::order]
    upload.location = with_digest(upload.location, first)
    upload.put(second, blob.content)

    expect_not_stored([repository.get_blob(other.digest)])


@verifies("registry/digest/known-elsewhere-is-verified")
@pytest.mark.parametrize("whose", [case("ours", "stored"), case("other-organization", "theirs")])
@pytest.mark.parametrize("size", [case("nothing", 0), case("other-bytes", 256)])
def test_known_elsewhere(
    request: pytest.FixtureRequest, repository: Repository, new_blob: NewBlob, whose: str, size: int
) -> None:
    """Purpose: who knows a digest has not its bytes, and gets neither them nor others under it.

    Method: 1. PUT no bytes, or others, under the digest of a layer that another repository has
            2. expect 400
    """
    known: StoredImage = request.getfixturevalue(whose)
    digest = known.image.blobs[-1].digest

    expect_status(repository.open_upload().put(digest, new_blob(size).content), 400, "for what has another digest")


@verifies("registry/referrers/no-subject-none-told")
def test_no_subject(repository: Repository, base: Manifest) -> None:
    """Purpose: a client learns of a subject where there is one, and of none where there is none.

    Method: 1. push an image that has no subject
            2. expect no OCI-Subject
    """
    reply = repository.put_manifest(base.digest, base.content, base.media_type)
    expect_status(reply, 201)

    if "oci-subject" in reply.headers:
        raise unlike_field("no OCI-Subject", reply, "OCI-Subject")
