"""Reports made in processes of their own."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.reporting import FORMATS
from conformance.reporting.apart import render_apart
from tests.reporting import samples


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of a run without reports."""
    return samples.every_verdict(tmp_path / "run").folder


def test_every_format_is_written(folder: Path) -> None:
    """What processes of their own write is what is asked for, and nothing failed."""
    files, failures = render_apart(folder, list(FORMATS))

    assert failures == []
    assert set(files) == set(FORMATS)
    assert all(path.exists() for path in files.values())


def test_no_process_for_what_is_not_asked(folder: Path) -> None:
    """One format leaves one file."""
    files, failures = render_apart(folder, ["markdown"])

    assert (list(files), failures) == (["markdown"], [])
    assert not (folder / "index.html").exists()


def test_what_cannot_be_written_is_told_in_one_sentence_and_the_others_are_there(folder: Path) -> None:
    """A report that fails costs no other, and no traceback is shown."""
    (folder / "index.html").mkdir()

    files, failures = render_apart(folder, ["html", "junit"])

    assert len(failures) == 1
    assert "html could not be written" in failures[0]
    assert "\n" not in failures[0]
    assert files["junit"].exists()


def test_a_folder_that_is_no_run_is_told(tmp_path: Path) -> None:
    """The process says what is wrong with the folder."""
    files, failures = render_apart(tmp_path, ["junit"])

    assert files == {}
    assert "no run.json" in failures[0]
