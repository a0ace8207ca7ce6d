"""How a script decides whether a finding still shows: by the oracle's proof, or else by the responses of the run."""

from __future__ import annotations

import base64
import itertools
import math
import re
import shlex
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from conformance.evidence.curl import (
    ALTERATION,
    NAME,
    altered_name,
    altered_tokens,
    signature_scope,
    signed_with_another,
)
from conformance.evidence.redaction import ALTERED
from conformance.reporting.reproduce.requests import (
    SHORTEST_PAUSE_S,
    VARIABLE,
    Entry,
    Exchanges,
    body_on_one_line,
    has_next_page,
    lacks_line,
    numbered_pages,
    other_pages,
    pages_by_last_item,
    request_text,
    word,
)
from conformance.reporting.reproduce.steps import (
    LIMITED,
    RESOURCE_NAME,
    UNAUTHORIZED,
    event_lines,
    overlapping,
    step_lines,
)
from conformance.runs.record import CheckResult
from conformance.vocabulary.verdict import Verdict

VOLATILE_FIELDS = (
    *("date", "last-modified", "expires", "age", "etag", "location", "link", "server", "via", "connection"),
    *("content-length", "keep-alive", "set-cookie", "retry-after", "transfer-encoding", "alt-svc"),
)
"""Header fields that differ between equal responses."""
VOLATILE_PARTS = ("request", "trace", "uuid", "ratelimit", "-id")
"""Parts of the names of such fields."""
TIME = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[+-][0-9]{2}:?[0-9]{2})"
TIME_WORDS = re.compile(r"\d{4}-\d\d-\d\dt|date|time|modif|initiated|created|\bago\b|seconds|clock")
"""Words in a lower-case finding that is about times."""
ID = r"<(RequestId|HostId|UploadId)>[^<]*<"
UNDECIDED = {
    "000": "no response was received",
    "30[12378]": "the response is a redirect",
    "401": "the credentials are refused",
    "428": "the server requires a conditional request",
    "429": "a rate limit is reached",
    "503": "the service is unavailable",
}
"""Responses that decide nothing, by a shell pattern of their status."""
PASSES = "echo 'passes: the finding no longer shows'"


def undecided_cases(status: int, about: str = "") -> str:
    """Return the alternatives of ``case`` for responses that decide nothing.

    The ``status`` of the run and the statuses in the finding's text (``about``) do decide.
    """
    codes = [code for code in UNDECIDED if not re.search(rf"\b{code}\b", f"{status:03} {about}")]
    return "".join(f"{code}) cannot '{UNDECIDED[code]}' ;; " for code in codes)


def without_login(entry: Entry) -> str:
    """Return "401" for a request without credentials: its refusal is no expired login. Return "" for another."""
    sent = any(name.lower() == "authorization" for name, _ in entry.get("request_headers", []))
    return "" if sent else "401"


def as_seen(
    responses: Exchanges, about: str = "", renamed: Mapping[str, str] | None = None
) -> tuple[list[str], dict[str, bytes]]:
    """Return lines by which the finding shows if the responses equal those of the run, and the files they compare with.

    ``about`` is the text of the finding; ``renamed`` are names of the run with their new marks. Redacted or unstored
    data may be what the finding is about: then the script cannot decide.
    """
    last, shown = responses[-1]
    about = about.lower()
    if any(entry.get("method") == "HEAD" for _, entry in responses):
        # Without a body, its length is part of the response.
        about += " content-length"
    volatile = _volatile_pattern(about)
    changed = f"{undecided_cases(shown['status'], f'{about} {without_login(shown)}')}*) {PASSES}; exit 0 ;;"
    lines = [f"case $(status {last}) in {shown['status'] or '000'}) ;; {changed} esac"]
    lines += [f"volatile={shlex.quote(volatile)}", *_mask_function(about, renamed or {})]
    bodies: dict[str, bytes] = {}
    for number, entry in responses:
        content = _whole(entry["response_body"])
        if content is None and number == last:
            reason = f"response {number} has the same status, but its body in the run was redacted or not stored"
            return [lines[0], f"cannot '{reason}'"], {}
        if content is not None:
            bodies[f"seen-{number}.bin"] = content
            lines += _compared(number, entry, volatile)
    numbers = " and ".join(str(number) for number, _ in responses)
    same = f"response {numbers} is the same" if len(responses) == 1 else f"responses {numbers} are the same"
    return [*lines, f"shows '{same} as in the run'"], bodies


