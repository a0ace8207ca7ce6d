"""Write the scripts: the requests of a sequence, the files that they send, and the removal of what they create."""

from __future__ import annotations

import hashlib
import math
import posixpath
import re
import shlex
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

from conformance.evidence.curl import (
    ENCODED_BASIC,
    FROM_FILE,
    LEFT_TO_CURL,
    NAME,
    SIGNATURE_FIELDS,
    SIGNATURE_SCOPE,
    altered_tokens,
    assignments_of,
    encoding,
    endpoint_of,
    is_special,
    octets,
    payload_hash,
    secret_of,
    signature_scope,
    signing_secret,
    was_compressed,
)
from conformance.reporting.reproduce.judgement import judgement, or_refused, rare, refusal_shown_in, refused_by, unsaid
from conformance.reporting.reproduce.requests import (
    AT_END,
    FUNCTIONS,
    IN_JSON,
    LINKED,
    SCRIPT,
    Entry,
    Exchanges,
    address,
    body_bytes,
    body_file,
    body_lines,
    body_options,
    can_be_inline,
    commented,
    dates,
    document,
    found_by,
    good_until,
    has_page_positions,
    here,
    identifiers,
    is_signed_by_hand,
    is_used_in,
    json_member,
    keeps_signature,
    marked,
    name_of,
    page_positions,
    pause,
    raw_request,
    request_text,
    secret_lines,
    tags,
    validity,
    within_json,
    word,
)
from conformance.reporting.reproduce.steps import (
    event_functions,
    event_marks,
    expected_events,
    hook_command,
    is_about_limit,
    script_lacks,
    secrets_needed,
    sending_function,
    steps_of,
)
from conformance.runs.reading import Record
from conformance.runs.record import CheckResult, RunInfo

AUTHORIZATION = re.compile(r"SignedHeaders=([^,\s]+), *Signature=([0-9a-f]{64})")


def signing(
    number: int, entry: Entry, secret_names: Mapping[str, str], known: Mapping[str, str], marks: dict[str, str]
) -> Iterator[str]:
    """Yield the assignments of a request's time and signature, and add their marks to ``marks``.

    ``known`` are the marks for values from earlier responses.
    """
    scope = signature_scope(entry, secret_names)
    fields = {name.lower(): value for name, value in entry["request_headers"]}
    found = AUTHORIZATION.search(fields.get("authorization", ""))
    if scope is None or found is None:
        return
    moment, day = fields.get("x-amz-date", ""), scope[0].split("/")[1]
    marks |= {moment: f"\0SIGNED_AT_{number}\0", f"/{day}/": f"/\0SIGNED_ON_{number}\0/"}
    canonical = document(_canonical(entry, fields, found[1].split(";")), {**known, **marks})
    marks[found[2]] = f"\0SIGNATURE_{number}\0"
    secret = signing_secret(entry, scope["key"], secret_names)
    secret_word = f'"{secret}"' if secret == f"${secret_names[scope['key']]}" else word(secret, {})
    yield f"SIGNED_AT_{number}=$(date -u +%Y%m%dT%H%M%SZ) && SIGNED_ON_{number}=${{SIGNED_AT_{number}%%T*}}"
    yield f'SIGNATURE_{number}=$(sign {secret_word} "$SIGNED_AT_{number}" {scope["region"]} <<CANONICAL'
    yield f"{canonical}\nCANONICAL\n)"


def _canonical(entry: Entry, fields: Mapping[str, str], signed: list[str]) -> str:
    """Return the canonical request: method, path, sorted query, signed fields, their names, hash of the payload."""
    at = urlsplit(entry["url"])
    query = "&".join(sorted(each if "=" in each else f"{each}=" for each in at.query.split("&") if each))
    lines = [f"{name}:{' '.join(fields.get(name, '').split())}" for name in signed]
    payload = fields.get("x-amz-content-sha256", "")
    return "\n".join([entry["method"], at.path, query, *lines, "", ";".join(signed), payload])


Writing = Callable[[int, Entry, dict[str, str]], tuple[list[str], list[str]]]
RUN_CREATED = re.compile(r"cf-[0-9a-z]{11}-", re.IGNORECASE)
SESSION = re.compile(r"/v2/(?P<name>.+)/blobs/uploads/")
MANIFEST = re.compile(r"/v2/(?P<name>.+)/manifests/[^/]+$")
FORM_KEY = re.compile(r'name="key"\r\n\r\n([^\r]+)\r\n')
PLACE = "@removed-{}@"
"""Placeholder in a removal's URL for a value that only the response contains."""
REMOVAL_OFFSET = 10_000
"""Difference between the number of a request and that of its removal."""
EMPTY_HASH = hashlib.sha256(b"").hexdigest()


