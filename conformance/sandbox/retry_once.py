"""What many checks share, which one bad answer while it is made must not take from all of them."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from conformance.strategies.properties import OutOfTime
from conformance.vocabulary.finding import Inconclusive, Unreachable

P = ParamSpec("P")
T = TypeVar("T")


def at_second_try(make: Callable[P, T]) -> Callable[P, T]:
    """Makes it anew where the first try was answered otherwise than a precondition needs; both are in the evidence.

    Inconclusive where the second comes to nothing either, or at once where the target cannot be reached or the time of
    the check is up, which no second try would end.
    """

    @functools.wraps(make)
    def made(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return make(*args, **kwargs)
        except (Unreachable, OutOfTime):
            raise
        except Inconclusive:
            return make(*args, **kwargs)

    return made
