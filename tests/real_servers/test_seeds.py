"""The findings of several seeds are summed up."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.real_servers.seeds import concluded, summary, surprising, told


def test_checks_are_counted_over_the_runs() -> None:
    assert summary([["a", "b"], ["a"], ["a"]]) == ["  3 of 3  a", "  1 of 3  b"]
    assert summary([[], []]) == ["nothing in any run"]


def test_unexpected_findings_are_reported(tmp_path: Path) -> None:
    (tmp_path / "server-1.expected.toml").write_text('[[finding]]\nid = "a"\ncases = ["1"]\nwhy = "w"\n')

    assert surprising(["a#1", "a#2", "b"], tmp_path / "server-1.expected.toml") == ["a#2", "b"]


@pytest.mark.parametrize(
    ("runs", "lines", "code"),
    [
        ([{"a": "pass"}, {"a": "pass"}], ["nothing in any run", "none that is not expected"], 0),
        ([{"a": "fail"}], ["  1 of 1  a", "none that is not expected"], 0),
        ([{"b": "fail", "c": "inconclusive"}], ["not expected: b", "could not be judged:", "  1 of 1  c"], 1),
        ([{"a": "pass"}, {"a": "inconclusive"}], ["could not be judged:", "  1 of 2  a"], 7),
    ],
    ids=["all pass", "expected", "not expected", "the server is gone"],
)
def test_runs_lead_to_an_exit_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], runs: list[dict[str, str]], lines: list[str], code: int
) -> None:
    (known := tmp_path / "server-1.expected.toml").write_text('[[finding]]\nid = "a"\nwhy = "w"\n')

    assert concluded(runs, known) == code
    assert capsys.readouterr().out.splitlines()[-len(lines) :] == lines


def test_a_run_without_verdicts_is_reported(tmp_path: Path) -> None:
    (known := tmp_path / "server-1.expected.toml").write_text("finding = []\n")

    assert told({"a": "inconclusive", "b": "inconclusive"}, known) == "none of the 2 checks could be judged"
    assert told({"a": "fail", "b": "inconclusive"}, known).endswith("1 of them not expected, 1 could not be judged")
    assert told({"a": "pass"}, known) == "0 checks fail, 0 of them not expected"
