"""Runs side by side: the differences, and a matrix of requirements and runs with links to the reports."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

from conformance.reporting.causes import causes
from conformance.reporting.classes import area_rank, day_of, outcome
from conformance.reporting.html import fragment, page
from conformance.reporting.text import on_one_line
from conformance.runs.comparison import Change, Comparison, Kind
from conformance.runs.history import begun
from conformance.runs.reading import Record
from conformance.runs.record import CheckResult
from conformance.vocabulary.wording import plural

WORST_FIRST = ("fail", "error", "inconclusive", "waived", "pass", "not-applicable")
ABSENT = "absent"
SHOWN = 30


@dataclass(frozen=True)
class Cell:
    """One requirement in one run: the worst outcome of its checks, and a link to it in the report."""

    outcome: str
    href: str
    tooltip: str


@dataclass(frozen=True)
class Row:
    """One requirement in every run."""

    requirement: str
    title: str
    level: str
    area: str
    cells: list[Cell]

    @property
    def differs(self) -> bool:
        """Whether the outcomes differ."""
        return len({cell.outcome for cell in self.cells}) > 1


@dataclass(frozen=True)
class Column:
    """One run; ``started`` distinguishes it from others of its target."""

    name: str
    target: str
    started: str
    href: str


def rows(records: Sequence[Record], folder: Path) -> list[Row]:
    """Return a row for each requirement of any run; links are relative to the page's folder."""
    by_requirement: dict[str, list[list[CheckResult]]] = defaultdict(lambda: [[] for _ in records])
    for number, record in enumerate(records):
        for result in record.results:
            by_requirement[result.requirement][number].append(result)
    found = [_row(requirement, runs, records, folder) for requirement, runs in by_requirement.items()]
    return sorted(found, key=lambda row: (area_rank(row.area), row.requirement))


def _row(requirement: str, runs: list[list[CheckResult]], records: Sequence[Record], folder: Path) -> Row:
    known = next(result for results in runs for result in results)
    cells = [_cell(results, record, folder) for results, record in zip(runs, records, strict=True)]
    return Row(requirement, known.title, known.level, known.area, cells)


def _cell(results: list[CheckResult], record: Record, folder: Path) -> Cell:
    if not results:
        return Cell(ABSENT, "", "not part of this run")
    day = day_of(record)
    worst = min(results, key=lambda result: WORST_FIRST.index(outcome(result, day)))
    alike = sum(outcome(each, day) == outcome(worst, day) for each in results)
    tooltip = outcome(worst, day) if len(results) == 1 else f"{outcome(worst, day)}: {alike} of {len(results)} checks"
    return Cell(outcome(worst, day), link_to(record.folder, folder) + fragment(worst.id), tooltip)


def link_to(run: Path, folder: Path) -> str:
    """Return the link from a page in a folder to the report of a run, by the run's folder."""
    return quote(os.path.relpath(run.resolve() / "index.html", folder.resolve()))


def render(comparisons: Sequence[Comparison], folder: Path) -> str:
    """Return the page: every run compared with the first, and all runs side by side."""
    records = [comparisons[0].old, *(each.new for each in comparisons)]
    columns = [
        Column(record.folder.resolve().name, record.info.target, started, link_to(record.folder, folder))
        for record, started in zip(records, begun(records), strict=True)
    ]
    compared = [
        (column, each.promises_by_kind(), _shown(each, folder))
        for column, each in zip(columns[1:], comparisons, strict=True)
    ]
    remarks = list(dict.fromkeys(remark for each in comparisons for remark in each.remarks))
    found = rows(records, folder)
    return page("matrix.html", "matrix.js", columns=columns, compared=compared, rows=found, remarks=remarks)


def by_cause(comparison: Comparison, kind: Kind) -> list[list[Change]]:
    """Return the changes of one kind, grouped by probable cause; a MUST comes first.

    A check whose responses differ in several ways is in several groups.
    """
    results = {result.id: result for result in comparison.new.results}
    numbered = enumerate(causes(comparison.new)) if kind == Kind.NEWLY_FAILING else ()
    failing = {result.id: number for number, cause in numbered for result in cause.results}
    found: dict[object, list[Change]] = defaultdict(list)
    for change in comparison.of(kind):
        for cause, details in _causes(change, results.get(change.id), failing).items():
            found[change.before, change.now, change.waived, cause].append(replace(change, details=details))
    return [*found.values()]


