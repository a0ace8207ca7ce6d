"""Retry of shared preconditions: one bad response must not fail every check that needs them."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from conformance.strategies.properties import OutOfTime
from conformance.vocabulary.finding import Inconclusive, Unreachable

P = ParamSpec("P")
T = TypeVar("T")


def at_second_try(make: Callable[P, T]) -> Callable[P, T]:
    """Call ``make`` again if the first call is inconclusive; the evidence has both.

    An unreachable target and a check without time left are not retried.
    """

    @functools.wraps(make)
    def retried(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return make(*args, **kwargs)
        except (Unreachable, OutOfTime):
            raise
        except Inconclusive:
            return make(*args, **kwargs)

    return retried
