"""Bytes, entity tags, ranges."""

from __future__ import annotations

import time
from contextlib import nullcontext
from dataclasses import replace
from email.utils import formatdate

import pytest

from conformance.oracles.headers import clock_of
from conformance.oracles.s3_objects import expect_entity_tag, expect_etag, require_clocks
from conformance.vocabulary.finding import Inconclusive, NonConformance
from tests.oracles.replies import answer as reply


@pytest.mark.parametrize("tag", ["abc", '"a b"', 'W"abc"', '"abc'])
def test_unquoted_etag_is_none(tag: str) -> None:
    with pytest.raises(NonConformance):
        expect_entity_tag(reply(200, etag=tag))
    assert expect_etag(reply(200, etag=tag)) == tag


@pytest.mark.parametrize(("off", "judged"), [(0, True), (240, True), (-600, False), (600, False)])
def test_clocks_that_are_far_apart_are_nobodys_defect(off: int, judged: bool) -> None:
    now = time.time()
    dated = replace(reply(200, date=formatdate(now + off, usegmt=True)), started=now)

    assert abs(clock_of(dated) - now - off) < 10
    assert clock_of(replace(reply(200), started=now)) == now
    with nullcontext() if judged else pytest.raises(Inconclusive, match="clock"):
        require_clocks(dated)
