"""``conformance list``: lists the checks, promises or requirements."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from conformance.commands import UsageMistake
from conformance.vocabulary.verdict import ExitCode

if TYPE_CHECKING:
    from conformance.plugin.checks import CheckInfo
    from conformance.vocabulary.requirement import Requirement


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "list",
        description="Lists the checks. Selectors: an area, an id or the beginning of one, a promise (AC-06), class:, "
        "level:, clause:.",
    )
    parser.add_argument("selectors", nargs="*", default=[], metavar="SELECTOR")
    parser.add_argument("--promises", action="store_true", help="the promises, with how many checks each has")
    parser.add_argument("--requirements", action="store_true", help="the requirements, with how many checks each has")
    parser.add_argument("--untested", action="store_true", help="only requirements that no check verifies, and why")
    parser.add_argument("--format", choices=["table", "json"], default="table", help="the output (default: table)")


def run(arguments: argparse.Namespace) -> int:
    """Print the list and return the exit code: 5 if nothing is selected."""
    from conformance.plugin.collection import collect

    checks = collect()
    if arguments.promises and (arguments.requirements or arguments.untested):
        raise UsageMistake("--promises lists promises; leave out --requirements and --untested")
    if arguments.promises:
        rows = _promises(checks, arguments.selectors)
        columns = ["id", "class", "requirements", "checks", "title"]
    elif arguments.requirements or arguments.untested:
        rows = _requirements(checks, arguments.selectors, arguments.untested)
        columns = ["id", "level", "class", "checks", "title"] if not arguments.untested else ["id", "level", "untested"]
    else:
        rows = [_check(each) for each in _chosen(checks, arguments.selectors)]
        columns = ["id", "level", "class", "purpose"]
    if arguments.format == "json":
        print(json.dumps(rows, indent=1, ensure_ascii=False))
    else:
        print_table(rows, columns)
    # An empty list of untested requirements is not an error.
    return ExitCode.CONFORMANT if rows or arguments.untested else ExitCode.NOTHING_SELECTED


def _chosen(checks: Sequence[CheckInfo], selectors: Sequence[str]) -> list[CheckInfo]:
    from conformance.plugin.selection import selected, unmatched, why_unmatched

    for selector in unmatched(selectors, checks):
        raise UsageMistake(f'"{selector}" matches nothing{why_unmatched(selector, checks)}')
    return [each for each in checks if selected(each, selectors)]


def _check(check: CheckInfo) -> dict[str, Any]:
    return {**_requirement(check.requirement), "id": check.id, "requirement": check.requirement.id,
            "purpose": check.purpose, "method": check.method, "nodeid": check.nodeid}  # fmt: skip


def _requirement(requirement: Requirement) -> dict[str, Any]:
    return {
        "id": requirement.id,
        "title": requirement.title,
        "level": str(requirement.level),
        "class": requirement.conformance_class,
        "area": requirement.area,
        "promise": requirement.promise,
        "feature": requirement.feature,
        "clause": requirement.clause.plain(),
    }


def _promises(checks: Sequence[CheckInfo], selectors: Sequence[str]) -> list[dict[str, Any]]:
    from conformance.contract.catalogue import catalogue
    from conformance.plugin.checks import CheckInfo

    contract = catalogue()
    count = Counter(each.requirement.promise for each in checks)
    selected = _chosen([CheckInfo(each.id, each, "") for each in contract], selectors)
    chosen: dict[str, list[str]] = {each.requirement.promise: [] for each in selected}
    for requirement in contract:
        if requirement.promise in chosen:
            chosen[requirement.promise].append(requirement.id)
    rows = []
    for promise in (each for each in contract.promises.values() if each.id in chosen):
        fields = promise.plain()
        clause = {name: fields.pop(name) for name in ("document", "section", "quote", "url")}
        ids = chosen[promise.id]
        rows.append({"id": promise.id, **fields, "clause": clause, "requirements": len(ids), "requirement_ids": ids,
                     "checks": count[promise.id]})  # fmt: skip
    return rows


def _requirements(checks: Iterable[CheckInfo], selectors: Sequence[str], untested: bool) -> list[dict[str, Any]]:
    from conformance.contract.catalogue import catalogue
    from conformance.plugin.checks import CheckInfo

    tested: dict[str, list[str]] = {}
    for check in checks:
        tested.setdefault(check.requirement.id, []).append(check.id)
    chosen = _chosen([CheckInfo(each.id, each, "") for each in catalogue()], selectors)
    rows = []
    for requirement in (each.requirement for each in chosen):
        ids = tested.get(requirement.id, [])
        why = None if ids else requirement.untestable or "no check yet"
        rows.append({**_requirement(requirement), "checks": len(ids), "check_ids": ids, "untested": why})
    return [row for row in rows if row["untested"] is not None or not untested]


def print_table(rows: Sequence[dict[str, Any]], columns: Sequence[str]) -> None:
    """Print rows in columns; the last column is not truncated."""
    widths = [max([len(name), *(len(str(row[name])) for row in rows)]) for name in columns]
    for row in [{name: name.upper() for name in columns}, *rows]:
        print("  ".join(f"{row[name]!s:<{width}}" for name, width in zip(columns, widths, strict=True)).rstrip())
    print(f"\n{len(rows)} in all")
