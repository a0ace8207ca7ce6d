"""``conformance report RUN``: the formats it writes, and what it says where one cannot be written."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance import reporting
from conformance.commands import main
from conformance.reporting import FORMATS, render_each
from conformance.runs.reading import read
from tests.reporting import samples


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A run without reports."""
    return samples.every_verdict(tmp_path / "run").folder


def test_the_named_formats_are_written(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(folder), "--format", "junit,html"]) == 0
    assert capsys.readouterr().out == f"junit     {folder / 'junit.xml'}\nhtml      {folder / 'index.html'}\n"
    assert not (folder / "summary.md").exists()
    assert main(["report", str(folder)]) == 0
    assert all((folder / name).exists() for _, name in FORMATS.values())


def test_a_report_that_cannot_be_written_prevents_no_other(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "index.html").mkdir()
    paths, failures = render_each(read(folder), ["html", "junit"])
    assert failures == [f"{folder}: html could not be written (Is a directory)"]
    assert paths["junit"].exists()
    assert main(["report", str(folder), "--format", "html"]) == 4
    assert "a report cannot be written (Is a directory)" in capsys.readouterr().err


def test_an_error_of_the_suite_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(record: object, formats: list[str]) -> dict[str, Path]:
        raise ValueError("no time")

    monkeypatch.setattr(reporting, "render_all", broken)
    message = f"{folder}: html could not be written (error in the suite: ValueError: no time)"
    assert render_each(read(folder), ["html"]) == ({}, [message])
