"""The requests of a script: their words in the shell, their bodies, their times, and what earlier answers give them."""

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
SCRIPT = "reproduce.sh"
AT_END = 'rm -rf "$answers"; exit $ended'
"""What a script does last; ``$ended`` is what it ends with."""
LONGEST_LINE = 400
SECTION = re.compile(r"^#: ([A-Z]+)$", re.MULTILINE)
_, *_sections = SECTION.split(Path(__file__).with_name("functions.sh").read_text("utf-8"))
FUNCTIONS = dict(zip(_sections[::2], _sections[1::2], strict=True))
"""The shell functions of a script, by the sections of ``functions.sh``."""
IN_JSON = "_IN_JSON"
VARIABLE = re.compile("\0([A-Z0-9_]+)\0")
"""The name of a variable within the text of a request."""
CUT, PAUSED = "wire-cut", "wire-paused"
"""The beginnings of the names of clients that send the beginning of a body only, and that wait in its middle."""
LISTENED_S, LISTENED_AFTER_CUT_S = 5, 1
"""How long a script waits for a raw connection to close, in seconds; a cut request gets no response."""


def name_of(check_id: str, number: int) -> str:
    """The folder of a finding."""
    plain = re.sub(r"[^A-Za-z0-9.]+", "-", check_id).strip("-")
    return plain if number == 0 else f"{plain}-{number + 1}"


def commented(
    result: CheckResult, finding: Mapping[str, Any], until: float | None = None, programs: Sequence[str] = ()
) -> Iterator[str]:
    """Yield the subject of the script as comments.

    ``until`` is the end of a signature of the run; ``programs`` are those that the script needs in addition to curl.
    """
    comments = [
        f"{result.id} ({result.level}): {result.title}",
        f"expected: {finding['expected']}",
        f"observed: {finding['observed']}",
        "",
        "Ends with 1 where this still shows, 0 where it does not, 2 where that cannot be told.",
        f"Needs a POSIX shell, {' and '.join([*programs, 'curl 7.87 or newer'])}; secrets come from the environment.",
    ]
    if until is not None:
        moment = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(until))
        comments.append(
            f"It sends a signature of the run, which is good until {moment} UTC: it cannot tell after that."
        )
    for line in comments:
        # One line each: what a target says must not become a line of the script.
        yield f"# {on_one_line(line)[:LONGEST_LINE]}".rstrip()


def is_short_ascii(text: str) -> bool:
    """Whether a body can stand in the script: one short printable line of ASCII, which curl takes as it is."""
    return len(text) <= LONGEST_LINE and text.isascii() and text.isprintable() and not text.startswith("@")


def here(text: str, secrets: Mapping[str, str], marks: Mapping[str, str]) -> str:
    """Text for a quoted value of curl's configuration in a here document; secrets and marks become variables.

    ``secrets`` tells, by the names that stand in the text, which variables hold them. A mark's value holds the names of
    variables between NUL characters, which no text that is sent here contains.
    """
    text = with_variables(text, secrets, marks)
    for plain, escaped in (("\\", "\\\\"), ('"', '\\"'), ("\n", "\\n"), ("\r", "\\r"), ("\t", "\\t"), ("\v", "\\v")):
        text = text.replace(plain, escaped)
    return document(text, {})


def with_variables(text: str, secrets: Mapping[str, str], marks: Mapping[str, str]) -> str:
    """Text with its marks and secrets replaced by the names of variables between NUL characters."""
    text = marked(text, marks)
    for name in sorted(secrets, key=len, reverse=True):
        text = re.sub(rf"\${re.escape(name)}(?![A-Z0-9_])", f"\0{secrets[name]}\0", text)
    return text


def printed(text: str, encode: Callable[[str], bytes]) -> str:
    """The command that prints text whose variables are named between NUL characters."""
    parts = VARIABLE.split(text)
    return formatted([encode(each) for each in parts[::2]], [f'"${{{name}}}"' for name in parts[1::2]])


