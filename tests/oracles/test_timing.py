"""The timing rule: no alarm where there is no difference, and two milliseconds are found."""

from __future__ import annotations

import random

from conformance.oracles.timing import compare

PAIRS = 30


def sample(extra: float, chance: random.Random) -> list[float]:
    """Durations like those of a loopback server: a floor, a skewed tail, now and then a hiccup."""
    return [
        0.002 + extra + chance.expovariate(1 / 0.0004) + (0.02 if chance.random() < 0.03 else 0) for _ in range(PAIRS)
    ]


def test_no_alarm_without_a_difference() -> None:
    alarms = 0
    for seed in range(300):
        chance = random.Random(seed)
        first = compare(sample(0, chance), sample(0, chance))
        second = compare(sample(0, chance), sample(0, chance))
        alarms += first.agrees_with(second)
    assert alarms == 0


def test_two_milliseconds_are_found() -> None:
    for seed in range(50):
        chance = random.Random(seed)
        first = compare(sample(0.002, chance), sample(0, chance))
        second = compare(sample(0.002, chance), sample(0, chance))
        assert first.agrees_with(second)
        assert first.effect > 0.5 and first.first_median > first.second_median


def test_equal_values_are_no_difference() -> None:
    assert not compare([1.0] * 20, [1.0] * 20).differs


def test_less_than_half_a_millisecond_is_no_difference() -> None:
    first, second = [0.0010 + each / 1e6 for each in range(60)], [0.0013 + each / 1e6 for each in range(60)]
    assert compare(first, second).p < 1e-4
    assert not compare(first, second).differs
