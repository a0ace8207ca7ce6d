"""Every read returns the last write, whichever operation wrote, replaced or deleted the object."""

from __future__ import annotations

import pytest

from conformance.clients.s3.aws_chunked import chunked
from conformance.oracles.headers import expect_absent_headers
from conformance.oracles.s3_documents import expect_entry, expect_keys, expect_prefixes, expect_said
from conformance.oracles.s3_errors import expect_no_error_inside, require
from conformance.oracles.s3_objects import (
    expect_bytes,
    expect_etag,
    expect_headers,
    expect_if_told,
    expect_nothing_stored,
    expect_same_etag,
    expect_same_headers,
    expect_stored,
    expect_tag_set,
)
from conformance.oracles.s3_pages import found_under, version_1, version_2, whole_listing
from conformance.oracles.status import NOT_OFFERED, expect_status, expect_success
from conformance.sandbox.bucket_prefix import Space
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.finding import NotOffered

COPIED, UPLOADED = b"what was copied over it", b"what was uploaded in a part"


def _expect_read(space: Space, key: str, body: bytes, because: str) -> None:
    """GET has these bytes, and HEAD and a listing tell of the same object."""
    got, head, listed = space.get(key), space.head(key), found_under(space, key)
    expect_bytes(got, body, because)
    expect_status(head, 200, because)
    # Of nothing it may be left out here, as by proxies that do: HEAD equals GET is a promise of its own.
    (expect_headers if body else expect_if_told)(head, {"content-length": str(len(body))})
    tag, entry = expect_same_etag(got, head), expect_entry(listed, key)
    for name, wanted, told in (("Size", str(len(body)), str(entry.size)), ("ETag", tag, entry.etag)):
        expect_said(listed.reply, name, wanted, told, because, got)


def _deleted(space: Space) -> str:
    """A key whose object has just been deleted."""
    require(space.delete(key := space.stored(b"deleted")), "objects to be deleted")
    return key


@verifies("storage/object/written-is-read")
@pytest.mark.parametrize("first", [case("where-it-was-copied-over", b"what stood there")])
def test_what_is_copied_over_is_read(space: Space, first: bytes) -> None:
    """Purpose: after a copy is answered every read sees it, whatever was read there a moment ago.

    Method: 1. put two objects; ask for one of them and for a key that has none, by GET, HEAD and a listing; copy the
               other to each, and to a key that was deleted a moment ago
            2. expect the copy's bytes, length and ETag of all three
    """
    # Whatever is written between a look and the copy would be what a cache is told by.
    new, gone, key, source = space.key(), _deleted(space), space.stored(first), space.stored(COPIED)
    _expect_read(space, key, first, "straight after writing it")
    expect_nothing_stored(space.get(new), "before the first write")
    expect_status(space.head(new), 404, "before the first write")
    expect_keys(found_under(space, new), [], "before the first write")
    for each in (key, new, gone):
        expect_no_error_inside(space.copy(each, source))
        _expect_read(space, each, COPIED, "straight after copying it")


@verifies("storage/object/written-is-read")
@pytest.mark.parametrize("first", [case("by-who-has-the-old-one", b"what a reader has")])
def test_what_is_written_anew_is_read_by_its_readers(space: Space, first: bytes) -> None:
    """Purpose: who asks whether what it has is still there is given what was written since, or it never sees that.

    Method: 1. put an object, GET it, and again by If-None-Match with its ETag; put other bytes there
            2. expect those bytes from GET by If-None-Match with the first ETag
    """
    key = space.stored(first)
    has = {"If-None-Match": expect_etag(space.get(key))}
    space.get(key, has)
    expect_success(space.put(key, b"what was written since"))

    expect_bytes(space.get(key, has), b"what was written since", "of who has the one before")


@verifies("storage/object/overwriting-replaces-everything")
@pytest.mark.parametrize("body", [case("but-the-bytes", b"the same bytes")])
def test_same_bytes_are_described_anew(space: Space, body: bytes) -> None:
    """Purpose: a PUT of the bytes that stand there replaces the object, in a store that keeps equal bytes once as well.

    Method: 1. put an object with metadata and a type, GET and HEAD it, put the same bytes with others
            2. expect those of the second from both, and none of the first
    """
    first = {"Content-Type": "text/plain", "x-amz-meta-owner": "alice", "x-amz-meta-first": "1"}
    fields = {"Content-Type": "text/csv", "x-amz-meta-owner": "bob"}
    key = space.stored(body, first)
    for reply in (space.get(key), space.head(key)):
        expect_headers(reply, first)
    expect_success(space.put(key, body, fields))

    for reply in (space.get(key), space.head(key)):
        expect_headers(reply, fields)
        expect_absent_headers(reply, ["x-amz-meta-first"], "of the object that was replaced")


