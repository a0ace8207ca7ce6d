"""Failing checks grouped by cause, with the promise that leads each group.

Two failing checks have one cause if they deviate alike (the same expected outcome, the same observed one) and use the
same operation or verify the same requirement.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import parse_qsl

from conformance.reporting.exchanges import reason_phrase
from conformance.reporting.text import on_one_line, shortened
from conformance.runs.behaviour import VOLATILE_PART
from conformance.runs.promises import PromiseResult, by_id, consequence_rank, waived
from conformance.runs.reading import Record
from conformance.runs.record import CheckResult
from conformance.vocabulary.exchange import ENDED_BY, GATEWAY_ERRORS, HANGING

OBSERVED = re.compile(
    r"(?:status |answered )?(?P<status>[1-5]\d\d)(?![^ ,;:])(?! (?!as\b|is\b|was\b)(?:of|\w+s)\b)"
    r"(?P<rest>(?: with no body| (?P<body>[\w.+-]+/[\w.+-]+.*))?(?P<words>.*))"
)
"""An observed status, the rest of the finding, and its words without media type and body; no amount (``200 keys``)."""
DUE = re.compile(r"(?:no |a |status )?((?:[1-5](?:\d\d|xx)(?:, or |, | or |\b))+)")
"""The statuses with which an expectation begins."""
DUE_INSIDE = re.compile(r"\(([1-5]\d\d)\)")
CODE = re.compile(r"""<Code>([\w.]{1,80})</Code>|"(?:code|error)"\s*:\s*"([\w. -]{1,80})\"""")
SDK_ERROR = re.compile(r"An error occurred \((\w+)\) when calling")
"""How boto3 reports an error of the service."""
VARYING = re.compile(r""""(?:[^"\\]|\\.)*"|'[^']*'|https?://\S+|\b[0-9a-f]{8,}\b|\d[\d.,:TZ-]*""")
"""Parts that vary between requests: quoted values, addresses, digests, numbers, times."""
LISTED = re.compile(r"…(?:[\s,:;\[\](){}]*…)+")
FIELD = re.compile(r"\b(?:[A-Z][a-z]+(?:-?[A-Z][A-Za-z]+)+|ETag)\b")
"""The name of a header field or of an XML element."""
SELECTING = frozenset({"uploadId", "partNumber", "list-type"})
"""Names in a query that select an operation of S3; names without a value do, too."""
REGISTRY = re.compile(r"/v2/.*/(manifests|blobs/uploads|blobs|tags/list|referrers)(?:/|$)")
TARGET = re.compile(r"https?://[^/\s]+(/[^\s']*)")
"""The path and the query in a curl line: those in a finding may be truncated."""
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
    """Return whether the request of a failing check ends the service."""
    return result.failing and first_finding(result)["observed"].startswith(ENDED_BY)


def title(result: CheckResult) -> str:
    """Return the deviation in one line: ``Got 200 OK; expected 401``, or ``Server error: …`` for a 5xx.

    After a short expectation comes the case of the check.
    """
    finding = first_finding(result)
    seen, due = on_one_line(finding["observed"]), on_one_line(finding["expected"])
    if seen.startswith(ENDED_BY):
        end = "hung" if HANGING in seen else "ended"
        return f"Service {end} by one request: {shortened(seen, LONGEST_SEEN)}"
    found = OBSERVED.match(seen)
    status = int(found["status"]) if found else 0
    words = shortened(_status_words(status, seen, found) if found else seen, LONGEST_SEEN)
    text = f"Server error: {words}" if status >= 500 else f"Got {words}" if words else "Fails"
    text = f"{text}; expected {shortened(due, LONGEST_DUE)}" if due else text
    return text if len(due.split()) > FEW_WORDS else f"{text}{_case(result)}"


def _case(result: CheckResult) -> str:
    """Return the case of a check in parentheses: `` (case: blank before)``; "" without one."""
    _, found, name = result.id.partition("#")
    words = CONDITION.sub(lambda field: field[0].title().replace("-", "\0"), name).replace("-", " ").replace("\0", "-")
    return f" (case: {words})" if found else ""


def _status_words(status: int, seen: str, found: re.Match[str]) -> str:
    """Return a status with its phrase and the error code, or with the text of the finding."""
    if code := _code(seen):
        return f"{_named(status)} ({code})"
    rest = found["rest"].removeprefix(f" {reason_phrase(status)}")
    if found["body"]:
        rest = f" with {found['body'].split()[0]} content"
    return f"{_named(status)}{rest}"


def _named(status: int) -> str:
    return f"{status} {reason_phrase(status)}".strip()


def _code(text: str) -> str:
    """Return the error code in a response's text, or ""."""
    found = CODE.search(text)
    return next(filter(None, found.groups()), "") if found else ""


def normalised(text: str) -> str:
    """Return the text without the parts that vary between requests; a list of them counts as one."""
    return LISTED.sub("…", VARYING.sub("…", VOLATILE_PART.sub("…", on_one_line(text)[:2000])))


