"""Two runs compared: every kind of change is reported, and values that vary by nature are not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conformance.commands import main
from conformance.runs.comparison import Comparison, Kind, compare
from conformance.runs.reading import Record
from conformance.runs.record import CheckResult
from conformance.vocabulary.verdict import Verdict
from tests.reporting import samples

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


def test_every_kind_of_change_is_reported_the_worst_first(run: Run) -> None:
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
    ],
)
def test_changed_behaviour_behind_a_pass_is_reported(
    run: Run, before: dict[str, Any], after: dict[str, Any], told: str
) -> None:
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
def test_values_that_vary_by_nature_are_no_change(run: Run, before: dict[str, Any], after: dict[str, Any]) -> None:
    old, new = (run(name, [samples.check("oauth/a/x")], entry) for name, entry in (("old", before), ("new", after)))
    assert compare(old, new).changes == []


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
def test_a_regression_decides_the_exit_code(
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


def test_changes_of_one_cause_are_shown_once(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
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
    assert "CHANGED BEHAVIOUR (2 checks, 1 cause)\n  storage/head/a and 1 more check  MUST" in shown
    assert shown.count("without etag") == 1 and "storage/head/b" not in shown
    written = page.read_text()
    assert written.count("1 more check with the same change") == 2 and "#storage/head/b" in written
