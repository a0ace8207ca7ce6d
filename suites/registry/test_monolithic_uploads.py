"""Blobs of every size pushed in one request, by POST or by POST and PUT, and read back (OCI Distribution 1.1)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import pytest

from conformance.clients.registry.client import Registry, Repository, Upload, with_digest
from conformance.clients.registry.images import Blob, NewBlob
from conformance.clients.registry.streams import pull, push
from conformance.clients.registry.uploads import CANCELS_NONE, uses
from conformance.clients.s3.streams import Pattern
from conformance.evidence.shared_requests import Once
from conformance.oracles.registry import (
    expect_bytes,
    expect_bytes_at,
    expect_content_length,
    expect_location,
    expect_partial,
    expect_true_digest,
)
from conformance.oracles.status import expect_status, expect_success
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive, NonConformance, NotDeclared

# More than what fits into a buffer of 64 KiB, and than a mebibyte, beyond which a body is kept elsewhere.
SIZE = (1 << 20) + 1
Posted = tuple[Blob, Exchange, Exchange]
"""A blob that came in a POST, the answer to that, and the last one: to the PUT that followed, or the same."""
KIB = 1024
OF_TEXT, WRITTEN, OF_BYTES, LARGE = 64 * KIB - 1, 64 * KIB, 64 * KIB + 1, 5 * KIB * KIB
SIZES = [
    case("empty", 0),
    case("one-byte", 1),
    case("64-kib-less-one", OF_TEXT),
    case("64-kib", WRITTEN),
    case("64-kib-and-one", OF_BYTES),
    case("5-mib", LARGE),
]
COLONS = {WRITTEN: ":", OF_TEXT: "%3a"}
"""Both are the colon (RFC 3986 sections 2.1 and 3.4)."""
LINES, AS_TEXT = b"one\r\ntwo\nthree\rfour\n", bytes(ord(" ") + each % 95 for each in range(256))
MIB = 1024 * 1024


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
def test_created_digest_after_a_post(posted: Callable[[], Posted], form: str) -> None:
    """Purpose: the digest that the answer names is the blob's, in whatever form it came.

    Method: 1. push a blob by a POST
            2. expect Docker-Content-Digest of the 201, where it is there, to be the blob's digest
    """
    blob, _, last = posted()
    if not last.ok:
        raise Inconclusive(f"a blob could not be pushed in {form}: {last}", "a registry that takes blobs by POST")

    expect_true_digest(last, blob.digest)


@dataclass(frozen=True)
class Pushed:
    """A blob, the session that it was pushed to, what was answered to the PUT, and how it is read, once."""

    blob: Blob
    upload: Upload
    reply: Exchange
    read: Callable[[], Exchange]

    def given(self) -> Blob:
        """The blob; Inconclusive where the registry did not take it."""
        if not self.reply.ok:
            needs = "a registry that takes blobs from this login"
            raise Inconclusive(f"a blob could not be pushed: {self.reply}", needs)
        return self.blob


PushedOf = Callable[[int], Pushed]


@pytest.fixture
def put(repository: Repository, once: Once) -> Callable[[Blob, str], Pushed]:
    """Pushes a blob by POST and PUT, the colon of its digest in the query written so, or escaped as is usual."""

    def made(blob: Blob, colon: str) -> Pushed:
        upload = repository.open_upload()
        if colon:
            upload.location = with_digest(upload.location, blob.digest).replace("%3A", colon)
        reply = upload.put(None if colon else blob.digest, blob.content)
        read = partial(repository.get_blob, blob.digest)
        # Of the largest nobody else reads the whole: its bytes need not be kept.
        return Pushed(blob, upload, reply, read if len(blob.content) == LARGE else lambda: once(("read", blob), read))

    return made


@pytest.fixture
def pushed_with_respelled_digest(put: Callable[[Blob, str], Pushed], new_blob: NewBlob, once: Once) -> PushedOf:
    """The blob of a size whose digest stood in the query in another way than is usual, pushed once."""

    def made(size: int) -> Pushed:
        blob = new_blob(size)
        if size == OF_TEXT:
            blob = Blob((LINES + blob.content.translate(AS_TEXT))[:size])
        return put(blob, COLONS[size])

    return lambda size: once(("as written", size), lambda: made(size))


@pytest.fixture
def pushed(
    put: Callable[[Blob, str], Pushed], pushed_with_respelled_digest: PushedOf, new_blob: NewBlob, once: Once
) -> PushedOf:
    """The blob of each size, pushed once: bytes at random, and lines of text."""

    def made(size: int) -> Pushed:
        found = pushed_with_respelled_digest(size) if size in COLONS else None
        return found if found and found.reply.ok else put(found.blob if found else new_blob(size), "")

    return lambda size: once(("pushed", size), lambda: made(size))


@verifies("registry/upload/whole-blob-by-put")
@pytest.mark.parametrize("size", SIZES)
def test_whole_blob_by_put(pushed: PushedOf, size: int) -> None:
    """Purpose: a blob of any size is pushed by POST and PUT.

    Method: 1. POST, then PUT the whole blob to the session with its digest
            2. expect 2xx with a Location
            3. GET the blob and expect exactly its bytes
    """
    made = pushed(size)

    expect_success(made.reply, "when the upload is complete")
    expect_location(made.reply)
    expect_bytes(made.read(), made.blob.content)


@verifies("registry/upload/digest-is-read-as-written")
@pytest.mark.parametrize("size", [case("not-escaped", WRITTEN), case("escaped-in-small-letters", OF_TEXT)])
def test_digest_as_written(pushed_with_respelled_digest: PushedOf, size: int) -> None:
    """Purpose: a digest may stand in a query as the specifications write it, its colon not escaped, or in %3a.

    Method: 1. open a session, PUT a blob with digest=sha256:… in the query, and with digest=sha256%3a…
            2. expect 2xx and exactly its bytes
    """
    made = pushed_with_respelled_digest(size)

    expect_success(made.reply)
    expect_bytes(made.read(), made.blob.content)


@verifies("registry/pull/blob-is-what-was-pushed")
@pytest.mark.parametrize("size", [case("binary", OF_BYTES), case("text", OF_TEXT)])
def test_blob_is_pulled(pushed: PushedOf, size: int) -> None:
    """Purpose: a blob comes back byte for byte, whatever it looks like.

    Method: 1. push bytes at random, and lines of text with every kind of end; GET each
            2. expect 200, its bytes, its length
    """
    made = pushed(size)
    blob = made.given()

    expect_bytes(made.read(), blob.content)


@verifies("registry/pull/part-is-what-it-says")
@pytest.mark.parametrize("first", [case("beyond-4-mib", 4 * KIB * KIB + 100)])
def test_range_beyond_4_mib(repository: Repository, pushed: PushedOf, first: int) -> None:
    """Purpose: whoever has lost the connection after most of a layer gets it in the end.

    Method: 1. push 5 MiB; GET all that stands beyond 4 MiB, a hundred bytes aside
            2. expect the whole with 200, or 206 with exactly those bytes
    """
    blob, last = pushed(LARGE).given(), LARGE - 1
    reply = repository.get_blob(blob.digest, [("Range", f"bytes={first}-")])

    if reply.status == 200:
        expect_bytes(reply, blob.content, or_statuses=(206,))
    else:
        expect_partial(reply, blob.content, first, last)


@verifies("registry/pull/head-states-the-length")
@pytest.mark.parametrize("size", [case("large-blob", LARGE)])
def test_head_of_a_large_blob(repository: Repository, pushed: PushedOf, size: int) -> None:
    """Purpose: a client learns how much it would pull, above all where that is much.

    Method: 1. push 5 MiB; HEAD it
            2. expect Content-Length to be the size
    """
    expect_content_length(repository.head_blob(pushed(size).given().digest), size)


@verifies("registry/pull/blob-head-is-200")
@pytest.mark.parametrize("size", [case("of-no-bytes", 0)])
def test_head_of_an_empty_blob(repository: Repository, pushed: PushedOf, size: int) -> None:
    """Purpose: a blob of no bytes is there, and there is no part of it.

    Method: 1. push a blob of no bytes; HEAD it: expect 200
            2. GET its first byte: expect 416, or 200 with no bytes
    """
    blob = pushed(size).given()
    expect_status(repository.head_blob(blob.digest), 200, "for a blob of no bytes")
    part = repository.get_blob(blob.digest, [("Range", "bytes=0-0")])

    expect_status(part, {200, 416}, "for a part of no bytes")
    if part.status == 200:
        expect_bytes(part, b"", or_statuses=(416,))


@pytest.fixture
def finished(pushed: PushedOf) -> Pushed:
    """A blob whose session ended with it."""
    return pushed(OF_BYTES)


@verifies("registry/upload/location-can-be-pulled")
def test_location_can_be_pulled(repository: Repository, finished: Pushed) -> None:
    """Purpose: the Location of a created blob is where it can be pulled.

    Method: 1. push a blob, GET the Location of the 201
            2. expect exactly its bytes
    """
    expect_success(finished.reply)

    expect_bytes_at(repository, finished.reply, finished.blob.content)


@verifies("registry/upload/created-digest-is-true")
def test_created_digest_is_true(finished: Pushed) -> None:
    """Purpose: the digest that the answer names, where it names one, is the blob's.

    Method: 1. push a blob
            2. expect Docker-Content-Digest of the 201, where it is there, to be the blob's digest
    """
    expect_success(finished.reply)

    expect_true_digest(finished.reply, finished.blob.digest)


# PUT before PATCH, behind which it were one of other bytes.
@verifies("registry/upload/finished-session-is-gone")
@pytest.mark.parametrize("method", [case(name.lower(), name) for name in ("PUT", "PATCH", "GET", "DELETE")])
def test_finished_session_is_gone(repository: Repository, finished: Pushed, method: str) -> None:
    """Purpose: a session ends with its blob.

    Method: 1. push a blob through a session
            2. PATCH, PUT, GET or DELETE the session: expect 404 (or 400, 405 or 501 to DELETE, where none is
               cancelled; or 2xx to PUT of the same again), and after what would have changed it the blob as it was
    """
    blob = finished.blob
    if not finished.reply.ok:
        raise Inconclusive("a blob could not be pushed", "a registry that takes blobs from this login")

    accepted = {"DELETE": CANCELS_NONE, "PUT": {404, *range(200, 300)}}.get(method, {404})
    expect_status(uses(finished.upload, blob)[method](), accepted, "for a finished session")
    if method != "GET":
        expect_bytes(repository.get_blob(blob.digest), blob.content)


@verifies("registry/upload/large-blob-comes-back")
def test_large_blob_comes_back(registry: Registry, repository: Repository) -> None:
    """Purpose: a layer as large as the target file names is the bytes that were pushed.

    Method: 1. POST, then PUT a blob of that size in one request, made as it is sent: expect 2xx
            2. GET it and expect 200 with the same bytes, compared as they come
    """
    if registry.described.large_blob_mib is None:
        raise NotDeclared(
            "the target file names no large_blob_mib under [targets.X.registry]", "registry.large_blob_mib"
        )
    content = Pattern(registry.described.large_blob_mib * MIB)
    created, digest = push(repository, content)
    expect_success(created, f"to a blob of {content.size} bytes")
    reply, compared = pull(repository, digest, content)

    expect_status(reply, 200)
    if not compared.equal:
        raise NonConformance(f"the {content.size} bytes that were pushed", str(compared), reply)
