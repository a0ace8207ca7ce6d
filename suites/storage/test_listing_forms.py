"""How listings write what they tell: encoded keys over several pages, owners."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from conformance.oracles.s3_documents import expect_document
from conformance.oracles.s3_pages import Request, expect_all_pages, version_1, version_2
from conformance.oracles.status import observed
from conformance.sandbox.space import Space
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.finding import NonConformance

NAMES = ["a b/1", "a b/2", "c+d", "e%2Ff", "g&h", "i?j#k", "~", "\u00e9/1", "\u00e9/2"]
SIZES = pytest.mark.parametrize("size", [case(str(size), size) for size in (1, 2, 3)])
TOP, FOLDERS = ["c+d", "e%2Ff", "g&h", "i?j#k", "~"], ["a b/", "\u00e9/"]


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


@verifies("storage/listing/owner-where-asked")
def test_owner_is_told_where_asked(space: Space) -> None:
    """Purpose: a client that asks whose the objects are is told.

    Method: 1. list one object with fetch-owner=true
            2. expect an Owner with an ID
    """
    reply = space.listing(space.stored(), fetch_owner="true")

    if not expect_document(reply, "ListBucketResult").findtext("Contents/Owner/ID"):
        raise NonConformance("an Owner with an ID where fetch-owner=true", observed(reply), reply)
