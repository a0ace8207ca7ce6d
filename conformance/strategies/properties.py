"""``@explores``: a check that is tried on many examples; ``Machine``: one that is tried on many sequences.

The budget (examples, time), the seed and the database are the run's; ``configure`` sets them. Evidence begins anew
with each example, so that what a failing property leaves is its smallest example alone. Failures that come from
different places of a check are different findings, each with its own smallest example.
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
from conformance.strategies.shrinking import Step, shortened, told
from conformance.vocabulary.finding import Inconclusive, NonConformance

Check = Callable[..., None]
LONGEST_SHRINK_S = 20
PATIENCE_S = 120.0
"""How long a check may take, and of a property each example."""
_EXPLORED: list[tuple[Any, float]] = []
"""What has been decorated, with its share of the budget."""
_CLASSES: dict[tuple[str, str], type[NonConformance]] = {}
BETWEEN: list[Callable[[], None]] = []
"""What is done before each example of a property, and is evidence of none of them."""
LEFT_OUT = "examples left out, since the run's time for them was up"


class OutOfTime(Inconclusive, unittest.SkipTest):
    """A check, or an example, does not end in its time; as what skips a test it ends a property at once: what hangs is
    not made smaller by hanging again."""


class _Budget:
    """When the run's time for properties ends, in seconds since the epoch; how long what failed may take more."""

    until: float | None = None
    shrink_s: float = LONGEST_SHRINK_S

    @classmethod
    def spent(cls) -> bool:
        # What has failed is tried to its end: half a search would tell nothing.
        return cls.until is not None and time.time() > cls.until and not RECORDER.explored_failure


def explores(
    share: float = 1.0, *written: Mapping[str, Any], **strategies: SearchStrategy[Any]
) -> Callable[[Check], Check]:
    """Runs the check once for each written example, then for examples of the strategies, given as keyword arguments.

    ``share`` is how much of the run's budget it takes: less than 1 for a check of many requests an example.
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
                keep(failure, strategies)
                raise
            finally:
                RECORDER.count_answers()

        explored: Any = hypothesis.given(**strategies)(one_example)
        # A seed of the run's would else have hypothesis keep nothing.
        explored._hypothesis_internal_database_key = f"{check.__module__}.{check.__qualname__}".encode()
        for each in reversed(written):
            explored = hypothesis.example(**each)(explored)
        _EXPLORED.append((explored, share))
        _use_settings(explored, share)
        made: Check = explored
        return made

    return decorate


def _begin_example() -> None:
    kept = RECORDER.kept_from(0)
    for each in BETWEEN:
        each()
    if len(RECORDER) > len(kept):
        RECORDER.begin()
        RECORDER.keep_again(kept)
    RECORDER.begin_example()
    RECORDER.event("examples")
    # Where a check's time is measured, it begins anew: that many are asked for says nothing of the target.
    if signal.getitimer(signal.ITIMER_REAL)[0]:
        signal.setitimer(signal.ITIMER_REAL, PATIENCE_S)


def _use_settings(explored: Any, share: float) -> None:
    # Not as a decorator: what is collected before the run's budget is known is told it later.
    explored._hypothesis_internal_use_settings = settings(max_examples=examples(share))


def rule(**strategies: SearchStrategy[Any]) -> Callable[[Check], Check]:
    """A rule of a machine; what it is given is kept, so that it can be done again as a step by itself."""
    made: Any = stateful.rule
    return lambda function: made(**strategies)(_as_step(function))


def initialize(**strategies: SearchStrategy[Any]) -> Callable[[Check], Check]:
    """The rule that a machine begins with."""
    made: Any = stateful.initialize
    return lambda function: made(**strategies)(_as_step(function))


def _as_step(function: Check) -> Check:
    @functools.wraps(function)
    def step(machine: Machine, *given: Any, **values: Any) -> None:
        # A rule that another one calls is no step of its own.
        outermost, machine.inside = not machine.inside, True
        if outermost:
            machine.kept_steps.append((function.__name__, values))
        try:
            function(machine, *given, **values)
        finally:
            machine.inside = not outermost

    return step


class _Kept:
    """What the machine that runs found last."""

    failure: NonConformance | None = None


class _EveryRule:
    """In place of hypothesis's choice of the rules that an example may use."""

    @staticmethod
    def is_enabled(name: str) -> bool:
        """Each may be used."""
        return bool(name)


class Machine(RuleBasedStateMachine):
    """A state machine whose every sequence is an example: ``clean_up`` is called at its end, however it ended."""

    def __init__(self) -> None:
        super().__init__()
        self.kept_steps: list[Step] = []
        self.inside = False
        # Hypothesis leaves out some of the rules in each example, which is for thousands of them: of twenty, many were
        # one reading rule again and again. There is no other way in.
        every: Any = st.just(_EveryRule())
        self._rules_strategy.enabled_rules_strategy = every
        _begin_example()

    @classmethod
    def again(cls, steps: Sequence[Step]) -> NonConformance | None:
        """Does steps again with a machine of its own: how they failed, None where they do not or are not allowed."""
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
        """Removes what the sequence left."""

    def teardown(self) -> None:
        """Keeps the evidence of a failure before the clean-up adds to it."""
        failure = sys.exception()
        if isinstance(failure, Exception):
            keep(failure)
            failure.steps = list(self.kept_steps)  # type: ignore[attr-defined]
            failure.rules = {each.function.__name__: tuple(each.arguments) for each in self.rules}  # type: ignore[attr-defined]
            _Kept.failure = failure if isinstance(failure, NonConformance) else _Kept.failure
        RECORDER.count_answers()
        self.clean_up()


