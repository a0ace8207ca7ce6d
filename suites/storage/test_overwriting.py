"""Overwriting replaces the whole object; a write that is refused leaves the old one."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from conformance.clients.s3.aws_chunked import chunked
from conformance.clients.s3.checksums import ALGORITHMS, checksum_field
from conformance.oracles.headers import expect_absent_headers
from conformance.oracles.s3_checksums import COMPOSITE, FULL, expect_checksum, in_headers
from conformance.oracles.s3_documents import expect_element, expect_entry
from conformance.oracles.s3_errors import error_of, expect_no_error_inside, require
from conformance.oracles.s3_objects import (
    expect_bytes,
    expect_etag,
    expect_headers,
    expect_if_present,
    expect_no_longer,
    expect_range,
    expect_stored,
    expect_tag_set,
)
from conformance.oracles.s3_pages import found_under
from conformance.oracles.status import expect_no_server_error, expect_refused, expect_success
from conformance.sandbox.bucket_prefix import Space
from conformance.vocabulary.check import case, row, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NotApplicable, NotOffered

PARTIAL = 206
OLD, NEW, EARLIER = b"the old and longer object", b"other bytes", b"the earlier object"
METADATA = {"x-amz-meta-owner": "team-storage", "x-amz-meta-with-blank": "two words", "x-amz-meta-empty-not": "0"}
DESCRIBED = {"Cache-Control": "max-age=60", "Content-Type": "application/soap+xml", "Content-Encoding": "gzip"}
ENABLED, WRONG_TAG = {"x-amz-checksum-mode": "ENABLED"}, '"0123456789abcdef0123456789abcdef"'
Write = Callable[[Space, str, bytes, dict[str, str]], Exchange]


def _put(space: Space, key: str, body: bytes, fields: dict[str, str]) -> Exchange:
    return space.put(key, body, fields)


def _put_after_deletion(space: Space, key: str, body: bytes, fields: dict[str, str]) -> Exchange:
    require(space.delete(key), "objects to be deleted")
    return space.put(key, body, fields)


def _put_in_chunks(space: Space, key: str, body: bytes, fields: dict[str, str]) -> Exchange:
    return space.s3.send_as_is(chunked(space.request("PUT", key, headers=fields), space.s3.keys, [body]).assembled())


def _put_with_checksums(space: Space, key: str, body: bytes, fields: dict[str, str]) -> Exchange:
    return space.put(key, body, fields | dict([checksum_field("crc32", body)]))


def _copy(space: Space, key: str, body: bytes, fields: dict[str, str]) -> Exchange:
    return require(space.copy(key, space.stored(body, fields)), "copies of objects")


@verifies("storage/object/overwriting-replaces-everything")
@pytest.mark.parametrize(
    ("write", "body", "fields"),
    [
        case("put", _put, b"new", {}),
        case("same-bytes", _put, OLD, {"Content-Type": "text/csv", "x-amz-meta-owner": "bob"}),
        case("empty", _put, b"", {}),
        case("after-deletion", _put_after_deletion, b"new", {}),
        case("chunks", _put_in_chunks, b"in chunks", {}),
        case("copy", _copy, b"copied", {"Content-Type": "text/csv", "x-amz-meta-owner": "bob"}),
        case("with-checksums", _put_with_checksums, b"summed", {}),
    ],
)
def test_overwriting_replaces_everything(
    space: Space, features: frozenset[str], write: Write, body: bytes, fields: dict[str, str]
) -> None:
    """Purpose: a PUT replaces the whole object, and nothing of the old one remains.

    Method: 1. put an object with metadata, header fields and, if claimed, a checksum; read it, overwrite it
            2. expect the new bytes and fields from GET, HEAD and a listing, and nothing of the old object
    """
    claimed = "storage.checksums" in features
    summed = dict([checksum_field("crc32", OLD)]) if claimed else {}
    key = space.stored(OLD, {**METADATA, **DESCRIBED, **summed})
    for method in ("GET", "HEAD"):
        space.call(method, key)
    expect_success(write(space, key, body, fields))

    got, head = (space.call(method, key, headers=ENABLED if claimed else {}) for method in ("GET", "HEAD"))
    expect_bytes(got, body)
    for reply in (got, head):
        expect_headers(reply, fields)
        expect_absent_headers(reply, METADATA.keys() - fields.keys(), "of the object that was replaced")
        expect_no_longer(reply, DESCRIBED, "of the object that was replaced")
        expect_if_present(reply, dict([checksum_field("crc32", body)]))
    expect_if_present(head, {"content-length": str(len(body))})
    entry = expect_entry(page := found_under(space, key), key)
    for name, wanted, found in (("Size", str(len(body)), str(entry.size)), ("ETag", expect_etag(got), entry.etag)):
        expect_element(page.reply, name, wanted, found, "of the new object", got)


@verifies("storage/object/overwriting-replaces-everything")
@pytest.mark.parametrize("body", [case("object-in-parts", b"the whole of what came next")])
def test_overwriting_replaces_parts(space: Space, features: frozenset[str], body: bytes) -> None:
    """Purpose: after a PUT over an object in parts, a read by part number must return nothing of the old parts.

    Method: 1. upload an object in one part, put a longer one over it, GET that with partNumber=1
            2. expect all of its bytes, or a refusal
    """
    if "storage.multipart" not in features:
        raise NotOffered("the target does not claim storage.multipart")
    require(_completed(space, key := space.key("parts")), "multipart uploads")
    reply = space.get(space.stored(body, key=key), query={"partNumber": "1"})

    expect_no_server_error(reply)
    if reply.status == PARTIAL and "content-range" in reply.headers:
        expect_range(reply, body, 0, len(body) - 1)
    elif reply.status == 200:
        expect_bytes(reply, body)


def _completed(space: Space, key: str) -> Exchange:
    upload = space.opened(key)
    return space.complete(key, upload, [space.part(key, upload, 1, NEW)])


def _put_after_deletion_of_many(space: Space, key: str) -> Exchange:
    require(space.delete_many([key]), "DeleteObjects")
    return space.put(key, NEW)


Overwrite = Callable[[Space, str], Exchange]
BY_A_PUT: tuple[Overwrite, ...] = (
    lambda space, key: space.put(key, NEW),
    lambda space, key: space.put(key, NEW, dict([checksum_field("crc32", NEW)])),
    lambda space, key: space.put(key, NEW, dict([checksum_field("sha256", NEW)])),
    lambda space, key: _put_after_deletion(space, key, NEW, {}),
    _put_after_deletion_of_many,
)
BY_A_COPY: tuple[Overwrite, ...] = (lambda space, key: space.copy(key, space.stored(NEW)),)


@pytest.mark.parametrize(
    "overwrites", [case("by-a-put", BY_A_PUT), case("by-a-copy", BY_A_COPY), case("by-an-upload", (_completed,))]
)
@pytest.mark.parametrize(
    "tags",
    [row("storage/checksum/of-the-overwritten-is-gone", False), row("storage/tagging/overwriting-drops-tags", True)],
)
def test_checksum_and_tags_of_the_overwritten_are_gone(
    space: Space, features: frozenset[str], tags: bool, overwrites: tuple[Overwrite, ...]
) -> None:
    """Purpose: an object has neither the checksum nor the tags of the one that it replaced.

    Method: 1. put an object with its CRC-32 or a tag; overwrite it with a checksum and without, also after its deletion
            2. expect no tags; of the write, GET and HEAD each checksum of the new bytes or of their parts, or none
    """
    if overwrites == (_completed,) and "storage.multipart" not in features:
        raise NotOffered("the target does not claim storage.multipart")
    for overwrite in overwrites:
        key = space.stored(
            EARLIER, {"x-amz-tagging": "project=alpha"} if tags else dict([checksum_field("crc32", EARLIER)])
        )
        if tags:
            expect_tag_set(space.get_tags(key), {"project": "alpha"})
        expect_no_error_inside(written := overwrite(space, key))

        if tags:
            expect_tag_set(space.get_tags(key), {})
            continue
        for reply in (written, space.get(key, ENABLED), space.head(key, ENABLED)):
            for algorithm in ALGORITHMS:
                right, of_parts = (
                    checksum_field(algorithm, NEW)[1],
                    checksum_field(algorithm, ALGORITHMS[algorithm](NEW))[1],
                )
                expect_checksum(in_headers(reply, algorithm), {FULL: right, COMPOSITE: f"{of_parts}-1"})


@verifies("storage/copy/refused-copy-keeps-the-object")
@pytest.mark.parametrize(
    ("exists", "fields"),
    [case("source-missing", False, {}), case("condition-fails", True, {"x-amz-copy-source-if-match": WRONG_TAG})],
)
def test_refused_copy_keeps_the_object(space: Space, exists: bool, fields: dict[str, str]) -> None:
    """Purpose: a copy that is refused must not cost the object that it would overwrite.

    Method: 1. put an object, copy to its key from a missing key, or under a condition that fails
            2. if that is refused, expect the object as it was
    """
    key = space.stored(EARLIER)
    reply = space.copy(key, space.stored(NEW) if exists else space.key("missing"), fields)

    if reply.ok and error_of(reply) is None:
        raise NotApplicable("the copy was not refused")
    expect_stored(space.get(key), EARLIER)


@verifies("storage/object/large-metadata-is-stored-or-refused")
def test_large_metadata_is_stored_or_refused(space: Space) -> None:
    """Purpose: user metadata beyond 2 KB is refused, or at least not truncated, and costs no earlier object.

    Method: 1. put an object, overwrite it with 3 KiB of metadata
            2. expect a 4xx and the old object, or the metadata as sent
    """
    key, fields = space.stored(EARLIER), {"x-amz-meta-a": "a" * 1536, "x-amz-meta-b": "b" * 1536}
    reply = space.put(key, NEW, fields)

    if reply.ok:
        expect_headers(space.head(key), fields, reply)
        return
    expect_refused(reply)
    expect_stored(space.get(key), EARLIER)
