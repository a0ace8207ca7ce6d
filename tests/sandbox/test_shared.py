"""A shared preparation is tried twice at most."""

from __future__ import annotations

import pytest

from conformance.sandbox.retry_once import at_second_try
from conformance.strategies.properties import OutOfTime
from conformance.vocabulary.finding import Inconclusive, NonConformance, NotApplicable, Unreachable


def tries(*outcomes: Exception | str) -> tuple[object, int]:
    """What came of it, and how often it was tried."""
    left = list(outcomes)

    @at_second_try
    def make(name: str) -> str:
        outcome = left.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return f"{name} {outcome}"

    try:
        found: object = make("an")
    except Exception as raised:
        found = raised
    return found, len(outcomes) - len(left)


def test_a_failed_preparation_is_repeated() -> None:
    assert tries(Inconclusive("500"), "image") == ("an image", 2)
    assert tries("image", "another") == ("an image", 1)


def test_there_is_no_third_try() -> None:
    last = Inconclusive("503")
    assert tries(Inconclusive("500"), last, "image") == (last, 2)


@pytest.mark.parametrize(
    "raised",
    [
        Unreachable("no answer"), NotApplicable("not claimed"), NonConformance("a", "b"),
        # The alarm rings once: what is tried behind it would have no end.
        OutOfTime("no end"),
    ],
)  # fmt: skip
def test_a_permanent_failure_is_not_repeated(raised: Exception) -> None:
    assert tries(raised, "image") == (raised, 1)