@verifies("storage/object/overwriting-replaces-everything")
@pytest.mark.parametrize("body", [case("by-nothing", b"")])
def test_empty_object_replaces_what_stood(space: Space, body: bytes) -> None:
    """Purpose: to put an empty object where one stands is to empty it, as a client does that truncates a file.

    Method: 1. put an object, read it, put an empty one over it
            2. expect no bytes and that length from GET, HEAD and a listing
    """
    key = space.stored(b"what stood there")
    _expect_read(space, key, b"what stood there", "straight after writing it")

    expect_success(space.put(key, body))
    _expect_read(space, key, body, "straight after overwriting it by nothing")


@verifies("storage/object/head-equals-get")
@pytest.mark.parametrize("body", [case("of-nothing", b"")])
def test_head_of_nothing_tells_its_length(space: Space, body: bytes) -> None:
    """Purpose: who asks by HEAD before copying is told of an empty object, too, how long it is: command lines want it.

    Method: 1. put an empty object, GET and HEAD it
            2. expect the length in HEAD if GET tells it, and the ETag
    """
    key = space.stored(body)
    got, head = space.get(key), space.head(key)

    expect_bytes(got, body)
    expect_status(head, 200)
    expect_same_headers(head, got, ("etag", "content-length") if "content-length" in got.headers else ("etag",))


@verifies("storage/object/system-headers-come-back")
@pytest.mark.parametrize("given", [case("type-of-any-bytes", "application/octet-stream")])
def test_type_of_any_bytes_comes_back(space: Space, given: str) -> None:
    """Purpose: who says that an object is mere bytes has it read as such: a page under such a name would run scripts.

    Method: 1. put an object as application/octet-stream under a key that ends in .html
            2. expect that type in GET and HEAD
    """
    key = space.stored(b"<script>", {"Content-Type": given}, f"{space.key()}.html")

    for reply in (space.get(key), space.head(key)):
        expect_headers(reply, {"Content-Type": given})


@verifies("storage/object/written-is-read")
@pytest.mark.parametrize("first", [case("where-an-upload-was-completed", b"what stood there")])
def test_what_is_uploaded_in_parts_is_read(space: Space, features: frozenset[str], first: bytes) -> None:
    """Purpose: after an upload is completed every read sees its object, whatever was read there a moment ago.

    Method: 1. ask for two keys, of which one has an object, by GET, HEAD and a listing; complete an upload to each,
               and to a key that was deleted a moment ago
            2. expect the bytes, length and ETag of the upload's object of all three
    """
    if "storage.multipart" not in features:
        raise NotOffered("the target does not claim storage.multipart")
    new, gone, key = space.key(), _deleted(space), space.stored(first)
    _expect_read(space, key, first, "straight after writing it")
    expect_nothing_stored(space.get(new), "before the first write")
    expect_status(space.head(new), 404, "before the first write")
    for each in (key, new, gone):
        upload = space.opened(each)
        require(space.complete(each, upload, [space.part(each, upload, 1, UPLOADED)]), "multipart uploads")
        _expect_read(space, each, UPLOADED, "straight after its upload was completed")


@verifies("storage/object/delete-removes")
@pytest.mark.parametrize("count", [case("of-two-at-once", 2)])
def test_what_is_deleted_with_others_is_gone(space: Space, count: int) -> None:
    """Purpose: what DeleteObjects tells as deleted is gone at once, from reads and from listings.

    Method: 1. put two objects, each over another, read each by GET, HEAD and a listing, delete both by DeleteObjects
            2. expect 404 of GET and HEAD, and an empty listing
    """
    prefix = space.prefix()
    keys = space.stored_all(prefix, [str(number) for number in range(count)])
    for key in keys:
        space.stored(b"anew", key=key)
    for key in keys:
        _expect_read(space, key, b"anew", "straight after writing it")

    require(space.delete_many(keys), "DeleteObjects")
    for key in keys:
        expect_nothing_stored(space.get(key), "for a key that was deleted")
        expect_status(space.head(key), 404, "for a key that was deleted")
    expect_keys(found_under(space, prefix), [], "when all are deleted")


@verifies("storage/object/delete-removes")
@pytest.mark.parametrize("body", [case("from-every-operation", b"to be deleted")])
def test_deleted_object_is_gone_from_every_operation(space: Space, features: frozenset[str], body: bytes) -> None:
    """Purpose: what was deleted is not to be had by another way: under a condition, by part, by its tags, as a source.

    Method: 1. put an object, read it, delete it
            2. expect 404 from GET with its ETag in If-Match (or 412), of its part 1, of its tags where they are claimed
               (or that these are not offered), and from a copy of it, and nothing copied
    """
    key, copy = space.stored(body), space.key("copy")
    tag = expect_same_etag(space.get(key), space.head(key))
    require(space.delete(key), "objects to be deleted")

    expect_status(space.get(key, {"If-Match": tag}), {404, 412}, "for a key that was deleted")
    for query in ({"partNumber": "1"}, *([{"tagging": ""}] if "storage.tagging" in features else [])):
        expect_status(space.get(key, query=query), {400, 404, *NOT_OFFERED}, "for a key that was deleted")
    expect_status(space.copy(copy, key), 404, "for a source that was deleted")
    expect_nothing_stored(space.get(copy))


