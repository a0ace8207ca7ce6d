"""Reads during a slow upload, and uploads during a slow read: no client waits or sees a partial object."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
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

OLD, NEW = b"the older object " * 1900, b"the newer object here " * 1480
"""Just below 32 KiB, as much as evidence keeps of a body: a mixture of the two can be judged again from it."""
PATIENCE_S = 3.0
"""How long the upload waits for the read at most, if the target answers within twice that."""
BLOCKED_S = 1.0
"""A read that has waited so long, and ends only after the rest of the upload was sent, was blocked by it."""
PARTS = 128
"""So many of 64 KiB do not fit in the buffers of a connection whose reader has stopped."""


@dataclass(frozen=True)
class PausedUpload:
    """An upload with a read in its middle, and a read after it."""

    put: Exchange
    during: Exchange
    after: Exchange

    @property
    def blocked(self) -> bool:
        """Whether the read waited for the upload."""
        rest_sent, ended = self.put.started, self.during.started + self.during.duration_s
        return self.during.started + BLOCKED_S < rest_sent < ended


def _put_with_pause(
    space: Space, key: str, meanwhile: Callable[[], Exchange], headers: dict[str, str]
) -> tuple[Exchange, Exchange]:
    """PUT of NEW that sends its second half when another request is answered, or after some seconds."""
    request = space.s3.sign(space.request("PUT", key, headers=headers, body=NEW))
    request = request.with_header("Content-Length", str(len(NEW)))
    patience_s = min(PATIENCE_S, space.s3.raw.limits.answer_s / 2)
    return Halting(space.s3.raw).send_halting(request.head, NEW, meanwhile, patience_s)


def _paused_upload(space: Space) -> PausedUpload:
    key = space.stored(OLD, key=space.key("paused"))
    put, during = _put_with_pause(space, key, lambda: space.get(key), {})
    return PausedUpload(put, during, space.get(key))


@pytest.fixture
def paused(space: Space, once: Once) -> PausedUpload:
    """A paused upload over an existing object, the same for both checks."""
    return once("paused upload", lambda: _paused_upload(space))


@verifies("storage/concurrency/partial-upload-is-invisible")
def test_partial_upload_is_invisible(paused: PausedUpload) -> None:
    """Purpose: a reader of an object of which half a new version has come gets the old one, whole.

    Method: 1. put an object, send half of another one over it, GET it, send the other half, GET it again
            2. expect the old bytes (or all of the new ones, if the read waited), then the new ones
    """
    expect_status(paused.during, 200, "for a read in the middle of an upload")
    if paused.during.body not in (OLD, NEW):
        proof = Proof(paused.during.id, sha256="|".join(hashlib.sha256(each).hexdigest() for each in (OLD, NEW)))
        found = short(paused.during.body)
        raise NonConformance("the old bytes or the new ones, whole", found, paused.during, proof=proof)
    expect_success(paused.put, "for an upload that paused")
    expect_bytes(paused.after, NEW, "after the upload")


@verifies("storage/concurrency/paused-upload-blocks-no-reader")
def test_paused_upload_blocks_no_reader(space: Space, paused: PausedUpload) -> None:
    """Purpose: a client that is stuck in the middle of its upload keeps no other from reading the object.

    Method: 1. put an object, send half of another one over it, GET it, send the other half after three seconds at most
            2. expect the GET answered before that; where it is not, do all of it once more
    """
    if paused.blocked and (again := _paused_upload(space)).blocked:
        waited = f"no response in {again.put.started - again.during.started:.1f} s, until the upload continued"
        raise NonConformance("a response to GET while an upload to its key pauses", waited, again.during, again.put)


@verifies("storage/conditional-write/keeps-what-is-there")
@pytest.mark.parametrize("other", [case("created-during-the-upload", OLD)])
def test_condition_is_evaluated_at_the_end(space: Space, other: bytes) -> None:
    """Purpose: If-None-Match: * does not overwrite an object that was created during the upload.

    Method: 1. send half of an object with If-None-Match: *, PUT another one to its key, send the other half
            2. where that PUT was answered before, expect its bytes; expect 412, 409 or 2xx for the first (2xx as if it
               had been overwritten at once)
    """
    key = space.key("paused")
    put, meanwhile = _put_with_pause(space, key, lambda: space.put(key, other), {"If-None-Match": "*"})
    require(meanwhile, "a target that stores an object while another upload to its key pauses")
    got = space.get(key)

    if meanwhile.started + meanwhile.duration_s <= put.started and got.body != other:
        proof = Proof(beyond="it is about an object that is put while an upload pauses")
        expected = "the object that was put while the upload paused"
        raise NonConformance(expected, short(got.body), put, meanwhile, got, proof=proof)
    expect_status(put, {*range(200, 300), 409, 412})


@verifies("storage/concurrency/slow-reader-gets-one-object")
def test_slow_reader_gets_one_object(space: Space) -> None:
    """Purpose: a slow reader of an object that is overwritten gets one of its values, and no mixture.

    Method: 1. put an object of 8 MiB, GET it; after the first bytes, PUT another one of that size, then read on
            2. expect the bytes of one of the two, as far as they come, and then the new ones
    """
    values = [(each * (PART // len(each)),) * PARTS for each in (b"the older object", b"the newer object")]
    old, new = (Comparison(Joined(each)) for each in values)
    key = space.stored(b"".join(values[0]), key=space.key("slow"))
    read, put = read_slowly(space, key, lambda: space.put(key, b"".join(values[1])), [old, new])

    expect_success(put, "for a PUT while another client reads")
    if read is not None:
        expect_status(read, 200, "for an object that is being overwritten")
    if old.differs_at is not None and new.differs_at is not None:
        begun, place = ("old", old.differs_at) if old.differs_at > new.differs_at else ("new", new.differs_at)
        seen = f"of {old.received} bytes the first {place} are the {begun} ones, the next are others"
        proof = Proof(beyond="it is about a read while another client writes")
        expected = "the bytes of one object, as far as they came"
        raise NonConformance(expected, seen, *filter(None, (put, read)), proof=proof)
    expect_download(*download(space, key, Joined(values[1])))
