"""CopyObject: the copy's bytes and metadata, the name of its source, and conditions on the source."""

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
from conformance.oracles.status import expect_refused, expect_status
from conformance.sandbox.bucket_prefix import Space
from conformance.vocabulary.check import case, row, rows, verifies
from conformance.vocabulary.finding import NonConformance, NotApplicable, NotOffered

REPLACE = {"x-amz-metadata-directive": "REPLACE"}
DESCRIBED = {"Content-Type": "text/csv", "x-amz-meta-owner": "Alice", "Cache-Control": "max-age=60"}
SHOWN = {
    "Content-Disposition": 'inline; filename="a"',
    "Content-Language": "de",
    "Content-Encoding": "gzip",
    "Expires": "Thu, 01 Dec 2044 16:00:00 GMT",
}
OTHERS = {
    "Content-Disposition": "attachment",
    "Content-Language": "fr",
    "Content-Encoding": "br",
    "Expires": "Fri, 02 Dec 2044 16:00:00 GMT",
}
ENCODED_NAMES = {"blank": "a b", "plus": "a+b", "percent": "100%25", "unicode": "straße", "question": "what?"}
OTHER = '"0123456789abcdef0123456789abcdef"'
LONG_AGO = "Sat, 01 Jan 2000 00:00:00 GMT"
OWN_TAG, OWN_TIME = "etag", "last-modified"
"""Placeholders for what HEAD of the source returns."""


@verifies("storage/copy/bytes-are-the-same")
def test_copy_has_the_same_bytes(space: Space) -> None:
    """Purpose: a copy is another object of the same bytes.
    Method: 1. copy an object within its bucket, named as SDKs do, without a slash before the bucket
            2. expect a CopyObjectResult with the copy's ETag, and the bytes from both
    """
    source, key = space.stored(b"copied"), space.key("copy")
    reply = space.copy_as(key, f"{space.name}/{encoded(source, safe='/')}")
    tag = copied_etag_of(reply)
    got = space.get(key)

    expect_bytes(got, b"copied", "of the copy that succeeded")
    expect_bytes(space.get(source), b"copied")
    if tag.strip('"') != expect_etag(got).strip('"'):
        raise NonConformance(f"the copy's ETag {expect_etag(got)} in the result", tag, reply, got)


@verifies("storage/copy/bytes-are-the-same")
@pytest.mark.parametrize("body", [case("empty", b""), case("of-several-buffers", b"copied" * 400_000)])
def test_copy_of_any_size(space: Space, body: bytes) -> None:
    """Purpose: an empty or large object is copied like any other.
    Method: 1. copy it over another, which GET returns; 2. expect 200, and its bytes
    """
    key = space.readable(b"the earlier object")

    expect_no_error_inside(space.copy(key, space.stored(body)))
    expect_bytes(space.get(key), body)


@verifies("storage/copy/multipart-object-is-the-same")
def test_copy_of_a_multipart_object(space: Space) -> None:
    """Purpose: a copy of a multipart object has the same bytes and metadata.
    Method: 1. upload an object in two parts, with metadata, and copy it
            2. expect the bytes and metadata from the copy, and its ETag in the result
    """
    pieces, key = (full_part(b"1"), b"the tail"), space.key("copy")
    source = space.stored_in_parts(pieces, DESCRIBED)

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
    Method: 1. copy an object with metadata (and tags, if offered) to the same key of another bucket, overwrite it
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


@verifies("storage/copy/between-buckets#key-in-both-buckets")
def test_source_is_in_its_own_bucket(space: Space, other_space: Space) -> None:
    """Purpose: a copy reads the bucket that x-amz-copy-source names, not the one that it writes.
    Method: 1. put different bytes under one key in two buckets, copy the first over the second, and to another key
            2. expect the first's bytes
    """
    body = b"in the first"
    source, key = space.stored(body), other_space.key("copy")
    other_space.stored(b"in the second", key=source)

    for copied in (key, source):
        expect_no_error_inside(other_space.copy(copied, source, source_bucket=space.name))
        expect_bytes(other_space.get(copied), body)


@verifies("storage/copy/metadata-is-copied")
def test_copy_has_its_source_s_metadata(space: Space) -> None:
    """Purpose: without the directive REPLACE a copy has its source's metadata.
    Method: 1. copy an object with metadata, with another type and metadata in the request, without directive and COPY
            2. expect the source's metadata on the copy, and none of the request's
    """
    source, key = space.stored(b"described", {**DESCRIBED, **SHOWN}), space.key("copy")
    head = space.head(source)
    shown = {name: value for name in SHOWN if (value := head.headers.get(name)) is not None}

    others = {"Content-Type": "text/plain", "x-amz-meta-owner": "bob", "x-amz-meta-reviewer": "bob"}
    for directive in ({}, {"x-amz-metadata-directive": "COPY"}):
        expect_no_error_inside(space.copy(key, source, others | directive))
        head = space.head(key)
        expect_headers(head, {**DESCRIBED, **shown})
        expect_absent_headers(head, ["x-amz-meta-reviewer"], "of a request that replaces nothing")


