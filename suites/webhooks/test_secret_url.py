"""Only the exact secret URL accepts events, and no response reveals it."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from conformance.clients.webhooks import UNANSWERED, WebhookClient, told_as
from conformance.evidence.shared_requests import Once
from conformance.oracles.concealment import expect_alike
from conformance.oracles.errors import repeated_in
from conformance.oracles.status import as_a_page, expect_no_success, expect_refused, expect_status, observed
from conformance.oracles.token_quality import REQUIRED_BITS, capacity_bits
from conformance.oracles.webhooks import (
    ESCAPE,
    expect_as_unknown,
    expect_url_not_repeated,
    is_a_page,
    is_for_everybody,
    mark,
    random_secret,
    taken,
    unless_closed,
)
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.finding import NonConformance, NotApplicable, Proof
from conformance.vocabulary.values import may_have_any_case

METHODS = ("GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS")
BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
QUARTER = len(BASE64) // 4
OF_TIME = re.compile(r"[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[126][0-9A-Fa-f]{3}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}")
"""RFC 9562 section 8: whoever has seen one can guess the next."""


def changed_at(secret: str, place: int) -> str:
    """A secret with one character changed, by its value too: the last of base64 may hold bits that say nothing.

    It becomes one that the secret has elsewhere, if any differs so: a service may tell what cannot be one of its URLs.
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
    # What stands for any text where a URL is looked up by LIKE, by a pattern of keys, or by a file's name.
    "percent-sign": lambda _: "%25", "underscores": lambda secret: "_" * len(secret), "asterisk": lambda _: "*",
    "dots": lambda secret: "." * len(secret),
    # A condition that holds, where the URL is put into a query of a database as it is.
    "quote": lambda _: "%27%20OR%20%27a%27=%27a",
}  # fmt: skip


def near_miss(webhook: WebhookClient, how: str) -> str:
    """What is nearly the live secret; NotApplicable where it may be the same."""
    if how == "case-changed" and may_have_any_case(webhook.secret):
        raise NotApplicable("the URL's secret may be the same in letters of other case")
    return NEAR_MISSES[how](webhook.secret)


@verifies("webhooks/secret/near-misses-are-refused")
@pytest.mark.parametrize("how", [case(name, name) for name in NEAR_MISSES])
def test_near_misses_are_refused(webhook: WebhookClient, how: str) -> None:
    """Purpose: only the URL itself takes events: it is the only secret that guards them.

    Method: 1. POST to the URL with its secret cut, extended, in other case …
            2. expect a 4xx. (In hexadecimal digits, or without letters of both cases, it is the same secret in either.)
    """
    taken(webhook)
    near = near_miss(webhook, how)
    expect_refused(webhook.deliver(path=webhook.path_with(near)))


@verifies("webhooks/secret/other-spellings-are-refused")
@pytest.mark.parametrize("behind", [case("trailing-slash", "/"), case("suffix", ".json"), case("parameter", ";x")])
def test_other_spellings_are_refused(webhook: WebhookClient, behind: str) -> None:
    """Purpose: a webhook has one URL, though a framework may read others as the same.

    Method: 1. POST to the URL with a slash, an extension or a parameter behind it
            2. expect a 4xx, or a redirect, which takes nothing itself, if there is one for any such URL
    """
    taken(webhook)
    reply = webhook.deliver(path=webhook.path_with(webhook.secret + behind))
    if 300 <= reply.status < 400:
        unknown = webhook.path_with(random_secret(webhook.secret) + behind)
        expect_alike(reply, webhook.deliver(path=unknown), "as at the live URL")
        return
    expect_refused(reply)


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
    expect_as_unknown(webhook, "POST", near_miss(webhook, how))


@verifies("webhooks/secret/other-methods-tell-nothing")
@pytest.mark.parametrize("method", [case(name.lower(), name) for name in METHODS])
def test_other_methods_tell_nothing(webhook: WebhookClient, once: Once, method: str) -> None:
    """Purpose: whether a URL is live is not told to who does not deliver.

    Method: 1. send another method to the live URL, between two that never existed
            2. expect the same status, header fields and body, as for near misses; or of the live URL 405, which is the
               plain answer to a method that a resource does not have, a description of it for OPTIONS, and for GET
               and HEAD a page for people, or the way to one
    """
    accepted = once("taken", lambda: taken(webhook))
    reply = webhook.send(method, webhook.path, b"", "application/json")
    led = method in ("GET", "HEAD") and 300 <= reply.status < 400
    if reply.status == 405 or led or (method == "OPTIONS" and reply.ok) or is_a_page(method, reply, accepted):
        return
    expect_as_unknown(webhook, method, webhook.secret, or_statuses=(405,))


