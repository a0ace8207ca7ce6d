"""Calls made at one moment from several threads, all of which are awaited, in a bounded number."""

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
    """A body that comes a while after its head, as over a slow line: what is sent ``late`` comes in between."""

    content: bytes

    def __iter__(self) -> Iterator[bytes]:
        time.sleep(PAUSE_S)
        yield self.content

    def __bytes__(self) -> bytes:
        return self.content


@dataclass(frozen=True)
class InStep:
    """A body that is sent in pieces, each when all senders that share the barrier are ready for it."""

    content: bytes
    barrier: threading.Barrier
    pieces: int = 16

    def __iter__(self) -> Iterator[bytes]:
        size = -(-len(self.content) // self.pieces)
        for begin in range(0, len(self.content), size):
            with suppress(threading.BrokenBarrierError):  # A sender that was refused sends no more.
                self.barrier.wait(PIECE_S)
            yield self.content[begin : begin + size]

    def __bytes__(self) -> bytes:
        return self.content


def late(call: Callable[[], T]) -> Callable[[], T]:
    """The same call, made when the head of what began at once has come, and its body has not."""

    def run() -> T:
        time.sleep(PAUSE_S / 2)
        return call()

    return run


def at_once(calls: Sequence[Callable[[], T]]) -> list[T]:
    """Starts all calls together, a thread each, and returns what they return, in their order.

    Where calls raise, the first that did is raised after all have ended.
    """
    if not calls:  # None of those who were to begin together got that far.
        return []
    gate = threading.Barrier(len(calls))

    def started(call: Callable[[], T]) -> T:
        gate.wait()
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        futures = [pool.submit(started, call) for call in calls]
    return [future.result() for future in futures]


def burst(ask: Callable[[], T], number: int) -> list[T]:
    """What that many calls return, made at once as far as there are callers."""
    replies: list[T] = []
    while len(replies) < number:
        replies += at_once([ask] * min(MOST_CONCURRENT, number - len(replies)))
    return replies


def one_by_one(ask: Callable[[], T], number: int) -> list[T]:
    """What that many calls return, each made when the one before has returned."""
    return [ask() for _ in range(number)]


def _repeated(call: Callable[[], Exchange], ended: Callable[[], object], most: int) -> Callable[[], list[Exchange]]:
    """A caller that makes a request, and repeats it a bounded number of times until told to stop."""

    def run() -> list[Exchange]:
        begun = time.monotonic()
        replies = [call()]
        while len(replies) < most and not ended() and time.monotonic() - begun < LONGEST_S:
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
    """What three readers get while callers change something, that many times in all; and what those got.

    Each reads ``reads`` times at most, until the last change. All stop when an answer to a reader is ``broken``: one
    is enough. After some seconds those who change something stop as well, so of a slow server they get fewer answers.
    """
    spoiled: list[bool] = []
    done: list[bool] = []

    def watched() -> Exchange:
        reply = read()
        if broken(reply):
            spoiled.append(True)
        return reply

    def changer() -> list[Exchange]:
        try:
            return _repeated(change, lambda: spoiled, changes // changers)()
        finally:
            done.append(True)

    reader = _repeated(watched, lambda: spoiled or len(done) == changers, reads)
    replies = at_once([*[changer] * changers, *[reader] * READERS])
    changed, got = replies[:changers], replies[changers:]
    return [reply for each in got for reply in each], [reply for each in changed for reply in each]
