"""The table of properties × the defects that they alone find: how often, and how small what they show is.

    python -m tests.properties                        every such defect, its property from 20 seeds
    python -m tests.properties --defect NAME --seeds 5
    python -m tests.properties --out TABLE.md

A defect that only properties find declares how many requests show it at least (``shortest``). A defect counts as found
where its property fails; what is shown is the smallest of its findings, in requests and hooks, for the first seeds
(``--shrunk``: to make an example smaller is what takes the time).
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from conformance.plugin.checks import CHECK
from conformance.reference.alteration import Defect
from conformance.reference.control import tell
from conformance.reference.deployment import alterations
from conformance.strategies.properties import LONGEST_SHRINK_S, configure
from tests.defect_table import CLEAN, Table, dealt_out, in_reference, in_turn, parsed_with_processes
from tests.rows import Row, requirement_of

SEEDS, NEEDED, LONGER = 20, 0.95, 3
SURFACES = ["identity", "registry", "storage", "webhooks"]


def explored() -> dict[str, type[Defect]]:
    """The defects that only properties find, by name."""
    return {
        name: each for name, each in sorted(alterations().items()) if issubclass(each, Defect) and each.shortest > 0
    }


def found_by(defect: type[Defect]) -> list[str]:
    """The properties that find a defect."""
    return sorted({requirement_of(named) for named in defect.noticed_by})


def is_property(item: pytest.Item) -> bool:
    """Whether a check is tried on examples that are drawn."""
    if CHECK not in item.stash:
        return False
    return hasattr(getattr(item, "function", None), "hypothesis") or "/model/" in item.stash[CHECK].requirement.id


@dataclass(frozen=True)
class Found:
    """What the seeds showed of one defect by one property: how many found it, and what the shrunk ones came to."""

    defect: str
    requirement: str
    shortest: int
    seeds: int
    found: int
    sizes: tuple[int, ...]

    @property
    def often(self) -> bool:
        """Whether it was found from 19 of 20 seeds, or as large a part of others."""
        return self.found >= NEEDED * self.seeds

    @property
    def small(self) -> bool:
        """Whether what was shown is at most three requests longer than it must be."""
        return max(self.sizes, default=0) <= self.shortest + LONGER

    def line(self) -> str:
        """A line of the table."""
        sizes = f"{min(self.sizes)} to {max(self.sizes)}" if self.sizes else "-"
        return f"| {self.requirement} | {self.defect} | {self.found}/{self.seeds} | {sizes} | {self.shortest} |"


class Seeded(Table):
    """Runs the properties that a defect names once for each seed."""

    def __init__(
        self, wanted: list[Row], control: str, seeds: Sequence[int], shrunk: int, explore: int, shrink_s: float
    ) -> None:
        super().__init__(wanted, control)
        self.seeds, self.shrunk, self.explore, self.shrink_s = seeds, shrunk, explore, shrink_s

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Runs the rows, each from every seed."""
        items = {item: item.stash[CHECK] for item in session.items if CHECK in item.stash}
        needed = {row.name: list(self.of(row, items)) for row in self.wanted}
        every = [item for item in items if any(item in each for each in needed.values())]
        # What is made once a run is made here, so that it is no part of what a seed shows.
        self.verdicts[CLEAN] = self.run(every, elsewhere(every, session))
        for row in self.wanted:
            for seed in self.seeds:
                tell(self.control, "switch", row.name)
                configure(self.explore, seed, shrink_s=self.shrink_s if seed < self.shrunk else 0)
                judged = self.run(needed[row.name], elsewhere(needed[row.name], session))
                self.verdicts[f"{row.name} {seed}"] = judged
                tell(self.control, "switch")
                _progress(row, seed, judged)
        return True


def _progress(row: Row, seed: int, judged: dict[str, dict[str, Any]]) -> None:
    """Says what a seed showed: all of them together take long."""
    shown = [min(_shown(judged, requirement), default=0) for requirement in row.requirements or ()]
    others = (f"{check}: {each['verdict']} {each['reason']}" for check, each in judged.items())
    why = "" if all(shown) else f" ({'; '.join(others)})"
    print(f"{row.name} seed {seed}: {' '.join(map(str, shown))}{why}", file=sys.stderr, flush=True)


def elsewhere(items: list[pytest.Item], session: pytest.Session) -> pytest.Item:
    """A check of another folder than the last of these, or of another file: all but what lives as long as the session
    is taken down before it."""
    last = items[-1].path
    others = [item for item in session.items if item.path != last]
    return next((item for item in others if item.path.parent != last.parent), others[0])


def search(
    names: Sequence[str], seeds: int, shrunk: int, explore: int, shrink_s: float = LONGEST_SHRINK_S
) -> list[Found]:
    """What the seeds show of these defects, in this process."""
    wanted = [Row(name, explored()[name].surface, tuple(found_by(explored()[name]))) for name in names]
    verdicts = in_reference(
        wanted, explore, lambda control: Seeded(wanted, control, range(seeds), shrunk, explore, shrink_s)
    )
    found = []
    for row in wanted:
        for requirement in row.requirements or ():
            shown = [_shown(verdicts[f"{row.name} {seed}"], requirement) for seed in range(seeds)]
            sizes = tuple(min(each) for each in shown[:shrunk] if each)
            times = sum(bool(each) for each in shown)
            found.append(Found(row.name, requirement, explored()[row.name].shortest, seeds, times, sizes))
    return found


def _shown(row: dict[str, dict[str, Any]], requirement: str) -> list[int]:
    """How long the sequences are that a property's findings show, those of all its cases."""
    return [
        len(finding["sequence"])
        for check, judged in row.items()
        if requirement_of(check) == requirement and judged["verdict"] == "fail"
        for finding in judged["findings"]
    ]


def search_in_processes(choice: argparse.Namespace) -> list[Found]:
    """The defects dealt out over processes."""
    names = choice.defect or [
        name for name, each in explored().items() if not choice.surface or each.surface == choice.surface
    ]
    words = [f"--{name}={getattr(choice, name)}" for name in ("seeds", "shrunk", "explore")]
    parts = dealt_out("tests.properties", in_turn(names, choice.jobs), words)
    found = [Found(**{**each, "sizes": tuple(each["sizes"])}) for part in parts for each in part]
    return sorted(found, key=lambda each: (each.requirement, each.defect))


def markdown(found: Iterable[Found]) -> str:
    """The table as a page."""
    head = ["| property | defect | found | requests shown | needed |", "| --- | --- | --- | --- | --- |"]
    return "\n".join([*head, *(each.line() for each in found)]) + "\n"


def _parsed(arguments: Iterable[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--defect", action="append", metavar="NAME", choices=list(explored()), help="repeatable")
    parser.add_argument("--surface", choices=SURFACES)
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--shrunk", type=int, default=3, help="of how many seeds the finding is made smaller")
    return parsed_with_processes(parser, arguments, explore=25)


def main(arguments: Iterable[str] | None = None) -> int:
    """The command line; 1 where a defect is found too seldom, or shown at too great length."""
    choice = _parsed(arguments)
    if choice.part:
        told: list[dict[str, Any]] = [
            vars(each) for each in search(choice.defect, choice.seeds, choice.shrunk, choice.explore)
        ]
        choice.part.write_text(json.dumps(told), encoding="utf-8")
        return 0
    found = search_in_processes(choice)
    if choice.out:
        choice.out.write_text(markdown(found), encoding="utf-8")
    for each in found:
        print(each.line(), "" if each.often and each.small else "  <<<")
    return 0 if all(each.often and each.small for each in found) else 1


if __name__ == "__main__":
    sys.exit(main())
