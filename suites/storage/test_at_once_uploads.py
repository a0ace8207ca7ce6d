"""A read in the middle of an upload, whose caller is slow or stuck: it sees nothing of it, and is not held up."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import pytest

from conformance.clients.halting import Halting
from conformance.evidence.once import Once
from conformance.oracles.s3_objects import expect_bytes, short
from conformance.oracles.status import expect_status
from conformance.sandbox.space import Space
from conformance.vocabulary.check import verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance, Proof

OLD, NEW = b"what stood there " * 1900, b"what is to stand here " * 1480
"""Just below 32 KiB, as much as evidence keeps of a body: what is made of the two can be judged from it again."""
PATIENCE_S = 3.0
"""How long the upload waits for the read at most, if the target answers within twice that."""
HELD_S = 1.0
"""A read that has waited so long, and ends only after the rest of the upload was sent, was held up by it."""


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
    expect_status(met.put, 200, "for an upload that paused")
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
