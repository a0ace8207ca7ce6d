"""How a script looks whether a finding still shows: by what an oracle said, or else by the answers of the run."""

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
    by_items,
    goes_on,
    numbered_pages,
    other_pages,
    request_text,
    word,
)
from conformance.reporting.reproduce.steps import (
    LIMITED,
    MADE,
    UNAUTHORIZED,
    counting,
    overlapping,
    steps,
)
from conformance.reporting.text import plain_xml
from conformance.runs.record import CheckResult
from conformance.vocabulary.verdict import Verdict

Entry = Mapping[str, Any]
Exchanges = Sequence[tuple[int, Entry]]
MOMENTARY = (
    *("date", "last-modified", "expires", "age", "etag", "location", "link", "server", "via", "connection"),
    *("content-length", "keep-alive", "set-cookie", "retry-after", "transfer-encoding", "alt-svc"),
)
"""Names of fields that differ from answer to answer and say nothing of what is answered beside its body."""
MOMENTARY_PARTS = ("request", "trace", "uuid", "ratelimit", "-id")
"""The same of parts of names."""
TIME = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[+-][0-9]{2}:?[0-9]{2})"
TIME_WORDS = re.compile(r"\d{4}-\d\d-\d\dt|date|time|modif|initiated|created|\bago\b|seconds|clock")
"""Words of a finding, in small letters, that speaks of times."""
ID = r"<(RequestId|HostId|UploadId)>[^<]*<"
OF_THE_MOMENT = {
    "000": "no answer comes",
    "30[12378]": "it leads elsewhere",
    "401": "the login is refused",
    "428": "a condition is asked for",
    "429": "a limit is reached",
    "503": "the service is not there",
}
PASSES = "echo 'passes: it no longer shows'"


def of_the_moment(status: int, about: str = "") -> str:
    """The alternatives of ``case`` for answers that say nothing of what is asked: none, a limit, a login that is over.

    Nor does one that leads elsewhere, where a run would follow.

    Not for what the run was answered (``status``), nor for what a finding speaks of (``about``).
    """
    others = [code for code in OF_THE_MOMENT if not re.search(rf"\b{code}\b", f"{status:03} {about}")]
    return "".join(f"{code}) cannot '{OF_THE_MOMENT[code]}' ;; " for code in others)


def without_login(entry: Mapping[str, Any]) -> str:
    """The refusal that says something of what is asked where no login is shown; "" where one is, which may be over."""
    shown = any(name.lower() == "authorization" for name, _ in entry.get("request_headers", []))
    return "" if shown else "401"


def as_seen(
    answers: Sequence[tuple[int, Mapping[str, Any]]], about: str = "", renamed: Mapping[str, str] | None = None
) -> tuple[list[str], dict[str, bytes]]:
    """The finding shows while the answers are what they were, the last above all.

    ``about`` is what the finding says; ``renamed`` are names of the run with what a script calls them. Returns lines,
    and by name the bodies that they compare with. What is not seen, for it is a secret or was not kept, may be what
    the finding is about: then nothing can be told.
    """
    last, shown = answers[-1]
    about = about.lower()
    if any(entry.get("method") == "HEAD" for _, entry in answers):
        # Of an answer without a body this is what it says of one.
        about += " content-length"
    momentary = _momentary(about)
    others = f"{of_the_moment(shown['status'], f'{about} {without_login(shown)}')}*) {PASSES}; exit 0 ;;"
    lines = [f"case $(status {last}) in {shown['status'] or '000'}) ;; {others} esac"]
    lines += [f"momentary={shlex.quote(momentary)}", *_steady(about, renamed or {})]
    bodies: dict[str, bytes] = {}
    for number, entry in answers:
        content = _whole(entry["response_body"])
        if content is None and number == last:
            return [
                lines[0],
                f"cannot 'answer {number} has the status that it had, and what its body hides is unknown'",
            ], {}
        if content is None:
            continue
        bodies[f"seen-{number}.bin"] = content
        lines += _compared(number, entry, momentary)
    what = " and ".join(str(number) for number, _ in answers)
    outcome_lines = f"answer {what} is what it was" if len(answers) == 1 else f"answers {what} are what they were"
    return [*lines, f"shows '{outcome_lines}'"], bodies


