"""Content-MD5 and checksums of uploads, in one request and in parts: compared, stored and reported."""

from __future__ import annotations

import base64
from collections.abc import Callable

import pytest

from conformance.clients.s3.aws_chunked import chunked
from conformance.clients.s3.bodies import completion_document, full_part
from conformance.clients.s3.checksums import ALGORITHMS, checksum_field, content_md5
from conformance.clients.s3.client import NO_FIELDS, Fields
from conformance.clients.s3.sigv4 import UNSIGNED, Request, Signing
from conformance.oracles.s3_checksums import (
    COMPOSITE,
    FULL,
    expect_checksum,
    in_document,
    in_headers,
    in_parts,
    require_algorithm,
)
from conformance.oracles.s3_documents import upload_id_of
from conformance.oracles.s3_errors import expect_failed_completion, expect_no_error_inside, require
from conformance.oracles.s3_objects import (
    expect_bytes,
    expect_etag,
    expect_headers,
    expect_nothing_stored,
    expect_same_headers,
    expect_stored,
)
from conformance.oracles.status import expect_refused, expect_status, expect_success
from conformance.sandbox.bucket_prefix import Space
from conformance.vocabulary.check import case, row, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance, NotApplicable, NotOffered

BODY = b"ByteS whOse ChEcKsuMS bEgin with a nought each, or end"
"""Each of its CRCs begins with zeros, which are lost if the CRC is written as a number."""
LONG = b"".join(b"checked bytes, line %d\n" % number for number in range(4008))
"""Each of its CRCs has the highest bit set, so that the CRC is negative as a signed number."""
EARLIER, LARGE = b"the earlier object", b"checked bytes" * 20_000
ENABLED, TYPE = {"x-amz-checksum-mode": "ENABLED"}, "x-amz-checksum-type"
MAY_COPY, MAY_PUT = "a key that may copy objects within the bucket", "a key that may put objects into the bucket"


def _of(algorithm: str, body: bytes) -> dict[str, str]:
    return dict([checksum_field(algorithm, body)])


CRC, OTHER_CRC = _of("crc32", BODY), _of("crc32", b"other bytes")
SHA, OTHER_SHA = _of("sha256", BODY), _of("sha256", b"other bytes")
MD5, OTHER_MD5 = {"Content-MD5": content_md5(BODY)}, {"Content-MD5": content_md5(b"other bytes")}
EACH = "storage/checksum/every-digest-is-compared"
DIFFERS = "storage/checksum/md5-that-differs-stores-nothing"
Send = Callable[[Space, Request], Exchange]


def _signed(space: Space, request: Request) -> Exchange:
    return space.s3.send(request)


def _in_chunks(space: Space, request: Request) -> Exchange:
    return space.s3.send_as_is(chunked(request, space.s3.keys, [request.body]).assembled())


def _by_url(space: Space, request: Request) -> Exchange:
    return space.s3.send_as_is(space.s3.presign(request))


def _unsigned(space: Space, request: Request) -> Exchange:
    return space.s3.send(request, Signing(payload=UNSIGNED))


