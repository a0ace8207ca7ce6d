"""An accepted event is delivered complete and exactly once; a rejected or aborted event is not delivered."""

from __future__ import annotations

import base64
import hashlib
import random
from collections.abc import Callable
from functools import partial

import pytest

from conformance.clients.concurrency import at_once
from conformance.clients.programs.operator_hooks import Operator
from conformance.clients.transport.interrupted_requests import BreakingOff
from conformance.clients.transport.raw_socket import Wire
from conformance.clients.webhooks import BEYOND, JSON, HeaderFields, WebhookClient, content_type_of, event_body
from conformance.oracles.status import expect_success, observed
from conformance.oracles.webhooks import (
    count_carrying,
    expect_arrived,
    has_no_digest,
    mark,
    post_to_unknown_url,
    reported_after_delivery,
    reported_in_time,
    reports_digests,
    require_events_hook,
    unless_closed,
)
from conformance.target.description import Target
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance, NotDeclared

SENDERS: list[HeaderFields] = [
    [("Authorization", "Bearer cf-unknown"), ("X-GitHub-Event", "push"), ("X-Hub-Signature-256", "sha256=00")],
    [("Origin", "https://sender.example"), ("Cookie", "session=cf-unknown")],
]


def declared_kinds(webhook: WebhookClient) -> dict[str, tuple[str, HeaderFields]]:
    """Return media type and header fields of events: of each declared type, with a charset, with senders' fields."""
    types = webhook.described.content_types
    kinds: dict[str, tuple[str, HeaderFields]] = {each: (each, ()) for each in types}
    if JSON in types:
        kinds["JSON with a charset"] = ("application/json; charset=utf-8", ())
    for fields in SENDERS:
        kinds[f"{types[0]} with {' and '.join(name for name, _ in fields)}"] = (types[0], fields)
    return kinds


def event_of(content_type: str, padding: int = 0) -> tuple[str, bytes]:
    """Return a new mark, and an event of that type with it, longer by some letters."""
    event = {"mark": mark(), "x": "y" * padding} if padding else {"mark": mark()}
    return event["mark"], event_body(content_type.partition(";")[0], event)


@verifies("webhooks/delivery/accepted-events-arrive-once#declared-types")
def test_accepted_events_arrive_once(webhook: WebhookClient, operator: Operator, target: Target) -> None:
    """Purpose: an accepted event is neither lost nor duplicated.

    Method: 1. POST an event of each declared type and kind of sender, one of them after a malformed event
            2. POST twelve events of twelve lengths concurrently; expect 2xx
            3. expect the operator's hook to report each accepted event once within limits.arrival
    """
    require_events_hook(operator)
    accepted = dict[str, tuple[str, bytes, Exchange]]()
    for number, (name, (content_type, fields)) in enumerate(declared_kinds(webhook).items()):
        word, body = event_of(content_type)
        if number == 1:
            webhook.post(b"{")
        reply = webhook.post(body, content_type_of(content_type), fields)
        if reply.ok:
            accepted[name] = word, body, reply
    events = {f"{number} of twelve": event_of(webhook.kind, number) for number in range(1, 13)}
    replies = at_once([partial(webhook.deliver, body) for _, body in events.values()])
    for (name, (word, body)), reply in zip(events.items(), replies, strict=True):
        expect_success(reply)
        accepted[name] = word, body, reply
    expect_arrived(operator, target, accepted)


