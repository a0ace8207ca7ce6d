"""Properties of objects and their keys, on many examples."""

from __future__ import annotations

import pytest

from conformance.clients.s3.sigv4 import Signing
from conformance.oracles.s3_objects import expect_bytes, expect_headers, expect_stored
from conformance.oracles.s3_ranges import expect_named_parts
from conformance.oracles.status import expect_no_server_error, expect_status
from conformance.sandbox.bucket_prefix import Space
from conformance.strategies.properties import explores
from conformance.strategies.storage import bodies, metadata_fields, query_parameters, range_fields
from conformance.vocabulary.check import verifies


@verifies("storage/object/any-metadata-comes-back")
@explores(0.5, fields=metadata_fields(), body=bodies())
def test_any_metadata_comes_back(space: Space, fields: dict[str, str], body: bytes) -> None:
    """Purpose: any user metadata within the limits is kept with the object.

    Method: 1. put an object with metadata
            2. expect the bytes and the same fields from GET
    """
    reply = space.get(space.stored(body, fields))

    expect_bytes(reply, body)
    expect_headers(reply, fields)


@verifies("storage/range/any-field-is-answered")
@explores(0.5, field=range_fields(), body=bodies())
def test_any_range_field_is_answered(space: Space, field: str, body: bytes) -> None:
    """Purpose: whatever stands in Range, the answer is the whole, a part that is named, or a refusal.

    Method: 1. GET an object with a Range field, good or bad, that is not signed: what signs other letters than those of
               ASCII in a field is said nowhere (RFC 9110 section 5.5: once they were of ISO 8859-1)
            2. expect 200 with the whole, 206 with the part that Content-Range names (or several), or 400, 416, 501
    """
    key = space.stored(body)
    reply = space.s3.send(space.request("GET", key, headers={"Range": field}), Signing(unsigned=frozenset({"range"})))

    expect_status(reply, {200, 206, 400, 416, 501})
    if reply.status == 200:
        expect_bytes(reply, body)
    elif reply.status == 206:
        expect_named_parts(reply, body)


@pytest.fixture(scope="session")
def standing(space: Space) -> str:
    """The key of an object that is only read."""
    return space.stored(b"still here")


@verifies("storage/errors/any-query-is-no-server-error")
@explores(0.6, query=query_parameters())
def test_any_query_is_no_server_error(space: Space, standing: str, query: dict[str, str]) -> None:
    """Purpose: whatever stands in the query of a read, it is never the server's fault.

    Method: 1. GET an object and the bucket with a query; listings keep to our prefix
            2. expect no 5xx, and the object from the next good request
    """
    within = {**query, "prefix": space.names.prefix}

    for reply in (space.get(standing, query=query), space.call("GET", query=within)):
        expect_no_server_error(reply)
    expect_stored(space.get(standing), b"still here")
