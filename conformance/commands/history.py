"""``conformance history``: reads many runs: which checks newly fail, since when, and which are flaky."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from conformance.commands import UsageMistake
from conformance.vocabulary.amounts import at_least_one
from conformance.vocabulary.verdict import ExitCode


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "history",
        description="Reads every run in a folder and says which checks newly fail, since when, and which are flaky.",
    )
    parser.add_argument("folder", metavar="DIR", type=Path, help="the folder of the runs' folders, such as reports/")
    parser.add_argument("--add", metavar="RUN", type=Path, help="first copy this run into the folder")
    parser.add_argument(
        "--keep", metavar="N", type=at_least_one, help="first remove all but the last N runs of each target"
    )
    parser.add_argument("--target", metavar="NAME", help="only runs of this target")
    parser.add_argument("--format", choices=["text", "json"], default="text", help="the output (default: text)")
    parser.add_argument("--html", metavar="FILE", type=Path, help="also write a page")


def run(arguments: argparse.Namespace) -> int:
    """Print the histories and return the exit code."""
    from conformance.reporting.history_page import plain, render, text
    from conformance.runs.history import add, histories, prune, shelf
    from conformance.runs.record import RecordError

    try:
        if arguments.add:
            add(arguments.folder, arguments.add)
        if arguments.keep:
            prune(arguments.folder, arguments.keep)
        found = shelf(arguments.folder)
    except RecordError as mistake:
        raise UsageMistake(str(mistake)) from None
    chosen = [each for each in histories(found) if arguments.target in (None, each.target)]
    if not chosen:
        raise UsageMistake(f"{arguments.folder}: contains no run of the target {arguments.target}")
    for remark in found.remarks:
        print(f"left out: {remark}", file=sys.stderr)
    if arguments.html:
        write(arguments.html, render(chosen, arguments.html.parent))
    if arguments.format == "json":
        print(json.dumps({"histories": [plain(each) for each in chosen]}, indent=1))
    else:
        print("\n\n".join("\n".join(text(each)) for each in chosen))
    return ExitCode.CONFORMANT


def write(path: Path, page: str) -> None:
    """Write a page and print its path; UsageMistake if that fails."""
    try:
        path.write_bytes(page.encode("utf-8", "replace"))
    except OSError as reason:
        raise UsageMistake(f"{path} cannot be written: {reason.strerror}") from None
    print(f"html: {path}", file=sys.stderr)
