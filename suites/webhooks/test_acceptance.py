"""Every valid event is accepted, whatever its JSON, size, framing and header fields."""

from __future__ import annotations

import json
from functools import partial

import pytest

from conformance.clients.concurrency import at_once
from conformance.clients.webhooks import WebhookClient, content_type_of, event_body
from conformance.oracles.status import expect_status, expect_success
from conformance.vocabulary.check import case, verifies

SAMPLES = {
    "application/json": b'{"event": "cf", "n": 1}', "text/plain": "plain täxt".encode(),
    "application/x-www-form-urlencoded": b"event=cf&n=1",
    "application/octet-stream": bytes(range(256)), "application/xml": b"<event>cf</event>",
}  # fmt: skip


@verifies("webhooks/delivery/post-is-accepted")
def test_post_is_accepted(webhook: WebhookClient) -> None:
    """Purpose: a sender needs nothing but the URL to deliver an event.

    Method: 1. POST a body of each media type that the target file declares, without a token; 2. expect 2xx
    """
    for content_type in webhook.described.content_types:
        body = SAMPLES.get(content_type) or event_body(content_type, {"event": "cf"})
        expect_success(webhook.post(body, content_type_of(content_type)), f"for {content_type}")


@verifies("webhooks/delivery/valid-events-are-accepted#media-type-parameters")
def test_media_type_parameters_are_accepted(json_webhook: WebhookClient) -> None:
    """Purpose: senders add a charset to the media type, or write it in another case.

    Method: 1. POST JSON with a charset, quoted or after a space, and as application/JSON; 2. expect 2xx
    """
    for end in ("json; charset=utf-8", 'json;charset="UTF-8"', "json ;charset=utf-8", "JSON"):
        expect_success(json_webhook.post(b'{"a": 1}', f"application/{end}"), f"for application/{end}")


JSON_BODIES = {
    "object": b"{}", "array": b"[1, 2]", "nested": json.dumps({"a": [{"b": {"c": [None, True, 1.5]}}]}).encode(),
    "unicode": '{"text": "häll💥"}'.encode(), "escaped": b'{"text": "\\u00e4\\n"}',
    "white-space": b' \r\n{ "a" : 1 }\n',
    "names": b'{"$schema": "x", "specversion.major": 1, "": null, "a/b": []}',
    # Events about source code contain text that firewalls mistake for attacks.
    "markup": b"""{"message": "<script>alert('a')</script>; SELECT * FROM a WHERE b = 'c'"}""",
    # Members that handlers of known senders read, null or of another kind.
    "nulls": b'{"text": null, "attachments": [null], "repository": null, "payload": {"id": 1}, "data": null}',
    "known-senders": b'{"type": "url_verification", "challenge": "cf", "zen": "cf", "hook_id": 1, "token": "cf"}',
}  # fmt: skip


@verifies("webhooks/delivery/valid-events-are-accepted")
@pytest.mark.parametrize("body", [case(f"json-{name}", value) for name, value in JSON_BODIES.items()])
def test_any_json_is_accepted(json_webhook: WebhookClient, body: bytes) -> None:
    """Purpose: the sender alone decides what JSON an event contains.

    Method: 1. POST JSON of several kinds; 2. expect 2xx
    """
    expect_success(json_webhook.post(body))


@verifies("webhooks/delivery/valid-events-are-accepted#largest-body")
def test_largest_body_is_accepted(webhook: WebhookClient) -> None:
    """Purpose: an event of the declared largest size is accepted.

    Method: 1. POST an event of exactly that many bytes; 2. expect 2xx
    """
    body = webhook.event_of_size(webhook.described.largest_body)
    expect_success(webhook.deliver(body), f"for {len(body)} bytes")


@verifies("webhooks/delivery/chunked-is-accepted")
def test_chunked_is_accepted(webhook: WebhookClient) -> None:
    """Purpose: a sender that streams an event does not know its length.

    Method: 1. POST an event in chunked transfer coding; 2. expect 2xx or 411
    """
    event = webhook.event()
    expect_status(webhook.deliver((event[:4], event[4:])), {411, *range(200, 300)})


HEADERS: dict[str, list[tuple[str, str | bytes]]] = {
    "authorization": [("Authorization", "Bearer cf-unknown")],
    "signature": [("X-Hub-Signature-256", "sha256=00"), ("X-GitHub-Event", "push")],
    "go-client": [("User-Agent", "Go-http-client/1.1")],
    "curl": [("User-Agent", "curl/8.14.1")],
    "python-requests": [("User-Agent", "python-requests/2.32.3")],
    "user-agent": [("User-Agent", "cf-sender/1.0"), ("Accept", "text/html")],
    "origin": [("Origin", "https://sender.example"), ("Sec-Fetch-Site", "cross-site")],
    "cookie": [("Cookie", "session=cf-unknown")],
    "tracing": [
        ("Referer", "https://sender.example/builds/7"), ("Accept-Language", "de-CH, de;q=0.8, *;q=0.1"),
        ("Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"), ("Idempotency-Key", "cf-7"),
        ("X-Request-Id", "cf-7"),
    ],
    "expect": [("Expect", "100-continue")],
}  # fmt: skip


@verifies("webhooks/delivery/valid-events-are-accepted")
@pytest.mark.parametrize("fields", [case(f"headers-{name}", value) for name, value in HEADERS.items()])
def test_header_fields_do_not_matter(webhook: WebhookClient, fields: list[tuple[str, str | bytes]]) -> None:
    """Purpose: header fields that senders and their libraries add do not keep an event out.

    Method: 1. POST an event with the header fields of a kind of sender; 2. expect 2xx
    """
    expect_success(webhook.deliver(headers=fields))


@verifies("webhooks/delivery/valid-events-are-accepted#concurrent")
def test_concurrent_events_are_accepted(webhook: WebhookClient) -> None:
    """Purpose: concurrent senders do not disturb each other.

    Method: 1. POST twelve events concurrently; 2. expect 2xx for each
    """
    for reply in at_once([partial(webhook.deliver, webhook.event(n=str(number))) for number in range(12)]):
        expect_success(reply)
