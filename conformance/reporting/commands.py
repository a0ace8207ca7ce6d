"""The commands that a reader can paste: replay of a check, curl of an exchange, how to obtain its secrets."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from conformance.evidence.curl import UNPRINTED, assignments_of, command_of
from conformance.reporting.reproduce.script import SCRIPT, name_of
from conformance.runs.reading import Record
from conformance.runs.record import CheckResult


def run_name(record: Record) -> str:
    """Return the path of the run for a command, relative to the current directory if the run is below it."""
    folder = record.folder.absolute()
    return str(folder.relative_to(Path.cwd())) if folder.is_relative_to(Path.cwd()) else str(folder)


def replay(check_id: str, run: str) -> str:
    """Return the command that replays one check."""
    return f"{replay_all(run)} {shlex.quote(check_id)}"


def show(run: str, check_id: str) -> str:
    """Return the command that prints the exchanges of a check."""
    return f"conformance show {shlex.quote(run)} {shlex.quote(check_id)}"


def replay_all(run: str) -> str:
    """Return the command that replays the failed and inconclusive checks of a run."""
    return f"conformance replay {shlex.quote(run)}"


def curl_of(result: CheckResult, evidence: Mapping[str, Mapping[str, Any]], secret_names: dict[str, str]) -> str:
    """Return the command that shows a check's finding; "" if one request does not show it.

    For a check without a finding, return the command of its last exchange.
    """
    if result.findings:
        return next((str(each["curl"]) for each in result.findings if each.get("curl")), "")
    entries = (evidence.get(each) for each in reversed(result.exchanges))
    last = next((each for each in entries if each and each.get("kind") == "exchange"), None)
    command = command_of(dict(last), secret_names) if last else ""
    return "" if UNPRINTED in command else command


def script_of(result: CheckResult, run: str) -> str:
    """Return the command that runs the script of the first finding without a curl line; "" if there is none."""
    numbered = enumerate(result.findings)
    number = next((number for number, each in numbered if each.get("script") and not each.get("curl")), None)
    return "" if number is None else f"sh {shlex.quote(f'{run}/reproduce/{name_of(result.id, number)}/{SCRIPT}')}"


def label_of(command: str) -> str:
    """Return the label of a command that shows a finding."""
    return "curl" if re.match(r"(?:(?:printf|head|yes|\{) .* \| )?curl ", command) else "command"


def recipes_for(command: str, recipes: Mapping[str, str]) -> list[str]:
    """Return the recorded assignments for the names in a command that the run created (tokens), in order."""
    return list(assignments_of(command, recipes).values())
