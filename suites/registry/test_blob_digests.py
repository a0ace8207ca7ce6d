"""Digests of blobs: wrong, malformed, missing or contradictory digests are refused, and sha512 is verified."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from conformance.clients.registry.client import Repository, StoredImage, Upload, with_digest
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
MALFORMED = [
    case("short", "sha256:abc"),
    case("letters", "sha256:" + "z" * 64),
    case("no-algorithm", "0" * 64),
    case("empty-hex", "sha256:"),
    case("longer", "sha256:" + "0" * 65),
    case("unknown-algorithm", "tarsum.v1+md5:" + "0" * 32),
]
BEGINNING = "the beginning of that of what is there"
CAPITALS = "its own, in capitals"
SHORT = 300


@dataclass(frozen=True)
class WrongDigestPush:
    """The response to the push of a blob under a wrong digest."""

    blob: Blob
    named: str
    reply: Exchange


@dataclass(frozen=True)
class WrongDigestPut(WrongDigestPush):
    """The same by PUT, with the session, the blob that has the named digest, and a second session opened before."""

    upload: Upload
    other: Blob
    beside: Upload


@pytest.fixture
def put_under_wrong_digest(repository: Repository, new_blob: NewBlob, once: Once) -> WrongDigestPut:
    """Pushes a blob by PUT under the digest of another, once."""

    def made() -> WrongDigestPut:
        blob, other, beside, upload = new_blob(), new_blob(), repository.open_upload(), repository.open_upload()
        return WrongDigestPut(blob, other.digest, upload.put(other.digest, blob.content), upload, other, beside)

    return once("swapped in a PUT", made)


@pytest.fixture
def pushed_under_wrong_digest(
    request: pytest.FixtureRequest, repository: Repository, new_blob: NewBlob, once: Once
) -> Callable[[str], WrongDigestPush]:
    """Pushes a blob under the digest of another in a form, in chunks under one like its own but for the end; once."""

    def made(form: str) -> WrongDigestPush:
        if form == "put":
            found: WrongDigestPush = request.getfixturevalue("put_under_wrong_digest")
            return found
        blob = new_blob()
        nearly = blob.digest[:-1] + ("1" if blob.digest.endswith("0") else "0")
        named = nearly if form == "chunks" else new_blob().digest
        return WrongDigestPush(blob, named, pushed(repository, blob.content, named, form))

    return lambda form: once(("swapped", form), lambda: made(form))


@pytest.fixture
def pulled(
    repository: Repository, pushed_under_wrong_digest: Callable[[str], WrongDigestPush], once: Once
) -> Callable[[str], list[Exchange]]:
    """GET of the named digest, and of the digest of the bytes; once, before another blob is pushed under the first."""

    def made(form: str) -> list[Exchange]:
        tried = pushed_under_wrong_digest(form)
        return [repository.get_blob(tried.named), repository.get_blob(tried.blob.digest)]

    return lambda form: once(("pulled", form), lambda: made(form))


@verifies("registry/digest/wrong-is-refused")
@FORMS
def test_wrong_digest_is_refused(pushed_under_wrong_digest: Callable[[str], WrongDigestPush], form: str) -> None:
    """Purpose: the registry verifies what it is given.

    Method: 1. push a blob under the digest of another, in each form of upload; in chunks under its own with another end
            2. expect 400
    """
    expect_status(pushed_under_wrong_digest(form).reply, 400, "for a digest that does not match")


@verifies("registry/digest/wrong-is-refused")
@pytest.mark.parametrize("size", [case("continued", SHORT), case("of-a-mebibyte", (1 << 20) + 2)])
def test_wrong_digest_of_a_longer_blob(repository: Repository, new_blob: NewBlob, size: int) -> None:
    """Purpose: a wrong digest is refused for a large blob, and for an upload whose status was requested.

    Method: 1. PATCH half of a blob to a session, GET its state, and PUT the rest: 300 bytes under the digest of that
               half alone, and more than 2^20 of them under the digest of another
            2. expect 400
    """
    upload, length = open_in_pieces(repository, size // 2)
    blob = new_blob(2 * length)
    upload.patch(blob.content[:length], f"0-{length - 1}")
    upload.status()
    named = digest_of(blob.content[:length]) if size == SHORT else new_blob().digest
    reply = upload.put(named, blob.content[length:], f"{length}-{2 * length - 1}")

    expect_status(reply, 400, "for a digest that does not match")


@verifies("registry/digest/refused-bytes-are-stored-nowhere")
@FORMS
def test_refused_bytes_are_stored_nowhere(
    pushed_under_wrong_digest: Callable[[str], WrongDigestPush], pulled: Callable[[str], list[Exchange]], form: str
) -> None:
    """Purpose: what was refused is nowhere.

    Method: 1. push a blob under the digest of another, in each form of upload
            2. expect 404 to GET of the named digest, and of the digest of the bytes
    """
    expect_refused(pushed_under_wrong_digest(form).reply)

    expect_not_stored(pulled(form))


@verifies("registry/digest/second-try-is-judged-too")
def test_second_try_is_verified(
    repository: Repository, put_under_wrong_digest: WrongDigestPut, pulled: Callable[[str], list[Exchange]]
) -> None:
    """Purpose: after a refused end of an upload, its next end is worth as much as the first.

    Method: 1. open a session, PUT a blob under the digest of another: expect a refusal
            2. PUT the other blob to the same session: expect a refusal, or 201 and exactly its bytes
    """
    tried, other = put_under_wrong_digest, put_under_wrong_digest.other
    expect_refused(tried.reply, "for a digest that does not match")
    pulled("put")
    reply = tried.upload.put(other.digest, other.content)

    if reply.ok:
        expect_bytes(repository.get_blob(other.digest), other.content)
    else:
        expect_refused(reply)


@verifies("registry/upload/refusal-ends-no-other")
def test_refusal_ends_no_other(put_under_wrong_digest: WrongDigestPut, pulled: Callable[[str], list[Exchange]]) -> None:
    """Purpose: one build's broken layer does not cost the uploads of all others, nor its own at the second try.

    Method: 1. open two sessions of one repository; PUT a blob under the digest of another to one of them
            2. where that is refused, PUT the other blob under its digest to the other session: expect 2xx
    """
    tried, blob = put_under_wrong_digest, put_under_wrong_digest.other
    pulled("put")
    if tried.reply.ok:
        why = f"a digest that does not match is not refused: {tried.reply}"
        raise Inconclusive(why, "a registry that verifies digests")

    reply = tried.beside.put(blob.digest, blob.content)
    expect_success(reply, "to a session beside the one that was refused, for what has the digest")


@verifies("registry/digest/malformed-is-400")
@pytest.mark.parametrize("digest", [*MALFORMED, case("not-ascii", f"sha256:{'ß' * 64}"), case("capitals", CAPITALS)])
def test_malformed_digest(refusing: Refusing, new_blob: NewBlob, digest: str) -> None:
    """Purpose: a digest that is none is told as such.

    Method: 1. PUT a blob to a session with a malformed digest, its own in capitals among them
            2. expect 400; or 201 to capitals that are taken for small letters, and its bytes under these
    """
    blob, capitals = new_blob(), digest == CAPITALS
    reply = refusing.put(f"sha256:{blob.digest[7:].upper()}" if capitals else digest, blob.content)
    if capitals and reply.ok:
        expect_bytes(refusing.repository.get_blob(blob.digest), blob.content)
    else:
        expect_status(reply, 400, "for a malformed digest")


@verifies("registry/digest/malformed-in-a-post-is-a-callers-fault")
def test_malformed_digest_in_a_post(repository: Repository, new_blob: NewBlob) -> None:
    """Purpose: a blob that is pushed at once under what is no digest is an upload, or refused.

    Method: 1. POST a blob with a malformed digest
            2. expect a 4xx, or 202 for an upload that has yet to be closed
    """
    reply = repository.post_upload(new_blob().content, digest="sha256:abc")

    expect_status(reply, {202, *range(400, 500)}, "for a malformed digest")


@verifies("registry/digest/missing-is-400")
@pytest.mark.parametrize("digest", [case("absent", None), case("empty", "")])
def test_missing_digest(repository: Repository, refusing: Refusing, new_blob: NewBlob, digest: str | None) -> None:
    """Purpose: an upload is not complete without a digest.

    Method: 1. PUT a blob to a session without a digest, or an empty one
            2. expect 400, and no such blob
    """
    blob = new_blob()

    expect_status(refusing.put(digest, blob.content), 400, "without a digest")
    expect_not_stored([repository.get_blob(blob.digest)])


@verifies("registry/digest/malformed-read-is-a-callers-fault")
@pytest.mark.parametrize("digest", [case("short", BEGINNING), *MALFORMED[1:]])
@pytest.mark.parametrize("kind", [case("blob", "blob"), case("manifest", "manifest")])
def test_reading_under_a_malformed_digest(stored: StoredImage, kind: str, digest: str) -> None:
    """Purpose: a malformed digest in a path is the caller's fault, and never the platform's.

    Method: 1. GET a blob and a manifest under a malformed digest, the beginning of their own among them
            2. expect 400 or 404
    """
    there = stored.image.blobs[-1] if kind == "blob" else stored.image
    digest = there.digest[:19] if digest == BEGINNING else digest
    read = stored.repository.get_blob if kind == "blob" else stored.repository.get_manifest

    expect_status(read(digest), {400, 404}, "for a malformed digest")


@verifies("registry/digest/malformed-read-is-a-callers-fault")
@pytest.mark.parametrize("method", [case("head", "HEAD"), case("delete", "DELETE")])
@pytest.mark.parametrize("kind", [case("blob", "blobs"), case("manifest", "manifests")])
def test_other_methods_under_a_malformed_digest(stored: StoredImage, kind: str, method: str) -> None:
    """Purpose: a malformed digest is refused in HEAD and DELETE, too.

    Method: 1. HEAD and DELETE a blob and a manifest under a malformed digest
            2. expect 400 or 404 (or 405 where that deletion is not offered, 401 or 403 where this login may not delete)
    """
    reply = stored.repository.send(method, f"{kind}/sha256:{'z' * 64}")

    expect_status(reply, {400, 404, *({401, 403, 405} if method == "DELETE" else ())}, "for a malformed digest")


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
def test_digest_known_in_another_repository_is_verified(
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
    """A blob, its sha512 digest, and the response to its push under that digest, which a registry may refuse."""

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
    """The response to a mount by sha512 digest; not applicable where the registry refuses sha512."""
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
def test_digest_known_in_another_repository_is_verified_in_a_post(
    request: pytest.FixtureRequest, repository: Repository, whose: str
) -> None:
    """Purpose: a digest known to another organization does not replace the bytes of a POST.

    Method: 1. POST no bytes under the digest of a layer that another organization has
            2. expect 202, as of a registry that wants them in a PUT, or a 4xx; and 404 to GET of it
    """
    digest = request.getfixturevalue(whose).image.blobs[-1].digest

    expect_status(repository.post_upload(digest=digest), {202, *range(400, 500)}, "for no bytes under a digest")
    expect_not_stored([repository.get_blob(digest)])
