"""``reproduce/``: for each finding a shell script that shows it with curl and nothing of this suite.

A script sends the smallest sequence that showed the finding and looks whether it still does: it ends with 1 where it
does, with 0 where it does not, with 2 where that cannot be told. Secrets come from the environment and go to curl by
its standard input, so that they stand in no file and no list of processes. What a later request needs of an earlier
answer (an upload's location, a validator, a token) is taken from the answer that comes now. Where the operator revoked
or restored a credential, the script has it done by the command of the target file, and has it restored at its end.
"""

from __future__ import annotations

import math
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from conformance.evidence.curl import (
    ENCODED_BASIC,
    FROM_FILE,
    LEFT_TO_CURL,
    NAME,
    SIGNATURE_FIELDS,
    encoding,
    is_of_the_request,
    made_names,
    octets,
    of_tokens,
    payload_hash,
    secret_of,
    signature_scope,
    signing_secret,
    was_coded,
)
from conformance.reporting import reproduce_bodies as bodies
from conformance.reporting.reproduce_alone import script_lacks, steps_of
from conformance.reporting.reproduce_cleanup import Removal, cleanup, removals
from conformance.reporting.reproduce_judgement import judgement, rare, refusal_shown_in, refused_by, unsaid
from conformance.reporting.reproduce_pages import LINKED, address, found_by, inside, places, stands_in, walks
from conformance.reporting.reproduce_proof import or_refused
from conformance.reporting.reproduce_signing import SIGNING, is_signed_by_hand, signing
from conformance.reporting.reproduce_steps import is_of_a_limit, secrets_needed, sends
from conformance.reporting.reproduce_text import (
    AGAIN,
    AT_END,
    IN_JSON,
    LISTS,
    OPERATOR,
    PREAMBLE,
    SCRIPT,
    commented,
    had,
    here,
    marked,
    name_of,
    within_json,
)
from conformance.reporting.reproduce_time import DATES, dates, is_signed_for_good, pause, tags, told, validity
from conformance.reporting.reproduce_told import asking, called, own_marks, wanted
from conformance.runs.reading import Record
from conformance.runs.record import CheckResult

Entry = Mapping[str, Any]
RUN_NAME = re.compile(r"\b(cf-[0-9a-z]{7})[0-9a-z]{4}-|\b(CF-[0-9A-Z]{7})[0-9A-Z]{4}-")
TOKENS = {
    "location": re.compile(r"/([^/?]{8,}(?:\?[^ ]*)?)$"),
    "etag": re.compile(r'^(?:W/)?"?([^"]{6,})"?$'),
    "link": LINKED,
}
ISSUED = re.compile(r'"(access_token|refresh_token|id_token|token)"\s*:\s*"\$')


def write(record: Record, folder: Path) -> None:
    """Writes a folder for each finding of the record; those of an earlier rendering are replaced."""
    shutil.rmtree(folder, ignore_errors=True)
    for name, script in scripts(record):
        script.write(folder / name)


def scripts(record: Record) -> Iterator[tuple[str, Script]]:
    """A script for each finding of the record that a script can show, with the name of its folder."""
    evidence = record.evidence() if any(result.failing for result in record.results) else {}
    commands = {each["hook"]: each for each in evidence.values() if each.get("hook")}
    for result in (each for each in record.results if each.failing):
        for number, finding in enumerate(result.findings):
            ids = finding.get("sequence") or finding.get("exchanges") or result.exchanges[-1:]
            sequence = [evidence[each] for each in ids if each in evidence]
            if not script_lacks(finding, sequence, record.info.secret_names, commands.get("events")):
                yield name_of(result.id, number), Script(record, result, finding, steps_of(finding, sequence), commands)


