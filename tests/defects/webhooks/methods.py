"""Defects that break the promise "Only POST delivers an event"."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer, Request
from tests.defects.rows import row

ROWS = (
    row(
        "unknown-webhook-is405-alone",
        "RFC 9110 section 15.5.6: 405 has Allow, also where a server of files stands behind a URL that is none.",
        "webhooks/methods/405-names-post",
        unknown_url=lambda original: Answer.json(405, {"error": "not allowed"}),
    ),
    row(
        "other-methods-get-no-answer",
        (
            "RFC 9110 section 15.5.6: 405 where a method is none of the resource's; who opens the URL waits for "
            "an answer."
        ),
        "webhooks/methods/only-post-delivers#get",
        intercept=lambda request: Answer.none() if request.method != "POST" else None,
    ),
)


class AllowNamesRefusedMethod(Defect):
    """RFC 9110 section 15.5.6: Allow lists the methods that there are, and not the one that was refused."""

    surface = "webhooks"
    noticed_by = ("webhooks/methods/405-names-post",)

    def method_refused(self, original: Callable[[Request], Answer], request: Request) -> Answer:
        return Answer.json(405, {"error": "only POST is accepted"}, Allow="POST, PUT")


class EventInQueryTaken(Defect):
    """API Reference, Webhooks: incoming webhooks accept HTTP POST; an event in the query of a link is none."""

    surface = "webhooks"
    noticed_by = ("webhooks/methods/only-post-delivers#get-that-names-post",)

    def receive(self, original: Callable[[Request], Answer], request: Request) -> Answer:
        payload = request.parameter("payload") if request.method == "GET" else None
        if payload is None:
            return original(request)
        return original(dataclasses.replace(request, method="POST", body=payload.encode()))


class OptionsCrash(Defect):
    """The contract's table of errors: a method that nobody thought of is refused, and no 5xx."""

    surface = "webhooks"
    noticed_by = ("webhooks/methods/only-post-delivers#options",)

    def intercept(self, request: Request) -> Answer | None:
        return Answer.json(500, {"error": "internal"}) if request.method == "OPTIONS" else None


class AnyMethodThatBringsAnEventDelivers(Defect):
    """API Reference, Webhooks: incoming webhooks accept HTTP POST; here the handler asks for no method, but a body."""

    surface = "webhooks"
    noticed_by = (
        "webhooks/methods/only-post-delivers#delete",
        "webhooks/methods/only-post-delivers#patch",
        "webhooks/methods/only-post-delivers#put",
    )

    def receive(self, original: Callable[[Request], Answer], request: Request) -> Answer:
        brought = request.method in ("PUT", "PATCH", "DELETE") and request.body
        return original(dataclasses.replace(request, method="POST") if brought else request)
