"""What webhook checks are given: the live URL, and the operator who can rotate it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from conformance.clients.http import HttpClient
from conformance.clients.webhooks import WebhookClient
from conformance.clients.wire import Wire
from conformance.evidence.recorder import Recorder
from conformance.target.description import Target
from conformance.vocabulary.finding import NotApplicable


@pytest.fixture(scope="session")
def webhook(target: Target, http: Callable[[str], HttpClient], recorder: Recorder) -> WebhookClient:
    """The webhook of the target; the secret part of its URL is a secret by itself."""
    if target.webhooks is None:
        raise NotApplicable("the target describes no webhooks")
    client = WebhookClient(target.webhooks, http)
    recorder.redactor.learn("WEBHOOK_SECRET", client.secret)
    url = target.webhooks.url
    begins = url.reveal().find(client.secret)
    part = f"{begins + 1}-{begins + len(client.secret)}"
    recorder.recipe("WEBHOOK_SECRET", f'WEBHOOK_SECRET=$(printf %s "${url.name}" | cut -c{part})')
    return client


@pytest.fixture(scope="session")
def features(target: Target) -> frozenset[str]:
    """What the target claims beyond the core."""
    return frozenset(target.features)


@pytest.fixture(scope="session")
def wire(webhook: WebhookClient) -> Wire:
    """A raw socket to the webhook's origin."""
    return Wire(webhook.http)
