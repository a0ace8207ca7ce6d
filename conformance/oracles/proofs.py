"""Proofs that several oracles share: what a script looks for in a response to repeat the judgement.

Each docstring states the property of a correct response.
"""

from __future__ import annotations

import html
import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Listed, Proof, Sum

NOW, EVER = ("", "now"), 10**12
"""The present time among the numbers of a sum, and the bound of an unbounded sum, in seconds."""

WITHIN = r"([^{}]|\{[^{}]*\})*"
"""A pattern of the text between two members of a JSON object: other members, nested objects included."""


def literal(text: str) -> str:
    """Return a POSIX extended regular expression that matches exactly this text."""
    return re.sub(r"([\\.^$*+?()\[\]{}|])", r"\\\1", text)


def above(number: int) -> str:
    """Return a POSIX extended regular expression, without anchors, of whole numbers above this one (0 or more)."""
    digits = str(number)
    higher = (
        f"{digits[:place]}[{int(digit) + 1}-9][0-9]{{{len(digits) - place - 1}}}"
        for place, digit in enumerate(digits)
        if digit != "9"
    )
    return f"0*({'|'.join([*higher, f'[1-9][0-9]{{{len(digits)},}}'])})"


def says(reply: Exchange, element: str, *values: str) -> Proof:
    """An element of the XML document has one of these values."""
    accepted = "|".join(dict.fromkeys(literal(form) for value in values for form in _forms(value)))
    return Proof(reply.id, matches=f"<{element}>({accepted})</{element}>")


def has_element(reply: Exchange, name: str) -> Proof:
    """The XML document has this element."""
    return Proof(reply.id, matches=f"<{name}[ />]")


def says_something(reply: Exchange, name: str) -> Proof:
    """The XML document has this element, not empty."""
    return Proof(reply.id, matches=f"<{name}( [^>]*)?>[^<]")


def in_order(reply: Exchange, element: str, values: Sequence[str]) -> Proof | None:
    """The elements of a page have this order; None if the page lacks one of them."""
    forms = [html.escape(value, quote=False) for value in values]
    if not all(f"<{element}>{form}</{element}>" in reply.text for form in forms):
        return None
    return Proof(reply.id, matches=".*".join(f"<{element}>{literal(form)}</{element}>" for form in forms))


def lacks(reply: Exchange, *texts: str) -> Proof:
    """The body contains none of these texts."""
    return Proof(reply.id, lacks="|".join(map(literal, texts)))


def lists_exactly(reply: Exchange, expected: Iterable[str], found: Iterable[str]) -> Proof | None:
    """The body does not contain an unexpected or repeated text; or it contains a missing one."""
    expected, found = Counter(expected), Counter(found)
    missing, extra = sorted(expected - found), sorted(found.keys() - expected.keys())
    if again := sorted((found - expected).keys() - extra):
        return Proof(reply.id, lacks=twice(again[0]))
    return lacks(reply, *extra) if extra else Proof(reply.id, matches=literal(missing[0])) if missing else None


def claims_say(reply: Exchange, name: str, value: str) -> Proof:
    """A claim of the JWT in a response, as JSON, begins with a POSIX extended regular expression."""
    return replace(has_member(reply, name, value), inside="claims")


def claims_differ(name: str, one: Exchange, other: Exchange) -> Proof:
    """The JWTs in two responses have different values of a claim."""
    return Proof(other.id, differ=((name, one.id, other.id),))


def adds_up(reply: Exchange, *sums: Sum) -> Proof:
    """At least one of these sums is within its bounds."""
    return Proof(reply.id, sums=sums)


def expires_as_stated(reply: Exchange, within_s: int, late: bool) -> Proof:
    """The JWT in a response expires as expires_in states: no later, or (also counted from iat) no earlier."""
    exp, iat, got = ((reply.id, name) for name in ("claims.exp", "claims.iat", "expires_in"))
    if late:
        return adds_up(reply, Sum((exp,), (NOW, got), -EVER, within_s))
    return adds_up(reply, *(Sum((exp,), (begin, got), -within_s, EVER) for begin in (iat, NOW)))


def among(pages: Sequence[Exchange], text: str) -> Proof | None:
    """A list contains a text; None for several pages, since it could be on any."""
    return Proof(pages[0].id, matches=literal(text)) if len(pages) == 1 else None


def not_among(pages: Sequence[Exchange], text: str) -> Proof | None:
    """The page with a text does not contain it."""
    return next((lacks(page, text) for page in pages if text in page.text), None)


def another_field(one: Exchange, other: Exchange, name: str) -> Proof:
    """Two responses have different values of a field."""
    return Proof(other.id, unlike=((name, one.id, other.id),))


