"""Listings of either version: prefix, delimiter, start, parameters, entries, and lists of buckets."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

import pytest

from conformance.clients.s3.client import S3
from conformance.oracles.s3_documents import (
    Listing,
    buckets_of,
    expect_at_most,
    expect_document,
    expect_element,
    expect_entry,
    expect_keys,
    expect_page,
    expect_prefixes,
    listing_of,
    text_of,
)
from conformance.oracles.s3_errors import require
from conformance.oracles.s3_objects import expect_etag
from conformance.oracles.s3_pages import (
    expect_all_pages,
    expect_more,
    first_with_entry,
    pages,
    version_1,
    version_2,
    whole_listing,
)
from conformance.oracles.status import expect_refused, expect_status, observed
from conformance.sandbox.bucket_prefix import Space
from conformance.target.description import Storage
from conformance.vocabulary.check import case, rows, verifies
from conformance.vocabulary.finding import Inconclusive, NonConformance
from conformance.vocabulary.values import ROUNDED_S, seconds_of_date, seconds_of_time
from conformance.vocabulary.wording import worded

NAMES = ["D", "a", "b/1", "b/2", "b/c/1", "d", "e/1", "f", "g--h", "g--i", "z é"]
TOP, FOLDERS = ["D", "a", "d", "f", "g--h", "g--i", "z é"], ["b/", "e/"]
VERSIONS = (version_2, version_1)
NOT_OFFERED = {400, 501}


@pytest.fixture(scope="session")
def parent(space: Space) -> str:
    """A prefix that has the objects ``NAMES``, longer in bytes than in characters; checks only read them."""
    prefix = space.prefix("parent") + "日/"
    space.stored_all(prefix, NAMES)
    return prefix


@pytest.mark.parametrize(
    ("prefix", "parameters", "start", "keys", "prefixes"),
    rows(
        {
            "storage/listing/contains-every-object-once": {
                "under-a-prefix": ("", {}, "", NAMES, []),
                "url-encoded": ("", {"encoding_type": "url"}, "", NAMES, []),
            },
            "storage/listing/max-keys-above-the-limit-is-served": {"": ("", {"max_keys": "5000"}, "", NAMES, [])},
            "storage/listing/prefix-is-honoured": {
                "folder": ("b/", {}, "", ["b/1", "b/2", "b/c/1"], []),
                "inside-a-name": ("g--", {}, "", ["g--h", "g--i"], []),
                "whole-key": ("d", {}, "", ["d"], []),
                "no-match": ("nothing/", {}, "", [], []),
            },
            "storage/listing/delimiter-is-honoured": {
                "groups": ("", {"delimiter": "/"}, "", TOP, FOLDERS),
                "after-a-prefix": ("b/", {"delimiter": "/"}, "", ["b/1", "b/2"], ["b/c/"]),
                "absent-from-keys": ("", {"delimiter": "|"}, "", NAMES, []),
            },
            "storage/listing/start-after-is-exclusive": {
                "a-key": ("", {}, "d", ["e/1", "f", "g--h", "g--i", "z é"], []),
                "no-key": ("", {}, "eee", ["f", "g--h", "g--i", "z é"], []),
                "last-key": ("", {}, "z é", [], []),
                "before-the-prefix": ("e/", {}, "a", ["e/1"], []),
                "after-the-prefix": ("b/", {}, "d", [], []),
                "with-a-delimiter": ("", {"delimiter": "/"}, "d", ["f", "g--h", "g--i", "z é"], ["e/"]),
                "with-another-delimiter": ("", {"delimiter": "-"}, "d", ["e/1", "f", "z é"], ["g-"]),
                "folder-name": ("", {"delimiter": "/"}, "e", ["f", "g--h", "g--i", "z é"], ["e/"]),
            },
        }
    ),
)
def test_listing(
    space: Space, parent: str, prefix: str, parameters: dict[str, Any], start: str, keys: list[str], prefixes: list[str]
) -> None:
    """Purpose: a listing has exactly the keys that begin with its prefix after its start, grouped at the delimiter.
    Method: 1. list with either version; after a key, which need not exist, by start-after or marker
            2. expect exactly those keys and common prefixes, and not the start itself
    """
    begin: dict[str, Any] = {"start_after": parent + start} if start else {}
    for version in VERSIONS:
        found = whole_listing(version(space, parent + prefix, **parameters, **begin))
        expect_keys(found, [parent + key for key in keys])
        expect_prefixes(found, [parent + each for each in prefixes])


@verifies("storage/listing/contains-every-object-once")
@pytest.mark.parametrize("start", [case("whole-bucket", "start-after"), case("whole-bucket-v1", "marker")])
def test_listing_of_the_whole_bucket(space: Space, parent: str, start: str) -> None:
    """Purpose: "aws s3 ls s3://my-app/" lists the bucket without a prefix.
    Method: 1. list without a prefix, with encoding-type=url, from just before a folder on; then with the delimiter "/"
            2. expect the folder's keys in order, as far as the page goes; then the folder as a common prefix
    """
    version = {"list-type": "2", "encoding-type": "url"} if start == "start-after" else {"encoding-type": "url"}

    def whole_bucket(**asked: str) -> Listing:
        query = version | asked
        return first_with_entry(
            lambda token: space.call("GET", query=query | ({"continuation-token": token} if token else {}))
        )

    page = whole_bucket(**{start: parent, "max-keys": str(len(NAMES))})
    expected = [parent + each for each in NAMES][: len(page.keys) if page.truncated else None]
    if page.keys != expected:
        raise NonConformance(f"the keys {worded(expected)} after {parent}", worded(page.keys), page.reply)

    folder = parent.removesuffix("日/")
    page = whole_bucket(**{"prefix": "", "delimiter": "/", start: folder[:-2]})
    if folder not in page.prefixes:
        raise NonConformance(f"the common prefix {folder}", worded(list(page.prefixes)), page.reply)


@verifies("storage/listing/delimiter-is-honoured#folder-object")
def test_folder_object_is_grouped(space: Space) -> None:
    """Purpose: an object whose key is the folder's name with its slash is listed from above as the folder only.
    Method: 1. put such an object, list above it with delimiter slash; 2. expect it as the common prefix, and no keys
    """
    slash = "/"
    folder = space.stored(b"", key=space.key("folder") + slash)

    for version in VERSIONS:
        listing = whole_listing(version(space, folder.removesuffix(slash), delimiter=slash))
        expect_keys(listing, [], "in addition to the common prefix")
        expect_prefixes(listing, [folder])


@verifies("storage/listing/empty-folders-disappear")
@pytest.mark.parametrize("at_once", [case("one-by-one", False), case("together", True)])
def test_empty_folders_disappear(space: Space, at_once: bool) -> None:
    """Purpose: a folder is only the common start of keys: after its last key is deleted no listing has it.
    Method: 1. put objects in folders and one outside, list the folders, delete the objects in them
            2. expect the folders at first, then only the object outside, with and without a delimiter
    """
    prefix = space.prefix()
    *inside, outside = space.stored_all(prefix, ["deep/one", "deep/er/two", "other/three", "outside"])
    expect_prefixes(whole_listing(version_2(space, prefix, delimiter="/")), [f"{prefix}deep/", f"{prefix}other/"])
    if at_once:
        space.delete_many(inside)
    else:
        for key in inside:
            space.delete(key)

    for delimiter, version in product(("", "/"), VERSIONS):
        listing = whole_listing(version(space, prefix, delimiter=delimiter))
        expect_keys(listing, [outside], "after all keys in folders were deleted")
        expect_prefixes(listing, [])


@verifies("storage/listing/delimiter-of-several-characters")
def test_delimiter_of_several_characters(space: Space, parent: str) -> None:
    """Purpose: a delimiter of several characters groups at all of them, or is refused: S3 documents one character.
    Method: 1. list with the delimiter "/1", with either version
            2. expect 400 or 501; or a common prefix for each key that ends with it, and every other key
    """
    if space.listing(parent, delimiter="/1").status in NOT_OFFERED:
        return
    for version in VERSIONS:
        found = whole_listing(version(space, parent, delimiter="/1"))
        expect_keys(found, [parent + name for name in NAMES if not name.endswith("/1")])
        expect_prefixes(found, [parent + name for name in NAMES if name.endswith("/1")])


@verifies("storage/listing/is-in-utf8-order")
def test_listing_is_in_utf8_order(space: Space) -> None:
    """Purpose: clients that compare two listings rely on the order of the keys' UTF-8 bytes.
    Method: 1. put keys whose order differs by directory, by case or by code unit
            2. expect the byte order of keys with either version, and of common prefixes
    """
    prefix = space.prefix()
    expected = sorted(space.stored_all(prefix, ["a-b", "a/b", "a0", "B", "ﬀ", "𐀀", "é"]), key=str.encode)

    for page in (whole_listing(version(space, prefix)) for version in VERSIONS):
        if page.keys != expected:
            raise NonConformance(worded(expected), worded(page.keys), page.reply)
    page = whole_listing(version_2(space, prefix, 1000, "b"))
    groups, ordered = list(page.prefixes), sorted(page.prefixes, key=str.encode)
    if groups != ordered:
        raise NonConformance(f"common prefixes in the order {worded(ordered)}", worded(groups), page.reply)


@verifies("storage/listing/start-after-is-exclusive#keys-below-it")
def test_start_after_keeps_keys_below_it(space: Space) -> None:
    """Purpose: a listing that begins after a key has the keys in the folder of that name, which come after it.
    Method: 1. put a key, keys below it and similar ones; list after it, also one per page; 2. expect all but the key
    """
    prefix = space.prefix("below")
    keys = space.stored_all(prefix, ["a", "a/1", "a/2/3", "a1", "ab"])

    for version, size in product(VERSIONS, (1000, 1)):
        expect_all_pages(version(space, prefix, size, start_after=prefix + "a"), size, keys[1:], [])


@verifies("storage/listing/max-keys-zero-is-empty")
def test_max_keys_zero(space: Space, parent: str) -> None:
    """Purpose: a client asks with max-keys=0 whether it may list at all.
    Method: 1. list with max-keys=0, in either version; 2. expect no keys, and no further page without a token or marker
    """
    for ask in (space.listing, space.listing_v1):
        expect_keys(page := listing_of(ask(parent, max_keys="0")), [])
        expect_page(page, 0)


@verifies("storage/listing/empty-parameters-have-no-effect")
def test_empty_parameters_have_no_effect(space: Space, parent: str) -> None:
    """Purpose: a client that always sends a delimiter and a start may send them empty.
    Method: 1. list with an empty delimiter and an empty start-after, in version 1 with an empty marker
            2. expect every key, and no common prefixes
    """
    for start, ask in (("start_after", space.listing), ("marker", space.listing_v1)):
        page = listing_of(ask(parent, **{"delimiter": "", start: ""}))
        expect_prefixes(page, [])
        if not page.truncated:
            expect_keys(page, [parent + each for each in NAMES])


INVALID = {
    "max-keys-word": ("max_keys", "many"),
    "max-keys-negative": ("max_keys", "-1"),
    "encoding": ("encoding_type", "rot13"),
    "token": ("continuation_token", "no-token-of-yours"),
}
UNUSUAL = {
    "max-keys-huge": ("max_keys", "9" * 30),
    "max-keys-empty": ("max_keys", ""),
    "token-empty": ("continuation_token", ""),
    "version": ("list_type", "3"),
    "owner": ("fetch_owner", "perhaps"),
    "start-after": ("start_after", "é\x7f%"),
    "start-after-long": ("start_after", "k" * 1100),
}


@verifies("storage/listing/bad-parameters-are-refused")
@pytest.mark.parametrize(
    ("name", "value"),
    [*(case(hint, *each) for hint, each in INVALID.items()), case("max-keys-fraction", "max_keys", "1.5")],
)
def test_bad_parameter_is_refused(space: Space, parent: str, name: str, value: str) -> None:
    """Purpose: a client learns that it sent an invalid parameter, instead of getting a wrong listing.
    Method: 1. list with the parameter; 2. expect a 4xx
    """
    expect_refused(space.listing(parent, **{name: value}))


@verifies("storage/listing/bad-parameters-are-no-server-error")
@pytest.mark.parametrize(("name", "value"), [case(hint, *each) for hint, each in (INVALID | UNUSUAL).items()])
def test_bad_parameter_is_no_server_error(space: Space, parent: str, name: str, value: str) -> None:
    """Purpose: no parameter of a client's makes this listing or the next one fail on the server's side.
    Method: 1. list with the parameter, with either version
            2. expect 200 or a 4xx (501 if it is not offered), then a complete listing as before
    """
    for ask in (space.listing, space.listing_v1):
        expect_status(ask(parent, **{name: value}), {200, 400, 403, 404, 405, 501})
    expect_keys(whole_listing(version_2(space, parent)), [parent + key for key in NAMES])


@verifies("storage/listing/response-repeats-the-request#parameters")
def test_listing_repeats_its_parameters(space: Space, parent: str) -> None:
    """Purpose: a page can be understood without its request: it repeats bucket, prefix and delimiter.
    Method: 1. list with all of them, by either version
            2. expect each in the document, KeyCount in that of version 2, and any MaxKeys no larger than requested
    """
    size = 7
    expected = {"Name": space.name, "Prefix": parent + "b", "Delimiter": "/"}
    for ask, counted in ((space.listing, ["KeyCount"]), (space.listing_v1, [])):
        page = listing_of(reply := ask(parent + "b", delimiter="/", max_keys=str(size)))
        root = expect_document(reply, "ListBucketResult")
        found = {name: text_of(reply, root, name) for name in (*expected, *counted)}
        for name, value in expected.items():
            expect_element(reply, name, value, found[name])
        expect_at_most(reply, "MaxKeys", page.max_keys, size)
        expect_page(page, size)


@verifies("storage/listing/response-repeats-the-request#start")
def test_listing_repeats_its_start(space: Space, parent: str) -> None:
    """Purpose: a page can be understood without its request: it repeats the requested start.
    Method: 1. list after a key, then continue with the token; list from a marker in version 1
            2. expect StartAfter, ContinuationToken and Marker as they were sent
    """
    start = "b/1"
    first = space.listing(parent, max_keys="2", start_after=parent + start)
    token = expect_more(listing_of(first))
    for name, sent, reply in (
        ("StartAfter", parent + start, first),
        ("ContinuationToken", token, space.listing(parent, max_keys="2", continuation_token=token)),
        ("Marker", parent + start, space.listing_v1(parent, marker=parent + start)),
    ):
        expect_element(reply, name, sent, text_of(reply, expect_document(reply, "ListBucketResult"), name))


@verifies("storage/listing/entries-match-head")
def test_entries_match_head(space: Space) -> None:
    """Purpose: clients that synchronise compare size, ETag and time of a listing with those of the object.
    Method: 1. put a text that compresses well, HEAD it; list it by either version, with and without parameters
            2. expect the same size and ETag, and the same time in ISO 8601 form, to the second
    """
    space.stored(key=(prefix := space.prefix()) + "a")
    key = space.stored(b"line after line\n" * 300, {"Content-Type": "text/csv"}, key=prefix + "b")
    head = space.head(key)
    dated = head.headers.get("last-modified") or ""

    for page in _listed(space, prefix, key):
        entry, modified = expect_entry(page, key), seconds_of_date(dated)
        expect_element(
            page.reply, "Size", head.headers.get("content-length") or "", str(entry.size), "as in HEAD", head
        )
        expect_element(page.reply, "ETag", expect_etag(head), entry.etag, "as in HEAD", head)
        if (listed := seconds_of_time(entry.modified)) is None:
            raise NonConformance("LastModified in ISO 8601 form, in UTC", entry.modified, page.reply)
        if modified is None or abs(listed - modified) > ROUNDED_S:
            raise NonConformance(f"LastModified {dated}, as in HEAD", entry.modified, head, page.reply)


def _listed(space: Space, prefix: str, key: str) -> Iterator[Listing]:
    """Yield pages that have only this key, the second one under the prefix."""
    for version in VERSIONS:
        yield first_with_entry(version(space, key, None))
        yield first_with_entry(version(space, key, delimiter="/"))
        yield first_with_entry(version(space, prefix, 1, start_after=prefix + "a", encoding_type="url"))
        yield from (page for page in pages(version(space, prefix, 1), 1, 9) if key in page.keys)


@verifies("storage/listing/owner-is-reported-on-request")
def test_owner_is_reported_on_request(space: Space) -> None:
    """Purpose: a client that requests the owners of objects gets them on every page.
    Method: 1. list two objects, of which one is a copy, with fetch-owner=true, one per page
            2. expect an Owner with an ID on each page that has one of them
    """
    first = space.stored(key=(prefix := space.prefix()) + "a")
    require(space.copy(f"{prefix}b", first), "copies of objects")
    read = [page for page in pages(version_2(space, prefix, 1, fetch_owner="true"), 1, 9) if page.keys]

    if not read:
        raise Inconclusive("a listing with fetch-owner=true has no keys", "listings that contain every object")
    for reply in (page.reply for page in read):
        if not expect_document(reply, "ListBucketResult").findtext("Contents/Owner/ID"):
            raise NonConformance("an Owner with an ID, since fetch-owner=true", observed(reply), reply)


@verifies("storage/service/bucket-list-honours-its-prefix")
def test_bucket_list_honours_its_prefix(s3: S3, storage: Storage) -> None:
    """Purpose: a client that lists the buckets with a prefix gets exactly those.
    Method: 1. list the buckets with the whole name of one, and with a prefix that matches no bucket
            2. expect that bucket and only matching ones, then none
    """
    name = storage.buckets[0]
    found = s3.call("GET", query={"prefix": name})
    names = buckets_of(found).names

    if name not in names or any(not each.startswith(name) for each in names):
        raise NonConformance(f"the buckets that begin with {name}", worded(list(names)), found)
    none = s3.call("GET", query={"prefix": f"{name}-no-such"})
    if buckets_of(none).names:
        raise NonConformance("no buckets", worded(list(buckets_of(none).names)), none)
