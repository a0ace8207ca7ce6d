"""Pages of a listing have every key once, also when keys are encoded, and prefixes are taken literally."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from urllib.parse import unquote

import pytest

from conformance.models.bucket import grouped
from conformance.oracles.s3_documents import expect_document, expect_keys, expect_page, expect_prefixes, listing_of
from conformance.oracles.s3_pages import (
    LONGEST_PAGE,
    Request,
    expect_all_pages,
    expect_more,
    first_with_entry,
    found_under,
    version_1,
    version_2,
    whole_listing,
)
from conformance.sandbox.bucket_prefix import Space
from conformance.strategies.properties import explores
from conformance.strategies.storage import FLAT_SETS, NESTED_SETS, flat_names, name_sets, nested_names, page_sizes
from conformance.vocabulary.check import case, row, sends_up_to, verifies
from conformance.vocabulary.finding import NonConformance
from conformance.vocabulary.wording import worded

# "b0" sorts directly after the folder "b/", and "d/é" is the last key in its folder.
NAMES = ["a", "b/1", "b/2", "b/3", "b0", "c", "d/1", "d/é", "e", "f", "g/1", "g/2"]
TOP, FOLDERS = ["a", "b0", "c", "e", "f"], ["b/", "d/", "g/"]
WITHOUT_B = [name for name in NAMES if "b" not in name]
SIZES = (1, 2, 3, 4, 7)


@pytest.fixture(scope="session")
def paged(space: Space) -> str:
    """A prefix that has the objects ``NAMES``; checks only read them."""
    prefix = space.prefix("paged")
    space.stored_all(prefix, NAMES)
    return prefix


@verifies("storage/paging/pages-contain-every-key-once")
@pytest.mark.parametrize(
    ("size", "delimiter", "start", "keys", "folders"),
    [
        *(case(f"{size}-per-page", size, "", "", NAMES, []) for size in SIZES),
        *(case(f"folders-{size}-per-page", size, "/", "", TOP, FOLDERS) for size in SIZES),
        case("delimiter-is-a-letter", 2, "b", "", WITHOUT_B, ["b"]),
        case("after-start-after", 2, "", "b/2", NAMES[3:], []),
    ],
)
def test_pages_contain_every_key_once(
    space: Space, paged: str, size: int, delimiter: str, start: str, keys: list[str], folders: list[str]
) -> None:
    """Purpose: a client that reads all pages of a listing gets every key and every common prefix once.
    Method: 1. read all pages of a size, of either version, with a delimiter or from a key on
            2. expect every key and common prefix once, and no page with more than max-keys of them
    """
    for version in (version_2, version_1):
        ask = version(space, paged, size, delimiter, paged + start if start else "")
        expect_all_pages(ask, size, [paged + key for key in keys], [paged + folder for folder in folders])


@verifies("storage/paging/is-truncated-is-reported")
def test_is_truncated_is_reported(space: Space, paged: str) -> None:
    """Purpose: a client knows from a page whether to ask for another one, and from where.
    Method: 1. list one key fewer than there are, exactly as many, and exactly as many with a delimiter
            2. expect IsTruncated true with a token or marker on incomplete pages, false without one on complete ones
    """
    fewer = listing_of(space.listing(paged, max_keys=str(len(NAMES) - 1)))
    marked = listing_of(space.listing_v1(paged, delimiter="/", max_keys="2"))
    if marked.truncated and not marked.next:
        raise NonConformance("NextMarker on a truncated page with a delimiter", "none", marked.reply)
    if not fewer.truncated:
        raise NonConformance("IsTruncated true, since there are more keys", "false", fewer.reply)
    expect_more(fewer)
    for size, requested in (
        (len(NAMES), {"max_keys": str(len(NAMES))}),
        (len(TOP + FOLDERS), {"max_keys": str(len(TOP + FOLDERS)), "delimiter": "/"}),
        (len(WITHOUT_B) + 1, {"delimiter": "b"}),
    ):
        page = listing_of(space.listing(paged, **requested))
        if page.size == size and (page.truncated or page.next):
            shown = f"IsTruncated {worded(page.truncated)}, token {worded(page.next)}"
            raise NonConformance("IsTruncated false and no token: the page is complete", shown, page.reply)


@verifies("storage/paging/token-can-be-used-again")
def test_token_can_be_used_again(space: Space, paged: str) -> None:
    """Purpose: a client that lost a response asks for the same page again, and loses no keys.
    Method: 1. request the second page twice; 2. expect the same keys
    """
    token = expect_more(listing_of(space.listing(paged, max_keys="2")))
    once, again = (listing_of(space.listing(paged, max_keys="2", continuation_token=token)) for _ in range(2))

    expect_keys(again, once.keys, "as in the first response")


@verifies("storage/paging/token-overrides-start-after")
def test_token_overrides_start_after(space: Space, paged: str) -> None:
    """Purpose: SDKs repeat start-after in the request for each page, and must still get the next page.
    Method: 1. list after a key, then request the next page with its token and the same start-after
            2. expect the keys after the first page; if that page is empty, on the one after it
    """
    requested = {"max_keys": "2", "start_after": paged + "b/1"}
    first = listing_of(space.listing(paged, **requested))
    following = listing_of(space.listing(paged, **requested, continuation_token=expect_more(first)))
    if following.next and not following.keys:
        following = listing_of(space.listing(paged, **requested, continuation_token=following.next))
    after = [paged + name for name in NAMES if paged + name > max(first.keys, default=requested["start_after"])]

    expect_keys(following, after[: max(1, len(following.keys))], "after the first page")


@verifies("storage/paging/survives-deletion-of-listed-keys")
def test_paging_survives_deletion(space: Space) -> None:
    """Purpose: a client empties a prefix page by page: it deletes the keys of a page before it reads the next.
    Method: 1. read a page, delete its keys, read the rest from its token on; 2. expect the remaining keys, each once
    """
    prefix = space.prefix()
    keys = space.stored_all(prefix, ["a", "b", "c", "d", "e"])
    first = listing_of(space.listing(prefix, max_keys="2"))
    begin = expect_more(first)
    for key in first.keys:
        space.delete(key)

    rest = whole_listing(lambda token: space.listing(prefix, continuation_token=token or begin))

    expect_keys(rest, keys[len(first.keys) :], "after the page whose keys were deleted")


@pytest.fixture(scope="session")
def many(space: Space) -> tuple[str, list[str]]:
    """A prefix and its 1,001 keys; checks only read them."""
    prefix = space.prefix("many")
    return prefix, space.stored_many([f"{prefix}{number:04}" for number in range(LONGEST_PAGE + 1)])


@verifies("storage/listing/over-1000-keys-are-complete")
@sends_up_to(2100)
@pytest.mark.parametrize(
    ("max_keys", "limit"),
    [case("no-max-keys", None, LONGEST_PAGE), case("max-keys-5000", 5 * LONGEST_PAGE, 5 * LONGEST_PAGE)],
)
def test_over_1000_keys_are_complete(
    space: Space, many: tuple[str, list[str]], max_keys: int | None, limit: int
) -> None:
    """Purpose: a listing of more keys than a page holds is complete and says where it continues.
    Method: 1. put 1,001 objects; list them without max-keys or with max-keys=5000, with either version
            2. expect every key once over all pages, and no page longer than 1,000 or than max-keys
    """
    prefix, keys = many

    for version in (version_2, version_1):
        expect_all_pages(version(space, prefix, max_keys), limit, keys, [])


@verifies("storage/listing/page-has-at-most-1000-entries")
def test_page_has_at_most_1000_entries(space: Space, many: tuple[str, list[str]]) -> None:
    """Purpose: a client that allots memory for a page of 1,000 entries must not get more, whatever it requests.
    Method: 1. put 1,001 objects; list with max-keys=5000, in either version; 2. expect at most 1,000 keys on a page
    """
    prefix, _ = many

    for version in (version_2, version_1):
        expect_page(listing_of(version(space, prefix, 5 * LONGEST_PAGE)("")), LONGEST_PAGE)


@verifies("storage/paging/any-flat-keys-are-listed-once")
@explores(0.3, *FLAT_SETS, names=name_sets(flat_names()), size=page_sizes())
def test_any_flat_keys_are_listed_once(space: Space, names: list[str], size: int) -> None:
    """Purpose: any set of keys without slashes is listed completely, at any page size.
    Method: 1. put the keys, read all pages with either version; 2. expect each key once
    """
    prefix = space.prefix()
    keys = space.stored_all(prefix, names)

    for version in (version_2, version_1):
        expect_all_pages(version(space, prefix, size), size, keys, [])
    space.delete_many(keys)


@pytest.fixture(scope="session")
def stores_key_and_folder(space: Space) -> bool:
    """Whether the target stores both an object and objects whose keys begin with its key and a slash."""
    key = space.key("folder")
    return space.put(key, b"object").ok and space.put(f"{key}/below", b"below").ok


@verifies("storage/paging/any-nested-keys-are-listed-once")
@explores(0.3, *NESTED_SETS, names=name_sets(nested_names()), size=page_sizes())
def test_any_nested_keys_are_listed_once(
    space: Space, stores_key_and_folder: bool, names: list[str], size: int
) -> None:
    """Purpose: any set of keys in folders is listed completely, at any page size, with and without a delimiter.
    Method: 1. put the keys (without those that are also a folder, if the target cannot store them); read all pages
            2. expect each key and each common prefix once
    """
    prefix = space.prefix()
    only_keys = [name for name in names if not any(other.startswith(f"{name}/") for other in names)]
    keys = space.stored_all(prefix, names if stores_key_and_folder else only_keys)
    direct, folders = grouped(keys, prefix, "/")

    expect_all_pages(version_2(space, prefix, size), size, keys, [])
    for version in (version_2, version_1):
        expect_all_pages(version(space, prefix, size, "/"), size, direct, folders)
    space.delete_many(keys)


ENCODED_NAMES = ["a%20b/1", "a%20b/2", "c+d", "e%2Ff", "g&h", "i?j#k", "l m", "~", "\u00e9/1", "\u00e9/2"]
ENCODED_TOP, ENCODED_FOLDERS = ["c+d", "e%2Ff", "g&h", "i?j#k", "l m", "~"], ["a%20b/", "\u00e9/"]


@pytest.fixture(scope="session")
def encoded(space: Space) -> str:
    """A prefix that has the objects ``ENCODED_NAMES``; checks only read them."""
    prefix = space.prefix("encoded")
    space.stored_all(prefix, ENCODED_NAMES)
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
    """Purpose: SDKs request encoded keys and decode each key and each NextMarker, so they must get every page encoded.
    Method: 1. read all pages with encoding-type=url, with and without a delimiter, from decoded markers or from tokens
            2. decoded, expect every key and every common prefix once
    """
    for delimiter, names, folders in (("", ENCODED_NAMES, []), ("/", ENCODED_TOP, ENCODED_FOLDERS)):
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
    """Purpose: prefix, delimiter and start are text: a character works, however many bytes it has in UTF-8.
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
    for version, requested in product((version_2, version_1), ({"encoding_type": "url"}, {})):
        reply = first_with_entry(version(space, encoded + "é", 1000, **requested)).reply
        root = expect_document(reply, "ListBucketResult")
        reported, keys = root.findtext("EncodingType"), [key.text or "" for key in root.iter("Key")]
        plain = any("é" in key for key in keys)
        if (reported == "url", plain) != (bool(requested), not requested):
            expected = "EncodingType url and encoded keys" if requested else "no EncodingType and keys as they are"
            shown = f"EncodingType {reported or 'none'} and the keys {worded(keys)}"
            raise NonConformance(expected, shown, reply)


