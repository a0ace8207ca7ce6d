"""The counts and the statement of each conformance class, shared by all formats."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from conformance.contract.profiles import included
from conformance.runs.outcome import is_key, not_shown
from conformance.runs.promises import waived
from conformance.runs.reading import Record
from conformance.runs.record import CheckResult, RunInfo
from conformance.vocabulary.requirement import Level
from conformance.vocabulary.verdict import Verdict
from conformance.vocabulary.wording import plural

AREAS = ("oauth", "authorization", "errors", "registry", "storage", "webhooks", "interoperability")
MOST_LACKS = 4
"""How many missing keys of the target file one line names."""
NOT_BINDING = "The clause leaves this open: a failed MAY is reported, and counts for no class and no exit code."


class Statement(StrEnum):
    """The statement about a conformance class."""

    CONFORMANT = "conformant"
    WAIVED = "conformant with waivers"
    IN_PART = "passes in part"
    NOT_SHOWN = "not shown"
    NOT_CONFORMANT = "not conformant"


STRENGTH = (
    Statement.CONFORMANT, Statement.WAIVED, Statement.IN_PART, Statement.NOT_SHOWN, Statement.NOT_CONFORMANT,
)  # fmt: skip
"""The statements, the strongest claim first."""


@dataclass
class Tally:
    """Counts of the checks of one level. ``waived`` are failures with a valid waiver, ``failed`` the others."""

    passed: int = 0
    failed: int = 0
    waived: int = 0
    inconclusive: int = 0
    error: int = 0
    not_applicable: int = 0

    @property
    def applicable(self) -> int:
        """The number of checks that apply to the target."""
        return self.passed + self.failed + self.waived + self.unjudged

    @property
    def unjudged(self) -> int:
        """The number of checks that apply and were not judged."""
        return self.inconclusive + self.error

    def add(self, outcome: str) -> None:
        """Count a check by its outcome (see ``outcome``)."""
        name = {"pass": "passed", "fail": "failed"}.get(outcome, outcome.replace("-", "_"))
        setattr(self, name, getattr(self, name) + 1)

    def __add__(self, other: Tally) -> Tally:
        names = self.__dataclass_fields__
        return Tally(**{name: getattr(self, name) + getattr(other, name) for name in names})


@dataclass
class ClassSummary:
    """One conformance class: its tallies by level and its statement.

    ``why`` is the reason of the statement; ``left_out`` is the number of checks that the run did not select;
    ``not_shown`` are binding checks that were not applicable although the contract does not permit that.
    """

    name: str
    levels: dict[str, Tally] = field(default_factory=lambda: {level.value: Tally() for level in Level})
    statement: Statement = Statement.NOT_SHOWN
    why: str = ""
    left_out: int = 0
    waivers: int = 0
    not_shown: list[CheckResult] = field(default_factory=list)

    @property
    def total(self) -> Tally:
        """The tally of all levels."""
        return sum(self.levels.values(), Tally())

    @property
    def lacking(self) -> bool:
        """Whether the class is not shown only because the target file or the machine lacks something."""
        return self.statement is Statement.NOT_SHOWN and bool(self.not_shown) and not self.total.unjudged

    @property
    def words(self) -> str:
        """The statement with the number of waivers: ``conformant with 2 waivers``."""
        if self.statement is Statement.WAIVED:
            return f"conformant with {plural(self.waivers, 'waiver')}"
        return self.statement.value


def waivers_read(info: RunInfo) -> str:
    """Return how many waivers a run read, and the file; "" if not recorded."""
    if info.waivers is None:
        return ""
    return f"{plural(len(info.waivers), 'waiver')} in {info.waivers_file}" if info.waivers_file else "none"


def outcome(result: CheckResult, day: str) -> str:
    """Return the verdict, or ``waived`` for a failure that a valid waiver permits."""
    return "waived" if result.failing and waived(result, day) else str(result.verdict)


def day_of(record: Record) -> str:
    """Return the day (UTC) that decides whether waivers of a run are valid."""
    return record.info.started[:10]


def reason_of(result: CheckResult) -> str:
    """Return why a check was not judged, and what it needs."""
    return f"{result.reason}; needs {result.needs}" if result.needs else result.reason


def waiver_of(result: CheckResult) -> str:
    """Return the last day, the reason and the issue of a check's waiver."""
    waiver = result.waiver or {}
    return f"until {waiver.get('until')}: {waiver.get('reason')} ({waiver.get('issue')})"


def summarise(record: Record) -> list[ClassSummary]:
    """Return every conformance class of the run by area; within an area basic first, then core.

    The order does not depend on the order of the checks, so that two reports can be compared.
    """
    classes: dict[str, ClassSummary] = {}
    for result in record.results:
        summary = classes.setdefault(result.conformance_class, ClassSummary(result.conformance_class))
        summary.levels.setdefault(result.level, Tally()).add(outcome(result, day_of(record)))
    for result in not_shown(each for each in record.results if _binds(each, record)):
        classes[result.conformance_class].not_shown.append(result)
    for summary in classes.values():
        summary.left_out = max(0, record.info.class_sizes.get(summary.name, 0) - _checks(summary))
        _state(summary, record)
    for summary in classes.values():
        for name in included(summary.name):
            if name in classes or name in record.info.class_sizes:
                _include(summary, classes.get(name, ClassSummary(name, why="none of its checks ran")))
    return sorted(classes.values(), key=_rank)


