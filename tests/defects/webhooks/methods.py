"""Defects that break the promise "Only POST delivers an event"."""

from __future__ import annotations

import dataclasses
from typing import Any

from conformance.reference.http import Answer, Request
from conformance.reference.one_method import defect, row

ROWS = (
    row(
        "unknown-webhook-is405-only",
        "RFC 9110 section 15.5.6: an unknown URL answers 405 without Allow, as a file server would.",
        "webhooks/methods/405-names-post",
        unknown_url=lambda original: Answer.json(405, {"error": "not allowed"}),
    ),
    row(
        "other-methods-get-no-answer",
        "RFC 9110 section 15.5.6: a method other than POST gets no response.",
        "webhooks/methods/only-post-delivers#get",
        intercept=lambda request: Answer.none() if request.method != "POST" else None,
    ),
)


@defect("webhooks/methods/405-names-post")
def allow_names_refused_method(method_refused: Any, request: Request) -> Answer:
    """RFC 9110 section 15.5.6: Allow contains the method that was refused."""
    return Answer.json(405, {"error": "only POST is accepted"}, Allow="POST, PUT")


@defect("webhooks/methods/only-post-delivers#get-that-names-post")
def event_in_query_accepted(receive: Any, request: Request) -> Answer:
    """API Reference, Webhooks: a GET request with an event in its query is delivered."""
    payload = request.parameter("payload") if request.method == "GET" else None
    if payload is None:
        return receive(request)
    return receive(dataclasses.replace(request, method="POST", body=payload.encode()))


@defect("webhooks/methods/only-post-delivers#options")
def options_crash(request: Request) -> Answer | None:
    """The contract's table of errors: OPTIONS is answered with a 5xx."""
    return Answer.json(500, {"error": "internal"}) if request.method == "OPTIONS" else None


@defect("webhooks/methods/only-post-delivers#delete,patch,put")
def any_method_that_brings_an_event_delivers(receive: Any, request: Request) -> Answer:
    """API Reference, Webhooks: any method is accepted as long as the request has a body."""
    brought = request.method in ("PUT", "PATCH", "DELETE") and request.body
    return receive(dataclasses.replace(request, method="POST") if brought else request)
