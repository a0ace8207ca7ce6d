"""The limits of object tags, for targets that claim tagging."""

from __future__ import annotations

import pytest

from conformance.oracles.s3_errors import expect_refusal
from conformance.oracles.s3_objects import expect_nothing_stored, expect_tag_set
from conformance.oracles.status import expect_status
from conformance.sandbox.bucket_prefix import Space
from conformance.vocabulary.check import case, verifies

BAD_TAGS = {"InvalidTag", "MalformedXML", "BadRequest", "InvalidArgument", "InvalidTagError"}
TOO_MUCH = {
    "eleven": [(f"tag{number}", "x") for number in range(11)],
    "long-key": [("k" * 129, "x")],
    "long-value": [("k", "v" * 257)],
    "key-twice": [("same", "one"), ("same", "other")],
    "empty-key": [("", "x")],
}


@verifies("storage/tagging/limits-are-kept")
@pytest.mark.parametrize("tags", [case(hint, tags) for hint, tags in TOO_MUCH.items()])
def test_limits_are_kept(space: Space, tags: list[tuple[str, str]]) -> None:
    """Purpose: at most ten tags, keys of 128 and values of 256 characters, no key twice; else the old set stays.

    Method: 1. tag an object, then with a set beyond a limit
            2. expect 400, and the old tags
    """
    key = space.stored(headers={"x-amz-tagging": "project=alpha"})

    expect_refusal(space.put_tags(key, tags), 400, BAD_TAGS)
    expect_tag_set(space.get_tags(key), {"project": "alpha"})


@verifies("storage/tagging/limits-are-in-characters")
def test_limits_are_in_characters(space: Space) -> None:
    """Purpose: a key of 128 and a value of 256 characters are within the limits, whatever the script.

    Method: 1. tag an object with letters of two bytes each in UTF-8, as many as can be
            2. expect them back
    """
    key, tags = space.stored(), {"é" * 128: "ü" * 256}

    expect_status(space.put_tags(key, list(tags.items())), {200, 204})
    expect_tag_set(space.get_tags(key), tags)


@verifies("storage/tagging/limits-of-the-field-are-kept")
@pytest.mark.parametrize(
    "tags",
    [
        case("eleven", "&".join(f"tag{number}=x" for number in range(11))),
        case("key-twice", "same=one&same=other"),
        case("long-value", "k=" + "v" * 257),
    ],
)
def test_limits_of_the_tagging_field_are_kept(space: Space, tags: str) -> None:
    """Purpose: the tags that come with an object have the limits of those that come after it.

    Method: 1. put with x-amz-tagging beyond a limit
            2. expect 400, and nothing stored
    """
    key = space.key()

    expect_refusal(space.put(key, b"tagged", {"x-amz-tagging": tags}), 400, {*BAD_TAGS, "InvalidRequest"})
    expect_nothing_stored(space.get(key))
