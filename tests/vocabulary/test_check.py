"""The rows of a table of checks."""

from __future__ import annotations

from conformance.vocabulary.check import rows


def test_rows_have_their_requirement_and_case() -> None:
    first, second = rows({"storage/range/one": {"": (1,), "other": (2,)}})
    assert (first.id, first.values, first.marks[0].args) == ("storage/range/one", (1,), ("storage/range/one",))
    assert (second.id, second.values, second.marks[0].args) == ("storage/range/one#other", (2,), ("storage/range/one",))
