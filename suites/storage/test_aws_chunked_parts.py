"""Parts of a multipart upload in aws-chunked form or with checksums."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace

import pytest

from conformance.clients.s3.aws_chunked import (
    LIKE_AN_END,
    SIGNED,
    SIGNED_TRAILER,
    UNSIGNED_TRAILER,
    ChunkedUpload,
    chunked,
)
from conformance.clients.s3.bodies import NONE, completion_document
from conformance.clients.s3.checksums import checksum_field
from conformance.clients.s3.sigv4 import Request
from conformance.oracles.s3_errors import REFUSED, expect_no_error_inside, expect_refusal
from conformance.oracles.s3_objects import expect_bytes, expect_etag, expect_stored
from conformance.oracles.status import expect_status, expect_success
from conformance.sandbox.bucket_prefix import Space
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive, NotOffered

PARTS = (b"a" * 60_000 + LIKE_AN_END + b"a" * 5_529, b"b" * 65536, b"the rest")
WHOLE = b"".join(PARTS)
WRONG_SUM = {"BadDigest", "InvalidRequest", "XAmzContentChecksumMismatch", "InvalidDigest"}


@dataclass(frozen=True)
class Upload:
    """An open upload of one part, and the algorithm of the checksums that it was opened for, or none."""

    space: Space
    key: str
    upload: str
    algorithm: str

    def request(self, body: bytes = b"") -> Request:
        """The part, unsigned."""
        return self.space.request("PUT", self.key, {"partNumber": "1", "uploadId": self.upload}, body=body)

    def complete(self, part: Exchange, body: bytes) -> Exchange:
        """The completion, which names the part's checksum where the upload was opened for it."""
        name = self.algorithm
        sums = {1: (f"Checksum{name.upper()}", checksum_field(name, body)[1])} if name else NONE
        document = completion_document([(1, expect_etag(part))], sums)
        return self.space.complete_with(self.key, self.upload, document)


def _opened(space: Space, algorithm: str = "") -> Upload:
    """An upload as SDKs open it: checksums of parts are of the algorithm that it was opened with.

    S3 API Reference, UploadPart, x-amz-sdk-checksum-algorithm. One that refuses that is opened without.
    """
    key = space.key("parts")
    if algorithm:
        with suppress(Inconclusive):
            asked = {"x-amz-checksum-algorithm": algorithm.upper()}
            return Upload(space, key, space.opened(key, asked), algorithm)
    return Upload(space, key, space.opened(key), "")


@verifies("storage/streaming/parts-come-in-chunks-too")
@pytest.mark.parametrize(
    "kind",
    [
        case("signed", SIGNED),
        case("signed-with-trailer", SIGNED_TRAILER),
        case("unsigned-with-trailer", UNSIGNED_TRAILER),
    ],
)
def test_part_in_chunks_is_stored_without_its_framing(
    space: Space, kind: str, chunks_of: Callable[[str], None]
) -> None:
    """Purpose: a part that comes in chunks, as SDKs send it, is the bytes it carries.

    Method: 1. open an upload (for CRC-32, where that is to come in the trailer), send a part in three chunks, complete
            2. expect 2xx, and the joined bytes from GET
    """
    chunks_of(kind)
    has_trailer = kind != SIGNED
    upload = _opened(space, "crc32" if has_trailer else "")
    trailer = checksum_field("crc32", WHOLE) if has_trailer else None
    reply = space.s3.send_as_is(chunked(upload.request(), space.s3.keys, PARTS, kind, trailer).assembled())

    expect_success(reply)
    expect_no_error_inside(upload.complete(reply, WHOLE))
    expect_bytes(space.get(upload.key), WHOLE)


def _forged(part: ChunkedUpload) -> ChunkedUpload:
    first, *rest = part.chunks
    return replace(part, chunks=(replace(first, signature="0" * 64), *rest))


