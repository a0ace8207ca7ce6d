"""Keys are not paths: slashes and dots name no folders, and no other object."""

from __future__ import annotations

import pytest

from conformance.oracles.s3_documents import expect_keys, expect_prefixes
from conformance.oracles.s3_errors import expect_refusal
from conformance.oracles.s3_objects import expect_bytes, expect_headers, expect_stored_or_refused
from conformance.oracles.s3_pages import found_under, version_1, version_2, whole_listing
from conformance.oracles.status import expect_no_server_error, expect_success
from conformance.sandbox.bucket_prefix import Space
from conformance.vocabulary.check import case, row, verifies

DOTTED = {
    "double-slash": ("a//b", "a/b"),
    "dot": ("a/./b", "a/b"),
    "dot-dot": ("a/c/../b", "a/b"),
    "encoded-dots": ("a/c/%2e%2e/b", "a/b"),
    "triple-slash": ("a///b", "a/b"),
    "slashes-at-the-end": ("a//", "a/"),
}


@verifies("storage/listing/prefix-is-honoured")
@pytest.mark.parametrize(("one", "other"), [case("similar-folders", "1/", "1000/")])
def test_similar_folders_are_distinguished(space: Space, one: str, other: str) -> None:
    """Purpose: a listing of a folder has no keys of a folder whose name begins alike.

    Method: 1. put an object into each of two such folders; list under the first, by either version
            2. expect the first's object only
    """
    prefix = space.prefix()
    key, _ = space.stored_all(prefix, [f"{one}a", f"{other}b"])

    for version in (version_2, version_1):
        expect_keys(whole_listing(version(space, prefix + one)), [key])


@verifies("storage/key/folder-is-no-object")
@pytest.mark.parametrize(
    ("stored", "read"),
    [case("with-its-slash", "/below", "/"), case("without-slash", "/below", ""), case("marker-without-slash", "/", "")],
)
def test_folder_is_no_object(space: Space, stored: str, read: str) -> None:
    """Purpose: clients must not take a prefix of keys, or the empty object "a/", for a file "a".

    Method: 1. put "a/below" or "a/"; GET and HEAD "a/" or "a"
            2. expect 404
    """
    folder = space.key("folder")
    space.stored(b"below" if stored == "/below" else b"", key=folder + stored)

    for reply in (space.get(folder + read), space.head(folder + read)):
        expect_refusal(reply, 404, {"NoSuchKey"})


@verifies("storage/key/no-object-below-an-object")
def test_no_object_below_an_object(space: Space) -> None:
    """Purpose: below an object "a" there is no "a/b", and reading, deleting or listing it does not fail.

    Method: 1. put "a"; GET, HEAD and DELETE "a/b"; list under "a/", with and without a delimiter
            2. expect 404, 404, 2xx, an empty page, and "a" unchanged
    """
    key = space.stored(b"an object")
    below = f"{key}/below"

    for reply in (space.get(below), space.head(below)):
        expect_refusal(reply, 404, {"NoSuchKey"})
    expect_success(space.delete(below))
    for parameters in ({}, {"delimiter": "/"}):
        page = found_under(space, f"{key}/", **parameters)
        expect_keys(page, [], "for a prefix below an object")
        expect_prefixes(page, [])
    expect_bytes(space.get(key), b"an object", "for the object, after a key below it was deleted")


@pytest.mark.parametrize(
    ("end", "many"),
    [
        row("storage/key/deleting-a-folder-deletes-nothing-below#name", "", False),
        row("storage/key/deleting-a-folder-deletes-nothing-below#marker", "/", False),
        row("storage/key/deleting-a-folder-deletes-nothing-below#marker-by-delete-objects", "/", True),
    ],
)
def test_deleting_a_folder_deletes_nothing_below(space: Space, end: str, many: bool) -> None:
    """Purpose: DELETE of "a" or "a/" deletes that key only, unlike a file system.

    Method: 1. put "a/below" and "a/deeper/below", delete "a" or "a/", also by DeleteObjects
            2. expect 2xx for "a", no 5xx for "a/", and both objects unchanged
    """
    folder = space.key("folder")
    keys = space.stored_all(f"{folder}/", ["below", "deeper/below"])

    reply = space.delete_many([folder + end]) if many else space.delete(folder + end)
    if end:
        expect_no_server_error(reply)
    else:
        expect_success(reply)
    for key, body in zip(keys, (b"below", b"deeper/below"), strict=True):
        expect_bytes(space.get(key), body, "for an object below, after the folder's key was deleted")