def _causes(change: Change, result: CheckResult | None, failing: Mapping[str, int]) -> dict[object, list[str]]:
    """Return the causes of a change, each with its details: a cause of failures, a reason, or a kind of difference."""
    if change.kind == Kind.NEWLY_FAILING and change.id in failing:
        return {failing[change.id]: change.details}
    if change.kind == Kind.NEWLY_UNJUDGED and result is not None:
        return {(result.verdict, result.reason): change.details}
    if change.kind != Kind.BEHAVIOUR:
        return {change.id: change.details}
    found: dict[object, list[str]] = defaultdict(list)
    for detail in change.details:
        found[_difference(detail)].append(detail)
    return found


def _difference(detail: str) -> object:
    """Return the kind of difference without the path: one defect of a method shows at many paths."""
    request, _, description = detail.partition(": ")
    before, arrow, after = description.partition(" → ")
    was, now = ({each.rpartition(" ")[2] for each in side.split(", ")} for side in (before, after))
    subject = before.split(", ")[0].rpartition(" ")[0]
    ways = (subject, frozenset(was - now), frozenset(now - was)) if arrow else description
    return request.split(" ", 1)[0], ways


def _shown(comparison: Comparison, folder: Path) -> list[tuple[Kind, int, list[list[tuple[Change, str, str]]]]]:
    """Return the changes by kind and cause with links to both reports, and the number of each kind."""
    old, new = (link_to(side.folder, folder) for side in (comparison.old, comparison.new))

    def shown(change: Change) -> tuple[Change, str, str]:
        anchor = fragment(change.id)
        return change, old + anchor if change.before else "", new + anchor if change.now else ""

    return [
        (kind, len(comparison.of(kind)), [list(map(shown, each)) for each in by_cause(comparison, kind)])
        for kind in Kind
        if comparison.of(kind)
    ]


def plain(comparison: Comparison) -> dict[str, Any]:
    """Return the differences as JSON data."""
    counts = {str(kind): len(comparison.of(kind)) for kind in Kind}
    sides = {name: _side(record) for name, record in (("old", comparison.old), ("new", comparison.new))}
    changes = [{**asdict(change), "kind": str(change.kind)} for change in comparison.changes]
    promises = [{**asdict(change), "kind": change.kind} for change in comparison.promises]
    return {**sides, "remarks": comparison.remarks, "promises": promises, "counts": counts, "changes": changes}


def _side(record: Record) -> dict[str, Any]:
    info = record.info
    return {"folder": str(record.folder), "run_id": info.run_id, "target": info.target, "started": info.started}


def text(comparison: Comparison) -> Iterable[str]:
    """Yield the differences as lines for a terminal."""
    yield " → ".join(f"{record.folder} ({record.info.target})" for record in (comparison.old, comparison.new))
    yield from (f"remark: {remark}" for remark in comparison.remarks)
    for heading, promises in comparison.promises_by_kind().items():
        yield f"\n{heading.upper()} ({len(promises)})"
        yield from (f"  {on_one_line(each.name)}: {each.before} → {each.now}" for each in promises)
    for kind in Kind:
        groups = by_cause(comparison, kind)
        if groups:
            yield ""
            yield f"{kind.upper()} ({_counted(len(comparison.of(kind)), groups)})"
            yield from (line for each in groups[:SHOWN] for line in _lines(each))
        if len(groups) > SHOWN:
            yield f"  … and {len(groups) - SHOWN} more; --format json lists all"
    yield ""
    counted = [f"{len(comparison.of(kind))} {kind}" for kind in Kind if comparison.of(kind)]
    yield ", ".join(counted) if counted else f"no difference in {plural(len(comparison.new.results), 'check')}"


def _counted(checks: int, groups: Sequence[Sequence[Change]]) -> str:
    alone = len(groups) == checks and all(len(each) == 1 for each in groups)
    return str(checks) if alone else f"{plural(checks, 'check')}, {plural(len(groups), 'cause')}"


def _lines(alike: Sequence[Change]) -> Iterable[str]:
    change, others = alike[0], len(alike) - 1
    became = f": {change.before} → {change.now}" if change.before and change.now and change.before != change.now else ""
    waived = " (waived)" if change.waived else ""
    more = f" and {plural(others, 'more check')}" if others else ""
    yield f"  {on_one_line(change.id)}{more}  {change.level}{became}{waived}"
    yield from (f"      {on_one_line(detail)[:300]}" for detail in change.details[:4])
