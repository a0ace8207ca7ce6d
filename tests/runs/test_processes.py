"""Helpers of a run end with the process that started them."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="helpers are made on Linux alone")

LEFT = """
from conformance.runs import processes
processes.prepare("tests.runs.test_processes")
process = processes.prepared("tests.runs.test_processes")
assert process is not None and processes.prepared("tests.runs.test_processes") is None
print(process.pid, flush=True)
"""


def main(descriptor: int) -> int:
    """A helper that does nothing until its lifeline is closed."""
    os.read(descriptor, 1)
    return 0


def said(script: str) -> str:
    """What a Python script prints."""
    return subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True
    ).stdout.strip()


def alive(pid: int) -> bool:
    """Whether there is such a process; one that has ended and waits for its parent is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_a_helper_ends_with_the_process_that_prepared_it() -> None:
    pid = int(said(LEFT))
    assert pid != os.getpid()
    until = time.monotonic() + 30
    while alive(pid) and time.monotonic() < until:
        time.sleep(0.02)
    assert not alive(pid)
