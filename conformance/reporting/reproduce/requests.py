"""The requests of a script: shell words, bodies, times, and the values that they take from earlier responses."""

from __future__ import annotations

import base64
import calendar
import contextlib
import html
import json
import math
import re
import shlex
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote_plus, urljoin, urlsplit

from conformance.evidence.curl import FROM_FILE, endpoint_of, formatted, octets, secret_of, signature_scope
from conformance.reporting.text import on_one_line, plain_xml
from conformance.runs.record import CheckResult

Entry = Mapping[str, Any]
Body = Mapping[str, Any]
Exchanges = Sequence[tuple[int, Entry]]
SCRIPT = "reproduce.sh"
AT_END = 'rm -rf "$answers"; exit $ended'
"""The last commands of a script; ``$ended`` is its exit code."""
LONGEST_LINE = 400
SECTION = re.compile(r"^#: ([A-Z]+)$", re.MULTILINE)
_, *_sections = SECTION.split(Path(__file__).with_name("functions.sh").read_text("utf-8"))
FUNCTIONS = dict(zip(_sections[::2], _sections[1::2], strict=True))
"""The shell functions of a script, by the sections of ``functions.sh``."""
IN_JSON = "_IN_JSON"
VARIABLE = re.compile("\0([A-Z0-9_]+)\0")
"""A mark: the name of a variable between NUL characters, which no request contains."""
CUT, PAUSED = "wire-cut", "wire-paused"
"""Prefixes of the clients that send only the beginning of a body, and that pause within a body."""
LISTENED_S, LISTENED_AFTER_CUT_S = 5, 1
"""How long a script waits for a raw connection to close, in seconds; a cut request gets no response."""


def name_of(check_id: str, number: int) -> str:
    """Return the name of a finding's folder."""
    plain = re.sub(r"[^A-Za-z0-9.]+", "-", check_id).strip("-")
    return plain if number == 0 else f"{plain}-{number + 1}"


def commented(
    result: CheckResult, finding: Mapping[str, Any], until: float | None = None, programs: Sequence[str] = ()
) -> Iterator[str]:
    """Yield the subject of the script as comments.

    ``until`` is when a signature of the run expires; the script needs ``programs`` in addition to curl.
    """
    comments = [
        f"{result.id} ({result.level}): {result.title}",
        f"expected: {finding['expected']}",
        f"observed: {finding['observed']}",
        "",
        "Exit code: 1 if the finding still shows, 0 if it does not, 2 if the script cannot decide.",
        f"Needs a POSIX shell, {' and '.join([*programs, 'curl 7.87 or newer'])}; secrets come from the environment.",
    ]
    if until is not None:
        moment = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(until))
        comments.append(f"It sends a signature of the run, which expires at {moment} UTC: it cannot decide after that.")
    for line in comments:
        # One line each: a target's text must not become a line of the script.
        yield f"# {on_one_line(line)[:LONGEST_LINE]}".rstrip()


def is_short_ascii(text: str) -> bool:
    """Whether a body is one short printable line of ASCII, which curl sends unchanged."""
    return len(text) <= LONGEST_LINE and text.isascii() and text.isprintable() and not text.startswith("@")


def here(text: str, secrets: Mapping[str, str], marks: Mapping[str, str]) -> str:
    """Return text for a quoted value of curl's configuration in a here document; secrets and marks become variables.

    ``secrets`` are names in the text with the variables that hold them.
    """
    text = with_variables(text, secrets, marks)
    for plain, escaped in (("\\", "\\\\"), ('"', '\\"'), ("\n", "\\n"), ("\r", "\\r"), ("\t", "\\t"), ("\v", "\\v")):
        text = text.replace(plain, escaped)
    return document(text, {})


def with_variables(text: str, secrets: Mapping[str, str], marks: Mapping[str, str]) -> str:
    """Return text with the names of secrets and the texts of ``marks`` replaced by marks."""
    text = marked(text, marks)
    for name in sorted(secrets, key=len, reverse=True):
        text = re.sub(rf"\${re.escape(name)}(?![A-Z0-9_])", f"\0{secrets[name]}\0", text)
    return text