def _compared(number: int, entry: Mapping[str, Any], momentary: str) -> Iterator[str]:
    status = entry["status"] or "000"
    yield f'[ "$(status {number})" = {status} ] || cannot "answer {number} has another status"'
    yield f'steady seen-{number}.bin >"$answers/seen" && steady "$answers/{number}.body" >"$answers/now"'
    another = f"cannot 'answer {number} has its status and another body'"
    yield f'cmp -s "$answers/seen" "$answers/now" || {another}'
    lines = [f"{name.lower()}: {' '.join(value.split())}".rstrip() for name, value in entry["response_headers"]]
    fields = "\n".join(sorted(each for each in lines if not re.match(f"({momentary}):", each)))
    if any("$" in each for each in lines) or not fields.isascii() or not all(each.isprintable() for each in lines):
        # What stands in a field and cannot be compared may be what the finding is about.
        yield f"cannot 'answer {number} has its status and body, and what its fields hide is unknown'"
    else:
        yield f'[ "$(described {number})" = {shlex.quote(fields)} ] ||'
        yield f"    cannot 'answer {number} has its status and body, and other fields'"


def _momentary(about: str) -> str:
    """Which fields are not compared, as a pattern: none that the finding speaks of."""
    names = [name for name in MOMENTARY if not re.search(rf"(?<![\w-]){name}(?![\w-])", about)]
    parts = [part for part in MOMENTARY_PARTS if part not in about]
    return "|".join([*names, *(["[^ ]*(" + "|".join(parts) + ")[^ ]*"] if parts else [])])


def _steady(about: str, renamed: Mapping[str, str]) -> Iterator[str]:
    """The function that takes from a body what is of its moment: times, ids, and the names of what is made."""
    masks = [] if TIME_WORDS.search(about) else [f"-e {shlex.quote(f's/{TIME}/TIME/g')}"]
    # A body that is quoted speaks of none by naming its element.
    if not re.search(r"(?<![</])(?:request|host|upload) ?id", about):
        masks.append(f"-e {shlex.quote(f's/{ID}/<ID></g')}")
    for seen, called in sorted(renamed.items()):
        new = re.sub("\0([A-Z0-9_]+)\0", r"${\1}", called)
        masks.append(f'-e "s/{new}/{seen}/g"')
    yield f'steady() {{ {" ".join(["LC_ALL=C sed -E", *masks]) if masks else "cat"} "$1"; }}'


def _whole(body: Mapping[str, Any]) -> bytes | None:
    """A recorded body, where it was kept whole and has nothing removed from it."""
    if "sha256" in body or "$" in body.get("text", ""):
        return None
    if "base64" in body:
        return base64.b64decode(body["base64"])
    return str(body.get("text", "")).encode("utf-8", "replace")


CLAIM, IF_ANY, NOW = "claims.", "?", "now"
SIGNS = (("plus", "+"), ("minus", "-"))
OF_ITS_FIELDS = frozenset(["fields", "fields_match", "fields_lack", "fields_if_any", "fields_once", "dates_near"])
OF_ONE = OF_ITS_FIELDS | {"matches", "unsaid", "inside"}
DONE = f"{{ {PASSES}; exit 0; }}"
NAMED = re.compile(r"\$[A-Z][A-Z0-9_]*")


def patterns(statuses: Sequence[int]) -> str:
    """Statuses as a pattern of ``case``, whole classes in short."""
    left = set(statuses)
    words = []
    for hundred in range(1, 6):
        whole = set(range(100 * hundred, 100 * hundred + 100))
        if whole <= left:
            left -= whole
            words.append(f"{hundred}??")
    return "|".join([*words, *map(str, sorted(left))])


