"""Incoming webhooks: what is accepted, what is refused, and the secrecy of the URL. Rotation stands here too, since it
changes the URL that all of them use."""

from __future__ import annotations

import hashlib
import json
import random
from concurrent.futures import ThreadPoolExecutor

import pytest

from conformance.clients.operator import Operator
from conformance.clients.webhooks import WebhookClient
from conformance.oracles.errors import expect_no_leak
from conformance.oracles.status import expect_status, expect_success
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import Inconclusive, NonConformance, NotApplicable

SAMPLES = {
    "application/json": b'{"event": "cf", "n": 1}', "text/plain": "plain täxt".encode(),
    "application/x-www-form-urlencoded": b"event=cf&n=1",
    "application/octet-stream": bytes(range(256)), "application/xml": b"<event>cf</event>",
}  # fmt: skip


METHODS = ("GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS")


def taken(webhook: WebhookClient, body: bytes = b'{"event": "cf"}') -> Exchange:
    """A good delivery; Inconclusive where it is not accepted, since then no refusal means anything."""
    reply = webhook.post(body)
    if not reply.ok:
        raise Inconclusive(f"a good delivery is answered {reply.status}", "a live webhook URL in the target file")
    return reply


@verifies("webhooks/delivery/post-is-accepted")
def test_post_is_accepted(webhook: WebhookClient) -> None:
    """Purpose: an event that is posted to the generated URL, without any token, is accepted.

    Method: 1. POST a body of each media type that the target file declares
            2. expect 2xx
    """
    for content_type in webhook.described.content_types:
        body = SAMPLES.get(content_type, SAMPLES["application/json"] if "json" in content_type else b"cf")
        expect_success(webhook.post(body, content_type), f"for {content_type}")


@verifies("webhooks/delivery/media-type-parameters-are-accepted")
def test_media_type_parameters_are_accepted(webhook: WebhookClient) -> None:
    """Purpose: a media type with a charset, and in other case, is the same type.

    Method: 1. POST JSON as application/json; charset=utf-8, and as Application/JSON
            2. expect 2xx
    """
    if "application/json" not in webhook.described.content_types:
        raise NotApplicable("the webhook does not declare application/json")
    for content_type in ("application/json; charset=utf-8", "Application/JSON"):
        expect_success(webhook.post(b'{"a": 1}', content_type), f"for {content_type}")


JSON_BODIES = {
    "object": b"{}", "array": b"[1, 2]", "nested": json.dumps({"a": [{"b": {"c": [None, True, 1.5]}}]}).encode(),
    "unicode": '{"text": "häll💥"}'.encode(), "escaped": b'{"text": "\\u00e4\\n"}',
    "white-space": b' \r\n{ "a" : 1 }\n',
}  # fmt: skip


@verifies("webhooks/delivery/any-json-is-accepted")
@pytest.mark.parametrize("body", [case(name, value) for name, value in JSON_BODIES.items()])
def test_any_json_is_accepted(webhook: WebhookClient, body: bytes) -> None:
    """Purpose: the sender's JSON is the sender's business.

    Method: 1. POST JSON of several kinds
            2. expect 2xx
    """
    if "application/json" not in webhook.described.content_types:
        raise NotApplicable("the webhook does not declare application/json")
    expect_success(webhook.post(body))


@verifies("webhooks/delivery/largest-body-is-accepted")
def test_largest_body_is_accepted(webhook: WebhookClient) -> None:
    """Purpose: a body of the size that the target declares is taken.

    Method: 1. POST JSON of exactly that many bytes
            2. expect 2xx
    """
    frame = len(b'{"x": ""}')
    body = b'{"x": "' + b"y" * (webhook.described.largest_body - frame) + b'"}'

    expect_success(webhook.post(body, webhook.described.content_types[0]), f"for {len(body)} bytes")


@verifies("webhooks/delivery/chunked-is-accepted")
def test_chunked_is_accepted(webhook: WebhookClient) -> None:
    """Purpose: a sender that does not know the length beforehand is served too.

    Method: 1. POST JSON in chunked transfer coding
            2. expect 2xx, or 411
    """
    expect_status(webhook.post(iter((b'{"a"', b": 1}"))), {411, *range(200, 300)})


@verifies("webhooks/delivery/foreign-headers-do-not-matter")
@pytest.mark.parametrize(
    "fields",
    [
        case("authorization", [("Authorization", "Bearer cf-unknown")]),
        case("signature", [("X-Hub-Signature-256", "sha256=00"), ("X-GitHub-Event", "push")]),
        case("user-agent", [("User-Agent", "cf-sender/1.0"), ("Accept", "text/html")]),
    ],
)
def test_foreign_headers_do_not_matter(webhook: WebhookClient, fields: list[tuple[str, str | bytes]]) -> None:
    """Purpose: what senders put into their headers does not keep an event out.

    Method: 1. POST with an Authorization of the sender's own, with signature headers, with an odd Accept
            2. expect 2xx
    """
    expect_success(webhook.post(b'{"a": 1}', headers=fields))


