"""The table of checks × defects: which checks notice which defect of the reference, and that none minds a variant.

    python -m tests.defect_table                          every defect, the checks that it names
    python -m tests.defect_table --whole --out TABLE.md   every defect of a surface × every check of its areas
    python -m tests.defect_table --variants               every variant × every check of its areas: no finding allowed
    python -m tests.defect_table --variants --together 20  twenty at once, in a ninth of the time
    python -m tests.defect_table --surface registry --defect NAME --whole
    python -m tests.defect_table --clients              the same by the checks of those real clients that are installed

The checks are collected once a process; the reference switches its defects while it runs.
"""

from __future__ import annotations

import argparse
import json
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import reduce
from pathlib import Path
from typing import Any, TypeVar

import pytest
from _pytest.runner import runtestprotocol

from conformance.contract.catalogue import catalogue
from conformance.evidence.recorder import RECORDER
from conformance.plugin.checks import CHECK, RESULT, CheckInfo
from conformance.plugin.embedded import EmbeddedReference
from conformance.plugin.fixtures import KEYS
from conformance.plugin.invocation import pytest_arguments
from conformance.plugin.options import RunOptions
from conformance.plugin.surfaces import SURFACE_OF_AREA, surface_of
from conformance.plugin.worker import Worker
from conformance.reference.alteration import Alteration, Defect, overridden_names
from conformance.reference.control import tell
from conformance.reference.deployment import alterations, build
from conformance.runs.record import CheckResult
from conformance.target import configuration
from tests.defects import PROGRAM
from tests.rows import BESIDE, BY_CLIENTS, Row, beyond, is_named, joined, merged, noticing, requirement_of, rows

CLEAN = "(clean)"
# Stands among the checks of a row where the reference itself broke: what it said of that is the reason.
BROKEN = "(the reference)"
SURFACES = build().surfaces
# The registry's tokens are given out by the identity surface, whose variants its checks are asked of as well.
BEYOND = {"identity": ("registry/token/", "registry/login/")}
KEPT = ("verdict", "findings", "reason", "events", "requests")
# They refuse only what a correct client never sends, such as a request without User-Agent.
IDLE_BY_DESIGN = ("-behind-a-firewall", "accept-heeded")
Item = TypeVar("Item")
FEW = 20


def mistakes_of(made: type[Alteration]) -> list[str]:
    """In which ways a defect or variant cannot be what it is meant to be, told before any check runs."""
    if made.surface not in SURFACES:
        return [f'surface = "{made.surface}" is none of {", ".join(SURFACES)}']
    surface = SURFACES[made.surface]
    found = [f"{surface.name} has no method {each}" for each in overridden_names(made) if not hasattr(surface, each)]
    if len((made.__doc__ or "").strip()) <= 20:
        found.append("its docstring does not say with the clause which promise it breaks, or what allows it")
    if issubclass(made, Defect) and not made.noticed_by:
        found.append("noticed_by names no requirement")
    for name, known in (("noticed_by", catalogue()), ("misses", catalogue()), ("without", catalogue().features)):
        named = getattr(made, name, ())
        if not isinstance(named, tuple):
            found.append(f'{name} = ("{named}",) is meant: a tuple, with its comma')
        else:
            found += [f"{name}: the contract has no {each}" for each in named if requirement_of(each) not in known]
    return found


