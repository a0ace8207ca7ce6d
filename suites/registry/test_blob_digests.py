"""Digests of blobs: wrong, malformed, missing or contradictory digests are refused, and sha512 is verified."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from conformance.clients.registry.client import Repository, StoredImage, with_digest
from conformance.clients.registry.images import Blob, NewBlob, digest_of
from conformance.clients.registry.uploads import Refusing, open_in_pieces, pushed
from conformance.evidence.shared_requests import Once
from conformance.oracles.registry import expect_bytes, expect_not_stored
from conformance.oracles.registry_errors import expect_error_document
from conformance.oracles.robustness import Surroundings, expect_outcome
from conformance.oracles.status import expect_no_server_error, expect_refused, expect_status, expect_success
from conformance.strategies.changes import Change
from conformance.strategies.properties import explores
from conformance.strategies.registry import CLOSING_KINDS, closing_digests
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive, NotApplicable

FORMS = pytest.mark.parametrize("form", [case("put", "put"), case("chunks", "chunks"), case("post", "post")])
MALFORMED = {
    "short": "sha256:abc",
    "letters": "sha256:" + "z" * 64,
    "no-algorithm": "0" * 64,
    "empty-hex": "sha256:",
    "longer": "sha256:" + "0" * 65,
    "unknown-algorithm": "tarsum.v1+md5:" + "0" * 32,
}
PREFIX = "the first characters of a stored digest"
SHORT = 300
MISMATCH = "for a digest that does not match"
NO_SHA512 = "the registry accepts no sha512 digests, as it may"


@pytest.fixture
def wrong_digest(
    repository: Repository, new_blob: NewBlob, once: Once
) -> Callable[[str], tuple[Exchange, list[Exchange]]]:
    """Pushes a blob under a wrong digest, once: the response, and those to GET of both digests."""

    def made(form: str) -> tuple[Exchange, list[Exchange]]:
        blob = new_blob()
        nearly = blob.digest[:-1] + ("1" if blob.digest.endswith("0") else "0")
        named = nearly if form == "chunks" else new_blob().digest
        reply = pushed(repository, blob.content, named, form)
        return reply, [repository.get_blob(named), repository.get_blob(blob.digest)]

    return lambda form: once(("wrong digest", form), lambda: made(form))


@verifies("registry/digest/wrong-is-refused")
@FORMS
def test_wrong_digest_is_refused(wrong_digest: Callable[[str], tuple[Exchange, list[Exchange]]], form: str) -> None:
    """Purpose: a client learns that its blob was damaged on the way.
    Method: 1. push a blob under another blob's digest in each form of upload, in chunks with another last digit
            2. expect 400
    """
    expect_status(wrong_digest(form)[0], 400, MISMATCH)


@verifies("registry/digest/wrong-is-refused")
@pytest.mark.parametrize("size", [case("continued", SHORT), case("of-a-mebibyte", (1 << 20) + 2)])
def test_wrong_digest_of_a_longer_blob(repository: Repository, new_blob: NewBlob, size: int) -> None:
    """Purpose: a wrong digest is refused for a large blob, and for an upload whose status was requested.
    Method: 1. PATCH half of a blob, GET the session, PUT the rest: 300 bytes under the digest of the first half, or
               more than 2^20 bytes under the digest of another blob
            2. expect 400
    """
    upload, length = open_in_pieces(repository, size // 2)
    blob = new_blob(2 * length)
    upload.patch(blob.content[:length], f"0-{length - 1}")
    upload.status()
    named = digest_of(blob.content[:length]) if size == SHORT else new_blob().digest
    reply = upload.put(named, blob.content[length:], f"{length}-{2 * length - 1}")
    expect_status(reply, 400, MISMATCH)


@verifies("registry/digest/refused-bytes-are-stored-nowhere")
@FORMS
def test_refused_bytes_are_stored_nowhere(
    wrong_digest: Callable[[str], tuple[Exchange, list[Exchange]]], form: str
) -> None:
    """Purpose: nobody pulls content that the registry refused.
    Method: 1. push a blob under another digest in each form of upload; 2. expect 404 to GET of both digests
    """
    reply, reads = wrong_digest(form)
    expect_refused(reply)
    expect_not_stored(reads)


@verifies("registry/digest/second-attempt-is-verified")
def test_second_attempt_is_verified(repository: Repository, new_blob: NewBlob) -> None:
    """Purpose: the registry verifies the second closing request of a session as it verifies the first.
    Method: 1. PUT a blob to a session under the digest of another: expect a refusal
            2. PUT the other blob to the same session: expect a refusal, or 201 and exactly its bytes
    """
    blob, other, upload = new_blob(), new_blob(), repository.open_upload()
    expect_refused(upload.put(other.digest, blob.content), MISMATCH)
    reply = upload.put(other.digest, other.content)
    if reply.ok:
        expect_bytes(repository.get_blob(other.digest), other.content)
    else:
        expect_refused(reply)


@verifies("registry/upload/refusal-ends-no-other-upload")
def test_refusal_ends_no_other_upload(repository: Repository, new_blob: NewBlob) -> None:
    """Purpose: one build's damaged layer does not end the uploads of other builds.
    Method: 1. open two sessions of one repository; PUT a blob under a wrong digest to one of them
            2. if that is refused, PUT the blob with that digest to the other session: expect 2xx
    """
    blob, other, beside, upload = new_blob(), new_blob(), repository.open_upload(), repository.open_upload()
    if (refused := upload.put(other.digest, blob.content)).ok:
        why = f"the registry accepts a digest that does not match: {refused}"
        raise Inconclusive(why, "a registry that verifies digests")
    reply = beside.put(other.digest, other.content)
    expect_success(reply, "for a right digest in another session than the refused one")


@verifies("registry/digest/malformed-is-400")
@pytest.mark.parametrize(
    "digest",
    [
        *(case(name, digest) for name, digest in {**MALFORMED, "not-ascii": f"sha256:{'ß' * 64}"}.items()),
        *(case("absent", None), case("empty", "")),
    ],
)
def test_malformed_digest(refusing: Refusing, new_blob: NewBlob, digest: str | None) -> None:
    """Purpose: a client learns that it sent a malformed digest, or none.
    Method: 1. PUT a blob to a session with a malformed digest, an empty one, or without one
            2. expect 400, and 404 to GET of the blob
    """
    blob = new_blob()
    expect_status(refusing.put(digest, blob.content), 400, "for a malformed digest")
    expect_not_stored([refusing.repository.get_blob(blob.digest)])


@verifies("registry/digest/malformed-is-400#capitals")
def test_digest_in_capitals(refusing: Refusing, new_blob: NewBlob) -> None:
    """Purpose: a digest in capitals is malformed, so it is refused or read as lower case.
    Method: 1. PUT a blob to a session with its digest in capitals
            2. expect 400; or 201, and the blob's bytes under the digest in lower case
    """
    blob = new_blob()
    reply = refusing.put(f"sha256:{blob.digest[7:].upper()}", blob.content)
    if reply.ok:
        expect_bytes(refusing.repository.get_blob(blob.digest), blob.content)
    else:
        expect_status(reply, 400, "for a malformed digest")


@verifies("registry/digest/malformed-in-a-post-is-handled")
def test_malformed_digest_in_a_post(repository: Repository, new_blob: NewBlob) -> None:
    """Purpose: a malformed digest in a single POST is refused, or the POST opens an upload.
    Method: 1. POST a blob with a malformed digest; 2. expect 202 or a 4xx
    """
    reply = repository.post_upload(new_blob().content, digest="sha256:abc")
    expect_status(reply, {202, *range(400, 500)}, "for a malformed digest")


@verifies("registry/digest/malformed-in-a-path-is-refused")
@pytest.mark.parametrize(
    ("method", "kind", "digest"),
    [
        case(f"{kind[:-1]}-{name}", method, kind, digest)
        for kind in ("blobs", "manifests")
        for name, method, digest in [
            *((name, "GET", digest) for name, digest in {**MALFORMED, "short": PREFIX}.items()),
            *((method.lower(), method, MALFORMED["letters"]) for method in ("HEAD", "DELETE")),
        ]
    ],
)
def test_malformed_digest_in_a_path(stored: StoredImage, method: str, kind: str, digest: str) -> None:
    """Purpose: a malformed digest in a path is the client's fault and never a server error.
    Method: 1. GET, HEAD and DELETE a blob and a manifest under a malformed digest
            2. expect 400 or 404; for DELETE also 405 (not offered), 401 or 403 (not permitted)
    """
    own = (stored.image.blobs[-1] if kind == "blobs" else stored.image).digest
    reply = stored.repository.send(method, f"{kind}/{own[:19] if digest == PREFIX else digest}")
    expect_status(reply, {400, 404, *({401, 403, 405} if method == "DELETE" else ())}, "for a malformed digest")


@verifies("registry/upload/any-closing-digest-is-verified")
@explores(0.3, *CLOSING_KINDS, change=closing_digests())
def test_any_closing_digest(open_ground: Repository, new_blob: NewBlob, change: Change[bytes, str | None]) -> None:
    """Purpose: an upload becomes a blob under its own digest only.
    Method: 1. open a session, close it with its bytes and a changed digest
            2. expect 201 and the bytes for their own digest; 4xx and nothing stored for another
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


