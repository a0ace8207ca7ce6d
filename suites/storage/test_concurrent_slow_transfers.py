"""Reads during a slow upload, and uploads during a slow read: no client waits or sees a partial object."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import pytest

from conformance.clients.s3.streams import PART, Comparison, Joined, download, read_slowly
from conformance.clients.transport.stalled_bodies import Halting
from conformance.evidence.shared_requests import Once
from conformance.oracles.s3_errors import require
from conformance.oracles.s3_objects import expect_bytes, short
from conformance.oracles.s3_streams import expect_download
from conformance.oracles.status import expect_status, expect_success
from conformance.sandbox.bucket_prefix import Space
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance, Proof

OLD, NEW = b"what stood there " * 1900, b"what is to stand here " * 1480
"""Just below 32 KiB, as much as evidence keeps of a body: what is made of the two can be judged from it again."""
PATIENCE_S = 3.0
"""How long the upload waits for the read at most, if the target answers within twice that."""
HELD_S = 1.0
"""A read that has waited so long, and ends only after the rest of the upload was sent, was held up by it."""


PARTS = 128
"""So many of 64 KiB are more than lies between the two ends of a connection when nobody reads."""


@dataclass(frozen=True)
class Met:
    """An upload with a read in its middle, and a read after it."""

    put: Exchange
    during: Exchange
    after: Exchange

    @property
    def held(self) -> bool:
        """Whether the read waited for the upload."""
        rest_sent, ended = self.put.started, self.during.started + self.during.duration_s
        return self.during.started + HELD_S < rest_sent < ended


def _met(space: Space) -> Met:
    key = space.stored(OLD, key=space.key("under-way"))
    request = space.s3.sign(space.request("PUT", key, body=NEW)).with_header("Content-Length", str(len(NEW)))
    patience_s = min(PATIENCE_S, space.s3.raw.limits.answer_s / 2)
    put, during = Halting(space.s3.raw).send_halting(request.head, NEW, lambda: space.get(key), patience_s)
    return Met(put, during, space.get(key))


@pytest.fixture
def met(space: Space, once: Once) -> Met:
    """The same for both checks."""
    return once("upload under way", lambda: _met(space))


@verifies("storage/at-once/upload-under-way-is-unseen")
def test_upload_under_way_is_unseen(met: Met) -> None:
    """Purpose: who reads an object of which half a new one has come gets the old one, whole.

    Method: 1. put an object, send half of another one over it, GET it, send the other half, GET it again
            2. expect the old bytes (or all of the new ones, from a target that has the read wait), then the new ones
    """
    expect_status(met.during, 200, "for a read in the middle of an upload")
    if met.during.body not in (OLD, NEW):
        proof = Proof(met.during.id, sha256="|".join(hashlib.sha256(each).hexdigest() for each in (OLD, NEW)))
        raise NonConformance("the old bytes or the new ones, whole", short(met.during.body), met.during, proof=proof)
    expect_success(met.put, "for an upload that paused")
    expect_bytes(met.after, NEW, "after the upload")


@verifies("storage/at-once/upload-under-way-holds-nobody-up")
def test_upload_under_way_holds_nobody_up(space: Space, met: Met) -> None:
    """Purpose: a client that is stuck in the middle of its upload keeps nobody from reading what is there.

    Method: 1. put an object, send half of another one over it, GET it, send the other half after three seconds at most
            2. expect the GET answered before that; where it is not, do all of it once more
    """
    if met.held and (again := _met(space)).held:
        waited = f"no answer in {again.put.started - again.during.started:.1f} s, until the upload went on"
        raise NonConformance("an answer to GET while an upload to its key pauses", waited, again.during, again.put)


@verifies("storage/conditional-write/keeps-what-is-there")
@pytest.mark.parametrize("other", [case("what-came-meanwhile", OLD)])
def test_condition_is_that_of_the_end(space: Space, other: bytes) -> None:
    """Purpose: whether there is nothing to overwrite is seen when the object is made, not when its upload begins.

    Method: 1. send half of an object with If-None-Match: *, PUT another one to its key, send the other half
            2. where that PUT was answered before, expect what it put, and of the first 412 or 409, or 2xx as if it
               had been overwritten at once
    """
    key = space.key("under-way")
    request = space.s3.sign(space.request("PUT", key, headers={"If-None-Match": "*"}, body=NEW))
    request = request.with_header("Content-Length", str(len(NEW)))
    patience_s = min(PATIENCE_S, space.s3.raw.limits.answer_s / 2)
    put, meanwhile = Halting(space.s3.raw).send_halting(request.head, NEW, lambda: space.put(key, other), patience_s)
    require(meanwhile, "objects that can be put while another upload to their key pauses")
    got = space.get(key)

    if meanwhile.started + meanwhile.duration_s <= put.started and got.body != other:
        proof = Proof(beyond="it is about what is put while an upload pauses")
        raise NonConformance("what was put while the upload paused", short(got.body), put, meanwhile, got, proof=proof)
    expect_status(put, {*range(200, 300), 409, 412})


@verifies("storage/at-once/slow-readers-get-one-value")
def test_slow_reader_gets_one_value(space: Space) -> None:
    """Purpose: who reads slowly while an object is overwritten gets one of its values, and no mixture of the two.

    Method: 1. put an object of 8 MiB, GET it; when its first bytes have come, PUT another one of that size, and read on
               when that is answered, or after two seconds
            2. expect the bytes of one of the two, as far as they come, and then the new ones
    """
    values = [(each * (PART // len(each)),) * PARTS for each in (b"what stood there", b"what is to stand")]
    old, new = (Comparison(Joined(each)) for each in values)
    key = space.stored(b"".join(values[0]), key=space.key("slow"))
    read, put = read_slowly(space, key, lambda: space.put(key, b"".join(values[1])), [old, new])

    expect_success(put, "for a PUT while another reads")
    if read is not None:
        expect_status(read, 200, "for an object that is overwritten meanwhile")
    if old.differs_at is not None and new.differs_at is not None:
        begun, place = ("old", old.differs_at) if old.differs_at > new.differs_at else ("new", new.differs_at)
        seen = f"of {old.received} bytes the first {place} are the {begun} ones, and then others come"
        proof = Proof(beyond="it is about what a reader gets while another writes")
        raise NonConformance(
            "the bytes of one object, as far as they came", seen, *filter(None, (put, read)), proof=proof
        )
    expect_download(*download(space, key, Joined(values[1])))