@verifies("storage/object/metadata-comes-back")
@pytest.mark.parametrize("end", [case("of-a-folder", "/")])
def test_metadata_of_a_folder_is_returned(space: Space, end: str) -> None:
    """Purpose: an object whose key ends in a slash has metadata and a type like any other.

    Method: 1. put such an object with them, HEAD it
            2. expect them
    """
    fields = {"Content-Type": "text/csv", "x-amz-meta-owner": "alice"}

    expect_headers(space.head(space.stored(b"", fields, space.key("folder") + end)), fields)


@verifies("storage/listing/key-that-is-the-prefix")
def test_key_that_is_the_prefix_is_listed(space: Space) -> None:
    """Purpose: a folder's own object "a/" is listed within the folder.

    Method: 1. put an object under a prefix itself, of a stated type, and one below it; list with delimiter "/"
            2. expect both; and the first after the other is deleted
    """
    prefix = space.prefix()
    space.stored(b"", {"Content-Type": "application/octet-stream"}, prefix)
    keys = [prefix, *space.stored_all(prefix, ["a"])]

    expect_keys(whole_listing(version_2(space, prefix, delimiter="/")), keys)
    space.delete(keys[1])
    expect_keys(found_under(space, prefix), keys[:1], "after the object below it was deleted")


@verifies("storage/key/object-beside-its-prefix")
def test_object_beside_its_own_prefix(space: Space) -> None:
    """Purpose: "a" and "a/b" can both be objects, since keys have no hierarchy.

    Method: 1. put "a" and "a/b"; delete each and put it again
            2. expect each to be there, and to survive the deletion of the other
    """
    space.stored(b"above", key=(prefix := space.prefix()) + "a")

    expect_success(space.put(prefix + "a/b", b"below"))
    expect_bytes(space.get(prefix + "a"), b"above", "after an object was put below it")
    expect_bytes(space.get(prefix + "a/b"), b"below", "below another object")
    expect_success(space.delete(prefix + "a/b"))
    expect_bytes(space.get(prefix + "a"), b"above", "after the object below it was deleted")
    space.stored(b"below", key=prefix + "a/b")
    expect_success(space.delete(prefix + "a"))
    expect_success(space.put(prefix + "a", b"again"), "above another object")
    expect_bytes(space.get(prefix + "a/b"), b"below", "after an object was put above it")


@verifies("storage/key/leading-slash-is-kept")
def test_leading_slash_is_kept(space: Space) -> None:
    """Purpose: a slash at the beginning of a key is part of it.

    Method: 1. put an object, and another under its key with a slash before it (it may be refused)
            2. expect the first unchanged, and the second, if accepted, to be its own, also in a listing
    """
    key = space.stored(b"without")
    with space.removing(f"/{key}"):
        put = space.put(f"/{key}", b"with")
        expect_stored_or_refused(put, space.get(f"/{key}"), b"with")
        expect_bytes(space.get(key), b"without", "which the other name must not reach")
        if put.ok:
            expect_keys(found_under(space, f"/{key}"), [f"/{key}"], "for a prefix that begins with a slash")
    if put.ok:
        expect_bytes(space.get(key), b"without", "after the other name was deleted")


@verifies("storage/key/dots-and-slashes-alias-nothing")
@pytest.mark.parametrize(("name", "normal"), [case(hint, *pair) for hint, pair in DOTTED.items()])
def test_dots_and_slashes_alias_nothing(space: Space, name: str, normal: str) -> None:
    """Purpose: a key is no path: dots and doubled slashes in it lead to no other object.

    Method: 1. put an object under the normal name, and another under the dotted one (it may be refused)
            2. expect the first unchanged, and the second, if accepted, to be its own
    """
    prefix = space.prefix()
    key = space.stored(b"normal", key=prefix + normal)
    put = space.put(prefix + name, b"dotted")

    expect_stored_or_refused(put, space.get(prefix + name), b"dotted")
    expect_bytes(space.get(key), b"normal", "which the dotted name must not reach")


@verifies("storage/key/dots-and-slashes-alias-nothing")
@pytest.mark.parametrize(("name", "normal"), [case(f"deleted-{hint}", *pair) for hint, pair in DOTTED.items()])
def test_deleting_a_dotted_name_deletes_nothing_else(space: Space, name: str, normal: str) -> None:
    """Purpose: a key to be deleted is no path, neither in the request's path nor in a Delete document.

    Method: 1. put an object under the normal name, delete the dotted one in both ways
            2. expect the object unchanged
    """
    prefix = space.prefix()
    key = space.stored(b"normal", key=prefix + normal)

    for deleted in (space.delete(prefix + name), space.delete_many([prefix + name])):
        expect_no_server_error(deleted)
        expect_bytes(space.get(key), b"normal", "for the normal name, after the dotted one was deleted")
