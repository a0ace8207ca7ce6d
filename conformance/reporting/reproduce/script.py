"""The script of a finding: curl lines in the order in which a person types them, and one simple comparison.

A script compares the deciding response in three forms: a status in a set; a header field; the body's digest, or a
pattern in it. It exits with 1 while the finding shows, 0 if it no longer does, and 2 if it cannot decide. For what
these forms cannot say it prints the response, and ``conformance replay`` decides.
"""

from __future__ import annotations

import math
import re
import shlex
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from conformance.evidence.curl import NAME, assignments_of, command_of, payload_hash, secret_of, with_alterations
from conformance.reporting.reproduce.requests import (
    BY_OPERATOR,
    LIMITED,
    UNAUTHORIZED,
    Entry,
    needs_lost_token,
    overlapping,
    request_text,
    secrets_needed,
    unsendable,
    without_retries,
)
from conformance.reporting.text import on_one_line
from conformance.runs.reading import Record
from conformance.runs.record import CheckResult
from conformance.vocabulary.finding import Kind

SCRIPT = "reproduce.sh"
LONGEST_COMMENT = 300
SHORTEST_PAUSE_S = 0.05
MOST_STEPS = 8
"""The most requests of a script: more cannot be read, and a replay repeats them."""
RUN_NAME = re.compile(r"\b(cf-[0-9a-z]{7})[0-9a-z]{4}-")
"""The beginning of a resource's name, whose last four characters a script replaces by new ones."""
ISSUED = re.compile(r'"(access_token|refresh_token|id_token|token)"\s*:\s*"\$')
FIELD = "grep -i '^{0}:' {1}.head | cut -d: -f2- | sed 's/^[[:blank:]]*//' | tr -d '\\r'"
ELEMENT = "tr -d '\\n' <{1}.body | sed -n 's/.*<{0}>\\([^<]*\\)<.*/\\1/p'"
MEMBER = """tr -d '\\n' <{1}.body | sed -n 's/.*"{0}" *: *"\\([^"]*\\)".*/\\1/p'"""
TAKEN = (
    ("UPLOAD", re.compile(r"<UploadId>([^<]{6,})<"), ELEMENT, "UploadId"),
    ("NEXT", re.compile(r"<NextContinuationToken>([^<]{6,})<"), ELEMENT, "NextContinuationToken"),
    ("ID", re.compile(r'"id" *: *"([^"]{6,})"'), MEMBER, "id"),
    ("LOCATION", re.compile(r"^location: (\S{6,})$", re.I | re.M), FIELD, "location"),
    ("ETAG", re.compile(r"^etag: (\S{6,})$", re.I | re.M), FIELD, "etag"),
)
"""Values of a response that later requests use: variable, pattern, the command that finds it, and what it looks for."""
HEAD = """cd "$(mktemp -d)" || exit 2
RUN=$(od -An -N2 -tx1 /dev/urandom | tr -d ' \\n')  # for new names; conformance sweep removes what has them
send() {
    n=$1 && shift
    curl -sS --max-time 60 -D $n.head -o $n.body -w '%{http_code}' "$@" >$n.status
    echo "request $n: status $(cat $n.status)"
}
cannot() { echo "cannot decide: $*"; exit 2; }
needs() { case $(cat $1.status) in 2??) ;; *) cannot "request $1 prepares the finding, and failed" ;; esac; }"""
PASSES = "echo 'passes: the finding no longer shows'; exit 0"
SHOWS = "echo 'FAILS: the finding still shows'; exit 1"


def name_of(check_id: str, number: int) -> str:
    """Return the name of a finding's folder."""
    plain = re.sub(r"[^A-Za-z0-9.]+", "-", check_id).strip("-")
    return plain if number == 0 else f"{plain}-{number + 1}"


