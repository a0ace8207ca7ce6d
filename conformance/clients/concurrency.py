"""Concurrent calls from a bounded number of threads."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from conformance.vocabulary.exchange import Exchange

T = TypeVar("T")
U = TypeVar("U")
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


def in_threads(call: Callable[[U], T], items: Iterable[U], threads: int) -> list[T]:
    """Return the results of a call for each item, in order, made by up to so many threads.

    The first exception is raised after the calls that had begun have ended; the others are not made.
    """
    pool = ThreadPoolExecutor(threads)
    try:
        return list(pool.map(call, items))
    finally:
        pool.shutdown(cancel_futures=True)


@contextmanager
def repeating(call: Callable[[], T], threads: int, most: int, pause_s: float) -> Iterator[Repeated[T]]:
    """Repeat a call in threads, each up to ``most`` times with pauses, until the context ends in whatever way.

    All threads have ended after the context. An exception of a call ends its thread, and is raised by ``results``.
    """
    repeated = Repeated[T](threading.Event(), threading.Event())

    def run() -> list[T]:
        results: list[T] = []
        while len(results) < most and not repeated.ended.is_set():
            try:
                results.append(call())
            finally:
                repeated.begun.set()
            repeated.ended.wait(pause_s)
        return results

    with ThreadPoolExecutor(threads) as pool:
        try:
            repeated.threads.extend(pool.submit(run) for _ in range(threads))
            yield repeated
        finally:
            repeated.ended.set()


@dataclass(frozen=True)
class Repeated(Generic[T]):
    """The results of a repeated call: ``begun`` is set after the first of them, ``ended`` ends the threads."""

    begun: threading.Event
    ended: threading.Event
    threads: list[Future[list[T]]] = field(default_factory=list)

    def results(self) -> list[list[T]]:
        """Return the results of each thread, after all have ended; raise the first exception of a thread."""
        return [each.result() for each in self.threads]


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
