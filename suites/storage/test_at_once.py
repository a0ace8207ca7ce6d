"""Several clients at once: every read is one whole value, and none is stale."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

from conformance.clients.at_once import at_once
from conformance.clients.s3_bodies import content_md5
from conformance.oracles.registers import Operation, expect_register
from conformance.oracles.s3_documents import listing_of
from conformance.oracles.s3_objects import expect_bytes, expect_headers
from conformance.oracles.s3_pages import pages, version_2
from conformance.oracles.status import expect_status, expect_success
from conformance.sandbox.space import Space
from conformance.vocabulary.check import verifies
from conformance.vocabulary.finding import NonConformance

WRITERS, READERS, TURNS = 3, 3, 8
SIZE = 48 * 1024
Job = Callable[[], None]


def described(writer: int, turn: int) -> bytes:
    """A body that says all over who wrote it, so that a torn one shows; sizes differ."""
    mark = f"writer {writer} turn {turn} ".encode()
    return mark * (SIZE // len(mark) + writer)


class History:
    """What was written to and read from one key."""

    def __init__(self, space: Space, key: str) -> None:
        self.space, self.key = space, key
        self.writes: list[Operation] = []
        self.reads: list[Operation] = []

    def write(self, body: bytes) -> None:
        """PUT, with metadata that names the value."""
        begun = time.monotonic()
        reply = self.space.put(self.key, body, {"x-amz-meta-value": content_md5(body)})
        expect_status(reply, 200, "for a PUT among others")
        self.writes.append(Operation(body, begun, time.monotonic(), reply))

    def read(self) -> None:
        """GET, whose metadata must be that of its body."""
        begun = time.monotonic()
        reply = self.space.get(self.key)
        expect_status(reply, 200, "for a GET among PUTs")
        self.reads.append(Operation(reply.body, begun, time.monotonic(), reply))


@verifies("storage/at-once/key-is-a-register")
def test_key_is_a_register(space: Space) -> None:
    """Purpose: updates to one key are atomic, and a read after a write sees it, also while others write and read.

    Method: 1. three clients overwrite one key with bodies that describe themselves, three read it
            2. expect every read to be one whole value, with its own metadata, and none that had been overwritten before
    """
    history = History(space, space.key("register"))
    history.write(described(9, 0))

    def writer(number: int) -> Job:
        def work() -> None:
            for turn in range(TURNS):
                history.write(described(number, turn))

        return work

    def reader() -> None:
        for _ in range(TURNS):
            history.read()

    at_once([*(writer(number) for number in range(WRITERS)), *([reader] * READERS)])

    expect_register(history.writes, history.reads)
    for read in history.reads:
        expect_headers(read.reply, {"x-amz-meta-value": content_md5(read.value)})


@verifies("storage/at-once/etag-is-of-its-value")
def test_etag_is_of_its_value(space: Space) -> None:
    """Purpose: the ETag of a read belongs to the bytes of that read, also while others write.

    Method: 1. learn the ETag of each of two bodies; two clients put them over each other while two read
            2. expect each read to have the ETag that its bytes have
    """
    key = space.key("etag")
    values = [described(1, 0), described(2, 0)]
    tags = {body: space.put(key, body).headers.get("etag") for body in values}
    reads: list[tuple[bytes, str | None]] = []

    def reader() -> None:
        for _ in range(TURNS):
            reply = space.get(key)
            if tags.get(reply.body, "") != reply.headers.get("etag"):
                raise NonConformance("the ETag of the bytes that were read", f"{reply.headers.get('etag')}", reply)
            reads.append((reply.body, reply.headers.get("etag")))

    def writer(body: bytes) -> Job:
        def work() -> None:
            for _ in range(TURNS):
                expect_success(space.put(key, body))

        return work

    at_once([writer(values[0]), writer(values[1]), reader, reader])


@verifies("storage/at-once/created-is-seen-at-once")
def test_what_is_created_is_seen_at_once(space: Space) -> None:
    """Purpose: what was created can be read and is listed straight away, and what was deleted is gone.

    Method: 1. two clients each create, read, list and delete keys of their own, at once
            2. expect each to see its own at once
    """
    prefix = space.prefix("created")

    def client(number: int) -> Job:
        def work() -> None:
            for turn in range(3):
                key = space.stored(b"new", key=f"{prefix}{number}/{turn}")
                expect_bytes(space.get(key), b"new", "straight after creating it")
                _expect_listed(space, key, [key])
                expect_status(space.delete(key), 204)
                expect_status(space.get(key), 404, "straight after deleting it")
                _expect_listed(space, key, [])

        return work

    at_once([client(number) for number in range(2)])


def _expect_listed(space: Space, prefix: str, keys: list[str]) -> None:
    page = listing_of(space.listing(prefix))
    if page.keys != keys:
        raise NonConformance(f"{keys} in the listing", f"{page.keys}", page.reply)


@verifies("storage/at-once/listing-keeps-what-stays")
def test_listing_keeps_what_stays(space: Space) -> None:
    """Purpose: keys that stay are in every listing once, while others come and go between its pages.

    Method: 1. put twelve keys; while other keys are created and deleted among them, read listings page by page
            2. expect each of the twelve once in every listing
    """
    prefix = space.prefix("moving")
    staying = space.stored_all(prefix, [f"{number:02}-stays" for number in range(12)])
    done = threading.Event()

    def mover() -> None:
        for turn in range(200):
            if done.is_set():
                return
            key = space.stored(key=f"{prefix}{turn % 12:02}-moves")
            space.delete(key)

    def lister() -> None:
        try:
            for _ in range(4):
                read = list(pages(version_2(space, prefix, 5), 5, 60))
                _expect_once([key for page in read for key in page.keys], staying)
        finally:
            done.set()

    at_once([mover, lister])


def _expect_once(found: Sequence[str], staying: Sequence[str]) -> None:
    counts = {key: found.count(key) for key in staying}
    wrong = {key: count for key, count in counts.items() if count != 1}
    if wrong:
        raise NonConformance("each key that stays once in the listing", f"times listed: {wrong}")


@verifies("storage/at-once/buckets-do-not-mix")
def test_buckets_do_not_mix(space: Space, other_space: Space) -> None:
    """Purpose: one key in two buckets is two objects, also under load.

    Method: 1. two clients write and read one key, each in its own bucket, at once
            2. expect each to read its own bytes
    """
    key = space.key("twin")

    def client(own: Space, name: str) -> Job:
        def work() -> None:
            for turn in range(10):
                body = f"{name} {turn} ".encode() * 200
                expect_success(own.put(key, body))
                expect_bytes(own.get(key), body, "in its own bucket")

        return work

    at_once([client(space, "first"), client(other_space, "second")])
