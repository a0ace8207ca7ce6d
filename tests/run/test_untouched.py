"""Runs of a target that nobody has touched: whatever processes and seeds they had, ``compare`` shows no difference."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.plugin.embedded import EmbeddedReference
from tests.run.support import conformance

pytestmark = pytest.mark.nightly

# Those of which a check sends what others use too, and those that list what earlier runs left behind.
AREAS = ["authorization/isolation", "errors/5xx", "oauth/scope", "registry/catalog", "registry/tags", "registry/rights"]
RUNS = {"first": ["--workers", "1"], "again": ["--workers", "2"], "seeded": ["--workers", "2", "--seed", "7"]}


def test_runs_of_an_untouched_target_do_not_differ(tmp_path: Path) -> None:
    reference = EmbeddedReference()
    words = ["run", *AREAS, "--config", str(reference.target_config), "--explore", "1", "--report", "junit"]
    try:
        for name, more in RUNS.items():
            ran = conformance(tmp_path, *words, *more, "--out", name)
            assert ran.code == 0, ran.output
    finally:
        reference.stop()
    compared = conformance(tmp_path, "compare", *RUNS, "--fail-on", "any")
    assert compared.code == 0, compared.output
    backwards = conformance(tmp_path, "compare", *reversed(RUNS), "--fail-on", "any")
    assert backwards.code == 0, backwards.output
