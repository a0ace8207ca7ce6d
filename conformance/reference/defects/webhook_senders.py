"""Defects of the webhooks surface by who sends, and how: what programs say of themselves, what few of them use."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from conformance.reference.defects.base import Defect
from conformance.reference.defects.webhook_answers import document_of
from conformance.reference.http import Answer, Request


class CommandsBlockedByName(Defect):
    """Credentials & Webhooks: the URL takes events from outside services, scripts among them."""

    surface = "webhooks"
    noticed_by = (
        "webhooks/delivery/foreign-headers-do-not-matter#command",
        "webhooks/delivery/foreign-headers-do-not-matter#script",
    )

    def intercept(self, request: Request) -> Answer | None:
        blocked = request.headers.get("user-agent", "").startswith(("curl/", "python-requests/"))
        return Answer(403, body=b"Are you human?") if blocked else None


class SeldomMethodsDeliver(Defect):
    """API Reference, Webhooks: incoming webhooks accept HTTP POST (any method that brings a body is taken for one)."""

    surface = "webhooks"
    noticed_by = (
        "webhooks/methods/other-methods-are-refused#query",
        "webhooks/methods/other-methods-are-refused#report",
    )

    def takes_method(self, original: Callable[[str], bool], method: str) -> bool:
        return original(method) or method in ("REPORT", "QUERY")


class BlankBeforeACharsetRefused(Defect):
    """RFC 9110 section 5.6.6: blanks may stand before the semicolon of a parameter."""

    surface = "webhooks"
    noticed_by = ("webhooks/delivery/media-type-parameters-are-accepted",)

    def intercept(self, request: Request) -> Answer | None:
        refused = " ;" in request.headers.get("content-type", "")
        return Answer.json(415, {"error": "unknown type"}) if refused else None


class VerificationOfTheUrlRefused(Defect):
    """API Reference, Webhooks: POST requests are accepted (what a known sender's looks like must have all members)."""

    surface = "webhooks"
    noticed_by = ("webhooks/delivery/any-json-is-accepted#known",)

    def intercept(self, request: Request) -> Answer | None:
        event = document_of(request)
        refused = isinstance(event, dict) and "challenge" in event and "team_id" not in event
        return Answer.json(400, {"error": "no team"}) if refused else None


class AcceptedInCutJson(Defect):
    """RFC 8259 section 10: what is written as JSON is JSON, also where nobody reads it."""

    surface = "webhooks"
    noticed_by = ("webhooks/errors/json-is-json",)

    def accepted(self, original: Callable[[], Answer]) -> Answer:
        answer = original()
        answer.body = answer.body[:-1]
        return answer


class AnyMethodThatBringsAnEventDelivers(Defect):
    """API Reference, Webhooks: incoming webhooks accept HTTP POST; here the handler asks for no method, but a body."""

    surface = "webhooks"
    noticed_by = (
        "webhooks/methods/other-methods-are-refused#delete",
        "webhooks/methods/other-methods-are-refused#patch",
        "webhooks/methods/other-methods-are-refused#put",
    )

    def receive(self, original: Callable[[Request], Answer], request: Request) -> Answer:
        brought = request.method in ("PUT", "PATCH", "DELETE") and request.body
        return original(dataclasses.replace(request, method="POST") if brought else request)
