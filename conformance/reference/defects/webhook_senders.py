"""Defects of the webhooks surface by who sends, and how: what programs say of themselves, what few of them use."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from conformance.reference.defects.base import Defect
from conformance.reference.defects.webhook_answers import document_of
from conformance.reference.http import Answer, Request

COMMON = ("basic", "bearer")
CODINGS = ("", "identity", "gzip")


class _FieldCrashes(Defect):
    def intercept(self, request: Request) -> Answer | None:
        return Answer.json(500, {"error": "internal"}) if self._trips(request) else None

    def _trips(self, request: Request) -> bool:
        raise NotImplementedError


class OtherSchemeCrashes(_FieldCrashes):
    """The contract's table of errors: to authenticate in an unknown way, where nobody must, is no reason for a 5xx."""

    surface = "webhooks"
    noticed_by = ("webhooks/errors/any-headers-are-no-server-error",)

    def _trips(self, request: Request) -> bool:
        scheme = request.headers.get("authorization", "basic").partition(" ")[0]
        return scheme.lower() not in COMMON


class UnknownCodingCrashes(_FieldCrashes):
    """The contract's table of errors: a content coding that nobody knows is the sender's fault (415)."""

    surface = "webhooks"
    noticed_by = ("webhooks/errors/any-headers-are-no-server-error",)

    def _trips(self, request: Request) -> bool:
        return request.headers.get("content-encoding", "") not in CODINGS


class TwoTypesCrash(_FieldCrashes):
    """The contract's table of errors: a Content-Type that stands twice is the sender's fault."""

    surface = "webhooks"
    noticed_by = ("webhooks/errors/any-headers-are-no-server-error",)

    def _trips(self, request: Request) -> bool:
        return len(request.headers.getlist("content-type")) > 1


class LongNameOfAProgramCrashes(_FieldCrashes):
    """The contract's table of errors: a User-Agent too long for its column is no reason for a 5xx."""

    surface = "webhooks"
    noticed_by = ("webhooks/errors/any-headers-are-no-server-error",)

    def _trips(self, request: Request) -> bool:
        return len(request.headers.get("user-agent", "")) > 255


class AddressThatIsNoneCrashes(_FieldCrashes):
    """The contract's table of errors: an X-Forwarded-For without an address is no reason for a 5xx."""

    surface = "webhooks"
    noticed_by = ("webhooks/errors/any-headers-are-no-server-error",)

    def _trips(self, request: Request) -> bool:
        return request.headers.get("x-forwarded-for", "1")[0] not in "0123456789abcdef["


class CommandsBlockedByName(Defect):
    """Credentials & Webhooks: the URL takes events from outside services, scripts among them."""

    surface = "webhooks"
    noticed_by = ("webhooks/delivery/foreign-headers-do-not-matter",)

    def intercept(self, request: Request) -> Answer | None:
        blocked = request.headers.get("user-agent", "").startswith(("curl/", "python-requests/"))
        return Answer(403, body=b"Are you human?") if blocked else None


class SeldomMethodsDeliver(Defect):
    """API Reference, Webhooks: incoming webhooks accept HTTP POST (any method that brings a body is taken for one)."""

    surface = "webhooks"
    noticed_by = ("webhooks/methods/other-methods-are-refused",)

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
    noticed_by = ("webhooks/delivery/any-json-is-accepted",)

    def intercept(self, request: Request) -> Answer | None:
        event = document_of(request)
        refused = isinstance(event, dict) and "challenge" in event and "team_id" not in event
        return Answer.json(400, {"error": "no team"}) if refused else None


class UnknownUrlToldInBrokenJson(Defect):
    """RFC 8259 section 10: what is written as JSON is JSON (a text is put between quotation marks as it is)."""

    surface = "webhooks"
    noticed_by = ("webhooks/errors/json-is-json",)

    def unknown_url(self, original: Callable[[], Answer]) -> Answer:
        answer = original()
        answer.body = b'{"error": "no webhook "here""}'
        return answer


class AcceptedInCutJson(Defect):
    """RFC 8259 section 10: what is written as JSON is JSON, also where nobody reads it."""

    surface = "webhooks"
    noticed_by = ("webhooks/errors/json-is-json",)

    def accepted(self, original: Callable[[], Answer]) -> Answer:
        answer = original()
        answer.body = answer.body[:-1]
        return answer


class RefusalNamesItsParser(Defect):
    """OWASP API8:2023: errors show nothing of the server's inside."""

    surface = "webhooks"
    noticed_by = ("webhooks/errors/show-no-internals",)

    def receive(self, original: Callable[[Request], Answer], request: Request) -> Answer:
        answer = original(request)
        if answer.status == 400:
            answer.body = b'{"error": "json.decoder.JSONDecodeError: Expecting value: line 1 column 1 (char 0)"}'
        return answer


class AnyMethodThatBringsAnEventDelivers(Defect):
    """API Reference, Webhooks: incoming webhooks accept HTTP POST; here the handler asks for no method, but a body."""

    surface = "webhooks"
    noticed_by = ("webhooks/methods/other-methods-are-refused",)

    def receive(self, original: Callable[[Request], Answer], request: Request) -> Answer:
        brought = request.method in ("PUT", "PATCH", "DELETE") and request.body
        return original(dataclasses.replace(request, method="POST") if brought else request)


class GetWithABodyDelivers(Defect):
    """API Reference, Webhooks: incoming webhooks accept HTTP POST, and no GET, whatever it brings."""

    surface = "webhooks"
    noticed_by = ("webhooks/methods/get-is-never-taken-for-post",)

    def receive(self, original: Callable[[Request], Answer], request: Request) -> Answer:
        brought = request.method == "GET" and request.body
        return original(dataclasses.replace(request, method="POST") if brought else request)


class LettersBeyondAsciiInALoginCrash(_FieldCrashes):
    """The contract's table of errors: no field of a sender is a fault of the platform, in whatever letters."""

    surface = "webhooks"
    noticed_by = ("webhooks/errors/any-headers-are-no-server-error",)

    def _trips(self, request: Request) -> bool:
        return not request.headers.get("authorization", "").isascii()
