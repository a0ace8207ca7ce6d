"""Defects of the webhooks surface."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import Any, cast

from conformance.reference.defects.base import Defect
from conformance.reference.http import Answer, Request
from conformance.reference.webhooks import Webhooks

Organization = Callable[[str], str | None]


def surface_of(original: Callable[..., Any]) -> Webhooks:
    """The surface whose method an alteration was given."""
    while isinstance(original, functools.partial):
        original = original.args[0]
    return cast(Webhooks, original.__self__)  # type: ignore[attr-defined]


class WebhookMethodTellsLiveUrl(Defect):
    """RFC 9110 section 15.5.6: a method that a URL does not have is 405, not 400 for an event that is missing."""

    surface = "webhooks"
    noticed_by = (
        "webhooks/secret/other-methods-tell-nothing#delete",
        "webhooks/secret/other-methods-tell-nothing#get",
        "webhooks/secret/other-methods-tell-nothing#head",
        "webhooks/secret/other-methods-tell-nothing#options",
        "webhooks/secret/other-methods-tell-nothing#patch",
        "webhooks/secret/other-methods-tell-nothing#put",
    )

    def receive(self, original: Callable[[Request], Answer], request: Request) -> Answer:
        answer = original(request)
        if answer.status != 405:
            return answer
        live: Organization = surface_of(original).organization_of
        return Answer.json(400, {"error": "no event"}) if live(request.raw_path) else answer


class OldWebhookUrlStillLive(Defect):
    """API Reference, Webhooks: a rotated URL is dead."""

    surface = "webhooks"
    noticed_by = ("webhooks/rotation/old-url-is-dead",)

    def __init__(self) -> None:
        self.earlier: dict[str, str] = {}

    def organization_of(self, original: Organization, raw_path: str) -> str | None:
        organization = original(raw_path)
        if organization:
            self.earlier[raw_path] = organization
        return organization or self.earlier.get(raw_path)


class OldWebhookUrlToldApart(Defect):
    """API Reference, Webhooks: a rotated URL is answered like one that never was."""

    surface = "webhooks"
    noticed_by = ("webhooks/rotation/old-url-is-as-unknown",)

    def __init__(self) -> None:
        self.live: set[str] = set()

    def receive(self, original: Callable[[Request], Answer], request: Request) -> Answer:
        answer = original(request)
        if answer.status == 202:
            self.live.add(request.raw_path)
        if answer.status == 404 and request.raw_path in self.live:
            return Answer.json(410, {"error": "the URL was rotated"})
        return answer


class WebhookUrlMatchedByPrefix(Defect):
    """Credentials & Webhooks: the URL is secret; a part of it is not enough."""

    surface = "webhooks"
    noticed_by = (
        "webhooks/secret/near-misses-are-refused#cut",
        "webhooks/secret/near-misses-are-refused#half",
        "webhooks/secret/refusals-are-alike#cut",
        "webhooks/secret/refusals-are-alike#half",
    )

    def organization_of(self, original: Organization, raw_path: str) -> str | None:
        paths: dict[str, str] = surface_of(original).paths
        asked = raw_path.rstrip("/")
        return next((slug for slug, path in paths.items() if path.startswith(asked) and len(asked) > 16), None)


class WebhookTrailingSlashAccepted(Defect):
    """Credentials & Webhooks: the URL is unique; a slash behind it makes it another one."""

    surface = "webhooks"
    noticed_by = ("webhooks/secret/other-spellings-are-refused#trailing-slash",)

    def organization_of(self, original: Organization, raw_path: str) -> str | None:
        return original(raw_path.rstrip("/"))


class WebhookUrlRedirected(Defect):
    """Credentials & Webhooks: the URL is secret: it is in no header of an answer."""

    surface = "webhooks"
    noticed_by = ("webhooks/secret/other-spellings-are-refused#trailing-slash",)

    def receive(self, original: Callable[[Request], Answer], request: Request) -> Answer:
        answer = original(request)
        live: Organization = surface_of(original).organization_of
        if answer.status == 404 and request.raw_path.endswith("/") and live(request.raw_path[:-1]):
            answer = Answer(308)
            answer.headers["Location"] = request.raw_path[:-1]
        return answer


class NearMissEchoed(Defect):
    """Credentials & Webhooks: an error does not repeat the URL."""

    surface = "webhooks"
    noticed_by = (
        "webhooks/secret/near-misses-are-not-repeated#case-changed",
        "webhooks/secret/near-misses-are-not-repeated#cut",
        "webhooks/secret/near-misses-are-not-repeated#extended",
    )

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if answer.status in (404, 400, 413):
            return Answer.json(answer.status, {"error": f"no handler for {request.raw_path}"})
        return answer


class MalformedEventCrashes(Defect):
    """The contract's table of errors: 400 for an invalid body, never a 5xx."""

    surface = "webhooks"
    noticed_by = (
        "webhooks/errors/malformed-json-is-refused#comment",
        "webhooks/errors/malformed-json-is-refused#empty",
        "webhooks/errors/malformed-json-is-refused#invalid-utf8",
        "webhooks/errors/malformed-json-is-refused#nan",
        "webhooks/errors/malformed-json-is-refused#nearly-by-its-marks",
        "webhooks/errors/malformed-json-is-refused#nearly-by-its-words",
        "webhooks/errors/malformed-json-is-refused#text",
        "webhooks/errors/malformed-json-is-refused#two-documents",
        "webhooks/errors/malformed-json-is-refused#with-a-charset",
    )
    crashes = (ValueError,)

    def is_json(self, original: Callable[[bytes], bool], body: bytes) -> bool:
        if not original(body):
            raise ValueError("Expecting value: line 1 column 1 (char 0)")
        return True


