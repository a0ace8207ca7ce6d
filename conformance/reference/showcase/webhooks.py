"""One defect for each promise on webhooks."""

from __future__ import annotations

from collections.abc import Callable

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer, Request

Organization = Callable[[str], str | None]


class JsonArrayRefused(Defect):
    """The webhook rejects an event that is a JSON array."""

    surface = "webhooks"
    promise = "WH-01"
    noticed_by = ("webhooks/delivery/valid-events-are-accepted#json-array",)

    def intercept(self, request: Request) -> Answer | None:
        return Answer.json(400, {"error": "not an object"}) if request.body.startswith(b"[") else None


class EventLost(Defect):
    """One of ten accepted events is lost."""

    surface = "webhooks"
    promise = "WH-02"
    noticed_by = ("webhooks/delivery/accepted-events-arrive-once#declared-types,unusual-json,sender-programs",)

    def __init__(self) -> None:
        self.came = 0

    def take_in(self, original: Callable[[str, Request], None], organization: str, request: Request) -> None:
        self.came += 1
        if self.came % 10:
            original(organization, request)


class SeldomMethodsDeliver(Defect):
    """A REPORT or QUERY request delivers an event."""

    surface = "webhooks"
    promise = "WH-03"
    noticed_by = ("webhooks/methods/only-post-delivers#query,report",)

    def takes_method(self, original: Callable[[str], bool], method: str) -> bool:
        return original(method) or method in ("REPORT", "QUERY")


class WebhookTrailingSlashAccepted(Defect):
    """The webhook accepts events at its URL with an additional slash."""

    surface = "webhooks"
    promise = "WH-04"
    noticed_by = ("webhooks/secret/other-spellings-are-refused#trailing-slash",)

    def organization_of(self, original: Organization, raw_path: str) -> str | None:
        return original(raw_path.rstrip("/"))


class OldWebhookUrlStillLive(Defect):
    """A webhook URL still accepts events after it was rotated."""

    surface = "webhooks"
    promise = "WH-05"
    noticed_by = ("webhooks/rotation/old-url-is-refused",)

    def __init__(self) -> None:
        self.earlier: dict[str, str] = {}

    def organization_of(self, original: Organization, raw_path: str) -> str | None:
        organization = original(raw_path)
        if organization:
            self.earlier[raw_path] = organization
        return organization or self.earlier.get(raw_path)


class MalformedEventCrashes(Defect):
    """A malformed event is answered 500 instead of 400."""

    surface = "webhooks"
    promise = "WH-06"
    noticed_by = (
        "webhooks/errors/malformed-json-is-refused#type-in-other-case,comment,empty,invalid-utf8,nan,punctuation",
        "webhooks/errors/malformed-json-is-refused#words,text,two-documents,type-with-charset",
    )
    crashes = (ValueError,)

    def is_json(self, original: Callable[[bytes], bool], body: bytes) -> bool:
        if not original(body):
            raise ValueError("Expecting value: line 1 column 1 (char 0)")
        return True


class DeletionNamesUrl(Defect):
    """The response to a DELETE request repeats the secret URL."""

    surface = "webhooks"
    promise = "WH-08"
    noticed_by = ("webhooks/secret/is-not-repeated#delete",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if request.method == "DELETE":
            return Answer.json(405, {"error": f"no DELETE of {request.raw_path}"}, Allow="POST")
        return answer
