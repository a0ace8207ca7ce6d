"""Objects: bytes in, the same bytes out, with what was said about them."""

from __future__ import annotations

import pytest

from conformance.clients.s3.checksums import checksum_field
from conformance.clients.s3.sigv4 import UNSIGNED, Signing
from conformance.clients.s3.streams import Pattern, download, upload
from conformance.clients.transport.raw_socket import Wire
from conformance.oracles.headers import expect_absent_headers, expect_bare
from conformance.oracles.proofs import not_among
from conformance.oracles.s3_errors import expect_refusal, require
from conformance.oracles.s3_objects import (
    expect_bytes,
    expect_entity_tag,
    expect_if_told,
    expect_length,
    expect_no_longer,
    expect_nothing_stored,
    expect_range,
    expect_range_or_whole,
    expect_same_etag,
)
from conformance.oracles.s3_pages import found_under
from conformance.oracles.s3_streams import expect_download
from conformance.oracles.status import expect_no_server_error, expect_status, expect_success
from conformance.sandbox.bucket_prefix import Space
from conformance.target.description import Storage
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.finding import NonConformance, NotDeclared, NotOffered
from conformance.vocabulary.wording import worded

MIB = 1024 * 1024
PARTIAL = 206
OCTETS = "application/octet-stream"
METADATA = {"x-amz-meta-owner": "team-storage", "x-amz-meta-with-blank": "two words", "x-amz-meta-empty-not": "0"}