class LargeEventCrashes(Defect):
    """The contract's table of errors: a body over the limit is the caller's error, never a 5xx."""

    surface = "webhooks"
    noticed_by = ("webhooks/errors/too-large-is-refused-as-such",)

    def intercept(self, request: Request) -> Answer | None:
        return Answer(502, b"Bad Gateway") if len(request.body) > 1024 * 1024 else None


class EventLimitTooLow(Defect):
    """API Reference, Webhooks: an event of ordinary size is accepted, up to the limit of 1 MiB."""

    surface = "webhooks"
    noticed_by = ("webhooks/delivery/largest-body-is-accepted",)

    def highest_body(self, original: Callable[[], int]) -> int:
        return 64 * 1024


class EventLost(Defect):
    """API Reference, Webhooks: an event that was accepted is taken in, one in ten included."""

    surface = "webhooks"
    noticed_by = (
        "webhooks/delivery/reaches-the-workspace",
        "webhooks/delivery/reaches-the-workspace#any-content",
        "webhooks/delivery/reaches-the-workspace#any-sender",
    )

    def __init__(self) -> None:
        self.came = 0

    def take_in(self, original: Callable[[str, Request], None], organization: str, request: Request) -> None:
        self.came += 1
        if self.came % 10:
            original(organization, request)


class EventTrimmed(Defect):
    """API Reference, Webhooks: an event is taken in as it was sent, byte for byte."""

    surface = "webhooks"
    noticed_by = ("webhooks/delivery/arrives-byte-for-byte",)

    def take_in(self, original: Callable[[str, Request], None], organization: str, request: Request) -> None:
        original(organization, dataclasses.replace(request, body=request.body.strip()))


class UnknownWebhookAccepted(Defect):
    """Credentials & Webhooks: only the generated URL takes events in."""

    surface = "webhooks"
    noticed_by = (
        "webhooks/secret/near-misses-are-refused#asterisk",
        "webhooks/secret/near-misses-are-refused#blank",
        "webhooks/secret/near-misses-are-refused#case-changed",
        "webhooks/secret/near-misses-are-refused#dots",
        "webhooks/secret/near-misses-are-refused#doubled",
        "webhooks/secret/near-misses-are-refused#extended",
        "webhooks/secret/near-misses-are-refused#first-changed",
        "webhooks/secret/near-misses-are-refused#last-changed",
        "webhooks/secret/near-misses-are-refused#middle-changed",
        "webhooks/secret/near-misses-are-refused#nul",
        "webhooks/secret/near-misses-are-refused#percent-sign",
        "webhooks/secret/near-misses-are-refused#quote",
        "webhooks/secret/near-misses-are-refused#reversed",
        "webhooks/secret/near-misses-are-refused#underscores",
        "webhooks/secret/near-misses-are-refused#unknown",
    )

    def unknown_url(self, original: Callable[[], Answer]) -> Answer:
        return Answer.json(202, {"accepted": True})


class JsonArrayRefused(Defect):
    """API Reference, Webhooks: an event is whatever JSON its sender sends."""

    surface = "webhooks"
    noticed_by = ("webhooks/delivery/any-json-is-accepted#array",)

    def intercept(self, request: Request) -> Answer | None:
        return Answer.json(400, {"error": "not an object"}) if request.body.startswith(b"[") else None


class SendersAuthorizationRefused(Defect):
    """Credentials & Webhooks: outside services send; what they put into Authorization is not for us."""

    surface = "webhooks"
    noticed_by = ("webhooks/delivery/foreign-headers-do-not-matter#authorization",)

    def intercept(self, request: Request) -> Answer | None:
        return Answer.json(401, {"error": "unauthorized"}) if "authorization" in request.headers else None


class OneInSevenRefused(Defect):
    """API Reference, Webhooks: every POST to the generated URL is accepted, also when several come at once."""

    surface = "webhooks"
    noticed_by = ("webhooks/delivery/at-once-all-are-accepted",)

    def __init__(self) -> None:
        self.count = 0

    def intercept(self, request: Request) -> Answer | None:
        self.count += 1
        return Answer.json(503, {"error": "busy"}) if self.count % 7 == 0 else None


class PathWithoutSecretAccepted(Defect):
    """Credentials & Webhooks: the unique URL takes events, and no part of it does."""

    surface = "webhooks"
    noticed_by = ("webhooks/secret/url-without-secret-takes-nothing",)

    def intercept(self, request: Request) -> Answer | None:
        return Answer.json(202, {"accepted": True}) if request.raw_path == "/hooks/" else None


class ChunkedEventRefused(Defect):
    """RFC 9112 section 7.1: a recipient must be able to parse the chunked transfer coding."""

    surface = "webhooks"
    noticed_by = ("webhooks/delivery/chunked-is-accepted",)

    def intercept(self, request: Request) -> Answer | None:
        refused = "chunked" in request.headers.get("transfer-encoding", "")
        return Answer.json(400, {"error": "the body has no length"}) if refused else None


class MalformedEventShowsTheProgram(Defect):
    """OWASP API8: an error tells the sender what is wrong with the event, not where the program is."""

    surface = "webhooks"
    noticed_by = (
        "webhooks/errors/show-no-internals#bytes",
        "webhooks/errors/show-no-internals#cut",
        "webhooks/errors/show-no-internals#deep",
    )

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if answer.status == 400:
            return Answer.json(400, {"error": 'File "/srv/hooks/receive.py", line 41, in receive'})
        return answer