def judged(
    proof: Mapping[str, Any],
    numbers: Mapping[str, int],
    number: int,
    status: int,
    marks: Mapping[str, str],
    secrets: Mapping[str, str],
    about: str = "",
    were: Mapping[str, int] | None = None,
) -> list[str]:
    """The lines that look whether a finding shows, by what an oracle said of it; none where it said nothing.

    ``marks`` are texts with what they are called now, ``secrets`` names of secrets with the variables that hold them;
    ``about`` are statuses that are not of their moment; ``were`` those of the run, by exchange.
    """
    lines = list[str]()
    if proof.get("or_statuses"):
        lines.append(f"case $(status {number}) in {patterns(proof['or_statuses'])}) {PASSES}; exit 0 ;; esac")
    lines += _of_pairs(proof, numbers, marks, were or {})
    lines += _of_the_rest(proof, numbers, marks)
    lines.extend(_of_the_status(proof, number, status, about))
    lines.extend(_of_the_fields(proof, number))
    if proof.get("inside"):
        lines.append(f"token_part {number} {proof['inside']}")
    lines.extend(_of_the_body(proof, number, marks))
    unsaid = [_unsaid(text, marks, secrets) for text in proof.get("unsaid", [])]
    lines += [f"! says {number} {each} || shows 'what answer {number} should not say'" for each in unsaid if each]
    if None in unsaid:
        return [*lines, f"cannot 'answer {number} says nothing of it that can be looked for'"]
    lines.extend(_of_one_field(proof, numbers))
    for name, first, second in proof.get("differ", []):
        if first in numbers and second in numbers:
            one, other = numbers[first], numbers[second]
            lines += [f"token_part {each} claims" for each in (one, other)]
            comment = f'[ "$(claim_of {one} {name})" != "$(claim_of {other} {name})" ]'
            lines.append(f"{comment} || shows 'the same {name} in the tokens of answers {one} and {other}'")
    lines.extend(_of_numbers(proof, numbers))
    for each in proof.get("listed", []):
        pages = " ".join(str(numbers[page]) for page in each["pages"] if page in numbers)
        wanted = " ".join(shlex.quote(f"={item}") for item in each["items"])
        before = "went_on=yes " if each["went_on"] else ""
        comment = f"{printed(wanted)} | {before}lists {shlex.quote(each['name'])} {pages}"
        lines.append(f"{comment} || {{ list_is_read; shows 'a list that has not what it should have'; }}")
    return [*lines, PASSES] if lines else []


def _of_the_status(proof: Mapping[str, Any], number: int, status: int, about: str) -> Iterator[str]:
    """Yield the line that tests the status of a response; ``status`` is that of the run."""
    if proof.get("statuses"):
        # Without a limit where one was expected, others may have used a part of it in the run.
        below = "2??) cannot 'no limit is reached by so few requests' ;; " if limited(proof, status) else ""
        cases = f"{patterns(proof['statuses'])}) ;; {below}{of_the_moment(status, about)}"
        yield f'case $(status {number}) in {cases}*) shows "status $(status {number})" ;; esac'
    elif is_about_one(proof):
        # The proof is about a response with the status of the run.
        kind = f"{status // 100}??" if status < 400 else str(status)
        if "unsaid" in proof and status < 400:
            # A refusal is as good as a response without these texts, and is searched too.
            kind += "|403|404"
        yield f"case $(status {number}) in {kind}) ;; *) cannot 'answer {number} has another status' ;; esac"
    elif proof.get("lacks") and status:
        yield f"case $(status {number}) in 000) cannot '{OF_THE_MOMENT['000']}' ;; esac"


def is_about_one(proof: Mapping[str, Any]) -> bool:
    """Whether an oracle said something of an answer that has the status it had."""
    return "statuses" not in proof and not OF_ONE.isdisjoint(proof)