@dataclass(frozen=True)
class Removal:
    """The request that removes a resource; ``command`` finds the value of ``PLACE``."""

    entry: Entry
    command: str = ""


def cleanup(removed: Sequence[tuple[list[int], Removal]], curl_config: Writing) -> str:
    """Return the functions that remove resources; ``curl_config`` returns assignments and curl's configuration."""
    lines = [f"{FUNCTIONS['CLEANUP']}clean_up() {{"]
    for numbers, removal in removed:
        number, any_of = numbers[0], " ".join(map(str, numbers))
        marks = {PLACE.format(number): f"\0REMOVED_{number}\0"} if removal.command else {}
        assigned, request = curl_config(REMOVAL_OFFSET + number, removal.entry, marks)
        if removal.command:
            assigned.insert(0, f"REMOVED_{number}=$({removal.command})")
        lines += [f"if accepted {any_of}; then", *assigned, f"remove {number} <<CURL", *request, "CURL\nfi"]
    return "\n".join([*lines, "}"])


def removals(exchanges: Exchanges, info: RunInfo) -> list[tuple[list[int], Removal]]:
    """Return the removals of resources, with the numbers of the requests that may have created them, the last first."""
    created: dict[str, tuple[list[int], Removal]] = {}
    for number, entry in exchanges:
        if entry["method"] in ("PUT", "POST"):
            for removal in _of(number, entry, info):
                key = f"{number} {removal.command}" if removal.command else str(removal.entry["url"])
                created.setdefault(key, ([], removal))[0].append(number)
    return [*reversed(created.values())]


def _of(number: int, entry: Entry, info: RunInfo) -> Iterator[Removal]:
    """Yield the removals of the resources that one request may have created."""
    for name, member, removals_of in (
        ("storage", "endpoint", _objects), ("registry", "url", _images), ("identity", "url", _items),
    ):  # fmt: skip
        table = info.configuration.get(name) or {}
        if table and str(entry["url"]).startswith(f"{str(table.get(member)).rstrip('/')}/"):
            yield from removals_of(number, entry, table, info)


def _objects(number: int, entry: Entry, table: Mapping[str, Any], info: RunInfo) -> Iterator[Removal]:
    """Yield the removal of an object or a multipart upload."""
    at = urlsplit(entry["url"])
    names = parse_qs(at.query, keep_blank_values=True)
    path = at.path
    if entry["method"] == "POST" and not path.strip("/").count("/"):
        key = FORM_KEY.search(str(entry["request_body"].get("text", "")))
        path = f"{path.rstrip('/')}/{quote(key[1])}" if key else path
    # A target that resolves dots in a path may delete another object.
    created = RUN_CREATED.search(path) and RUN_CREATED.search(posixpath.normpath(unquote(path)))
    key_name = str(table.get("access_key")).removeprefix("$")
    if not created or key_name not in info.secret_names or (entry["method"] == "PUT" and "uploadId" in names):
        return
    url = f"{at.scheme}://{at.netloc}{path}"
    signed = _signed(entry, key_name, str(table.get("region") or "us-east-1"))
    if "uploads" in names:
        deletion = _deletion(f"{url}?uploadId={PLACE.format(number)}", signed, key_name)
        yield Removal(deletion, f"upload_of {number} | encoded")
    else:
        yield Removal(_deletion(url, signed, key_name))


def _signed(entry: Entry, key_name: str, region: str) -> Entry:
    """Return a request signed with the target file's key; the script computes its date, time and signature."""
    value = next((value for name, value in entry["request_headers"] if name.lower() == "authorization"), "")
    scope = SIGNATURE_SCOPE.search(value)
    day = "00000000"
    credential = f"Credential=${key_name}/{day}/{scope['region'] if scope else region}/s3/aws4_request"
    signature = f"SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature={'0' * 64}"
    fields = [["Host", urlsplit(entry["url"]).netloc], ["x-amz-date", f"{day}T000000Z"]]
    fields += [["x-amz-content-sha256", EMPTY_HASH], ["Authorization", f"AWS4-HMAC-SHA256 {credential}, {signature}"]]
    return {"client": "s3-signed", "request_headers": fields, "secrets": [key_name]}


