"""An accepted event is delivered complete and exactly once; a rejected or aborted event is not delivered."""

from __future__ import annotations

import base64
import hashlib
import random
from collections.abc import Callable, Iterable
from functools import partial

import pytest

from conformance.clients.concurrency import at_once
from conformance.clients.programs.operator_hooks import Operator
from conformance.clients.transport.interrupted_requests import BreakingOff
from conformance.clients.transport.raw_socket import Wire
from conformance.clients.webhooks import BEYOND, JSON, HeaderFields, WebhookClient, told_as, written
from conformance.oracles.status import expect_success, observed
from conformance.oracles.webhooks import (
    carrying,
    has_none,
    mark,
    observed_by,
    posted_where_none_is,
    tells_digests,
    told_behind,
    told_in_time,
    told_otherwise,
    unless_closed,
)
from conformance.target.description import Target
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NonConformance, NotDeclared, Proof

Kind = tuple[str, HeaderFields]
SENDERS: list[HeaderFields] = [
    [("Authorization", "Bearer cf-unknown"), ("X-GitHub-Event", "push"), ("X-Hub-Signature-256", "sha256=00")],
    [("Origin", "https://sender.example"), ("Cookie", "session=cf-unknown")],
]


def kinds_of(webhook: WebhookClient) -> dict[str, Kind]:
    """The kinds of events that are accepted alike: of each declared type, with a charset, with fields of senders."""
    types = webhook.described.content_types
    kinds: dict[str, Kind] = {each: (each, ()) for each in types}
    if "application/json" in types:
        kinds["JSON with a charset"] = ("application/json; charset=utf-8", ())
    for fields in SENDERS:
        kinds[f"{types[0]} with {' and '.join(name for name, _ in fields)}"] = (types[0], fields)
    return kinds


@verifies("webhooks/delivery/reaches-the-workspace")
def test_reaches_the_workspace(webhook: WebhookClient, operator: Operator, target: Target) -> None:
    """Purpose: what was accepted is there, every event once.

    Method: 1. POST an event of each kind (declared types, a charset, fields of senders), the second behind one that is
               broken, and twelve at once, of twelve lengths, each with a mark of chance
            2. have the operator's hook tell what was taken in, within the time that the target file says
            3. expect the mark of each that was accepted, once
    """
    observed_by(operator)
    kinds = kinds_of(webhook)
    sent = {name: event_of(content_type) for name, (content_type, _) in kinds.items()}
    accepted: dict[str, Exchange] = {}
    for number, (name, (content_type, fields)) in enumerate(kinds.items()):
        if number == 1:
            webhook.post(b"{")
        reply = webhook.post(sent[name][1], told_as(content_type), fields)
        accepted.update({name: reply} if reply.ok else {})
    many = {f"{number} of twelve": event_of(webhook.kind, number) for number in range(1, 13)}
    replies = at_once([partial(webhook.deliver, body) for _, body in many.values()])
    for name, reply in zip(many, replies, strict=True):
        expect_success(reply)
        accepted[name] = reply

    wanted = {name: each for name, each in {**sent, **many}.items() if name in accepted}
    told = told_in_time(operator, target, lambda told: all(carrying(told, *each) for each in wanted.values()))
    times = {name: carrying(told, *each) for name, each in wanted.items()}
    wrong = [name for name, count in times.items() if count != 1]
    if wrong:
        seen = f"the event {', '.join(f'{name} {times[name]} times' for name in wrong)}"
        # One in so many may be lost: all that were sent at once are looked for again.
        beside = [name for name in many if name not in wrong] if many.keys() & wrong else []
        by_mark = {wanted[name][0]: accepted[name] for name in (*beside, *wrong)}
        raise told_otherwise("every event among those taken in, once", seen, by_mark, 1, told)


def event_of(content_type: str, padding: int = 0) -> tuple[str, bytes]:
    """A mark of chance, and an event of that type with it, longer by some letters."""
    event = {"mark": mark(), "x": "y" * padding} if padding else {"mark": mark()}
    return event["mark"], written(content_type.partition(";")[0], event)


