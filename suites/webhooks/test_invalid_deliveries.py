"""An invalid delivery is answered 4xx and does not prevent later deliveries."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest

from conformance.clients.http import HttpClient
from conformance.clients.transport.raw_socket import Wire
from conformance.clients.webhooks import JSON, WebhookClient, content_type_of
from conformance.evidence.shared_requests import Once
from conformance.oracles.documents import expect_declared_json
from conformance.oracles.errors import expect_client_error, expect_no_leak
from conformance.oracles.headers import expect_header
from conformance.oracles.rate_limits import declared_rate, expect_limited
from conformance.oracles.robustness import Surroundings, expect_outcome
from conformance.oracles.status import expect_accepted_or_refused, expect_status, expect_success, refused_in_front
from conformance.oracles.webhooks import accepted_delivery, post_to_unknown_url
from conformance.strategies.changes import Change
from conformance.strategies.properties import explores
from conformance.strategies.webhooks import (
    EVENT_KINDS,
    Fields,
    delivery_bodies,
    delivery_headers,
    delivery_types,
    event_changes,
)
from conformance.target.description import Target
from conformance.vocabulary.check import case, disturbs, verifies
from conformance.vocabulary.finding import NotApplicable, NotDeclared
from conformance.vocabulary.mutation import Outcome
from conformance.vocabulary.wording import worded

NEXT = "for the next valid event"


@pytest.fixture
def live_webhook(webhook: WebhookClient, once: Once) -> WebhookClient:
    """The webhook, which accepts a valid event: without that, a refusal of an invalid one proves nothing."""
    once("taken", lambda: accepted_delivery(webhook))
    return webhook


NOT_JSON = {
    "cut": [b'{"a": '], "text": [b"hello"], "single-quotes": [b"{'a': 1}"], "invalid-utf8": [b'{"a": "\xff"}'],
    "trailing-comma": [b'{"a": 1,}'], "line-in-a-string": [b'{"a": "x\ny"}'], "comment": [b'{"a": 1 /* x */}'],
    "two-documents": [b"{} {}"], "nan": [b'{"a": NaN}'], "empty": [b""],
    "words": [b"{a: 1}", b'{"a": True}', b'{"a": undefined}', b'{"a": Infinity}'],
    "numbers": [b'{"a": 01}', b'{"a": +1}', b'{"a": 0x10}', b'{"a": .5}'],
    "punctuation": [b'{"a": 1 "b": 2}', b'{"a" 1}', b"[1,,2]", b'{"a": 1', b'{"a": 1;}', b'{"a": "\\x"}', b"[1}"],
    "bytes": [b" \n", b"{}\0", b"\x0b{}", b'{"a": "x\ty"}', b'{"a": "\xc0\xaf"}', b'{"a": "\xed\xa0\x80"}'],
}  # fmt: skip


@verifies("webhooks/errors/malformed-json-is-refused")
@pytest.mark.parametrize(
    ("bodies", "declared"),
    [
        *(case(name, value, JSON) for name, value in NOT_JSON.items()),
        case("type-with-charset", NOT_JSON["cut"], "application/json; charset=utf-8"),
        case("type-in-other-case", NOT_JSON["cut"], "Application/JSON"),
    ],
)
def test_malformed_json_is_refused(live_webhook: WebhookClient, bodies: list[bytes], declared: str) -> None:
    """Purpose: a sender learns that the JSON it sends is invalid (RFC 8259), however it declares it (RFC 9110, 8.3.1).

    Method: 1. POST bodies that are declared as JSON, also with a charset or in another case, and are not
            2. expect 400 or 422 (415 for another declaration), or the page of a firewall
            3. expect the next valid event to be accepted
    """
    for body in bodies:
        reply = live_webhook.post(body, declared)
        if not refused_in_front(reply):
            due = {400, 422, *([415] if declared != JSON else [])}
            expect_status(reply, due, f"for {worded(body.decode('latin-1'))} as {declared}")
    expect_success(live_webhook.deliver(), NEXT)


@verifies("webhooks/errors/malformed-json-is-refused#ten-in-a-row")
def test_refusals_do_not_block_later_events(live_webhook: WebhookClient) -> None:
    """Purpose: a sender that sent several invalid events can still deliver valid ones.

    Method: 1. POST one body of each kind that is falsely declared as JSON; 2. expect the next valid event accepted
    """
    for bodies in NOT_JSON.values():
        live_webhook.post(bodies[0])
    expect_success(live_webhook.deliver(), f"for a valid event after {len(NOT_JSON)} refused ones")


@verifies("webhooks/errors/requests-are-limited")
@disturbs("webhook limited")
def test_requests_are_limited(target: Target, http: Callable[[str], HttpClient], webhook: WebhookClient) -> None:
    """Purpose: a sender that posts too often learns it by the documented status.

    Method: 1. POST more events to limited_url than limits.webhook_requests permits; 2. expect 429
    """
    declared_rate(target.limits.webhook_requests, "webhook_requests")
    limited = webhook.described.limited_url
    if limited is None:
        raise NotDeclared("the target file declares no limited_url in [targets.X.webhooks]", "webhooks.limited_url")
    parts = urlsplit(limited.reveal())
    client = http(f"{parts.scheme}://{parts.netloc}").impatient()
    path, event = limited.reveal().removeprefix(client.base_url), webhook.event()
    expect_limited(
        target.limits.webhook_requests,
        "webhook_requests",
        lambda: client.send("POST", path, [("Content-Type", content_type_of(webhook.kind))], event),
    )


@verifies("webhooks/errors/no-delivery-is-a-server-error#too-large")
def test_too_large_is_refused(live_webhook: WebhookClient, once: Once) -> None:
    """Purpose: a sender learns that its event is too large.

    Method: 1. POST 3 MB more than the declared largest body; 2. expect 2xx or 4xx, and the next valid event accepted
    """
    reply = once(("too much", "POST"), live_webhook.send_oversized)
    expect_accepted_or_refused(reply)
    expect_success(live_webhook.deliver(), NEXT)


@verifies("webhooks/errors/401-has-a-challenge")
def test_401_has_a_challenge(webhook: WebhookClient, once: Once) -> None:
    """Purpose: a client that must authenticate learns how.

    Method: 1. POST to a URL that never existed; 2. if it is answered 401, expect a challenge in WWW-Authenticate
    """
    reply = once("posted where none is", lambda: post_to_unknown_url(webhook))
    if reply.ok:
        raise NotApplicable("an unknown URL accepts events; another check reports that")
    if reply.status == 401:
        expect_header(reply, "WWW-Authenticate")


FRAMES = {
    "two-lengths": "Content-Length: 2\r\nContent-Length: 3", "negative-length": "Content-Length: -1",
    "text-length": "Content-Length: two",
    "header-without-colon": "Content-Length: 2\r\nbroken header", "blank-before-colon": "Content-Length : 2",
    "bare-cr": "X-Cf: a\rb\r\nContent-Length: 2", "chunked-not-last": "Transfer-Encoding: chunked, identity",
}  # fmt: skip
# A bare CR may be read as a space (RFC 9112 section 2.2).
ALSO_ACCEPTED = {FRAMES["bare-cr"]: range(200, 300), FRAMES["chunked-not-last"]: [501]}


@verifies("webhooks/errors/malformed-messages-are-refused")
@pytest.mark.parametrize("fields", [case(name, value) for name, value in FRAMES.items()])
def test_malformed_messages_are_refused(webhook: WebhookClient, wire: Wire, once: Once, fields: str) -> None:
    """Purpose: a message with ambiguous framing allows request smuggling.

    Method: 1. send a POST with a malformed length, header line or transfer coding over a raw connection
            2. expect 4xx (501 for a coding), and the next valid event to be accepted
    """
    once("taken", lambda: accepted_delivery(webhook))
    head = f"POST {webhook.path} HTTP/1.1\r\nHost: {wire.host()}\r\nContent-Type: {content_type_of(webhook.kind)}\r\n"
    reply = wire.send(f"{head}Connection: close\r\n{fields}".encode(), b"{}")
    expect_status(reply, [*range(400, 500), *ALSO_ACCEPTED.get(fields, [])], f"for {worded(fields)}")
    expect_success(webhook.deliver(), NEXT)


@verifies("webhooks/errors/no-delivery-is-a-server-error#changed-events")
@explores(0.4, *EVENT_KINDS, change=event_changes())
def test_changed_events_are_judged(
    json_webhook: WebhookClient, target: Target, change: Change[dict[str, Any], bytes]
) -> None:
    """Purpose: a sender's variation of an event is accepted or refused, and never a server error.

    Method: 1. change the structure or bytes of a JSON event in one way and POST it
            2. expect 2xx if it is still valid, 4xx if it is not JSON and the target claims to check, else either
            3. expect the next valid event to be accepted
    """
    mutation = change.of({"event": "cf", "subject": "a/b", "count": 3, "data": {"id": "x"}})
    if mutation.outcome is Outcome.REFUSED and "webhooks.strict-json" not in target.features:
        mutation = mutation.open()
    surroundings = Surroundings(expect_client_error, lambda: expect_success(json_webhook.deliver()))
    expect_outcome(mutation, lambda: json_webhook.post(mutation.value), surroundings)


WRITTEN: list[dict[str, bytes | str | None]] = [
    {"body": b"caf\xe9", "content_type": "text/plain"},
    {"body": b"null", "content_type": "application/json"},
    {"body": b"[]", "content_type": "application/json"},
    {"body": '{"event": "cf"}'.encode("utf-16"), "content_type": "application/json; charset=utf-16"},
    {"body": b"--x\r\n", "content_type": "multipart/form-data"},
    {"body": b"payload=%7B%22a%22&b=%FF&c=%", "content_type": "application/x-www-form-urlencoded"},
    {"body": b"a=b&" * 1001, "content_type": "application/x-www-form-urlencoded"},
    {"body": b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "content_type": "application/xml"},
    {"body": b"a\0b", "content_type": "text/plain"},
    {"body": b"", "content_type": None},
    {"body": b'{"event": "cf"}', "content_type": None},
    {"body": b'{"event": "cf"}', "content_type": "json"},
    {"body": b"[" * 20_000, "content_type": "application/json"},
    {"body": b'{"n": 1e400, "m": ' + b"9" * 5000 + b"}", "content_type": "application/json"},
]


@verifies("webhooks/errors/no-delivery-is-a-server-error#generated-bodies")
@explores(1.0, *WRITTEN, body=delivery_bodies(), content_type=delivery_types())
def test_no_body_is_a_server_error(webhook: WebhookClient, body: bytes, content_type: str | None) -> None:
    """Purpose: no body of any type makes the webhook fail.

    Method: 1. POST any bytes under any type; 2. expect 2xx or 4xx, and the next valid event to be accepted
    """
    expect_client_error(webhook.post(body, content_type))
    expect_success(webhook.deliver(), NEXT)


FIELDS: list[Fields] = [
    [("Content-Encoding", b"gzip")], [("Content-Encoding", b"x-cf")], [("Content-Type", b"text/plain")],
    [("Authorization", b"Digest cf"), ("X-Hub-Signature-256", b"cf"), ("Cookie", b"=; cf;;")],
    [("Accept", b"text/html;q=x"), ("Accept-Language", b"de;q=x, -"), ("Date", b"cf"), ("Traceparent", b"cf")],
    [("X-Forwarded-For", b"unknown, cf"), ("Forwarded", b"for="), ("X-Real-IP", b"cf"), ("X-Forwarded-Port", b"cf")],
    [(name, "tökén ä=ö".encode()) for name in ("Authorization", "Cookie", "Referer", "User-Agent", "X-Cf")],
    [("Range", b"bytes=z"), ("If-Modified-Since", b"cf"), ("If-None-Match", b"cf"), ("User-Agent", b"x" * 300)],
    [("X-Cf-Trace", b"x" * 3000)], [(f"X-Cf-{number}", b"x") for number in range(60)],
]  # fmt: skip


@verifies("webhooks/errors/no-delivery-is-a-server-error#generated-headers")
@explores(1.0, *({"fields": each} for each in FIELDS), fields=delivery_headers())
def test_no_header_field_is_a_server_error(webhook: WebhookClient, fields: Fields) -> None:
    """Purpose: no header field of a sender makes the webhook fail.

    Method: 1. POST a valid body with malformed, long, many or arbitrary header fields; 2. expect 2xx or 4xx
    """
    expect_client_error(webhook.deliver(headers=fields))


@verifies("webhooks/errors/json-is-valid")
def test_json_is_valid(webhook: WebhookClient, once: Once) -> None:
    """Purpose: a sender can parse the responses that it logs.

    Method: 1. POST a valid event, and one to a URL that never existed; send PUT to the live URL
            2. expect valid JSON in each response that is declared as JSON
    """
    accepted = once("taken", lambda: accepted_delivery(webhook))
    unknown = once("posted where none is", lambda: post_to_unknown_url(webhook))
    for reply in (accepted, unknown, webhook.send("PUT", webhook.path)):
        expect_declared_json(reply)


@verifies("webhooks/errors/no-internals")
@pytest.mark.parametrize("body", [case("cut", b'{"a": '), case("deep", b"[" * 20_000), case("bytes", b"\xff\xfe\0")])
def test_errors_contain_no_internals(webhook: WebhookClient, body: bytes) -> None:
    """Purpose: internals in error responses help an attacker.

    Method: 1. POST a body that cannot be parsed; 2. expect no stack trace, SQL, path or version in the response
    """
    expect_no_leak(webhook.post(body))
