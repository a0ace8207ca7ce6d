"""``conformance report RUN``: renders the reports of a run again, from its record."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from conformance.reporting import FORMATS, render_all
from conformance.runs.record import RecordError, read
from conformance.vocabulary.verdict import ExitCode


def add_parser(subparsers: Any) -> argparse.ArgumentParser:
    """The command's arguments."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "report",
        help="render the reports of a run again",
        description="Renders the reports of a run again, from its record.",
    )
    parser.add_argument("run", metavar="RUN", type=Path, help="the run's folder")
    parser.add_argument(
        "--format",
        type=_formats,
        default=list(FORMATS),
        metavar="LIST",
        help=f"of {','.join(FORMATS)}; all when not given",
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
    """Renders, and prints where each report is."""
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
