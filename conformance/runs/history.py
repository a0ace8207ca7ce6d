"""The runs of a folder: how the verdict of each check changed over time.

A check is flaky if its verdict changed and soon changed back while target, contract, suite and seed stayed the same.
If it passed once and has failed since, it is newly failing, since a first run.
"""

from __future__ import annotations

import re
import shutil
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from conformance.runs.promises import PromiseVerdict, name_of, verdict_of
from conformance.runs.reading import Record, json_object, read_info
from conformance.runs.record import LONGEST_NAME, RecordError, RunInfo, free_folder
from conformance.vocabulary.verdict import Verdict

SOON = 2
"""A verdict that is back after so many runs is flaky."""
BAD = frozenset({Verdict.FAIL, Verdict.ERROR, Verdict.INCONCLUSIVE})


class Trend(StrEnum):
    """The trend of a check, the most urgent first."""

    NEW = "newly failing"
    FLAKY = "flaky"
    FAILING = "failing"
    UNJUDGED = "not judged"
    FIXED = "fixed"
    STEADY = "steady"


@dataclass(frozen=True)
class Run:
    """One run of a history: its info, completeness, counts and verdicts."""

    folder: Path
    info: RunInfo
    complete: bool
    counts: dict[str, int]
    verdicts: dict[str, str]
    promises: dict[str, PromiseVerdict] = field(default_factory=dict)

    @property
    def conditions(self) -> tuple[object, ...]:
        """The conditions that must be equal for a changed verdict to count as flaky."""
        info = self.info
        return info.fingerprint, info.contract_digest, info.suite_version, info.seed, info.explore


@dataclass(frozen=True)
class Course:
    """The verdicts of a check, oldest run first ("" if a run did not judge it); the numbers are indexes of runs."""

    id: str
    title: str
    level: str
    verdicts: list[str]
    trend: Trend
    first_seen: int | None
    last_good: int | None

    @property
    def now(self) -> str:
        """The last verdict."""
        return next(filter(None, reversed(self.verdicts)), "")


@dataclass(frozen=True)
class PromiseCourse:
    """The verdicts of a promise, oldest run first; "" if a run has no check of it."""

    id: str
    name: str
    verdicts: list[str]

    @property
    def now(self) -> str:
        """The last verdict."""
        return next(filter(None, reversed(self.verdicts)), "")


@dataclass(frozen=True)
class History:
    """The runs of one target, oldest first, the course of each check, and of each promise that is not kept now."""

    target: str
    runs: list[Run]
    courses: list[Course]
    promises: list[PromiseCourse] = field(default_factory=list)

    def of(self, trend: Trend) -> list[Course]:
        """Return the checks with a trend."""
        return [course for course in self.courses if course.trend == trend]


@dataclass
class Shelf:
    """The runs of a folder, oldest first; ``remarks`` say which could not be read."""

    runs: list[Run] = field(default_factory=list)
    titles: dict[str, tuple[str, str]] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)


def shelf(folder: Path) -> Shelf:
    """Read the verdicts of every run in a folder; RecordError if it has no run."""
    if not folder.is_dir():
        raise RecordError(f"{folder}: there is no such folder")
    found = Shelf()
    for path in sorted(each.parent for each in folder.glob("*/run.json")):
        try:
            found.runs.append(_run(path, found.titles))
        except RecordError as mistake:
            found.remarks.append(str(mistake))
    if not found.runs:
        raise RecordError("\n".join(found.remarks) or f"{folder}: no run is in it (no folder with a run.json)")
    found.runs.sort(key=lambda run: (run.info.started, run.folder.name))
    return found


@dataclass(frozen=True)
class _Check:
    """The data of a check that the verdict of its promise depends on."""

    promise: str
    level: str
    verdict: str
    waiver: dict[str, Any] | None


def latest(folder: Path, target: str | None = None) -> Path | None:
    """Return the folder itself if it is a run, else the last complete run in it; None without any."""
    if (folder / "run.json").exists() or not folder.is_dir():
        return folder
    if not any(folder.glob("*/run.json")):
        # A folder with subfolders may be a run that lost its run.json: reading it reports that.
        return folder if any(each.is_dir() for each in folder.iterdir()) else None
    runs = [run for run in shelf(folder).runs if run.complete and target in (None, run.info.target)]
    return runs[-1].folder if runs else None


def add(folder: Path, run: Path) -> Path:
    """Copy a run into a folder of runs, named by its time and target; RecordError if that fails."""
    info = read_info(run)
    if run.resolve().parent == folder.resolve():
        return run
    name = re.sub(r"[^\w.-]+", "-", f"{info.started[:19].replace(':', '').replace('-', '')}-{info.target}")
    copy = free_folder(folder / name[:LONGEST_NAME])
    try:
        shutil.copytree(run, copy)
    except (OSError, shutil.Error) as failure:
        raise RecordError(f"{copy}: cannot be written ({failure})") from None
    return copy


def prune(folder: Path, keep: int) -> list[Path]:
    """Remove all but the last ``keep`` runs of each target; return the removed folders."""
    gone = [run.folder for history in histories(shelf(folder)) for run in history.runs[:-keep]]
    for path in gone:
        shutil.rmtree(path, ignore_errors=True)
    return gone


