"""Headers of an object: system headers, user metadata, ETag and Last-Modified."""

from __future__ import annotations

import gzip
import time
from dataclasses import replace

import pytest

from conformance.clients.s3.aws_chunked import chunked
from conformance.clients.transport.raw_socket import Wire
from conformance.evidence.recorder import Recorder
from conformance.oracles.dates import expect_http_date
from conformance.oracles.headers import clock_of, expect_bare
from conformance.oracles.proofs import another_field, field_matches, says
from conformance.oracles.s3_documents import expect_document
from conformance.oracles.s3_errors import expect_refusal, require
from conformance.oracles.s3_objects import (
    expect_bytes,
    expect_entity_tag,
    expect_etag,
    expect_headers,
    expect_nothing_stored,
    expect_same_etag,
    expect_same_headers,
)
from conformance.oracles.s3_pages import found_under
from conformance.oracles.status import expect_status, expect_success
from conformance.sandbox.bucket_prefix import Space
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance, Proof
from conformance.vocabulary.values import seconds_of_time
from conformance.vocabulary.wording import field_of, worded

COMPRESSIBLE = b"the same line again and again\n" * 400
# More than the MiB up to which some look at a body.
LARGE = b"bytes before those that differ" * 40_000
SYSTEM_FIELDS = {
    # Longer than what many a database keeps of a text, which is 128 characters, or 255.
    "Content-Type": f'application/soap+xml; charset=utf-8; action="Urn:Put{"/And-Get" * 12}"',
    "Cache-Control": 'private, max-age=60, community="UCI"',
    "Content-Disposition": f"attachment; filename=\"data.csv\"; filename*=UTF-8''{'d%C3%A4ta-' * 24}.csv",
    "Content-Language": "de-CH, en",
    "Expires": "Thu, 01 Dec 1994 16:00:00 GMT",
}
METADATA = {
    "X-Amz-Meta-In-Capitals": "I",
    "x-amz-meta-empty-not": "0",
    "x-amz-meta-with_line.and.dot": "a+b%20c=d;e#f",
    "x-amz-meta-blanks": "two  between   words, and one",
    "x-amz-meta-quoted": '"C:\\At 10:30"',
    "x-amz-meta-long": "long" * 270,
    "x-amz-meta-content-type": "not/its-own",
    "x-amz-meta-x-amz-iv": "of a client that encrypts",
    **{f"x-amz-meta-number-{number}": f"{number:03}" for number in range(12)},
    **{f"x-amz-meta-{word}": word for word in ("null", "true", "No", "1e3", "2026-01-01")},
}
SAME_IN_HEAD = ("etag", "content-type", "last-modified", "x-amz-meta-owner", "cache-control")


@verifies("storage/object/etag-is-one-and-quoted")
def test_etag_is_one_and_quoted(space: Space) -> None:
    """Purpose: an object's ETag is an entity tag, and the same wherever it is told.

    Method: 1. put an object, then GET, HEAD and list it
            2. expect one quoted ETag, the same in all four
    """
    key = space.key()

    tag = expect_same_etag(put := space.put(key, b"tagged"), space.get(key), space.head(key))
    expect_entity_tag(put)

    listed = found_under(space, key)
    if [entry.etag for entry in listed.entries] != [tag]:
        raise NonConformance(
            f"<ETag>{tag} in the listing",
            worded([entry.etag for entry in listed.entries]),
            listed.reply,
            proof=says(listed.reply, "ETag", tag),
        )


@verifies("storage/object/etag-follows-the-bytes")
def test_etag_follows_the_bytes(space: Space) -> None:
    """Purpose: the ETag reflects changes to the contents of an object.

    Method: 1. overwrite an object by other bytes of the same length; one beyond a MiB by one that differs at its end
            2. expect another ETag
    """
    key = space.key()
    for same in (b"", LARGE):
        first, second = (require(space.put(key, same + end), "it stored") for end in (b"bytes one", b"bytes two"))

        if expect_etag(first) == expect_etag(second):
            told, proof = f"{expect_etag(second)} for both", another_field(first, second, "ETag")
            raise NonConformance("another ETag for other bytes", told, first, second, proof=proof)


