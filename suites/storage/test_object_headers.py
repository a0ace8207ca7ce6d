"""Header fields of an object: system fields, user metadata, ETag and Last-Modified."""

from __future__ import annotations

import gzip
import time
from dataclasses import replace
from email.errors import HeaderParseError
from email.header import decode_header, make_header

import pytest

from conformance.clients.s3.aws_chunked import chunked
from conformance.clients.transport.raw_socket import Wire
from conformance.evidence.recorder import Recorder
from conformance.oracles.dates import expect_http_date
from conformance.oracles.headers import clock_of, expect_end_after_head
from conformance.oracles.s3_documents import expect_document
from conformance.oracles.s3_errors import require
from conformance.oracles.s3_objects import (
    expect_bytes,
    expect_entity_tag,
    expect_etag,
    expect_headers,
    expect_same_etag,
    expect_same_headers,
)
from conformance.oracles.s3_pages import found_under
from conformance.oracles.status import expect_status, expect_success
from conformance.sandbox.bucket_prefix import Space
from conformance.strategies.properties import explores
from conformance.strategies.storage import bodies, metadata_fields
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance
from conformance.vocabulary.values import seconds_of_time
from conformance.vocabulary.wording import field_of, worded

COMPRESSIBLE = b"the same line again and again\n" * 400
# Beyond the first MiB, which is all that some servers look at.
LARGE = b"bytes before those that differ" * 40_000
SYSTEM_FIELDS = {
    # Longer than 128 or 255 characters, common limits of database columns.
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
CITY = "x-amz-meta-city"
SAME_IN_HEAD = ("etag", "content-type", "last-modified", "x-amz-meta-owner", "cache-control")


@verifies("storage/object/etag-is-one-and-quoted")
def test_etag_is_one_and_quoted(space: Space) -> None:
    """Purpose: clients compare the ETags of different responses.
    Method: 1. put an object, then GET, HEAD and list it; 2. expect one quoted ETag, the same in all four
    """
    key = space.key()
    tag = expect_same_etag(put := space.put(key, b"tagged"), space.get(key), space.head(key))
    expect_entity_tag(put)

    listed = found_under(space, key)
    if (found := [entry.etag for entry in listed.entries]) != [tag]:
        raise NonConformance(f"<ETag>{tag} in the listing", worded(found), listed.reply)


@verifies("storage/object/etag-follows-the-bytes")
def test_etag_follows_the_bytes(space: Space) -> None:
    """Purpose: a cache recognises by the ETag that an object was overwritten.
    Method: 1. overwrite an object by other bytes of its length, a large one by a different end; 2. expect another ETag
    """
    key = space.key()
    for same in (b"", LARGE):
        first, second = (require(space.put(key, same + end), "it stored") for end in (b"bytes one", b"bytes two"))

        if expect_etag(first) == expect_etag(second):
            found = f"{expect_etag(second)} for both"
            raise NonConformance("different ETags for different bytes", found, first, second)


@verifies("storage/object/head-equals-get")
@pytest.mark.parametrize("body", [case("with-a-body", b"both ways"), case("empty", b"")])
def test_head_equals_get(space: Space, body: bytes) -> None:
    """Purpose: HEAD returns the header fields of GET, without the body; clients ask it for the length.
    Method: 1. put an object with metadata, HEAD and GET it; HEAD it again, reading until the connection ends
            2. expect the same fields, the length, and nothing after the head
    """
    fields = {"Content-Type": "text/plain", "Cache-Control": "no-store", "x-amz-meta-owner": "team-storage"}
    key = space.stored(body, fields)
    head, got = space.head(key), space.get(key)

    expect_status(head, 200)
    expect_bytes(got, body)
    expect_same_headers(head, got, SAME_IN_HEAD)
    if body or "content-length" in got.headers:
        expect_headers(head, {"content-length": str(len(body))})
    expect_end_after_head(Wire(space.s3.signed).send(space.s3.sign(space.request("HEAD", key)).head, bare=True))


@verifies("storage/object/system-headers-come-back")
@pytest.mark.parametrize(
    ("name", "value", "suffix"),
    [
        *(case(name.lower(), name, value, ".json") for name, value in SYSTEM_FIELDS.items()),
        *(case(f"{kind}-without-charset", "Content-Type", f"text/{kind}", ".json") for kind in ("plain", "html")),
        case("octet-stream", "Content-Type", "application/octet-stream", ".html"),
    ],
)
def test_system_headers_come_back(space: Space, name: str, value: str, suffix: str) -> None:
    """Purpose: the header fields that describe an object are stored with it, and a type is not guessed from the key.
    Method: 1. put an object with the field, its key's suffix meaning another type; 2. expect the field in GET and HEAD
    """
    key = space.stored(b"<script>", {name: value}, space.key() + suffix)

    for reply in (space.get(key), space.head(key)):
        expect_headers(reply, {name: value})


@verifies("storage/object/content-encoding-comes-back")
def test_content_encoding_comes_back(space: Space) -> None:
    """Purpose: a client decodes an object by its Content-Encoding, and must get the bytes as they were put.
    Method: 1. put real gzip with its Content-Encoding, and other bytes with "br,gzip"
            2. expect each Content-Encoding, and the same bytes
    """
    for coding, body in (("gzip", gzip.compress(b"really gzip", mtime=0)), ("br,gzip", b"\x1f\x8b not really gzip")):
        reply = space.get(space.stored(body, {"Content-Encoding": coding}))

        _expect_joined(reply, "Content-Encoding", coding)
        expect_bytes(reply, body)


def _expect_joined(reply: Exchange, name: str, value: str) -> None:
    """Expect this list in the field, on one line or several, with or without blanks."""
    if ",".join(reply.headers.all(name)).replace(" ", "") != value:
        raise NonConformance(f"{name}: {value}", field_of(reply, name), reply)


@verifies("storage/streaming/own-encoding-is-stored")
def test_own_encoding_is_kept(space: Space) -> None:
    """Purpose: an object that is uploaded in chunks keeps its own encoding, and not aws-chunked.
    Method: 1. put chunks with Content-Encoding: aws-chunked,gzip, and with gzip,aws-chunked, as boto3 writes it
            2. expect Content-Encoding gzip of both from HEAD, and the length of the stored bytes
    """
    body = gzip.compress(b"really gzip", mtime=0)
    for own, added in (("gzip", True), ("gzip,aws-chunked", False)):
        key = space.key()
        request = space.request("PUT", key, headers={"Content-Encoding": own})

        expect_success(space.s3.send_as_is(chunked(request, space.s3.keys, [body], declared=added).assembled()))
        expect_headers(space.head(key), {"content-encoding": "gzip", "content-length": str(len(body))})


@verifies("storage/object/metadata-comes-back")
@pytest.mark.parametrize(
    "fields",
    [
        case("unusual-names", {"Content-Type": "text/csv", **METADATA}),
        # S3 allows 2 KB of names and values together.
        case("nearly-two-kb", {"x-amz-meta-a": "0123456789" * 190}),
    ],
)
def test_metadata_comes_back(space: Space, fields: dict[str, str]) -> None:
    """Purpose: user metadata is stored with the object.
    Method: 1. put an object with x-amz-meta- fields, some with underscores, dots or names of other fields
            2. expect 2xx, and all of them in GET and HEAD as they were sent
    """
    expect_success(space.put(key := space.key(), b"annotated", fields), "for metadata of less than 2 KB")

    for reply in (space.get(key), space.head(key)):
        expect_headers(reply, fields)


@verifies("storage/object/metadata-beyond-ascii-is-unaltered")
@pytest.mark.parametrize(
    "value",
    [
        case("latin", "Zürich é"),
        case("cjk", "日本"),
        case("emoji", "🚀 up"),
        case("rfc2047", "=?UTF-8?B?WsO8cmljaA==?="),
    ],
)
def test_metadata_beyond_ascii_is_unaltered(space: Space, value: str) -> None:
    """Purpose: metadata beyond ASCII is refused, or returned so that a client can read it, and never as "?".
    Method: 1. put an object with a value in UTF-8, or one that is encoded by RFC 2047
            2. expect a 4xx or 501, the value from GET and HEAD as sent or encoded by RFC 2047, or x-amz-missing-meta
    """
    put = space.put(key := space.key(), b"annotated", {CITY: value})
    if put.status == 501 or 400 <= put.status < 500:
        return
    expect_success(put, "for metadata beyond ASCII, or a refusal")
    for reply in (space.get(key), space.head(key)):
        read = {_read(reply), reply.headers.get(CITY)}
        if read.isdisjoint({value, _words(value)}) and "x-amz-missing-meta" not in reply.headers:
            raise NonConformance(f"{CITY}: {value}, as sent or encoded by RFC 2047", field_of(reply, CITY), put, reply)


def _words(value: str) -> str:
    """Return the text of a value with encoded words (RFC 2047); the value itself if it has none."""
    try:
        return str(make_header(decode_header(value)))
    except (HeaderParseError, LookupError, UnicodeError):
        return value


def _read(reply: Exchange) -> str:
    """Return the value as a client reads it: UTF-8, RFC 2047, or UTF-8 bytes as characters, which is S3's form."""
    found = (reply.headers.get(CITY) or "").encode("latin-1", "surrogateescape").decode("utf-8", "replace")
    decoded = _words(found)
    try:
        return decoded.encode("latin-1").decode() if decoded != found else found
    except UnicodeError:
        return decoded


@verifies("storage/object/any-metadata-comes-back")
@explores(0.5, fields=metadata_fields(), body=bodies())
def test_any_metadata_comes_back(space: Space, fields: dict[str, str], body: bytes) -> None:
    """Purpose: any user metadata within the limits is stored with the object.
    Method: 1. put an object with metadata; 2. expect the bytes and the same fields from GET
    """
    reply = space.get(space.stored(body, fields))

    expect_bytes(reply, body)
    expect_headers(reply, fields)


@verifies("storage/object/repeated-metadata-is-joined")
def test_repeated_metadata_is_joined(space: Space) -> None:
    """Purpose: a metadata field that is sent twice is one field with both values (RFC 9110 section 5.3).
    Method: 1. put an object with one x-amz-meta- field twice, both signed; 2. expect GET to join both values by a comma
    """
    request = space.request("PUT", key := space.key(), body=b"annotated")
    twice = (("x-amz-meta-reader", "alice"), ("x-amz-meta-reader", "bob"))

    expect_success(space.s3.send(replace(request, headers=(*request.headers, *twice))))
    _expect_joined(space.get(key), "x-amz-meta-reader", "alice,bob")


@verifies("storage/object/content-type-is-reported")
def test_a_content_type_is_reported(space: Space) -> None:
    """Purpose: a browser needs some type for an object that was put without one.
    Method: 1. put an object without Content-Type; 2. expect a Content-Type in GET that is a media type
    """
    reply = space.get(space.stored(b"typeless"))

    if "/" not in reply.media_type:
        raise NonConformance("a media type as Content-Type", worded(reply.headers.get("content-type")), reply)


@verifies("storage/object/other-coding-has-another-etag")
def test_other_coding_has_another_etag(space: Space) -> None:
    """Purpose: compressed bytes need another ETag, or a client joins ranges of them to ranges of the object.
    Method: 1. put a text that compresses well, GET it with Accept-Encoding: gzip
            2. expect its bytes without a Content-Encoding; with one, another ETag, or a weak one
    """
    key = space.stored(COMPRESSIBLE, {"Content-Type": "text/plain"})
    tag = expect_etag(space.head(key))
    reply = space.get(key, {"Accept-Encoding": "gzip"})

    if "content-encoding" not in reply.headers:
        expect_bytes(reply, COMPRESSIBLE)
    elif reply.headers.get("etag") == tag:
        coding = reply.headers.get("content-encoding")
        raise NonConformance(f"another ETag than {tag} with Content-Encoding: {coding}", f"ETag {tag}", reply)


COPIES = "a key that may copy objects within the bucket"
LONG_AGO = "Sun, 06 Nov 1994 08:49:37 GMT"
CLOCK_TICK_S = 2
"""A server may read its clock once a second, and a different clock when it stores."""


@verifies("storage/object/last-modified-is-now")
def test_last_modified_is_now(space: Space, recorder: Recorder) -> None:
    """Purpose: clients that synchronise compare the time at which an object was written.
    Method: 1. put an object, GET and list it twice; expect the same HTTP date near now each time
            2. copy it, copy it onto itself with other metadata, overwrite it
            3. expect a later Last-Modified each time, also in the result of the copy and in the listing
    """
    key, copy = space.stored(b"dated"), space.key("copy")
    got, listed = space.get(key), found_under(space, key)

    first = expect_http_date(got, "last-modified", clock_of(got), 300)
    recorder.pause(1.1)
    for reply in (space.get(key), space.head(key)):
        expect_same_headers(reply, got, ["last-modified"])
    again = found_under(space, key)
    after, before = ([each.modified for each in entries] for entries in (again.entries, listed.entries))
    if after != before:
        pair = listed.reply, again.reply
        raise NonConformance(f"LastModified {worded(before)} in both listings", worded(after), *pair)
    changed = {"x-amz-metadata-directive": "REPLACE", "x-amz-meta-owner": "bob"}
    _expect_later(require(space.copy(copy, key), COPIES), got, first)
    expect_same_headers(space.head(key), got, ["last-modified"])
    require(space.copy(key, key, changed), COPIES)
    described = space.head(key)
    space.stored(b"dated anew", key=key)
    for reply in (space.head(copy), described, space.head(key)):
        if expect_http_date(reply, "last-modified", clock_of(reply), 300) <= first:
            expected = f"Last-Modified later than {got.headers.get('last-modified')}, since it was written again"
            raise NonConformance(expected, field_of(reply, "Last-Modified"), got, reply)
    anew = found_under(space, key)
    if before and [each.modified for each in anew.entries] == before:
        expected = f"another LastModified than {worded(before)} after it was overwritten"
        raise NonConformance(expected, worded(before), listed.reply, anew.reply)


def _expect_later(result: Exchange, source: Exchange, modified: float) -> None:
    """Expect any LastModified in a copy's result to be later than its source's."""
    for element in expect_document(result, "CopyObjectResult").findall("LastModified"):
        if (seconds_of_time(element.text or "") or modified + 1) <= modified:
            expected = f"LastModified of the copy later than {source.headers.get('last-modified')} of its source"
            raise NonConformance(expected, f"{element.text}", source, result)


@verifies("storage/object/dates-agree")
def test_dates_agree(space: Space) -> None:
    """Purpose: caches compute the age of an object from Date and Last-Modified.
    Method: 1. put an object twice, the second time with a Last-Modified of long ago, GET it
            2. expect Last-Modified within five minutes of now, and any Date an HTTP date that is not earlier
    """
    key = space.stored(b"first", {"Cache-Control": "no-cache"})
    reply = space.get(space.stored(b"second", {"Last-Modified": LONG_AGO}, key))

    modified = expect_http_date(reply, "last-modified", clock_of(reply), 300)
    if "date" in reply.headers and modified > expect_http_date(reply, "date", time.time(), 900) + CLOCK_TICK_S:
        shown = f"Last-Modified: {reply.headers.get('last-modified')}, Date: {reply.headers.get('date')}"
        raise NonConformance("Last-Modified not later than Date", shown, reply)
