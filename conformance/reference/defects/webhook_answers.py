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


class _Crash(Defect):
    def intercept(self, request: Request) -> Answer | None:
        crashes = request.method == "POST" and self._trips(request)
        return Answer.json(500, {"error": "internal"}) if crashes else None

    def _trips(self, request: Request) -> bool:
        raise NotImplementedError


class NullEventCrashes(_Crash):
    """The contract's table of errors: an event that is ``null`` is no reason for a 5xx (its members are asked for)."""

    surface = "webhooks"
    noticed_by = ("webhooks/errors/any-delivery-is-no-server-error",)

    def _trips(self, request: Request) -> bool:
        return document_of(request) is None


class EmptyListOfEventsCrashes(_Crash):
    """The contract's table of errors: a list of no events is no reason for a 5xx (its first is asked for)."""

    surface = "webhooks"
    noticed_by = ("webhooks/errors/any-delivery-is-no-server-error",)

    def _trips(self, request: Request) -> bool:
        return bool(document_of(request) == [])


class NamedCharsetCrashes(_Crash):
    """The contract's table of errors: a charset that is not the one expected is no reason for a 5xx."""

    surface = "webhooks"
    noticed_by = ("webhooks/errors/any-delivery-is-no-server-error",)

    def _trips(self, request: Request) -> bool:
        return "utf-16" in request.headers.get("content-type", "")


class FormWithoutBoundaryCrashes(_Crash):
    """The contract's table of errors: a form of parts that does not say where they end is no reason for a 5xx."""

    surface = "webhooks"
    noticed_by = ("webhooks/errors/any-delivery-is-no-server-error",)

    def _trips(self, request: Request) -> bool:
        return request.headers.get("content-type", "") == "multipart/form-data"


class LongSenderFieldCrashes(_Crash):
    """The contract's table of errors: a long header field is no reason for a 5xx (a column of 1,024 characters)."""

    surface = "webhooks"
    noticed_by = ("webhooks/errors/any-headers-are-no-server-error",)

    def _trips(self, request: Request) -> bool:
        return any(len(value) > 1024 for value in request.headers.values())


class ManySenderFieldsCrash(_Crash):
    """The contract's table of errors: many header fields are no reason for a 5xx (an array of fifty)."""

    surface = "webhooks"
    noticed_by = ("webhooks/errors/any-headers-are-no-server-error",)

    def _trips(self, request: Request) -> bool:
        return len(request.headers) > 50


class OptionsCrash(Defect):
    """The contract's table of errors: a method that nobody thought of is refused, and no 5xx."""

    surface = "webhooks"
    noticed_by = ("webhooks/methods/other-methods-are-refused",)

    def intercept(self, request: Request) -> Answer | None:
        return Answer.json(500, {"error": "internal"}) if request.method == "OPTIONS" else None


class AllowToldToGetAlone(Defect):
    """RFC 9110 section 15.5.6: a 405 carries Allow, whatever method it refuses."""

    surface = "webhooks"
    noticed_by = ("webhooks/methods/405-names-post",)

    def method_refused(self, original: Callable[[Request], Answer], request: Request) -> Answer:
        answer = original(request)
        if request.method != "GET":
            del answer.headers["Allow"]
        return answer


class AllowNamesRefusedMethod(Defect):
    """RFC 9110 section 15.5.6: Allow lists the methods that there are, and not the one that was refused."""

    surface = "webhooks"
    noticed_by = ("webhooks/methods/405-names-post",)

    def method_refused(self, original: Callable[[Request], Answer], request: Request) -> Answer:
        return Answer.json(405, {"error": "only POST is accepted"}, Allow="POST, PUT")


class MediaTypesByTheLetter(Defect):
    """RFC 9110 section 8.3.1: parameters may stand behind a media type with or without a blank and quotation marks."""

    surface = "webhooks"
    noticed_by = ("webhooks/delivery/media-type-parameters-are-accepted",)

    def intercept(self, request: Request) -> Answer | None:
        named = request.headers.get("content-type", "").lower()
        known = named in ("application/json", "application/json; charset=utf-8") or "json" not in named
        return None if known or request.method != "POST" else Answer.json(415, {"error": "unknown type"})


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
    noticed_by = ("webhooks/secret/is-not-repeated",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if answer.status == 413:
            return Answer.json(413, {"error": f"the body sent to {request.raw_path} is too large"})
        return answer


class DeletionNamesUrl(Defect):
    """API Reference, Webhooks: the URL is secret: what refuses to delete it does not repeat it."""

    surface = "webhooks"
    noticed_by = ("webhooks/secret/is-not-repeated",)

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


class EventBehindARefusedOneLost(Defect):
    """API Reference, Webhooks: an event that was accepted is taken in, behind a broken one as well."""

    surface = "webhooks"
    noticed_by = ("webhooks/delivery/reaches-the-workspace",)

    def __init__(self) -> None:
        self.refused = False

    def receive(self, original: Callable[[Request], Answer], request: Request) -> Answer:
        answer = original(request)
        self.refused = answer.status == 400
        return answer

    def take_in(self, original: Callable[[str, Request], None], organization: str, request: Request) -> None:
        if not self.refused:
            original(organization, request)


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
    noticed_by = ("webhooks/secret/is-not-repeated",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if answer.status == 202:
            answer.headers["X-Webhook"] = f"{request.raw_path[:-4]}****"
        return answer


class LinkEncodesUrl(Defect):
    """API Reference, Webhooks: the URL is secret, percent-encoded as well."""

    surface = "webhooks"
    noticed_by = ("webhooks/secret/is-not-repeated",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if answer.status == 202:
            answer.headers["Link"] = f"<{''.join(f'%{ord(each):02X}' for each in request.raw_path)}>; rel=self"
        return answer
