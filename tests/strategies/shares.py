"""How often a strategy gives which outcome, over many examples of one seed."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

from hypothesis import given, seed, settings
from hypothesis.strategies import SearchStrategy


def shares(strategy: SearchStrategy[Any], examples: int = 400) -> dict[str, float]:
    """The share of each outcome among the changes (or mutations) that a strategy draws."""
    outcomes: Counter[str] = Counter()

    @seed(1)
    @settings(max_examples=examples, deadline=None, database=None)
    @given(strategy)
    def draw(change: Any) -> None:
        outcomes[change.outcome] += 1

    draw()
    return defaultdict(float, {outcome: count / outcomes.total() for outcome, count in outcomes.items()})