@verifies("storage/copy/metadata-is-replaced")
def test_copy_with_replaced_metadata(space: Space) -> None:
    """Purpose: with the directive REPLACE a copy has the metadata of the request and none of its source's.
    Method: 1. copy with x-amz-metadata-directive: REPLACE and other metadata; 2. expect the new fields, not the old
    """
    source, key = space.stored(b"described", {**DESCRIBED, **SHOWN}), space.key("copy")
    fields = {"x-amz-meta-reviewer": "bob", "Content-Type": "text/plain", "Cache-Control": "no-store"}

    expect_no_error_inside(space.copy(key, source, REPLACE | fields))

    head = space.head(key)
    expect_headers(head, fields)
    expect_absent_headers(head, ["x-amz-meta-owner"], "of the source")
    expect_no_longer(head, SHOWN, "of the source")


@verifies("storage/copy/metadata-is-replaced#each-field")
def test_copy_with_each_field_replaced(space: Space) -> None:
    """Purpose: with the directive REPLACE the copy has each field of the request.
    Method: 1. copy an object with metadata and system fields by REPLACE with other system fields and no metadata
            2. expect those that HEAD of the source returned, no metadata, and no field of the source
    """
    cached = {"Cache-Control": "max-age=61"}
    source, key = space.readable(b"described", {**SHOWN, **cached, "x-amz-meta-owner": "alice"}), space.key("copy")
    returned = space.head(source).headers

    expect_no_error_inside(space.copy(key, source, REPLACE | OTHERS))
    expect_headers(head := space.head(key), {name: value for name, value in OTHERS.items() if name in returned})
    expect_absent_headers(head, ["x-amz-meta-owner"], "of the source, where the copy is to have none")
    expect_no_longer(head, cached, "of the source, where the copy is to have none")


@verifies("storage/copy/type-is-replaced")
def test_type_is_replaced(space: Space) -> None:
    """Purpose: with the directive REPLACE and no type, a copy does not have its source's type.
    Method: 1. copy an object of a type with REPLACE, without Content-Type; 2. expect the copy without that type
    """
    source, key = space.readable(b"a,b\n", {"Content-Type": "text/csv"}), space.key("copy")
    require(space.copy(key, source, REPLACE), "copies")

    expect_no_longer(space.head(key), {"content-type": "text/csv"}, "where it was to be replaced")


@verifies("storage/copy/onto-itself-changes-metadata")
def test_copy_onto_itself_changes_metadata(space: Space) -> None:
    """Purpose: clients change an object's metadata by copying it onto itself with REPLACE.
    Method: 1. copy an object onto itself with new metadata; 2. expect only the new metadata, and the same bytes
    """
    key = space.stored(b"the same", {"x-amz-meta-owner": "alice", "x-amz-meta-reviewer": "carol"})

    expect_no_error_inside(space.copy(key, key, {**REPLACE, "x-amz-meta-owner": "bob"}))

    reply = space.get(key)
    expect_bytes(reply, b"the same")
    expect_headers(reply, {"x-amz-meta-owner": "bob"})
    expect_absent_headers(reply, ["x-amz-meta-reviewer"], "of the object before")


@pytest.mark.parametrize(
    "judges_refusal",
    [
        row("storage/copy/onto-itself-without-change-is-refused", True),
        row("storage/copy/onto-itself-loses-nothing", False),
    ],
)
def test_copy_onto_itself_without_change(space: Space, judges_refusal: bool) -> None:
    """Purpose: a copy of an object onto itself that changes nothing is refused as a mistake, and loses nothing.
    Method: 1. copy an object onto itself; 2. expect a 4xx; in any case its bytes and metadata unchanged
    """
    key = space.stored(b"the same", {"x-amz-meta-owner": "alice"})
    reply = space.copy(key, key)
    got = space.get(key)

    if judges_refusal:
        expect_refused(reply)
        expect_stored(got, b"the same")
    else:
        expect_bytes(got, b"the same", "after it was copied onto itself")
        expect_headers(got, {"x-amz-meta-owner": "alice"})


@pytest.mark.parametrize(
    ("source", "headers", "statuses"),
    rows(
        {
            "storage/copy/missing-source-is-404": {"": ("/{bucket}/{prefix}missing", {}, {404})},
            "storage/copy/missing-source-bucket-is-refused": {"": ("/{prefix}absent/anything", {}, {403, 404})},
            "storage/copy/broken-source-is-refused": {
                "no-key": ("/bucket-only", {}, {400, 403, 404}),
                "slash": ("/", {}, {400, 403, 404}),
                "blank": ("%20", {}, {400, 403, 404}),
                "escape": ("/%zz/%zz", {}, {400, 403, 404}),
                "empty": ("", {}, {400, 403, 404}),
            },
            "storage/copy/missing-version-is-refused": {
                "": ("/{bucket}/{source}?versionId=cf-no-such-version-0000000000000", {}, {400, 403, 404, 501})
            },
            "storage/copy/invalid-directive-is-refused": {
                "": ("/{bucket}/{source}", {"x-amz-metadata-directive": "MERGE"}, range(400, 500))
            },
        }
    ),
)
def test_impossible_copy_is_refused(
    space: Space, source: str, headers: dict[str, str], statuses: set[int] | range
) -> None:
    """Purpose: a copy whose source is missing or malformed is reported as such, and creates nothing.
    Method: 1. copy from a missing object, bucket or version, a malformed x-amz-copy-source, or with the directive MERGE
            2. expect the refusal, and nothing under the new key
    """
    key, stored = space.key("copy"), space.stored(b"the present one")
    named = source.format(bucket=encoded(space.name), source=encoded(stored, safe="/"), prefix=space.names.new("no"))

    expect_status(space.copy_as(key, named, headers), statuses)
    expect_nothing_stored(space.get(key))


