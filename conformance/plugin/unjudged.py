"""Hints at the end of a run about checks that were not part of it."""

from __future__ import annotations

from collections.abc import Iterator

from conformance.evidence.recorder import RECORDER
from conformance.runs.reading import Record
from conformance.vocabulary.verdict import ExitCode

JUDGED_BY = "authorization/isolation/no-response-shows-another-organization"


def not_judged(record: Record) -> Iterator[str]:
    """Yield a sentence if nothing was checked, and one if no check judged a leak of another organization's data."""
    if record.info.exit_code == ExitCode.NOTHING_SELECTED:
        yield f"Nothing was checked: no check is both selected and part of the profile {record.info.profile}."
    leaks = RECORDER.passive_checks.seen
    if leaks and all(result.requirement != JUDGED_BY for result in record.results):
        answers = "answer" if leaks == 1 else "answers"
        yield (
            f"\n{leaks} {answers} of this run showed what another organization stored; no check of this run judges "
            f"that: run {JUDGED_BY} with it"
        )
