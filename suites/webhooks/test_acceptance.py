"""Every valid event is accepted, whatever its JSON, size, framing and other header fields."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from conformance.clients.webhooks import WebhookClient, told_as, written
from conformance.oracles.status import expect_status, expect_success
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.finding import NotDeclared

SAMPLES = {
    "application/json": b'{"event": "cf", "n": 1}', "text/plain": "plain täxt".encode(),
    "application/x-www-form-urlencoded": b"event=cf&n=1",
    "application/octet-stream": bytes(range(256)), "application/xml": b"<event>cf</event>",
}  # fmt: skip


@verifies("webhooks/delivery/post-is-accepted")
def test_post_is_accepted(webhook: WebhookClient) -> None:
    """Purpose: an event that is posted to the generated URL, without any token, is accepted.

    Method: 1. POST a body of each media type that the target file declares
            2. expect 2xx
    """
    for content_type in webhook.described.content_types:
        body = SAMPLES.get(content_type) or written(content_type, {"event": "cf"})
        expect_success(webhook.post(body, told_as(content_type)), f"for {content_type}")


@verifies("webhooks/delivery/media-type-parameters-are-accepted")
def test_media_type_parameters_are_accepted(webhook: WebhookClient) -> None:
    """Purpose: a media type with a charset, and in other case, is the same type.

    Method: 1. POST JSON as application/json; charset=utf-8, as application/json;charset="UTF-8", with a blank before
               the semicolon, and as application/JSON
            2. expect 2xx
    """
    if "application/json" not in webhook.described.content_types:
        raise NotDeclared("the webhook does not declare application/json", "webhooks.content_types")
    for end in ("json; charset=utf-8", 'json;charset="UTF-8"', "json ;charset=utf-8", "JSON"):
        expect_success(webhook.post(b'{"a": 1}', f"application/{end}"), f"for application/{end}")


JSON_BODIES = {
    "object": b"{}", "array": b"[1, 2]", "nested": json.dumps({"a": [{"b": {"c": [None, True, 1.5]}}]}).encode(),
    "unicode": '{"text": "häll💥"}'.encode(), "escaped": b'{"text": "\\u00e4\\n"}',
    "white-space": b' \r\n{ "a" : 1 }\n',
    "names": b'{"$schema": "x", "specversion.major": 1, "": null, "a/b": []}',
    # What programs are made of, whose changes are events, and what firewalls take for attacks.
    "markup": b"""{"message": "<script>alert('a')</script>; SELECT * FROM a WHERE b = 'c'"}""",
    # What handlers of known senders look into, and find nothing or something else in.
    "nulls": b'{"text": null, "attachments": [null], "repository": null, "payload": {"id": 1}, "data": null}',
    "known": b'{"type": "url_verification", "challenge": "cf", "zen": "cf", "hook_id": 1, "token": "cf"}',
}  # fmt: skip


@verifies("webhooks/delivery/any-json-is-accepted")
@pytest.mark.parametrize("body", [case(name, value) for name, value in JSON_BODIES.items()])
def test_any_json_is_accepted(webhook: WebhookClient, body: bytes) -> None:
    """Purpose: the sender's JSON is the sender's business.

    Method: 1. POST JSON of several kinds
            2. expect 2xx
    """
    if "application/json" not in webhook.described.content_types:
        raise NotDeclared("the webhook does not declare application/json", "webhooks.content_types")
    expect_success(webhook.post(body))


@verifies("webhooks/delivery/largest-body-is-accepted")
def test_largest_body_is_accepted(webhook: WebhookClient) -> None:
    """Purpose: a body of the size that the target declares is taken.

    Method: 1. POST an event of exactly that many bytes
            2. expect 2xx
    """
    body = webhook.event_of_size(webhook.described.largest_body)

    expect_success(webhook.deliver(body), f"for {len(body)} bytes")


@verifies("webhooks/delivery/chunked-is-accepted")
def test_chunked_is_accepted(webhook: WebhookClient) -> None:
    """Purpose: a sender that does not know the length beforehand is served too.

    Method: 1. POST an event in chunked transfer coding
            2. expect 2xx, or 411
    """
    event = webhook.event()
    expect_status(webhook.deliver((event[:4], event[4:])), {411, *range(200, 300)})


USUAL: list[tuple[str, str | bytes]] = [
    ("Referer", "https://sender.example/builds/7"), ("Accept-Language", "de-CH, de;q=0.8, *;q=0.1"),
    ("Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"), ("Idempotency-Key", "cf-7"),
    ("X-Request-Id", "cf-7"),
]  # fmt: skip


@verifies("webhooks/delivery/foreign-headers-do-not-matter")
@pytest.mark.parametrize(
    "fields",
    [
        case("authorization", [("Authorization", "Bearer cf-unknown")]),
        case("signature", [("X-Hub-Signature-256", "sha256=00"), ("X-GitHub-Event", "push")]),
        case("program", [("User-Agent", "Go-http-client/1.1")]),
        case("command", [("User-Agent", "curl/8.14.1")]),
        case("script", [("User-Agent", "python-requests/2.32.3")]),
        case("user-agent", [("User-Agent", "cf-sender/1.0"), ("Accept", "text/html")]),
        case("origin", [("Origin", "https://sender.example"), ("Sec-Fetch-Site", "cross-site")]),
        case("cookie", [("Cookie", "session=cf-unknown")]),
        case("usual", USUAL),
        case("expect", [("Expect", "100-continue")]),
    ],
)
def test_foreign_headers_do_not_matter(webhook: WebhookClient, fields: list[tuple[str, str | bytes]]) -> None:
    """Purpose: what senders put into their headers does not keep an event out.

    Method: 1. POST with an Authorization of the sender's own, with signature headers, with the name of a library or of
               a command, with an odd Accept, with the Origin of a page, with a cookie, with what libraries add, with
               the Expect of senders that would wait with a large body
            2. expect 2xx
    """
    expect_success(webhook.deliver(headers=fields))


@verifies("webhooks/delivery/at-once-all-are-accepted")
def test_at_once_all_are_accepted(webhook: WebhookClient) -> None:
    """Purpose: senders do not get in each other's way.

    Method: 1. POST twelve events from six threads
            2. expect 2xx for all
    """
    with ThreadPoolExecutor(6) as pool:
        for reply in pool.map(lambda number: webhook.deliver(webhook.event(n=str(number))), range(12)):
            expect_success(reply)
