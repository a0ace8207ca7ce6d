"""The URL is the only secret that guards a webhook: it is compared whole, told to nobody, and can be rotated."""

from __future__ import annotations

import base64
import hashlib
import json
import random
import re

import pytest

from conformance.clients.operator import Operator
from conformance.clients.webhooks import WebhookClient
from conformance.oracles.concealment import Asked, expect_as_absent
from conformance.oracles.errors import expect_not_repeated
from conformance.oracles.status import expect_refused, expect_status, expect_success
from conformance.oracles.token_quality import capacity_bits, least_distance
from conformance.vocabulary.check import case, disturbs, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive, NonConformance, NotApplicable

METHODS = ("GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS")
REQUIRED_BITS = 128
# Of 128 random bits in hexadecimal digits some digits are the same again by chance.
DIFFERING_BITS = 96
HEXADECIMAL = re.compile(r"[0-9A-Fa-f-]+")


def taken(webhook: WebhookClient, body: bytes = b'{"event": "cf"}') -> Exchange:
    """A good delivery; Inconclusive where it is not accepted, since then no refusal means anything."""
    reply = webhook.post(body)
    if not reply.ok:
        raise Inconclusive(f"a good delivery is answered {reply.status}", "a live webhook URL in the target file")
    return reply


def random_secret(secret: str) -> str:
    """A secret of the same length and alphabet that was never given out."""
    return "".join(random.choice("abcdefghijkmnpqrstuvwxyz23456789") if each.isalnum() else each for each in secret)


def changed_at(secret: str, place: int) -> str:
    """A secret with one character changed, and its value with it: the last of base64 may hold bits that say nothing."""
    return secret[:place] + ("0" if secret[place] in "YZab" else "a") + secret[place + 1 :]


