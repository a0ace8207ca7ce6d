"""Only POST delivers an event to the webhook URL."""

from __future__ import annotations

import pytest

from conformance.clients.webhooks import UNANSWERED, WebhookClient, content_type_of
from conformance.evidence.shared_requests import Once
from conformance.oracles.headers import expect_header
from conformance.oracles.status import expect_status
from conformance.oracles.webhooks import accepted_delivery, is_a_page, is_shown_at_unknown_urls, post_to_unknown_url
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance, NotApplicable

METHODS = ("GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS")
# Methods with a body (RFC 4918, RFC 3253), or an unregistered one.
UNCOMMON = ("PROPFIND", "REPORT", "QUERY")
REFUSED = {*range(400, 500), 501}
# A redirect accepts nothing: a person who opens the URL may be sent to the portal.
ALSO_ACCEPTED = {"GET": range(300, 400), "HEAD": range(300, 400), "OPTIONS": range(200, 300)}
BODILESS = ("GET", "HEAD", "OPTIONS")


def response_to(method: str, webhook: WebhookClient, once: Once) -> Exchange:
    """Return the response of the live URL to another method, with the event that POST would deliver."""
    once("taken", lambda: accepted_delivery(webhook))
    sent = (webhook.event(), content_type_of(webhook.kind)) if method not in BODILESS else ()
    return once(("another method", method), lambda: webhook.send(method, webhook.path, *sent))


@verifies("webhooks/methods/only-post-delivers")
@pytest.mark.parametrize("method", [case(name.lower(), name) for name in (*METHODS, *UNCOMMON)])
def test_other_methods_are_refused(webhook: WebhookClient, once: Once, method: str) -> None:
    """Purpose: a person or crawler that opens the URL delivers nothing.

    Method: 1. send another method to the live URL, with an event unless it is GET, HEAD or OPTIONS
            2. expect 4xx or 501; GET and HEAD may get a redirect or a page, OPTIONS 2xx
            3. if even GET gets no response, report that for GET only
    """
    reply = response_to(method, webhook, once)
    if reply.status == UNANSWERED:
        if method != "GET" and response_to("GET", webhook, once).status == UNANSWERED:
            raise NotApplicable("no method except POST gets a response; the check of GET reports that")
        sent = [] if method in BODILESS else [("Content-Type", content_type_of(webhook.kind))]
        reply = webhook.http.send(method, webhook.path, sent, webhook.event() if sent else b"")
    accepted = once("taken", lambda: accepted_delivery(webhook))
    if not (is_a_page(method, reply, accepted) or is_shown_at_unknown_urls(webhook, method, reply)):
        expect_status(reply, {*REFUSED, *ALSO_ACCEPTED.get(method, ())})


@verifies("webhooks/methods/only-post-delivers#get-that-names-post")
def test_get_is_not_taken_for_post(webhook: WebhookClient) -> None:
    """Purpose: a link cannot deliver an event by naming POST in its query or header fields.

    Method: 1. GET the live URL with an event in the query or body, or with POST as the intended method
            2. expect 4xx, 501, a redirect, a page or no response
    """
    accepted = accepted_delivery(webhook)
    fields = [(name, "POST") for name in ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override")]
    sent = [("payload=%7B%7D", []), ("_method=POST", []), *((f"cf={field[0]}", [field]) for field in fields)]
    replies = {query: webhook.send("GET", webhook.path_with_query(query), headers=each) for query, each in sent}
    replies["an event as its body"] = webhook.send("GET", webhook.path, webhook.event(), content_type_of(webhook.kind))
    for query, reply in replies.items():
        shown = is_a_page("GET", reply, accepted) or is_shown_at_unknown_urls(webhook, "GET", reply)
        if reply.status != UNANSWERED and not shown:
            expect_status(reply, {*REFUSED, *ALSO_ACCEPTED["GET"]}, f"for {query}")


@verifies("webhooks/methods/405-names-post")
def test_405_names_post(webhook: WebhookClient, once: Once) -> None:
    """Purpose: a sender that uses the wrong method learns the right one.

    Method: 1. send every other method to the live URL, and POST to a URL that never existed
            2. expect Allow in a 405 response; for the live URL with POST and without the refused method
    """
    for method in METHODS:
        reply = response_to(method, webhook, once)
        allow = reply.headers.get("allow") or ""
        allowed = [each.strip() for each in allow.split(",")]
        if reply.status == 405 and ("POST" not in allowed or method in allowed):
            expected, seen = f"405 with Allow: POST, without {method}", f"405 with Allow: {allow}"
            raise NonConformance(expected, seen, reply)
    reply = once("posted where none is", lambda: post_to_unknown_url(webhook))
    if reply.ok and response_to("PUT", webhook, once).ok:
        raise NotApplicable("no method is refused; another check reports that")
    if reply.status == 405:
        expect_header(reply, "Allow")