def due_statuses(expected: str) -> list[str]:
    """Return the statuses that a finding expects, every 2xx as ``2xx``; none if it expects something else."""
    if expected.startswith("success"):
        return [SUCCESS]
    found = DUE.match(expected) or DUE_INSIDE.search(expected)
    statuses = re.findall(r"[1-5](?:\d\d|xx)", found[1]) if found else []
    return list(dict.fromkeys(SUCCESS if each[0] == "2" else each for each in statuses))


def deviations(result: CheckResult) -> list[tuple[str, str]]:
    """Return pairs of the expected and the observed outcome, without parts that vary between requests.

    There is one for each accepted status: checks that share a pair deviate alike.
    """
    finding = first_finding(result)
    seen, due = on_one_line(finding["observed"]), due_statuses(finding["expected"])
    found = OBSERVED.match(seen)
    if by_sdk := SDK_ERROR.search(seen):
        return [(SUCCESS, by_sdk[1])]
    if not found:
        return [(_due_words(finding["expected"], seen), normalised(seen))]
    status = int(found["status"])
    if status >= 500:
        code = _code(seen)
        return [("", str(status)), *([] if code in CODES_OF_ANY_ERROR else [(ANYWHERE, f"{status} {code}")])]
    refusals = [each for each in due if each[0] in "45"]
    if status < 400 and refusals:
        return [(each, SERVED) for each in refusals]
    code = _code(seen) if status >= 400 else ""
    if not due:
        # If something else than a status was expected, its text counts, whatever the status.
        text = f"{status} {code}" if code else normalised(found["words"] or found["rest"])
        return [(_due_words(finding["expected"], seen), text or str(status))]
    codes = [(each, f"{status} {code or normalised(found['words'])}") for each in due]
    return [*codes, (SUCCESS, code)] if code and SUCCESS in due else codes


def _due_words(expected: str, seen: str) -> str:
    """Return the normalised expectation: the name of a header field, or "code" for any code."""
    name, _, more = on_one_line(expected).partition(" ")
    if name == "code":
        return name
    return name if more and name[:1].isupper() and seen.startswith(f"{name} ") else normalised(expected)


def operation(result: CheckResult) -> str:
    """Return the operation of the decisive request: its method, the kind of its path, and its subresource.

    Without an HTTP request, return area and topic of the requirement.
    """
    method, _, target = first_finding(result)["asked"].partition(" ")
    if target.endswith("…") and (whole := TARGET.search(str(result.findings[0].get("curl", "")))):
        target = whole[1]
    if not target.startswith("/") or not method.isupper():
        return "/".join(result.requirement.split("/")[:2])
    method = "GET" if method == "HEAD" else method
    path, _, query = target.partition("?")
    if found := REGISTRY.match(path):
        return f"{method} {found[1]}"
    if result.area != "storage":
        return f"{method} {VOLATILE_PART.sub('*', path)}"
    place = "object" if path.strip("/").count("/") else "bucket" if path.strip("/") else "service"
    named = parse_qsl(query, keep_blank_values=True)
    return f"{method} {place} {' '.join(sorted(name for name, value in named if not value or name in SELECTING))}"


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
    finding = first_finding(result)
    found = OBSERVED.match(on_one_line(finding["observed"]))
    if not found or found["status"] < "400":
        return False
    due = ["5xx"] if found["status"] >= "500" else due_statuses(finding["expected"])
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
    fields = _fields(failing, operations, shown)
    for result, action, own in zip(failing, operations, shown, strict=True):
        if ends_service(result):
            yield [(action, ENDED_BY, "")]
            continue
        keys = [(_scope(result, action, due, seen), due, seen) for due, seen in own]
        keys += [(result.requirement, due, seen) for due, seen in own]
        # A refusal of valid requests, too, hides what the check looks for.
        keys += [(action, SUCCESS, seen) for _, seen in own if seen[:1] == "4" and (action, seen) in refusing]
        if result.whole_run:
            named = FIELD.findall(first_finding(result)["observed"])
            keys += [fields[action, each] for each in named if (action, each) in fields]
        yield keys


def _scope(result: CheckResult, action: str, due: str, seen: str) -> str:
    """Return where equal deviations have one cause: in one operation, or anywhere in the area or service.

    An error code with the wrong status is one cause wherever the service reports that error.
    """
    status = int(seen[:3]) if seen[:3].isdigit() else 0
    if due[:1] == seen[:1] == "4" and status not in BY_CALLER and seen[4:]:
        return "identity" if result.area in IDENTITY else result.area
    return result.area if due == ANYWHERE or (status in BY_CALLER and due in ("", SUCCESS)) else action


def _fields(
    failing: list[CheckResult], operations: list[str], shown: list[list[tuple[str, str]]]
) -> dict[tuple[str, str], Key]:
    """Return a key for each field that a finding names, by operation.

    A check of the whole run judges the responses to other checks, and has their cause if it names the same field.
    """
    found: dict[tuple[str, str], Key] = {}
    for result, action, own in zip(failing, operations, shown, strict=True):
        for name in () if result.whole_run else FIELD.findall(first_finding(result)["observed"]):
            found.setdefault((action, name), (result.requirement, *own[0]))
    return found