def document(text: str, marks: Mapping[str, str]) -> str:
    """Text for a here document; marks become variables."""
    text = marked(text, marks) if marks else text
    text = re.sub(r"([\\$`])", r"\\\1", text)
    return VARIABLE.sub(r"${\1}", text)


def within_json(entry: Mapping[str, Any], secrets: Mapping[str, str]) -> dict[str, str]:
    """Of an entry's secrets, where its body is JSON, those with variables that hold them as JSON writes them there."""
    try:
        written = isinstance(json.loads(entry["request_body"].get("text", "")), dict | list)
    except (ValueError, RecursionError):
        return {}
    names = [each for each in entry.get("secrets", []) if secrets[each].endswith("_QUOTED")]
    return {name: f"{secrets[name]}{IN_JSON}" for name in names} if written else {}


def marked(text: str, marks: Mapping[str, str]) -> str:
    """Text with its marks replaced by the names of variables between NUL characters."""
    text = text.replace("\0", "")
    for literal in sorted(marks, key=len, reverse=True):
        text = text.replace(literal, marks[literal])
    return text


def word(text: str, marks: Mapping[str, str]) -> str:
    """Text as one word of the shell; marks become variables."""
    plain = VARIABLE.split(marked(text, marks))
    return "".join(f'"${{{part}}}"' if place % 2 else shlex.quote(part) for place, part in enumerate(plain) if part)


def secret_lines(name: str, recipe: str) -> Iterator[str]:
    """The lines by which a secret is had that a command makes, or that is in a file: of the environment before it."""
    file = FROM_FILE.fullmatch(recipe)
    yield f'[ -n "${{{name}-}}" ] || {name}=$(cd "$started_in" && cat {file["path"]})' if file else recipe
    yield f'[ -n "${name}" ] || cannot "no {name} is given"'
    if (secret := secret_of(name)) != name:
        # Another secret than the run's may have there already what is put there.
        yield f'[ "${name}" != "${secret}" ] || cannot "{secret} is so itself"'


def body_lines(
    number: int, body: Body, marks: Mapping[str, str], secrets: Sequence[str], is_named: Callable[[str], bool]
) -> tuple[list[str], dict[str, bytes]]:
    """The lines that make a body of what it repeats, or of names that are others each time, with the files for it.

    ``is_named``: whether a text holds such names, which it adds to ``marks``. No lines: the body is sent as it is.
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


def body_options(number: int, body: Body, secrets: Sequence[str], made_as: str) -> Iterator[tuple[str, str]]:
    """The options with which curl sends a body; ``made_as``: what it is called where lines of the script make it."""
    if "pieces" in body:
        # What curl adds to a large body by itself, and waits for.
        yield "header", "Expect:"
    text = body.get("text")
    if made_as:
        yield "data-binary", made_as
    elif text and can_be_inline(text, secrets):
        yield "data-binary", text
    elif body["size"]:
        yield "data-binary", f"@{body_file(number)}"


def can_be_inline(text: str, secrets: Sequence[str]) -> bool:
    """Whether a body stands in the script: it holds secrets, or is plain enough."""
    return any(f"${name}" in text for name in secrets) or is_short_ascii(text)


def body_file(number: int) -> str:
    """The name of the file that a body is sent from."""
    return f"body-{number}.bin"


def body_bytes(body: Body) -> bytes:
    """The bytes of a body that was kept."""
    text = body.get("text")
    return base64.b64decode(body["base64"]) if text is None else str(text).encode("utf-8", "replace")


SHORTEST_PAUSE_S = 0.05
DOTS = re.compile(r"/(?:\.|%2[Ee]){1,2}(?=/|$)")
CLOCK_SKEW_S = 15 * 60
"""How far from the server's clock the time of a signed request may be (Amazon S3: RequestTimeTooSkewed)."""
SIGNED_AT = re.compile(r"(?:[?&]X-Amz-Date=|^x-amz-date: |name=\"x-amz-date\"\r\n\r\n)(\d{8}T\d{6}Z)", re.I | re.M)
EXPIRES = re.compile(r"[?&]X-Amz-Expires=(\d{1,7})(?:&|$)")
SIGNATURE = re.compile(r"AWS4-HMAC-SHA256.*[Ss]ignature=|[?&]X-Amz-Signature=|name=\"x-amz-signature\"", re.I)
CONDITION = re.compile(r"^(?:x-amz-copy-source-)?if-(?:un)?modified-since$|^if-range$", re.I)
TAG_CONDITION = re.compile(r"^(?:x-amz-copy-source-)?if-(?:none-)?match$|^if-range$", re.I)
TAG = re.compile(r'"([^"]*)"')
FORMS = {
    "usual": "%a, %d %b %Y %H:%M:%S GMT", "rfc850": "%A, %d-%b-%y %H:%M:%S GMT", "asctime": "%a %b %e %H:%M:%S %Y"
}  # fmt: skip
"""The forms of a date (RFC 9110 section 5.6.7), by the name that a script gives them."""


