"""Defects of the webhooks surface that seldom events or callers alone meet: what is nearly JSON, links, browsers."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from dataclasses import replace
from urllib.parse import unquote

from conformance.reference.defects.base import Defect
from conformance.reference.defects.webhooks import surface_of
from conformance.reference.http import Answer, Request
from conformance.reference.seeds import ORGANIZATION

IsJson = Callable[[bytes], bool]


class _ReadsMore(Defect):
    """Reads what is nearly JSON as if this stood in its place."""

    pattern, instead = rb"", rb""

    def is_json(self, original: IsJson, body: bytes) -> bool:
        return original(re.sub(self.pattern, self.instead, body))


class NamesWithoutQuotesAreJson(_ReadsMore):
    """RFC 8259 section 7: a member's name is a string, in quotation marks."""

    surface = "webhooks"
    noticed_by = ("webhooks/errors/malformed-json-is-refused",)
    pattern, instead = rb"([{,]\s*)([a-z]+)(\s*:)", rb'\1"\2"\3'


class LeadingZerosAreJson(_ReadsMore):
    """RFC 8259 section 6: leading zeros are not allowed."""

    surface = "webhooks"
    noticed_by = ("webhooks/errors/malformed-json-is-refused",)
    pattern, instead = rb"([:\[, ])0+([1-9])", rb"\1\2"


class MissingCommasAreJson(_ReadsMore):
    """RFC 8259 section 4: a single comma separates a value from a following name."""

    surface = "webhooks"
    noticed_by = ("webhooks/errors/malformed-json-is-refused",)
    pattern, instead = rb'([0-9"\]}])\s+(["\[{0-9])', rb"\1,\2"


class BlanksAreJson(_ReadsMore):
    """RFC 8259 section 2: a JSON text is a value, and white space about it is none."""

    surface = "webhooks"
    noticed_by = ("webhooks/errors/malformed-json-is-refused",)
    pattern, instead = rb"\A[ \t\r\n]+\Z", rb"{}"


class UnclosedBodiesAreJson(Defect):
    """RFC 8259 section 4: an object ends with its brace (a parser of parts waits for more)."""

    surface = "webhooks"
    noticed_by = ("webhooks/errors/malformed-json-is-refused",)

    def is_json(self, original: IsJson, body: bytes) -> bool:
        return original(body) or original(body + b"}")


class _Crashes(Defect):
    """Fails by what an event is."""

    def intercept(self, request: Request) -> Answer | None:
        fails = request.method == "POST" and self._trips(request.headers.get("content-type"), request.body)
        return Answer.json(500, {"error": "internal"}) if fails else None

    def _trips(self, kind: str | None, body: bytes) -> bool:
        raise NotImplementedError


class EventOfNoTypeCrashes(_Crashes):
    """The contract's table of errors: an event that names no type is no reason for a 5xx."""

    surface = "webhooks"
    noticed_by = ("webhooks/errors/any-delivery-is-no-server-error",)

    def _trips(self, kind: str | None, body: bytes) -> bool:
        return kind is None and body != b""


class TypeOfOneWordCrashes(_Crashes):
    """The contract's table of errors: a type without a slash may be refused; it is no reason for a 5xx."""

    surface = "webhooks"
    noticed_by = ("webhooks/errors/any-delivery-is-no-server-error",)

    def _trips(self, kind: str | None, body: bytes) -> bool:
        return bool(kind) and "/" not in str(kind)


class DeepEventCrashes(_Crashes):
    """The contract's table of errors: brackets that lead a parser astray are no reason for a 5xx."""

    surface = "webhooks"
    noticed_by = ("webhooks/errors/any-delivery-is-no-server-error",)

    def _trips(self, kind: str | None, body: bytes) -> bool:
        return body.startswith(b"[" * 10_000)


class ExpressionFindsWebhook(Defect):
    """Credentials & Webhooks: the URL is secret; an expression that matches it where it is looked up is none."""

    surface = "webhooks"
    noticed_by = ("webhooks/secret/near-misses-are-refused",)

    def organization_of(self, original: Callable[[str], str | None], raw_path: str) -> str | None:
        asked = raw_path.removeprefix("/hooks/")
        found = set(asked) == {"."} and re.fullmatch(asked, surface_of(original).url_path.removeprefix("/hooks/"))
        return ORGANIZATION if found else original(raw_path)


