"""Defects of the webhooks surface by which what was accepted is dropped afterwards, where nobody is told any more."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from conformance.reference.defects.base import Defect
from conformance.reference.http import Request

DEEPEST = 100


class _Dropping(Defect):
    """Events that are accepted, and then dropped."""

    noticed_by = ("webhooks/delivery/reaches-the-workspace",)

    def take_in(self, original: Callable[[str, Request], None], organization: str, request: Request) -> None:
        if not self._drops(request):
            original(organization, request)

    def _drops(self, request: Request) -> bool:
        raise NotImplementedError


class EventWithNulDropped(_Dropping):
    """API Reference, Webhooks: an event that was accepted is taken in, also by a store whose texts have no NUL."""

    surface = "webhooks"

    def _drops(self, request: Request) -> bool:
        return rb"\u0000" in request.body


class EventWithHalfAPairDropped(_Dropping):
    """API Reference, Webhooks: an event that was accepted is taken in, also where it cannot be written in UTF-8."""

    surface = "webhooks"

    def _drops(self, request: Request) -> bool:
        return re.search(rb"\\ud83d(?!\\ud)", request.body) is not None


class DeepEventDropped(_Dropping):
    """API Reference, Webhooks: an event that was accepted is taken in, also by a worker that reads so many levels."""

    surface = "webhooks"

    def _drops(self, request: Request) -> bool:
        return b"[" * DEEPEST in request.body and b"]" * DEEPEST in request.body


class EventOfATextAloneDropped(_Dropping):
    """API Reference, Webhooks: an event that was accepted is taken in, also by a worker that looks for members."""

    surface = "webhooks"

    def _drops(self, request: Request) -> bool:
        return request.headers.get("content-type") == "application/json" and request.body.startswith(b'"')


class EventOfACrawlerDropped(_Dropping):
    """API Reference, Webhooks: an event that was accepted is taken in, whatever its sender calls itself."""

    surface = "webhooks"

    def _drops(self, request: Request) -> bool:
        return "bot" in request.headers.get("user-agent", "")


class ExpectantEventDropped(_Dropping):
    """API Reference, Webhooks: an event that was accepted is taken in, also of who would have waited with its body."""

    surface = "webhooks"

    def _drops(self, request: Request) -> bool:
        return "expect" in request.headers


class TextEventLost(_Dropping):
    """API Reference, Webhooks: an event that was accepted is taken in, a text as well (a worker knows JSON alone)."""

    surface = "webhooks"

    def _drops(self, request: Request) -> bool:
        return request.headers.get("content-type", "").startswith("text/plain")


class EventOfSomeLengthsLost(_Dropping):
    """API Reference, Webhooks: an event that was accepted is taken in (a buffer that is just full is not written)."""

    surface = "webhooks"

    def _drops(self, request: Request) -> bool:
        return len(request.body) % 12 == 0


class EventWithCharsetLost(_Dropping):
    """API Reference, Webhooks: an event that was accepted is taken in, whatever stands behind its type."""

    surface = "webhooks"

    def _drops(self, request: Request) -> bool:
        return ";" in request.headers.get("content-type", "")


class EventOfKnownSenderLost(_Dropping):
    """API Reference, Webhooks: an event that was accepted is taken in, though its signature cannot be verified."""

    surface = "webhooks"

    def _drops(self, request: Request) -> bool:
        return "x-hub-signature-256" in request.headers


class EventOfNothingDropped(_Dropping):
    """API Reference, Webhooks: an event that was accepted is taken in, also by a worker that asks if there is one."""

    surface = "webhooks"
    noticed_by = ("webhooks/delivery/arrives-byte-for-byte",)

    def _drops(self, request: Request) -> bool:
        return request.headers.get("content-type") == "application/json" and request.body.strip() == b"null"


class LongTextIsCut(Defect):
    """API Reference, Webhooks: an event that was accepted is taken in whole: a text, too, is longer than a column."""

    surface = "webhooks"
    noticed_by = ("webhooks/delivery/arrives-byte-for-byte",)

    def take_in(self, original: Callable[[str, Request], None], organization: str, request: Request) -> None:
        is_text = request.headers.get("content-type", "").startswith("text/plain")
        original(organization, replace(request, body=request.body[:65_535]) if is_text else request)
