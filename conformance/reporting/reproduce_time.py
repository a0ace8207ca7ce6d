"""What of a request is of its time: a pause before it, a signature that ends, a date before or after another."""

from __future__ import annotations

import calendar
import contextlib
import math
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from conformance.evidence.curl import signature_scope

Entry = Mapping[str, Any]
SHORTEST_PAUSE_S = 0.05
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
DATES = r"""
# A date of HTTP ($3) so many seconds later ($2), in one of its three forms ($1), or in seconds since 1970.
dated() {
    printf '%s\n' "$3" | awk -v form="$1" -v later="$2" '
    function year_begins(year) { return 365 * year + int(year / 4) - int(year / 100) + int(year / 400) }
    {
        split("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec", months, " ")
        split("Thursday Friday Saturday Sunday Monday Tuesday Wednesday", names, " ")
        split($5, hour, ":")
        for (month = 1; months[month] != $3 && month < 12; month++);
        year = month < 3 ? $4 - 1 : $4
        days = year_begins(year) + int(((month + 9) % 12 * 306 + 5) / 10) + $2 - 719469
        moment = days * 86400 + hour[1] * 3600 + hour[2] * 60 + hour[3] + later
        if (form == "seconds") { printf "%.0f", moment; exit }
        days = int(moment / 86400); second = moment - days * 86400
        name = names[days % 7 + 1]
        year = int((10000 * (days + 719468) + 14780) / 3652425)
        left = days + 719468 - year_begins(year)
        if (left < 0) { year--; left = days + 719468 - year_begins(year) }
        month = int((100 * left + 52) / 3060)
        day = left - int((month * 306 + 5) / 10) + 1
        year += int((month + 2) / 12); month = months[(month + 2) % 12 + 1]
        clock = sprintf("%02d:%02d:%02d", int(second / 3600), int(second % 3600 / 60), second % 60)
        if (form == "rfc850") printf "%s, %02d-%s-%02d %s GMT", name, day, month, year % 100, clock
        else if (form == "asctime") printf "%s %s %2d %s %d", substr(name, 1, 3), month, day, clock, year
        else printf "%s, %02d %s %d %s GMT", substr(name, 1, 3), day, month, year, clock
    }'
}
"""


def is_signed_for_good(entry: Entry, secret_names: Mapping[str, str]) -> bool:
    """Whether a request carries the signature that it had in the run: curl cannot make another like it."""
    return signature_scope(entry, secret_names) is None and SIGNATURE.search(told(entry)) is not None


def told(entry: Entry) -> str:
    """A request as text."""
    fields = [f"{name}: {value}" for name, value in entry["request_headers"]]
    return "\n".join([entry["url"], *fields, entry["request_body"].get("text", "")])


def validity(number: int, entry: Entry) -> Iterator[str]:
    """The line that looks whether a signature of the run is still what it was: in its time, or before it."""
    signed = _signed_at(told(entry))
    if signed is None:
        return
    expires = EXPIRES.search(entry["url"])
    begin, end = signed - CLOCK_SKEW_S, signed + (int(expires[1]) if expires else CLOCK_SKEW_S)
    if entry["started"] < begin:
        yield f'[ "$(now)" -lt {_digits(begin)} ] || cannot "the time in request {number} has come"'
    elif entry["started"] <= end:
        yield f'[ "$(now)" -le {_digits(end)} ] || cannot "the signature of request {number} was good until then only"'


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
    told = [value for name, value in entry["response_headers"] if name.lower() == "retry-after"]
    return int(told[0]) if entry["status"] in (429, 503) and told and told[0].isdecimal() else math.inf


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
    told_by = {tag: number for number, each in earlier for tag in _tags(each["response_headers"], "etag")}
    for name, value in entry["request_headers"]:
        for tag in TAG.findall(value) if TAG_CONDITION.match(name) else ():
            if tag in told_by:
                yield f"{name}: {value}", tag, told_by[tag]


def _tags(fields: Sequence[Sequence[str]], wanted: str) -> Iterator[str]:
    for name, value in fields:
        if name.lower() == wanted:
            yield from TAG.findall(value)