@verifies("webhooks/delivery/at-once-all-are-accepted")
def test_at_once_all_are_accepted(webhook: WebhookClient) -> None:
    """Purpose: senders do not get in each other's way.

    Method: 1. POST twelve events from six threads
            2. expect 2xx for all
    """
    with ThreadPoolExecutor(6) as pool:
        for reply in pool.map(lambda number: webhook.post(json.dumps({"n": number}).encode()), range(12)):
            expect_success(reply)


def observed_by(operator: Operator) -> Operator:
    """The operator, if there is a way to see what was taken in."""
    if not operator.has("events"):
        raise NotApplicable("the target file declares no hook events")
    return operator


def mark() -> str:
    """A word of chance that no other event has."""
    return f"cf-mark-{random.getrandbits(64):016x}"


@verifies("webhooks/delivery/reaches-the-workspace")
def test_reaches_the_workspace(webhook: WebhookClient, operator: Operator) -> None:
    """Purpose: what was accepted is there, every event once.

    Method: 1. POST twelve events, each with a mark of chance
            2. have the operator's hook tell what was taken in
            3. expect each mark, once
    """
    observed_by(operator)
    marks = [mark() for _ in range(12)]
    for each in marks:
        expect_success(webhook.post(json.dumps({"mark": each}).encode()))

    told = json.dumps(operator.events())
    counts = [told.count(each) for each in marks]
    if counts != [1] * len(marks):
        raise NonConformance("every event among those taken in, once", f"the twelve events {counts} times")


@verifies("webhooks/delivery/arrives-byte-for-byte")
def test_arrives_byte_for_byte(webhook: WebhookClient, operator: Operator) -> None:
    """Purpose: signatures of senders are over bytes: what arrives is what was sent.

    Method: 1. POST JSON with white space before, within and behind it, and with escapes
            2. where the operator's hook tells digests, expect the SHA-256 of the body among them
    """
    observed_by(operator)
    body = f' \n{{ "mark" : "{mark()}",\t"x": "\\u00e4" }}\r\n '.encode()
    expect_success(webhook.post(body))

    told = json.dumps(operator.events())
    if "sha256" not in told:
        raise NotApplicable("the hook events tells no sha256")
    if hashlib.sha256(body).hexdigest() not in told:
        raise NonConformance("an event with the SHA-256 of the body that was sent", "none")


@verifies("webhooks/delivery/refused-is-not-taken-in")
def test_refused_is_not_taken_in(webhook: WebhookClient, operator: Operator) -> None:
    """Purpose: a sender that was refused will send again; so nothing of it may have been taken in.

    Method: 1. POST an event that is no JSON, with a mark of chance; where it is refused:
            2. expect the mark nowhere in what the operator's hook tells
    """
    observed_by(operator)
    word = mark()
    if webhook.post(f'{{"mark": "{word}"'.encode()).ok:
        raise NotApplicable("the webhook takes bodies that are no JSON")
    if word in json.dumps(operator.events()):
        raise NonConformance("no event that was refused", "the refused event among those taken in")


@verifies("webhooks/methods/other-methods-are-refused")
@pytest.mark.parametrize("method", [case(name.lower(), name) for name in METHODS if name != "OPTIONS"])
def test_other_methods_are_refused(webhook: WebhookClient, method: str) -> None:
    """Purpose: the URL takes events by POST alone; a link that is followed delivers nothing.

    Method: 1. send another method to the live URL
            2. expect a 4xx, or 501
    """
    taken(webhook)
    expect_status(webhook.send(method, webhook.path), {*range(400, 500), 501})


@verifies("webhooks/methods/405-names-post")
def test_405_names_post(webhook: WebhookClient) -> None:
    """Purpose: a sender that uses the wrong method is told the right one.

    Method: 1. send GET to the live URL
            2. where the answer is 405, expect Allow with POST
    """
    reply = webhook.send("GET", webhook.path)
    allowed = [each.strip() for each in (reply.headers.get("allow") or "").split(",")]
    if reply.status == 405 and "POST" not in allowed:
        raise NonConformance("405 with Allow: POST", f"405 with Allow: {reply.headers.get('allow')}", reply)


@verifies("webhooks/errors/show-no-internals")
@pytest.mark.parametrize("body", [case("cut", b'{"a": '), case("deep", b"[" * 20_000), case("bytes", b"\xff\xfe\0")])
def test_errors_show_no_internals(webhook: WebhookClient, body: bytes) -> None:
    """Purpose: a refused event is not answered with the server's inside.

    Method: 1. POST a body that cannot be read
            2. expect no stack trace, SQL, path or version in the answer
    """
    expect_no_leak(webhook.post(body))
