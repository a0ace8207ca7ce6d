"""Comparison of two runs: new failures, fixes, checks that are no longer judged, and silent changes of behaviour.

``compare(old, new).changes`` has the most important change first. The runs may be of different targets.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from conformance.runs.behaviour import behaviour, differences
from conformance.runs.promises import PromiseVerdict, by_id, waived
from conformance.runs.reading import Record
from conformance.runs.record import CheckResult, RecordError
from conformance.vocabulary.requirement import Level
from conformance.vocabulary.verdict import ExitCode, Verdict
from conformance.vocabulary.wording import plural


class Kind(StrEnum):
    """How a check changed between two runs, the worst change first."""

    NEWLY_FAILING = "newly failing"
    NEWLY_UNJUDGED = "newly not judged"
    FIXED = "fixed"
    CHANGED = "verdict changed"
    GONE = "gone"
    ADDED = "added"
    BEHAVIOUR = "changed behaviour"


@dataclass(frozen=True)
class Change:
    """One difference. ``before`` and ``now`` are verdicts ("" if a run has no such check).

    ``exchanges`` are the ids of an exchange of each run that shows the difference, or "".
    """

    kind: Kind
    id: str
    level: str
    title: str
    before: str
    now: str
    details: list[str] = field(default_factory=list)
    exchanges: tuple[str, str] = ("", "")
    waived: bool = False

    @property
    def binding(self) -> bool:
        """Whether it can block a release: it concerns a MUST and is not waived."""
        return self.level == Level.MUST and not self.waived


@dataclass(frozen=True)
class PromiseChange:
    """A promise whose verdict differs between the runs."""

    id: str
    name: str
    before: PromiseVerdict
    now: PromiseVerdict

    @property
    def kind(self) -> str:
        """The heading of the change."""
        newly = self.now in (PromiseVerdict.BROKEN, PromiseVerdict.KEPT)
        return f"promises newly {self.now}" if newly else "promises changed"


@dataclass(frozen=True)
class Comparison:
    """All differences between two runs, and remarks on what limits the comparison."""

    old: Record
    new: Record
    promises: list[PromiseChange]
    changes: list[Change]
    remarks: list[str]

    def promises_by_kind(self) -> dict[str, list[PromiseChange]]:
        """Return the promises whose verdict changed: newly broken, newly kept, others."""
        found: dict[str, list[PromiseChange]] = {}
        for kind in ("promises newly broken", "promises newly kept", "promises changed"):
            if changed := [each for each in self.promises if each.kind == kind]:
                found[kind] = changed
        return found

    def of(self, kind: Kind) -> list[Change]:
        """Return the changes of one kind."""
        return [change for change in self.changes if change.kind == kind]

    def exit_code(self, fail_on: str) -> int:
        """For ``any``, return 1 for any change; for ``regression``, 1 if a MUST newly fails, 7 if one is not judged."""
        if fail_on == "any":
            return ExitCode.NON_CONFORMANT if self.changes else ExitCode.CONFORMANT
        if any(change.binding for change in self.of(Kind.NEWLY_FAILING)):
            return ExitCode.NON_CONFORMANT
        unjudged = any(change.binding for change in self.of(Kind.NEWLY_UNJUDGED))
        return ExitCode.INCONCLUSIVE if unjudged else ExitCode.CONFORMANT


def compare(old: Record, new: Record) -> Comparison:
    """Return every difference between two runs; RecordError if they have no check in common."""
    before, now = ({result.id: result for result in record.results} for record in (old, new))
    if not before.keys() & now.keys():
        raise RecordError(f"{old.folder} and {new.folder} have no check in common; there is nothing to compare")
    day = new.info.started[:10]
    # A check that only one run selected says nothing about the target.
    compared = (
        [*now, *(before.keys() - now.keys())] if _same_selection(old, new) else [each for each in now if each in before]
    )
    found = [_change(before.get(each), now.get(each), day) for each in compared]
    changes = [*filter(None, found), *_drift(old, new, before, now)]
    order = list(Kind)
    changes.sort(key=lambda change: (order.index(change.kind), change.level != Level.MUST, change.id))
    return Comparison(old, new, list(_promises(old, new)), changes, list(_remarks(old, new)))


def _promises(old: Record, new: Record) -> Iterator[PromiseChange]:
    """Yield the promises whose verdict changed, of those that both runs have checks of."""
    before, now = by_id(old), by_id(new)
    for each, promise in now.items():
        if each in before and before[each].verdict != promise.verdict:
            yield PromiseChange(each, promise.name, before[each].verdict, promise.verdict)


def _change(before: CheckResult | None, now: CheckResult | None, day: str) -> Change | None:
    kind = _kind(before, now)
    known = now or before
    if kind is None or known is None:
        return None
    findings = [
        f"expected {each.get('expected')}; observed {each.get('observed')}" for each in (now.findings if now else [])
    ]
    reason = [now.reason] if now is not None and now.reason else []
    return Change(
        kind, known.id, known.level, known.title, before.verdict if before else "", now.verdict if now else "",
        [*findings, *reason], (_shown(before), _shown(now)), now is not None and waived(now, day),
    )  # fmt: skip


def _shown(result: CheckResult | None) -> str:
    """Return the id of the last exchange of a result's findings, or ""."""
    named = [each for finding in (result.findings if result else []) for each in finding.get("exchanges", [])]
    return str(named[-1]) if named else ""


