"""Preflight of webhooks: the secret URL accepts a small event. No output shows the URL."""

from __future__ import annotations

from conformance.clients.webhooks import FIRST, content_type_of, default_content_type, event_body
from conformance.preflight.contact import Contact, is_page, measure, not_the_surface
from conformance.preflight.state import NOT_OBSERVABLE, SurfaceState, mending

URL = "url"
UNKNOWN = (404, 410)
"""Statuses of a URL that was mistyped or rotated. Any other refusal of a valid event is for the checks to judge."""


def probe(contact: Contact, state: SurfaceState) -> None:
    """Fill in the state of the webhooks surface."""
    webhooks = contact.target.webhooks
    if webhooks is None:
        return
    kind = default_content_type(webhooks)
    reply = contact.ask("POST", "", [("Content-Type", content_type_of(kind))], event_body(kind, FIRST))
    # The body of a webhook's response is not specified: it may be HTML.
    cause = not_the_surface(reply, "a webhook", is_page)
    if cause and reply.status != 404:
        state.unreachable(cause)
        return
    state.ok("answers at its URL")
    measure(state, contact, "GET", "")
    if reply.ok:
        state.role(URL, "ok")
        state.ok("an event is accepted")
    else:
        refusal = f"an event is answered {reply.status}"
        state.role(URL, f"{refusal}; is the URL the current one?")
        if reply.status in UNKNOWN:
            state.locked = f"at the URL of the target file {refusal}"
            state.mend = mending("webhooks", webhooks.url)
    state.feature("webhooks.strict-json", NOT_OBSERVABLE, contact.target.features)
