"""A target whose updates must name the version in their body is checked as one that is told by If-Match."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from conformance.plugin.embedded import EmbeddedReference
from conformance.reference.control import tell
from conformance.target import configuration
from tests.run.support import conformance

pytestmark = pytest.mark.once


def test_versions_in_bodies_that_are_demanded_are_named(tmp_path: Path) -> None:
    reference = EmbeddedReference()
    try:
        hooks = configuration.load(reference.target_config, tmp_path).choose(None)[1].hooks
        tell(shlex.split(hooks.revoke or "")[3], "switch", "updates-name-their-version")
        described = reference.target_config.read_text(encoding="utf-8")
        told = described.replace('concurrency = "If-Match"', 'concurrency = "version"')
        reference.target_config.write_text(told, encoding="utf-8")
        words = ["errors", "authorization", "--config", str(reference.target_config), "--explore", "5"]
        ran = conformance(tmp_path, "run", *words, "--report", "junit")
    finally:
        reference.stop()
    assert told != described
    assert ran.code == 0, ran.output
    verdicts = ran.verdicts()
    assert set(verdicts.values()) == {"pass", "not-applicable"}
    assert verdicts["errors/409/stale-update"] == "pass"