class Table:
    """A pytest plugin that runs checks once for each row, in place of pytest's own loop."""

    def __init__(self, wanted: list[Row], control: str, singles: Sequence[Row] = ()) -> None:
        self.wanted, self.singles = wanted, singles
        self.control = control
        self.verdicts: dict[str, dict[str, dict[str, Any]]] = {}
        # Variants that changed something, and those that were tried alone.
        self.effective, self.alone = set[str](), set[str]()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Runs the rows; the clean reference is the first."""
        items = {item: item.stash[CHECK] for item in session.items if CHECK in item.stash}
        # Beside variants the clean reference is no row: that nothing fails on it is what a whole run shows.
        every = {item for row in self.wanted if not row.variant for item in self.of(row, items)}
        self.verdicts[CLEAN] = self.run([item for item in items if item in every]) | self.broken()
        target = session.config.stash[KEYS.target]
        left = list(self.wanted)
        while left or (left := self.unseen()):
            row = left.pop(0)
            tell(self.control, "reset")
            tell(self.control, "switch", *row.parts)
            claimed = [each for each in target.features if each not in row.without]
            session.config.stash[KEYS.target] = target.model_copy(update={"features": claimed})
            found = self.run(list(self.of(row, items))) | self.broken(row)
            if (noticed(found) or BROKEN in found) and len(row.parts) > 1:
                # Which of them is minded, or whether they only do not go together, halves show, and halves of these.
                left += self.halves(row)
            else:
                self.keep(row.name, found)
        tell(self.control, "reset")
        return True

    def unseen(self) -> list[Row]:
        """The variants that did nothing beside others, which may hide them; one that did nothing alone is a mistake."""
        idle = [row for row in self.singles if row.variant and not row.only and row.name not in self.effective]
        idle = [row for row in idle if not row.name.endswith(IDLE_BY_DESIGN)]
        for row in idle:
            if row.name in self.alone:
                self.keep(row.name, {BROKEN: unmeant(f"{row.name} did nothing: no check reaches it")})
        return [row for row in idle if row.name not in self.alone]

    def keep(self, name: str, found: dict[str, dict[str, Any]]) -> None:
        """Adds what a row shows; rows of the same parts are asked of several features, and a finding of any stays."""
        kept = self.verdicts.setdefault(name, {})
        for check, judged in found.items():
            if kept.get(check, {}).get("verdict") not in ("fail", "error"):
                kept[check] = judged

    def halves(self, row: Row) -> list[Row]:
        """The two halves of a row of several variants."""
        singles = [single for single in self.singles if single.name in row.parts]
        middle = len(singles) // 2
        halves = (singles[:middle], singles[middle:])
        return [replace(reduce(merged, half), features=row.features) for half in halves]

    def broken(self, row: Row | None = None) -> dict[str, dict[str, Any]]:
        """What the reference did not mean to do since it was last asked, and which defects did nothing at all.

        A defect that raises by itself is answered 500, for which checks notice it, and never breaks its promise. One
        that did nothing was noticed for something else.
        """
        told = json.loads(tell(self.control, "failures"))
        idle = json.loads(tell(self.control, "idle"))
        if row:
            self.effective.update({*row.parts}.difference(idle))
            self.alone.update(row.parts if len(row.parts) == 1 and not row.features else ())
        told += [f"{name} did nothing" for name in idle if issubclass(alterations()[name], Defect)]
        return {BROKEN: unmeant("\n".join(told))} if told else {}

    def of(self, row: Row, items: dict[pytest.Item, CheckInfo]) -> Iterator[pytest.Item]:
        """The checks of a row."""
        for item, check in items.items():
            if row.requirements is None:
                own = surface_of(check.requirement.id) == row.surface
                own |= row.variant and check.id.startswith(BEYOND.get(row.surface, ()))
                if own and check.id.startswith(BY_CLIENTS) == row.clients and row.asks(check):
                    yield item
            elif any(is_named(check.id, each) for each in row.requirements):
                yield item

    def run(self, items: list[pytest.Item], then: pytest.Item | None = None) -> dict[str, dict[str, Any]]:
        """The verdicts of these checks, run now; what is made once a session stays for the one that comes ``then``."""
        RECORDER.passive_checks.reset()
        found: dict[str, dict[str, Any]] = {}
        for item, following in zip(items, [*items[1:], then], strict=False):
            item._initrequest()  # type: ignore[attr-defined]  # a second run needs its fixtures anew
            found |= verdicts_of(runtestprotocol(item, nextitem=following, log=False))
        return found


def unmeant(reason: str) -> dict[str, Any]:
    """Return the entry of a row in which the reference itself went wrong."""
    return {"verdict": "error", "findings": [], "reason": reason, "events": [], "requests": 0}


def verdicts_of(reports: Iterable[pytest.TestReport]) -> dict[str, dict[str, Any]]:
    """What was kept of the results that the reports of one check carry."""
    found: dict[str, dict[str, Any]] = {}
    for report in reports:
        for name, value in report.user_properties:
            if name == RESULT and isinstance(value, str):
                result = vars(CheckResult.of(value))
                found[result["id"]] = {key: result[key] for key in KEPT}
    return found


def run_rows(wanted: list[Row], explore: int, together: int = 1) -> dict[str, dict[str, dict[str, Any]]]:
    """Verdicts by row and check id, by a reference of its own in this process's charge."""
    groups = joined(wanted, together)
    at_once = [*groups, *(row for group in groups for row in beyond(group, wanted))]
    return in_reference(wanted, explore, lambda control: Table(at_once, control, wanted))


