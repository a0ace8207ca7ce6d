"""A run of a random selection of checks is removed if nothing is wrong, and kept otherwise."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import selections
from tests.run.support import serving_reference

pytestmark = pytest.mark.nightly


def test_a_clean_run_is_removed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert selections.main(["--seconds", "0", "--seed", "5", "--out", str(tmp_path / "runs")]) == 0
    assert capsys.readouterr().out == "1 runs, 0 of which show what they must not\n"
    assert list((tmp_path / "runs").iterdir()) == []


def test_a_run_that_shows_something_is_kept(tmp_path: Path) -> None:
    with serving_reference() as reference:
        (reference.folder / "conformance.secrets" / "identity-full").write_text("another secret\n", encoding="utf-8")
        words = ["oauth/client", "--config", str(reference.target_config), "--workers", "0"]
        assert "inconclusive" in selections.wrong(words, tmp_path / "run")[0]
    assert (tmp_path / "run" / "run.json").exists()
