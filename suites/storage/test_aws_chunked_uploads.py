"""aws-chunked uploads, signed and unsigned, with and without trailers, are decoded and verified."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from conformance.clients.s3.aws_chunked import (
    LIKE_AN_END,
    SIGNED,
    SIGNED_TRAILER,
    UNSIGNED_TRAILER,
    Chunk,
    ChunkedUpload,
    chunked,
)
from conformance.clients.s3.checksums import checksum_field
from conformance.clients.s3.sigv4 import Signing
from conformance.oracles.proofs import field_says_no
from conformance.oracles.s3_errors import REFUSED, expect_refusal
from conformance.oracles.s3_objects import expect_bytes, expect_nothing_stored, expect_own_or_refused, expect_stored
from conformance.oracles.status import expect_success
from conformance.sandbox.bucket_prefix import Space
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.finding import NonConformance
from conformance.vocabulary.wording import field_of

PARTS = (b"a" * 60_000 + LIKE_AN_END + b"a" * 5_529, b"b" * 131_072, b"the rest")
WHOLE = b"".join(PARTS)
WRONG_SUM = {"BadDigest", "InvalidRequest", "XAmzContentChecksumMismatch", "InvalidDigest"}
REFUSALS = {
    "SignatureDoesNotMatch",
    "AccessDenied",
    "IncompleteBody",
    "RequestTimeout",
    "BadDigest",
    "InvalidChunkSizeError",
    "MalformedTrailerError",
    "InvalidRequest",
    "XAmzContentSHA256Mismatch",
    "XAmzContentChecksumMismatch",
    "InvalidDigest",
    "InvalidArgument",
}
EVERY_FORM = pytest.mark.parametrize(
    "kind",
    [
        case("signed", SIGNED),
        case("signed-with-trailer", SIGNED_TRAILER),
        case("unsigned-with-trailer", UNSIGNED_TRAILER),
    ],
)


def _upload(space: Space, key: str, kind: str, algorithm: str = "crc32", sum_of: bytes = WHOLE) -> ChunkedUpload:
    trailer = None if kind == SIGNED else checksum_field(algorithm, sum_of)
    return chunked(space.request("PUT", key), space.s3.keys, PARTS, kind, trailer)


def _with_chunk(upload: ChunkedUpload, place: int, chunk: Chunk) -> ChunkedUpload:
    return replace(upload, chunks=(*upload.chunks[:place], chunk, *upload.chunks[place + 1 :]))


def _forged(upload: ChunkedUpload) -> ChunkedUpload:
    return _with_chunk(upload, 1, Chunk(upload.chunks[1].data, "0" * 64))


def _other_bytes(upload: ChunkedUpload) -> ChunkedUpload:
    return _with_chunk(upload, 1, Chunk(b"x" * 131_072, upload.chunks[1].signature))


def _one_lost(upload: ChunkedUpload) -> ChunkedUpload:
    return replace(upload, chunks=(upload.chunks[0], *upload.chunks[2:]))


def _end_lost(upload: ChunkedUpload) -> ChunkedUpload:
    return replace(upload, chunks=upload.chunks[:-1])


def _swapped(upload: ChunkedUpload) -> ChunkedUpload:
    first, second, *rest = upload.chunks
    return replace(upload, chunks=(second, first, *rest))


def _forged_end(upload: ChunkedUpload) -> ChunkedUpload:
    return _with_chunk(upload, 3, Chunk(b"", "0" * 64))


def _forged_trailer(upload: ChunkedUpload) -> ChunkedUpload:
    return replace(upload, trailers=(upload.trailers[0], "x-amz-trailer-signature:" + "0" * 64))


def _unsigned_trailer(upload: ChunkedUpload) -> ChunkedUpload:
    return replace(upload, trailers=upload.trailers[:1])


@verifies("storage/streaming/chunks-are-joined")
@EVERY_FORM
def test_chunked_payload_is_stored_without_its_framing(
    space: Space, kind: str, chunks_of: Callable[[str], None]
) -> None:
    """Purpose: a payload that comes in chunks is stored as the bytes it carries.

    Method: 1. put three chunks, with a checksum in the trailer where the form has one
            2. expect 2xx, and the joined bytes from GET, without aws-chunked in Content-Encoding
    """
    chunks_of(kind)
    key = space.key()
    expect_success(space.s3.send_as_is(_upload(space, key, kind).assembled()))

    reply = space.get(key)
    expect_bytes(reply, WHOLE)
    if "aws-chunked" in (reply.headers.get("content-encoding") or ""):
        proof = field_says_no(reply, "Content-Encoding", "aws-chunked")
        told = field_of(reply, "Content-Encoding")
        raise NonConformance("no aws-chunked in Content-Encoding", told, reply, proof=proof)


@verifies("storage/streaming/chunks-are-joined")
@pytest.mark.parametrize("body", [case("of-nothing", b""), case("of-a-mebibyte", b"m" * 2**20)])
def test_chunks_of_any_size_are_taken(space: Space, body: bytes, chunks_of: Callable[[str], None]) -> None:
    """Purpose: an empty object comes in chunks, too, and a large one in large chunks: boto3 sends 1 MiB in each.

    Method: 1. put no chunk but the closing one, or one of 1 MiB before it, with the checksum of all in the trailer
            2. expect 2xx, and the bytes from GET
    """
    chunks_of(UNSIGNED_TRAILER)
    key, trailer = space.key(), checksum_field("crc32", body)
    upload = chunked(space.request("PUT", key), space.s3.keys, (body,) * bool(body), UNSIGNED_TRAILER, trailer)
    expect_success(space.s3.send_as_is(upload.assembled()))
    expect_bytes(space.get(key), body)


@verifies("storage/streaming/altered-chunks-are-refused")
@pytest.mark.parametrize(
    ("kind", "alter"),
    [
        case("chunk-signature", SIGNED, _forged),
        case("chunk-bytes", SIGNED, _other_bytes),
        case("chunk-lost", SIGNED, _one_lost),
        case("chunks-swapped", SIGNED, _swapped),
        case("last-chunk-lost", SIGNED, _end_lost),
        case("last-chunk-signature", SIGNED, _forged_end),
        case("trailer-signature", SIGNED_TRAILER, _forged_trailer),
        case("trailer-signature-lost", SIGNED_TRAILER, _unsigned_trailer),
        case("unsigned-chunk-lost", UNSIGNED_TRAILER, _one_lost),
    ],
)
def test_altered_chunks_are_refused(space: Space, kind: str, alter: Callable[[ChunkedUpload], ChunkedUpload]) -> None:
    """Purpose: every chunk is as the signer sent it, and all of them came; else nothing is stored.

    Method: 1. put an object, then overwrite it in chunks of which one is forged, changed, lost or swapped
            2. expect 400 or 403, and the old bytes
    """
    key = space.stored(b"what stood there")

    reply = space.s3.send_as_is(alter(_upload(space, key, kind)).assembled())

    expect_refusal(reply, REFUSED, REFUSALS)
    expect_stored(space.get(key), b"what stood there")


@verifies("storage/streaming/altered-chunks-are-refused")
@pytest.mark.parametrize("body", [case("size-unreadable", b"zz\r\n" + WHOLE), case("never-framed", b"a" * 65_536)])
def test_what_is_no_chunk_is_refused(space: Space, body: bytes) -> None:
    """Purpose: a payload that says it comes in chunks and does not is the caller's fault, and is not stored.

    Method: 1. put an object, overwrite it by a payload that does not begin with a chunk's size
            2. expect 400 or 403, and the old bytes
    """
    key = space.stored(b"what stood there")

    reply = space.s3.send_as_is(replace(_upload(space, key, UNSIGNED_TRAILER).assembled(), body=body))

    expect_refusal(reply, REFUSED, REFUSALS)
    expect_stored(space.get(key), b"what stood there")


@verifies("storage/streaming/decoded-length-is-checked")
@pytest.mark.parametrize("difference", [case("one-more", 1), case("one-less", -1)])
def test_wrong_decoded_length_is_refused(space: Space, difference: int) -> None:
    """Purpose: the payload is as long as x-amz-decoded-content-length says, else something was lost on the way.

    Method: 1. put an object, overwrite it in chunks that are rightly signed but of another length in all
            2. expect 400 or 403, and the old bytes
    """
    key = space.stored(b"what stood there")
    upload = chunked(space.request("PUT", key), space.s3.keys, PARTS, decoded=len(WHOLE) + difference)

    expect_refusal(space.s3.send_as_is(upload.assembled()), REFUSED, REFUSALS)
    expect_stored(space.get(key), b"what stood there")


@verifies("storage/streaming/decoded-length-is-checked")
@pytest.mark.parametrize("kind", [case("left-out", UNSIGNED_TRAILER)])
def test_decoded_length_may_not_be_left_out(space: Space, kind: str) -> None:
    """Purpose: chunks of which nobody said how long they are in all are the caller's slip, not the server's.

    Method: 1. put chunks without x-amz-decoded-content-length
            2. expect a refusal of 4xx and nothing stored, or the joined bytes
    """
    key = space.key()
    framed = _upload(space, key, kind).assembled()
    fields = {name: framed.header(name) or "" for name in ("content-encoding", "x-amz-trailer")}

    put = space.s3.send(space.request("PUT", key, headers=fields, body=framed.body), Signing(payload=kind))

    expect_own_or_refused(put, space.get(key), WHOLE)


@verifies("storage/streaming/trailing-checksum-is-checked")
@pytest.mark.parametrize(
    ("kind", "algorithm"),
    [
        case("signed", SIGNED_TRAILER, "crc32"),
        case("unsigned", UNSIGNED_TRAILER, "crc32"),
        *(case(f"unsigned-{name}", UNSIGNED_TRAILER, name) for name in ("crc32c", "crc64nvme", "sha1", "sha256")),
    ],
)
def test_wrong_trailing_checksum_is_refused(
    space: Space, kind: str, algorithm: str, chunks_of: Callable[[str], None]
) -> None:
    """Purpose: the checksum that current SDKs send behind the payload is compared with the payload.

    Method: 1. put chunks whose trailer carries the checksum of other bytes
            2. expect 400, and nothing stored
    """
    chunks_of(kind)
    key = space.key()
    upload = _upload(space, key, kind, algorithm, sum_of=b"other bytes")

    expect_refusal(space.s3.send_as_is(upload.assembled()), 400, WRONG_SUM)
    expect_nothing_stored(space.get(key))


@verifies("storage/streaming/announced-trailer-must-come")
def test_announced_trailer_must_come(space: Space, chunks_of: Callable[[str], None]) -> None:
    """Purpose: a payload whose announced checksum does not come was cut off, or cannot be compared.

    Method: 1. put chunks with x-amz-trailer, without the trailer that it announces
            2. expect 400, and nothing stored
    """
    chunks_of(UNSIGNED_TRAILER)
    key = space.key()
    upload = replace(_upload(space, key, UNSIGNED_TRAILER), trailers=())

    expect_refusal(space.s3.send_as_is(upload.assembled()), 400, REFUSALS)
    expect_nothing_stored(space.get(key))