@verifies("registry/digest/two-digests-are-verified")
@pytest.mark.parametrize("order", [case("true-first", 1), case("true-last", -1)])
def test_two_digests(repository: Repository, new_blob: NewBlob, order: int) -> None:
    """Purpose: a client that sends two digests gets nothing stored under an unverified one.
    Method: 1. PUT a blob with its own and another digest in the query, in either order
            2. expect 404 to GET of the other digest
    """
    blob, other, upload = new_blob(), new_blob(), repository.open_upload()
    first, second = (blob.digest, other.digest)[::order]
    upload.location = with_digest(upload.location, first)
    upload.put(second, blob.content)
    expect_not_stored([repository.get_blob(other.digest)])


@verifies("registry/digest/of-another-repository-is-verified")
@pytest.mark.parametrize("whose", [case("ours", "stored"), case("other-organization", "theirs")])
@pytest.mark.parametrize("size", [case("nothing", 0), case("other-bytes", 256)])
def test_digest_of_another_repository_is_verified(
    request: pytest.FixtureRequest, repository: Repository, new_blob: NewBlob, whose: str, size: int
) -> None:
    """Purpose: a client that knows only the digest of a blob does not get the blob.
    Method: 1. PUT no bytes, or others, under the digest of a layer in another repository; 2. expect 400
    """
    known: StoredImage = request.getfixturevalue(whose)
    digest = known.image.blobs[-1].digest
    expect_status(repository.open_upload().put(digest, new_blob(size).content), 400, MISMATCH)


