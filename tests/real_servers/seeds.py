"""Runs checks against a real server from several seeds, and says what is found.

    python -m tests.real_servers.seeds TARGET.toml [SELECTOR …] [--seeds 10] [--workers N]

The server is started by a script in .ci/servers, whose environment is exported first. Without selectors listings,
paging, models and concurrency of storage are run, where a seed may decide what is found. One line a run, then each
check that failed in any run with the number of runs in which it did. Exit 1 where a run could not judge at all, or a
check fails that is not in the server's file of expected findings.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from tests.real_servers.compare import expected, judged, means

SELECTED = ("storage/paging", "storage/model", "storage/at-once", "storage/listing/start-after-is-exclusive")


def failing(config: Path, seed: int, folder: Path, choice: list[str]) -> list[str] | None:
    """The checks that fail in one run of a choice; None where it ended otherwise than by judging."""
    command = [sys.executable, "-m", "conformance", "run", *choice, "--config", str(config)]
    ended = subprocess.run(
        [*command, "--seed", str(seed), "--out", str(folder)], stdout=subprocess.DEVNULL, check=False
    )
    if ended.returncode not in (0, 1, 7):
        return None
    return sorted(check for check, verdict in judged(folder).items() if verdict == "fail")


def summary(runs: list[list[str]]) -> list[str]:
    """Each check that failed, and in how many of the runs."""
    counts = Counter(check for run in runs for check in run)
    return [f"{count:3} of {len(runs)}  {check}" for check, count in counts.most_common()] or ["nothing in any run"]


def surprising(found: list[str], known: Path) -> list[str]:
    """Those that are not in the server's file of expected findings."""
    entries = expected(known)
    return [check for check in found if not any(means(entry, check) for entry in entries)]


def main() -> int:
    """Prints the runs and their summary; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", type=Path)
    parser.add_argument("--expected", type=Path, help="the expected findings (default: the file beside the target's)")
    parser.add_argument("selectors", nargs="*", default=SELECTED)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    choice = [*options.selectors, "--workers", str(options.workers)]
    runs: list[list[str]] = []
    surprises: set[str] = set()
    with tempfile.TemporaryDirectory() as scratch:
        for seed in range(1, options.seeds + 1):
            found = failing(options.config, seed, Path(scratch) / str(seed), choice)
            if found is None:
                print(f"seed {seed}: the run did not judge")
                return 1
            unexpected = surprising(found, options.expected or options.config.with_suffix(".expected.toml"))
            surprises.update(unexpected)
            print(f"seed {seed}: {len(found)} checks fail, {len(unexpected)} of them not expected", flush=True)
            runs.append(found)
    print("\n".join(summary(runs)))
    print("\n".join(f"not expected: {check}" for check in sorted(surprises)) or "none that is not expected")
    return 1 if surprises else 0


if __name__ == "__main__":
    sys.exit(main())
