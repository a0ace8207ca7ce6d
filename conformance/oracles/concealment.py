"""Concealment: the response for a hidden resource equals the response for an absent one.

The responses for the hidden name and for absent control names are compared in status, header names, header values
and body bytes. The requested name is masked first. Values that differ among the controls (request ids, quotas) are
volatile and are not compared.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from conformance.oracles.errors import whole_text
from conformance.oracles.status import observed, unlike
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance
from conformance.vocabulary.wording import worded

MASK = "ASKED"
AGAIN = (1, 2, 1, 1, 2, 3, 1, 2)
"""How many controls follow each request for the name: irregular, so that it matches no rotation of servers."""
# The clock: these values change while the requests are sent, whatever they ask for.
CLOCK = frozenset({"date", "age", "expires"})
TEXT = re.compile(r'"[^"]+"|>[^<>]+<')
WORD = re.compile(r"[A-Za-z0-9_.+/=-]+|[^A-Za-z0-9_.+/=-]")


@dataclass(frozen=True)
class Probe:
    """A response, and the name that was requested."""

    name: str
    reply: Exchange

    def masked(self, text: str) -> str:
        """Return a text with the requested name masked, whether it is plain, percent-encoded or in another case.

        Only whole words are masked: one name of the run may be the beginning of another.
        """
        forms = {self.name, quote(self.name, safe=""), self.name.upper(), self.name.lower()}
        longest_first = "|".join(re.escape(form) for form in sorted(forms, key=len, reverse=True))
        return re.sub(f"(?<![A-Za-z0-9])(?:{longest_first})(?![A-Za-z0-9])", MASK, text)

    def fields(self) -> dict[str, str]:
        """Return the header fields of the response, repeated ones joined by commas."""
        fields: dict[str, str] = {}
        for name, value in self.reply.headers:
            key = name.lower()
            fields[key] = f"{fields[key]}, {value}" if key in fields else value
        return fields


def _headers(probe: Probe) -> dict[str, str]:
    return {key: probe.masked(value) for key, value in probe.fields().items()}


def _words(probe: Probe) -> list[str]:
    return WORD.findall(probe.masked(_text(probe)))


def _text(probe: Probe) -> str:
    # Latin-1 loses no byte, so binary bodies are compared as well.
    return probe.reply.body.decode("latin-1")


def difference(hidden: Probe, controls: Sequence[Probe]) -> str | None:
    """Return how the response for a hidden name differs from those for absent names, or None."""
    statuses = {each.reply.status for each in controls}
    if len(statuses) == 1 and hidden.reply.status not in statuses:
        return f"{hidden.reply.status} instead of {statuses.pop()}"
    in_fields, in_body = _header_difference(hidden, controls), _body_difference(hidden, controls)
    # A different Content-Length is explained by the body, if there is one.
    return in_body if in_body and (in_fields is None or in_fields.startswith("content-length:")) else in_fields


def _header_difference(hidden: Probe, controls: Sequence[Probe]) -> str | None:
    own, others = _headers(hidden), [_headers(each) for each in controls]
    always = set.intersection(*(set(each) for each in others))
    ever = set.union(*(set(each) for each in others))
    if always - set(own):
        return f"no {sorted(always - set(own))[0]} field"
    if set(own) - ever:
        name = sorted(set(own) - ever)[0]
        return f"the additional field {name}: {own[name]}"
    # Names of different lengths make bodies of different lengths.
    unequal = len({len(each.name) for each in [hidden, *controls]}) > 1
    got, others_fields = hidden.fields(), [each.fields() for each in controls]
    for name in sorted(always - CLOCK - ({"content-length"} if unequal else set())):
        values = {each[name] for each in others}
        if got[name] in {each[name] for each in others_fields}:
            # A value that every response has, such as a realm named like the organization, does not depend on the name.
            continue
        if len(values) == 1 and own[name] not in values and not (name == "content-length" and _lengths_vary(controls)):
            return f"{name}: {own[name]} instead of {values.pop()}"
    return None


def _lengths_vary(controls: Sequence[Probe]) -> bool:
    return len({len(_words(each)) for each in controls}) > 1 or any(
        len(set(group)) > 1 for group in zip(*map(_words, controls), strict=False)
    )


def _start(probe: Probe) -> str:
    return probe.masked(probe.reply.text)[:200]


def _body_difference(hidden: Probe, controls: Sequence[Probe]) -> str | None:
    own, others = _words(hidden), [_words(each) for each in controls]
    if len({len(each) for each in others}) > 1:
        return None
    unmasked, always = WORD.findall(_text(hidden)), [WORD.findall(_text(each)) for each in controls]
    if len(own) != len(others[0]):
        return f"the body {worded(_start(hidden))} instead of {worded(_start(controls[0]))}"
    comparable = {len(unmasked), len(own)} == {len(each) for each in [own, *always]}
    for position, word in enumerate(own):
        known = {each[position] for each in others}
        if comparable and MASK in word and unmasked[position] in {each[position] for each in always}:
            continue
        if len(known) == 1 and word not in known:
            return f"{worded(word)} in the body instead of {worded(known.pop())}"
    return None


def expect_as_absent(
    ask: Callable[[str], Probe],
    name: str,
    control: Callable[[], str],
    because: str = "",
    like: str = "a name that never existed",
    or_statuses: tuple[int, ...] = (),
) -> Exchange:
    """Expect a name to get the same response as control names, which by default never existed; return the response.

    ``ask`` sends the request for a name, ``control`` invents a control name, ``like`` describes the controls. A status
    of ``or_statuses`` is always right. A different status counts at once, because a destroyed resource cannot be
    requested again. Any other difference counts only if it shows in every round of ``AGAIN``: a field with few values
    (milliseconds, one of two servers) seems constant over a few responses.
    """
    probes, controls = _round(ask, name, control, AGAIN[:1])
    found = difference(probes[0], controls)
    if found and all(each.reply.status == probes[0].reply.status for each in controls):
        probes, controls = _round(ask, name, control, AGAIN)
        differences = [difference(each, controls) for each in probes]
        found = differences[0] if all(differences) else None
    if found and probes[0].reply.status not in or_statuses:
        raise NonConformance(
            f"the same response as for {like} ({controls[0].reply.status}) {because}".rstrip(),
            found,
            controls[0].reply,
            probes[0].reply,
        )
    return probes[-1].reply


def _round(
    ask: Callable[[str], Probe], name: str, control: Callable[[], str], between: Sequence[int]
) -> tuple[list[Probe], list[Probe]]:
    """Request the name several times between controls, so that counters differ among the controls, too."""
    controls, probes = [ask(control())], []
    for number in between:
        probes.append(ask(name))
        controls += [ask(control()) for _ in range(number)]
    return probes, controls


def expect_alike(reply: Exchange, other: Exchange, because: str) -> None:
    """Expect another request to get the same status."""
    if other.status != reply.status:
        raise NonConformance(f"{reply.status} {because}", observed(other), reply, other)


def expect_pair(existing: Exchange, absent: Exchange) -> None:
    """Expect 403 or 404 for another's resource, and the same status for a resource that never existed."""
    for reply in (existing, absent):
        if reply.status not in (403, 404):
            raise unlike("403 or 404", reply, {403, 404})
    if existing.status != absent.status:
        raise NonConformance(
            f"{absent.status}, as for what never existed",
            observed(existing),
            absent,
            existing,
        )


def expect_not_named(reply: Exchange, name: str) -> None:
    """Expect no hidden name in body or header fields; longer names that contain it do not count."""
    if re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", whole_text(reply)):
        expected = "a response without the name of the hidden resource"
        raise NonConformance(expected, f"{reply.status} with the name {worded(name)}", reply)
