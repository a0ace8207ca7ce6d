"""Runs checks against a real server from several seeds, and says what is found.

    python -m tests.real_servers.seeds TARGET.toml [SELECTOR …] [--seeds 10] [--workers N]

The server is started by a script in .ci/servers, whose environment is exported first. Without selectors listings,
paging, models and concurrency of storage are run, where a seed may decide what is found. One line a run, then each
check that failed in any run with the number of runs in which it did, and each that a run could not judge. Exit 1 where
a run ended otherwise than by judging, or a check fails that is not in the server's file of expected findings; else 7
where a check could not be judged, as when the server is gone.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from tests.real_servers.compare import expected, judged, means

SELECTED = ("storage/paging", "storage/model", "storage/concurrency", "storage/listing/start-after-is-exclusive")


def verdicts(config: Path, seed: int, folder: Path, choice: list[str]) -> dict[str, str] | None:
    """The verdicts of one run of a choice by check; None where it ended otherwise than by judging."""
    command = [sys.executable, "-m", "conformance", "run", *choice, "--config", str(config)]
    ended = subprocess.run(
        [*command, "--seed", str(seed), "--out", str(folder)], stdout=subprocess.DEVNULL, check=False
    )
    return judged(folder) if ended.returncode in (0, 1, 7) else None


def having(run: dict[str, str], verdict: str) -> list[str]:
    """The checks of a run that have a verdict."""
    return sorted(check for check, each in run.items() if each == verdict)


def summary(runs: list[list[str]]) -> list[str]:
    """Each check that is in any of the runs, and in how many."""
    counts = Counter(check for run in runs for check in run)
    return [f"{count:3} of {len(runs)}  {check}" for check, count in counts.most_common()] or ["nothing in any run"]


def surprising(found: list[str], known: Path) -> list[str]:
    """Those that are not in the server's file of expected findings."""
    entries = expected(known)
    return [check for check in found if not any(means(entry, check) for entry in entries)]


def told(run: dict[str, str], known: Path) -> str:
    """One run in a line."""
    found, unclear = having(run, "fail"), having(run, "inconclusive")
    if not found and len(unclear) == len(run):
        return f"none of the {len(run)} checks could be judged"
    line = f"{len(found)} checks fail, {len(surprising(found, known))} of them not expected"
    return f"{line}, {len(unclear)} could not be judged" if unclear else line


def concluded(runs: list[dict[str, str]], known: Path) -> int:
    """Prints what the runs come to; returns the exit code."""
    failing, unclear = ([having(run, verdict) for run in runs] for verdict in ("fail", "inconclusive"))
    surprises = surprising(sorted({check for run in failing for check in run}), known)
    print("\n".join(summary(failing)))
    print("\n".join(f"not expected: {check}" for check in surprises) or "none that is not expected")
    if any(unclear):
        print("\n".join(["could not be judged:", *summary(unclear)]))
    if surprises:
        return 1
    return 7 if any(unclear) else 0


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
    known = options.expected or options.config.with_suffix(".expected.toml")
    runs: list[dict[str, str]] = []
    with tempfile.TemporaryDirectory() as scratch:
        for seed in range(1, options.seeds + 1):
            run = verdicts(options.config, seed, Path(scratch) / str(seed), choice)
            if run is None:
                print(f"seed {seed}: the run did not judge")
                return 1
            print(f"seed {seed}: {told(run, known)}", flush=True)
            runs.append(run)
    return concluded(runs, known)


if __name__ == "__main__":
    sys.exit(main())
