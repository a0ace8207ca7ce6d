"""``conformance statement``: shows a statement in words, or makes a badge of it."""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

from conformance.commands import UsageMistake
from conformance.vocabulary.verdict import ExitCode


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command with its subcommands."""
    parser = subparsers.add_parser("statement", description="Shows a statement in words, or makes a badge of it.")
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    show = actions.add_parser("show", help="print a statement in words", description="Prints a statement in words.")
    badge = actions.add_parser(
        "badge", help="make a badge", description="Writes a badge, and next to it the JSON that badge services read."
    )
    for each in (show, badge):
        each.add_argument("statement", metavar="STATEMENT", type=Path, help="what conformance certify wrote")
    badge.add_argument("--out", required=True, metavar="FILE.svg", type=Path, help="the badge; FILE.json is its JSON")


def run(arguments: argparse.Namespace) -> int:
    """Show the statement or write the badge; UsageMistake if the file is not a statement."""
    from conformance.reporting.certification import Refused, statements
    from conformance.reporting.statement import badge, badge_json, words

    try:
        found = statements(arguments.statement, None)
    except Refused as refusal:
        raise UsageMistake(str(refusal)) from None
    if arguments.action == "show":
        print(words(found, shutil.get_terminal_size().columns if sys.stdout.isatty() else 0))
        print(f"\nThe signature was not checked: conformance verify {arguments.statement} RUN --key PUBLIC.pem does.")
        return ExitCode.CONFORMANT
    return _written(arguments.out, {".svg": badge(found), ".json": badge_json(found)})


def _written(out: Path, texts: dict[str, str]) -> int:
    if out.suffix != ".svg":
        raise UsageMistake(f"--out {out}: must end in .svg")
    for suffix, text in texts.items():
        path = out.with_suffix(suffix)
        try:
            path.write_text(text, encoding="utf-8")
        except OSError as failure:
            raise UsageMistake(f"{path}: cannot be written ({failure.strerror})") from None
        print(path)
    return ExitCode.CONFORMANT