@verifies("storage/key/leading-slash-is-preserved")
@pytest.mark.parametrize("made", [case("of-a-source", "object"), case("of-the-source-of-a-part", "part")])
def test_leading_slash_of_a_source_is_kept(space: Space, features: frozenset[str], made: str) -> None:
    """Purpose: a slash at the beginning of a key is part of it in x-amz-copy-source, too.
    Method: 1. put an object, and another under its key with a slash before it; copy the latter, as object or part
            2. expect its own bytes of the copy, where both keys were accepted
    """
    if made == "part" and "storage.multipart" not in features:
        raise NotOffered("the target does not claim storage.multipart")
    source, key = space.stored(b"without"), space.key("copy")
    with space.removing(f"/{source}"):
        if not space.put(f"/{source}", b"with").ok:
            raise NotApplicable("the target accepts no key that begins with a slash")
        if made == "part":
            upload = space.opened(key)
            tag = copied_etag_of(space.copy_part(key, upload, 1, f"/{source}"), "CopyPartResult")
            expect_no_error_inside(space.complete(key, upload, [(1, tag)]))
        else:
            expect_no_error_inside(space.copy(key, f"/{source}"))

    expect_bytes(space.get(key), b"with")


@verifies("storage/copy/source-is-decoded-once")
@pytest.mark.parametrize(
    ("name", "whole"),
    [
        *(case(hint, name, False) for hint, name in ENCODED_NAMES.items()),
        case("encoded-whole", "its-slashes-too", True),
    ],
)
def test_copy_source_is_decoded_once(space: Space, name: str, whole: bool) -> None:
    """Purpose: x-amz-copy-source is URL-encoded, by some clients with its slashes, and decoded exactly once.
    Method: 1. copy from a key with characters that need encoding, or with every slash encoded; 2. expect the bytes
    """
    prefix = space.prefix()
    source = space.stored(name.encode(), key=prefix + name)
    named = encoded(f"{space.name}/{source}") if whole else f"/{encoded(space.name)}/{encoded(source, safe='/')}"

    expect_no_error_inside(space.copy_as(f"{prefix}copy", named))
    expect_bytes(space.get(f"{prefix}copy"), name.encode())


@pytest.mark.parametrize(
    ("conditions", "holds"),
    rows(
        {
            "storage/copy/if-match-is-honoured": {
                "if-match-holds": ({"if-match": OWN_TAG}, True),
                "if-match-fails": ({"if-match": OTHER}, False),
                "before-if-unmodified-since": ({"if-match": OWN_TAG, "if-unmodified-since": LONG_AGO}, True),
            },
            "storage/copy/if-none-match-is-honoured": {
                "if-none-match-holds": ({"if-none-match": OTHER}, True),
                "if-none-match-fails": ({"if-none-match": OWN_TAG}, False),
                "before-if-modified-since": ({"if-none-match": OWN_TAG, "if-modified-since": LONG_AGO}, False),
            },
            "storage/copy/if-modified-since-is-honoured": {
                "modified-since-holds": ({"if-modified-since": LONG_AGO}, True),
                "modified-since-fails": ({"if-modified-since": OWN_TIME}, False),
            },
            "storage/copy/if-unmodified-since-is-honoured": {
                "unmodified-since-holds": ({"if-unmodified-since": OWN_TIME}, True),
                "unmodified-since-fails": ({"if-unmodified-since": LONG_AGO}, False),
            },
        }
    ),
)
def test_condition_on_the_source(space: Space, conditions: dict[str, str], holds: bool) -> None:
    """Purpose: a copy is made only if the conditions on its source hold.
    Method: 1. copy under x-amz-copy-source-if- conditions; 2. expect the copy if they hold, else 412 and no new object
    """
    source, key = space.stored(b"conditional"), space.key("copy")
    head = space.head(source)
    own = {OWN_TAG: expect_etag(head), OWN_TIME: head.headers.get("last-modified") or ""}
    fields = {f"x-amz-copy-source-{name}": own.get(value, value) for name, value in conditions.items()}
    reply = space.copy(key, source, fields)

    if holds:
        expect_no_error_inside(reply, f"for the conditions {' and '.join(conditions)}")
        expect_bytes(space.get(key), b"conditional", "of the copy that succeeded")
    else:
        expect_refusal(reply, 412, {"PreconditionFailed"})
        expect_nothing_stored(space.get(key))
