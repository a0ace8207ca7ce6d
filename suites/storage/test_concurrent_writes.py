"""Concurrent writes to one key: a read returns one whole value, and never one that was overwritten earlier."""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Callable, Sequence

import pytest

from conformance.clients.concurrency import at_once
from conformance.clients.s3.bodies import content_md5
from conformance.evidence.shared_requests import Once
from conformance.oracles.linearizability import Operation, expect_register
from conformance.oracles.s3_errors import expect_no_error_inside
from conformance.oracles.s3_objects import expect_bytes
from conformance.oracles.status import expect_status, expect_success, observed
from conformance.sandbox.bucket_prefix import Space
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance, Proof
from conformance.vocabulary.wording import field_of, worded

WRITERS, READERS = 3, 4
TURNS, READS = 10, 40
"""Most writes of a writer, and most reads of a reader, who stops when the writers are done."""
PATIENCE_S = 4.0
"""After which nobody begins another turn; how many there were decides nothing."""
SIZE = 32 * 1024
Job = Callable[[], None]


def described(writer: int, turn: int) -> bytes:
    """A body that says all over who wrote it, so that a torn one shows; sizes differ."""
    mark = f"writer {writer} turn {turn} ".encode()
    return mark * (SIZE * (1 + writer) // len(mark))


class History:
    """What several clients wrote to, read from and looked up at one key, and when."""

    def __init__(self, space: Space, key: str) -> None:
        self.space, self.key = space, key
        self.writes: list[Operation] = []
        self.reads: list[Operation] = []
        self.looks: list[Exchange] = []
        self._writing = WRITERS
        self._until = time.monotonic() + PATIENCE_S

    def write(self, body: bytes) -> None:
        """PUT, with metadata that names the value."""
        begun = time.monotonic()
        reply = self.space.put(self.key, body, {"x-amz-meta-value": content_md5(body)})
        expect_success(reply, "for a PUT among others")
        self.writes.append(Operation(body, begun, time.monotonic(), reply))

    def read(self) -> None:
        """GET."""
        begun = time.monotonic()
        reply = self.space.get(self.key)
        expect_status(reply, 200, "for a GET among PUTs")
        self.reads.append(Operation(reply.body, begun, time.monotonic(), reply))

    def look(self) -> None:
        """HEAD."""
        reply = self.space.head(self.key)
        expect_status(reply, 200, "for a HEAD among PUTs")
        self.looks.append(reply)

    def writer(self, number: int) -> None:
        """Writes its own values, one after the other."""
        try:
            for turn in range(TURNS):
                if time.monotonic() > self._until:
                    return
                self.write(described(number, turn))
        finally:
            self._writing -= 1

    def reader(self) -> None:
        """Reads, and looks up in each third turn, while there are writers; reads once after."""
        for turn in range(READS):
            last = not self._writing or time.monotonic() > self._until
            if last or turn % 3 < 2:
                self.read()
            else:
                self.look()
            if last:
                return


def contest(space: Space) -> History:
    """What three who overwrite one key with bodies that describe themselves were told, and four who read it."""
    history = History(space, space.key("register"))
    history.write(described(WRITERS, 0))
    jobs: list[Job] = [functools.partial(history.writer, number) for number in range(WRITERS)]
    at_once([*jobs, *([history.reader] * READERS)])
    return history


@verifies("storage/at-once/key-is-a-register")
def test_key_is_a_register(space: Space, once: Once) -> None:
    """Purpose: updates to one key are atomic, and a read after a write sees it, also while others write and read.

    Method: 1. three clients overwrite one key with bodies that describe themselves, four read it
            2. expect some order of the writes to explain every read, and each to have its own value's metadata
    """
    history = once("contest", lambda: contest(space))
    expect_register(history.writes, history.reads)
    for read in history.reads:
        wanted, told = content_md5(read.value), read.reply.headers.get("x-amz-meta-value")
        if told != wanted:
            proof = Proof(beyond="it is about a moment at which several wrote")
            raise NonConformance(f"the metadata of the bytes, {worded(wanted)}", worded(told), read.reply, proof=proof)


@verifies("storage/at-once/etag-is-of-its-value")
def test_etag_is_of_its_value(space: Space, once: Once) -> None:
    """Purpose: the ETag and length of a GET and of a HEAD belong to one value, also while others write.

    Method: 1. three clients overwrite one key with bodies of several sizes, four read it and look it up
            2. expect with the bytes of each answer an ETag that a PUT of them was answered with, and from HEAD the
               length of the bytes with its ETag
    """
    history = once("contest", lambda: contest(space))
    written = {each.reply.headers.get("etag"): each.value for each in history.writes}
    for reply in [*(each.reply for each in history.reads), *history.looks]:
        tag, length = reply.headers.get("etag"), reply.headers.get("content-length")
        value = written.get(tag)
        if reply.method == "GET" and reply.body != value:
            raise NonConformance("the ETag of the bytes that were read", f"{tag}", reply)
        if length is not None and (value is None or length != str(len(value))):
            raise NonConformance("ETag and length of one value", f"{tag} with {length}", reply)


def _turning(space: Space, key: str, values: Sequence[bytes], stop: threading.Event) -> None:
    """Puts values over each other until the others are done."""
    until = time.monotonic() + PATIENCE_S
    for turn in range(TURNS * 20):
        if stop.is_set() or time.monotonic() > until:
            return
        expect_success(space.put(key, values[turn % len(values)]), "for a PUT beside others")


def _while_turning(space: Space, key: str, values: Sequence[bytes], job: Job) -> None:
    """Does a job in each of two threads while two others put values over each other, each beginning with its own."""
    stop = threading.Event()
    working = [1, 1]

    def done() -> None:
        try:
            job()
        finally:
            working.pop()
            if not working:
                stop.set()

    writers: list[Job] = [functools.partial(_turning, space, key, order, stop) for order in (values, values[::-1])]
    at_once([*writers, done, done])


@verifies("storage/at-once/copies-are-whole")
def test_copies_are_whole(space: Space) -> None:
    """Purpose: what is copied while others overwrite it is one of its values, whole.

    Method: 1. two clients put two bodies over each other while two others copy the key and read their copies
            2. expect each copy to be one of the bodies
    """
    key = space.key("source")
    values = [described(0, 0), described(3, 0)]
    space.stored(values[0], key=key)

    def copy() -> None:
        target = space.key("copy")
        for _ in range(TURNS):
            copied = space.copy(target, key)
            expect_no_error_inside(copied, "for a copy among PUTs")
            got = space.get(target)
            expect_status(got, 200, "for a copy that was answered")
            if got.body not in values:
                raise NonConformance(
                    "a copy of one of the values, whole", f"{worded(got.body[:60])}: torn", copied, got
                )

    _while_turning(space, key, values, copy)


@verifies("storage/at-once/put-or-delete")
@pytest.mark.parametrize("existing", [case("of-a-new-key", False), case("of-an-object", True)])
def test_put_or_delete(space: Space, existing: bool) -> None:
    """Purpose: of a PUT and a DELETE at once one is the last: a whole object or none, for every reader alike.

    Method: 1. PUT and DELETE one key at once, some rounds
            2. expect both to succeed, and then the new object whole or 404, the same at a second look and in HEAD
    """
    for turn in range(3):
        key, body = space.key("contested"), described(0, turn)
        if existing:
            space.stored(b"what stood there", key=key)
        put, deleted = at_once([functools.partial(space.put, key, body), functools.partial(space.delete, key)])
        expect_success(put, "for a PUT beside a DELETE")
        expect_success(deleted, "for a DELETE beside a PUT")
        _expect_settled(space, key, [body, None])


def _expect_settled(space: Space, key: str, possible: Sequence[bytes | None]) -> Exchange:
    """A key holds one of these (None: no object) when all is quiet, and goes on holding it."""
    got, head, again = space.get(key), space.head(key), space.get(key)
    found = None if got.status == 404 else got.body
    if found not in possible or got.status not in (200, 404):
        sizes = ", ".join("none" if each is None else f"{len(each)} bytes" for each in possible)
        raise NonConformance(f"one of the writes, whole: {sizes}", observed(got), got)
    expect_status(head, got.status, "as the GET before")
    if found is not None:
        expect_bytes(again, found, "as read a moment before, with nobody writing")
    else:
        expect_status(again, 404, "as a moment before, with nobody writing")
    return got


@verifies("storage/at-once/complete-or-put")
@pytest.mark.parametrize("later_ms", [case(f"{each}-ms", each) for each in (0, 2, 5)])
def test_complete_or_put(space: Space, later_ms: int) -> None:
    """Purpose: of the completion of an upload and a PUT to its key at once one is the last, whole.

    Method: 1. open an upload and send a part; complete it, and PUT to its key at once or a moment later
            2. expect the object of one of them, whole and with its own metadata, the same at a second look
    """
    key, values = space.key("finish"), {"upload": described(0, 1), "put": described(1, 1)}
    upload = space.opened(key, {"x-amz-meta-value": "upload"})
    part = space.part(key, upload, 1, values["upload"])

    def put() -> Exchange:
        time.sleep(later_ms / 1000)  # the moment in which both are under way differs from server to server
        return space.put(key, values["put"], {"x-amz-meta-value": "put"})

    completed, replaced = at_once([lambda: space.complete(key, upload, [part]), put])
    expect_no_error_inside(completed, "for a completion beside a PUT")
    expect_success(replaced, "for a PUT beside a completion")
    got = _expect_settled(space, key, list(values.values()))
    wanted, told = next(name for name, body in values.items() if body == got.body), got.headers.get("x-amz-meta-value")
    if told != wanted:
        # Which of the two is the last differs from time to time, and with it what is right.
        proof = Proof(beyond="it is about which of two requests at once was the last")
        raise NonConformance(
            f"x-amz-meta-value: {wanted}, as the bytes", field_of(got, "x-amz-meta-value"), got, proof=proof
        )
