"""The files of expected findings are whole, and name checks that there are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from conformance.contract.catalogue import catalogue
from tests.real_servers.compare import by_case, differences, expected, left

FILES = sorted(Path(__file__).parent.glob("*.expected.toml"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_entry_names_a_requirement_and_says_why(path: Path) -> None:
    for entry in expected(path):
        assert entry["id"].split("#")[0] in catalogue(), entry["id"]


def test_what_was_not_expected_and_what_was_not_found_are_told() -> None:
    verdicts = {"a#1": "fail", "a#2": "pass", "b": "fail", "c": "pass", "d": "pass", "f": "inconclusive"}
    entries: list[dict[str, Any]] = [
        {"id": "a", "why": "w"},
        {"id": "c", "why": "w"},
        {"id": "d", "why": "w", "sometimes": True},
        {"id": "e", "why": "w"},
        {"id": "f", "why": "w"},
    ]

    assert differences(verdicts, entries) == [
        "not expected: b",
        "expected and not found: c",
        "expected of a check that there is not: e",
    ]


def test_what_is_left_is_told_where_nothing_may_be(tmp_path: Path) -> None:
    (tmp_path / "leftovers.json").write_text('[{"what": "objects", "reason": "refused"}]', encoding="utf-8")
    strict, lenient = tmp_path / "strict.toml", tmp_path / "lenient.toml"
    strict.write_text("nothing_is_left = true\n", encoding="utf-8")
    lenient.write_text("finding = []\n", encoding="utf-8")

    assert left(tmp_path, strict) == ["left behind: objects: refused"]
    assert left(tmp_path, lenient) == []


def test_an_entry_of_several_cases_is_one_for_each() -> None:
    entry = {"id": "a", "cases": ["1", "2"], "why": "w"}

    assert by_case(entry) == [{"id": "a#1", "why": "w"}, {"id": "a#2", "why": "w"}]
