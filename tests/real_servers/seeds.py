"""Runs listings, paging, models and concurrency against a real S3 server from several seeds, and says what is found.

    python -m tests.real_servers.seeds TARGET.toml [--seeds 10]

The server is started by .ci/servers/storage.sh, whose ``environment`` is sourced first. One line a run, then each
check that failed in any run with the number of runs in which it did. Exit 1 where a run could not judge at all.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from tests.real_servers.compare import judged

SELECTED = ("storage/paging", "storage/model", "storage/at-once", "storage/listing/start-after-is-exclusive")


def failing(config: Path, seed: int, folder: Path) -> list[str] | None:
    """The checks that fail in one run; None where it ended otherwise than by judging."""
    command = [sys.executable, "-m", "conformance", "run", *SELECTED, "--config", str(config)]
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


def main() -> int:
    """Prints the runs and their summary; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", type=Path)
    parser.add_argument("--seeds", type=int, default=10)
    options = parser.parse_args()
    runs: list[list[str]] = []
    with tempfile.TemporaryDirectory() as scratch:
        for seed in range(1, options.seeds + 1):
            found = failing(options.config, seed, Path(scratch) / str(seed))
            if found is None:
                print(f"seed {seed}: the run did not judge")
                return 1
            print(f"seed {seed}: {len(found)} checks fail", flush=True)
            runs.append(found)
    print("\n".join(summary(runs)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
