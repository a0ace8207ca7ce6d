"""After a rotation the old webhook URL is rejected, and the new URL is unpredictable."""

from __future__ import annotations

import base64
import hashlib
import itertools
import time

from conformance.clients.programs.operator_hooks import Operator
from conformance.clients.webhooks import WebhookClient, differing, told_as, written
from conformance.oracles.status import expect_refused, expect_success
from conformance.oracles.token_quality import REQUIRED_BITS, capacity_bits, least_distance
from conformance.oracles.webhooks import AGAIN_S, carrying, expect_as_unknown, mark, taken, told_in_time, told_otherwise
from conformance.target.description import Target
from conformance.vocabulary.check import disturbs, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance, NotApplicable, Proof

# Of 128 random bits in hexadecimal digits some digits are the same again by chance.
DIFFERING_BITS = 96
BY_ROTATION = Proof(beyond="the operator has to rotate the webhook for it")


@verifies("webhooks/rotation/old-url-is-dead")
@disturbs("webhook url", others=True)
def test_old_url_is_dead(webhook: WebhookClient, operator: Operator, target: Target) -> None:
    """Purpose: a URL that was exposed and rotated takes nothing any more; the new one does.

    Method: 1. have the operator's hook rotate the webhook
            2. expect the old URL to refuse six events, none of which the operator's hook tells: not every server may
               have heard of it; and the new one to accept some in turn, which the hook tells, the very first that it
               accepted too; both within limits.revocation
            3. rotate it again: expect the first URL to be as dead as before
    """
    taken(webhook)
    old = webhook.url
    webhook.turn_to(operator.rotate_webhook())

    if old == webhook.url:
        raise NonConformance("another URL after rotation", "the same one")
    first = mark()
    until = due(webhook, target, first)
    late = refused_in_time(webhook, old, until, "at the old URL")
    accepted = accepted_in_time(webhook, until)
    if operator.has("events"):
        _expect_told(webhook, operator, target, late, accepted, first)
    webhook.turn_to(operator.rotate_webhook())
    due(webhook, target)
    refused_in_time(webhook, old, time.monotonic(), "at the first URL, after a further rotation", 1)


def _expect_told(
    webhook: WebhookClient, operator: Operator, target: Target, late: str, accepted: dict[str, Exchange], first: str
) -> None:
    """What the new URL accepted is told, and nothing that the old one refused."""
    bodies = {word: webhook.event(mark=word) for word in (*accepted, first)}
    told = told_in_time(operator, target, lambda told: all(carrying(told, word, bodies[word]) for word in bodies))
    if carrying(told, late):
        raise NonConformance("no event of the old URL", "an event that the old URL refused among those taken in")
    for word, reply in accepted.items():
        if not carrying(told, word, bodies[word]):
            expected, seen = "the event of the new URL among those taken in", "no such event"
            raise told_otherwise(expected, seen, {word: reply}, 1, told)
    if not carrying(told, first, bodies[first]):
        expected = "the first event that the new URL accepted among those taken in"
        raise NonConformance(expected, "those behind it alone", *accepted.values(), proof=BY_ROTATION)


def due(webhook: WebhookClient, target: Target, word: str = "") -> float:
    """When a rotation must be known everywhere; until then it is waited for the new URL, which may not live at once.

    ``word``: the mark of what it is asked with.
    """
    until = time.monotonic() + target.limits.revocation
    event = webhook.event(mark=word) if word else None
    while not (webhook.deliver(event) if event else webhook.deliver()).ok and time.monotonic() < until:
        time.sleep(AGAIN_S)
    return until


def accepted_in_time(webhook: WebhookClient, until: float, times: int = 3) -> dict[str, Exchange]:
    """The new URL accepts so many events in turn by that moment; the answers by their marks."""
    while True:
        begun, replies = time.monotonic(), dict[str, Exchange]()
        for word in (mark() for _ in range(times)):
            replies[word] = webhook.deliver(webhook.event(mark=word))
        if all(reply.ok for reply in replies.values()) or begun >= until:
            break
        time.sleep(AGAIN_S)
    for reply in replies.values():
        expect_success(reply, "at the new URL")
    return replies


def refused_in_time(webhook: WebhookClient, old: str, until: float, where: str, times: int = 6) -> str:
    """An old URL refuses so many events in turn, of each type, by that moment; returns the mark of these."""
    kinds = itertools.cycle(webhook.described.content_types)
    while True:
        begun, word = time.monotonic(), mark()
        replies = []
        for kind in itertools.islice(kinds, times):
            replies.append(webhook.send("POST", old, written(kind, {"mark": word}), told_as(kind)))
        if not any(reply.ok for reply in replies) or begun >= until:
            break
        time.sleep(AGAIN_S)
    for reply in replies:
        expect_refused(reply, where)
    return word


@verifies("webhooks/rotation/old-url-is-as-unknown")
@disturbs("webhook url", others=True)
def test_old_url_is_as_unknown(webhook: WebhookClient, operator: Operator, target: Target) -> None:
    """Purpose: who finds a URL that was rotated does not learn that it was one.

    Method: 1. have the operator's hook rotate the webhook
            2. as soon as it is refused, within limits.revocation, expect the old URL to be answered as one that never
               existed
    """
    taken(webhook)
    if webhook.in_host:
        raise NotApplicable("the URL's secret is in the name of its host")
    url = webhook.url
    webhook.turn_to(operator.rotate_webhook())
    until = due(webhook, target)
    while webhook.deliver(path=url).ok and time.monotonic() < until:
        time.sleep(AGAIN_S)
    old, _ = differing(url, webhook.url)
    expect_as_unknown(webhook, "POST", old, path=url)


@verifies("webhooks/rotation/new-url-cannot-be-guessed")
@disturbs("webhook url", others=True)
def test_new_url_cannot_be_guessed(webhook: WebhookClient, operator: Operator, target: Target) -> None:
    """Purpose: the new URL is as secret as the first, and not to be told from it.

    Method: 1. have the operator's hook rotate the webhook
            2. expect room for 128 bits in the new secret, most of it in characters that differ from the old one's, and
               no hash of the old one, nor the old one turned
    """
    url = webhook.url
    webhook.turn_to(operator.rotate_webhook())
    due(webhook, target)
    old, new = differing(url, webhook.url)
    bits, distance = capacity_bits([new]), least_distance([old, new])
    if how := following(old, new):
        raise NonConformance("a secret that does not follow from the old one", f"it {how}")
    if bits < REQUIRED_BITS - 12 or bits * distance / len(new) < DIFFERING_BITS:
        raise NonConformance(
            f"a secret of {REQUIRED_BITS} bits, unlike the old one",
            f"{bits:.0f} bits at most, {distance} characters that differ",
        )


def following(old: str, new: str) -> str | None:
    """How a secret follows from the one before, or None."""
    if len(new) == len(old) and (new in old * 2 or new in old[::-1] * 2):
        return "turned"
    for name in ("md5", "sha1", "sha256", "sha512"):
        digest = hashlib.new(name, old.encode())
        encoded = base64.urlsafe_b64encode(digest.digest()).decode().rstrip("=")
        if new.lower() == digest.hexdigest() or new == encoded:
            return f"by {name}"
    return None
