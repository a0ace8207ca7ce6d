"""Makes a sequence of steps that failed shorter: does it again without some of its steps, as long as it fails alike.

What no step can be left out of may still be led to by another step in place of several: a write in place of an upload
with its part and its completion.

Hypothesis makes the choices smaller from which a sequence was drawn; without a step those behind it mean something
else, so that it needs many sequences, and stops when its time is up. What it leaves is done again here step by step.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from conformance.vocabulary.finding import NonConformance

Step = tuple[str, dict[str, Any]]
"""A rule by its name, with the values that it was given."""
Again = Callable[[Sequence[Step]], NonConformance | None]
"""Does steps again: how they failed, with ``steps`` and ``evidence`` of its own, or None where they do not."""
Rules = Mapping[str, Sequence[str]]
"""The rules that a machine has, each with the names of what it is given."""
REPLACED, TRIED = 4, 8
"""How many steps at most another one takes the place of, and with how many values it is tried there."""


def shortened(failure: NonConformance, again: Again, within_s: float, rules: Rules) -> NonConformance:
    """The failure of as few requests as can be found in so many seconds; the first step, which begins, stays."""
    search = _Search(failure, again, time.monotonic() + within_s)
    for size in (8, 4, 2):
        search.leave_out(size)
    while search.leave_out(1) or search.make_less() or search.replace(rules):
        pass
    return search.failure


def told(steps: Sequence[Step]) -> str:
    """Steps as they would be called."""
    return "\n".join(
        f"state.{name}({', '.join(f'{each}={value!r}' for each, value in values.items())})" for name, values in steps
    )


class _Search:
    """What is the shortest so far."""

    def __init__(self, failure: NonConformance, again: Again, until: float) -> None:
        self.failure, self.again, self.until = failure, again, until

    @property
    def steps(self) -> list[Step]:
        """The steps that lead to it."""
        found: list[Step] = self.failure.steps  # type: ignore[attr-defined]  # the machine has it bear them
        return found

    def leave_out(self, size: int) -> bool:
        """Tries to leave out steps, so many at a time, from the end on; True where some could be."""
        before = self.failure
        start = len(self.steps) - 1 - size
        while start > 0:
            self._try([*self.steps[:start], *self.steps[start + size :]])
            start = min(start - size, len(self.steps) - 1 - size)
        return self.failure is not before

    def make_less(self) -> bool:
        """Tries to have one of the steps do less; True where one could."""
        return any(self._try(steps) for steps in _with_less(self.steps))

    def replace(self, rules: Rules) -> bool:
        """Tries to do one step in place of several; True where one could be."""
        return any(self._try(steps) for steps in _with_another(self.steps, rules))

    def _try(self, steps: list[Step]) -> bool:
        found = self.again(steps) if time.monotonic() < self.until else None
        if found is None or _size(found) >= _size(self.failure):
            return False
        self.failure = found
        return True


def _size(failure: NonConformance) -> tuple[int, int]:
    """Requests, then steps."""
    return len(failure.evidence), len(failure.steps)  # type: ignore[attr-defined]  # as above


def _with_less(steps: list[Step]) -> Iterator[list[Step]]:
    for place, (name, values) in enumerate(steps):
        for each, value in values.items():
            for less in _less(value):
                yield [*steps[:place], (name, {**values, each: less}), *steps[place + 1 :]]


def _with_another(steps: list[Step], rules: Rules) -> Iterator[list[Step]]:
    """With another step in place of several, given what steps of the sequence were given by those names."""
    others = [(name, values) for name, given in rules.items() for values in _given(steps, given)]
    for size in range(REPLACED, 1, -1):
        for start in range(1, len(steps) - size):
            for other in others:
                yield [*steps[:start], other, *steps[start + size :]]


def _given(steps: list[Step], names: Sequence[str]) -> Iterator[dict[str, Any]]:
    known = [_known([values[name] for _, values in steps if name in values]) for name in names]
    for chosen in itertools.islice(itertools.product(*known), TRIED):
        yield dict(zip(names, chosen, strict=True))


def _known(values: list[Any]) -> list[Any]:
    """Each value once, and where one is true or false both; by their looks, since some are neither hashed nor equal."""
    both = [False, True] if any(isinstance(value, bool) for value in values) else []
    return list({repr(value): value for value in [*both, *values]}.values())


def _less(value: Any) -> Iterator[Any]:
    """Lists without one of their items; of what may be done besides, that it is not."""
    if isinstance(value, list):
        for place in range(len(value)):
            yield value[:place] + value[place + 1 :]
    elif value is True:
        yield False
    elif isinstance(value, tuple):
        yield None
