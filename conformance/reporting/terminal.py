"""Terminal output of a run: each cause in full, the promises not kept, the classes, the closing lines."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TextIO

from conformance.reporting.causes import Cause, first_finding, title
from conformance.reporting.classes import (
    NOT_BINDING,
    ClassSummary,
    Statement,
    Tally,
    counts,
    day_of,
    outcome,
    overall,
    summarise,
    waiver_of,
)
from conformance.reporting.commands import curl_of, label_of, recipes_for, replay, replay_all, run_name, script_of
from conformance.reporting.met_by_many import in_front, service_ends
from conformance.reporting.promises import Overview, PromiseView, also_shown_by, overview
from conformance.reporting.text import duration, on_one_line, sentence, shortened
from conformance.runs.promises import PromiseVerdict
from conformance.runs.reading import Record
from conformance.runs.record import CheckResult
from conformance.vocabulary.requirement import Level, clause_words
from conformance.vocabulary.wording import plural

MOST_CAUSES = 15
"""Causes that are shown in full; the others are counted."""
MOST_LISTED = 30
MOST_NAMED = 3
AFTER_ALL_WAIVERS = "9999-12-31"
"""No check of a cause is waived: its waiver has expired, or the run is strict."""
LABEL = 11
NARROWEST = 40
LONGEST = 1200
CODES = {"bold": "1", "quiet": "2", "red": "31", "green": "32", "yellow": "33", "magenta": "35", "cyan": "36"}
COLOURS = {"fail": "red", "error": "magenta", "inconclusive": "yellow", "waived": "cyan", "pass": "green"}
PROMISES = {
    PromiseVerdict.BROKEN: "red",
    PromiseVerdict.NOT_SHOWN: "yellow",
    PromiseVerdict.IN_PART: "cyan",
    PromiseVerdict.KEPT: "green",
}
STATEMENTS = {
    Statement.CONFORMANT: "green",
    Statement.WAIVED: "cyan",
    Statement.IN_PART: "cyan",
    Statement.NOT_SHOWN: "yellow",
    Statement.NOT_CONFORMANT: "red",
}


def give_up(stream: TextIO) -> None:
    """Redirect a stream to nowhere after a write error: the reader ended (``| head``), or the disk is full."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def in_colour(stream: TextIO, choice: str = "auto", variables: Mapping[str, str] = os.environ) -> bool:
    """Return whether to write in colour: "auto" depends on the environment and the stream."""
    if choice != "auto":
        return choice == "yes"
    if variables.get("NO_COLOR"):
        return False
    return bool(variables.get("FORCE_COLOR")) or moves_cursor(stream, variables)


def moves_cursor(stream: TextIO, variables: Mapping[str, str] = os.environ) -> bool:
    """Return whether the stream is a terminal with control sequences."""
    return variables.get("TERM") != "dumb" and stream.isatty()


def painted(text: str, name: str, colour: bool) -> str:
    """Return the text in a colour, or unchanged."""
    return f"\x1b[{CODES[name]}m{text}\x1b[0m" if colour and text and name in CODES else text


def failure_text(
    result: CheckResult,
    width: int,
    colour: bool,
    *,
    run: str = "RUN",
    folder: str = "",
    day: str = "",
    evidence: Mapping[str, Mapping[str, Any]] | None = None,
    secret_names: Mapping[str, str] | None = None,
    recipes: Mapping[str, str] | None = None,
    more: Iterable[tuple[str, str]] = (),
) -> str:
    """Describe a check that does not pass: id, level, deviation, clause, expected, observed, curl, replay.

    ``width`` is the terminal's (0: no wrapping); commands are never wrapped, so that they can be pasted.
    ``run`` is the run's name in commands, ``folder`` its path if that differs.
    Without ``evidence`` the curl line is that of the finding, if any.
    ``day`` decides whether waivers are valid; "" means that all are. ``more`` are additional lines, each with a label.
    """
    verdict = outcome(result, day)
    head = painted(verdict.upper(), COLOURS.get(verdict, "bold"), colour)
    lines = [
        f"{head} {painted(on_one_line(result.id), 'bold', colour)} ({result.level})",
        f"  {title(result) if result.failing else on_one_line(result.title)}",
    ]
    for label, text in more:
        lines += _labelled(label, on_one_line(text), width, colour)
    if result.failing:
        lines += _labelled("rule", on_one_line(result.title), width, colour)
    if result.failing and result.level == Level.MAY:
        lines += _labelled("", NOT_BINDING, width, colour)
    for label, text in _detail_lines(result):
        # A path cannot be wrapped.
        lines += _labelled(label, shortened(on_one_line(text), LONGEST), 0 if label == "asked" else width, colour)
    command = curl_of(result, evidence or {}, dict(secret_names or {}))
    known = recipes or {name: each for finding in result.findings for name, each in finding.get("recipes", {}).items()}
    for recipe in recipes_for(command, known):
        lines += _labelled("secret", on_one_line(recipe), 0, colour)
    if command:
        lines += _labelled(label_of(command), on_one_line(command), 0, colour)
    if script := script_of(result, folder or run):
        lines += _labelled("run script", on_one_line(script), 0, colour)
    elif not command and (reason := next((each.get("no_script") for each in result.findings), "")):
        lines += _labelled("no script", on_one_line(reason), width, colour)
    lines += _labelled("replay", on_one_line(replay(result.id, run)), 0, colour)
    return "\n".join(lines)


