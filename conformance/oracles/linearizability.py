"""Judge the history of one key that several clients wrote and read concurrently.

S3 promises strong consistency for each key: an update is atomic, and a read that begins after the response to a
write returns that write or a later one. So the key is a register. Its history is linearizable if each operation can
be assigned a moment between its beginning and its end at which it took effect.

Every write has a unique value, so each read identifies the write that it saw, and linearizability can be decided
without a search (Gibbons and Korach, "Testing Shared Memories", 1997): a write with its reads is a group; a
group must be the key's value from the first end in it to the last beginning in it, where that lies later.
The history is linearizable if no two such spans overlap and no group without a span, which takes effect between its
last beginning and its first end, lies within one. It takes O(reads + writes squared).

Simple violations are searched first, since they are easier to explain: a torn value, a value from the future, a stale
value, an older value after a newer one. See ``docs/explanation/statistics.md``.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import combinations, permutations

from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance
from conformance.vocabulary.wording import worded


@dataclass(frozen=True)
class Operation:
    """One write or read: its value, and when it began and ended (seconds, one clock).

    A write with an unknown outcome has no end (``math.inf``): it may happen at any time after its beginning.
    """

    value: bytes
    begun: float
    ended: float
    reply: Exchange


@dataclass
class _Group:
    """A write and the reads that saw it."""

    write: Operation
    reads: list[Operation] = field(default_factory=list)

    @property
    def known_by(self) -> Operation:
        """The operation that ended first: the key had the value by then."""
        return min((self.write, *self.reads), key=lambda each: each.ended)

    @property
    def needed_at(self) -> Operation:
        """The operation that began last: the key had the value then or later."""
        return max((self.write, *self.reads), key=lambda each: each.begun)

    @property
    def span(self) -> tuple[float, float]:
        """From the first end to the last beginning; reversed if the operations overlap."""
        return self.known_by.ended, self.needed_at.begun

    @property
    def lasts(self) -> bool:
        """Whether the key must have had the value for some time."""
        return self.known_by.ended < self.needed_at.begun


def expect_register(writes: Sequence[Operation], reads: Sequence[Operation]) -> None:
    """Expect a linearizable history; ``writes`` includes the one that created the key."""
    by_value = {write.value: write for write in writes}
    for read in reads:
        source = by_value.get(read.value)
        if source is None:
            raise NonConformance(
                "one of the written values, complete", f"{worded(read.value[:60])}, which no client wrote", read.reply
            )
        if source.begun > read.ended:
            raise NonConformance(
                "a value whose write began before the read ended",
                f"{worded(read.value[:40])}, whose write began later",
                source.reply,
                read.reply,
            )
        _expect_fresh(source, read, writes)
    _expect_monotonic(by_value, reads)
    _expect_an_order(writes, reads)


def _expect_fresh(source: Operation, read: Operation, writes: Sequence[Operation]) -> None:
    for write in writes:
        if source.ended < write.begun and write.ended < read.begun:
            raise NonConformance(
                f"{worded(write.value[:40])}, whose write ended before the read began, or a newer value",
                f"{worded(read.value[:40])}, overwritten {read.begun - write.ended:.4f} s before the read",
                source.reply,
                write.reply,
                read.reply,
            )


def _expect_monotonic(by_value: dict[bytes, Operation], reads: Sequence[Operation]) -> None:
    newest: Operation | None = None
    for read in sorted(reads, key=lambda each: each.ended):
        if newest is not None and read.begun > newest.ended:
            earlier, later = by_value[newest.value], by_value[read.value]
            if later.ended < earlier.begun:
                raise NonConformance(
                    f"{worded(newest.value[:40])}, as the read before it, or a newer value",
                    f"{worded(read.value[:40])}, an older value",
                    newest.reply,
                    read.reply,
                )
        newest = read


def _expect_an_order(writes: Sequence[Operation], reads: Sequence[Operation]) -> None:
    """Expect that some order of all operations explains the history."""
    groups = {write.value: _Group(write) for write in writes}
    for read in reads:
        groups[read.value].reads.append(read)
    # A write with an unknown outcome counts only if a read returned it.
    known = [group for group in groups.values() if group.reads or group.write.ended < math.inf]
    lasting = [group for group in known if group.lasts]
    for one, other in combinations(lasting, 2):
        if max(one.span[0], other.span[0]) < min(one.span[1], other.span[1]):
            raise _disorder(one, other)
    for inner, outer in permutations(known, 2):
        if outer.lasts and not inner.lasts and outer.span[0] < inner.span[1] and inner.span[0] < outer.span[1]:
            raise _disorder(inner, outer)


def _disorder(one: _Group, other: _Group) -> NonConformance:
    return NonConformance(
        "one order of the writes that explains every read",
        f"reads of {worded(one.write.value[:40])} both before and after {worded(other.write.value[:40])}",
        *_replies([one.known_by, other.known_by, one.needed_at, other.needed_at]),
    )


def _replies(operations: Iterable[Operation]) -> list[Exchange]:
    return list({each.reply.id: each.reply for each in sorted(operations, key=lambda each: each.begun)}.values())


def expect_not_mixed_up(reply: Exchange, requested: str, found: str | None, everything: Collection[str]) -> None:
    """Expect the response to one of several overlapping requests not to be that to another one.

    ``found`` names the content of the response, ``everything`` the content of all requests.
    """
    if found != requested and found in everything:
        expected, seen = f"{requested}, which was requested", f"{found}: responses are mixed up between requests"
        raise NonConformance(expected, seen, reply)
