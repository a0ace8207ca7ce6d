"""Webhooks: which events arrived, and whether a URL gets the same response as one that never existed."""

from __future__ import annotations

import hashlib
import json
import random
import re
import time
from collections.abc import Callable, Iterable, Mapping

from conformance.clients.polling import tries
from conformance.clients.programs.operator_hooks import Operator
from conformance.clients.webhooks import (
    FIRST,
    FORM,
    JSON,
    PARTS,
    PLAIN,
    WebhookClient,
    content_type_of,
    event_body,
    replaced,
)
from conformance.oracles.concealment import Probe, expect_as_absent
from conformance.oracles.errors import repeated_in
from conformance.target.description import Target
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive, NoAnswer, NonConformance, NotDeclared

UUID = re.compile(r"[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}")
AGAIN_S = 0.25
MARK = re.compile("cf-mark-[0-9a-f]{16}")
DIGEST = re.compile(r"\b[0-9a-f]{64}\b")
"""A possible SHA-256 in hexadecimal digits."""
KNOWN = [
    hashlib.sha256(event_body(kind, event)).hexdigest() for kind in (JSON, FORM, PARTS) for event in (PLAIN, FIRST)
]
"""The SHA-256 of events that each run delivers."""
ESCAPE = re.compile("%[0-9A-Fa-f]{2}")
OF_ITS_FORM = (14, 19)
"""The positions of version and variant in a UUID (RFC 9562 section 4)."""


def accepted_delivery(webhook: WebhookClient) -> Exchange:
    """Deliver a valid event; Inconclusive if it is refused, since then no other refusal means anything."""
    reply = webhook.deliver()
    if not reply.ok:
        raise Inconclusive(f"a valid event gets {reply.status}", "a live webhook URL in the target file")
    return reply


def random_secret(secret: str) -> str:
    """Return a secret that was never issued, of the same length, alphabet and punctuation.

    A service may distinguish a malformed URL (400) from an unknown one (404).
    """
    letters = sorted({each for each in ESCAPE.sub("", secret) if each.isalnum()} or {"a", "0"})
    fixed = {*OF_ITS_FORM} if UUID.fullmatch(secret) else set[int]()
    fixed |= {place for escape in ESCAPE.finditer(secret) for place in range(*escape.span())}
    return "".join(
        random.choice(letters) if each.isalnum() and place not in fixed else each for place, each in enumerate(secret)
    )


def unless_closed(ask: Callable[[], Exchange]) -> Exchange | None:
    """Return the response; None if the connection was closed instead, which another check reports."""
    try:
        return ask()
    except NoAnswer:
        return None


def post_to_unknown_url(webhook: WebhookClient, event: bytes | None = None) -> Exchange:
    """Deliver an event, by default a plain one, to a URL that never existed."""
    return webhook.deliver(event, webhook.path_with(random_secret(webhook.secret)))


def expect_like_unknown_url(
    webhook: WebhookClient, method: str, secret: str, or_statuses: tuple[int, ...] = (), path: str = ""
) -> Exchange:
    """Expect a URL to be answered like URLs of the same form that never existed, or with one of these statuses.

    ``path``: the path (or URL) with the secret, if it is not the live one. Return the response.
    """

    def ask(name: str) -> Probe:
        target = replaced(path, secret, name) if path else webhook.path_with(name)
        sent = webhook.event() if method == "POST" else b""
        return Probe(name, webhook.send(method, target, sent, content_type_of(webhook.kind)))

    return expect_as_absent(ask, secret, lambda: random_secret(secret), "", "a URL that never existed", or_statuses)


def expect_url_not_repeated(reply: Exchange, parts: Iterable[str], nearly: bool = False) -> None:
    """Expect a response without the URL's secret; of several long parts one may be a name, which is no secret."""
    got = [*repeated_in(reply, parts, nearly)]
    if all(got):
        seen = f"{reply.status} with the URL's secret in it"
        raise NonConformance("a response that does not repeat the URL's secret", seen, reply)


def is_a_page(method: str, reply: Exchange, accepted: Exchange) -> bool:
    """Return whether GET or HEAD got a page for people, and not the response to an event."""
    shown = method in ("GET", "HEAD") and reply.ok and reply.media_type == "text/html"
    return shown and accepted.media_type != "text/html"


