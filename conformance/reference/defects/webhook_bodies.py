"""Defects of the webhooks surface by what a body is: each fails by what its sender is free to send."""

from __future__ import annotations

from conformance.reference.defects.base import Defect
from conformance.reference.http import Answer, Request


class _Fails(Defect):
    def intercept(self, request: Request) -> Answer | None:
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        fails = request.method == "POST" and self._trips(kind, request.body)
        return Answer.json(500, {"error": "internal"}) if fails else None

    def _trips(self, kind: str, body: bytes) -> bool:
        raise NotImplementedError


class EventOfNullsCrashes(_Fails):
    """API Reference, Webhooks: an event's members are its sender's, null in a list of attachments included."""

    surface = "webhooks"
    noticed_by = ("webhooks/delivery/any-json-is-accepted#nulls",)

    def _trips(self, kind: str, body: bytes) -> bool:
        return kind == "application/json" and b'"attachments": [null]' in body
