"""The entries of a listing agree with HEAD, and a listing without a page size is complete."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from conformance.oracles.s3_documents import Listing, expect_entry, expect_said
from conformance.oracles.s3_objects import expect_etag
from conformance.oracles.s3_pages import LONGEST_PAGE, begun, expect_all_pages, pages, version_1, version_2
from conformance.sandbox.bucket_prefix import Space
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive, NonConformance, Proof
from conformance.vocabulary.values import ROUNDED_S, seconds_of_date, seconds_of_time


@verifies("storage/listing/tells-what-head-tells")
def test_listing_tells_what_head_tells(space: Space) -> None:
    """Purpose: size, ETag and time of an object are the same in a listing, however it is asked for, as in HEAD.

    Method: 1. put a text that compresses well behind another object, HEAD it; list it by either version: as it is,
               with a delimiter, encoded and from a place on, and on a page of its own
            2. expect the same size and ETag, and the same time in ISO 8601 form, cut to its second or rounded
    """
    space.stored(key=(prefix := space.prefix()) + "a")
    key = space.stored(b"line after line\n" * 300, {"Content-Type": "text/csv"}, key=prefix + "b")
    head = space.head(key)

    for page in _listed(space, prefix, key):
        _expect_as_in_head(page, key, head)


def _listed(space: Space, prefix: str, key: str) -> Iterator[Listing]:
    for version in (version_2, version_1):
        yield begun(version(space, key, None))
        yield begun(version(space, key, delimiter="/"))
        yield begun(version(space, prefix, 1, start_after=prefix + "a", encoding_type="url"))
        yield from (page for page in pages(version(space, prefix, 1), 1, 9) if key in page.keys)


def _expect_as_in_head(page: Listing, key: str, head: Exchange) -> None:
    entry, modified = expect_entry(page, key), seconds_of_date(head.headers.get("last-modified") or "")
    expect_said(page.reply, "Size", head.headers.get("content-length") or "", str(entry.size), "as in HEAD", head)
    expect_said(page.reply, "ETag", expect_etag(head), entry.etag, "as in HEAD", head)
    if (listed := seconds_of_time(entry.modified)) is None:
        proof = Proof(page.reply.id, matches="<LastModified>[0-9-]+T[0-9:.]+(Z|[+-]00:?00)<")
        raise NonConformance("LastModified in ISO 8601 form, in UTC", entry.modified, page.reply, proof=proof)
    if modified is None or abs(listed - modified) > ROUNDED_S:
        raise NonConformance(f"LastModified {head.headers.get('last-modified')}", entry.modified, head, page.reply)


NAMES = [f"{number:04}" for number in range(LONGEST_PAGE + 1)]
SAMPLE, PUT_WITHIN_S = 100, 120.0


@pytest.fixture(scope="session")
def crowd(space: Space) -> tuple[str, list[str]]:
    """A prefix, and the keys of one object more than a page holds; only read.

    They are put one after another, so that who makes them again does what was done here. Inconclusive where that would
    take longer than two minutes, which shows after the first hundred.
    """
    prefix, begun, keys = space.prefix("crowd"), time.monotonic(), list[str]()
    for name in NAMES:
        took = time.monotonic() - begun
        if len(keys) >= SAMPLE and took * len(NAMES) > PUT_WITHIN_S * len(keys):
            done = f"{len(keys)} objects took {took:.0f} s to put: {len(NAMES):,} would take over {PUT_WITHIN_S:.0f} s"
            raise Inconclusive(done, "a target, or a rate, that takes so many small objects in that time")
        keys.append(space.stored(key=prefix + name))
    return prefix, keys


@verifies("storage/listing/long-list-is-whole")
@pytest.mark.parametrize(
    ("asked", "most"),
    [case("of-itself", None, LONGEST_PAGE), case("more-are-asked-for", 5 * LONGEST_PAGE, 5 * LONGEST_PAGE)],
)
def test_long_list(space: Space, crowd: tuple[str, list[str]], asked: int | None, most: int) -> None:
    """Purpose: a listing has every key though there are more than a page holds, and says where it goes on.

    Method: 1. put 1,001 objects; list them without max-keys, or with max-keys=5000, with either version
            2. expect every key once over all pages, and no page longer than 1,000, or than was asked for
    """
    prefix, keys = crowd

    for version in (version_2, version_1):
        expect_all_pages(version(space, prefix, asked), most, keys, [])