def _of_the_rest(proof: Mapping[str, Any], numbers: Mapping[str, int], marks: Mapping[str, str]) -> Iterator[str]:
    """The lines that look whether answers say what lets something be told, or what makes all of it right."""
    for kind in ("given", "unless"):
        for each, pattern in proof.get(kind, []):
            if each in numbers:
                found = f"has {numbers[each]} {word(pattern.removeprefix('!'), marks)} >/dev/null"
                ends = f"cannot 'answer {numbers[each]} says something else'" if kind == "given" else DONE
                yield f"{found} {'||' if (kind == 'given') != pattern.startswith('!') else '&&'} {ends}"


def or_refused(number: int, entry: Mapping[str, Any], proof: Mapping[str, Any]) -> Iterator[str]:
    """The line that looks whether a request is refused now that could as well have been refused in the run."""
    if entry["id"] in proof.get("or_refused", []) and entry["status"] < 400 and ALTERED not in request_text(entry):
        passes = f"echo 'passes: request {number} is refused'; exit 0"
        # A login that was got anew is refused for another reason; one that the request shows itself is what is asked.
        shown = "" if "Bearer $" in request_text(entry) else "401"
        if "authorization: AWS4-" in request_text(entry).replace("Authorization", "authorization"):
            yield f"signed_well {number}"
        yield f"case $(status {number}) in {of_the_moment(0, shown)}4??|501) {passes} ;; esac"


def _of_pairs(
    proof: Mapping[str, Any], numbers: Mapping[str, int], marks: Mapping[str, str], were: Mapping[str, int]
) -> Iterator[str]:
    """The lines that look whether two answers are alike, as a whole or in one respect."""
    for first, second, *patterns in [*proof.get("alike", []), *proof.get("alike_in", [])]:
        if first in numbers and second in numbers:
            one, other = numbers[first], numbers[second]
            arguments = "".join(f" {word(each, marks)}" for each in patterns)
            compared = f"alike{'_in' if patterns else ''} {one} {other}{arguments}"
            # A login that is over is over for both.
            passing = [
                f"    case $(status {numbers[each]}) in {of_the_moment(were[each], '401')}esac"
                for each in (first, second)
                if each in were
            ]
            shown = f"    shows 'answers {one} and {other} are not alike'"
            yield "\n".join([f"{compared} || {{", *passing, shown, "}"])
    for first, second, pattern in proof.get("both", []):
        if first in numbers and second in numbers:
            found = [f'"$(has {numbers[each]} {word(pattern, marks)})"' for each in (first, second)]
            for number in (numbers[each] for each in (first, second) if were.get(each, 0) >= 400):
                yield f"case $(status {number}) in [45]??) ;; *) cannot 'answer {number} is no error now' ;; esac"
            yield f"[ {' = '.join(found)} ] || shows 'what one of answers {numbers[first]} and {numbers[second]} has'"


def _of_one_field(proof: Mapping[str, Any], numbers: Mapping[str, int]) -> Iterator[str]:
    """The lines that look whether two answers have the same value of a field, or would not."""
    for kind, sign in (("same", "="), ("same_if_any", "="), ("unlike", "!=")):
        for name, first, second in proof.get(kind, []):
            if first in numbers and second in numbers:
                one, other = numbers[first], numbers[second]
                values = [f'"$(field {each} {shlex.quote(_in_any_case(name))})"' for each in (one, other)]
                if kind == "unlike":
                    yield f"[ -n {values[1]} ] || cannot 'answer {other} has no {name}'"
                description, unless = (
                    f"{name} of answers {one} and {other}",
                    f"[ -z {values[1]} ] || " if "_" in kind else "",
                )
                yield f"{unless}[ {f' {sign} '.join(values)} ] || shows {shlex.quote(description)}"