@verifies("storage/streaming/altered-chunks-are-refused")
@pytest.mark.parametrize("kind", [case("of-a-part", SIGNED)])
def test_altered_chunks_of_a_part_are_refused(space: Space, features: frozenset[str], kind: str) -> None:
    """Purpose: the chunks of a part are as the signer sent them and all came, like those of an object.

    Method: 1. open an upload, send a part; send it anew of another length than it says, with a forged signature of its
               trailer, and with a forged chunk of other bytes
            2. expect 400 or 403 each time, or 501 where none can be sent anew; the completion with the first's ETag
               gives the first's bytes
    """
    if "storage.multipart" not in features:
        raise NotOffered("the target does not claim storage.multipart")
    upload = _opened(space)
    part = space.s3.send(upload.request(WHOLE))
    forged = _forged(chunked(upload.request(), space.s3.keys, (b"x" * 65536, *PARTS[1:]), kind))
    longer = chunked(upload.request(), space.s3.keys, PARTS, kind, decoded=len(WHOLE) - 1)
    trailed = chunked(upload.request(), space.s3.keys, PARTS, SIGNED_TRAILER, checksum_field("crc32", WHOLE))
    trailed = replace(trailed, trailers=(trailed.trailers[0], "x-amz-trailer-signature:" + "0" * 64))

    expect_success(part)
    # At last the one with other bytes: were it kept, a later one with the right bytes would stand in its place.
    for altered in (longer, trailed, forged):
        expect_status(space.s3.send_as_is(altered.assembled()), {400, 401, 403, 501})
    expect_no_error_inside(upload.complete(part, WHOLE))
    expect_bytes(space.get(upload.key), WHOLE)


@verifies("storage/streaming/altered-chunks-are-refused")
@pytest.mark.parametrize("kind", [case("ended-behind-a-chunk", SIGNED)])
def test_chunks_that_end_without_the_last_are_refused(space: Space, kind: str) -> None:
    """Purpose: that all chunks came is said by the empty one at their end: without it a payload was cut, if cleanly.

    Method: 1. put an object, overwrite it in chunks that end behind a whole one, of a Content-Length that says so, and
               of the decoded length that came
            2. expect 400 or 403, and the old bytes
    """
    key = space.stored(b"what stood there")
    upload = chunked(space.request("PUT", key), space.s3.keys, PARTS, kind)
    cut = b"".join(chunk.framed() for chunk in upload.chunks[:-1])

    expect_status(space.s3.send_as_is(replace(upload.request, body=cut)), REFUSED)
    expect_stored(space.get(key), b"what stood there")


@verifies("storage/multipart/differing-checksum-refuses-the-part")
@pytest.mark.parametrize(
    ("trailing", "algorithm"),
    [case("field", False, "crc32"), case("trailer", True, "crc32"), case("of-sha256", False, "sha256")],
)
def test_differing_checksum_refuses_the_part(
    space: Space, features: frozenset[str], trailing: bool, algorithm: str, chunks_of: Callable[[str], None]
) -> None:
    """Purpose: a part that arrives other than its checksum says is refused, and the earlier one stays.

    Method: 1. open an upload for CRC-32 or SHA-256, send a part with it, send it anew with that of other bytes, in a
               field or behind it
            2. expect 400; the completion with the first's ETag gives the first's bytes
    """
    if "storage.multipart" not in features:
        raise NotOffered("the target does not claim storage.multipart")
    if trailing:
        chunks_of(UNSIGNED_TRAILER)
    body, upload, wrong = b"as it should be", _opened(space, algorithm), checksum_field(algorithm, b"others")
    part = space.s3.send(upload.request(body).with_header(*checksum_field(algorithm, body)))
    expect_success(part, "for a part with its checksum")
    if trailing:
        spoiled = chunked(upload.request(), space.s3.keys, PARTS, UNSIGNED_TRAILER, wrong)
        reply = space.s3.send_as_is(spoiled.assembled())
    else:
        reply = space.s3.send(upload.request(b"spoiled").with_header(*wrong))

    expect_refusal(reply, 400, WRONG_SUM)
    expect_no_error_inside(upload.complete(part, body))
    expect_bytes(space.get(upload.key), body)
