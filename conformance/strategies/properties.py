"""``@explores`` runs a check on many examples; ``Machine`` on many sequences of steps.

``configure`` sets the run's budget (examples, time), seed and database. Evidence starts anew with each example, so a
failing property keeps only its smallest example. Failures from different lines of a check are different findings.
"""

from __future__ import annotations

import contextlib
import functools
import os
import signal
import sys
import time
import traceback
import unittest
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import hypothesis
from hypothesis import HealthCheck, Phase, settings, stateful
from hypothesis import strategies as st
from hypothesis.configuration import set_hypothesis_home_dir
from hypothesis.database import DirectoryBasedExampleDatabase
from hypothesis.errors import Flaky
from hypothesis.internal.conjecture import engine
from hypothesis.stateful import RuleBasedStateMachine, get_state_machine_test
from hypothesis.strategies import SearchStrategy

from conformance.evidence.recorder import RECORDER
from conformance.strategies.shrinking import Step, described, shortened
from conformance.vocabulary.finding import Inconclusive, NonConformance

Check = Callable[..., None]
LONGEST_SHRINK_S = 20
PATIENCE_S = 120.0
"""The most seconds of a check, or of each example of a property."""
_EXPLORED: list[tuple[Any, float]] = []
"""The decorated checks, with their shares of the budget."""
_CLASSES: dict[tuple[str, str], type[NonConformance]] = {}
BEFORE_EXAMPLES: list[Callable[[], None]] = []
"""Calls before each example of a property, whose exchanges are no evidence."""
LEFT_OUT = "examples left out, since the run's time for them was up"


class OutOfTime(Inconclusive, unittest.SkipTest):
    """A check, or an example, exceeds its time. As a SkipTest it ends a property at once, without shrinking."""


class _Budget:
    """The end of the run's time for properties (seconds since the epoch), and the most seconds of shrinking."""

    until: float | None = None
    shrink_s: float = LONGEST_SHRINK_S

    @classmethod
    def spent(cls) -> bool:
        # A failure is searched to its end: half a search shows nothing.
        return cls.until is not None and time.time() > cls.until and not RECORDER.explored_failure


def explores(
    share: float = 1.0, *written: Mapping[str, Any], **strategies: SearchStrategy[Any]
) -> Callable[[Check], Check]:
    """Run a check once for each written example, then for examples of the strategies (keyword arguments).

    ``share`` is its share of the run's budget: less than 1 for a check with many requests per example.
    """

    def decorate(check: Check) -> Check:
        @functools.wraps(check)
        def one_example(*arguments: Any, **keywords: Any) -> None:
            if _Budget.spent():
                RECORDER.event(LEFT_OUT)
                return
            _begin_example()
            try:
                check(*arguments, **keywords)
            except Exception as failure:
                attach_evidence(failure, strategies)
                raise
            finally:
                RECORDER.count_answers()

        explored: Any = hypothesis.given(**strategies)(one_example)
        # Otherwise hypothesis stores no examples when a seed is set.
        explored._hypothesis_internal_database_key = f"{check.__module__}.{check.__qualname__}".encode()
        for each in reversed(written):
            explored = hypothesis.example(**each)(explored)
        _EXPLORED.append((explored, share))
        _use_settings(explored, share)
        decorated: Check = explored
        return decorated

    return decorate


def _begin_example() -> None:
    recorded = RECORDER.recorded_from(0)
    for each in BEFORE_EXAMPLES:
        each()
    if len(RECORDER) > len(recorded):
        RECORDER.begin()
        RECORDER.reuse(recorded)
    RECORDER.begin_example()
    RECORDER.event("examples")
    # The time limit applies to each example.
    if signal.getitimer(signal.ITIMER_REAL)[0]:
        signal.setitimer(signal.ITIMER_REAL, PATIENCE_S)


def _use_settings(explored: Any, share: float) -> None:
    # Not as a decorator, because the budget may only be known after collection.
    explored._hypothesis_internal_use_settings = settings(max_examples=examples(share))