def printed(text: str, encode: Callable[[str], bytes]) -> str:
    """Return the command that prints text with marks."""
    parts = VARIABLE.split(text)
    return formatted([encode(each) for each in parts[::2]], [f'"${{{name}}}"' for name in parts[1::2]])


def document(text: str, marks: Mapping[str, str]) -> str:
    """Return text for a here document; marks become variables."""
    text = marked(text, marks) if marks else text
    text = re.sub(r"([\\$`])", r"\\\1", text)
    return VARIABLE.sub(r"${\1}", text)


def within_json(entry: Entry, secrets: Mapping[str, str]) -> dict[str, str]:
    """Return the variables for the secrets in a JSON body, which hold them as JSON writes them; {} for other bodies."""
    if not isinstance(_json(entry["request_body"].get("text", "")), dict | list):
        return {}
    names = [each for each in entry.get("secrets", []) if secrets[each].endswith("_QUOTED")]
    return {name: f"{secrets[name]}{IN_JSON}" for name in names}


def marked(text: str, marks: Mapping[str, str]) -> str:
    """Return text with the texts of ``marks`` replaced by their marks."""
    text = text.replace("\0", "")
    for literal in sorted(marks, key=len, reverse=True):
        text = text.replace(literal, marks[literal])
    return text


def word(text: str, marks: Mapping[str, str]) -> str:
    """Return text as one word of the shell; marks become variables."""
    parts = VARIABLE.split(marked(text, marks))
    return "".join(f'"${{{part}}}"' if place % 2 else shlex.quote(part) for place, part in enumerate(parts) if part)


def secret_lines(name: str, recipe: str) -> Iterator[str]:
    """Yield the lines that set a secret: from the environment, its file, or the command of its recipe."""
    file = FROM_FILE.fullmatch(recipe)
    yield f'[ -n "${{{name}-}}" ] || {name}=$(cd "$started_in" && cat {file["path"]})' if file else recipe
    yield f'[ -n "${name}" ] || cannot "{name} could not be obtained"'
    if (secret := secret_of(name)) != name:
        # The alteration may not change a secret that differs from the run's.
        yield f'[ "${name}" != "${secret}" ] || cannot "the alteration does not change {secret}"'


def body_lines(
    number: int, body: Body, marks: Mapping[str, str], secrets: Sequence[str], is_named: Callable[[str], bool]
) -> tuple[list[str], dict[str, bytes]]:
    """Return the lines that build a body with repeated parts or new names, and the files that they need.

    ``is_named`` says whether a text contains names of the run, and adds them to ``marks``. Without lines, the body is
    sent unchanged.
    """
    into, lines, files = f'>>"$ANSWERS/{number}.sent"', list[str](), dict[str, bytes]()
    if "pieces" not in body:
        text = body.get("text") or ""
        if not can_be_inline(text, secrets) and is_named(text):
            lines.append(f"printf %s {word(text, marks)} {into}")
    for place, piece in enumerate(body.get("pieces", []), 1):
        unit, times, name = base64.b64decode(piece["base64"]), piece["times"], f"body-{number}-{place}.bin"
        text = unit.decode("utf-8", "replace")
        if times == 1 and text.encode() == unit and is_named(text):
            lines.append(f"printf %s {word(text, marks)} {into}")
        else:
            files[name] = unit
            lines.append(f"repeated {name} {times} {into}")
    return lines, files


def body_options(number: int, body: Body, secrets: Sequence[str], built: str) -> Iterator[tuple[str, str]]:
    """Yield the options with which curl sends a body; ``built`` is the file of a body that the script builds."""
    if "pieces" in body:
        # curl adds this to a large body and waits for the response.
        yield "header", "Expect:"
    text = body.get("text")
    if built:
        yield "data-binary", built
    elif text and can_be_inline(text, secrets):
        yield "data-binary", text
    elif body["size"]:
        yield "data-binary", f"@{body_file(number)}"


def can_be_inline(text: str, secrets: Sequence[str]) -> bool:
    """Whether a body can be written in the script: it contains secrets, or is short ASCII."""
    return any(f"${name}" in text for name in secrets) or is_short_ascii(text)


