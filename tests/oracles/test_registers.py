"""Histories of a key: what can be one register's, and what cannot."""

from __future__ import annotations

import pytest

from conformance.oracles.registers import Operation, expect_register
from conformance.vocabulary.finding import NonConformance
from tests.oracles.s3_replies import reply


def operation(value: bytes, begun: float, ended: float) -> Operation:
    return Operation(value, begun, ended, reply())


WRITES = [operation(b"a", 0, 1), operation(b"b", 2, 3), operation(b"c", 2.5, 6)]


@pytest.mark.parametrize(
    "reads",
    [
        pytest.param([operation(b"b", 4, 5)], id="last"),
        pytest.param([operation(b"a", 2, 2.5)], id="overlapping-write-not-yet-seen"),
        pytest.param([operation(b"c", 4, 5)], id="overlapping-write-seen"),
        pytest.param([operation(b"c", 7, 8), operation(b"b", 7, 8)], id="either-of-two-overlapping"),
    ],
)
def test_right_histories(reads: list[Operation]) -> None:
    expect_register(WRITES, reads)


@pytest.mark.parametrize(
    ("reads", "why"),
    [
        pytest.param([operation(b"ab", 4, 5)], "torn", id="torn"),
        pytest.param([operation(b"a", 4, 5)], "overwritten", id="stale"),
        pytest.param([operation(b"c", 2, 2.2)], "written later", id="from-the-future"),
        pytest.param([operation(b"b", 2.1, 2.2), operation(b"a", 2.3, 2.4)], "after", id="going-back"),
    ],
)
def test_wrong_histories(reads: list[Operation], why: str) -> None:
    with pytest.raises(NonConformance, match=why):
        expect_register(WRITES, reads)
