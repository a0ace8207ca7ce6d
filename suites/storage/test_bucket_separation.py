"""One key in two buckets: an operation in one bucket has no effect in the other."""

from __future__ import annotations

import pytest

from conformance.oracles.s3_objects import expect_bytes, expect_nothing_stored, expect_tag_set
from conformance.oracles.status import expect_success
from conformance.sandbox.bucket_prefix import Space
from conformance.vocabulary.check import case, verifies

OTHER = b"in the other bucket"


@verifies("storage/service/same-key-in-two-buckets")
@pytest.mark.parametrize("times", [case("deleted-with-others", 1)])
def test_deletion_of_several_is_of_one_bucket(space: Space, other_space: Space, times: int) -> None:
    """Purpose: DeleteObjects deletes in the bucket that is asked, and in no other.

    Method: 1. put an object under one key in two buckets, delete it by DeleteObjects in one
            2. expect it gone there, and the other's as it was
    """
    key = space.stored()
    other_space.stored(OTHER, key=key)

    expect_success(space.delete_many([key] * times))
    expect_nothing_stored(space.get(key), "for a key that was deleted")
    expect_bytes(other_space.get(key), OTHER, "when that of its key in another bucket was deleted")


@verifies("storage/conditional-write/creates-what-is-absent")
@pytest.mark.parametrize("body", [case("beside-another-bucket-s", OTHER)])
def test_key_of_another_bucket_is_absent(space: Space, other_space: Space, body: bytes) -> None:
    """Purpose: If-None-Match: * asks whether the key has an object in its bucket, not in another.

    Method: 1. put an object in one bucket, PUT with If-None-Match: * under its key in another
            2. expect 2xx and the bytes
    """
    key = space.stored()

    expect_success(other_space.put(key, body, {"If-None-Match": "*"}), "for a key that another bucket has")
    expect_bytes(other_space.get(key), body)


@verifies("storage/tagging/tags-come-back")
@pytest.mark.parametrize("tags", [case("beside-another-bucket-s", {"stage": "test"})])
def test_tags_are_of_one_bucket(space: Space, other_space: Space, tags: dict[str, str]) -> None:
    """Purpose: tags are those of the object in its bucket, not of the object that another bucket has under its key.

    Method: 1. put an object under one key in two buckets, tag the first, then the second otherwise
            2. expect each to have its own
    """
    key = space.stored()
    other_space.stored(OTHER, key=key)
    expect_success(space.put_tags(key, list(tags.items())))
    expect_success(other_space.put_tags(key, [("stage", "production")]))

    expect_tag_set(space.get_tags(key), tags)
    expect_tag_set(other_space.get_tags(key), {"stage": "production"})