@verifies("storage/listing/request-values-are-encoded")
def test_request_values_are_encoded(space: Space, encoded: str) -> None:
    """Purpose: a client that decodes an encoded listing decodes also the request's values that it repeats.
    Method: 1. list with encoding-type=url, a prefix, a delimiter and a start-after that need encoding
            2. expect prefix and delimiter repeated, and each of the three encoded wherever it occurs
    """
    requested = {"Prefix": f"{encoded}é/", "Delimiter": "é", "StartAfter": f"{encoded}é/1"}
    reply = space.listing(requested["Prefix"], delimiter="é", start_after=requested["StartAfter"], encoding_type="url")
    root = expect_document(reply, "ListBucketResult")

    for name, value in requested.items():
        found = root.findtext(name)
        if not found and name != "StartAfter":
            raise NonConformance(f"{name} {worded(value)}, encoded", f"no {name}", reply)
        if found and (not found.isascii() or unquote(found.replace("+", " ")) != value):
            raise NonConformance(f"{name} that decodes to {worded(value)}", f"<{name}>{found}</{name}>", reply)


@verifies("storage/listing/prefix-is-honoured")
@pytest.mark.parametrize(
    ("prefix", "keys"),
    [
        *(
            case(f"of-{hint}", name[:-1], [name])
            for hint, name in zip(("plus", "percent", "and", "query", "space"), ENCODED_TOP, strict=False)
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
    Method: 1. put an object, and one whose key ends with the first's key; list under that key; 2. expect only the first
    """
    key = space.stored()
    space.stored(key=space.prefix("above") + key)

    for version in (version_2, version_1):
        expect_keys(whole_listing(version(space, key)), [key])
