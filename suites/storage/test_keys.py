"""Keys: any name is an object of its own, nothing is normalized, and slashes and dots name no folders."""

from __future__ import annotations

import unicodedata

import pytest

from conformance.oracles.s3_documents import expect_escaped_return, expect_keys, expect_prefixes
from conformance.oracles.s3_errors import expect_refusal
from conformance.oracles.s3_objects import expect_bytes, expect_headers, expect_stored_or_refused
from conformance.oracles.s3_pages import found_under, version_1, version_2, whole_listing
from conformance.oracles.status import expect_no_server_error, expect_status, expect_success
from conformance.sandbox.bucket_prefix import Space
from conformance.vocabulary.check import case, row, verifies

BUCKET = "<bucket>"  # Placeholder for the name of the bucket.
RETURN = "\r"
"""XML parsers read an unescaped CR as a newline (XML 1.0, 2.11); macOS names a file "Icon\\r"."""
ORDINARY = {
    "blank": " a  b ",
    "unicode": "straße\u00a0日\u200b本\u00ad\u200f\ufeff",
    "emoji": "rocket-🚀.json",
    "punctuation": "!-_.*'()",
    "ampersand": "a&b=c;d",
    "quotes": "\"double\" 'single'",
    "percent": "100%",
    "brackets": "[[x]]>{y}<z>|^`",
    "at-and-colon": "a@b:c$d,e",
    "tilde-and-zeros": "~t~/007",
    "question-and-hash": "what?#part",
    "backslash": "a\\b",
    "deep": "a/.b/c.tmp/d.part/e/.f",
    "dots-within": "_v1..v2.meta",
    "trailing-slash": "folder/",
}
PAIRS = {
    "case": ("Name", "name"),
    "blank-and-plus": ("a b", "a+b"),
    "percent-and-letter": ("%41", "A"),
    "encoded-slash": ("a%2Fb", "a/b"),
    "double-encoded": ("a%2520b", "a%20b"),
    **{f"trailing-{hint}": (f"a{end}", "a") for hint, end in (("dot", "."), ("blank", " "))},
    "trailing-slash": ("a", "a/"),
    "composed-and-decomposed": (unicodedata.normalize("NFC", "é"), unicodedata.normalize("NFD", "é")),
    "backslash-and-slash": ("a\\b", "a/b"),
    "look-alikes": ("a", "а"),
    **{f"end-of-a-{kind}": (f"a{end}", "a") for kind, end in (("string", "\0b"), ("line", "\n"))},
    "name-of-the-bucket": (f"{BUCKET}/a", "a"),
}


@verifies("storage/key/ordinary-names-are-preserved")
@pytest.mark.parametrize("name", [case(hint, name) for hint, name in ORDINARY.items()])
def test_name_is_kept(space: Space, name: str) -> None:
    """Purpose: a key may have any Unicode characters, and an object is found under exactly its key.
    Method: 1. put an object under the key; 2. expect it from GET and in the listing by that key, and gone after DELETE
    """
    prefix = space.prefix()
    key = prefix + name

    expect_success(space.put(key, name.encode()))
    expect_bytes(space.get(key), name.encode())
    expect_keys(found_under(space, prefix), [key])
    expect_success(space.delete(key))
    expect_status(space.get(key), 404, "after the deletion that was answered")


@verifies("storage/key/similar-names-are-different")
@pytest.mark.parametrize(("one", "other"), [case(hint, *pair) for hint, pair in PAIRS.items()])
def test_similar_names_are_different_objects(space: Space, one: str, other: str) -> None:
    """Purpose: keys are compared byte by byte: similar names are different objects.
    Method: 1. put an object under one name, expect nothing under the other; put another there (a 4xx is accepted)
            2. expect each to have its own bytes
    """
    prefix, one = space.prefix(), one.replace(BUCKET, space.name)
    first = space.put(prefix + one, b"one")
    expect_stored_or_refused(first, space.get(prefix + one), b"one")
    expect_status(space.get(prefix + other), 404, "under the similar name, before anything was put there")
    second = space.put(prefix + other, b"other")

    expect_stored_or_refused(second, space.get(prefix + other), b"other")
    if first.ok:
        expect_bytes(space.get(prefix + one), b"one", "after a similar name was written")


