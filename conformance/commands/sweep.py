"""``conformance sweep``: removes resources that earlier runs left on a target."""

from __future__ import annotations

import argparse
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from conformance.commands import UsageMistake
from conformance.vocabulary.verdict import ExitCode

if TYPE_CHECKING:
    from conformance.runs.record import RunInfo
    from conformance.sandbox.swept import Swept
    from conformance.target.description import Target

AGE = re.compile(r"(\d+)([smhd])")
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
ADDRESSES = (("identity", "url"), ("registry", "url"), ("registry", "repository"), ("storage", "endpoint"))


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "sweep",
        description="Removes the resources that earlier runs left on a target: those of one run, or of every run that "
        "began longer ago than --older-than. Only resources of this suite's runs are removed. Exit code 7 if something "
        "could not be removed.",
    )
    parser.add_argument("run", metavar="RUN", nargs="?", type=Path, help="the folder of one run (default: all runs)")
    parser.add_argument("--config", metavar="FILE", type=Path, help="the target file (default: conformance.toml)")
    parser.add_argument("--target", metavar="NAME", help="which target of the file")
    parser.add_argument("--older-than", metavar="AGE", type=_age, default=3600, help="such as 90m or 2d (default: 1h)")
    parser.add_argument("--dry-run", action="store_true", help="only list what would be removed")


def _age(text: str) -> int:
    found = AGE.fullmatch(text)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text}: must be a number with s, m, h or d, such as 90m")
    return int(found[1]) * UNITS[found[2]]


def run(arguments: argparse.Namespace) -> int:
    """Sweep, print the result for each resource, and return the exit code."""
    from conformance.clients.transport.connections import authorities
    from conformance.sandbox.ledger import lines_of
    from conformance.sandbox.sweep import Sweep

    target, runs, selects = _selected(arguments)
    ledgers = {folder: _ledgers(folder) for folder in runs}
    sweep = Sweep(target, selects, arguments.dry_run, authorities(target.ca_file) if target.ca_file else None)
    counts: Counter[str] = Counter()
    stays: list[Swept] = []
    entries = [line for paths in ledgers.values() for path in paths for line in lines_of(path)]
    for swept in sweep.everything(entries):
        print(_line(swept))
        counts[swept.outcome] += 1
        stays += [swept] if swept.outcome == "stays" else []
    for folder, run_id in runs.items() if not arguments.dry_run else ():
        _settle(folder, ledgers[folder], [each for each in stays if each.any_run or run_id in each.what])
    counted = [f"{counts[each]} {each}" for each in ("removed", "found", "stays") if counts[each]]
    print(", ".join(counted) or "nothing left")
    return ExitCode.INCONCLUSIVE if stays else ExitCode.CONFORMANT


def _line(swept: Swept) -> str:
    line = f"{swept.outcome:<8} {swept.what}" + (f": {swept.reason}" if swept.reason else "")
    return "".join(each if each.isprintable() else "?" for each in line)


def _selected(arguments: argparse.Namespace) -> tuple[Target, dict[Path, str], Callable[[str], bool]]:
    """Return the target, the runs whose ledgers are read (ids by folder), and a filter for the runs to remove."""
    from conformance.runs.reading import read
    from conformance.runs.record import RecordError
    from conformance.sandbox.sweep import of_run, older_than
    from conformance.target import configuration

    if arguments.run is None:
        target = configuration.load(arguments.config, Path.cwd()).choose(arguments.target)[1]
        selects = older_than(arguments.older_than)
        runs = {folder: info.run_id for folder, info in _runs() if _tested(info, target) and selects(info.run_id)}
        return target, runs, selects
    try:
        info = read(arguments.run).info
    except RecordError as mistake:
        raise UsageMistake(str(mistake)) from None
    file = arguments.config or (Path(info.target_file) if info.target_file else None)
    if file is None:
        raise UsageMistake(
            f"{arguments.run}: tested the embedded reference, which stores nothing; there is nothing to sweep"
        )
    target = configuration.load(file, Path.cwd()).choose(arguments.target or info.target)[1]
    if not _tested(info, target):
        raise UsageMistake(f"{arguments.run}: tested another target than {file} describes; give its file with --config")
    return target, {arguments.run: info.run_id}, of_run(info.run_id)


def _runs() -> Iterator[tuple[Path, RunInfo]]:
    from conformance.runs.reading import read
    from conformance.runs.record import RecordError

    for ledger in sorted(Path("reports").glob("*/ledger")):
        try:
            yield ledger.parent, read(ledger.parent).info
        except RecordError:
            continue


def _tested(info: RunInfo, target: Target) -> bool:
    """Return whether a run tested the deployment of a target: the same addresses."""

    def addresses(described: Any) -> list[Any]:
        return [(described.get(surface) or {}).get(key) for surface, key in ADDRESSES]

    return addresses(info.configuration) == addresses(target.model_dump())


def _ledgers(folder: Path) -> list[Path]:
    from conformance.sandbox.ledger import StillRunning, ledgers_of

    try:
        return ledgers_of(folder)
    except StillRunning as mistake:
        raise UsageMistake(str(mistake)) from None


def _settle(folder: Path, ledgers: Iterable[Path], stays: Iterable[Swept]) -> None:
    """Update a run's leftovers; delete its ledgers if nothing stays.

    The folder of a certified run is not changed.
    """
    from conformance.runs.record import LEFTOVERS
    from conformance.runs.seal import SUMS
    from conformance.sandbox.ledger import forget

    if (folder / SUMS).exists():
        print(f"{folder}: was certified, and is left as it was signed")
        return
    leftovers = [{"what": each.what, "reason": each.reason} for each in stays]
    (folder / LEFTOVERS).write_text(json.dumps(leftovers, indent=1) + "\n", encoding="utf-8")
    for path in [] if leftovers else ledgers:
        forget(path)
