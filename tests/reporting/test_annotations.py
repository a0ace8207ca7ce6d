"""Annotations of GitHub Actions: what is printed, where it points, and that a target's words are never a command."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from conformance.plugin.ci import LARGEST_SUMMARY, Step
from conformance.reporting import render_all
from conformance.reporting.annotations import annotated
from conformance.runs.reading import Record
from conformance.runs.record import CheckResult
from conformance.vocabulary.verdict import Verdict
from tests.reporting import samples


def failing(name: str, **changes: Any) -> CheckResult:
    observed = changes.pop("observed", f"the symptom of {name.rsplit('/', 1)[1]}")
    findings = [samples.finding("401", observed)]
    return samples.check(name, Verdict.FAIL, findings=findings, **changes)


def printed(record: Record, **variables: str) -> list[str]:
    lines: list[str] = []
    step = Step(lines.append, variables)
    step.begin()
    step.end(record, {"markdown": record.folder / "summary.md"})
    return lines


def test_each_cause_is_an_annotation_and_points_to_the_target_file(tmp_path: Path) -> None:
    checks = [
        failing("oauth/token/a#one", observed="200"), failing("oauth/token/a#two", observed="200"),
        failing("oauth/token/b", level="SHOULD", observed="no header"),
        samples.check("oauth/token/c", Verdict.INCONCLUSIVE, reason="no credential", needs="a revoked credential"),
        samples.check("oauth/token/d"),
    ]  # fmt: skip
    record = samples.written(tmp_path / "run", checks, target_file=str(tmp_path / "deploy" / "conformance.toml"))
    assert list(annotated(record, tmp_path)) == [
        "::error file=deploy/conformance.toml,title=oauth/token/a#one (MUST)::"
        "Got 200 OK with no body; expected 401 (case: one) (and 1 more check)",
        "::warning file=deploy/conformance.toml,title=oauth/token/b (SHOULD)::Got no header; expected 401",
        "::warning file=deploy/conformance.toml,title=oauth/token/c (MUST)::"
        "inconclusive: no credential; needs a revoked credential",
    ]
    assert all("file=" not in each for each in annotated(record, tmp_path / "elsewhere"))
    record.info.strict = True
    assert "::error file=deploy/conformance.toml,title=oauth/token/b (SHOULD)" in "".join(annotated(record, tmp_path))


def test_text_of_the_target_is_no_workflow_command(tmp_path: Path) -> None:
    hostile = "100%\n::add-mask::x\r\n::error::y"
    record = samples.written(tmp_path / "run", [failing("oauth/token/a", observed=hostile)])
    (line,) = annotated(record, tmp_path)
    assert "\n" not in line and line.endswith("Got 100%25 ::add-mask::x ::error::y; expected 401")
    record.results[0].id = "oauth/token/a#x,file=b::c"
    assert "title=oauth/token/a#x%2Cfile=b%3A%3Ac (MUST)::" in next(annotated(record, tmp_path))


def test_workflow_commands_are_stopped_during_the_run(tmp_path: Path) -> None:
    record = samples.written(tmp_path / "run", [failing("oauth/token/a")])
    first, again, error = printed(record, GITHUB_ACTIONS="true")
    assert first.startswith("::stop-commands::") and again == f"::{first.removeprefix('::stop-commands::')}::"
    assert error.startswith("::error ")
    assert printed(record, GITHUB_ACTIONS="true")[0] != first


def test_the_summary_is_added_to_the_page_of_the_step(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("before\n")
    record = samples.written(tmp_path / "run", [failing("oauth/token/a")])
    render_all(record, ["markdown"])
    variables = {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(page)}
    printed(record, **variables)
    assert page.read_text() == "before\n" + (record.folder / "summary.md").read_text()
    page.write_text("x" * LARGEST_SUMMARY)
    printed(record, **variables)
    assert page.stat().st_size == LARGEST_SUMMARY
    printed(record, GITHUB_ACTIONS="true", GITHUB_STEP_SUMMARY=str(tmp_path / "none" / "page.md"))
