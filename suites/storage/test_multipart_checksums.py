"""Checksums of objects that were uploaded in parts: of the whole, or of the checksums of its parts."""

from __future__ import annotations

import base64

import pytest

from conformance.clients.s3.bodies import completion_document, full_part
from conformance.clients.s3.checksums import ALGORITHMS, checksum_field
from conformance.clients.s3.client import NO_FIELDS, Fields
from conformance.oracles.s3_checksums import COMPOSITE, FULL, expect_checksum, in_document, in_headers, in_parts
from conformance.oracles.s3_documents import upload_id_of
from conformance.oracles.s3_errors import expect_failed_completion, expect_no_error_inside
from conformance.oracles.s3_objects import expect_etag, expect_nothing_stored
from conformance.oracles.status import expect_success
from conformance.sandbox.bucket_prefix import Space
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance, NotApplicable, NotOffered, Proof

BODY, EARLIER = b"the only part", b"what came first"
Parts = tuple[bytes, ...]
ONE_PART, TWO_PARTS = (BODY,), (full_part(b"1"), BODY)
OTHER_SUM = checksum_field("crc32", b"other bytes")[1]
ENABLED, TYPE = {"x-amz-checksum-mode": "ENABLED"}, "x-amz-checksum-type"


def right_of(algorithm: str, parts: Parts = ONE_PART) -> dict[str, str]:
    """The checksum of an object of these parts, by type."""
    make = ALGORITHMS[algorithm]
    sums = make(b"".join(parts)), make(b"".join(map(make, parts)))
    full, composite = (base64.b64encode(each).decode() for each in sums)
    return {FULL: full} if algorithm == "crc64nvme" else {FULL: full, COMPOSITE: f"{composite}-{len(parts)}"}


def opened(space: Space, key: str, algorithm: str, kind: str) -> Exchange:
    """The answer to the opening of an upload with a checksum; NotApplicable where none of the kind is offered."""
    fields = {"x-amz-checksum-algorithm": algorithm.upper(), TYPE: kind}
    reply = space.create_upload(key, fields)
    if reply.status in (400, 501):
        raise NotApplicable(f"uploads in parts with a checksum {algorithm} of type {kind} are not offered")
    return reply


def completed(
    space: Space, key: str, upload: str, algorithm: str, of_the_whole: Fields = NO_FIELDS, parts: Parts = ONE_PART
) -> Exchange:
    """The answer to the completion of an upload with the checksums of its parts and fields on the whole's.

    The first part, which replaces other bytes, is told with its own checksum, if with any, when it is sent and when
    parts are listed.
    """
    sums = [checksum_field(algorithm, part) for part in parts]
    space.put_part(key, upload, 1, EARLIER, dict([checksum_field(algorithm, EARLIER)]))
    sent = [space.put_part(key, upload, at, part, dict([sums[at - 1]])) for at, part in enumerate(parts, 1)]
    for reply in sent:
        expect_success(reply, f"for a part with its {sums[0][0]}")
    for told in (in_headers(sent[0], algorithm), in_parts(space.list_parts(key, upload), algorithm)):
        expect_checksum(told, {FULL: sums[0][1], COMPOSITE: sums[0][1]})
    tags = [(at, expect_etag(reply)) for at, reply in enumerate(sent, 1)]
    checksums = {at: (f"Checksum{algorithm.upper()}", value) for at, (_, value) in enumerate(sums, 1)}
    return space.complete_with(key, upload, completion_document(tags, checksums), of_the_whole)


@pytest.fixture
def multipart(features: frozenset[str]) -> None:
    """NotApplicable where the target does not claim uploads in parts."""
    if "storage.multipart" not in features:
        raise NotOffered("the target does not claim storage.multipart")


