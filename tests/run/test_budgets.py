"""Budgets of properties: examples, time, seed."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.plugin.embedded import EmbeddedReference
from conformance.reference.control import tell
from conformance.strategies.oauth import AUTHORIZATION_KINDS
from tests.run.support import Ran, conformance

pytestmark = pytest.mark.nightly

PROPERTY = "oauth/scope/any-text-stays-within-the-credential"
WITHOUT_WRITTEN = "storage/object/any-metadata-comes-back"
DEFECT = "metadata-read-as-a-list"


def run(folder: Path, selector: str, *words: str) -> Ran:
    folder.mkdir()
    return conformance(folder, "run", selector, *words)


def events(ran: Ran) -> dict[str, int]:
    return next(result.events for result in ran.record.results if result.id == PROPERTY)


def test_without_a_budget_only_written_examples_are_tried(tmp_path: Path) -> None:
    written = "oauth/client/any-authorization-field-keeps-the-contract"
    ran = conformance(tmp_path, "run", written, WITHOUT_WRITTEN, "--explore", "0")
    by_id = {result.id: result for result in ran.record.results}

    assert by_id[WITHOUT_WRITTEN].verdict == "not-applicable" and "--explore 0" in by_id[WITHOUT_WRITTEN].reason
    assert by_id[written].verdict == "pass" and by_id[written].events["examples"] == len(AUTHORIZATION_KINDS)


def test_the_same_seed_tries_the_same(tmp_path: Path) -> None:
    one, two = (run(tmp_path / name, PROPERTY, "--explore", "30", "--seed", "7") for name in ("a", "b"))
    assert events(one) == events(two)


def test_a_failing_example_shrinks_only_within_its_time(tmp_path: Path) -> None:
    tried = []
    for seconds_of_it in ("0", "20"):
        reference = EmbeddedReference()
        try:
            tell(f"file:{reference.folder / 'conformance.secrets' / 'control-url'}", "switch", DEFECT)
            words = ["--config", str(reference.target_config), "--shrink-time", seconds_of_it]
            ran = run(tmp_path / seconds_of_it, WITHOUT_WRITTEN, *words)
        finally:
            reference.stop()
        (result,) = ran.record.results
        assert (ran.code, result.verdict) == (1, "fail"), ran.output
        tried.append(result.events["examples"])
    assert tried[0] <= 25 < tried[1]
