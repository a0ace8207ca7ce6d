"""Concurrent writes to one key: a read returns one whole value, and never one that was overwritten earlier."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from functools import partial

import pytest

from conformance.clients.concurrency import LockstepBody, at_once
from conformance.clients.s3.bodies import content_md5
from conformance.evidence.shared_requests import Once
from conformance.oracles.linearizability import Operation, expect_register
from conformance.oracles.s3_errors import error_of, expect_no_error_inside
from conformance.oracles.s3_objects import expect_bytes
from conformance.oracles.status import expect_status, expect_success, observed
from conformance.sandbox.bucket_prefix import Space
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance
from conformance.vocabulary.wording import field_of, worded

WRITERS, READERS = 3, 4
TURNS, READS = 10, 40
"""The most writes of a writer, and reads of a reader, which stops when the writers are done."""
PATIENCE_S = 4.0
"""No client begins another turn after this time; the number of turns affects no verdict."""
SIZE = 32 * 1024
ROUNDS, LARGE = 5, 2 * 1024 * 1024
Job = Callable[[], None]


def described(writer: int, turn: int) -> bytes:
    """Return a body that repeats its writer and turn, so that a mixture shows; sizes differ by writer."""
    mark = f"writer {writer} turn {turn} ".encode()
    return mark * (SIZE * (1 + writer) // len(mark))


class History:
    """The writes to and reads from one key by several clients, with their times."""

    def __init__(self, space: Space, key: str) -> None:
        self.space, self.key = space, key
        self.writes: list[Operation] = []
        self.reads: list[Operation] = []
        self.heads: list[Exchange] = []
        self._writing = WRITERS
        self._until = time.monotonic() + PATIENCE_S

    def write(self, body: bytes) -> None:
        """PUT, with metadata that names the value."""
        started = time.monotonic()
        reply = self.space.put(self.key, body, {"x-amz-meta-value": content_md5(body)})
        expect_success(reply, "for a PUT among others")
        self.writes.append(Operation(body, started, time.monotonic(), reply))

    def writer(self, number: int) -> None:
        """Write this client's values in sequence."""
        try:
            for turn in range(TURNS):
                if time.monotonic() > self._until:
                    return
                self.write(described(number, turn))
        finally:
            self._writing -= 1

    def reader(self) -> None:
        """GET, and HEAD in each third turn, while there are writers; GET once after."""
        for turn in range(READS):
            last = not self._writing or time.monotonic() > self._until
            started = time.monotonic()
            reply = self.space.get(self.key) if last or turn % 3 < 2 else self.space.head(self.key)
            expect_status(reply, 200, f"for a {reply.method} among PUTs")
            if reply.method == "GET":
                self.reads.append(Operation(reply.body, started, time.monotonic(), reply))
            else:
                self.heads.append(reply)
            if last:
                return


def contest(space: Space) -> History:
    """The history of one key that three clients overwrite and four read."""
    history = History(space, space.key("register"))
    history.write(described(WRITERS, 0))
    writers: list[Job] = [partial(history.writer, number) for number in range(WRITERS)]
    at_once([*writers, *([history.reader] * READERS)])
    return history


@verifies("storage/concurrency/one-key-is-linearizable")
def test_one_key_is_linearizable(space: Space, once: Once) -> None:
    """Purpose: updates to one key are atomic, and a read after a write sees it, also while others write and read.
    Method: 1. three clients overwrite one key with bodies that name their writer, four read it
            2. expect some order of the writes to explain every read, and each to have its own value's metadata
    """
    history = once("contest", lambda: contest(space))
    expect_register(history.writes, history.reads)
    for read in history.reads:
        expected, found = content_md5(read.value), read.reply.headers.get("x-amz-meta-value")
        if found != expected:
            raise NonConformance(f"the metadata of the bytes, {worded(expected)}", worded(found), read.reply)