@pytest.mark.parametrize(
    ("send", "body", "digests"),
    [
        row(f"{DIFFERS}#large-body", _signed, BODY * 8192, OTHER_MD5),
        row(f"{DIFFERS}#empty-body", _signed, b"", OTHER_MD5),
        row(f"{DIFFERS}#by-url", _by_url, BODY, OTHER_MD5),
        row(f"{DIFFERS}#unsigned", _unsigned, BODY, OTHER_MD5),
        *(
            row(f"storage/checksum/broken-md5-stores-nothing#{hint}", _signed, BODY, {"Content-MD5": value})
            for hint, value in (
                ("no-base64", "not base64!"),
                ("short", "YWJj"),
                ("hex", "d41d8cd98f00b204e9800998ecf8427e"),
            )
        ),
        row(f"{EACH}#right-md5-wrong-crc", _signed, BODY, MD5 | OTHER_CRC),
        row(f"{EACH}#right-crc-wrong-md5", _signed, BODY, CRC | OTHER_MD5),
        row(f"{EACH}#right-crc-wrong-sha", _signed, BODY, CRC | OTHER_SHA),
        row(f"{EACH}#wrong-crc-right-sha", _signed, BODY, OTHER_CRC | SHA),
        row(f"{EACH}#wrong-crc-empty-body", _signed, b"", OTHER_CRC),
        row(f"{EACH}#wrong-crc-large-body", _signed, LARGE, OTHER_CRC),
        row(f"{EACH}#wrong-crc-in-chunks", _in_chunks, BODY, OTHER_CRC),
        row(f"{EACH}#wrong-md5-in-chunks", _in_chunks, BODY, OTHER_MD5),
        row(f"{EACH}#wrong-crc-by-url", _by_url, BODY, OTHER_CRC),
        row(f"{EACH}#wrong-crc-unsigned", _unsigned, BODY, OTHER_CRC),
    ],
)
def test_wrong_digest_stores_nothing(space: Space, send: Send, body: bytes, digests: dict[str, str]) -> None:
    """Purpose: a body that was damaged in transit is refused, however it is sent, and replaces no earlier object.
    Method: 1. put an object, overwrite it with a wrong or malformed digest, alone or with a right one
            2. expect 400 (403 too for an unsigned payload, which plain http may refuse), and the old bytes
    """
    request = space.request("PUT", key := space.stored(EARLIER), headers=digests, body=body)

    expect_status(send(space, request), 400 if send in (_signed, _in_chunks) else {400, 403})
    expect_stored(space.get(key), EARLIER)


@pytest.mark.parametrize(
    ("body", "digest"),
    [
        row("storage/checksum/md5-that-matches-is-stored", BODY, MD5),
        *(
            row(f"storage/checksum/that-matches-is-stored#{algorithm}", LONG, _of(algorithm, LONG))
            for algorithm in ALGORITHMS
        ),
    ],
)
def test_right_digest_is_stored(space: Space, body: bytes, digest: dict[str, str]) -> None:
    """Purpose: a client may send a Content-MD5 or a checksum with each upload.
    Method: 1. put a body with its right digest; 2. expect 2xx and the bytes
    """
    expect_success(space.put(key := space.key(), body, digest))
    expect_bytes(space.get(key), body)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize(
    "broken",
    [
        row("storage/checksum/that-differs-stores-nothing", False),
        row("storage/checksum/broken-value-stores-nothing", True),
    ],
)
def test_wrong_checksum_stores_nothing(space: Space, broken: bool, algorithm: str) -> None:
    """Purpose: a body that differs from its checksum, or has a malformed one, is refused with each algorithm.
    Method: 1. put an object, overwrite it with a wrong or malformed checksum; 2. expect 400, and the old bytes
    """
    key = space.stored(EARLIER)
    fields = {f"x-amz-checksum-{algorithm}": "AA=="} if broken else _of(algorithm, b"others")

    expect_refused(require_algorithm(space.put(key, BODY, fields), algorithm))
    expect_stored(space.get(key), EARLIER)


@verifies("storage/checksum/announced-checksum-is-required")
def test_announced_checksum_is_required(space: Space) -> None:
    """Purpose: a body whose checksum was lost in transit must not be stored as if it had been compared.
    Method: 1. put with x-amz-sdk-checksum-algorithm, and no x-amz-checksum field; 2. expect 400, and nothing stored
    """
    reply = space.put(key := space.key(), BODY, {"x-amz-sdk-checksum-algorithm": "CRC32"})

    expect_refused(reply)
    expect_nothing_stored(space.get(key))


