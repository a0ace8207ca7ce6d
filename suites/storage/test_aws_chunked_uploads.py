"""Uploads of objects and parts in aws-chunked form are stored without their framing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from conformance.clients.s3.aws_chunked import FALSE_END, SIGNED, SIGNED_TRAILER, UNSIGNED_TRAILER, checksummed, chunked
from conformance.clients.s3.bodies import NONE, completion_document
from conformance.clients.s3.checksums import checksum_field
from conformance.clients.s3.sigv4 import Request
from conformance.clients.transport.raw_socket import Wire
from conformance.oracles.s3_errors import expect_no_error_inside, expect_refusal
from conformance.oracles.s3_objects import (
    expect_bytes,
    expect_etag,
    expect_headers,
    expect_nothing_stored,
    expect_range,
    expect_stored,
    expect_tag_set,
)
from conformance.oracles.status import expect_success
from conformance.sandbox.bucket_prefix import Space
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.finding import Inconclusive, NonConformance
from conformance.vocabulary.wording import field_of

CHUNKS = (b"a" * 60_000 + FALSE_END + b"a" * 5_529, b"b" * 131_072, b"the rest")
HALVES = (b"a" * 65_536, b"z" * 65_536)
BODY, IN_CAPITALS = b"in one chunk", (b"c" * 0xABC,)
FIELDS = {"Content-Type": "text/csv", "Cache-Control": "max-age=60", "x-amz-meta-owner": "alice"}
EARLIER = b"the earlier object"
SkipRefused = Callable[[str], None]
EVERY_FORM = pytest.mark.parametrize(
    "kind",
    [
        case("signed", SIGNED),
        case("signed-with-trailer", SIGNED_TRAILER),
        case("unsigned-with-trailer", UNSIGNED_TRAILER),
    ],
)
BOTH_KINDS = pytest.mark.parametrize("kind", [case("signed-chunks", SIGNED), case("unsigned-chunks", UNSIGNED_TRAILER)])


def _in_one_chunk(space: Space, key: str, kind: str, fields: dict[str, str]) -> Request:
    return checksummed(space.request("PUT", key, headers=fields), space.s3.keys, [BODY], kind).assembled()


@verifies("storage/streaming/chunks-are-joined")
@pytest.mark.parametrize(
    ("kind", "chunks"),
    [
        case("signed", SIGNED, CHUNKS),
        case("signed-with-trailer", SIGNED_TRAILER, CHUNKS),
        case("unsigned-with-trailer", UNSIGNED_TRAILER, CHUNKS),
        case("empty-object", UNSIGNED_TRAILER, ()),
        case("one-mebibyte", UNSIGNED_TRAILER, (b"m" * 2**20,)),
        # Some SDKs (.NET) write the hexadecimal size of a chunk in capital letters.
        case("size-in-capitals", SIGNED, IN_CAPITALS),
        case("size-in-capitals-of-unsigned", UNSIGNED_TRAILER, IN_CAPITALS),
    ],
)
def test_chunked_payload_is_stored_without_its_framing(
    space: Space, kind: str, chunks: tuple[bytes, ...], chunks_of: SkipRefused
) -> None:
    """Purpose: SDKs upload in chunks of any size; the object is the bytes that they carry.
    Method: 1. put three chunks, one of 1 MiB, only the closing one, or one whose size is written in capitals; with a
               checksum where the form has a trailer
            2. expect 2xx, and the joined bytes from GET, without aws-chunked in Content-Encoding
    """
    chunks_of(kind)
    expect_nothing_stored(space.get(key := space.key()))
    request = checksummed(space.request("PUT", key), space.s3.keys, chunks, kind).assembled()
    request = replace(request, body=request.body.replace(b"abc", b"ABC", 1)) if chunks == IN_CAPITALS else request
    expect_success(space.s3.send_as_is(request))

    reply = space.get(key)
    expect_bytes(reply, b"".join(chunks))
    if "aws-chunked" in (coding := field_of(reply, "Content-Encoding")):
        raise NonConformance("no aws-chunked in Content-Encoding", coding, reply)


@verifies("storage/streaming/parts-may-be-chunked")
@EVERY_FORM
def test_chunked_part_is_stored_without_its_framing(space: Space, kind: str, chunks_of: SkipRefused) -> None:
    """Purpose: SDKs send parts in chunks too; the part is the bytes that they carry.
    Method: 1. open an upload (for CRC-32 where the form has a trailer), send a part in three chunks, complete it
            2. expect 2xx, and the joined bytes from GET
    """
    chunks_of(kind)
    # Parts have the checksum algorithm of their upload (UploadPart); some servers refuse to let the upload name one.
    key, sums = space.key("parts"), NONE
    try:
        upload = space.opened(key, {} if kind == SIGNED else {"x-amz-checksum-algorithm": "CRC32"})
        if kind != SIGNED:
            sums = {1: ("ChecksumCRC32", checksum_field("crc32", b"".join(CHUNKS))[1])}
    except Inconclusive:
        upload = space.opened(key)
    named = space.request("PUT", key, {"partNumber": "1", "uploadId": upload})
    part = space.s3.send_as_is(checksummed(named, space.s3.keys, CHUNKS, kind).assembled())

    expect_success(part)
    expect_no_error_inside(space.complete_with(key, upload, completion_document([(1, expect_etag(part))], sums)))
    expect_bytes(space.get(key), b"".join(CHUNKS))


@verifies("storage/streaming/metadata-is-stored")
@BOTH_KINDS
def test_metadata_of_a_chunked_upload_is_stored(space: Space, kind: str, chunks_of: SkipRefused) -> None:
    """Purpose: an object has its type and metadata, in whatever form its payload was sent.
    Method: 1. put an object in chunks with a type, Cache-Control and metadata; 2. expect the bytes and each field
    """
    chunks_of(kind)
    key = space.key()

    expect_success(space.s3.send_as_is(_in_one_chunk(space, key, kind, FIELDS)))
    got = space.get(key)
    expect_bytes(got, BODY)
    expect_headers(got, FIELDS)


@verifies("storage/range/range-is-served#over-two-chunks")
def test_range_over_two_chunks(space: Space) -> None:
    """Purpose: a reader of a range does not notice how the object was split into chunks.
    Method: 1. put two chunks of 64 KiB, GET the bytes around their border; 2. expect 206 with them
    """
    key, size = space.key(), len(HALVES[0])

    expect_success(space.s3.send_as_is(chunked(space.request("PUT", key), space.s3.keys, HALVES, SIGNED).assembled()))
    reply = space.get(key, {"Range": f"bytes={size - 2}-{size + 2}"})
    expect_range(reply, b"".join(HALVES), size - 2, size + 2)


@verifies("storage/tagging/given-with-the-object#in-chunks")
def test_tags_of_a_chunked_upload_are_stored(space: Space) -> None:
    """Purpose: an object can be tagged by its PUT, in whatever form the payload is sent.
    Method: 1. put an object in chunks with x-amz-tagging; 2. expect the tags
    """
    key = space.key()

    expect_success(space.s3.send_as_is(_in_one_chunk(space, key, SIGNED, {"x-amz-tagging": "project=alpha"})))
    expect_tag_set(space.get_tags(key), {"project": "alpha"})


@verifies("storage/conditional-write/existing-object-is-not-overwritten")
@BOTH_KINDS
def test_condition_of_a_chunked_upload_is_honoured(space: Space, kind: str, chunks_of: SkipRefused) -> None:
    """Purpose: If-None-Match: * never overwrites, in whatever form the payload is sent.
    Method: 1. put an object, then PUT to its key in chunks with If-None-Match: *
            2. expect 412 PreconditionFailed, and the old bytes
    """
    chunks_of(kind)
    key = space.stored(EARLIER)

    reply = space.s3.send_as_is(_in_one_chunk(space, key, kind, {"If-None-Match": "*"}))
    expect_refusal(reply, 412, {"PreconditionFailed", "ConditionalRequestConflict"})
    expect_stored(space.get(key), EARLIER)


@verifies("storage/streaming/chunked-transfer-coding-is-accepted")
def test_chunks_in_transfer_coding(space: Space, chunks_of: SkipRefused) -> None:
    """Purpose: boto3 and `aws s3 cp` upload over TLS in chunks with a trailer and without Content-Length.
    Method: 1. put an object in unsigned chunks with a trailer, in chunked transfer coding; 2. expect 2xx, and the bytes
    """
    chunks_of(UNSIGNED_TRAILER)
    key = space.key()
    request = _in_one_chunk(space, key, UNSIGNED_TRAILER, {}).with_header("Transfer-Encoding", "chunked")

    reply = Wire(space.s3.signed).send(request.head, b"%x\r\n%b\r\n0\r\n\r\n" % (len(request.body), request.body))
    expect_success(reply)
    expect_bytes(space.get(key), BODY)


@verifies("storage/streaming/framing-is-never-stored")
def test_framing_is_never_stored(space: Space) -> None:
    """Purpose: a client that announces chunks only in x-amz-content-sha256 finds no framing among its bytes.
    Method: 1. put signed chunks without aws-chunked in Content-Encoding; 2. expect the joined bytes, or nothing stored
    """
    key = space.key()
    upload = chunked(space.request("PUT", key), space.s3.keys, (BODY,), SIGNED, declared=False)
    reply = space.s3.send_as_is(upload.assembled())

    if reply.ok:
        expect_bytes(space.get(key), BODY)
        return
    expect_refusal(reply, {400, 403, 411, 501})
    expect_nothing_stored(space.get(key))
