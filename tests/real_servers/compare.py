"""Compares what a run found with the findings that a real server is known to show.

    python -m tests.real_servers.compare RUN EXPECTED.toml

Every failing check must stand in the file, and every entry of the file must fail; exit 1 says which do not.
An id with "#case" means that case, an id with ``cases`` those of the check, an id with neither every case of it, one
that ends with "/" every check of that topic. An entry with ``sometimes = true`` (a race) may pass as well. What is not
expected is told with what was observed, since CI keeps no run. A file that says ``extends`` has the entries of that one
beside it too, but for those whose ids are in its list ``without``. One that says ``nothing_is_left = true`` wants a run
that removed all that it made. Inconclusive checks are listed, not judged: a server with one login has no other roles.
"""

from __future__ import annotations

import json
import sys
import tomllib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

MOST_SEEN = 600  # characters of a finding


def judged(run: Path) -> dict[str, str]:
    """Verdicts of a run by check id."""
    return {check: result["verdict"] for check, result in results(run).items()}


def results(run: Path) -> dict[str, dict[str, Any]]:
    """The results of a run by check id."""
    lines = (run / "results.ndjson").read_text(encoding="utf-8").splitlines()
    return {entry["id"]: entry for entry in map(json.loads, lines) if "verdict" in entry and "id" in entry}


def seen(result: dict[str, Any]) -> str:
    """What the first finding of a check says, on one line; what ended it where it has none."""
    words = (result.get("findings") or [{"observed": result.get("reason", "")}])[0]
    said = (f"{key} {words[key]}" for key in ("asked", "expected", "observed") if words.get(key))
    return " ".join(", ".join(said).split())[:MOST_SEEN]


def expected(path: Path) -> list[dict[str, Any]]:
    """The entries of an expected-findings file, one for each of its cases; ValueError names one that is not whole."""
    said = tomllib.loads(path.read_text(encoding="utf-8"))
    entries: list[dict[str, Any]] = said["finding"]
    for entry in entries:
        if not entry.get("id") or not entry.get("why") or set(entry) - {"id", "cases", "why", "sometimes"}:
            raise ValueError(f"{path}: {entry} needs id and why, and may have cases and sometimes")
    before = expected(path.with_name(said["extends"])) if "extends" in said else []
    without = set(said.get("without", ()))
    if strange := without - {entry["id"] for entry in before}:
        raise ValueError(f"{path}: without {', '.join(sorted(strange))}, which the file that it extends has not")
    kept = [entry for entry in before if entry["id"] not in without]
    return kept + [each for entry in entries for each in by_case(entry)]


def left(run: Path, path: Path) -> list[str]:
    """What a run left behind, where the file of expected findings says that nothing is left."""
    if not tomllib.loads(path.read_text(encoding="utf-8")).get("nothing_is_left"):
        return []
    leftovers = json.loads((run / "leftovers.json").read_text(encoding="utf-8"))
    return [f"left behind: {each['what']}: {each['reason']}" for each in leftovers]


def by_case(entry: dict[str, Any]) -> list[dict[str, Any]]:
    """An entry as one for each case that it names."""
    if "cases" not in entry:
        return [entry]
    rest = {key: value for key, value in entry.items() if key != "cases"}
    return [{**rest, "id": f"{entry['id']}#{case}"} for case in entry["cases"]]


def means(entry: dict[str, Any], check: str) -> bool:
    """Whether an entry is of a check."""
    of_topic = entry["id"].endswith("/") and check.startswith(entry["id"])
    return bool(of_topic or check == entry["id"] or check.split("#")[0] == entry["id"])


def unexpected(verdicts: dict[str, str], entries: Sequence[dict[str, Any]]) -> list[str]:
    """The checks that fail and of which no entry is."""
    failed = (check for check, verdict in verdicts.items() if verdict in ("fail", "error"))
    return [check for check in failed if not any(means(entry, check) for entry in entries)]


def differences(verdicts: dict[str, str], entries: Iterable[dict[str, Any]]) -> list[str]:
    """What was found and not expected, and what was expected and not found."""
    entries = list(entries)
    told = [f"not expected: {check}" for check in unexpected(verdicts, entries)]
    for entry in entries:
        # What could not be judged, since another finding ended the server, is not stale.
        told_of = [verdict for check, verdict in verdicts.items() if means(entry, check)]
        if told_of and not entry.get("sometimes") and not {"fail", "error", "inconclusive"} & set(told_of):
            told.append(f"expected and not found: {entry['id']}")
        if not told_of:
            told.append(f"expected of a check that there is not: {entry['id']}")
    return told


def main(arguments: list[str]) -> int:
    """The command line; returns the exit code."""
    if len(arguments) != 2:
        print(__doc__, file=sys.stderr)
        return 4
    verdicts, entries = judged(Path(arguments[0])), expected(Path(arguments[1]))
    told = differences(verdicts, entries) + left(Path(arguments[0]), Path(arguments[1]))
    print("\n".join(told) or "as expected")
    for check in unexpected(verdicts, entries):
        print(f"{check}: {seen(results(Path(arguments[0]))[check])}")
    unclear = sum(1 for verdict in verdicts.values() if verdict == "inconclusive")
    if unclear:
        print(f"{unclear} checks inconclusive")
    return 1 if told else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
