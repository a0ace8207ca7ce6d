"""Verdicts of promises, and the reports that lead with the promises not kept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from conformance.commands import main
from conformance.reporting import html, markdown
from conformance.reporting.promises import overview
from conformance.reporting.terminal import closing, findings
from conformance.runs.promises import promises, verdict_of
from conformance.runs.reading import Record
from conformance.runs.record import CheckResult
from conformance.vocabulary.verdict import Verdict
from tests.reporting import samples

DAY = "2026-03-01"
WAIVER = {"reason": "known", "issue": "https://issues.example/1", "until": "2026-04-01"}
CONTRACT = {
    promise: {"title": f"Sentence of {promise}", "document": "D", "section": "S", "quote": "Q", "url": "https://d.example",
              "class": "storage-core", "surface": "storage", "consequence": consequence}
    for promise, consequence in (
        ("S3-01", "form"), ("S3-02", "loss"), ("S3-03", "wrong-data"), ("S3-04", "refused"), ("S3-05", "form"),
    )
}  # fmt: skip


def checks(*words: str, promise: str = "S3-01") -> list[CheckResult]:
    """``MUST pass``, ``SHOULD fail``, ``MUST waived`` …"""
    made = []
    for number, text in enumerate(words):
        level, verdict = text.split()
        ended = Verdict.FAIL if verdict == "waived" else Verdict(verdict)
        shown = [samples.finding("401", "200 with no body", asked="GET /b")] if ended is Verdict.FAIL else []
        made.append(
            samples.check(f"storage/{promise.lower()}/n{number}", ended, level=level, promise=promise, findings=shown,
                          waiver=WAIVER if verdict == "waived" else None, reason="" if shown else "no login")
        )  # fmt: skip
    return made


@pytest.mark.parametrize(
    ("words", "verdict", "strict"),
    [
        (["MUST pass", "SHOULD pass"], "kept", "kept"),
        (["MUST pass", "MAY fail"], "kept", "kept"),
        (["MUST pass", "MUST inconclusive"], "kept", "kept"),
        (["MUST pass", "SHOULD fail"], "kept in part", "broken"),
        (["MUST pass", "MUST waived"], "kept in part", "broken"),
        (["MUST pass", "MUST fail"], "broken", "broken"),
        (["MUST fail", "MUST inconclusive"], "broken", "broken"),
        (["MUST inconclusive", "SHOULD error"], "not shown", "not shown"),
        (["MUST not-applicable"], "not shown", "not shown"),
    ],
)
def test_the_verdict(words: list[str], verdict: str, strict: str) -> None:
    assert verdict_of(checks(*words), DAY) == verdict
    assert verdict_of(checks(*words), DAY, strict=True) == strict


def one_of_each(folder: Path, **changes: Any) -> Record:
    """A kept promise, a broken one with a consequence, one not shown, one kept in part."""
    results = [
        *checks("MUST pass", promise="S3-01"),
        *checks("MUST fail", "MUST fail", promise="S3-02"),
        *checks("MUST fail", "MUST pass", promise="S3-03"),
        *checks("MUST inconclusive", promise="S3-04"),
        *checks("SHOULD pass", promise="S3-05"),
        samples.check("storage/s3-05/should", Verdict.FAIL, level="SHOULD", promise="S3-05",
                      findings=[samples.finding("a field", "no field", asked="GET /b/k")]),
    ]  # fmt: skip
    return samples.written(folder, results, promises=CONTRACT, **changes)


def test_broken_promises_come_first_then_not_shown_kept_in_part_and_kept(tmp_path: Path) -> None:
    record = one_of_each(tmp_path / "run")

    assert [(each.id, str(each.verdict)) for each in promises(record)] == [
        ("S3-02", "broken"), ("S3-03", "broken"), ("S3-04", "not shown"), ("S3-05", "kept in part"), ("S3-01", "kept"),
    ]  # fmt: skip
    assert overview(record).tally_words() == (
        "2 broken (1 as a consequence), 1 not shown, 1 kept in part, 1 kept"
    )  # fmt: skip


def test_the_page_shows_promises_before_classes_and_a_cause_once(tmp_path: Path) -> None:
    text = html.render(one_of_each(tmp_path / "run"))
    shown = text[text.index('id="promises"') : text.index('id="classes"')]

    places = [shown.index(each) for each in ("S3-02 Sent", "S3-03 Sent", "S3-04 Sent", "S3-05 Sent", "S3-01 Sent")]
    assert places == sorted(places)
    assert shown.count("3 checks show it") == 1
    assert shown.count("Got 200 OK with no body; expected 401") == 2, "in the line of the promise and in its finding"
    assert "<strong>Also shown by</strong> S3-03 (1)" in shown
    assert 'as a consequence of <a href="#S3-02">S3-02</a>' in shown
    assert "broken: data loss" in shown


def test_summary_and_terminal_have_a_line_for_each_promise_not_kept(tmp_path: Path) -> None:
    record = one_of_each(tmp_path / "run")
    last, page = closing(record, {}, colour=False), markdown.render(record)

    assert [line.split("  ")[0] for line in last.splitlines()[:4]] == ["broken", "broken", "not shown", "kept in part"]
    assert "❌ broken as a consequence of S3-02 |" in page and "❌ broken (data loss) |" in page
    for form in (last, page):
        assert "S3-03 Sentence of S3-03" in form and "as a consequence of S3-02" in form
        assert "S3-01 Sentence of S3-01" not in form
    assert findings(record, 100, colour=False).count("FAIL ") == 2


def mended(folder: Path) -> Record:
    """The run of ``one_of_each`` after S3-02 was mended and S3-01 broke."""
    results = [*checks("MUST fail", promise="S3-01"), *checks("MUST pass", "MUST pass", promise="S3-02"),
               *checks("MUST inconclusive", promise="S3-04")]  # fmt: skip
    return samples.written(folder, results, promises=CONTRACT, started="2026-03-02T00:00:00Z")


def test_the_closing_lines_name_what_the_run_left_behind(tmp_path: Path) -> None:
    record = one_of_each(tmp_path / "run")
    left = [{"what": f"the project cf-{number}", "reason": "500"} for number in range(5)]
    assert "Left behind" not in closing(record, {}, colour=False)
    (record.folder / "leftovers.json").write_text(json.dumps(left), encoding="utf-8")
    last = closing(record, {}, colour=False)
    assert "Left behind: the project cf-0, the project cf-1, the project cf-2 and 2 more, which could" in last


def test_compare_begins_with_the_promises(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old, new = one_of_each(tmp_path / "old"), mended(tmp_path / "new")
    main(["compare", str(old.folder), str(new.folder), "--html", str(tmp_path / "page.html")])
    shown = capsys.readouterr().out

    assert shown.splitlines()[1:8] == [
        "", "PROMISES NEWLY BROKEN (1)", "  S3-01 Sentence of S3-01: kept → broken", "",
        "PROMISES NEWLY KEPT (1)", "  S3-02 Sentence of S3-02: broken → kept", "",
    ]  # fmt: skip
    assert shown.index("PROMISES NEWLY KEPT") < shown.index("NEWLY FAILING")
    page = (tmp_path / "page.html").read_text("utf-8")
    assert page.index("Promises newly broken") < page.index("Newly failing")
    main(["compare", str(old.folder), str(new.folder), "--format", "json"])
    changes = json.loads(capsys.readouterr().out)["comparisons"][0]["promises"]
    assert [(each["id"], each["kind"]) for each in changes] == [
        ("S3-01", "promises newly broken"), ("S3-02", "promises newly kept"),
    ]  # fmt: skip
