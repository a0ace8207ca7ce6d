"""DeleteObjects: the digests and checksums of its document."""

from __future__ import annotations

import pytest

from conformance.clients.s3.bodies import delete_document
from conformance.clients.s3.checksums import checksum_field, content_md5
from conformance.oracles.s3_errors import expect_refusal
from conformance.oracles.s3_objects import expect_nothing_stored, expect_stored
from conformance.oracles.status import expect_success
from conformance.sandbox.bucket_prefix import Space
from conformance.vocabulary.check import case, verifies


@verifies("storage/multi-delete/wrong-md5-deletes-nothing")
def test_wrong_md5_deletes_nothing(space: Space) -> None:
    """Purpose: a Delete document that arrives other than its Content-MD5 says deletes nothing.

    Method: 1. name an object, with the Content-MD5 of another document
            2. expect 400 BadDigest, and the object there
    """
    key = space.stored(b"what stood there")

    reply = space.delete_with(delete_document([key]), {"Content-MD5": content_md5(b"another document")})

    expect_refusal(reply, 400, {"BadDigest", "InvalidDigest"})
    expect_stored(space.get(key), b"what stood there")


@verifies("storage/multi-delete/wrong-checksum-deletes-nothing")
def test_wrong_checksum_deletes_nothing(space: Space) -> None:
    """Purpose: a Delete document that arrives other than the checksum that SDKs send with it deletes nothing.

    Method: 1. name an object, with the CRC-32 and then with the SHA-256 of another document
            2. expect 400 BadDigest, and the object there
    """
    key = space.stored(b"what stood there")
    for algorithm in ("crc32", "sha256"):
        wrong = dict([checksum_field(algorithm, b"another document")])
        reply = space.delete_with(delete_document([key]), wrong)

        expect_refusal(reply, 400, {"BadDigest", "InvalidRequest", "XAmzContentChecksumMismatch", "InvalidDigest"})
    expect_stored(space.get(key), b"what stood there")


@verifies("storage/multi-delete/takes-a-checksum-for-md5")
@pytest.mark.parametrize("algorithm", [case("crc32", "crc32"), case("sha256", "sha256")])
def test_takes_a_checksum_in_place_of_md5(space: Space, algorithm: str) -> None:
    """Purpose: the checksum that current SDKs send stands for Content-MD5.

    Method: 1. delete an object with x-amz-checksum and without Content-MD5
            2. expect 2xx, and the object gone
    """
    key = space.stored()
    body = delete_document([key])
    name, value = checksum_field(algorithm, body)

    reply = space.delete_with(body, {name: value, "x-amz-sdk-checksum-algorithm": algorithm.upper()})

    expect_success(reply)
    expect_nothing_stored(space.get(key), "for a key that was deleted")
