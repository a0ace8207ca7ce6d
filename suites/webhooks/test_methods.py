"""Only POST delivers an event to the webhook URL."""

from __future__ import annotations

import pytest

from conformance.clients.webhooks import UNANSWERED, WebhookClient, told_as
from conformance.evidence.shared_requests import Once
from conformance.oracles.headers import expect_header
from conformance.oracles.proofs import field_lacks, field_matches
from conformance.oracles.status import as_a_page, expect_status
from conformance.oracles.webhooks import is_a_page, is_for_everybody, posted_where_none_is, taken
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance, NotApplicable

METHODS = ("GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS")
# Methods that bring a body as POST does (RFC 4918, RFC 3253), or are taken for one of the common ones.
SELDOM = ("PROPFIND", "REPORT", "QUERY")
# What leads elsewhere takes nothing itself: a person who opens the URL may be sent to the portal.
LED_ELSEWHERE = range(300, 400)
REFUSED = {*range(400, 500), 501}
BARE = ("GET", "HEAD", "OPTIONS")
"""What is sent without a body, as a browser does."""


def response_to(method: str, webhook: WebhookClient, once: Once) -> Exchange:
    """Return the response of the live URL to another method, with the event that POST would deliver."""
    once("taken", lambda: taken(webhook))
    sent = (webhook.event(), told_as(webhook.kind)) if method not in BARE else ()
    return once(("another method", method), lambda: webhook.send(method, webhook.path, *sent))


@verifies("webhooks/methods/other-methods-are-refused")
@pytest.mark.parametrize("method", [case(name.lower(), name) for name in (*METHODS, *SELDOM)])
def test_other_methods_are_refused(webhook: WebhookClient, once: Once, method: str) -> None:
    """Purpose: the URL takes events by POST alone; a link that is followed delivers nothing.

    Method: 1. send another method to the live URL, with an event where it is not GET, HEAD or OPTIONS
            2. expect a 4xx, or 501; GET and HEAD may be led elsewhere, or shown a page that no event is answered with,
               or what a URL that never existed shows; OPTIONS may be answered 2xx
            3. where the connection is closed without an answer, on GET too, that is told of GET alone
    """
    further = {"GET": LED_ELSEWHERE, "HEAD": LED_ELSEWHERE, "OPTIONS": range(200, 300)}.get(method, ())
    reply = response_to(method, webhook, once)
    if reply.status == UNANSWERED:
        if method != "GET" and response_to("GET", webhook, once).status == UNANSWERED:
            raise NotApplicable("no method but POST is answered, which is told of GET")
        sent = [] if method in BARE else [("Content-Type", told_as(webhook.kind))]
        reply = webhook.http.send(method, webhook.path, sent, webhook.event() if sent else b"")
    accepted = once("taken", lambda: taken(webhook))
    if not (is_a_page(method, reply, accepted) or is_for_everybody(webhook, method, reply)):
        expect_status(reply, {*REFUSED, *further}, unless=as_a_page(reply))


@verifies("webhooks/methods/get-is-never-taken-for-post")
def test_get_is_never_taken_for_post(webhook: WebhookClient) -> None:
    """Purpose: a link that says "post" somewhere delivers nothing either.

    Method: 1. send GET to the live URL with an event in its query, with fields and parameters that name POST as the
               method that is meant, and with an event as its body
            2. expect a 4xx, 501, no answer, to be led elsewhere, a page that no event is answered with, or what a URL
               that never existed shows
    """
    accepted = taken(webhook)
    field = "X-HTTP-Method-Override"
    replies = {
        query: webhook.send("GET", webhook.path_asking(query), headers=fields)
        for query, fields in (("payload=%7B%7D", []), ("_method=POST", []), ("cf=1", [(field, "POST")]))
    }
    replies["an event as its body"] = webhook.send("GET", webhook.path, webhook.event(), told_as(webhook.kind))
    for query, reply in replies.items():
        shown = is_a_page("GET", reply, accepted) or is_for_everybody(webhook, "GET", reply)
        if reply.status != UNANSWERED and not shown:
            expect_status(reply, {*REFUSED, *LED_ELSEWHERE}, f"for {query}", unless=as_a_page(reply))


@verifies("webhooks/methods/405-names-post")
def test_405_names_post(webhook: WebhookClient, once: Once) -> None:
    """Purpose: a sender that uses the wrong method is told the right one.

    Method: 1. send every other method to the live URL
            2. where the answer is 405, expect Allow with POST, and without the method that was refused
            3. POST to a URL that never existed: where the answer is 405, expect Allow, which may be empty
    """
    for method in METHODS:
        reply = response_to(method, webhook, once)
        allowed = [each.strip() for each in (reply.headers.get("allow") or "").split(",")]
        if reply.status == 405 and ("POST" not in allowed or method in allowed):
            expected = f"405 with Allow: POST, without {method}"
            told = reply.headers.get("allow") or ""
            proof = field_matches(reply, "Allow", "(^|[, ])POST *(,|$)") if "POST" not in allowed else None
            proof = proof or field_lacks(reply, "Allow", told)
            raise NonConformance(expected, f"405 with Allow: {told}", reply, proof=proof)
    reply = once("posted where none is", lambda: posted_where_none_is(webhook))
    if reply.status == 405:
        expect_header(reply, "Allow", or_statuses=[*range(200, 300), 400, 401, 403, 404, 410])
