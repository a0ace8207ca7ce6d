"""A failing sequence of a state machine is reported with as few steps as possible."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import precondition

from conformance.evidence.recorder import RECORDER
from conformance.plugin.judging import judge
from conformance.strategies.properties import Machine, configure, initialize, rule, run_machine
from conformance.strategies.shrinking import Step, shortened
from conformance.vocabulary.finding import NonConformance


class Failure(NonConformance):
    """One that bears its steps, as a machine has it do."""

    def __init__(self, steps: list[Step]) -> None:
        super().__init__("nothing", "something")
        self.steps = steps
        # A request for each step and for each thing that one does besides.
        self.evidence = [each for _, values in steps for each in [1, *values.get("besides", [])]]


def again(steps: list[Step]) -> Failure | None:
    """Fails where an "open" comes before the last "write"."""
    names = [name for name, _ in steps]
    return Failure(steps) if "open" in names[: -1 - names[::-1].index("write")] else None


def test_irrelevant_steps_are_removed() -> None:
    steps: list[Step] = [("begin", {}), *[("read", {})] * 9, ("open", {}), *[("read", {})] * 5, ("write", {})]
    found = shortened(Failure(steps), again, 5.0, {})  # type: ignore[arg-type]

    assert [name for name, _ in found.steps] == ["begin", "open", "write"]  # type: ignore[attr-defined]


def test_irrelevant_parts_of_a_step_are_removed() -> None:
    steps: list[Step] = [("begin", {"besides": [1, 2]}), ("open", {"besides": [3]}), ("write", {})]
    found = shortened(Failure(steps), again, 5.0, {})  # type: ignore[arg-type]

    assert found.steps == [("begin", {"besides": []}), ("open", {"besides": []}), ("write", {})]  # type: ignore[attr-defined]


def test_one_step_replaces_several() -> None:
    def fails(steps: list[Step]) -> Failure | None:
        """Fails where something was stored, in one step or by an upload, before the last step."""
        done = [name for name, _ in steps[:-1]]
        return Failure(steps) if ("put", {"key": "a"}) in steps[:-1] or {"open", "complete"} <= {*done} else None

    steps: list[Step] = [("begin", {}), ("open", {"key": "a"}), ("complete", {}), ("read", {"key": "b"})]
    rules = {"list": ["prefix"], "put": ["key"]}
    found = shortened(Failure(steps), fails, 5.0, rules)  # type: ignore[arg-type]

    assert found.steps == [("begin", {}), ("put", {"key": "a"}), ("read", {"key": "b"})]  # type: ignore[attr-defined]


@pytest.fixture
def run() -> Iterator[None]:
    """A run's settings, without shrinking by hypothesis's own time; those from before it afterwards."""
    before = settings.get_current_profile_name()
    RECORDER.begin_check()
    yield
    configure(25, 1)
    settings.load_profile(before)
    RECORDER.begin_check()


class Door(Machine):
    """Fails where it is knocked at after it was opened; nobody knocks at one that is not there."""

    @initialize()
    def begin(self) -> None:
        self.is_open, self.there = False, False

    @rule()
    def build(self) -> None:
        self.there = True

    @precondition(lambda self: self.there)
    @rule(twice=st.booleans())
    def open(self, twice: bool) -> None:
        self.is_open = True
        if twice:
            self.open(False)

    @precondition(lambda self: self.there)
    @rule()
    def knock(self) -> None:
        if self.is_open:
            raise NonConformance("nobody", "somebody")

    @rule(number=st.integers())
    def wait(self, number: int) -> None:
        """Matters to nobody."""


def test_steps_are_repeated_only_if_their_preconditions_are_met() -> None:
    assert Door.again([("begin", {}), ("open", {"twice": False}), ("knock", {})]) is None
    steps: list[Step] = [
        ("begin", {}),
        ("build", {}),
        ("open", {"twice": True}),
        ("wait", {"number": 1}),
        ("knock", {}),
    ]
    found = Door.again(steps)
    assert isinstance(found, NonConformance)
    # A rule that another one calls is no step of its own.
    assert found.steps == steps  # type: ignore[attr-defined]


@pytest.mark.usefixtures("run")
def test_the_shortest_sequence_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    from hypothesis.internal.conjecture import engine

    configure(200, 3)
    # Hypothesis has no time for it at all.
    monkeypatch.setattr(engine, "MAX_SHRINKING_SECONDS", 0)
    with pytest.raises(NonConformance) as raised:
        run_machine(Door, 1.0, 30)

    assert [name for name, _ in raised.value.steps] == ["begin", "build", "open", "knock"]  # type: ignore[attr-defined]
    assert "state.build()\nstate.open(" in judge(raised.value, RECORDER).findings[0]["hint"]


@pytest.mark.usefixtures("run")
@pytest.mark.parametrize("shrink_s", [0, 1e-9])
def test_without_time_nothing_is_shortened(shrink_s: float) -> None:
    configure(200, 3, shrink_s=shrink_s)
    begun: list[int] = []

    class Counted(Door):
        def __init__(self) -> None:
            super().__init__()
            begun.append(1)

    with pytest.raises(NonConformance) as raised:
        run_machine(Counted, 1.0, 30)
    assert len(raised.value.steps) > 4 and len(begun) <= 202  # type: ignore[attr-defined]


@pytest.mark.usefixtures("run")
def test_every_example_may_use_every_rule() -> None:
    examples: list[set[str]] = []

    class Many(Machine):
        """Rules that are always allowed."""

        @initialize()
        def begin(self) -> None:
            examples.append(set())

        @rule()
        def one(self) -> None:
            examples[-1].add("one")

        @rule()
        def other(self) -> None:
            examples[-1].add("other")

    configure(20, 1)
    run_machine(Many, 1.0, 30)
    # But the first, which is the simplest there is, and what is made from it.
    assert sum(each == {"one", "other"} for each in examples) > len(examples) // 2
