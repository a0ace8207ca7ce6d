"""``conformance explain ID``: clause, level, purpose, method, and what to do about a finding."""

from __future__ import annotations

import argparse
import difflib
import shlex
import shutil
import textwrap
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from conformance.commands import UsageMistake
from conformance.vocabulary.requirement import clause_words
from conformance.vocabulary.verdict import ExitCode

if TYPE_CHECKING:
    from conformance.plugin.checks import CheckInfo
    from conformance.vocabulary.requirement import Requirement

WIDEST, NARROWEST = 100, 40
MEANING = {
    "MUST": "a miss makes the target non-conformant (exit code 1)",
    "SHOULD": "a miss is reported and fails a run only under --strict",
    "MAY": "a miss is reported and fails nothing",
}


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command."""
    parser = subparsers.add_parser("explain", description="Explains a requirement or one of its checks.")
    parser.add_argument("id", metavar="ID", help="a requirement's id, or a check's (with #case)")


def run(arguments: argparse.Namespace) -> int:
    """Prints the explanation; returns the exit code."""
    from conformance.contract.catalogue import catalogue
    from conformance.plugin.collection import checks_of

    requirement_id, _, case = str(arguments.id).partition("#")
    contract = catalogue()
    if requirement_id not in contract:
        raise UsageMistake(f'no requirement "{requirement_id}"' + nearest_id(requirement_id, contract.requirements))
    checks = checks_of(requirement_id)
    if case and arguments.id not in [each.id for each in checks]:
        raise UsageMistake(f'no check "{arguments.id}"' + nearest_id(arguments.id, [each.id for each in checks]))
    features = contract.features
    print("\n".join(explanation(contract[requirement_id], checks, str(arguments.id), features)))
    return ExitCode.CONFORMANT


def nearest_id(word: str, known: Iterable[str]) -> str:
    """``; did you mean …?``: near as a whole, or with the same words in another place."""
    ids = list(known)
    found = difflib.get_close_matches(word, ids, 1, 0.6) or [each for each in ids if word and word in each][:1]
    return f'; did you mean "{found[0]}"?' if found else "; conformance list --requirements shows all"


def explanation(
    requirement: Requirement, checks: list[CheckInfo], asked: str, features: dict[str, str]
) -> Iterator[str]:
    """The lines of the explanation of a requirement, as asked for by its id or by one check's."""
    clause = requirement.clause
    yield from (requirement.id, f"  {requirement.title}", "")
    yield f"Level    {requirement.level}: {MEANING[requirement.level]}"
    if requirement.level_reason is not None:
        yield from _wrapped(requirement.level_reason, " " * 9, " " * 9)
    yield f"Class    {requirement.conformance_class}"
    if requirement.feature is not None:
        yield f"Feature  {requirement.feature}: {features[requirement.feature]}"
        yield "         Asked only of targets that claim it."
    yield f"Clause   {clause}"
    yield f"         {clause.url}"
    yield from _wrapped(clause_words(clause.plain()), " " * 9, " " * 10)
    yield ""
    if requirement.untestable is not None and not checks:
        yield f"Not checked: {requirement.untestable}"
        return
    yield from _method([each for each in checks if each.id == asked] or checks)
    if checks:
        yield from _advice(asked)


def _method(checks: list[CheckInfo]) -> Iterator[str]:
    if not checks:
        yield "No check verifies it yet."
        return
    yield from _wrapped(f"Purpose  {checks[0].purpose}", "", " " * 9)
    for number, step in enumerate(checks[0].method, 1):
        lead = "Method   " if number == 1 else " " * 9
        yield from _wrapped(f"{lead}{number}. {step}", "", " " * 12)
    if len(checks) > 1:
        yield "Cases    " + "\n         ".join(each.id for each in checks)
    yield f"Source   {checks[0].nodeid.partition('[')[0]}"


def _advice(asked: str) -> Iterator[str]:
    yield ""
    yield "To see it alone:"
    yield f"  conformance run {shlex.quote(asked)}"
    yield "Where a miss is known and is being mended, a waiver with a date keeps the run green until then:"
    yield f"  conformance waive {shlex.quote(asked)} --reason REASON --issue URL --until YYYY-MM-DD"


def _wrapped(text: str, first: str, others: str) -> list[str]:
    width = shutil.get_terminal_size((WIDEST, 24)).columns
    return textwrap.wrap(
        text, max(NARROWEST, min(WIDEST, width)), initial_indent=first, subsequent_indent=others, break_on_hyphens=False
    )
