"""Listings of either version: prefix, delimiter, pages, where to start, how keys are written."""

from __future__ import annotations

import pytest

from conformance.oracles.proofs import in_order
from conformance.oracles.s3_documents import (
    expect_at_most,
    expect_document,
    expect_keys,
    expect_page,
    expect_prefixes,
    expect_said,
    listing_of,
    text_of,
)
from conformance.oracles.s3_errors import expect_refusal
from conformance.oracles.s3_pages import version_1, version_2, whole_listing
from conformance.oracles.status import expect_status
from conformance.sandbox.bucket_prefix import Space
from conformance.vocabulary.check import case, row, verifies
from conformance.vocabulary.finding import NonConformance
from conformance.vocabulary.wording import worded

NAMES = ["D", "a", "b/1", "b/2", "b/c/1", "d", "e/1", "f", "g--h", "g--i", "z é"]


@pytest.fixture(scope="session")
def shelf(space: Space) -> str:
    """A prefix under which ``NAMES`` stand, longer in bytes than in letters; only read."""
    prefix = space.prefix("shelf") + "日/"
    space.stored_all(prefix, NAMES)
    return prefix


@pytest.mark.parametrize(
    ("prefix", "parameters", "keys", "prefixes"),
    [
        row("storage/listing/lists-what-is-there", "", {}, NAMES, []),
        row("storage/listing/prefix-is-honoured#folder", "b/", {}, ["b/1", "b/2", "b/c/1"], []),
        row("storage/listing/prefix-is-honoured#inside-a-name", "g--", {}, ["g--h", "g--i"], []),
        row("storage/listing/prefix-is-honoured#whole-key", "d", {}, ["d"], []),
        row("storage/listing/nothing-is-an-empty-page", "nothing/", {}, [], []),
        row(
            "storage/listing/delimiter-is-honoured#groups",
            "",
            {"delimiter": "/"},
            ["D", "a", "d", "f", "g--h", "g--i", "z é"],
            ["b/", "e/"],
        ),
        row("storage/listing/delimiter-is-honoured#after-a-prefix", "b/", {"delimiter": "/"}, ["b/1", "b/2"], ["b/c/"]),
        row("storage/listing/delimiter-is-honoured#absent-from-keys", "", {"delimiter": "|"}, NAMES, []),
        row("storage/listing/encoded-where-asked", "", {"encoding_type": "url"}, NAMES, []),
    ],
)
def test_listing(
    space: Space, shelf: str, prefix: str, parameters: dict[str, str], keys: list[str], prefixes: list[str]
) -> None:
    """Purpose: a listing has the keys that begin with its prefix, grouped at the delimiter, and no others.

    Method: 1. list with either version
            2. expect exactly those keys and common prefixes
    """
    for version in (version_2, version_1):
        found = whole_listing(version(space, shelf + prefix, 1000, **parameters))
        expect_keys(found, [shelf + key for key in keys])
        expect_prefixes(found, [shelf + each for each in prefixes])


@verifies("storage/listing/prefix-is-honoured")
@pytest.mark.parametrize("above", [case("from-its-beginning", "above")])
def test_prefix_is_the_beginning_of_a_key(space: Space, above: str) -> None:
    """Purpose: a prefix is what keys begin with: one that has it further on is not listed.

    Method: 1. put an object, and one whose key has the whole key of the first at its end; list under the first's
            2. expect the first alone
    """
    key = space.stored()
    space.stored(key=space.prefix(above) + key)

    for version in (version_2, version_1):
        expect_keys(whole_listing(version(space, key)), [key])


@verifies("storage/listing/is-in-utf8-order")
def test_listing_is_in_utf8_order(space: Space) -> None:
    """Purpose: keys are listed in the order of their UTF-8 bytes.

    Method: 1. put keys whose order differs by directory, by case or by code unit
            2. expect the byte order in one listing, of either version
    """
    prefix = space.prefix()
    wanted = sorted(space.stored_all(prefix, ["a-b", "a/b", "a0", "B", "ﬀ", "𐀀", "é"]), key=str.encode)

    for page in (whole_listing(version(space, prefix)) for version in (version_2, version_1)):
        if page.keys != wanted:
            proof = in_order(page.reply, "Key", wanted)
            raise NonConformance(worded(wanted), worded(page.keys), page.reply, proof=proof)
    grouped = whole_listing(version_2(space, prefix, 1000, "b"))
    groups, ordered = list(grouped.prefixes), sorted(grouped.prefixes, key=str.encode)
    if groups != ordered:
        proof = in_order(grouped.reply, "Prefix", ordered)
        raise NonConformance("common prefixes in the same order", worded(groups), grouped.reply, proof=proof)


