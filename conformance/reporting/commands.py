"""The commands a reader can paste: replay of a check, curl of an exchange, how its secrets are had."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from conformance.evidence.curl import NOT_HERE, command_of, made_names
from conformance.reporting.reproduce_text import name_of
from conformance.runs.reading import Record
from conformance.runs.record import CheckResult
from conformance.vocabulary.wording import plural

AWAY = re.compile(re.escape(NOT_HERE).replace(r"\{\}", r"\d+"))


def run_name(record: Record) -> str:
    """How a command names the run: relative to the current directory where it is below it."""
    folder = record.folder.absolute()
    return str(folder.relative_to(Path.cwd())) if folder.is_relative_to(Path.cwd()) else str(folder)


def replay(check_id: str, run: str) -> str:
    """The command that tries one check again."""
    return f"{replay_all(run)} {shlex.quote(check_id)}"


def replay_all(run: str) -> str:
    """The command that tries again whatever of a run failed or was inconclusive."""
    return f"conformance replay {shlex.quote(run)}"


def curl_of(
    result: CheckResult, evidence: Mapping[str, Mapping[str, Any]], secret_names: dict[str, str], run: str
) -> str:
    """The command that shows a check's finding, by curl or a program; without a finding, its last exchange; or "".

    ``run`` is where the run is: a body that stands in no command is sent from a file there.
    """
    for number, finding in enumerate(result.findings):
        if finding.get("curl"):
            folder = f"{run}/reproduce/{name_of(result.id, number)}"
            return _with_its_file(str(finding["curl"]), folder, finding)
    named = [entry_id for finding in result.findings for entry_id in finding.get("exchanges", [])]
    for entry_id in [*named[-1:], *reversed(result.exchanges)]:
        entry = evidence.get(entry_id)
        if entry and (entry.get("kind") == "exchange" or entry_id in named):
            return command_of(dict(entry), secret_names)
    return ""


def _with_its_file(command: str, folder: str, finding: Mapping[str, Any]) -> str:
    """A command that sends a body which stands in no command with the file of it in the run's folder."""
    sequence, shown = finding.get("sequence") or [], (finding.get("exchanges") or [""])[-1]
    if not AWAY.search(command) or shown not in sequence:
        return command
    file = shlex.quote(f"@{folder}/body-{sequence.index(shown) + 1}.bin")
    return AWAY.sub(lambda _: file, command)


def script_of(result: CheckResult, run: str) -> str:
    """The script that shows a check's finding where its curl line alone does not, with what it sends besides; or ""."""
    for number, finding in enumerate(result.findings):
        steps, compared = int(finding.get("steps", 0)), len(finding.get("exchanges") or ())
        if steps or compared > 1 or AWAY.search(str(finding.get("curl", ""))):
            needs = f"  # with the {plural(steps, 'request')} before, which it needs" if steps else ""
            if compared > 1:
                needs = f"  # with all {compared} requests that the finding is about"
            return f"sh {shlex.quote(f'{run}/reproduce/{name_of(result.id, number)}/reproduce.sh')}{needs}"
        if finding.get("curl"):
            return ""
    return ""


def label_of(command: str) -> str:
    """What a command that shows a finding is called."""
    return "curl" if re.match(r"(?:(?:printf|head|yes|\{) .* \| )?curl ", command) else "command"


def recipes_for(command: str, recipes: Mapping[str, str]) -> list[str]:
    """The recorded assignments of the names in a command that were made during the run (tokens), in their order."""
    return list(made_names(command, recipes).values())
