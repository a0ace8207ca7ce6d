"""Two runs compared: each kind of change is told, and what varies from run to run is none."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conformance.commands import main
from conformance.reporting.matrix import _way, render
from conformance.runs.comparison import Comparison, Kind, compare
from conformance.runs.reading import Record, read
from conformance.runs.record import CheckResult
from conformance.vocabulary.verdict import Verdict
from tests.reporting import samples
from tests.reporting.browser import Page

Run = Callable[..., Record]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Writes a run with checks, each with one exchange."""

    def made(name: str, results: list[CheckResult], entry: dict[str, Any] | None = None, **changes: Any) -> Record:
        recorder = samples.recorder()
        for result in results:
            result.exchanges = [samples.exchange(recorder, **(entry or {}))]
        record = samples.written(tmp_path / name, results, recorder, **changes)
        lines = [{**line, "check": result.id} for line, result in zip(recorder.entries, results, strict=True)]
        samples.write_evidence(record.folder / samples.EVIDENCE, lines)
        return record

    return made


def kinds(comparison: Comparison) -> dict[str, str]:
    return {change.id: change.kind.value for change in comparison.changes}


def test_every_kind_of_change_is_told_the_worst_first(run: Run) -> None:
    fails = {"findings": [samples.finding("401", "200")]}
    old = run("old", [
        samples.check("oauth/a/breaks"), samples.check("oauth/a/mended", Verdict.FAIL, **fails),
        samples.check("oauth/a/unclear"), samples.check("oauth/a/gone"),
        samples.check("oauth/a/claimed", Verdict.NOT_APPLICABLE), samples.check("oauth/a/same"),
    ])  # fmt: skip
    new = run("new", [
        samples.check("oauth/a/breaks", Verdict.FAIL, **fails), samples.check("oauth/a/mended"),
        samples.check("oauth/a/unclear", Verdict.INCONCLUSIVE, reason="no answer"), samples.check("oauth/a/claimed"),
        samples.check("oauth/a/same"), samples.check("oauth/a/added"),
    ])  # fmt: skip
    comparison = compare(old, new)
    assert kinds(comparison) == {
        "oauth/a/breaks": "newly failing",
        "oauth/a/unclear": "newly not judged",
        "oauth/a/mended": "fixed",
        "oauth/a/claimed": "verdict changed",
        "oauth/a/gone": "gone",
        "oauth/a/added": "added",
    }
    assert [change.kind for change in comparison.changes] == sorted(
        (change.kind for change in comparison.changes), key=list(Kind).index
    )
    assert comparison.changes[0].details == ["expected 401; observed 200"]


@pytest.mark.parametrize("choice", [{"selection": ["oauth/a/same"]}, {"shard": "1/2"}, {"profile": "core"}])
def test_a_check_that_one_run_was_not_to_make_is_no_change(run: Run, choice: dict[str, Any]) -> None:
    old = run("old", [samples.check("oauth/a/same"), samples.check("oauth/a/other")])
    comparison = compare(old, run("new", [samples.check("oauth/a/same")], **choice))
    assert comparison.changes == []
    assert "1 check of one run alone: the other was not to make them" in comparison.remarks


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ({"status": 200}, {"status": 206}, "status 200 → 206"),
        ({"headers": [("ETag", "a")]}, {}, "the header fields of 200 are now without etag"),
        ({}, {"headers": [("X-New", "a")]}, "the header fields of 200 are now with x-new"),
        ({"media_type": "text/html; charset=utf-8"}, {}, "media type text/html → application/json"),
        (
            {"status": 400, "body": b'{"error":"invalid_client"}'},
            {"status": 400, "body": b'{"error":"invalid_request"}'},
            "error code invalid_client → invalid_request",
        ),
        (
            {"status": 404, "body": b'{"errors":[{"code":"NAME_UNKNOWN"}]}'},
            {"status": 404, "body": b'{"errors":[{"code":"BLOB_UNKNOWN"}]}'},
            "error code NAME_UNKNOWN → BLOB_UNKNOWN",
        ),
        (
            {"status": 404, "body": b"<Error><Code>NoSuchKey</Code></Error>"},
            {"status": 404, "body": b"<Error><Code>NotFound</Code></Error>"},
            "error code NoSuchKey → NotFound",
        ),
    ],
)
def test_silent_drift_is_told(run: Run, before: dict[str, Any], after: dict[str, Any], told: str) -> None:
    old, new = (run(name, [samples.check("oauth/a/x")], entry) for name, entry in (("old", before), ("new", after)))
    (change,) = compare(old, new).changes
    assert change.kind == Kind.BEHAVIOUR
    assert change.details == [f"POST /oauth/token: {told}"]
    assert all(change.exchanges)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"headers": [("X-Request-Id", "1"), ("Age", "3")]}, {"headers": [("Set-Cookie", "a=b")]}),
        (
            {"url": "https://s3.example/b/cf-0tp1h6u0d5c-w0-17-object"},
            {"url": "https://s3.example/b/cf-0tp1h6u0d77-w1-3-object"},
        ),
        ({"url": "https://one.example/oauth/token"}, {"url": "https://two.example/oauth/token"}),
        ({"body": b'{"access_token":"abc"}'}, {"body": b'{"access_token":"def"}'}),
    ],
)
def test_what_varies_from_run_to_run_is_no_change(run: Run, before: dict[str, Any], after: dict[str, Any]) -> None:
    old, new = (run(name, [samples.check("oauth/a/x")], entry) for name, entry in (("old", before), ("new", after)))
    assert compare(old, new).changes == []


