"""Oracles over all responses of a run, whatever the requests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from conformance.evidence.judgements.surfaces import FAILED
from conformance.evidence.recorder import Recorder
from conformance.evidence.redaction import ALTERED
from conformance.oracles.status import expect_status
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Deviation, Kind, NonConformance, wrong_status


def expect_none(
    recorder: Recorder, wrong: Sequence[dict[str, Any]], expected: str, got: str, deviation: Deviation | None = None
) -> None:
    """Expect no such entries in the evidence; of several, the finding shows one whose request can be repeated.

    ``got`` is the observation.
    """
    if wrong:
        first = min(wrong, key=_repeatable(recorder))
        shown = first["id"] if first["id"] in recorder.ids_from(0) else recorder.recall(first)
        seen = f"{got} in the response to {first['method']} {first['url']}"
        finding = NonConformance(expected, seen, deviation=deviation or Deviation(Kind.BODY))
        finding.exchange_ids = [shown]
        raise finding


def flawed_entries(recorder: Recorder, surface: str, wrong: str) -> list[dict[str, Any]]:
    """Return the evidence of a surface's responses with this flaw, repeatable requests first."""
    return [each["entry"] for each in _flaws(recorder, surface, wrong)]


def _flaws(recorder: Recorder, surface: str, wrong: str) -> list[dict[str, Any]]:
    repeatable = _repeatable(recorder)
    return sorted(recorder.passive_checks.flawed(surface, wrong), key=lambda flaw: repeatable(flaw["entry"]))


def _repeatable(recorder: Recorder) -> Callable[[dict[str, Any]], tuple[bool, bool]]:
    """Return an order of entries: the check's own first, whose steps are known, then those with unaltered secrets."""
    own = recorder.ids_from(0)
    return lambda entry: (entry["id"] not in own, ALTERED in f"{entry['request_headers']}")


def expect_no_flaw(
    recorder: Recorder, surface: str, wrong: str, expected: str, deviation: Deviation | None = None
) -> None:
    """Expect no response of a surface with this flaw; the finding adds the detail of one."""
    found = _flaws(recorder, surface, wrong)
    detail = found[0]["detail"] if found else ""
    got = f"{wrong} ({detail})," if detail else f"{wrong},"
    expect_none(recorder, [each["entry"] for each in found], expected, got, deviation)


def failed_again(recorder: Recorder) -> list[dict[str, Any]]:
    """Return the evidence of each repeated 500 of a method of a resource: a single one may be an upstream's."""
    flaws = [each for each in recorder.passive_checks.flaws if each["wrong"].startswith(FAILED)]
    times = Counter(each["wrong"] for each in flaws)
    return [each["entry"] for each in flaws if times[each["wrong"]] > 1]


def expect_success_status(recorder: Recorder, surface: str, status: int, what: str, *own: Exchange) -> None:
    """Expect this success status for an operation in the whole run, in the check's own responses first."""
    for reply in own:
        if reply.ok:
            expect_status(reply, status, f"for {what}")
    found = flawed_entries(recorder, surface, what)
    got = f"{found[0]['status']} for {what}," if found else ""
    # A refusal may be correct as well; this oracle does not know.
    expect_none(recorder, found, f"{status} for {what}", got, wrong_status([status, *range(400, 500)]))
