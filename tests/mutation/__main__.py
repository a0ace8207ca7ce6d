"""Change the reference's code in one place at a time, and print the changes that no check notices.

    python -m tests.mutation --surface registry --every 5        each fifth change, two at once
    python -m tests.mutation --surface identity --module bearer  all changes of one module
    python -m tests.mutation --surface storage --every 10 --from 3 --out TABLE.md

Nobody chose these defects. A change that no check notices leaves a reference that is still correct (other words, a
limit that the contract leaves open), or shows a gap of the checks; a reader decides which. The checks of a run in
profile full are tried, first those that noticed something before.
"""

from __future__ import annotations

import argparse
import json
import os
import select
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import pytest

from conformance.plugin.checks import CHECK, CheckInfo
from conformance.plugin.embedded import EmbeddedReference, ReferenceFailed
from conformance.plugin.worker import Worker, configure_properties
from tests.defect_table import Table, in_reference, noticed
from tests.mutation.changes import Mutant, mutants
from tests.rows import Row

REFERENCE = Path("conformance/reference")
CHECKED_ELSEWHERE = {REFERENCE / "identity" / "registry_tokens.py"}
"""The identity surface issues the registry's tokens, which the registry's checks verify."""
PLUGINS = ("conformance-worker", "conformance-timekeeper", "conformance-preparation")
NOBODY, NO_START, NO_END = "nobody", "it does not start", "it does not end"
LONGEST_S = 300.0
FIRST = 40
"""How many of the checks that noticed something before are tried before all others."""


@dataclass(frozen=True)
class Changed:
    """A module of the reference with a change."""

    file: Path
    mutant: Mutant

    @property
    def place(self) -> str:
        """Its file and line."""
        return f"{self.file.relative_to(REFERENCE)}:{self.mutant.line}"

    @property
    def program(self) -> tuple[str, ...]:
        """The program that serves it, without the file of the changed module."""
        return "-m", "tests.mutation.serving", ".".join(self.file.with_suffix("").parts)


def changed(surface: str, module: str, every: int, first: int) -> list[Changed]:
    """Every n-th change of a surface's modules."""
    folder = REFERENCE / surface
    files = sorted(folder.glob("[!_]*.py")) if folder.is_dir() else [folder.with_suffix(".py")]
    found = [
        Changed(file, mutant)
        for file in sorted({*files, *CHECKED_ELSEWHERE} if surface == "registry" else {*files} - CHECKED_ELSEWHERE)
        if module in file.stem
        for mutant in mutants(file.read_text(encoding="utf-8"))
    ]
    return found[first::every]


