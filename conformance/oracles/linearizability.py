"""Judges the history of one key that several clients wrote and read at once.

S3 promises strong consistency for each key: an update is atomic, and a read that begins after a write was
answered sees that write or a later one. So the key is a register, and a history of it is linearizable or
not: each operation can be given a moment between its beginning and its end at which it happened.

Every write writes another value, so each read tells which write it saw, and the question has an exact answer
without a search (Gibbons and Korach, "Testing Shared Memories", 1997): a write with its reads is a group; a
group must be the key's value from the first end in it to the last beginning in it, where that lies later.
The history is linearizable where no two such spans overlap, and where no group that has none, which must happen
between its last beginning and its first end, lies within one. It takes O(reads + writes squared).

The plain violations are looked for first, since they are easier to tell: a torn value, one from the future, a stale
one, one that goes back. ``docs/explanation/statistics.md`` says what is checked.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import combinations, permutations

from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance, Proof
from conformance.vocabulary.wording import worded


@dataclass(frozen=True)
class Operation:
    """One write or read: its value, when it was sent and when answered (seconds, one clock).

    A write whose outcome was not told has no end (``math.inf``): it may happen at any time after its beginning.
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
        """The operation that ended first: from then on, or before, the value stood there."""
        return min((self.write, *self.reads), key=lambda each: each.ended)

    @property
    def needed_at(self) -> Operation:
        """The operation that began last: the value stood there then, or later."""
        return max((self.write, *self.reads), key=lambda each: each.begun)

    @property
    def span(self) -> tuple[float, float]:
        """From the first end to the last beginning; the other way about where they overlap."""
        return self.known_by.ended, self.needed_at.begun

    @property
    def lasts(self) -> bool:
        """Whether the value must have stood there for some time."""
        return self.known_by.ended < self.needed_at.begun


def expect_register(writes: Sequence[Operation], reads: Sequence[Operation]) -> None:
    """The history can be that of one register; ``writes`` includes the one that made the key."""
    by_value = {write.value: write for write in writes}
    for read in reads:
        source = by_value.get(read.value)
        if source is None:
            raise NonConformance(
                "one of the values written, whole", f"{worded(read.value[:60])}: torn, or of no one", read.reply
            )
        if source.begun > read.ended:
            raise NonConformance("a value already written", "one written later", source.reply, read.reply)
        _expect_fresh(source, read, writes)
    _expect_monotonic(by_value, reads)
    _expect_an_order(writes, reads)


def _expect_fresh(source: Operation, read: Operation, writes: Sequence[Operation]) -> None:
    for write in writes:
        if source.ended < write.begun and write.ended < read.begun:
            raise NonConformance(
                f"{worded(write.value[:40])}, of the last write answered before the read began, or a later value",
                f"{worded(read.value[:40])}, which had been overwritten {read.begun - write.ended:.4f} s before",
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
                    "no older value after a newer one was read",
                    f"{worded(read.value[:40])} after {worded(newest.value[:40])}",
                    newest.reply,
                    read.reply,
                )
        newest = read


def _expect_an_order(writes: Sequence[Operation], reads: Sequence[Operation]) -> None:
    """Some order of all operations explains the history."""
    groups = {write.value: _Group(write) for write in writes}
    for read in reads:
        groups[read.value].reads.append(read)
    # A write of which nobody knows whether it happened explains nothing unless it was read.
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
        f"{worded(one.write.value[:40])} both before and after {worded(other.write.value[:40])}",
        *_replies([one.known_by, other.known_by, one.needed_at, other.needed_at]),
    )


def _replies(operations: Iterable[Operation]) -> list[Exchange]:
    return list({each.reply.id: each.reply for each in sorted(operations, key=lambda each: each.begun)}.values())


def expect_not_mixed_up(reply: Exchange, requested: str, found: str | None, everything: Collection[str]) -> None:
    """Expect the response to one of several overlapping requests not to be that to another one.

    ``found`` names the content of the response, ``everything`` what the requests asked for.
    """
    if found != requested and found in everything:
        proof = Proof(beyond="it takes many requests at once")
        wanted, seen = f"{requested}, which was requested", f"{found}: responses are mixed up between requests"
        raise NonConformance(wanted, seen, reply, proof=proof)