@verifies("storage/concurrency/etag-belongs-to-its-bytes")
def test_etag_belongs_to_its_bytes(space: Space, once: Once) -> None:
    """Purpose: ETag and length of a GET and of a HEAD are of one value, also while others write.
    Method: 1. three clients overwrite one key with bodies of several sizes, four GET and HEAD it
            2. expect from GET the ETag that a PUT of its bytes returned, and from HEAD the length of those bytes
    """
    history = once("contest", lambda: contest(space))
    written = {each.reply.headers.get("etag"): each.value for each in history.writes}
    for reply in [*(each.reply for each in history.reads), *history.heads]:
        tag, length = reply.headers.get("etag"), reply.headers.get("content-length")
        value = written.get(tag)
        if reply.method == "GET" and reply.body != value:
            raise NonConformance("the ETag of the bytes that were read", f"{tag}", reply)
        if length is not None and (value is None or length != str(len(value))):
            expected, seen = "ETag and Content-Length of the same write", f"ETag {tag} with Content-Length: {length}"
            raise NonConformance(expected, seen, reply)


@verifies("storage/concurrency/concurrent-writes-do-not-mix")
def test_concurrent_writes_do_not_mix(space: Space) -> None:
    """Purpose: of concurrent uploads to one key one is stored, whole, and never a mix of them.
    Method: 1. three clients PUT bodies of 2 MiB to one key, piece by piece in step; five times, in smaller pieces each
            2. expect the body and metadata of one of the three each time
    """
    for turn in range(ROUNDS):
        key, barrier = space.key("contested"), threading.Barrier(3)
        bodies = {each: each.encode() * LARGE for each in "abc"}
        replies = at_once(
            [partial(_put_in_step, space, key, LockstepBody(bodies[each], barrier, 16 + turn)) for each in "abc"]
        )
        for reply in replies:
            expect_success(reply, "for a PUT concurrent with others to its key")
        got = space.get(key)
        expect_status(got, 200, "after concurrent PUTs")
        shares = {each: got.body.count(each.encode()) for each in bodies}
        if got.body not in bodies.values():
            found = f"a mix: {', '.join(f'{share} bytes of one' for share in shares.values() if share)}"
            expected = f"the {LARGE} bytes of one of three concurrent PUTs"
            raise NonConformance(expected, found, *replies, got)
        if got.headers.get("x-amz-meta-value") != got.text[0]:
            expected = "bytes and metadata of one of three concurrent PUTs"
            raise NonConformance(expected, "the bytes of one with the metadata of another", *replies, got)


def _put_in_step(space: Space, key: str, body: LockstepBody) -> Exchange:
    fields = {"x-amz-meta-value": body.content[:1].decode()}
    signed = space.s3.sign(space.request("PUT", key, headers=fields, body=body.content))
    headers = [*signed.headers, ("Content-Length", str(len(body.content)))]
    return space.s3.raw.send("PUT", space.s3.origin + signed.target, headers, body)


@verifies("storage/concurrency/copies-are-whole")
def test_copies_are_whole(space: Space) -> None:
    """Purpose: a copy of an object that is being overwritten is one of its values, whole.
    Method: 1. two clients overwrite a key with two bodies in turn, while two others copy it and read their copies
            2. expect each copy to be one of the bodies
    """
    key, values = space.key("source"), (described(0, 0), described(3, 0))
    space.stored(values[0], key=key)
    copying, until = [threading.Event(), threading.Event()], time.monotonic() + PATIENCE_S

    def overwrite(order: Sequence[bytes]) -> None:
        for turn in range(TURNS * 20):
            if all(each.is_set() for each in copying) or time.monotonic() > until:
                return
            expect_success(space.put(key, order[turn % 2]), "for a PUT concurrent with others")

    def copy(done: threading.Event) -> None:
        target = space.key("copy")
        try:
            for _ in range(TURNS):
                copied = space.copy(target, key)
                expect_no_error_inside(copied, "for a copy among PUTs")
                got = space.get(target)
                expect_status(got, 200, "for a copy that succeeded")
                if got.body not in values:
                    torn = f"{worded(got.body[:60])}, which no client wrote"
                    raise NonConformance("a complete copy of one written value", torn, copied, got)
        finally:
            done.set()

    writers: list[Job] = [partial(overwrite, order) for order in (values, values[::-1])]
    copiers: list[Job] = [partial(copy, each) for each in copying]
    at_once([*writers, *copiers])


