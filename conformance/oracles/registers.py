"""Judges the history of one key that several clients wrote and read at once.

S3 promises strong consistency for each key: an update is atomic, and a read that begins after a write was
answered sees that write or a later one. So the key is a register, and a history of it is linearizable or
not. Every write writes another value, which makes these necessary conditions cheap to check, in
O(reads x writes), and each violation easy to tell:

- a read returns a value that was written whole, by a write that had begun before the read ended;
- it does not return a value that had surely been overwritten before the read began: whose write had ended
  before another write began that itself had ended before the read began;
- of two reads one after the other, the later one does not return a value that had surely been overwritten
  by the value of the earlier one.

What is not checked: full linearizability, which needs a search; violations that only show in the order of
overlapping writes seen by three or more reads may pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance


@dataclass(frozen=True)
class Operation:
    """One write or read: its value, when it was sent and when answered (seconds, one clock)."""

    value: bytes
    begun: float
    ended: float
    reply: Exchange


def expect_register(writes: Sequence[Operation], reads: Sequence[Operation]) -> None:
    """The history can be that of one register; ``writes`` includes the one that made the key."""
    by_value = {write.value: write for write in writes}
    for read in reads:
        source = by_value.get(read.value)
        if source is None:
            raise NonConformance(
                "one of the values written, whole", f"{read.value[:60]!r}: torn, or of no one", read.reply
            )
        if source.begun > read.ended:
            raise NonConformance("a value already written", "one written later", source.reply, read.reply)
        _expect_fresh(source, read, writes)
    _expect_monotonic(by_value, reads)


def _expect_fresh(source: Operation, read: Operation, writes: Sequence[Operation]) -> None:
    for write in writes:
        if source.ended < write.begun and write.ended < read.begun:
            raise NonConformance(
                f"the value of the last write answered before the read began ({write.value[:40]!r}), or a later one",
                f"{read.value[:40]!r}, which had been overwritten {read.begun - write.ended:.4f} s before",
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
                    f"{read.value[:40]!r} after {newest.value[:40]!r}",
                    newest.reply,
                    read.reply,
                )
        newest = read
