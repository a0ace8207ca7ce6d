"""Webhooks: what a good delivery shows, and that a URL is answered as one that never existed."""

from __future__ import annotations

import hashlib
import json
import random
import re
import time
from collections.abc import Callable, Iterable, Mapping

from conformance.clients.programs.operator_hooks import Operator
from conformance.clients.webhooks import FIRST, FORM, JSON, PARTS, PLAIN, WebhookClient, replaced, told_as, written
from conformance.oracles.concealment import Asked, expect_as_absent
from conformance.oracles.errors import repeated_in
from conformance.target.description import Target
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive, NoAnswer, NonConformance, NotDeclared, Proof

UUID = re.compile(r"[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}")
AGAIN_S = 0.25
MARK = re.compile("cf-mark-[0-9a-f]{16}")
DIGEST = re.compile(r"\b[0-9a-f]{64}\b")
"""What may be a SHA-256, in hexadecimal digits."""
KNOWN = [hashlib.sha256(written(kind, event)).hexdigest() for kind in (JSON, FORM, PARTS) for event in (PLAIN, FIRST)]
"""The SHA-256 of events that each run delivers."""
ESCAPE = re.compile("%[0-9A-Fa-f]{2}")
OF_ITS_FORM = (14, 19)
"""Where a UUID tells its version and variant (RFC 9562 section 4)."""


def taken(webhook: WebhookClient) -> Exchange:
    """A good delivery; Inconclusive where it is not accepted, since then no refusal means anything."""
    reply = webhook.deliver()
    if not reply.ok:
        raise Inconclusive(f"a good delivery is answered {reply.status}", "a live webhook URL in the target file")
    return reply


def random_secret(secret: str) -> str:
    """A secret of the same form that was never given out: its length, its alphabet, its marks in their places.

    A service may tell what cannot be one of its URLs (400) from what is none (404).
    """
    letters = sorted({each for each in ESCAPE.sub("", secret) if each.isalnum()} or {"a", "0"})
    kept = {*OF_ITS_FORM} if UUID.fullmatch(secret) else set[int]()
    kept |= {place for escape in ESCAPE.finditer(secret) for place in range(*escape.span())}
    return "".join(
        random.choice(letters) if each.isalnum() and place not in kept else each for place, each in enumerate(secret)
    )


def unless_closed(ask: Callable[[], Exchange]) -> Exchange | None:
    """The answer to what may be too much for a webhook; None where the connection was closed in place of one.

    That is the finding of the check which looks at how such bodies are refused, and of no other.
    """
    try:
        return ask()
    except NoAnswer:
        return None


def posted_where_none_is(webhook: WebhookClient, event: bytes | None = None) -> Exchange:
    """What a good delivery, of this event or of any, is answered at a URL that never existed."""
    return webhook.deliver(event, webhook.path_with(random_secret(webhook.secret)))


def expect_as_unknown(
    webhook: WebhookClient,
    method: str,
    secret: str,
    or_statuses: tuple[int, ...] = (),
    path: str = "",
) -> Exchange:
    """A URL is answered as URLs of the same form that never existed, or by one of these; returns its answer.

    ``path``: where the secret stands, if that is not the live path; it may be a whole URL.
    """

    def ask(name: str) -> Asked:
        target = replaced(path, secret, name) if path else webhook.path_with(name)
        sent = webhook.event() if method == "POST" else b""
        return Asked(name, webhook.send(method, target, sent, told_as(webhook.kind)))

    return expect_as_absent(ask, secret, lambda: random_secret(secret), "", "a URL that never existed", or_statuses)


def expect_url_not_repeated(reply: Exchange, parts: Iterable[str], nearly: bool = False) -> None:
    """The URL is not to be had from an answer: of several long parts one may be a name, which is no secret."""
    told = [*repeated_in(reply, parts, nearly)]
    if all(told):
        seen, proof = f"{reply.status} with the URL's secret in it", Proof(reply.id, unsaid=(told[0],))
        raise NonConformance("an answer that does not repeat the URL's secret", seen, reply, proof=proof)