def _compared(number: int, entry: Entry, volatile: str) -> Iterator[str]:
    """Yield the lines that compare status, body and header of a response with those of the run."""
    status = entry["status"] or "000"
    yield f'[ "$(status {number})" = {status} ] || cannot "response {number} has a different status"'
    yield f'masked seen-{number}.bin >"$answers/seen" && masked "$answers/{number}.body" >"$answers/now"'
    different = f"response {number} has the same status but a different"
    yield f'cmp -s "$answers/seen" "$answers/now" || cannot \'{different} body\''
    lines = [f"{name.lower()}: {' '.join(value.split())}".rstrip() for name, value in entry["response_headers"]]
    fields = "\n".join(sorted(each for each in lines if not re.match(f"({volatile}):", each)))
    if any("$" in each for each in lines) or not fields.isascii() or not all(each.isprintable() for each in lines):
        # The finding may be about a value that cannot be compared.
        yield f"cannot 'response {number} has the same status and body, but its header in the run cannot be compared'"
    else:
        yield f'[ "$(described {number})" = {shlex.quote(fields)} ] ||'
        yield f"    cannot '{different} header'"


def _volatile_pattern(about: str) -> str:
    """Return the pattern of the fields that are not compared: volatile ones that the finding does not mention."""
    names = [name for name in VOLATILE_FIELDS if not re.search(rf"(?<![\w-]){name}(?![\w-])", about)]
    parts = [part for part in VOLATILE_PARTS if part not in about]
    return "|".join([*names, *(["[^ ]*(" + "|".join(parts) + ")[^ ]*"] if parts else [])])


def _mask_function(about: str, renamed: Mapping[str, str]) -> Iterator[str]:
    """Yield the function that replaces times, ids and names of new resources in a body."""
    masks = [] if TIME_WORDS.search(about) else [f"-e {shlex.quote(f's/{TIME}/TIME/g')}"]
    # A finding that only quotes the element in a body is not about the id.
    if not re.search(r"(?<![</])(?:request|host|upload) ?id", about):
        masks.append(f"-e {shlex.quote(f's/{ID}/<ID></g')}")
    for name, mark in sorted(renamed.items()):
        new = VARIABLE.sub(r"${\1}", mark)
        masks.append(f'-e "s/{new}/{name}/g"')
    yield f'masked() {{ {" ".join(["LC_ALL=C sed -E", *masks]) if masks else "cat"} "$1"; }}'


def _whole(body: Mapping[str, Any]) -> bytes | None:
    """Return a recorded body; None if it was not stored whole, or something in it was redacted."""
    if "sha256" in body or "$" in body.get("text", ""):
        return None
    if "base64" in body:
        return base64.b64decode(body["base64"])
    return str(body.get("text", "")).encode("utf-8", "replace")


CLAIM, IF_ANY, NOW = "claims.", "?", "now"
SIGNS = (("plus", "+"), ("minus", "-"))
FIELD_PROOFS = frozenset(["fields", "fields_match", "fields_lack", "fields_if_any", "fields_once", "dates_near"])
ONE_RESPONSE = FIELD_PROOFS | {"matches", "unsaid", "inside"}
DONE = f"{{ {PASSES}; exit 0; }}"
NAMED = re.compile(r"\$[A-Z][A-Z0-9_]*")


def patterns(statuses: Sequence[int]) -> str:
    """Return statuses as a pattern of ``case``; a complete class becomes ``2??``."""
    remaining = set(statuses)
    words = []
    for hundred in range(1, 6):
        whole = set(range(100 * hundred, 100 * hundred + 100))
        if whole <= remaining:
            remaining -= whole
            words.append(f"{hundred}??")
    return "|".join([*words, *map(str, sorted(remaining))])


