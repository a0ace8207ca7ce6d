"""What was accepted arrives whatever it says and whoever sends it: a queue behind the answer cannot refuse any more."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from conformance.clients.programs.operator_hooks import Operator
from conformance.clients.webhooks import JSON, HeaderFields, WebhookClient, told_as, written
from conformance.oracles.webhooks import carrying, mark, observed_by, told_in_time, told_otherwise
from conformance.target.description import Target
from conformance.vocabulary.check import case, verifies
from conformance.vocabulary.exchange import Exchange
from conformance.vocabulary.finding import NotDeclared

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
