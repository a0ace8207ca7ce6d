"""``conformance compare``: compares runs: new failures, fixes and changed behaviour."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from conformance.commands import UsageMistake

if TYPE_CHECKING:
    from collections.abc import Sequence

    from conformance.runs.comparison import Comparison

FAIL_ON = ("regression", "any")


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "compare",
        description="Compares runs with the first one. Exit code 1 if a MUST newly fails, 7 if one can no longer "
        "be judged. With --fail-on any, 1 for any difference.",
    )
    parser.add_argument("old", metavar="OLD", type=Path, help="the folder of the earlier run")
    parser.add_argument("new", metavar="NEW", type=Path, nargs="+", help="the folders of the runs to compare with it")
    parser.add_argument(
        "--fail-on",
        choices=FAIL_ON,
        default="regression",
        help="the changes that give exit code 1 (default: regression)",
    )
    parser.add_argument("--format", choices=["text", "json"], default="text", help="the output (default: text)")
    parser.add_argument("--html", metavar="FILE", type=Path, help="also write a page with all runs side by side")


def run(arguments: argparse.Namespace) -> int:
    """Print the differences and return the exit code."""
    comparisons = compared(arguments.old, arguments.new)
    if arguments.html:
        write_page(comparisons, arguments.html)
    show(comparisons, arguments.format)
    codes = [each.exit_code(arguments.fail_on) for each in comparisons]
    return min(filter(None, codes), default=0)


def compared(old: Path, new: Sequence[Path]) -> list[Comparison]:
    """Compare each run with the first; UsageMistake if one is incomplete or cannot be read."""
    from conformance.runs.comparison import compare
    from conformance.runs.reading import read_whole
    from conformance.runs.record import RecordError

    try:
        first = read_whole(old)
        return [compare(first, read_whole(each)) for each in new]
    except RecordError as mistake:
        raise UsageMistake(str(mistake)) from None


def show(comparisons: Sequence[Comparison], form: str = "text") -> None:
    """Print the differences."""
    from conformance.reporting.matrix import plain, text

    if form == "json":
        print(json.dumps({"comparisons": [plain(each) for each in comparisons]}, indent=1))
        return
    for number, each in enumerate(comparisons):
        print("\n" * bool(number) + "\n".join(text(each)))


def write_page(comparisons: Sequence[Comparison], path: Path) -> None:
    """Write the page; UsageMistake if that fails."""
    from conformance.reporting.matrix import render

    try:
        path.write_bytes(render(comparisons, path.parent).encode("utf-8", "replace"))
    except OSError as reason:
        raise UsageMistake(f"{path} cannot be written: {reason.strerror}") from None
    print(f"html: {path}", file=sys.stderr)