def is_signed_for_good(entry: Entry, secret_names: Mapping[str, str]) -> bool:
    """Whether a request carries the signature that it had in the run: curl cannot make another like it."""
    return signature_scope(entry, secret_names) is None and SIGNATURE.search(request_text(entry)) is not None


def request_text(entry: Entry) -> str:
    """A request as text."""
    fields = [f"{name}: {value}" for name, value in entry["request_headers"]]
    return "\n".join([entry["url"], *fields, entry["request_body"].get("text", "")])


def validity(number: int, entry: Entry) -> Iterator[str]:
    """The line that looks whether a signature of the run is still what it was: in its time, or before it."""
    signed = _signed_at(request_text(entry))
    end = good_until(entry)
    if end is not None:
        yield f'[ "$(now)" -le {_digits(end)} ] || cannot "the signature of request {number} was good until then only"'
    elif signed is not None and entry["started"] < signed - CLOCK_SKEW_S:
        begin = _digits(signed - CLOCK_SKEW_S)
        yield f'[ "$(now)" -lt {begin} ] || cannot "the time in request {number} has come"'


def good_until(entry: Entry) -> float | None:
    """Return until when a signature of the run is good, in seconds since 1970; None for one that never was."""
    signed = _signed_at(request_text(entry))
    if signed is None:
        return None
    expires = EXPIRES.search(entry["url"])
    end = signed + (int(expires[1]) if expires else CLOCK_SKEW_S)
    return end if signed - CLOCK_SKEW_S <= entry["started"] <= end else None


def _signed_at(text: str) -> int | None:
    """When a request was signed; None where it does not say, or where its digits are no time: a check sends such."""
    found = SIGNED_AT.search(text)
    with contextlib.suppress(ValueError):
        return calendar.timegm(time.strptime(found[1], "%Y%m%dT%H%M%SZ")) if found else None
    return None


def _digits(moment: float) -> str:
    return time.strftime("%Y%m%d%H%M%S", time.gmtime(moment))


def dates(number: int, entry: Entry, earlier: Sequence[tuple[int, Entry]]) -> Iterator[tuple[str, str, str]]:
    """Dates of a request's conditions: each with a variable, and the command that makes it of an earlier answer."""
    for place, (name, value) in enumerate(entry["request_headers"]):
        moment = _moment(value) if CONDITION.match(name) else None
        found = next(filter(None, (_anchor(moment, each) for each in reversed(earlier))), None) if moment else None
        if moment and found:
            step, field, begun = found
            form = next(form for form, written in FORMS.items() if _written(moment, written) == value)
            pattern = "[Dd][Aa][Tt][Ee]" if field == "date" else "[Ll][Aa][Ss][Tt]-[Mm][Oo][Dd][Ii][Ff][Ii][Ee][Dd]"
            yield (
                f"{name}: {value}",
                f"DATE_{number}_{place}",
                f"dated {form} {moment - begun} \"$(field {step} '{pattern}')\"",
            )


