"""Output during a run and at its end: each cause once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from conformance.commands.rejudge import table
from conformance.commands.replay import _compared
from conformance.plugin.progress import Progress
from conformance.plugin.rejudging import Outcome, Rejudged
from conformance.preflight import SurfaceState
from conformance.runs.waivers import Waivers
from conformance.vocabulary.verdict import Verdict
from tests.reporting import samples


def progress(tmp_path: Path, verbose: int = 0) -> Progress:
    option = SimpleNamespace(conformance_terminal=True, color="auto", verbose=verbose)
    config: Any = SimpleNamespace(option=option, invocation_params=SimpleNamespace(dir=tmp_path))
    return Progress(config)


def said(
    tmp_path: Path, findings: dict[str, dict[str, Any]], capsys: pytest.CaptureFixture[str], verbose: int = 0
) -> str:
    results = [samples.check(each, Verdict.FAIL, findings=[finding]) for each, finding in findings.items()]
    telling = progress(tmp_path, verbose)
    telling.collected([f"suites/oauth/test_x.py::{each}" for each in findings])
    for result in results:
        telling.judged(result)
    files = {"html": tmp_path / "index.html", "junit": tmp_path / "junit.xml"}
    telling.ending(samples.written(tmp_path / "run", results, samples.recorder()), files, [], [])
    return capsys.readouterr().out


def test_a_cause_is_reported_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = samples.finding("401", "200 application/json {}", asked="POST /oauth/token")
    text = said(tmp_path, {f"oauth/a/{name}": found for name in ("x#one", "x#two", "y")}, capsys)

    assert text.count("\nFAIL ") == 1
    assert "Got 200 OK with application/json content; expected 401" in text
    assert "shown by   3 checks" in text


def test_a_quiet_run_prints_findings_verdict_and_report_only(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = {"oauth/a/x": samples.finding("401", "200 application/json {}", asked="POST /oauth/token")}
    loud, quiet = (said(tmp_path / str(verbose), found, capsys, verbose) for verbose in (0, -1))

    assert all("\nFAIL oauth/a/x" in text and "html:     index.html" in text for text in (loud, quiet))
    for part in ("\nbroken ", "\nclass ", "junit: ", "again: ", "oauth              "):
        assert part in loud and part not in quiet


def test_text_of_the_target_moves_no_cursor_and_starts_no_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = 'refused with "\x1b[2J\x1b]0;title\x07\n::error::of the target"'
    record = samples.written(tmp_path / "run", [], samples.recorder())
    telling = progress(tmp_path)
    telling.beginning(record.info, [SurfaceState("identity", locked=said)], False, tmp_path, Waivers([], "2026-01-01"))
    telling.ending(record, {}, [said], [said])
    replayed = [samples.check("oauth/a/x", Verdict.ERROR, reason=said)]
    _compared(replayed, {each.id: each for each in replayed})
    judged = Rejudged("oauth/a/x", "MUST", "pass", "fail", said, [samples.finding(said, said)])
    print("\n".join(table(Outcome([judged, replace(judged, now=None)]), with_unclear=True)))
    text = capsys.readouterr().out
    assert "1 cannot be judged: the evidence does not suffice" in text
    assert "\x1b" not in text and "\x07" not in text
    assert text.count("␛[2J") == 8
    # The errors of the suite's own may be of several lines.
    assert sum(line.startswith("::error::") for line in text.splitlines()) == 2
