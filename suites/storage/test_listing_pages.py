"""Listings page by page: no key is lost, none appears twice, and no page is too long."""

from __future__ import annotations

import pytest

from conformance.oracles.proofs import lacks, says
from conformance.oracles.s3_documents import (
    expect_document,
    expect_keys,
    expect_prefixes,
    expect_said,
    listing_of,
    text_of,
)
from conformance.oracles.s3_errors import expect_refusal
from conformance.oracles.s3_pages import expect_all_pages, expect_more, version_1, version_2, whole_listing
from conformance.sandbox.bucket_prefix import Space
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.finding import NonConformance, Proof
from conformance.vocabulary.wording import worded

# A page after one that ends at a folder begins behind it: "b0" is the very next name, "d/é" of the last within.
NAMES = ["a", "b/1", "b/2", "b/3", "b0", "c", "d/1", "d/é", "e", "f", "g/1", "g/2"]
TOP, FOLDERS = ["a", "b0", "c", "e", "f"], ["b/", "d/", "g/"]
CANNOT = {400, 501}
SIZES = pytest.mark.parametrize("size", [case(str(size), size) for size in (1, 2, 3, 4, 7)])


@pytest.fixture(scope="session")
def paged(space: Space) -> str:
    """A prefix under which ``NAMES`` stand; only read."""
    prefix = space.prefix("paged")
    space.stored_all(prefix, NAMES)
    return prefix


@verifies("storage/paging/pages-make-the-whole")
@SIZES
def test_pages_make_the_whole(space: Space, paged: str, size: int) -> None:
    """Purpose: the pages of a listing together have every key once.

    Method: 1. read all pages of a size with continuation tokens, and with markers
            2. expect every key once, and no page with more than max-keys
    """
    keys = [paged + name for name in NAMES]

    expect_all_pages(version_2(space, paged, size), size, keys, [])
    expect_all_pages(version_1(space, paged, size), size, keys, [])


@verifies("storage/paging/groups-make-the-whole")
@SIZES
def test_pages_with_delimiter_make_the_whole(space: Space, paged: str, size: int) -> None:
    """Purpose: common prefixes count like keys: pages have each once, and are not overfull with them.

    Method: 1. read all pages of a size with a delimiter, with tokens and with markers
            2. expect every key and every common prefix once
    """
    keys, prefixes = [paged + name for name in TOP], [paged + name for name in FOLDERS]

    expect_all_pages(version_2(space, paged, size, "/"), size, keys, prefixes)
    expect_all_pages(version_1(space, paged, size, "/"), size, keys, prefixes)


@verifies("storage/paging/groups-make-the-whole")
@pytest.mark.parametrize("delimiter", [case("another-delimiter", "b")])
def test_pages_with_another_delimiter_make_the_whole(space: Space, paged: str, delimiter: str) -> None:
    """Purpose: a delimiter need not be a slash: also behind its common prefix pages go on, and come to an end.

    Method: 1. read all pages of two with a letter as the delimiter, by which a page ends at a common prefix
            2. expect every key and the common prefix once, and an end
    """
    keys = [paged + name for name in NAMES if delimiter not in name]

    for version in (version_2, version_1):
        expect_all_pages(version(space, paged, 2, delimiter), 2, keys, [paged + delimiter])


@verifies("storage/listing/delimiter-of-several-letters")
def test_delimiter_of_several_letters(space: Space, paged: str) -> None:
    """Purpose: a delimiter of several letters groups at all of them, or is refused: S3's documents call it a character.

    Method: 1. list with the delimiter "/1", with either version
            2. expect 400 or 501; or a common prefix in place of each key that ends so, and every other key
    """
    prefixes = [paged + name for name in NAMES if name.endswith("/1")]

    if (first := space.listing(paged, delimiter="/1")).status in CANNOT:
        expect_refusal(first, CANNOT, {"InvalidArgument", "InvalidRequest", "NotImplemented"})
        return
    for version in (version_2, version_1):
        found = whole_listing(version(space, paged, delimiter="/1"))
        expect_keys(found, [paged + name for name in NAMES if not name.endswith("/1")])
        expect_prefixes(found, prefixes)


@verifies("storage/listing/start-after-is-exclusive")
@pytest.mark.parametrize("size", [case("below-a-key", 1000), case("below-a-key-page-by-page", 1)])
def test_start_after_leaves_out_nothing_below_it(space: Space, size: int) -> None:
    """Purpose: a listing that begins after a key has the keys below that key, which come after it.

    Method: 1. put a key, keys below it and beside it; list after the first, with either version
            2. expect all but the first
    """
    prefix = space.prefix("below")
    keys = space.stored_all(prefix, ["a", "a/1", "a/2/3", "a1", "ab"])

    for version in (version_2, version_1):
        expect_all_pages(version(space, prefix, size, start_after=prefix + "a"), size, keys[1:], [])


@verifies("storage/paging/goes-on-after-start-after")
def test_pages_after_start_after(space: Space, paged: str) -> None:
    """Purpose: where to start applies to the first page, and later pages go on from there.

    Method: 1. read all pages after a key
            2. expect the keys behind it, each once
    """
    keys = [paged + name for name in NAMES if name > "b/2"]

    expect_all_pages(version_2(space, paged, 2, start_after=paged + "b/2"), 2, keys, [])
    expect_all_pages(version_1(space, paged, 2, start_after=paged + "b/2"), 2, keys, [])


