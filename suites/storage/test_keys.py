"""Keys: any name is its own object, nothing is normalised, nothing escapes."""

from __future__ import annotations

import unicodedata

import pytest

from conformance.oracles.s3_documents import expect_keys, expect_return_told
from conformance.oracles.s3_errors import expect_refusal
from conformance.oracles.s3_objects import expect_bytes, expect_headers, expect_nothing_stored, expect_own_or_refused
from conformance.oracles.s3_pages import found_under, version_2, whole_listing
from conformance.oracles.status import expect_no_server_error, expect_status, expect_success
from conformance.sandbox.bucket_prefix import Space
from conformance.vocabulary.check import case, verifies

TOO_LONG = {"KeyTooLongError", "InvalidObjectName", "InvalidArgument", "InvalidURI", "InvalidRequest"}
BUCKET = "<bucket>"  # Stands in a name for that of the bucket.
RETURN = "\r"
"""A reader of XML takes it for a newline where it is not escaped (XML 1.0, 2.11): so "Icon\\r" of macOS is lost."""
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
    "tilde-and-noughts": "~t~/007",
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
    "slash-behind": ("a", "a/"),
    "composed-and-decomposed": (unicodedata.normalize("NFC", "é"), unicodedata.normalize("NFD", "é")),
    "backslash-and-slash": ("a\\b", "a/b"),
    "look-alikes": ("a", "а"),
    **{f"end-of-a-{kind}": (f"a{end}", "a") for kind, end in (("string", "\0b"), ("line", "\n"))},
    "name-of-the-bucket": (f"{BUCKET}/a", "a"),
}
DOTTED = {
    "double-slash": ("a//b", "a/b"),
    "dot": ("a/./b", "a/b"),
    "dot-dot": ("a/c/../b", "a/b"),
    "encoded-dots": ("a/c/%2e%2e/b", "a/b"),
    "triple-slash": ("a///b", "a/b"),
    "slashes-at-the-end": ("a//", "a/"),
}


@verifies("storage/key/ordinary-names-are-kept")
@pytest.mark.parametrize("name", [case(hint, name) for hint, name in ORDINARY.items()])
def test_name_is_kept(space: Space, name: str) -> None:
    """Purpose: a key is a sequence of Unicode characters, and an object is found under exactly its key.

    Method: 1. put an object under the key
            2. expect it from GET, in the listing under the same key, and gone after DELETE
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

    Method: 1. put an object under one name, expect nothing under the other
            2. put another object there (a name may be refused as the caller's fault)
            3. expect each to have its own bytes
    """
    prefix, one = space.prefix(), one.replace(BUCKET, space.name)
    first = space.put(prefix + one, b"one")
    expect_own_or_refused(first, space.get(prefix + one), b"one")
    expect_status(space.get(prefix + other), 404, "under the similar name, before anything was put there")
    second = space.put(prefix + other, b"other")

    expect_own_or_refused(second, space.get(prefix + other), b"other")
    if first.ok:
        expect_bytes(space.get(prefix + one), b"one", "after a similar name was written")


@verifies("storage/key/object-beside-its-prefix")
def test_object_beside_its_own_prefix(space: Space) -> None:
    """Purpose: keys have no hierarchy: an object may stand under a name that is the beginning of others' names.

    Method: 1. put "a" and "a/b"
            2. expect both to be there, and each to survive the deletion of the other; and "a" put again beside "a/b"
    """
    space.stored(b"beside", key=(prefix := space.prefix()) + "a")

    expect_success(space.put(prefix + "a/b", b"below"))
    expect_bytes(space.get(prefix + "a"), b"beside", "after one was put below it")
    expect_bytes(space.get(prefix + "a/b"), b"below", "below another object")
    expect_success(space.delete(prefix + "a/b"))
    expect_bytes(space.get(prefix + "a"), b"beside", "after the one below it was deleted")
    space.stored(b"below", key=prefix + "a/b")
    expect_success(space.delete(prefix + "a"))
    expect_success(space.put(prefix + "a", b"again"), "above another object")
    expect_bytes(space.get(prefix + "a/b"), b"below", "after one was put above it")


@verifies("storage/key/leading-slash-is-kept")
def test_leading_slash_is_kept(space: Space) -> None:
    """Purpose: a slash at the beginning of a key is part of it.

    Method: 1. put an object, put another under its key with a slash before it (it may be refused)
            2. expect the first as it was, and the second to be its own where it was taken, also in a listing
    """
    key = space.stored(b"without")
    with space.removing(f"/{key}"):
        put = space.put(f"/{key}", b"with")
        expect_own_or_refused(put, space.get(f"/{key}"), b"with")
        expect_bytes(space.get(key), b"without", "which the other name must not reach")
        if put.ok:
            expect_keys(found_under(space, f"/{key}"), [f"/{key}"], "for a prefix that begins with a slash")
    if put.ok:
        expect_bytes(space.get(key), b"without", "after the other name was deleted")


