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