def judged(
    proof: Entry,
    numbers: Mapping[str, int],
    number: int,
    status: int,
    marks: Mapping[str, str],
    secrets: Mapping[str, str],
    about: str = "",
    run_statuses: Mapping[str, int] | None = None,
) -> list[str]:
    """Return the lines that decide by an oracle's proof whether a finding shows; none for an empty proof.

    ``marks`` replace texts of the run; ``secrets`` are names of secrets with the variables that hold them; ``about``
    are statuses that decide; ``run_statuses`` are those of the run, by exchange.
    """
    lines = list[str]()
    if proof.get("or_statuses"):
        lines.append(f"case $(status {number}) in {patterns(proof['or_statuses'])}) {PASSES}; exit 0 ;; esac")
    lines += _pair_lines(proof, numbers, marks, run_statuses or {})
    lines += _condition_lines(proof, numbers, marks)
    lines.extend(_status_lines(proof, number, status, about))
    lines.extend(_field_lines(proof, number))
    if proof.get("inside"):
        lines.append(f"token_part {number} {proof['inside']}")
    lines.extend(_body_lines(proof, number, marks))
    unsaid = [_unsaid(text, marks, secrets) for text in proof.get("unsaid", [])]
    lines += [f"! says {number} {each} || shows 'response {number} contains forbidden text'" for each in unsaid if each]
    if None in unsaid:
        return [*lines, f"cannot 'the text that response {number} must not contain was not stored'"]
    lines.extend(_same_field_lines(proof, numbers))
    for name, first, second in proof.get("differ", []):
        if first in numbers and second in numbers:
            one, other = numbers[first], numbers[second]
            lines += [f"token_part {each} claims" for each in (one, other)]
            condition = f'[ "$(claim_of {one} {name})" != "$(claim_of {other} {name})" ]'
            lines.append(f"{condition} || shows 'the tokens in responses {one} and {other} have the same {name}'")
    lines.extend(_sum_lines(proof, numbers))
    for each in proof.get("listed", []):
        pages = " ".join(str(numbers[page]) for page in each["pages"] if page in numbers)
        expected = " ".join(shlex.quote(f"={item}") for item in each["items"])
        before = "continued=yes " if each["continued"] else ""
        condition = f"{printed(expected)} | {before}lists {shlex.quote(each['name'])} {pages}"
        shown = "shows 'the list differs from the expected items'"
        lines.append(f"{condition} || {{ list_is_readable; {shown}; }}")
    return [*lines, PASSES] if lines else []


def _status_lines(proof: Entry, number: int, status: int, about: str) -> Iterator[str]:
    """Yield the line that tests the status of a response; ``status`` is that of the run."""
    if proof.get("statuses"):
        # In the run, other requests may have used a part of the limit.
        below = "2??) cannot 'so few requests reach no limit' ;; " if limited(proof, status) else ""
        cases = f"{patterns(proof['statuses'])}) ;; {below}{undecided_cases(status, about)}"
        yield f'case $(status {number}) in {cases}*) shows "status $(status {number})" ;; esac'
    elif keeps_status(proof):
        # The proof is about a response with the status of the run.
        kind = f"{status // 100}??" if status < 400 else str(status)
        if "unsaid" in proof and status < 400:
            # A refusal is as good as a response without these texts, and is searched too.
            kind += "|403|404"
        yield f"case $(status {number}) in {kind}) ;; *) cannot 'response {number} has a different status' ;; esac"
    elif proof.get("lacks") and status:
        yield f"case $(status {number}) in 000) cannot '{UNDECIDED['000']}' ;; esac"


def keeps_status(proof: Entry) -> bool:
    """Whether a proof is about a response with the status of the run."""
    return "statuses" not in proof and not ONE_RESPONSE.isdisjoint(proof)


