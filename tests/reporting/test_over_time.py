"""Many runs: new failures told from flaky ones, since when, in a bounded time; the pages in a real browser."""

from __future__ import annotations

import json
import resource
from pathlib import Path
from typing import Any

import pytest

from conformance.commands import main
from conformance.reporting.history_page import render, render_index, run_views
from conformance.runs.history import History, Trend, histories, latest, shelf
from conformance.runs.record import RecordError
from conformance.vocabulary.verdict import Verdict
from tests.reporting import samples
from tests.reporting.browser import Page

LETTERS = {
    ".": Verdict.PASS,
    "F": Verdict.FAIL,
    "?": Verdict.INCONCLUSIVE,
    "E": Verdict.ERROR,
    "-": Verdict.NOT_APPLICABLE,
}


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
        (".....F", Trend.NEW, 5, 4),
        ("..F...", Trend.FLAKY, None, 5),
        ("..F..F", Trend.FLAKY, 5, 4),
        ("FF.FFF", Trend.FLAKY, 3, 2),
        ("FFFFFF", Trend.FAILING, 0, None),
        (".FFFF.", Trend.FIXED, None, 5),
        ("FFF...", Trend.FIXED, None, 5),
        ("....??", Trend.UNJUDGED, 4, 3),
        ("------", Trend.STEADY, None, None),
        ("   ..F", Trend.NEW, 5, 4),
        ("..  FF", Trend.NEW, 4, 1),
    ],
)
def test_trends(tmp_path: Path, course: str, trend: Trend, first_seen: int | None, last_good: int | None) -> None:
    written(tmp_path, {"oauth/a/x": course, "oauth/a/steady": "......"})
    (found,) = [each for each in history(tmp_path).courses if each.id == "oauth/a/x"]
    assert (found.trend, found.first_seen, found.last_good) == (trend, first_seen, last_good)


def test_a_verdict_that_changed_with_the_suite_is_not_flaky(tmp_path: Path) -> None:
    written(tmp_path, {"oauth/a/x": "..F..."})
    path = tmp_path / "run-002" / "run.json"
    path.write_text(path.read_text(encoding="utf-8").replace('"0.4.0"', '"0.5.0"'), encoding="utf-8")
    assert history(tmp_path).courses[0].trend == Trend.FIXED


def test_text_and_json_say_since_when(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
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


def test_runs_that_cannot_be_read_are_left_out_with_a_sentence_each(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
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


def test_a_folder_without_runs_is_told(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="no run is in it"):
        shelf(tmp_path)
    assert main(["history", str(tmp_path / "nowhere")]) == 4
    assert main(["report", "--index", str(tmp_path)]) == 4


def test_two_hundred_runs_take_little_memory(tmp_path: Path) -> None:
    samples.written(tmp_path / "run-000", [samples.check(f"oauth/a/x{number}") for number in range(500)])
    for number in range(1, 200):
        (tmp_path / f"run-{number:03}").mkdir()
        for name in ("run.json", "results.ndjson"):
            (tmp_path / f"run-{number:03}" / name).hardlink_to(tmp_path / "run-000" / name)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = history(tmp_path)
    assert (len(found.runs), len(found.courses)) == (200, 500)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200 * 1024


def test_the_pages_of_a_folder_are_a_site(tmp_path: Path, chrome: Page, capsys: pytest.CaptureFixture[str]) -> None:
    written(tmp_path, {"oauth/a/x": "...FF", "oauth/a/y": "..F..", "oauth/a/z": "....."})
    main(["report", str(tmp_path / "run-004"), "--format", "html"])
    assert main(["report", "--index", str(tmp_path)]) == 0
    chrome.complaints.clear()
    chrome.show(1280)
    chrome.open((tmp_path / "index.html").as_uri())
    assert chrome.requests == [(tmp_path / "index.html").as_uri()]
    rows = "[...document.querySelectorAll('table.matrix tbody tr')].filter(each => each.checkVisibility()).length"
    assert chrome.run(rows) == 5
    assert chrome.run("document.querySelector('tbody th a').getAttribute('href')") == "run-004/index.html"
    chrome.run("document.querySelector('.top nav a').click()")
    chrome.open((tmp_path / "history.html").as_uri())
    assert chrome.run(rows) == 2
    assert "first seen 2026-03-04T02:00:00Z" in chrome.run("document.querySelector('tbody').textContent")
    chrome.press("/")
    assert chrome.run("document.activeElement.id") == "text"
    for width in (320, 768):
        chrome.show(width)
        assert chrome.run("document.documentElement.scrollWidth") <= width
    assert chrome.complaints == []


def test_an_index_is_not_written_into_a_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    written(tmp_path, {"oauth/a/x": "."})
    assert main(["report", "--index", str(tmp_path / "run-000")]) == 4
    assert "is a single run; --index takes the folder that contains the runs" in capsys.readouterr().err
    assert main(["report"]) == 4


@pytest.mark.parametrize(
    ("changes", "statement"),
    [
        ({}, "conformant"),
        ({"selection": ["oauth"]}, "passes in part"),
        ({"shard": "1/2"}, "passes in part"),
        ({"class_sizes": {"oauth-core": 2}}, "passes in part"),
        ({"class_sizes": {"oauth-core": 1}}, "conformant"),
    ],
    ids=["whole", "selection", "shard", "profile", "all of it"],
)
def test_a_part_is_called_a_part_as_in_its_report(tmp_path: Path, changes: dict[str, object], statement: str) -> None:
    written(tmp_path, {"oauth/a/x": "."}, exit_code=0, **changes)
    (view,) = run_views(history(tmp_path).runs, tmp_path)
    assert view.statement == statement


def test_runs_of_one_second_are_told_apart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number, (day, verdict) in enumerate([(0, Verdict.PASS), (1, Verdict.PASS), (1, Verdict.FAIL)]):
        results = [samples.check("oauth/a/x", verdict, findings=[samples.finding("a", "b")])]
        samples.written(tmp_path / f"run-{number}", results, started=night(day))
    found = history(tmp_path)
    told = [view.started for view in run_views(found.runs, tmp_path)]
    assert told == [night(0), f"{night(1)} run-1", f"{night(1)} run-2"]
    assert f"{night(1)} run-1: pass" in render([found], tmp_path)
    assert f"<code>{night(1)} run-2</code>" in render_index(shelf(tmp_path), tmp_path)
    assert main(["history", str(tmp_path)]) == 0
    assert f"first seen {night(1)} run-2, last good {night(1)} run-1" in capsys.readouterr().out


def test_of_a_run_in_which_nothing_applied_nothing_is_said(tmp_path: Path) -> None:
    written(tmp_path, {"oauth/a/x": "-", "oauth/a/y": "-"}, exit_code=0, selection=["oauth"])
    (view,) = run_views(history(tmp_path).runs, tmp_path)
    assert (view.tone, view.statement) == ("not-applicable", "not shown")


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
