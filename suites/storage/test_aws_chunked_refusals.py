"""Uploads in aws-chunked form whose signature, chunks, length or checksum is wrong are refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from conformance.clients.s3.aws_chunked import (
    FALSE_END,
    SIGNED,
    SIGNED_TRAILER,
    UNSIGNED_TRAILER,
    Chunk,
    ChunkedUpload,
    checksummed,
    chunked,
)
from conformance.clients.s3.bodies import NONE, completion_document
from conformance.clients.s3.checksums import checksum_field
from conformance.clients.s3.client import minutes_off
from conformance.clients.s3.sigv4 import Request, Signing
from conformance.oracles.s3_documents import parts_of
from conformance.oracles.s3_errors import REFUSED, expect_no_error_inside
from conformance.oracles.s3_objects import (
    expect_bytes,
    expect_etag,
    expect_nothing_stored,
    expect_stored,
    expect_stored_or_refused,
    require_clocks,
)
from conformance.oracles.status import expect_refused, expect_status, expect_success, observed
from conformance.sandbox.bucket_prefix import Space
from conformance.vocabulary.check import case, row, rows, verifies
from conformance.vocabulary.finding import Inconclusive, NonConformance

EARLIER = b"the earlier object"
CHUNKS = (b"a" * 60_000 + FALSE_END + b"a" * 5_529, b"b" * 131_072, b"the rest")
WHOLE = b"".join(CHUNKS)
FORGED = "0" * 64
SkipRefused = Callable[[str], None]


def _upload(space: Space, key: str, kind: str = SIGNED) -> ChunkedUpload:
    return checksummed(space.request("PUT", key), space.s3.keys, CHUNKS, kind)


def _with_wrong_checksum(request: Request, space: Space, kind: str, algorithm: str) -> Request:
    return chunked(request, space.s3.keys, CHUNKS, kind, checksum_field(algorithm, b"other bytes")).assembled()


def _with_chunk(place: int, data: bytes | None = None, signature: str | None = None) -> Callable[..., Request]:
    def alter(upload: ChunkedUpload) -> Request:
        chunks = list(upload.chunks)
        old = chunks[place]
        chunks[place] = Chunk(old.data if data is None else data, old.signature if signature is None else signature)
        return replace(upload, chunks=tuple(chunks)).assembled()

    return alter


def _with_chunks(*places: int) -> Callable[..., Request]:
    return lambda upload: replace(upload, chunks=tuple(upload.chunks[place] for place in places)).assembled()


def _without_signatures(upload: ChunkedUpload) -> Request:
    return replace(upload, chunks=tuple(Chunk(b"x" * len(each.data)) for each in upload.chunks)).assembled()


def _ended_after_a_chunk(upload: ChunkedUpload) -> Request:
    return replace(upload.request, body=b"".join(each.framed() for each in upload.chunks[:-1]))


def _with_forged_trailer(upload: ChunkedUpload) -> Request:
    return replace(upload, trailers=(upload.trailers[0], f"x-amz-trailer-signature:{FORGED}")).assembled()


def _with_unsigned_trailer(upload: ChunkedUpload) -> Request:
    return replace(upload, trailers=upload.trailers[:1]).assembled()


def _with_body(body: bytes) -> Callable[..., Request]:
    return lambda upload: replace(upload.assembled(), body=body)


Alter = Callable[[Space, Request], Request]


WRONG_SECRET = {"secret_key": "not-the-secret-of-this-key"}


def _of(kind: str, alter: Callable[[ChunkedUpload], Request]) -> Alter:
    return lambda space, request: alter(checksummed(request, space.s3.keys, CHUNKS, kind))


def _of_length(decoded: int) -> Alter:
    return lambda space, request: chunked(request, space.s3.keys, CHUNKS, decoded=decoded).assembled()


def _to_another_key(upload: ChunkedUpload) -> Request:
    return replace(request := upload.assembled(), path=request.path + "-other")


def _by_a_forged_url(space: Space, request: Request) -> Request:
    upload = checksummed(request, space.s3.keys, CHUNKS, UNSIGNED_TRAILER).assembled()
    unsigned = upload.without("Authorization", "x-amz-date")
    return space.s3.with_keys(**WRONG_SECRET).presign(unsigned, signing=Signing(payload=UNSIGNED_TRAILER))


@pytest.mark.parametrize(
    ("alter", "statuses"),
    rows(
        {
            "storage/streaming/altered-chunks-are-refused": {
                "chunk-signature": (_of(SIGNED, _with_chunk(1, signature=FORGED)), REFUSED),
                "chunk-bytes": (_of(SIGNED, _with_chunk(1, b"x" * len(CHUNKS[1]))), REFUSED),
                "first-chunk-bytes": (_of(SIGNED, _with_chunk(0, b"x" * len(CHUNKS[0]))), REFUSED),
                "chunk-lost": (_of(SIGNED, _with_chunks(0, 2, 3)), REFUSED),
                "chunks-swapped": (_of(SIGNED, _with_chunks(1, 0, 2, 3)), REFUSED),
                "last-chunk-lost": (_of(SIGNED, _with_chunks(0, 1, 2)), REFUSED),
                "last-chunk-signature": (_of(SIGNED, _with_chunk(3, signature=FORGED)), REFUSED),
                "ended-after-a-chunk": (_of(SIGNED, _ended_after_a_chunk), REFUSED),
                "without-signatures": (_of(SIGNED, _without_signatures), REFUSED),
                "trailer-signature": (_of(SIGNED_TRAILER, _with_forged_trailer), REFUSED),
                "trailer-signature-lost": (_of(SIGNED_TRAILER, _with_unsigned_trailer), REFUSED),
                "unsigned-chunk-lost": (_of(UNSIGNED_TRAILER, _with_chunks(0, 2, 3)), REFUSED),
                "size-unreadable": (_of(UNSIGNED_TRAILER, _with_body(b"zz\r\n" + WHOLE)), REFUSED),
                "never-framed": (_of(UNSIGNED_TRAILER, _with_body(b"a" * 65_536)), REFUSED),
            },
            "storage/streaming/decoded-length-is-checked": {
                "one-more": (_of_length(len(WHOLE) + 1), REFUSED),
                "one-less": (_of_length(len(WHOLE) - 1), REFUSED),
            },
            "storage/signature/altered-request-is-refused": {
                "chunks-to-another-key": (_of(SIGNED, _to_another_key), REFUSED),
                "chunks-with-trailer-to-another-key": (_of(SIGNED_TRAILER, _to_another_key), REFUSED),
                "unsigned-chunks-to-another-key": (_of(UNSIGNED_TRAILER, _to_another_key), REFUSED),
                "unsigned-chunks-without-signature": (
                    _of(UNSIGNED_TRAILER, lambda upload: upload.assembled().without("Authorization")),
                    REFUSED,
                ),
            },
            "storage/presigned/wrong-secret-is-refused": {"with-unsigned-chunks": (_by_a_forged_url, {*REFUSED, 501})},
        }
    ),
)
def test_altered_chunks_are_refused(space: Space, alter: Alter, statuses: set[int]) -> None:
    """Purpose: an upload whose chunk, length, key or signature is changed in transit stores nothing.
    Method: 1. put an object, overwrite it by chunks altered, lost, swapped, unsigned, malformed, of other length or key
            2. expect 400 or 403 (401; 501 for a URL), the old bytes, and nothing under the other key
    """
    key = space.stored(EARLIER)

    expect_status(space.s3.send_as_is(alter(space, space.request("PUT", key))), statuses)
    expect_stored(space.get(key), EARLIER)
    expect_nothing_stored(space.get(f"{key}-other"))


@verifies("storage/streaming/altered-chunks-are-refused#of-a-part")
@pytest.mark.usefixtures("multipart")
def test_altered_chunks_of_a_part_are_refused(space: Space) -> None:
    """Purpose: the chunks of a part are verified like those of an object.
    Method: 1. send a part; send it again with a wrong decoded length, a forged trailer and a forged chunk
            2. expect 400 or 403 each time (501 where parts cannot be replaced), and the first bytes after completion
    """
    upload = space.opened(key := space.key("parts"))
    named = space.request("PUT", key, {"partNumber": "1", "uploadId": upload})
    _, tag = space.part(key, upload, 1, WHOLE)
    other_first = (b"x" * len(CHUNKS[0]), *CHUNKS[1:])

    # The upload with other bytes comes last: a later one with the right bytes would replace it and hide the fault.
    for altered in (
        chunked(named, space.s3.keys, CHUNKS, SIGNED, decoded=len(WHOLE) - 1).assembled(),
        _with_forged_trailer(checksummed(named, space.s3.keys, CHUNKS, SIGNED_TRAILER)),
        _with_chunk(0, signature=FORGED)(chunked(named, space.s3.keys, other_first, SIGNED)),
    ):
        expect_status(space.s3.send_as_is(altered), {*REFUSED, 501})
    expect_no_error_inside(space.complete(key, upload, [(1, tag)]))
    expect_bytes(space.get(key), WHOLE)


@verifies("storage/streaming/decoded-length-is-checked#missing")
def test_missing_decoded_length_is_no_server_error(space: Space) -> None:
    """Purpose: a client that forgets the decoded length gets an error, or is served.
    Method: 1. put chunks without x-amz-decoded-content-length; 2. expect a 4xx and nothing stored, or the joined bytes
    """
    framed = _upload(space, key := space.key(), UNSIGNED_TRAILER).assembled()
    fields = {name: framed.header(name) or "" for name in ("content-encoding", "x-amz-trailer")}

    put = space.s3.send(space.request("PUT", key, headers=fields, body=framed.body), Signing(payload=UNSIGNED_TRAILER))

    expect_stored_or_refused(put, space.get(key), WHOLE)


@pytest.mark.parametrize(
    ("kind", "algorithm"),
    [
        row("storage/streaming/trailing-checksum-is-checked#signed", SIGNED_TRAILER, "crc32"),
        row("storage/streaming/trailing-checksum-is-checked#unsigned", UNSIGNED_TRAILER, "crc32"),
        *(
            row(f"storage/streaming/trailing-checksum-is-checked#unsigned-{name}", UNSIGNED_TRAILER, name)
            for name in ("crc32c", "crc64nvme", "sha1", "sha256")
        ),
        row("storage/streaming/announced-trailer-must-come", UNSIGNED_TRAILER, None),
    ],
)
def test_wrong_trailing_checksum_is_refused(
    space: Space, kind: str, algorithm: str | None, chunks_of: SkipRefused
) -> None:
    """Purpose: current SDKs send a checksum after the payload so that damage or truncation in transit is noticed.
    Method: 1. put chunks whose trailer has the checksum of other bytes, or without the announced trailer
            2. expect a 4xx, and nothing stored
    """
    chunks_of(kind)
    request = space.request("PUT", key := space.key())
    if algorithm:
        altered = _with_wrong_checksum(request, space, kind, algorithm)
    else:
        altered = replace(_upload(space, key, kind), trailers=()).assembled()

    expect_refused(space.s3.send_as_is(altered))
    expect_nothing_stored(space.get(key))


@verifies("storage/multipart/differing-checksum-refuses-the-part")
@pytest.mark.usefixtures("multipart")
@pytest.mark.parametrize(
    ("trailing", "algorithm"),
    [case("field", False, "crc32"), case("trailer", True, "crc32"), case("sha256", False, "sha256")],
)
def test_differing_checksum_refuses_the_part(
    space: Space, trailing: bool, algorithm: str, chunks_of: SkipRefused
) -> None:
    """Purpose: a part that was damaged in transit is refused, and does not replace the earlier one.
    Method: 1. open an upload for the algorithm, send a part; send it again with another body's checksum
            2. expect a 4xx, and the first bytes after completion
    """
    if trailing:
        chunks_of(UNSIGNED_TRAILER)
    body, key, sums = b"as it should be", space.key("parts"), NONE
    right, wrong = checksum_field(algorithm, body), checksum_field(algorithm, b"other bytes")
    try:
        upload = space.opened(key, {"x-amz-checksum-algorithm": algorithm.upper()})
        sums = {1: (f"Checksum{algorithm.upper()}", right[1])}
    except Inconclusive:
        upload = space.opened(key)
    part = space.put_part(key, upload, 1, body, dict([right]))
    expect_success(part, "for a part with its checksum")
    if trailing:
        named = space.request("PUT", key, {"partNumber": "1", "uploadId": upload})
        reply = space.s3.send_as_is(_with_wrong_checksum(named, space, UNSIGNED_TRAILER, algorithm))
    else:
        reply = space.put_part(key, upload, 1, b"damaged", dict([wrong]))

    expect_refused(reply)
    expect_no_error_inside(space.complete_with(key, upload, completion_document([(1, expect_etag(part))], sums)))
    expect_bytes(space.get(key), body)


@verifies("storage/signature/skewed-clock-is-refused")
@pytest.mark.parametrize("kind", [case("chunks-behind", SIGNED), case("unsigned-chunks-behind", UNSIGNED_TRAILER)])
def test_chunks_signed_by_a_skewed_clock_are_refused(space: Space, kind: str) -> None:
    """Purpose: a recorded chunked upload soon becomes worthless.
    Method: 1. sign a chunked upload with a clock that is twenty minutes behind, send it
            2. expect 403 (400; 501 where unsigned chunks are not offered), and nothing stored
    """
    key = space.key()
    late = checksummed(space.request("PUT", key), space.s3.keys, CHUNKS, kind, signing=minutes_off(-20))

    require_clocks(reply := space.s3.send_as_is(late.assembled()))
    expect_status(reply, REFUSED if kind == SIGNED else {*REFUSED, 501})
    expect_nothing_stored(space.get(key))


@verifies("storage/signature/multipart-requires-a-signature#unsigned-chunks")
def test_unsigned_chunks_of_a_forged_part_are_refused(space: Space) -> None:
    """Purpose: unsigned chunks need a correctly signed request, for a part too.
    Method: 1. open an upload; send a part in unsigned chunks by a request signed with a wrong secret
            2. expect 403 (400, 401; 501 where it is not offered), and no part in the list
    """
    upload = space.opened(key := space.key("closed"))
    named = space.request("PUT", key, {"partNumber": "1", "uploadId": upload})
    impostor = space.s3.with_keys(secret_key="not-the-secret-of-this-key")

    reply = space.s3.send_as_is(checksummed(named, impostor.keys, CHUNKS, UNSIGNED_TRAILER).assembled())
    listed = space.list_parts(key, upload)
    space.abort(key, upload)

    expect_status(reply, {*REFUSED, 501})
    if listed.ok and parts_of(listed).parts:
        raise NonConformance("no part in the list", observed(listed), listed)
