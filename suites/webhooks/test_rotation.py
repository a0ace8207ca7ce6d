"""Rotation: a URL that was exposed is dead from then on, and the new one is a secret of its own."""

from __future__ import annotations

import base64
import hashlib
import json

from conformance.clients.operator import Operator
from conformance.clients.webhooks import WebhookClient, differing
from conformance.oracles.status import expect_refused, expect_success
from conformance.oracles.token_quality import REQUIRED_BITS, capacity_bits, least_distance
from conformance.oracles.webhooks import carrying, expect_as_unknown, mark, taken, told_in_time, told_otherwise
from conformance.target.description import Target
from conformance.vocabulary.check import disturbs, verifies
from conformance.vocabulary.finding import NonConformance

# Of 128 random bits in hexadecimal digits some digits are the same again by chance.
DIFFERING_BITS = 96


@verifies("webhooks/rotation/old-url-is-dead")
@disturbs("webhook url", others=True)
def test_old_url_is_dead(webhook: WebhookClient, operator: Operator, target: Target) -> None:
    """Purpose: a URL that was exposed and rotated takes nothing any more; the new one does.

    Method: 1. have the operator's hook rotate the webhook
            2. expect the old URL to refuse six events, none of which the operator's hook tells: not every server may
               have heard of it
            3. expect the new URL to accept an event, which the hook tells
            4. rotate it again: expect the first URL to be as dead as before
    """
    taken(webhook)
    old = webhook.path
    webhook.turn_to(operator.rotate_webhook())

    if old == webhook.path:
        raise NonConformance("another URL after rotation", "the same one")
    late, new = mark(), mark()
    for _ in range(6):
        event = f'{{"mark": "{late}"}}'.encode()
        expect_refused(webhook.send("POST", old, event, "application/json"), "at the old URL")
    body = json.dumps({"mark": new}).encode()
    accepted = webhook.post(body)
    expect_success(accepted, "at the new URL")
    if operator.has("events"):
        told = told_in_time(operator, target, lambda told: carrying(told, new, body) > 0)
        if carrying(told, late):
            raise NonConformance("no event of the old URL", "an event that the old URL refused among those taken in")
        if not carrying(told, new, body):
            expected, seen = "the event of the new URL among those taken in", "no such event"
            raise told_otherwise(expected, seen, {new: accepted}, 1, told)
    webhook.turn_to(operator.rotate_webhook())
    first = webhook.send("POST", old, b"{}", "application/json")
    expect_refused(first, "at the first URL, after a further rotation")


@verifies("webhooks/rotation/old-url-is-as-unknown")
@disturbs("webhook url", others=True)
def test_old_url_is_as_unknown(webhook: WebhookClient, operator: Operator) -> None:
    """Purpose: who finds a URL that was rotated does not learn that it was one.

    Method: 1. have the operator's hook rotate the webhook
            2. expect the old URL to be answered as one that never existed
    """
    taken(webhook)
    path = webhook.path
    webhook.turn_to(operator.rotate_webhook())
    old, _ = differing(path, webhook.path)
    expect_as_unknown(webhook, "POST", old, path=path)


@verifies("webhooks/rotation/new-url-cannot-be-guessed")
@disturbs("webhook url", others=True)
def test_new_url_cannot_be_guessed(webhook: WebhookClient, operator: Operator) -> None:
    """Purpose: the new URL is as secret as the first, and not to be told from it.

    Method: 1. have the operator's hook rotate the webhook
            2. expect room for 128 bits in the new secret, most of it in characters that differ from the old one's, and
               no hash of the old one
    """
    path = webhook.path
    webhook.turn_to(operator.rotate_webhook())
    old, new = differing(path, webhook.path)
    bits, distance = capacity_bits([new]), least_distance([old, new])
    if hashed(old, new):
        raise NonConformance("a secret that does not follow from the old one", f"the {hashed(old, new)} of it")
    if bits < REQUIRED_BITS - 12 or bits * distance / len(new) < DIFFERING_BITS:
        raise NonConformance(
            f"a secret of {REQUIRED_BITS} bits, unlike the old one",
            f"{bits:.0f} bits at most, {distance} characters that differ",
        )


def hashed(old: str, new: str) -> str | None:
    """By which hash a secret follows from the one before, or None."""
    for name in ("md5", "sha1", "sha256"):
        digest = hashlib.new(name, old.encode())
        written = base64.urlsafe_b64encode(digest.digest()).decode().rstrip("=")
        if new.lower() == digest.hexdigest() or new == written:
            return name
    return None