@verifies("storage/key/dots-and-slashes-alias-nothing")
@pytest.mark.parametrize(("name", "normal"), [case(hint, *pair) for hint, pair in DOTTED.items()])
def test_dots_and_slashes_alias_nothing(space: Space, name: str, normal: str) -> None:
    """Purpose: a key is no path: dots and doubled slashes in it lead to no other object.

    Method: 1. put an object under the normal name
            2. put another under the dotted name; it may be refused
            3. expect the first to be as it was, and the second to be its own where it was taken
    """
    prefix = space.prefix()
    key = space.stored(b"normal", key=prefix + normal)
    put = space.put(prefix + name, b"dotted")

    expect_own_or_refused(put, space.get(prefix + name), b"dotted")
    expect_bytes(space.get(key), b"normal", "which the dotted name must not reach")


@verifies("storage/key/dots-and-slashes-alias-nothing")
@pytest.mark.parametrize(("name", "normal"), [case(f"deleted-{hint}", *pair) for hint, pair in DOTTED.items()])
def test_deleting_a_dotted_name_deletes_nothing_else(space: Space, name: str, normal: str) -> None:
    """Purpose: a name to be deleted is no path either, in the request's own path and in a Delete document.

    Method: 1. put an object under the normal name, delete the dotted one in both ways
            2. expect the object as it was
    """
    prefix = space.prefix()
    key = space.stored(b"normal", key=prefix + normal)

    for deleted in (space.delete(prefix + name), space.delete_many([prefix + name])):
        expect_no_server_error(deleted)
        expect_bytes(space.get(key), b"normal", "for the normal name, where the dotted one was deleted")


@verifies("storage/key/of-1024-bytes-is-kept")
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

    expect_success(space.put(key, b"far", told := {"x-amz-meta-owner": "alice"}))
    expect_bytes(reply := space.get(key), b"far")
    expect_headers(reply, told)
    expect_keys(whole_listing(version_2(space, key[:64])), [key])
    expect_success(space.delete(key))


@verifies("storage/key/over-1024-bytes-is-refused")
@pytest.mark.parametrize(
    ("size", "letter"), [case("one-more", 1025, "k"), case("twice", 2048, "k"), case("two-byte-letters", 1026, "é")]
)
def test_longer_key_is_refused(space: Space, size: int, letter: str) -> None:
    """Purpose: a key beyond 1,024 bytes is refused, not cut.

    Method: 1. put an object under a key that is too long
            2. expect 400 KeyTooLongError, or 414, and nothing under its first 1,024 bytes
    """
    parts = "/".join(letter * (198 // len(letter.encode())) for _ in range(12))
    key = (space.prefix().ljust(64, "-") + parts).encode()[:size].decode(errors="ignore")
    reply = space.put(key, b"too far")

    expect_refusal(reply, {400, 414}, TOO_LONG if reply.status == 400 else ())
    expect_nothing_stored(space.get(key.encode()[:1024].decode(errors="ignore")))


@verifies("storage/key/broken-utf8-is-refused-or-kept")
@pytest.mark.parametrize(
    "tail", [case("lone-byte", b"\xff"), case("overlong-slash", b"\xc0\xaf"), case("cut-sequence", b"\xe2\x82")]
)
def test_broken_utf8_is_refused_or_kept(space: Space, tail: bytes) -> None:
    """Purpose: a key that is not UTF-8 is the caller's fault, told as such, and never another object.

    Method: 1. put an object under a key with a broken sequence
            2. expect a 4xx and nothing stored, or the object under exactly that key
    """
    key = space.prefix().encode() + tail
    put = space.put(key, b"broken")

    expect_own_or_refused(put, space.get(key), b"broken")
    space.delete(key)


@verifies("storage/key/control-characters-do-not-break-listings")
@pytest.mark.parametrize(
    "letter",
    [case("newline", "\n"), case("tab", "\t"), case("escape", "\x1b"), case("one", "\x01"), case("return", RETURN)],
)
def test_control_characters_do_not_break_listings(space: Space, letter: str) -> None:
    """Purpose: one hard key does not make a bucket unreadable: a key is refused, or can be listed URL-encoded.

    Method: 1. put an object under a key with a control character, and one beside it
            2. where it is taken, expect both keys from a listing with encoding-type=url
            3. expect the plain listing not to be a server error, and to tell a carriage return, which XML can, as one
    """
    prefix = space.prefix()
    beside = space.stored(b"beside", key=prefix + "beside")
    key = f"{prefix}hard{letter}key"
    put = space.put(key, b"hard")

    expect_own_or_refused(put, space.get(key), b"hard")
    listed = whole_listing(version_2(space, prefix, encoding_type="url"))
    expect_keys(listed, [beside, key] if put.ok else [beside])
    expect_status(space.listing(prefix), 200, "for a plain listing where a key with a control character was put")
    if put.ok and letter == RETURN:
        expect_return_told(whole_listing(version_2(space, prefix)), [beside, key])
    space.delete(key)
