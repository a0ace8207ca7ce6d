"""Try many examples of every property on the clean reference, where none may find anything.

    python -m benchmarks.properties [--examples 20000] [--explore 100] [--surface registry]

Every round runs all properties with ``--explore`` examples (each property takes its share) and a new seed, until enough
examples have been tried. Prints for each property examples, requests and response classes; then the totals, the time
and every finding.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from typing import Any

import hypothesis
import pytest

from conformance.plugin.checks import CHECK
from conformance.reference.control import tell
from tests.defect_table import Table, in_reference
from tests.properties import SURFACES, is_property
from tests.rows import Row


class Rounds(Table):
    """Runs all properties repeatedly, each time with another seed."""

    def __init__(self, rows: list[Row], control: str, enough: int) -> None:
        super().__init__(rows, control)
        self.enough = enough
        self.tried: Counter[str] = Counter()
        self.events: dict[str, Counter[str]] = {}
        self.wrong: list[dict[str, Any]] = []

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Run rounds until enough examples have been tried."""
        checks = {item: item.stash[CHECK] for item in session.items if CHECK in item.stash}
        properties = [item for row in self.wanted for item in self.of(row, checks) if is_property(item)]
        seed = 0
        while self.tried.total() < self.enough and properties:
            hypothesis.core.global_force_seed = seed  # type: ignore[assignment]  # as a run sets it
            tell(self.control, "reset")
            for check, judged in self.run(properties).items():
                self._note(seed, check, judged)
            seed += 1
            print(f"seed {seed}: {self.tried.total()} examples", file=sys.stderr)
        self.verdicts["rounds"] = {}
        return True

    def _note(self, seed: int, check: str, judged: dict[str, Any]) -> None:
        events = self.events.setdefault(check, Counter())
        events.update(judged["events"], requests=judged["requests"])
        self.tried[check] += judged["events"].get("examples", 0)
        if judged["verdict"] not in ("pass", "not-applicable"):
            self.wrong.append({"seed": seed, "check": check, **judged})


def main() -> int:
    """Run the command line; return 1 if a property found something."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--examples", type=int, default=20_000)
    parser.add_argument("--explore", type=int, default=100, help="examples a property and round")
    parser.add_argument("--surface", action="append", choices=SURFACES)
    choice = parser.parse_args()
    rows = [Row(surface, surface, None) for surface in choice.surface or SURFACES]
    created: list[Rounds] = []

    def loop(control: str) -> Rounds:
        created.append(Rounds(rows, control, choice.examples))
        return created[0]

    begun = time.monotonic()
    in_reference(rows, choice.explore, loop)
    _print(created[0], time.monotonic() - begun)
    return 1 if created[0].wrong else 0


def _print(rounds: Rounds, took_s: float) -> None:
    print("| property | examples | requests | 2xx | 3xx | 4xx | 5xx |\n| --- | --- | --- | --- | --- | --- | --- |")
    for check, events in sorted(rounds.events.items()):
        answers = " | ".join(str(events[f"answers {each}xx"]) for each in (2, 3, 4, 5))
        print(f"| {check} | {rounds.tried[check]} | {events['requests']} | {answers} |")
    requests = sum(events["requests"] for events in rounds.events.values())
    print(f"\n{rounds.tried.total()} examples, {requests} requests, {took_s:.0f} s, {len(rounds.wrong)} findings")
    for each in rounds.wrong:
        print(f"seed {each['seed']} {each['check']}: {each['verdict']} {each['reason']} {each['findings']}")


if __name__ == "__main__":
    sys.exit(main())
