"""Two runs compared: what newly fails, what was fixed, what can no longer be judged, and what drifted silently.

``compare(old, new).changes`` is in the order in which one wants to know. Runs of different targets may be compared:
that staging differs from production is what one may want to see.
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
    """What became of a check from one run to the other, the worst first."""

    NEWLY_FAILING = "newly failing"
    NEWLY_UNJUDGED = "newly not judged"
    FIXED = "fixed"
    CHANGED = "verdict changed"
    GONE = "gone"
    ADDED = "added"
    BEHAVIOUR = "changed behaviour"


@dataclass(frozen=True)
class Change:
    """One difference. ``before`` and ``now`` are verdicts ("" where there is no such check); ``details`` say more.

    ``exchanges`` are the ids of an exchange of each run that shows it, where one does.
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
        """Whether it can make a release wait: it is about a MUST, and not waived."""
        return self.level == Level.MUST and not self.waived


@dataclass(frozen=True)
class PromiseChange:
    """A promise of both runs whose verdict is another now."""

    id: str
    name: str
    before: PromiseVerdict
    now: PromiseVerdict

    @property
    def kind(self) -> str:
        """What became of it."""
        newly = self.now in (PromiseVerdict.BROKEN, PromiseVerdict.KEPT)
        return f"promises newly {self.now}" if newly else "promises changed"


@dataclass(frozen=True)
class Comparison:
    """All differences between two runs, and remarks on what makes them less comparable."""

    old: Record
    new: Record
    promises: list[PromiseChange]
    changes: list[Change]
    remarks: list[str]

    def promises_by_kind(self) -> dict[str, list[PromiseChange]]:
        """The promises whose verdict changed: newly broken, newly kept, the others."""
        found: dict[str, list[PromiseChange]] = {}
        for kind in ("promises newly broken", "promises newly kept", "promises changed"):
            if those := [each for each in self.promises if each.kind == kind]:
                found[kind] = those
        return found

    def of(self, kind: Kind) -> list[Change]:
        """The changes of one kind."""
        return [change for change in self.changes if change.kind == kind]

    def exit_code(self, fail_on: str) -> int:
        """``regression``: 1 where a MUST newly fails, 7 where one is no longer judged; ``any``: 1 for any change."""
        if fail_on == "any":
            return ExitCode.NON_CONFORMANT if self.changes else ExitCode.CONFORMANT
        if any(change.binding for change in self.of(Kind.NEWLY_FAILING)):
            return ExitCode.NON_CONFORMANT
        unjudged = any(change.binding for change in self.of(Kind.NEWLY_UNJUDGED))
        return ExitCode.INCONCLUSIVE if unjudged else ExitCode.CONFORMANT


def compare(old: Record, new: Record) -> Comparison:
    """Every difference between two runs; RecordError where they have nothing in common."""
    before, now = ({result.id: result for result in record.results} for record in (old, new))
    if not before.keys() & now.keys():
        raise RecordError(f"{old.folder} and {new.folder} have no check in common; there is nothing to compare")
    day = new.info.started[:10]
    # A check that only one run selected says nothing of the target.
    every = (
        [*now, *(before.keys() - now.keys())] if _same_choice(old, new) else [each for each in now if each in before]
    )
    found = [_change(before.get(each), now.get(each), day) for each in every]
    changes = [*filter(None, found), *_drift(old, new, before, now)]
    order = list(Kind)
    changes.sort(key=lambda change: (order.index(change.kind), change.level != Level.MUST, change.id))
    return Comparison(old, new, list(_promises(old, new)), changes, list(_remarks(old, new)))


def _promises(old: Record, new: Record) -> Iterator[PromiseChange]:
    """The promises whose verdict changed; those that one of the runs has no check of cannot be compared."""
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
    """The exchange of a finding."""
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
    """Answers that changed where no promise broke; not of properties, whose examples are new in each run."""
    same = [
        each for each, result in now.items()
        if each in before and before[each].verdict == result.verdict == Verdict.PASS
        and max(before[each].events.get("examples", 1), result.events.get("examples", 1)) == 1
    ]  # fmt: skip
    was, is_now = _by_check(old), _by_check(new)
    for each in same:
        found = list(differences(behaviour(was[each]), behaviour(is_now[each])))
        if found:
            result = now[each]
            words = [each for each, _, _ in found]
            yield Change(
                Kind.BEHAVIOUR, each, result.level, result.title, Verdict.PASS, Verdict.PASS, words, found[0][1:]
            )


def _by_check(record: Record) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for entry in record.evidence_of_checks():
        found[str(entry.get("check", ""))].append(entry)
    return found


def _same_choice(old: Record, new: Record) -> bool:
    """Whether both runs were to make the same checks."""
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
    if not _same_choice(old, new):
        ids = [{result.id for result in record.results} for record in (old, new)]
        yield f"{plural(len(ids[0] ^ ids[1]), 'check')} of one run alone: the other was not to make them"
    for record in (old, new):
        if not record.evidence_files():
            yield f"{record.folder}: no evidence is there, so that behaviour cannot be compared"
