"""What a run says at its end of checks that were not part of it."""

from __future__ import annotations

from collections.abc import Iterator

from conformance.evidence.recorder import RECORDER
from conformance.runs.reading import Record
from conformance.vocabulary.verdict import ExitCode

JUDGED_BY = "authorization/isolation/no-response-shows-another-organization"


def not_judged(record: Record) -> Iterator[str]:
    """A sentence where nothing was checked, and where no check judged that answers showed another's data."""
    if record.info.exit_code == ExitCode.NOTHING_SELECTED:
        yield f"Nothing was checked: no check is both selected and part of the profile {record.info.profile}."
    seen = RECORDER.passive_checks.seen
    if seen and all(result.requirement != JUDGED_BY for result in record.results):
        answers = "answer" if seen == 1 else "answers"
        yield (
            f"\n{seen} {answers} of this run showed what another organization stored; no check of this run judges "
            f"that: run {JUDGED_BY} with it"
        )
