"""When an object was written: its Last-Modified, in answers and in listings."""

from __future__ import annotations

import time

from conformance.evidence.recorder import Recorder
from conformance.oracles.dates import expect_http_date
from conformance.oracles.headers import clock_of
from conformance.oracles.proofs import another_field
from conformance.oracles.s3_documents import expect_document
from conformance.oracles.s3_errors import require
from conformance.oracles.s3_objects import expect_same_headers
from conformance.oracles.s3_pages import found_under
from conformance.sandbox.bucket_prefix import Space
from conformance.vocabulary.check import verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance, Proof
from conformance.vocabulary.values import seconds_of_time
from conformance.vocabulary.wording import field_of, worded

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
