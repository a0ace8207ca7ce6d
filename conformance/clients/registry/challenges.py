"""Parses the challenges of a response: schemes with their parameters (RFC 9110 section 11.6.1)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from conformance.vocabulary.exchange import Exchange

TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
TOKEN68 = re.compile(r"[A-Za-z0-9\-._~+/]+=*(?=\s*(?:,|$))")
QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
UNQUOTED = re.compile(r'[^",\s]+')
"""A value without quotation marks; more characters than a token's are accepted, such as those of a URL."""


@dataclass
class Challenge:
    """One challenge of a WWW-Authenticate field: scheme in lower case, parameters by lower-case name.

    A ``repeated`` parameter has its first value. ``scopes`` are the entries of all scope parameters ("a scope field
    for each required resource scope", token scope documentation).
    """

    scheme: str
    parameters: dict[str, str] = field(default_factory=dict)
    repeated: set[str] = field(default_factory=set)
    scopes: list[str] = field(default_factory=list)


def challenges(reply: Exchange) -> list[Challenge]:
    """Return all challenges of a response (RFC 9110 section 11.6.1)."""
    return challenges_in(reply.headers.all("www-authenticate"))


def challenges_in(values: Iterable[str]) -> list[Challenge]:
    """Return all challenges in the values of WWW-Authenticate fields."""
    return [each for value in values for each in _parsed(value)]


def needs_no_scope(reply: Exchange) -> bool:
    """Return whether a 401 requests a token without a scope (Docker token scopes, Resource Provider Use)."""
    bearer = [each for each in challenges(reply) if each.scheme == "bearer"]
    return reply.status == 401 and bool(bearer) and not any(each.scopes for each in bearer)


def _parsed(value: str) -> list[Challenge]:
    found: list[Challenge] = []
    position = 0
    while position < len(value):
        if value[position] in ", \t":
            position += 1
            continue
        name = TOKEN.match(value, position)
        if name is None:
            position += 1
            continue
        position = _parameter(value, name, found)
    return found


def _parameter(value: str, name: re.Match[str], found: list[Challenge]) -> int:
    """Parse the scheme or parameter that starts with ``name`` into ``found``; return its end."""
    rest = re.compile(r"\s*=\s*").match(value, name.end())
    if rest is None or not found:
        found.append(Challenge(name.group().lower()))
        credentials = re.compile(r"[ \t]+").match(value, name.end())
        token68 = TOKEN68.match(value, credentials.end()) if credentials else None
        return token68.end() if token68 else name.end()
    content = QUOTED.match(value, rest.end()) or UNQUOTED.match(value, rest.end())
    if content is None:
        return rest.end()
    text = re.sub(r"\\(.)", r"\1", content.group(1)) if content.group().startswith('"') else content.group()
    key = name.group().lower()
    if key == "scope":
        found[-1].scopes += text.split()
    if key in found[-1].parameters:
        found[-1].repeated.add(key)
    found[-1].parameters.setdefault(key, text)
    return content.end()
