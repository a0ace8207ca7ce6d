"""Every read returns the last write at once, an overwritten object leaves nothing, a refused write changes nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from conformance.clients.s3.aws_chunked import chunked
from conformance.clients.s3.checksums import ALGORITHMS, checksum_field
from conformance.oracles.headers import expect_absent_headers
from conformance.oracles.s3_checksums import COMPOSITE, FULL, expect_checksum, in_headers
from conformance.oracles.s3_documents import expect_element, expect_entry, expect_keys, expect_prefixes
from conformance.oracles.s3_errors import error_of, expect_no_error_inside, require
from conformance.oracles.s3_objects import (
    expect_bytes,
    expect_etag,
    expect_headers,
    expect_if_present,
    expect_no_longer,
    expect_nothing_stored,
    expect_range,
    expect_range_or_whole,
    expect_same_etag,
    expect_stored,
    expect_tag_set,
)
from conformance.oracles.s3_pages import found_under, version_1, version_2, whole_listing
from conformance.oracles.status import (
    NOT_OFFERED,
    expect_no_server_error,
    expect_refused,
    expect_status,
    expect_success,
)
from conformance.sandbox.bucket_prefix import Space
from conformance.vocabulary.check import case, row, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance, NotApplicable, NotOffered
from conformance.vocabulary.wording import worded

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
    for name, expected, found in (("Size", str(len(body)), str(entry.size)), ("ETag", expect_etag(got), entry.etag)):
        expect_element(page.reply, name, expected, found, "of the new object", got)


@verifies("storage/object/overwriting-replaces-everything#object-in-parts")
@pytest.mark.usefixtures("multipart")
def test_overwriting_replaces_parts(space: Space) -> None:
    """Purpose: after a PUT over an object in parts, a read by part number must return nothing of the old parts.
    Method: 1. upload an object in one part, put a longer one, GET it by partNumber=1; 2. expect all bytes, or a refusal
    """
    body = b"the whole of what came next"
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
        expect_bytes(got := space.get(key, ENABLED), NEW)
        for reply in (written, got, space.head(key, ENABLED)):
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
    """Purpose: a refused copy must not delete the object that it would overwrite.
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
    Method: 1. put an object, overwrite it with 3 KiB of metadata; 2. expect a 4xx and the old object, or all metadata
    """
    key, fields = space.stored(EARLIER), {"x-amz-meta-a": "a" * 1536, "x-amz-meta-b": "b" * 1536}
    reply = space.put(key, NEW, fields)

    if reply.ok:
        expect_headers(space.head(key), fields)
        return
    expect_refused(reply)
    expect_stored(space.get(key), EARLIER)


PART = {"Range": "bytes=0-5"}


def _expect_read(space: Space, key: str, body: bytes, because: str) -> str:
    """Expect this object from GET, also of a range, HEAD and a listing; return its ETag."""
    got, head, listed = space.get(key), space.head(key), found_under(space, key)
    expect_bytes(got, body, because)
    expect_range_or_whole(space.get(key, PART), body, 0, min(5, len(body) - 1), because)
    expect_status(head, 200, because)
    (expect_headers if body else expect_if_present)(head, {"content-length": str(len(body))})
    tag, entry = expect_same_etag(got, head), expect_entry(listed, key)
    for name, expected, found in (("Size", str(len(body)), str(entry.size)), ("ETag", tag, entry.etag)):
        expect_element(listed.reply, name, expected, found, because, got)
    return tag


def _expect_gone(space: Space, key: str, because: str) -> None:
    """Expect 404 from GET, also of a range, and HEAD, and a listing without the key."""
    for reply in (space.get(key), space.get(key, PART), space.head(key)):
        expect_status(reply, 404, because)
    if (listed := found_under(space, key)).keys:
        raise NonConformance(f"no key in the listing {because}", worded(listed.keys), listed.reply)


@verifies("storage/object/written-is-read#put")
def test_what_is_put_is_read(space: Space) -> None:
    """Purpose: after a PUT every read returns the new object.
    Method: 1. read a missing key; write it seven times and read it in all ways
            2. expect 404; then the bytes, length and ETag of the last write each time
    """
    _expect_gone(space, key := space.key(), "before the first write")
    for turn in range(7):
        body = f"turn {turn}".encode() * (turn + 1)
        expect_success(put := space.put(key, body))
        expect_same_etag(put, space.head(key))
        _expect_read(space, key, body, "directly after the PUT")


def _copied(space: Space, key: str) -> Exchange:
    return space.copy(key, space.stored(NEW))


@verifies("storage/object/written-is-read")
@pytest.mark.parametrize("by_copy", [case("copied", True), case("uploaded-in-parts", False)])
def test_what_is_copied_or_uploaded_in_parts_is_read(space: Space, features: frozenset[str], by_copy: bool) -> None:
    """Purpose: after a copy or a completed upload every read returns the new object, also from caches.
    Method: 1. read an object and a missing key; copy or upload to both, and to a key that was just deleted
            2. expect the new bytes, length and ETag of all three
    """
    if not by_copy and "storage.multipart" not in features:
        raise NotOffered("the target does not claim storage.multipart")
    new, deleted, key = space.key(), space.stored(b"deleted"), space.stored(EARLIER)
    require(space.delete(deleted), "objects to be deleted")
    _expect_read(space, key, EARLIER, "directly after the PUT")
    _expect_gone(space, new, "before the first write")
    for each in (key, new, deleted):
        reply = (_copied if by_copy else _completed)(space, each)
        if by_copy:
            expect_no_error_inside(reply)
        else:
            require(reply, "multipart uploads")
        _expect_read(space, each, NEW, "directly after the copy or the completion")


@verifies("storage/object/written-is-read#with-if-none-match")
def test_conditional_read_returns_the_new_object(space: Space) -> None:
    """Purpose: a client that revalidates its copy gets the object written since.
    Method: 1. put an object, GET it, and again with If-None-Match of its ETag; put other bytes
            2. expect those bytes from GET with If-None-Match of the first ETag
    """
    key = space.stored(EARLIER)
    condition = {"If-None-Match": expect_etag(space.get(key))}
    space.get(key, condition)
    expect_success(space.put(key, NEW))

    expect_bytes(space.get(key, condition), NEW, "for If-None-Match of the earlier ETag")


@verifies("storage/object/written-is-read#in-each-listing")
def test_copy_is_in_each_listing(space: Space) -> None:
    """Purpose: a copied object is listed at once with its folder, by either version.
    Method: 1. copy an object into a new folder; list there with and without a delimiter, before and after
            2. expect no keys before; then the folder, and the key
    """
    prefix = space.prefix()
    for version in (version_2, version_1):
        expect_keys(whole_listing(version(space, prefix)), [], "before the first write")
    expect_no_error_inside(space.copy(key := f"{prefix}folder/copy", space.stored(b"copied")))

    for version in (version_2, version_1):
        expect_prefixes(whole_listing(version(space, prefix, delimiter="/")), [f"{prefix}folder/"])
        expect_keys(whole_listing(version(space, prefix)), [key], "directly after the copy")


@verifies("storage/object/delete-removes")
@pytest.mark.parametrize("count", [case("one", 1), case("two-at-once", 2)])
def test_deleted_object_is_gone(space: Space, features: frozenset[str], count: int) -> None:
    """Purpose: a deleted object is gone at once from reads, listings, conditions, tags and copies.
    Method: 1. put objects over others, read them, delete them by DeleteObject or DeleteObjects
            2. expect 404 from GET, HEAD and a copy (412 for If-Match), no tags or parts, and an empty listing
    """
    prefix, copy = space.prefix(), space.key("copy")
    keys = space.stored_all(prefix, [str(number) for number in range(count)])
    tags = [_expect_read(space, space.stored(EARLIER, key=key), EARLIER, "directly after the PUT") for key in keys]
    expect_success(space.delete(keys[0]) if count == 1 else space.delete_many(keys))

    for key, tag in zip(keys, tags, strict=True):
        _expect_gone(space, key, "for a deleted key")
        expect_status(space.get(key, {"If-Match": tag}), {404, 412}, "for a deleted key")
        for query in ({"partNumber": "1"}, *([{"tagging": ""}] if "storage.tagging" in features else [])):
            expect_status(space.get(key, query=query), {400, 404, *NOT_OFFERED}, "for a deleted key")
        expect_status(space.copy(copy, key), 404, "for a deleted source")
        expect_nothing_stored(space.get(copy))
    expect_keys(found_under(space, prefix), [], "after all keys were deleted")


@pytest.mark.parametrize(
    "matches",
    [
        row("storage/conditional-write/existing-object-is-not-overwritten#copied-object", False),
        row("storage/conditional-write/matching-object-is-replaced#copy-over-an-object", True),
    ],
)
def test_conditional_write_over_a_copy(space: Space, matches: bool) -> None:
    """Purpose: conditions apply to an object that a copy made as to any other.
    Method: 1. put an object, copy another over it; PUT with If-None-Match: *, or with If-Match of the ETag from HEAD
            2. expect 412 and the copy's bytes; with If-Match 2xx and the new bytes
    """
    key = space.stored(EARLIER) if matches else space.key("copy")
    expect_no_error_inside(space.copy(key, space.stored(NEW)))
    condition = {"If-Match": expect_etag(space.head(key))} if matches else {"If-None-Match": "*"}

    reply = space.put(key, b"put since", condition)
    expect_status(reply, range(200, 300) if matches else 412)
    if matches:
        expect_bytes(space.get(key), b"put since")
    else:
        expect_stored(space.get(key), NEW)
