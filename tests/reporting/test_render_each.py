"""A report that cannot be written costs no other, and is one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance import reporting
from conformance.reporting import FORMATS, render_each
from conformance.runs.reading import Record
from tests.reporting import samples


@pytest.fixture
def record(tmp_path: Path) -> Record:
    """A run without reports."""
    return samples.every_verdict(tmp_path / "run")


def test_every_format_is_written(record: Record) -> None:
    paths, failures = render_each(record, FORMATS)
    assert failures == []
    assert set(paths) == set(FORMATS)
    assert all(path.exists() for path in paths.values())


def test_a_report_that_cannot_be_written_costs_no_other(record: Record) -> None:
    (record.folder / "index.html").mkdir()
    paths, failures = render_each(record, ["html", "junit"])
    assert failures == [f"{record.folder}: html could not be written (Is a directory)"]
    assert paths["junit"].exists()


def test_an_error_of_the_suite_is_named(record: Record, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(record: Record, formats: list[str]) -> dict[str, Path]:
        raise ValueError("no time")

    monkeypatch.setattr(reporting, "render_all", broken)
    assert render_each(record, ["html"]) == (
        {},
        [f"{record.folder}: html could not be written (error in the suite: ValueError: no time)"],
    )
