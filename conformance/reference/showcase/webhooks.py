"""One defect for each promise on webhooks."""

from __future__ import annotations

from collections.abc import Callable

from conformance.reference.alteration import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.one_method import defect

Organization = Callable[[str], str | None]


@defect("webhooks/delivery/valid-events-are-accepted#json-array", promise="WH-01", surface="webhooks")
def json_array_refused(request: Request) -> Answer | None:
    """The webhook rejects an event that is a JSON array."""
    return Answer.json(400, {"error": "not an object"}) if request.body.startswith(b"[") else None


class EventLost(Defect):
    """One of six accepted events is lost."""

    surface = "webhooks"
    promise = "WH-02"
    noticed_by = ("webhooks/delivery/accepted-events-arrive-once#declared-types,unusual-json,sender-programs",)

    def __init__(self) -> None:
        self.came = 0

    def take_in(self, original: Callable[[str, Request], None], organization: str, request: Request) -> None:
        self.came += 1
        if self.came % 6:
            original(organization, request)


@defect("webhooks/methods/only-post-delivers#query,report", promise="WH-03", surface="webhooks")
def uncommon_methods_deliver(accepts_method: Callable[[str], bool], method: str) -> bool:
    """A REPORT or QUERY request delivers an event."""
    return accepts_method(method) or method in ("REPORT", "QUERY")


@defect("webhooks/secret/other-spellings-are-refused#trailing-slash", promise="WH-04", surface="webhooks")
def webhook_trailing_slash_accepted(organization_of: Organization, raw_path: str) -> str | None:
    """The webhook accepts events at its URL with an additional slash."""
    return organization_of(raw_path.rstrip("/"))


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


@defect(
    "webhooks/errors/malformed-json-is-refused#type-in-other-case,comment,empty,invalid-utf8,nan,punctuation",
    "webhooks/errors/malformed-json-is-refused#words,text,two-documents,type-with-charset",
    promise="WH-06",
    crashes=(ValueError,),
    surface="webhooks",
)
def malformed_event_crashes(is_json: Callable[[bytes], bool], body: bytes) -> bool:
    """A malformed event is answered 500 instead of 400."""
    if not is_json(body):
        raise ValueError("Expecting value: line 1 column 1 (char 0)")
    return True


@defect("webhooks/secret/is-not-repeated#delete", promise="WH-08", surface="webhooks")
def deletion_names_url(request: Request, answer: Answer) -> Answer:
    """The response to a DELETE request repeats the secret URL."""
    if request.method == "DELETE":
        return Answer.json(405, {"error": f"no DELETE of {request.raw_path}"}, Allow="POST")
    return answer
