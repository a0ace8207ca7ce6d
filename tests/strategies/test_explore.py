"""A property has a share of the examples, and reports each distinct failure once."""

from __future__ import annotations

import time
from collections.abc import Iterator
from unittest import SkipTest

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from conformance.evidence.recorder import RECORDER
from conformance.plugin.judging import judge
from conformance.strategies.properties import LEFT_OUT, Machine, configure, examples, explores, run_machine
from conformance.vocabulary.exchange import Exchange, Headers
from conformance.vocabulary.finding import NonConformance


@pytest.fixture(autouse=True)
def run() -> Iterator[None]:
    """A run's settings, and those from before it afterwards."""
    before = settings.get_current_profile_name()
    configure(25, 1)
    RECORDER.begin_check()
    yield
    configure(25, 1)
    settings.load_profile(before)
    RECORDER.begin_check()


def sent(target: str, status: int = 200) -> Exchange:
    """Records an exchange."""
    made = Exchange(
        RECORDER.next_id(), "GET", f"http://x{target}", Headers(), b"", status, Headers(), b"", time.time(), 0.0
    )
    RECORDER.exchange(made)
    return made


def expect(holds: bool, what: str) -> None:
    """An oracle: the same line raises for every check."""
    if not holds:
        raise NonConformance(what, "not so")


def test_a_costly_property_tries_fewer() -> None:
    tried = []

    @explores(0.1, number=st.integers())
    def check(number: int) -> None:
        tried.append(number)

    check()

    assert 0 < len(tried) <= examples(0.1)


def test_a_seed_draws_the_same_examples_again() -> None:
    drawn: list[list[int]] = []

    def check(number: int) -> None:
        drawn[-1].append(number)

    for seed in (7, 7, 8):
        drawn.append([])
        configure(25, seed)
        explores(number=st.integers())(check)()
    assert drawn[0] == drawn[1] != drawn[2]


def test_without_a_budget_only_written_examples_are_tried() -> None:
    tried: list[int] = []

    def check(number: int) -> None:
        tried.append(number)

    configure(0, 1)
    explores(1.0, {"number": 5}, number=st.integers())(check)()
    with pytest.raises(SkipTest) as left_out:
        explores(number=st.integers())(check)()
    assert judge(left_out.value, RECORDER).reason.startswith("--explore 0 runs no generated examples")
    assert tried == [5]


def place_of_suites(check: object, folder: str = "suites") -> None:
    """Has the functions of this file count as lines of a check."""
    code = check.__code__  # type: ignore[attr-defined]
    check.__code__ = code.replace(co_filename=f"/{folder}/test_x.py")  # type: ignore[attr-defined]


def test_each_distinct_failure_is_a_finding_with_an_example() -> None:
    def check(number: int) -> None:
        sent(f"/{number}")
        expect(number != 7, "not seven")
        expect(number < 1000, "small")

    place_of_suites(check)
    with pytest.raises(BaseException) as raised:
        explores(number=st.integers(0, 5000) | st.just(7))(check)()
    judged = judge(raised.value, RECORDER)

    assert sorted(each["expected"] for each in judged.findings) == ["not seven", "small"]
    urls = {entry["id"]: entry["url"] for entry in RECORDER.entries}
    assert sorted(urls[each["sequence"][0]] for each in judged.findings) == ["http://x/1000", "http://x/7"]


def test_the_preparation_belongs_to_every_example() -> None:
    sent("/prepared")

    @explores(number=st.integers(0, 9))
    def check(number: int) -> None:
        sent("/example")
        expect(number < 5, "small")

    with pytest.raises(NonConformance) as raised:
        check()
    judge(raised.value, RECORDER)

    assert [entry["url"] for entry in RECORDER.entries] == ["http://x/prepared", "http://x/example"]


class Counting(Machine):
    """Fails at the third step."""

    steps = 0

    @rule()
    def step(self) -> None:
        self.steps += 1
        sent(f"/{self.steps}")
        expect(self.steps < 3, "two steps at most")

    def clean_up(self) -> None:
        sent("/clean-up")


def test_a_sequence_is_reported_without_its_clean_up() -> None:
    with pytest.raises(NonConformance) as raised:
        run_machine(Counting, 1.0, 10)
    finding = judge(raised.value, RECORDER).findings[0]

    assert [entry["url"] for entry in RECORDER.entries] == ["http://x/1", "http://x/2", "http://x/3"]
    assert len(finding["sequence"]) == 3


class Moody(Counting):
    """Fails at the third step, and allows none the next time: the target answers otherwise."""

    begun = 0

    def __init__(self) -> None:
        super().__init__()
        Moody.begun += 1

    @precondition(lambda self: self.begun < 2)
    @rule()
    def step(self) -> None:
        super().step()

    @rule(number=st.integers())
    def nothing(self, number: int) -> None:
        """Is always allowed."""


def test_a_failure_that_cannot_be_repeated_is_reported() -> None:
    with pytest.raises(NonConformance) as raised:
        run_machine(Moody, 1.0, 10)
    finding = judge(raised.value, RECORDER).findings[0]

    assert "/3" in RECORDER.entries[-1]["url"] and len(finding["sequence"]) == 3
    assert "answered otherwise when they were sent again" in finding["hint"]


def test_no_sequence_when_the_time_is_up() -> None:
    configure(25, 1, until=time.time() - 1)
    run_machine(Counting, 1.0, 10)
    assert not RECORDER.entries and RECORDER.events[LEFT_OUT]


def test_equal_failures_of_written_examples_are_one_finding() -> None:
    def check(number: int) -> None:
        sent(f"/{number}")
        expect(number > 2, "large")
        expect(number != 5, "not five")

    place_of_suites(check)
    written = [{"number": number} for number in (1, 2, 5)]
    with pytest.raises(BaseException) as raised:
        explores(1.0, *written, number=st.just(9))(check)()
    judged = judge(raised.value, RECORDER)

    assert [each["expected"] for each in judged.findings] == ["large", "not five"]
