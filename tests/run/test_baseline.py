"""A run held against an earlier one: what was known before does not stop a release, what is new does."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.plugin.embedded import EmbeddedReference
from conformance.reference.control import tell
from tests.run.support import conformance

pytestmark = pytest.mark.once


def test_only_what_newly_fails_stops_a_release(tmp_path: Path) -> None:
    reference = EmbeddedReference()
    control = f"file:{reference.folder / 'conformance.secrets' / 'control-url'}"
    words = ["run", "oauth/client", "oauth/token", "--config", str(reference.target_config)]
    try:
        tell(control, "switch", "client-id-alone-accepted")
        assert conformance(tmp_path, *words, "--out", "old").code == 1
        again = conformance(tmp_path, *words, "--out", "same", "--baseline", "old", "--fail-on", "regression")
        assert again.code == 0, again.output
        assert "no difference in" in again.output
        tell(control, "switch", "any-secret-of-ours-accepted")
        worse = conformance(tmp_path, *words, "--out", "worse", "--baseline", "old", "--fail-on", "regression")
    finally:
        reference.stop()
    assert worse.code == 1, worse.output
    assert "NEWLY FAILING" in worse.output
    assert (tmp_path / "worse" / "compared.html").exists()


def test_a_baseline_that_cannot_be_used_is_told_before_the_run(tmp_path: Path) -> None:
    for words, told in (
        (["--baseline", "nowhere"], "--baseline nowhere: no run.json; not a run's folder"),
        (["--fail-on", "any"], "--fail-on needs --baseline RUN"),
    ):
        ran = conformance(tmp_path, "run", *words)
        assert (ran.code, ran.output.strip()) == (4, told)


def test_a_first_night_has_nothing_to_compare_with(tmp_path: Path) -> None:
    (tmp_path / "nights").mkdir()
    words = ["run", "webhooks/delivery", "--explore", "0", "--baseline", "nights", "--fail-on", "any", "--workers", "0"]
    first = conformance(tmp_path, *words, "--out", "nights/1")
    assert (first.code, "No earlier run is in nights: there is nothing to compare with." in first.output) == (0, True)
    second = conformance(tmp_path, *words, "--out", "nights/2")
    assert (second.code, "nights/1 (reference) → nights/2 (reference)" in second.output) == (0, True), second.output
