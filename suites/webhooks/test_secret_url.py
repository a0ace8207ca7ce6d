"""Only the exact secret URL accepts events, and no response reveals it."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from conformance.clients.webhooks import UNANSWERED, WebhookClient, content_type_of
from conformance.evidence.shared_requests import Once
from conformance.oracles.concealment import expect_alike
from conformance.oracles.errors import repeated_in
from conformance.oracles.status import expect_no_success, expect_refused, expect_status, observed
from conformance.oracles.token_quality import REQUIRED_BITS, capacity_bits
from conformance.oracles.webhooks import (
    ESCAPE,
    accepted_delivery,
    expect_like_unknown_url,
    expect_url_not_repeated,
    is_a_page,
    is_shown_at_unknown_urls,
    mark,
    random_secret,
    unless_closed,
)
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.finding import NonConformance, NotApplicable
from conformance.vocabulary.values import may_have_any_case

METHODS = ("GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS")
BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
QUARTER = len(BASE64) // 4
TIME_BASED_UUID = re.compile(r"[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[126][0-9A-Fa-f]{3}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}")
"""A client that has seen one can guess the next (RFC 9562 section 8)."""


def changed_at(secret: str, place: int) -> str:
    """Return a secret with one character changed in its high bits: the last of base64 may contain unused bits.

    The new character occurs elsewhere in the secret if possible: a service may refuse a secret of another alphabet.
    """
    place = next((each.start() - 1 for each in ESCAPE.finditer(secret) if place in range(*each.span())), place)
    at = BASE64.find(secret[place])
    other = max(filter(str.isalnum, secret), key=lambda each: BASE64.find(each) ^ at, default="a")
    if BASE64.find(other) ^ at < QUARTER and not secret.isdecimal():
        other = "0" if secret[place] in BASE64[16:32] else "a"
    return secret[:place] + other + secret[place + 1 :]


NEAR_MISSES: dict[str, Callable[[str], str]] = {
    "unknown": random_secret, "cut": lambda secret: secret[:-1], "half": lambda secret: secret[: len(secret) // 2],
    "extended": lambda secret: secret + "a", "case-changed": lambda secret: secret.swapcase(),
    "first-changed": lambda secret: changed_at(secret, 0),
    "middle-changed": lambda secret: changed_at(secret, 2 * len(secret) // 3),
    "last-changed": lambda secret: changed_at(secret, len(secret) - 1),
    "doubled": lambda secret: secret * 2, "nul": lambda secret: secret + "%00",
    "blank": lambda secret: secret + "%20",
    # Wildcards of SQL LIKE, of key patterns and of file names.
    "percent-sign": lambda _: "%25", "underscores": lambda secret: "_" * len(secret), "asterisk": lambda _: "*",
    "dots": lambda secret: "." * len(secret),
    # SQL injection.
    "quote": lambda _: "%27%20OR%20%27a%27=%27a",
}  # fmt: skip


def near_miss(webhook: WebhookClient, name: str) -> str:
    """Return a secret similar to the live one; NotApplicable if it may be equivalent."""
    if name == "case-changed" and may_have_any_case(webhook.secret):
        raise NotApplicable("the URL's secret may be the same in letters of other case")
    return NEAR_MISSES[name](webhook.secret)


@verifies("webhooks/secret/near-misses-are-refused")
@pytest.mark.parametrize("name", NEAR_MISSES)
def test_near_misses_are_refused(webhook: WebhookClient, name: str) -> None:
    """Purpose: the URL is the only secret that guards the webhook: a similar one must not work.

    Method: 1. POST to the URL with a secret that is shortened, extended, in another case or similar; 2. expect 4xx
    """
    accepted_delivery(webhook)
    expect_refused(webhook.deliver(path=webhook.path_with(near_miss(webhook, name))))


@verifies("webhooks/secret/near-misses-are-refused#without-secret")
def test_url_without_secret_is_refused(webhook: WebhookClient) -> None:
    """Purpose: the path without its secret accepts no event and lists no webhooks.

    Method: 1. POST and GET the path without its last part, POST it with an empty secret
            2. expect 4xx, 501 or a redirect; GET may get what any unknown URL shows
            3. without the trailing slash, expect no 2xx for POST, and no secret in the response to GET
    """
    accepted_delivery(webhook)
    if webhook.in_host:
        raise NotApplicable("the URL's secret is in its host name")
    parent = webhook.path.split(webhook.secret)[0]
    posted = [("POST", each) for each in dict.fromkeys((parent, webhook.path_with("")))]
    for method, path in (*posted, ("GET", parent)):
        reply = webhook.deliver(path=path) if method == "POST" else webhook.send(method, path)
        if reply.status != UNANSWERED and not is_shown_at_unknown_urls(webhook, method, reply):
            expect_status(reply, {*range(300, 500), 501})
    if (above := parent.rstrip("/")) not in ("", parent):
        expect_no_success(webhook.deliver(path=above), "above the URL")
        expect_url_not_repeated(webhook.send("GET", above), webhook.long_parts)


@verifies("webhooks/secret/other-spellings-are-refused")
@pytest.mark.parametrize("behind", [case("trailing-slash", "/"), case("suffix", ".json"), case("parameter", ";x")])
def test_other_spellings_are_refused(webhook: WebhookClient, behind: str) -> None:
    """Purpose: a webhook has one URL, though a framework may treat others as equal.

    Method: 1. POST to the URL with a slash, an extension or a parameter appended
            2. expect 4xx, or a redirect if any unknown URL gets the same
    """
    accepted_delivery(webhook)
    reply = webhook.deliver(path=webhook.path_with(webhook.secret + behind))
    if 300 <= reply.status < 400:
        unknown = webhook.path_with(random_secret(webhook.secret) + behind)
        expect_alike(reply, webhook.deliver(path=unknown), "as at the live URL")
        return
    expect_refused(reply)


@verifies("webhooks/secret/live-url-is-not-distinguishable")
@pytest.mark.parametrize("name", ["cut", "extended", "case-changed", "first-changed", "last-changed", "half"])
def test_near_misses_are_answered_as_unknown(webhook: WebhookClient, name: str) -> None:
    """Purpose: a guess does not reveal how close to the URL it is.

    Method: 1. POST to a URL similar to the live one, between two of the same form that never existed
            2. expect equal status, header fields and body (a difference other than in status, nine times in a row)
    """
    expect_like_unknown_url(webhook, "POST", near_miss(webhook, name))


@verifies("webhooks/secret/live-url-is-not-distinguishable")
@pytest.mark.parametrize("method", [case(name.lower(), name) for name in METHODS])
def test_other_methods_do_not_reveal_the_url(webhook: WebhookClient, once: Once, method: str) -> None:
    """Purpose: whether a URL is live cannot be tested without delivering an event.

    Method: 1. send another method to the live URL, between two of the same form that never existed
            2. expect equal status, header fields and body
            3. 405 also passes, as do 2xx for OPTIONS and a page or redirect for GET and HEAD
    """
    accepted = once("taken", lambda: accepted_delivery(webhook))
    reply = webhook.send(method, webhook.path, b"", "application/json")
    redirected = method in ("GET", "HEAD") and 300 <= reply.status < 400
    if reply.status == 405 or redirected or (method == "OPTIONS" and reply.ok) or is_a_page(method, reply, accepted):
        return
    expect_like_unknown_url(webhook, method, webhook.secret, or_statuses=(405,))


@verifies("webhooks/secret/cannot-be-guessed")
def test_secret_cannot_be_guessed(webhook: WebhookClient) -> None:
    """Purpose: the URL cannot be found by trying.

    Method: 1. take the parts of the URL that are long enough for a secret, or else the longest
            2. expect room for 128 bits in one of them, and no time-based UUID
    """
    bits, part = max(
        (0 if TIME_BASED_UUID.fullmatch(part) else capacity_bits([part]), part) for part in webhook.long_parts
    )
    if TIME_BASED_UUID.fullmatch(part):
        raise NonConformance("a random secret", f"a UUID of version {part[14]}, made of time and place")
    if bits < REQUIRED_BITS - 12:
        raise NonConformance(f"a secret of {REQUIRED_BITS} bits", f"{bits:.0f} bits at most, in {len(part)} characters")


@verifies("webhooks/secret/is-not-repeated")
@pytest.mark.parametrize("method", [case(name.lower(), name) for name in ("POST", *METHODS) if name != "HEAD"])
def test_secret_is_not_repeated(webhook: WebhookClient, method: str) -> None:
    """Purpose: responses end up in logs and error pages, from which the secret leaks.

    Method: 1. send an event by each method; POST also malformed bodies and an unknown type, GET also as a browser does
            2. expect the URL's secret nowhere in the responses
    """
    sent = [(webhook.event(), content_type_of(webhook.kind))]
    if method == "POST":
        sent += [(b"{", "application/json"), (b"\xff", "text/plain"), (b"cf", "application/x-cf-unknown")]
    replies = [webhook.send(method, webhook.path, body, content_type) for body, content_type in sent]
    if method == "GET":
        replies.append(webhook.send(method, webhook.path, headers=[("Accept", "text/html"), ("Origin", "null")]))
    for reply in replies:
        expect_url_not_repeated(reply, webhook.long_parts, nearly=True)


@verifies("webhooks/secret/is-not-repeated")
@pytest.mark.parametrize(
    "form",
    [
        case("post-too-large", "too-large"),
        *(case(f"near-miss-{name}", name) for name in ("cut", "case-changed", "extended")),
    ],
)
def test_unusual_deliveries_do_not_repeat_the_secret(webhook: WebhookClient, once: Once, form: str) -> None:
    """Purpose: a proxy refuses a large body unread, and a mistyped URL is nearly the secret.

    Method: 1. POST 3 MB more than the largest body, or to the URL with its secret shortened, extended or in other case
            2. expect the URL's secret, or the similar one, nowhere in the response
    """
    if form == "too-large":
        reply = unless_closed(lambda: once(("too much", "POST"), webhook.send_oversized))
        parts = webhook.long_parts
    else:
        similar = NEAR_MISSES[form](webhook.secret)
        reply = webhook.deliver(path=webhook.path_with(similar))
        parts = [similar, *(each for each in webhook.long_parts if each != webhook.secret)]
    if reply:
        expect_url_not_repeated(reply, parts)


@verifies("webhooks/secret/events-are-not-shown")
def test_events_are_not_shown(webhook: WebhookClient) -> None:
    """Purpose: several services may send to one URL, and none may see the events of another.

    Method: 1. POST an event with a random mark; then GET the URL, POST another event and a malformed one
            2. expect the mark in none of the later responses
    """
    accepted_delivery(webhook)
    word = mark()
    webhook.deliver(webhook.event(mark=word))
    replies = [webhook.send("GET", webhook.path, headers=[("Accept", kind)]) for kind in ("*/*", "text/html")]
    for reply in (*replies, webhook.deliver(), webhook.post(b"{")):
        if any(repeated_in(reply, [word])):
            seen = f"{observed(reply)}, with an event sent before"
            raise NonConformance("a response that contains no other event", seen, reply)
