"""Objects: the bytes that were put are returned, missing keys are 404, and 204 ends with its head."""

from __future__ import annotations

import gzip

import pytest

from conformance.clients.s3.sigv4 import UNSIGNED, Signing
from conformance.clients.s3.streams import Pattern, download, upload
from conformance.clients.transport.raw_socket import Wire
from conformance.oracles.headers import expect_absent_headers, expect_end_after_head
from conformance.oracles.s3_errors import expect_refusal
from conformance.oracles.s3_objects import (
    expect_bytes,
    expect_entity_tag,
    expect_length,
    expect_nothing_stored,
    expect_stored,
)
from conformance.oracles.s3_streams import expect_download
from conformance.oracles.status import expect_no_server_error, expect_status, expect_success
from conformance.sandbox.bucket_prefix import Space
from conformance.strategies.properties import explores
from conformance.strategies.storage import query_parameters
from conformance.target.description import Storage
from conformance.vocabulary.check import case, row, verifies
from conformance.vocabulary.finding import NotApplicable, NotDeclared

MIB = 1024 * 1024
OCTETS, LARGE = "application/octet-stream", "storage.large_object_mib"


@verifies("storage/object/bytes-come-back")
@pytest.mark.parametrize(
    ("size", "media_type"),
    [
        case("empty", 0, OCTETS),
        case("one-byte", 1, OCTETS),
        case("1KiB", 1024, "application/x-www-form-urlencoded"),
        case("64KiB", 65536, "application/json"),
        case("64KiB-and-one", 65537, "multipart/form-data; boundary=line"),
        case("128KiB-and-one", 131073, OCTETS),
    ],
)
def test_bytes_come_back(space: Space, size: int, media_type: str) -> None:
    """Purpose: an object has exactly the bytes that were put, at every size and of every type.
    Method: 1. put a body with a byte order mark that repeats out of step with blocks, as bytes, a form or JSON
            2. expect an ETag, and the same bytes and Content-Length from GET
    """
    body = (b"\xef\xbb\xbfline\r\n" + bytes(range(251)) * (size // 251 + 1))[:size]

    expect_success(put := space.put(key := space.key(), body, {"Content-Type": media_type}))
    expect_entity_tag(put)
    expect_bytes(reply := space.get(key), body)
    expect_length(reply, size)
    space.delete(key)


LINES = b"\xef\xbb\xbfone\r\ntwo\rthree\n\nfour \t\r\n\r\n\x1a\r\n"
DOCUMENTS = {
    "plain-text": (".txt", "text/plain; charset=utf-8", LINES),
    "text-without-a-type": (".txt", "", LINES),
    "csv": (".csv", "text/csv", b"id,name\r\n1,\xc4da\r\n"),
    "html": (".html", "text/html", b"<!doctype html>\r\n<p>one\r\n<P>two</p>  \r\n"),
    "json": (".json", "application/json", b'\xef\xbb\xbf{"b": 1.0,\r\n "a": "\\u00e9", "a": 2}\r\n'),
    "xml": (".xml", "text/xml", b"\xef\xbb\xbf<?xml version='1.0'?>\r\n<a  b='1'></a>\r\n"),
    "script": (".sh", "text/x-shellscript", b"#!/bin/sh\r\nexit\r\n"),
    "gzip": (".gz", "application/gzip", gzip.compress(LINES, mtime=0)),
}


@verifies("storage/object/bytes-come-back")
@pytest.mark.parametrize(("suffix", "media_type", "body"), [case(hint, *each) for hint, each in DOCUMENTS.items()])
def test_bytes_of_documents_come_back(space: Space, suffix: str, media_type: str, body: bytes) -> None:
    """Purpose: a server that understands a type of content, or a suffix of a key, must not change the bytes.
    Method: 1. put text, JSON, XML, HTML or gzip with its type and suffix: CR LF, a byte order mark, blanks at line ends
            2. expect the same bytes from GET
    """
    key = space.stored(body, {"Content-Type": media_type} if media_type else {}, space.key() + suffix)

    expect_bytes(space.get(key), body, f"of type {media_type or 'unknown'} under a key that ends in {suffix}")


FILL = bytes(range(256)) * 520
"""More than 128 KiB, so that a server that hashes only the beginning or the end misses a difference in the middle."""
SAME_CRC32 = (0x1DB710641).to_bytes(5, "little")
"""The generator of CRC-32: bytes that differ by it have the same CRC-32."""
SAME_MD5 = tuple(
    bytes.fromhex(
        f"d131dd02c5e6eec4693d9a0698aff95c2fcab5{a}12467eab4004583eb8fb7f8955ad340609f4b30283e4888325{b}1415a0851"
        f"25e8f7cdc99fd91dbd{c}80373c5bd8823e3156348f5bae6dacd436c919c6dd53e2{d}87da03fd02396306d248cda0e99f33420f57"
        f"7ee8ce54b67080{e}0d1ec69821bcb6a8839396f965{f}6ff72a70"
    )
    for a, b, c, d, e, f in (("87", "7", "f2", "b4", "a8", "2b"), ("07", "f", "72", "34", "28", "ab"))
)
"""The collision of Wang and Yu (2004): two blocks of 128 bytes with one MD5."""
ALIKE = {
    "same-beginning": (FILL + b"1", FILL + b"2"),
    "same-end": (b"1" + FILL, b"2" + FILL),
    "same-ends": (FILL + b"1" + FILL, FILL + b"2" + FILL),
    "same-crc32": (bytes(5) + LINES, SAME_CRC32 + LINES),
    "same-md5": SAME_MD5,
}


@verifies("storage/object/bytes-come-back")
@pytest.mark.parametrize(("one", "other"), [case(f"{hint}-as-another", *each) for hint, each in ALIKE.items()])
def test_bytes_of_similar_objects_come_back(space: Space, one: bytes, other: bytes) -> None:
    """Purpose: a server that stores equal contents once must not mistake similar contents for equal.
    Method: 1. put two objects of equal length and beginning, end, CRC-32 or MD5; 2. expect its own bytes from each
    """
    keys = space.stored(one), space.stored(other)

    for key, body in zip(keys, (one, other), strict=True):
        expect_bytes(space.get(key), body, "though another object is similar to it")


@pytest.mark.parametrize(
    "mib",
    [
        row("storage/object/bytes-come-back#5MiB", 5),
        row("storage/object/bytes-come-back#16MiB", 16),
        row("storage/object/large-object-comes-back", None),
    ],
)
def test_many_bytes_come_back(space: Space, storage: Storage, mib: int | None) -> None:
    """Purpose: a large object, up to the size that the target file names, has exactly the bytes that were put.
    Method: 1. put a body of that size in one request, made as it is sent
            2. expect the same bytes and Content-Length from GET, compared as they come
    """
    if (mib := mib or storage.large_object_mib) is None:
        raise NotDeclared("the target file has no large_object_mib in [targets.X.storage]", LARGE)
    key, pattern = space.key("large"), Pattern(mib * MIB)
    expect_success(upload(space, key, pattern), f"for a PUT of {pattern.size} bytes")

    expect_download(*download(space, key, pattern))
    space.delete(key)


@verifies("storage/object/missing-is-404")
def test_missing_key_is_404(space: Space) -> None:
    """Purpose: a client learns that a key does not exist, by GET, by a range and by HEAD.
    Method: 1. GET a key that was never written, and a range of it; HEAD it; 2. expect 404, of GET with NoSuchKey
    """
    key = space.key("missing")
    for method, fields in (("GET", {}), ("GET", {"Range": "bytes=0-9"}), ("HEAD", {})):
        expect_refusal(space.call(method, key, headers=fields), 404, {"NoSuchKey"} if method == "GET" else ())


@verifies("storage/object/no-content-has-no-length")
def test_no_content_has_no_length(space: Space) -> None:
    """Purpose: a 204 has no body: a client waits for one, or reads the next response as the body.
    Method: 1. delete an object, read until the connection ends
            2. if it is 204, expect no Content-Length, no Transfer-Encoding and nothing after the head
    """
    deletion = space.s3.sign(space.request("DELETE", space.stored()))
    reply = Wire(space.s3.signed).send(deletion.head, bare=True)

    if reply.status != 204:
        raise NotApplicable(f"a deletion is answered {reply.status}, which another check reports")
    expect_absent_headers(reply, ["content-length", "transfer-encoding"], "in 204")
    expect_end_after_head(reply)


@verifies("storage/object/chunked-transfer-is-stored-or-refused")
def test_chunked_transfer_is_stored_or_refused(space: Space) -> None:
    """Purpose: an upload in chunked transfer coding, without Content-Length, must not be truncated.
    Method: 1. put a body in chunked transfer coding; 2. expect 411 MissingContentLength, a refusal, or the whole object
    """
    signed = space.s3.sign(space.request("PUT", key := space.key()), Signing(payload=UNSIGNED))

    reply = space.s3.raw.send("PUT", space.s3.origin + signed.target, signed.headers, [b"first ", b"second"])

    expect_status(reply, {*range(200, 300), 400, 403, 411, 501})
    if reply.ok:
        expect_bytes(space.get(key), b"first second")
    else:
        expect_nothing_stored(space.get(key))


@pytest.fixture(scope="session")
def unchanged(space: Space) -> str:
    """The key of an object that checks only read."""
    return space.stored(b"still here")


@verifies("storage/errors/any-query-is-no-server-error")
@explores(0.6, query=query_parameters())
def test_any_query_is_no_server_error(space: Space, unchanged: str, query: dict[str, str]) -> None:
    """Purpose: no query of a client's makes a read fail on the server's side.
    Method: 1. GET an object and the bucket with a query; listings are limited to our prefix
            2. expect no 5xx, and the object from the next request
    """
    for reply in (space.get(unchanged, query=query), space.call("GET", query={**query, "prefix": space.names.prefix})):
        expect_no_server_error(reply)
    expect_stored(space.get(unchanged), b"still here")
