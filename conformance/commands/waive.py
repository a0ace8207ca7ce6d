"""``conformance waive``: permits one known finding until a day, with a reason and an issue."""

from __future__ import annotations

import argparse
import contextlib
import datetime
from pathlib import Path

from conformance.commands import UsageMistake
from conformance.vocabulary.verdict import ExitCode


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "waive",
        description="Adds an entry to waivers.toml, which is next to the target file and is reviewed like code.",
    )
    parser.add_argument("id", metavar="ID", help="a requirement, or one case of it")
    parser.add_argument("--reason", required=True, help="why the finding is permitted")
    parser.add_argument("--issue", required=True, metavar="URL", help="the issue that tracks the fix")
    parser.add_argument("--until", required=True, metavar="YYYY-MM-DD", help="the last day on which it is valid")
    parser.add_argument("--config", metavar="FILE", type=Path, help="the target file (default: conformance.toml)")
    parser.add_argument(
        "--waivers", metavar="FILE", type=Path, help="the waivers (default: waivers.toml next to the target file)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Append the waiver; UsageMistake if it is not valid."""
    from conformance.contract.catalogue import catalogue
    from conformance.runs.waivers import Waiver, WaiverError, append, load

    path = _file(arguments.waivers, arguments.config)
    waiver = Waiver(arguments.id, arguments.reason.strip(), arguments.issue.strip(), _day(arguments.until))
    if not waiver.reason or not waiver.issue:
        raise UsageMistake("--reason and --issue must not be empty")
    try:
        if any(each.id == waiver.id for each in load(path, catalogue().requirements)):
            raise UsageMistake(f"{path}: {waiver.id} already has a waiver; change that entry")
        before = path.read_text(encoding="utf-8") if path.exists() else None
        try:
            append(path, waiver)
            load(path, catalogue().requirements)
        except WaiverError:
            # The old content was valid: the mistake is in the new waiver, or in writing the file.
            with contextlib.suppress(OSError):
                path.write_text(before, encoding="utf-8") if before is not None else path.unlink()
            raise
    except WaiverError as mistake:
        raise UsageMistake(str(mistake)) from None
    print(f"{path}: {waiver.id} is waived until {waiver.until}")
    return ExitCode.CONFORMANT


def _day(text: str) -> datetime.date:
    try:
        day = datetime.date.fromisoformat(text)
    except ValueError:
        raise UsageMistake(f"--until {text}: must be a date such as 2026-12-31") from None
    if day < datetime.datetime.now(datetime.UTC).date():
        raise UsageMistake(f"--until {text}: the date is in the past")
    return day


def _file(option: Path | None, config: Path | None) -> Path:
    """Return the file that a run with the same --waivers and --config reads."""
    from conformance.runs.waivers import path_of
    from conformance.target.configuration import NoConfiguration, locate

    current = Path.cwd()
    try:
        target_file = locate(config, current)
    except NoConfiguration:
        return _short(path_of(option, None, current), current)
    if not target_file.is_file():
        raise UsageMistake(f"--config {config}: there is no such file")
    return _short(path_of(option, target_file, current), current)


def _short(path: Path, current: Path) -> Path:
    return path.relative_to(current) if path.is_relative_to(current) else path