def _condition_lines(proof: Entry, numbers: Mapping[str, int], marks: Mapping[str, str]) -> Iterator[str]:
    """Yield the lines that test a precondition of the proof (``given``), or an exception to it (``unless``)."""
    for kind in ("given", "unless"):
        for each, pattern in proof.get(kind, []):
            if each in numbers:
                found = f"has {numbers[each]} {word(pattern.removeprefix('!'), marks)} >/dev/null"
                precondition = f"cannot 'response {numbers[each]} no longer meets the precondition of the finding'"
                ends = precondition if kind == "given" else DONE
                yield f"{found} {'||' if (kind == 'given') != pattern.startswith('!') else '&&'} {ends}"


def or_refused(number: int, entry: Entry, proof: Entry) -> Iterator[str]:
    """Yield the lines that end a script if a request is refused whose refusal is correct too."""
    if entry["id"] in proof.get("or_refused", []) and entry["status"] < 400 and ALTERED not in request_text(entry):
        passes = f"echo 'passes: request {number} is refused'; exit 0"
        # A new token may be refused for a different reason; other credentials are what the request tests.
        deciding = "" if "Bearer $" in request_text(entry) else "401"
        if "authorization: AWS4-" in request_text(entry).replace("Authorization", "authorization"):
            yield f"signature_accepted {number}"
        yield f"case $(status {number}) in {undecided_cases(0, deciding)}4??|501) {passes} ;; esac"


def _pair_lines(
    proof: Entry, numbers: Mapping[str, int], marks: Mapping[str, str], run_statuses: Mapping[str, int]
) -> Iterator[str]:
    """Yield the lines that test whether two responses are alike, as a whole or in one respect."""
    for first, second, *patterns in [*proof.get("alike", []), *proof.get("alike_in", [])]:
        if first in numbers and second in numbers:
            one, other = numbers[first], numbers[second]
            arguments = "".join(f" {word(each, marks)}" for each in patterns)
            compared = f"alike{'_in' if patterns else ''} {one} {other}{arguments}"
            # An expired login is expired for both.
            undecided = [
                f"    case $(status {numbers[each]}) in {undecided_cases(run_statuses[each], '401')}esac"
                for each in (first, second)
                if each in run_statuses
            ]
            shown = f"    shows 'responses {one} and {other} differ'"
            yield "\n".join([f"{compared} || {{", *undecided, shown, "}"])
    for first, second, pattern in proof.get("both", []):
        if first in numbers and second in numbers:
            found = [f'"$(has {numbers[each]} {word(pattern, marks)})"' for each in (first, second)]
            for number in (numbers[each] for each in (first, second) if run_statuses.get(each, 0) >= 400):
                yield f"case $(status {number}) in [45]??) ;; *) cannot 'response {number} is no error now' ;; esac"
            shown = f"only one of responses {numbers[first]} and {numbers[second]} contains the text"
            yield f"[ {' = '.join(found)} ] || shows '{shown}'"


def _same_field_lines(proof: Entry, numbers: Mapping[str, int]) -> Iterator[str]:
    """Yield the lines that test whether a field of two responses is equal, or different."""
    for kind, sign in (("same", "="), ("same_if_any", "="), ("unlike", "!=")):
        for name, first, second in proof.get(kind, []):
            if first in numbers and second in numbers:
                one, other = numbers[first], numbers[second]
                values = [f'"$({_field("field", each, name)})"' for each in (one, other)]
                if kind == "unlike":
                    yield f"[ -n {values[1]} ] || cannot 'response {other} has no {name}'"
                relation = "has the same value" if kind == "unlike" else "differs"
                description = f"{name} {relation} in responses {one} and {other}"
                unless = f"[ -z {values[1]} ] || " if kind == "same_if_any" else ""
                yield f"{unless}[ {f' {sign} '.join(values)} ] || shows {shlex.quote(description)}"


