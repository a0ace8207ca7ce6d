"""Concurrent calls from a bounded number of threads."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

from conformance.vocabulary.exchange import Exchange

T = TypeVar("T")
MOST_CONCURRENT = 32
READERS = 3
READS = 8
LONGEST_S = 4.0
PAUSE_S = 0.05
PIECE_S = 2.0


@dataclass(frozen=True)
class SlowBody:
    """A body that is sent a while after the header section: ``late`` requests arrive in between."""

    content: bytes

    def __iter__(self) -> Iterator[bytes]:
        time.sleep(PAUSE_S)
        yield self.content

    def __bytes__(self) -> bytes:
        return self.content


@dataclass(frozen=True)
class LockstepBody:
    """A body that is sent in pieces, each when all senders of the barrier are ready."""

    content: bytes
    barrier: threading.Barrier
    pieces: int = 16

    def __iter__(self) -> Iterator[bytes]:
        size = -(-len(self.content) // self.pieces)
        for begin in range(0, len(self.content), size):
            with suppress(threading.BrokenBarrierError):  # A refused sender stops.
                self.barrier.wait(PIECE_S)
            yield self.content[begin : begin + size]

    def __bytes__(self) -> bytes:
        return self.content


def late(call: Callable[[], T]) -> Callable[[], T]:
    """Delay a call until concurrent requests have sent their header section, but not a slow body."""

    def run() -> T:
        time.sleep(PAUSE_S / 2)
        return call()

    return run


def at_once(calls: Sequence[Callable[[], T]]) -> list[T]:
    """Make all calls concurrently, one thread each; return their results in order.

    If calls raise, the first exception is raised after all have ended.
    """
    if not calls:
        return []
    gate = threading.Barrier(len(calls))

    def started(call: Callable[[], T]) -> T:
        gate.wait()
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        futures = [pool.submit(started, call) for call in calls]
    return [future.result() for future in futures]


def burst(ask: Callable[[], T], number: int) -> list[T]:
    """Return the results of ``number`` calls, made concurrently by up to 32 threads."""
    replies: list[T] = []
    while len(replies) < number:
        replies += at_once([ask] * min(MOST_CONCURRENT, number - len(replies)))
    return replies


def one_by_one(ask: Callable[[], T], number: int) -> list[T]:
    """Return the results of ``number`` sequential calls."""
    return [ask() for _ in range(number)]


def _repeated(call: Callable[[], Exchange], ended: Callable[[], object], most: int) -> Callable[[], list[Exchange]]:
    """Return a caller that repeats a request until ``ended``, a number of times, or four seconds."""

    def run() -> list[Exchange]:
        started = time.monotonic()
        replies = [call()]
        while len(replies) < most and not ended() and time.monotonic() - started < LONGEST_S:
            replies.append(call())
        return replies

    return run


def reading_while(
    read: Callable[[], Exchange],
    change: Callable[[], Exchange],
    changes: int,
    broken: Callable[[Exchange], bool] = lambda reply: False,
    reads: int = READS,
    changers: int = 1,
) -> tuple[list[Exchange], list[Exchange]]:
    """Return the responses to three readers during ``changes`` changes, and those to the changes.

    Each reads up to ``reads`` times, until the last change. All stop at the first ``broken`` response to a reader.
    Changes stop after four seconds, so a slow server gets fewer.
    """
    failures: list[bool] = []
    done: list[bool] = []

    def observed() -> Exchange:
        reply = read()
        if broken(reply):
            failures.append(True)
        return reply

    def changer() -> list[Exchange]:
        try:
            return _repeated(change, lambda: failures, changes // changers)()
        finally:
            done.append(True)

    reader = _repeated(observed, lambda: failures or len(done) == changers, reads)
    replies = at_once([*[changer] * changers, *[reader] * READERS])
    changed, got = replies[:changers], replies[changers:]
    return [reply for each in got for reply in each], [reply for each in changed for reply in each]
