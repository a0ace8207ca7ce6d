"""History of runs: new failures, flaky checks, since when."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from conformance.commands import main
from conformance.runs.history import History, Trend, histories, latest, shelf
from conformance.vocabulary.verdict import Verdict
from tests.reporting import samples

LETTERS = {".": Verdict.PASS, "F": Verdict.FAIL, "?": Verdict.INCONCLUSIVE}


def night(number: int) -> str:
    return f"2026-03-{number + 1:02}T02:00:00Z"


def written(folder: Path, courses: dict[str, str], **changes: Any) -> None:
    """A run a night: each check's verdicts as one letter each, a blank where it was not part of the run."""
    for number in range(max(map(len, courses.values()))):
        results = [
            samples.check(check, LETTERS[course[number]], findings=[samples.finding("a", "b")])
            for check, course in courses.items() if course[number] != " "
        ]  # fmt: skip
        samples.written(folder / f"run-{number:03}", results, started=night(number), **changes)


def history(folder: Path) -> History:
    (found,) = histories(shelf(folder))
    return found


@pytest.mark.parametrize(
    ("course", "trend", "first_seen", "last_good"),
    [
        ("......", Trend.STEADY, None, 5),
        ("....FF", Trend.NEW, 4, 3),
        ("..F...", Trend.FLAKY, None, 5),
        ("FF.FFF", Trend.FLAKY, 3, 2),
        ("FFFFFF", Trend.FAILING, 0, None),
        (".FFFF.", Trend.FIXED, None, 5),
        ("....??", Trend.UNJUDGED, 4, 3),
        ("..  FF", Trend.NEW, 4, 1),
    ],
)
def test_trends(tmp_path: Path, course: str, trend: Trend, first_seen: int | None, last_good: int | None) -> None:
    written(tmp_path, {"oauth/a/x": course, "oauth/a/steady": "......"})
    (found,) = [each for each in history(tmp_path).courses if each.id == "oauth/a/x"]
    assert (found.trend, found.first_seen, found.last_good) == (trend, first_seen, last_good)


def test_a_change_of_the_suite_is_not_flakiness(tmp_path: Path) -> None:
    written(tmp_path, {"oauth/a/x": "..F..."})
    path = tmp_path / "run-002" / "run.json"
    path.write_text(path.read_text(encoding="utf-8").replace('"0.4.0"', '"0.5.0"'), encoding="utf-8")
    assert history(tmp_path).courses[0].trend == Trend.FIXED


def test_text_and_json_name_the_first_failing_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    written(tmp_path, {"oauth/a/x": "...FF", "oauth/a/y": "..F..", "oauth/a/z": "....."})
    assert main(["history", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert "NEWLY FAILING (1)\n  oauth/a/x  MUST  ...FF\n" in said
    assert f"first seen {night(3)}, last good {night(2)}" in said
    assert "FLAKY (1)\n  oauth/a/y  MUST  ..F..\n" in said
    assert "1 check steady" in said
    main(["history", str(tmp_path), "--format", "json"])
    (told,) = json.loads(capsys.readouterr().out)["histories"]
    (check,) = [each for each in told["checks"] if each["id"] == "oauth/a/x"]
    assert (check["trend"], check["first_seen"], check["last_good"]) == ("newly failing", night(3), night(2))
    assert len(told["runs"]) == 5


def test_each_unreadable_run_is_left_out_with_one_message(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    written(tmp_path, {"oauth/a/x": "....."})
    (tmp_path / "run-000" / "run.json").write_text('{"format": 0}', encoding="utf-8")
    (tmp_path / "run-001" / "results.ndjson").unlink()
    (tmp_path / "run-002" / "results.ndjson").write_text("{garbage\n", encoding="utf-8")
    (tmp_path / "run-003" / "run.json").write_text("[", encoding="utf-8")
    assert main(["history", str(tmp_path)]) == 0
    said = capsys.readouterr()
    assert len(said.err.splitlines()) == 4
    assert all(line.startswith("left out: ") for line in said.err.splitlines())
    assert "staging: 1 run" in said.out
    (tmp_path / "run-004" / "run.json").write_text("[]", encoding="utf-8")
    assert main(["history", str(tmp_path)]) == 4


def test_an_index_is_not_written_into_a_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    written(tmp_path, {"oauth/a/x": "."})
    assert main(["report", "--index", str(tmp_path / "run-000")]) == 4
    assert "is a single run; --index takes the folder that contains the runs" in capsys.readouterr().err
    assert main(["report"]) == 4


def test_a_run_is_added_and_the_oldest_of_each_target_are_removed(tmp_path: Path) -> None:
    nights = tmp_path / "nights"
    for target in ("staging", "production"):
        written(tmp_path / target, {"oauth/a/x": "..F"}, target=target)
    for run in sorted(tmp_path.glob("*/run-*")):
        assert main(["history", str(nights), "--add", str(run), "--keep", "2"]) == 0
    assert sorted(each.name for each in nights.iterdir()) == [
        f"2026030{day}T020000-{target}" for day in (2, 3) for target in ("production", "staging")
    ]
    assert [each.runs[-1].counts for each in histories(shelf(nights))] == [{"fail": 1}, {"fail": 1}]
    # A run that is there already is not copied again, and no record is lost for a mistake in a number.
    assert main(["history", str(nights), "--add", str(nights / "20260302T020000-staging")]) == 0
    assert main(["history", str(nights), "--keep", "0"]) == 4
    assert len([*nights.iterdir()]) == 4


def test_the_last_complete_run_of_a_folder_is_the_baseline(tmp_path: Path) -> None:
    nights = tmp_path / "nights"
    nights.mkdir()
    assert latest(nights) is None, "the first night"
    written(nights, {"oauth/a/x": "..F"}, target="staging")
    samples.written(nights / "cut-short", [samples.check("oauth/a/x")], complete=False, started=night(9))
    samples.written(nights / "other", [samples.check("oauth/a/x")], target="production", started=night(8))
    assert latest(nights, "staging") == nights / "run-002"
    assert latest(nights) == nights / "other"
    assert latest(nights / "run-000") == nights / "run-000"
    # What is no folder of runs is named as it was given, for the reading to refuse.
    assert latest(tmp_path / "nowhere") == tmp_path / "nowhere"
    (nights / "run-001" / "run.json").unlink()
    assert latest(nights / "run-001") == nights / "run-001"
