"""No response of a run shows the data of another organization."""

from __future__ import annotations

from collections.abc import Callable

from conformance.evidence.recorder import Recorder
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance
from conformance.vocabulary.wording import plural, worded

NAMED = 5
SHOWN = 200


def expect_no_sighting(recorder: Recorder) -> None:
    """Expect that no response so far, in any worker, contains another organization's canary."""
    checks = recorder.passive_checks
    if not checks.sightings:
        return
    named = checks.sightings[:NAMED]
    places = "; ".join(
        f"{each['where']} of the {each['entry']['status']} response to {each['entry']['method']} {each['entry']['url']}"
        for each in named
    )
    finding = NonConformance(
        f"no data of another organization in the {checks.answers} responses of the run",
        f"{plural(checks.seen, 'response')} with it: {worded(named[0]['canary'])} in {places}",
        hint=f"seen in the exchanges {', '.join(each['entry']['id'] for each in named)}",
    )
    finding.exchange_ids = [recorder.recall(each["entry"]) for each in reversed(named)]
    raise finding


def expect_not_theirs(reply: Exchange, there: Exchange, named: str, plain: Callable[[], Exchange]) -> None:
    """Expect a response that differs from the one that another organization gets about itself.

    The response to ``plain``, which requests no other organization, may be the same for all callers.
    """
    if reply.ok and named in reply.text and reply.body == there.body and plain().body != reply.body:
        got = f"{reply.status} with the same body as {there.url} for the other organization"
        raise NonConformance("a response about the caller's own organization", got, there, reply)
