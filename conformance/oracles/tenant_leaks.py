"""What another organization stored is shown to nobody else: judged over every answer of a run."""

from __future__ import annotations

from collections.abc import Callable

from conformance.evidence.recorder import Recorder
from conformance.oracles.proofs import lacks
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance
from conformance.vocabulary.wording import worded

NAMED = 5
SHOWN = 200


def expect_no_sighting(recorder: Recorder) -> None:
    """No answer of the run so far, of any worker, carried a canary to somebody who must not have it."""
    watch = recorder.watch
    if not watch.sightings:
        return
    named = watch.sightings[:NAMED]
    places = "; ".join(
        f"{each['where']} of {each['entry']['method']} {each['entry']['url']}, answered {each['entry']['status']}"
        for each in named
    )
    finding = NonConformance(
        f"none of the {watch.answers} answers of the run to show what another organization stored",
        f"{watch.seen} that do: {worded(named[0]['canary'])} in {places}",
        hint=f"seen in the exchanges {', '.join(each['entry']['id'] for each in named)}",
    )
    finding.exchange_ids = [recorder.recall(each["entry"]) for each in reversed(named)]
    raise finding


def expect_not_theirs(reply: Exchange, there: Exchange, named: str, plain: Callable[[], Exchange]) -> None:
    """An answer is not the very one that shows another organization, by its name, to its own role.

    What ``plain`` is answered, with nothing of the other asked for, may be the same for all.
    """
    if reply.ok and named in reply.text and reply.body == there.body and plain().body != reply.body:
        told, proof = f"{reply.status} with what {there.url} shows to its own", lacks(reply, reply.text[:SHOWN])
        raise NonConformance("an answer of the caller's own organization", told, there, reply, proof=proof)