@verifies("storage/paging/truncation-is-told")
def test_truncation_is_told(space: Space, paged: str) -> None:
    """Purpose: a page says whether more is to come, and where to go on.

    Method: 1. ask for one key fewer than there are, and for exactly as many; for exactly as many with a delimiter, of
               which the last is a folder; for all with a letter as the delimiter
            2. expect IsTruncated true with NextContinuationToken, and false without
    """
    fewer = listing_of(space.listing(paged, max_keys=str(len(NAMES) - 1)))
    exact = listing_of(space.listing(paged, max_keys=str(len(NAMES))))
    grouped = listing_of(space.listing(paged, max_keys=str(len(TOP + FOLDERS)), delimiter="/"))
    lettered = listing_of(space.listing(paged, delimiter="b"))
    marked = listing_of(space.listing_v1(paged, delimiter="/", max_keys="2"))

    if marked.truncated and not marked.next:
        proof = Proof(marked.reply.id, matches="<NextMarker>[^<]")
        raise NonConformance("NextMarker on a truncated page with a delimiter", "none", marked.reply, proof=proof)
    if not fewer.truncated:
        proof = says(fewer.reply, "IsTruncated", "true")
        raise NonConformance("IsTruncated true, since there are more keys", "false", fewer.reply, proof=proof)
    expect_more(fewer)
    without_b = len([name for name in NAMES if "b" not in name])
    for page, size in ((exact, len(NAMES)), (grouped, len(TOP + FOLDERS)), (lettered, without_b + 1)):
        if page.size == size and (page.truncated or page.next):
            proof = lacks(page.reply, "<IsTruncated>true<", "<NextContinuationToken>")
            told = f"{worded(page.truncated)}, {worded(page.next)}"
            raise NonConformance("IsTruncated false and no token: all is listed", told, page.reply, proof=proof)


@verifies("storage/paging/token-can-be-used-again")
def test_token_can_be_used_again(space: Space, paged: str) -> None:
    """Purpose: a page can be asked for again: a lost answer loses no keys.

    Method: 1. ask for the second page twice
            2. expect the same keys
    """
    token = expect_more(listing_of(space.listing(paged, max_keys="2")))
    once = listing_of(space.listing(paged, max_keys="2", continuation_token=token))

    expect_keys(
        listing_of(space.listing(paged, max_keys="2", continuation_token=token)), once.keys, "as the first time"
    )


@verifies("storage/paging/token-outranks-start-after")
def test_token_outranks_start_after(space: Space, paged: str) -> None:
    """Purpose: a client that sends with each page where the first one began, as SDKs do, goes on all the same.

    Method: 1. ask for a page after a key, then for the next one with its token and the same start-after
            2. expect the keys behind the first page; a page may be empty, then of the one that follows
    """
    asked = {"max_keys": "2", "start_after": paged + "b/1"}
    first = listing_of(space.listing(paged, **asked))
    following = listing_of(space.listing(paged, **asked, continuation_token=expect_more(first)))
    if following.next and not following.keys:
        following = listing_of(space.listing(paged, **asked, continuation_token=following.next))
    behind = [paged + name for name in NAMES if paged + name > max(first.keys, default=asked["start_after"])]

    expect_keys(following, behind[: max(1, len(following.keys))], "behind the first page")


@verifies("storage/paging/place-is-told")
def test_place_is_told(space: Space, paged: str) -> None:
    """Purpose: a page repeats where it was asked to begin, so that it is understood alone.

    Method: 1. list after a key, then go on with the token; list from a marker in version 1
            2. expect StartAfter, ContinuationToken and Marker as they were sent
    """
    start = paged + "b/1"
    replies = {"StartAfter": (start, first := space.listing(paged, max_keys="2", start_after=start))}
    token = expect_more(listing_of(first))
    replies["ContinuationToken"] = (token, space.listing(paged, max_keys="2", continuation_token=token))
    replies["Marker"] = (start, space.listing_v1(paged, marker=start))

    for name, (sent, reply) in replies.items():
        expect_said(reply, name, sent, text_of(reply, expect_document(reply, "ListBucketResult"), name))


@verifies("storage/paging/survives-deletion-of-its-place")
def test_paging_survives_deletion_of_its_place(space: Space) -> None:
    """Purpose: a listing goes on where it was though the key it stopped at is gone: so one empties a prefix.

    Method: 1. read a page, delete its keys, read the next page with its token
            2. expect the remaining keys, each once
    """
    prefix = space.prefix()
    keys = space.stored_all(prefix, ["a", "b", "c", "d", "e"])
    first = listing_of(space.listing(prefix, max_keys="2"))
    begin = expect_more(first)
    for key in first.keys:
        space.delete(key)

    rest = whole_listing(lambda token: space.listing(prefix, continuation_token=token or begin))

    expect_keys(rest, keys[len(first.keys) :], "behind the page whose keys were deleted")
