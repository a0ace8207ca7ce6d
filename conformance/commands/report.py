"""``conformance report``: renders the reports of a run again, or the index of a folder of runs."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from conformance.commands import UsageMistake
from conformance.reporting import FORMATS, render_all
from conformance.runs.reading import read
from conformance.runs.record import RecordError
from conformance.vocabulary.verdict import ExitCode


def add_parser(subparsers: Any) -> argparse.ArgumentParser:
    """Add the command."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "report",
        description="Renders the reports of a run again, from its record. With --index, writes index.html and "
        "history.html of all runs in a folder, which is then a static site.",
    )
    parser.add_argument("run", metavar="RUN", type=Path, nargs="?", help="the run's folder")
    parser.add_argument("--index", metavar="DIR", type=Path, help="the folder of runs to write an index of")
    parser.add_argument(
        "--format", type=_formats, default=list(FORMATS), metavar="LIST", help=f"of {','.join(FORMATS)}; default: all"
    )
    return parser


def _formats(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in FORMATS]
    if unknown or not names:
        raise argparse.ArgumentTypeError(
            f"unknown format {', '.join(unknown) or 'nothing'}; the formats are {', '.join(FORMATS)}"
        )
    return names


def run(arguments: argparse.Namespace) -> int:
    """Write the reports and print their paths."""
    if arguments.run is None and arguments.index is None:
        raise UsageMistake("say which RUN to render again, or --index DIR")
    code = _render(arguments) if arguments.run else ExitCode.CONFORMANT
    return code or (_index(arguments.index) if arguments.index else code)


def _index(folder: Path) -> int:
    from conformance.commands.history import write
    from conformance.reporting.history_page import render, render_index
    from conformance.runs.history import histories, shelf

    if (folder / "run.json").exists():
        raise UsageMistake(f"{folder}: is a single run; --index takes the folder that contains the runs")
    try:
        found = shelf(folder)
    except RecordError as mistake:
        raise UsageMistake(str(mistake)) from None
    for remark in found.remarks:
        print(f"left out: {remark}", file=sys.stderr)
    write(folder / "history.html", render(histories(found), folder))
    write(folder / "index.html", render_index(found, folder))
    return ExitCode.CONFORMANT


def _render(arguments: argparse.Namespace) -> int:
    try:
        record = read(arguments.run)
        paths = render_all(record, arguments.format)
    except RecordError as mistake:
        print(mistake, file=sys.stderr)
        return ExitCode.USAGE
    except OSError as mistake:
        print(f"{arguments.run}: a report cannot be written ({mistake.strerror or mistake})", file=sys.stderr)
        return ExitCode.USAGE
    for remark in record.remarks:
        print(f"remark: {remark}", file=sys.stderr)
    for name, path in paths.items():
        print(f"{name:<9} {path}")
    return ExitCode.CONFORMANT
