"""Headers and chunk sizes of aws-chunked uploads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from conformance.clients.s3.aws_chunked import SIGNED, UNSIGNED_TRAILER, chunked
from conformance.clients.s3.checksums import checksum_field
from conformance.clients.s3.sigv4 import Request
from conformance.clients.transport.raw_socket import Wire
from conformance.oracles.s3_errors import expect_refusal
from conformance.oracles.s3_objects import (
    expect_bytes,
    expect_headers,
    expect_nothing_stored,
    expect_range,
    expect_stored,
    expect_tag_set,
)
from conformance.oracles.status import expect_success
from conformance.sandbox.bucket_prefix import Space
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.finding import NonConformance, Proof

BODY = b"in one chunk"
CHUNK = 64 * 1024
FIELDS = {"Content-Type": "text/csv", "Cache-Control": "max-age=60", "x-amz-meta-owner": "alice"}
STOOD = b"what stood there"
FAILED = {"PreconditionFailed", "ConditionalRequestConflict"}
BOTH_KINDS = pytest.mark.parametrize("kind", [case("signed-chunks", SIGNED), case("unsigned-chunks", UNSIGNED_TRAILER)])


def _in_chunks(space: Space, key: str, kind: str, fields: dict[str, str]) -> Request:
    trailer = None if kind == SIGNED else checksum_field("crc32", BODY)
    return chunked(space.request("PUT", key, headers=fields), space.s3.keys, [BODY], kind, trailer).assembled()


@verifies("storage/streaming/fields-are-kept")
@BOTH_KINDS
def test_fields_beside_chunks_are_kept(space: Space, kind: str, chunks_of: Callable[[str], None]) -> None:
    """Purpose: an object has its type and metadata, however its payload came.

    Method: 1. put an object in chunks with a type, a system field and metadata
            2. expect the bytes and each of them
    """
    chunks_of(kind)
    key = space.key()

    expect_success(space.s3.send_as_is(_in_chunks(space, key, kind, FIELDS)))
    got = space.get(key)
    expect_bytes(got, BODY)
    expect_headers(got, FIELDS)


@verifies("storage/range/range-is-served")
@pytest.mark.parametrize("kind", [case("over-two-chunks", SIGNED)])
def test_range_over_chunks(space: Space, kind: str) -> None:
    """Purpose: in which chunks an object came does not show when a part of it is read.

    Method: 1. put two chunks of 64 KiB, GET the bytes around their border
            2. expect 206 with them
    """
    key, chunks = space.key(), (b"a" * CHUNK, b"z" * CHUNK)

    expect_success(space.s3.send_as_is(chunked(space.request("PUT", key), space.s3.keys, chunks, kind).assembled()))
    reply = space.get(key, {"Range": f"bytes={CHUNK - 2}-{CHUNK + 2}"})
    expect_range(reply, b"".join(chunks), CHUNK - 2, CHUNK + 2)


@verifies("storage/tagging/given-with-the-object")
@pytest.mark.parametrize("kind", [case("in-chunks", SIGNED)])
def test_tags_beside_chunks_are_kept(space: Space, kind: str) -> None:
    """Purpose: an object can be tagged as it is put, however its payload comes.

    Method: 1. put an object in chunks with x-amz-tagging
            2. expect the tags
    """
    key = space.key()

    expect_success(space.s3.send_as_is(_in_chunks(space, key, kind, {"x-amz-tagging": "project=alpha"})))
    expect_tag_set(space.get_tags(key), {"project": "alpha"})


@verifies("storage/conditional-write/keeps-what-is-there")
@BOTH_KINDS
def test_chunks_keep_what_is_there(space: Space, kind: str, chunks_of: Callable[[str], None]) -> None:
    """Purpose: If-None-Match: * never overwrites, however the payload comes.

    Method: 1. put an object, then PUT to its key in chunks with If-None-Match: *
            2. expect 412 PreconditionFailed, and the old bytes
    """
    chunks_of(kind)
    key = space.stored(STOOD)

    reply = space.s3.send_as_is(_in_chunks(space, key, kind, {"If-None-Match": "*"}))
    expect_refusal(reply, 412, FAILED)
    expect_stored(space.get(key), STOOD)


@verifies("storage/streaming/in-transfer-coding-too")
def test_chunks_in_transfer_coding(space: Space, chunks_of: Callable[[str], None]) -> None:
    """Purpose: boto3 and `aws s3 cp` send over TLS what they send: chunks with a trailer, and no length of the whole.

    Method: 1. put an object in unsigned chunks with a trailer, in chunked transfer coding without Content-Length
            2. expect 2xx, and the bytes
    """
    chunks_of(UNSIGNED_TRAILER)
    key = space.key()
    request = _in_chunks(space, key, UNSIGNED_TRAILER, {}).with_header("Transfer-Encoding", "chunked")

    reply = Wire(space.s3.raw).send(request.head, b"%x\r\n%b\r\n0\r\n\r\n" % (len(request.body), request.body))
    expect_success(reply)
    expect_bytes(space.get(key), BODY)


@verifies("storage/streaming/framing-is-never-stored")
def test_framing_is_never_stored(space: Space) -> None:
    """Purpose: x-amz-content-sha256 says that the payload comes in chunks; a client that says it there alone does not
    find the chunks' sizes and signatures among its bytes.

    Method: 1. put signed chunks without aws-chunked in Content-Encoding
            2. expect the joined bytes, or a refusal and nothing stored
    """
    key = space.key()
    upload = chunked(space.request("PUT", key), space.s3.keys, (BODY,), SIGNED, told=False)
    reply = space.s3.send_as_is(upload.assembled())

    if reply.ok:
        expect_bytes(space.get(key), BODY, or_refused=reply)
        return
    expect_refusal(reply, {400, 403, 411, 501})
    try:
        expect_nothing_stored(space.get(key))
    except NonConformance as found:
        found.proof = Proof(beyond="the chunks may as well be taken, and then there is an object")
        raise


@verifies("storage/streaming/chunks-are-joined")
@pytest.mark.parametrize(
    "kind", [case("size-in-capitals", SIGNED), case("size-in-capitals-of-unsigned", UNSIGNED_TRAILER)]
)
def test_size_of_a_chunk_may_be_in_capitals(space: Space, kind: str, chunks_of: Callable[[str], None]) -> None:
    """Purpose: the size of a chunk is a number in hex, whose letters some SDKs write as capitals (that for .NET).

    Method: 1. put a chunk whose size has such letters
            2. expect 2xx, and its bytes from GET
    """
    chunks_of(kind)
    key, body = space.key(), b"c" * 0xABC
    trailer = checksum_field("crc32", body) if kind == UNSIGNED_TRAILER else None
    request = chunked(space.request("PUT", key), space.s3.keys, (body,), kind, trailer).assembled()

    expect_success(space.s3.send_as_is(replace(request, body=request.body.replace(b"abc", b"ABC", 1))))
    expect_bytes(space.get(key), body)
