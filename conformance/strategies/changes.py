"""Changes to something good, drawn first and made when the good thing is known.

A table names the kinds of change: what may become of each, and how it is made. A drawn ``Change`` is one kind with a
place (0: the start, 1: the end) and a piece; ``of`` makes the mutation of a good thing. Kinds stand in an order from
plain to odd, which is the order in which hypothesis simplifies.
"""

from __future__ import annotations

import reprlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from conformance.vocabulary.mutation import Mutation, Outcome

T = TypeVar("T")
R = TypeVar("R")
PIECES = reprlib.Repr()
PIECES.maxstring = PIECES.maxother = 200


@dataclass(frozen=True)
class Change(Generic[T, R]):
    """One change, not yet made: what it makes of a good thing T is an R."""

    kind: str
    outcome: Outcome
    place: float
    piece: Any
    make: Callable[[T, float, Any], R]

    def of(self, good: T) -> Mutation[R]:
        """The mutation of a good thing."""
        return Mutation(self.kind, self.outcome, self.make(good, self.place, self.piece))

    def __repr__(self) -> str:
        # Short, whatever the piece: hypothesis writes it down for every example that fails.
        return f"<{self.kind}: place {self.place:.3g}, piece {PIECES.repr(self.piece)}>"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """What hypothesis writes down for it in place of the fields of a dataclass, of which one is a function."""
        printer.text(repr(self))


Table = Mapping[str, tuple[Outcome, Callable[[T, float, Any], R]]]


def changes(table: Table[T, R], pieces: SearchStrategy[Any]) -> SearchStrategy[Change[T, R]]:
    """One change of the table: first its outcome, each as likely as another, then its kind, likewise."""
    by_outcome: dict[Outcome, list[str]] = {}
    for kind, (outcome, _) in table.items():
        by_outcome.setdefault(outcome, []).append(kind)

    def drawn(kind: str, place: float, piece: Any) -> Change[T, R]:
        return Change(kind, table[kind][0], place, piece, table[kind][1])

    kinds = st.sampled_from(list(by_outcome.values())).flatmap(st.sampled_from)
    return st.builds(drawn, kinds, st.floats(0, 0.999), pieces)


def each_kind(table: Table[T, R], piece: Any, asked: Collection[str] = ()) -> list[dict[str, Change[T, R]]]:
    """Every kind of change once, as the written examples of a property: what is tried whatever the budget.

    ``asked`` are kinds that checks of their own ask for, each time.
    """
    left = {kind: made for kind, made in table.items() if kind not in asked}
    return [{"change": Change(kind, outcome, 0.5, piece, make)} for kind, (outcome, make) in left.items()]


def picked(place: float, choices: list[T]) -> T:
    """One of several by its place."""
    return choices[int(place * len(choices))]
