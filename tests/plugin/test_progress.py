"""What a run says while it goes on: each requirement that fails is told once, its other cases are counted."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from conformance.plugin.progress import SHOWN_FAILURES, Progress
from conformance.runs.record import Record
from conformance.vocabulary.verdict import Verdict
from tests.reporting import samples


def progress(tmp_path: Path) -> Progress:
    config: Any = SimpleNamespace(
        option=SimpleNamespace(conformance_terminal=True), invocation_params=SimpleNamespace(dir=tmp_path)
    )
    return Progress(config)


def said(tmp_path: Path, ids: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    finding = samples.finding("401", "200")
    results = [samples.check(each, Verdict.FAIL, findings=[finding]) for each in ids]
    telling = progress(tmp_path)
    for result in results:
        telling.judged(result)
    telling.ending(cast(Record, samples.written(tmp_path / "run", results, samples.recorder())), {}, [], [])
    return capsys.readouterr().out


def test_cases_of_one_requirement_are_told_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = said(tmp_path, ["oauth/a/x#one", "oauth/a/x#two", "oauth/a/y", "oauth/a/x#three"], capsys)
    assert [line.split()[1] for line in text.splitlines() if line.startswith("FAIL")] == ["oauth/a/x#one", "oauth/a/y"]
    assert "… and 2 more failing checks of 1 requirement: all of them are in the report" in text


def test_so_many_are_told_and_no_more(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = said(tmp_path, [f"oauth/a/x{number}" for number in range(SHOWN_FAILURES + 3)], capsys)
    assert text.count("\nFAIL ") == SHOWN_FAILURES
    assert "… and 3 more failing checks of 3 requirements" in text