def _run(folder: Path, titles: dict[str, tuple[str, str]]) -> Run:
    info = read_info(folder)
    verdicts: dict[str, str] = {}
    lines: dict[str, dict[str, Any]] = {}
    complete = False
    path = folder / "results.ndjson"
    for line in _lines(path):
        check, verdict = line.get("id"), line.get("verdict")
        if line.get("kind") in ("check", "amendment"):
            if not isinstance(check, str) or verdict not in list(Verdict):
                raise RecordError(f"{path}: has an unreadable check line; the run is left out")
            verdicts[check] = str(verdict)
            if line["kind"] == "check":
                titles[check] = (str(line.get("title", "")), str(line.get("level", "")))
                lines[check] = {name: line.get(name) for name in ("promise", "level", "waiver")}
        complete = line.get("complete") is True
    promises = _promises(info, [(verdicts[check], line) for check, line in lines.items()])
    return Run(folder, info, complete, dict(Counter(verdicts.values())), verdicts, promises)


def _promises(info: RunInfo, checks: Iterable[tuple[str, dict[str, Any]]]) -> dict[str, PromiseVerdict]:
    """Return the verdict of each promise of a run; none if its record names no promises."""
    found: dict[str, list[_Check]] = defaultdict(list)
    for verdict, line in checks:
        waiver = line["waiver"] if isinstance(line["waiver"], dict) else None
        check = _Check(str(line["promise"] or ""), str(line["level"]), verdict, waiver)
        found[check.promise].append(check)
    found.pop("", None)
    return {promise: verdict_of(each, info.started[:10], info.strict) for promise, each in found.items()}


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                try:
                    yield json_object(line)
                except ValueError:
                    raise RecordError(f"{path}:{number}: is not a JSON object; the run is left out") from None
    except FileNotFoundError:
        raise RecordError(f"{path.parent}: no results.ndjson; the run is left out") from None
    except (OSError, UnicodeDecodeError):
        raise RecordError(f"{path}: cannot be read; the run is left out") from None


def histories(found: Shelf) -> list[History]:
    """Return a history for each target, by name."""
    targets = sorted({run.info.target for run in found.runs})
    return [_history(target, [run for run in found.runs if run.info.target == target], found) for target in targets]


def _history(target: str, runs: list[Run], found: Shelf) -> History:
    checks = {check for run in runs for check in run.verdicts}
    courses = [_course(check, runs, found.titles.get(check, ("", ""))) for check in checks]
    order = list(Trend)
    courses.sort(key=lambda course: (order.index(course.trend), course.level != "MUST", course.id))
    return History(target, runs, courses, _not_kept(runs))


def _not_kept(runs: Sequence[Run]) -> list[PromiseCourse]:
    """Return the promises whose last verdict is not kept, broken ones first."""
    order: list[str] = [*PromiseVerdict]
    known = {promise: name_of(promise, run.info) for run in runs for promise in run.promises}
    found = [
        PromiseCourse(promise, name, [str(run.promises.get(promise, "")) for run in runs])
        for promise, name in known.items()
    ]
    return sorted(
        (each for each in found if each.now != PromiseVerdict.KEPT), key=lambda each: (order.index(each.now), each.id)
    )


def _course(check: str, runs: Sequence[Run], title_and_level: tuple[str, str]) -> Course:
    verdicts = [run.verdicts.get(check, "") for run in runs]
    judged = [(index, verdict) for index, verdict in enumerate(verdicts) if verdict]
    good = [index for index, verdict in judged if verdict == Verdict.PASS]
    bad_since = next(
        (index for index, verdict in judged if verdict in BAD and index > (good[-1] if good else -1)), None
    )
    trend = _trend(judged, [run.conditions for run in runs], bool(good))
    return Course(check, *title_and_level, verdicts, trend, bad_since, good[-1] if good else None)


def _trend(judged: list[tuple[int, str]], conditions: Sequence[object], was_good: bool) -> Trend:
    last = judged[-1][1]
    if _flaky(judged, conditions):
        return Trend.FLAKY
    if last == Verdict.FAIL:
        return Trend.NEW if was_good else Trend.FAILING
    if last in BAD:
        return Trend.UNJUDGED
    return Trend.FIXED if any(verdict == Verdict.FAIL for _, verdict in judged) else Trend.STEADY


def _flaky(judged: list[tuple[int, str]], conditions: Sequence[object]) -> bool:
    """Return whether a verdict came back within ``SOON`` runs under the same conditions."""
    stretches: list[list[int]] = []
    for number, (index, verdict) in enumerate(judged):
        if number and verdict == judged[number - 1][1] and conditions[index] == conditions[judged[number - 1][0]]:
            stretches[-1].append(index)
        else:
            stretches.append([index])
    verdict_at = dict(judged)
    for before, between, after in zip(stretches, stretches[1:], stretches[2:], strict=False):
        same = len({conditions[each[0]] for each in (before, between, after)}) == 1
        if same and len(between) <= SOON and verdict_at[before[0]] == verdict_at[after[0]] != verdict_at[between[0]]:
            return True
    return False


def shown(courses: Iterable[Course]) -> list[Course]:
    """Return the courses that are not steady."""
    return [course for course in courses if course.trend != Trend.STEADY]


def begun(runs: Sequence[Run | Record]) -> list[str]:
    """Return when each run began; if several began in the same second, with its folder or else its id."""
    simultaneous: dict[tuple[str, str], list[Run | Record]] = defaultdict(list)
    for run in runs:
        simultaneous[run.info.target, run.info.started].append(run)

    def label(run: Run | Record) -> str:
        same = simultaneous[run.info.target, run.info.started]
        if len(same) == 1:
            return run.info.started
        distinct = len({each.folder.resolve().name for each in same}) == len(same)
        return f"{run.info.started} {run.folder.resolve().name if distinct else run.info.run_id}"

    return [label(run) for run in runs]