def _kind(before: CheckResult | None, now: CheckResult | None) -> Kind | None:
    if before is None or now is None:
        return Kind.ADDED if before is None else Kind.GONE
    if before.verdict == now.verdict:
        return None
    if now.failing:
        return Kind.NEWLY_FAILING
    if now.verdict in (Verdict.INCONCLUSIVE, Verdict.ERROR):
        return Kind.NEWLY_UNJUDGED
    return Kind.FIXED if before.failing and now.verdict == Verdict.PASS else Kind.CHANGED


def _drift(old: Record, new: Record, before: dict[str, CheckResult], now: dict[str, CheckResult]) -> Iterator[Change]:
    """Yield changed responses of checks that pass in both runs; not of properties, whose examples vary."""
    same = [
        each for each, result in now.items()
        if each in before and before[each].verdict == result.verdict == Verdict.PASS
        and max(before[each].events.get("examples", 1), result.events.get("examples", 1)) == 1
    ]  # fmt: skip
    old_evidence, new_evidence = _by_check(old), _by_check(new)
    for each in same:
        found = list(differences(behaviour(old_evidence[each]), behaviour(new_evidence[each])))
        if found:
            result = now[each]
            details = [description for description, _, _ in found]
            yield Change(
                Kind.BEHAVIOUR, each, result.level, result.title, Verdict.PASS, Verdict.PASS, details, found[0][1:]
            )


def _by_check(record: Record) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for entry in record.evidence_of_checks():
        found[str(entry.get("check", ""))].append(entry)
    return found


def _same_selection(old: Record, new: Record) -> bool:
    """Return whether both runs selected the same checks."""
    one, other = ((info.profile, info.selection, info.shard) for info in (old.info, new.info))
    return one == other


def _remarks(old: Record, new: Record) -> Iterator[str]:
    pairs = {
        "contracts": (old.info.contract_digest, new.info.contract_digest),
        "versions of the suite": (old.info.suite_version, new.info.suite_version),
        "profiles": (old.info.profile, new.info.profile),
        "selections": (old.info.selection, new.info.selection),
        "shards": (old.info.shard, new.info.shard),
        "targets' descriptions": (old.info.fingerprint, new.info.fingerprint),
        "seeds": (old.info.seed, new.info.seed),
    }
    different = [name for name, (one, other) in pairs.items() if one != other]
    if different:
        yield f"the runs differ in their {', '.join(different)}"
    if not _same_selection(old, new):
        ids = [{result.id for result in record.results} for record in (old, new)]
        yield f"{plural(len(ids[0] ^ ids[1]), 'check')} of one run alone: the other was not to make them"
    for record in (old, new):
        if not record.evidence_files():
            yield f"{record.folder}: no evidence is there, so that behaviour cannot be compared"
