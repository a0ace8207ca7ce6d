"""The linearizability oracle agrees with the definition of a register."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.oracles.linearizability import Operation, expect_not_mixed_up, expect_register
from conformance.vocabulary.finding import NonConformance
from tests.oracles.replies import answer as reply


def operation(value: bytes, begun: float, ended: float) -> Operation:
    return Operation(value, begun, ended, reply())


def test_a_write_of_unknown_outcome_may_or_may_not_have_happened() -> None:
    unknown = operation(b"b", 2, math.inf)
    first = operation(b"a", 0, 1)
    expect_register([first, unknown], [operation(b"a", 4, 5)])
    expect_register([first, unknown], [operation(b"a", 4, 5), operation(b"b", 6, 7)])
    with pytest.raises(NonConformance):
        expect_register([first, unknown], [operation(b"b", 4, 5), operation(b"a", 6, 7)])


def linearizable(writes: list[Operation], reads: list[Operation]) -> bool:
    """By trying every order: the definition itself."""
    return any(_explains(order) for order in permutations([*writes, *reads]))


def _explains(order: Sequence[Operation]) -> bool:
    value = None
    for place, each in enumerate(order):
        if any(later.ended < each.begun for later in order[place + 1 :]):
            return False
        if each.reply.method == "PUT":
            value = each.value
        elif each.value != value:
            return False
    return True


TIMES = st.tuples(st.integers(0, 12), st.integers(1, 6))


@settings(max_examples=150, deadline=None, derandomize=True)
@given(written=st.lists(TIMES, min_size=1, max_size=3), seen=st.lists(st.tuples(TIMES, st.integers(0, 2)), max_size=3))
def test_the_verdict_agrees_with_the_definition(
    written: list[tuple[int, int]], seen: list[tuple[tuple[int, int], int]]
) -> None:
    # No two operations begin or end at one moment: which came first would be another question.
    moments = [*written, *(times for times, _ in seen)]
    spans = [(begun + place / 20, begun + length + place / 20) for place, (begun, length) in enumerate(moments)]
    writes = [Operation(b"%d" % n, *spans[n], reply(method="PUT")) for n in range(len(written))]
    reads = [
        Operation(writes[which % len(writes)].value, *spans[len(writes) + place], reply(method="GET"))
        for place, (_, which) in enumerate(seen)
    ]
    try:
        expect_register(writes, reads)
    except NonConformance:
        assert not linearizable(writes, reads)
    else:
        assert linearizable(writes, reads)


def test_only_the_response_to_another_request_is_mixed_up() -> None:
    for found in ("b", None, "of no request"):
        expect_not_mixed_up(reply(), "b", found, ["a", "b"])
    with pytest.raises(NonConformance, match="b, which was requested"):
        expect_not_mixed_up(reply(), "b", "a", ["a", "b"])
