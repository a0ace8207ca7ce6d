"""More keys than a page holds: what a client is told that did not say how many it wants."""

from __future__ import annotations

import time

import pytest

from conformance.oracles.s3_pages import LONGEST_PAGE, expect_all_pages, version_1, version_2
from conformance.sandbox.bucket_prefix import Space
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.finding import Inconclusive

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