Sent = tuple[bytes, str, HeaderFields]
"""The body of an event with %s for its mark, its media type and header fields."""
DEEP = 200
# JSON that a store of events cannot hold, or in which a worker finds no members.
CONTENTS = {
    "NUL in a string": b'{"mark": "%s", "x": "a\\u0000b"}',
    "a lone surrogate": b'{"mark": "%s", "x": "\\ud83d"}',
    "a control character": b'{"mark": "%s", "x": "\\u0001\\u001b"}',
    "a character of four bytes": '{"mark": "%s", "x": "\U0001f680"}'.encode(),
    "200 levels": b'{"mark": "%s", "x": ' + b"[" * DEEP + b"]" * DEEP + b"}",
    "reserved names": b'{"mark": "%s", "$set": {"a.b": 1}, "__proto__": {"a": 1}, "": 0, "constructor": null}',
    "a long name": b'{"mark": "%s", "' + b"x" * 3000 + b'": 1}',
    "a number beyond doubles": b'{"mark": "%s", "x": 1e400}',
    "a string as the document": b'"%s"',
    "a nested list": b'[["%s"]]',
}
PROGRAMS: dict[str, HeaderFields] = {
    "Expect": [("Expect", "100-continue")],
    "User-Agent of curl": [("User-Agent", "curl/8.14.1")],
    "User-Agent of a library": [("User-Agent", "python-requests/2.32.3")],
    "User-Agent of a crawler": [("User-Agent", "Mozilla/5.0 (compatible; cf-bot/1.0; +https://sender.example/bot)")],
    "Accept of a browser": [("Accept", "text/html"), ("Sec-Fetch-Mode", "navigate"), ("Purpose", "prefetch")],
    "fields of a retry": [("X-Retry-Num", "3"), ("X-Retry-Reason", "http_timeout"), ("Retry-Attempt", "3")],
}


def unusual_json(webhook: WebhookClient) -> dict[str, Sent]:
    """Return events with valid but unusual JSON."""
    if JSON not in webhook.described.content_types:
        raise NotDeclared("the webhook does not declare application/json", "webhooks.content_types")
    return {name: (body, JSON, ()) for name, body in CONTENTS.items()}


def from_programs(webhook: WebhookClient) -> dict[str, Sent]:
    """Return plain events with the header fields of several programs."""
    body = event_body(webhook.kind, {"mark": "MARK"}).replace(b"MARK", b"%s")
    return {name: (body, content_type_of(webhook.kind), fields) for name, fields in PROGRAMS.items()}


@verifies("webhooks/delivery/accepted-events-arrive-once")
@pytest.mark.parametrize("events", [case("unusual-json", unusual_json), case("sender-programs", from_programs)])
def test_unusual_events_arrive_once(
    webhook: WebhookClient, operator: Operator, target: Target, events: Callable[[WebhookClient], dict[str, Sent]]
) -> None:
    """Purpose: a sender does not repeat an accepted event: one that cannot be stored must be refused.

    Method: 1. POST valid but unusual JSON, or events with the header fields of several programs
            2. expect the operator's hook to report each accepted event once within limits.arrival
    """
    require_events_hook(operator)
    accepted = dict[str, tuple[str, bytes, Exchange]]()
    for name, (template, content_type, fields) in events(webhook).items():
        word = mark()
        body = template.replace(b"%s", word.encode())
        reply = webhook.post(body, content_type, fields)
        if reply.ok:
            accepted[name] = word, body, reply
    expect_arrived(operator, target, accepted)


@verifies("webhooks/delivery/accepted-events-arrive-once#equal-events")
def test_equal_events_each_arrive(webhook: WebhookClient, operator: Operator, target: Target) -> None:
    """Purpose: if the same thing happens twice, the sender reports it twice with equal events.

    Method: 1. POST one event twice; expect 2xx; 2. expect the operator's hook to report it twice
    """
    require_events_hook(operator)
    word, body = event_of(webhook.kind)
    replies = [webhook.deliver(body) for _ in range(2)]
    for reply in replies:
        expect_success(reply)
    expect_arrived(operator, target, {"sent twice": (word, body, replies[-1])}, times=2)


