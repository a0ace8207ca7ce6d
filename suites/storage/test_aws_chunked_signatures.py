"""The signature of an aws-chunked request is verified like any other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from conformance.clients.s3.aws_chunked import SIGNED, SIGNED_TRAILER, UNSIGNED_TRAILER, Chunk, chunked
from conformance.clients.s3.checksums import checksum_field
from conformance.clients.s3.client import minutes_off
from conformance.clients.s3.sigv4 import Request, Signing
from conformance.oracles.proofs import lacks
from conformance.oracles.s3_documents import parts_of
from conformance.oracles.s3_errors import REFUSED
from conformance.oracles.s3_objects import expect_nothing_stored, expect_stored, require_clocks
from conformance.oracles.status import expect_status, observed
from conformance.sandbox.bucket_prefix import Space
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.finding import NonConformance

STOOD = b"what stood there"
PARTS = (b"a" * 8192, b"the rest")
ELSEWHERE = "-other"


def _to_another_key(request: Request) -> Request:
    return replace(request, path=request.path + ELSEWHERE)


def _without_a_signature(request: Request) -> Request:
    return request.without("Authorization")


@verifies("storage/signature/altered-request-is-refused")
@pytest.mark.parametrize(
    ("kind", "alter"),
    [
        case("chunks-to-another-key", SIGNED, _to_another_key),
        case("chunks-with-trailer-to-another-key", SIGNED_TRAILER, _to_another_key),
        case("unsigned-chunks-to-another-key", UNSIGNED_TRAILER, _to_another_key),
        case("unsigned-chunks-of-nobody", UNSIGNED_TRAILER, _without_a_signature),
    ],
)
def test_chunks_of_an_altered_request_are_refused(space: Space, kind: str, alter: Callable[[Request], Request]) -> None:
    """Purpose: who may send one object in chunks may not send another, and who cannot sign sends none.

    Method: 1. sign an upload in chunks over an existing object; send it to another key, or without its signature
            2. expect 403 (400, 401), the old object as it was, and nothing under the other key
    """
    key = space.stored(STOOD)
    trailer = None if kind == SIGNED else checksum_field("crc32", b"".join(PARTS))
    upload = chunked(space.request("PUT", key), space.s3.keys, PARTS, kind, trailer)

    expect_status(space.s3.send_as_is(alter(upload.assembled())), REFUSED)
    expect_stored(space.get(key), STOOD)
    expect_nothing_stored(space.get(key + ELSEWHERE))


@verifies("storage/signature/skewed-clock-is-refused")
@pytest.mark.parametrize("kind", [case("chunks-behind", SIGNED), case("unsigned-chunks-behind", UNSIGNED_TRAILER)])
def test_chunks_of_a_skewed_clock_are_refused(space: Space, kind: str) -> None:
    """Purpose: an upload in chunks that is overheard is soon worthless, as any.

    Method: 1. sign an upload in chunks with a clock that is twenty minutes behind, send it
            2. expect 403 (400; 501 where unsigned chunks are not offered), and nothing stored
    """
    key, trailer = space.key(), None if kind == SIGNED else checksum_field("crc32", b"".join(PARTS))
    late = chunked(space.request("PUT", key), space.s3.keys, PARTS, kind, trailer, signing=minutes_off(-20))

    require_clocks(reply := space.s3.send_as_is(late.assembled()))
    expect_status(reply, REFUSED if kind == SIGNED else {*REFUSED, 501})
    expect_nothing_stored(space.get(key))


@verifies("storage/presigned/wrong-secret-is-refused")
@pytest.mark.parametrize("kind", [case("with-unsigned-chunks", UNSIGNED_TRAILER)])
def test_unsigned_chunks_to_a_forged_url_are_refused(space: Space, kind: str) -> None:
    """Purpose: whose chunks need not be signed has signed the request all the same, in a URL too.

    Method: 1. presign an upload in unsigned chunks over an existing object by a wrong secret, send it
            2. expect 403 (400, 401; 501 where it is not offered), and the old object as it was
    """
    key, impostor = space.stored(STOOD), space.s3.with_keys(secret_key="not-the-secret-of-this-key")
    trailer = checksum_field("crc32", b"".join(PARTS))
    upload = chunked(space.request("PUT", key), impostor.keys, PARTS, kind, trailer).assembled()
    url = impostor.presign(upload.without("Authorization", "x-amz-date"), signing=Signing(payload=kind))

    expect_status(space.s3.send_as_is(url), {*REFUSED, 501})
    expect_stored(space.get(key), STOOD)


@verifies("storage/signature/every-upload-is-closed")
@pytest.mark.parametrize("kind", [case("unsigned-chunks", UNSIGNED_TRAILER)])
def test_unsigned_chunks_of_a_part_are_refused(space: Space, kind: str) -> None:
    """Purpose: a part in chunks that need not be signed is refused as an object is, where the request is forged.

    Method: 1. open an upload; send a part in unsigned chunks whose request was signed by a wrong secret
            2. expect 403 (400, 401; 501 where it is not offered), and no part in the list
    """
    upload = space.opened(key := space.key("closed"))
    named = space.request("PUT", key, {"partNumber": "1", "uploadId": upload})
    impostor = space.s3.with_keys(secret_key="not-the-secret-of-this-key")
    trailer = checksum_field("crc32", b"".join(PARTS))

    reply = space.s3.send_as_is(chunked(named, impostor.keys, PARTS, kind, trailer).assembled())
    listed = space.list_parts(key, upload)
    space.abort(key, upload)

    expect_status(reply, {*REFUSED, 501})
    if listed.ok and parts_of(listed).parts:
        raise NonConformance("no part of who cannot sign", observed(listed), listed, proof=lacks(listed, "<Part>"))


@verifies("storage/streaming/altered-chunks-are-refused")
@pytest.mark.parametrize("place", [case("first-chunk-bytes", 0)])
def test_forged_first_chunk_is_refused(space: Space, place: int) -> None:
    """Purpose: the first chunk is signed like those behind it.

    Method: 1. put an object, overwrite it in chunks of which the first has other bytes than were signed
            2. expect 400 or 403, and the old bytes
    """
    key = space.stored(b"what stood there")
    upload = chunked(space.request("PUT", key), space.s3.keys, PARTS, SIGNED)
    chunks = list(upload.chunks)
    chunks[place] = Chunk(b"x" * len(PARTS[place]), chunks[place].signature)

    expect_status(space.s3.send_as_is(replace(upload, chunks=tuple(chunks)).assembled()), REFUSED)
    expect_stored(space.get(key), b"what stood there")


@verifies("storage/streaming/altered-chunks-are-refused")
@pytest.mark.parametrize("kind", [case("without-signatures", SIGNED)])
def test_chunks_without_signatures_are_refused(space: Space, kind: str) -> None:
    """Purpose: what a request says is in signed chunks is not taken in chunks that nobody signed.

    Method: 1. put an object, overwrite it in chunks of other bytes than were signed, with no signature at any
            2. expect 400 or 403, and the old bytes
    """
    key = space.stored(STOOD)
    upload = chunked(space.request("PUT", key), space.s3.keys, PARTS, kind)
    bare = tuple(Chunk(b"x" * len(chunk.data)) for chunk in upload.chunks)

    expect_status(space.s3.send_as_is(replace(upload, chunks=bare).assembled()), REFUSED)
    expect_stored(space.get(key), STOOD)
