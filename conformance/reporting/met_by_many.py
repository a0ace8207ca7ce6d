"""What many checks met that did not pass: ended services, refused logins, gateways, and alike reasons."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from conformance.reporting.causes import ends_service, first_finding, title
from conformance.reporting.text import sentence
from conformance.runs.reading import Record
from conformance.runs.record import CheckResult
from conformance.vocabulary.exchange import (
    CUT_OFF,
    LOCKED_OUT,
    NO_LONGER_ANSWERS,
    NOT_REACHED,
    SESSION_KNOWN,
    SESSION_LOST,
    STILL_THERE,
    TOKEN_ENDED,
    TOO_LARGE,
)
from conformance.vocabulary.wording import plural

FEWEST_THAT_MET = 10
COMMON = {
    NOT_REACHED: (
        "Is a server behind a gateway down or slow, or is the rate limited there? "
        "Then say it in the target file (rate), or by --rate."
    ),
    TOO_LARGE: "Does what stands in front of it take bodies of the size that is told in the target file, or of 5 MiB?",
    CUT_OFF: (
        "Is something in between that closes connections, or was a server started again? "
        "Then conformance replay tells what is left of it."
    ),
    STILL_THERE: "Are deletions done so late that nobody can tell whether they are? They are awaited for ten seconds.",
    LOCKED_OUT: (
        "Is a client locked after a few wrong secrets, and for longer than is waited for? "
        "Then let the lock of the credential full be shorter while it is checked."
    ),
    TOKEN_ENDED: "Do tokens end before expires_in says so, or does only the server that issued one know it?",
    SESSION_LOST: (
        "Do several servers take turns behind one address, without one secret (http.secret) or one storage for all?"
    ),
}
"""What may lie in front of a target, or within it, and show in many checks: the event, and what to look for."""
NEEDED = {SESSION_LOST: SESSION_KNOWN}
"""What a check needs that met the event before it began, in what several checks share."""


def by_reason(unjudged: Iterable[CheckResult]) -> list[list[CheckResult]]:
    """The checks that could not be judged, those of one reason together, the most first."""
    found: dict[tuple[str, str], list[CheckResult]] = {}
    for result in unjudged:
        found.setdefault((result.reason, result.needs), []).append(result)
    return sorted(found.values(), key=len, reverse=True)


def refused_logins(record: Record) -> dict[str, str]:
    """The reasons of checks that are a login which the target refuses, each with the one line that is said of it."""
    surfaces = {}
    for state in record.info.preflight:
        causes = [state.get("locked") if state.get("mend") else None, *(each[0] for each in _refused(state))]
        surfaces.update({cause: state.get("surface") for cause in causes if cause})
    roles = {}
    for first, *others in by_reason(each for each in record.results if each.verdict == "inconclusive"):
        if first.reason in surfaces:
            judged = f"{plural(len(others) + 1, 'check')} could not be judged"
            roles[first.reason] = f"{surfaces[first.reason]}: {first.reason}. {judged}. Needed: {first.needs}"
    return roles


def _refused(state: Mapping[str, Any]) -> list[list[str]]:
    found = state.get("refused") or {}
    return [each for each in found.values() if each] if isinstance(found, dict) else []


def in_front(record: Record) -> list[str]:
    """Requests that end the service, services that stopped, refused logins, and what many checks met: a sentence each.

    Of a service that stopped for an unknown request there is one sentence for each cause.
    """
    ended = [f"{title(each)} ({first_finding(each)['asked']})" for each in record.results if ends_service(each)]
    stopped = (each.reason for each in record.results if NO_LONGER_ANSWERS in each.reason and not ended)
    by_cause = {reason.partition(";")[0]: sentence(f"{reason}.") for reason in stopped}
    return [*dict.fromkeys(ended), *by_cause.values(), *refused_logins(record).values(), *_met_by_many(record)]


def _met_by_many(record: Record) -> list[str]:
    """What many checks that did not pass have met, a sentence each, with what they may have come of."""
    unpassed = [result for result in record.results if result.verdict in ("fail", "inconclusive", "error")]
    shared = []
    for event, question in COMMON.items():
        met = [each for each in unpassed if event in each.events or each.needs == NEEDED.get(event)]
        if len(met) >= max(FEWEST_THAT_MET, len(unpassed) // 10):
            checks = f"{len(met)} of the {plural(len(unpassed), 'check')} that did not pass"
            shared.append(f"{checks} were {event} ({', '.join(sorted({result.area for result in met}))}). {question}")
    return shared