def _sum_lines(proof: Entry, numbers: Mapping[str, int]) -> Iterator[str]:
    """Yield the lines that test whether one of several sums of numbers is in its range."""
    sums = proof.get("sums", [])
    terms = sorted({(exchange, name) for each in sums for exchange, name in (*each["plus"], *each["minus"])})
    if any(exchange not in numbers for exchange, name in terms if name != NOW):
        return
    # Members first: decoded claims replace the body of their response.
    terms.sort(key=lambda term: term[1].startswith(CLAIM))
    variables = {term: f"number_{place}" for place, term in enumerate(terms, 1)}
    decoded = set[int]()
    for (exchange, name), variable in variables.items():
        if name == NOW:
            yield f"{variable}=$(clock)"
            continue
        number, member = numbers[exchange], name.removeprefix(CLAIM).removesuffix(IF_ANY)
        if name.startswith(CLAIM) and number not in decoded:
            decoded.add(number)
            yield f"token_part {number} claims"
        yield f"{variable}=$(whole {number} {member})"
        missing = PASSES if name.endswith(IF_ANY) else f"cannot 'response {number} has no number {member}'"
        yield f'[ "${variable}" ] || {{ {missing}; exit 0; }}'
    within = [
        f"{{ {_sum(each, variables)} && [ $sum -ge {each['least']} ] && [ $sum -le {each['most']} ]; }}"
        for each in sums
    ]
    if within:
        yield f"{' || '.join(within)} || shows 'a number is outside its expected range'"


def _sum(terms: Mapping[str, Any], variables: Mapping[tuple[str, str], str]) -> str:
    """Return the assignment of a sum of numbers in variables."""
    plus, minus = ([f"{sign} {variables[exchange, name]}" for exchange, name in terms[kind]] for kind, sign in SIGNS)
    return f"sum=$((0 {' '.join([*plus, *minus])}))"


def _unsaid(text: str, marks: Mapping[str, str], secrets: Mapping[str, str]) -> str | None:
    """Return forbidden text as a word of the shell; None for a part of a secret, which is not stored."""
    variable = secrets.get(text.removeprefix("$")) if text.startswith("$") else None
    if variable or not NAMED.search(text):
        return f'"${variable}"' if variable else word(text, marks)
    return None


def printed(words: str) -> str:
    """Return a command that prints each word on a line of its own; without words it prints nothing."""
    return f"printf '%s\\n' {words}" if words else ":"


def _field(function: str, number: int, name: str) -> str:
    """Return the call of a shell function for a field; its name is a pattern that matches any case."""
    pattern = "".join(f"[{each.upper()}{each.lower()}]" if each.isalpha() else each for each in name)
    return f"{function} {number} {shlex.quote(pattern)}"


def limited(proof: Entry, status: int) -> bool:
    """Whether the run reached a limit that was reported with a different status than 429."""
    return list(proof.get("statuses", ())) == [429] and not 200 <= status < 300


def _field_lines(proof: Entry, number: int) -> Iterator[str]:
    """Yield the lines that test the header fields of a response."""

    def wrong(name: str, problem: str = "has a wrong value") -> str:
        return f"shows {shlex.quote(f'{name} of response {number} {problem}')}"

    missing = "is missing or has a wrong value"
    for name, value in proof.get("fields", []):
        problem = wrong(name, missing if value else "should be absent")
        yield f'[ "$({_field("field", number, name)})" = {shlex.quote(value)} ] || {problem}'
    for name, value in proof.get("fields_if_any", []):
        yield f"case \"$({_field('field', number, name)})\" in ''|{shlex.quote(value)}) ;; *) {wrong(name)} ;; esac"
    for name, pattern in proof.get("fields_lack", []):
        yield f"{_field('fields', number, name)} | grep -Eiq {shlex.quote(pattern)} && {wrong(name)}"
    for name in proof.get("fields_once", []):
        repeated = wrong(name, "is repeated")
        yield f"[ \"$({_field('fields', number, name)} | grep -c '')\" -le 1 ] || {repeated}"
    for name, within_s in proof.get("dates_near", []):
        moment, date = (f'"$({_field("field", number, each)})"' for each in (name, "date"))
        yield f"[ -n {date} ] || cannot 'response {number} has no Date'"
        yield f"off=$(($(dated seconds 0 {moment}) - $(dated seconds 0 {date})))"
        yield f'[ "${{off#-}}" -le {within_s} ] || {wrong(name)}'
    for name, pattern in proof.get("fields_match", []):
        yield f"{_field('fields', number, name)} | grep -Eiq {shlex.quote(pattern)} || {wrong(name, missing)}"