@verifies("storage/object/head-equals-get")
def test_head_equals_get(space: Space) -> None:
    """Purpose: HEAD says what GET says, without the body.

    Method: 1. put an object with metadata, then HEAD and GET it; HEAD it again, reading until the connection ends
            2. expect the same fields, and nothing behind the head
    """
    fields = {"Content-Type": "text/plain", "Cache-Control": "no-store", "x-amz-meta-owner": "team-storage"}
    key = space.stored(b"both ways", fields)
    head, got = space.head(key), space.get(key)

    expect_status(head, 200)
    expect_same_headers(head, got, SAME_IN_HEAD)
    expect_headers(head, {"content-length": str(len(got.body))})
    expect_bare(Wire(space.s3.raw).send(space.s3.sign(space.request("HEAD", key)).head, bare=True))


@verifies("storage/object/system-headers-come-back")
@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(case(name.lower(), name, value) for name, value in SYSTEM_FIELDS.items()),
        *(case(f"{kind}-without-charset", "Content-Type", f"text/{kind}") for kind in ("plain", "html")),
    ],
)
def test_system_headers_come_back(space: Space, name: str, value: str) -> None:
    """Purpose: the header fields that describe an object are kept with it.

    Method: 1. put an object with the field (an Expires that is past), under a key that ends as a file of another type
            2. expect it in GET and HEAD as it was given
    """
    key = space.stored(b"described", {name: value}, f"{space.key()}.json")

    for reply in (space.get(key), space.head(key)):
        expect_headers(reply, {name: value})


@verifies("storage/object/content-encoding-comes-back")
def test_content_encoding_comes_back(space: Space) -> None:
    """Purpose: an encoding that the object was stored in is told, and the bytes are not decoded on the way.

    Method: 1. put bytes as gzip, and others as first Brotli and then gzip
            2. expect each Content-Encoding, whole, and the same bytes, whether they are gzip or only said to be
    """
    for coding, body in (("gzip", gzip.compress(b"really gzip", mtime=0)), ("br,gzip", b"\x1f\x8b not really gzip")):
        reply = space.get(space.stored(body, {"Content-Encoding": coding}))

        told = ",".join(reply.headers.all("content-encoding")).replace(" ", "")
        if told != coding:
            proof = field_matches(reply, "Content-Encoding", coding.replace(",", ", *"))
            shown = field_of(reply, "Content-Encoding")
            raise NonConformance(f"Content-Encoding: {coding}", shown, reply, proof=proof)
        expect_bytes(reply, body)


@verifies("storage/streaming/own-encoding-is-kept")
def test_own_encoding_is_kept(space: Space) -> None:
    """Purpose: an object that is stored as gzip is so when its payload came in chunks, too.

    Method: 1. put chunks with Content-Encoding: aws-chunked,gzip, and with gzip,aws-chunked, as boto3 writes it
            2. expect Content-Encoding gzip of both from HEAD, and the length of the bytes as they are stored
    """
    body = gzip.compress(b"really gzip", mtime=0)
    for own, told in (("gzip", True), ("gzip,aws-chunked", False)):
        key = space.key()
        request = space.request("PUT", key, headers={"Content-Encoding": own})

        expect_success(space.s3.send_as_is(chunked(request, space.s3.keys, [body], told=told).assembled()))
        expect_headers(space.head(key), {"content-encoding": "gzip", "content-length": str(len(body))})