class _NoSteps(RuleBasedStateMachine):
    """In place of a machine when the time is up."""

    @stateful.rule()
    def leave_out(self) -> None:
        """Does nothing."""


def run_machine(machine: type[Machine], share: float, steps: int) -> None:
    """Tries sequences of a machine's rules, ``steps`` of them at most, for a share of the run's examples."""

    def begun() -> Any:
        if _Budget.spent():
            RECORDER.event(LEFT_OUT)
            return _NoSteps()
        return machine()

    budget = settings(stateful_step_count=steps, max_examples=examples(share))
    test: Any = get_state_machine_test(begun, settings=budget)  # type: ignore[arg-type]  # any maker of machines will do
    test._hypothesis_internal_database_key = machine.__name__.encode()
    _Kept.failure = None
    failed: Exception
    try:
        test()
        return
    except Flaky as flaky:
        # Hypothesis cannot make it smaller where the target answers otherwise the next time; it happened all the same.
        if isinstance(flaky, ExceptionGroup) or _Kept.failure is None:
            raise
        _Kept.failure.add_note("The same requests were answered otherwise when they were sent again.")
        raise _Kept.failure from None
    except (NonConformance, ExceptionGroup) as found:
        failed = found
    # Not inside of what handles the failure: machines look at what is being handled when they are taken down.
    if Phase.shrink in settings().phases:
        failed = _shortest(failed, machine, time.monotonic() + _Budget.shrink_s)
    raise failed


def _shortest(failed: Exception, machine: type[Machine], until: float) -> Exception:
    """A failure, or each of a group, of the fewest steps."""
    if isinstance(failed, ExceptionGroup):
        return failed.derive([_shortest(each, machine, until) for each in failed.exceptions])
    if not isinstance(failed, NonConformance) or not getattr(failed, "steps", ()):
        return failed

    def again(steps: Sequence[Step]) -> NonConformance | None:
        found = machine.again(steps)
        return found if type(found) is type(failed) else None

    found = shortened(failed, again, until - time.monotonic(), failed.rules)  # type: ignore[attr-defined]
    if found is not failed:
        found.add_note(told(found.steps))  # type: ignore[attr-defined]
    return found


def keep(failure: Exception, tried: Iterable[str] = ()) -> None:
    """Has a failure bear its evidence and the names of what was tried; those of different places become different.

    Different for hypothesis, which looks for the smallest example of each.
    """
    RECORDER.explored_failure = True
    failure.evidence = list(RECORDER.entries)  # type: ignore[attr-defined]
    failure.tried = tuple(tried)  # type: ignore[attr-defined]
    if isinstance(failure, NonConformance):
        failure.__class__ = _class_for(type(failure), _place(failure))


def _place(failure: Exception) -> str:
    """Where in a check a failure came from: the last line of the suites that led to it."""
    frames = traceback.extract_tb(failure.__traceback__)
    inside = [f"{frame.filename}:{frame.lineno}" for frame in frames if "suites" in Path(frame.filename).parts]
    return inside[-1] if inside else ""


def _class_for(kind: type[NonConformance], place: str) -> type[NonConformance]:
    """Hypothesis tells failures apart by their class and the line that raised, which is an oracle's for many."""
    if "place" in kind.__dict__:
        return kind
    return _CLASSES.setdefault((kind.__name__, place), type(kind.__name__, (kind,), {"place": place}))


def examples(share: float) -> int:
    """A share of the examples that the run's budget allows a property; one at least."""
    return max(1, round(settings().max_examples * share))


def _move_unicode_cache() -> None:
    """What Hypothesis keeps of Unicode for the next run lies among the user's caches, not where one stands."""
    with contextlib.suppress(RuntimeError):  # nobody's home is known
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
    """Sets how many examples each property tries and from which seed; 0 examples: the explicit ones alone.

    With a database folder what failed once is tried first; without one a run depends on its seed alone. ``until`` is
    when the time for properties is up (seconds since the epoch). ``shrink_s`` is for how many seconds at most a failing
    example is made smaller, which costs requests; 0: not at all.
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
            # What a check prepares once stays for all of its examples, on purpose.
            HealthCheck.function_scoped_fixture,
        ],
    )
    settings.load_profile("conformance")
    for explored, share in _EXPLORED:
        _use_settings(explored, share)
    _Budget.until, _Budget.shrink_s = until, shrink_s
    # What hypothesis's own pytest plugin does for --hypothesis-seed; there is no other way in.
    hypothesis.core.global_force_seed = seed  # type: ignore[assignment]
    # Hypothesis's own limit is five minutes.
    engine.MAX_SHRINKING_SECONDS = shrink_s  # type: ignore[assignment]
