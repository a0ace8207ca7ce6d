"""What a run's verdicts come to: its exit code, and what they do not show."""

from __future__ import annotations

from collections.abc import Iterable

from conformance.runs.record import CheckResult
from conformance.runs.waivers import Waivers
from conformance.vocabulary.requirement import Level
from conformance.vocabulary.verdict import ExitCode, Verdict


def exit_code(results: Iterable[CheckResult], strict: bool, waivers: Waivers) -> int:
    """The exit code of a run that was judged to its end; ``strict``: SHOULD counts like MUST, waived like failing."""
    judged = list(results)
    if any(result.verdict == Verdict.ERROR for result in judged):
        return ExitCode.SUITE_ERROR
    if not judged:
        return ExitCode.NOTHING_SELECTED
    binding = [each for each in judged if each.level == Level.MUST or strict]
    failing = [each for each in binding if each.failing and (strict or not waivers.permits(each))]
    if failing or waivers.wrong(judged):
        return ExitCode.NON_CONFORMANT
    unclear = any(result.verdict == Verdict.INCONCLUSIVE for result in binding) or (strict and bool(not_shown(binding)))
    return ExitCode.INCONCLUSIVE if unclear else ExitCode.CONFORMANT


def not_shown(results: Iterable[CheckResult]) -> list[CheckResult]:
    """Checks that were not applicable though the contract does not leave that open.

    Either the target file lacks something, or no other check of the same requirement was judged: one client program
    is enough where this machine lacks the others.
    """
    known = list(results)
    judged = {each.requirement for each in known if each.verdict in (Verdict.PASS, Verdict.FAIL)}
    absent = (each for each in known if each.verdict == Verdict.NOT_APPLICABLE and not each.optional)
    return [each for each in absent if each.requirement not in judged or any(map(is_key, each.lacks))]


def is_key(lack: str) -> bool:
    """Whether what a check lacks is a key of the target file, and no program."""
    return not lack.startswith("program:")
