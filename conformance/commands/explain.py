"""``conformance explain``: explains a promise, a requirement or a check."""

from __future__ import annotations

import argparse
import difflib
import shlex
import shutil
import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from conformance.commands import UsageMistake
from conformance.vocabulary.requirement import Consequence, clause_words
from conformance.vocabulary.verdict import ExitCode

if TYPE_CHECKING:
    from conformance.plugin.checks import CheckInfo
    from conformance.vocabulary.requirement import Clause, Promise, Requirement

WIDEST, NARROWEST = 100, 40
IMPACT = {
    Consequence.LOSS: "data is lost or corrupted",
    Consequence.EXPOSURE: "someone gains access without permission",
    Consequence.WRONG_DATA: "a response contains wrong data",
    Consequence.REFUSED: "a valid request fails",
    Consequence.FORM: "a response has the wrong status, code or form",
}
MEANING = {
    "MUST": "a miss makes the target non-conformant (exit code 1)",
    "SHOULD": "a miss is reported and fails a run only under --strict",
    "MAY": "a miss is reported and fails nothing",
}


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser("explain", description="Explains a promise, a requirement or one check.")
    parser.add_argument("id", metavar="ID", help="a promise's id (AC-06), a requirement's, or a check's (with #case)")


def run(arguments: argparse.Namespace) -> int:
    """Print the explanation and return the exit code."""
    from conformance.contract.catalogue import catalogue
    from conformance.plugin.collection import checks_of, collect

    requirement_id, _, case = str(arguments.id).partition("#")
    contract = catalogue()
    if promise := contract.promises.get(requirement_id.upper().removeprefix("PROMISE:")):
        requirements = [each for each in contract if each.promise == promise.id]
        print("\n".join(explained_promise(promise, requirements, collect())))
        return ExitCode.CONFORMANT
    if requirement_id not in contract:
        raise UsageMistake(
            f'no promise or requirement "{requirement_id}"'
            + nearest_id(requirement_id, [*contract.requirements, *contract.promises])
        )
    checks = checks_of(requirement_id)
    if case and arguments.id not in [each.id for each in checks]:
        raise UsageMistake(f'no check "{arguments.id}"' + nearest_id(arguments.id, [each.id for each in checks]))
    requirement = contract[requirement_id]
    sentence = contract.promises[requirement.promise].title
    print("\n".join(explanation(requirement, sentence, checks, str(arguments.id), contract.features)))
    return ExitCode.CONFORMANT


def nearest_id(text: str, known: Iterable[str], default: str = "; conformance list --requirements shows all") -> str:
    """Return ``; did you mean …?`` for a similar id, or one that contains the word; else ``default``."""
    ids = list(known)
    found = difflib.get_close_matches(text, ids, 1, 0.6) or [each for each in ids if text and text in each][:1]
    return f'; did you mean "{found[0]}"?' if found else default


def explained_promise(
    promise: Promise, requirements: Sequence[Requirement], checks: Iterable[CheckInfo]
) -> Iterator[str]:
    """Yield the explanation of a promise: its title, its clause, its requirements with their checks."""
    count = Counter(each.requirement.id for each in checks)
    yield from (promise.id, f"  {promise.title}", "")
    yield f"Class    {promise.conformance_class}"
    yield f"Impact   {IMPACT[promise.consequence]}"
    yield from _clause(promise.clause)
    yield ""
    yield "Requirements, with the number of their checks"
    width = max(len(each.id) for each in requirements)
    for each in requirements:
        yield f"  {each.level:<6}  {each.id:<{width}}  {count[each.id] or 'not checked'}"
    yield ""
    yield "To see it alone:"
    yield f"  conformance run {promise.id}"


def _clause(clause: Clause) -> Iterator[str]:
    yield f"Clause   {clause}"
    yield f"         {clause.url}"
    yield from _wrapped(clause_words(clause.plain()), " " * 9, " " * 10)


def explanation(
    requirement: Requirement, promise: str, checks: list[CheckInfo], selector: str, features: dict[str, str]
) -> Iterator[str]:
    """Yield the explanation of a requirement, or of the check with the id ``selector``."""
    yield from (requirement.id, f"  {requirement.title}", "")
    yield f"Level    {requirement.level}: {MEANING[requirement.level]}"
    if requirement.level_reason is not None:
        yield from _wrapped(requirement.level_reason, " " * 9, " " * 9)
    yield f"Class    {requirement.conformance_class}"
    yield f"Promise  {requirement.promise}: {promise}"
    if requirement.feature is not None:
        yield f"Feature  {requirement.feature}: {features[requirement.feature]}"
        yield "         Asked only of targets that claim it."
    yield from _clause(requirement.clause)
    yield ""
    if requirement.untestable is not None and not checks:
        yield f"Not checked: {requirement.untestable}"
        return
    yield from _method([each for each in checks if each.id == selector] or checks)
    if checks:
        yield from _advice(selector)


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


def _advice(selector: str) -> Iterator[str]:
    yield ""
    yield "To see it alone:"
    yield f"  conformance run {shlex.quote(selector)}"
    yield "Where a miss is known and is being mended, a waiver with a date keeps the run green until then:"
    yield f"  conformance waive {shlex.quote(selector)} --reason REASON --issue URL --until YYYY-MM-DD"


def _wrapped(text: str, first: str, indent: str) -> list[str]:
    width = shutil.get_terminal_size((WIDEST, 24)).columns
    return textwrap.wrap(
        text, max(NARROWEST, min(WIDEST, width)), initial_indent=first, subsequent_indent=indent, break_on_hyphens=False
    )
