"""``conformance merge``: joins the shards of one run."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from conformance.commands import UsageMistake
from conformance.commands.run import add_baseline, baseline_of, since

if TYPE_CHECKING:
    from conformance.runs.waivers import Waivers


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "merge",
        description="Joins the runs of conformance run --shard I/N into one, with its reports. The exit code is "
        "that of the joined run.",
    )
    parser.add_argument("folders", metavar="RUN", nargs="+", type=Path, help="the folders of all shards")
    parser.add_argument("--out", metavar="DIR", type=Path, required=True, help="a new folder for the joined run")
    parser.add_argument(
        "--waivers", metavar="FILE", type=Path, help="the waivers (default: those that the shards read)"
    )
    add_baseline(parser)


def run(arguments: argparse.Namespace) -> int:
    """Merge the shards, write the reports, and return the exit code of the merged run."""
    from conformance.reporting import render_all
    from conformance.reporting.terminal import closing
    from conformance.runs.merging import merge
    from conformance.runs.record import RecordError
    from conformance.runs.waivers import of_run

    baseline = baseline_of(arguments)
    try:
        record = merge(arguments.folders, arguments.out, _waivers(arguments.waivers, arguments.folders[0]))
        files = render_all(record)
    except RecordError as mistake:
        raise UsageMistake(str(mistake)) from None
    except OSError as reason:
        raise UsageMistake(f"{arguments.out} cannot be written: {reason.strerror}") from None
    for wrong in of_run(record.info).wrong(record.results):
        print(f"ERROR: {wrong}")
    print(closing(record, files, colour=False))
    code = record.info.exit_code or 0
    return since(baseline, arguments.out, arguments.fail_on, code) if baseline else code


def _waivers(path: Path | None, shard: Path) -> Waivers | None:
    if path is None:
        return None
    from conformance.contract.catalogue import catalogue
    from conformance.runs.reading import read
    from conformance.runs.waivers import WaiverError, Waivers, load

    info = read(shard).info
    try:
        entries = load(path, catalogue().requirements, given=True)
        return Waivers(entries, info.started[:10], selection=info.selection, file=path.absolute())
    except WaiverError as mistake:
        raise UsageMistake(str(mistake)) from None
