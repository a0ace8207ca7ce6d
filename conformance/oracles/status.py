"""Statuses: what an answer may be, told with what the answer said."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from conformance.evidence.recorder import RECORDER
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance, Proof

SHOWN = 300
NOT_IMPLEMENTED = 501
NOT_OFFERED = frozenset({405, NOT_IMPLEMENTED})
"""A method that is not there (RFC 9110 sections 15.5.6 and 15.6.2): HEAD, too, where a server is of one purpose."""
LONGEST = 8192


ATTACK = re.compile(rb"\0|%00|\\u0000|<script|%3Cscript", re.IGNORECASE)
"""What firewalls in front of a service refuse wherever it stands."""


def refused_in_front(reply: Exchange) -> bool:
    """Whether a page for browsers refuses a request that reads like an attack, before any service has seen it.

    RFC 9110 section 15.5.4: who understands a request and refuses it need not say why; nothing in it was done.
    """
    blocked = reply.status in (400, 403, 406) and reply.media_type == "text/html"
    return blocked and ATTACK.search(reply.request_body) is not None


def observed(reply: Exchange) -> str:
    """An answer in a line: status, media type, coding and the start of its body."""
    # Secrets are replaced before the text is cut: half a token could no longer be recognised.
    text = RECORDER.redactor.body(reply.text[:LONGEST])
    body = text if len(text) <= SHOWN else f"{text[:SHOWN]}… ({len(reply.body)} bytes)"
    strange = [each for each in text[:SHOWN] if each == "\ufffd" or not (each.isprintable() or each.isspace())]
    if len(strange) > SHOWN // 8:
        body = f"with {len(reply.body)} bytes that are no text"
    kind = f" {reply.media_type}" if reply.media_type else ""
    coding = reply.headers.get("content-encoding")
    kind += f" in {coding[:SHOWN]}" if coding and coding.isprintable() else ""
    # Nobody sees a byte order mark, for which JSON is none (RFC 8259 section 8.1).
    body = body.replace("\ufeff", "<byte order mark>")
    return f"{reply.status}{kind} {body}".strip() if reply.body else f"{reply.status} with no body"


def listed(values: Iterable[object]) -> str:
    """Values as "a, b or c", "none" where there are none; statuses that are a whole class as "2xx"."""
    left = set(values)
    words = []
    for hundred in range(1, 6):
        whole = set(range(hundred * 100, hundred * 100 + 100))
        if whole <= left:
            left -= whole
            words.append(f"{hundred}xx")
    words += [str(value) for value in sorted(left, key=str)]
    return f"{', '.join(words[:-1])} or {words[-1]}" if len(words) > 1 else "".join(words) or "none"


def expect_status(
    reply: Exchange,
    accepted: int | Iterable[int],
    because: str = "",
    unless: Iterable[tuple[str, str]] = (),
    or_refused: Exchange | None = None,
    or_page: bool = False,
) -> None:
    """The status is one of those accepted; ``because`` says of what, where the check makes several requests.

    ``unless``: what other answers may say, and then anything is right; ``or_refused``: the request before it that could
    as well have been refused (``Proof``); ``or_page``: a read may as well be shown a page.
    """
    wanted = {accepted} if isinstance(accepted, int) else set(accepted)
    if reply.status not in wanted and not (or_page and _is_page(reply)):
        refused = (or_refused.id,) if or_refused else ()
        unless = [*unless, *(as_a_page(reply) if or_page else ())]
        raise unlike(f"{listed(wanted)}{_clause(because)}", reply, wanted, unless, refused)


def expect_done_at_once(replies: Sequence[Exchange], because: str) -> None:
    """Of several updates at one moment each is 2xx, or 409 beside one that is (API Reference, Error Handling)."""
    beside = {409} if any(reply.ok for reply in replies) else set[int]()
    for reply in replies:
        expect_status(reply, {*range(200, 300), *beside}, because)


def expect_success(reply: Exchange, because: str = "") -> None:
    """The status is 2xx."""
    if not reply.ok:
        raise unlike(f"2xx{_clause(because)}", reply, range(200, 300))


def expect_refused(reply: Exchange, because: str = "") -> None:
    """The status is 4xx: the caller's fault, and told as such."""
    if not 400 <= reply.status < 500:
        raise unlike(f"a 4xx status{_clause(because)}", reply, range(400, 500))


def expect_accepted_or_refused(reply: Exchange, because: str = "") -> None:
    """The status is 2xx or 4xx: which of them is judged elsewhere, if a clause names it."""
    expect_status(reply, {*range(200, 300), *range(400, 500)}, because)


def expect_no_success(
    reply: Exchange, because: str = "", or_refused: Exchange | None = None, or_page: bool = False
) -> None:
    """The status is no 2xx: what must not be done is not said to be; ``or_refused`` and ``or_page`` as above."""
    if reply.ok and not (or_page and _is_page(reply)):
        told, unless = f"no 2xx{_clause(because)}", as_a_page(reply) if or_page else ()
        raise unlike(told, reply, [*range(300, 500), 501], unless, (or_refused.id,) if or_refused else ())


def _is_page(reply: Exchange) -> bool:
    """Whether a read is shown a page, as the portal on a host may show wherever nothing else is that it knows."""
    return reply.method in ("GET", "HEAD") and reply.ok and reply.media_type == "text/html"


def as_a_page(reply: Exchange) -> list[tuple[str, str]]:
    """What a read may be answered as well where nothing is: a page."""
    reads = reply.method in ("GET", "HEAD") and reply.media_type != "text/html"
    return [(reply.id, "^content-type: *text/html")] if reads else []


def expect_no_server_error(reply: Exchange, because: str = "") -> None:
    """The status is not 5xx (501 aside): a caller's fault is never the platform's (API Reference, Error Handling)."""
    if reply.status >= 500 and reply.status != 501:
        raise unlike(f"no 5xx{_clause(because)}", reply, [*range(200, 500), 501])


def unlike(
    expected: str,
    reply: Exchange,
    statuses: Iterable[int],
    unless: Iterable[tuple[str, str]] = (),
    or_refused: tuple[str, ...] = (),
) -> NonConformance:
    """The finding that an answer has none of the statuses that would be right."""
    proof = Proof(exchange=reply.id, statuses=tuple(sorted(statuses)), unless=tuple(unless), or_refused=or_refused)
    return NonConformance(expected, observed(reply), reply, proof=proof)


def unlike_field(
    expected: str, reply: Exchange, name: str, value: str | None = None, or_refused: Exchange | None = None
) -> NonConformance:
    """The finding that an answer has not this value of a field, which may be empty; None where it should have none."""
    found = reply.headers.get(name)
    told = f"{name}: {found}" if found is not None else f"{reply.status} with no {name}"
    # A script sees an empty value and a field that is not there alike, but where it looks for a line.
    proof = (
        Proof(reply.id, fields_match=((name, "^$"),)) if value == "" else Proof(reply.id, fields=((name, value or ""),))
    )
    proof = replace(proof, or_refused=(or_refused.id,) if or_refused else ())
    return NonConformance(expected, told, reply, proof=proof)


def _clause(because: str) -> str:
    return f" {because}" if because else ""