def steps_of(finding: Entry, sequence: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the steps that lead to the deciding request, which is the last of them."""
    named = finding.get("exchanges") or []
    steps = [each for each in sequence if each["kind"] == "exchange" or each.get("hook") in BY_OPERATOR]
    steps = without_retries(steps, named)
    last = max((place for place, each in enumerate(steps) if each["id"] in named[-1:]), default=len(steps) - 1)
    kept, paused_s = list[dict[str, Any]](), 0.0
    for place, each in enumerate(steps[: last + 1]):
        paused_s += each.get("paused_s", 0.0)
        if place == last or not _prepares_nothing(each, steps[place + 1 : last + 1]):
            kept.append({**each, "paused_s": paused_s})
            paused_s = 0.0
    return [with_alterations(each) if each["kind"] == "exchange" else each for each in kept]


def _prepares_nothing(entry: Entry, later: Iterable[Entry]) -> bool:
    """Whether a request is a challenge, or a read that no later request takes a value from."""
    if entry["kind"] != "exchange" or entry["method"] not in ("GET", "HEAD"):
        return entry.get("status") == UNAUTHORIZED and not entry.get("secrets")
    text, sent = _response_text(entry), _sent_text(later)
    values = (found[1] for _, pattern, *_ in TAKEN for found in pattern.finditer(text))
    return not entry.get("issued") and not any(value in sent for value in values)


def _sent_text(steps: Iterable[Entry]) -> str:
    return "\n".join(request_text(each) for each in steps if each["kind"] == "exchange")


def _response_text(entry: Entry) -> str:
    fields = [f"{name}: {value}" for name, value in entry["response_headers"]]
    return "\n".join([*fields, entry["response_body"].get("text", "")])


def script_lacks(finding: Entry, sequence: Sequence[dict[str, Any]], secret_names: Mapping[str, str]) -> str:
    """Return why a finding has no script; "" if it has one."""
    if any(each.get("hook") == "rotate_webhook" for each in sequence):
        return "it is about a URL that the operator rotated"
    if any(each["kind"] != "exchange" and not each.get("hook") for each in sequence):
        return "it is about a client program"
    steps = steps_of(finding, sequence)
    exchanges = [each for each in steps if each["kind"] == "exchange"]
    if not exchanges:
        return "no request was sent"
    if len(exchanges) > MOST_STEPS:
        return f"it takes {len(exchanges)} requests"
    sent = sorted((each for each in sequence if each["kind"] == "exchange"), key=lambda each: float(each["started"]))
    if any(each["status"] == LIMITED for each in exchanges) or any(map(overlapping, sent, sent[1:])):
        return "it takes concurrent requests, or a limit that is reached"
    reasons = (unsendable(each, secret_names) for each in exchanges)
    return next(filter(None, reasons), "a token that it needs was not stored" if needs_lost_token(steps) else "")


def write(record: Record, folder: Path) -> None:
    """Write a folder for each finding of the record, and replace those of an earlier rendering."""
    shutil.rmtree(folder, ignore_errors=True)
    for name, script in scripts(record):
        (folder / name).mkdir(parents=True)
        path = folder / name / SCRIPT
        path.write_text(script, encoding="utf-8", errors="replace")
        path.chmod(0o755)


def scripts(record: Record) -> Iterator[tuple[str, str]]:
    """Yield the script of each finding that has one, with the name of its folder."""
    evidence = record.evidence() if any(result.failing for result in record.results) else {}
    for result in (each for each in record.results if each.failing):
        for number, finding in enumerate(result.findings):
            ids = finding.get("sequence") or finding["exchanges"]
            sequence = [evidence[each] for each in ids if each in evidence]
            if finding.get("script") and len(sequence) == len(ids):
                yield name_of(result.id, number), "\n".join([*Script(record, result, finding, sequence).lines(), ""])


@dataclass
class Script:
    """One script; ``values`` maps texts of earlier responses to the variables that have them now."""

    record: Record
    result: CheckResult
    finding: Entry
    sequence: Sequence[dict[str, Any]]
    values: dict[str, str] = field(default_factory=dict)

    @cached_property
    def pushes(self) -> bool:
        """Whether names stay: an image's digest is of a document that may contain the name of its repository."""
        return any(urlsplit(each.get("url", "")).path.startswith("/v2/") for each in self.sequence)

    def lines(self) -> Iterator[str]:
        """Yield the lines: subject, secrets, requests, comparison."""
        steps = steps_of(self.finding, self.sequence)
        yield "#!/bin/sh"
        yield from self._comments()
        yield from self._secrets(steps)
        yield HEAD
        for number, entry in enumerate(steps, 1):
            yield from self._step(number, entry, steps[number:])
        yield from self._comparison(len(steps), steps[-1]["status"])

    def _comments(self) -> Iterator[str]:
        for line in (
            f"{self.result.id} ({self.result.level}): {self.result.title}",
            f"Expected: {self.finding['expected']}",
            f"Observed: {self.finding['observed']}",
            "Exit code: 1 if the finding still shows, 0 if it does not, 2 if the script cannot decide.",
        ):
            # One line each: a target's text must not become a line of the script.
            yield f"# {on_one_line(line)[:LONGEST_COMMENT]}"

    def _secrets(self, steps: Sequence[Entry]) -> Iterator[str]:
        names = secrets_needed(steps)
        names |= {self.record.info.secret_names[each] for each in names & set(self.record.info.secret_names)}
        assigned = assignments_of(" ".join(f"${name}" for name in sorted(names)), self.record.info.recipes)
        used = {*names, *NAME.findall(" ".join(assigned.values()))}
        yield from (f': "${{{name}:?set it in the environment}}"' for name in sorted(used - set(assigned)))
        yield from assigned.values()

    def _step(self, number: int, entry: dict[str, Any], later: Sequence[Entry]) -> Iterator[str]:
        if entry["kind"] != "exchange":
            yield f"# {number}: the hook {entry['hook']} of the target file"
            yield f"{command_of(entry)} || cannot 'the hook {entry['hook']} failed'"
            limits = self.record.info.configuration.get("limits") or {}
            yield from [f"sleep {limits.get('revocation', 1):g}"] if entry["hook"] == "revoke" else []
            return
        yield f"# {number}: status {entry['status'] or 'none'} in the run"
        if entry.get("paused_s", 0.0) >= SHORTEST_PAUSE_S:
            yield f"sleep {math.ceil(entry['paused_s'])}"
        command = command_of(self._with_values(entry), self.record.info.secret_names)
        if "raw" in entry:
            yield f"{command} >{number}.body && cp {number}.body {number}.head"
            yield f"sed -n '1s/^[^ ]* \\([0-9]*\\).*/\\1/p' {number}.head >{number}.status"
        else:
            yield re.sub(r"(^|\| )curl -sS -i ", rf"\g<1>send {number} ", command, count=1)
        if later and 200 <= entry["status"] < 300:
            yield f"needs {number}"
        yield from self._taken(number, entry, later)

    def _with_values(self, entry: dict[str, Any]) -> dict[str, Any]:
        """Return a request with variables for new names, and for the values of earlier responses."""
        used: set[str] = set()

        def changed(text: str) -> str:
            for value in sorted(self.values, key=len, reverse=True):
                if value in text:
                    used.add(self.values[value])
                    text = text.replace(value, f"${self.values[value]}")
            if self.pushes or not RUN_NAME.search(text):
                return text
            used.add("RUN")
            return RUN_NAME.sub(r"\1$RUN-", text)

        body, url = entry["request_body"], changed(entry["url"])
        left_out = {"x-amz-content-sha256"} if not payload_hash(entry) else set[str]()
        left_out |= {"host"} if url.startswith("$") else set()
        fields = [[name, changed(value)] for name, value in entry["request_headers"] if name.lower() not in left_out]
        renamed = {
            **entry,
            "url": url,
            "request_headers": fields,
            "request_body": {**body, "text": changed(body["text"])} if "text" in body else body,
        }
        return {**renamed, "secrets": [*entry.get("secrets", []), *sorted(used)]}

    def _taken(self, number: int, entry: Entry, later: Sequence[Entry]) -> Iterator[str]:
        """Yield the assignments of the values that later requests take from a response."""
        sent, text = _sent_text(later), _response_text(entry)
        for name, pattern, command, what in TAKEN:
            for value in dict.fromkeys(found[1] for found in pattern.finditer(text)):
                if value in sent and value not in self.values:
                    self.values[value] = f"{name}_{number}"
                    yield f"{name}_{number}=$({command.format(what, number)})"
        members = ISSUED.findall(entry["response_body"].get("text", ""))
        # A response may state one token as two members: the first of them is read.
        issued = dict(reversed(list(zip(entry.get("issued", []), members, strict=False))))
        names = {
            secret_of(name): issued[token]
            for each in later
            for name, token in each.get("tokens", {}).items()
            if token in issued
        }
        yield from (f"{name}=$({MEMBER.format(member, number)})" for name, member in names.items())

    def _comparison(self, number: int, status: int) -> Iterator[str]:
        """Yield the lines that compare the deciding response, of that status in the run, with the expected one."""
        due = self.finding["deviation"]
        undecided = "|".join(code for code in ("000", "429", "503") if code != f"{status:03}")
        if due["kind"] == Kind.STATUS:
            login = "" if status == 401 or {"401", "4xx"} & {*due["statuses"]} else "|401"
            yield f"case $(cat {number}.status) in"
            yield f"{'|'.join(due['statuses']).replace('xx', '??')}) {PASSES} ;;"
            yield f"{undecided}{login}) cannot 'the service did not answer the request itself' ;;"
            yield f"*) {SHOWS} ;;\nesac"
        elif due["kind"] in (Kind.FIELD, Kind.BODY) and len(due) > 1:
            other = "cannot 'the status is another one'"
            # A refusal lacks whatever is forbidden.
            refused = f"4??) {PASSES} ;; " if due.get("lacks") and 200 <= status < 400 else ""
            yield f"case $(cat {number}.status) in {str(status)[:1]}??) ;; {refused}*) {other} ;; esac"
            yield f"{_test(due, number)} && {{ {PASSES}; }}"
            yield SHOWS
        else:
            yield f"cat {number}.head {number}.body"
            replay = f"conformance replay {shlex.quote(self.record.folder.name)} {shlex.quote(self.result.id)}"
            seen = f"Observed in the run: {on_one_line(self.finding['observed'])[:LONGEST_COMMENT]}"
            yield f"echo {shlex.quote(seen)}"
            yield f"cannot {shlex.quote(f'{replay} judges this finding')}"


def _test(due: Entry, number: int) -> str:
    """Return the command that succeeds if a field or a body is right."""
    if due.get("sha256"):
        return f'[ "$(openssl sha256 -r <{number}.body | cut -c1-64)" = {due["sha256"]} ]'
    found = FIELD.format(due["name"], number) if due["kind"] == Kind.FIELD else f"tr -d '\\n' <{number}.body"
    pattern = shlex.quote(due.get("matches") or due["lacks"])
    ignoring = "-Eiq" if due["kind"] == Kind.FIELD else "-Eq"
    return f"{'' if due.get('matches') else '! '}{found} | grep {ignoring} {pattern}"
