"""Keys that clients show as folders: a key that ends in a slash is an object, a prefix of keys is none."""

from __future__ import annotations

import pytest

from conformance.oracles.s3_documents import expect_keys, expect_prefixes
from conformance.oracles.s3_errors import expect_refusal
from conformance.oracles.s3_objects import expect_bytes, expect_headers
from conformance.oracles.s3_pages import found_under, version_1, version_2, whole_listing
from conformance.oracles.status import expect_no_server_error, expect_success
from conformance.sandbox.bucket_prefix import Space
from conformance.vocabulary.check import case, verifies


@verifies("storage/listing/prefix-is-honoured")
@pytest.mark.parametrize(("one", "other"), [case("of-a-folder-among-its-like", "1/", "1000/")])
def test_folder_is_told_from_its_like(space: Space, one: str, other: str) -> None:
    """Purpose: what is listed under a folder is in it, and in none whose name only begins as its name does.

    Method: 1. put an object into either of two such folders; list under the first, by either version
            2. expect the first's object alone
    """
    prefix = space.prefix()
    key, _ = space.stored_all(prefix, [f"{one}a", f"{other}b"])

    for version in (version_2, version_1):
        expect_keys(whole_listing(version(space, prefix + one)), [key])


@verifies("storage/key/folder-is-no-object")
@pytest.mark.parametrize("end", [case("with-its-slash", "/"), case("without", "")])
def test_folder_is_no_object(space: Space, end: str) -> None:
    """Purpose: where only "a/b" was put there is no object "a/" and none "a", or clients would take them for files.

    Method: 1. put an object, GET and HEAD the beginning of its key up to the slash, with it and without
            2. expect 404
    """
    folder = space.key("folder")
    space.stored(b"below", key=f"{folder}/below")

    for reply in (space.get(folder + end), space.head(folder + end)):
        expect_refusal(reply, 404, {"NoSuchKey"})


@verifies("storage/key/folder-is-no-object")
@pytest.mark.parametrize("method", [case("its-marker-read", "GET"), case("its-marker-asked-for", "HEAD")])
def test_marker_of_a_folder_is_not_its_name(space: Space, method: str) -> None:
    """Purpose: what consoles put for a folder, the empty object "a/", is not read under the key "a" as well.

    Method: 1. put "a/", GET or HEAD "a"
            2. expect 404
    """
    folder = space.key("folder")
    space.stored(b"", key=f"{folder}/")

    expect_refusal(space.call(method, folder), 404, {"NoSuchKey"})


@verifies("storage/key/nothing-stands-below-an-object")
def test_nothing_stands_below_an_object(space: Space) -> None:
    """Purpose: an object is no file in the way of a folder: below it there is nothing, which can be asked and deleted.

    Method: 1. put "a", GET, HEAD and DELETE "a/b", list under "a/", with a delimiter too
            2. expect 404, 404, 2xx, an empty page, and "a" as it was
    """
    key = space.stored(b"an object")
    below = f"{key}/below"

    for reply in (space.get(below), space.head(below)):
        expect_refusal(reply, 404, {"NoSuchKey"})
    expect_success(space.delete(below))
    for delimiter in ("", "/"):
        page = found_under(space, f"{key}/", **({"delimiter": delimiter} if delimiter else {}))
        expect_keys(page, [], "for a prefix below an object")
        expect_prefixes(page, [])
    expect_bytes(space.get(key), b"an object", "for the object, where a key below it was deleted")


@verifies("storage/key/nothing-stands-above-an-object")
def test_nothing_stands_above_an_object(space: Space) -> None:
    """Purpose: what a file system would take for a folder is nothing that could be deleted, full or empty.

    Method: 1. put "a/b", DELETE "a"
            2. expect 2xx, and "a/b" as it was
    """
    folder = space.key("folder")
    key = space.stored(b"below", key=f"{folder}/below")

    expect_success(space.delete(folder))
    expect_bytes(space.get(key), b"below", "where the folder's own name was deleted")


@verifies("storage/key/folder-can-go-alone")
@pytest.mark.parametrize("many", [case("one", False), case("many", True)])
def test_folder_can_go_alone(space: Space, many: bool) -> None:
    """Purpose: to delete "a/" is to delete that object, not all that a file system would have below it.

    Method: 1. put "a/b" and "a/c/d", delete "a/", in one request or by DeleteObjects
            2. expect both as they were
    """
    folder = space.prefix("folder")
    keys = space.stored_all(folder, ["below", "deeper/below"])

    expect_no_server_error(space.delete_many([folder]) if many else space.delete(folder))

    for key, body in zip(keys, (b"below", b"deeper/below"), strict=True):
        expect_bytes(space.get(key), body, "for what is below, where the folder's own key was deleted")


@verifies("storage/object/metadata-comes-back")
@pytest.mark.parametrize("end", [case("of-a-folder", "/")])
def test_metadata_of_a_folder_comes_back(space: Space, end: str) -> None:
    """Purpose: an object whose key ends in a slash has metadata and a type like any other.

    Method: 1. put such an object with them, HEAD it
            2. expect them
    """
    fields = {"Content-Type": "text/csv", "x-amz-meta-owner": "alice"}

    expect_headers(space.head(space.stored(b"", fields, space.key("folder") + end)), fields)


@verifies("storage/listing/key-that-is-the-prefix")
def test_key_that_is_the_prefix_is_listed(space: Space) -> None:
    """Purpose: an object whose key is a folder's name with its slash is listed within that folder.

    Method: 1. put an object under a prefix itself, of a type that is told, and one below it, list there with the slash
               as delimiter
            2. expect both; and the first where the other is deleted
    """
    prefix = space.prefix()
    space.stored(b"", {"Content-Type": "application/octet-stream"}, prefix)
    keys = [prefix, *space.stored_all(prefix, ["a"])]

    expect_keys(whole_listing(version_2(space, prefix, delimiter="/")), keys)
    space.delete(keys[1])
    expect_keys(found_under(space, prefix), keys[:1], "when what is below it is deleted")
