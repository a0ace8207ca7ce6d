"""Checksums of objects that were uploaded in parts: of the whole, or of the checksums of their parts."""

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


def _checksums(algorithm: str, parts: Parts = ONE_PART) -> dict[str, str]:
    """Return the checksum of an object of these parts, by type."""
    make = ALGORITHMS[algorithm]
    sums = make(b"".join(parts)), make(b"".join(map(make, parts)))
    full, composite = (base64.b64encode(each).decode() for each in sums)
    return {FULL: full} if algorithm == "crc64nvme" else {FULL: full, COMPOSITE: f"{composite}-{len(parts)}"}


def _opened(space: Space, key: str, features: frozenset[str], algorithm: str, kind: str) -> Exchange:
    """Open an upload with a checksum; NotApplicable if none of the type is offered."""
    if "storage.multipart" not in features:
        raise NotOffered("the target does not claim storage.multipart")
    reply = space.create_upload(key, {"x-amz-checksum-algorithm": algorithm.upper(), TYPE: kind})
    if reply.status in (400, 501):
        raise NotApplicable(f"the target does not offer multipart uploads with {algorithm} checksums of type {kind}")
    return reply


def _completed(
    space: Space, key: str, upload: str, algorithm: str, of_the_whole: Fields = NO_FIELDS, parts: Parts = ONE_PART
) -> Exchange:
    """Send parts with checksums, the first one twice; complete with the checksums and fields of the whole's.

    Responses report the first part's own checksum, or none.
    """
    sums = [checksum_field(algorithm, part) for part in parts]
    space.put_part(key, upload, 1, EARLIER, dict([checksum_field(algorithm, EARLIER)]))
    sent = [space.put_part(key, upload, at, part, dict([sums[at - 1]])) for at, part in enumerate(parts, 1)]
    for reply in sent:
        expect_success(reply, f"for a part with its {sums[0][0]}")
    for found in (in_headers(sent[0], algorithm), in_parts(space.list_parts(key, upload), algorithm)):
        expect_checksum(found, {FULL: sums[0][1], COMPOSITE: sums[0][1]})
    tags = [(at, expect_etag(reply)) for at, reply in enumerate(sent, 1)]
    checksums = {at: (f"Checksum{algorithm.upper()}", value) for at, (_, value) in enumerate(sums, 1)}
    return space.complete_with(key, upload, completion_document(tags, checksums), of_the_whole)


@verifies("storage/checksum/of-parts-is-of-its-type")
@pytest.mark.parametrize(
    ("algorithm", "kind", "parts"),
    [
        case("composite-crc32", "crc32", COMPOSITE, TWO_PARTS),
        case("composite-sha256", "sha256", COMPOSITE, ONE_PART),
        case("full-crc32", "crc32", FULL, TWO_PARTS),
        case("full-crc64nvme", "crc64nvme", FULL, ONE_PART),
    ],
)
def test_checksum_of_parts_is_of_its_type(
    space: Space, features: frozenset[str], algorithm: str, kind: str, parts: Parts
) -> None:
    """Purpose: a client verifies an object in parts by the checksum of the type that its upload was opened with.
    Method: 1. open an upload with an algorithm and a checksum type, expect any reported type to be that one
            2. upload one or two parts with checksums, complete with them, GET and HEAD the object
            3. expect the checksum of the reported type in each response, or none: a gateway need not store it
    """
    key, right = space.key(), _checksums(algorithm, parts)
    reply = _opened(space, key, features, algorithm, kind)
    upload, found = upload_id_of(reply), reply.headers.get(TYPE)
    if found is not None and found != kind:
        proof = Proof(reply.id, fields_if_any=((TYPE, kind),))
        raise NonConformance(f"{TYPE}: {kind}, as requested", found, reply, proof=proof)
    wanted = right if found is None else {kind: right[kind]}

    whole = {f"x-amz-checksum-{algorithm}": right[FULL], TYPE: FULL} if found == FULL else NO_FIELDS
    result = _completed(space, key, upload, algorithm, whole, parts)
    expect_no_error_inside(result)
    expect_checksum(in_document(result, "CompleteMultipartUploadResult", algorithm), wanted)
    for reply in (space.get(key, ENABLED), space.head(key, ENABLED)):
        expect_checksum(in_headers(reply, algorithm), wanted)


@verifies("storage/checksum/of-a-completion-is-compared")
@pytest.mark.parametrize(
    ("of_the_part", "wrong"),
    [
        case("part", True, OTHER_SUM),
        case("object", False, OTHER_SUM),
        case("part-malformed", True, "no checksum"),
        case("object-malformed", False, "no checksum"),
    ],
)
def test_checksum_of_a_completion_is_compared(
    space: Space, features: frozenset[str], of_the_part: bool, wrong: str
) -> None:
    """Purpose: a completion with another checksum than the parts have must make no object.
    Method: 1. open an upload with CRC-32 of the whole, send a part with its checksum
            2. complete with a wrong or malformed checksum of the part or of the object; expect 400, nothing stored
    """
    reply = _opened(space, key := space.key(), features, "crc32", FULL)
    if reply.headers.get("x-amz-checksum-algorithm") is None:
        raise NotApplicable("the target does not confirm the checksum algorithm of an upload")
    upload = upload_id_of(reply)
    name, right = checksum_field("crc32", BODY)
    expect_success(part := space.put_part(key, upload, 1, BODY, {name: right}), "for a part with its checksum")
    checksums = {1: ("ChecksumCRC32", wrong if of_the_part else right)}
    document = completion_document([(1, expect_etag(part))], checksums)

    reply = space.complete_with(key, upload, document, {} if of_the_part else {name: wrong})

    expect_failed_completion(reply, range(400, 500))
    expect_nothing_stored(space.get(key))
    space.abort(key, upload)


@verifies("storage/checksum/of-a-copy-of-parts-is-its-own")
def test_checksum_of_a_copy_of_parts(space: Space, features: frozenset[str]) -> None:
    """Purpose: a copy of an object in parts is one piece, and its checksum must be of the reported type.
    Method: 1. complete an upload whose checksum is composite, copy the object, HEAD the copy
            2. expect the checksum of the bytes or of the parts, as the type says, or none
    """
    source, key, right = space.key(), space.key("copy"), _checksums("crc32")
    upload = upload_id_of(_opened(space, source, features, "crc32", COMPOSITE))
    expect_no_error_inside(_completed(space, source, upload, "crc32"))

    copied = space.copy(key, source)
    expect_checksum(in_document(copied, "CopyObjectResult", "crc32"), right)
    expect_checksum(in_headers(space.head(key, ENABLED), "crc32"), right)
