"""The exit code of a run, and the checks that could not show anything."""

from __future__ import annotations

from collections.abc import Iterable

from conformance.runs.record import CheckResult
from conformance.runs.waivers import Waivers
from conformance.vocabulary.requirement import Level
from conformance.vocabulary.verdict import ExitCode, Verdict


def exit_code(results: Iterable[CheckResult], strict: bool, waivers: Waivers) -> int:
    """Return the exit code of a complete run; ``strict``: SHOULD counts like MUST, and waived like failing."""
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
    """Return the checks that are not applicable although the contract does not permit that.

    The target file lacks something, or no check of the same requirement was judged: one client program is enough if
    this machine lacks the others.
    """
    known = list(results)
    judged = {each.requirement for each in known if each.verdict in (Verdict.PASS, Verdict.FAIL)}
    absent = (each for each in known if each.verdict == Verdict.NOT_APPLICABLE and not each.optional)
    return [each for each in absent if each.requirement not in judged or any(map(is_key, each.lacks))]


def is_key(lack: str) -> bool:
    """Return whether a check lacks a key of the target file, not a program."""
    return not lack.startswith("program:")