class Mutating(Table):
    """A pytest plugin that tries the checks on each change, in forks of a process that has collected them."""

    def __init__(self, wanted: list[Row], control: str, changes: list[Changed], jobs: int) -> None:
        super().__init__(wanted, control)
        self.changes, self.jobs = changes, jobs
        self.before: list[str] = []
        self.verdicts = {"changes": {}}

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Tries every change, several at once."""
        running: dict[int, tuple[Changed, int, float]] = {}
        for each in self.changes:
            while len(running) >= self.jobs:
                self._take(running)
            outgoing, incoming = os.pipe()
            process = os.fork()
            if process == 0:
                os.close(outgoing)
                os.write(incoming, json.dumps(self._judged(session, each)).encode())
                os._exit(0)
            os.close(incoming)
            running[outgoing] = each, process, time.monotonic() + LONGEST_S
        while running:
            self._take(running)
        return True

    def _take(self, running: dict[int, tuple[Changed, int, float]]) -> None:
        """Waits for one of those that run, or ends it when its time is over."""
        patience = min(end for _, _, end in running.values()) - time.monotonic()
        ended = select.select(list(running), [], [], max(0.0, patience))[0]
        outgoing = ended[0] if ended else min(running, key=lambda each: running[each][2])
        change, process, _ = running.pop(outgoing)
        if ended:
            answer = os.read(outgoing, 1 << 16)
            by = json.loads(answer)["by"] if answer else "it ended the trial"
        else:
            os.kill(process, signal.SIGKILL)
            by = NO_END
        os.close(outgoing)
        os.waitpid(process, 0)
        requirement = by.partition("#")[0]
        self.before = (
            [requirement, *(each for each in self.before if each != requirement)] if "/" in by else self.before
        )
        self.verdicts["changes"][f"{change.place} {len(self.verdicts['changes'])}"] = {
            "change": change.mutant.change, "place": change.place, "by": by,
        }  # fmt: skip
        if by == NOBODY:
            print(f"{change.place}: {change.mutant.change}", flush=True)

    def _judged(self, session: pytest.Session, each: Changed) -> dict[str, str]:
        """Return the check that notices the change, in a process of its own."""
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / each.file.name
            file.write_text(each.mutant.source, encoding="utf-8")
            try:
                reference = EmbeddedReference(program=[*each.program, str(file)])
            except ReferenceFailed:
                return {"by": NO_START}
            try:
                return {"by": self._first(session, reference)}
            finally:
                reference.stop()

    def _first(self, session: pytest.Session, reference: EmbeddedReference) -> str:
        """The first check that fails."""
        manager = session.config.pluginmanager
        former = cast("Worker", manager.get_plugin(PLUGINS[0]))
        for name in PLUGINS:
            manager.unregister(name=name)
        options = replace(
            former.options, folder=str(reference.folder), target_config=str(reference.target_config)
        )  # fmt: skip
        (reference.folder / "evidence").mkdir()
        manager.register(Worker(session.config, options, "main"), PLUGINS[0])
        configure_properties(options, False)
        items = {item: item.stash[CHECK] for item in session.items if CHECK in item.stash}
        for item, following in self._in_turn(items):
            failed = noticed(self.run([item], following))
            if failed:
                return failed[0]
        return NOBODY

    def _in_turn(self, items: Mapping[pytest.Item, CheckInfo]) -> Iterator[tuple[pytest.Item, pytest.Item | None]]:
        """The checks, each with the next one."""
        places = {requirement: place for place, requirement in enumerate(self.before[:FIRST])}
        ordered = sorted(items, key=lambda item: places.get(items[item].requirement.id, FIRST))
        yield from zip(ordered, [*ordered[1:], None], strict=True)


def tried(surface: str, changes: list[Changed], explore: int, jobs: int) -> list[dict[str, Any]]:
    """By change of a surface, the check that noticed it."""
    wanted = [Row(surface, surface, None)]
    verdicts = in_reference(wanted, explore, lambda control: Mutating(wanted, control, changes, jobs))
    return list(verdicts["changes"].values())


def markdown(found: list[dict[str, Any]]) -> str:
    """The changes that no check noticed, as a table."""
    lines = ["| place | change |", "| --- | --- |"]
    lines += [
        f"| {each['place']} | `{each['change'].replace('|', chr(92) + '|')}` |"
        for each in found
        if each["by"] == NOBODY
    ]
    return "\n".join(lines) + "\n"


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--surface", choices=["identity", "registry", "storage", "webhooks"], required=True)
    parser.add_argument("--module", default="", help="only modules whose names have this in them")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="each N-th change")
    parser.add_argument("--from", type=int, default=0, metavar="K", dest="first", help="begin with the K-th")
    parser.add_argument("--explore", type=int, default=3, help="examples a property")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--out", type=Path, help="where to write the table of the unnoticed changes")
    choice = parser.parse_args()
    changes = changed(choice.surface, choice.module, choice.every, choice.first)
    found = tried(choice.surface, changes, choice.explore, choice.jobs)
    if choice.out:
        choice.out.write_text(markdown(found), encoding="utf-8")
    counted = Counter(each["by"] if each["by"] in (NOBODY, NO_START, NO_END) else "a check" for each in found)
    print(f"{len(found)} changes, noticed by: " + ", ".join(f"{who} {number}" for who, number in counted.most_common()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
