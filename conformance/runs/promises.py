"""The promises of a run: each has one verdict, computed from the record alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from conformance.runs.reading import CLAUSE, Record
from conformance.runs.record import CheckResult, RunInfo
from conformance.vocabulary.requirement import Consequence, Level
from conformance.vocabulary.verdict import Verdict

UNNAMED = "All checks of a run whose record names no promises"
"""The one promise of an old record."""


class PromiseVerdict(StrEnum):
    """The verdict of a promise, in the order in which reports list it."""

    BROKEN = "broken"
    """A MUST fails, or a SHOULD in a strict run."""
    NOT_SHOWN = "not shown"
    """None of its checks could be judged."""
    IN_PART = "kept in part"
    """Only SHOULDs fail, or failures that a waiver permits."""
    KEPT = "kept"


class Judged(Protocol):
    """The data of a check that the verdict of its promise depends on."""

    @property
    def level(self) -> str:
        """The level of the requirement."""

    @property
    def verdict(self) -> str:
        """The verdict of the check."""

    @property
    def waiver(self) -> dict[str, Any] | None:
        """The waiver that names the check."""


@dataclass(frozen=True)
class PromiseResult:
    """One promise in one run. ``id`` is "" for the checks of a record that names no promises."""

    id: str
    title: str
    name: str
    """The id and the title."""
    clause: dict[str, str]
    conformance_class: str
    surface: str
    consequence: str
    verdict: PromiseVerdict
    results: list[CheckResult]
    failing: list[CheckResult]
    """The checks that count against it: a waived failure and a MAY do not."""
    waived: int

    @property
    def applicable(self) -> list[CheckResult]:
        """The checks that apply to the target."""
        return [each for each in self.results if each.verdict != Verdict.NOT_APPLICABLE]

    @property
    def judged(self) -> list[CheckResult]:
        """The checks that pass or fail."""
        return [each for each in self.results if each.verdict in (Verdict.PASS, Verdict.FAIL)]

    @property
    def reason(self) -> str:
        """Why it is not shown: the most frequent reason of its checks; "" for other verdicts."""
        if self.verdict != PromiseVerdict.NOT_SHOWN:
            return ""
        unclear = [each for each in self.applicable if each.reason] or self.results
        return Counter(f"{each.reason}; needs {each.needs}" if each.needs else each.reason
                       for each in unclear).most_common(1)[0][0]  # fmt: skip


def promises(record: Record) -> list[PromiseResult]:
    """Return the promises that the run has checks of: broken ones first, then not shown, kept in part, kept.

    Within a verdict the worst consequence is first, then the order of the contract.
    """
    order = [*PromiseVerdict]
    found = by_id(record).values()
    return sorted(found, key=lambda each: (order.index(each.verdict), consequence_rank(each.consequence)))


def by_id(record: Record) -> dict[str, PromiseResult]:
    """Return the promises that the run has checks of by id, in the order of the contract."""
    checks: dict[str, list[CheckResult]] = {}
    for result in record.results:
        checks.setdefault(result.promise, []).append(result)
    known = record.info.promises
    ids = [*(each for each in known if each in checks), *sorted(checks.keys() - known.keys())]
    return {each: _judged(each, checks[each], record.info) for each in ids}


def name_of(promise: str, info: RunInfo) -> str:
    """Return the id and the title of a promise; a fixed text if the record names no promises."""
    return f"{promise} {info.promises.get(promise, {}).get('title', '')}".strip() or UNNAMED


def verdict_of(results: Iterable[Judged], day: str, strict: bool = False) -> PromiseVerdict:
    """Return the verdict of a promise with these checks; ``day`` (``YYYY-MM-DD``) decides whether waivers are valid."""
    checks = list(results)
    failing = {each.level for each in checks if counts_against(each, day, strict)}
    if Level.MUST in failing or (strict and failing):
        return PromiseVerdict.BROKEN
    if not any(each.verdict in (Verdict.PASS, Verdict.FAIL) for each in checks):
        return PromiseVerdict.NOT_SHOWN
    permitted = any(each.level != Level.MAY and waived(each, day) for each in checks if each.verdict == Verdict.FAIL)
    return PromiseVerdict.IN_PART if failing or permitted else PromiseVerdict.KEPT


def counts_against(result: Judged, day: str, strict: bool = False) -> bool:
    """Return whether a check fails its promise: a MAY never does, a waived failure only in a strict run."""
    return result.verdict == Verdict.FAIL and result.level != Level.MAY and (strict or not waived(result, day))


def waived(result: Judged, day: str) -> bool:
    """Return whether a waiver covers the check on a day."""
    waiver = result.waiver or {}
    return bool(waiver) and not waiver.get("expired") and str(waiver.get("until") or day) >= day


def consequence_rank(consequence: str) -> int:
    """Return the rank of a consequence, the worst first."""
    known = [*Consequence]
    return known.index(Consequence(consequence)) if consequence in known else len(known)


def _judged(promise: str, results: list[CheckResult], info: RunInfo) -> PromiseResult:
    described = info.promises.get(promise, {})
    day, strict = info.started[:10], info.strict
    return PromiseResult(
        id=promise,
        title=described.get("title") or promise or UNNAMED,
        clause={name: described.get(name, "") for name in CLAUSE},
        conformance_class=described.get("class", ""),
        surface=described.get("surface", ""),
        consequence=described.get("consequence", ""),
        verdict=verdict_of(results, day, strict),
        results=results,
        failing=[each for each in results if counts_against(each, day, strict)],
        name=name_of(promise, info),
        waived=sum(each.failing and waived(each, day) for each in results),
    )