NEAR_MISSES = {
    "unknown": random_secret, "cut": lambda secret: secret[:-1], "half": lambda secret: secret[: len(secret) // 2],
    "extended": lambda secret: secret + "a", "case-changed": lambda secret: secret.swapcase(),
    "first-changed": lambda secret: changed_at(secret, 0),
    "middle-changed": lambda secret: changed_at(secret, 2 * len(secret) // 3),
    "last-changed": lambda secret: changed_at(secret, len(secret) - 1),
    "doubled": lambda secret: secret * 2, "nul": lambda secret: secret + "%00",
    "blank": lambda secret: secret + "%20", "reversed": lambda secret: secret[::-1],
    # What stands for any text where a URL is looked up by LIKE, by a pattern of keys, or by a file's name.
    "percent-sign": lambda _: "%25", "underscores": lambda secret: "_" * len(secret), "asterisk": lambda _: "*",
}  # fmt: skip


@verifies("webhooks/secret/near-misses-are-refused")
@pytest.mark.parametrize("how", [case(name, name) for name in NEAR_MISSES])
def test_near_misses_are_refused(webhook: WebhookClient, how: str) -> None:
    """Purpose: only the URL itself takes events: it is the only secret that guards them.

    Method: 1. POST to the URL with its secret cut, extended, in other case …
            2. expect a 4xx. (In hexadecimal digits the other case is the same secret.)
    """
    taken(webhook)
    near = NEAR_MISSES[how](webhook.secret)
    if how == "case-changed" and HEXADECIMAL.fullmatch(near):
        raise NotApplicable("the URL's secret is a number in hexadecimal digits")
    expect_refused(webhook.send("POST", webhook.path_with(near), b"{}", "application/json"))


@verifies("webhooks/secret/other-spellings-are-refused")
@pytest.mark.parametrize("behind", [case("trailing-slash", "/"), case("suffix", ".json"), case("parameter", ";x")])
def test_other_spellings_are_refused(webhook: WebhookClient, behind: str) -> None:
    """Purpose: a webhook has one URL, though a framework may read others as the same.

    Method: 1. POST to the URL with a slash, an extension or a parameter behind it
            2. expect a 4xx, or a redirect, which takes nothing itself, if there is one for any such URL
    """
    taken(webhook)
    reply = webhook.send("POST", webhook.path_with(webhook.secret + behind), b"{}", "application/json")
    if 300 <= reply.status < 400:
        unknown = webhook.path_with(random_secret(webhook.secret) + behind)
        expect_status(webhook.send("POST", unknown, b"{}", "application/json"), reply.status, "as at the live URL")
        return
    expect_refused(reply)


def expect_as_unknown(webhook: WebhookClient, method: str, secret: str, body: bytes = b"{}") -> Exchange:
    """A URL is answered as URLs of the same form that never existed; returns its answer."""

    def ask(name: str) -> Asked:
        return Asked(name, webhook.send(method, webhook.path_with(name), body, "application/json"))

    return expect_as_absent(ask, secret, lambda: random_secret(secret), like="a URL that never existed")


@verifies("webhooks/secret/refusals-are-alike")
@pytest.mark.parametrize(
    "how", [case(name, name) for name in ("cut", "extended", "case-changed", "first-changed", "last-changed", "half")]
)
def test_refusals_are_alike(webhook: WebhookClient, how: str) -> None:
    """Purpose: nobody finds the URL by coming near it.

    Method: 1. POST to a URL that is nearly the live one, between two of the same length that never existed
            2. expect the same status, header fields and body; a difference but in status counts if it is there each
               time in eight further rounds
    """
    expect_as_unknown(webhook, "POST", NEAR_MISSES[how](webhook.secret))


@verifies("webhooks/secret/other-methods-tell-nothing")
@pytest.mark.parametrize("method", [case(name.lower(), name) for name in METHODS])
def test_other_methods_tell_nothing(webhook: WebhookClient, method: str) -> None:
    """Purpose: whether a URL is live is not told to who does not deliver.

    Method: 1. send another method to the live URL, between two that never existed
            2. expect the same status, header fields and body, as for near misses
    """
    expect_as_unknown(webhook, method, webhook.secret, b"")


@verifies("webhooks/secret/cannot-be-guessed")
def test_secret_cannot_be_guessed(webhook: WebhookClient) -> None:
    """Purpose: the URL is a secret that cannot be tried out.

    Method: 1. take the longest part of the URL's path (of its path and query, where that is too short for a secret)
            2. expect room for 128 bits in it
    """
    bits = capacity_bits([webhook.secret])
    if bits < REQUIRED_BITS - 12:
        raise NonConformance(
            f"a secret of {REQUIRED_BITS} bits", f"{bits:.0f} bits at most, in {len(webhook.secret)} characters"
        )


@verifies("webhooks/secret/is-not-repeated")
@pytest.mark.parametrize("method", [case(name.lower(), name) for name in ("POST", "GET", "PUT", "OPTIONS")])
def test_secret_is_not_repeated(webhook: WebhookClient, method: str) -> None:
    """Purpose: the URL does not leak through answers, which logs and error pages keep.

    Method: 1. deliver an event, and send other methods and broken bodies
            2. expect the URL's secret nowhere in the answers, not in Location either
    """
    for body, content_type in ((b"{}", "application/json"), (b"{", "application/json"), (b"\xff", "text/plain")):
        expect_not_repeated(
            webhook.send(method, webhook.path, body, content_type), [webhook.secret], "the URL's secret"
        )


@verifies("webhooks/secret/url-without-secret-takes-nothing")
def test_url_without_secret_takes_nothing(webhook: WebhookClient) -> None:
    """Purpose: the path without its secret takes no event and lists no webhooks.

    Method: 1. POST and GET the path without its last part
            2. expect a 4xx, or a redirect, which takes nothing itself
    """
    taken(webhook)
    parent = webhook.path.split(webhook.secret)[0]
    for method in ("POST", "GET"):
        reply = webhook.send(method, parent, b"{}" if method == "POST" else b"", "application/json")
        expect_status(reply, range(300, 500))


@verifies("webhooks/rotation/old-url-is-dead")
@disturbs("webhook url", others=True)
def test_old_url_is_dead(webhook: WebhookClient, operator: Operator) -> None:
    """Purpose: a URL that was exposed and rotated takes nothing any more; the new one does.

    Method: 1. have the operator's hook rotate the webhook
            2. expect the old URL to refuse six events, none of which the operator's hook tells: not every server may
               have heard of it
            3. expect the new URL to accept an event
    """
    taken(webhook)
    old = webhook.secret
    webhook.turn_to(operator.rotate_webhook())

    if old == webhook.secret:
        raise NonConformance("another URL after rotation", "the same one")
    late = f"cf-late-{random.getrandbits(64):016x}"
    for _ in range(6):
        event = f'{{"mark": "{late}"}}'.encode()
        expect_refused(webhook.send("POST", webhook.path_with(old), event, "application/json"), "at the old URL")
    if operator.has("events") and late in json.dumps(operator.events()):
        raise NonConformance("no event of the old URL", "an event that the old URL refused among those taken in")
    expect_success(webhook.post(b'{"event": "cf"}'), "at the new URL")


@verifies("webhooks/rotation/old-url-is-as-unknown")
@disturbs("webhook url", others=True)
def test_old_url_is_as_unknown(webhook: WebhookClient, operator: Operator) -> None:
    """Purpose: who finds a URL that was rotated does not learn that it was one.

    Method: 1. have the operator's hook rotate the webhook
            2. expect the old URL to be answered as one that never existed
    """
    taken(webhook)
    old = webhook.secret
    webhook.turn_to(operator.rotate_webhook())
    expect_as_unknown(webhook, "POST", old)


@verifies("webhooks/rotation/new-url-cannot-be-guessed")
@disturbs("webhook url", others=True)
def test_new_url_cannot_be_guessed(webhook: WebhookClient, operator: Operator) -> None:
    """Purpose: the new URL is as secret as the first, and not to be told from it.

    Method: 1. have the operator's hook rotate the webhook
            2. expect room for 128 bits in the new secret, most of it in characters that differ from the old one's, and
               no hash of the old one
    """
    old = webhook.secret
    webhook.turn_to(operator.rotate_webhook())
    bits, differing = capacity_bits([webhook.secret]), least_distance([old, webhook.secret])
    if hashed(old, webhook.secret):
        raise NonConformance(
            "a secret that does not follow from the old one", f"the {hashed(old, webhook.secret)} of it"
        )
    if bits < REQUIRED_BITS - 12 or bits * differing / len(webhook.secret) < DIFFERING_BITS:
        raise NonConformance(
            f"a secret of {REQUIRED_BITS} bits, unlike the old one",
            f"{bits:.0f} bits at most, {differing} characters that differ",
        )


def hashed(old: str, new: str) -> str | None:
    """By which hash a secret follows from the one before, or None."""
    for name in ("md5", "sha1", "sha256"):
        digest = hashlib.new(name, old.encode())
        written = base64.urlsafe_b64encode(digest.digest()).decode().rstrip("=")
        if new.lower() == digest.hexdigest() or new == written:
            return name
    return None


@verifies("webhooks/secret/near-misses-are-not-repeated")
@pytest.mark.parametrize("how", [case(name, name) for name in ("cut", "case-changed", "extended")])
def test_near_misses_are_not_repeated(webhook: WebhookClient, how: str) -> None:
    """Purpose: a mistyped URL is nearly the secret: it does not go into error pages and logs either.

    Method: 1. POST to the URL with its secret cut, extended or in other case
            2. expect what was asked for nowhere in the answer
    """
    near = NEAR_MISSES[how](webhook.secret)
    expect_not_repeated(webhook.send("POST", webhook.path_with(near), b"{}", "application/json"), [near], "the URL")
