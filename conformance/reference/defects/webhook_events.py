"""Defects of the webhooks surface in what becomes of events, and in who is let send them."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable

from conformance.reference.defects.base import Defect
from conformance.reference.defects.webhooks import surface_of
from conformance.reference.http import Answer, Request
from conformance.reference.seeds import ORGANIZATION

Receives = Callable[[Request], Answer]


class SendersOriginRefused(Defect):
    """Credentials & Webhooks: outside services send; a guard for the forms of one's own pages keeps them out."""

    surface = "webhooks"
    noticed_by = ("webhooks/delivery/foreign-headers-do-not-matter#origin",)

    def intercept(self, request: Request) -> Answer | None:
        return Answer.json(403, {"error": "origin"}) if "origin" in request.headers else None


class SendersCookieRefused(Defect):
    """Credentials & Webhooks: outside services send; a cookie of theirs is no session of ours that has run out."""

    surface = "webhooks"
    noticed_by = ("webhooks/delivery/foreign-headers-do-not-matter#cookie",)

    def intercept(self, request: Request) -> Answer | None:
        return Answer.json(403, {"error": "session"}) if "cookie" in request.headers else None


class ShutAfterRefusals(Defect):
    """API Reference, Webhooks: POST requests are accepted, also behind some that were none to accept."""

    surface = "webhooks"
    noticed_by = ("webhooks/errors/refusals-do-not-shut-the-webhook",)

    def __init__(self) -> None:
        self.in_a_row = 0

    def receive(self, original: Receives, request: Request) -> Answer:
        answer = original(request)
        if answer.status not in (202, 400):
            return answer
        shut = self.in_a_row >= 5
        self.in_a_row = self.in_a_row + 1 if answer.status == 400 or shut else 0
        return Answer.json(410, {"error": "disabled"}) if shut else answer


class BrokenOffEventTakenIn(Defect):
    """RFC 9112 section 6.3: a message of which less came than was announced is incomplete."""

    surface = "webhooks"
    noticed_by = ("webhooks/delivery/cut-off-is-not-taken-in",)

    async def broken_off(self, original: Callable[[Request], object], request: Request) -> None:
        surface_of(original).take_in(ORGANIZATION, request)


class EventInQueryTaken(Defect):
    """API Reference, Webhooks: incoming webhooks accept HTTP POST; an event in the query of a link is none."""

    surface = "webhooks"
    noticed_by = ("webhooks/methods/get-is-never-taken-for-post",)

    def receive(self, original: Receives, request: Request) -> Answer:
        payload = request.parameter("payload") if request.method == "GET" else None
        if payload is None:
            return original(request)
        return original(dataclasses.replace(request, method="POST", body=payload.encode()))


class RefusedMethodTakenIn(Defect):
    """API Reference, Webhooks: what is refused for its method has not arrived."""

    surface = "webhooks"
    noticed_by = ("webhooks/delivery/refused-is-not-taken-in",)

    def receive(self, original: Receives, request: Request) -> Answer:
        surface, answer = surface_of(original), original(request)
        organization = surface.organization_of(request.raw_path) if answer.status == 405 else None
        if organization is not None:
            surface.take_in(organization, request)
        return answer


class OldUrlTakesInAndRefuses(Defect):
    """API Reference, Webhooks: what comes by a URL that was rotated does not arrive."""

    surface = "webhooks"
    noticed_by = ("webhooks/rotation/old-url-is-dead",)

    def __init__(self) -> None:
        self.old: set[str] = set()

    def rotate(self, original: Callable[[], str]) -> str:
        self.old.add(surface_of(original).url_path)
        return original()

    def receive(self, original: Receives, request: Request) -> Answer:
        if request.raw_path in self.old:
            surface_of(original).take_in(ORGANIZATION, request)
        return original(request)


class RotatedUrlIsAHash(Defect):
    """API Reference, Webhooks: who knows a URL that was exposed cannot tell the one that came in its place."""

    surface = "webhooks"
    noticed_by = ("webhooks/rotation/new-url-cannot-be-guessed",)

    def rotate(self, original: Callable[[], str]) -> str:
        surface = surface_of(original)
        before, _, old = surface.url_path.rpartition("/")
        original()
        surface.paths[ORGANIZATION] = f"{before}/{hashlib.sha256(old.encode()).hexdigest()}"
        return surface.url_path


class RotationChangesTheEnd(Defect):
    """API Reference, Webhooks: a new URL is new, and not the exposed one with another end."""

    surface = "webhooks"
    noticed_by = ("webhooks/rotation/new-url-cannot-be-guessed",)

    def rotate(self, original: Callable[[], str]) -> str:
        surface = surface_of(original)
        old, new = surface.url_path, original()
        surface.paths[ORGANIZATION] = old[:-10] + new[-10:]
        return surface.url_path


class ExpectationRefused(Defect):
    """RFC 9110 section 10.1.1: who would wait with a body is let send it, and not refused for that."""

    surface = "webhooks"
    noticed_by = ("webhooks/delivery/foreign-headers-do-not-matter#expect",)

    def intercept(self, request: Request) -> Answer | None:
        return Answer(417) if "expect" in request.headers else None
