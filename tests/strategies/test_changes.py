"""A change is told in short, whatever piece it has."""

from __future__ import annotations

from hypothesis.vendor.pretty import pretty

from conformance.strategies.changes import Change
from conformance.vocabulary.mutation import Outcome


def test_a_large_piece_is_told_in_short() -> None:
    for piece in ("x" * 48_000, b"x" * 48_000, ["x" * 9_000] * 9):
        change: Change[str, str] = Change("grown", Outcome.EITHER, 0.5, piece, lambda good, _place, _piece: good)
        assert len(repr(change)) < 2_000 and "grown" in repr(change)


def test_a_small_piece_is_told_whole() -> None:
    change: Change[str, str] = Change("cut", Outcome.REFUSED, 0.5, "a piece", lambda good, _place, _piece: good)
    assert repr(change) == pretty(change) == "<cut: place 0.5, piece 'a piece'>"
