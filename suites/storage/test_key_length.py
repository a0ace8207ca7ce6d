"""Keys of 1,024 bytes work in every operation, and longer ones are refused."""

from __future__ import annotations

import pytest

from conformance.oracles.s3_documents import expect_keys, parts_of, uploads_of
from conformance.oracles.s3_errors import expect_failed_completion, expect_no_error_inside, xml_root
from conformance.oracles.s3_objects import (
    expect_bytes,
    expect_etag,
    expect_headers,
    expect_nothing_stored,
    expect_tag_set,
)
from conformance.oracles.s3_pages import expect_all_pages, found_under, version_1, version_2, whole_listing
from conformance.oracles.status import expect_status, expect_success
from conformance.sandbox.bucket_prefix import Space
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance, NotApplicable, NotOffered
from conformance.vocabulary.wording import worded

BODY = b"of a long key"


def _long(space: Space, size: int, letter: str = "k") -> str:
    """Return a key of this many bytes, or one less, in segments as short as file names."""
    segments = "/".join([letter * (198 // len(letter.encode()))] * 12)
    return f"{space.prefix().ljust(64, '-')}{segments}".encode()[:size].decode(errors="ignore")


def _written(space: Space, key: str, way: str, features: frozenset[str]) -> Exchange:
    """Return the last response of a PUT, a copy, or an upload in one part, which may be refused when opened."""
    if way == "put":
        return space.put(key, BODY)
    if way == "copy":
        return space.copy(key, space.stored(BODY))
    if "storage.multipart" not in features:
        raise NotOffered("the target does not claim storage.multipart")
    reply = space.create_upload(key)
    root = xml_root(reply)
    upload = (root.findtext(".//UploadId") if root is not None else None) or ""
    if not reply.ok or not upload:
        return reply
    part = space.put_part(key, upload, 1, BODY)
    return space.complete(key, upload, [(1, part.headers.get("etag") or "")])


@verifies("storage/key/of-1024-bytes-is-stored")
@pytest.mark.parametrize(
    ("letter", "segment"), [case("ascii", "k", 191), case("two-byte", "é", 12), case("one-segment", "k", 900)]
)
def test_longest_key_is_kept(space: Space, letter: str, segment: int) -> None:
    """Purpose: a key may be 1,024 bytes long in UTF-8, wherever there are slashes in it.
    Method: 1. put and get an object under a key of exactly 1,024 bytes, with a few slashes, with many or with none
            2. expect 2xx, the bytes, what was said of them, and the key in a listing
    """
    parts = [letter * (segment // len(letter.encode()))] * (960 // (segment + 1))
    key = space.prefix().ljust(64, "-") + "/".join(parts)
    key += "-" * (1024 - len(key.encode()))

    expect_success(space.put(key, b"far", fields := {"x-amz-meta-owner": "alice"}))
    expect_bytes(reply := space.get(key), b"far")
    expect_headers(reply, fields)
    expect_keys(whole_listing(version_2(space, key[:64])), [key])
    expect_success(space.delete(key))


@verifies("storage/key/of-1024-bytes-is-stored")
@pytest.mark.parametrize("way", [case("copied", "copy"), case("in-parts", "parts"), case("as-a-source", "source")])
def test_longest_key_of_a_copy_or_upload(space: Space, features: frozenset[str], way: str) -> None:
    """Purpose: a key may be 1,024 bytes long for copies, their sources and multipart uploads, too.
    Method: 1. copy an object to a key of 1,024 bytes, or from one nearly all beyond ASCII, or upload one there in parts
            2. expect its bytes
    """
    key = space.key("copy") if way == "source" else _long(space, 1024)
    if way == "source":
        reply = space.copy(key, space.stored(BODY, key=_long(space, 1024, "é")))
    else:
        reply = _written(space, key, way, features)

    expect_no_error_inside(reply)
    expect_bytes(space.get(key), BODY)
    space.delete(key)


@verifies("storage/key/over-1024-bytes-is-refused")
@pytest.mark.parametrize(
    ("size", "letter", "way"),
    [
        case("one-more", 1025, "k", "put"),
        case("twice", 2048, "k", "put"),
        case("two-byte-letters", 1026, "é", "put"),
        case("copied", 1025, "k", "copy"),
        case("in-parts", 1025, "k", "parts"),
    ],
)
def test_longer_key_is_refused(space: Space, features: frozenset[str], size: int, letter: str, way: str) -> None:
    """Purpose: a key of more than 1,024 bytes is refused, not truncated to another key.
    Method: 1. put an object under such a key, copy one there, or upload one in parts
            2. expect a 4xx, and nothing under its first 1,024 bytes
    """
    key = _long(space, size, letter)
    reply = _written(space, key, way, features)

    expect_failed_completion(reply, range(400, 500))
    expect_nothing_stored(space.get(key.encode()[:1024].decode(errors="ignore")))


@verifies("storage/key/similar-names-are-different#in-parts")
@pytest.mark.usefixtures("multipart")
def test_key_of_an_upload_is_not_decoded_twice(space: Space) -> None:
    """Purpose: a multipart upload creates its object under exactly the key that it names.
    Method: 1. put objects under a key with an escape, under its decoded and under its lower-case form
            2. open two uploads to the first key, abort one, complete the other; expect the others unchanged
    """
    name = "%41 K+\u00e9"
    key = f"{space.prefix()}{name}"
    others = [key.replace("%41", "A"), key.replace("K", "k")]
    if not all(space.put(each, b"put before").ok for each in (key, *others)):
        raise NotApplicable("the target refuses keys with an escape or a different case")
    aborted, upload = space.opened(key), space.opened(key)
    expect_status(space.abort(key, aborted), 204, "for an upload to a key with an escape")
    part = space.put_part(key, upload, 1, b"in parts")
    expect_success(part, "for a part of an object whose key has an escape")
    listed = space.list_parts(key, upload)
    expect_no_error_inside(space.complete(key, upload, [(1, expect_etag(part))]))

    if [each.number for each in parts_of(listed).parts] != [1]:
        expected, seen = "part 1 in the list of parts", worded(parts_of(listed).parts)
        raise NonConformance(expected, seen, listed)
    expect_bytes(space.get(key), b"in parts")
    for each in others:
        expect_bytes(space.get(each), b"put before", f"though it is not {worded(key)}")


@verifies("storage/key/over-1024-bytes-is-refused#read-or-deleted")
def test_longer_key_is_missing(space: Space) -> None:
    """Purpose: reading or deleting a key that no object can have is the client's mistake.
    Method: 1. GET and HEAD a key of more than 1,024 bytes without a slash, DELETE it
            2. expect 400, 404 or 414; for DELETE also 2xx, since there is no object afterwards
    """
    key = f"cf-{'k' * 1100}"
    for reply in (space.get(key), space.head(key)):
        expect_status(reply, {400, 404, 414})
    expect_status(space.delete(key), {*range(200, 300), 400, 404, 414})


@verifies("storage/object/metadata-comes-back#of-a-long-name")
def test_metadata_of_a_long_name_is_returned(space: Space) -> None:
    """Purpose: a metadata name may be long, within the 2 KB for all names and values.
    Method: 1. put an object with such a field; 2. expect 2xx, and the field from HEAD
    """
    name = f"x-amz-meta-{'of-many-words-' * 6}owner"
    key = space.key()

    expect_success(space.put(key, b"annotated", {name: "alice"}))
    expect_headers(space.head(key), {name: "alice"})


@verifies("storage/key/of-1024-bytes-is-stored#in-pages")
def test_long_keys_are_listed_page_by_page(space: Space) -> None:
    """Purpose: a listing distinguishes long keys that differ only at their ends, also as start and prefix.
    Method: 1. put three objects under such keys; list them in pages of one, after the second key, and with it as prefix
            2. expect all three, each once; the third; the second
    """
    beginning = _long(space, 400)
    keys = [space.stored(key=f"{beginning}{number}") for number in "123"]

    for version in (version_2, version_1):
        expect_all_pages(version(space, beginning, 1), 1, keys, [])
        expect_all_pages(version(space, beginning, start_after=keys[1]), 1000, keys[2:], [])
    expect_keys(found_under(space, keys[1]), keys[1:2])


@verifies("storage/key/of-1024-bytes-is-stored#deleted-by-delete-objects")
def test_long_keys_are_deleted_together(space: Space) -> None:
    """Purpose: DeleteObjects does not truncate a long key.
    Method: 1. put two objects under such keys that differ at their ends, delete one by DeleteObjects
            2. expect it gone, and the other unchanged
    """
    beginning = _long(space, 400)
    named, other = (space.stored(BODY, key=f"{beginning}{number}") for number in "12")

    expect_success(space.delete_many([named]))
    expect_status(space.get(named), 404, "for a key that was deleted")
    expect_bytes(space.get(other), BODY, "after another key of the same beginning was deleted")


@verifies("storage/tagging/tags-come-back#of-a-long-key")
def test_tags_of_a_long_key_come_back(space: Space) -> None:
    """Purpose: an object under a long key can be tagged.
    Method: 1. put an object under such a key, tag it; 2. expect the tags
    """
    key = space.stored(key=_long(space, 400))

    expect_success(space.put_tags(key, [("stage", "test")]))
    expect_tag_set(space.get_tags(key), {"stage": "test"})


@verifies("storage/multipart/uploads-are-listed#to-a-long-key")
def test_upload_to_a_long_key_is_listed(space: Space) -> None:
    """Purpose: a client finds its unfinished upload to a long key.
    Method: 1. open an upload to such a key, list the uploads there; 2. expect it
    """
    upload = space.opened(key := _long(space, 400))
    reply = space.list_uploads(key)
    space.abort(key, upload)

    if (found := [each.key for each in uploads_of(reply)]) != [key]:
        raise NonConformance(f"the upload to {key}", worded(found), reply)
