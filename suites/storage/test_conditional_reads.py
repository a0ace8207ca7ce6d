"""Conditional GET and HEAD (RFC 9110 section 13)."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import formatdate

import pytest

from conformance.clients.transport.raw_socket import Wire
from conformance.evidence.recorder import Recorder
from conformance.oracles.headers import expect_bare
from conformance.oracles.s3_objects import (
    expect_bytes,
    expect_etag,
    expect_headers,
    expect_if_told,
    expect_same_headers,
)
from conformance.oracles.status import expect_status
from conformance.sandbox.bucket_prefix import Space
from conformance.vocabulary.check import case, row, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive
from conformance.vocabulary.values import seconds_of_date
from conformance.vocabulary.wording import worded

BODY = b"conditional"
RFC850 = "%A, %d-%b-%y %H:%M:%S GMT"
OTHER = '"0123456789abcdef0123456789abcdef"'


@dataclass(frozen=True)
class Known:
    """What a client knows of an object: its ETag and Last-Modified, and a date before and after.

    ``at`` is when it was read, by a clock that only goes on.
    """

    key: str
    etag: str
    modified: str
    at: float

    def moved(self, seconds: int) -> str:
        """Last-Modified, moved by seconds."""
        return formatdate(self._seconds() + seconds, usegmt=True)

    @property
    def until_later(self) -> float:
        """In how many seconds a second after Last-Modified is past, by any clock that the target may have."""
        return max(0.0, self.at + 1.1 - time.monotonic())

    @property
    def moment(self) -> time.struct_time:
        """Last-Modified in its parts, in UTC."""
        return time.gmtime(self._seconds())

    def _seconds(self) -> float:
        told = seconds_of_date(self.modified)
        if told is None:
            raise Inconclusive(f"Last-Modified is no date: {worded(self.modified)}", "objects with a Last-Modified")
        return told


Fields = Callable[[Known], dict[str, str]]


@pytest.fixture(scope="session")
def known(space: Space) -> Known:
    """An object that is only read."""
    key = space.stored(BODY)
    reply = space.get(key)
    return Known(key, expect_etag(reply), reply.headers.get("last-modified") or "", time.monotonic())


def _judged(reply: Exchange, status: int) -> None:
    expect_status(reply, status)
    if status == 200 and reply.method != "HEAD":
        expect_bytes(reply, BODY)


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        row("storage/condition/if-match-is-honoured#if-match-holds", lambda k: {"If-Match": k.etag}, 200),
        row(
            "storage/condition/if-match-forms-are-honoured#if-match-list",
            lambda k: {"If-Match": f"{OTHER}, {k.etag}"},
            200,
        ),
        row("storage/condition/if-match-forms-are-honoured#if-match-any", lambda k: {"If-Match": "*"}, 200),
        row("storage/condition/if-match-is-honoured#if-match-fails", lambda k: {"If-Match": OTHER}, 412),
        row("storage/condition/if-none-match-is-honoured#if-none-match-holds", lambda k: {"If-None-Match": OTHER}, 200),
        row(
            "storage/condition/if-none-match-is-honoured#if-none-match-fails", lambda k: {"If-None-Match": k.etag}, 304
        ),
        row(
            "storage/condition/if-none-match-forms-are-honoured#if-none-match-list",
            lambda k: {"If-None-Match": f"{OTHER}, {k.etag}"},
            304,
        ),
        row(
            "storage/condition/if-none-match-forms-are-honoured#if-none-match-weak",
            lambda k: {"If-None-Match": f"W/{k.etag.removeprefix('W/')}"},
            304,
        ),
        row(
            "storage/condition/if-none-match-forms-are-honoured#if-none-match-any",
            lambda k: {"If-None-Match": "*"},
            304,
        ),
        row(
            "storage/condition/if-modified-since-is-honoured#modified-since-holds",
            lambda k: {"If-Modified-Since": k.moved(-3600)},
            200,
        ),
        row(
            "storage/condition/if-modified-since-is-honoured#modified-since-fails",
            lambda k: {"If-Modified-Since": k.modified},
            304,
        ),
        row(
            "storage/condition/if-unmodified-since-is-honoured#unmodified-since-holds",
            lambda k: {"If-Unmodified-Since": k.modified},
            200,
        ),
        row(
            "storage/condition/if-unmodified-since-is-honoured#unmodified-since-fails",
            lambda k: {"If-Unmodified-Since": k.moved(-3600)},
            412,
        ),
        row(
            "storage/condition/date-forms-are-honoured#rfc850",
            lambda k: {"If-Modified-Since": time.strftime(RFC850, k.moment)},
            304,
        ),
        row(
            "storage/condition/date-forms-are-honoured#asctime",
            lambda k: {"If-Modified-Since": time.asctime(k.moment)},
            304,
        ),
        row(
            "storage/condition/if-match-forms-are-honoured#if-match-weak",
            lambda k: {"If-Match": f"W/{k.etag.removeprefix('W/')}"},
            412,
        ),
        row("storage/condition/broken-date-is-ignored", lambda k: {"If-Modified-Since": "yesterday"}, 200),
    ],
)
def test_condition(space: Space, known: Known, fields: Fields, status: int) -> None:
    """Purpose: a read is made only if its condition holds.

    Method: 1. GET and HEAD an object under the condition
            2. expect the object where it holds, 304 or 412 where it does not
    """
    for reply in (space.get(known.key, fields(known)), space.head(known.key, fields(known))):
        _judged(reply, status)


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        row(
            "storage/condition/if-match-is-honoured#before-if-unmodified-since",
            lambda k: {"If-Match": k.etag, "If-Unmodified-Since": k.moved(-3600)},
            200,
        ),
        row(
            "storage/condition/if-none-match-outranks-modified-since",
            lambda k: {"If-None-Match": OTHER, "If-Modified-Since": k.modified},
            200,
        ),
        row(
            "storage/condition/if-none-match-is-honoured#before-an-older-date",
            lambda k: {"If-None-Match": k.etag, "If-Modified-Since": k.moved(-3600)},
            304,
        ),
        row(
            "storage/condition/precedence-is-that-of-rfc9110#if-none-match-after-if-match",
            lambda k: {"If-Match": k.etag, "If-None-Match": k.etag},
            304,
        ),
        row(
            "storage/condition/precedence-is-that-of-rfc9110#if-match-before-if-none-match",
            lambda k: {"If-Match": OTHER, "If-None-Match": k.etag},
            412,
        ),
        row(
            "storage/condition/outranks-range",
            lambda k: {"If-None-Match": k.etag, "Range": "bytes=5000-"},
            304,
        ),
    ],
)
def test_precedence(space: Space, known: Known, fields: Fields, status: int) -> None:
    """Purpose: entity tags outrank dates, for they are the finer knowledge, and conditions outrank ranges.

    Method: 1. GET and HEAD an object under two conditions that disagree, or GET it under one and with a range
            2. expect the answer to the entity tag, of two of these to the one that fails
    """
    asked = fields(known)
    for method in ("GET",) if "Range" in asked else ("GET", "HEAD"):
        _judged(space.call(method, known.key, headers=asked), status)


@verifies("storage/condition/modified-since-later")
def test_modified_since_later(space: Space, known: Known, recorder: Recorder) -> None:
    """Purpose: what was last modified before a date was not modified since.

    Method: 1. GET and HEAD an object if it was modified since a second after its Last-Modified
            2. expect 304 without it; where one is another, both again when that second is past, for a date of the
               future may count for none (RFC 2616 section 14.25)
    """
    fields = {"If-Modified-Since": known.moved(1)}
    asked = (space.get, space.head)
    replies = [ask(known.key, fields) for ask in asked]
    if {reply.status for reply in replies} != {304}:
        recorder.pause(known.until_later)
        replies = [ask(known.key, fields) for ask in asked]

    for reply in replies:
        _judged(reply, 304)


@verifies("storage/condition/not-modified-keeps-etag")
def test_not_modified_tells_the_etag(space: Space, known: Known) -> None:
    """Purpose: 304 carries the ETag that 200 would have, so that a cache knows what it confirmed.

    Method: 1. GET and HEAD with If-None-Match of the object's ETag
            2. expect 304 with that ETag, and the Last-Modified of 200, where it is told
    """
    whole = space.get(known.key)
    for method in ("GET", "HEAD"):
        reply = space.call(method, known.key, headers={"If-None-Match": known.etag})
        expect_status(reply, 304)
        expect_headers(reply, {"etag": known.etag})
        expect_same_headers(reply, whole, [name for name in ("last-modified",) if name in reply.headers])


@verifies("storage/condition/not-modified-keeps-caching-fields")
def test_not_modified_tells_how_long_to_keep(space: Space) -> None:
    """Purpose: 304 carries the fields about caching that 200 would have, so that a cache goes by what holds now.

    Method: 1. put an object with Cache-Control and Expires in place of one with others, GET it without a condition and
               with its ETag
            2. expect 304 with the values that 200 had
    """
    before = {"Cache-Control": "max-age=7", "Expires": "Tue, 01 Dec 2043 16:00:00 GMT"}
    fields = {"Cache-Control": "max-age=60", "Expires": "Thu, 01 Dec 2044 16:00:00 GMT"}
    key = space.stored(BODY, fields, key=space.stored(b"before", before))
    whole = space.get(key)
    reply = space.get(key, {"If-None-Match": expect_etag(whole)})

    expect_status(reply, 304)
    expect_same_headers(reply, whole, [name for name in fields if name in whole.headers])


@verifies("storage/condition/not-modified-tells-no-other-length")
def test_not_modified_tells_no_other_length(space: Space, known: Known) -> None:
    """Purpose: 304 says no other length than 200 would, or a cache would take it over, and ends with its head.

    Method: 1. GET with If-None-Match of the object's ETag, and read what comes until the connection ends
            2. expect 304 without Content-Length, or with the object's, and nothing behind its head
    """
    asked = space.s3.sign(space.request("GET", known.key, headers={"If-None-Match": known.etag}))
    reply = Wire(space.s3.raw).send(asked.head, bare=True)

    expect_status(reply, 304)
    expect_bare(reply)
    if "content-length" in reply.headers:
        expect_if_told(reply, {"content-length": str(len(BODY))})


@verifies("storage/condition/missing-object-is-404")
@pytest.mark.parametrize(
    "fields",
    [
        case("if-match", {"If-Match": OTHER}),
        case("if-none-match-any", {"If-None-Match": "*"}),
        case("unmodified-since", {"If-Unmodified-Since": "Sat, 01 Jan 2000 00:00:00 GMT"}),
    ],
)
def test_missing_object_is_404_under_any_condition(space: Space, fields: dict[str, str]) -> None:
    """Purpose: a condition is asked of an object that there is; of a missing one it is told that it is missing.

    Method: 1. GET and HEAD a key that was never written, under a condition
            2. expect 404
    """
    key = space.key("missing")

    for reply in (space.get(key, fields), space.head(key, fields)):
        expect_status(reply, 404)