def _expect_settled(space: Space, key: str, possible: Sequence[bytes | None]) -> Exchange:
    """Expect one of these values (None: no object) after all writes, the same from GET, HEAD and GET again."""
    got, head, again = space.get(key), space.head(key), space.get(key)
    found = None if got.status == 404 else got.body
    if found not in possible or got.status not in (200, 404):
        sizes = ", ".join("none" if each is None else f"{len(each)} bytes" for each in possible)
        raise NonConformance(f"the complete body of one write ({sizes})", observed(got), got)
    expect_status(head, got.status, "as for the GET before")
    if found is not None:
        expect_bytes(again, found, "as read before, without a write between")
    else:
        expect_status(again, 404, "as before, without a write between")
    return got


@verifies("storage/concurrency/put-or-delete")
@pytest.mark.parametrize("existing", [case("new-key", False), case("existing-object", True)])
def test_put_or_delete(space: Space, existing: bool) -> None:
    """Purpose: after a concurrent PUT and DELETE there is a whole object or none, the same for every reader.
    Method: 1. PUT and DELETE one key concurrently, three times
            2. expect both to succeed, and then the new object or 404, the same from GET, HEAD and GET again
    """
    for turn in range(3):
        key, body = space.key("contested"), described(0, turn)
        if existing:
            space.stored(b"the earlier object", key=key)
        put, deleted = at_once([partial(space.put, key, body), partial(space.delete, key)])
        expect_success(put, "for a PUT concurrent with a DELETE")
        expect_success(deleted, "for a DELETE concurrent with a PUT")
        _expect_settled(space, key, [body, None])


@verifies("storage/concurrency/complete-or-put")
@pytest.mark.parametrize("later_ms", [case(f"{each}-ms", each) for each in (0, 2, 5)])
def test_complete_or_put(space: Space, later_ms: int) -> None:
    """Purpose: after a completion and a PUT to its key, both concurrent, there is the object of one of them, whole.
    Method: 1. open an upload and send a part; complete it, and PUT to its key at once or a moment later
            2. expect one object with its own metadata, the same from GET, HEAD and GET again
    """
    key, values = space.key("finish"), {"upload": described(0, 1), "put": described(1, 1)}
    upload = space.opened(key, {"x-amz-meta-value": "upload"})
    part = space.part(key, upload, 1, values["upload"])

    def put() -> Exchange:
        time.sleep(later_ms / 1000)  # The moment at which both are in progress differs from server to server.
        return space.put(key, values["put"], {"x-amz-meta-value": "put"})

    completed, replaced = at_once([lambda: space.complete(key, upload, [part]), put])
    expect_no_error_inside(completed, "for a completion concurrent with a PUT")
    expect_success(replaced, "for a PUT concurrent with a completion")
    got = _expect_settled(space, key, list(values.values()))
    winner = next(name for name, body in values.items() if body == got.body)
    if got.headers.get("x-amz-meta-value") != winner:
        raise NonConformance(f"x-amz-meta-value: {winner}, as the bytes", field_of(got, "x-amz-meta-value"), got)


@verifies("storage/concurrency/complete-or-abort")
@pytest.mark.parametrize("later_ms", [case(f"{each}-ms", each) for each in (0, 1, 2, 4, 8)])
def test_complete_or_abort(space: Space, later_ms: int) -> None:
    """Purpose: after a concurrent completion and abort there is a whole object or none, as the completion reported.
    Method: 1. open an upload and send a part; complete it, and abort it at once or a moment later
            2. expect the whole object where the completion succeeded, and otherwise none
    """
    key, body = space.key("either"), b"all of it" * 1000
    upload = space.opened(key)
    part = space.part(key, upload, 1, body)

    def abort() -> Exchange:
        time.sleep(later_ms / 1000)  # The moment at which both are in progress differs from server to server.
        return space.abort(key, upload)

    reply, _ = at_once([lambda: space.complete(key, upload, [part]), abort])

    got = space.get(key)
    if reply.ok and error_of(reply) is None:
        expect_bytes(got, body, "of an upload whose completion succeeded")
    else:
        expect_status(got, 404, "for an upload whose completion failed")
