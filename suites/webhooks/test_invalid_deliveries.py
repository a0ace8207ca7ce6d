"""An invalid delivery is answered 4xx and does not prevent later deliveries."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest

from conformance.clients.http import HttpClient
from conformance.clients.transport.raw_socket import Wire
from conformance.clients.webhooks import JSON, WebhookClient, told_as
from conformance.evidence.shared_requests import Once
from conformance.oracles.documents import expect_json_where_told
from conformance.oracles.errors import expect_client_error, expect_no_leak
from conformance.oracles.headers import expect_header
from conformance.oracles.rate_limits import expect_limited, stated
from conformance.oracles.robustness import Surroundings, expect_outcome
from conformance.oracles.status import expect_status, expect_success, refused_in_front
from conformance.oracles.webhooks import posted_where_none_is, taken
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
from conformance.vocabulary.finding import NotDeclared
from conformance.vocabulary.mutation import Outcome
from conformance.vocabulary.wording import worded

NOT_JSON = {
    "cut": b'{"a": ', "text": b"hello", "single-quotes": b"{'a': 1}", "invalid-utf8": b'{"a": "\xff"}',
    "trailing-comma": b'{"a": 1,}', "line-in-a-text": b'{"a": "x\ny"}', "comment": b'{"a": 1 /* x */}',
    "two-documents": b"{} {}", "nan": b'{"a": NaN}', "empty": b"",
}  # fmt: skip


def takes(webhook: WebhookClient, once: Once) -> None:
    """The webhook takes good deliveries, or what stands behind a bad one could be blamed on that; asked once."""
    once("taken", lambda: taken(webhook))


@verifies("webhooks/errors/malformed-json-is-refused")
@pytest.mark.parametrize("body", [case(name, value) for name, value in NOT_JSON.items()])
def test_malformed_json_is_refused(webhook: WebhookClient, once: Once, body: bytes) -> None:
    """Purpose: a sender learns that what it declared as JSON is none.

    Method: 1. POST a body declared as application/json that is not
            2. expect 400 (or 422), then a good delivery to be accepted
    """
    takes(webhook, once)
    expect_status(webhook.post(body), {400, 422})
    expect_success(webhook.deliver(), "for the next good delivery")


@verifies("webhooks/errors/requests-are-limited")
@disturbs("webhook limited")
def test_requests_are_limited(target: Target, http: Callable[[str], HttpClient], webhook: WebhookClient) -> None:
    """Purpose: a sender that posts events too often learns it by the documented status.

    Method: 1. POST to the webhook of limited_url more events than limits.webhook_requests permits
            2. expect 429
    """
    stated(target.limits.webhook_requests, "webhook_requests")
    limited = webhook.described.limited_url
    if limited is None:
        raise NotDeclared("the target file declares no limited_url in [targets.X.webhooks]", "webhooks.limited_url")
    parts = urlsplit(limited.reveal())
    client = http(f"{parts.scheme}://{parts.netloc}").impatient()
    path, event = limited.reveal().removeprefix(client.base_url), webhook.event()
    expect_limited(
        target.limits.webhook_requests,
        "webhook_requests",
        lambda: client.send("POST", path, [("Content-Type", told_as(webhook.kind))], event),
    )


NEARLY_JSON = {
    "words": [b"{a: 1}", b'{"a": True}', b'{"a": undefined}', b'{"a": Infinity}'],
    "numbers": [b'{"a": 01}', b'{"a": +1}', b'{"a": 0x10}', b'{"a": .5}'],
    "marks": [b'{"a": 1 "b": 2}', b'{"a" 1}', b"[1,,2]", b'{"a": 1', b'{"a": 1;}', b'{"a": "\\x"}', b"[1}"],
    "bytes": [b" \n", b"{}\0", b"\x0b{}", b'{"a": "x\ty"}', b'{"a": "\xc0\xaf"}', b'{"a": "\xed\xa0\x80"}'],
}  # fmt: skip


@verifies("webhooks/errors/malformed-json-is-refused")
@pytest.mark.parametrize("bodies", [case(f"nearly-by-its-{name}", value) for name, value in NEARLY_JSON.items()])
def test_what_is_nearly_json_is_refused(webhook: WebhookClient, once: Once, bodies: list[bytes]) -> None:
    """Purpose: what the grammar does not have is no JSON, though other languages have it.

    Method: 1. POST bodies declared as JSON with words, numbers, marks or bytes that JSON has not (RFC 8259)
            2. expect 400 (or 422, or a firewall's page for what reads like an attack) for each
    """
    takes(webhook, once)
    for body in bodies:
        reply = webhook.post(body)
        if not refused_in_front(reply):
            expect_status(reply, {400, 422}, f"for {worded(body.decode('latin-1'))}")


@verifies("webhooks/errors/malformed-json-is-refused")
@pytest.mark.parametrize(
    "declared",
    [case("with-a-charset", "application/json; charset=utf-8"), case("in-other-case", "Application/JSON")],
)
def test_malformed_json_is_refused_however_it_is_declared(webhook: WebhookClient, once: Once, declared: str) -> None:
    """Purpose: a type with a charset, as most senders write it, and in other case declares JSON as well.

    Method: 1. POST a body that is cut off, declared as JSON in another spelling (RFC 9110 section 8.3.1)
            2. expect 400 (or 422, or 415)
    """
    takes(webhook, once)
    expect_status(webhook.post(NOT_JSON["cut"], declared), {400, 415, 422})


@verifies("webhooks/errors/refusals-do-not-shut-the-webhook")
def test_refusals_do_not_shut_the_webhook(webhook: WebhookClient, once: Once) -> None:
    """Purpose: a sender that said something wrong several times is heard when it says something right.

    Method: 1. POST ten bodies in a row that are declared as JSON and are none
            2. expect a good delivery to be accepted
    """
    takes(webhook, once)
    for body in NOT_JSON.values():
        webhook.post(body)
    expect_success(webhook.deliver(), f"for a good delivery behind {len(NOT_JSON)} refused ones")


@verifies("webhooks/errors/too-large-is-refused-as-such")
def test_too_large_is_refused_as_such(webhook: WebhookClient, once: Once) -> None:
    """Purpose: a body beyond the limit is the sender's fault, and told as such.

    Method: 1. POST 3 MB more than the largest body that the target declares
            2. expect 2xx, 413 or 400, and the next good delivery to be accepted
    """
    takes(webhook, once)
    reply = once(("too much", "POST"), webhook.send_too_much)

    expect_status(reply, {400, 413, *range(200, 300)})
    expect_success(webhook.deliver(), "for the next good delivery")


@verifies("webhooks/errors/401-has-a-challenge")
def test_401_has_a_challenge(webhook: WebhookClient, once: Once) -> None:
    """Purpose: who is asked to prove itself is told how.

    Method: 1. POST to a URL that never existed
            2. where the answer is 401, expect a challenge in WWW-Authenticate
    """
    reply = once("posted where none is", lambda: posted_where_none_is(webhook))
    if reply.status == 401:
        expect_header(reply, "WWW-Authenticate", or_statuses=[*range(200, 300), 403, 404, 405, 410])


FRAMES = {
    "two-lengths": "Content-Length: 2\r\nContent-Length: 3", "negative-length": "Content-Length: -1",
    "text-length": "Content-Length: two",
    "header-without-colon": "Content-Length: 2\r\nbroken header", "blank-before-colon": "Content-Length : 2",
    "bare-cr": "X-Cf: a\rb\r\nContent-Length: 2", "chunked-not-last": "Transfer-Encoding: chunked, identity",
}  # fmt: skip


@verifies("webhooks/errors/malformed-messages-are-refused")
@pytest.mark.parametrize("fields", [case(name, value) for name, value in FRAMES.items()])
def test_malformed_messages_are_refused(webhook: WebhookClient, wire: Wire, once: Once, fields: str) -> None:
    """Purpose: a message that cannot be read for certain is not acted on, and harms nobody.

    Method: 1. send a POST over a raw connection with a length or header line that is malformed, or in codings whose
               last is not chunked
            2. expect a 4xx (501 for a coding), then a good delivery to be accepted; a CR by itself may be read as a
               blank (RFC 9112 section 2.2)
    """
    takes(webhook, once)
    head = f"POST {webhook.path} HTTP/1.1\r\nHost: {wire.host()}\r\nContent-Type: {told_as(webhook.kind)}\r\n"
    reply = wire.send(f"{head}Connection: close\r\n{fields}".encode(), b"{}")

    further = {FRAMES["bare-cr"]: range(200, 300), FRAMES["chunked-not-last"]: [501]}.get(fields, [])
    accepted = [*range(400, 500), *further]
    expect_status(reply, accepted, f"for {worded(fields)}")
    expect_success(webhook.deliver(), "for the next good delivery")


@verifies("webhooks/errors/any-changed-event-is-judged")
@explores(0.4, *EVENT_KINDS, change=event_changes())
def test_any_changed_event_is_judged(
    webhook: WebhookClient, features: frozenset[str], change: Change[dict[str, Any], bytes]
) -> None:
    """Purpose: an event that was changed is accepted or refused as the change demands.

    Method: 1. change an event in JSON in one way (structure or bytes) and POST it
            2. expect 2xx where it is still valid, 4xx where it is no JSON and the target claims to look, either for
               the rest; never a 5xx; then a good delivery to be accepted
    """
    if JSON not in webhook.described.content_types:
        raise NotDeclared("the webhook does not declare application/json", "webhooks.content_types")
    mutation = change.of({"event": "cf", "subject": "a/b", "count": 3, "data": {"id": "x"}})
    if mutation.outcome is Outcome.REFUSED and "webhooks.strict-json" not in features:
        mutation = mutation.open()

    expect_outcome(
        mutation,
        lambda: webhook.post(mutation.value),
        Surroundings(expect_client_error, lambda: expect_success(webhook.deliver())),
    )


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


@verifies("webhooks/errors/any-delivery-is-no-server-error")
@explores(1.0, *WRITTEN, body=delivery_bodies(), content_type=delivery_types())
def test_any_delivery_is_no_server_error(webhook: WebhookClient, body: bytes, content_type: str | None) -> None:
    """Purpose: no body of any type makes the webhook fail.

    Method: 1. POST any bytes under any type
            2. expect 2xx or 4xx, then a good delivery to be accepted
    """
    expect_client_error(webhook.post(body, content_type))
    expect_success(webhook.deliver(), "for the next good delivery")


UNREADABLE: list[Fields] = [
    [("Content-Encoding", b"gzip")], [("Content-Encoding", b"x-cf")], [("Content-Type", b"text/plain")],
    [("Authorization", b"Digest cf"), ("X-Hub-Signature-256", b"cf"), ("Cookie", b"=; cf;;")],
    [("Accept", b"text/html;q=x"), ("Accept-Language", b"de;q=x, -"), ("Date", b"cf"), ("Traceparent", b"cf")],
    [("X-Forwarded-For", b"unknown, cf"), ("Forwarded", b"for="), ("X-Real-IP", b"cf"), ("X-Forwarded-Port", b"cf")],
    [(name, "tökén ä=ö".encode()) for name in ("Authorization", "Cookie", "Referer", "User-Agent", "X-Cf")],
    [("Range", b"bytes=z"), ("If-Modified-Since", b"cf"), ("If-None-Match", b"cf"), ("User-Agent", b"x" * 300)],
]  # fmt: skip
LONG: Fields = [("X-Cf-Trace", b"x" * 3000)]
MANY: Fields = [(f"X-Cf-{number}", b"x") for number in range(60)]


@verifies("webhooks/errors/any-headers-are-no-server-error")
@explores(1.0, *({"fields": each} for each in (*UNREADABLE, LONG, MANY)), fields=delivery_headers())
def test_any_headers_are_no_server_error(webhook: WebhookClient, fields: Fields) -> None:
    """Purpose: no header fields of a sender make the webhook fail.

    Method: 1. POST a good body under fields of any bytes, under what servers read and cannot, under a long one, under
               many
            2. expect 2xx or 4xx
    """
    expect_client_error(webhook.deliver(headers=fields))


@verifies("webhooks/errors/json-is-json")
def test_json_is_json(webhook: WebhookClient, once: Once) -> None:
    """Purpose: a sender that reads the answers can read them.

    Method: 1. POST a good event, and one to a URL that never existed, and send PUT to the live URL
            2. where an answer is said to be JSON, expect a body that is
    """
    accepted = once("taken", lambda: taken(webhook))
    unknown = once("posted where none is", lambda: posted_where_none_is(webhook))
    for reply in (accepted, unknown, webhook.send("PUT", webhook.path)):
        expect_json_where_told(reply)


@verifies("webhooks/errors/show-no-internals")
@pytest.mark.parametrize("body", [case("cut", b'{"a": '), case("deep", b"[" * 20_000), case("bytes", b"\xff\xfe\0")])
def test_errors_show_no_internals(webhook: WebhookClient, body: bytes) -> None:
    """Purpose: a refused event is not answered with the server's inside.

    Method: 1. POST a body that cannot be read
            2. expect no stack trace, SQL, path or version in the answer
    """
    expect_no_leak(webhook.post(body))