def is_shown_at_unknown_urls(webhook: WebhookClient, method: str, reply: Exchange) -> bool:
    """Return whether GET or HEAD of a URL that never existed gets the same response, as from a single-page portal."""
    if method not in ("GET", "HEAD") or not reply.ok or webhook.in_host:
        return False
    unknown = webhook.send(method, webhook.path_with(random_secret(webhook.secret)))
    kinds = {each.headers.get("content-type") for each in (reply, unknown)}
    return unknown.status == reply.status and len(kinds) == 1


def mark() -> str:
    """Return a random word that no other event contains."""
    return f"cf-mark-{random.getrandbits(64):016x}"


def require_events_hook(operator: Operator) -> Operator:
    """Return the operator, if a hook reports the events that arrived."""
    if not operator.has("events"):
        raise NotDeclared("the target file declares no hook events", "hooks.events")
    return operator


def reported_in_time(operator: Operator, target: Target, whole: Callable[[list[str]], bool]) -> list[str]:
    """Return the events that the hook reports, as JSON, once they are complete or limits.arrival is over.

    Inconclusive if none contains the mark or digest of an event of the run: the hook may report another form.
    """
    readings = tries(time.monotonic() + target.limits.arrival, AGAIN_S)
    got = next(got for over in readings if whole(got := reported_events(operator)) or over)
    if got and not whole(got) and not any(MARK.search(each) or any(word in each for word in KNOWN) for each in got):
        raise Inconclusive(
            f"none of the {len(got)} events that the hook events reports contains an event of this run",
            "a hook that prints the body of each event as text, or its SHA-256",
        )
    return got


def reported_events(operator: Operator) -> list[str]:
    """Return the events that the hook reports now, as JSON."""
    return [json.dumps(each) for each in operator.events()]


def reported_after_delivery(webhook: WebhookClient, operator: Operator, target: Target) -> list[str]:
    """Deliver a valid event and return the reported events once it is among them: earlier ones have then arrived.

    Inconclusive if the hook does not report it, which another check covers.
    """
    word = mark()
    body = webhook.event(mark=word)
    reply = webhook.deliver(body)
    got = reported_in_time(operator, target, lambda got: count_carrying(got, word, body) > 0)
    if not count_carrying(got, word, body):
        seen = f"a valid event, answered {reply.status}, is not reported within {target.limits.arrival:g} s"
        raise Inconclusive(seen, "a hook events that reports accepted events, or a longer limits.arrival")
    return got


def count_carrying(got: Iterable[str], text: str, body: bytes | None = None) -> int:
    """Return how many events contain a text, or the digest of a body.

    A hook may report a body twice, raw and parsed, or only by its digest.
    """
    signs = [text] if body is None else [text, hashlib.sha256(body).hexdigest()]
    return sum(any(sign in each for sign in signs) for each in got)


def reports_digests(got: list[str], digests: Iterable[str]) -> bool:
    """Return whether the hook reports one of these digests."""
    return any(count_carrying(got, each) for each in digests)


def has_no_digest(got: list[str]) -> bool:
    """Return whether the hook reports events without digests, so that waiting for one is useless."""
    return bool(got) and not any(map(DIGEST.search, got))


def expect_arrived(
    operator: Operator,
    target: Target,
    events: Mapping[str, tuple[str, bytes, Exchange]],
    times: int = 1,
) -> None:
    """Expect the hook to report each accepted event (its mark, body and response, by its name) this often."""

    def counts(reported: list[str]) -> dict[str, int]:
        return {name: count_carrying(reported, word, body) for name, (word, body, _) in events.items()}

    reported = reported_in_time(operator, target, lambda got: min(counts(got).values(), default=times) >= times)
    wrong = {name: count for name, count in counts(reported).items() if count != times}
    if wrong:
        seen = ", ".join(
            f"{count} {'delivery' if count == 1 else 'deliveries'} of the event {name}" for name, count in wrong.items()
        )
        often = "one delivery" if times == 1 else f"{times} deliveries"
        raise NonConformance(f"{often} of every accepted event", seen, *(events[name][2] for name in wrong))