@verifies("storage/object/metadata-comes-back")
def test_metadata_comes_back(space: Space) -> None:
    """Purpose: user metadata is kept with the object.

    Method: 1. put an object with a Content-Type and x-amz-meta- fields, whose names have underscores and dots too, or
               are those of other fields: expect 2xx
            2. expect all of them in GET and HEAD as they were given
    """
    key = space.key()
    described = {"Content-Type": "text/csv", **METADATA}
    put = space.put(key, b"annotated", described)
    expect_success(put, "for metadata with underscores and dots in its names, which proxies may drop")

    for reply in (space.get(key), space.head(key)):
        expect_headers(reply, described)


@verifies("storage/object/repeated-metadata-is-joined")
def test_repeated_metadata_is_joined(space: Space) -> None:
    """Purpose: a metadata field that is sent twice is one field with both values, as HTTP has it.

    Method: 1. put an object with one x-amz-meta- field twice, both signed
            2. expect both values, joined by a comma, from GET
    """
    key = space.key()
    request = space.request("PUT", key, body=b"annotated")
    twice = (("x-amz-meta-reader", "alice"), ("x-amz-meta-reader", "bob"))

    expect_success(space.s3.send(replace(request, headers=(*request.headers, *twice))))
    reply = space.get(key)
    told = ",".join(reply.headers.all("x-amz-meta-reader")).replace(" ", "")
    if told != "alice,bob":
        told, proof = field_of(reply, "x-amz-meta-reader"), field_matches(reply, "x-amz-meta-reader", "^alice *, *bob$")
        raise NonConformance("x-amz-meta-reader: alice,bob", told, reply, proof=proof)


@verifies("storage/object/content-type-is-told")
def test_some_content_type_is_told(space: Space) -> None:
    """Purpose: an object that was put without a type has a default one.

    Method: 1. put an object without Content-Type
            2. expect a Content-Type in GET that is a media type
    """
    reply = space.get(space.stored(b"typeless"))

    if "/" not in reply.media_type:
        told, proof = worded(reply.headers.get("content-type")), field_matches(reply, "Content-Type", "/")
        raise NonConformance("a media type as Content-Type", told, reply, proof=proof)


@verifies("storage/object/large-metadata-is-whole-or-refused")
def test_large_metadata_is_whole_or_refused(space: Space) -> None:
    """Purpose: user metadata is limited to 2 KiB; beyond it is refused, or at least not cut.

    Method: 1. put an object with 3 KiB of metadata
            2. expect 400 MetadataTooLarge and nothing stored, or the metadata whole
    """
    key = space.key()
    fields = {"x-amz-meta-a": "a" * 1536, "x-amz-meta-b": "b" * 1536}
    reply = space.put(key, b"heavy", fields)

    if reply.ok:
        expect_headers(space.head(key), fields, reply)
        return
    expect_refusal(reply, {400, 431}, {"MetadataTooLarge", "InvalidRequest", "RequestHeaderSectionTooLarge"})
    expect_nothing_stored(space.get(key))


@verifies("storage/object/other-coding-has-another-etag")
def test_other_coding_has_another_etag(space: Space) -> None:
    """Purpose: a gateway that compresses what it sends does not call it by the ETag of the object, or ranges of the one
    would be joined to the other.

    Method: 1. put a text that compresses well, GET it with Accept-Encoding: gzip
            2. expect its bytes without a Content-Encoding; where it has one, another ETag, or a weak one
    """
    key = space.stored(COMPRESSIBLE, {"Content-Type": "text/plain"})
    tag = expect_etag(space.head(key))
    reply = space.get(key, {"Accept-Encoding": "gzip"})

    if "content-encoding" not in reply.headers:
        expect_bytes(reply, COMPRESSIBLE)
    elif reply.headers.get("etag") == tag:
        coding = reply.headers.get("content-encoding")
        raise NonConformance(f"another ETag than {tag}, which is of the object uncoded", f"it, of {coding}", reply)


WHO_COPIES = "a key that may copy objects within the bucket"
LONG_AGO = "Sun, 06 Nov 1994 08:49:37 GMT"
CLOCK_TICK_S = 2
"""A server may look at its clock once a second only, and at another one where it stores."""


