"""Properties of listings and multipart uploads, compared with what they should be by arithmetic."""

from __future__ import annotations

import pytest

from conformance.models.bucket import grouped
from conformance.oracles.s3_errors import expect_no_error_inside, refuses_incomplete_list
from conformance.oracles.s3_objects import expect_bytes
from conformance.oracles.s3_pages import expect_all_pages, version_1, version_2
from conformance.sandbox.bucket_prefix import Space
from conformance.strategies.properties import explores
from conformance.strategies.storage import (
    FLAT_SETS,
    NESTED_SETS,
    ODD_ORDERS,
    flat_names,
    name_sets,
    nested_names,
    page_sizes,
    part_orders,
)
from conformance.vocabulary.check import verifies


@verifies("storage/paging/any-flat-set-is-whole")
@explores(0.3, *FLAT_SETS, names=name_sets(flat_names()), size=page_sizes())
def test_any_flat_set_is_whole(space: Space, names: list[str], size: int) -> None:
    """Purpose: any set of flat keys is listed whole, at any page size.

    Method: 1. put the keys, read all pages with either version
            2. expect each key once
    """
    prefix = space.prefix()
    keys = space.stored_all(prefix, names)

    expect_all_pages(version_2(space, prefix, size), size, keys, [])
    expect_all_pages(version_1(space, prefix, size), size, keys, [])
    space.delete_many(keys)


@pytest.fixture(scope="session")
def beside_their_prefix(space: Space) -> bool:
    """Whether the target keeps an object beside those whose keys begin with its own and a slash."""
    key = space.key("folder")
    return space.put(key, b"beside").ok and space.put(f"{key}/below", b"below").ok


def _without_folders(names: list[str]) -> list[str]:
    """The names below which there is none of the others."""
    return [name for name in names if not any(other.startswith(f"{name}/") for other in names)]


@verifies("storage/paging/any-nested-set-is-whole")
@explores(0.3, *NESTED_SETS, names=name_sets(nested_names()), size=page_sizes())
def test_any_nested_set_is_whole(space: Space, beside_their_prefix: bool, names: list[str], size: int) -> None:
    """Purpose: any set of nested keys is listed whole, at any page size, with and without a delimiter.

    Method: 1. put the keys, read all pages, plain and with a delimiter; where no object stands beside those below it
               (storage/key/object-beside-its-prefix), only the keys below
            2. expect each key and each common prefix once
    """
    prefix = space.prefix()
    keys = space.stored_all(prefix, names if beside_their_prefix else _without_folders(names))
    direct, prefixes = grouped(keys, prefix, "/")

    expect_all_pages(version_2(space, prefix, size), size, keys, [])
    expect_all_pages(version_2(space, prefix, size, "/"), size, direct, prefixes)
    expect_all_pages(version_1(space, prefix, size, "/"), size, direct, prefixes)
    space.delete_many(keys)


@verifies("storage/multipart/any-order-of-parts-is-one-object")
@explores(0.4, *ODD_ORDERS, order=part_orders(2))
def test_any_order_of_parts_is_one_object(space: Space, order: list[int]) -> None:
    """Purpose: parts sent in any order, and sent anew, make the object of the last one of each number.

    Method: 1. send parts in the order given, complete with the highest number alone
            2. expect the bytes that were sent last under it; or 400 InvalidPart where others are left out of the list
    """
    key = space.key()
    upload = space.opened(key)
    sent = {}
    for turn, number in enumerate(order):
        body = f"part {number}, turn {turn}".encode()
        sent[number] = (space.part(key, upload, number, body), body)
    part, body = sent[max(order)]

    reply = space.complete(key, upload, [part])
    if len(sent) > 1 and refuses_incomplete_list(reply):
        space.abort(key, upload)
        return
    expect_no_error_inside(reply)
    expect_bytes(space.get(key), body)
