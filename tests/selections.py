"""Run random selections of checks, in any number of processes, against the clean reference: nothing may fail.

    python -m tests.selections --seconds 600 --seed 1 --out DIR

A whole run has its checks in one order. A check that depends on an earlier one, or on the preflight's last request,
fails in a smaller selection only. Each wrong run is one line, and its folder stays; the other folders are removed.
Exit code 1 if any run was wrong.
"""

from __future__ import annotations

import argparse
import random
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

from conformance.contract.catalogue import catalogue
from conformance.runs.reading import read
from conformance.runs.record import RecordError
from conformance.vocabulary.verdict import ExitCode

WORKERS = ("0", "1", "2", "2", "3", "4", "6")
EXAMPLES = ("1", "3", "8", "15", "60")
BY_CLIENTS = "interoperability"
FINE = ("pass", "not-applicable")


def choice(draw: random.Random) -> list[str]:
    """Selectors: some topics, some requirements, both, or a whole area; none of the checks that start programs."""
    ids = sorted(each.id for each in catalogue() if not each.untestable and each.area != BY_CLIENTS)
    topics, areas = (sorted({"/".join(each.split("/")[:parts]) for each in ids}) for parts in (2, 1))
    kinds = [
        lambda: draw.sample(topics, draw.randint(1, 6)),
        lambda: draw.sample(ids, draw.randint(2, 40)),
        lambda: draw.sample(topics, 3) + draw.sample(ids, 10),
        lambda: draw.sample(areas, 1),
    ]
    return draw.choice(kinds)()


def options(draw: random.Random) -> list[str]:
    """In how many processes, with how many examples from which seed, and whether only one half of two."""
    made = [
        "--workers",
        draw.choice(WORKERS),
        "--explore",
        draw.choice(EXAMPLES),
        "--seed",
        str(draw.randint(1, 10**6)),
    ]
    return [*made, *(["--shard", f"{draw.randint(1, 2)}/2"] if draw.random() < 0.2 else [])]


def wrong(words: list[str], out: Path) -> list[str]:
    """What a run against the embedded reference shows that it must not; its folder is kept where there is anything."""
    command = [sys.executable, "-m", "conformance", "run", *words, "--out", str(out)]
    ended = subprocess.run(command, cwd=out.parent, capture_output=True, text=True, check=False)
    try:
        found = [
            f"{each.id}: {each.verdict} {each.reason} {[finding['observed'] for finding in each.findings]}"
            for each in read(out).results
            if each.verdict not in FINE
        ]
    except RecordError as mistake:
        found = [str(mistake)] if ended.returncode != ExitCode.NOTHING_SELECTED else []
    if ended.returncode not in (ExitCode.CONFORMANT, ExitCode.NOTHING_SELECTED) and not found:
        found = [f"exit code {ended.returncode}: {(ended.stderr or ended.stdout)[-400:]}"]
    if not found:
        shutil.rmtree(out, ignore_errors=True)
    return found


def main(arguments: Iterable[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=600.0, help="how long to go on")
    parser.add_argument("--seed", type=int, default=1, help="of the choices")
    parser.add_argument("--out", type=Path, required=True, help="a folder for the runs that show something")
    given = parser.parse_args(None if arguments is None else list(arguments))
    given.out.mkdir(parents=True, exist_ok=True)
    until, runs, bad = time.monotonic() + given.seconds, 0, 0
    while runs == 0 or time.monotonic() < until:
        runs += 1
        draw = random.Random(f"{given.seed} {runs}")
        words = [*choice(draw), *options(draw)]
        if found := wrong(words, given.out.resolve() / f"{given.seed}-{runs}"):
            bad += 1
            print(f"{given.seed}-{runs}: conformance run {shlex.join(words)}", *found, sep="\n    ", flush=True)
    print(f"{runs} runs, {bad} of which show what they must not")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