@verifies("storage/object/last-modified-is-now")
def test_last_modified_is_now(space: Space, recorder: Recorder) -> None:
    """Purpose: an object tells when it was written, whenever it is asked: clients that synchronise compare it.

    Method: 1. put an object, GET and list it
            2. expect Last-Modified as an HTTP date within five minutes of now
            3. GET, then HEAD and list it more than a second later; expect the same, in the listing as before
            4. copy it; expect a later Last-Modified of the copy, in the result too, where it is told, and the same as
               before of what was copied
            5. copy it onto itself with other metadata, and overwrite it; expect a later Last-Modified each time,
               and another one in the listing
    """
    key, copy = space.stored(b"dated"), space.key("copy")
    got, listed = space.get(key), found_under(space, key)

    first = expect_http_date(got, "last-modified", clock_of(got), 300)
    recorder.pause(1.1)
    for reply in (space.get(key), space.head(key)):
        expect_same_headers(reply, got, ["last-modified"])
    again = found_under(space, key)
    told, before = ([each.modified for each in entries] for entries in (again.entries, listed.entries))
    if told != before:
        pair = listed.reply, again.reply
        proof = Proof(alike=((pair[0].id, pair[1].id),))
        raise NonConformance(f"{worded(before)}, as it was listed before", worded(told), *pair, proof=proof)
    changed = {"x-amz-metadata-directive": "REPLACE", "x-amz-meta-owner": "bob"}
    _expect_later(require(space.copy(copy, key), WHO_COPIES), got, first)
    expect_same_headers(space.head(key), got, ["last-modified"])
    require(space.copy(key, key, changed), WHO_COPIES)
    described = space.head(key)
    space.stored(b"dated anew", key=key)
    for reply in (space.head(copy), described, space.head(key)):
        if expect_http_date(reply, "last-modified", clock_of(reply), 300) <= first:
            wanted = f"a Last-Modified later than {got.headers.get('last-modified')}, which it had before"
            proof = another_field(got, reply, "last-modified")
            raise NonConformance(wanted, field_of(reply, "Last-Modified"), got, reply, proof=proof)
    anew = found_under(space, key)
    if before and (told := [each.modified for each in anew.entries]) == before:
        wanted = f"another LastModified than {worded(before)}, listed before it was overwritten"
        proof = Proof(beyond="it is about two lists together: of before an object was overwritten, and after")
        raise NonConformance(wanted, worded(told), listed.reply, anew.reply, proof=proof)


def _expect_later(result: Exchange, source: Exchange, modified: float) -> None:
    """A copy's result tells a later time than its source's, where it tells one."""
    for told in expect_document(result, "CopyObjectResult").findall("LastModified"):
        if (seconds_of_time(told.text or "") or modified + 1) <= modified:
            wanted = f"a LastModified of the copy, later than {source.headers.get('last-modified')}, its source's"
            proof = Proof(beyond="it is about two times together: of what was copied, and of the copy")
            raise NonConformance(wanted, f"{told.text}", source, result, proof=proof)


@verifies("storage/object/dates-agree")
def test_dates_agree(space: Space) -> None:
    """Purpose: an object that was overwritten tells when, and no later than the answer that tells it.

    Method: 1. put an object twice, the second time with a Last-Modified of long ago, GET it
            2. expect Last-Modified within five minutes of now; a Date, where there is one, in the form of HTTP, and
               Last-Modified not later
    """
    key = space.stored(b"first", {"Cache-Control": "no-cache"})
    reply = space.get(space.stored(b"second", {"Last-Modified": LONG_AGO}, key))

    modified = expect_http_date(reply, "last-modified", clock_of(reply), 300)
    if "date" in reply.headers and modified > expect_http_date(reply, "date", time.time(), 900) + CLOCK_TICK_S:
        told = f"{reply.headers.get('last-modified')}, in an answer of {reply.headers.get('date')}"
        raise NonConformance("Last-Modified not later than Date", told, reply)
