"""``conformance report RUN``."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from conformance.commands import report
from tests.reporting import samples


def parsed(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    report.add_parser(parser.add_subparsers())
    return parser.parse_args(["report", *words])


def test_it_renders_what_is_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = samples.written(tmp_path / "run", [samples.check("oauth/token/a")]).folder

    assert report.run(parsed(str(folder), "--format", "junit,html")) == 0
    assert capsys.readouterr().out == f"junit     {folder / 'junit.xml'}\nhtml      {folder / 'index.html'}\n"
    assert not (folder / "summary.md").exists()


def test_a_folder_that_is_no_run_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert report.run(parsed(str(tmp_path))) == 4
    assert capsys.readouterr().err == f"{tmp_path}: no run.json; not a run's folder\n"


def test_an_unknown_format_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parsed("run", "--format", "pdf")
    assert "unknown format pdf; the formats are html, junit, ctrf, markdown, allure" in capsys.readouterr().err


def test_a_file_in_the_way_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = samples.written(tmp_path / "run", [samples.check("oauth/token/a")]).folder
    (folder / "index.html").mkdir()

    assert report.run(parsed(str(folder), "--format", "html")) == 4
    assert "a report cannot be written (Is a directory)" in capsys.readouterr().err
