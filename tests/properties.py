"""The table of properties × the defects that they alone find: how often, and how small what they show is.

    python -m tests.properties                        every such defect, its property from 20 seeds
    python -m tests.properties --defect NAME --seeds 5
    python -m tests.properties --out TABLE.md

A defect that only properties find declares how many requests show it at least (``shortest``). A defect counts as found
where its property fails; what is shown is the smallest of its findings, in requests and hooks.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from conformance.plugin.worker import CHECK
from conformance.reference.control import tell
from conformance.reference.defects.base import Defect
from conformance.reference.deployment import alterations
from tests.defects import Row, Table, in_reference

SEEDS, NEEDED, LONGER = 20, 0.95, 3


def explored() -> dict[str, type[Defect]]:
    """The defects that only properties find, by name."""
    return {
        name: each for name, each in sorted(alterations().items()) if issubclass(each, Defect) and each.shortest > 0
    }


@dataclass(frozen=True)
class Found:
    """What the seeds showed of one defect by one property: the size of the smallest finding, for each that found it."""

    defect: str
    requirement: str
    shortest: int
    seeds: int
    sizes: tuple[int, ...]

    @property
    def often(self) -> bool:
        """Whether it was found from 19 of 20 seeds, or as large a part of others."""
        return len(self.sizes) >= NEEDED * self.seeds

    @property
    def small(self) -> bool:
        """Whether what was shown is at most three requests longer than it must be."""
        return max(self.sizes, default=0) <= self.shortest + LONGER

    def line(self) -> str:
        """A line of the table."""
        sizes = f"{min(self.sizes)} to {max(self.sizes)}" if self.sizes else "-"
        return f"| {self.requirement} | {self.defect} | {len(self.sizes)}/{self.seeds} | {sizes} | {self.shortest} |"


class Seeded(Table):
    """Runs the properties that a defect names once for each seed."""

    def __init__(self, wanted: list[Row], control: str, seeds: Sequence[int]) -> None:
        super().__init__(wanted, control)
        self.seeds = seeds

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Runs the rows, each from every seed."""
        items = {item: item.stash[CHECK] for item in session.items if CHECK in item.stash}
        for row in self.wanted:
            chosen = list(self.of(row, items))
            for seed in self.seeds:
                tell(self.control, "reset")
                tell(self.control, "switch", row.name)
                # As the run itself sets it.
                hypothesis.core.global_force_seed = seed  # type: ignore[assignment]
                self.verdicts[f"{row.name} {seed}"] = self.run(chosen)
        tell(self.control, "reset")
        return True


def search(names: Sequence[str], seeds: Sequence[int], explore: int) -> list[Found]:
    """What the seeds show of these defects, in this process."""
    wanted = [Row(name, explored()[name].surface, explored()[name].noticed_by) for name in names]
    verdicts = in_reference(wanted, explore, lambda control: Seeded(wanted, control, seeds))
    found = []
    for row in wanted:
        for requirement in row.requirements or ():
            judged = [
                result
                for seed in seeds
                for check, result in verdicts[f"{row.name} {seed}"].items()
                if check.split("#")[0] == requirement and result["verdict"] == "fail"
            ]
            sizes = tuple(min(len(each["sequence"]) for each in result["findings"]) for result in judged)
            found.append(Found(row.name, requirement, explored()[row.name].shortest, len(seeds), sizes))
    return found


def search_in_processes(choice: argparse.Namespace) -> list[Found]:
    """The defects dealt out over processes."""
    names = choice.defect or [
        name for name, each in explored().items() if not choice.surface or each.surface == choice.surface
    ]
    with tempfile.TemporaryDirectory() as folder:
        running = []
        for job in range(min(choice.jobs, len(names))):
            part = Path(folder) / f"{job}.json"
            words = [sys.executable, "-m", "tests.properties", "--part", str(part), f"--seeds={choice.seeds}"]
            words += [f"--explore={choice.explore}", *(f"--defect={name}" for name in names[job :: choice.jobs])]
            running.append((subprocess.Popen(words), part))
        found: list[Found] = []
        for process, part in running:
            if process.wait():
                raise SystemExit(f"a part of the table failed (exit code {process.returncode})")
            for each in json.loads(part.read_text(encoding="utf-8")):
                found.append(Found(**{**each, "sizes": tuple(each["sizes"])}))
    return sorted(found, key=lambda each: (each.requirement, each.defect))


def markdown(found: Iterable[Found]) -> str:
    """The table as a page."""
    head = ["| property | defect | found | requests shown | needed |", "| --- | --- | --- | --- | --- |"]
    return "\n".join([*head, *(each.line() for each in found)]) + "\n"


def _parsed(arguments: Iterable[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--defect", action="append", metavar="NAME", choices=list(explored()), help="repeatable")
    parser.add_argument("--surface", choices=["identity", "registry", "storage", "webhooks"])
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--explore", type=int, default=25, help="examples a property")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--out", type=Path, help="where to write the table")
    parser.add_argument("--part", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args(None if arguments is None else list(arguments))


def main(arguments: Iterable[str] | None = None) -> int:
    """The command line; 1 where a defect is found too seldom, or shown at too great length."""
    choice = _parsed(arguments)
    if choice.part:
        told: list[dict[str, Any]] = [vars(each) for each in search(choice.defect, range(choice.seeds), choice.explore)]
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
