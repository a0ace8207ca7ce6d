"""Every read returns the last write at once, whichever operation wrote or deleted the object."""

from __future__ import annotations

import pytest

from conformance.oracles.proofs import not_among
from conformance.oracles.s3_documents import expect_element, expect_entry, expect_keys, expect_prefixes
from conformance.oracles.s3_errors import expect_no_error_inside, require
from conformance.oracles.s3_objects import (
    expect_bytes,
    expect_etag,
    expect_headers,
    expect_if_present,
    expect_nothing_stored,
    expect_range_or_whole,
    expect_same_etag,
    expect_stored,
)
from conformance.oracles.s3_pages import found_under, version_1, version_2, whole_listing
from conformance.oracles.status import NOT_OFFERED, expect_status, expect_success
from conformance.sandbox.bucket_prefix import Space
from conformance.vocabulary.check import case, row, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance, NotOffered
from conformance.vocabulary.wording import worded

OLD, NEW = b"the earlier object", b"what was written over it"
PART = {"Range": "bytes=0-5"}


def _expect_read(space: Space, key: str, body: bytes, because: str) -> str:
    """GET, of a range too, HEAD and a listing return this object; return its ETag."""
    got, head, listed = space.get(key), space.head(key), found_under(space, key)
    expect_bytes(got, body, because)
    expect_range_or_whole(space.get(key, PART), body, 0, min(5, len(body) - 1), because)
    expect_status(head, 200, because)
    (expect_headers if body else expect_if_present)(head, {"content-length": str(len(body))})
    tag, entry = expect_same_etag(got, head), expect_entry(listed, key)
    for name, wanted, found in (("Size", str(len(body)), str(entry.size)), ("ETag", tag, entry.etag)):
        expect_element(listed.reply, name, wanted, found, because, got)
    return tag


def _expect_gone(space: Space, key: str, because: str) -> None:
    """GET, of a range too, and HEAD return 404, and a listing does not contain the key."""
    for reply in (space.get(key), space.get(key, PART), space.head(key)):
        expect_status(reply, 404, because)
    if (listed := found_under(space, key)).keys:
        proof = not_among([listed.reply], f"<Key>{key}</Key>")
        raise NonConformance(f"no key in the listing {because}", worded(listed.keys), listed.reply, proof=proof)


@verifies("storage/object/written-is-read")
@pytest.mark.parametrize("turns", [case("put", range(7))])
def test_what_is_put_is_read(space: Space, turns: range) -> None:
    """Purpose: after a PUT every read returns the new object.

    Method: 1. read a missing key; write it seven times and read it in all ways
            2. expect 404; then the bytes, length and ETag of the last write each time
    """
    _expect_gone(space, key := space.key(), "before the first write")
    for turn in turns:
        body = f"turn {turn}".encode() * (turn + 1)
        expect_success(put := space.put(key, body))
        expect_same_etag(put, space.head(key))
        _expect_read(space, key, body, "directly after the PUT")


def _copied(space: Space, key: str) -> Exchange:
    return space.copy(key, space.stored(NEW))


def _completed(space: Space, key: str) -> Exchange:
    upload = space.opened(key)
    return space.complete(key, upload, [space.part(key, upload, 1, NEW)])


@verifies("storage/object/written-is-read")
@pytest.mark.parametrize("by_copy", [case("copied", True), case("uploaded-in-parts", False)])
def test_what_is_copied_or_uploaded_in_parts_is_read(space: Space, features: frozenset[str], by_copy: bool) -> None:
    """Purpose: after a copy or a completed upload every read returns the new object, also from caches.

    Method: 1. read an object and a missing key; copy or upload to both, and to a key that was just deleted
            2. expect the new bytes, length and ETag of all three
    """
    if not by_copy and "storage.multipart" not in features:
        raise NotOffered("the target does not claim storage.multipart")
    new, deleted, key = space.key(), space.stored(b"deleted"), space.stored(OLD)
    require(space.delete(deleted), "objects to be deleted")
    _expect_read(space, key, OLD, "directly after the PUT")
    _expect_gone(space, new, "before the first write")
    for each in (key, new, deleted):
        reply = (_copied if by_copy else _completed)(space, each)
        if by_copy:
            expect_no_error_inside(reply)
        else:
            require(reply, "multipart uploads")
        _expect_read(space, each, NEW, "directly after the copy or the completion")


@verifies("storage/object/written-is-read")
@pytest.mark.parametrize("first", [case("with-if-none-match", OLD)])
def test_conditional_read_returns_the_new_object(space: Space, first: bytes) -> None:
    """Purpose: a client that revalidates its copy gets the object written since.

    Method: 1. put an object, GET it, and again with If-None-Match of its ETag; put other bytes
            2. expect those bytes from GET with If-None-Match of the first ETag
    """
    key = space.stored(first)
    condition = {"If-None-Match": expect_etag(space.get(key))}
    space.get(key, condition)
    expect_success(space.put(key, NEW))

    expect_bytes(space.get(key, condition), NEW, "for If-None-Match of the earlier ETag")


@verifies("storage/object/written-is-read")
@pytest.mark.parametrize("body", [case("in-each-listing", b"copied")])
def test_copy_is_in_each_listing(space: Space, body: bytes) -> None:
    """Purpose: a copied object is listed at once with its folder, by either version.

    Method: 1. copy an object into a new folder; list there with and without a delimiter, before and after
            2. expect no keys before; then the folder, and the key
    """
    prefix = space.prefix()
    for version in (version_2, version_1):
        expect_keys(whole_listing(version(space, prefix)), [], "before the first write")
    expect_no_error_inside(space.copy(key := f"{prefix}folder/copy", space.stored(body)))

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
    tags = [_expect_read(space, space.stored(OLD, key=key), OLD, "directly after the PUT") for key in keys]
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
        row("storage/conditional-write/keeps-what-is-there#copied-object", False),
        row("storage/conditional-write/replaces-what-matches#copy-over-an-object", True),
    ],
)
def test_conditional_write_over_a_copy(space: Space, matches: bool) -> None:
    """Purpose: conditions apply to an object that a copy made as to any other.

    Method: 1. put an object, copy another over it; PUT with If-None-Match: *, or with If-Match of the ETag from HEAD
            2. expect 412 and the copy's bytes; with If-Match 2xx and the new bytes
    """
    key = space.stored(OLD) if matches else space.key("copy")
    expect_no_error_inside(space.copy(key, space.stored(NEW)))
    condition = {"If-Match": expect_etag(space.head(key))} if matches else {"If-None-Match": "*"}

    reply = space.put(key, b"put since", condition)
    expect_status(reply, range(200, 300) if matches else 412)
    if matches:
        expect_bytes(space.get(key), b"put since")
    else:
        expect_stored(space.get(key), NEW)
