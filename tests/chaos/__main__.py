"""Run areas against generated hostile servers.

    python -m tests.chaos --seeds 1-60 --out DIR
    python -m tests.chaos --seeds 7 --area storage/listing --then rejudge --out DIR

Each run prints a line, and what is wrong with it: a verdict ``error``, a traceback, an exit code that a target cannot
cause, a run that does not end, memory beyond a bound, a secret or a broken report in its folder.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path

from tests.chaos.servers import Server
from tests.chaos.trying import tried


def _parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", default="1-3", help="N or N-M")
    parser.add_argument("--area", action="append", default=[], help="areas or other selectors (default: a whole run)")
    parser.add_argument("--then", action="append", default=[], help="report, rejudge, replay, compare or sweep")
    parser.add_argument("--workers", default="0")
    parser.add_argument("--out", type=Path, required=True)
    return parser.parse_args()


def main() -> int:
    """1 where anything is wrong."""
    choice = _parsed()
    first, _, last = choice.seeds.partition("-")
    wrong = 0
    for seed in range(int(first), int(last or first) + 1):
        server = Server.drawn(seed)
        words = [*choice.area, "--workers", choice.workers, "--explore", "2", "--seed", str(seed)]
        done = tried(server, words, choice.out / str(seed), after=tuple(choice.then))
        verdicts = ", ".join(f"{count} {name}" for name, count in sorted(Counter(done.verdicts.values()).items()))
        figures = f"{done.seconds:.0f} s, {done.most_mb} MB, {server.requests.total()} requests"
        print(f"{server}: {figures}; {verdicts}", flush=True)
        print(*(f"  WRONG {each}\n" for each in done.wrong), sep="", end="", flush=True)
        wrong += len(done.wrong)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