def lists(element: str, replies: Iterable[Exchange], items: Iterable[str]) -> Proof:
    """The pages have these items, each once, in any order."""
    return Proof(listed=(Listed(element, tuple(reply.id for reply in replies), tuple(items)),))


def field_matches(reply: Exchange, name: str, pattern: str) -> Proof:
    """A value of a header field matches a POSIX extended regular expression, ignoring case."""
    return Proof(reply.id, fields_match=((name, pattern),))


def field_lacks(reply: Exchange, name: str, value: str) -> Proof:
    """No value of a header field is this one."""
    return field_says_no(reply, name, f"^{literal(value)}$")


def field_says_no(reply: Exchange, name: str, pattern: str) -> Proof:
    """No value of a header field matches a POSIX extended regular expression, ignoring case."""
    return Proof(reply.id, fields_lack=((name, pattern),))


def alike(one: Exchange, other: Exchange) -> Proof | None:
    """Two responses have the same status; None if they already have."""
    return Proof(alike=((one.id, other.id),)) if one.status != other.status else None


def shows_text(reply: Exchange, text: str) -> Proof | None:
    """The response is successful and contains a text; None for a text that JSON may escape."""
    plain = text.isascii() and text.isprintable() and not set(text) & set('"\\/')
    return Proof(reply.id, statuses=tuple(range(200, 300)), matches=literal(text)) if plain else None


def in_its_object(reply: Exchange, text: str, name: str, value: object, there: bool = True) -> Proof:
    """The JSON object with a text has, or has not, a member with a value; for an object, its missing pair."""
    pairs = value.items() if isinstance(value, dict) else ()
    got = [rf'\{{[^{{}}]*"{literal(key)}" *: *({_json(each)})[^{{}}]*\}}' for key, each in pairs]
    one = literal(f'"{text}"')
    members = [f'"{name}" *: *{each}' for each in got or [rf"({_json(value)}) *(,|\}})"]]
    expected = [f"({one}{WITHIN}{each}|{each}{WITHIN}{one})" for each in members]
    missing = next((each for each in expected if not re.search(each, reply.text)), expected[0])
    return Proof(reply.id, matches=missing) if there else Proof(reply.id, lacks=missing)


def twice(text: str) -> str:
    """Return a pattern of a string that JSON contains twice."""
    return f'"{literal(text)}".*"{literal(text)}"'


def both_have(one: Exchange, other: Exchange, pattern: str) -> Proof | None:
    """A pattern is in both responses or in neither; None if it already is."""
    found = [bool(re.search(pattern, _lines(each), re.I | re.M)) for each in (one, other)]
    return Proof(other.id, both=((one.id, other.id, pattern),)) if found[0] != found[1] else None


def has_member(reply: Exchange, name: str, value: str = "") -> Proof:
    """A JSON member exists, and its value begins with a POSIX extended regular expression."""
    return Proof(reply.id, matches=f'"{name}" *: *{value}')


def has_no_member(reply: Exchange, name: str) -> Proof:
    """A JSON member does not exist."""
    return Proof(reply.id, lacks=f'"{name}" *:')


def without_member(reply: Exchange, name: str) -> Proof | None:
    """A JSON member has a different text or number, or is absent."""
    found = re.search(rf'"{name}" *: *("(?:[^"\\]|\\.)*"|[\w.+-]+)', reply.text)
    if found is None or not found[0].isprintable():
        return None
    # A number may be the beginning of another.
    return Proof(reply.id, lacks=literal(found[0]) + ("" if found[1].startswith('"') else "[^0-9A-Za-z.+-]"))


def without_list(reply: Exchange, name: str) -> Proof | None:
    """A list of strings in JSON is different."""
    found = re.search(rf'"{name}" *: *\[[^\]]*\]', reply.text)
    return lacks(reply, found[0]) if found and found[0].isprintable() else None


def _json(value: object) -> str:
    got = [json.dumps(value, ensure_ascii=each) for each in (False, True)]
    return "|".join(dict.fromkeys(literal(form) for each in got for form in (each, _safe_in_pages(each))))


def _safe_in_pages(text: str) -> str:
    """Return JSON with escaped HTML characters, as some libraries write it."""
    return re.sub("[<>&]", lambda sign: f"\\u{ord(sign.group()):04x}", text)


def _lines(reply: Exchange) -> str:
    return "\n".join([*(f"{name}: {value}" for name, value in reply.headers), reply.text.replace("\n", "")])


def _forms(value: str) -> tuple[str, ...]:
    return value, html.escape(value, quote=False), html.escape(value)