def body_file(number: int) -> str:
    """Return the name of the file with a request's body."""
    return f"body-{number}.bin"


def body_bytes(body: Body) -> bytes:
    """Return the bytes of a stored body."""
    text = body.get("text")
    return base64.b64decode(body["base64"]) if text is None else str(text).encode("utf-8", "replace")


SHORTEST_PAUSE_S = 0.05
DOTS = re.compile(r"/(?:\.|%2[Ee]){1,2}(?=/|$)")
CLOCK_SKEW_S = 15 * 60
"""Largest permitted difference of a signature's time to the server's clock (Amazon S3: RequestTimeTooSkewed)."""
SIGNED_AT = re.compile(r"(?:[?&]X-Amz-Date=|^x-amz-date: |name=\"x-amz-date\"\r\n\r\n)(\d{8}T\d{6}Z)", re.I | re.M)
EXPIRES = re.compile(r"[?&]X-Amz-Expires=(\d{1,7})(?:&|$)")
SIGNATURE = re.compile(r"AWS4-HMAC-SHA256.*[Ss]ignature=|[?&]X-Amz-Signature=|name=\"x-amz-signature\"", re.I)
CONDITION = re.compile(r"^(?:x-amz-copy-source-)?if-(?:un)?modified-since$|^if-range$", re.I)
TAG_CONDITION = re.compile(r"^(?:x-amz-copy-source-)?if-(?:none-)?match$|^if-range$", re.I)
TAG = re.compile(r'"([^"]*)"')
FORMS = {
    "usual": "%a, %d %b %Y %H:%M:%S GMT", "rfc850": "%A, %d-%b-%y %H:%M:%S GMT", "asctime": "%a %b %e %H:%M:%S %Y"
}  # fmt: skip
"""The forms of a date (RFC 9110 section 5.6.7), by their names in a script."""


def keeps_signature(entry: Entry, secret_names: Mapping[str, str]) -> bool:
    """Whether a script sends the signature of the run, because curl cannot compute a new one."""
    return signature_scope(entry, secret_names) is None and SIGNATURE.search(request_text(entry)) is not None


def request_text(entry: Entry) -> str:
    """Return URL, header and body of a request as text."""
    fields = [f"{name}: {value}" for name, value in entry["request_headers"]]
    return "\n".join([entry["url"], *fields, entry["request_body"].get("text", "")])


def validity(number: int, entry: Entry) -> Iterator[str]:
    """Yield the line that tests whether a signature of the run is still valid, or still not valid yet."""
    signed = _signed_at(request_text(entry))
    end = good_until(entry)
    if end is not None:
        yield f'[ "$(now)" -le {_digits(end)} ] || cannot "the signature of request {number} has expired"'
    elif signed is not None and entry["started"] < signed - CLOCK_SKEW_S:
        begin = _digits(signed - CLOCK_SKEW_S)
        yield f'[ "$(now)" -lt {begin} ] || cannot "the time in request {number} is no longer in the future"'


def good_until(entry: Entry) -> float | None:
    """Return when a signature of the run expires, in seconds since 1970; None for one that was invalid in the run."""
    signed = _signed_at(request_text(entry))
    if signed is None:
        return None
    expires = EXPIRES.search(entry["url"])
    end = signed + (int(expires[1]) if expires else CLOCK_SKEW_S)
    return end if signed - CLOCK_SKEW_S <= entry["started"] <= end else None


def _signed_at(text: str) -> int | None:
    """Return when a request was signed; None if it has no valid time of signature."""
    found = SIGNED_AT.search(text)
    with contextlib.suppress(ValueError):
        return calendar.timegm(time.strptime(found[1], "%Y%m%dT%H%M%SZ")) if found else None
    return None


def _digits(moment: float) -> str:
    return time.strftime("%Y%m%d%H%M%S", time.gmtime(moment))


