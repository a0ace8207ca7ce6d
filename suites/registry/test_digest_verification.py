"""Every digest is verified: another algorithm's, one of two, and what another repository has."""

from __future__ import annotations

import pytest

from conformance.clients.registry.client import Repository, StoredImage, with_digest
from conformance.clients.registry.images import Blob, NewBlob, digest_of
from conformance.clients.registry.uploads import pushed
from conformance.evidence.shared_requests import Once
from conformance.oracles.registry import expect_bytes, expect_not_stored
from conformance.oracles.status import expect_no_server_error, expect_status
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NotApplicable


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


@pytest.fixture
def by_sha512(repository: Repository, new_blob: NewBlob, once: Once) -> tuple[Blob, str, Exchange]:
    """A blob, its sha512 digest, and the answer to a push of it under that, which a registry need not take."""

    def made() -> tuple[Blob, str, Exchange]:
        blob = new_blob()
        digest = digest_of(blob.content, "sha512")
        return blob, digest, repository.open_upload().put(digest, blob.content)

    return once("by sha512", made)


@verifies("registry/digest/sha512-is-verified")
def test_sha512(repository: Repository, by_sha512: tuple[Blob, str, Exchange]) -> None:
    """Purpose: a registry that takes sha512 digests verifies them as well.

    Method: 1. push a blob under the sha512 digest of another, by a POST and by a PUT: expect 400
            2. push it under its own sha512 digest; where that is taken, expect its bytes under it, and 200 to HEAD
    """
    blob, own, reply = by_sha512
    digest = digest_of(b"another", "sha512")
    posted = repository.post_upload(blob.content, digest=digest)
    # A session that was opened in place of a blob is what the PUT goes to.
    upload = repository.upload_of(posted) if posted.status == 202 else repository.open_upload()
    for wrong in (*([posted] if posted.status != 202 else []), upload.put(digest, blob.content)):
        expect_status(wrong, 400, "for a sha512 digest that does not match")

    expect_status(reply, {*range(200, 300), 400}, "for a sha512 digest")
    if reply.ok:
        expect_bytes(repository.get_blob(own), blob.content)
        expect_status(repository.head_blob(own), 200, "by the sha512 digest")


@verifies("registry/digest/sha512-is-verified")
@pytest.mark.parametrize("form", [case("chunks", "chunks")])
def test_sha512_of_chunks(repository: Repository, new_blob: NewBlob, form: str) -> None:
    """Purpose: what came in pieces is verified by whichever algorithm its end names.

    Method: 1. push a blob in chunks, and end it under the sha512 digest of another
            2. expect 400
    """
    reply = pushed(repository, new_blob().content, digest_of(b"another", "sha512"), form)

    expect_status(reply, 400, "for a sha512 digest that does not match")


@pytest.fixture
def mounted_by_sha512(
    repository: Repository, stored: StoredImage, by_sha512: tuple[Blob, str, Exchange], once: Once
) -> Exchange:
    """The answer to a mount by the sha512 digest that a blob was pushed under; not asked where that is not taken."""
    _, digest, pushing = by_sha512
    if not pushing.ok:
        raise NotApplicable("the registry takes no sha512 digests, as it may")
    mount = lambda: stored.repository.post_upload(mount=digest, from_=repository.name)  # noqa: E731
    return once("mounted by sha512", mount)


@verifies("registry/mount/by-sha512-is-there")
def test_mounted_by_sha512(
    stored: StoredImage, by_sha512: tuple[Blob, str, Exchange], mounted_by_sha512: Exchange
) -> None:
    """Purpose: a blob may be mounted by whichever digest it was pushed under.

    Method: 1. push a blob under its sha512 digest; where that is taken, mount it by that into another repository
            2. expect no 5xx; and its bytes there, where that is done (201)
    """
    blob, digest, _ = by_sha512
    expect_no_server_error(mounted_by_sha512, "to a mount by a sha512 digest")
    if mounted_by_sha512.status == 201:
        expect_bytes(stored.repository.get_blob(digest), blob.content)


@verifies("registry/mount/absent-blob-opens-an-upload")
@pytest.mark.parametrize("algorithm", [case("by-sha512", "sha512")])
def test_mount_by_sha512_is_done_or_an_upload(mounted_by_sha512: Exchange, algorithm: str) -> None:
    """Purpose: a client that pushes by another algorithm need not know whether such a blob can be mounted.

    Method: 1. push a blob under its sha512 digest; where that is taken, mount it by that into another repository
            2. expect 201, or 202 and an upload
    """
    expect_status(mounted_by_sha512, {201, 202}, f"to a mount by a {algorithm} digest")


@verifies("registry/digest/known-elsewhere-is-verified")
@pytest.mark.parametrize("whose", [case("nothing-in-a-post", "theirs")])
def test_known_elsewhere_in_a_post(request: pytest.FixtureRequest, repository: Repository, whose: str) -> None:
    """Purpose: nor do bytes come of a digest that is named in the POST which is to bring them.

    Method: 1. POST no bytes under the digest of a layer that another organization has
            2. expect 202, as of a registry that wants them in a PUT, or a 4xx; and 404 to GET of it
    """
    digest = request.getfixturevalue(whose).image.blobs[-1].digest

    expect_status(repository.post_upload(digest=digest), {202, *range(400, 500)}, "for no bytes under a digest")
    expect_not_stored([repository.get_blob(digest)])
