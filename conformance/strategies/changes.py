"""Changes to valid values: drawn first, and applied when the value is known.

A table names the kinds of change with their permitted outcomes. A drawn ``Change`` is one kind with a place (0: start,
1: end) and a piece; ``of`` applies it. Kinds are ordered from plain to unusual, as hypothesis simplifies.
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
    """One change, not yet applied: it turns a valid T into an R."""

    kind: str
    outcome: Outcome
    place: float
    piece: Any
    make: Callable[[T, float, Any], R]

    def of(self, valid: T) -> Mutation[R]:
        """Return the mutation of a valid value."""
        return Mutation(self.kind, self.outcome, self.make(valid, self.place, self.piece))

    def __repr__(self) -> str:
        # Short, whatever the piece: hypothesis prints it for every failing example.
        return f"<{self.kind}: place {self.place:.3g}, piece {PIECES.repr(self.piece)}>"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """Print it in hypothesis examples without the function."""
        printer.text(repr(self))


Table = Mapping[str, tuple[Outcome, Callable[[T, float, Any], R]]]


def changes(table: Table[T, R], pieces: SearchStrategy[Any]) -> SearchStrategy[Change[T, R]]:
    """Changes of the table: first each outcome is equally likely, then each of its kinds."""
    by_outcome: dict[Outcome, list[str]] = {}
    for kind, (outcome, _) in table.items():
        by_outcome.setdefault(outcome, []).append(kind)

    def drawn(kind: str, place: float, piece: Any) -> Change[T, R]:
        return Change(kind, table[kind][0], place, piece, table[kind][1])

    kinds = st.sampled_from(list(by_outcome.values())).flatmap(st.sampled_from)
    return st.builds(drawn, kinds, st.floats(0, 0.999), pieces)


def each_kind(table: Table[T, R], piece: Any, covered: Collection[str] = ()) -> list[dict[str, Change[T, R]]]:
    """Return each kind of change once, as written examples of a property, except those that other checks cover."""
    remaining = {kind: entry for kind, entry in table.items() if kind not in covered}
    return [{"change": Change(kind, outcome, 0.5, piece, make)} for kind, (outcome, make) in remaining.items()]


def picked(place: float, choices: list[T]) -> T:
    """Return one of several choices by a place."""
    return choices[int(place * len(choices))]