def rule(**strategies: SearchStrategy[Any]) -> Callable[[Check], Check]:
    """A rule of a machine, whose arguments are recorded so that the step can be repeated."""
    decorator: Any = stateful.rule
    return lambda function: decorator(**strategies)(_as_step(function))


def initialize(**strategies: SearchStrategy[Any]) -> Callable[[Check], Check]:
    """The first rule of a machine."""
    decorator: Any = stateful.initialize
    return lambda function: decorator(**strategies)(_as_step(function))


def _as_step(function: Check) -> Check:
    @functools.wraps(function)
    def step(machine: Machine, *arguments: Any, **values: Any) -> None:
        # A rule that another rule calls is no separate step.
        outermost, machine.inside = not machine.inside, True
        if outermost:
            machine.kept_steps.append((function.__name__, values))
        try:
            function(machine, *arguments, **values)
        finally:
            machine.inside = not outermost

    return step


class _LatestFailure:
    """The latest failure of the current machine."""

    failure: NonConformance | None = None


class _EveryRule:
    """Replaces hypothesis's choice of the rules for an example."""

    @staticmethod
    def is_enabled(name: str) -> bool:
        """Return True for every rule."""
        return bool(name)


class Machine(RuleBasedStateMachine):
    """A state machine whose sequences are examples; ``clean_up`` is always called at the end."""

    def __init__(self) -> None:
        super().__init__()
        self.kept_steps: list[Step] = []
        self.inside = False
        # Hypothesis disables some rules in each example, which only suits thousands of examples. There is no public
        # setting for it.
        every: Any = st.just(_EveryRule())
        self._rules_strategy.enabled_rules_strategy = every
        _begin_example()

    @classmethod
    def again(cls, steps: Sequence[Step]) -> NonConformance | None:
        """Repeat steps with a new machine; return their failure, or None if they pass or are not allowed."""
        machine = cls()
        allowed = {each.function.__name__: each.preconditions for each in machine.rules}
        try:
            for name, values in steps:
                if not all(holds(machine) for holds in allowed.get(name, ())):
                    break
                getattr(machine, name)(**values)
        except Exception as failure:
            machine.teardown()
            return failure if isinstance(failure, NonConformance) else None
        machine.teardown()
        return None

    def clean_up(self) -> None:
        """Remove what the sequence left."""

    def teardown(self) -> None:
        """Store the evidence of a failure before the clean-up adds to it."""
        failure = sys.exception()
        if isinstance(failure, Exception):
            attach_evidence(failure)
            failure.steps = list(self.kept_steps)  # type: ignore[attr-defined]
            failure.rules = {each.function.__name__: tuple(each.arguments) for each in self.rules}  # type: ignore[attr-defined]
            _LatestFailure.failure = failure if isinstance(failure, NonConformance) else _LatestFailure.failure
        RECORDER.count_answers()
        self.clean_up()


class _NoSteps(RuleBasedStateMachine):
    """Replaces a machine after the time limit."""

    @stateful.rule()
    def leave_out(self) -> None:
        """Do nothing."""


def run_machine(machine: type[Machine], share: float, steps: int) -> None:
    """Run sequences of up to ``steps`` rules of a machine, for a share of the run's examples."""

    def new_machine() -> Any:
        if _Budget.spent():
            RECORDER.event(LEFT_OUT)
            return _NoSteps()
        return machine()

    budget = settings(stateful_step_count=steps, max_examples=examples(share))
    test: Any = get_state_machine_test(new_machine, settings=budget)  # type: ignore[arg-type]  # a factory works too
    test._hypothesis_internal_database_key = machine.__name__.encode()
    _LatestFailure.failure = None
    failed: Exception
    try:
        test()
        return
    except Flaky as flaky:
        # The target responded differently when hypothesis repeated the example, but the failure is real.
        if isinstance(flaky, ExceptionGroup) or _LatestFailure.failure is None:
            raise
        _LatestFailure.failure.add_note("The same requests were answered otherwise when they were sent again.")
        raise _LatestFailure.failure from None
    except (NonConformance, ExceptionGroup) as found:
        failed = found
    # Outside the except clause, because machines read the current exception at teardown.
    if Phase.shrink in settings().phases:
        failed = _shortest(failed, machine, time.monotonic() + _Budget.shrink_s)
    raise failed


