"""Defects of the webhooks surface in how an event is read: its numbers, letters, lists and length."""

from __future__ import annotations

import dataclasses
import json
import re
import unicodedata
from collections.abc import Callable

from conformance.reference.defects.base import Defect
from conformance.reference.http import Answer, Request

Takes = Callable[[str, Request], None]


class MemberNamesCrash(Defect):
    """API Reference, Webhooks: an event's members have names of the sender's, those with ``$`` and ``.`` included."""

    surface = "webhooks"
    noticed_by = ("webhooks/delivery/any-json-is-accepted",)

    def intercept(self, request: Request) -> Answer | None:
        kept = not re.search(rb'"(\$[^"]*|[^"]*\.[^"]*|)" *:', request.body)
        return None if kept else Answer.json(500, {"error": "internal"})


class EqualEventsAreOne(Defect):
    """API Reference, Webhooks: an event that is like one before it is another event."""

    surface = "webhooks"
    noticed_by = ("webhooks/delivery/equal-events-are-two",)

    def __init__(self) -> None:
        self.bodies: set[bytes] = set()

    def take_in(self, original: Takes, organization: str, request: Request) -> None:
        if request.body not in self.bodies:
            self.bodies.add(request.body)
            original(organization, request)


class LongEventCut(Defect):
    """API Reference, Webhooks: an event is taken in whole, up to the largest (a column of 64 KiB)."""

    surface = "webhooks"
    noticed_by = ("webhooks/delivery/arrives-byte-for-byte",)

    def take_in(self, original: Takes, organization: str, request: Request) -> None:
        original(organization, dataclasses.replace(request, body=request.body[:65535]))


class LongEventTwice(Defect):
    """API Reference, Webhooks: an event is one, also where taking it in takes longer than somebody waits."""

    surface = "webhooks"
    noticed_by = ("webhooks/delivery/arrives-byte-for-byte",)

    def take_in(self, original: Takes, organization: str, request: Request) -> None:
        for _ in range(2 if len(request.body) > 65536 else 1):
            original(organization, request)


class ChunkedEventIsEmpty(Defect):
    """RFC 9112 section 7.1: a body in chunks is a body; what goes by Content-Length alone finds none."""

    surface = "webhooks"
    noticed_by = ("webhooks/delivery/arrives-byte-for-byte",)

    def take_in(self, original: Takes, organization: str, request: Request) -> None:
        body = request.body if "content-length" in request.headers else b""
        original(organization, dataclasses.replace(request, body=body))


class ChunkedEventCut(Defect):
    """RFC 9112 section 7.1: a body in chunks ends with the last of them, and not where a buffer is full."""

    surface = "webhooks"
    noticed_by = ("webhooks/delivery/arrives-byte-for-byte",)

    def take_in(self, original: Takes, organization: str, request: Request) -> None:
        body = request.body if "content-length" in request.headers else request.body[:65536]
        original(organization, dataclasses.replace(request, body=body))


class LongNumbersRounded(Defect):
    """API Reference, Webhooks: an event is taken in as it was sent, numbers beyond a double's digits included."""

    surface = "webhooks"
    noticed_by = ("webhooks/delivery/arrives-byte-for-byte",)

    def take_in(self, original: Takes, organization: str, request: Request) -> None:
        body = request.body
        if re.search(rb"\b[0-9]{17,}\b", body):
            body = json.dumps(json.loads(body, parse_int=float)).encode()
        original(organization, dataclasses.replace(request, body=body))


class LettersOfEventsComposed(Defect):
    """API Reference, Webhooks: an event is taken in as it was sent, letters of two code points included."""

    surface = "webhooks"
    noticed_by = ("webhooks/delivery/arrives-byte-for-byte",)

    def take_in(self, original: Takes, organization: str, request: Request) -> None:
        text = request.body.decode(errors="surrogateescape")
        composed = unicodedata.normalize("NFC", text).encode(errors="surrogateescape")
        original(organization, dataclasses.replace(request, body=composed))


class PlusSignsOfEventsAreBlanks(Defect):
    """API Reference, Webhooks: an event is taken in as it was sent, and not read as if it were a form."""

    surface = "webhooks"
    noticed_by = ("webhooks/delivery/arrives-byte-for-byte",)

    def take_in(self, original: Takes, organization: str, request: Request) -> None:
        original(organization, dataclasses.replace(request, body=request.body.replace(b"+", b" ")))


class TextTakenForUtf8(Defect):
    """API Reference, Webhooks: an event is taken in as it was sent, in whatever encoding its type names."""

    surface = "webhooks"
    noticed_by = ("webhooks/delivery/arrives-byte-for-byte",)

    def take_in(self, original: Takes, organization: str, request: Request) -> None:
        original(organization, dataclasses.replace(request, body=request.body.decode(errors="replace").encode()))


class ListsOfEventsSplit(Defect):
    """API Reference, Webhooks: an event is what was sent, though it be a list."""

    surface = "webhooks"
    noticed_by = ("webhooks/delivery/arrives-byte-for-byte",)

    def take_in(self, original: Takes, organization: str, request: Request) -> None:
        several = json.loads(request.body) if request.body.startswith(b"[") and self._is_json(request.body) else None
        bodies = [json.dumps(each).encode() for each in several] if several else [request.body]
        for body in bodies:
            original(organization, dataclasses.replace(request, body=body))

    def _is_json(self, body: bytes) -> bool:
        try:
            json.loads(body)
        except (ValueError, RecursionError):
            return False
        return True


class LinesInTextsAreJson(Defect):
    """RFC 8259 section 7: control characters in a text of JSON are escaped; with a bare line end it is none."""

    surface = "webhooks"
    noticed_by = ("webhooks/errors/malformed-json-is-refused",)

    def is_json(self, original: Callable[[bytes], bool], body: bytes) -> bool:
        return original(body) or original(body.replace(b"\n", b" "))


class CommentsAreJson(Defect):
    """RFC 8259 section 2: JSON has no comments."""

    surface = "webhooks"
    noticed_by = ("webhooks/errors/malformed-json-is-refused",)

    def is_json(self, original: Callable[[bytes], bool], body: bytes) -> bool:
        return original(re.sub(rb"/\*.*?\*/", b"", body))


class LookedAtByTheLetterOfItsType(Defect):
    """RFC 9110 section 8.3.1: a type with a parameter, or in other case, declares JSON as well; if it is none, 400."""

    surface = "webhooks"
    noticed_by = ("webhooks/errors/malformed-json-is-refused",)

    def claims_json(self, original: Callable[[Request], bool], request: Request) -> bool:
        return original(request) and request.headers["content-type"] == "application/json"