def events_of(webhook: WebhookClient) -> dict[str, tuple[bytes, str, bytes | Iterable[bytes]]]:
    """Events that a service which reads and writes them anew would change: the bytes, their type, what is sent."""
    numbers = f'{{"mark": "{mark()}", "id": 12345678901234567890, "price": 1.10, "rate": 1E2, "b": 1, "a": 2}}'.encode()
    # Of more bytes than a buffer, as far as so many are taken.
    filling = "y" * min(100_000, webhook.described.largest_body // 2)
    chunked = f'{{"mark": "{mark()}", "x": "{filling}"}}'.encode()
    several = f'[{{"mark": "{mark()}"}}, {{"mark": "{mark()}"}}]'.encode()
    large, beyond = (webhook.event_of_size(webhook.described.largest_body + more, mark=mark()) for more in (0, BEYOND))
    marked = b"\xef\xbb\xbf" + mark().encode() + b"\0cf"
    text = f"{mark()}\r\ncaf\xe9\r\n".encode("latin-1")
    long = f"{mark()} {'y' * min(70_000, webhook.described.largest_body - 50)} end".encode()
    # What says nothing has no mark: it is told from others by the blanks and line ends behind it, of 128 random bits.
    nothing = b"null" + bytes(random.choices(b" \t\r\n", k=64))
    coded = base64.b64encode(mark().encode())
    form = f"mark={mark()}&b=1+1%2b%20x&a=%C3%bc&a=&&b".encode()
    octets = mark().encode() + bytes(range(256))
    spaced = f' \n{{ "mark" : "{mark()}",\t"x": "\\u00e4" }}\r\n '.encode()
    members = (
        f'{{"mark": "{mark()}", "": null, "aB": {{}}, "of": [[], "", " c ", 1.0, -0.0, "2026-03-01", null]}}'.encode()
    )
    signs = f" \n\t{mark()}\x01\x0b\x1b[0m\x7f &amp; 1+1 %2B ".encode()
    letters = f'{{"mark": "{mark()}", "x": "\u00fc u\u0308 \u20ac \U0001f600 <b>&amp;</b> 1+1 %2B \u2028 $a"}}'.encode()
    return {
        "white space and escapes": (spaced, "application/json", spaced),
        "letters and signs": (letters, "application/json", letters),
        "numbers of many digits": (numbers, "application/json", numbers),
        "members of every kind": (members, "application/json", members),
        "blanks and signs": (signs, "text/plain", signs),
        "chunks": (chunked, "application/json", (chunked[:9], chunked[9:])),
        "a list": (several, "application/json", several),
        "the largest body": (large, webhook.kind, large),
        # It may be refused, and is not accepted but in whole.
        "a body beyond that": (beyond, webhook.kind, beyond),
        "a form": (form, "application/x-www-form-urlencoded", form),
        "bytes of every value": (octets, "application/octet-stream", octets),
        "a byte order mark and a NUL": (marked, "text/plain", marked),
        "a long text": (long, "text/plain", long),
        "base64": (coded, "text/plain", coded),
        "null": (nothing, "application/json", nothing),
        "text in Latin-1": (text, "text/plain; charset=iso-8859-1", text),
    }


@verifies("webhooks/delivery/arrives-byte-for-byte")
def test_arrives_byte_for_byte(webhook: WebhookClient, operator: Operator, target: Target) -> None:
    """Purpose: signatures of senders are over bytes: what arrives is what was sent.

    Method: 1. POST an event that nobody would write otherwise; JSON with white space and escapes, with letters of many
               scripts, with numbers of many digits, with members of every kind, in chunks, in a list, null, of the
               largest size and beyond it; text of 70,000 letters, in Latin-1, in base64, with blanks and signs, a form,
               any bytes, where the target declares such
            2. where the operator's hook tells the SHA-256 of one of them, expect that of each that was accepted, once
    """
    observed_by(operator)
    simple = b"{}" if webhook.kind == JSON else webhook.event()
    plain = hashlib.sha256(simple).hexdigest()
    webhook.deliver(simple)
    accepted, replies = dict[str, str](), dict[str, Exchange]()
    for name, (body, content_type, sent) in events_of(webhook).items():
        declared = content_type.partition(";")[0] in webhook.described.content_types
        reply = unless_closed(partial(webhook.post, sent, told_as(content_type))) if declared else None
        if reply and reply.ok:
            accepted[name], replies[name] = hashlib.sha256(body).hexdigest(), reply

    digests = accepted.values()
    told = told_in_time(operator, target, lambda told: all(carrying(told, each) for each in digests) or has_none(told))
    if not tells_digests(told, [plain, *digests]):
        raise NotDeclared("the hook events tells no sha256", "hooks.events")
    times = {name: carrying(told, digest) for name, digest in accepted.items()}
    wrong = [name for name, count in times.items() if count != 1]
    if wrong:
        seen = ", ".join(f"that of {name} {times[name]} times" for name in wrong)
        missing = [name for name in wrong if not times[name]]
        digests_of = {accepted[name]: replies[name] for name in missing or wrong}
        finding = told_otherwise("the SHA-256 of each body that was sent, once", seen, digests_of, 1, ())
        if not missing:
            finding.proof = Proof(beyond="the digests of the run's own bytes are told already")
        raise finding


@verifies("webhooks/delivery/equal-events-are-two")
def test_equal_events_are_two(webhook: WebhookClient, operator: Operator, target: Target) -> None:
    """Purpose: what happens twice is sent twice, and its sender says the same of it both times.

    Method: 1. POST one and the same event twice
            2. expect 2xx both times, and its mark twice in what the operator's hook tells
    """
    observed_by(operator)
    word, body = event_of(webhook.kind)
    replies = [webhook.deliver(body) for _ in range(2)]
    for reply in replies:
        expect_success(reply)

    told = told_in_time(operator, target, lambda told: carrying(told, word, body) == 2)
    count = carrying(told, word, body)
    if count != 2:
        raise told_otherwise("two equal events among those taken in", f"{count}", {word: replies[-1]}, 2, told)


@verifies("webhooks/delivery/cut-off-is-not-taken-in")
def test_cut_off_is_not_taken_in(webhook: WebhookClient, wire: Wire, operator: Operator, target: Target) -> None:
    """Purpose: a sender whose connection broke sends again; so nothing of the first time may have been taken in.

    Method: 1. send an event over a raw connection, ten bytes less than its Content-Length says, and close; send one
               in a chunk, and close without the last one; then deliver a good one
            2. expect no 2xx, and, as soon as the hook tells the good one, the mark of no other
    """
    observed_by(operator)
    words = [mark(), mark()]
    length, chunk = (webhook.event(mark=word) for word in words)
    replies = []
    head = f"POST {webhook.path} HTTP/1.1\r\nHost: {wire.host()}\r\nContent-Type: {told_as(webhook.kind)}\r\n"
    for framed, sent in (
        (f"Content-Length: {len(length) + 10}", length),
        ("Transfer-Encoding: chunked", b"%x\r\n%s\r\n" % (len(chunk), chunk)),
    ):
        reply = BreakingOff(webhook.http).send_beginning(f"{head}{framed}".encode(), sent)
        if reply.ok:
            raise NonConformance("no success for a part of a body", observed(reply), reply)
        replies.append(reply)
    expect_success(webhook.deliver(), "for a good event behind those that broke off")
    told = told_behind(webhook, operator, target)
    if taken := {word: reply for word, reply in zip(words, replies, strict=True) if carrying(told, word)}:
        raise told_otherwise("no event of a body that broke off", "the event among those taken in", taken, 0, told)


@verifies("webhooks/delivery/refused-is-not-taken-in")
def test_refused_is_not_taken_in(webhook: WebhookClient, operator: Operator, target: Target) -> None:
    """Purpose: a sender that was refused will send again; so nothing of it may have been taken in.

    Method: 1. send an event that is no JSON, one of an unknown type, one by PUT, one by OPTIONS, one in the query
               of GET, one that is too large, and one to a URL that never existed, each with a mark of chance
            2. deliver a good one; expect, as soon as the operator's hook tells that, the mark of none that was
               refused, nor of that by OPTIONS, which is safe (RFC 9110 section 9.2.1)
    """
    observed_by(operator)
    names = ("that is no JSON", "of an unknown type", "by PUT", "by GET", "by OPTIONS")
    marks = {name: mark() for name in (*names, "that is too large", "to an unknown URL")}
    events = {name: webhook.event(mark=each) for name, each in marks.items()}
    large = webhook.event_of_size(webhook.described.largest_body + BEYOND, mark=marks["that is too large"])
    replies = {
        "that is no JSON": webhook.post(events["that is no JSON"][:-1]),
        "of an unknown type": webhook.post(events["of an unknown type"], "application/x-cf-unknown"),
        "by PUT": webhook.send("PUT", webhook.path, events["by PUT"], told_as(webhook.kind)),
        "by GET": webhook.send("GET", webhook.path_asking(f"mark={marks['by GET']}")),
        "by OPTIONS": webhook.send("OPTIONS", webhook.path, events["by OPTIONS"], told_as(webhook.kind)),
    }
    if reply := unless_closed(lambda: webhook.deliver(large)):
        replies["that is too large"] = reply
    if not webhook.in_host:
        replies["to an unknown URL"] = posted_where_none_is(webhook, events["to an unknown URL"])
    told = told_behind(webhook, operator, target)
    none = [name for name, reply in replies.items() if name == "by OPTIONS" or not reply.ok]
    if taken := [name for name in none if carrying(told, marks[name])]:
        seen = f"the event {', '.join(taken)} among those taken in"
        by_mark = {marks[name]: replies[name] for name in taken}
        raise told_otherwise("no event that was refused, or came by OPTIONS", seen, by_mark, 0, told)


Sent = tuple[str, bytes, str, HeaderFields]
"""The mark of an event, its body, its media type and what its sender adds."""
DEEP = 200
# What stores of events cannot hold though JSON can say it, and where a worker looks for members and finds none.
CONTENTS = {
    "NUL in a text": b'{"mark": "%s", "x": "a\\u0000b"}',
    "half a pair of surrogates": b'{"mark": "%s", "x": "\\ud83d"}',
    "a control character": b'{"mark": "%s", "x": "\\u0001\\u001b"}',
    "a character of four bytes": '{"mark": "%s", "x": "\U0001f680"}'.encode(),
    "many levels": b'{"mark": "%s", "x": ' + b"[" * DEEP + b"]" * DEEP + b"}",
    "names of programs": b'{"mark": "%s", "$set": {"a.b": 1}, "__proto__": {"a": 1}, "": 0, "constructor": null}',
    "a long name": b'{"mark": "%s", "' + b"x" * 3000 + b'": 1}',
    "a number of no double": b'{"mark": "%s", "x": 1e400}',
    "a text alone": b'"%s"',
    "a list in a list": b'[["%s"]]',
}
PROGRAMS: dict[str, HeaderFields] = {
    "Expect": [("Expect", "100-continue")],
    "User-Agent of a command": [("User-Agent", "curl/8.14.1")],
    "User-Agent of a library": [("User-Agent", "python-requests/2.32.3")],
    "User-Agent of a crawler": [("User-Agent", "Mozilla/5.0 (compatible; cf-bot/1.0; +https://sender.example/bot)")],
    "Accept of a page": [("Accept", "text/html"), ("Sec-Fetch-Mode", "navigate"), ("Purpose", "prefetch")],
    "fields of a retry": [("X-Retry-Num", "3"), ("X-Retry-Reason", "http_timeout"), ("Retry-Attempt", "3")],
}


def of_any_content(webhook: WebhookClient) -> dict[str, Sent]:
    """Events in JSON that say what is seldom said."""
    if JSON not in webhook.described.content_types:
        raise NotDeclared("the webhook does not declare application/json", "webhooks.content_types")
    marks = {name: mark() for name in CONTENTS}
    bodies = {name: body.replace(b"%s", marks[name].encode()) for name, body in CONTENTS.items()}
    return {name: (marks[name], bodies[name], JSON, ()) for name in CONTENTS}


def of_any_sender(webhook: WebhookClient) -> dict[str, Sent]:
    """Plain events as several programs send them."""
    marks = {name: mark() for name in PROGRAMS}
    kind = webhook.kind
    return {
        name: (marks[name], written(kind, {"mark": marks[name]}), told_as(kind), fields)
        for name, fields in PROGRAMS.items()
    }


@verifies("webhooks/delivery/reaches-the-workspace")
@pytest.mark.parametrize("events", [case("any-content", of_any_content), case("any-sender", of_any_sender)])
def test_any_event_reaches_the_workspace(
    webhook: WebhookClient, operator: Operator, target: Target, events: Callable[[WebhookClient], dict[str, Sent]]
) -> None:
    """Purpose: who was told 2xx sends no second time; so what could not be stored must not have been accepted.

    Method: 1. POST events in JSON that stores and workers fail by: NUL, half a pair of surrogates, many levels, names
               that mean something to programs, a text alone; and events under the names and fields of several programs
            2. have the operator's hook tell what was taken in, within the time that the target file says
            3. expect the mark of each that was accepted, once
    """
    observed_by(operator)
    sent = events(webhook)
    replies = {name: webhook.post(body, kind, fields) for name, (_, body, kind, fields) in sent.items()}
    accepted: dict[str, Exchange] = {name: reply for name, reply in replies.items() if reply.ok}

    wanted = {name: sent[name][:2] for name in accepted}
    told = told_in_time(operator, target, lambda told: all(carrying(told, *each) for each in wanted.values()))
    times = {name: carrying(told, *each) for name, each in wanted.items()}
    if wrong := [name for name, count in times.items() if count != 1]:
        seen = f"the event with {', that with '.join(f'{name} {times[name]} times' for name in wrong)}"
        by_mark = {wanted[name][0]: accepted[name] for name in wrong}
        raise told_otherwise("every accepted event among those taken in, once", seen, by_mark, 1, told)
