"""A registry that takes as long for one push as others for ten is asked for no more than it had the time for."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.run.support import run

pytestmark = pytest.mark.nightly

# The seconds of what is done at once, cut to what a few requests take: to the suite the reference is slow then.
HURRIED = """
import sys

from conformance.clients import concurrency
from conformance.commands import main

concurrency.LONGEST_S = 0.004
sys.exit(main())
"""


def test_what_a_slow_registry_had_no_time_for_is_not_missed(tmp_path: Path) -> None:
    ran = run([sys.executable, "-c", HURRIED, "run", "registry/concurrency", "--workers", "1"], tmp_path)

    assert ran.code == 0, ran.output
    assert set(ran.verdicts().values()) == {"pass"}
