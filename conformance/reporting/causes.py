"""Failing checks grouped by cause, with the promise that leads each group.

Two failing checks have one cause if they deviate alike (the same kind, the same expected outcome, the same observed
one) and use the same operation or verify the same requirement. All of it is data of their findings.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from conformance.reporting.exchanges import reason_phrase
from conformance.reporting.text import on_one_line, shortened
from conformance.runs.promises import PromiseResult, by_id, consequence_rank, waived
from conformance.runs.reading import Record
from conformance.runs.record import CheckResult
from conformance.vocabulary.exchange import GATEWAY_ERRORS
from conformance.vocabulary.finding import Kind
from conformance.vocabulary.operation import operation_of

BY_CALLER = frozenset({401, 403, 429}) | GATEWAY_ERRORS
"""Statuses that refuse a valid request because of the client, or because it did not reach the service."""
CODES_OF_ANY_ERROR = frozenset({"", "InternalError", "internal_error", "server_error", "UNKNOWN"})
"""Generic codes of a 5xx; with another code it is one fault in every operation of an area."""
ANYWHERE = "anywhere"
IDENTITY = ("oauth", "authorization", "errors")
"""The areas of one service."""
SUCCESS = "2xx"
SERVED = "served"
SUPPORT = 0.1
"""The share of a cause's checks that a promise needs to lead it."""
LONGEST_SEEN, LONGEST_DUE = 160, 110
CONDITION = re.compile(r"\bif-(?:match|none-match|modified-since|unmodified-since|range)\b")
"""A conditional header field in the name of a case."""
FEW_WORDS = 5
"""An expectation with at most so many words does not describe its case."""
LEVELS = {"MUST": 0, "SHOULD": 1, "MAY": 2}

Key = tuple[str, str, str]
"""An operation or a requirement, the expected outcome, and the observed one."""


@dataclass
class Cause:
    """Failing checks with one deviation; the first is the most relevant.

    ``promise`` leads; ``others`` are the promises that fail as a consequence, with the number of checks that show it.
    """

    results: list[CheckResult]
    promise: PromiseResult
    others: list[tuple[PromiseResult, int]]

    @property
    def level(self) -> str:
        """The strongest level of the checks."""
        return strongest(self.results)

    @property
    def ends_service(self) -> bool:
        """Whether the request ends the service."""
        return ends_service(self.results[0])

    @property
    def title(self) -> str:
        """The deviation, in one line."""
        return title(self.results[0])


def strongest(results: Iterable[CheckResult]) -> str:
    """Return the strongest level of some checks."""
    return min((result.level for result in results), key=lambda level: LEVELS.get(level, 3))


def first_finding(result: CheckResult) -> dict[str, str]:
    """Return request, expectation, observation and hint of a check's first finding; else the check's reason."""
    finding = result.findings[0] if result.findings else {"observed": result.reason}
    return {name: str(finding.get(name) or "") for name in ("asked", "expected", "observed", "hint")}


def ends_service(result: CheckResult) -> bool:
    """Return whether the request of a failing check ends the service, or makes it hang."""
    return result.failing and _kind(result) in (Kind.ENDED, Kind.HUNG)


def _kind(result: CheckResult) -> str:
    return str(_first(result).get("deviation", {}).get("kind", ""))


def _first(result: CheckResult) -> dict[str, Any]:
    return result.findings[0] if result.findings else {}


def title(result: CheckResult) -> str:
    """Return the deviation in one line: ``Got 200 OK; expected 401``, or ``Server error: …`` for a 5xx.

    After a short expectation comes the case of the check.
    """
    finding = first_finding(result)
    seen, due = on_one_line(finding["observed"]), on_one_line(finding["expected"])
    if ends_service(result):
        end = "hung" if _kind(result) == Kind.HUNG else "ended"
        return f"Service {end} by one request: {shortened(seen, LONGEST_SEEN)}"
    by_status = _kind(result) == Kind.STATUS and _first(result).get("status")
    words = _response(_first(result)) if by_status else shortened(seen, LONGEST_SEEN)
    text = f"Server error: {words}" if by_status and by_status >= 500 else f"Got {words}" if words else "Fails"
    text = f"{text}; expected {shortened(due, LONGEST_DUE)}" if due else text
    return text if len(due.split()) > FEW_WORDS else f"{text}{_case(result)}"


