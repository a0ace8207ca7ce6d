"""What a script can look for in an answer, told once: that it says something, or never says it."""

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
"""Among the numbers of a sum the present time, and the bound of one that has none, seconds."""

WITHIN = r"([^{}]|\{[^{}]*\})*"
"""A pattern of what stands between two members of an object of JSON, others and whole objects in them."""


def literal(text: str) -> str:
    """A text as a POSIX extended regular expression, which finds it and nothing else."""
    return re.sub(r"([\\.^$*+?()\[\]{}|])", r"\\\1", text)


def above(number: int) -> str:
    """A whole number larger than this one (0 or more), as a POSIX extended regular expression without anchors."""
    digits = str(number)
    higher = (
        f"{digits[:place]}[{int(digit) + 1}-9][0-9]{{{len(digits) - place - 1}}}"
        for place, digit in enumerate(digits)
        if digit != "9"
    )
    return f"0*({'|'.join([*higher, f'[1-9][0-9]{{{len(digits)},}}'])})"


def says(reply: Exchange, element: str, *values: str) -> Proof:
    """An element of an XML document would have one of these values."""
    accepted = "|".join(dict.fromkeys(literal(form) for value in values for form in _forms(value)))
    return Proof(reply.id, matches=f"<{element}>({accepted})</{element}>")


def has_element(reply: Exchange, name: str) -> Proof:
    """An element of an XML document would be there."""
    return Proof(reply.id, matches=f"<{name}[ />]")


def says_something(reply: Exchange, name: str) -> Proof:
    """An element of an XML document would be there, and not be empty."""
    return Proof(reply.id, matches=f"<{name}( [^>]*)?>[^<]")


def in_order(reply: Exchange, element: str, values: Sequence[str]) -> Proof | None:
    """Elements of a page would come in this order; nothing is said of one that has not all of them."""
    forms = [html.escape(value, quote=False) for value in values]
    if not all(f"<{element}>{form}</{element}>" in reply.text for form in forms):
        return None
    return Proof(reply.id, matches=".*".join(f"<{element}>{literal(form)}</{element}>" for form in forms))


def lacks(reply: Exchange, *texts: str) -> Proof:
    """None of these texts would stand in the body."""
    return Proof(reply.id, lacks="|".join(map(literal, texts)))


def has_just(reply: Exchange, wanted: Iterable[str], found: Iterable[str]) -> Proof | None:
    """A text that was not wanted would not stand in the body, or not twice; or one that was wanted would."""
    wanted, found = Counter(wanted), Counter(found)
    missing, extra = sorted(wanted - found), sorted(found.keys() - wanted.keys())
    if again := sorted((found - wanted).keys() - extra):
        return Proof(reply.id, lacks=twice(again[0]))
    return lacks(reply, *extra) if extra else Proof(reply.id, matches=literal(missing[0])) if missing else None


def claims_say(reply: Exchange, name: str, value: str) -> Proof:
    """A claim of the JWT in an answer would begin as a POSIX extended regular expression says, as JSON writes it."""
    return replace(has_member(reply, name, value), inside="claims")


def claims_differ(name: str, one: Exchange, other: Exchange) -> Proof:
    """The JWTs in two answers would have two values of a claim."""
    return Proof(other.id, differ=((name, one.id, other.id),))


def adds_up(reply: Exchange, *sums: Sum) -> Proof:
    """One of these sums of numbers at least would be as it is told."""
    return Proof(reply.id, sums=sums)


def ends_as_told(reply: Exchange, within_s: int, late: bool) -> Proof:
    """The JWT in an answer would end with its expires_in: no later, or, told from its iat as well, no earlier."""
    exp, iat, told = ((reply.id, name) for name in ("claims.exp", "claims.iat", "expires_in"))
    if late:
        return adds_up(reply, Sum((exp,), (NOW, told), -EVER, within_s))
    return adds_up(reply, *(Sum((exp,), (begin, told), -within_s, EVER) for begin in (iat, NOW)))


def among(pages: Sequence[Exchange], text: str) -> Proof | None:
    """A text would stand in a list; nothing is said of one of several pages, since it could be on any."""
    return Proof(pages[0].id, matches=literal(text)) if len(pages) == 1 else None


def not_among(pages: Sequence[Exchange], text: str) -> Proof | None:
    """A text would not stand on the page of a list that has it."""
    return next((lacks(page, text) for page in pages if text in page.text), None)


def another_field(one: Exchange, other: Exchange, name: str) -> Proof:
    """Two answers would have two values of a field."""
    return Proof(other.id, unlike=((name, one.id, other.id),))


