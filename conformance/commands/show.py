"""``conformance show``: prints the requests and responses of one check, from the evidence of a run."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from conformance.commands import UsageMistake
from conformance.commands.explain import nearest_id
from conformance.commands.replay import run_folder
from conformance.vocabulary.verdict import ExitCode

if TYPE_CHECKING:
    from conformance.runs.reading import Record
    from conformance.runs.record import CheckResult

LONGEST_BODY = 1 << 20
"""So many characters of a body are printed, more than evidence stores."""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "show", description="Prints the requests and responses of one check, without secrets, from a run's evidence."
    )
    parser.add_argument("folder", metavar="RUN", type=Path, help="the run's folder")
    parser.add_argument("id", metavar="ID", help="the check's id, with #case if it has cases")
    parser.add_argument("--json", action="store_true", help="print the entries of the evidence as a JSON array")


def run(arguments: argparse.Namespace) -> int:
    """Print the exchanges and transcripts of a check and return the exit code."""
    from conformance.reporting.text import visible
    from conformance.runs.reading import read
    from conformance.runs.record import RecordError

    try:
        record = read(run_folder(arguments.folder))
        result = _result(record, arguments.id)
        found = _entries(record, result)
    except RecordError as mistake:
        raise UsageMistake(str(mistake)) from None
    if arguments.json:
        print(json.dumps(found, indent=1))
    else:
        print("\n".join(visible(line) for line in _shown(result, found)))
    return ExitCode.CONFORMANT


def _result(record: Record, check_id: str) -> CheckResult:
    known = {result.id: result for result in record.results}
    if check_id not in known:
        hint = nearest_id(check_id, known, "; results.ndjson lists the checks of the run")
        raise UsageMistake(f'{record.folder}: no check "{check_id}" in this run{hint}')
    return known[check_id]


def _entries(record: Record, result: CheckResult) -> list[dict[str, Any]]:
    """Return the check's entries in its order, without those that are not in the evidence."""
    named = [each for finding in result.findings for each in finding["exchanges"]]
    ids = dict.fromkeys([*result.exchanges, *named])
    # All copies of a shared exchange have the same content.
    found = {entry["id"]: entry for entry in record.evidence_of_checks() if entry["id"] in ids}
    return [found[each] for each in ids if each in found]


def _shown(result: CheckResult, entries: list[dict[str, Any]]) -> Iterator[str]:
    from conformance.vocabulary.wording import plural

    yield f"{result.id}: {result.verdict}, {plural(len(entries), 'exchange')} in the evidence"
    missing = len(set(result.exchanges) - {entry["id"] for entry in entries})
    if missing:
        yield f"{missing} more cannot be found in the evidence of this run"
    for entry in entries:
        yield ""
        yield from _transcript(entry) if entry["kind"] == "transcript" else _exchange(entry)


def _transcript(entry: dict[str, Any]) -> Iterator[str]:
    yield f"{entry['id']}  {' '.join(entry['command'])}"
    yield f"exit code {entry['exit_code']}"
    yield from (f"< {line}" for name in ("output", "errors") for line in entry[name].splitlines())


def _exchange(entry: dict[str, Any]) -> Iterator[str]:
    from conformance.reporting.exchanges import reason_phrase

    yield f"{entry['id']}  {entry['method']} {entry['url']}"
    yield from _message(entry, "request", ">")
    if not entry["status"]:
        yield f"no response: {entry['error']}"
        return
    yield f"< {entry['status']} {reason_phrase(entry['status'])}".rstrip()
    yield from _message(entry, "response", "<")


def _message(entry: dict[str, Any], side: str, mark: str) -> Iterator[str]:
    from conformance.reporting.bodies import shown

    fields = entry[f"{side}_headers"]
    yield from (f"{mark} {name}: {value}" for name, value in fields)
    media_type = next((value for name, value in fields if name.lower() == "content-type"), "").lower()
    body = shown(entry[f"{side}_body"], media_type, LONGEST_BODY)
    if body.text:
        yield mark
        yield from (f"{mark} {line}" for line in body.text.splitlines())
        yield f"{mark} ({body.note})"
