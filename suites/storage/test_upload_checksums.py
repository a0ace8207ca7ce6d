"""An upload that does not match its digest or checksum is rejected, and the old object stays."""

from __future__ import annotations

import pytest

from conformance.clients.s3.checksums import ALGORITHMS, checksum_field, content_md5
from conformance.oracles.s3_checksums import FULL, expect_checksum, in_headers, where_offered
from conformance.oracles.s3_errors import expect_refusal, require
from conformance.oracles.s3_objects import expect_bytes, expect_nothing_stored, expect_same_headers, expect_stored
from conformance.oracles.status import expect_success
from conformance.sandbox.bucket_prefix import Space
from conformance.vocabulary.check import case, verifies

BODY = b"ByteS whOse ChEcKsuMS bEgin with a nought each, or end"
"""Each CRC of it has noughts in front, which are lost where it is written as a number is."""
LONG = b"".join(b"checked bytes, line %d\n" % number for number in range(4008))
"""Each CRC of it has its highest bit set, so that it is negative where the bits are taken for a signed number."""
STOOD = b"what stood there"
EVERY_ALGORITHM = pytest.mark.parametrize("algorithm", [case(name, name) for name in ALGORITHMS])


@verifies("storage/checksum/md5-that-matches-is-stored")
def test_matching_md5_is_stored(space: Space) -> None:
    """Purpose: a body that matches its Content-MD5 is stored.

    Method: 1. put with the right Content-MD5
            2. expect 2xx and the bytes
    """
    key = space.key()

    expect_success(space.put(key, BODY, {"Content-MD5": content_md5(BODY)}))
    expect_bytes(space.get(key), BODY)


@verifies("storage/checksum/md5-that-differs-stores-nothing")
def test_differing_md5_stores_nothing(space: Space) -> None:
    """Purpose: a body that arrives other than its Content-MD5 says is refused, and the old object lives.

    Method: 1. put an object, overwrite it by a body beyond one buffer with the Content-MD5 of other bytes
            2. expect 400 BadDigest, and the old bytes
    """
    key = space.stored(STOOD)
    reply = space.put(key, BODY * 8192, {"Content-MD5": content_md5(b"others")})

    expect_refusal(reply, 400, {"BadDigest", "InvalidDigest"})
    expect_stored(space.get(key), STOOD)


@verifies("storage/checksum/broken-md5-stores-nothing")
@pytest.mark.parametrize(
    "value", [case("no-base64", "not base64!"), case("short", "YWJj"), case("hex", "d41d8cd98f00b204e9800998ecf8427e")]
)
def test_broken_md5_stores_nothing(space: Space, value: str) -> None:
    """Purpose: a Content-MD5 that is no MD5 at all is refused.

    Method: 1. put an object, overwrite it with such a Content-MD5
            2. expect 400 InvalidDigest or BadDigest, and the old bytes
    """
    key = space.stored(STOOD)

    reply = space.put(key, BODY, {"Content-MD5": value})

    expect_refusal(reply, 400, {"InvalidDigest", "BadDigest", "InvalidArgument"})
    expect_stored(space.get(key), STOOD)


@verifies("storage/checksum/that-matches-is-stored")
@EVERY_ALGORITHM
def test_matching_checksum_is_stored(space: Space, algorithm: str) -> None:
    """Purpose: a body that matches its checksum is stored.

    Method: 1. put a body beyond one buffer with the right x-amz-checksum field
            2. expect 2xx and the bytes
    """
    key = space.key()

    expect_success(space.put(key, LONG, dict([checksum_field(algorithm, LONG)])))
    expect_bytes(space.get(key), LONG)


@verifies("storage/checksum/that-differs-stores-nothing")
@EVERY_ALGORITHM
def test_differing_checksum_stores_nothing(space: Space, algorithm: str) -> None:
    """Purpose: a body that arrives other than its checksum says is refused, and the old object lives.

    Method: 1. put an object, overwrite it with the checksum of other bytes
            2. expect 400 BadDigest, and the old bytes
    """
    key = space.stored(STOOD)
    reply = where_offered(space.put(key, BODY, dict([checksum_field(algorithm, b"others")])), algorithm)

    expect_refusal(reply, 400, {"BadDigest", "InvalidRequest", "XAmzContentChecksumMismatch", "InvalidDigest"})
    expect_stored(space.get(key), STOOD)


@verifies("storage/checksum/broken-value-stores-nothing")
@EVERY_ALGORITHM
def test_broken_checksum_stores_nothing(space: Space, algorithm: str) -> None:
    """Purpose: a checksum that cannot be one of its algorithm is refused.

    Method: 1. put an object, overwrite it with a checksum that is no base64 of the right length
            2. expect 400, and the old bytes
    """
    key = space.stored(STOOD)
    reply = where_offered(space.put(key, BODY, {f"x-amz-checksum-{algorithm}": "AA=="}), algorithm)

    expect_refusal(
        reply, 400, {"InvalidRequest", "BadDigest", "InvalidDigest", "InvalidArgument", "XAmzContentChecksumMismatch"}
    )
    expect_stored(space.get(key), STOOD)


@verifies("storage/checksum/announced-must-come")
def test_announced_checksum_must_come(space: Space) -> None:
    """Purpose: a body whose checksum was lost on its way is not stored as if it had been compared.

    Method: 1. put with x-amz-sdk-checksum-algorithm, and no x-amz-checksum field
            2. expect 400, and nothing stored
    """
    key = space.key()
    reply = space.put(key, BODY, {"x-amz-sdk-checksum-algorithm": "CRC32"})

    expect_refusal(reply, 400, {"InvalidRequest", "InvalidArgument", "BadDigest", "InvalidDigest"})
    expect_nothing_stored(space.get(key))


@verifies("storage/checksum/told-is-the-one-given")
@EVERY_ALGORITHM
def test_checksum_that_is_told_is_the_one_given(space: Space, algorithm: str) -> None:
    """Purpose: where a checksum is told to a client that asks, it is the one that was stored with the object.

    Method: 1. put with a checksum, GET and HEAD with x-amz-checksum-mode: ENABLED
            2. expect of each the same checksum, of type FULL_OBJECT, or none where it is not kept; of HEAD as of GET
    """
    name, value = checksum_field(algorithm, BODY)
    key, enabled = space.key(), {"x-amz-checksum-mode": "ENABLED"}
    put = where_offered(space.put(key, BODY, {name: value}), algorithm)
    require(put, "a key that may put objects into the bucket")

    got, head = space.get(key, enabled), space.head(key, enabled)
    for reply in (put, got, head):
        expect_checksum(in_headers(reply, algorithm), {FULL: value})
    if name in got.headers:
        expect_same_headers(head, got, [name])


@verifies("storage/checksum/of-the-overwritten-is-gone")
@pytest.mark.parametrize("body", [case("by-a-put", BODY)])
def test_checksum_of_the_overwritten_is_gone(space: Space, body: bytes) -> None:
    """Purpose: an object that was written anew is not told of by the checksum of the one that it replaced.

    Method: 1. put an object with its CRC-32, put other bytes there without one
            2. expect of GET and HEAD the CRC-32 of the new bytes, or none
    """
    key, enabled = space.stored(STOOD, dict([checksum_field("crc32", STOOD)])), {"x-amz-checksum-mode": "ENABLED"}
    require(space.put(key, body), "objects")

    for reply in (space.get(key, enabled), space.head(key, enabled)):
        expect_checksum(in_headers(reply, "crc32"), {FULL: checksum_field("crc32", body)[1]})