def _anchor(moment: int, step: tuple[int, Entry]) -> tuple[int, str, int] | None:
    """By which answer a date can be told: one that says when something was changed, or that something was written."""
    number, entry = step
    fields = {name.lower(): value for name, value in entry["response_headers"]}
    if not 200 <= entry["status"] < 300:
        return None
    changed = _moment(fields.get("last-modified", ""))
    if changed:
        return number, "last-modified", changed
    written = _moment(fields.get("date", "")) if entry["method"] in ("PUT", "POST") else None
    return (number, "date", written) if written else None


def pause(number: int, entry: Entry, earlier: Sequence[tuple[int, Entry]]) -> Iterator[str]:
    """The pause before a request whose check let time pass: what it asks for comes by waiting."""
    seconds = entry.get("paused_s", 0.0)
    if number > 1 and seconds >= SHORTEST_PAUSE_S:
        fits = [place for place, each in earlier if 0 <= seconds - _waits(each) < 1]
        if fits:
            yield f"\npause_as_told {fits[0]} {seconds:g}"
        else:
            yield f"\npause {seconds:g} {math.ceil(seconds)}"


def _waits(entry: Entry) -> float:
    """After how many seconds a refused request may be sent again, as its answer says; none where it says nothing."""
    delays = [value for name, value in entry["response_headers"] if name.lower() == "retry-after"]
    return int(delays[0]) if entry["status"] in (429, 503) and delays and delays[0].isdecimal() else math.inf


def _moment(text: str) -> int | None:
    """What a date says, None where it is none in one of the three forms."""
    for form in FORMS.values():
        with contextlib.suppress(ValueError):
            moment = calendar.timegm(time.strptime(text, form.replace("%e", "%d")))
            if _written(moment, form) == text:
                return moment
    return None


def _written(moment: int, form: str) -> str:
    return time.strftime(form, time.gmtime(moment))


def tags(entry: Entry, earlier: Sequence[tuple[int, Entry]]) -> Iterator[tuple[str, str, int]]:
    """Entity tags of a request's conditions that an earlier answer told: field, tag, number of the last such answer."""
    sources = {tag: number for number, each in earlier for tag in _tags(each["response_headers"], "etag")}
    for name, value in entry["request_headers"]:
        for tag in TAG.findall(value) if TAG_CONDITION.match(name) else ():
            if tag in sources:
                yield f"{name}: {value}", tag, sources[tag]


def _tags(fields: Sequence[Sequence[str]], wanted: str) -> Iterator[str]:
    for name, value in fields:
        if name.lower() == wanted:
            yield from TAG.findall(value)


def is_signed_by_hand(entry: Entry, secret_names: Mapping[str, str]) -> bool:
    """Whether the script signs a request itself: a raw one, or one with a path that curl would sign differently."""
    by_hand = "raw" in entry or DOTS.search(urlsplit(entry["url"]).path) is not None
    return by_hand and signature_scope(entry, secret_names) is not None


def raw_request(number: int, entry: Entry, held: Mapping[str, str], marks: Mapping[str, str], file: str) -> str:
    """The line that sends a raw request; ``held`` are the variables of its secrets.

    ``file`` is what holds its body; "" if the body is in the line.
    """
    head = with_variables(f"{entry['raw']['head']}\r\n\r\n", held, marks)
    commands = [printed(head, octets)]
    if file:
        commands.append(f"cat {file}")
    elif entry["request_body"]["size"]:
        commands.append(printed(with_variables(entry["request_body"]["text"], held, marks), str.encode))
    scheme, host, port = endpoint_of(entry["raw"]["origin"])
    seconds = LISTENED_AFTER_CUT_S if entry["client"].startswith(CUT) else LISTENED_S
    return f"{{ {'; '.join(commands)}; }} | send_raw {number} {scheme} {shlex.quote(host)} {port} {seconds}"