@verifies("storage/key/broken-utf8-is-refused-or-stored")
@pytest.mark.parametrize(
    "tail", [case("lone-byte", b"\xff"), case("overlong-slash", b"\xc0\xaf"), case("cut-sequence", b"\xe2\x82")]
)
def test_broken_utf8_is_refused_or_kept(space: Space, tail: bytes) -> None:
    """Purpose: a key that is not UTF-8 is reported as the client's mistake, and never names another object.
    Method: 1. put an object under a key with a broken sequence
            2. expect a 4xx and nothing stored, or the object under exactly that key
    """
    key = space.prefix().encode() + tail
    put = space.put(key, b"broken")

    expect_stored_or_refused(put, space.get(key), b"broken")
    space.delete(key)


@verifies("storage/key/control-characters-are-listed-or-refused")
@pytest.mark.parametrize(
    "letter",
    [case("newline", "\n"), case("tab", "\t"), case("escape", "\x1b"), case("one", "\x01"), case("return", RETURN)],
)
def test_control_characters_do_not_break_listings(space: Space, letter: str) -> None:
    """Purpose: a key with a control character does not make a bucket unlistable: it is refused, or listed encoded.
    Method: 1. put an object under such a key, and one with an ordinary key
            2. expect both keys, if accepted, from a listing with encoding-type=url
            3. expect 200 for the plain listing, with a carriage return, which XML can express, as one
    """
    prefix = space.prefix()
    other = space.stored(b"other", key=prefix + "other")
    key = f"{prefix}unusual{letter}key"
    put = space.put(key, b"unusual")

    expect_stored_or_refused(put, space.get(key), b"unusual")
    listed = whole_listing(version_2(space, prefix, encoding_type="url"))
    expect_keys(listed, [other, key] if put.ok else [other])
    expect_status(space.listing(prefix), 200, "for a plain listing where a key with a control character was put")
    if put.ok and letter == RETURN:
        expect_escaped_return(whole_listing(version_2(space, prefix)), [other, key])
    space.delete(key)


DOTTED = {
    "double-slash": ("a//b", "a/b"),
    "dot": ("a/./b", "a/b"),
    "dot-dot": ("a/c/../b", "a/b"),
    "encoded-dots": ("a/c/%2e%2e/b", "a/b"),
    "triple-slash": ("a///b", "a/b"),
    "slashes-at-the-end": ("a//", "a/"),
}


@verifies("storage/listing/prefix-is-honoured#similar-folders")
def test_similar_folders_are_distinguished(space: Space) -> None:
    """Purpose: a listing of a folder has no keys of a folder whose name begins alike.
    Method: 1. put an object into each of two such folders; list the first, in either version; 2. expect only its object
    """
    one = "1/"
    other = "1000/"
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
    Method: 1. put "a/below" or "a/"; GET and HEAD "a/" or "a"; 2. expect 404
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


@verifies("storage/object/metadata-comes-back#of-a-folder")
def test_metadata_of_a_folder_is_returned(space: Space) -> None:
    """Purpose: an object whose key ends in a slash has metadata and a type like any other.
    Method: 1. put such an object with them, HEAD it; 2. expect them
    """
    fields = {"Content-Type": "text/csv", "x-amz-meta-owner": "alice"}

    expect_headers(space.head(space.stored(b"", fields, space.key("folder") + "/")), fields)


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


@verifies("storage/key/object-and-prefix-coexist")
def test_object_and_prefix_coexist(space: Space) -> None:
    """Purpose: "a" and "a/b" can both be objects, since keys have no hierarchy.
    Method: 1. put "a" and "a/b"; delete each and put it again; 2. expect each to survive the deletion of the other
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


@verifies("storage/key/leading-slash-is-preserved")
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
@pytest.mark.parametrize(
    ("name", "normal", "deletes"),
    [
        *(case(hint, *pair, False) for hint, pair in DOTTED.items()),
        *(case(f"deleted-{hint}", *pair, True) for hint, pair in DOTTED.items()),
    ],
)
def test_dots_and_slashes_alias_nothing(space: Space, name: str, normal: str, deletes: bool) -> None:
    """Purpose: a key is no path, also in a Delete document: dots and doubled slashes in it lead to no other object.
    Method: 1. put an object under the normal name; put another under the dotted one (it may be refused), or delete it
            2. expect the first unchanged, and the second, if accepted, to be its own
    """
    prefix = space.prefix()
    key = space.stored(b"normal", key=prefix + normal)
    if not deletes:
        put = space.put(prefix + name, b"dotted")
        expect_stored_or_refused(put, space.get(prefix + name), b"dotted")
    for deleted in (space.delete, lambda key: space.delete_many([key])) if deletes else ():
        expect_no_server_error(deleted(prefix + name))
        expect_bytes(space.get(key), b"normal", "for the normal name, after the dotted one was deleted")
    expect_bytes(space.get(key), b"normal", "which the dotted name must not reach")
