"""Several digests of one body: the gateway compares each one, whatever the others say."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from conformance.clients.s3.aws_chunked import chunked
from conformance.clients.s3.checksums import checksum_field, content_md5
from conformance.clients.s3.sigv4 import UNSIGNED, Request, Signing
from conformance.oracles.s3_checksums import FULL, expect_checksum, in_document, in_headers
from conformance.oracles.s3_errors import expect_refusal, require
from conformance.oracles.s3_objects import expect_headers, expect_stored
from conformance.oracles.status import expect_status
from conformance.sandbox.bucket_prefix import Space
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NotApplicable

BODY, OTHERS = b"checked bytes", b"other bytes"
LARGE = BODY * 20_000
STOOD = b"what stood there"
DIFFERS = {"BadDigest", "InvalidRequest", "XAmzContentChecksumMismatch", "InvalidDigest"}
CRC, OTHER_CRC = dict([checksum_field("crc32", BODY)]), dict([checksum_field("crc32", OTHERS)])
SHA, OTHER_SHA = dict([checksum_field("sha256", BODY)]), dict([checksum_field("sha256", OTHERS)])
MD5, OTHER_MD5 = {"Content-MD5": content_md5(BODY)}, {"Content-MD5": content_md5(OTHERS)}
ENABLED = {"x-amz-checksum-mode": "ENABLED"}
Way = Callable[[Space, Request], Exchange]
BY_EACH_WAY = pytest.mark.parametrize(
    "way",
    [
        case("by-url", lambda space, request: space.s3.send_as_is(space.s3.presign(request))),
        case("unsigned", lambda space, request: space.s3.send(request, Signing(payload=UNSIGNED))),
    ],
)


@verifies("storage/checksum/every-one-is-compared")
@pytest.mark.parametrize(
    ("body", "digests"),
    [
        case("right-md5-wrong-crc", BODY, MD5 | OTHER_CRC),
        case("right-crc-wrong-md5", BODY, CRC | OTHER_MD5),
        case("right-crc-wrong-sha", BODY, CRC | OTHER_SHA),
        case("wrong-crc-right-sha", BODY, OTHER_CRC | SHA),
        case("wrong-crc-of-nothing", b"", OTHER_CRC),
        case("wrong-crc-of-a-large-body", LARGE, OTHER_CRC),
    ],
)
def test_every_digest_is_compared(space: Space, body: bytes, digests: Mapping[str, str]) -> None:
    """Purpose: one digest that is right does not make up for one that is not, and no body goes without its own.

    Method: 1. put an object, overwrite it with two digests of which one is of other bytes, or with a wrong one of
               nothing or of a body beyond one buffer
            2. expect 400, and the old bytes
    """
    key = space.stored(STOOD)

    expect_refusal(space.put(key, body, digests), 400, DIFFERS)
    expect_stored(space.get(key), STOOD)


@verifies("storage/checksum/md5-that-differs-stores-nothing")
@pytest.mark.parametrize("body", [case("of-nothing", b"")])
def test_differing_md5_of_nothing(space: Space, body: bytes) -> None:
    """Purpose: a body that was lost on its way is not stored as an empty object: its Content-MD5 tells.

    Method: 1. put an object, overwrite it with no bytes and the Content-MD5 of some
            2. expect 400 BadDigest, and the old bytes
    """
    key = space.stored(STOOD)

    expect_refusal(space.put(key, body, OTHER_MD5), 400, {"BadDigest", "InvalidDigest"})
    expect_stored(space.get(key), STOOD)


@verifies("storage/checksum/every-one-is-compared")
@pytest.mark.parametrize("digest", [case("beside-chunks", OTHER_CRC), case("md5-beside-chunks", OTHER_MD5)])
def test_digest_beside_chunks_is_compared(space: Space, digest: Mapping[str, str]) -> None:
    """Purpose: a digest in a field is looked at also where the payload comes in signed chunks.

    Method: 1. put an object, overwrite it in signed chunks with the CRC-32 or MD5 of other bytes in a field
            2. expect 400, and the old bytes
    """
    key = space.stored(STOOD)
    request = space.request("PUT", key, headers=digest)

    reply = space.s3.send_as_is(chunked(request, space.s3.keys, [BODY]).assembled())

    expect_refusal(reply, 400, DIFFERS)
    expect_stored(space.get(key), STOOD)


@verifies("storage/checksum/md5-that-differs-stores-nothing")
@BY_EACH_WAY
def test_md5_of_an_unsigned_payload_is_compared(space: Space, way: Way) -> None:
    """Purpose: a payload that the signature does not cover is compared with its Content-MD5 all the same.

    Method: 1. put an object, overwrite it by a presigned URL or with UNSIGNED-PAYLOAD, with the MD5 of other bytes
            2. expect 400 BadDigest (plain http may refuse such a payload with 403 or otherwise), and the old bytes
    """
    key = space.stored(STOOD)

    expect_status(way(space, space.request("PUT", key, headers=OTHER_MD5, body=BODY)), {400, 403})
    expect_stored(space.get(key), STOOD)


@verifies("storage/checksum/every-one-is-compared")
@BY_EACH_WAY
def test_checksum_of_an_unsigned_payload_is_compared(space: Space, way: Way) -> None:
    """Purpose: a payload that the signature does not cover is compared with its checksum all the same.

    Method: 1. put an object, overwrite it by a presigned URL or with UNSIGNED-PAYLOAD, with the CRC-32 of other bytes
            2. expect 400 BadDigest (plain http may refuse such a payload with 403 or otherwise), and the old bytes
    """
    key = space.stored(STOOD)

    expect_status(way(space, space.request("PUT", key, headers=OTHER_CRC, body=BODY)), {400, 403})
    expect_stored(space.get(key), STOOD)


@verifies("storage/checksum/of-a-copy-is-the-one-asked")
def test_checksum_of_a_copy_is_the_one_asked(space: Space) -> None:
    """Purpose: a copy that is asked for with a checksum is told with the one that its bytes have.

    Method: 1. copy an object with x-amz-checksum-algorithm: CRC32
            2. expect the CRC-32 of its bytes in result and headers, or none: a gateway need not make it
    """
    source, key = space.stored(BODY), space.key("copy")
    right = {FULL: checksum_field("crc32", BODY)[1]}
    copied = space.copy(key, source, {"x-amz-checksum-algorithm": "CRC32"})
    if copied.status in (400, 501):
        raise NotApplicable("copies with a checksum of their own are not offered")

    expect_checksum(in_document(copied, "CopyObjectResult", "crc32"), right)
    expect_checksum(in_headers(space.head(key, ENABLED), "crc32"), right)


@verifies("storage/checksum/goes-along-with-a-copy")
def test_checksum_goes_along_with_a_copy(space: Space) -> None:
    """Purpose: what was uploaded with a checksum can still be compared with it when it was copied.

    Method: 1. put with a CRC-32, copy without a word about checksums
            2. expect the copy told with the same, where the source is told with it: a gateway need not keep it
    """
    source, key = space.key(), space.key("copy")
    require(space.put(source, BODY, CRC), "a key that may put objects into the bucket")
    if not in_headers(space.head(source, ENABLED), "crc32").value:
        raise NotApplicable("checksums that objects are put with are not told")
    require(space.copy(key, source), "a key that may copy objects within the bucket")

    expect_headers(space.head(key, ENABLED), CRC)
