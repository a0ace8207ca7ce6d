"""Which changes there are of a message's part, and what becomes of the part by each."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import quote, unquote

ANSWER, REQUEST = "answer", "request"
MISSING, EARLIER, DOUBLED = "missing", "earlier", "doubled"
LAST = " in the last"
UNTOLD = re.compile(
    r"date|server|connection|content-length|transfer-encoding|x-request-id|x-amz-request-id|x-amz-id-2|pragma|"
    r"x-content-type-options|docker-distribution-api-version|"
    r".*(?:message|detail(?:\..*)?|error_description|title|instance|error_uri)|"
    r"(?:.*/)?(?:RequestId|HostId|DisplayName|Message|Resource)"
)
"""Parts that are free: words for people, and what tells one message from another."""
ERRORS = re.compile(r"field (?:www-authenticate|allow|retry-after|location|link|range|content-range|etag)")
"""Parts of an API's answers from 400 on that mean something to callers: bodies of its errors are of any form."""
SPELLED = {ANSWER: {"in capitals", "in small letters", "encoded", "cut"}, REQUEST: {"empty", "in capitals", "trimmed"}}
"""Ways that are seldom noticed where others of the same part are not."""
INVENTED = re.compile(r"(?:member|form|field|parameter) .*(?:\d.*|[^ -~].*|x|y|unknown|extra|note|a|b)")
"""Parts that checks ask for although nobody knows them."""
ASKED = re.compile(
    r"path (?:last|all)|(?:parameter|form|member) .*|element (?:[^/]+/?){1,4}|"
    r"field (?:accept|range|if-.*|content-(?:type|range|encoding|disposition|language|md5)|cache-control|expires|"
    r"x-amz-(?!date|content-sha256|security-token|user-agent|decoded).*)"
)
"""Parts of a request that operations are about, not who asks, nor how the message is framed."""


@dataclass(frozen=True)
class Part:
    """A part of a message: ``field etag``, ``member items[].slug``, ``element Contents/Key``, ``parameter prefix``."""

    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name}".strip()

    @classmethod
    def of(cls, text: str) -> Part:
        """The part that reads so."""
        return cls(*text.partition(" ")[::2])


@dataclass(frozen=True)
class Change:
    """One part of the messages of one route, wrong in one way. ``status`` is the answer's; 0 for a request."""

    side: str
    route: str
    status: int
    part: str
    way: str

    def __str__(self) -> str:
        status = f" {self.status}" if self.status else ""
        return f"{self.side} {self.route}{status}: {self.part} {self.way}"


def altered(value: str) -> str:
    """Another value of the same kind: its last digit, or without any its last letter, is another."""
    if value in ("true", "false"):
        return "false" if value == "true" else "true"
    found = list(re.finditer(r"\d", value)) or list(re.finditer(r"[A-Za-z]", value))
    if not found:
        return value + "x"
    place, sign = found[-1].start(), found[-1].group()
    other = str((int(sign) + 1) % 10) if sign.isdigit() else {"z": "y", "Z": "Y"}.get(sign, chr(ord(sign) + 1))
    return value[:place] + other + value[place + 1 :]


def decoded(value: str) -> str:
    """Percent-decoded, once more than was asked for."""
    return unquote(value.replace("+", " "))


TOLD: dict[str, Callable[[str], str]] = {
    "altered": altered, "empty": lambda value: "", "in capitals": str.upper, "in small letters": str.lower,
    "cut": lambda value: value[: len(value) // 2], "encoded": lambda value: quote(value, safe=""),
}  # fmt: skip
"""What an answer may say in place of a value."""
READ: dict[str, Callable[[str], str]] = {
    "altered": altered, "empty": lambda value: "", "in small letters": str.lower, "in capitals": str.upper,
    "decoded": decoded, "trimmed": str.strip, "cut": lambda value: value[: max(1, len(value) // 2)],
}  # fmt: skip
"""What a server may read in place of a value."""
STATUSES = {
    200: (201, 202, 204), 201: (200, 202), 202: (200, 201), 204: (200, 202), 206: (200,), 304: (200, 412), 301: (302,),
    400: (404, 422, 500), 401: (400, 403, 404), 403: (401, 404), 404: (400, 403), 405: (404, 501), 409: (400, 412),
    411: (400,), 412: (304, 409), 416: (400, 200), 501: (400, 405), 307: (302,), 413: (400,), 415: (400,), 422: (400,),
}  # fmt: skip


def of_answers(seen: Mapping[tuple[str, int], Mapping[str, set[str]]], spelled: bool) -> Iterator[Change]:
    """Every change of answers, of what each route and status told in each part."""
    for (route, status), parts in sorted(seen.items()):
        for other in STATUSES.get(status, ()):
            yield Change(ANSWER, route, status, "status", str(other))
        for name, values in sorted(parts.items()):
            free = route.partition(" ")[2].startswith("/api/") and status >= 400 and not ERRORS.fullmatch(name)
            if name != "status" and not free and not UNTOLD.fullmatch(Part.of(name).name):
                for way in _ways(TOLD, values, Part.of(name), several="#several" in values):
                    if spelled or way not in SPELLED[ANSWER]:
                        yield Change(ANSWER, route, status, name, way)


def of_requests(seen: Mapping[str, Mapping[str, set[str]]], spelled: bool) -> Iterator[Change]:
    """Every change of requests, of what was asked of each route in each part."""
    for route, parts in sorted(seen.items()):
        for name, values in sorted(parts.items()):
            if ASKED.fullmatch(name) and not INVENTED.fullmatch(name) and not name.startswith("parameter X-Amz-"):
                unheard = {DOUBLED, *(() if spelled else SPELLED[REQUEST]), *((MISSING,) if name[:4] == "path" else ())}
                for way in _ways(READ, values, Part.of(name), several=False):
                    if way not in unheard:
                        yield Change(REQUEST, route, 0, name, way)


def _ways(table: Mapping[str, Callable[[str], str]], values: set[str], part: Part, several: bool) -> Iterator[str]:
    told = {each for each in values if not each.startswith("#")}
    ways = [MISSING] if part.kind != "body" else []
    # Of what holds other parts the spelling is theirs.
    fits = {"empty": table["empty"]} if all(each.startswith(("{", "[", "<")) for each in told) else table
    ways += [way for way, change in fits.items() if any(change(each) != each for each in told)]
    ways += [EARLIER] if len(told) > 1 else []
    ways += [DOUBLED] if part.kind in ("field", "element") else []
    yield from ways
    if several:
        yield from (way + LAST for way in (MISSING, "altered"))