def _of_numbers(proof: Mapping[str, Any], numbers: Mapping[str, int]) -> Iterator[str]:
    """The lines that look whether one of several sums of numbers is as it would be."""
    sums = proof.get("sums", [])
    terms = sorted({(exchange, name) for each in sums for exchange, name in (*each["plus"], *each["minus"])})
    if any(exchange not in numbers for exchange, name in terms if name != NOW):
        return
    # Members first: claims take the place of their answer's body.
    terms.sort(key=lambda term: term[1].startswith(CLAIM))
    held = {term: f"number_{place}" for place, term in enumerate(terms, 1)}
    decoded = set[int]()
    for (exchange, name), variable in held.items():
        if name == NOW:
            yield f"{variable}=$(clock)"
            continue
        number, member = numbers[exchange], name.removeprefix(CLAIM).removesuffix(IF_ANY)
        if name.startswith(CLAIM) and number not in decoded:
            decoded.add(number)
            yield f"token_part {number} claims"
        yield f"{variable}=$(whole {number} {member})"
        otherwise = PASSES if name.endswith(IF_ANY) else f"cannot 'answer {number} tells no number {member}'"
        yield f'[ "${variable}" ] || {{ {otherwise}; exit 0; }}'
    within = [
        f"{{ {_sum(each, held)} && [ $sum -ge {each['least']} ] && [ $sum -le {each['most']} ]; }}" for each in sums
    ]
    if within:
        yield f"{' || '.join(within)} || shows 'other numbers than would be right'"


def _sum(terms: Mapping[str, Any], held: Mapping[tuple[str, str], str]) -> str:
    """The assignment of a sum of numbers that variables hold."""
    plus, minus = ([f"{sign} {held[exchange, name]}" for exchange, name in terms[kind]] for kind, sign in SIGNS)
    return f"sum=$((0 {' '.join([*plus, *minus])}))"


def _unsaid(text: str, marks: Mapping[str, str], secrets: Mapping[str, str]) -> str | None:
    """A text that would stand nowhere, as a word of the shell; None for a part of a secret, which is not kept."""
    named = secrets.get(text.removeprefix("$")) if text.startswith("$") else None
    if named or not NAMED.search(text):
        return f'"${named}"' if named else word(text, marks)
    return None


def printed(words: str) -> str:
    """A command that prints words, a line each, or nothing."""
    return f"printf '%s\\n' {words}" if words else ":"


def _in_any_case(name: str) -> str:
    """A field's name as a pattern, in whatever case it may come."""
    return "".join(f"[{each.upper()}{each.lower()}]" if each.isalpha() else each for each in name)


def limited(proof: Mapping[str, Any], status: int) -> bool:
    """Whether a limit was reached in the run, and told as something else."""
    return list(proof.get("statuses", ())) == [429] and not 200 <= status < 300


def _of_the_fields(proof: Mapping[str, Any], number: int) -> Iterator[str]:
    """The lines that look at the header fields of an answer."""
    for name, value in proof.get("fields", []):
        found = f'"$(field {number} {shlex.quote(_in_any_case(name))})"'
        yield f"[ {found} = {shlex.quote(value)} ] || shows {shlex.quote(f'{name} of answer {number}')}"
    for name, value in proof.get("fields_if_any", []):
        found = f'"$(field {number} {shlex.quote(_in_any_case(name))})"'
        yield (
            f"case {found} in ''|{shlex.quote(value)}) ;; *) shows {shlex.quote(f'{name} of answer {number}')} ;; esac"
        )
    for name, pattern in proof.get("fields_lack", []):
        command = f"fields {number} {shlex.quote(_in_any_case(name))} | grep -Eiq {shlex.quote(pattern)}"
        yield f"{command} && shows {shlex.quote(f'{name} of answer {number}')}"
    for name in proof.get("fields_once", []):
        lines = f"fields {number} {shlex.quote(_in_any_case(name))} | grep -c ''"
        yield f'[ "$({lines})" -le 1 ] || shows {shlex.quote(f"{name} in several lines of answer {number}")}'
    for name, within_s in proof.get("dates_near", []):
        command, date = (f'"$(field {number} {shlex.quote(_in_any_case(each))})"' for each in (name, "date"))
        yield f"[ -n {date} ] || cannot 'answer {number} has no Date'"
        yield f"off=$(($(dated seconds 0 {command}) - $(dated seconds 0 {date})))"
        yield f'[ "${{off#-}}" -le {within_s} ] || shows {shlex.quote(f"{name} of answer {number}")}'
    for name, pattern in proof.get("fields_match", []):
        command = f"fields {number} {shlex.quote(_in_any_case(name))} | grep -Eiq {shlex.quote(pattern)}"
        yield f"{command} || shows {shlex.quote(f'{name} of answer {number}')}"


