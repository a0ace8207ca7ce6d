"""A property takes its share of the run's budget, and one example at least."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st

from conformance.strategies.explore import examples, explores


@pytest.mark.parametrize("share", [1.0, 0.5, 0.3])
def test_examples_are_a_share_of_the_budget(share: float) -> None:
    assert examples(share) == round(settings().max_examples * share)


def test_one_example_at_least() -> None:
    assert examples(0.0001) == 1


def test_a_costly_property_tries_fewer() -> None:
    tried = []

    @explores(0.1, number=st.integers())
    def check(number: int) -> None:
        tried.append(number)

    check()

    assert 0 < len(tried) <= examples(0.1)
