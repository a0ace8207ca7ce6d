"""Objects: the bytes that were put are returned, missing keys are 404, and 204 ends with its head."""

from __future__ import annotations

import pytest

from conformance.clients.s3.sigv4 import UNSIGNED, Signing
from conformance.clients.s3.streams import Pattern, download, upload
from conformance.clients.transport.raw_socket import Wire
from conformance.oracles.headers import expect_absent_headers, expect_bare
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
from conformance.vocabulary.finding import NotDeclared

MIB = 1024 * 1024
OCTETS, LARGE = "application/octet-stream", "storage.large_object_mib"
TEXT = b"\xef\xbb\xbfline\r\n"  # Begins with a byte order mark.
SAME_CRC32 = bytes.fromhex("410671db01")  # The polynomial of CRC-32: XORed into a body, it leaves the CRC-32 as it was.


@verifies("storage/object/bytes-come-back")
@pytest.mark.parametrize(
    ("size", "media_type", "name", "begin"),
    [
        case("empty", 0, OCTETS, "", TEXT),
        case("one-byte", 1, OCTETS, "", TEXT),
        case("1KiB", 1024, "application/x-www-form-urlencoded", "", TEXT),
        case("64KiB", 65536, "application/json", "", TEXT),
        case("64KiB-and-one", 65537, "multipart/form-data; boundary=line", "", TEXT),
        case("128KiB-and-one", 131073, OCTETS, "", TEXT),
        case("text", 1024, "text/plain; charset=utf-8", ".txt", TEXT),
        case("csv", 1024, "text/csv", ".csv", b"a;b\r\n1,0;\t\r\n"),
        case("html", 1024, "text/html", ".html", b"<!doctype html>\r\n<P>&eacute;  <br></p>\r\n"),
        case("xml", 1024, "application/xml", ".xml", b"<?xml version='1.0'?>\r\n<a  b='1' ></a>\r\n"),
        case("json", 1024, "application/json", ".json", b'{ "a": 1.0,\r\n"a": "\\u0041" }\r\n'),
        case("gzip", 1024, "application/gzip", ".gz", b"\x1f\x8b\x08\x00\r\n"),
        case("gzip-as-text", 1024, "text/plain", ".txt", b"\x1f\x8b\x08\x00\r\n"),
    ],
)
def test_bytes_come_back(space: Space, size: int, media_type: str, name: str, begin: bytes) -> None:
    """Purpose: an object has exactly the bytes that were put, at every size, and whatever its type or name means.

    Method: 1. put text with CR LF, or the beginning of a format, followed by bytes that repeat out of step with blocks
            2. expect an ETag, and the same bytes and Content-Length from GET
    """
    body = (begin + bytes(range(251)) * (size // 251 + 1))[:size]

    expect_success(put := space.put(key := space.key() + name, body, {"Content-Type": media_type}))
    expect_entity_tag(put)
    expect_bytes(reply := space.get(key), body)
    expect_length(reply, size)
    space.delete(key)


def _changed(body: bytes, change: bytes, place: int) -> bytes:
    """The body with some bytes XORed at a place."""
    changed = bytes(one ^ other for one, other in zip(body[place:], change, strict=False))
    return body[:place] + changed + body[place + len(change) :]


@verifies("storage/object/similar-contents-stay-apart")
def test_similar_contents_stay_apart(space: Space) -> None:
    """Purpose: a server that stores equal contents once must not take similar contents for equal ones.

    Method: 1. put six bodies of 4 KiB that differ in one place only: at the start, in the middle or at the end; four
               have one CRC-32, also of their first KiB
            2. expect the own bytes from GET of each; delete one, expect the others again
    """
    body = bytes(range(256)) * 16
    bodies = [body, *(_changed(body, SAME_CRC32, place) for place in (64, 2048, 4091))]
    bodies += [_changed(body, b"\x01", 0), _changed(body, b"\x01", 4095)]
    stored = [(space.stored(each), each) for each in bodies]

    for key, each in stored:
        expect_bytes(space.get(key), each, "of the object, not of one with a similar body")
    expect_success(space.delete(stored[0][0]))
    for key, each in stored[1:]:
        expect_bytes(space.get(key), each, "after an object with a similar body was deleted")


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

    Method: 1. GET a key that was never written, and a range of it; HEAD it
            2. expect 404, of GET with NoSuchKey
    """
    key = space.key("missing")
    for method, fields in (("GET", {}), ("GET", {"Range": "bytes=0-9"}), ("HEAD", {})):
        expect_refusal(space.call(method, key, headers=fields), 404, {"NoSuchKey"} if method == "GET" else ())


@verifies("storage/object/no-content-has-no-length")
def test_no_content_has_no_length(space: Space) -> None:
    """Purpose: a 204 has no body: a client would wait for one, or take the next response for it.

    Method: 1. delete an object, read until the connection ends
            2. if it is 204, expect no Content-Length, no Transfer-Encoding and nothing after the head
    """
    deletion = space.s3.sign(space.request("DELETE", space.stored()))
    reply = Wire(space.s3.raw).send(deletion.head, bare=True)

    if reply.status == 204:
        expect_absent_headers(reply, ["content-length", "transfer-encoding"], "in 204")
        expect_bare(reply)


@verifies("storage/object/chunked-transfer-is-stored-or-refused")
def test_chunked_transfer_is_stored_or_refused(space: Space) -> None:
    """Purpose: an upload in chunked transfer coding, without Content-Length, must not be truncated.

    Method: 1. put a body in chunked transfer coding
            2. expect 411 MissingContentLength, or another refusal, or the whole object
    """
    signed = space.s3.sign(space.request("PUT", key := space.key()), Signing(payload=UNSIGNED))

    reply = space.s3.raw.send("PUT", space.s3.origin + signed.target, signed.headers, [b"first ", b"second"])

    expect_status(reply, {*range(200, 300), 400, 403, 411, 501})
    if reply.ok:
        expect_bytes(space.get(key), b"first second", or_refused=reply)
    else:
        expect_nothing_stored(space.get(key))


@pytest.fixture(scope="session")
def standing(space: Space) -> str:
    """The key of an object that checks only read."""
    return space.stored(b"still here")


@verifies("storage/errors/any-query-is-no-server-error")
@explores(0.6, query=query_parameters())
def test_any_query_is_no_server_error(space: Space, standing: str, query: dict[str, str]) -> None:
    """Purpose: no query of a client's makes a read fail on the server's side.

    Method: 1. GET an object and the bucket with a query; listings are limited to our prefix
            2. expect no 5xx, and the object from the next request
    """
    for reply in (space.get(standing, query=query), space.call("GET", query={**query, "prefix": space.names.prefix})):
        expect_no_server_error(reply)
    expect_stored(space.get(standing), b"still here")