def _case(result: CheckResult) -> str:
    """Return the case of a check in parentheses: `` (case: blank before)``; "" without one."""
    _, found, name = result.id.partition("#")
    words = CONDITION.sub(lambda field: field[0].title().replace("-", "\0"), name).replace("-", " ").replace("\0", "-")
    return f" (case: {words})" if found else ""


def _response(finding: Mapping[str, Any]) -> str:
    """Return a response in words: its status with the phrase, and its error code or media type."""
    status, code, media_type = finding["status"], finding.get("code", ""), finding.get("media_type", "")
    content = f" with {media_type} content" if media_type else ""
    shown = f" ({code})" if code else content if finding.get("size") else " with no body"
    return f"{status} {reason_phrase(status)}".strip() + shown


def due_statuses(statuses: Iterable[str]) -> list[str]:
    """Return accepted statuses, every 2xx as ``2xx``."""
    return list(dict.fromkeys(SUCCESS if each[0] == "2" else each for each in statuses))


def deviations(result: CheckResult) -> list[tuple[str, str]]:
    """Return pairs of the expected and the observed outcome.

    There is one for each accepted status: checks that share a pair deviate alike.
    """
    finding = _first(result)
    deviation, status, code = finding.get("deviation", {}), finding.get("status", 0), finding.get("code", "")
    if deviation.get("kind") != Kind.STATUS or not status:
        what = f"{deviation.get('kind', '')} {deviation.get('name', '')}".strip()
        refused = f"{status} {code}" if status >= 400 and code else ""
        return [(what, refused or deviation.get("name") or finding.get("oracle") or finding.get("expected", ""))]
    if status >= 500:
        return [("", str(status)), *([] if code in CODES_OF_ANY_ERROR else [(ANYWHERE, f"{status} {code}")])]
    due = due_statuses(deviation["statuses"])
    refusals = [each for each in due if each[0] in "45"]
    if status < 400 and refusals:
        return [(each, SERVED) for each in refusals]
    codes = [(each, f"{status} {code}".strip()) for each in due]
    return [*codes, (SUCCESS, code)] if code and SUCCESS in due else codes


def operation(result: CheckResult) -> str:
    """Return the operation of the decisive request; without an HTTP request, area and topic of the requirement."""
    finding = _first(result)
    if not finding.get("url"):
        return "/".join(result.requirement.split("/")[:2])
    return operation_of(finding["method"], finding["url"], result.area)


def causes(record: Record) -> list[Cause]:
    """Return the causes of failures that are not waived: ended services first, then by consequence, level and count."""
    day = record.info.started[:10]
    failing = [each for each in record.results if each.failing and (record.info.strict or not waived(each, day))]
    known = by_id(record)
    found = [_cause(results, known) for results in _groups(failing)]
    return sorted(
        found,
        key=lambda each: (
            not each.ends_service,
            each.level == "MAY",
            consequence_rank(each.promise.consequence),
            LEVELS.get(each.level, 3),
            -len(each.results),
        ),
    )