def _shortest(failed: Exception, machine: type[Machine], until: float) -> Exception:
    """Return the failure, or each of a group, with the fewest steps."""
    if isinstance(failed, ExceptionGroup):
        return failed.derive([_shortest(each, machine, until) for each in failed.exceptions])
    if not isinstance(failed, NonConformance) or not getattr(failed, "steps", ()):
        return failed

    def again(steps: Sequence[Step]) -> NonConformance | None:
        found = machine.again(steps)
        return found if type(found) is type(failed) else None

    found = shortened(failed, again, until - time.monotonic(), failed.rules)  # type: ignore[attr-defined]
    if found is not failed:
        found.add_note(described(found.steps))  # type: ignore[attr-defined]
    return found


def attach_evidence(failure: Exception, tried: Iterable[str] = ()) -> None:
    """Attach to a failure its evidence and the names of its inputs.

    Failures of different places get different classes, so that hypothesis finds the smallest example of each.
    """
    RECORDER.explored_failure = True
    failure.evidence = list(RECORDER.entries)  # type: ignore[attr-defined]
    failure.tried = tuple(tried)  # type: ignore[attr-defined]
    if isinstance(failure, NonConformance):
        failure.__class__ = _class_for(type(failure), _place(failure))


def _place(failure: Exception) -> str:
    """Return the last line of the suites in the traceback of a failure."""
    frames = traceback.extract_tb(failure.__traceback__)
    inside = [f"{frame.filename}:{frame.lineno}" for frame in frames if "suites" in Path(frame.filename).parts]
    return inside[-1] if inside else ""


def _class_for(kind: type[NonConformance], place: str) -> type[NonConformance]:
    """Return a class per place: hypothesis distinguishes failures by class and raising line, often an oracle's."""
    if "place" in kind.__dict__:
        return kind
    return _CLASSES.setdefault((kind.__name__, place), type(kind.__name__, (kind,), {"place": place}))


def examples(share: float) -> int:
    """Return a share of the run's examples per property; at least one."""
    return max(1, round(settings().max_examples * share))


def _move_unicode_cache() -> None:
    """Store hypothesis's Unicode tables in the user's cache, not in the current folder."""
    with contextlib.suppress(RuntimeError):  # no home folder
        caches = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
        if "HYPOTHESIS_STORAGE_DIRECTORY" not in os.environ:
            set_hypothesis_home_dir(caches / "nextepoch-conformance")


def configure(
    examples: int,
    seed: int,
    database: Path | None = None,
    until: float | None = None,
    shrink_s: float = LONGEST_SHRINK_S,
) -> None:
    """Set the number of examples of each property, and the seed; 0 examples run only the explicit ones.

    With a database folder, earlier failures are tried first; without one a run depends only on its seed. ``until`` ends
    the time for properties (seconds since the epoch). ``shrink_s`` is the most seconds of shrinking, which costs
    requests; 0 disables it.
    """
    _move_unicode_cache()
    phases = [Phase.explicit, Phase.reuse, Phase.generate, *([Phase.shrink] if shrink_s else [])]
    settings.register_profile(
        "conformance",
        max_examples=max(examples, 1),
        deadline=None,
        derandomize=False,
        database=DirectoryBasedExampleDatabase(str(database)) if database else None,
        phases=phases if examples else [Phase.explicit],
        print_blob=False,
        suppress_health_check=[
            HealthCheck.too_slow,
            HealthCheck.filter_too_much,
            HealthCheck.data_too_large,
            # All examples share a check's preparation on purpose.
            HealthCheck.function_scoped_fixture,
        ],
    )
    settings.load_profile("conformance")
    for explored, share in _EXPLORED:
        _use_settings(explored, share)
    _Budget.until, _Budget.shrink_s = until, shrink_s
    # As hypothesis's pytest plugin does for --hypothesis-seed; there is no public setting.
    hypothesis.core.global_force_seed = seed  # type: ignore[assignment]
    # Hypothesis's limit is five minutes.
    engine.MAX_SHRINKING_SECONDS = shrink_s  # type: ignore[assignment]
