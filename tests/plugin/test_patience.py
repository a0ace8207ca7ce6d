"""A check that hangs is ended; a property has that time for each example."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from hypothesis import strategies as st

from conformance.evidence.recorder import RECORDER
from conformance.plugin.timekeeper import ends_in_time
from conformance.strategies import properties
from conformance.strategies.properties import Machine, configure, explores, rule, run_machine
from conformance.vocabulary.finding import Inconclusive

PATIENCE_S, PAUSE_S = 2.0, 0.4


@pytest.fixture(autouse=True)
def _little_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(properties, "PATIENCE_S", PATIENCE_S)
    configure(6, 1)
    RECORDER.begin_check()


def property_that(pauses_s: float) -> Callable[[], None]:
    @explores(number=st.integers())
    def check(number: int) -> None:
        time.sleep(pauses_s)

    return check


def sequences_that(pause_s: float) -> Callable[[], None]:
    class Pausing(Machine):
        @rule(number=st.integers())
        def step(self, number: int) -> None:
            time.sleep(pause_s)

    return lambda: run_machine(Pausing, 1.0, 1)


@pytest.mark.parametrize("made", [property_that, sequences_that])
def test_many_examples_may_take_longer_together(made: Callable[[float], Callable[[], None]]) -> None:
    with ends_in_time(PATIENCE_S):
        made(PAUSE_S)()
    assert RECORDER.events["examples"] * PAUSE_S > PATIENCE_S


@pytest.mark.parametrize("made", [property_that, sequences_that])
def test_an_example_that_hangs_is_ended(made: Callable[[float], Callable[[], None]]) -> None:
    with pytest.raises(Inconclusive, match="did not end within"), ends_in_time(PATIENCE_S):
        made(60.0)()
    assert RECORDER.events["examples"] == 1


def test_a_check_that_hangs_is_ended() -> None:
    with pytest.raises(Inconclusive, match="did not end within"), ends_in_time(0.2):
        time.sleep(60.0)
