"""Defects of the webhooks surface that no written example meets."""

from __future__ import annotations

from collections.abc import Callable

from conformance.reference.defects.base import Defect


class EventBeginningWithATabRefused(Defect):
    """RFC 8259 section 2: white space may stand before and after a JSON text."""

    surface = "webhooks"
    noticed_by = ("webhooks/errors/any-changed-event-is-judged",)
    shortest = 1

    def is_json(self, original: Callable[[bytes], bool], body: bytes) -> bool:
        return original(body) and body[:1] not in (b"\t", b"\r")


class EscapedEventRefused(Defect):
    """RFC 8259 section 7: any character may be written as an escape."""

    surface = "webhooks"
    noticed_by = ("webhooks/errors/any-changed-event-is-judged",)
    shortest = 1

    def is_json(self, original: Callable[[bytes], bool], body: bytes) -> bool:
        return original(body) and b"\\u00" not in body
