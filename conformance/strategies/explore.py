"""``@explores``: a check that is tried on many examples.

The budget (``--explore``), the seed and the database are the run's; ``configure`` sets them. Evidence begins
anew with each example, so that what a failing property leaves is its smallest example alone.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hypothesis
from hypothesis import HealthCheck, Phase, settings
from hypothesis.database import DirectoryBasedExampleDatabase
from hypothesis.strategies import SearchStrategy

from conformance.evidence.recorder import RECORDER

Check = Callable[..., None]


def explores(share: float = 1.0, **strategies: SearchStrategy[Any]) -> Callable[[Check], Check]:
    """Runs the check once for each example of the strategies, which are given as keyword arguments.

    ``share`` is how much of the run's budget it takes: less than 1 for a check of many requests an example.
    """

    def decorate(check: Check) -> Check:
        @functools.wraps(check)
        def one_example(*arguments: Any, **keywords: Any) -> None:
            RECORDER.begin()
            RECORDER.event("examples")
            check(*arguments, **keywords)

        explored: Check = hypothesis.given(**strategies)(one_example)
        return explored if share == 1.0 else settings(max_examples=examples(share))(explored)

    return decorate


def examples(share: float) -> int:
    """A share of the examples that the run's budget allows a property; one at least."""
    return max(1, round(settings().max_examples * share))


def configure(examples: int, seed: int, database: Path | None = None) -> None:
    """Sets how many examples a property tries and from which seed; 0 examples: the explicit ones alone.

    With a database folder what failed once is tried first; without one a run depends on its seed alone.
    """
    phases = [Phase.explicit] if not examples else [Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink]
    settings.register_profile(
        "conformance",
        max_examples=max(examples, 1),
        deadline=None,
        derandomize=False,
        database=DirectoryBasedExampleDatabase(str(database)) if database else None,
        phases=phases,
        print_blob=False,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
    )
    settings.load_profile("conformance")
    # What hypothesis's own pytest plugin does for --hypothesis-seed; there is no other way in.
    hypothesis.core.global_force_seed = seed  # type: ignore[assignment]