# Bodies that a service which parses and rewrites events would change.
TO_COMPARE_JSON = {
    "white space and escapes": ' \n{ "mark" : "MARK",\t"x": "\\u00e4" }\r\n ',
    "letters and signs": '{"mark": "MARK", "x": "\u00fc u\u0308 \u20ac \U0001f600 <b>&amp;</b> 1+1 %2B \u2028 $a"}',
    "numbers of many digits": '{"mark": "MARK", "id": 12345678901234567890, "x": 1.10, "rate": 1E2, "b": 1, "a": 2}',
    "members of every kind": '{"mark": "MARK", "": null, "aB": {}, "of": [[], "", " c ", -0.0, "2026-03-01", null]}',
    "a list": '[{"mark": "MARK"}, {"mark": "MARK"}]',
}
TO_COMPARE_OTHERS = {
    "blanks and signs": (b" \n\tMARK\x01\x0b\x1b[0m\x7f &amp; 1+1 %2B ", "text/plain"),
    "a byte order mark and a NUL": (b"\xef\xbb\xbfMARK\0cf", "text/plain"),
    "text in Latin-1": (b"MARK\r\ncaf\xe9\r\n", "text/plain; charset=iso-8859-1"),
    "a form": (b"mark=MARK&b=1+1%2b%20x&a=%C3%bc&a=&&b", "application/x-www-form-urlencoded"),
    "bytes of every value": (b"MARK" + bytes(range(256)), "application/octet-stream"),
}


def bodies_to_compare(webhook: WebhookClient) -> dict[str, tuple[bytes, str]]:
    """Return the bodies with their types, each with a mark of its own, and some whose size depends on the target."""
    largest = webhook.described.largest_body
    json = {name: (body.encode(), JSON) for name, body in TO_COMPARE_JSON.items()}
    marked = {
        name: (body.replace(b"MARK", mark().encode()), kind)
        for name, (body, kind) in (json | TO_COMPARE_OTHERS).items()
    }
    return marked | {
        "chunks": (f'{{"mark": "{mark()}", "x": "{"y" * min(100_000, largest // 2)}"}}'.encode(), JSON),
        # It has no mark: 64 random white-space characters identify it.
        "null": (b"null" + bytes(random.choices(b" \t\r\n", k=64)), JSON),
        "a long text": (f"{mark()} {'y' * min(70_000, largest - 50)} end".encode(), "text/plain"),
        "base64": (base64.b64encode(mark().encode()), "text/plain"),
        "the largest body": (webhook.event_of_size(largest, mark=mark()), webhook.kind),
        # It may be refused, but not accepted in part.
        "a larger body": (webhook.event_of_size(largest + BEYOND, mark=mark()), webhook.kind),
    }


@verifies("webhooks/delivery/arrives-byte-for-byte")
def test_arrives_byte_for_byte(webhook: WebhookClient, operator: Operator, target: Target) -> None:
    """Purpose: senders sign the bytes of an event: a rewritten event fails their signature.

    Method: 1. POST a plain event, and bodies that a rewriting service would change
            2. if the operator's hook reports a SHA-256, expect that of each accepted body once
    """
    require_events_hook(operator)
    simple = b"{}" if webhook.kind == JSON else webhook.event()
    webhook.deliver(simple)
    accepted, replies = dict[str, str](), dict[str, Exchange]()
    for name, (body, content_type) in bodies_to_compare(webhook).items():
        if content_type.partition(";")[0] not in webhook.described.content_types:
            continue
        sent = (body[:9], body[9:]) if name == "chunks" else body
        reply = unless_closed(partial(webhook.post, sent, content_type_of(content_type)))
        if reply and reply.ok:
            accepted[name], replies[name] = hashlib.sha256(body).hexdigest(), reply

    digests = accepted.values()
    found = reported_in_time(
        operator, target, lambda found: all(count_carrying(found, each) for each in digests) or has_no_digest(found)
    )
    if not reports_digests(found, [hashlib.sha256(simple).hexdigest(), *digests]):
        raise NotDeclared("the hook events reports no sha256", "hooks.events")
    times = {name: count_carrying(found, digest) for name, digest in accepted.items()}
    wrong = [name for name, count in times.items() if count != 1]
    if wrong:
        seen = ", ".join(f"that of {name} {times[name]} times" for name in wrong)
        missing = [name for name in wrong if not times[name]]
        decisive = [replies[name] for name in missing or wrong]
        raise NonConformance("the SHA-256 of each accepted body, once", seen, *decisive)


