"""Runs of any choice of checks: what they are asked, and that what one shows is told."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from conformance.plugin.embedded import EmbeddedReference
from tests import selections

pytestmark = pytest.mark.nightly


def test_a_choice_comes_again_from_its_seed_and_differs_from_others() -> None:
    made = [[*selections.choice(draw), *selections.options(draw)] for draw in map(random.Random, (1, 1, 2, 3))]
    assert made[0] == made[1]
    assert len({" ".join(each) for each in made}) == 3
    assert not any(word.startswith("interoperability") for each in made for word in each)


def test_a_clean_run_leaves_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert selections.main(["--seconds", "0", "--seed", "5", "--out", str(tmp_path / "runs")]) == 0
    assert capsys.readouterr().out == "1 runs, 0 of which show what they must not\n"
    assert list((tmp_path / "runs").iterdir()) == []


def test_what_a_run_shows_is_told_and_kept(tmp_path: Path) -> None:
    reference = EmbeddedReference()
    try:
        words = ["oauth/client", "--config", str(reference.target_config), "--workers", "0"]
        assert selections.wrong(words, tmp_path / "clean") == []
        (reference.folder / "conformance.secrets" / "identity-full").write_text("another secret\n", encoding="utf-8")
        told = selections.wrong(words, tmp_path / "spoilt")
    finally:
        reference.stop()
    assert told and "inconclusive" in told[0]
    assert not (tmp_path / "clean").exists() and (tmp_path / "spoilt" / "run.json").exists()


def test_a_run_that_cannot_begin_is_told(tmp_path: Path) -> None:
    (told,) = selections.wrong(["oauth", "--workers", "many"], tmp_path / "none")
    assert "many" in told or "no run.json" in told
