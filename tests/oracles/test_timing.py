"""The timing oracle finds a millisecond and raises no false alarm, even on a busy machine."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

import pytest

from conformance.oracles.timing import MOST_PAIRS, compare, expect_same_time
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance
from tests.oracles.replies import reply


def answering(extra: float, chance: random.Random, busy: float, sent: list[str]) -> Callable[[], Exchange]:
    """Durations like those of a loopback server: a floor, a skewed tail, and what a busy machine adds now and then."""

    def ask() -> Exchange:
        sent.append("x")
        hiccup = chance.expovariate(1 / 0.006) if chance.random() < busy else 0.0
        return replace(reply(404), duration_s=0.002 + extra + chance.expovariate(1 / 0.0002) + hiccup)

    return ask


def alarms(extra: float, busy: float, runs: int) -> int:
    found = 0
    for seed in range(runs):
        chance = random.Random(seed)
        try:
            expect_same_time(answering(extra, chance, busy, []), answering(0, chance, busy, []), "two things")
        except NonConformance:
            found += 1
    return found


@pytest.mark.parametrize("busy", [0.03, 0.5, 0.8])
def test_no_alarm_without_a_difference(busy: float) -> None:
    assert alarms(0, busy, 150) == 0


@pytest.mark.parametrize("busy", [0.03, 0.5, 0.8])
def test_a_millisecond_is_found(busy: float) -> None:
    assert alarms(0.001, busy, 50) >= 48


def test_a_lead_is_found_in_noise() -> None:
    chance = random.Random(3)
    first = [0.003 if each < 15 else chance.uniform(0.003, 1) for each in range(MOST_PAIRS)]
    second = [0.001 if each < 15 else chance.uniform(0.003, 1) for each in range(MOST_PAIRS)]
    found = compare(first, second)
    assert abs(found.effect - 0.5) < 0.2
    assert found.lead == 15 and found.longer == 1
    assert compare(second, first).longer == -1


def test_one_quick_answer_is_no_lead() -> None:
    first, second = [0.00146] * 40, [0.0004, *([0.00144] * 20), *([0.002] * 19)]
    assert not compare(first, second).longer
    assert compare(first, second).lead == 1
