"""How a script looks whether a finding still shows: at the steps that lead there, then at the answers themselves."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from conformance.evidence.curl import (
    ALTERATION,
    NAME,
    altered_name,
    of_tokens,
    signature_scope,
    signed_with_another,
)
from conformance.evidence.redaction import ALTERED
from conformance.reporting.reproduce_pages import by_items, each_once, goes_on, other_pages
from conformance.reporting.reproduce_proof import judged, limited, says_of_one
from conformance.reporting.reproduce_seen import PASSES, as_seen, without_login
from conformance.reporting.reproduce_steps import LIMITED, steps
from conformance.reporting.reproduce_time import SHORTEST_PAUSE_S, told
from conformance.reporting.reproduce_told import counting
from conformance.reporting.text import plain_xml
from conformance.runs.record import CheckResult
from conformance.vocabulary.verdict import Verdict

Entry = Mapping[str, Any]
Exchanges = Sequence[tuple[int, Entry]]
NOT_KEPT = "cannot 'it does not show, and a part of a secret that was sent is not kept'"
HIDDEN = "cannot 'it does not show as far as is looked for: it was hidden in the answer'"
OTHERS = "cannot 'it does not show, but the run was answered what others had made, which is not made here'"
MADE = re.compile(r"cf-[0-9a-z]{11}-[0-9a-z]+-[0-9]+x")
"""A name of something that the run made."""
AT_ONCE = "cannot 'it does not show, but requests of the run were under way at once, and these are not'"

UNAUTHORIZED = 401
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
    return "" if says_of_one(finding.get("proof") or {}) else shown_in(finding, exchanges)


def _paged(
    listed: Mapping[str, Any], exchanges: Sequence[tuple[int, Entry]], numbers: dict[str, int]
) -> Mapping[str, Any]:
    """A list with its pages under names of their own, and whether it was one page that told of another in the run.

    Of several pages the last may tell of one that led back, and another may follow it now.
    """
    pages = [entry for _, entry in exchanges if entry["id"] in listed["pages"]]
    went_on = len(pages) == 1 and goes_on(pages[0])
    return {**listed, "pages": each_once(listed["pages"], exchanges, numbers), "went_on": went_on}


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
    proof = telling(finding.get("proof") or {}, entries[numbers[shown]])
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
    altered = any(ALTERED in told(entry) for entry in entries.values())
    classes = {status // 100 for status in proof.get("statuses", [])}
    if altered and 2 in classes and 4 not in classes:
        # It may be refused for what is sent in the place of that part.
        return [*lines, "cannot 'a part of a secret that was sent is not kept'"], {}
    if "unsaid" in proof:
        proof["unsaid"] = unsaid(proof)
    names = [*sent.get("secrets", []), *(text.removeprefix("$") for text in proof.get("unsaid", []))]
    held = {name: tokens.get(sent.get("tokens", {}).get(name, 0), name) for name in names if NAME.fullmatch(f"${name}")}
    were = {entry["id"]: entry["status"] for _, entry in exchanges}
    lines += of_tokens(held, sent.get("tokens", {}), tokens).values()
    told_so, files = (
        judged(proof, numbers, numbers[shown], sent["status"], marks, held, without_login(sent), were),
        dict[str, bytes](),
    )
    told_so[-1:-1] = other_pages(proof, exchanges, numbers[shown], marks)
    if proof.get("told"):
        told_so = [*counting(proof, [(numbers[each], entries[numbers[each]]) for each in named], marks), PASSES]
    if not told_so:
        answers = [numbers[each] for each in named] or [numbers[shown]]
        about = f"{title} {finding['expected']} {finding['observed']}"
        renamed = {seen: called for seen, called in marks.items() if "\0RUN\0" in called}
        told_so, files = as_seen([(number, entries[number]) for number in answers], about, renamed)
    # What is sent in the place of a part of a secret may show the same, and where it does not, nothing is told.
    unclear = NOT_KEPT if altered else OTHERS if _of_others(exchanges, proof) else PASSES
    unclear = AT_ONCE if unclear == PASSES and _at_once(exchanges, looked_at, over) else unclear
    if "unsaid" in proof and not plainly(sent):
        unclear = HIDDEN
    return [*lines, *(line.replace(PASSES, unclear) for line in told_so)], files


def unsaid(proof: Entry) -> list[str]:
    """What an answer would not say, by names of their own also what was made of a secret."""
    return [ALTERATION.sub(lambda match: f"${altered_name(match)}", text) for text in proof.get("unsaid", [])]


def plainly(entry: Entry) -> bool:
    """Whether an answer says a secret as it is, or in an encoding that scripts make of it, and not a part of one."""
    said = "\n".join([entry["response_body"].get("text", ""), *(value for _, value in entry["response_headers"])])
    return ALTERED not in said or ALTERATION.search(said) is not None


def telling(proof: Entry, entry: Entry) -> dict[str, Any]:
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
    sent = "\n".join(told(entry) for _, entry in exchanges)
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


def overlapping(one: Entry, other: Entry) -> bool:
    """Whether two requests were under way at the same time."""
    first, second = sorted((one, other), key=lambda each: float(each["started"]))
    return float(first["started"]) + float(first["duration_s"]) > float(second["started"])