def lists(element: str, replies: Iterable[Exchange], items: Iterable[str]) -> Proof:
    """The pages would have these items, each once, in whatever order."""
    return Proof(listed=(Listed(element, tuple(reply.id for reply in replies), tuple(items)),))


def field_matches(reply: Exchange, name: str, pattern: str) -> Proof:
    """A value of a header field would match a POSIX extended regular expression, in any case of its letters."""
    return Proof(reply.id, fields_match=((name, pattern),))


def field_lacks(reply: Exchange, name: str, value: str) -> Proof:
    """No value of a header field would be this one."""
    return field_says_no(reply, name, f"^{literal(value)}$")


def field_says_no(reply: Exchange, name: str, pattern: str) -> Proof:
    """No value of a header field would match a POSIX extended regular expression, in any case of its letters."""
    return Proof(reply.id, fields_lack=((name, pattern),))


def alike(one: Exchange, other: Exchange) -> Proof | None:
    """Two answers would have one status; nothing is said of answers that have."""
    return Proof(alike=((one.id, other.id),)) if one.status != other.status else None


def shows_text(reply: Exchange, text: str) -> Proof | None:
    """The answer would be of success and have a text; nothing is said of one that JSON may write otherwise."""
    plain = text.isascii() and text.isprintable() and not set(text) & set('"\\/')
    return Proof(reply.id, statuses=tuple(range(200, 300)), matches=literal(text)) if plain else None


def in_its_object(reply: Exchange, text: str, name: str, value: object, there: bool = True) -> Proof:
    """The object of JSON that has a text would have, or not, a member of a value: of an object, the pair it lacks."""
    pairs = value.items() if isinstance(value, dict) else ()
    told = [rf'\{{[^{{}}]*"{literal(key)}" *: *({_json(each)})[^{{}}]*\}}' for key, each in pairs]
    one = literal(f'"{text}"')
    members = [f'"{name}" *: *{each}' for each in told or [rf"({_json(value)}) *(,|\}})"]]
    wanted = [f"({one}{WITHIN}{each}|{each}{WITHIN}{one})" for each in members]
    missing = next((each for each in wanted if not re.search(each, reply.text)), wanted[0])
    return Proof(reply.id, matches=missing) if there else Proof(reply.id, lacks=missing)


def twice(text: str) -> str:
    """A pattern of a string that stands in JSON twice."""
    return f'"{literal(text)}".*"{literal(text)}"'


def both_have(one: Exchange, other: Exchange, pattern: str) -> Proof | None:
    """A pattern would be found in both answers or in neither; nothing is said where it is so already."""
    found = [bool(re.search(pattern, _told(each), re.I | re.M)) for each in (one, other)]
    return Proof(other.id, both=((one.id, other.id, pattern),)) if found[0] != found[1] else None


def has_member(reply: Exchange, name: str, value: str = "") -> Proof:
    """A member of JSON would be there, and what it is would begin as a POSIX extended regular expression says."""
    return Proof(reply.id, matches=f'"{name}" *: *{value}')


def has_no_member(reply: Exchange, name: str) -> Proof:
    """A member of JSON would not be there."""
    return Proof(reply.id, lacks=f'"{name}" *:')


def without_member(reply: Exchange, name: str) -> Proof | None:
    """A member of JSON would be another text or number than it is, or there would be none."""
    found = re.search(rf'"{name}" *: *("(?:[^"\\]|\\.)*"|[\w.+-]+)', reply.text)
    if found is None or not found[0].isprintable():
        return None
    # A number may be the beginning of another.
    return Proof(reply.id, lacks=literal(found[0]) + ("" if found[1].startswith('"') else "[^0-9A-Za-z.+-]"))


def without_list(reply: Exchange, name: str) -> Proof | None:
    """A list of strings in JSON would be another one than it is."""
    found = re.search(rf'"{name}" *: *\[[^\]]*\]', reply.text)
    return lacks(reply, found[0]) if found and found[0].isprintable() else None


def _json(value: object) -> str:
    told = [json.dumps(value, ensure_ascii=each) for each in (False, True)]
    return "|".join(dict.fromkeys(literal(form) for each in told for form in (each, _safe_in_pages(each))))


def _safe_in_pages(text: str) -> str:
    """JSON as libraries write it that keep the signs of HTML out of it."""
    return re.sub("[<>&]", lambda sign: f"\\u{ord(sign.group()):04x}", text)


def _told(reply: Exchange) -> str:
    return "\n".join([*(f"{name}: {value}" for name, value in reply.headers), reply.text.replace("\n", "")])


def _forms(value: str) -> tuple[str, ...]:
    return value, html.escape(value, quote=False), html.escape(value)
