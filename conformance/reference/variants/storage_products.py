"""Variants of the S3 gateway: what products that many deployments are made of answer otherwise, and may."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from conformance.reference.defects.base import Variant
from conformance.reference.http import Request
from conformance.reference.storage.faults import Fault
from conformance.reference.storage.state import StoredObject


class LateToldAsInvalidRequest(Variant):
    """Error responses, InvalidRequest: 400, for what has no code of its own; here what is signed for another time."""

    surface = "storage"

    def check_skew(self, original: Any, age: float) -> None:
        self._told(original, age)

    def check_expiry(self, original: Any, age: float, expires: int) -> None:
        self._told(original, age, expires)

    def _told(self, original: Any, *given: float) -> None:
        try:
            original(*given)
        except Fault:
            raise Fault("InvalidRequest", "Date is too old") from None


class TimesInDocumentsRounded(Variant):
    """RFC 9110 section 8.8.2.1, S3 API Reference, Object, LastModified: neither says what becomes of half a second.

    Here fields are cut to the second, and documents rounded to the next one.
    """

    surface = "storage"

    def entry(self, original: Any, key: str, stored: StoredObject, encoded: bool, owner: str) -> str:
        return str(original(key, replace(stored, modified=stored.modified + 1), encoded, owner))

    def copy_result(self, original: Any, etag: str, modified: int, checksums: dict[str, str]) -> list[str]:
        return list(original(etag, modified + 1, checksums))


class FieldsReadAsLatin(Variant):
    """RFC 9110 section 5.5: fields had ISO 8859-1 once; a gateway that reads them so signs other letters otherwise."""

    surface = "storage"

    def canonical_headers(self, original: Any, request: Request, names: tuple[str, ...]) -> str:
        return str(original(request, names)).encode().decode("latin-1")