def _images(number: int, entry: Entry, table: Mapping[str, Any], info: RunInfo) -> Iterator[Removal]:
    """Yield the removals of a manifest, a blob or an upload session."""
    at = urlsplit(entry["url"])
    root, path = f"{at.scheme}://{at.netloc}/v2/", unquote(at.path)
    session, manifest = SESSION.search(path), MANIFEST.search(path)
    found = session or manifest
    if found is None or not RUN_CREATED.search(found["name"]):
        return
    if session and entry["method"] == "POST":
        location = f"address_of {number} {shlex.quote(f'{at.scheme}://{at.netloc}')}"
        yield Removal(_deletion(PLACE.format(number), entry), location)
    if "registry.delete" in info.features:
        query = parse_qs(at.query)
        digests = [*query.get("digest", []), *query.get("mount", [])] if session else [_digest(entry["request_body"])]
        kind = "blobs" if session else "manifests"
        yield from (Removal(_deletion(f"{root}{found['name']}/{kind}/{each}", entry)) for each in digests[:1])


def _digest(body: Mapping[str, Any]) -> str:
    return f"sha256:{body.get('sha256') or hashlib.sha256(body_bytes(body)).hexdigest()}"


def _items(number: int, entry: Entry, table: Mapping[str, Any], info: RunInfo) -> Iterator[Removal]:
    """Yield the removal of an API item, if the target file describes how to delete it."""
    at = urlsplit(entry["url"])
    for resource in table.get("resources") or []:
        item, foreign = resource.get("item") or {}, resource.get("foreign") or {}
        item_paths = {resource["path"]: item.get("path"), foreign.get("path"): foreign.get("item")}
        item_path = item_paths.get(unquote(at.path))
        slug = str(json_member(entry["request_body"].get("text") or "", resource.get("unique") or "slug"))
        if item_path and resource.get("delete") and RUN_CREATED.search(slug):
            url = f"{at.scheme}://{at.netloc}{item_path.replace('{slug}', quote(slug, safe=''))}"
            yield Removal(_deletion(url, entry, method=resource["delete"].get("method") or "DELETE"))


def _deletion(url: str, login: Entry, key_name: str = "", method: str = "DELETE") -> Entry:
    """Return a request that deletes, with the credentials of another request (``login``)."""
    copied = ("host", "authorization", "x-amz-date", "x-amz-content-sha256")
    fields = [[name, value] for name, value in login["request_headers"] if name.lower() in copied]
    used = [
        each for each in login.get("secrets", []) if each == key_name or any(f"${each}" in value for _, value in fields)
    ]
    return {
        "kind": "exchange", "id": "", "client": login["client"], "method": method, "url": url, "status": 0,
        "request_headers": fields, "request_body": {"size": 0, "text": ""}, "response_headers": [],
        "response_body": {"size": 0, "text": ""}, "secrets": used, "tokens": login.get("tokens", {}),
    }  # fmt: skip


RUN_NAME = re.compile(r"\b(cf-[0-9a-z]{7})[0-9a-z]{4}-|\b(CF-[0-9A-Z]{7})[0-9A-Z]{4}-")
TOKENS = {
    "location": re.compile(r"/([^/?]{8,}(?:\?[^ ]*)?)$"),
    "etag": re.compile(r'^(?:W/)?"?([^"]{6,})"?$'),
    "link": LINKED,
}
ISSUED = re.compile(r'"(access_token|refresh_token|id_token|token)"\s*:\s*"\$')


def write(record: Record, folder: Path) -> None:
    """Write a folder for each finding of the record, and replace those of an earlier rendering."""
    shutil.rmtree(folder, ignore_errors=True)
    for name, script in scripts(record):
        script.write(folder / name)


