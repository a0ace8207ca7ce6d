"""Defects of the webhooks surface in how an event is read: its numbers, letters, lists and length."""

from __future__ import annotations

import base64
import dataclasses
import json
import re
import unicodedata
from collections.abc import Callable
from typing import Any

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


class Base64OfEventsDecoded(Defect):
    """API Reference, Webhooks: an event is taken in as it was sent; a gateway takes it for what it has coded itself."""

    surface = "webhooks"
    noticed_by = ("webhooks/delivery/arrives-byte-for-byte",)

    def take_in(self, original: Takes, organization: str, request: Request) -> None:
        body = request.body
        if re.fullmatch(rb"([A-Za-z0-9+/]{4})+", body):
            body = base64.b64decode(body)
        original(organization, dataclasses.replace(request, body=body))


class BrokenOffBeginsTheNext(Defect):
    """RFC 9112 section 8: what was incomplete is nothing of the next event, which is refused here for it."""

    surface = "webhooks"
    noticed_by = ("webhooks/delivery/cut-off-is-not-taken-in",)
    left = False

    async def broken_off(self, original: Callable[[Request], object], request: Request) -> None:
        self.left = True

    def receive(self, original: Callable[[Request], Answer], request: Request) -> Answer:
        left, self.left = self.left, False
        return Answer.json(400, {"error": "no JSON"}) if left else original(request)


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


class _MembersChanged(Defect):
    """Events whose JSON is read, changed in one way and written anew; others stay as they are."""

    surface = "webhooks"
    noticed_by = ("webhooks/delivery/arrives-byte-for-byte",)

    def take_in(self, original: Takes, organization: str, request: Request) -> None:
        try:
            read = json.loads(request.body)
            changed = self._changed(read)
        except (ValueError, RecursionError):
            read = changed = None
        body = request.body if changed == read else json.dumps(changed).encode()
        original(organization, dataclasses.replace(request, body=body))

    def _changed(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._changed(each) for each in value]
        if isinstance(value, dict):
            return {name: self._changed(each) for name, each in value.items()}
        return value


class NullsOfEventsLost(_MembersChanged):
    """API Reference, Webhooks: an event is taken in as it was sent: a member that is null is one."""

    def _changed(self, value: Any) -> Any:
        if isinstance(value, dict):
            value = {name: each for name, each in value.items() if each is not None}
        return super()._changed(value)


class EmptyObjectsOfEventsAreLists(_MembersChanged):
    """API Reference, Webhooks: an event is taken in as it was sent: {} is no [], though one language has but one."""

    def _changed(self, value: Any) -> Any:
        return [] if value == {} else super()._changed(value)


class EmptyTextsOfEventsAreNull(_MembersChanged):
    """API Reference, Webhooks: an event is taken in as it was sent: an empty text is none that is missing."""

    def _changed(self, value: Any) -> Any:
        return None if value == "" else super()._changed(value)


class TextsOfEventsTrimmed(_MembersChanged):
    """API Reference, Webhooks: an event is taken in as it was sent, blanks around its texts included."""

    def _changed(self, value: Any) -> Any:
        return value.strip() if isinstance(value, str) else super()._changed(value)


class NamelessMembersOfEventsLost(_MembersChanged):
    """API Reference, Webhooks: an event is taken in as it was sent, with a member whose name is empty."""

    def _changed(self, value: Any) -> Any:
        if isinstance(value, dict):
            value = {name: each for name, each in value.items() if name}
        return super()._changed(value)


class MembersOfEventsRenamed(_MembersChanged):
    """API Reference, Webhooks: an event is taken in as it was sent, its names in the sender's own style."""

    def _changed(self, value: Any) -> Any:
        if isinstance(value, dict):
            value = {
                re.sub("(?<=[a-z])[A-Z]", lambda found: f"_{found[0].lower()}", name): each
                for name, each in value.items()
            }
        return super()._changed(value)


class ControlsOfEventsLost(Defect):
    """API Reference, Webhooks: an event is taken in as it was sent, with what moves a cursor or colours a line."""

    surface = "webhooks"
    noticed_by = ("webhooks/delivery/arrives-byte-for-byte",)

    def take_in(self, original: Takes, organization: str, request: Request) -> None:
        kept = re.sub(rb"[\x01-\x08\x0b\x0c\x0e-\x1f\x7f]", b"", request.body)
        original(organization, dataclasses.replace(request, body=kept))


class BlanksBeforeEventsLost(ControlsOfEventsLost):
    """API Reference, Webhooks: an event is taken in as it was sent, from its first blank or line on."""

    def take_in(self, original: Takes, organization: str, request: Request) -> None:
        original(organization, dataclasses.replace(request, body=request.body.lstrip(b" \t\r\n")))