@verifies("storage/checksum/stored-checksum-is-reported")
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_stored_checksum_is_reported(space: Space, algorithm: str) -> None:
    """Purpose: a client verifies a download by the checksum that was stored with the object.
    Method: 1. put with a checksum, GET and HEAD with x-amz-checksum-mode: ENABLED
            2. expect the body; that checksum, of type FULL_OBJECT, in each response, or none; of HEAD as of GET
    """
    name, value = checksum_field(algorithm, BODY)
    put = require(require_algorithm(space.put(key := space.key(), BODY, {name: value}), algorithm), MAY_PUT)

    got, head = space.get(key, ENABLED), space.head(key, ENABLED)
    expect_bytes(got, BODY)
    for reply in (put, got, head):
        expect_checksum(in_headers(reply, algorithm), {FULL: value})
    if name in got.headers:
        expect_same_headers(head, got, [name])


@verifies("storage/checksum/of-a-copy-is-the-one-requested")
def test_checksum_of_a_copy_is_the_one_requested(space: Space) -> None:
    """Purpose: a client that requests a checksum of a copy verifies the copy by it.
    Method: 1. copy an object with x-amz-checksum-algorithm: CRC32
            2. expect the CRC-32 of its bytes in result and headers, or none: a gateway need not compute it
    """
    copied = space.copy(key := space.key("copy"), space.stored(BODY), {"x-amz-checksum-algorithm": "CRC32"})
    if copied.status in (400, 501):
        raise NotApplicable("the target does not offer copies with a checksum")

    right = {FULL: checksum_field("crc32", BODY)[1]}
    expect_checksum(in_document(copied, "CopyObjectResult", "crc32"), right)
    expect_checksum(in_headers(space.head(key, ENABLED), "crc32"), right)


@verifies("storage/checksum/is-copied-with-the-object")
def test_checksum_is_copied_with_the_object(space: Space) -> None:
    """Purpose: a copy of an object with a checksum can still be verified by it.
    Method: 1. put with a CRC-32, copy; 2. expect the same CRC-32 of the copy if the source reports it (it need not)
    """
    source, key = space.key(), space.key("copy")
    require(space.put(source, BODY, CRC), MAY_PUT)
    if not in_headers(space.head(source, ENABLED), "crc32").value:
        raise NotApplicable("the target does not report the checksum of an object")
    require(space.copy(key, source), MAY_COPY)

    expect_headers(space.head(key, ENABLED), CRC)


LAST_PART, EARLIER_PART = b"the only part", b"what came first"
Parts = tuple[bytes, ...]
ONE_PART, TWO_PARTS = (LAST_PART,), (full_part(b"1"), LAST_PART)
OTHER_SUM = checksum_field("crc32", b"other bytes")[1]


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
    space.put_part(key, upload, 1, EARLIER_PART, dict([checksum_field(algorithm, EARLIER_PART)]))
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
        raise NonConformance(f"{TYPE}: {kind}, as requested", found, reply)
    expected = right if found is None else {kind: right[kind]}

    whole = {f"x-amz-checksum-{algorithm}": right[FULL], TYPE: FULL} if found == FULL else NO_FIELDS
    result = _completed(space, key, upload, algorithm, whole, parts)
    expect_no_error_inside(result)
    expect_checksum(in_document(result, "CompleteMultipartUploadResult", algorithm), expected)
    for reply in (space.get(key, ENABLED), space.head(key, ENABLED)):
        expect_checksum(in_headers(reply, algorithm), expected)


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
    """Purpose: a completion whose checksum does not match the parts must create no object.
    Method: 1. open an upload with CRC-32 of the whole, send a part with its checksum
            2. complete with a wrong or malformed checksum of the part or of the object; expect 400, nothing stored
    """
    reply = _opened(space, key := space.key(), features, "crc32", FULL)
    if reply.headers.get("x-amz-checksum-algorithm") is None:
        raise NotApplicable("the target does not confirm the checksum algorithm of an upload")
    upload = upload_id_of(reply)
    name, right = checksum_field("crc32", LAST_PART)
    expect_success(part := space.put_part(key, upload, 1, LAST_PART, {name: right}), "for a part with its checksum")
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