def scripts(record: Record) -> Iterator[tuple[str, Script]]:
    """Yield a script for each finding that a script can show, with the name of its folder."""
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
    """One script with the files that it sends."""

    record: Record
    result: CheckResult
    finding: Mapping[str, Any]
    sequence: Sequence[Entry]
    commands: Mapping[str, Entry] = field(default_factory=dict)
    """The operator's commands by the names of their hooks, as the run called them."""
    taken: dict[int, set[str]] = field(default_factory=dict)
    """The fields of a response that later requests use, by its number."""
    files: dict[str, bytes] = field(default_factory=dict)
    marks: dict[str, str] = field(default_factory=dict)
    """The texts of the run that the script replaces, each with its mark."""
    tokens: dict[int, str] = field(default_factory=dict)
    """Variables for the tokens that the sequence obtains, by the numbers of the tokens."""

    @property
    def exchanges(self) -> list[tuple[int, Entry]]:
        """The requests of the sequence, each with its number in it."""
        return [(number, each) for number, each in enumerate(self.sequence, 1) if each["kind"] == "exchange"]

    @cached_property
    def removed(self) -> list[tuple[list[int], Removal]]:
        """The removals at the end, each with the numbers of the requests that create the resource."""
        return removals(self.exchanges, self.record.info)

    @property
    def secret_names(self) -> dict[str, str]:
        """The names of the secrets, by the names of their identifiers (such as access keys)."""
        return self.record.info.secret_names

    @property
    def _hooks(self) -> list[Entry]:
        """The operator's commands of the sequence."""
        return [each for each in self.sequence if each.get("hook")]

    @property
    def _proof(self) -> Entry:
        return self.finding.get("proof") or {}

    def write(self, folder: Path) -> None:
        """Write the script and its files."""
        folder.mkdir(parents=True)
        path = folder / SCRIPT
        path.write_text("\n".join([*self._lines(), ""]), encoding="utf-8", errors="replace")
        path.chmod(0o755)
        for name, content in self.files.items():
            (folder / name).write_bytes(content)

    def _lines(self) -> Iterator[str]:
        yield "#!/bin/sh"
        signed = [each for _, each in self.exchanges if keeps_signature(each, self.secret_names)]
        until = min(filter(None, map(good_until, signed)), default=None)
        raw = (endpoint_of(each["raw"]["origin"]) for _, each in self.exchanges if "raw" in each)
        programs = sorted({"openssl" if scheme == "https" else "bash" for scheme, *_ in raw})
        yield from commented(self.result, self.finding, until, programs)
        yield FUNCTIONS["PREAMBLE"]
        yield from (f"command -v {each} >/dev/null || cannot '{each} is not installed'" for each in programs)
        if programs:
            yield FUNCTIONS["RAW"]
        if self._proof.get("listed") or has_page_positions(self.exchanges):
            yield FUNCTIONS["LISTS"]
        dated = (each for number, entry in self.exchanges for each in dates(number, entry, self._earlier(number)))
        requests = [*(entry for _, entry in self.exchanges), *(each.entry for _, each in self.removed)]
        if any(is_signed_by_hand(each, self.secret_names) for each in requests):
            yield FUNCTIONS["SIGNING"]
        if {"dates_near", "sums"} & {*self._proof} or any(True for _ in dated):
            yield FUNCTIONS["DATES"]
        if self._hooks:
            yield from self._operator()
        if expected_events(self._proof):
            self.marks |= event_marks(self._proof, self.exchanges)
            limits = self.record.info.configuration.get("limits") or {}
            yield event_functions(hook_command(self.commands["events"]), limits)
        # The removals need the new names that the body defines.
        body = [*self._body()]
        if self.removed:
            yield cleanup(self.removed, self._curl_config)
        calls = ["restore"] * bool(self._hooks) + ["(set +u; clean_up)"] * bool(self.removed)
        yield f"trap 'ended=$?; {'; '.join([*calls, AT_END])}' EXIT\ntrap 'exit 2' HUP INT TERM"
        yield from body

    def _body(self) -> Iterator[str]:
        yield from self._secrets()
        new_tokens = self._new_token_lines()
        begin, times = rare(self.sequence, self.result, self.record.results, bool(new_tokens))
        for number, entry in enumerate(self.sequence, 1):
            if number == begin:
                yield "\n".join([f"{FUNCTIONS['AGAIN']}\nattempt() (", *new_tokens])
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
        forbidden = unsaid(self._proof)
        names |= {text[1:] for text in forbidden if NAME.fullmatch(text) and secret_of(text[1:]) not in sent}
        return names | {self.secret_names[name] for name in names & set(self.secret_names)}

    def _secrets(self) -> Iterator[str]:
        needed = self._needed()
        assigned = assignments_of(" ".join(f"${name}" for name in sorted(needed)), self.record.info.recipes)
        used = {*needed, *(name for recipe in assigned.values() for name in NAME.findall(recipe))}
        for name in sorted(used - set(assigned)):
            yield f'[ -n "${{{name}-}}" ] || cannot "{name} is not set in the environment"'
        for name, recipe in assigned.items():
            yield from secret_lines(name, recipe)
        yield from (f'{name}_QUOTED=$(quoted "${name}")' for name in sorted(needed))

    def _new_token_lines(self) -> list[str]:
        """Return the lines that obtain a new token in place of a refused one."""
        named = " ".join(f"${name}" for name in refused_by(self.finding, self.exchanges))
        recipes = assignments_of(named, self.record.info.recipes).values()
        return [f"# A new token may end the previous one.\n{each}" for each in recipes if not FROM_FILE.fullmatch(each)]

    # Requests.

    def _request(self, number: int, entry: Entry) -> Iterator[str]:
        yield f"\n# {number}: {entry['method']}, status in the run: {entry['status'] or 'no response'}"
        conditions = dict[str, str]()
        before = [*self._conditions(number, entry, conditions), *self._built_body(number, entry)]
        assigned, request = self._curl_config(number, entry, conditions)
        yield from (*assigned, *before)
        if signed := keeps_signature(entry, self.secret_names):
            yield from validity(number, entry)
        if "raw" in entry:
            yield from request
        else:
            limited = is_about_limit(self.result.id, self.finding["expected"], self.exchanges)
            function = sending_function(entry, self.exchanges, refusal_shown_in(self.finding, self.exchanges), limited)
            yield "\n".join([f"{function} {number} <<CURL", *request, "CURL"])
        if entry["method"] == "HEAD" and "raw" not in entry:
            # curl writes the header to the file for the body.
            yield f': >"$answers/{number}.body"'
        if signed and marked(request_text(entry), self.marks) != request_text(entry):
            changed = f'cannot "the signature of request {number} is for the names of the run"'
            yield f"case $(status {number}) in 4??) {changed} ;; esac"

    def _curl_config(self, number: int, entry: Entry, marks: dict[str, str]) -> tuple[list[str], list[str]]:
        """Return the assignments that a request needs, and curl's configuration; ``marks`` are those of this request.

        Instead of a configuration, a raw request has the line that sends it.
        """
        names = [*entry.get("secrets", []), *self.secret_names.values()]
        tokens = entry.get("tokens", {})
        secrets = {name: self.tokens.get(tokens.get(name, 0), f"{name}_QUOTED") for name in names}
        altered = altered_tokens(names, tokens, self.tokens)
        secrets |= {name: name for name in altered}
        in_json = within_json(entry, secrets)
        assigned = [
            *altered.values(),
            *(f'{each}=$(quoted "${each.removesuffix(IN_JSON)}")' for each in in_json.values()),
            *self._encoded(number, entry),
        ]
        if is_signed_by_hand(entry, self.secret_names):
            assigned += signing(number, entry, self.secret_names, self.marks, marks)
        if "raw" in entry:
            plain = {name: variable.removesuffix("_QUOTED") for name, variable in secrets.items()}
            file = self._body_file(number, entry)
            return assigned, [raw_request(number, entry, plain, {**self.marks, **marks}, file)]
        config = []
        for option, value in self._options(number, entry, marks):
            if value is None:
                config.append(option)
                continue
            renamed, variables = self._renamed(value, entry), secrets | (in_json if option == "data-binary" else {})
            config.append(f'{option} = "{here(renamed, variables, {**self.marks, **marks})}"')
        return assigned, config

    def _body_file(self, number: int, entry: Entry) -> str:
        """Return the file with a raw request's body, as a word of the shell; "" if the script contains the body."""
        if f"@built body {number}" in self.marks:
            return f'"$answers/{number}.sent"'
        body = entry["request_body"]
        if not body["size"] or can_be_inline(body.get("text", "\0"), entry.get("secrets", [])):
            return ""
        self.files[body_file(number)] = body_bytes(body)
        return body_file(number)

    def _earlier(self, number: int) -> list[tuple[int, Entry]]:
        return [(place, each) for place, each in self.exchanges if place < number]

    def _conditions(self, number: int, entry: Entry, marks: dict[str, str]) -> Iterator[str]:
        """Yield the assignments of the current dates and entity tags for a request's conditions."""
        earlier = self._earlier(number)
        for header, variable, command in dates(number, entry, earlier):
            marks[header] = f"{header.partition(': ')[0]}: \0{variable}\0"
            yield f"{variable}=$({command})"
        for header, tag, source in tags(entry, earlier):
            marks[header] = marks.get(header, header).replace(f'"{tag}"', f'"\0ETAG_{source}\0"')
            yield f"ETAG_{source}=$(etag_of {source})"

    def _options(self, number: int, entry: Entry, known: Mapping[str, str]) -> Iterator[tuple[str, str | None]]:
        by_hand = is_signed_by_hand(entry, self.secret_names)
        scope = None if by_hand else signature_scope(entry, self.secret_names)
        yield "url", entry["url"]
        yield ("head", None) if entry["method"] == "HEAD" else ("request", entry["method"])
        if scope is None:
            yield "path-as-is", None
        else:
            yield "aws-sigv4", f"aws:amz:{scope['region']}:s3"
            yield "user", f"${scope['key']}:{signing_secret(entry, scope['key'], self.secret_names)}"
            for name, value in payload_hash(entry):
                yield "header", f"{name}: {value}"
        if self._proof and (["Accept-Encoding", "gzip"] in entry["request_headers"] or was_compressed(entry)):
            yield "compressed", None  # A proof is about the decoded body.
        for option, header in self._headers(entry, SIGNATURE_FIELDS if scope else frozenset()):
            yield option, self._field(header, entry) if option == "header" and header not in known else header
        body, secrets, built = entry["request_body"], entry.get("secrets", []), f"@built body {number}"
        for option, value in body_options(number, body, secrets, built if built in self.marks else ""):
            if value == f"@{body_file(number)}":
                self.files[value[1:]] = body_bytes(body)
            yield option, value

    def _encoded(self, number: int, entry: Entry) -> Iterator[str]:
        """Yield the assignments of encoded credentials: of a raw request, or of a scheme other than Basic."""
        for _, value in entry["request_headers"]:
            basic = ENCODED_BASIC.match(value)
            if basic and ("raw" in entry or basic["scheme"] != "Basic "):
                self.marks[value.removeprefix(basic["scheme"]).replace("\0", "")] = f"\0BASE64_{number}\0"
                yield f"BASE64_{number}=$({encoding(basic['plain'], entry.get('secrets', []))})"

    def _headers(self, entry: Entry, signed: frozenset[str]) -> Iterator[tuple[str, str | None]]:
        names, url = {name.lower() for name, _ in entry["request_headers"]}, entry["url"]
        for name, value in entry["request_headers"]:
            basic = ENCODED_BASIC.match(value)
            if basic and basic["scheme"] == "Basic ":
                yield "user", basic["plain"]
            elif name.lower() == "content-length" and not entry["request_body"]["size"]:
                yield "header", f"{name}: {value}"
            elif is_special(name, value, url) or name.lower() not in LEFT_TO_CURL - {"accept-encoding"} | signed:
                yield "header", f"{name}: {value}" if value else f"{name};"
        # Without these lines curl adds fields that the run did not send.
        for name in ("Accept", "User-Agent", "Content-Type"):
            if name.lower() not in names:
                yield "header", f"{name}:"

    def _field(self, field: str | None, entry: Entry) -> str | None:
        """Return a field unchanged, or the name of a file with it if curl's configuration cannot contain its bytes."""
        if field is None or field.isascii() or any(f"${name}" in field for name in entry.get("secrets", [])):
            return field
        name = f"field-{len(self.files) + 1}.bin"
        self.files[name] = octets(field) + b"\n"
        return f"@{name}"

    def _built_body(self, number: int, entry: Entry) -> list[str]:
        """Return the lines that build a body, and mark it as built if there are any."""

        def is_named(text: str) -> bool:
            self._renamed(text, entry)
            return any(found[0] in self.marks for found in RUN_NAME.finditer(text))

        lines, files = body_lines(number, entry["request_body"], self.marks, entry.get("secrets", []), is_named)
        self.files |= files
        if lines:
            self.marks[f"@built body {number}"] = f"@\0ANSWERS\0/{number}.sent"
        return lines

    def _renamed(self, text: str, entry: Entry) -> str:
        """Mark the names of the run in requests to JSON APIs, which refuse an existing name; return the text."""
        types = [value for name, value in entry["request_headers"] if name.lower() == "content-type"]
        area = self.result.requirement.split("/")[0]
        if area == "registry" or (area not in ("errors", "authorization") and types != ["application/json"]):
            return text
        for found in RUN_NAME.finditer(text):
            self.marks.setdefault(found[0], f"{found[2]}\0CAPITAL_RUN\0-" if found[2] else f"{found[1]}\0RUN\0-")
        return text

    def _operator(self) -> Iterator[str]:
        """Yield the functions that run the operator's commands and undo them."""
        yield FUNCTIONS["OPERATOR"]
        undo = [hook_command({**each, "command": each["undo"]}) for each in reversed(self._hooks) if each.get("undo")]
        lines = [f'(cd "$started_in" && {each}) >/dev/null' for each in dict.fromkeys(undo)]
        if any(each["hook"] == "revoke" and not each.get("undo") for each in self._hooks):
            lines.append("echo 'restore the credential before you run this script again'")
        yield "\n".join(["restore() {", *lines, ":", "}"])

    def _operated(self, number: int, entry: Entry) -> Iterator[str]:
        """Yield the operator's command, and the time that a revocation may take."""
        yield f"\n# {number}: the hook {entry['hook']} of the target file"
        if entry["hook"] == "make_repository":
            failed = f'echo "step {number}, make_repository, failed; the repository may already exist"'
            yield f'(cd "$started_in" && {hook_command(entry)} >/dev/null) || {failed}'
            return
        yield f"operator {number} {hook_command(entry)}"
        if entry["hook"] == "revoke":
            limits = self.record.info.configuration.get("limits") or {}
            yield f"sleep {math.ceil(limits.get('revocation', 1))}"

    # Responses.

    def _taken(self, number: int, entry: Entry) -> Iterator[str]:
        """Yield the assignments of the values that later requests take from this response."""
        following = [each for place, each in self.exchanges if place > number]
        later = [request_text(each) for each in following]
        for name, value in entry["response_headers"]:
            pattern = TOKENS.get(name.lower())
            found = pattern.search(value) if pattern else None
            if found and any(is_used_in(text, name, found[1]) for text in later):
                variable = f"{name.upper()}_{number}"
                before = self.marks.get(found[1], "").strip("\0")
                self.marks[found[1]] = f"\0{variable}\0"
                self.taken.setdefault(number, set()).add(name.lower())
                yield f"{variable}=$({found_by(name, number, entry, found[1])})"
                if before.startswith("ETAG_"):
                    # Both had one ETag in the run: a later request may have used either.
                    other = f'*) cannot "response {number} has a different ETag than an earlier one" ;;'
                    yield f'case ${variable} in "" | "${before}") {variable}=${before} ;; {other} esac'
        located, assigned = address(number, entry, following)
        if before := self.marks.get(located, "").strip("\0"):
            # An earlier response had the same Location, which replaces a missing one.
            assigned[-1:] = [f'[ -n "$ADDRESS_{number}" ] || ADDRESS_{number}=${before}']
        if located:
            self.marks[located] = f"\0ADDRESS_{number}\0"
            self.taken.setdefault(number, set()).add("location")
            yield from assigned
        for text, with_mark, assignment in page_positions(number, entry, following):
            # The Link of a previous page is the position of this page.
            own = f"\0LINK_{number}\0"
            self.marks = {
                each: mark
                for each, mark in self.marks.items()
                if mark == own or text not in each or not mark.startswith("\0LINK_")
            }
            self.marks[text] = with_mark
            yield assignment
        for text, mark, assignment in identifiers(number, entry, later):
            self.marks[text] = mark
            yield assignment
        used = {token for each in following for token in each.get("tokens", {}).values()}
        members = ISSUED.findall(entry["response_body"].get("text", ""))
        for place, (member, token) in enumerate(zip(members, entry.get("issued", []), strict=False), 1):
            # If a token was issued twice, later requests use the one that was issued last.
            if token in used:
                variable = self.tokens[token] = f"ISSUED_{number}_{place}"
                yield f"{variable}=$(token_of {number} {member})"
                yield f'[ -n "${variable}" ] || cannot "response {number} contains no {member}"'

    def _judgement(self) -> Iterator[str]:
        context = self.secret_names, self.taken, self.marks, self.tokens
        lines, files = judgement(self.exchanges, self.finding, self.result.title, *context)
        self.files |= files
        yield from lines