PLACES = {
    "marker": "NextMarker",
    "key-marker": "NextKeyMarker",
    "upload-id-marker": "NextUploadIdMarker",
    "part-number-marker": "NextPartNumberMarker",
}
"""Parameters by which a page is asked for, and the element in which the page before it says their value (S3)."""
MEMBERS = ("tags", "repositories")
"""Members of the lists that are gone on with from their last string (OCI distribution spec, ``last``)."""
LINKED = re.compile(r"^<([^>]{8,})>")
"""What a Link leads to."""
NEXT = re.compile(r'rel *= *"?next')
BY_ITEMS = re.compile(r"[?&]last=")
INSIDE = {
    "UPLOAD": re.compile(r"<UploadId>([^<]{6,})</UploadId>"),
    "ID": re.compile(r'"id" *: *(?:"([^"]{6,})"|([0-9]{6,})(?![0-9.eE]))'),
    "PART": re.compile(r"<CopyPartResult.*<ETag>(?:&quot;|&#34;|\")?([^<&\"]{6,})"),
    "NEXT": re.compile(r"<NextContinuationToken>([^<]{6,})</NextContinuationToken>"),
}
"""What names a thing in the body of an answer, by what a script calls it."""


def address(number: int, entry: Entry, following: Sequence[Entry]) -> tuple[str, list[str]]:
    """The whole place that an answer names, where a later request goes there, and the lines that find it."""
    location = next((value for name, value in entry["response_headers"] if name.lower() == "location"), "")
    try:
        place = urljoin(entry["url"], location) if re.match(r"/(?!/)|[a-z]+://", location) else ""
    except ValueError:
        # It is no address.
        place = ""
    if not place or place == entry["url"] or not any(_leads(each["url"], place) for each in following):
        return "", []
    return place, [
        f"ADDRESS_{number}=$(address_of {number} {_origin(entry)})",
        f'[ -n "$ADDRESS_{number}" ] || cannot "answer {number} names no place"',
    ]


def found_by(field: str, number: int, entry: Entry, value: str) -> str:
    """The call that finds what a field told; a Link that was whole in the run stays so, though it be a path now."""
    whole = field.lower() == "link" and "://" in value
    return f"{field.lower()}_of {number} {_origin(entry)}" if whole else f"{field.lower()}_of {number}"


def _origin(entry: Entry) -> str:
    return shlex.quote("{0.scheme}://{0.netloc}".format(urlsplit(entry["url"])))


def is_used_in(text: str, field: str, value: str) -> bool:
    """Whether a later request names what a field told; the last word of a Location that goes on there is another."""
    return value in text and (field.lower() != "location" or bool(re.search(rf"{re.escape(value)}(?![\w-])", text)))


def _leads(url: str, place: str) -> bool:
    """Whether a URL is a place, or goes on from it; one whose last word goes on is another."""
    behind = url.removeprefix(place)
    return url.startswith(place) and (behind[:1] in ("", "/", "?", "#", "&", ";") or place[-1] in "/?=&")