def is_a_page(method: str, reply: Exchange, accepted: Exchange) -> bool:
    """Whether GET or HEAD was shown a page that tells people of the webhook, and not what an event is answered."""
    shown = method in ("GET", "HEAD") and reply.ok and reply.media_type == "text/html"
    return shown and accepted.media_type != "text/html"


def is_for_everybody(webhook: WebhookClient, method: str, reply: Exchange) -> bool:
    """Whether what GET or HEAD was shown has nothing to do with webhooks: a URL that never existed shows it as well.

    A portal of one page shows that at every address which it does not know.
    """
    if method not in ("GET", "HEAD") or not reply.ok or webhook.in_host:
        return False
    unknown = webhook.send(method, webhook.path_with(random_secret(webhook.secret)))
    kinds = {each.headers.get("content-type") for each in (reply, unknown)}
    return unknown.status == reply.status and len(kinds) == 1


def mark() -> str:
    """A word of chance that no other event has."""
    return f"cf-mark-{random.getrandbits(64):016x}"


def observed_by(operator: Operator) -> Operator:
    """The operator, if there is a way to see what was taken in."""
    if not operator.has("events"):
        raise NotDeclared("the target file declares no hook events", "hooks.events")
    return operator


def told_in_time(operator: Operator, target: Target, whole: Callable[[list[str]], bool]) -> list[str]:
    """Each event that the hook tells, as JSON, as soon as they are whole: what was accepted may be worked on later,
    within limits.arrival.

    Inconclusive where none shows a mark of any that was sent, nor its digest: a hook may tell bodies in another form.
    """
    until = time.monotonic() + target.limits.arrival
    while True:
        # What comes while it is read is not told: the last reading begins when the time is over.
        begun = time.monotonic()
        told = told_now(operator)
        if whole(told) or begun >= until:
            break
        time.sleep(max(0.0, min(AGAIN_S, until - time.monotonic())))
    if told and not whole(told) and not any(MARK.search(each) or any(word in each for word in KNOWN) for each in told):
        raise Inconclusive(
            f"of the {len(told)} events that the hook events tells none shows what was sent",
            "a hook that prints the body of each event as text, or its SHA-256",
        )
    return told


def told_now(operator: Operator) -> list[str]:
    """Each event that the hook tells now, as JSON."""
    return [json.dumps(each) for each in operator.events()]


def told_behind(webhook: WebhookClient, operator: Operator, target: Target) -> list[str]:
    """What the hook tells when it tells a good event, delivered now: what came before may be worked on later, too.

    Inconclusive where it does not tell that: a check of its own tells so.
    """
    word = mark()
    body = webhook.event(mark=word)
    reply = webhook.deliver(body)
    told = told_in_time(operator, target, lambda told: carrying(told, word, body) > 0)
    if not carrying(told, word, body):
        seen = f"a good event, answered {reply.status}, is not told within {target.limits.arrival:g} s"
        raise Inconclusive(seen, "a hook events that tells what was accepted, or another limits.arrival")
    return told


def carrying(told: Iterable[str], text: str, body: bytes | None = None) -> int:
    """How many events carry a text, or the digest of a body.

    A hook may tell one body twice, as it came and as it was read, or by its digest alone.
    """
    signs = [text] if body is None else [text, hashlib.sha256(body).hexdigest()]
    return sum(any(sign in each for sign in signs) for each in told)


def tells_digests(told: list[str], digests: Iterable[str]) -> bool:
    """Whether the operator's hook tells the SHA-256 of bodies: one of these; other words may look like one."""
    return any(carrying(told, each) for each in digests)


def has_none(told: list[str]) -> bool:
    """Whether there is no digest in what the hook tells, so that none is waited for."""
    return bool(told) and not any(map(DIGEST.search, told))


def told_otherwise(
    expected: str, seen: str, replies: Mapping[str, Exchange], times: int, told: Iterable[str]
) -> NonConformance:
    """The finding that events were not taken in so many times by what the operator's hook tells.

    ``replies`` are the answers to them by their marks, or by what else the hook would tell of them.
    """
    copies = max([1, *(each.count(mark) for each in told for mark in MARK.findall(each))])
    proof = Proof(told=tuple((each, times * copies) for each in replies))
    return NonConformance(expected, seen, *dict.fromkeys(replies.values()), proof=proof)
