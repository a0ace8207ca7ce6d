"""Server-side copies."""

from __future__ import annotations

import pytest

from conformance.clients.s3.bodies import full_part
from conformance.clients.s3.sigv4 import encoded
from conformance.clients.s3.streams import Joined, download
from conformance.oracles.headers import expect_absent_headers
from conformance.oracles.s3_documents import copied_etag_of
from conformance.oracles.s3_errors import expect_no_error_inside, expect_refusal, require
from conformance.oracles.s3_objects import (
    expect_bytes,
    expect_etag,
    expect_headers,
    expect_no_longer,
    expect_nothing_stored,
    expect_stored,
    expect_tag_set,
)
from conformance.oracles.s3_streams import expect_download
from conformance.sandbox.bucket_prefix import Space
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.finding import NonConformance

EXPIRES = {"Expires": "Thu, 01 Dec 2044 16:00:00 GMT"}
DESCRIBED = {"Content-Type": "text/csv", "x-amz-meta-owner": "Alice", "Cache-Control": "max-age=60"}
SHOWN = {"Content-Disposition": 'inline; filename="a"', "Content-Language": "de", "Content-Encoding": "gzip", **EXPIRES}
ANEW = {"Content-Disposition": "attachment", "Content-Language": "fr", "Content-Encoding": "br"}
ANEW |= {"Expires": "Fri, 02 Dec 2044 16:00:00 GMT"}


@verifies("storage/copy/bytes-are-the-same")
def test_copy_has_the_same_bytes(space: Space) -> None:
    """Purpose: a copy is another object of the same bytes.

    Method: 1. copy an object within its bucket, named as SDKs name it, without a slash before the bucket
            2. expect 200 with a CopyObjectResult whose ETag is the copy's, and the bytes from both
    """
    source, key = space.stored(b"copied"), space.key("copy")
    reply = space.copy_as(key, f"{space.name}/{encoded(source, safe='/')}")
    tag = copied_etag_of(reply)
    got = space.get(key)

    expect_bytes(got, b"copied", "of the copy that was answered")
    expect_bytes(space.get(source), b"copied")
    if tag.strip('"') != expect_etag(got).strip('"'):
        raise NonConformance(f"the copy's ETag {expect_etag(got)} in the result", tag, reply, got)


@verifies("storage/copy/of-parts-is-the-same")
def test_copy_of_parts_is_the_same(space: Space) -> None:
    """Purpose: a copy of an object that was uploaded in parts is another object of the same bytes and metadata.

    Method: 1. upload an object in two parts, with metadata, and copy it
            2. expect the source's bytes and metadata from the copy, and one ETag of it in result and GET, whichever
    """
    source, key = space.key("parts"), space.key("copy")
    pieces = full_part(b"1"), b"the tail"
    upload = space.opened(source, DESCRIBED)
    parts = [space.part(source, upload, number, piece) for number, piece in enumerate(pieces, 1)]
    require(space.complete(source, upload, parts), "multipart uploads")

    reply = space.copy(key, source)
    tag = copied_etag_of(reply)
    got, compared = download(space, key, Joined(pieces))

    expect_download(got, compared)
    expect_headers(got, DESCRIBED)
    if tag.strip('"') != expect_etag(got).strip('"'):
        raise NonConformance(f"the copy's ETag {expect_etag(got)} in the result", tag, reply, got)
    for each in (source, key):
        space.delete(each)


@verifies("storage/copy/between-buckets")
def test_copy_between_buckets(space: Space, other_space: Space, features: frozenset[str]) -> None:
    """Purpose: an object can be copied from one bucket of the organization to another.

    Method: 1. copy an object with metadata, and tags where they are offered, from the first bucket to the second, under
               the key that it has, then overwrite the source
            2. expect the copied bytes, metadata and tags there
    """
    tagged = "storage.tagging" in features
    key = space.stored(b"across", {**DESCRIBED, "x-amz-tagging": "project=alpha"} if tagged else DESCRIBED)

    expect_no_error_inside(other_space.copy(key, key, source_bucket=space.name))
    space.stored(b"later", key=key)
    got = other_space.get(key)
    expect_bytes(got, b"across")
    expect_headers(got, DESCRIBED)
    if tagged:
        expect_tag_set(other_space.get_tags(key), {"project": "alpha"})


@verifies("storage/copy/metadata-goes-along")
def test_copy_takes_metadata_along(space: Space) -> None:
    """Purpose: unless told otherwise, a copy has its source's metadata.

    Method: 1. copy an object that has metadata, with another type and metadata in the request, and either no directive
               or COPY
            2. expect the source's metadata on the copy, and none of the request's
    """
    source, key = space.stored(b"described", {**DESCRIBED, **SHOWN}), space.key("copy")
    told = space.head(source)
    kept = {name: value for name in SHOWN if (value := told.headers.get(name)) is not None}

    others = {"Content-Type": "text/plain", "x-amz-meta-owner": "bob", "x-amz-meta-reviewer": "bob"}
    for directive in ({}, {"x-amz-metadata-directive": "COPY"}):
        expect_no_error_inside(space.copy(key, source, others | directive))
        head = space.head(key)
        expect_headers(head, {**DESCRIBED, **kept})
        expect_absent_headers(head, ["x-amz-meta-reviewer"], "of a request that replaces nothing")