def _detail_lines(result: CheckResult) -> Iterable[tuple[str, str]]:
    clause = result.clause
    yield "clause", f"{clause.get('document', '')}, {clause.get('section', '')} <{clause.get('url', '')}>"
    yield "", clause_words(clause)
    for finding in result.findings:
        if finding.get("asked"):
            yield "asked", str(finding["asked"])
        if not _said_by_title(result):
            yield "expected", str(finding.get("expected") or "")
            yield "observed", str(finding.get("observed") or "")
        if finding.get("hint"):
            yield "hint", str(finding["hint"])
    if result.reason:
        yield "why", result.reason
    if result.needs:
        yield "needs", result.needs
    if result.waiver:
        yield "waiver", waiver_of(result)


def _said_by_title(result: CheckResult) -> bool:
    finding = first_finding(result)
    whole = f"Got {on_one_line(finding['observed'])}; expected {on_one_line(finding['expected'])}"
    return len(result.findings) == 1 and title(result).startswith(whole)


def findings(record: Record, width: int, colour: bool, run: str = "RUN", folder: str = "") -> str:
    """Return the causes of all failures, the first ones in full, and a line for each waived failure."""
    found = overview(record)
    texts = [_cause_text(cause, width, colour, run, folder) for cause in found.causes[:MOST_CAUSES]]
    if rest := found.causes[MOST_CAUSES:]:
        checks = plural(sum(len(cause.results) for cause in rest), "check")
        texts.append(f"… and {plural(len(rest), 'more cause')} with {checks}: all of them are in the report")
    known = [_waived_line(each, colour) for each in record.results if outcome(each, day_of(record)) == "waived"]
    return "\n\n".join([*texts, *(["\n".join(known)] if known and not record.info.strict else [])])


def _waived_line(result: CheckResult, colour: bool) -> str:
    waiver_text = on_one_line(waiver_of(result))
    return f"{painted('WAIVED', COLOURS['waived'], colour)} {on_one_line(result.id)} ({result.level}) {waiver_text}"


def _cause_text(cause: Cause, width: int, colour: bool, run: str, folder: str) -> str:
    more = [("promise", cause.promise.name)] if cause.promise.id else []
    if len(cause.results) > 1:
        more.append(("shown by", plural(len(cause.results), "check")))
    if cause.others:
        more.append(("also", f"shown by {', '.join(also_shown_by(cause))}"))
    return failure_text(cause.results[0], width, colour, run=run, folder=folder, day=AFTER_ALL_WAIVERS, more=more)


def promise_lines(found: Overview, colour: bool) -> list[str]:
    """Return a line for each promise that is not kept, and the tally."""
    lines = []
    for views in found.not_kept():
        lines += [_promise_line(each, colour) for each in views[:MOST_LISTED]]
        if len(views) > MOST_LISTED:
            lines.append(f"… and {plural(len(views) - MOST_LISTED, 'more promise')} {views[0].verdict}")
    for reason, views in found.not_shown_together().items():
        verdict = painted(f"{PromiseVerdict.NOT_SHOWN:<12}", PROMISES[PromiseVerdict.NOT_SHOWN], colour)
        ids = ", ".join(view.result.id for view in views)
        lines.append(f"{verdict}  {plural(len(views), 'promise')}: {shortened(on_one_line(reason), 300)} ({ids})")
    return [*lines, f"Promises: {found.tally_words()}"] if found.views else []