def test_examples_of_a_property_are_not_compared(run: Run) -> None:
    old, new = (
        run(name, [samples.check("oauth/a/x", events={"examples": 25})], {"status": status})
        for name, status in (("old", 200), ("new", 400))
    )
    assert compare(old, new).changes == []


def test_an_exchange_that_two_checks_share_is_compared_for_both(run: Run) -> None:
    old, new = (
        run(name, [samples.check("oauth/a/x"), samples.check("oauth/a/y")], {"status": status})
        for name, status in (("old", 200), ("new", 201))
    )
    for record in (old, new):
        path = record.folder / samples.EVIDENCE
        line = samples.evidence_lines(path)[0]
        samples.write_evidence(path, [{**line, "check": f"oauth/a/{each}"} for each in "xy"])
    assert kinds(compare(old, new)) == {"oauth/a/x": "behaves otherwise", "oauth/a/y": "behaves otherwise"}


@pytest.mark.parametrize(
    ("level", "verdict", "waived", "code"),
    [
        ("MUST", Verdict.FAIL, None, 1),
        ("SHOULD", Verdict.FAIL, None, 0),
        ("MUST", Verdict.INCONCLUSIVE, None, 7),
        ("MUST", Verdict.FAIL, "2999-01-01", 0),
        ("MUST", Verdict.FAIL, "2020-01-01", 1),
    ],
)
def test_the_exit_code_tells_a_regression(
    run: Run, level: str, verdict: Verdict, waived: str | None, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    waiver = {"reason": "known", "issue": "https://tracker.example/1", "until": waived} if waived else None
    findings = [samples.finding("a", "b")] if verdict == Verdict.FAIL else []
    old = run("old", [samples.check("oauth/a/x", level=level)])
    new = run("new", [samples.check("oauth/a/x", verdict, level=level, findings=findings, waiver=waiver)])
    assert main(["compare", str(old.folder), str(new.folder)]) == code
    assert main(["compare", str(old.folder), str(new.folder), "--fail-on", "any"]) == 1
    assert main(["compare", str(old.folder), str(old.folder), "--fail-on", "any"]) == 0
    assert "no difference in 1 check" in capsys.readouterr().out


def test_one_cause_is_shown_once(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Two checks meet one HEAD defect under two addresses, two fail alike, and one differs from them."""
    alike = [samples.check(f"storage/{name}") for name in ("head/a", "head/b")]
    failing = {"level": "MUST", "findings": [samples.finding("200", "503 at /a")]}
    passed = [samples.check(f"oauth/{name}") for name in ("read/a", "read/b", "write/a")]
    failed = [samples.check(each.id, Verdict.FAIL, **failing) for each in passed[:2]]
    other = samples.check("oauth/write/a", Verdict.FAIL, findings=[samples.finding("200", "404")])
    old, new = run("old", [*passed, *alike]), run("new", [*failed, other, *alike])
    for record, fields in ((old, [["ETag", "a"]]), (new, [])):
        path = record.folder / samples.EVIDENCE
        lines = samples.evidence_lines(path)
        changed = [{**line, "method": "HEAD", "url": f"http://h/{line['check']}", "response_headers": fields}
                   for line in lines if line["check"].startswith("storage/")]  # fmt: skip
        samples.write_evidence(path, changed)
    page = tmp_path / "compared.html"
    main(["compare", str(old.folder), str(new.folder), "--html", str(page)])
    shown = capsys.readouterr().out
    assert "NEWLY FAILING (3 checks, 2 causes)\n  oauth/read/a and 1 more check  MUST: pass → fail" in shown
    assert "BEHAVES OTHERWISE (2 checks, 1 cause)\n  storage/head/a and 1 more check  MUST" in shown
    assert shown.count("without etag") == 1 and "storage/head/b" not in shown
    written = page.read_text()
    assert written.count("1 more check with the same change") == 2 and "#storage/head/b" in written


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("HEAD /a: media type x/y → t/p", "HEAD /b: media type j/k, x/y → j/k, t/p", True),
        ("HEAD /a: status 200 → 404", "GET /a: status 200 → 404", False),
        ("HEAD /a: status 200 → 404", "HEAD /b: status 200 → 403", False),
        ("GET /a: error code none → A", "GET /b: error code B → A", False),
        ("GET /a: the header fields of 200 are now with x", "GET /b: the header fields of 200 are now with x", True),
        ("GET /a: the header fields of 200 are now with x", "GET /b: the header fields of 200 are now with y", False),
    ],
)
def test_ways_of_answering_are_told_apart(one: str, other: str, same: bool) -> None:
    assert (_way(one) == _way(other)) is same


def test_json_holds_every_change(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    old, new = run("old", [samples.check("oauth/a/x")]), run("new", [samples.check("oauth/a/x")], {"status": 201})
    assert main(["compare", str(old.folder), str(new.folder), "--format", "json"]) == 0
    (told,) = json.loads(capsys.readouterr().out)["comparisons"]
    assert told["counts"]["behaves otherwise"] == len(told["changes"]) == 1
    assert told["changes"][0]["exchanges"] == ["x-000001", "x-000001"]


def test_evidence_that_cannot_be_read_is_left_out(run: Run) -> None:
    old, new = run("old", [samples.check("oauth/a/x")]), run("new", [samples.check("oauth/a/x")])
    (new.folder / samples.EVIDENCE).write_bytes(
        gzip.compress(b'{"kind":"exchange","check":"oauth/a/x","status":"200","id":[1]}\nnot json\n')
    )
    assert compare(old, read(new.folder)).changes == []
    (new.folder / samples.EVIDENCE).unlink()
    assert "no evidence is there" in compare(old, new).remarks[-1]


def test_the_page_shows_all_runs_side_by_side_and_leads_to_the_exchange(run: Run, chrome: Page, tmp_path: Path) -> None:
    old = samples.every_verdict(tmp_path / "production", target="production")
    new = samples.every_verdict(tmp_path / "staging", target="staging")
    third = run("third", [samples.check("oauth/token/cache-control-is-no-store", Verdict.ERROR)], target="third")
    path = tmp_path / "compared.html"
    main(["report", str(new.folder), "--format", "html"])
    main(["compare", *(str(each.folder) for each in (old, new, third)), "--html", str(path)])

    chrome.complaints.clear()
    chrome.show(1280)
    chrome.open(path.as_uri())
    assert chrome.requests == [path.as_uri()]
    assert chrome.complaints == []
    heads = chrome.run("[...document.querySelectorAll('table.matrix thead a')].map(each => each.textContent)")
    assert heads == ["production", "staging", "third"]
    seen = "[...document.querySelectorAll('table.matrix tbody tr')].filter(each => each.checkVisibility()).length"
    every = chrome.run(seen)
    chrome.run("document.getElementById('differing').click()")
    assert 0 < chrome.run(seen) <= every
    chrome.run("document.getElementById('differing').click()")
    chrome.press("/")
    assert chrome.run("document.activeElement.id") == "text"
    chrome.run("document.getElementById('text').value = 'cache-control'")
    chrome.run("document.getElementById('text').dispatchEvent(new Event('input', {bubbles: true}))")
    assert chrome.run(seen) == 1
    for width in (320, 768):
        chrome.show(width)
        assert chrome.run("document.documentElement.scrollWidth") <= width
    cell = chrome.run("document.querySelector('table.matrix a[href*=\"staging/\"].fail').href")
    chrome.open(cell)
    assert chrome.run("document.activeElement.closest('details.check').open")
    assert chrome.run("document.activeElement.closest('details.check').querySelector('details.entry[open]') !== null")


def test_columns_of_one_second_are_told_apart(run: Run, tmp_path: Path) -> None:
    names = {"one/run": "0tp3aaaaaa1", "two/run": "0tp3aaaaaa2"}
    old, new = (run(name, [samples.check("oauth/a/x")], run_id=run_id) for name, run_id in names.items())
    other = run("three", [samples.check("oauth/a/x")], started="2026-03-09T02:00:00Z")
    started = old.info.started
    alike = render([compare(old, new), compare(old, other)], tmp_path)
    for told in (f"{started} 0tp3aaaaaa1", f"{started} 0tp3aaaaaa2", "2026-03-09T02:00:00Z"):
        assert f'<span class="quiet small">{told}</span>' in alike
    third = run("third", [samples.check("oauth/a/x")])
    assert f"{started} third" in render([compare(old, third)], tmp_path)
