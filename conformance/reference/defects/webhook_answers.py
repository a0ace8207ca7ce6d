"""Defects of the webhooks surface in what it answers: to other methods, to odd events, to who does not know the URL."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from conformance.reference.defects.base import Defect
from conformance.reference.defects.webhooks import surface_of
from conformance.reference.http import Answer, Request
from conformance.reference.seeds import ORGANIZATION


def document_of(request: Request) -> Any:
    """What an event says in JSON; an ellipsis where it is none."""
    try:
        return json.loads(request.body)
    except (ValueError, RecursionError):
        return ...


class OptionsCrash(Defect):
    """The contract's table of errors: a method that nobody thought of is refused, and no 5xx."""

    surface = "webhooks"
    noticed_by = ("webhooks/methods/other-methods-are-refused#options",)

    def intercept(self, request: Request) -> Answer | None:
        return Answer.json(500, {"error": "internal"}) if request.method == "OPTIONS" else None


class AllowNamesRefusedMethod(Defect):
    """RFC 9110 section 15.5.6: Allow lists the methods that there are, and not the one that was refused."""

    surface = "webhooks"
    noticed_by = ("webhooks/methods/405-names-post",)

    def method_refused(self, original: Callable[[Request], Answer], request: Request) -> Answer:
        return Answer.json(405, {"error": "only POST is accepted"}, Allow="POST, PUT")


class UnknownWebhookIs405Alone(Defect):
    """RFC 9110 section 15.5.6: 405 has Allow, also where a server of files stands behind a URL that is none."""

    surface = "webhooks"
    noticed_by = ("webhooks/methods/405-names-post",)

    def unknown_url(self, original: Callable[[], Answer]) -> Answer:
        return Answer.json(405, {"error": "not allowed"})


class UnknownWebhookNotChallenged(Defect):
    """RFC 9110 section 15.5.2: a 401 carries a challenge."""

    surface = "webhooks"
    noticed_by = ("webhooks/errors/401-has-a-challenge",)

    def unknown_url(self, original: Callable[[], Answer]) -> Answer:
        return Answer.json(401, {"error": "unauthorized"})


class TooLargeNamesUrl(Defect):
    """API Reference, Webhooks: the URL is secret: what refuses a body for its size does not repeat it."""

    surface = "webhooks"
    noticed_by = ("webhooks/secret/is-not-repeated#post-of-too-much",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if answer.status == 413:
            return Answer.json(413, {"error": f"the body sent to {request.raw_path} is too large"})
        return answer


class DeletionNamesUrl(Defect):
    """API Reference, Webhooks: the URL is secret: what refuses to delete it does not repeat it."""

    surface = "webhooks"
    noticed_by = ("webhooks/secret/is-not-repeated#delete",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if request.method == "DELETE":
            return Answer.json(405, {"error": f"no DELETE of {request.raw_path}"}, Allow="POST")
        return answer


class SecondRotationRevivesFirstUrl(Defect):
    """API Reference, Webhooks: a rotated URL is dead for good (a list of dead URLs has room for one)."""

    surface = "webhooks"
    noticed_by = ("webhooks/rotation/old-url-is-dead",)

    def __init__(self) -> None:
        self.rotated: list[str] = []

    def rotate(self, original: Callable[[], str]) -> str:
        self.rotated.append(surface_of(original).url_path)
        return original()

    def organization_of(self, original: Callable[[str], str | None], raw_path: str) -> str | None:
        return ORGANIZATION if raw_path in self.rotated[:-1] else original(raw_path)


class EventsOfTheNewUrlLost(Defect):
    """API Reference, Webhooks: what comes by the new URL is taken in (its handler knows the old one)."""

    surface = "webhooks"
    noticed_by = ("webhooks/rotation/old-url-is-dead",)

    def __init__(self) -> None:
        self.rotated = False

    def rotate(self, original: Callable[[], str]) -> str:
        self.rotated = True
        return original()

    def take_in(self, original: Callable[[str, Request], None], organization: str, request: Request) -> None:
        if not self.rotated:
            original(organization, request)


class AnswerTellsMostOfUrl(Defect):
    """API Reference, Webhooks: the URL is secret, and not but for its last letters."""

    surface = "webhooks"
    noticed_by = ("webhooks/secret/is-not-repeated#post",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if answer.status == 202:
            answer.headers["X-Webhook"] = f"{request.raw_path[:-4]}****"
        return answer
