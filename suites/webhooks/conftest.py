"""Fixtures of the webhook checks."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from conformance.clients.http import HttpClient
from conformance.clients.transport.raw_socket import Wire
from conformance.clients.webhooks import JSON, WebhookClient
from conformance.evidence.recorder import Recorder
from conformance.target.description import Target
from conformance.vocabulary.finding import NotDeclared, NotOffered


@pytest.fixture(scope="session")
def webhook(target: Target, http: Callable[[str], HttpClient], recorder: Recorder) -> WebhookClient:
    """The webhook of the target; each part of its URL that could be the secret is redacted."""
    if target.webhooks is None:
        raise NotOffered("the target describes no webhooks")
    client = WebhookClient(target.webhooks, lambda url: http(url).readable().retrying())
    url = target.webhooks.url
    for number, part in enumerate(dict.fromkeys([client.secret, *client.long_parts]), 1):
        name = "WEBHOOK_SECRET" if number == 1 else f"WEBHOOK_SECRET_{number}"
        recorder.redactor.learn(name, part)
        begins = url.reveal().find(part)
        place = f"{begins + 1}-{begins + len(part)}"
        recorder.recipe(name, f'{name}=$(printf %s "${url.name}" | cut -c{place})')
    return client


@pytest.fixture(scope="session")
def json_webhook(webhook: WebhookClient) -> WebhookClient:
    """The webhook, if it declares application/json."""
    if JSON not in webhook.described.content_types:
        raise NotDeclared("the webhook does not declare application/json", "webhooks.content_types")
    return webhook


@pytest.fixture(scope="session")
def wire(webhook: WebhookClient) -> Wire:
    """A raw socket to the webhook's origin."""
    return Wire(webhook.http)
