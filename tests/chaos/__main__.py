"""Run areas against a reference whose responses change at random.

    python -m tests.chaos --area oauth --seeds 1-20 --share 0.05 --out DIR
    python -m tests.chaos --area storage --seeds 7 --mutation json-retyped --mutation cut --only '^GET' --share 1

Each run prints a line, and what is wrong with it: a verdict ``error``, a traceback, an exit code that a target cannot
cause, a run that does not end, memory beyond a bound, a secret or a broken report in its folder.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path

from tests.chaos.layer import Plan
from tests.chaos.replies import MUTATIONS
from tests.chaos.trying import tried

AREAS = ("oauth", "authorization", "errors", "registry", "storage", "webhooks")


def _parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--area", action="append", help="areas or other selectors; repeatable (default: each area)")
    parser.add_argument("--seeds", default="1-3", help="N or N-M")
    parser.add_argument("--share", type=float, default=0.05, help="the part of the answers that is changed")
    parser.add_argument("--grace", type=int, default=20, help="so many answers of each surface stay at first")
    parser.add_argument("--only", default="", help="a regular expression on method and path")
    parser.add_argument("--mutation", action="append", choices=sorted(MUTATIONS), help="only these; repeatable")
    parser.add_argument(
        "--then", action="append", default=[], help="report, rejudge, replay, compare, history or sweep"
    )
    parser.add_argument("--out", type=Path, required=True)
    return parser.parse_args()


def main() -> int:
    """1 where anything is wrong."""
    choice = _parsed()
    first, _, last = choice.seeds.partition("-")
    wrong = 0
    for seed in range(int(first), int(last or first) + 1):
        for area in choice.area or AREAS:
            plan = Plan(seed, choice.share, choice.grace, choice.only, tuple(choice.mutation or ()))
            words = [area, "--workers", "0", "--explore", "2", "--shrink-time", "1", "--seed", str(seed)]
            done = tried(plan, words, choice.out / f"{area.replace('/', '_')}-{seed}", after=tuple(choice.then))
            verdicts = ", ".join(f"{count} {name}" for name, count in sorted(Counter(done.verdicts.values()).items()))
            print(
                f"{area} {seed}: {done.seconds:.0f} s, {done.most_mb} MB, {len(plan.log)} changed; {verdicts}",
                flush=True,
            )
            print(*(f"  WRONG {each}\n" for each in done.wrong), sep="", end="", flush=True)
            wrong += len(done.wrong)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