@verifies("storage/object/bytes-come-back")
@pytest.mark.parametrize(
    ("size", "media_type"),
    [
        case("empty", 0, OCTETS),
        case("one-byte", 1, OCTETS),
        case("1KiB", 1024, "application/x-www-form-urlencoded"),
        case("64KiB", 65536, "application/json"),
        case("64KiB-and-one", 65537, "multipart/form-data; boundary=line"),
        case("128KiB-and-one", 131073, OCTETS),
    ],
)
def test_bytes_come_back(space: Space, size: int, media_type: str) -> None:
    """Purpose: an object is the bytes that were put, at every size, and whatever they are said to be.

    Method: 1. put a body that repeats nowhere in step with a block, as bytes, a form or JSON, with a byte order mark
            2. expect the ETag, and the same bytes and Content-Length from GET
    """
    body = (b"\xef\xbb\xbfline\r\n" + bytes(range(251)) * (size // 251 + 1))[:size]
    key = space.key()

    expect_success(put := space.put(key, body, {"Content-Type": media_type}))
    expect_entity_tag(put)
    expect_bytes(reply := space.get(key), body)
    expect_length(reply, size)
    space.delete(key)


@verifies("storage/object/bytes-come-back")
@pytest.mark.parametrize("size", [case("5MiB", 5 * MIB), case("16MiB", 16 * MIB)])
def test_many_bytes_come_back(space: Space, size: int) -> None:
    """Purpose: an object is the bytes that were put, at every size.

    Method: 1. put a body that repeats nowhere
            2. expect the same bytes and Content-Length from GET
    """
    expect_streamed(space, Pattern(size))


@verifies("storage/object/large-object-comes-back")
def test_large_object_comes_back(space: Space, storage: Storage) -> None:
    """Purpose: an object as large as the target file names is the bytes that were put.

    Method: 1. put a body of that size in one request, made as it is sent
            2. expect the same bytes and Content-Length from GET, compared as they come
    """
    if storage.large_object_mib is None:
        raise NotDeclared(
            "the target file names no large_object_mib under [targets.X.storage]", "storage.large_object_mib"
        )
    expect_streamed(space, Pattern(storage.large_object_mib * MIB))


def expect_streamed(space: Space, pattern: Pattern) -> None:
    """An object of these bytes goes up and comes back, without being whole in memory."""
    key = space.key("large")
    expect_success(upload(space, key, pattern), f"for a PUT of {pattern.size} bytes")

    expect_download(*download(space, key, pattern))
    space.delete(key)


@verifies("storage/object/written-is-read")
def test_what_is_written_is_read(space: Space) -> None:
    """Purpose: after a write is answered, every read sees it: GET, of a range too, HEAD and listing.

    Method: 1. look for an object before there is one; seven times write it and read it in all four ways
            2. expect 404; then the bytes, length and ETag of the last write each time
    """
    key = space.key()
    for early in (space.get(key), space.get(key, {"Range": "bytes=0-5"}), space.head(key)):
        expect_status(early, 404, "before the first write")
    for turn in range(7):
        body = f"turn {turn}".encode() * (turn + 1)
        put, got, head = space.put(key, body), space.get(key), space.head(key)
        part = space.get(key, {"Range": "bytes=0-5"})
        expect_success(put)
        expect_bytes(got, body, "straight after writing it")
        expect_status(head, 200, "straight after writing it")
        expect_range_or_whole(part, body, 0, 5, "of a range, straight after writing it")
        tag = expect_same_etag(put, got, head)
        listed = found_under(space, key)
        told = [(entry.key, entry.size, entry.etag.strip('"')) for entry in listed.entries]
        if told != [(key, len(body), tag.strip('"'))]:
            raise NonConformance(f"{key} of {len(body)} bytes, ETag {tag}", worded(listed.entries), put, listed.reply)


@verifies("storage/object/overwriting-replaces-everything")
def test_overwriting_replaces_everything(space: Space, features: frozenset[str]) -> None:
    """Purpose: a PUT replaces the whole object, and nothing of the old one remains.

    Method: 1. put an object with a type, metadata, system fields and, where claimed, a checksum, then one without them
            2. expect the new bytes and none of the old fields, nor the old checksum
    """
    claimed, body = "storage.checksums" in features, b"the old and longer object"
    summed = dict([checksum_field("crc32", body)]) if claimed else {}
    described = {"Cache-Control": "max-age=60", "Content-Type": "application/soap+xml", "Content-Encoding": "gzip"}
    key = space.stored(body, {**METADATA, **described, **summed})
    expect_success(space.put(key, b"new"))
    reply = space.get(key, {"x-amz-checksum-mode": "ENABLED"} if claimed else {})

    expect_bytes(reply, b"new")
    expect_absent_headers(reply, METADATA, "of the object that was replaced")
    expect_no_longer(reply, described, "of the object that was replaced")
    expect_if_told(reply, dict([checksum_field("crc32", b"new")]))


@verifies("storage/object/overwriting-replaces-everything")
@pytest.mark.parametrize("body", [case("its-parts", b"the whole of what came next")])
def test_overwriting_replaces_parts(space: Space, features: frozenset[str], body: bytes) -> None:
    """Purpose: of an object that was put over one in parts nothing is read by the parts of that one.

    Method: 1. upload an object in one part, put a longer one over it in one piece, GET that with partNumber=1
            2. expect all of its bytes, or a refusal
    """
    if "storage.multipart" not in features:
        raise NotOffered("the target does not claim storage.multipart")
    of_parts = space.opened(key := space.key("parts"))
    require(space.complete(key, of_parts, [space.part(key, of_parts, 1, b"in a part")]), "multipart uploads")
    reply = space.get(space.stored(body, key=key), query={"partNumber": "1"})

    expect_no_server_error(reply)
    if reply.status == PARTIAL and "content-range" in reply.headers:
        expect_range(reply, body, 0, len(body) - 1)
    elif reply.status == 200:
        expect_bytes(reply, body)


@verifies("storage/object/missing-is-404")
def test_missing_key_is_404(space: Space) -> None:
    """Purpose: a key under which nothing stands is told as such.

    Method: 1. GET a key that was never written, and a range of it
            2. expect 404 NoSuchKey
    """
    key = space.key("missing")
    for fields in ({}, {"Range": "bytes=0-9"}):
        expect_refusal(space.get(key, fields), 404, {"NoSuchKey"})


@verifies("storage/object/missing-head-is-404")
def test_head_of_missing_key_is_404(space: Space) -> None:
    """Purpose: HEAD tells a missing key by its status alone.

    Method: 1. HEAD a key that was never written
            2. expect 404
    """
    expect_status(space.head(space.key("missing")), 404)


@verifies("storage/object/delete-removes")
def test_deleted_object_is_gone(space: Space) -> None:
    """Purpose: a deleted object is gone at once, from reads and from listings.

    Method: 1. put an object over another, read a range of it, delete it
            2. expect 2xx, then 404 from GET, of that range too, and HEAD, and nothing in the listing
    """
    key, part = space.stored(b"put before"), {"Range": "bytes=0-5"}
    space.stored(b"to be deleted", key=key)
    space.get(key, part)
    expect_success(space.delete(key))
    for late in (space.get(key), space.get(key, part), space.head(key)):
        expect_status(late, 404)
    listed = found_under(space, key)
    if listed.keys:
        proof = not_among([listed.reply], f"<Key>{key}</Key>")
        raise NonConformance("no deleted key in the listing", worded(listed.keys), listed.reply, proof=proof)


@verifies("storage/object/no-content-has-no-length")
def test_no_content_has_no_length(space: Space) -> None:
    """Purpose: 204 ends with its head: a reader waits for a length that is told, and takes for the next what comes.

    Method: 1. delete an object, and read what comes until the connection ends
            2. expect no Content-Length and no Transfer-Encoding, nor anything behind the head, if it is 204
    """
    deletion = space.s3.sign(space.request("DELETE", space.stored()))
    reply = Wire(space.s3.raw).send(deletion.head, bare=True)

    if reply.status == 204:
        expect_absent_headers(reply, ["content-length", "transfer-encoding"], "in 204")
        expect_bare(reply)


@verifies("storage/object/delete-is-idempotent")
def test_delete_of_missing_key_is_204(space: Space) -> None:
    """Purpose: deleting what is not there succeeds, so that a deletion can be repeated.

    Method: 1. delete a key that was never written, twice; and an object, twice
            2. expect 204 each time
    """
    for key in (space.key("missing"), space.stored()):
        expect_status(space.delete(key), 204)
        expect_status(space.delete(key), 204, "for a key that was deleted before")


@verifies("storage/object/chunked-transfer-is-whole-or-refused")
def test_upload_without_length_is_whole_or_refused(space: Space) -> None:
    """Purpose: an upload that does not state its length is refused, or stored whole: never cut.

    Method: 1. put a body in chunked transfer coding, without Content-Length
            2. expect 411 MissingContentLength, or another refusal, or the whole object
    """
    key = space.key()
    signed = space.s3.sign(space.request("PUT", key), Signing(payload=UNSIGNED))

    reply = space.s3.raw.send("PUT", space.s3.origin + signed.target, signed.headers, [b"first ", b"second"])

    expect_status(reply, {*range(200, 300), 400, 403, 411, 501})
    if reply.ok:
        expect_bytes(space.get(key), b"first second", or_refused=reply)
    else:
        expect_nothing_stored(space.get(key))