def in_reference(
    wanted: list[Row], explore: int, loop: Callable[[str], Table], program: Sequence[str] = PROGRAM
) -> dict[str, dict[str, dict[str, Any]]]:
    """What a loop over checks, which is given the reference's control address, finds."""
    reference = EmbeddedReference(program=program)
    try:
        target = configuration.load(reference.target_config, Path.cwd()).choose(None)[1]
        control = shlex.split(target.hooks.revoke or "")[3]
        options = RunOptions(
            run_id="0defect0000",
            folder=str(reference.folder),
            target_config=str(reference.target_config),
            target="reference",
            profile="full",
            explore=explore,
            shrink_s=0,
        )
        (reference.folder / "evidence").mkdir()
        table, judge = loop(control), Judge(options)
        code = pytest.main([*pytest_arguments(*areas_of(wanted)), "-p", "no:terminal"], plugins=[table, judge])
        if judge.mistakes or not table.verdicts:
            raise SystemExit("\n".join(judge.mistakes) or f"the checks were not run (pytest exit code {code})")
        return table.verdicts
    finally:
        reference.stop()


def areas_of(wanted: list[Row]) -> list[str]:
    """The areas whose checks can be needed: a defect may name checks of another surface's."""
    surfaces = {row.surface for row in wanted}
    beyond = [name for row in wanted if row.variant for name in BEYOND.get(row.surface, ())]
    named = {name.split("/", 1)[0] for name in (*beyond, *(each for row in wanted for each in row.requirements or ()))}
    if any(row.clients for row in wanted):
        return ["interoperability"]
    whole = (
        {area for area, surface in SURFACE_OF_AREA.items() if surface in surfaces}
        if any(row.requirements is None for row in wanted)
        else set()
    )
    return sorted(named | whole)


