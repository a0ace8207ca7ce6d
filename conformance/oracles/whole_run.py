"""Oracles about all answers of a run: what none of them may be, whatever was asked for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

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
        first = next((each for each in wrong if ALTERED not in f"{each['request_headers']}"), wrong[0])
        recalled = recorder.recall(first)
        seen = f"{told} in the answer to {first['method']} {first['url']}"
        finding = NonConformance(expected, seen, proof=replace(proof, exchange=recalled))
        finding.exchange_ids = [recalled]
        raise finding


def flawed_so(recorder: Recorder, surface: str, wrong: str) -> list[dict[str, Any]]:
    """The evidence of the run's answers of a surface (identity, registry, storage) that are wrong in this way."""
    return [each["entry"] for each in recorder.watch.flaws if (each["surface"], each["wrong"]) == (surface, wrong)]


def expect_no_flaw(recorder: Recorder, surface: str, wrong: str, expected: str, proof: Proof) -> None:
    """No answer of a surface is wrong in this way."""
    expect_none(recorder, flawed_so(recorder, surface, wrong), expected, _told(recorder, surface, wrong), proof)


def _told(recorder: Recorder, surface: str, wrong: str) -> str:
    """What is observed in the first answer of a surface that is wrong in this way, in detail where that is known."""
    found = (each for each in recorder.watch.flaws if (each["surface"], each["wrong"]) == (surface, wrong))
    detail = next((each["detail"] for each in found), "")
    return f"{wrong} ({detail})," if detail else f"{wrong},"


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
