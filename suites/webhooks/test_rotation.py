"""After a rotation the old webhook URL is rejected, and the new URL is unpredictable."""

from __future__ import annotations

import base64
import hashlib
import itertools
import time
from collections.abc import Callable
from typing import TypeVar

from conformance.clients.http import REPLICA_TRIES
from conformance.clients.polling import tries
from conformance.clients.programs.operator_hooks import Operator
from conformance.clients.webhooks import WebhookClient, changed_part, content_type_of, event_body
from conformance.oracles.status import expect_refused, expect_success
from conformance.oracles.token_quality import REQUIRED_BITS, capacity_bits, least_distance
from conformance.oracles.webhooks import (
    AGAIN_S,
    accepted_delivery,
    count_carrying,
    expect_like_unknown_url,
    mark,
    reported_in_time,
)
from conformance.target.description import Target
from conformance.vocabulary.check import disturbs, sends_up_to, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance, NotApplicable

# Of 128 random bits in hexadecimal digits some digits are equal by chance.
DIFFERING_BITS = 96
T = TypeVar("T")


def asked_until(until: float, ask: Callable[[], T], done: Callable[[T], bool]) -> T:
    """Repeat a request until it is done or a monotonic time is over; return the last result."""
    return next(result for over in tries(until, AGAIN_S) if done(result := ask()) or over)


def rotated(webhook: WebhookClient, operator: Operator, target: Target, event: bytes | None = None) -> float:
    """Rotate the webhook and deliver this event until the new URL accepts it; return when limits.revocation ends."""
    webhook.rotate_to(operator.rotate_webhook())
    until = time.monotonic() + target.limits.revocation
    asked_until(until, lambda: webhook.deliver(event), lambda reply: reply.ok)
    return until


@verifies("webhooks/rotation/old-url-is-refused")
@sends_up_to(650)
@disturbs("webhook url", others=True)
def test_old_url_is_refused(webhook: WebhookClient, operator: Operator, target: Target) -> None:
    """Purpose: a URL that was exposed delivers nothing after a rotation, on any server; the new URL does.

    Method: 1. rotate the webhook; within limits.revocation expect the old URL to refuse 18 events in a row, each over
               a new connection, so that one of three replicas is met with a probability above 0.999
            2. expect the new URL to accept events, and the operator's hook to report those and no refused one
            3. rotate it again; expect the first URL to be refused as before
    """
    accepted_delivery(webhook)
    old, first = webhook.url, mark()
    until = rotated(webhook, operator, target, webhook.event(mark=first))
    if old == webhook.url:
        raise NonConformance("another URL after the rotation", "the same URL")
    late = _refused_in_time(webhook, old, until, "at the old URL")
    accepted = asked_until(until, lambda: _delivered(webhook), lambda found: all(each.ok for each in found.values()))
    for reply in accepted.values():
        expect_success(reply, "at the new URL")
    if operator.has("events"):
        _expect_reported(webhook, operator, target, late, accepted, first)
    rotated(webhook, operator, target)
    _refused_in_time(webhook, old, time.monotonic(), "at the first URL, after a further rotation", 1)


def _delivered(webhook: WebhookClient) -> dict[str, Exchange]:
    """Deliver three events to the live URL; return the responses by their marks."""
    return {word: webhook.deliver(webhook.event(mark=word)) for word in (mark() for _ in range(3))}


def _refused_in_time(webhook: WebhookClient, old: str, until: float, where: str, times: int = REPLICA_TRIES) -> str:
    """Expect an old URL to refuse events of each declared type in a row; return the mark of the last of them."""
    kinds = itertools.cycle(webhook.described.content_types)

    def ask() -> tuple[str, list[Exchange]]:
        word, replies = mark(), list[Exchange]()
        for client, kind in zip(webhook.http.on_each_replica(times), kinds, strict=False):
            field = ("Content-Type", content_type_of(kind))
            replies.append(client.send("POST", old, [field], event_body(kind, {"mark": word})))
        return word, replies

    word, replies = asked_until(until, ask, lambda found: not any(reply.ok for reply in found[1]))
    for reply in replies:
        expect_refused(reply, where)
    return word


def _expect_reported(
    webhook: WebhookClient, operator: Operator, target: Target, late: str, accepted: dict[str, Exchange], first: str
) -> None:
    """Expect the hook to report the events that the new URL accepted, and none that the old one refused."""
    bodies = {word: webhook.event(mark=word) for word in (*accepted, first)}
    seen = reported_in_time(operator, target, lambda seen: all(count_carrying(seen, *each) for each in bodies.items()))
    if count_carrying(seen, late):
        raise NonConformance("no event of the old URL to arrive", "an event arrived that the old URL refused")
    for word, reply in accepted.items():
        if not count_carrying(seen, word, bodies[word]):
            raise NonConformance("the event of the new URL to arrive", "it did not arrive", reply)
    if not count_carrying(seen, first, bodies[first]):
        expected = "the first event that the new URL accepted to arrive"
        raise NonConformance(expected, "only later events arrived", *accepted.values())


@verifies("webhooks/rotation/old-url-is-answered-as-unknown")
@disturbs("webhook url", others=True)
def test_old_url_is_answered_as_unknown(webhook: WebhookClient, operator: Operator, target: Target) -> None:
    """Purpose: a client that finds an old URL does not learn that it once was live.

    Method: 1. rotate the webhook, and wait until the old URL is refused, at most limits.revocation
            2. expect the old URL to be answered like one that never existed
    """
    accepted_delivery(webhook)
    if webhook.in_host:
        raise NotApplicable("the URL's secret is in its host name")
    url = webhook.url
    until = rotated(webhook, operator, target)
    asked_until(until, lambda: webhook.deliver(path=url), lambda reply: not reply.ok)
    expect_like_unknown_url(webhook, "POST", changed_part(url, webhook.url)[0], path=url)


@verifies("webhooks/rotation/new-url-cannot-be-guessed")
@disturbs("webhook url", others=True)
def test_new_url_cannot_be_guessed(webhook: WebhookClient, operator: Operator, target: Target) -> None:
    """Purpose: a client that knows the old URL cannot compute or guess the new one.

    Method: 1. rotate the webhook; 2. expect a secret of 128 bits, mostly unlike the old one, its hash and rotations
    """
    url = webhook.url
    rotated(webhook, operator, target)
    old, new = changed_part(url, webhook.url)
    bits, distance = capacity_bits([new]), least_distance([old, new])
    if rule := following(old, new):
        raise NonConformance("a secret that cannot be derived from the old one", f"a new secret that {rule}")
    if bits < REQUIRED_BITS - 12 or bits * distance / len(new) < DIFFERING_BITS:
        seen = f"{bits:.0f} bits at most, {distance} characters that differ"
        raise NonConformance(f"a secret of {REQUIRED_BITS} bits, unlike the old one", seen)


def following(old: str, new: str) -> str | None:
    """Return the rule by which a secret follows from the previous one, or None."""
    if len(new) == len(old) and (new in old * 2 or new in old[::-1] * 2):
        return "is the old one, rotated or reversed"
    for name in ("md5", "sha1", "sha256", "sha512"):
        digest = hashlib.new(name, old.encode())
        encoded = base64.urlsafe_b64encode(digest.digest()).decode().rstrip("=")
        if new.lower() == digest.hexdigest() or new == encoded:
            return f"is the {name} of the old one"
    return None
