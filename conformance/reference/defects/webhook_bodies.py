"""Defects of the webhooks surface by what a body is: each fails by what its sender is free to send."""

from __future__ import annotations

import re
from urllib.parse import unquote_to_bytes

from conformance.reference.defects.base import Defect
from conformance.reference.http import Answer, Request

FORM = "application/x-www-form-urlencoded"


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
    noticed_by = ("webhooks/delivery/any-json-is-accepted",)

    def _trips(self, kind: str, body: bytes) -> bool:
        return kind == "application/json" and b'"attachments": [null]' in body


class MemberCalledPayloadCrashes(_Fails):
    """API Reference, Webhooks: an event may have a member payload, which is no text to read JSON from."""

    surface = "webhooks"
    noticed_by = ("webhooks/delivery/any-json-is-accepted",)

    def _trips(self, kind: str, body: bytes) -> bool:
        return kind == "application/json" and b'"payload": {' in body


class FormOfAnyBytesCrashes(_Fails):
    """The contract's table of errors: a form that stands for no text is no reason for a 5xx."""

    surface = "webhooks"
    noticed_by = ("webhooks/errors/any-delivery-is-no-server-error",)

    def _trips(self, kind: str, body: bytes) -> bool:
        try:
            unquote_to_bytes(body).decode()
        except ValueError:
            return kind == FORM
        return False


class FormWithoutItsPayloadCrashes(_Fails):
    """The contract's table of errors: a form whose payload is no JSON is no reason for a 5xx."""

    surface = "webhooks"
    noticed_by = ("webhooks/errors/any-delivery-is-no-server-error",)

    def _trips(self, kind: str, body: bytes) -> bool:
        return kind == FORM and body.startswith(b"payload=%7B") and b"%7D" not in body


class ManyParametersCrash(_Fails):
    """The contract's table of errors: a form of many parameters is no reason for a 5xx (a limit of a thousand)."""

    surface = "webhooks"
    noticed_by = ("webhooks/errors/any-delivery-is-no-server-error",)

    def _trips(self, kind: str, body: bytes) -> bool:
        return kind == FORM and body.count(b"&") > 1000


class DocumentTypeCrashes(_Fails):
    """The contract's table of errors: XML with a document type may be refused; it is no reason for a 5xx."""

    surface = "webhooks"
    noticed_by = ("webhooks/errors/any-delivery-is-no-server-error",)

    def _trips(self, kind: str, body: bytes) -> bool:
        return b"<!DOCTYPE" in body


class NulInEventCrashes(_Fails):
    """The contract's table of errors: a NUL in a text is no reason for a 5xx (a column of text has none)."""

    surface = "webhooks"
    noticed_by = ("webhooks/errors/any-delivery-is-no-server-error",)

    def _trips(self, kind: str, body: bytes) -> bool:
        return kind == "text/plain" and b"\0" in body


class EventOfNothingCrashes(_Fails):
    """The contract's table of errors: a POST of nothing, of no type, is no reason for a 5xx."""

    surface = "webhooks"
    noticed_by = ("webhooks/errors/any-delivery-is-no-server-error",)

    def _trips(self, kind: str, body: bytes) -> bool:
        return not kind and not body


class NumberOfManyDigitsCrashes(_Fails):
    """The contract's table of errors: a number beyond a parser's limit is no reason for a 5xx."""

    surface = "webhooks"
    noticed_by = ("webhooks/errors/any-delivery-is-no-server-error",)

    def _trips(self, kind: str, body: bytes) -> bool:
        return re.search(rb"[0-9]{4301}", body) is not None