def _cause(results: list[CheckResult], known: dict[str, PromiseResult]) -> Cause:
    """Return the cause of these checks, led by the promise with the largest share of failing checks.

    A promise leads only with a tenth of the cause's checks. If an error has the wrong status, a promise that names the
    expected one is preferred. The leading promise's requirement that fails most comes first.
    """
    counts = Counter(result.promise for result in results)

    def claim(promise: str) -> tuple[bool, bool, float, int, int]:
        own = [each for each in results if each.promise == promise]
        share = len(own) / max(1, len(known[promise].judged))
        named = any(_names_status(known[promise].title, each) for each in own)
        return len(own) >= SUPPORT * len(results), named, share, -LEVELS.get(strongest(own), 3), len(own)

    lead = max(counts, key=claim)
    cases = Counter(result.requirement for result in results)

    def rank(result: CheckResult) -> tuple[bool, bool, int, int, str]:
        level = LEVELS.get(result.level, 3)
        return result.promise != lead, result.whole_run, level, -cases[result.requirement], result.requirement

    others = [(known[promise], count) for promise, count in counts.most_common() if promise != lead]
    return Cause(sorted(results, key=rank), known[lead], others)


def _names_status(sentence: str, result: CheckResult) -> bool:
    """Return whether a promise names the status that the check expects of an error, or server errors."""
    finding = _first(result)
    if _kind(result) != Kind.STATUS or finding.get("status", 0) < 400:
        return False
    due = ["5xx"] if finding["status"] >= 500 else due_statuses(finding["deviation"]["statuses"])
    return any(each in sentence for each in due if each != SUCCESS)


def _groups(failing: list[CheckResult]) -> list[list[CheckResult]]:
    """Return the groups of checks that share a key, directly or through others."""
    leaders: dict[Key, int] = {}
    group = list(range(len(failing)))

    def root(index: int) -> int:
        while group[index] != index:
            index = group[index]
        return index

    for index, keys in enumerate(_keys(failing)):
        for key in keys:
            first = leaders.setdefault(key, index)
            one, other = sorted((root(first), root(index)))
            group[other] = one
    found: dict[int, list[CheckResult]] = {}
    for index, result in enumerate(failing):
        found.setdefault(root(index), []).append(result)
    return list(found.values())


def _keys(failing: list[CheckResult]) -> Iterator[list[Key]]:
    """Yield the keys of each check; checks that share a key have the same cause."""
    operations = [operation(result) for result in failing]
    shown = [deviations(result) for result in failing]
    refusing = {
        (action, seen) for action, own in zip(operations, shown, strict=True) for due, seen in own if due == SUCCESS
    }
    content = _content(failing, operations, shown)
    for result, action, own in zip(failing, operations, shown, strict=True):
        if ends_service(result):
            yield [(action, str(Kind.ENDED), "")]
            continue
        keys = [(_scope(result, action, due, seen), due, seen) for due, seen in own]
        keys += [(result.requirement, due, seen) for due, seen in own]
        # A refusal of valid requests, too, hides what the check looks for.
        keys += [(action, SUCCESS, seen) for _, seen in own if seen[:1] == "4" and (action, seen) in refusing]
        yield keys + ([content[action]] if result.whole_run and action in content else [])


def _scope(result: CheckResult, action: str, due: str, seen: str) -> str:
    """Return where equal deviations have one cause: in one operation, or anywhere in the area or service.

    An error code with the wrong status is one cause wherever the service reports that error.
    """
    status = int(seen[:3]) if seen[:3].isdigit() else 0
    if due[:1] == seen[:1] == "4" and status not in BY_CALLER and seen[4:]:
        return "identity" if result.area in IDENTITY else result.area
    return result.area if due == ANYWHERE or (status in BY_CALLER and due in ("", SUCCESS)) else action


def _content(failing: list[CheckResult], operations: list[str], shown: list[list[tuple[str, str]]]) -> dict[str, Key]:
    """Return a key of the first check that finds wrong content, by operation.

    A check of the whole run judges the responses to other checks, and has their cause.
    """
    found: dict[str, Key] = {}
    for result, action, own in zip(failing, operations, shown, strict=True):
        if not result.whole_run and _kind(result) in (Kind.FIELD, Kind.BODY):
            found.setdefault(action, (result.requirement, *own[0]))
    return found
