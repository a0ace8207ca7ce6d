"""Whatever is sent, the gateway answers with 2xx, 3xx, 4xx or 501 and well-formed documents."""

from __future__ import annotations

import random
from urllib.parse import quote
from xml.etree import ElementTree

from conformance.reference.storage.canonical import canonical_query
from conformance.reference.storage.checksums import ReflectedCrc, crc32c, crc64nvme, reflected
from tests.reference.storage_support import A, Client, request

WORDS = [
    "",
    "x",
    "0",
    "-1",
    "9" * 30,
    "bytes=0-0",
    "bytes=--1",
    "*",
    '"',
    "%zz",
    "\xff",
    "a" * 3000,
    "\u00b2",
    "a,b",
    "&#x1;",
    "/conformance-a/k",
    "REPLACE",
    "url",
    "true",
    "aws-chunked",
    "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
]
HEADERS = [
    "range",
    "if-match",
    "if-none-match",
    "if-modified-since",
    "if-range",
    "x-amz-copy-source",
    "content-md5",
    "x-amz-checksum-crc32",
    "x-amz-checksum-sha256",
    "x-amz-checksum-nonsense",
    "x-amz-meta-a",
    "x-amz-tagging",
    "x-amz-storage-class",
    "x-amz-trailer",
    "x-amz-metadata-directive",
    "x-amz-copy-source-range",
    "content-type",
    "x-amz-decoded-content-length",
    "x-amz-checksum-algorithm",
    "x-amz-checksum-type",
    "x-amz-mp-object-size",
]
QUERIES = [
    "list-type",
    "max-keys",
    "prefix",
    "delimiter",
    "marker",
    "start-after",
    "continuation-token",
    "uploads",
    "uploadId",
    "partNumber",
    "tagging",
    "encoding-type",
    "max-parts",
    "part-number-marker",
    "key-marker",
    "upload-id-marker",
    "delete",
    "acl",
    "location",
    "versionId",
    "max-uploads",
    "response-expires",
    "max-buckets",
]
BODIES = [
    b"",
    b"x",
    b"<",
    b"<Delete/>",
    b"<Delete><Object/></Delete>",
    b"\xff\xfe<",
    b"<Tagging><TagSet/></Tagging>",
    b"<CompleteMultipartUpload><Part><PartNumber>x</PartNumber></Part></CompleteMultipartUpload>",
    b"<?xml version='1.0' encoding='nonsense'?><Delete/>",
    b"<!DOCTYPE a><Delete/>",
]


def test_signed_nonsense_is_never_a_server_error() -> None:
    client, dice = Client(), random.Random(7)
    client.put("k", b"0123456789")
    for _ in range(1000):
        method = dice.choice(["GET", "HEAD", "PUT", "POST", "DELETE", "PATCH", "OPTIONS"])
        path = dice.choice(["/", f"/{A}", f"/{A}/", f"/{A}/k", f"/{A}/k", f"/{A}/%00", "//", f"/{A}//", "/nope/k"])
        names = dice.sample(QUERIES, dice.randint(0, 3))
        query = "&".join(f"{name}={quote(dice.choice(WORDS), safe='')}" for name in names)
        headers = {name: dice.choice(WORDS).strip() for name in dice.sample(HEADERS, dice.randint(0, 3))}
        signed = client.signed(method, path + (query and "?" + query), dice.choice(BODIES), headers)
        answer = client.send(signed)
        assert answer.status < 500 or answer.status == 501, (method, path, query, headers)
        if answer.headers.get("content-type") == "application/xml" and answer.body:
            ElementTree.fromstring(answer.body)  # noqa: S314, the reference's own answer


def test_changed_proof_is_refused() -> None:
    client, dice = Client(), random.Random(8)
    valid = client.signed("GET", f"/{A}").headers.mutablecopy()
    del valid["host"]
    assert client.send(request("GET", f"/{A}", b"", {**valid})).status == 200
    for _ in range(500):
        name = dice.choice(["authorization", "x-amz-date", "x-amz-content-sha256"])
        place, letter = dice.randrange(len(valid[name])), chr(dice.randint(33, 255))
        changed = valid[name][:place] + letter + valid[name][place + 1 :]
        answer = client.send(request("GET", f"/{A}", b"", {**valid, name: changed}))
        assert answer.status in (400, 403) or changed.lower() == valid[name].lower(), changed


def test_canonical_query_is_sorted_by_encoded_name_and_value() -> None:
    assert canonical_query([("b", "2"), ("a", "%7e"), ("a", "1+2"), ("%2f", "")]) == "%2F=&a=1%202&a=~&b=2"


def test_crcs_are_those_of_their_tables() -> None:
    assert crc32c(b"123456789").hex() == "e3069283"
    assert crc64nvme(b"123456789").hex() == "ae8b14860a799888"
    dice = random.Random(9)
    for width, polynomial in ((32, 0x82F63B78), (64, 0x9A6C9329AC4BC9B5)):
        crc = reflected(width, polynomial)
        for size in (0, 1, 511, 512, 513, 1023, 1025, 5000, 70_001):
            data = dice.randbytes(size)
            assert crc(data) == by_table(crc, data), size


def by_table(crc: ReflectedCrc, data: bytes) -> bytes:
    remainder = crc.ones
    for byte in data:
        remainder = (remainder >> 8) ^ crc.table[(remainder ^ byte) & 0xFF]
    return (remainder ^ crc.ones).to_bytes(crc.width // 8, "big")
