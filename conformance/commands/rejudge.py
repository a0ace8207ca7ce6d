"""``conformance rejudge``: judges the stored evidence of a run again, without the target."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from conformance.commands import UsageMistake
from conformance.vocabulary.verdict import ExitCode

if TYPE_CHECKING:
    from conformance.plugin.rejudging import Outcome, Rejudged


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "rejudge",
        description="Judges the evidence of a run again with the installed suite. Exit code 1 if a verdict changes.",
    )
    parser.add_argument("folder", metavar="RUN", type=Path, help="the run's folder")
    parser.add_argument("--format", choices=["table", "json"], default="table", help="the output (default: table)")
    parser.add_argument("--unclear", action="store_true", help="also list what cannot be judged again, and why")


def run(arguments: argparse.Namespace) -> int:
    """Judge the run again, print the differences and return the exit code."""
    from conformance.plugin.rejudging import rejudge
    from conformance.runs.reading import read_untouched
    from conformance.runs.record import RecordError

    try:
        outcome = rejudge(read_untouched(arguments.folder))
    except RecordError as mistake:
        raise UsageMistake(str(mistake)) from None
    if arguments.format == "json":
        print(json.dumps({"checks": [asdict(each) for each in outcome.checks]}, indent=1))
    else:
        print("\n".join(table(outcome, arguments.unclear)))
    return ExitCode.NON_CONFORMANT if outcome.changed else ExitCode.CONFORMANT


def table(outcome: Outcome, with_unclear: bool) -> Iterator[str]:
    """Yield the lines of the differences."""
    from conformance.reporting.text import visible
    from conformance.vocabulary.wording import plural

    for each in outcome.changed:
        yield from (visible(line).replace("\n", " ") for line in _changed(each))
    for each in outcome.unclear if with_unclear else ():
        yield visible(f"CANNOT REJUDGE  {each.id} ({each.before}): {each.reason}").replace("\n", " ")
    more = "" if with_unclear or not outcome.unclear else " (--unclear lists them)"
    yield (
        f"{plural(len(outcome.checks), 'check')}: {len(outcome.same)} as recorded, {len(outcome.changed)} changed, "
        f"{len(outcome.unclear)} cannot be judged: the evidence does not suffice{more}"
    )


def _changed(each: Rejudged) -> Iterator[str]:
    yield f"CHANGED         {each.id}: {each.before} in the record, {each.now} by its evidence"
    for finding in each.findings:
        yield f"                expected {finding['expected']}; observed {finding['observed']}"
    if each.reason:
        yield f"                {each.reason}"
