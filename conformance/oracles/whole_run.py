"""Oracles about all answers of a run: what none of them may be, whatever was asked for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from conformance.evidence.judgements.doubled import FIELD, OF_REGISTRIES, SINGLE
from conformance.evidence.judgements.of_surfaces import FAILED
from conformance.evidence.recorder import Recorder
from conformance.evidence.redaction import ALTERED
from conformance.oracles.status import expect_status
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance, Proof


def expect_none(recorder: Recorder, wrong: Sequence[dict[str, Any]], expected: str, told: str, proof: Proof) -> None:
    """There are none of these entries of the evidence; of several that one is told which can be sent again as it was.

    ``told`` is what was observed in it, ``proof`` what would be right of its answer.
    """
    if wrong:
        first = min(wrong, key=_repeatable(recorder))
        shown = first["id"] if first["id"] in recorder.ids_from(0) else recorder.recall(first)
        seen = f"{told} in the answer to {first['method']} {first['url']}"
        finding = NonConformance(expected, seen, proof=replace(proof, exchange=shown))
        finding.exchange_ids = [shown]
        raise finding


def flawed_so(recorder: Recorder, surface: str, wrong: str) -> list[dict[str, Any]]:
    """The evidence of the run's answers of a surface that are wrong in this way, those first that can be repeated."""
    return [each["entry"] for each in _flaws(recorder, surface, wrong)]


def _flaws(recorder: Recorder, surface: str, wrong: str) -> list[dict[str, Any]]:
    repeatable = _repeatable(recorder)
    return sorted(recorder.watch.flawed(surface, wrong), key=lambda flaw: repeatable(flaw["entry"]))


def _repeatable(recorder: Recorder) -> Callable[[dict[str, Any]], tuple[bool, bool]]:
    """An order of entries: the check's own first, whose steps are known, and then those whose secrets are whole."""
    own = recorder.ids_from(0)
    return lambda entry: (entry["id"] not in own, ALTERED in f"{entry['request_headers']}")


def expect_no_flaw(recorder: Recorder, surface: str, wrong: str, expected: str, proof: Proof) -> None:
    """No answer of a surface is wrong in this way; what is known in detail of the one that is told is said with it."""
    found = _flaws(recorder, surface, wrong)
    detail = found[0]["detail"] if found else ""
    told = f"{wrong} ({detail})," if detail else f"{wrong},"
    expect_none(recorder, [each["entry"] for each in found], expected, told, proof)


def once_each(recorder: Recorder, surface: str) -> Proof:
    """Would be right of an answer of a surface in which fields of one value stand in several lines: one of each."""
    names = [name.lower() for entry in flawed_so(recorder, surface, FIELD)[:1] for name, _ in entry["response_headers"]]
    return Proof(fields_once=tuple(sorted(each for each in SINGLE | OF_REGISTRIES if names.count(each) > 1)))


def failed_again(recorder: Recorder) -> list[dict[str, Any]]:
    """The evidence of each 500 of a method of a resource, where there were several: one may be an upstream's."""
    flaws = [each for each in recorder.watch.flaws if each["wrong"].startswith(FAILED)]
    times = Counter(each["wrong"] for each in flaws)
    return [each["entry"] for each in flaws if times[each["wrong"]] > 1]


def expect_told_by(recorder: Recorder, surface: str, status: int, what: str, *own: Exchange) -> None:
    """What was done so in the run is told by this status of success; the check's own first, which can be repeated."""
    for reply in own:
        if reply.ok:
            expect_status(reply, status, f"for {what}")
    found = flawed_so(recorder, surface, what)
    told = f"{found[0]['status']} for {what}," if found else ""
    # Of a refusal nobody knows here whether it would be right as well.
    expect_none(recorder, found, f"{status} for {what}", told, Proof(statuses=(status, *range(400, 500))))
