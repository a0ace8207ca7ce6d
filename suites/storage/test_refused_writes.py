"""Writes that are refused: what stood at the key, or as the part, is there as it was."""

from __future__ import annotations

import pytest

from conformance.clients.s3.checksums import ALGORITHMS, checksum_field
from conformance.oracles.s3_checksums import COMPOSITE, FULL, expect_checksum, in_headers
from conformance.oracles.s3_errors import error_of, expect_no_error_inside
from conformance.oracles.s3_objects import expect_headers, expect_stored, expect_tag_set
from conformance.oracles.status import expect_success
from conformance.sandbox.bucket_prefix import Space
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NotApplicable, NotOffered

STOOD, NEW = b"what stood there", b"other bytes"
WRONG_TAG = '"0123456789abcdef0123456789abcdef"'
ENABLED = {"x-amz-checksum-mode": "ENABLED"}


@pytest.fixture
def multipart(features: frozenset[str]) -> None:
    """NotApplicable where the target does not claim uploads in parts."""
    if "storage.multipart" not in features:
        raise NotOffered("the target does not claim storage.multipart")


def _require_refusal(reply: Exchange) -> None:
    """That it is refused is a promise of its own."""
    if reply.ok and error_of(reply) is None:
        raise NotApplicable(f"{reply.method} was not refused, so that it leaves nothing as it was")


@verifies("storage/copy/refused-copy-leaves-what-stood")
@pytest.mark.parametrize(
    ("there", "fields"),
    [case("source-missing", False, {}), case("condition-fails", True, {"x-amz-copy-source-if-match": WRONG_TAG})],
)
def test_refused_copy_leaves_what_stood(space: Space, there: bool, fields: dict[str, str]) -> None:
    """Purpose: a copy whose source is missing, or is another than expected, does not cost what it would overwrite.

    Method: 1. put an object, copy to its key from a key that was never written, or under a condition that fails
            2. expect a refusal, and the object as it was
    """
    key = space.stored(STOOD)
    source = space.stored(NEW) if there else space.key("missing")

    _require_refusal(space.copy(key, source, fields))
    expect_stored(space.get(key), STOOD)


def _completed(space: Space, key: str) -> Exchange:
    upload = space.opened(key)
    return space.complete(key, upload, [space.part(key, upload, 1, NEW)])


@verifies("storage/checksum/of-the-overwritten-is-gone")
@pytest.mark.usefixtures("multipart")
@pytest.mark.parametrize("by", [case("by-a-copy", "copy"), case("by-an-upload", "upload")])
def test_checksum_of_the_overwritten_is_gone(space: Space, by: str) -> None:
    """Purpose: an object that another one took the place of is not told with the checksum of the old one.

    Method: 1. put an object with its CRC-32, overwrite it by a copy of another, or by an upload in parts
            2. HEAD it; expect the CRC-32 of the new bytes, or of their parts, or none
    """
    key, crc = space.stored(STOOD, dict([checksum_field("crc32", STOOD)])), ALGORITHMS["crc32"]
    expect_no_error_inside(_completed(space, key) if by == "upload" else space.copy(key, space.stored(NEW)))
    parts = checksum_field("crc32", crc(NEW))[1]

    right = {FULL: checksum_field("crc32", NEW)[1], COMPOSITE: f"{parts}-1"}
    expect_checksum(in_headers(space.head(key, ENABLED), "crc32"), right)


@verifies("storage/tagging/overwriting-drops-tags")
@pytest.mark.usefixtures("multipart")
@pytest.mark.parametrize("by", [case("by-a-copy", "copy"), case("by-an-upload", "upload")])
def test_tags_of_the_overwritten_are_gone(space: Space, by: str) -> None:
    """Purpose: an object that another one took the place of leaves it none of its tags.

    Method: 1. put an object with tags, overwrite it by a copy of one without, or by an upload in parts
            2. expect no tags
    """
    key = space.stored(STOOD, {"x-amz-tagging": "project=alpha"})
    expect_no_error_inside(_completed(space, key) if by == "upload" else space.copy(key, space.stored(NEW)))

    expect_tag_set(space.get_tags(key), {})


@verifies("storage/object/large-metadata-is-whole-or-refused")
@pytest.mark.parametrize("size", [case("over-an-object", 3072)])
def test_refused_metadata_leaves_what_stood(space: Space, size: int) -> None:
    """Purpose: a write that is refused for its metadata does not cost the object that it would overwrite.

    Method: 1. put an object, overwrite it with 3 KiB of metadata
            2. where that is refused, expect the object as it was
    """
    key = space.stored(STOOD)

    if not space.put(key, NEW, {"x-amz-meta-a": "a" * (size // 2), "x-amz-meta-b": "b" * (size // 2)}).ok:
        expect_stored(space.get(key), STOOD)


@verifies("storage/object/metadata-comes-back")
@pytest.mark.parametrize("size", [case("nearly-two-kb", 1900)])
def test_metadata_of_nearly_two_kb_comes_back(space: Space, size: int) -> None:
    """Purpose: user metadata may take 2 KB, names and values together: what has less is taken whole.

    Method: 1. put an object with one field of 1,900 bytes: a KB may be a thousand
            2. expect 2xx, and that field from HEAD
    """
    key, fields = space.key(), {"x-amz-meta-a": "0123456789" * (size // 10)}

    expect_success(space.put(key, NEW, fields), f"for {size} bytes of metadata")
    expect_headers(space.head(key), fields)
