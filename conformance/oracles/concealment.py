"""Hidden equals absent: what a caller learns of a thing that is kept from it.

Requests for the hidden thing and for controls that never existed are compared in status, header names,
header values and body bytes, after what was asked for is masked. What differs between the controls
themselves (request ids, quotas) is volatile and is not compared.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from urllib.parse import quote

from conformance.oracles.errors import said_in
from conformance.oracles.proofs import alike, literal
from conformance.oracles.status import observed, unlike
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance, Proof
from conformance.vocabulary.wording import worded

MASK = "ASKED"
AGAIN = (1, 2, 1, 1, 2, 3, 1, 2)
"""How many controls follow each time on the name: in no turn that several servers behind one address may take."""
# The clock: it moves while the requests are made. Values of these say nothing of what was asked for.
CLOCK = frozenset({"date", "age", "expires"})
TEXT = re.compile(r'"[^"]+"|>[^<>]+<')
WORD = re.compile(r"[A-Za-z0-9_.+/=-]+|[^A-Za-z0-9_.+/=-]")


@dataclass(frozen=True)
class Asked:
    """One request and the name that it asked for."""

    name: str
    reply: Exchange

    def masked(self, text: str) -> str:
        """A text of the answer with the asked name replaced, as it is, percent-encoded and in other case.

        Only where it stands by itself: of the run's own names one may begin another.
        """
        forms = {self.name, quote(self.name, safe=""), self.name.upper(), self.name.lower()}
        longest_first = "|".join(re.escape(form) for form in sorted(forms, key=len, reverse=True))
        return re.sub(f"(?<![A-Za-z0-9])(?:{longest_first})(?![A-Za-z0-9])", MASK, text)

    def told(self) -> dict[str, str]:
        """The header fields of the answer, each as one text, as they are."""
        fields: dict[str, str] = {}
        for name, value in self.reply.headers:
            key = name.lower()
            fields[key] = f"{fields[key]}, {value}" if key in fields else value
        return fields


def _headers(asked: Asked) -> dict[str, str]:
    return {key: asked.masked(value) for key, value in asked.told().items()}


def _words(asked: Asked) -> list[str]:
    return WORD.findall(asked.masked(_text(asked)))


def _text(asked: Asked) -> str:
    # Latin-1 loses no byte, so bodies that are no text are compared as well.
    return asked.reply.body.decode("latin-1")


def difference(hidden: Asked, controls: Sequence[Asked]) -> str | None:
    """In what the answer for a hidden thing differs from the answers for absent ones, or None."""
    statuses = {each.reply.status for each in controls}
    if len(statuses) == 1 and hidden.reply.status not in statuses:
        return f"status {hidden.reply.status}, {statuses.pop()} for what never existed"
    told, shown = _header_difference(hidden, controls), _body_difference(hidden, controls)
    # Why a length is another one is to be seen in the body, where the answer has one.
    return shown if shown and (told is None or told.startswith("content-length:")) else told


def _header_difference(hidden: Asked, controls: Sequence[Asked]) -> str | None:
    own, others = _headers(hidden), [_headers(each) for each in controls]
    always = set.intersection(*(set(each) for each in others))
    ever = set.union(*(set(each) for each in others))
    if always - set(own):
        return f"no {sorted(always - set(own))[0]} field, which what never existed has"
    if set(own) - ever:
        name = sorted(set(own) - ever)[0]
        return f"{name}: {own[name]}, a field that what never existed has not"
    # The length of the asked name is not the target's doing.
    unequal = len({len(each.name) for each in [hidden, *controls]}) > 1
    told, always_told = hidden.told(), [each.told() for each in controls]
    for name in sorted(always - CLOCK - ({"content-length"} if unequal else set())):
        values = {each[name] for each in others}
        if told[name] in {each[name] for each in always_told}:
            # What is there for anything, such as a realm that is named like the organization, is not of what was asked.
            continue
        if len(values) == 1 and own[name] not in values and not (name == "content-length" and _lengths_vary(controls)):
            return f"{name}: {own[name]}, {values.pop()} for what never existed"
    return None


def _proof(asked: Sequence[Asked], controls: Sequence[Asked]) -> Proof | None:
    """In what the answers for a hidden thing and an absent one would be alike; None where that cannot be told.

    What differs from answer to answer tells nothing: it is there each time for the one, and never for the other.
    """
    one, other = controls[0].reply, asked[0].reply
    if any(each.reply.status != other.status for each in controls):
        return alike(one, other)
    seen, wanted = [_headers(each) for each in asked], [_headers(each) for each in controls]
    patterns = [f"^{name}:" for name in _only_of(list(map(set, seen)), list(map(set, wanted)))]
    told = [set(_texts(each)) for each in asked], [set(_texts(each)) for each in controls]
    patterns += [literal(text) for text in _only_of(*told) if text.isprintable() and re.search(r"\w", text)]
    fields = [
        [{f"^{name}: {literal(value)}$" for name, value in each.items() if name not in CLOCK} for each in side]
        for side in (seen, wanted)
    ]
    patterns += _only_of(fields[0], fields[1])
    plain = [each for each in patterns if MASK not in each and each.isprintable()]
    return Proof(other.id, alike_in=((one.id, other.id, plain[0]),)) if plain else None


def _only_of(these: Sequence[set[str]], others: Sequence[set[str]]) -> list[str]:
    """What each of these has and none of the others, and what each of the others has and none of these."""
    always, theirs = set.intersection(*these), set.intersection(*others)
    return sorted(always.difference(*others)) + sorted(theirs.difference(*these))


def _texts(asked: Asked) -> list[str]:
    """The texts in a body of JSON or a page, between quotes or tags, with the asked name replaced."""
    return TEXT.findall(asked.masked(asked.reply.text))


def _lengths_vary(controls: Sequence[Asked]) -> bool:
    return len({len(_words(each)) for each in controls}) > 1 or any(
        len(set(group)) > 1 for group in zip(*map(_words, controls), strict=False)
    )


def _start(asked: Asked) -> str:
    return asked.masked(asked.reply.text)[:200]


def _body_difference(hidden: Asked, controls: Sequence[Asked]) -> str | None:
    own, others = _words(hidden), [_words(each) for each in controls]
    if len({len(each) for each in others}) > 1:
        return None
    said, always = WORD.findall(_text(hidden)), [WORD.findall(_text(each)) for each in controls]
    if len(own) != len(others[0]):
        return f"the body {worded(_start(hidden))}, {worded(_start(controls[0]))} for what never existed"
    comparable = {len(said), len(own)} == {len(each) for each in [own, *always]}
    for position, word in enumerate(own):
        known = {each[position] for each in others}
        if comparable and MASK in word and said[position] in {each[position] for each in always}:
            continue
        if len(known) == 1 and word not in known:
            return f"{worded(word)} in the body, {worded(known.pop())} for what never existed"
    return None


def expect_as_absent(
    ask: Callable[[str], Asked],
    name: str,
    control: Callable[[], str],
    because: str = "",
    like: str = "what never existed",
    or_statuses: tuple[int, ...] = (),
) -> Exchange:
    """A name is answered as controls are, which by default are names that never existed; returns its answer.

    ``ask`` sends the request for a name, ``control`` invents one, ``like`` says what controls are; with a status of
    ``or_statuses`` the name's answer is right whatever theirs is. A difference in status counts at once: it is not
    volatile, and what was destroyed could not be asked for again. Any other counts if it is there each time in the
    further rounds of ``AGAIN``: a field of few values (milliseconds, one of two servers) seems constant over a few.
    """
    asked, controls = _round(ask, name, control, AGAIN[:1])
    found = difference(asked[0], controls)
    if found and all(each.reply.status == asked[0].reply.status for each in controls):
        asked, controls = _round(ask, name, control, AGAIN)
        differences = [difference(each, controls) for each in asked]
        found = differences[0] if all(differences) else None
    if found and asked[0].reply.status not in or_statuses:
        proof = _proof(asked, controls)
        raise NonConformance(
            f"the answer of {like} ({controls[0].reply.status}) {because}".rstrip(),
            found,
            controls[0].reply,
            asked[0].reply,
            proof=proof and replace(proof, or_statuses=or_statuses),
        )
    return asked[-1].reply


def _round(
    ask: Callable[[str], Asked], name: str, control: Callable[[], str], between: Sequence[int]
) -> tuple[list[Asked], list[Asked]]:
    """The name again and again, each time between controls, so that what only counts up or down differs among those."""
    controls, asked = [ask(control())], []
    for number in between:
        asked.append(ask(name))
        controls += [ask(control()) for _ in range(number)]
    return asked, controls


def expect_alike(reply: Exchange, other: Exchange, because: str) -> None:
    """Another request is answered with the same status."""
    if other.status != reply.status:
        proof = alike(reply, other)
        raise NonConformance(f"{reply.status} {because}", observed(other), reply, other, proof=proof)


def expect_pair(existing: Exchange, absent: Exchange) -> None:
    """The pair rule: what exists and is not the caller's is answered 403 or 404, and as what never existed is."""
    for reply in (existing, absent):
        if reply.status not in (403, 404):
            raise unlike("403 or 404", reply, {403, 404})
    if existing.status != absent.status:
        raise NonConformance(
            f"one answer for what exists and what never existed ({absent.status})",
            observed(existing),
            absent,
            existing,
            proof=alike(absent, existing),
        )


def expect_not_named(reply: Exchange, name: str) -> None:
    """The name of what is hidden is nowhere in body or header fields; what only begins or ends so is another's."""
    if re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", said_in(reply)):
        expected = "an answer that does not repeat the name of what is hidden"
        proof = Proof(reply.id, lacks=f"(^|[^0-9A-Za-z_-]){literal(name)}([^0-9A-Za-z_-]|$)")
        raise NonConformance(expected, f"{reply.status} with that name in it", reply, proof=proof)