@verifies("webhooks/secret/cannot-be-guessed")
def test_secret_cannot_be_guessed(webhook: WebhookClient) -> None:
    """Purpose: the URL is a secret that cannot be tried out.

    Method: 1. take the parts of the URL that are long enough for a secret, or else the longest
            2. expect room for 128 bits in one of them, which no UUID made of time and place has
    """
    bits, part = max((0 if OF_TIME.fullmatch(part) else capacity_bits([part]), part) for part in webhook.long_parts)
    if OF_TIME.fullmatch(part):
        raise NonConformance("a secret of chance", f"a UUID of version {part[14]}, made of time and place")
    if bits < REQUIRED_BITS - 12:
        raise NonConformance(f"a secret of {REQUIRED_BITS} bits", f"{bits:.0f} bits at most, in {len(part)} characters")


@verifies("webhooks/secret/is-not-repeated")
@pytest.mark.parametrize("method", [case(name.lower(), name) for name in ("POST", *METHODS) if name != "HEAD"])
def test_secret_is_not_repeated(webhook: WebhookClient, method: str) -> None:
    """Purpose: the URL does not leak through answers, which logs and error pages keep.

    Method: 1. deliver an event, broken bodies and one of an unknown type; send an event by another method, GET as
               browsers do, too
            2. expect the URL's secret nowhere in the answers, not in Location either
    """
    sent = [(webhook.event(), told_as(webhook.kind))]
    if method == "POST":
        sent += [(b"{", "application/json"), (b"\xff", "text/plain"), (b"cf", "application/x-cf-unknown")]
    replies = [webhook.send(method, webhook.path, body, content_type) for body, content_type in sent]
    if method == "GET":
        replies.append(webhook.send(method, webhook.path, headers=[("Accept", "text/html"), ("Origin", "null")]))
    for reply in replies:
        expect_url_not_repeated(reply, webhook.long_parts, nearly=True)


@verifies("webhooks/secret/is-not-repeated")
@pytest.mark.parametrize("method", [case("post-of-too-much", "POST")])
def test_secret_is_not_repeated_to_who_sends_too_much(webhook: WebhookClient, once: Once, method: str) -> None:
    """Purpose: nor does it leak where a body is refused unread.

    Method: 1. POST 3 MB more than the largest body that the target declares
            2. expect the URL's secret nowhere in the answer
    """
    reply = unless_closed(lambda: once(("too much", method), webhook.send_too_much))
    if reply:
        expect_url_not_repeated(reply, webhook.long_parts)


@verifies("webhooks/secret/events-are-not-shown")
def test_events_are_not_shown(webhook: WebhookClient) -> None:
    """Purpose: events go one way; several services may send to one URL, and none is told what another sent.

    Method: 1. POST an event with a mark of chance, GET the URL, as browsers, too, then POST another, and one that is no
               JSON
            2. expect the mark nowhere in the answers but the first
    """
    taken(webhook)
    word = mark()
    webhook.deliver(webhook.event(mark=word))
    replies = [webhook.send("GET", webhook.path, headers=[("Accept", kind)]) for kind in ("*/*", "text/html")]
    for reply in (*replies, webhook.deliver(), webhook.post(b"{")):
        if any(repeated_in(reply, [word])):
            proof = Proof(reply.id, unsaid=(word,))
            seen = f"{observed(reply)}, with the event that was sent before"
            raise NonConformance("an answer that tells no other event", seen, reply, proof=proof)


@verifies("webhooks/secret/url-without-secret-takes-nothing")
def test_url_without_secret_takes_nothing(webhook: WebhookClient) -> None:
    """Purpose: the path without its secret takes no event and lists no webhooks.

    Method: 1. POST and GET the path without its last part; POST it with nothing in the place of the secret, too
            2. expect a 4xx or 501, or a redirect, which takes nothing itself; GET may show what a URL that never
               existed shows
            3. do the same without the slash at its end: expect POST not to be accepted, nor the URL in what GET shows
    """
    taken(webhook)
    if webhook.in_host:
        raise NotApplicable("the URL's secret is in the name of its host")
    parent = webhook.path.split(webhook.secret)[0]
    without = [("POST", each) for each in dict.fromkeys((parent, webhook.path_with("")))]
    for method, path in (*without, ("GET", parent)):
        reply = webhook.deliver(path=path) if method == "POST" else webhook.send(method, path)
        if reply.status != UNANSWERED and not is_for_everybody(webhook, method, reply):
            expect_status(reply, {*range(300, 500), 501}, unless=as_a_page(reply))
    if (above := parent.rstrip("/")) not in ("", parent):
        expect_no_success(webhook.deliver(path=above), "above the URL")
        expect_url_not_repeated(webhook.send("GET", above), webhook.long_parts)


@verifies("webhooks/secret/near-misses-are-not-repeated")
@pytest.mark.parametrize("how", [case(name, name) for name in ("cut", "case-changed", "extended")])
def test_near_misses_are_not_repeated(webhook: WebhookClient, how: str) -> None:
    """Purpose: a mistyped URL is nearly the secret: it does not go into error pages and logs either.

    Method: 1. POST to the URL with its secret cut, extended or in other case
            2. expect what was asked for nowhere in the answer
    """
    near = NEAR_MISSES[how](webhook.secret)
    reply = webhook.deliver(path=webhook.path_with(near))
    expect_url_not_repeated(reply, [near, *(each for each in webhook.long_parts if each != webhook.secret)])
