"""Bytes, entity tags, ranges."""

from __future__ import annotations

import time
from contextlib import nullcontext
from dataclasses import replace
from email.utils import formatdate

import pytest

from conformance.oracles.headers import clock_of
from conformance.oracles.s3_objects import (
    expect_bytes,
    expect_entity_tag,
    expect_etag,
    expect_headers,
    expect_range,
    expect_range_or_whole,
    expect_same_etag,
    expect_stored,
    expect_stored_or_refused,
    require_clocks,
)
from conformance.vocabulary.finding import Inconclusive, NonConformance
from tests.oracles.s3_replies import reply

WHOLE = b"0123456789"


def test_bytes_say_where_they_differ() -> None:
    expect_bytes(reply(200, WHOLE), WHOLE)
    with pytest.raises(NonConformance, match="differs from byte 70 on"):
        expect_bytes(reply(200, b"a" * 70 + b"x"), b"a" * 71)


@pytest.mark.parametrize("tag", ["abc", '"a b"', 'W"abc"', '"abc'])
def test_unquoted_etag_is_none(tag: str) -> None:
    with pytest.raises(NonConformance):
        expect_entity_tag(reply(200, etag=tag))
    assert expect_etag(reply(200, etag=tag)) == tag


def test_same_etag() -> None:
    assert expect_same_etag(reply(200, etag='"a"'), reply(200, etag='"a"')) == '"a"'
    with pytest.raises(NonConformance):
        expect_same_etag(reply(200, etag='"a"'), reply(200, etag='"b"'))


def test_range_is_status_place_and_bytes() -> None:
    expect_range(reply(206, b"234", content_range="bytes 2-4/10"), WHOLE, 2, 4)
    for wrong in (
        reply(200, b"234", content_range="bytes 2-4/10"),
        reply(206, b"234", content_range="bytes 2-5/10"),
        reply(206, b"2345", content_range="bytes 2-4/10"),
    ):
        with pytest.raises(NonConformance):
            expect_range(wrong, WHOLE, 2, 4)


def test_range_that_may_be_ignored_is_that_or_the_whole() -> None:
    expect_range_or_whole(reply(206, b"234", content_range="bytes 2-4/10"), WHOLE, 2, 4)
    expect_range_or_whole(reply(200, WHOLE), WHOLE, 2, 4)
    for wrong in (reply(206, b"345", content_range="bytes 2-4/10"), reply(200, b"234"), reply(404)):
        with pytest.raises(NonConformance):
            expect_range_or_whole(wrong, WHOLE, 2, 4)


@pytest.mark.parametrize(("off", "judged"), [(0, True), (240, True), (-600, False), (600, False)])
def test_clocks_that_are_far_apart_are_nobodys_defect(off: int, judged: bool) -> None:
    now = time.time()
    dated = replace(reply(200, date=formatdate(now + off, usegmt=True)), started=now)

    assert abs(clock_of(dated) - now - off) < 10
    assert clock_of(replace(reply(200), started=now)) == now
    with nullcontext() if judged else pytest.raises(Inconclusive, match="clock"):
        require_clocks(dated)


def test_key_is_own_or_cleanly_refused() -> None:
    expect_stored_or_refused(reply(200), reply(200, b"x"), b"x")
    expect_stored_or_refused(reply(400), reply(404), b"x")
    for put, got in ((reply(500), reply(404)), (reply(400), reply(200, b"x")), (reply(200), reply(200, b"y"))):
        with pytest.raises(NonConformance):
            expect_stored_or_refused(put, got, b"x")


def test_what_could_as_well_be_refused_is_told_in_the_proof() -> None:
    written, read = reply(), reply(200, b"other")
    with pytest.raises(NonConformance) as caught:
        expect_headers(read, {"x-a": "1"}, written)
    assert caught.value.proof is not None and caught.value.proof.or_refused == (written.id,)
    with pytest.raises(NonConformance) as caught:
        expect_stored(read, b"stood", written)
    assert caught.value.proof is not None and caught.value.proof.or_refused == (written.id,)