@verifies("storage/checksum/of-parts-is-of-its-type")
@pytest.mark.usefixtures("multipart")
@pytest.mark.parametrize(
    ("algorithm", "kind", "parts"),
    [
        case("composite-crc32", "crc32", COMPOSITE, TWO_PARTS),
        case("composite-sha256", "sha256", COMPOSITE, ONE_PART),
        case("full-crc32", "crc32", FULL, TWO_PARTS),
        case("full-crc64nvme", "crc64nvme", FULL, ONE_PART),
    ],
)
def test_checksum_of_parts_is_of_its_type(space: Space, algorithm: str, kind: str, parts: Parts) -> None:
    """Purpose: the checksum of an object in parts is of the type that its upload was opened with.

    Method: 1. open an upload with an algorithm and a checksum type; where the answer tells a type, expect the one asked
            2. upload one part or two with checksums, the first anew; expect that told with its own, if any, in the
               answer and when parts are listed; complete with them, and with the whole's where that is the type
            3. GET and HEAD with x-amz-checksum-mode: ENABLED
            4. expect the checksum of the type that is told, in result and headers, or none: a gateway need not keep it
    """
    key, right = space.key(), right_of(algorithm, parts)
    reply = opened(space, key, algorithm, kind)
    upload, told = upload_id_of(reply), reply.headers.get(TYPE)
    if told is not None and told != kind:
        proof = Proof(reply.id, fields_if_any=((TYPE, kind),))
        raise NonConformance(f"{TYPE}: {kind}, as asked", told, reply, proof=proof)
    wanted = right if told is None else {kind: right[kind]}

    whole = {f"x-amz-checksum-{algorithm}": right[FULL], TYPE: FULL} if told == FULL else NO_FIELDS
    result = completed(space, key, upload, algorithm, whole, parts)
    expect_no_error_inside(result)
    expect_checksum(in_document(result, "CompleteMultipartUploadResult", algorithm), wanted)
    for reply in (space.get(key, ENABLED), space.head(key, ENABLED)):
        expect_checksum(in_headers(reply, algorithm), wanted)


@verifies("storage/checksum/of-a-completion-is-compared")
@pytest.mark.usefixtures("multipart")
@pytest.mark.parametrize(
    ("whose", "wrong"),
    [
        case("part", "part", OTHER_SUM),
        case("object", "object", OTHER_SUM),
        case("no-checksum-of-a-part", "part", "no checksum"),
        case("no-checksum-of-the-object", "object", "no checksum"),
    ],
)
def test_checksum_of_a_completion_is_compared(space: Space, whose: str, wrong: str) -> None:
    """Purpose: a completion that names another checksum than the parts have makes no object of them.

    Method: 1. open an upload with the CRC-32 of the whole, send a part with its checksum
            2. complete with the CRC-32 of other bytes, or with what is no checksum at all, for the part in the document
               or for the object in a field
            3. expect 400, and nothing stored
    """
    key = space.key()
    reply = opened(space, key, "crc32", FULL)
    if reply.headers.get("x-amz-checksum-algorithm") is None:
        raise NotApplicable("uploads in parts are opened without a word of the checksum that was asked for")
    upload = upload_id_of(reply)
    name, right = checksum_field("crc32", BODY)
    part = space.put_part(key, upload, 1, BODY, {name: right})
    expect_success(part, "for a part with its checksum")
    document = completion_document(
        [(1, expect_etag(part))], {1: ("ChecksumCRC32", wrong if whose == "part" else right)}
    )

    reply = space.complete_with(key, upload, document, {name: wrong} if whose == "object" else {})

    expect_failed_completion(reply, 400, {"InvalidPart", "BadDigest", "InvalidRequest", "XAmzContentChecksumMismatch"})
    expect_nothing_stored(space.get(key))
    space.abort(key, upload)


@verifies("storage/checksum/of-a-copy-of-parts-is-its-own")
@pytest.mark.usefixtures("multipart")
def test_checksum_of_a_copy_of_parts(space: Space) -> None:
    """Purpose: a copy of an object in parts is told with the checksum that it has, by the type that is told.

    Method: 1. complete an upload whose checksum is composite, copy the object, HEAD the copy
            2. expect in result and headers the checksum of the bytes or of the parts, as the type says, or none
    """
    source, key, right = space.key(), space.key("copy"), right_of("crc32")
    upload = upload_id_of(opened(space, source, "crc32", COMPOSITE))
    expect_no_error_inside(completed(space, source, upload, "crc32"))

    copied = space.copy(key, source)
    expect_checksum(in_document(copied, "CopyObjectResult", "crc32"), right)
    expect_checksum(in_headers(space.head(key, ENABLED), "crc32"), right)
