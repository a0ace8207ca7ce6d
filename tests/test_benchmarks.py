"""The benchmark of error rates finds what is wrong."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = pytest.mark.nightly


def test_error_rates_find_what_is_wrong() -> None:
    words = ["-m", "benchmarks.error_rates", "--runs", "2", "--only", "tokens"]
    ran = subprocess.run([sys.executable, *words], capture_output=True, text=True, check=False)
    rows = [line for line in ran.stdout.splitlines() if line.startswith("| oauth/")]
    assert [row.split(" | ")[3] for row in rows] == ["0 alarms in 2"] * 3 + ["found 2 of 2"] * 2
    assert ran.returncode == 0
