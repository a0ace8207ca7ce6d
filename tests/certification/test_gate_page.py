"""``docs/gate-and-night.md`` does what it says: every command of it is run, in order, in an empty folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.runs.reading import read
from tests.certification.pages import DOCS, follow, programs
from tests.run import support

pytestmark = pytest.mark.once


def test_every_command_of_the_page_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(support, "TIME_LIMIT_S", 600)
    folder = tmp_path / "platform"
    follow("gate-and-night.md", folder, programs(tmp_path / "bin"))
    assert (folder / "compared.html").exists()
    assert (folder / "nights" / "index.html").exists()
    assert len(read(folder / "nights" / "2026-03-03").info.parts) == 2


def test_the_templates_that_it_names_are_there() -> None:
    text = (DOCS / "gate-and-night.md").read_text(encoding="utf-8")
    named = [line.split("`")[-2] for line in text.splitlines() if line.startswith("| ") and line.endswith("` |")]
    assert len(named) == 5
    assert all((DOCS.parent / each).is_file() for each in named)