def _promise_line(view: PromiseView, colour: bool) -> str:
    verdict = painted(f"{view.verdict:<12}", PROMISES[view.verdict], colour)
    because = f", as a consequence of {', '.join(view.leaders)}" if view.only_consequence else ""
    consequence = f"; {view.consequence}" if view.causes and view.consequence else ""
    return f"{verdict}  {on_one_line(view.result.name)} ({view.count}{because}{consequence})"


def _labelled(label: str, text: str, width: int, colour: bool) -> list[str]:
    room = max(NARROWEST, width) - LABEL - 2
    parts = textwrap.wrap(text, room, break_on_hyphens=False, break_long_words=False) if width else [text]
    first = painted(f"  {label:<{LABEL}}", "quiet", colour)
    return [(first if number == 0 else " " * (LABEL + 2)) + part for number, part in enumerate(parts or [""])]


def class_table(classes: Iterable[ClassSummary], colour: bool) -> str:
    """Return a table of the classes with their statements, and how many applicable checks pass."""
    rows = [("class", "statement", *(level.value for level in Level))]
    shown = list(classes)
    for each in shown:
        levels = (_share(each.levels[level]) for level in Level)
        rows.append((on_one_line(each.name), each.words, *levels))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(size) for cell, size in zip(row, widths, strict=True)) for row in rows]
    painted_lines = [painted(lines[0].rstrip(), "quiet", colour)]
    for each, line in zip(shown, lines[1:], strict=True):
        words = each.words.ljust(widths[1])
        start = widths[0] + 2
        coloured = painted(words, STATEMENTS[each.statement], colour)
        painted_lines.append((line[:start] + coloured + line[start + len(words) :]).rstrip())
    return "\n".join(painted_lines)


def _share(tally: Tally) -> str:
    return f"{tally.passed}/{tally.applicable}" if tally.applicable else "-"


def closing(record: Record, paths: Mapping[str, Path], colour: bool, quiet: bool = False) -> str:
    """Return the last lines of a run: promises not kept, classes, the statement, the counts, the reports' paths.

    ``quiet``: only the statement, the counts and the path of the HTML report.
    """
    classes = summarise(record)
    whole = overall(record, classes)
    statement = painted(sentence(whole.words), STATEMENTS[whole.statement], colour)
    lines = [] if quiet else [*promise_lines(overview(record), colour), "", class_table(classes, colour), ""]
    lines.append(f"{painted(on_one_line(record.info.target), 'bold', colour)}: {statement} ({whole.why})")
    lines.append(_counted(record))
    ended = [words for words, _ in service_ends(record)]
    lines += [painted(notice, "yellow", colour) for notice in in_front(record) if notice not in ended]
    if not record.complete:
        lines.append(painted("The run is not complete: what was judged is kept.", "yellow", colour))
    lines += [painted(notice, "yellow", colour) for notice in _leftovers(record)]
    shown = {name: path for name, path in paths.items() if name == "html" or not quiet}
    lines += [f"{name + ':':<10}{path}" for name, path in shown.items()]
    if not quiet and any(
        outcome(result, day_of(record)) in ("fail", "inconclusive", "error") for result in record.results
    ):
        lines.append(f"again:    {replay_all(run_name(record))}")
    lines += service_lines(record, colour)
    return "\n".join(lines)


def service_lines(record: Record, colour: bool) -> list[str]:
    """Return the lines that begin and end the output if a request ended a service: the request, as a curl line."""
    lines = []
    for words, command in service_ends(record):
        lines.append(painted(on_one_line(words), "red", colour))
        lines += [f"  {on_one_line(command)}"] if command else []
    return lines


def _leftovers(record: Record) -> Iterator[str]:
    """Yield one line about what the run could not remove from the target."""
    if names := [on_one_line(str(each.get("what", ""))) for each in record.leftovers()]:
        more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
        listed = shortened(", ".join(names[:MOST_NAMED]), 200)
        yield f"Left behind: {listed}{more}, which could not be removed; conformance sweep tries again"


def _counted(record: Record) -> str:
    tally = counts(record)
    named = {name.replace("_", " "): value for name, value in vars(tally).items() if value}
    counted = ", ".join(f"{value:,} {name}" for name, value in named.items()) or "nothing judged"
    took = f"{plural(record.info.requests, 'request')} in {duration(record.info.duration_s)}"
    return f"{plural(len(record.results), 'check')}: {counted}; {took}; seed {record.info.seed}"
