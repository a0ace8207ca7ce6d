"""What the watch over the whole run has seen where the check that judges it was not part of the run."""

from __future__ import annotations

from collections.abc import Iterable

from conformance.evidence.recorder import RECORDER
from conformance.runs.record import CheckResult

JUDGED_BY = "authorization/isolation/nothing-foreign-in-any-answer"


def not_judged(results: Iterable[CheckResult]) -> list[str]:
    """A sentence where answers showed what another organization stored and no check has said so."""
    seen = RECORDER.watch.seen
    if not seen or any(result.requirement == JUDGED_BY for result in results):
        return []
    answers = "answer" if seen == 1 else "answers"
    return [
        f"\n{seen} {answers} of this run showed what another organization stored; no check of this run judges that: "
        f"run {JUDGED_BY} with it"
    ]
