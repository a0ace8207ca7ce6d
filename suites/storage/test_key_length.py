"""Keys at and beyond 1024 bytes in every operation, and long names of metadata."""

from __future__ import annotations

import pytest

from conformance.oracles.proofs import has_element, lists
from conformance.oracles.s3_documents import expect_keys, parts_of, uploads_of
from conformance.oracles.s3_errors import expect_failed_completion, expect_no_error_inside, xml_root
from conformance.oracles.s3_objects import (
    expect_bytes,
    expect_etag,
    expect_headers,
    expect_nothing_stored,
    expect_tag_set,
)
from conformance.oracles.s3_pages import expect_all_pages, found_under, version_1, version_2
from conformance.oracles.status import expect_status, expect_success
from conformance.sandbox.bucket_prefix import Space
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance, NotApplicable, NotOffered
from conformance.vocabulary.wording import worded

TOO_LONG = {"KeyTooLongError", "InvalidObjectName", "InvalidArgument", "InvalidURI", "InvalidRequest"}


def _long(space: Space, size: int, letter: str = "k") -> str:
    """A key of so many bytes, or hardly less, in segments that are names of files."""
    segments = "/".join([letter * (198 // len(letter.encode()))] * 12)
    return f"{space.prefix().ljust(64, '-')}{segments}".encode()[:size].decode(errors="ignore")


def _uploaded(space: Space, key: str) -> Exchange:
    """The answer that ends an upload in one part: to its opening where that is refused, else to its completion."""
    reply = space.create_upload(key)
    root = xml_root(reply)
    upload = (root.findtext(".//UploadId") if root is not None else None) or ""
    if not reply.ok or not upload:
        return reply
    part = space.put_part(key, upload, 1, b"too far")
    return space.complete(key, upload, [(1, part.headers.get("etag") or "")])


@verifies("storage/key/over-1024-bytes-is-refused")
@pytest.mark.parametrize("way", [case("copied", "copy"), case("in-parts", "parts")])
def test_longer_key_is_refused_in_any_way(space: Space, features: frozenset[str], way: str) -> None:
    """Purpose: a key beyond 1,024 bytes is refused, not cut, also where a copy or an upload in parts makes the object.

    Method: 1. copy an object to a key of 1,025 bytes, or upload one there in parts
            2. expect 400 KeyTooLongError, or 414, and nothing under its first 1,024 bytes
    """
    if way == "parts" and "storage.multipart" not in features:
        raise NotOffered("the target does not claim storage.multipart")
    key = _long(space, 1025)

    reply = space.copy(key, space.stored()) if way == "copy" else _uploaded(space, key)

    expect_failed_completion(reply, {400, 414}, TOO_LONG if reply.status != 414 else ())
    expect_nothing_stored(space.get(key[:1024]))


@verifies("storage/key/of-1024-bytes-is-kept")
@pytest.mark.parametrize("way", [case("copied", "copy"), case("in-parts", "parts")])
def test_longest_key_is_kept_in_any_way(space: Space, features: frozenset[str], way: str) -> None:
    """Purpose: a key may be 1,024 bytes long, also where a copy or an upload in parts makes the object.

    Method: 1. copy an object to a key of 1,024 bytes, or upload one there in parts
            2. expect its bytes
    """
    if way == "parts" and "storage.multipart" not in features:
        raise NotOffered("the target does not claim storage.multipart")
    key = _long(space, 1024)

    expect_no_error_inside(space.copy(key, space.stored(b"too far")) if way == "copy" else _uploaded(space, key))
    expect_bytes(space.get(key), b"too far")
    space.delete(key)


@verifies("storage/key/similar-names-are-different")
@pytest.mark.parametrize("name", [case("in-parts", "%41 K+\u00e9")])
def test_key_of_parts_is_its_very_letters(space: Space, features: frozenset[str], name: str) -> None:
    """Purpose: an upload makes its object under the key that it names, and not under one that is decoded once more.

    Method: 1. put objects under a hard key and two that it would be decoded to or be in small letters; open two uploads
               to the hard key, abort one of them, send a part of the other, list and complete it
            2. expect 204, the part, and its bytes there, and the others as they were
    """
    if "storage.multipart" not in features:
        raise NotOffered("the target does not claim storage.multipart")
    key = f"{space.prefix()}{name}"
    others = [key.replace("%41", "A"), key.replace("K", "k")]
    if not all(space.put(each, b"put before").ok for each in (key, *others)):
        raise NotApplicable("the target takes no such keys")
    aborted, upload = space.opened(key), space.opened(key)
    expect_status(space.abort(key, aborted), 204, "for an upload to a key that is hard to read")
    part = space.put_part(key, upload, 1, b"in parts")
    expect_success(part, "for a part of an object whose key is hard to read")
    listed = space.list_parts(key, upload)
    expect_no_error_inside(space.complete(key, upload, [(1, expect_etag(part))]))

    if [each.number for each in parts_of(listed).parts] != [1]:
        raise NonConformance("the part", worded(parts_of(listed).parts), listed, proof=has_element(listed, "Part"))
    expect_bytes(space.get(key), b"in parts")
    for each in others:
        expect_bytes(space.get(each), b"put before", f"though it is not {worded(key)}")


@verifies("storage/key/over-1024-bytes-is-refused")
@pytest.mark.parametrize("key", [case("not-read", f"cf-{'k' * 1100}")])
def test_longer_key_is_not_there(space: Space, key: str) -> None:
    """Purpose: to ask for a key that no object can have is the caller's slip, and nothing fails by it.

    Method: 1. GET and HEAD a key of more than 1,024 bytes without a slash, DELETE it
            2. expect 400, 404 or 414; of DELETE 2xx too, for there is no object afterwards
    """
    for reply in (space.get(key), space.head(key)):
        expect_status(reply, {400, 404, 414})
    expect_status(space.delete(key), {*range(200, 300), 400, 404, 414})


@verifies("storage/object/metadata-comes-back")
@pytest.mark.parametrize("name", [case("of-a-long-name", f"x-amz-meta-{'of-many-words-' * 6}owner")])
def test_metadata_of_a_long_name_comes_back(space: Space, name: str) -> None:
    """Purpose: a name of metadata may be long: it is among the two kibibytes that there may be, as its value is.

    Method: 1. put an object with such a field: expect 2xx
            2. expect it from HEAD
    """
    key = space.key()

    expect_success(space.put(key, b"annotated", {name: "alice"}))
    expect_headers(space.head(key), {name: "alice"})


@verifies("storage/key/of-1024-bytes-is-kept")
@pytest.mark.parametrize("size", [case("in-pages", 400)])
def test_long_keys_are_listed_page_by_page(space: Space, size: int) -> None:
    """Purpose: long keys that differ at their ends are told apart by a listing, and by where it is to go on.

    Method: 1. put three objects under such keys; read their pages of one, by either version, from the second key on,
               and under the whole second key as a prefix
            2. expect all three, each once; the third; the second
    """
    begun = _long(space, size)
    keys = [space.stored(key=f"{begun}{number}") for number in "123"]

    for version in (version_2, version_1):
        expect_all_pages(version(space, begun, 1), 1, keys, [])
        expect_all_pages(version(space, begun, start_after=keys[1]), 1000, keys[2:], [])
    expect_keys(found_under(space, keys[1]), keys[1:2])


@verifies("storage/key/of-1024-bytes-is-kept")
@pytest.mark.parametrize("size", [case("deleted-with-others", 400)])
def test_long_keys_are_deleted_together(space: Space, size: int) -> None:
    """Purpose: a long key in a Delete document is the whole key.

    Method: 1. put two objects under such keys that differ at their ends, delete one by DeleteObjects
            2. expect it gone, and the other as it was
    """
    begun = _long(space, size)
    named, beside = (space.stored(b"of a long key", key=f"{begun}{number}") for number in "12")

    expect_success(space.delete_many([named]))
    expect_status(space.get(named), 404, "for a key that was deleted")
    expect_bytes(space.get(beside), b"of a long key", "though another key that begins so was deleted")


@verifies("storage/key/of-1024-bytes-is-kept")
@pytest.mark.parametrize("letter", [case("as-a-source", "é")])
def test_long_key_is_a_source(space: Space, letter: str) -> None:
    """Purpose: a long key can be copied from, where it takes thrice as many letters as it has bytes.

    Method: 1. put an object under a key of nearly 1,024 bytes, all beyond ASCII but its beginning; copy it
            2. expect its bytes
    """
    source = space.stored(b"of a long key", key=_long(space, 1024, letter))
    key = space.key("copy")

    expect_no_error_inside(space.copy(key, source))
    expect_bytes(space.get(key), b"of a long key")


@verifies("storage/tagging/tags-come-back")
@pytest.mark.parametrize("size", [case("of-a-long-key", 400)])
def test_tags_of_a_long_key_come_back(space: Space, size: int) -> None:
    """Purpose: tags are kept of an object under a long key, too.

    Method: 1. put an object under such a key, tag it
            2. expect the tags
    """
    key = space.stored(key=_long(space, size))

    expect_success(space.put_tags(key, [("stage", "test")]))
    expect_tag_set(space.get_tags(key), {"stage": "test"})


@verifies("storage/multipart/uploads-are-listed")
@pytest.mark.parametrize("size", [case("to-a-long-key", 400)])
def test_upload_to_a_long_key_is_listed(space: Space, size: int) -> None:
    """Purpose: an upload to a long key that broke off can be found.

    Method: 1. open an upload to such a key, list the uploads there
            2. expect it
    """
    upload = space.opened(key := _long(space, size))
    reply = space.list_uploads(key)
    space.abort(key, upload)

    if (found := [each.key for each in uploads_of(reply)]) != [key]:
        raise NonConformance(f"the upload to {key}", worded(found), reply, proof=lists("Upload/Key", [reply], [key]))
