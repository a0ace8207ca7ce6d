"""Failures grouped by what probably causes them: one requirement with many cases, one symptom in many requirements."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from conformance.reporting.text import on_one_line
from conformance.runs.reading import Record
from conformance.runs.record import CheckResult
from conformance.vocabulary.exchange import (
    CUT_OFF,
    LOCKED_OUT,
    NOT_REACHED,
    SESSION_KNOWN,
    SESSION_LOST,
    STILL_THERE,
    TOO_LARGE,
)
from conformance.vocabulary.wording import plural

VARYING = re.compile(r"""(?P<code>"(?:code|error)"\s*:\s*"[^"]*")|"[^"]*"|'[^']*'|\b[0-9a-f]{8,}\b|\d{4,}|cf-[\w-]+""")
"""What differs from one request to the next, beside the code of an error, which does not."""
REFUSED, FAILED = re.compile(r"(?:a )?4(?:\d\d|xx)\b"), re.compile(r"5\d\d\b")
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
    SESSION_LOST: (
        "Do several servers take turns behind one address, without one secret (http.secret) or one storage for all?"
    ),
}
"""What may lie in front of a target, or within it, and show in many checks: the event, and what to look for."""
NEEDED = {SESSION_LOST: SESSION_KNOWN}
"""What a check needs that met the event before it began, in what several checks share."""
LEVELS = {"MUST": 0, "SHOULD": 1, "MAY": 2}


@dataclass
class Cause:
    """Failing checks that belong together; the first is the one to look at."""

    results: list[CheckResult]

    @property
    def level(self) -> str:
        """The strongest level among them."""
        return min((result.level for result in self.results), key=lambda level: LEVELS.get(level, 3))

    @property
    def requirements(self) -> list[str]:
        """The requirements that are broken, each once."""
        return list(dict.fromkeys(result.requirement for result in self.results))


def first_finding(result: CheckResult) -> dict[str, str]:
    """What a check's first finding says was asked, expected and observed, with its hint; else the check's reason."""
    finding = result.findings[0] if result.findings else {"observed": result.reason}
    return {name: str(finding.get(name) or "") for name in ("asked", "expected", "observed", "hint")}


def symptom(result: CheckResult) -> str:
    """What was observed without what differs from one request to the next: names, digests, long numbers."""
    return VARYING.sub(lambda found: found["code"] or "…", on_one_line(first_finding(result)["observed"])[:2000])


def likely_cause(result: CheckResult) -> tuple[str, str]:
    """What findings of one probable cause share: the symptom, and as much else as it does not tell.

    A 5xx tells enough. With another refusal it matters whether one was due. What was done, or told in any other way, is
    of one cause only where the same is looked at, which the first two words of the id name.
    """
    found = symptom(result)
    if FAILED.match(found):
        return found, ""
    if REFUSED.match(found):
        return found, "refused" if REFUSED.match(first_finding(result)["expected"]) else "served"
    return found, "/".join(result.requirement.split("/")[:2])


def causes(failing: Iterable[CheckResult]) -> list[Cause]:
    """The failures by cause: those of one requirement together, and requirements of the same probable cause together.

    The strongest level first, then what the most checks show: of the causes, and within one of its requirements.
    """
    by_requirement: dict[str, list[CheckResult]] = {}
    for result in failing:
        by_requirement.setdefault(result.requirement, []).append(result)
    merged: dict[tuple[str, str], Cause] = {}
    for results in sorted(by_requirement.values(), key=lambda each: (LEVELS.get(each[0].level, 3), -len(each))):
        merged.setdefault(likely_cause(results[0]), Cause([])).results.extend(results)
    return sorted(merged.values(), key=lambda cause: (LEVELS.get(cause.level, 3), -len(cause.results)))


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
    told = {}
    for first, *others in by_reason(each for each in record.results if each.verdict == "inconclusive"):
        if first.reason in surfaces:
            judged = f"{plural(len(others) + 1, 'check')} could not be judged"
            told[first.reason] = f"{surfaces[first.reason]}: {first.reason}. {judged}. Needed: {first.needs}"
    return told


def _refused(state: Mapping[str, Any]) -> list[list[str]]:
    found = state.get("refused") or {}
    return [each for each in found.values() if each] if isinstance(found, dict) else []


def in_front(record: Record) -> list[str]:
    """Logins that are refused, and what many checks met that did not pass: a sentence each."""
    return [*refused_logins(record).values(), *_met_by_many(record)]


def _met_by_many(record: Record) -> list[str]:
    """What many checks that did not pass have met, a sentence each, with what they may have come of."""
    unpassed = [result for result in record.results if result.verdict in ("fail", "inconclusive", "error")]
    told = []
    for event, question in COMMON.items():
        met = [each for each in unpassed if event in each.events or each.needs == NEEDED.get(event)]
        if len(met) >= max(FEWEST_THAT_MET, len(unpassed) // 10):
            checks = f"{len(met)} of the {plural(len(unpassed), 'check')} that did not pass"
            told.append(f"{checks} were {event} ({', '.join(sorted({result.area for result in met}))}). {question}")
    return told
