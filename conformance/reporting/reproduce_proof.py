"""How a script looks whether a finding shows, by what an oracle said of it: the lines for each kind of proof."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from conformance.evidence.redaction import ALTERED
from conformance.reporting.reproduce_seen import PASSES, of_the_moment
from conformance.reporting.reproduce_text import word
from conformance.reporting.reproduce_time import told

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
    if proof.get("statuses"):
        accepted = patterns(proof["statuses"])
        # Where a limit should be reached and is not, others have used a part of it up in the run.
        below = "2??) cannot 'no limit is reached by so few requests' ;; " if limited(proof, status) else ""
        wrong = f'shows "status $(status {number})"'
        lines.append(
            f"case $(status {number}) in {accepted}) ;; {below}{of_the_moment(status, about)}*) {wrong} ;; esac"
        )
    elif says_of_one(proof):
        # What is said of one answer is not said of another kind of answer.
        another = f"cannot 'answer {number} has another status'"
        kind = f"{status // 100}??" if status < 400 else str(status)
        if "unsaid" in proof and status < 400:
            # A refusal is as good an answer as one that does not say it, and is looked through as well.
            kind += "|403|404"
        lines.append(f"case $(status {number}) in {kind}) ;; *) {another} ;; esac")
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
            told = f'[ "$(claim_of {one} {name})" != "$(claim_of {other} {name})" ]'
            lines.append(f"{told} || shows 'the same {name} in the tokens of answers {one} and {other}'")
    lines.extend(_of_numbers(proof, numbers))
    for each in proof.get("listed", []):
        pages = " ".join(str(numbers[page]) for page in each["pages"] if page in numbers)
        wanted = " ".join(shlex.quote(f"={item}") for item in each["items"])
        before = "went_on=yes " if each["went_on"] else ""
        told = f"{printed(wanted)} | {before}lists {shlex.quote(each['name'])} {pages}"
        lines.append(f"{told} || {{ list_is_read; shows 'a list that has not what it should have'; }}")
    return [*lines, PASSES] if lines else []


def says_of_one(proof: Mapping[str, Any]) -> bool:
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
    if entry["id"] in proof.get("or_refused", []) and entry["status"] < 400 and ALTERED not in told(entry):
        passes = f"echo 'passes: request {number} is refused'; exit 0"
        # A login that was got anew is refused for another reason; one that the request shows itself is what is asked.
        shown = "" if "Bearer $" in told(entry) else "401"
        if "authorization: AWS4-" in told(entry).replace("Authorization", "authorization"):
            yield f"signed_well {number}"
        yield f"case $(status {number}) in {of_the_moment(0, shown)}4??|501) {passes} ;; esac"


def _of_pairs(
    proof: Mapping[str, Any], numbers: Mapping[str, int], marks: Mapping[str, str], were: Mapping[str, int]
) -> Iterator[str]:
    """The lines that look whether two answers are alike, as a whole or in one respect."""
    for first, second, *patterns in [*proof.get("alike", []), *proof.get("alike_in", [])]:
        if first in numbers and second in numbers:
            one, other = numbers[first], numbers[second]
            told = "".join(f" {word(each, marks)}" for each in patterns)
            compared = f"alike{'_in' if patterns else ''} {one} {other}{told}"
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
                told, unless = f"{name} of answers {one} and {other}", f"[ -z {values[1]} ] || " if "_" in kind else ""
                yield f"{unless}[ {f' {sign} '.join(values)} ] || shows {shlex.quote(told)}"


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


def _sum(told: Mapping[str, Any], held: Mapping[tuple[str, str], str]) -> str:
    """The assignment of a sum of numbers that variables hold."""
    plus, minus = ([f"{sign} {held[exchange, name]}" for exchange, name in told[kind]] for kind, sign in SIGNS)
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
        told = f"fields {number} {shlex.quote(_in_any_case(name))} | grep -Eiq {shlex.quote(pattern)}"
        yield f"{told} && shows {shlex.quote(f'{name} of answer {number}')}"
    for name in proof.get("fields_once", []):
        lines = f"fields {number} {shlex.quote(_in_any_case(name))} | grep -c ''"
        yield f'[ "$({lines})" -le 1 ] || shows {shlex.quote(f"{name} in several lines of answer {number}")}'
    for name, within_s in proof.get("dates_near", []):
        told, date = (f'"$(field {number} {shlex.quote(_in_any_case(each))})"' for each in (name, "date"))
        yield f"[ -n {date} ] || cannot 'answer {number} has no Date'"
        yield f"off=$(($(dated seconds 0 {told}) - $(dated seconds 0 {date})))"
        yield f'[ "${{off#-}}" -le {within_s} ] || shows {shlex.quote(f"{name} of answer {number}")}'
    for name, pattern in proof.get("fields_match", []):
        told = f"fields {number} {shlex.quote(_in_any_case(name))} | grep -Eiq {shlex.quote(pattern)}"
        yield f"{told} || shows {shlex.quote(f'{name} of answer {number}')}"


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