def _binds(result: CheckResult, record: Record) -> bool:
    return result.level == Level.MUST or (record.info.strict and result.level == Level.SHOULD)


def _include(summary: ClassSummary, part: ClassSummary) -> None:
    """Weaken the statement to that of an included class."""
    summary.waivers += part.waivers
    if STRENGTH.index(part.statement) > STRENGTH.index(summary.statement):
        summary.statement, summary.why = part.statement, f"it includes {part.name}: {part.why}"


def _rank(summary: ClassSummary) -> tuple[tuple[int, str], int, str]:
    tier = summary.name.rpartition("-")[2]
    return area_rank(summary.name.split("-", 1)[0]), {"basic": 0, "core": 1}.get(tier, 2), summary.name


def overall(record: Record, classes: Iterable[ClassSummary]) -> ClassSummary:
    """Return the whole run as one class, without classes to which nothing applies."""
    whole = ClassSummary("all classes")
    for summary in classes:
        for level, tally in summary.levels.items():
            whole.levels[level] = whole.levels.get(level, Tally()) + tally
        whole.not_shown += summary.not_shown if summary.total.applicable else []
    whole.left_out = max(0, sum(record.info.class_sizes.values()) - _checks(whole))
    _state(whole, record)
    if whole.statement in (Statement.CONFORMANT, Statement.WAIVED) and record.info.is_part(_checks(whole)):
        whole.statement = Statement.IN_PART
    if record.info.selection or record.info.shard:
        whole.why += "; only a part of the contract was checked"
    return whole


def _checks(summary: ClassSummary) -> int:
    return summary.total.applicable + summary.total.not_applicable


def _state(summary: ClassSummary, record: Record) -> None:
    strict = record.info.strict
    binding = summary.levels[Level.MUST] + (summary.levels[Level.SHOULD] if strict else Tally())
    failing = binding.failed + (binding.waived if strict else 0)
    summary.waivers = 0 if strict else binding.waived
    if failing:
        levels = "MUST or SHOULD" if strict else "MUST"
        summary.statement = Statement.NOT_CONFORMANT
        summary.why = f"{plural(failing, f'{levels} check')} {'fails' if failing == 1 else 'fail'}"
    elif reason := _why_not_shown(summary, binding, record):
        summary.statement, summary.why = Statement.NOT_SHOWN, reason
    elif record.info.selection and not record.info.class_sizes:
        summary.statement = Statement.IN_PART
        summary.why = f"{_nothing(summary)} that was checked fails; the number of checks left out is unknown"
    elif summary.left_out:
        summary.statement = Statement.IN_PART
        summary.why = f"{_nothing(summary)} that was checked fails; {plural(summary.left_out, 'check')} left out"
    elif summary.waivers:
        summary.statement = Statement.WAIVED
        summary.why = f"{plural(summary.waivers, 'known failure')} waived"
    else:
        summary.statement = Statement.CONFORMANT
        summary.why = "every binding check passes" if binding.applicable else "no binding check fails"


def _nothing(summary: ClassSummary) -> str:
    """Return "nothing", or "no MUST" if a SHOULD or MAY fails."""
    return "no MUST" if summary.total.failed else "nothing"


def _why_not_shown(summary: ClassSummary, binding: Tally, record: Record) -> str:
    if not summary.total.applicable:
        return _lacking(summary) or "nothing here applies to what the target claims"
    if binding.unjudged:
        return f"{plural(binding.unjudged, 'binding check')} could not be judged"
    if not record.complete:
        return "the run is not complete"
    if record.remarks:
        return "a part of its record cannot be read"
    if not binding.applicable and not summary.total.passed:
        return "no MUST was judged" if summary.total.failed else "nothing was judged"
    return _lacking(summary)


def _lacking(summary: ClassSummary) -> str:
    """Return how many MUSTs were not judged, and what the target file or the machine lacks; "" if all were."""
    if not summary.not_shown:
        return ""
    counted = f"{plural(len({each.requirement for each in summary.not_shown}), 'requirement')} not judged"
    keys = sorted({key for each in summary.not_shown for key in each.lacks}, key=lambda key: (not is_key(key), key))
    lacks = [key.replace("program:", "the program ") for key in keys]
    more = f" and {len(lacks) - MOST_LACKS} more" if len(lacks) > MOST_LACKS else ""
    return f"{counted}; missing: {', '.join(lacks[:MOST_LACKS])}{more}" if lacks else counted


def areas(results: Iterable[CheckResult]) -> dict[str, list[CheckResult]]:
    """Return the checks by area, sorted by area and id."""
    found: dict[str, list[CheckResult]] = {}
    for result in sorted(results, key=lambda result: (area_rank(result.area), result.id)):
        found.setdefault(result.area, []).append(result)
    return found


def area_rank(area: str) -> tuple[int, str]:
    """Return the sort key of an area; unknown areas come last."""
    return (AREAS.index(area) if area in AREAS else len(AREAS)), area


def counts(record: Record) -> Tally:
    """Return the tally of all checks of the run."""
    tally = Tally()
    for result in record.results:
        tally.add(outcome(result, day_of(record)))
    return tally


def unjudged(result: CheckResult) -> bool:
    """Return whether a check applied and was not judged."""
    return result.verdict in (Verdict.INCONCLUSIVE, Verdict.ERROR)
