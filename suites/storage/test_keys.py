"""Keys: any name is an object of its own, and no name is normalized or decoded twice."""

from __future__ import annotations

import unicodedata

import pytest

from conformance.oracles.s3_documents import expect_escaped_return, expect_keys
from conformance.oracles.s3_objects import expect_bytes, expect_stored_or_refused
from conformance.oracles.s3_pages import found_under, version_2, whole_listing
from conformance.oracles.status import expect_status, expect_success
from conformance.sandbox.bucket_prefix import Space
from conformance.vocabulary.check import case, verifies

BUCKET = "<bucket>"  # Placeholder for the name of the bucket.
RETURN = "\r"
"""XML parsers read it as a newline where it is not escaped (XML 1.0, 2.11); "Icon\\r" of macOS has one."""
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


@verifies("storage/key/ordinary-names-are-kept")
@pytest.mark.parametrize("name", [case(hint, name) for hint, name in ORDINARY.items()])
def test_name_is_kept(space: Space, name: str) -> None:
    """Purpose: a key may have any Unicode characters, and an object is found under exactly its key.

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


@verifies("storage/key/broken-utf8-is-refused-or-kept")
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