@verifies("storage/copy/metadata-is-replaced")
def test_copy_replaces_metadata_where_told(space: Space) -> None:
    """Purpose: with the directive REPLACE a copy has the metadata of the request and none of its source's.

    Method: 1. copy with x-amz-metadata-directive: REPLACE and other metadata
            2. expect the new fields, and not the old ones
    """
    source, key = space.stored(b"described", {**DESCRIBED, **SHOWN}), space.key("copy")
    fields = {"x-amz-meta-reviewer": "bob", "Content-Type": "text/plain", "Cache-Control": "no-store"}

    expect_no_error_inside(space.copy(key, source, {"x-amz-metadata-directive": "REPLACE", **fields}))

    head = space.head(key)
    expect_headers(head, fields)
    expect_absent_headers(head, ["x-amz-meta-owner"], "of the source")
    expect_no_longer(head, SHOWN, "of the source")


@verifies("storage/copy/metadata-is-replaced")
@pytest.mark.parametrize("fields", [case("each-field", ANEW)])
def test_copy_is_described_anew(space: Space, fields: dict[str, str]) -> None:
    """Purpose: with the directive REPLACE each field that the request has is the copy's.

    Method: 1. put an object with metadata and system fields, copy it with REPLACE, others of these and no metadata
            2. expect the others, of the names that are told of the source, no metadata, and no field of the source's
    """
    cached = {"Cache-Control": "max-age=61"}
    source, key = space.stored(b"described", {**SHOWN, **cached, "x-amz-meta-owner": "alice"}), space.key("copy")
    told = space.head(source).headers

    expect_no_error_inside(space.copy(key, source, {"x-amz-metadata-directive": "REPLACE", **fields}))
    expect_headers(head := space.head(key), {name: value for name, value in fields.items() if name in told})
    expect_absent_headers(head, ["x-amz-meta-owner"], "of the source, where the copy is to have none")
    expect_no_longer(head, cached, "of the source, where the copy is to have none")


@verifies("storage/copy/onto-itself-changes-metadata")
def test_copy_onto_itself_changes_metadata(space: Space) -> None:
    """Purpose: copying an object onto itself with REPLACE is how its metadata is changed.

    Method: 1. copy an object onto itself with new metadata
            2. expect the new metadata, none of the old, and the same bytes
    """
    key = space.stored(b"the same", {"x-amz-meta-owner": "alice", "x-amz-meta-reviewer": "carol"})

    expect_no_error_inside(space.copy(key, key, {"x-amz-metadata-directive": "REPLACE", "x-amz-meta-owner": "bob"}))

    reply = space.get(key)
    expect_bytes(reply, b"the same")
    expect_headers(reply, {"x-amz-meta-owner": "bob"})
    expect_absent_headers(reply, ["x-amz-meta-reviewer"], "of the object as it was")


@verifies("storage/copy/onto-itself-without-change-is-refused")
def test_copy_onto_itself_without_change(space: Space) -> None:
    """Purpose: copying an object onto itself without changing anything is refused, and loses nothing.

    Method: 1. copy an object onto itself
            2. expect 400 InvalidRequest, and the bytes as they were
    """
    key = space.stored(b"the same")

    expect_refusal(space.copy(key, key), 400, {"InvalidRequest"})
    expect_stored(space.get(key), b"the same")


@verifies("storage/copy/onto-itself-loses-nothing")
def test_copy_onto_itself_loses_nothing(space: Space) -> None:
    """Purpose: whatever is answered to a copy of an object onto itself, the object is whole afterwards.

    Method: 1. copy an object onto itself
            2. expect its bytes and metadata as they were
    """
    key = space.stored(b"the same", {"x-amz-meta-owner": "alice"})
    space.copy(key, key)
    reply = space.get(key)

    expect_bytes(reply, b"the same", "after it was copied onto itself")
    expect_headers(reply, {"x-amz-meta-owner": "alice"})


@verifies("storage/copy/bad-directive-is-refused")
def test_bad_directive_is_refused(space: Space) -> None:
    """Purpose: a metadata directive is COPY or REPLACE; another is the caller's fault.

    Method: 1. copy with x-amz-metadata-directive: MERGE
            2. expect 400, and nothing under the new key
    """
    key = space.key("copy")

    reply = space.copy(key, space.stored(b"described"), {"x-amz-metadata-directive": "MERGE"})

    expect_refusal(reply, 400, {"InvalidArgument", "InvalidRequest"})
    expect_nothing_stored(space.get(key))


@verifies("storage/copy/type-is-replaced")
def test_type_is_replaced(space: Space) -> None:
    """Purpose: with the directive REPLACE nothing stays of what the source was said to be, its type included.

    Method: 1. copy an object of a type with REPLACE, naming none
            2. expect the copy without that type
    """
    source, key = space.stored(b"a,b\n", {"Content-Type": "text/csv"}), space.key("copy")
    require(space.copy(key, source, {"x-amz-metadata-directive": "REPLACE"}), "copies")

    expect_no_longer(space.head(key), {"content-type": "text/csv"}, "where it was to be replaced")


@verifies("storage/copy/bytes-are-the-same")
@pytest.mark.parametrize("body", [case("of-nothing", b""), case("of-several-buffers", b"copied" * 400_000)])
def test_copy_is_of_any_size(space: Space, body: bytes) -> None:
    """Purpose: an object without bytes, or with more than are read at once, is copied like any other.

    Method: 1. copy it over another
            2. expect 200, and its bytes
    """
    key = space.stored(b"what stood there")

    expect_no_error_inside(space.copy(key, space.stored(body)))
    expect_bytes(space.get(key), body)
