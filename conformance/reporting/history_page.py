"""Pages over many runs: the verdicts of each check over time, and the index of published runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from conformance.reporting.classes import Statement
from conformance.reporting.html import fragment, page
from conformance.reporting.matrix import link_to
from conformance.reporting.text import duration, on_one_line
from conformance.runs.history import Course, History, PromiseCourse, Run, Shelf, Trend, begun, shown
from conformance.runs.promises import PromiseVerdict
from conformance.vocabulary.verdict import ExitCode, Verdict
from conformance.vocabulary.wording import plural

SHOWN_RUNS = 40
SHOWN_CHECKS = 400
LISTED = 20
STATEMENTS = {
    ExitCode.CONFORMANT: ("pass", "conformant"),
    ExitCode.NON_CONFORMANT: ("fail", "not conformant"),
    ExitCode.INTERRUPTED: ("error", "interrupted"),
    ExitCode.SUITE_ERROR: ("error", "error in the suite"),
    ExitCode.NOTHING_SELECTED: ("not-applicable", "nothing selected"),
    ExitCode.INCONCLUSIVE: ("inconclusive", "not shown"),
}


@dataclass(frozen=True)
class RunView:
    """One run as the pages show it."""

    name: str
    target: str
    started: str
    tone: str
    statement: str
    counts: dict[str, int]
    took: str
    profile: str
    contract: str
    href: str


@dataclass(frozen=True)
class CourseView:
    """One check: its verdicts in the latest runs, each with a link, and since when it fails."""

    course: Course
    cells: list[tuple[str, str, str]]
    since: str


def run_views(runs: Sequence[Run], folder: Path) -> list[RunView]:
    """Return the runs, each with a link to its report, if any, relative to ``folder``."""
    return [_run_view(run, started, folder) for run, started in zip(runs, begun(runs), strict=True)]


def _run_view(run: Run, started: str, folder: Path) -> RunView:
    info = run.info
    tone, statement = STATEMENTS.get(info.exit_code or 0, ("error", "not judged"))
    if info.exit_code == ExitCode.CONFORMANT and info.is_part(len(run.verdicts)):
        statement = Statement.IN_PART.value
    if set(run.verdicts.values()) == {Verdict.NOT_APPLICABLE}:
        tone, statement = "not-applicable", Statement.NOT_SHOWN.value
    if not run.complete:
        tone, statement = "error", "not complete"
    report = link_to(run.folder, folder) if (run.folder / "index.html").exists() else ""
    return RunView(
        run.folder.name, info.target, started, tone, statement, run.counts, duration(info.duration_s),
        info.profile, info.contract_version, report,
    )  # fmt: skip


def since(course: Course, started: Sequence[str]) -> str:
    """Return when a problem was first seen and last absent; ``started`` are the runs' start times."""
    if course.trend in (Trend.STEADY, Trend.FIXED) or course.first_seen is None:
        return ""
    since_text = f"first seen {started[course.first_seen]}"
    return since_text + (f", last good {started[course.last_good]}" if course.last_good is not None else ", never good")


def render(histories: Sequence[History], folder: Path) -> str:
    """Return the page of histories, for ``folder``."""
    parts = []
    for history in histories:
        views = run_views(history.runs, folder)
        courses = shown(history.courses)
        rows = [_course(course, views) for course in courses[:SHOWN_CHECKS]]
        steady = len(history.courses) - len(courses)
        parts.append((history, views[-SHOWN_RUNS:], rows, steady, len(courses) - len(rows)))
    return page("history.html", "matrix.js", targets=parts)


def _course(course: Course, views: list[RunView]) -> CourseView:
    cells = [
        (verdict, view.href + fragment(course.id) if view.href and verdict else "", view.started)
        for verdict, view in zip(course.verdicts, views, strict=True)
    ]
    return CourseView(course, cells[-SHOWN_RUNS:], since(course, [view.started for view in views]))


def render_index(found: Shelf, folder: Path) -> str:
    """Return the index of the runs in a folder, latest first; it links to ``history.html``."""
    views = run_views(found.runs, folder)[::-1]
    return page("runs.html", "matrix.js", runs=views, remarks=found.remarks, history="history.html")


def plain(history: History) -> dict[str, Any]:
    """Return a history as JSON data."""
    runs = [
        {"folder": str(run.folder), "run_id": run.info.run_id, "started": run.info.started, "complete": run.complete}
        for run in history.runs
    ]
    checks = [
        {
            "id": course.id, "level": course.level, "trend": str(course.trend), "now": course.now,
            "verdicts": course.verdicts, "first_seen": _started(history, course.first_seen),
            "last_good": _started(history, course.last_good),
        }
        for course in history.courses
    ]  # fmt: skip
    promises = [
        {"id": each.id, "name": each.name, "now": each.now, "verdicts": each.verdicts} for each in history.promises
    ]
    return {"target": history.target, "runs": runs, "promises": promises, "checks": checks}


def _started(history: History, number: int | None) -> str | None:
    return None if number is None else history.runs[number].info.started


def text(history: History) -> Iterator[str]:
    """Yield a history as lines for a terminal."""
    runs, started = history.runs, begun(history.runs)
    span = f", {runs[0].info.started} to {runs[-1].info.started}" if len(runs) > 1 else ""
    yield f"{history.target}: {plural(len(runs), 'run')}{span}"
    if history.promises:
        yield f"\nPROMISES NOT KEPT ({len(history.promises)})"
        yield from map(_promise_line, history.promises)
    for trend in Trend:
        courses = history.of(trend)
        if courses and trend != Trend.STEADY:
            yield f"\n{trend.upper()} ({len(courses)})"
            yield from (line for course in courses[:LISTED] for line in _lines(course, started))
        if len(courses) > LISTED and trend != Trend.STEADY:
            yield f"  … and {len(courses) - LISTED} more; --format json lists all"
    yield f"\n{plural(len(history.of(Trend.STEADY)), 'check')} steady"


def _lines(course: Course, started: Sequence[str]) -> Iterable[str]:
    yield f"  {on_one_line(course.id)}  {course.level}  {_strip(course.verdicts)}"
    since_text = since(course, started)
    if since_text:
        yield f"      {since_text}"


def _promise_line(course: PromiseCourse) -> str:
    """Return a promise, its verdict, and the latest verdicts in one letter each."""
    marks: dict[str, str] = {
        PromiseVerdict.KEPT: ".",
        PromiseVerdict.BROKEN: "F",
        PromiseVerdict.NOT_SHOWN: "?",
        PromiseVerdict.IN_PART: "~",
        "": " ",
    }
    strip = "".join(marks[verdict] for verdict in course.verdicts[-SHOWN_RUNS:])
    return f"  {on_one_line(course.name)}  {course.now}  {strip}"


def _strip(verdicts: list[str]) -> str:
    """Return the latest verdicts in one letter each."""
    marks = {"pass": ".", "fail": "F", "inconclusive": "?", "error": "E", "not-applicable": "-", "": " "}
    return "".join(marks.get(verdict, "?") for verdict in verdicts[-SHOWN_RUNS:])