class Judge:
    """Registers the worker's side of the plugin alone: no record, no report."""

    def __init__(self, options: RunOptions) -> None:
        self.options = options
        self.mistakes: list[str] = []

    @pytest.hookimpl(tryfirst=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        worker = Worker(config, self.options, "main")
        self.mistakes = worker.mistakes
        config.pluginmanager.register(worker, "conformance-worker")


def run_in_processes(choice: argparse.Namespace) -> dict[str, dict[str, dict[str, Any]]]:
    """The rows dealt out over processes; the clean rows are joined."""
    words = [f"--explore={choice.explore}", f"--together={choice.together}"]
    words += [f"--check={each}" for each in choice.check or ()]
    words += [f"--{name}" for name in ("whole", "variants", "clients") if getattr(choice, name)]
    verdicts: dict[str, dict[str, dict[str, Any]]] = {CLEAN: {}}
    for part in dealt_out("tests.defect_table", shares(rows(choice), choice.jobs, choice.together), words):
        for name, row in part.items():
            verdicts.setdefault(name, {}).update(row)
    return verdicts


def shares(wanted: list[Row], jobs: int, together: int) -> list[list[str]]:
    """The names of the rows dealt out, those of the same checks a few at a time: one asks the clean reference for them.

    Not all of them, since some checks wait for much, or take long. Variants that go together stay so.
    """
    ordered = sorted(joined(wanted, together), key=lambda row: (row.requirements or (), row.surface))
    few = FEW if all(row.requirements for row in ordered) else 1
    dealt = in_turn([ordered[first : first + few] for first in range(0, len(ordered), few)], jobs)
    return [[name for rows in share for row in rows for name in row.parts] for share in dealt]


def in_turn(items: Sequence[Item], jobs: int) -> list[Sequence[Item]]:
    """Items dealt out one by one."""
    return [items[job::jobs] for job in range(jobs)]


def dealt_out(module: str, shares: Iterable[Sequence[str]], words: list[str]) -> list[Any]:
    """What the processes of a table write to their ``--part``, each asked for a share of the defects."""
    with tempfile.TemporaryDirectory() as folder:
        running = []
        for job, share in enumerate(filter(None, shares)):
            part = Path(folder) / f"{job}.json"
            named = [f"--defect={name}" for name in share]
            command = [sys.executable, "-m", module, "--part", str(part), *words, *named]
            running.append((subprocess.Popen(command), part))
        for process, _ in running:
            if process.wait():
                raise SystemExit(f"a part of the table failed (exit code {process.returncode})")
        return [json.loads(part.read_text(encoding="utf-8")) for _, part in running]


def noticed(row: dict[str, dict[str, Any]]) -> list[str]:
    """The checks of a row that failed."""
    return [check for check, judged in row.items() if judged["verdict"] == "fail"]


def unnoticed(name: str, row: dict[str, dict[str, Any]], clients: bool) -> list[str]:
    """The checks named by a defect that did not fail, of those that were asked at all."""
    missed = []
    for named in noticing(alterations()[name], clients):
        verdicts = [judged["verdict"] for check, judged in row.items() if is_named(check, named)]
        if "fail" not in verdicts and set(verdicts) != {"not-applicable"}:
            missed.append(named)
    return missed


def markdown(verdicts: dict[str, dict[str, dict[str, Any]]], known: dict[str, type[Alteration]]) -> str:
    """The table as a page: a line a defect, its promise, the checks that noticed it."""
    lines = ["| defect | promise it breaks | noticed by |", "| --- | --- | --- |"]
    for name, row in sorted(verdicts.items()):
        if name != CLEAN:
            promise = " ".join(" ".join((known[each].__doc__ or "").split()) for each in name.split(BESIDE))
            lines.append(f"| {name} | {promise} | {'<br>'.join(sorted(noticed(row))) or '**nobody**'} |")
    return "\n".join(lines) + "\n"


def _parsed(arguments: Iterable[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--surface", choices=["identity", "registry", "storage", "webhooks"])
    parser.add_argument("--defect", action="append", metavar="NAME", help="only these; repeatable")
    parser.add_argument("--whole", action="store_true", help="every check of the surface, not only those named")
    parser.add_argument("--check", action="append", metavar="ID", help="only checks that begin so")
    parser.add_argument("--variants", action="store_true", help="variants in place of defects")
    parser.add_argument(
        "--together", type=int, default=1, metavar="N", help="N variants at once that replace different methods"
    )
    parser.add_argument("--clients", action="store_true", help="the checks of real clients, in place of all others")
    return parsed_with_processes(parser, arguments, explore=10)


def parsed_with_processes(
    parser: argparse.ArgumentParser, arguments: Iterable[str] | None, explore: int
) -> argparse.Namespace:
    """The command line of a table that processes make, with what all of those take."""
    parser.add_argument("--explore", type=int, default=explore, help="examples a property")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--out", type=Path, help="where to write the table")
    parser.add_argument("--part", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args(None if arguments is None else list(arguments))


def main(arguments: Iterable[str] | None = None) -> int:
    """The command line; 1 where a defect is not noticed, a variant is minded, or the reference itself broke."""
    choice = _parsed(arguments)
    if choice.part:
        choice.part.write_text(json.dumps(run_rows(rows(choice), choice.explore, choice.together)), encoding="utf-8")
        return 0
    asked = choice.defect or [*alterations()]
    wrong = [f"{name}: {each}" for name in asked if name in alterations() for each in mistakes_of(alterations()[name])]
    if wrong:
        raise SystemExit("\n".join(wrong))
    if unknown := {*(choice.defect or ())} - {row.name for row in rows(choice)}:
        raise SystemExit(f"not among what is asked for: {', '.join(sorted(unknown))}")
    verdicts = run_in_processes(choice)
    if choice.out:
        choice.out.write_text(markdown(verdicts, alterations()), encoding="utf-8")
    failures = 0
    for check, judged in verdicts.pop(CLEAN).items():
        if judged["verdict"] not in ("pass", "not-applicable"):
            failures += 1
            print(f"CLEAN {check}: {judged['verdict']} {judged['reason']} {judged['findings']}")
    for name, row in verdicts.items():
        found = noticed(row)
        missed = bool(found) if choice.variants else bool(unnoticed(name, row, choice.clients)) or not found
        failures += missed or any(judged["verdict"] == "error" for judged in row.values())
        print(f"{name}: {', '.join(found) or '-'}")
        others = {check: judged for check, judged in row.items() if judged["verdict"] in ("inconclusive", "error")}
        for check, judged in others.items():
            print(f"    {judged['verdict']} {check}: {judged['reason'][: None if check == BROKEN else 300]}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
