"""State: a refused request has no effect. Members that differ from read to read are no change."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from conformance.vocabulary.documents import parsed_json
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance

# Longer than a second, so that members with the time in seconds differ.
CLOCK_S = 1.05
# A member with few values may be the same several times.
READINGS = 8
Place = tuple[str | int, ...]


@dataclass(frozen=True, eq=False)
class State:
    """The state of a resource as a read returns it: status and body; ``read`` reads it again.

    Two states are equal if their bodies are equal except for volatile members (request ids, the time). If two bodies
    differ, further reads show which members are volatile. The body of an error and the order of a list do not count.
    """

    status: int
    body: bytes
    read: Callable[[], State] | None = None
    id: str = ""
    """The exchange that read it."""
    volatile: set[Place] = field(default_factory=set)
    """The members that differ from read to read."""

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, State):
            return NotImplemented
        if self.status != other.status:
            return False
        return self.status >= 300 or self.body == other.body or self._differs_only_in_volatile(other)

    __hash__ = None  # type: ignore[assignment]  # equality asks the target

    def _differs_only_in_volatile(self, other: State) -> bool:
        different = _differences(self, other)
        if different is None or other.read is None:
            return not different and different is not None
        once, volatile = other.read(), set[Place]()
        for wait_s in (*[0.0] * READINGS, CLOCK_S):
            if different <= volatile:
                break
            time.sleep(wait_s)
            volatile |= _differences(once, other.read()) or set()
            self.volatile.update(volatile)
        return different <= volatile

    def __str__(self) -> str:
        return f"{self.status} {self.body[:200].decode('utf-8', 'replace')}".strip()


def state_of(read: Callable[[], Exchange]) -> State:
    """Return the state that a request reads, with the function that reads it again."""

    def reading() -> State:
        reply = read()
        return State(reply.status, reply.body, reading, reply.id)

    return reading()


def _differences(one: State, other: State) -> set[Place] | None:
    """Return where two JSON documents differ; None if one is not JSON."""
    try:
        return set(_places(parsed_json(one.body), parsed_json(other.body)))
    except ValueError:
        return None


def _places(one: Any, other: Any, place: Place = ()) -> Iterator[Place]:
    if isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
        for name in one:
            yield from _places(one[name], other[name], (*place, name))
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        if sorted(map(_written, one)) == sorted(map(_written, other)):
            return
        for number, pair in enumerate(zip(one, other, strict=True)):
            yield from _places(*pair, (*place, number))
    elif one != other:
        yield place


def _written(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def expect_unchanged(before: State, after: State, refused: Exchange) -> None:
    """Expect the owner to read the same before and after a refused request."""
    if before != after:
        what = f"no effect of the {refused.method} that got {refused.status}: the owner reads {before}"
        raise NonConformance(what, str(after), refused)