def inside(number: int, entry: Entry, later: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    """What names a thing in this answer and stands in a later request: the text, its mark, and how it is found now."""
    body = plain_xml(str(entry["response_body"].get("text", "")))
    for name, pattern in INSIDE.items():
        found = pattern.search(body)
        value = found[found.lastindex or 0] if found else ""
        for text, encoded in ((value, ""), (quote(value, safe=""), " | encoded")) if found else ():
            if any(text in each for each in later):
                yield text, f"\0{name}_{number}\0", f"{name}_{number}=$({name.lower()}_of {number}{encoded})"
                break


def by_items(entries: Collection[Entry]) -> bool:
    """Whether a page is asked for by the last item of the one before, and not by a link."""
    asked = [entry["url"] for entry in entries if BY_ITEMS.search(entry["url"])]
    fields = [value for entry in entries for name, value in entry["response_headers"] if name.lower() == "link"]
    linked = tuple(found[1] for found in map(LINKED.match, fields) if found)
    return any(not url.endswith(linked) for url in asked)


def other_pages(
    proof: Entry, exchanges: Sequence[tuple[int, Entry]], shown: int, marks: Mapping[str, str]
) -> list[str]:
    """The lines that look for what should not stand on a page on those before it as well, where it may stand now.

    Not where it stood on one of them in the run too, and was right there.
    """
    walk, target = dict[int, Entry](), dict(exchanges)[shown]["url"]
    for number, entry in reversed(exchanges):
        fields = [value for name, value in entry["response_headers"] if name.lower() == "link"]
        if number < shown and any(found and target.endswith(found[1]) for found in map(LINKED.match, fields)):
            walk, target = {number: entry, **walk}, entry["url"]
    lacks = proof.get("lacks")
    if not walk or not lacks or any(re.search(lacks, _on_one_line(each)) for each in walk.values()):
        return []
    there = word(lacks, marks)
    lines = [f"on_one_line {each} | grep -Eq {there} && shows 'body {each}'" for each in walk]
    return [*lines, f"[ -z \"$(link_of {shown})\" ] || cannot 'the list goes on behind what is read of it here'"]


def goes_on(entry: Entry) -> bool:
    """Whether a page says that another follows it."""
    links = [value for name, value in entry["response_headers"] if name.lower() == "link"]
    return any(map(NEXT.search, links)) or "<IsTruncated>true<" in _on_one_line(entry)


def _on_one_line(entry: Entry) -> str:
    return plain_xml(str(entry["response_body"].get("text", ""))).replace("\n", "")


def walks(exchanges: Sequence[tuple[int, Entry]]) -> bool:
    """Whether a page is asked for by what another says."""
    return any(
        True
        for number, entry in exchanges
        for _ in places(number, entry, [each for place, each in exchanges if place > number])
    )


def numbered_pages(pages: Sequence[str], exchanges: Sequence[tuple[int, Entry]], numbers: dict[str, int]) -> list[str]:
    """The pages under names of their own in ``numbers``: one that was asked for again stands in the sequence again."""
    left = [(number, entry["id"]) for number, entry in exchanges if entry["id"] in pages]
    found = []
    for page in pages:
        number = next((number for number, each in left if each == page), None)
        if number is not None:
            left.remove((number, page))
            found.append(f"{page} {number}")
            numbers[found[-1]] = number
    return found


def places(number: int, entry: Entry, following: Sequence[Entry]) -> Iterator[tuple[str, str, str]]:
    """What of later requests is told by this page: the text there, the text with a mark, what the mark is made by."""
    urls = [each["url"] for each in following]
    body = plain_xml(str(entry["response_body"].get("text", "")))
    for name, element in PLACES.items():
        found = re.search(f"<{element}>([^<]+)</{element}>", body)
        value = html.unescape(found[1]) if found else ""
        if "<EncodingType>url<" in body:
            value = unquote_plus(value)
        yield from _taken(
            urls, name, value, f"{name.upper().replace('-', '_')}_{number}", f"element_of {number} {element}"
        )
    for name in MEMBERS:
        yield from _taken(urls, "last", _last_of(body, name), f"LAST_{number}", f"last_of {number} {name}")


def _taken(urls: Sequence[str], name: str, value: str, variable: str, made: str) -> Iterator[tuple[str, str, str]]:
    for written in dict.fromkeys([quote(value, safe="-._~"), value] if value else []):
        begun = re.compile(rf"[?&]{name}={re.escape(written)}(?=&|$)")
        for found in dict.fromkeys(each[0] for url in urls for each in begun.finditer(url)):
            yield found, f"{found[: len(name) + 2]}\0{variable}\0", f"{variable}=$({made} | encoded)"


def _last_of(body: str, name: str) -> str:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    items = document.get(name) if isinstance(document, dict) else None
    return items[-1] if isinstance(items, list) and items and isinstance(items[-1], str) else ""