def _body_lines(proof: Entry, number: int, marks: Mapping[str, str]) -> Iterator[str]:
    """Yield the lines that test the body of a response."""
    tests = []
    if proof.get("sha256"):
        shown = f"shows 'response {number} has a different body than expected'"
        tests.append(f"case $(sha256_of {number}) in {proof['sha256']}) ;; *) {shown} ;; esac")
    if proof.get("matches"):
        shown = f"shows 'the body of response {number} lacks expected text'"
        tests.append(f"on_one_line {number} | grep -Eq {word(proof['matches'], marks)} || {shown}")
    for test in tests:
        # A refusal may be correct too, and has a different body.
        yield f"case $(status {number}) in 2??) {test} ;; esac" if proof.get("statuses") else test
    if proof.get("lacks"):
        yield lacks_line(number, word(proof["lacks"], marks))


NOT_STORED = "cannot 'the finding does not show, but a part of a secret that the run sent was not stored'"
HIDDEN = "cannot 'the finding does not show, but the response of the run was redacted'"
OTHER_CHECKS = "cannot 'the finding does not show, but the run used resources of other checks, which are missing here'"
CONCURRENT = "cannot 'the finding does not show, but the run sent requests concurrently'"

REPETITIONS = 60
"""Enough requests to show with 95 % probability what one response in twenty shows."""


def rare(
    sequence: Sequence[Entry], result: CheckResult, results: Iterable[CheckResult], refused: bool = False
) -> tuple[int, int]:
    """Return from which request on a script repeats the sequence, and how often; (0, 1) for no repetition.

    A finding may be rare if requests were concurrent or if other cases of the requirement passed. A ``refused`` token
    may need time too. Only the reading requests at the end are repeated.
    """
    begin = 1 + max((number for number, each in enumerate(sequence, 1) if not _repeatable(each)), default=0)
    tail = [(number, each) for number, each in enumerate(sequence, 1) if number >= begin]
    some_pass = any(each.verdict == Verdict.PASS for each in results if each.requirement == result.requirement)
    if tail and (some_pass or refused or _has_concurrency(tail, {each["id"] for _, each in tail})):
        return begin, math.ceil(REPETITIONS / len(tail))
    return 0, 1


def _repeatable(entry: Entry) -> bool:
    """Whether repeating a request changes nothing and reaches no limit."""
    reads = entry.get("method") in ("GET", "HEAD") and entry["status"] != LIMITED
    return reads and entry.get("paused_s", 0.0) < SHORTEST_PAUSE_S


def named_in(finding: Entry, exchanges: Exchanges) -> list[str]:
    """Return the exchanges that a finding names."""
    known = {entry["id"] for _, entry in exchanges}
    return [each for each in finding.get("exchanges", []) if each in known]


def shown_in(finding: Entry, exchanges: Exchanges) -> str:
    """Return the exchange whose response decides."""
    proof, named = finding.get("proof") or {}, named_in(finding, exchanges)
    pages = [page for each in proof.get("listed", []) for page in each["pages"]]
    return str(proof.get("exchange") or [exchanges[-1][1]["id"], *pages[-1:], *named[-1:]][-1])


def refused_by(finding: Entry, exchanges: Exchanges) -> list[str]:
    """Return the names of the secrets of a request that was wrongly refused with 401.

    Return none if the sequence issues a token itself: then it contains the reason for the refusal.
    """
    shown = next((entry for _, entry in exchanges if entry["id"] == shown_in(finding, exchanges)), None)
    expected = (finding.get("proof") or {}).get("statuses", [])
    if shown is None or shown["status"] != UNAUTHORIZED or not expected or UNAUTHORIZED in expected:
        return []
    return [] if any(entry.get("issued") for _, entry in exchanges) else [*shown.get("secrets", [])]


