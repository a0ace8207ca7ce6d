"""``summary.md``: for the summary page of a CI run. Text from the target cannot become markup, links or mentions."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

from conformance.reporting.causes import Cause, first_finding
from conformance.reporting.classes import (
    NOT_BINDING,
    Tally,
    counts,
    day_of,
    outcome,
    overall,
    reason_of,
    summarise,
    waiver_of,
    waivers_read,
)
from conformance.reporting.commands import curl_of, recipes_for, replay, run_name, script_of
from conformance.reporting.met_by_many import by_reason, in_front, service_ends
from conformance.reporting.promises import Overview, PromiseView, also_shown_by, overview
from conformance.reporting.text import duration, on_one_line, sentence, shortened, visible
from conformance.runs.promises import PromiseVerdict
from conformance.runs.reading import Record
from conformance.runs.record import CheckResult
from conformance.vocabulary.requirement import Level, clause_words
from conformance.vocabulary.wording import plural

SPECIAL = re.compile(r"[\\`*_\[\]#|~>$]")
MOST_CAUSES = 50
MOST_IDS = 20
LONGEST = 600
PROMISE_SIGNS = {PromiseVerdict.BROKEN: "❌", PromiseVerdict.NOT_SHOWN: "❔", PromiseVerdict.IN_PART: "☑️"}
SIGNS = {
    "conformant": "✅",
    "conformant with waivers": "☑️",
    "passes in part": "☑️",
    "not shown": "❔",
    "not conformant": "❌",
}


def escaped(text: str, longest: int = LONGEST) -> str:
    """Return one line of Markdown that shows the text literally."""
    line = shortened(on_one_line(text), longest).replace("&", "&amp;").replace("<", "&lt;")
    return _unlinked(SPECIAL.sub(r"\\\g<0>", line))


def _unlinked(text: str) -> str:
    """Return the text without mentions and addresses that would become links."""
    return text.replace("@", "&#64;").replace("://", ":&#47;/").replace("www.", "www&#46;")


def code(text: str) -> str:
    """Return the text as a code block whose fence it cannot close."""
    shown = visible(text)
    longest = max((len(run) for run in re.findall("`+", shown)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}sh\n{shown}\n{fence}"


def render(record: Record) -> str:
    """Return the page."""
    info = record.info
    classes = summarise(record)
    whole = overall(record, classes)
    found = overview(record)
    lines = [
        f"## {SIGNS[whole.statement]} {escaped(info.target)}: {whole.words}",
        "",
        f"{sentence(whole.why)}. {_counted(counts(record))}; {plural(info.requests, 'request')} in "
        f"{duration(info.duration_s)}. Contract {escaped(info.contract_version)}, suite {escaped(info.suite_version)}, "
        f"profile {escaped(info.profile)}, seed {info.seed}.{_waivers(waivers_read(info))}",
        *(f"\n**{escaped(notice)}**" for notice in in_front(record)),
        *_service_ends(record),
        "" if record.complete else "\n**The run is not complete.**\n",
        *_promises(found),
        "| class | statement | MUST | SHOULD | MAY |",
        "|---|---|--:|--:|--:|",
    ]
    for each in classes:
        shares = " | ".join(_share(each.levels[level]) for level in Level)
        lines.append(f"| {escaped(each.name)} | {SIGNS[each.statement]} {each.words} | {shares} |")
    return "\n".join([*lines, "", *_failures(record, found), *_others(record), *_service_ends(record)]).rstrip() + "\n"


def _service_ends(record: Record) -> list[str]:
    """Return each request that ended a service, as a command: it is the first and the last thing to read."""
    return [f"\n{escaped(words)}\n\n{code(command)}\n" for words, command in service_ends(record) if command]


def _waivers(counted: str) -> str:
    return f" Waivers: {escaped(counted)}." if counted else ""


def _share(tally: Tally) -> str:
    return f"{tally.passed}/{tally.applicable}" if tally.applicable else ""


def _counted(tally: Tally) -> str:
    return (
        ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in vars(tally).items() if count)
        or "No check was judged"
    )


def _promises(found: Overview) -> Iterator[str]:
    not_kept = [view for views in found.not_kept() for view in views]
    together = found.not_shown_together()
    yield f"**Promises** {found.tally_words() or 'none judged'}\n"
    if not_kept or together:
        yield "| promise | verdict | cases |"
        yield "|---|---|---|"
        yield from map(_promise_row, not_kept[:MOST_CAUSES])
        for reason, views in together.items():
            sign = PROMISE_SIGNS[PromiseVerdict.NOT_SHOWN]
            ids = escaped(", ".join(view.result.id for view in views))
            yield f"| {ids} | {sign} {PromiseVerdict.NOT_SHOWN}: {escaped(reason)} | {plural(len(views), 'promise')} |"
        yield ""
    if len(not_kept) > MOST_CAUSES:
        yield f"{plural(len(not_kept) - MOST_CAUSES, 'more promise')} in the HTML report.\n"


def _promise_row(view: PromiseView) -> str:
    because = f" as a consequence of {escaped(', '.join(view.leaders))}" if view.only_consequence else ""
    suffers = f" ({view.consequence})" if view.causes and view.consequence else ""
    return (
        f"| {escaped(view.result.name)} | {PROMISE_SIGNS[view.verdict]} {view.verdict}{because}{suffers} "
        f"| {view.count} |"
    )


def _failures(record: Record, overview: Overview) -> Iterator[str]:
    found = overview.causes
    if not found:
        return
    checks = plural(sum(len(cause.results) for cause in found), "check")
    yield f"### Findings: {plural(len(found), 'cause')}, {checks}\n"
    evidence = record.evidence()
    for cause in found[:MOST_CAUSES]:
        yield from _cause(cause, curl_of(cause.results[0], evidence, record.info.secret_names), record)
    if len(found) > MOST_CAUSES:
        yield f"\n{plural(len(found) - MOST_CAUSES, 'more cause')} in the HTML report.\n"


def _cause(cause: Cause, command: str, record: Record) -> Iterator[str]:
    first = cause.results[0]
    finding = first_finding(first)
    head = f"<b>{cause.level}</b> {_inside(cause.title)} ({plural(len(cause.results), 'check')})"
    document, section = (escaped(first.clause.get(name, "")) for name in ("document", "section"))
    yield f"<details><summary>{head}</summary>\n"
    if cause.promise.id:
        yield f"- **Promise** {escaped(cause.promise.name)}"
    if cause.others:
        yield f"- **Also shown by** {escaped(', '.join(also_shown_by(cause)))}"
    yield f"- **Clause** {document}, {section}: {escaped(clause_words(first.clause))}"
    if cause.level == Level.MAY:
        yield f"- {NOT_BINDING}"
    if finding["asked"]:
        yield f"- **Asked** {escaped(finding['asked'])}"
    yield f"- **Expected** {escaped(finding['expected'])}"
    yield f"- **Observed** {escaped(finding['observed'])}"
    omitted = len(cause.results) - MOST_IDS
    ids = ", ".join(escaped(result.id) for result in cause.results[:MOST_IDS])
    yield f"- **Checks** {ids}" + (f" and {omitted} more" if omitted > 0 else "")
    yield ""
    run = run_name(record)
    commands = [
        *recipes_for(command, record.info.recipes),
        shortened(command),
        script_of(first, run),
        replay(first.id, run),
    ]
    yield code("\n".join(on_one_line(each) for each in commands if each))
    yield "\n</details>\n"


def _inside(text: str) -> str:
    """Return text for the HTML of a summary line, where Markdown does not apply."""
    return _unlinked(html.escape(shortened(on_one_line(text), 160)))


def _others(record: Record) -> Iterator[str]:
    titles = {"waived": "Waived", "inconclusive": "Not judged", "error": "Errors in the suite"}
    for ended, title in titles.items():
        results = [result for result in record.results if outcome(result, day_of(record)) == ended]
        if results:
            yield f"### {title}: {len(results)}\n"
            groups = [[each] for each in results] if ended == "waived" else by_reason(results)
            yield from (_line(group, ended) for group in groups[:MOST_CAUSES])
            yield ""


def _line(alike: list[CheckResult], ended: str) -> str:
    result, others = alike[0], len(alike) - 1
    more = f" and {plural(others, 'more check')} for the same reason" if others else ""
    why = waiver_of(result) if ended == "waived" else reason_of(result)
    return f"- {escaped(result.id)} ({result.level}){more}: {escaped(why)}"
