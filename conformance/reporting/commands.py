"""The commands a reader can paste: replay of a check, curl of an exchange, how its secrets are had."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from conformance.evidence.curl import command_of, made_names
from conformance.runs.record import CheckResult, Record


def run_name(record: Record) -> str:
    """How a command names the run: relative to the current directory where it is below it."""
    folder = record.folder.absolute()
    return str(folder.relative_to(Path.cwd())) if folder.is_relative_to(Path.cwd()) else str(folder)


def replay(check_id: str, run: str) -> str:
    """The command that tries one check again."""
    return f"conformance replay {shlex.quote(run)} {shlex.quote(check_id)}"


def curl_of(result: CheckResult, evidence: Mapping[str, Mapping[str, Any]], secret_names: dict[str, str]) -> str:
    """The command that shows a check's finding, by curl or a program; without a finding, its last exchange; or ""."""
    for finding in result.findings:
        if finding.get("curl"):
            return str(finding["curl"])
    named = [entry_id for finding in result.findings for entry_id in finding.get("exchanges", [])]
    for entry_id in [*named[-1:], *reversed(result.exchanges)]:
        entry = evidence.get(entry_id)
        if entry and (entry.get("kind") == "exchange" or entry_id in named):
            return command_of(dict(entry), secret_names)
    return ""


def label_of(command: str) -> str:
    """What a command that shows a finding is called."""
    return "curl" if re.match(r"(?:printf .* \| )?curl ", command) else "command"


def recipes_for(command: str, recipes: Mapping[str, str]) -> list[str]:
    """The recorded assignments of the names in a command that were made during the run (tokens), in their order."""
    return list(made_names(command, recipes).values())
