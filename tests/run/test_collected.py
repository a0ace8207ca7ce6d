"""A registry that collects what no image names any more, asked by a few checks alone: none takes it from another."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.plugin.embedded import EmbeddedReference
from conformance.reference.control import tell
from tests.run.support import conformance

pytestmark = pytest.mark.once


def test_what_one_check_deletes_takes_no_blobs_from_others(tmp_path: Path) -> None:
    checks = "registry/concurrency/pull-during-deletion-is-whole-or-404", "registry/manifest/bytes-are-preserved"
    reference = EmbeddedReference()
    try:
        tell(f"file:{reference.folder / 'conformance.secrets' / 'control-url'}", "switch", "unnamed-blobs-collected")
        ran = conformance(tmp_path, "run", *checks, "--config", str(reference.target_config))
    finally:
        reference.stop()

    assert set(ran.verdicts().values()) == {"pass"}, ran.output