def dates(number: int, entry: Entry, earlier: Exchanges) -> Iterator[tuple[str, str, str]]:
    """Yield the dates of a request's conditions, each with a variable and the command that computes it anew."""
    for place, (name, value) in enumerate(entry["request_headers"]):
        moment = _moment(value) if CONDITION.match(name) else None
        found = next(filter(None, map(_anchor, reversed(earlier))), None) if moment else None
        if moment and found:
            step, field, start = found
            form = next(form for form, template in FORMS.items() if _written(moment, template) == value)
            pattern = "[Dd][Aa][Tt][Ee]" if field == "date" else "[Ll][Aa][Ss][Tt]-[Mm][Oo][Dd][Ii][Ff][Ii][Ee][Dd]"
            command = f"dated {form} {moment - start} \"$(field {step} '{pattern}')\""
            yield f"{name}: {value}", f"DATE_{number}_{place}", command


def _anchor(step: tuple[int, Entry]) -> tuple[int, str, int] | None:
    """Return number, field and time of a response from which a date is computed: the time of a change or a write."""
    number, entry = step
    fields = {name.lower(): value for name, value in entry["response_headers"]}
    if not 200 <= entry["status"] < 300:
        return None
    changed = _moment(fields.get("last-modified", ""))
    if changed:
        return number, "last-modified", changed
    written = _moment(fields.get("date", "")) if entry["method"] in ("PUT", "POST") else None
    return (number, "date", written) if written else None


def pause(number: int, entry: Entry, earlier: Exchanges) -> Iterator[str]:
    """Yield the pause before a request for which the check waited."""
    seconds = entry.get("paused_s", 0.0)
    if number > 1 and seconds >= SHORTEST_PAUSE_S:
        fits = [place for place, each in earlier if 0 <= seconds - _retry_after(each) < 1]
        if fits:
            yield f"\npause_retry_after {fits[0]} {seconds:g}"
        else:
            yield f"\npause {seconds:g} {math.ceil(seconds)}"


def _retry_after(entry: Entry) -> float:
    """Return after how many seconds a refused request may be sent again; infinity if the response does not say."""
    delays = [value for name, value in entry["response_headers"] if name.lower() == "retry-after"]
    return int(delays[0]) if entry["status"] in (429, 503) and delays and delays[0].isdecimal() else math.inf


def _moment(text: str) -> int | None:
    """Return the time of a date in seconds since 1970; None if it has none of the three forms."""
    for form in FORMS.values():
        with contextlib.suppress(ValueError):
            moment = calendar.timegm(time.strptime(text, form.replace("%e", "%d")))
            if _written(moment, form) == text:
                return moment
    return None


def _written(moment: int, form: str) -> str:
    return time.strftime(form, time.gmtime(moment))


def tags(entry: Entry, earlier: Exchanges) -> Iterator[tuple[str, str, int]]:
    """Yield the entity tags of a request's conditions: field, tag, number of the last response with this tag."""
    sources = {tag: number for number, each in earlier for tag in _tags(each["response_headers"], "etag")}
    for name, value in entry["request_headers"]:
        for tag in TAG.findall(value) if TAG_CONDITION.match(name) else ():
            if tag in sources:
                yield f"{name}: {value}", tag, sources[tag]


def _tags(fields: Sequence[Sequence[str]], field: str) -> Iterator[str]:
    for name, value in fields:
        if name.lower() == field:
            yield from TAG.findall(value)


def is_signed_by_hand(entry: Entry, secret_names: Mapping[str, str]) -> bool:
    """Whether the script signs a request itself: a raw one, or one with a path that curl would sign differently."""
    by_hand = "raw" in entry or DOTS.search(urlsplit(entry["url"]).path) is not None
    return by_hand and signature_scope(entry, secret_names) is not None


def raw_request(number: int, entry: Entry, variables: Mapping[str, str], marks: Mapping[str, str], file: str) -> str:
    """Return the line that sends a raw request; ``variables`` are those of its secrets.

    ``file`` contains its body; "" if the body is in the line.
    """
    head = with_variables(f"{entry['raw']['head']}\r\n\r\n", variables, marks)
    commands = [printed(head, octets)]
    if file:
        commands.append(f"cat {file}")
    elif entry["request_body"]["size"]:
        commands.append(printed(with_variables(entry["request_body"]["text"], variables, marks), str.encode))
    scheme, host, port = endpoint_of(entry["raw"]["origin"])
    seconds = LISTENED_AFTER_CUT_S if entry["client"].startswith(CUT) else LISTENED_S
    return f"{{ {'; '.join(commands)}; }} | send_raw {number} {scheme} {shlex.quote(host)} {port} {seconds}"


