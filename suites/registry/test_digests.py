"""Digests of blobs and manifests: wrong, malformed or contradictory digests are refused, and sha512 is verified."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from conformance.clients.registry.client import NewRepository, Repository, StoredImage, with_digest
from conformance.clients.registry.images import Blob, Manifest, NewBlob, NewImage, digest_of, image, index
from conformance.clients.registry.uploads import ReusableUpload, open_in_pieces, pushed
from conformance.evidence.shared_requests import Once
from conformance.oracles.registry import expect_bytes, expect_not_stored
from conformance.oracles.registry_errors import expect_error_document
from conformance.oracles.robustness import Surroundings, expect_outcome
from conformance.oracles.status import expect_no_server_error, expect_refused, expect_status, expect_success
from conformance.sandbox.repositories import Restore
from conformance.strategies.changes import Change
from conformance.strategies.properties import explores
from conformance.strategies.registry import CLOSING_KINDS, closing_digests
from conformance.vocabulary.check import case, row, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive, NotApplicable

FORMS = ("put", "chunks", "post")
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
POSTED = "registry/digest/malformed-in-a-post-is-handled"
MANIFEST = "registry/digest/malformed-manifest-digest-is-400"
NO_SHA512 = "the registry accepts no sha512 digests, which are optional"


@pytest.fixture
def wrong_digest(
    repository: Repository, new_blob: NewBlob, once: Once
) -> Callable[[str], tuple[Exchange, list[Exchange]]]:
    """Pushes a blob under a wrong digest, once: the response, and those to GET of both digests."""

    def made(form: str) -> tuple[Exchange, list[Exchange]]:
        blob = new_blob()
        similar = blob.digest[:-1] + ("1" if blob.digest.endswith("0") else "0")
        named = similar if form == "chunks" else new_blob().digest
        reply = pushed(repository, blob.content, named, form)
        return reply, [repository.get_blob(named), repository.get_blob(blob.digest)]

    return lambda form: once(("wrong digest", form), lambda: made(form))


@pytest.mark.parametrize(
    ("form", "judges_reads"),
    [
        *(row(f"registry/digest/wrong-is-refused#{form}", form, False) for form in FORMS),
        *(row(f"registry/digest/refused-bytes-are-stored-nowhere#{form}", form, True) for form in FORMS),
    ],
)
def test_wrong_digest(
    wrong_digest: Callable[[str], tuple[Exchange, list[Exchange]]], form: str, judges_reads: bool
) -> None:
    """Purpose: a client learns that its blob was damaged in transit, and no client pulls the damaged blob.
    Method: 1. push a blob under another blob's digest in each form of upload, in chunks with another last digit
            2. expect 400, and 404 to GET of both digests
    """
    reply, reads = wrong_digest(form)
    if judges_reads:
        expect_refused(reply)
        expect_not_stored(reads)
    else:
        expect_status(reply, 400, MISMATCH)


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
    blob, other, other_upload, upload = new_blob(), new_blob(), repository.open_upload(), repository.open_upload()
    if (refused := upload.put(other.digest, blob.content)).ok:
        why = f"the registry accepts a digest that does not match: {refused}"
        raise Inconclusive(why, "a registry that verifies digests")
    reply = other_upload.put(other.digest, other.content)
    expect_success(reply, "for a right digest in another session than the refused one")


@verifies("registry/digest/malformed-is-400")
@pytest.mark.parametrize(
    "digest",
    [
        *(case(name, digest) for name, digest in {**MALFORMED, "not-ascii": f"sha256:{'ß' * 64}"}.items()),
        *(case("absent", None), case("empty", "")),
    ],
)
def test_malformed_digest(refusing: ReusableUpload, new_blob: NewBlob, digest: str | None) -> None:
    """Purpose: a client learns that it sent a malformed digest, or none.
    Method: 1. PUT a blob with a malformed digest, an empty one, or none; 2. expect 400, and 404 to GET of the blob
    """
    blob = new_blob()
    expect_status(refusing.put(digest, blob.content), 400, "for a malformed digest")
    expect_not_stored([refusing.repository.get_blob(blob.digest)])


@verifies("registry/digest/malformed-is-400#capitals")
def test_digest_in_capitals(refusing: ReusableUpload, new_blob: NewBlob) -> None:
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


@pytest.mark.parametrize(
    ("kind", "digest"),
    [
        row(POSTED, "blob", "sha256:abc"),
        row(f"{MANIFEST}#short", "manifest", "sha256:abc"),
        row(f"{MANIFEST}#words", "manifest", "sha256:baddigeststring"),
        # A digest that no check reads: a registry that accepts it as a tag would answer the read with the manifest.
        row(f"{MANIFEST}#unknown-algorithm", "manifest", "tarsum.v1+md5:" + "1" * 32),
    ],
)
def test_malformed_digest_in_one_request(stored: StoredImage, new_blob: NewBlob, kind: str, digest: str) -> None:
    """Purpose: a client that pushes a blob or a manifest in one request learns that its digest is malformed.
    Method: 1. POST a blob, and PUT a manifest, with a malformed digest
            2. expect a 4xx to the POST, or 202 for an upload; 400 to the PUT, or 404 (OCI, Endpoints, end-7)
    """
    repository, image = stored.repository, stored.image
    if kind == "blob":
        reply, accepted = repository.post_upload(new_blob().content, digest=digest), {202, *range(400, 500)}
    else:
        reply, accepted = repository.put_manifest(digest, image.content, image.media_type), {400, 404}
    expect_status(reply, accepted, "for a malformed digest")


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
    Method: 1. PUT a blob with its own and another digest in the query, in any order; 2. expect 404 to GET of the other
    """
    blob, other, upload = new_blob(), new_blob(), repository.open_upload()
    first, second = (blob.digest, other.digest)[::order]
    upload.location = with_digest(upload.location, first)
    upload.put(second, blob.content)
    expect_not_stored([repository.get_blob(other.digest)])