def refusal_shown_in(finding: Entry, exchanges: Exchanges) -> str:
    """Return the exchange whose refusal may be the finding; "" if the finding is about a response's content."""
    return "" if keeps_status(finding.get("proof") or {}) else shown_in(finding, exchanges)


def _paged(listed: Entry, exchanges: Exchanges, numbers: dict[str, int]) -> Entry:
    """Return a list with unique names for its pages, and whether its only page announced another one in the run.

    The last of several pages may have linked back to an earlier one.
    """
    pages = [entry for _, entry in exchanges if entry["id"] in listed["pages"]]
    continued = len(pages) == 1 and has_next_page(pages[0])
    return {**listed, "pages": numbered_pages(listed["pages"], exchanges, numbers), "continued": continued}


def judgement(
    exchanges: Exchanges,
    finding: Entry,
    title: str,
    secret_names: Mapping[str, str],
    taken: Mapping[int, Collection[str]],
    marks: Mapping[str, str],
    tokens: Mapping[int, str],
) -> tuple[list[str], dict[str, bytes]]:
    """Return the lines that end a script, and by name the files that they compare with.

    ``taken`` are the values that later requests take from a response, by its number; ``tokens`` are the variables of
    issued tokens, by the tokens' numbers.
    """
    numbers = {entry["id"]: number for number, entry in exchanges}
    named, shown = named_in(finding, exchanges), shown_in(finding, exchanges)
    entries = dict(exchanges)
    proof = relevant_proof(finding.get("proof") or {}, entries[numbers[shown]])
    if "listed" in proof:
        proof["listed"] = [_paged(each, exchanges, numbers) for each in proof["listed"]]
    judged_ids = {shown, *_judged_ids(proof), *([] if proof else named)}
    sent = entries[numbers[shown]]
    limit_status = sent["status"] if limited(proof, sent["status"]) else LIMITED
    lines = ["\n# Did the previous steps end as in the run?", *step_lines(exchanges, judged_ids, taken, limit_status)]
    lines += _signatures(exchanges, judged_ids, proof, secret_names)
    lines.append("\n# Does the finding still show?")
    if pages_by_last_item(entries.values()):
        lines.append("by_last_item=yes")
    altered = any(ALTERED in request_text(entry) for entry in entries.values())
    classes = {status // 100 for status in proof.get("statuses", [])}
    if altered and 2 in classes and 4 not in classes:
        # The replacement of that part may be refused.
        return [*lines, "cannot 'a part of a secret that the run sent was not stored'"], {}
    if "unsaid" in proof:
        proof["unsaid"] = unsaid(proof)
    names = [*sent.get("secrets", []), *(text.removeprefix("$") for text in proof.get("unsaid", []))]
    variables = {
        name: tokens.get(sent.get("tokens", {}).get(name, 0), name) for name in names if NAME.fullmatch(f"${name}")
    }
    run_statuses = {entry["id"]: entry["status"] for _, entry in exchanges}
    lines += altered_tokens(variables, sent.get("tokens", {}), tokens).values()
    outcome = judged(
        proof, numbers, numbers[shown], sent["status"], marks, variables, without_login(sent), run_statuses
    )
    outcome[-1:-1] = other_pages(proof, exchanges, numbers[shown], marks)
    files = dict[str, bytes]()
    if proof.get("told"):
        outcome = [*event_lines(proof, [(numbers[each], entries[numbers[each]]) for each in named], marks), PASSES]
    if not outcome:
        responses = [numbers[each] for each in named] or [numbers[shown]]
        about = f"{title} {finding['expected']} {finding['observed']}"
        renamed = {name: mark for name, mark in marks.items() if "\0RUN\0" in mark}
        outcome, files = as_seen([(number, entries[number]) for number in responses], about, renamed)
    # The replacement of a part of a secret may show the same; if it does not, the script cannot decide.
    passes = NOT_STORED if altered else OTHER_CHECKS if _lists_foreign_names(exchanges, proof) else PASSES
    passes = CONCURRENT if passes == PASSES and _has_concurrency(exchanges, judged_ids, limit_status) else passes
    if "unsaid" in proof and not shows_whole_secret(sent):
        passes = HIDDEN
    return [*lines, *(line.replace(PASSES, passes) for line in outcome)], files


def _judged_ids(proof: Entry) -> set[str]:
    """Return the ids of the exchanges that a proof compares."""
    pages = {page.partition(" ")[0] for each in proof.get("listed", []) for page in each["pages"]}
    pairs = [*proof.get("alike", []), *(pair[:2] for name in ("alike_in", "both") for pair in proof.get(name, []))]
    pairs += [pair[1:] for name in ("same", "same_if_any", "unlike", "differ") for pair in proof.get(name, [])]
    terms = [exchange for each in proof.get("sums", []) for exchange, _ in (*each["plus"], *each["minus"])]
    return {*pages, *terms, *(each for pair in pairs for each in pair)}


def unsaid(proof: Entry) -> list[str]:
    """Return the texts that a response must not contain; altered secrets have names of their own."""
    return [ALTERATION.sub(lambda match: f"${altered_name(match)}", text) for text in proof.get("unsaid", [])]


def shows_whole_secret(entry: Entry) -> bool:
    """Whether a response contains no mere part of a secret: scripts can find only whole ones, in any encoding."""
    text = "\n".join([entry["response_body"].get("text", ""), *(value for _, value in entry["response_headers"])])
    return ALTERED not in text or ALTERATION.search(text) is not None


def relevant_proof(proof: Entry, entry: Entry) -> dict[str, Any]:
    """Return a proof without the conditions that the response of the run meets: the finding is about the others."""
    text = entry["response_body"].get("text")
    unmet = dict(proof)
    compressed = ["Accept-Encoding", "gzip"] in entry["request_headers"]
    if text is None or compressed or "sha256" in entry["response_body"] or "inside" in unmet:
        return unmet
    for name, expected in (("matches", True), ("lacks", False)):
        if name in unmet and bool(re.search(unmet[name], body_on_one_line(entry))) is expected:
            del unmet[name]
    return unmet if set(unmet) - {"exchange"} else {}


def _signatures(
    exchanges: Exchanges, judged_ids: Collection[str], proof: Entry, secret_names: Mapping[str, str]
) -> Iterator[str]:
    """Yield the lines that end a script if curl's signature is refused, and not the request."""
    for number, entry in exchanges:
        by_curl = signature_scope(entry, secret_names) and not signed_with_another(entry)
        if by_curl and entry["status"] != 403 and 403 not in proof.get("statuses", ()) and entry["id"] in judged_ids:
            yield f"signature_accepted {number}"


def _lists_foreign_names(exchanges: Exchanges, proof: Entry) -> bool:
    """Whether a list, or forbidden text in a response, names resources that no request of the sequence names."""
    pages = {page.partition(" ")[0] for each in proof.get("listed", []) for page in each["pages"]}
    named = set[str]()
    for _, entry in exchanges:
        text = body_on_one_line(entry)
        if entry["id"] in pages:
            named |= {*RESOURCE_NAME.findall(text)}
        elif proof.get("lacks") and entry["id"] == proof.get("exchange") and (found := re.search(proof["lacks"], text)):
            named |= {*RESOURCE_NAME.findall(found[0])}
    sent = "\n".join(request_text(entry) for _, entry in exchanges)
    return any(each not in sent for each in named)


def _has_concurrency(exchanges: Exchanges, judged_ids: Collection[str], limit_status: int = LIMITED) -> bool:
    """Whether a judged or writing request overlapped with another one.

    Requests that reach a limit (``limit_status``) do not count: only their number matters.
    """
    if any(entry["status"] == limit_status for _, entry in exchanges):
        return False
    relevant = {*judged_ids, *(entry["id"] for _, entry in exchanges if entry["method"] not in ("GET", "HEAD"))}
    by_start = sorted((entry for _, entry in exchanges), key=lambda entry: (entry["started"], entry["duration_s"]))
    return any(
        one["id"] != other["id"] and overlapping(one, other) and {one["id"], other["id"]} & relevant
        for one, other in itertools.pairwise(by_start)
    )
