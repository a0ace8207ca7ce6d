"""Statuses of responses, and the text of a response in a finding."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from conformance.evidence.recorder import RECORDER
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance, literal, wrong_field, wrong_status

SHOWN = 300
NOT_IMPLEMENTED = 501
NOT_OFFERED = frozenset({405, NOT_IMPLEMENTED})
"""The statuses of an unsupported method (RFC 9110 sections 15.5.6 and 15.6.2), which may be HEAD."""
LONGEST = 8192


ATTACK = re.compile(rb"\0|%00|\\u0000|<script|%3Cscript", re.IGNORECASE)
"""Byte sequences that firewalls refuse anywhere in a request."""


def refused_in_front(reply: Exchange) -> bool:
    """Return whether a firewall refuses a request that looks like an attack, with an HTML page.

    RFC 9110 section 15.5.4: a server need not say why it refuses a request; the request has no effect.
    """
    blocked = reply.status in (400, 403, 406) and reply.media_type == "text/html"
    return blocked and ATTACK.search(reply.request_body) is not None


def observed(reply: Exchange) -> str:
    """Return a response in a line: status, media type, content coding and the start of its body."""
    # Redact before cutting: half a token cannot be recognised.
    text = RECORDER.redactor.body(reply.text[:LONGEST])
    body = text if len(text) <= SHOWN else f"{text[:SHOWN]}… ({len(reply.body)} bytes)"
    unprintable = [each for each in text[:SHOWN] if each == "\ufffd" or not (each.isprintable() or each.isspace())]
    if len(unprintable) > SHOWN // 8:
        body = f"with {len(reply.body)} binary bytes"
    kind = f" {reply.media_type}" if reply.media_type else ""
    coding = reply.headers.get("content-encoding")
    kind += f" in {coding[:SHOWN]}" if coding and coding.isprintable() else ""
    # A byte order mark is invisible, and not permitted in JSON (RFC 8259 section 8.1).
    body = body.replace("\ufeff", "<byte order mark>")
    return f"{reply.status}{kind} {body}".strip() if reply.body else f"{reply.status} with no body"


def listed(values: Iterable[object]) -> str:
    """Return values as "a, b or c", "none" for none; a whole class of statuses as "2xx"."""
    remaining = set(values)
    words = []
    for hundred in range(1, 6):
        whole = set(range(hundred * 100, hundred * 100 + 100))
        if whole <= remaining:
            remaining -= whole
            words.append(f"{hundred}xx")
    words += [str(value) for value in sorted(remaining, key=str)]
    return f"{', '.join(words[:-1])} or {words[-1]}" if len(words) > 1 else "".join(words) or "none"


def expect_status(reply: Exchange, accepted: int | Iterable[int], because: str = "", or_page: bool = False) -> None:
    """Expect one of the accepted statuses; ``because`` names the request, if the check sends several.

    ``or_page``: a read may as well get an HTML page.
    """
    expected = {accepted} if isinstance(accepted, int) else set(accepted)
    if reply.status not in expected and not (or_page and _is_page(reply)):
        raise unlike(f"{listed(expected)}{_clause(because)}", reply, expected)


def expect_done_at_once(replies: Sequence[Exchange], because: str) -> None:
    """Expect 2xx for concurrent updates, or 409 if another one got 2xx (API Reference, Error Handling)."""
    conflict = {409} if any(reply.ok for reply in replies) else set[int]()
    for reply in replies:
        expect_status(reply, {*range(200, 300), *conflict}, because)


def expect_success(reply: Exchange, because: str = "") -> None:
    """Expect 2xx."""
    if not reply.ok:
        raise unlike(f"2xx{_clause(because)}", reply, range(200, 300))


def expect_refused(reply: Exchange, because: str = "") -> None:
    """Expect 4xx, a client error."""
    if not 400 <= reply.status < 500:
        raise unlike(f"a 4xx status{_clause(because)}", reply, range(400, 500))


def expect_accepted_or_refused(reply: Exchange, because: str = "") -> None:
    """Expect 2xx or 4xx; another check covers the exact status, if a clause names it."""
    expect_status(reply, {*range(200, 300), *range(400, 500)}, because)


def expect_no_success(reply: Exchange, because: str = "", or_page: bool = False) -> None:
    """Expect no 2xx, for a request that must fail; ``or_page`` as above."""
    if reply.ok and not (or_page and _is_page(reply)):
        raise unlike(f"no 2xx{_clause(because)}", reply, [*range(300, 500), 501])


def _is_page(reply: Exchange) -> bool:
    """Return whether a read gets an HTML page, as from a portal that serves all unknown paths of a host."""
    return reply.method in ("GET", "HEAD") and reply.ok and reply.media_type == "text/html"


def expect_no_server_error(reply: Exchange, because: str = "") -> None:
    """Expect no 5xx other than 501: a client error is never a server error (API Reference, Error Handling)."""
    if reply.status >= 500 and reply.status != 501:
        raise unlike(f"no 5xx{_clause(because)}", reply, [*range(200, 500), 501])


def unlike(expected: str, reply: Exchange, statuses: Iterable[int]) -> NonConformance:
    """Return the finding that a response has none of the right statuses."""
    return NonConformance(expected, observed(reply), reply, deviation=wrong_status(statuses))


def unlike_field(expected: str, reply: Exchange, name: str, value: str | None = None) -> NonConformance:
    """Return the finding that a field does not have this value (it may be empty); None: it should be absent."""
    found = reply.headers.get(name)
    got = f"{name}: {found}" if found is not None else f"{reply.status} without {name}"
    deviation = wrong_field(name, "" if value is None else f"^{literal(value)}$")
    return NonConformance(expected, got, reply, deviation=deviation)


def _clause(because: str) -> str:
    return f" {because}" if because else ""