@verifies("webhooks/delivery/rejected-events-do-not-arrive#aborted")
def test_aborted_events_do_not_arrive(webhook: WebhookClient, wire: Wire, operator: Operator, target: Target) -> None:
    """Purpose: a sender whose connection broke repeats the event, which must then arrive only once.

    Method: 1. close the connection ten bytes before the end of a body, and before the last chunk; expect no 2xx
            2. deliver a valid event; once the operator's hook reports it, expect none of the aborted events
    """
    require_events_hook(operator)
    head = f"POST {webhook.path} HTTP/1.1\r\nHost: {wire.host()}\r\nContent-Type: {content_type_of(webhook.kind)}\r\n"
    replies = dict[str, Exchange]()
    for chunked in (False, True):
        word = mark()
        body = webhook.event(mark=word)
        framing = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {len(body) + 10}"
        sent = b"%x\r\n%s\r\n" % (len(body), body) if chunked else body
        reply = BreakingOff(webhook.http).send_beginning(f"{head}{framing}".encode(), sent)
        if reply.ok:
            raise NonConformance("no 2xx for an incomplete body", observed(reply), reply)
        replies[word] = reply
    expect_success(webhook.deliver(), "for a valid event after the aborted ones")
    seen = reported_after_delivery(webhook, operator, target)
    if arrived := [reply for word, reply in replies.items() if count_carrying(seen, word)]:
        raise NonConformance("no event with an incomplete body to arrive", "it arrived", *arrived)


@verifies("webhooks/delivery/rejected-events-do-not-arrive#rejected")
def test_rejected_events_do_not_arrive(webhook: WebhookClient, operator: Operator, target: Target) -> None:
    """Purpose: a sender repeats an event that was rejected, which must then arrive only once.

    Method: 1. send events that are malformed, of an unknown type, too large, by another method or to an unknown URL
            2. deliver a valid event; once the operator's hook reports it, expect no rejected event, nor that by OPTIONS
    """
    require_events_hook(operator)
    names = (
        "with malformed JSON",
        "of an unknown type",
        "by PUT",
        "by GET",
        "by OPTIONS",
        "too large",
        "to an unknown URL",
    )
    marks = {name: mark() for name in names}
    events = {name: webhook.event(mark=each) for name, each in marks.items()}
    large = webhook.event_of_size(webhook.described.largest_body + BEYOND, mark=marks["too large"])
    replies = {
        "with malformed JSON": webhook.post(events["with malformed JSON"][:-1]),
        "of an unknown type": webhook.post(events["of an unknown type"], "application/x-cf-unknown"),
        "by PUT": webhook.send("PUT", webhook.path, events["by PUT"], content_type_of(webhook.kind)),
        "by GET": webhook.send("GET", webhook.path_with_query(f"mark={marks['by GET']}")),
        "by OPTIONS": webhook.send("OPTIONS", webhook.path, events["by OPTIONS"], content_type_of(webhook.kind)),
    }
    if reply := unless_closed(lambda: webhook.deliver(large)):
        replies["too large"] = reply
    if not webhook.in_host:
        replies["to an unknown URL"] = post_to_unknown_url(webhook, events["to an unknown URL"])
    found = reported_after_delivery(webhook, operator, target)
    # OPTIONS is safe (RFC 9110 section 9.2.1): it delivers nothing, whatever its status.
    rejected = [name for name, reply in replies.items() if name == "by OPTIONS" or not reply.ok]
    if arrived := [name for name in rejected if count_carrying(found, marks[name])]:
        expected, seen = (
            "no event that was rejected or sent by OPTIONS to arrive",
            f"the event {', '.join(arrived)} arrived",
        )
        raise NonConformance(expected, seen, *(replies[name] for name in arrived))