PLACES = {
    "marker": "NextMarker",
    "key-marker": "NextKeyMarker",
    "upload-id-marker": "NextUploadIdMarker",
    "part-number-marker": "NextPartNumberMarker",
}
"""Parameters that request a page, and the element in which the previous page gives their value (S3)."""
MEMBERS = ("tags", "repositories")
"""Members of the lists that continue after their last string (OCI distribution spec, ``last``)."""
LINKED = re.compile(r"^<([^>]{8,})>")
"""The target of a Link."""
NEXT = re.compile(r'rel *= *"?next')
BY_ITEMS = re.compile(r"[?&]last=")
INSIDE = {
    "UPLOAD": re.compile(r"<UploadId>([^<]{6,})</UploadId>"),
    "ID": re.compile(r'"id" *: *(?:"([^"]{6,})"|([0-9]{6,})(?![0-9.eE]))'),
    "PART": re.compile(r"<CopyPartResult.*<ETag>(?:&quot;|&#34;|\")?([^<&\"]{6,})"),
    "NEXT": re.compile(r"<NextContinuationToken>([^<]{6,})</NextContinuationToken>"),
}
"""Patterns of identifiers in a response body, by their names in a script."""


def address(number: int, entry: Entry, following: Sequence[Entry]) -> tuple[str, list[str]]:
    """Return the URL of a response's Location if a later request uses it, and the lines that find it."""
    location = next((value for name, value in entry["response_headers"] if name.lower() == "location"), "")
    try:
        url = urljoin(entry["url"], location) if re.match(r"/(?!/)|[a-z]+://", location) else ""
    except ValueError:
        url = ""  # The Location is malformed.
    if not url or url == entry["url"] or not any(_is_below(each["url"], url) for each in following):
        return "", []
    return url, [
        f"ADDRESS_{number}=$(address_of {number} {_origin(entry)})",
        f'[ -n "$ADDRESS_{number}" ] || cannot "response {number} has no Location"',
    ]


def found_by(field: str, number: int, entry: Entry, value: str) -> str:
    """Return the call that finds the value of a field; an absolute Link of the run stays absolute."""
    absolute = field.lower() == "link" and "://" in value
    return f"{field.lower()}_of {number} {_origin(entry)}" if absolute else f"{field.lower()}_of {number}"


def _origin(entry: Entry) -> str:
    return shlex.quote("{0.scheme}://{0.netloc}".format(urlsplit(entry["url"])))


def is_used_in(text: str, field: str, value: str) -> bool:
    """Whether a later request contains a field's value; the last word of a Location must not continue there."""
    return value in text and (field.lower() != "location" or bool(re.search(rf"{re.escape(value)}(?![\w-])", text)))


def _is_below(url: str, base: str) -> bool:
    """Whether a URL is the base, or continues it after a delimiter."""
    rest = url.removeprefix(base)
    return url.startswith(base) and (rest[:1] in ("", "/", "?", "#", "&", ";") or base[-1] in "/?=&")