def _of_the_body(proof: Mapping[str, Any], number: int, marks: Mapping[str, str]) -> Iterator[str]:
    """The lines that look at the body of an answer."""
    if proof.get("sha256"):
        shown = f'shows "another body in answer {number}"'
        same = f"case $(sha256_of {number}) in {proof['sha256']}) ;; *) {shown} ;; esac"
        # Where a refusal would be right too, it has no such body.
        yield f"case $(status {number}) in 2??) {same} ;; esac" if proof.get("statuses") else same
    if proof.get("matches"):
        said = f"on_one_line {number} | grep -Eq {word(proof['matches'], marks)} || shows 'body {number}'"
        yield f"case $(status {number}) in 2??) {said} ;; esac" if proof.get("statuses") else said
    if proof.get("lacks"):
        yield f"on_one_line {number} | grep -Eq {word(proof['lacks'], marks)} && shows 'body {number}'"


NOT_KEPT = "cannot 'it does not show, and a part of a secret that was sent is not kept'"
HIDDEN = "cannot 'it does not show as far as is looked for: it was hidden in the answer'"
OTHERS = "cannot 'it does not show, but the run was answered what others had made, which is not made here'"
AT_ONCE = "cannot 'it does not show, but requests of the run were under way at once, and these are not'"

ENOUGH = 60
"""Requests by which shows what one answer in twenty shows, but for one time in twenty."""


def rare(
    sequence: Sequence[Entry], result: CheckResult, results: Iterable[CheckResult], refused: bool = False
) -> tuple[int, int]:
    """From which request on a sequence is gone again where what it shows may be rare, and how often; 0 for not at all.

    Rare may be what showed where several asked at once, and what showed in some cases of a requirement and in others
    not; and it may need time that a token is ``refused``. Again is asked what only reads and does not wait, behind all
    else.
    """
    begin = 1 + max((number for number, each in enumerate(sequence, 1) if not _reads(each)), default=0)
    tail = [(number, each) for number, each in enumerate(sequence, 1) if number >= begin]
    some_pass = any(each.verdict == Verdict.PASS for each in results if each.requirement == result.requirement)
    if tail and (some_pass or refused or _at_once(tail, {each["id"] for _, each in tail})):
        return begin, math.ceil(ENOUGH / len(tail))
    return 0, 1


def _reads(entry: Entry) -> bool:
    """Whether to ask again changes nothing, and reaches no limit that there is."""
    again = entry.get("method") in ("GET", "HEAD") and entry["status"] != LIMITED
    return again and entry.get("paused_s", 0.0) < SHORTEST_PAUSE_S


def named_in(finding: Entry, exchanges: Exchanges) -> list[str]:
    """The exchanges that a finding names."""
    known = {entry["id"] for _, entry in exchanges}
    return [each for each in finding.get("exchanges", []) if each in known]


def shown_in(finding: Entry, exchanges: Exchanges) -> str:
    """The exchange whose answer is looked at."""
    proof, named = finding.get("proof") or {}, named_in(finding, exchanges)
    pages = [page for each in proof.get("listed", []) for page in each["pages"]]
    return str(proof.get("exchange") or [exchanges[-1][1]["id"], *pages[-1:], *named[-1:]][-1])


def refused_by(finding: Entry, exchanges: Exchanges) -> list[str]:
    """The names of the secrets with which a request was told 401 that is told otherwise where all is right.

    None where the sequence has a token of its own: then what ended that is part of it.
    """
    shown = next((entry for _, entry in exchanges if entry["id"] == shown_in(finding, exchanges)), None)
    right = (finding.get("proof") or {}).get("statuses", [])
    if shown is None or shown["status"] != UNAUTHORIZED or not right or UNAUTHORIZED in right:
        return []
    return [] if any(entry.get("issued") for _, entry in exchanges) else [*shown.get("secrets", [])]


