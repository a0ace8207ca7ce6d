"""Measures the storage area against a real S3 server: seconds, checks and requests a second.

    python -m benchmarks.storage TARGET.toml [--workers N] [--repeat 3]

The server is started by .ci/servers/storage.sh, whose ``environment`` is sourced first. Printed are medians of the
quick profile, of the whole area, and of the whole area without what is timed (storage/at-once): wall time from the
command's start to its end, and the time that the run itself took after start-up, with its rate and the ratio to
ceph/s3-tests, which does 3.2 tests a second on Ceph's radosgw.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from conformance.contract.catalogue import catalogue
from conformance.runs.record import read

S3_TESTS_PER_S = 3.2
TIMED = "storage/at-once"


@dataclass
class Measured:
    """One run: seconds of the command, seconds of the run after start-up, and how much it did."""

    wall_s: float
    run_s: float
    checks: int
    requests: int


def untimed() -> list[str]:
    """Selectors of the storage area without what is timed."""
    topics = {"/".join(each.id.split("/")[:2]) for each in catalogue() if each.id.startswith("storage/")}
    return sorted(topics - {TIMED})


def measure(config: Path, workers: int, selection: list[str], folder: Path) -> Measured:
    """One run; SystemExit where it ended otherwise than by judging."""
    command = [sys.executable, "-m", "conformance", "run", *selection, "--config", str(config), "--out", str(folder)]
    begun = time.perf_counter()
    ended = subprocess.run([*command, "--workers", str(workers)], stdout=subprocess.DEVNULL, check=False)
    wall = time.perf_counter() - begun
    if ended.returncode not in (0, 1, 7):
        raise SystemExit(f"the run ended with exit code {ended.returncode}")
    record = read(folder)
    return Measured(wall, record.info.duration_s, len(record.results), record.info.requests)


def told(name: str, runs: list[Measured]) -> str:
    """A line for runs of one kind."""
    wall, run = (statistics.median(each) for each in ([run.wall_s for run in runs], [run.run_s for run in runs]))
    rate = runs[0].checks / run
    return (
        f"{name:<18} {run:6.2f} s ({wall:.2f} s with start and reports), {runs[0].checks} checks, "
        f"{runs[0].requests} requests: {rate:.0f} checks/s, {rate / S3_TESTS_PER_S:.0f} times s3-tests"
    )


def main() -> int:
    """Prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", type=Path)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    kinds = {
        "quick profile": ["storage", "--profile", "quick"],
        "without at-once": untimed(),
        "whole area": ["storage"],
    }
    with tempfile.TemporaryDirectory() as scratch:
        for name, selection in kinds.items():
            runs = [
                measure(options.config, options.workers, selection, Path(scratch) / f"{name}-{number}")
                for number in range(options.repeat)
            ]
            print(told(name, runs), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
