"""What a run's verdicts come to: its exit code."""

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
    unclear = any(result.verdict == Verdict.INCONCLUSIVE for result in binding)
    return ExitCode.INCONCLUSIVE if unclear else ExitCode.CONFORMANT
