"""Keys that need encoding in a listing: encoding-type=url, and special characters in a prefix."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from urllib.parse import unquote

import pytest

from conformance.oracles.proofs import lacks, says, says_something
from conformance.oracles.s3_documents import expect_document, expect_keys, expect_prefixes
from conformance.oracles.s3_pages import (
    Request,
    begun,
    expect_all_pages,
    found_under,
    version_1,
    version_2,
    whole_listing,
)
from conformance.sandbox.bucket_prefix import Space
from conformance.vocabulary.check import case, row, verifies
from conformance.vocabulary.finding import NonConformance, Proof
from conformance.vocabulary.wording import worded

NAMES = ["a%20b/1", "a%20b/2", "c+d", "e%2Ff", "g&h", "i?j#k", "l m", "~", "\u00e9/1", "\u00e9/2"]
TOP, FOLDERS = ["c+d", "e%2Ff", "g&h", "i?j#k", "l m", "~"], ["a%20b/", "\u00e9/"]


@pytest.fixture(scope="session")
def encoded(space: Space) -> str:
    """A prefix that has the objects ``NAMES``; checks only read them."""
    prefix = space.prefix("encoded")
    space.stored_all(prefix, NAMES)
    return prefix


@pytest.mark.parametrize("size", [case(str(size), size) for size in (1, 2, 3)])
@pytest.mark.parametrize(
    "version",
    [
        row("storage/paging/encoded-pages-contain-every-key-once", version_2),
        row("storage/paging/next-marker-is-encoded", version_1),
    ],
)
def test_encoded_pages(space: Space, encoded: str, version: Callable[..., Request], size: int) -> None:
    """Purpose: SDKs request encoded keys and decode each key and each NextMarker, so they must get every page so.
    Method: 1. read all pages with encoding-type=url, with and without a delimiter, from decoded markers or from tokens
            2. decoded, expect every key and every common prefix once
    """
    for delimiter, names, folders in (("", NAMES, []), ("/", TOP, FOLDERS)):
        ask = version(space, encoded, size, delimiter, encoding_type="url")
        expect_all_pages(ask, size, [encoded + name for name in names], [encoded + folder for folder in folders])


MARKS = {
    "ascii": "+",
    "percent": "%",
    "ampersand": "&",
    "blank": " ",
    "two-byte": "é",
    "three-byte": "日",
    "four-byte": "🚀",
}


@pytest.fixture(scope="session")
def marked(space: Space) -> str:
    """A prefix that has, for each mark, two objects whose names begin with "a" and the mark; checks only read them."""
    prefix = space.prefix("marked")
    space.stored_all(prefix, ["a", "b", *(f"a{mark}{number}" for mark in MARKS.values() for number in "12")])
    return prefix


@pytest.mark.parametrize("mark", [case(f"{hint}-character", mark) for hint, mark in MARKS.items()])
@pytest.mark.parametrize(
    "name",
    [
        row("storage/listing/prefix-is-honoured", "prefix"),
        row("storage/listing/delimiter-is-honoured", "delimiter"),
        row("storage/listing/start-after-is-exclusive", "start_after"),
    ],
)
def test_parameter_of_any_character(space: Space, marked: str, name: str, mark: str) -> None:
    """Purpose: prefix, delimiter and start are text: a character has its effect, however many bytes it is in UTF-8.
    Method: 1. list with either version, with a prefix, a delimiter or a start that ends in such a character
            2. expect just the keys with that prefix; or these in one common prefix; or the keys after the start
    """
    names = sorted(["a", "b", *(f"a{each}{number}" for each in MARKS.values() for number in "12")], key=str.encode)
    start = f"a{mark}1"
    keys = {
        "prefix": [each for each in names if each.startswith(f"a{mark}")],
        "delimiter": [each for each in names if mark not in each],
        "start_after": names[names.index(start) + 1 :],
    }[name]
    for version in (version_2, version_1):
        found = whole_listing(
            {
                "prefix": lambda ask: ask(space, f"{marked}a{mark}"),
                "delimiter": lambda ask: ask(space, marked, delimiter=mark),
                "start_after": lambda ask: ask(space, marked, start_after=marked + start),
            }[name](version)
        )
        expect_keys(found, [marked + each for each in keys])
        expect_prefixes(found, [f"{marked}a{mark}"] if name == "delimiter" else [])


@verifies("storage/listing/encoding-type-is-reported")
def test_encoding_type_is_reported(space: Space, encoded: str) -> None:
    """Purpose: a client knows from the response whether to decode the keys.
    Method: 1. list with and without encoding-type=url, with either version
            2. expect EncodingType url and encoded keys if requested, and otherwise neither
    """
    for version, asked in product((version_2, version_1), ({"encoding_type": "url"}, {})):
        reply = begun(version(space, encoded + "é", 1000, **asked)).reply
        root = expect_document(reply, "ListBucketResult")
        reported, keys = root.findtext("EncodingType"), [key.text or "" for key in root.iter("Key")]
        plain = any("é" in key for key in keys)
        if (reported == "url", plain) != (bool(asked), not asked):
            wanted = "EncodingType url and encoded keys" if asked else "no EncodingType and keys as they are"
            proof = says(reply, "EncodingType", "url") if asked and reported != "url" else None
            proof = proof or (lacks(reply, "<EncodingType>url<") if reported == "url" and not asked else None)
            proof = proof or (lacks(reply, "é") if asked else Proof(reply.id, matches="<Key>[^<]*é"))
            shown = f"EncodingType {reported or 'none'} and the keys {worded(keys)}"
            raise NonConformance(wanted, shown, reply, proof=proof)


@verifies("storage/listing/request-values-are-encoded")
def test_request_values_are_encoded(space: Space, encoded: str) -> None:
    """Purpose: a client that decodes an encoded listing decodes also the request's values that it repeats.
    Method: 1. list with encoding-type=url, a prefix, a delimiter and a start-after that need encoding
            2. expect prefix and delimiter repeated, and each of the three encoded wherever it occurs
    """
    asked = {"Prefix": f"{encoded}é/", "Delimiter": "é", "StartAfter": f"{encoded}é/1"}
    reply = space.listing(asked["Prefix"], delimiter="é", start_after=asked["StartAfter"], encoding_type="url")
    root = expect_document(reply, "ListBucketResult")

    for name, value in asked.items():
        found = root.findtext(name)
        if not found and name != "StartAfter":
            proof = says_something(reply, name)
            raise NonConformance(f"{name} {worded(value)}, encoded", f"no {name}", reply, proof=proof)
        if found and (not found.isascii() or unquote(found.replace("+", " ")) != value):
            wrong = f"<{name}>{found}</{name}>"
            raise NonConformance(f"{name} that decodes to {worded(value)}", wrong, reply, proof=lacks(reply, wrong))


@verifies("storage/listing/prefix-is-honoured")
@pytest.mark.parametrize(
    ("prefix", "keys"),
    [
        *(
            case(f"of-{hint}", name[:-1], [name])
            for hint, name in zip(("plus", "percent", "and", "query", "space"), TOP, strict=False)
        ),
        *(
            case(f"no-pattern-{hint}", prefix, [])
            for hint, prefix in (
                *(("underscore", "_"), ("percent", "%"), ("asterisk", "*"), ("backslash", "\\c")),
                *(
                    ("dot", "."),
                    ("quote", "'"),
                    ("other-case", "C"),
                    ("trailing-space", "~ "),
                    ("decoded-again", "%7E"),
                ),
            )
        ),
    ],
)
def test_prefix_is_taken_literally(space: Space, encoded: str, prefix: str, keys: list[str]) -> None:
    """Purpose: a prefix matches exactly its characters, even those that a query or a database treats specially.
    Method: 1. list under a prefix with special characters
            2. expect the key that begins with it; no keys if they match it only as a pattern or in another spelling
    """
    page = found_under(space, encoded + prefix)

    expect_keys(page, [encoded + key for key in keys], f"under {worded(encoded + prefix)}")


@verifies("storage/listing/prefix-is-honoured#only-at-the-start")
def test_prefix_matches_only_the_start_of_a_key(space: Space) -> None:
    """Purpose: a prefix does not match a key that contains it further on.
    Method: 1. put an object, and one whose key ends with the key of the first; list under the first key
            2. expect only the first
    """
    key = space.stored()
    space.stored(key=space.prefix("above") + key)

    for version in (version_2, version_1):
        expect_keys(whole_listing(version(space, key)), [key])
