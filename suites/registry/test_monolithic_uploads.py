"""Blobs of every size pushed in one request, by POST or by POST and PUT, and read back (OCI Distribution 1.1)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from conformance.clients.registry.client import Registry, Repository, Upload, with_digest
from conformance.clients.registry.images import Blob, NewBlob
from conformance.clients.registry.streams import pull, push
from conformance.clients.registry.uploads import CANCELS_NONE, session_requests
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
from conformance.vocabulary.check import case, row, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive, NonConformance, NotDeclared

KIB, MIB = 1024, 1024 * 1024
OVER_1_MIB = MIB + 1
"""Beyond the usual buffers of 64 KiB and 1 MiB."""
TEXT, UNESCAPED, BINARY, LARGE = 64 * KIB - 1, 64 * KIB, 64 * KIB + 1, 5 * MIB
COLONS = {UNESCAPED: ":", TEXT: "%3a"}
"""Two ways to write the colon of a digest in a query (RFC 3986 sections 2.1 and 3.4)."""
LINES, AS_TEXT = b"one\r\ntwo\nthree\rfour\n", bytes(ord(" ") + each % 95 for each in range(256))
NEEDS_BLOBS = "a registry that takes blobs from this login"


@dataclass(frozen=True)
class Pushed:
    """A blob, the session that it was pushed to, the response to the PUT, and GET of the blob, once."""

    blob: Blob
    upload: Upload
    reply: Exchange
    read: Callable[[], Exchange]

    def given(self) -> Blob:
        """The blob; Inconclusive where the registry refused it."""
        if not self.reply.ok:
            raise Inconclusive(f"a blob could not be pushed: {self.reply}", NEEDS_BLOBS)
        return self.blob


PushedOf = Callable[[int, bool], Pushed]


@pytest.fixture
def pushed(repository: Repository, new_blob: NewBlob, once: Once) -> PushedOf:
    """Pushes a blob of a size by POST and PUT, once: random bytes, or lines of text.

    The colon of its digest is written as in COLONS; where that is refused and not required, it is pushed as usual.
    """

    def made(size: int, colon: str) -> Pushed:
        blob = new_blob(size)
        if size == TEXT:
            blob = Blob((LINES + blob.content.translate(AS_TEXT))[:size])
        upload = repository.open_upload()
        if colon:
            upload.location = with_digest(upload.location, blob.digest).replace("%3A", colon)
        reply = upload.put(None if colon else blob.digest, blob.content)

        def read() -> Exchange:
            return repository.get_blob(blob.digest)

        # Only one check reads the whole of the largest blob, so its bytes need not be stored.
        return Pushed(blob, upload, reply, read if size == LARGE else lambda: once(("read", blob), read))

    def either(size: int, required: bool = False) -> Pushed:
        found = once(("pushed", size), lambda: made(size, COLONS.get(size, "")))
        return found if found.reply.ok or required else once(("pushed as usual", size), lambda: made(size, ""))

    return either


@pytest.mark.parametrize(
    "what",
    [
        row("registry/upload/whole-blob-by-post", "blob"),
        row("registry/upload/created-digest-is-true#by-post", "digest"),
    ],
)
def test_whole_blob_by_post(repository: Repository, new_blob: NewBlob, once: Once, what: str) -> None:
    """Purpose: a client pushes a blob with a single POST, or continues with the session that the POST opened.
    Method: 1. POST a blob with its digest: expect 201, or 202 and 201 to the PUT that follows.
            2. GET the Location: expect exactly its bytes; Docker-Content-Digest, where sent, is the blob's digest.
    """

    def made() -> tuple[Blob, Exchange, Exchange]:
        blob = new_blob(OVER_1_MIB)
        reply = repository.post_upload(blob.content, digest=blob.digest)
        last = repository.upload_of(reply).put(blob.digest, blob.content) if reply.ok and reply.status != 201 else reply
        return blob, reply, last

    blob, first, last = once("posted", made)
    if what == "digest":
        if not last.ok:
            raise Inconclusive(f"a blob could not be pushed by POST: {last}", "a registry that accepts blobs by POST")
        expect_true_digest(last, blob.digest)
        return
    expect_success(first)
    expect_success(last, "when the upload is complete")
    expect_bytes_at(repository, last, blob.content)


@pytest.mark.parametrize(
    ("size", "required"),
    [
        row("registry/upload/whole-blob-by-put#empty", 0, False),
        row("registry/upload/whole-blob-by-put#one-byte", 1, False),
        row("registry/upload/whole-blob-by-put#64-kib-less-one", TEXT, False),
        row("registry/upload/whole-blob-by-put#64-kib", UNESCAPED, False),
        row("registry/upload/whole-blob-by-put#64-kib-and-one", BINARY, False),
        row("registry/upload/whole-blob-by-put#5-mib", LARGE, False),
        row("registry/upload/digest-need-not-be-escaped#colon", UNESCAPED, True),
        row("registry/upload/digest-need-not-be-escaped#lower-case-escape", TEXT, True),
    ],
)
def test_whole_blob_by_put(pushed: PushedOf, size: int, required: bool) -> None:
    """Purpose: a client can push a blob of any size, and write its digest in the query with ":" or with "%3a".
    Method: 1. POST, PUT the whole blob with its digest: expect 2xx with a Location; 2. GET it: expect exactly its bytes
    """
    made = pushed(size, required)

    expect_success(made.reply, "when the upload is complete")
    if not required:
        expect_location(made.reply)
    expect_bytes(made.read(), made.blob.content)


@verifies("registry/pull/blob-has-the-pushed-bytes")
@pytest.mark.parametrize("size", [case("binary", BINARY), case("text", TEXT)])
def test_blob_is_pulled(pushed: PushedOf, size: int) -> None:
    """Purpose: a blob is returned byte for byte, whether it is binary or text.
    Method: 1. Push random bytes, and text with every kind of line end. 2. GET each: expect 200 and exactly its bytes.
    """
    made = pushed(size, False)
    expect_bytes(made.read(), made.given().content)


@pytest.mark.parametrize(
    "what",
    [
        row("registry/pull/partial-content-is-the-requested-range#beyond-4-mib", "range"),
        row("registry/pull/head-states-the-length#large-blob", "head"),
    ],
)
def test_large_blob(repository: Repository, pushed: PushedOf, what: str) -> None:
    """Purpose: a client learns the size of a large layer, and can resume its pull near the end.
    Method: 1. Push 5 MiB. 2. HEAD it: expect its size as Content-Length.
            3. GET the bytes beyond 4 MiB: expect 206 with exactly those, or 200 with the whole.
    """
    blob, first, last = pushed(LARGE, False).given(), 4 * MIB + 100, LARGE - 1
    if what == "head":
        expect_content_length(repository.head_blob(blob.digest), LARGE)
        return
    reply = repository.get_blob(blob.digest, [("Range", f"bytes={first}-")])

    if reply.status == 200:
        expect_bytes(reply, blob.content)
    else:
        expect_partial(reply, blob.content, first, last)


@verifies("registry/pull/blob-head-is-200#of-no-bytes")
def test_empty_blob(repository: Repository, pushed: PushedOf) -> None:
    """Purpose: an empty blob exists, and no part of it can be pulled.
    Method: 1. Push an empty blob; HEAD it: expect 200. 2. GET its first byte: expect 416, or 200 with no bytes.
    """
    blob = pushed(0, False).given()
    expect_status(repository.head_blob(blob.digest), 200, "for an empty blob")
    part = repository.get_blob(blob.digest, [("Range", "bytes=0-0")])

    expect_status(part, {200, 416}, "for a part of an empty blob")
    if part.status == 200:
        expect_bytes(part, b"")


@pytest.mark.parametrize(
    "header",
    [
        row("registry/upload/location-can-be-pulled", "Location"),
        row("registry/upload/created-digest-is-true", "Docker-Content-Digest"),
    ],
)
def test_headers_of_a_created_blob(repository: Repository, pushed: PushedOf, header: str) -> None:
    """Purpose: a client finds the blob that it pushed and can verify its digest.
    Method: 1. Push a blob. 2. GET the Location of the 201: expect exactly its bytes.
            3. Expect Docker-Content-Digest, where sent, to be the blob's digest.
    """
    made = pushed(BINARY, False)
    expect_success(made.reply)

    if header == "Location":
        expect_bytes_at(repository, made.reply, made.blob.content)
    else:
        expect_true_digest(made.reply, made.blob.digest)


# PUT before PATCH, after which the session would have other bytes.
@verifies("registry/upload/finished-session-is-gone")
@pytest.mark.parametrize("method", [case(name.lower(), name) for name in ("PUT", "PATCH", "GET", "DELETE")])
def test_finished_session_is_gone(repository: Repository, pushed: PushedOf, method: str) -> None:
    """Purpose: a session ends when its blob is stored, and cannot change the blob afterwards.
    Method: 1. Push a blob; PATCH, PUT, GET or DELETE its session: expect 404, 2xx to PUT of the same blob, or 400, 405
               or 501 to DELETE where sessions cannot be cancelled.
            2. GET the blob: expect exactly its bytes.
    """
    made = pushed(BINARY, False)
    blob = made.given()

    accepted = {"DELETE": CANCELS_NONE, "PUT": {404, *range(200, 300)}}.get(method, {404})
    expect_status(session_requests(made.upload, blob)[method](), accepted, "for a finished session")
    if method != "GET":
        expect_bytes(repository.get_blob(blob.digest), blob.content)


@verifies("registry/upload/large-blob-comes-back")
def test_large_blob_comes_back(registry: Registry, repository: Repository) -> None:
    """Purpose: a layer of the size that the target file names is stored and returned intact.
    Method: 1. POST, then PUT a blob of that size in one streamed request: expect 2xx.
            2. GET it: expect 200 with the same bytes, compared while they arrive.
    """
    if registry.described.large_blob_mib is None:
        reason = "the target file names no large_blob_mib under [targets.X.registry]"
        raise NotDeclared(reason, "registry.large_blob_mib")
    content = Pattern(registry.described.large_blob_mib * MIB)
    created, digest = push(repository, content)
    expect_success(created, f"to a blob of {content.size} bytes")
    reply, compared = pull(repository, digest, content)

    expect_status(reply, 200)
    if not compared.equal:
        raise NonConformance(f"the {content.size} bytes that were pushed", str(compared), reply)
