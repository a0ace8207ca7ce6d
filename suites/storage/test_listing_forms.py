"""How listings write what they tell: encoded keys over several pages, owners; and those of the whole bucket."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from urllib.parse import unquote

import pytest

from conformance.oracles.proofs import lacks, says, says_something
from conformance.oracles.s3_documents import Listing, expect_document, expect_keys, expect_prefixes, listing_of
from conformance.oracles.s3_errors import require
from conformance.oracles.s3_pages import (
    Request,
    begun,
    expect_all_pages,
    found_under,
    pages,
    version_1,
    version_2,
    whole_listing,
)
from conformance.oracles.status import observed
from conformance.sandbox.bucket_prefix import Space
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.finding import Inconclusive, NonConformance, Proof
from conformance.vocabulary.wording import worded

NAMES = ["a%20b/1", "a%20b/2", "c+d", "e%2Ff", "g&h", "i?j#k", "l m", "~", "\u00e9/1", "\u00e9/2"]
SIZES = pytest.mark.parametrize("size", [case(str(size), size) for size in (1, 2, 3)])
TOP, FOLDERS = ["c+d", "e%2Ff", "g&h", "i?j#k", "l m", "~"], ["a%20b/", "\u00e9/"]


@pytest.fixture(scope="session")
def encoded(space: Space) -> str:
    """A prefix under which ``NAMES`` stand; only read."""
    prefix = space.prefix("encoded")
    space.stored_all(prefix, NAMES)
    return prefix


@verifies("storage/paging/encoded-pages-make-the-whole")
@SIZES
def test_encoded_pages_make_the_whole(space: Space, encoded: str, size: int) -> None:
    """Purpose: a listing that is asked to encode its keys can be read page by page.

    Method: 1. read all pages of keys that need encoding with encoding-type=url, with a delimiter and without
            2. decoded, expect every key and every common prefix once
    """
    _expect_all(space, version_2, encoded, size)


@verifies("storage/paging/encoded-marker-goes-on")
@SIZES
def test_encoded_marker_goes_on(space: Space, encoded: str, size: int) -> None:
    """Purpose: version 1 encodes the place to go on from as it encodes keys, so SDKs that decode it go on there.

    Method: 1. read all pages of keys that need encoding with encoding-type=url, from each NextMarker, decoded
            2. expect every key and every common prefix once
    """
    _expect_all(space, version_1, encoded, size)


def _expect_all(space: Space, version: Callable[..., Request], prefix: str, size: int) -> None:
    ask = version(space, prefix, size, encoding_type="url")
    expect_all_pages(ask, size, [prefix + each for each in NAMES], [])
    grouped = version(space, prefix, size, "/", encoding_type="url")
    expect_all_pages(grouped, size, [prefix + each for each in TOP], [prefix + each for each in FOLDERS])


@verifies("storage/listing/encoding-is-told")
def test_encoding_is_told(space: Space, encoded: str) -> None:
    """Purpose: a listing that encodes its keys says so, and one that is not asked to does not.

    Method: 1. list with encoding-type=url, and without, with either version
            2. expect EncodingType url and encoded keys; and plain keys, which clients that did not ask take as they are
    """
    urls = {"encoding_type": "url"}
    for version, asked in product((version_2, version_1), (urls, {})):
        reply = begun(version(space, encoded + "é", 1000, **asked)).reply
        root = expect_document(reply, "ListBucketResult")
        told, keys = root.findtext("EncodingType"), [key.text or "" for key in root.iter("Key")]
        plain = any("é" in key for key in keys)
        if (told == "url", plain) != (bool(asked), not asked):
            wanted = "EncodingType url and encoded keys" if asked else "plain keys where none are asked encoded"
            proof = says(reply, "EncodingType", "url") if asked and told != "url" else None
            proof = proof or (lacks(reply, "<EncodingType>url<") if told == "url" and not asked else None)
            proof = proof or (lacks(reply, "é") if asked else Proof(reply.id, matches="<Key>[^<]*é"))
            raise NonConformance(wanted, f"EncodingType {told or 'none'} and {worded(keys)}", reply, proof=proof)


@verifies("storage/listing/what-was-asked-is-encoded-too")
def test_what_was_asked_is_encoded_too(space: Space, encoded: str) -> None:
    """Purpose: a listing that says that it is encoded is so throughout: clients decode what it repeats as well.

    Method: 1. list with encoding-type=url, a prefix, a delimiter and a place to start that need encoding
            2. expect prefix and delimiter repeated, and each of the three encoded where it is
    """
    asked = {"Prefix": f"{encoded}é/", "Delimiter": "é", "StartAfter": f"{encoded}é/1"}
    reply = space.listing(asked["Prefix"], delimiter="é", start_after=asked["StartAfter"], encoding_type="url")
    root = expect_document(reply, "ListBucketResult")

    for name, value in asked.items():
        told = root.findtext(name)
        if not told and name != "StartAfter":
            proof = says_something(reply, name)
            raise NonConformance(f"{name} {worded(value)}, encoded", f"no {name}", reply, proof=proof)
        if told and (not told.isascii() or unquote(told.replace("+", " ")) != value):
            wrong = f"<{name}>{told}</{name}>"
            raise NonConformance(f"{name} that decodes to {worded(value)}", wrong, reply, proof=lacks(reply, wrong))


@verifies("storage/listing/prefix-of-any-letters-is-found")
def test_prefix_of_any_letters_is_found(space: Space, encoded: str) -> None:
    """Purpose: a prefix may have what a query must encode, as folders have whose names people chose.

    Method: 1. list under prefixes that end in such a letter
            2. expect the one key that begins so
    """
    for name in ("c+d", "e%2Ff", "g&h", "i?j#k", "l m"):
        prefix = encoded + name[:-1]
        expect_keys(found_under(space, prefix), [encoded + name], f"under {worded(prefix)}")


@verifies("storage/listing/prefix-is-no-pattern")
@pytest.mark.parametrize(
    "prefix",
    [
        case("any-letter", "_"),
        case("any-letters", "%"),
        case("star", "*"),
        case("escape", "\\c"),
        case("dot", "."),
        case("quote", "'"),
        case("case", "C"),
        case("blank-behind", "~ "),
        case("decoded-once-more", "%7E"),
    ],
)
def test_prefix_is_no_pattern(space: Space, encoded: str, prefix: str) -> None:
    """Purpose: a prefix stands for its very characters, whatever a database or a file system takes them for.

    Method: 1. list under a prefix with which no key begins, though every key would match it as a pattern, or one in
               another case, without its blank, or decoded once more
            2. expect no keys
    """
    expect_keys(found_under(space, encoded + prefix), [])


@verifies("storage/listing/delimiter-is-honoured")
@pytest.mark.parametrize("end", [case("of-a-folder-itself", "/")])
def test_folder_itself_is_grouped(space: Space, end: str) -> None:
    """Purpose: an object whose key is a folder's name with its slash is told from above as that folder alone.

    Method: 1. put such an object, list from above it with the slash as delimiter
            2. expect it as the common prefix, and no keys
    """
    folder = space.stored(b"", key=space.key("folder") + end)

    for version in (version_2, version_1):
        listing = whole_listing(version(space, folder.removesuffix(end), delimiter=end))
        expect_keys(listing, [], "beside the common prefix that the key ends with")
        expect_prefixes(listing, [folder])


@verifies("storage/listing/folders-go-with-their-last-key")
@pytest.mark.parametrize("together", [case("one-by-one", False), case("together", True)])
def test_folders_go_with_their_last_key(space: Space, together: bool) -> None:
    """Purpose: a folder is no more than the beginning of keys: with the last of them it is gone from every listing.

    Method: 1. put objects in folders and one beside them, list the folders, delete what is in them, one by one or in
               one request
            2. expect the folders, then the one beside them alone, with and without a delimiter
    """
    prefix = space.prefix()
    *inside, beside = space.stored_all(prefix, ["deep/one", "deep/er/two", "other/three", "beside"])
    expect_prefixes(whole_listing(version_2(space, prefix, delimiter="/")), [f"{prefix}deep/", f"{prefix}other/"])
    if together:
        space.delete_many(inside)
    else:
        for key in inside:
            space.delete(key)

    for delimiter in ("", "/"):
        for version in (version_2, version_1):
            listing = whole_listing(version(space, prefix, delimiter=delimiter))
            expect_keys(listing, [beside], "where all keys in folders were deleted")
            expect_prefixes(listing, [])


@verifies("storage/listing/empty-parameters-ask-for-nothing")
def test_empty_parameters_ask_for_nothing(space: Space, encoded: str) -> None:
    """Purpose: a client that always sends a delimiter and a place to start may send them empty.

    Method: 1. list with an empty delimiter and an empty start-after, and in version 1 with an empty marker
            2. expect every key, and no common prefixes
    """
    for reply in (
        space.listing(encoded, delimiter="", start_after=""),
        space.listing_v1(encoded, delimiter="", marker=""),
    ):
        page = listing_of(reply)
        expect_prefixes(page, [])
        if not page.truncated:
            expect_keys(page, [encoded + each for each in NAMES])


@verifies("storage/listing/lists-what-is-there")
@pytest.mark.parametrize("start", [case("in-the-whole-bucket", "start-after"), case("of-version-1", "marker")])
def test_listing_of_the_whole_bucket(space: Space, encoded: str, start: str) -> None:
    """Purpose: a listing that names no prefix is of the whole bucket, as "aws s3 ls s3://my-app/" asks for one.

    Method: 1. list without a prefix, with encoding-type=url as SDKs ask, from just before a folder on, as many keys as
               that has; then by the delimiter "/"
            2. expect its keys, in order, as far as the page goes, and no others; then the folder itself
    """
    version = {"list-type": "2", "encoding-type": "url"} if start == "start-after" else {"encoding-type": "url"}

    def whole_bucket(**asked: str) -> Listing:
        query = {**version, **{name.replace("_", "-"): value for name, value in asked.items()}}
        return begun(lambda token: space.call("GET", query=query | ({"continuation-token": token} if token else {})))

    page = whole_bucket(**{start: encoded}, max_keys=str(len(NAMES)))
    wanted = [encoded + each for each in NAMES][: len(page.keys) if page.truncated else None]
    if page.keys != wanted:
        raise NonConformance(f"the keys {worded(wanted)} behind {encoded}", worded(page.keys), page.reply)

    page = whole_bucket(prefix="", delimiter="/", **{start: encoded[:-2]})
    if encoded not in page.prefixes:
        raise NonConformance(f"the common prefix {encoded}", worded(list(page.prefixes)), page.reply)


@verifies("storage/listing/owner-where-asked")
def test_owner_is_told_where_asked(space: Space) -> None:
    """Purpose: a client that asks whose the objects are is told, on every page.

    Method: 1. list two objects, of which one is a copy, with fetch-owner=true, one at a time
            2. expect an Owner with an ID on each page that has one of them
    """
    first = space.stored(key=(prefix := space.prefix()) + "a")
    require(space.copy(f"{prefix}b", first), "copies of objects")
    read = list(pages(version_2(space, prefix, 1, fetch_owner="true"), 1, 9))

    if not any(page.keys for page in read):
        raise Inconclusive("a list of owners has none of what was put", "listings that show what is there")
    for reply in (page.reply for page in read if page.keys):
        if not expect_document(reply, "ListBucketResult").findtext("Contents/Owner/ID"):
            proof = Proof(reply.id, matches="<Owner>.*<ID>[^<]")
            raise NonConformance("an Owner with an ID where fetch-owner=true", observed(reply), reply, proof=proof)
