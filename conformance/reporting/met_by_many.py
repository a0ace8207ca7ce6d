"""Common reasons of checks that did not pass: ended services, refused logins, gateways."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from conformance.reporting.causes import ends_service, first_finding, title
from conformance.reporting.commands import curl_of
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
        "Is a server behind a gateway down or slow, or does the gateway limit the rate? "
        "A limit belongs in the target file (rate) or in --rate."
    ),
    TOO_LARGE: "Does a proxy in front of the target accept bodies of the size in the target file, or of 5 MiB?",
    CUT_OFF: (
        "Does a proxy close connections, or was a server restarted? conformance replay shows which findings remain."
    ),
    STILL_THERE: "Do deletions take effect only after more than ten seconds? The checks wait no longer.",
    LOCKED_OUT: (
        "Is a client locked after a few wrong secrets, and for longer than the checks wait? "
        "Then shorten the lock of the credential full for the run."
    ),
    TOKEN_ENDED: "Do tokens expire before expires_in, or does only one of several servers know each token?",
    SESSION_LOST: ("Do several servers share one address without sharing one secret (http.secret) or one storage?"),
}
"""Faults of a target or its proxies that show in many checks: the event, and a question that helps."""
NEEDED = {SESSION_LOST: SESSION_KNOWN}
"""The need of a check whose shared fixture met the event."""


def by_reason(unjudged: Iterable[CheckResult]) -> list[list[CheckResult]]:
    """Return the unjudged checks, grouped by reason, the largest group first."""
    found: dict[tuple[str, str], list[CheckResult]] = {}
    for result in unjudged:
        found.setdefault((result.reason, result.needs), []).append(result)
    return sorted(found.values(), key=len, reverse=True)


def refused_logins(record: Record) -> dict[str, str]:
    """Return the reasons that are a refused login, each with its line in the report."""
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


def service_ends(record: Record) -> list[tuple[str, str]]:
    """Return a sentence for each request that ended or hung a service, with the curl line that does so again."""
    fatal = [each for each in record.results if ends_service(each)]
    return [(f"{title(each)} ({first_finding(each)['asked']})", curl_of(each, {}, {})) for each in fatal]


def in_front(record: Record) -> list[str]:
    """Return a sentence for each useless or ended service, stopped service, refused login and common reason.

    If the request that stopped a service is unknown, there is one sentence for each cause.
    """
    ended = [words for words, _ in service_ends(record)]
    stopped = (each.reason for each in record.results if NO_LONGER_ANSWERS in each.reason and not ended)
    by_cause = {reason.partition(";")[0]: sentence(f"{reason}.") for reason in stopped}
    useless = [sentence(f"{state['alike']}.") for state in record.info.preflight if state.get("alike")]
    first = [*useless, *dict.fromkeys(ended), *by_cause.values()]
    return [*first, *refused_logins(record).values(), *_met_by_many(record)]


def _met_by_many(record: Record) -> list[str]:
    """Return the events that many failed checks share, a sentence each, with a question about the cause."""
    unpassed = [result for result in record.results if result.verdict in ("fail", "inconclusive", "error")]
    shared = []
    for event, question in COMMON.items():
        met = [each for each in unpassed if event in each.events or each.needs == NEEDED.get(event)]
        if len(met) >= max(FEWEST_THAT_MET, len(unpassed) // 10):
            checks = f"{len(met)} of the {plural(len(unpassed), 'check')} that did not pass"
            shared.append(f"{checks} were {event} ({', '.join(sorted({result.area for result in met}))}). {question}")
    return shared