@verifies("storage/conditional-write/keeps-what-is-there")
@pytest.mark.parametrize("body", [case("what-was-copied", COPIED)])
def test_if_none_match_keeps_what_was_copied(space: Space, body: bytes) -> None:
    """Purpose: If-None-Match: * never overwrites an object, that a copy made too.

    Method: 1. copy an object, then PUT to its key with If-None-Match: *
            2. expect 412, and the copy's bytes
    """
    key = space.key("copy")
    expect_no_error_inside(space.copy(key, space.stored(body)))

    expect_status(space.put(key, b"intruder", {"If-None-Match": "*"}), 412)
    expect_stored(space.get(key), body)


@verifies("storage/conditional-write/replaces-what-matches")
@pytest.mark.parametrize("body", [case("what-was-copied-over", COPIED)])
def test_if_match_replaces_what_was_copied_over(space: Space, body: bytes) -> None:
    """Purpose: the ETag that an object has is the one that If-Match asks for, that a copy gave it over another, too.

    Method: 1. put an object, copy another over it, PUT with If-Match of the ETag that HEAD tells
            2. expect 2xx and the new bytes
    """
    key = space.stored(b"what stood there")
    expect_no_error_inside(space.copy(key, space.stored(body)))
    tag = expect_etag(space.head(key))

    expect_success(space.put(key, b"what was put since", {"If-Match": tag}))
    expect_bytes(space.get(key), b"what was put since")


OWNED = {"x-amz-meta-owner": "alice", "x-amz-meta-earlier": "yes"}


@verifies("storage/object/overwriting-replaces-everything")
@pytest.mark.parametrize("body", [case("that-was-deleted", b"anew")])
def test_deleted_metadata_does_not_come_back(space: Space, body: bytes) -> None:
    """Purpose: an object that is put where one was deleted is a new one, and has nothing of that one.

    Method: 1. put an object with metadata, delete it, put one without there
            2. expect none of that metadata
    """
    key = space.stored(b"deleted", OWNED)
    require(space.delete(key), "objects to be deleted")
    space.stored(body, key=key)

    expect_absent_headers(space.head(key), OWNED, "of the object that was deleted")


@verifies("storage/tagging/go-along-with-a-copy")
@pytest.mark.parametrize("tags", [case("and-are-its-own", {"stage": "test"})])
def test_tags_of_a_copy_are_its_own(space: Space, tags: dict[str, str]) -> None:
    """Purpose: tags that go along with a copy are the copy's from then on, whatever becomes of its source's.

    Method: 1. put an object with tags, copy it, give the source other tags
            2. expect the copy's as they were copied
    """
    source, key = space.stored(b"tagged", {"x-amz-tagging": "stage=test"}), space.key("copy")
    expect_no_error_inside(space.copy(key, source))
    expect_success(space.put_tags(source, [("stage", "production")]))

    expect_tag_set(space.get_tags(key), tags)


@verifies("storage/object/overwriting-replaces-everything")
@pytest.mark.parametrize("body", [case("by-chunks", b"in chunks")])
def test_chunks_replace_a_longer_object(space: Space, body: bytes) -> None:
    """Purpose: what comes in chunks replaces what stood there to its end, of which it may not know the length before.

    Method: 1. put an object, then a shorter one in a signed chunk
            2. expect the bytes of the second
    """
    key = space.stored(b"what stood there, and was longer")
    expect_success(space.s3.send_as_is(chunked(space.request("PUT", key), space.s3.keys, [body]).assembled()))

    expect_bytes(space.get(key), body)


@verifies("storage/object/written-is-read")
@pytest.mark.parametrize("body", [case("in-each-listing", b"copied")])
def test_copy_is_in_each_listing(space: Space, body: bytes) -> None:
    """Purpose: an object is listed at once, with the folder that it makes and by either version, however it was made.

    Method: 1. copy an object into a new folder; list there with a delimiter and without, by either version
            2. expect the folder, and the key
    """
    prefix = space.prefix()
    for version in (version_2, version_1):
        expect_keys(whole_listing(version(space, prefix)), [], "before the first write")
    expect_no_error_inside(space.copy(key := f"{prefix}folder/copy", space.stored(body)))

    for version in (version_2, version_1):
        expect_prefixes(whole_listing(version(space, prefix, delimiter="/")), [f"{prefix}folder/"])
        expect_keys(whole_listing(version(space, prefix)), [key], "straight after copying it")