@verifies("registry/digest/of-another-repository-is-verified#nothing-in-a-post")
def test_digest_of_another_organization_in_a_post(repository: Repository, theirs: StoredImage) -> None:
    """Purpose: a POST with only the digest of another organization's blob does not get the blob.
    Method: 1. POST no bytes under the digest of a layer of another organization
            2. expect 202 or a 4xx, and 404 to GET of the digest
    """
    digest = theirs.image.blobs[-1].digest
    expect_status(repository.post_upload(digest=digest), {202, *range(400, 500)}, "for no bytes under a digest")
    expect_not_stored([repository.get_blob(digest)])


@pytest.fixture
def by_sha512(repository: Repository, new_blob: NewBlob, once: Once) -> tuple[Blob, str, Exchange]:
    """A blob, its sha512 digest, and the response to its push under that digest, which a registry may refuse."""

    def made() -> tuple[Blob, str, Exchange]:
        blob = new_blob()
        digest = digest_of(blob.content, "sha512")
        return blob, digest, repository.open_upload().put(digest, blob.content)

    return once("by sha512", made)


@verifies("registry/digest/sha512-is-verified")
def test_sha512(repository: Repository, by_sha512: tuple[Blob, str, Exchange]) -> None:
    """Purpose: a registry that accepts sha512 digests verifies them as well.
    Method: 1. push a blob under the sha512 digest of another, by a POST and by a PUT: expect 400
            2. push it under its own sha512 digest; if that is accepted, expect its bytes, and 200 to HEAD
    """
    blob, own, reply = by_sha512
    digest = digest_of(b"another", "sha512")
    posted = repository.post_upload(blob.content, digest=digest)
    # A POST that opened a session leaves that session to the PUT.
    upload = repository.upload_of(posted) if posted.status == 202 else repository.open_upload()
    for wrong in (*([posted] if posted.status != 202 else []), upload.put(digest, blob.content)):
        expect_status(wrong, 400, MISMATCH)

    expect_status(reply, {*range(200, 300), 400}, "for a sha512 digest")
    if reply.ok:
        expect_bytes(repository.get_blob(own), blob.content)
        expect_status(repository.head_blob(own), 200, "by the sha512 digest")


@verifies("registry/digest/sha512-is-verified#chunks")
def test_sha512_of_chunks(repository: Repository, new_blob: NewBlob) -> None:
    """Purpose: the registry verifies an upload in chunks by the algorithm of the closing request.
    Method: 1. push a blob in chunks, and close it with the sha512 digest of another; 2. expect 400
    """
    expect_status(pushed(repository, new_blob().content, digest_of(b"another", "sha512"), "chunks"), 400, MISMATCH)


@pytest.fixture
def mounted_by_sha512(
    repository: Repository, stored: StoredImage, by_sha512: tuple[Blob, str, Exchange], once: Once
) -> Exchange:
    """The response to a mount by sha512 digest; not applicable if the registry refuses sha512."""
    _, digest, pushing = by_sha512
    if not pushing.ok:
        raise NotApplicable(NO_SHA512)
    return once("mounted by sha512", lambda: stored.repository.post_upload(mount=digest, from_=repository.name))


@verifies("registry/mount/by-sha512-is-there")
def test_mounted_by_sha512(
    stored: StoredImage, by_sha512: tuple[Blob, str, Exchange], mounted_by_sha512: Exchange
) -> None:
    """Purpose: a blob can be mounted by the digest that it was pushed under.
    Method: 1. push a blob under its sha512 digest; if that is accepted, mount it into another repository
            2. expect no 5xx; if it is mounted (201), expect its bytes there
    """
    blob, digest, _ = by_sha512
    expect_no_server_error(mounted_by_sha512, "for a mount by a sha512 digest")
    if mounted_by_sha512.status == 201:
        expect_bytes(stored.repository.get_blob(digest), blob.content)


@verifies("registry/mount/absent-blob-opens-an-upload#by-sha512")
def test_mount_by_sha512_mounts_or_opens_an_upload(mounted_by_sha512: Exchange) -> None:
    """Purpose: a client that uses sha512 need not know whether the registry can mount such a blob.
    Method: 1. push a blob under its sha512 digest; if that is accepted, mount it into another repository
            2. expect 201, or 202 and an upload
    """
    expect_status(mounted_by_sha512, {201, 202}, "for a mount by a sha512 digest")