def identifiers(number: int, entry: Entry, later: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    """Yield identifiers in a response that later requests use: text, mark, assignment of the variable."""
    body = _body_text(entry)
    for name, pattern in INSIDE.items():
        found = pattern.search(body)
        value = found[found.lastindex or 0] if found else ""
        for text, encoded in ((value, ""), (quote(value, safe=""), " | encoded")) if found else ():
            if any(text in each for each in later):
                yield text, f"\0{name}_{number}\0", f"{name}_{number}=$({name.lower()}_of {number}{encoded})"
                break


def pages_by_last_item(entries: Collection[Entry]) -> bool:
    """Whether a page is requested by the last item of the previous one, and not by a link."""
    requested = [entry["url"] for entry in entries if BY_ITEMS.search(entry["url"])]
    linked = tuple(found[1] for entry in entries for found in map(LINKED.match, _links(entry)) if found)
    return any(not url.endswith(linked) for url in requested)


def _links(entry: Entry) -> list[str]:
    return [value for name, value in entry["response_headers"] if name.lower() == "link"]


def lacks_line(number: int, pattern: str) -> str:
    """Return the line that tests whether a response's body lacks a pattern, which is a word of the shell."""
    return f"on_one_line {number} | grep -Eq {pattern} && shows 'the body of response {number} contains forbidden text'"


def other_pages(proof: Entry, exchanges: Exchanges, shown: int, marks: Mapping[str, str]) -> list[str]:
    """Return the lines that look for forbidden text of a page on the previous pages too, since it may have moved.

    Return none if the text was on a previous page in the run: there it was correct.
    """
    walk, target = dict[int, Entry](), dict(exchanges)[shown]["url"]
    for number, entry in reversed(exchanges):
        if number < shown and any(found and target.endswith(found[1]) for found in map(LINKED.match, _links(entry))):
            walk, target = {number: entry, **walk}, entry["url"]
    lacks = proof.get("lacks")
    if not walk or not lacks or any(re.search(lacks, body_on_one_line(each)) for each in walk.values()):
        return []
    lines = [lacks_line(each, word(lacks, marks)) for each in walk]
    return [*lines, f"[ -z \"$(link_of {shown})\" ] || cannot 'the list has more pages than this script reads'"]


def has_next_page(entry: Entry) -> bool:
    """Whether a page announces another one."""
    return any(map(NEXT.search, _links(entry))) or "<IsTruncated>true<" in body_on_one_line(entry)


def body_on_one_line(entry: Entry) -> str:
    """Return the response body without line breaks; in XML, without namespace prefixes."""
    return _body_text(entry).replace("\n", "")


def _body_text(entry: Entry) -> str:
    return plain_xml(str(entry["response_body"].get("text", "")))


def has_page_positions(exchanges: Exchanges) -> bool:
    """Whether a request continues a list after the last item or the marker of a page."""
    return any(
        [*page_positions(number, entry, [each for place, each in exchanges if place > number])]
        for number, entry in exchanges
    )


def numbered_pages(pages: Sequence[str], exchanges: Exchanges, numbers: dict[str, int]) -> list[str]:
    """Return unique names for pages, and put them into ``numbers``: a page may have been requested repeatedly."""
    remaining = [(number, entry["id"]) for number, entry in exchanges if entry["id"] in pages]
    names = []
    for page in pages:
        number = next((number for number, each in remaining if each == page), None)
        if number is not None:
            remaining.remove((number, page))
            names.append(f"{page} {number}")
            numbers[names[-1]] = number
    return names


def page_positions(number: int, entry: Entry, following: Sequence[Entry]) -> Iterator[tuple[str, str, str]]:
    """Yield positions from this page in later URLs: the parameter, the parameter with a mark, the assignment."""
    urls = [each["url"] for each in following]
    body = _body_text(entry)
    for name, element in PLACES.items():
        found = re.search(f"<{element}>([^<]+)</{element}>", body)
        value = html.unescape(found[1]) if found else ""
        if "<EncodingType>url<" in body:
            value = unquote_plus(value)
        variable = f"{name.upper().replace('-', '_')}_{number}"
        yield from _parameters(urls, name, value, variable, f"element_of {number} {element}")
    for name in MEMBERS:
        items = json_member(body, name)
        last = items[-1] if isinstance(items, list) and items and isinstance(items[-1], str) else ""
        yield from _parameters(urls, "last", last, f"LAST_{number}", f"last_of {number} {name}")


def _parameters(urls: Sequence[str], name: str, value: str, variable: str, call: str) -> Iterator[tuple[str, str, str]]:
    for encoded in dict.fromkeys([quote(value, safe="-._~"), value] if value else []):
        pattern = re.compile(rf"[?&]{name}={re.escape(encoded)}(?=&|$)")
        for found in dict.fromkeys(each[0] for url in urls for each in pattern.finditer(url)):
            yield found, f"{found[: len(name) + 2]}\0{variable}\0", f"{variable}=$({call} | encoded)"


def json_member(text: str, name: str) -> Any:
    """Return a member of a JSON object; None if the text has no such member or is no JSON object."""
    document = _json(text)
    return document.get(name) if isinstance(document, dict) else None


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