@dataclass
class Script:
    """One script with the files of bytes that it sends."""

    record: Record
    result: CheckResult
    finding: Mapping[str, Any]
    sequence: Sequence[Entry]
    commands: Mapping[str, Entry] = field(default_factory=dict)
    """The operator's commands by the names of their hooks, as the run has called them."""
    taken: dict[int, set[str]] = field(default_factory=dict)
    """What later requests take of an answer, by its number."""
    files: dict[str, bytes] = field(default_factory=dict)
    marks: dict[str, str] = field(default_factory=dict)
    tokens: dict[int, str] = field(default_factory=dict)
    """Variables that hold tokens of the sequence's own, by the numbers of the tokens."""

    @property
    def exchanges(self) -> list[tuple[int, Entry]]:
        """The requests of the sequence, each with its place in it."""
        return [(number, each) for number, each in enumerate(self.sequence, 1) if each["kind"] == "exchange"]

    @cached_property
    def removed(self) -> list[tuple[int, Removal]]:
        """What is removed at the end, by the numbers of the requests that make it."""
        return removals(self.exchanges, self.record.info)

    @property
    def _hooks(self) -> list[Entry]:
        """The operator's commands of the sequence."""
        return [each for each in self.sequence if each.get("hook")]

    @property
    def _proof(self) -> Entry:
        return self.finding.get("proof") or {}

    def write(self, folder: Path) -> None:
        """Writes script and files."""
        folder.mkdir(parents=True)
        path = folder / SCRIPT
        path.write_text("\n".join([*self._lines(), ""]), encoding="utf-8", errors="replace")
        path.chmod(0o755)
        for name, content in self.files.items():
            (folder / name).write_bytes(content)

    def _lines(self) -> Iterator[str]:
        yield "#!/bin/sh"
        yield from commented(self.result, self.finding)
        yield PREAMBLE
        if self._proof.get("listed") or walks(self.exchanges):
            yield LISTS
        dated = (each for number, entry in self.exchanges for each in dates(number, entry, self._earlier(number)))
        asked = [*(entry for _, entry in self.exchanges), *(each.entry for _, each in self.removed)]
        if any(is_signed_by_hand(each, self.record.info.secret_names) for each in asked):
            yield SIGNING
        if {"dates_near", "sums"} & {*self._proof} or any(True for _ in dated):
            yield DATES
        if self._hooks:
            yield from self._operator()
        if wanted(self._proof):
            self.marks |= own_marks(self._proof, self.exchanges)
            yield asking(called(self.commands["events"]), self.record.info.configuration.get("limits") or {})
        # What is removed has the names that are given when it is made.
        body = [*self._body()]
        if self.removed:
            yield cleanup(self.removed, self._asked)
        calls = ["restored"] * bool(self._hooks) + ["(set +u; clean_up)"] * bool(self.removed)
        yield f"trap 'ended=$?; {'; '.join([*calls, AT_END])}' EXIT\ntrap 'exit 2' HUP INT TERM"
        yield from body

    def _body(self) -> Iterator[str]:
        yield from self._secrets()
        further = self._further()
        begin, times = rare(self.sequence, self.result, self.record.results, bool(further))
        for number, entry in enumerate(self.sequence, 1):
            if number == begin:
                yield "\n".join([f"{AGAIN}\nlook() (", *further])
            if entry["kind"] == "exchange":
                yield from pause(number, entry, self._earlier(number))
                yield from self._request(number, entry)
                yield from or_refused(number, entry, self._proof)
                yield from self._taken(number, entry)
            else:
                yield from self._operated(number, entry)
        yield from self._judgement()
        if begin:
            yield f')\nuntil_shown "${{1-{times}}}"'

    # Secrets.

    def _needed(self) -> set[str]:
        names = secrets_needed([*self.sequence, *(each.entry for _, each in self.removed)])
        sent = {token for entry in self.sequence for token in entry.get("tokens", {})}
        said = unsaid(self._proof)
        names |= {text[1:] for text in said if NAME.fullmatch(text) and secret_of(text[1:]) not in sent}
        signing = self.record.info.secret_names
        return names | {signing[name] for name in names & set(signing)}

    def _secrets(self) -> Iterator[str]:
        needed = self._needed()
        made = made_names(" ".join(f"${name}" for name in sorted(needed)), self.record.info.recipes)
        given = {*needed, *(name for recipe in made.values() for name in NAME.findall(recipe))} - set(made)
        for name in sorted(given):
            yield f'[ -n "${{{name}-}}" ] || cannot "{name} is not set in the environment"'
        for name, recipe in made.items():
            yield from had(name, recipe)
        yield from (f'{name}_QUOTED=$(quoted "${name}")' for name in sorted(needed))

    def _further(self) -> list[str]:
        """The lines that have a further token given, where one of the run's was refused: it may end the one before."""
        named = " ".join(f"${name}" for name in refused_by(self.finding, self.exchanges))
        made = made_names(named, self.record.info.recipes).values()
        return [f"# It may end the one before.\n{each}" for each in made if not FROM_FILE.fullmatch(each)]

    # Requests.

    def _request(self, number: int, entry: Entry) -> Iterator[str]:
        yield f"\n# {number}: {entry['method']}, answered {entry['status'] or 'not at all'} in the run"
        conditions = dict[str, str]()
        before = [*self._conditions(number, entry, conditions), *self._made(number, entry)]
        assigned, asked = self._asked(number, entry, conditions)
        yield from (*assigned, *before)
        if signed := is_signed_for_good(entry, self.record.info.secret_names):
            yield from validity(number, entry)
        limited = is_of_a_limit(self.result.id, self.finding["expected"], self.exchanges)
        shown = refusal_shown_in(self.finding, self.exchanges)
        yield "\n".join([f"{sends(entry, self.exchanges, shown, limited)} {number} <<CURL", *asked, "CURL"])
        if entry["method"] == "HEAD":
            # curl writes the header where a body would be.
            yield f': >"$answers/{number}.body"'
        if signed and marked(told(entry), self.marks) != told(entry):
            otherwise = f'cannot "request {number} was signed for what is named otherwise now"'
            yield f"case $(status {number}) in 4??) {otherwise} ;; esac"

    def _asked(self, number: int, entry: Entry, marks: dict[str, str]) -> tuple[list[str], list[str]]:
        """The assignments that a request needs, and what curl is told of it; ``marks`` are of this request alone."""
        names = [*entry.get("secrets", []), *self.record.info.secret_names.values()]
        tokens = entry.get("tokens", {})
        secrets = {name: self.tokens.get(tokens.get(name, 0), f"{name}_QUOTED") for name in names}
        made = of_tokens(names, tokens, self.tokens)
        secrets |= {name: name for name in made}
        in_json = within_json(entry, secrets)
        assigned = [
            *made.values(),
            *(f'{each}=$(quoted "${each.removesuffix(IN_JSON)}")' for each in in_json.values()),
            *self._encoded(number, entry),
        ]
        if is_signed_by_hand(entry, self.record.info.secret_names):
            assigned += signing(number, entry, self.record.info.secret_names, self.marks, marks)
        asked = []
        for option, value in self._options(number, entry, marks):
            renamed = None if value is None else self._renamed(value, entry)
            held = secrets | (in_json if option == "data-binary" else {})
            told_so = None if renamed is None else here(renamed, held, {**self.marks, **marks})
            asked.append(option if told_so is None else f'{option} = "{told_so}"')
        return assigned, asked

    def _earlier(self, number: int) -> list[tuple[int, Entry]]:
        return [(place, each) for place, each in self.exchanges if place < number]

    def _conditions(self, number: int, entry: Entry, marks: dict[str, str]) -> Iterator[str]:
        """Assignments of the dates and entity tags in a request's conditions: those of what is there now."""
        earlier = self._earlier(number)
        for header, variable, made in dates(number, entry, earlier):
            marks[header] = f"{header.partition(': ')[0]}: \0{variable}\0"
            yield f"{variable}=$({made})"
        for header, tag, place in tags(entry, earlier):
            marks[header] = marks.get(header, header).replace(f'"{tag}"', f'"\0ETAG_{place}\0"')
            yield f"ETAG_{place}=$(etag_of {place})"

    def _options(self, number: int, entry: Entry, known: Mapping[str, str]) -> Iterator[tuple[str, str | None]]:
        by_hand = is_signed_by_hand(entry, self.record.info.secret_names)
        scope = None if by_hand else signature_scope(entry, self.record.info.secret_names)
        yield "url", entry["url"]
        yield ("head", None) if entry["method"] == "HEAD" else ("request", entry["method"])
        if scope is None:
            yield "path-as-is", None
        else:
            yield "aws-sigv4", f"aws:amz:{scope['region']}:s3"
            yield "user", f"${scope['key']}:{signing_secret(entry, scope['key'], self.record.info.secret_names)}"
            for name, value in payload_hash(entry):
                yield "header", f"{name}: {value}"
        if self._proof and (["Accept-Encoding", "gzip"] in entry["request_headers"] or was_coded(entry)):
            yield "compressed", None  # What is said of a body is said of it without its coding.
        for option, given in self._headers(entry, SIGNATURE_FIELDS if scope else frozenset()):
            yield option, self._field(given, entry) if option == "header" and given not in known else given
        body, secrets, made = entry["request_body"], entry.get("secrets", []), f"@made body {number}"
        for option, value in bodies.options(number, body, secrets, made if made in self.marks else ""):
            if value == f"@{bodies.file_of(number)}":
                self.files[value[1:]] = bodies.content(body)
            yield option, value

    def _encoded(self, number: int, entry: Entry) -> Iterator[str]:
        """Assignments of Basic credentials that curl does not make: of another scheme."""
        for _, value in entry["request_headers"]:
            basic = ENCODED_BASIC.match(value)
            if basic and basic["scheme"] != "Basic ":
                self.marks[value.removeprefix(basic["scheme"]).replace("\0", "")] = f"\0BASE64_{number}\0"
                yield f"BASE64_{number}=$({encoding(basic, entry.get('secrets', []))})"

    def _headers(self, entry: Entry, signed: frozenset[str]) -> Iterator[tuple[str, str | None]]:
        names, url = {name.lower() for name, _ in entry["request_headers"]}, entry["url"]
        for name, value in entry["request_headers"]:
            basic = ENCODED_BASIC.match(value)
            if basic and basic["scheme"] == "Basic ":
                yield "user", basic["plain"]
            elif name.lower() == "content-length" and not entry["request_body"]["size"]:
                yield "header", f"{name}: {value}"
            elif is_of_the_request(name, value, url) or name.lower() not in LEFT_TO_CURL - {"accept-encoding"} | signed:
                yield "header", f"{name}: {value}" if value else f"{name};"
        # What curl adds by itself is taken out, unless it was sent.
        for name in ("Accept", "User-Agent", "Content-Type"):
            if name.lower() not in names:
                yield "header", f"{name}:"

    def _field(self, field: str | None, entry: Entry) -> str | None:
        """A field as it is, or the name of a file with its bytes, where it has others than a configuration can hold."""
        if field is None or field.isascii() or any(f"${name}" in field for name in entry.get("secrets", [])):
            return field
        name = f"field-{len(self.files) + 1}.bin"
        self.files[name] = octets(field) + b"\n"
        return f"@{name}"

    def _made(self, number: int, entry: Entry) -> list[str]:
        """The lines that make a body; whether there are any, its mark tells."""

        def is_named(text: str) -> bool:
            self._renamed(text, entry)
            return any(found[0] in self.marks for found in RUN_NAME.finditer(text))

        lines, files = bodies.made(number, entry["request_body"], self.marks, entry.get("secrets", []), is_named)
        self.files |= files
        if lines:
            self.marks[f"@made body {number}"] = f"@\0ANSWERS\0/{number}.sent"
        return lines

    def _renamed(self, text: str, entry: Entry) -> str:
        """Names of the run made new in requests to JSON APIs, which refuse a name that is taken."""
        types = [value for name, value in entry["request_headers"] if name.lower() == "content-type"]
        area = self.result.requirement.split("/")[0]
        if area == "registry" or (area not in ("errors", "authorization") and types != ["application/json"]):
            return text
        for found in RUN_NAME.finditer(text):
            self.marks.setdefault(found[0], f"{found[2]}\0CAPITAL_RUN\0-" if found[2] else f"{found[1]}\0RUN\0-")
        return text

    def _operator(self) -> Iterator[str]:
        """What has the operator's commands done, and undone at the end."""
        yield OPERATOR
        undone = [called({**each, "command": each["undo"]}) for each in reversed(self._hooks) if each.get("undo")]
        lines = [f'(cd "$started_in" && {each}) >/dev/null' for each in dict.fromkeys(undone)]
        if any(each["hook"] == "revoke" and not each.get("undo") for each in self._hooks):
            lines.append("echo 'have the credential restored before this is run again'")
        yield "\n".join(["restored() {", *lines, ":", "}"])

    def _operated(self, number: int, entry: Entry) -> Iterator[str]:
        """The operator's command, and the time that a revocation may take."""
        yield f"\n# {number}: the hook {entry['hook']} of the target file"
        if entry["hook"] == "make_repository":
            yield f'(cd "$started_in" && {called(entry)} >/dev/null) || echo "step {number}: is it there still?"'
            return
        yield f"operator {number} {called(entry)}"
        if entry["hook"] == "revoke":
            limits = self.record.info.configuration.get("limits") or {}
            yield f"sleep {math.ceil(limits.get('revocation', 1))}"

    # Answers.

    def _taken(self, number: int, entry: Entry) -> Iterator[str]:
        """Assignments of what later requests need of this answer."""
        following = [each for place, each in self.exchanges if place > number]
        later = [told(each) for each in following]
        for name, value in entry["response_headers"]:
            pattern = TOKENS.get(name.lower())
            found = pattern.search(value) if pattern else None
            if found and any(stands_in(text, name, found[1]) for text in later):
                variable = f"{name.upper()}_{number}"
                before = self.marks.get(found[1], "").strip("\0")
                self.marks[found[1]] = f"\0{variable}\0"
                self.taken.setdefault(number, set()).add(name.lower())
                yield f"{variable}=$({found_by(name, number, entry, found[1])})"
                if before.startswith("ETAG_"):
                    # Which of the two a later request names cannot be seen where the run had one for both.
                    other = f'*) cannot "answer {number} has an ETag of its own" ;;'
                    yield f'case ${variable} in "" | "${before}") {variable}=${before} ;; {other} esac'
        located, assigned = address(number, entry, following)
        if located and (before := self.marks.get(located, "").strip("\0")):
            # An answer that named the same place may name none now.
            assigned[-1:] = [f'[ -n "$ADDRESS_{number}" ] || ADDRESS_{number}=${before}']
        if located:
            self.marks[located] = f"\0ADDRESS_{number}\0"
            self.taken.setdefault(number, set()).add("location")
            yield from assigned
        for text, with_mark, made in places(number, entry, following):
            # What a page before this one linked to is where this one begins.
            own = f"\0LINK_{number}\0"
            self.marks = {
                each: mark
                for each, mark in self.marks.items()
                if mark == own or text not in each or not mark.startswith("\0LINK_")
            }
            self.marks[text] = with_mark
            yield made
        for text, mark, found_now in inside(number, entry, later):
            self.marks[text] = mark
            yield found_now
        used = {token for each in following for token in each.get("tokens", {}).values()}
        members = ISSUED.findall(entry["response_body"].get("text", ""))
        for place, (member, token) in enumerate(zip(members, entry.get("issued", []), strict=False), 1):
            # Where one token was issued again, that it was is what matters to those who were given it then.
            if token in used:
                variable = self.tokens[token] = f"ISSUED_{number}_{place}"
                yield f"{variable}=$(token_of {number} {member})"
                yield f'[ -n "${variable}" ] || cannot "answer {number} gives no {member}"'

    def _judgement(self) -> Iterator[str]:
        secret_names, title = self.record.info.secret_names, self.result.title
        lines, files = judgement(self.exchanges, self.finding, title, secret_names, self.taken, self.marks, self.tokens)
        self.files |= files
        yield from lines
