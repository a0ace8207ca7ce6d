"""Fields that an answer is to have or not to have: chosen ones, codings, the type of a copy, tags of a version."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from conformance.clients.aws_chunked import SIGNED, Chunk, chunked
from conformance.clients.s3_bodies import content_md5, tagging_document
from conformance.oracles.s3_documents import deletion_of, tags_of
from conformance.oracles.s3_errors import expect_no_error_inside, expect_refusal, require
from conformance.oracles.s3_objects import (
    expect_bytes,
    expect_etag,
    expect_headers,
    expect_http_date,
    expect_no_longer,
    expect_nothing_stored,
    expect_stored,
)
from conformance.oracles.status import expect_status, observed
from conformance.sandbox.space import Space
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.finding import NonConformance

COMPRESSIBLE = b"the same line again and again\n" * 400
TYPE = {"Content-Type": "text/plain"}
CHOSEN = {"response-content-type": "text/csv", "response-content-encoding": "identity"}
PARTS = (b"a" * 65536, b"the rest")


@verifies("storage/presigned/answer-fields-of-parts-and-heads")
@pytest.mark.parametrize(("method", "fields"), [case("head", "HEAD", {}), case("range", "GET", {"Range": "bytes=0-2"})])
def test_answer_fields_of_parts_and_heads(space: Space, method: str, fields: dict[str, str]) -> None:
    """Purpose: a browser that asks for the head of an object, or for a part of it, is told the type that was chosen.

    Method: 1. HEAD an object, or GET a range of it, with response-content-type and response-content-encoding
            2. expect those fields in the answer
    """
    reply = space.call(method, space.stored(b"a,b\n", TYPE), CHOSEN, fields)

    expect_status(reply, {200, 206})
    expect_headers(reply, {name.removeprefix("response-"): value for name, value in CHOSEN.items()})


@verifies("storage/object/other-coding-has-another-etag")
def test_other_coding_has_another_etag(space: Space) -> None:
    """Purpose: a gateway that compresses what it sends does not call it by the ETag of the object, or ranges of the one
    would be joined to the other.

    Method: 1. put a text that compresses well, GET it with Accept-Encoding: gzip
            2. expect its bytes without a Content-Encoding; where it has one, another ETag, or a weak one
    """
    key = space.stored(COMPRESSIBLE, TYPE)
    tag = expect_etag(space.head(key))
    reply = space.get(key, {"Accept-Encoding": "gzip"})

    if "content-encoding" not in reply.headers:
        expect_bytes(reply, COMPRESSIBLE)
    elif reply.headers.get("etag") == tag:
        coding = reply.headers.get("content-encoding")
        raise NonConformance(f"another ETag than {tag}, which is of the object uncoded", f"it, of {coding}", reply)


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
@pytest.mark.parametrize("body", [case("of-nothing", b"")])
def test_copy_of_nothing_is_nothing(space: Space, body: bytes) -> None:
    """Purpose: an object without bytes is copied like any other.

    Method: 1. copy an empty object over another
            2. expect 200, and no bytes
    """
    key = space.stored(b"what stood there")

    expect_no_error_inside(space.copy(key, space.stored(body)))
    expect_bytes(space.get(key), body)


@verifies("storage/subresource/unknown-version-is-not-tagged")
def test_unknown_version_is_not_tagged(space: Space) -> None:
    """Purpose: to tag a version that never existed is not to tag the present object.

    Method: 1. put an object with a tag; write, delete and ask for tags with the id of a version that never existed
            2. expect the tag as it was, whatever is answered, and not told of that version
    """
    key = space.stored(b"tagged", {"x-amz-tagging": "before=1"})
    before = tags_of(space.get_tags(key))
    body = tagging_document([("by", "eve")])
    fields = {"Content-MD5": content_md5(body)}
    unknown = {"tagging": "", "versionId": "cf-no-such-version-0000000000000"}
    reply = space.call("PUT", key, unknown, fields, body)
    space.call("DELETE", key, unknown)

    told = space.call("GET", key, unknown)
    if told.ok:
        raise NonConformance("no tags of a version that never existed", observed(told), told)
    got = space.get_tags(key)
    if tags_of(got) != before:
        raise NonConformance(f"the tags {before}", f"{tags_of(got)}", reply, got)


@verifies("storage/multi-delete/missing-keys-are-deleted-too")
@pytest.mark.parametrize("times", [case("named-twice", 2)])
def test_key_that_is_named_twice_is_deleted(space: Space, times: int) -> None:
    """Purpose: a key that a document names twice is deleted, and not an error the second time.

    Method: 1. name one object twice in DeleteObjects
            2. expect it as deleted, without an error, and gone
    """
    key = space.stored()
    reply = space.delete_many([key] * times)
    result = deletion_of(reply)

    if set(result.deleted) != {key} or result.errors:
        raise NonConformance(f"{key} deleted", f"deleted {list(result.deleted)}, errors {result.errors}", reply)
    expect_nothing_stored(space.get(key), "for a key that was deleted")


@verifies("storage/streaming/altered-chunks-are-refused")
@pytest.mark.parametrize("place", [case("first-chunk-bytes", 0)])
def test_forged_first_chunk_is_refused(space: Space, place: int) -> None:
    """Purpose: the first chunk is signed like those behind it.

    Method: 1. put an object, overwrite it in chunks of which the first has other bytes than were signed
            2. expect 400 or 403, and the old bytes
    """
    key = space.stored(b"what stood there")
    upload = chunked(space.request("PUT", key), space.s3.keys, PARTS, SIGNED)
    chunks = list(upload.chunks)
    chunks[place] = Chunk(b"x" * len(PARTS[place]), chunks[place].signature)

    expect_status(space.s3.send_as_is(replace(upload, chunks=tuple(chunks)).assembled()), {400, 403})
    expect_stored(space.get(key), b"what stood there")


@verifies("storage/streaming/framing-is-never-stored")
def test_framing_is_never_stored(space: Space) -> None:
    """Purpose: x-amz-content-sha256 says that the payload comes in chunks; a client that says it there alone does not
    find the chunks' sizes and signatures among its bytes.

    Method: 1. put signed chunks without aws-chunked in Content-Encoding
            2. expect the joined bytes, or a refusal and nothing stored
    """
    key = space.key()
    upload = chunked(space.request("PUT", key), space.s3.keys, PARTS, SIGNED, told=False)
    reply = space.s3.send_as_is(upload.assembled())

    if reply.ok:
        expect_bytes(space.get(key), b"".join(PARTS))
        return
    expect_refusal(reply, {400, 403, 411, 501})
    expect_nothing_stored(space.get(key))


@verifies("storage/errors/answers-are-dated")
def test_answers_are_dated(space: Space) -> None:
    """Purpose: an answer tells the gateway's time, by which an SDK whose clock is off signs again.

    Method: 1. GET an object, and one that there is not
            2. expect a Date of each, as the signature lets the clocks differ by no more than a quarter of an hour
    """
    for key in (space.stored(b"dated"), space.key("missing")):
        expect_http_date(space.get(key), "date", time.time(), 900)
