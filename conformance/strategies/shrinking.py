"""Shortens a failing sequence of steps: repeats it without some steps as long as it fails alike.

Then it replaces several steps by one: a write instead of an upload with its part and its completion.

Hypothesis shrinks the choices from which a sequence was drawn. Removing a step changes the meaning of later choices,
so hypothesis needs many sequences and may run out of time. This module continues step by step.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from conformance.vocabulary.finding import NonConformance

Step = tuple[str, dict[str, Any]]
"""The name of a rule, and its arguments."""
Again = Callable[[Sequence[Step]], NonConformance | None]
"""Repeats steps: returns their failure, with ``steps`` and ``evidence``, or None."""
Rules = Mapping[str, Sequence[str]]
"""The rules of a machine with the names of their parameters."""
REPLACED, TRIED = 4, 8
"""The most steps that one step replaces, and the most argument sets to try."""


def shortened(failure: NonConformance, again: Again, within_s: float, rules: Rules) -> NonConformance:
    """Return the failure with the fewest requests found within the time; the first step always stays."""
    search = _Search(failure, again, time.monotonic() + within_s)
    for size in (8, 4, 2):
        search.leave_out(size)
    while search.leave_out(1) or search.simplify() or search.replace(rules):
        pass
    return search.failure


def described(steps: Sequence[Step]) -> str:
    """Return steps as calls, a line each."""
    return "\n".join(
        f"state.{name}({', '.join(f'{each}={value!r}' for each, value in values.items())})" for name, values in steps
    )


class _Search:
    """The shortest failure so far."""

    def __init__(self, failure: NonConformance, again: Again, until: float) -> None:
        self.failure, self.again, self.until = failure, again, until

    @property
    def steps(self) -> list[Step]:
        """The steps of the failure."""
        found: list[Step] = self.failure.steps  # type: ignore[attr-defined]  # set by the machine
        return found

    def leave_out(self, size: int) -> bool:
        """Try to leave out ``size`` steps at a time, from the end; return whether it succeeded."""
        before = self.failure
        start = len(self.steps) - 1 - size
        while start > 0:
            self._try([*self.steps[:start], *self.steps[start + size :]])
            start = min(start - size, len(self.steps) - 1 - size)
        return self.failure is not before

    def simplify(self) -> bool:
        """Try to simplify an argument of a step; return whether it succeeded."""
        return any(self._try(steps) for steps in _simplified(self.steps))

    def replace(self, rules: Rules) -> bool:
        """Try to replace several steps by one; return whether it succeeded."""
        return any(self._try(steps) for steps in _replaced(self.steps, rules))

    def _try(self, steps: list[Step]) -> bool:
        found = self.again(steps) if time.monotonic() < self.until else None
        if found is None or _size(found) >= _size(self.failure):
            return False
        self.failure = found
        return True


def _size(failure: NonConformance) -> tuple[int, int]:
    """Return the number of requests, then of steps."""
    return len(failure.evidence), len(failure.steps)  # type: ignore[attr-defined]  # as above


def _simplified(steps: list[Step]) -> Iterator[list[Step]]:
    for index, (name, values) in enumerate(steps):
        for each, value in values.items():
            for simpler in _simpler(value):
                yield [*steps[:index], (name, {**values, each: simpler}), *steps[index + 1 :]]


def _replaced(steps: list[Step], rules: Rules) -> Iterator[list[Step]]:
    """Yield sequences with one step instead of several; its arguments are those of other steps."""
    others = [(name, values) for name, parameters in rules.items() for values in _arguments(steps, parameters)]
    for size in range(REPLACED, 1, -1):
        for start in range(1, len(steps) - size):
            for other in others:
                yield [*steps[:start], other, *steps[start + size :]]


def _arguments(steps: list[Step], names: Sequence[str]) -> Iterator[dict[str, Any]]:
    known = [_known([values[name] for _, values in steps if name in values]) for name in names]
    for chosen in itertools.islice(itertools.product(*known), TRIED):
        yield dict(zip(names, chosen, strict=True))


def _known(values: list[Any]) -> list[Any]:
    """Return each value once, and both booleans if there is one; compared by repr, as some values are not hashable."""
    both = [False, True] if any(isinstance(value, bool) for value in values) else []
    return list({repr(value): value for value in [*both, *values]}.values())


def _simpler(value: Any) -> Iterator[Any]:
    """Yield simpler values: a list without an item, False, or None for an optional tuple."""
    if isinstance(value, list):
        for index in range(len(value)):
            yield value[:index] + value[index + 1 :]
    elif value is True:
        yield False
    elif isinstance(value, tuple):
        yield None