@verifies("storage/listing/start-after-is-exclusive")
@pytest.mark.parametrize(
    ("below", "delimiter", "start", "keys", "folders"),
    [
        case("a-key", "", "", "d", ["e/1", "f", "g--h", "g--i", "z é"], []),
        case("between", "", "", "eee", ["f", "g--h", "g--i", "z é"], []),
        case("the-last", "", "", "z é", [], []),
        case("before-the-prefix", "e/", "", "a", ["e/1"], []),
        case("behind-the-prefix", "b/", "", "d", [], []),
        case("with-a-delimiter", "", "/", "d", ["f", "g--h", "g--i", "z é"], ["e/"]),
        case("with-another-delimiter", "", "-", "d", ["e/1", "f", "z é"], ["g-"]),
        case("a-folder-s-name", "", "/", "e", ["f", "g--h", "g--i", "z é"], ["e/"]),
    ],
)
def test_start_after_is_exclusive(
    space: Space, shelf: str, below: str, delimiter: str, start: str, keys: list[str], folders: list[str]
) -> None:
    """Purpose: start-after and marker begin after that key, whether or not it exists.

    Method: 1. list after a key, with either version
            2. expect the keys behind it and not the key itself; with a delimiter the folder that comes behind it, too
    """
    for version in (version_2, version_1):
        found = whole_listing(version(space, shelf + below, delimiter=delimiter, start_after=shelf + start))
        expect_keys(found, [shelf + key for key in keys])
        expect_prefixes(found, [shelf + folder for folder in folders])


@verifies("storage/listing/max-keys-nought-is-empty")
def test_max_keys_nought_is_empty(space: Space, shelf: str) -> None:
    """Purpose: max-keys limits a page, also to nothing.

    Method: 1. list with max-keys=0, with either version
            2. expect no keys, and no page behind it to which nothing leads
    """
    for ask in (space.listing, space.listing_v1):
        page = listing_of(ask(shelf, max_keys="0"))

        expect_keys(page, [])
        expect_page(page, 0)


@verifies("storage/listing/max-keys-above-the-limit-is-served")
def test_max_keys_above_the_limit(space: Space, shelf: str) -> None:
    """Purpose: a page holds 1,000 keys at most; more may be asked for.

    Method: 1. list with max-keys=5000
            2. expect the keys, and MaxKeys as asked or 1000
    """
    found = whole_listing(version_2(space, shelf, 5000))

    expect_keys(found, [shelf + key for key in NAMES])


@verifies("storage/listing/bad-parameters-are-refused")
@pytest.mark.parametrize(
    ("name", "value"),
    [
        case("max-keys-word", "max_keys", "many"),
        case("max-keys-negative", "max_keys", "-1"),
        case("max-keys-fraction", "max_keys", "1.5"),
        case("encoding", "encoding_type", "rot13"),
        case("token", "continuation_token", "no-token-of-yours"),
    ],
)
def test_bad_parameter_is_refused(space: Space, shelf: str, name: str, value: str) -> None:
    """Purpose: a parameter that makes no sense is the caller's fault, and told as such.

    Method: 1. list with the parameter
            2. expect 400 InvalidArgument
    """
    expect_refusal(space.listing(shelf, **{name: value}), 400, {"InvalidArgument", "InvalidToken", "InvalidRequest"})


@verifies("storage/listing/bad-parameters-are-no-server-error")
@pytest.mark.parametrize(
    ("name", "value"),
    [
        case("max-keys-word", "max_keys", "many"),
        case("max-keys-negative", "max_keys", "-1"),
        case("max-keys-huge", "max_keys", "9" * 30),
        case("max-keys-empty", "max_keys", ""),
        case("encoding", "encoding_type", "rot13"),
        case("token", "continuation_token", "no-token-of-yours"),
        case("token-empty", "continuation_token", ""),
        case("version", "list_type", "3"),
        case("owner", "fetch_owner", "perhaps"),
        case("start-after", "start_after", "é\x7f%"),
        case("start-after-long", "start_after", "k" * 1100),
    ],
)
def test_bad_parameter_is_no_server_error(space: Space, shelf: str, name: str, value: str) -> None:
    """Purpose: no parameter of a caller's makes the listing fail on the server's side, nor the next one.

    Method: 1. list with the parameter, with either version
            2. expect 200 or a 4xx (501 where it is not offered), then a good listing as before
    """
    for ask in (space.listing, space.listing_v1):
        expect_status(ask(shelf, **{name: value}), {200, 400, 403, 404, 405, 501})
    expect_keys(whole_listing(version_2(space, shelf)), [shelf + key for key in NAMES])


@verifies("storage/listing/says-what-was-asked")
def test_listing_says_what_was_asked(space: Space, shelf: str) -> None:
    """Purpose: a listing repeats bucket, prefix and delimiter and counts its keys, so that a page is understood alone.

    Method: 1. list with all of them, by either version
            2. expect each in the document, KeyCount in that of version 2, and MaxKeys, where told, no more than asked
    """
    wanted = {"Name": space.name, "Prefix": shelf + "b", "Delimiter": "/"}
    for ask, counted in ((space.listing, ["KeyCount"]), (space.listing_v1, [])):
        page = listing_of(reply := ask(shelf + "b", delimiter="/", max_keys="7"))
        root = expect_document(reply, "ListBucketResult")
        told = {name: text_of(reply, root, name) for name in (*wanted, *counted)}
        for name, value in wanted.items():
            expect_said(reply, name, value, told[name])
        expect_at_most(reply, "MaxKeys", page.max_keys, 7)
        expect_page(page, 7)