def refusal_shown_in(finding: Entry, exchanges: Exchanges) -> str:
    """The exchange whose being refused may be what shows; "" where that is what the answer says."""
    return "" if is_about_one(finding.get("proof") or {}) else shown_in(finding, exchanges)


def _paged(
    listed: Mapping[str, Any], exchanges: Sequence[tuple[int, Entry]], numbers: dict[str, int]
) -> Mapping[str, Any]:
    """A list with its pages under names of their own, and whether it was one page that told of another in the run.

    Of several pages the last may tell of one that led back, and another may follow it now.
    """
    pages = [entry for _, entry in exchanges if entry["id"] in listed["pages"]]
    went_on = len(pages) == 1 and goes_on(pages[0])
    return {**listed, "pages": numbered_pages(listed["pages"], exchanges, numbers), "went_on": went_on}


def judgement(
    exchanges: Exchanges,
    finding: Entry,
    title: str,
    secret_names: Mapping[str, str],
    taken: Mapping[int, Collection[str]],
    marks: Mapping[str, str],
    tokens: Mapping[int, str],
) -> tuple[list[str], dict[str, bytes]]:
    """The lines that end a script, and by name the files that they compare with.

    ``tokens`` are the variables that hold what answers issue, by the numbers of the tokens.
    """
    numbers = {entry["id"]: number for number, entry in exchanges}
    named, shown = named_in(finding, exchanges), shown_in(finding, exchanges)
    entries = dict(exchanges)
    proof = relevant_proof(finding.get("proof") or {}, entries[numbers[shown]])
    if "listed" in proof:
        proof["listed"] = [_paged(each, exchanges, numbers) for each in proof["listed"]]
    pages = {page.partition(" ")[0] for each in proof.get("listed", []) for page in each["pages"]}
    pairs = [*proof.get("alike", []), *(pair[:2] for name in ("alike_in", "both") for pair in proof.get(name, []))]
    pairs += [pair[1:] for name in ("same", "same_if_any", "unlike", "differ") for pair in proof.get(name, [])]
    terms = [exchange for each in proof.get("sums", []) for exchange, _ in (*each["plus"], *each["minus"])]
    looked_at = {shown, *pages, *terms, *(each for pair in pairs for each in pair), *([] if proof else named)}
    sent = entries[numbers[shown]]
    over = sent["status"] if limited(proof, sent["status"]) else LIMITED
    lines = ["\n# Are the steps that lead there as they were?", *steps(exchanges, looked_at, taken, over)]
    lines += _signatures(exchanges, looked_at, proof, secret_names)
    lines.append("\n# What is looked at.")
    if by_items(entries.values()):
        lines.append("by_items=yes")
    altered = any(ALTERED in request_text(entry) for entry in entries.values())
    classes = {status // 100 for status in proof.get("statuses", [])}
    if altered and 2 in classes and 4 not in classes:
        # It may be refused for what is sent in the place of that part.
        return [*lines, "cannot 'a part of a secret that was sent is not kept'"], {}
    if "unsaid" in proof:
        proof["unsaid"] = unsaid(proof)
    names = [*sent.get("secrets", []), *(text.removeprefix("$") for text in proof.get("unsaid", []))]
    held = {name: tokens.get(sent.get("tokens", {}).get(name, 0), name) for name in names if NAME.fullmatch(f"${name}")}
    were = {entry["id"]: entry["status"] for _, entry in exchanges}
    lines += altered_tokens(held, sent.get("tokens", {}), tokens).values()
    outcome_lines, files = (
        judged(proof, numbers, numbers[shown], sent["status"], marks, held, without_login(sent), were),
        dict[str, bytes](),
    )
    outcome_lines[-1:-1] = other_pages(proof, exchanges, numbers[shown], marks)
    if proof.get("told"):
        outcome_lines = [*counting(proof, [(numbers[each], entries[numbers[each]]) for each in named], marks), PASSES]
    if not outcome_lines:
        answers = [numbers[each] for each in named] or [numbers[shown]]
        about = f"{title} {finding['expected']} {finding['observed']}"
        renamed = {seen: called for seen, called in marks.items() if "\0RUN\0" in called}
        outcome_lines, files = as_seen([(number, entries[number]) for number in answers], about, renamed)
    # What is sent in the place of a part of a secret may show the same, and where it does not, nothing is told.
    unclear = NOT_KEPT if altered else OTHERS if _of_others(exchanges, proof) else PASSES
    unclear = AT_ONCE if unclear == PASSES and _at_once(exchanges, looked_at, over) else unclear
    if "unsaid" in proof and not has_whole_secret(sent):
        unclear = HIDDEN
    return [*lines, *(line.replace(PASSES, unclear) for line in outcome_lines)], files


def unsaid(proof: Entry) -> list[str]:
    """What an answer would not say, by names of their own also what was made of a secret."""
    return [ALTERATION.sub(lambda match: f"${altered_name(match)}", text) for text in proof.get("unsaid", [])]


def has_whole_secret(entry: Entry) -> bool:
    """Whether an answer says a secret as it is, or in an encoding that scripts make of it, and not a part of one."""
    said = "\n".join([entry["response_body"].get("text", ""), *(value for _, value in entry["response_headers"])])
    return ALTERED not in said or ALTERATION.search(said) is not None


def relevant_proof(proof: Entry, entry: Entry) -> dict[str, Any]:
    """A proof without what the answer of the run has as it should be: the finding is about something else in it."""
    text = entry["response_body"].get("text")
    known = dict(proof)
    coded = ["Accept-Encoding", "gzip"] in entry["request_headers"]
    if text is None or coded or "sha256" in entry["response_body"] or "inside" in known:
        return known
    for name, right in (("matches", True), ("lacks", False)):
        if name in known and bool(re.search(known[name], plain_xml(text).replace("\n", ""))) is right:
            del known[name]
    return known if set(known) - {"exchange"} else {}


def _signatures(
    exchanges: Exchanges, looked_at: Collection[str], proof: Entry, secret_names: Mapping[str, str]
) -> Iterator[str]:
    """The lines that look whether it is curl's signature that is refused, and not what is asked for."""
    for number, entry in exchanges:
        by_curl = signature_scope(entry, secret_names) and not signed_with_another(entry)
        if by_curl and entry["status"] != 403 and 403 not in proof.get("statuses", ()) and entry["id"] in looked_at:
            yield f"signed_well {number}"


def _of_others(exchanges: Exchanges, proof: Entry) -> bool:
    """Whether a list, or what should not stand in an answer, names things that no request of the sequence names."""
    pages = {page.partition(" ")[0] for each in proof.get("listed", []) for page in each["pages"]}
    named = set[str]()
    for _, entry in exchanges:
        text = plain_xml(str(entry["response_body"].get("text", ""))).replace("\n", "")
        if entry["id"] in pages:
            named |= {*MADE.findall(text)}
        elif proof.get("lacks") and entry["id"] == proof.get("exchange") and (found := re.search(proof["lacks"], text)):
            named |= {*MADE.findall(found[0])}
    sent = "\n".join(request_text(entry) for _, entry in exchanges)
    return any(each not in sent for each in named)


def _at_once(exchanges: Exchanges, looked_at: Collection[str], over: int = LIMITED) -> bool:
    """Whether a request that is looked at, or makes what is, was under way together with another.

    Not those that use up a limit, which is told by ``over``: there it is how many they are.
    """
    if any(entry["status"] == over for _, entry in exchanges):
        return False
    matters = {*looked_at, *(entry["id"] for _, entry in exchanges if entry["method"] not in ("GET", "HEAD"))}
    by_start = sorted((entry for _, entry in exchanges), key=lambda entry: (entry["started"], entry["duration_s"]))
    return any(
        one["id"] != other["id"] and overlapping(one, other) and {one["id"], other["id"]} & matters
        for one, other in itertools.pairwise(by_start)
    )