class RotatedUrlTakesTexts(Defect):
    """API Reference, Webhooks: a rotated URL is dead for events of every type."""

    surface = "webhooks"
    noticed_by = ("webhooks/rotation/old-url-is-dead",)

    def __init__(self) -> None:
        self.lived: set[str] = set()

    def receive(self, original: Callable[[Request], Answer], request: Request) -> Answer:
        answer = original(request)
        self.lived |= {request.raw_path} if answer.status == 202 else set()
        text = request.headers.get("content-type", "").startswith("text/plain")
        late = answer.status == 404 and text and request.raw_path in self.lived
        return surface_of(original).accepted() if late else answer


class RotatedUrlIsTheOldOneTurned(Defect):
    """API Reference, Webhooks: who knows a URL that was exposed cannot tell the one that came in its place."""

    surface = "webhooks"
    noticed_by = ("webhooks/rotation/new-url-cannot-be-guessed",)

    def rotate(self, original: Callable[[], str]) -> str:
        surface = surface_of(original)
        secret = surface.url_path.removeprefix("/hooks/")
        surface.paths[ORGANIZATION] = f"/hooks/{secret[1:]}{secret[0]}"
        return surface.url_path


class EventsTakenInAboveTheUrl(Defect):
    """Credentials & Webhooks: the unique URL takes events, and no collection above it does."""

    surface = "webhooks"
    noticed_by = ("webhooks/secret/url-without-secret-takes-nothing",)

    def intercept(self, request: Request) -> Answer | None:
        above = request.method == "POST" and request.raw_path == "/hooks"
        return Answer.json(201, {"id": secrets.token_hex(8)}) if above else None


class UnknownTypeNamesUrl(Defect):
    """API Reference, Webhooks: the URL is secret: what refuses a type does not repeat it."""

    surface = "webhooks"
    noticed_by = ("webhooks/secret/is-not-repeated",)

    def receive(self, original: Callable[[Request], Answer], request: Request) -> Answer:
        unknown = request.headers.get("content-type", "").startswith("application/x-")
        named = {"error": f"POST {request.raw_path}: not of this type"}
        return Answer.json(415, named) if unknown else original(request)


class BrowsersAreShownTheUrl(Defect):
    """API Reference, Webhooks: the URL is secret: no page for people repeats it."""

    surface = "webhooks"
    noticed_by = ("webhooks/secret/is-not-repeated",)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if answer.status == 405 and "text/html" in request.headers.get("accept", ""):
            answer.body = f"<pre>Cannot {request.method} {request.raw_path}</pre>".encode()
            answer.headers["Content-Type"] = "text/html"
        return answer


class EventInQueryTakenInAndRefused(Defect):
    """API Reference, Webhooks: what is refused for its method has not arrived, in the query of a link neither."""

    surface = "webhooks"
    noticed_by = ("webhooks/delivery/refused-is-not-taken-in",)

    def method_refused(self, original: Callable[[Request], Answer], request: Request) -> Answer:
        surface = surface_of(original)
        organization = surface.organization_of(request.raw_path)
        if organization and request.query_string:
            surface.take_in(organization, replace(request, body=unquote(request.query_string).encode()))
        return original(request)


class ByteOrderMarksDropped(Defect):
    """API Reference, Webhooks: an event is taken in as it was sent, with the mark that a text begins with."""

    surface = "webhooks"
    noticed_by = ("webhooks/delivery/arrives-byte-for-byte",)

    def take_in(self, original: Callable[[str, Request], None], organization: str, request: Request) -> None:
        original(organization, replace(request, body=request.body.removeprefix(b"\xef\xbb\xbf")))


class TextsEndAtANul(Defect):
    """API Reference, Webhooks: an event is taken in as it was sent, and not up to a NUL."""

    surface = "webhooks"
    noticed_by = ("webhooks/delivery/arrives-byte-for-byte",)

    def take_in(self, original: Callable[[str, Request], None], organization: str, request: Request) -> None:
        original(organization, replace(request, body=request.body.partition(b"\0")[0]))


class WebhookTakesFormsAlone(Defect):
    """API Reference, Webhooks: events of each type that is declared are accepted, and not forms alone."""

    surface = "webhooks"
    noticed_by = ("webhooks/delivery/post-is-accepted",)

    def receive(self, original: Callable[[Request], Answer], request: Request) -> Answer:
        live = request.method == "POST" and surface_of(original).organization_of(request.raw_path)
        form = request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
        return original(request) if form or not live else Answer.json(415, {"error": "forms alone"})