@verifies("registry/digest/of-another-repository-is-verified")
@pytest.mark.parametrize(
    ("whose", "method", "size"),
    [
        case("nothing-ours", "stored", "PUT", 0),
        case("nothing-other-organization", "theirs", "PUT", 0),
        case("other-bytes-ours", "stored", "PUT", 256),
        case("other-bytes-other-organization", "theirs", "PUT", 256),
        case("nothing-in-a-post", "theirs", "POST", 0),
    ],
)
def test_digest_of_another_repository_is_verified(
    request: pytest.FixtureRequest, repository: Repository, new_blob: NewBlob, whose: str, method: str, size: int
) -> None:
    """Purpose: a client that knows only the digest of a blob does not get the blob.
    Method: 1. PUT no bytes, or others, or POST none, under the digest of a layer in another repository
            2. expect 400 to the PUT; 202 or a 4xx to the POST, and 404 to GET of the digest
    """
    known: StoredImage = request.getfixturevalue(whose)
    digest = known.image.blobs[-1].digest
    if method == "PUT":
        expect_status(repository.open_upload().put(digest, new_blob(size).content), 400, MISMATCH)
    else:
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
    Method: 1. push a blob under the sha512 digest of another, by a POST, by a PUT and in chunks: expect 400
            2. push it under its own sha512 digest; if that is accepted, expect its bytes, and 200 to HEAD
    """
    blob, own, reply = by_sha512
    digest = digest_of(b"another", "sha512")
    for form in FORMS:
        expect_status(pushed(repository, blob.content, digest, form), 400, MISMATCH)
    expect_status(reply, {*range(200, 300), 400}, "for a sha512 digest")
    if reply.ok:
        expect_bytes(repository.get_blob(own), blob.content)
        expect_status(repository.head_blob(own), 200, "by the sha512 digest")


@pytest.mark.parametrize(
    "judges_status",
    [
        row("registry/mount/by-sha512-is-there", False),
        row("registry/mount/absent-blob-opens-an-upload#by-sha512", True),
    ],
)
def test_mount_by_sha512(
    repository: Repository, stored: StoredImage, by_sha512: tuple[Blob, str, Exchange], once: Once, judges_status: bool
) -> None:
    """Purpose: a client can mount a blob by its sha512 digest, or uploads it.
    Method: 1. push a blob under its sha512 digest; if that is accepted, mount it into another repository
            2. expect 201 and its bytes there, or 202 and an upload
    """
    blob, digest, pushing = by_sha512
    if not pushing.ok:
        raise NotApplicable(NO_SHA512)
    mount = lambda: stored.repository.post_upload(mount=digest, from_=repository.name)  # noqa: E731
    reply = once("mounted by sha512", mount)
    if judges_status:
        expect_status(reply, {201, 202}, "for a mount by a sha512 digest")
    else:
        expect_no_server_error(reply, "for a mount by a sha512 digest")
        if reply.status == 201:
            expect_bytes(stored.repository.get_blob(digest), blob.content)


def other_bytes(manifest: Manifest) -> bytes:
    """Return the same document in different bytes."""
    return manifest.content + b"\n"


@pytest.fixture
def replaceable_image(new_repository: NewRepository, once: Once, restore: Restore) -> StoredImage:
    """An image that no other check reads, since a defective registry may replace it."""

    def made() -> StoredImage:
        repository = new_repository("exposed")
        return StoredImage(repository, repository.given(image(repository.name, layers=0), "v1"), "v1")

    return restore(once("exposed", made))


@verifies("registry/digest/refused-bytes-replace-nothing")
@pytest.mark.parametrize(
    "name", [case("blob", "blob"), case("posted-blob", "post"), case("manifest", "manifest"), case("tag", "tag")]
)
def test_refused_bytes_replace_nothing(replaceable_image: StoredImage, new_blob: NewBlob, name: str) -> None:
    """Purpose: a refused push does not damage stored content.
    Method: 1. push other bytes under the digest of a stored blob, through a session and by a POST, and of a stored
               image; push bytes that are no manifest under its tag
            2. expect a refusal, and exactly the stored bytes
    """
    repository, manifest, blob = (
        replaceable_image.repository,
        replaceable_image.image,
        replaceable_image.image.blobs[-1],
    )
    reply = {
        "blob": lambda: pushed(repository, new_blob().content, blob.digest, "put"),
        "post": lambda: pushed(repository, new_blob().content, blob.digest, "post"),
        "manifest": lambda: repository.put_manifest(manifest.digest, other_bytes(manifest), manifest.media_type),
        "tag": lambda: repository.put_manifest(replaceable_image.tag, b"no manifest", manifest.media_type),
    }[name]()

    expect_refused(reply)
    if name in ("blob", "post"):
        expect_bytes(repository.get_blob(blob.digest), blob.content)
    else:
        expect_bytes(
            repository.get_manifest(replaceable_image.tag if name == "tag" else manifest.digest), manifest.content
        )


@verifies("registry/digest/wrong-manifest-is-refused")
def test_wrong_digest_of_a_manifest(repository: Repository, new_image: NewImage) -> None:
    """Purpose: a manifest is stored only under its own digest.
    Method: 1. PUT a manifest in other bytes under its digest: expect 400, and 404 to GET of both digests
            2. PUT it under the sha512 digest of the other bytes: expect a refusal; under its own: expect 2xx
            3. PUT an index of it under another digest: expect 400
    """
    manifest = new_image()
    content = other_bytes(manifest)
    expect_status(repository.put_manifest(manifest.digest, content, manifest.media_type), 400, MISMATCH)
    expect_not_stored(repository.get_manifest(each) for each in (manifest.digest, digest_of(content)))
    reply = repository.put_manifest(digest_of(content, "sha512"), manifest.content, manifest.media_type)
    expect_refused(reply, "for a sha512 digest that does not match")
    reply = repository.put_manifest(manifest.digest, manifest.content, manifest.media_type)
    expect_success(reply, "under its own digest, after refusals")
    listing = index([manifest])
    expect_status(repository.put_manifest(digest_of(content), listing.content, listing.media_type), 400, MISMATCH)


@verifies("registry/digest/sha512-manifest-can-be-pulled")
def test_manifest_by_sha512(repository: Repository, new_image: NewImage, features: frozenset[str]) -> None:
    """Purpose: a client pulls and deletes a manifest by the digest that it was pushed with.
    Method: 1. PUT a manifest under its sha512 digest: expect no 5xx; not applicable if that is refused
            2. expect exactly its bytes from GET and 200 to HEAD by that digest
            3. if deletion is claimed, DELETE it by that digest; after 2xx expect 404 to GET
    """
    manifest = new_image()
    digest = digest_of(manifest.content, "sha512")
    reply = repository.put_manifest(digest, manifest.content, manifest.media_type)
    expect_no_server_error(reply, "for a sha512 digest")
    if not reply.ok:
        raise NotApplicable(NO_SHA512)

    expect_bytes(repository.get_manifest(digest), manifest.content)
    expect_status(repository.head_manifest(digest), 200, "by the sha512 digest")
    if "registry.delete" in features and repository.delete_manifest(digest).ok:
        expect_not_stored([repository.get_manifest(digest)])
