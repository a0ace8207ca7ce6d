"""The files of expected findings are complete and name existing requirements."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from conformance.contract.catalogue import catalogue
from tests.real_servers.compare import differences, expected, left, main, means
from tests.real_servers.table import cell, failing, lines

FILES = sorted(Path(__file__).parent.glob("*.expected.toml"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_entry_names_a_requirement_and_says_why(path: Path) -> None:
    for entry in expected(path):
        assert any(means({**entry, "id": entry["id"].split("#")[0]}, each.id) for each in catalogue()), entry["id"]


def test_unexpected_and_missing_findings_are_reported() -> None:
    verdicts = {"a#1": "fail", "a#2": "pass", "b": "fail", "c": "pass", "d": "pass", "f": "inconclusive"}
    entries: list[dict[str, Any]] = [{"id": each, "why": "w"} for each in "acef"]
    entries.append({"id": "d", "why": "w", "sometimes": True})

    assert differences(verdicts, entries) == [
        "not expected: b",
        "expected and not found: c",
        "expected of a check that there is not: e",
    ]


def test_leftovers_are_reported_where_none_are_allowed(tmp_path: Path) -> None:
    (tmp_path / "leftovers.json").write_text('[{"what": "objects", "reason": "refused"}]', encoding="utf-8")
    strict, lenient = tmp_path / "strict.toml", tmp_path / "lenient.toml"
    strict.write_text("nothing_is_left = true\n", encoding="utf-8")
    lenient.write_text("finding = []\n", encoding="utf-8")

    assert left(tmp_path, strict) == ["left behind: objects: refused"]
    assert left(tmp_path, lenient) == []


def test_an_unexpected_finding_is_reported_with_its_observation(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    finding = {"asked": "GET /a", "expected": "200", "observed": "404 Not Found"}
    result = {"id": "a/b/c", "verdict": "fail", "findings": [finding]}
    (tmp_path / "results.ndjson").write_text(json.dumps(result), encoding="utf-8")
    (tmp_path / "none.toml").write_text("finding = []\n", encoding="utf-8")

    assert main([str(tmp_path), str(tmp_path / "none.toml")]) == 1
    told = capsys.readouterr().out.splitlines()
    assert told == ["not expected: a/b/c", "a/b/c: asked GET /a, expected 200, observed 404 Not Found"]


def test_a_file_may_extend_another(tmp_path: Path) -> None:
    (tmp_path / "plain.toml").write_text('[[finding]]\nid = "a"\nwhy = "w"\n[[finding]]\nid = "b"\nwhy = "w"\n')
    path = tmp_path / "other.toml"
    path.write_text('extends = "plain.toml"\nwithout = ["a"]\n[[finding]]\nid = "c"\nwhy = "w"\n')
    assert [entry["id"] for entry in expected(path)] == ["b", "c"]

    path.write_text('extends = "plain.toml"\nwithout = ["c"]\nfinding = []\n')
    with pytest.raises(ValueError, match="without c, which the file that it extends has not"):
        expected(path)


def test_the_table_has_a_row_for_each_server_and_each_promise_that_one_breaks() -> None:
    rows = [line.strip("|").split("|")[0].strip() for line in lines() if line.startswith("| ")]
    assert all(name in rows for name in failing())
    assert {each.promise for missed in failing().values() for each in missed} <= {row.split()[0] for row in rows}
    assert cell("S3-22", [catalogue()["storage/range/range-is-served"]]) == "●"
    assert cell("S3-22", [catalogue()["storage/range/head-reports-the-range"]]) == "○"
