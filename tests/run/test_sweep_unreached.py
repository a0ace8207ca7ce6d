"""What stays where an address leads nowhere, or nobody can look: it is told, and its ledger kept for another try."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from conformance.plugin.embedded import EmbeddedReference
from conformance.reference.control import tell
from conformance.runs.reading import read
from tests.run.support import conformance

pytestmark = pytest.mark.nightly
CHECKS = ("registry/manifest/unusual-manifest-is-no-server-error", "registry/upload/session-opens")


def test_what_cannot_be_reached_keeps_nothing_else_and_its_ledger(tmp_path: Path) -> None:
    reference, run = EmbeddedReference(), tmp_path / "run"
    control = f"file:{reference.folder / 'conformance.secrets' / 'control-url'}"
    config = shutil.copytree(reference.folder, tmp_path / "copy") / reference.target_config.name
    try:
        tell(control, "switch", "location-of-configured-host")
        conformance(tmp_path, "run", *CHECKS, "--config", str(config), "--out", str(run), "--workers", "1")
        left = [each for each in json.loads(tell(control, "state"))["registry"] if "cf-" in each]
    finally:
        reference.stop()
    assert left and all(" upload " in each for each in left), left

    ran = conformance(tmp_path, "sweep", str(run), "--config", str(config))
    assert ran.code == 7, ran.output
    assert (run / "ledger").exists()
    assert any("registry" in each["what"] for each in read(run).leftovers()), ran.output
